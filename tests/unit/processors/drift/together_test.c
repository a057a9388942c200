// SPDX-License-Identifier: Apache-2.0
/* Everything at once: spans, logs and metrics in, results and events out, with every feature that goes with
 * the others, under limits that are met all the time. What must hold of any stream does: counts add up, and
 * every byte taken from the budget is given back. Under the sanitizers this finds what one test a feature
 * does not. */
#include "common/analysis/reference.h"
#include "common/otlp/build.h"
#include "processors/drift/state.h"
#include "tests/harness/vllm.h"
#include "tests/unit/processors/drift/stage.h"

#include <pthread.h>
#include <unistd.h>

#define INPUTS                                                                                               \
    "presets: [ml, gen_ai, kserve, vllm]\n"                                                                  \
    "features:\n"                                                                                            \
    "- {name: q, from: 'attributes[\"q\"]', type: text}\n"                                                   \
    "- {name: e, from: 'json(attributes[\"out\"]).embedding', type: embedding}\n"                            \
    "- {name: tier, from: 'attributes[\"tier\"]', type: categorical, max_categories: 3}\n"                   \
    "duplicates: {id: [request.id], remember: 50}\n"                                                         \
    "detectors: [{feature: tier, equals: gold}, {feature: age, type: kswin}, {feature: income}]\n"           \
    "window: {length: 1m, pane: 10s, allowed_lateness: 5s, max_age: 10m, min_observations: 20}\n"            \
    "statistics: [ks, psi, wasserstein, jensen_shannon, chi_squared, hellinger]\n"                           \
    "decision: {windows: 1 of 2}\nmetrics_flush_interval: 5s\nseries_expiration: 5m\n"                       \
    "emit: {bins: true, p_value: true}\n"
#define LIMITS "limits: {models: 3, versions: %d, features: 40, streams: 12, memory: %s}\n"

/* ---- A random stream ------------------------------------------------------------------------------ */

static uint64_t random_state;

static uint64_t
draw(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % below;
}

static int64_t
event_time(int64_t now)
{
    switch (draw(40)) {
    case 0:
        return now - OTC_HOUR;
    case 1:
        return now + OTC_HOUR;
    case 2:
        return 0;
    case 3:
        return now - 40 * OTC_SECOND;
    default:
        return now - (int64_t)draw(6) * OTC_SECOND;
    }
}

/* `text` and the others hold what the fields point to. */
struct scratch {
    char tier[16], text[256], vector[128], request[256], unseen[32];
};

static size_t
fill(struct field fields[16], struct scratch *scratch)
{
    static const char *const words[] = {"rent", "loan", "bank", "rate", "debt", "cash", "fund", "gold"};
    static const char *const arms[] = {"control", "treatment", "third"};
    const char *more, *dwelling;
    size_t n = 0, len = 0;
    int first, second;

    (void)snprintf(scratch->tier, sizeof(scratch->tier), "t%d", (int)draw(12));
    /* One draw a statement: the order in which arguments are evaluated is the compiler's. */
    for (uint64_t w = draw(8); w < 8; w++) {
        int number = draw(9) ? 0 : (int)draw(500);
        const char *word = words[draw(8)];

        len += (size_t)snprintf(scratch->text + len, sizeof(scratch->text) - len, "%s%d ", word, number);
    }
    more = draw(20) ? ",1" : "";
    second = (int)draw(5);
    first = (int)draw(9) - 4;
    (void)snprintf(scratch->vector, sizeof(scratch->vector), "{\"embedding\":[%d,%d%s]}", first, second,
                   more);
    more = draw(3) ? ",{}" : "";
    dwelling = words[draw(8)];
    second = (int)draw(90);
    first = (int)draw(90);
    (void)snprintf(scratch->request, sizeof(scratch->request),
                   "{\"instances\":[{\"age\":%d},{\"age\":%d,\"dwelling\":\"%s\"}%s]}", first, second,
                   dwelling, more);
    (void)snprintf(scratch->unseen, sizeof(scratch->unseen), "ml.feature.u%d", (int)draw(60));
    fields[n++] = INTEGER("request.id", draw(80));
    if (draw(8)) {
        fields[n++] = TEXT("arm", arms[draw(3)]);
    }
    if (draw(10)) {
        fields[n++] = NUMBER("ml.feature.age", draw(30) ? (double)(20 + draw(60)) : INFINITY);
    }
    if (draw(5)) {
        fields[n++] = NUMBER("ml.feature.income", log((double)(1 + draw(100000))));
    }
    if (draw(4)) {
        fields[n++] = TEXT("tier", draw(6) ? "gold" : scratch->tier);
    }
    if (draw(2)) {
        fields[n++] = TEXT("q", scratch->text);
    }
    if (draw(2)) {
        fields[n++] = TEXT("out", scratch->vector);
    }
    if (draw(4) == 0) {
        fields[n++] = TEXT("input.value", scratch->request);
    }
    if (draw(50) == 0) {
        fields[n++] = INTEGER(scratch->unseen, draw(10));
    }
    fields[n++] = INTEGER("ml.prediction.score", draw(3));
    return n;
}

static void
one_record(struct stage *stage, int64_t time_ns)
{
    static const char *const models[] = {"credit", "churn", "llama", "fourth"};
    static const char *const versions[] = {"1", "2", "3"};
    struct scratch scratch = {{0}, {0}, {0}, {0}, {0}};
    struct field fields[16];
    size_t n = fill(fields, &scratch);

    stage->model = models[draw(10) ? draw(2) : draw(4)];
    stage->version = versions[draw(10) ? 0 : draw(3)];
    record(stage, time_ns, fields, n);
}

/* What was written so far as a batch of spans, or of logs. */
static struct otc_batch *
take_batch(struct stage *stage)
{
    struct otc_buf scope = {.limit = (size_t)1 << 20}, request = {.limit = (size_t)1 << 20};
    struct otc_batch *batch;

    put_bytes(&scope, 2, stage->records.data, stage->records.len);
    put_message(&request, 1, &scope);
    batch = otc_batch_copy_of(stage->signal, otc_buf_slice(&request), stage->n_records, NULL);
    assert_non_null(batch);
    otc_buf_release(&request);
    otc_buf_clear(&stage->records);
    stage->n_records = 0;
    return batch;
}

/* A scrape of one of two pods. */
static struct otc_batch *
scrape(struct stage *stage, uint64_t counts[2][VLLM_TTFT_BOUNDS + 1])
{
    static const struct otc_metric ttft = {.name = "vllm:time_to_first_token_seconds",
                                           .unit = "s",
                                           .type = OTC_METRIC_HISTOGRAM,
                                           .temporality = OTC_TEMPORALITY_CUMULATIVE};
    static const struct otc_metric running = {
        .name = "vllm:num_requests_running", .unit = "1", .type = OTC_METRIC_GAUGE};
    size_t pod = draw(2);
    const struct otc_attribute resource[] = {OTC_ATTR_STR("service.instance.id", pod ? "b" : "a")};
    const struct otc_attribute labels[] = {OTC_ATTR_STR("model_name", draw(3) ? "llama" : "credit"),
                                           OTC_ATTR_STR("arm", pod ? "control" : "treatment")};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(resource, 1, "test", "1", 1 << 20);
    const struct otc_point_head head = {.attributes = labels,
                                        .n_attributes = 2,
                                        .start_unix_nano = (uint64_t)OTC_VHOST_EPOCH_NS,
                                        .time_unix_nano = (uint64_t)stage_now(stage)};
    const struct otc_histogram_value value = {
        .counts = counts[pod], .bounds = vllm_ttft_bounds, .n_bounds = VLLM_TTFT_BOUNDS};
    struct otc_buf request = {.limit = 1 << 20};
    struct otc_batch *batch;
    size_t points = 0;

    for (int i = 0; i < 10; i++) {
        counts[pod][draw(VLLM_TTFT_BOUNDS + 1)]++;
    }
    if (draw(60) == 0) {
        memset(counts[pod], 0, sizeof(counts[pod])); /* it was started anew */
    }
    assert_non_null(builder);
    assert_true(otc_build_histogram(builder, &ttft, &head, &value));
    assert_true(otc_build_number(builder, &running, &head, (double)draw(20)));
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    batch = otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), points, NULL);
    assert_non_null(batch);
    otc_buf_release(&request);
    otc_metrics_builder_free(builder);
    return batch;
}

static void
deliver(struct stage *stage, struct otc_batch *batch)
{
    struct otc_consumer *consumer = stage->component->ops->input(stage->component, otc_batch_signal(batch));
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_consume(consumer, batch, NULL, &err), OTC_OK);
}

/* ---- What always holds ---------------------------------------------------------------------------- */

static struct drift *
inside(struct stage *stage)
{
    return OTC_CONTAINER(stage->component, drift, component);
}

static void
check_pane(const struct otc_pane *pane)
{
    const struct drift_pane *payload = pane->payload;

    assert_true(payload->duplicates + payload->apart <= pane->records);
    for (size_t i = 0; i < payload->binding->n; i++) {
        const struct drift_bound *bound = &payload->binding->features[i];
        const struct drift_counts *counts = &payload->features[i];
        uint64_t *cells = calloc(bound->shape.cells, sizeof(*cells)), sum = 0;

        assert_non_null(cells);
        drift_counts_sum(counts, bound->shape, cells, NULL);
        for (size_t c = 0; c < bound->shape.cells; c++) {
            sum += cells[c];
        }
        free(cells);
        assert_int_equal(sum, counts->values);
        if (!bound->apart) {
            assert_true(counts->values + counts->invalid + counts->overflow <=
                        pane->records - payload->apart);
        }
    }
}

static void
check_version(const struct drift_version *version)
{
    assert_false(version->busy);
    for (size_t p = 0; p < version->window.n_panes; p++) {
        check_pane(&version->window.panes[p]);
    }
    for (size_t i = 0; version->binding && i < version->binding->n; i++) {
        const struct drift_feature *feature = &version->features[i];

        if (!version->binding->features[i].apart) {
            assert_true(feature->values + feature->invalid + feature->overflow + feature->records_before <=
                        version->bound_records);
        }
    }
    assert_true(version->duplicates <= version->records);
    if (version->next) {
        check_version(version->next);
    }
}

/* What a run came upon at all. */
static struct {
    size_t panes, evaluations, successors, overflows, duplicates, compat;
} seen;

static void
note(const struct drift_version *version)
{
    seen.panes += version->window.n_panes;
    seen.evaluations += version->verdict.exists;
    seen.successors += version->next != NULL;
    seen.overflows += version->excluded[DRIFT_MEMORY] > 0;
    seen.duplicates += version->verdict.duplicates > 0;
    seen.compat += version->compat != NULL;
}

static void
check_all(struct stage *stage)
{
    struct drift *drift = inside(stage);

    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        const struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            check_version(model->versions[j]->state);
            note(model->versions[j]->state);
        }
    }
    assert_true(drift->budget.used <= drift->budget.limit);
    otc_sink_clear(stage->sink);
}

/* Nobody sends any more: all is forgotten, and nothing is owed. */
static void
check_given_back(struct stage *stage)
{
    otc_vhost_advance(stage->vhost, OTC_HOUR);
    assert_int_equal(otc_models_count(inside(stage)->models), 0);
    assert_int_equal(inside(stage)->budget.used, 0);
}

/* ---- The stage ------------------------------------------------------------------------------------ */

struct fixture {
    struct stage *stage;
    struct otc_sink *logs;
    char path[64];
};

/* A reference file, another each time: other features, other points, or other counts alone. */
static void
put_file(const struct fixture *fixture)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 4);
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    FILE *file = fopen(fixture->path, "wbe");
    size_t features = 2 + draw(3), from = draw(2) ? 20 : 25;

    static const char *const names[] = {"age", "tier", "income", "score"};
    static const enum otc_feature_type types[] = {OTC_NUMERIC, OTC_CATEGORICAL, OTC_NUMERIC, OTC_NUMERIC};

    for (size_t i = 0; i < features; i++) {
        (void)otc_reference_builder_feature(builder, otc_slice_str(names[i]), types[i],
                                            i == 3 ? OTC_KIND_PREDICTION : OTC_KIND_INPUT);
    }
    for (size_t row = 0; row < 400; row++) {
        for (size_t i = 0; i < features; i++) {
            assert_true(types[i] == OTC_NUMERIC
                            ? otc_reference_builder_number(builder, i, (double)(from + draw(50)), INT64_MIN)
                            : otc_reference_builder_text(builder, i, otc_slice_str(draw(2) ? "gold" : "t1"),
                                                         INT64_MIN));
        }
    }
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "t", 0, &reference, &err), OTC_OK);
    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    otc_reference_builder_free(builder);
    otc_reference_unref(reference);
    otc_buf_release(&text);
}

static void
begin(struct fixture *fixture, const char *reference, const char *memory, uint64_t seed)
{
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[4096], from_file[256];
    int file;

    random_state = 20261128 + seed;
    (void)snprintf(fixture->path, sizeof(fixture->path), "/tmp/drift-together-XXXXXX");
    file = mkstemp(fixture->path);
    assert_true(file >= 0);
    (void)close(file);
    put_file(fixture);
    (void)snprintf(from_file, sizeof(from_file),
                   "reference: {file: %s, reload_interval: 7s}\ncompat: nannyml\n", fixture->path);
    (void)snprintf(yaml, sizeof(yaml), INPUTS LIMITS "%s", reference && strstr(reference, "arm:") ? 6 : 2,
                   memory, reference ? reference : from_file);
    fixture->stage = stage_new(yaml);
    fixture->logs = otc_sink_new();
    assert_int_equal(fixture->stage->component->ops->connect(fixture->stage->component, OTC_LOGS,
                                                             otc_sink_consumer(fixture->logs), &err),
                     OTC_OK);
}

static void
end(struct fixture *fixture)
{
    stage_free(fixture->stage);
    otc_sink_free(fixture->logs);
    (void)unlink(fixture->path);
}

/* ---- Tests ---------------------------------------------------------------------------------------- */

#define LEARN "reference: {learn: {observations: 150, duration: 20s, trim: 0.01}}\ncompat: evidently\n"
#define TRAILING "reference: {trailing: {offset: 2m}, grid_observations: 150}\n"
#define HOUR_OF_WEEK "reference: {hour_of_week: {weeks: 1}, grid_observations: 150}\n"
#define ARM "reference: {arm: {attribute: arm, baseline: control}, grid_observations: 150}\n"
#define FROM_FILE NULL /* put_file() */
#define PLENTY "64MiB"
static const char *const references[] = {LEARN, TRAILING, HOUR_OF_WEEK, ARM, FROM_FILE};

/* Minutes of everything. */
static void
run(const char *reference, const char *memory, uint64_t seed)
{
    uint64_t counts[2][VLLM_TTFT_BOUNDS + 1] = {{0}};
    struct fixture fixture;

    begin(&fixture, reference, memory, seed);
    for (int i = 0; i < 200; i++) {
        struct stage *stage = fixture.stage;

        for (int b = (int)draw(3); b >= 0; b--) {
            stage->signal = draw(3) ? OTC_TRACES : OTC_LOGS;
            for (uint64_t r = draw(10); r < 10; r++) {
                one_record(stage, event_time(stage_now(stage)));
            }
            deliver(stage, take_batch(stage));
        }
        deliver(stage, scrape(stage, counts));
        if (draw(40) == 0) {
            put_file(&fixture);
        }
        otc_vhost_advance(stage->vhost, draw(100) ? OTC_SECOND : 90 * OTC_SECOND);
        check_all(stage);
    }
    assert_true(seen.panes > 0 && seen.evaluations > 100 && seen.duplicates > 0);
    assert_int_equal(seen.overflows > 0, strcmp(memory, PLENTY) != 0);
    assert_int_equal(seen.successors > 0, reference == FROM_FILE);
    assert_int_equal(seen.compat > 0, reference == FROM_FILE || reference == references[0]);
    memset(&seen, 0, sizeof(seen));
    check_given_back(fixture.stage);
    end(&fixture);
}

static void
test_everything_together(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof(references) / sizeof(references[0]); r++) {
        run(references[r], PLENTY, r);
        run(references[r], references[r] ? "256KiB" : "128KiB", r);
    }
}

/* The same from several threads, while the control loop learns, evaluates, reloads and forgets. */

#define THREADS 2
#define BATCHES 24
#define ROUNDS 60

struct sender {
    pthread_t thread;
    struct stage *stage;
    struct otc_consumer *consumers[OTC_N_SIGNALS];
    struct otc_batch *batches[BATCHES];
};

static void *
send_all(void *arg)
{
    struct sender *sender = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct otc_batch *batch = sender->batches[i % BATCHES];
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_consume(sender->consumers[otc_batch_signal(batch)], otc_batch_ref(batch), NULL, &err) !=
            OTC_OK) {
            return arg;
        }
    }
    return NULL;
}

static void
make_sender(struct sender *sender, struct stage *stage)
{
    uint64_t counts[2][VLLM_TTFT_BOUNDS + 1] = {{0}};

    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        sender->consumers[signal] = stage->component->ops->input(stage->component, (enum otc_signal)signal);
    }
    for (int b = 0; b < BATCHES; b++) {
        if (b % 4 == 3) {
            sender->batches[b] = scrape(stage, counts);
            continue;
        }
        stage->signal = b % 4 ? OTC_TRACES : OTC_LOGS;
        for (int r = 0; r < 10; r++) {
            one_record(stage, 0); /* its arrival counts */
        }
        sender->batches[b] = take_batch(stage);
    }
}

static void
run_threads(const char *reference)
{
    struct sender senders[THREADS];
    struct fixture fixture;

    begin(&fixture, reference, "4MiB", 0);
    for (int t = 0; t < THREADS; t++) {
        make_sender(&senders[t], fixture.stage);
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&senders[t].thread, NULL, send_all, &senders[t]), 0);
    }
    for (int i = 0; i < 60; i++) {
        otc_vhost_advance(fixture.stage->vhost, 1500 * OTC_MILLISECOND);
        otc_sink_clear(fixture.stage->sink);
        if (i % 10 == 0) {
            put_file(&fixture);
        }
    }
    for (int t = 0; t < THREADS; t++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(senders[t].thread, &failed), 0);
        assert_null(failed);
        for (int b = 0; b < BATCHES; b++) {
            otc_batch_unref(senders[t].batches[b]);
        }
    }
    otc_vhost_run(fixture.stage->vhost);
    check_all(fixture.stage);
    check_given_back(fixture.stage);
    end(&fixture);
}

static void
test_everything_from_several_threads(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof(references) / sizeof(references[0]); r++) {
        run_threads(references[r]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_together),
        cmocka_unit_test(test_everything_from_several_threads),
    };

    return cmocka_run_group_tests_name("drift/together", tests, NULL, NULL);
}
