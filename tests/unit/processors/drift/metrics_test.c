// SPDX-License-Identifier: Apache-2.0
/* Metrics in: streams of several pods, resets, bounds, gauges, ratios, and the verdict on real latencies. */
#include "common/analysis/metric_buckets.h"
#include "common/analysis/reference.h"
#include "common/otlp/build.h"
#include "common/stats/exponential_histogram.h"
#include "tests/harness/vllm.h"
#include "tests/unit/processors/drift/stage.h"

#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define QUICK                                                                                                \
    "reference: {learn: {observations: 100, duration: 60s}}\n"                                               \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n"

/* ---- Requests ------------------------------------------------------------------------------------- */

/* A server whose metrics are scraped: its resource, and what its counters have come to. */
struct pod {
    const char *name, *model;
    int64_t start_ns;
    uint64_t counts[VLLM_TTFT_BOUNDS + 1];
};

static const struct otc_metric ttft = {.name = "vllm:time_to_first_token_seconds",
                                       .unit = "s",
                                       .type = OTC_METRIC_HISTOGRAM,
                                       .temporality = OTC_TEMPORALITY_CUMULATIVE};

static struct otc_metrics_builder *
request_of(const char *pod)
{
    const struct otc_attribute resource[] = {OTC_ATTR_STR("service.name", "serving"),
                                             OTC_ATTR_STR("service.instance.id", pod)};
    struct otc_metrics_builder *builder =
        otc_metrics_builder_new(resource, 2, "prometheusreceiver", "1", 1 << 20);

    assert_non_null(builder);
    return builder;
}

static void
send_request(struct stage *stage, struct otc_metrics_builder *builder)
{
    struct otc_consumer *consumer = stage->component->ops->input(stage->component, OTC_METRICS);
    struct otc_buf request = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    size_t points = 0;

    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    assert_int_equal(otc_consume(consumer,
                                 otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), points, NULL), NULL,
                                 &err),
                     OTC_OK);
    otc_buf_release(&request);
    otc_metrics_builder_free(builder);
}

static struct otc_point_head
head_at(const struct stage *stage, int64_t start_ns, const struct otc_attribute *attributes, size_t n)
{
    return (struct otc_point_head){.attributes = attributes,
                                   .n_attributes = n,
                                   .start_unix_nano = (uint64_t)start_ns,
                                   .time_unix_nano = (uint64_t)stage_now((struct stage *)(uintptr_t)stage)};
}

static void
scrape(struct stage *stage, const struct pod *pod, const double *bounds, size_t n_bounds)
{
    const struct otc_attribute labels[] = {OTC_ATTR_STR("model_name", pod->model), OTC_ATTR_INT("engine", 0)};
    struct otc_metrics_builder *builder = request_of(pod->name);
    struct otc_point_head head = head_at(stage, pod->start_ns, labels, 2);
    const struct otc_histogram_value value = {.counts = pod->counts, .bounds = bounds, .n_bounds = n_bounds};

    assert_true(otc_build_histogram(builder, &ttft, &head, &value));
    send_request(stage, builder);
}

static double
excluded(struct stage *stage, const char *reason)
{
    return look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", reason)).value;
}

/* ---- Histograms ----------------------------------------------------------------------------------- */

/* Two pods serve `times`, well mixed, ten values a second each, for `seconds`, scraped every second. */
static void
serve(struct stage *stage, struct pod pods[2], const double *times, size_t n, int seconds)
{
    static size_t next;

    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (size_t p = 0; p < 2; p++) {
            for (int k = 0; k < 10; k++) {
                pods[p].counts[vllm_bucket(times[next++ * 137 % n])]++;
            }
            scrape(stage, &pods[p], vllm_ttft_bounds, VLLM_TTFT_BOUNDS);
        }
    }
}

static void
test_pods_add_up_and_resets_lose_nothing(void **state)
{
    struct pod pods[2] = {{.name = "a", .model = "llama"}, {.name = "b", .model = "llama"}};
    double fast[500], slow[500];
    size_t n = vllm_first_chunk_times(100, fast);
    struct stage *stage;

    (void)state;
    if (n == 0 || vllm_first_chunk_times(2000, slow) != n) {
        print_message("skipped: no verification data\n");
        skip();
        return;
    }
    stage = stage_new("presets: [vllm]\n" QUICK);
    pods[0].start_ns = pods[1].start_ns = stage_now(stage) - OTC_DAY;
    pods[0].counts[4] = 1000000; /* of yesterday */
    serve(stage, pods, fast, n, 63);
    flush(stage);
    assert_true(look(stage, "ml.drift.reference.info", ATTRIBUTES("ml.model.name", "llama")).found == 1);
    serve(stage, pods, fast, n, 70);
    flush(stage);
    /* A window of the same traffic: 60 s of 20 values. */
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "time_to_first_token"), 1200, 40);
    assert_true(of_feature(stage, "ml.drift.ks", "time_to_first_token") < 0.1);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "time_to_first_token"), 0, 0);
    assert_true(of_feature(stage, "ml.drift.ks.error", "time_to_first_token") > 0);
    /* Pod a is replaced by a new process under its name: what it tells from then on is new. */
    memset(pods[0].counts, 0, sizeof(pods[0].counts));
    pods[0].start_ns = stage_now(stage);
    serve(stage, pods, slow, n, 75);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "time_to_first_token"), 1200, 40);
    /* scipy.stats.ks_2samp of the whole load tests in these buckets: 0.734 (binned_test.c). */
    assert_float_equal(of_feature(stage, "ml.drift.ks", "time_to_first_token"), 0.734, 0.03);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "time_to_first_token"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "time_to_first_token"), 0, 0);
    assert_true(of_feature(stage, "ml.feature.out_of_range", "time_to_first_token") > 100);
    assert_true(isinf(of_feature(stage, "ml.drift.wasserstein.error", "time_to_first_token")) ||
                of_feature(stage, "ml.drift.wasserstein.error", "time_to_first_token") > 0);
    for (size_t i = 0; i < 9; i++) {
        static const char *const reasons[] = {"late",         "too_old", "future", "memory", "features",
                                              "no_reference", "bounds",  "type",   "streams"};

        assert_float_equal(excluded(stage, reasons[i]), 0, 0);
    }
    stage_free(stage);
}

/* A pod that serves steadily, one value a second in each of two buckets. */
static void
steady(struct stage *stage, struct pod *pod, int seconds)
{
    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        pod->counts[3] += 2;
        pod->counts[9] += 3;
        scrape(stage, pod, vllm_ttft_bounds, VLLM_TTFT_BOUNDS);
    }
}

static void
test_every_value_is_counted_once(void **state)
{
    struct stage *stage = stage_new("presets: [vllm]\nemit: {bins: true}\n" QUICK);
    struct pod pod = {.name = "a", .model = "llama", .start_ns = stage_now(stage) - OTC_DAY};
    double before;

    (void)state;
    pod.counts[3] = 5000;
    steady(stage, &pod, 75);
    /* One after another: while a reference freezes, batches wait and their streams with them. */
    assert_true(of_model(stage, "ml.drift.reference.progress") == 1);
    assert_float_equal(look(stage, "ml.drift.reference.observations", NULL).value, 60 * 5 + 5, 5);
    steady(stage, &pod, 65);
    flush(stage);
    before = of_feature(stage, "ml.drift.window.observations", "time_to_first_token");
    assert_float_equal(before, 300, 0);
    assert_float_equal(of_feature(stage, "ml.drift.ks", "time_to_first_token"), 0, 0);
    /* Bins of all closed panes: 2 and 3 in 5. */
    assert_true(3 * look(stage, "ml.feature.bin.observations", ATTRIBUTES("ml.feature.bin", "000")).value ==
                2 * look(stage, "ml.feature.bin.observations", ATTRIBUTES("ml.feature.bin", "001")).value);
    assert_true(
        look(stage, "ml.feature.bin.observations", ATTRIBUTES("ml.feature.bin.upper", "0.02")).found == 1);
    stage_free(stage);
}

static void
test_other_bounds_are_excluded_and_counted(void **state)
{
    static const double others[] = {0.1, 1, 10};
    struct stage *stage = stage_new("presets: [vllm]\n" QUICK);
    struct pod pod = {.name = "a", .model = "llama", .start_ns = stage_now(stage) - OTC_DAY};
    struct pod new_release = {.name = "b", .model = "llama", .start_ns = stage_now(stage) - OTC_DAY};

    (void)state;
    steady(stage, &pod, 75);
    scrape(stage, &new_release, others, 3);
    new_release.counts[1] = 40;
    otc_vhost_advance(stage->vhost, OTC_SECOND);
    scrape(stage, &new_release, others, 3);
    flush(stage);
    assert_float_equal(excluded(stage, "bounds"), 40, 0);
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range", "time_to_first_token"), 0, 0);
    stage_free(stage);
}

/* A reference file of a histogram, in vLLM's buckets: one value in each of two. */
static void
write_reference(const char *path)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 10);
    uint64_t counts[VLLM_TTFT_BOUNDS + 1] = {[3] = 2000, [9] = 3000};
    const struct otc_buckets buckets = {.kind = OTC_BUCKETS_EXPLICIT,
                                        .bounds = (double *)(uintptr_t)vllm_ttft_bounds,
                                        .counts = counts,
                                        .n = VLLM_TTFT_BOUNDS + 1,
                                        .total = 5000};
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    FILE *file = fopen(path, "wbe");

    assert_non_null(builder);
    assert_non_null(file);
    assert_int_equal(otc_reference_builder_feature(builder, otc_slice_str("time_to_first_token"), OTC_NUMERIC,
                                                   OTC_KIND_LATENCY),
                     0);
    assert_true(otc_reference_builder_buckets(builder, 0, &buckets, 0));
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "test", 0, &reference, &err),
                     OTC_OK);
    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    otc_reference_unref(reference);
    otc_reference_builder_free(builder);
    otc_buf_release(&text);
}

static void
test_a_reference_file_of_a_histogram(void **state)
{
    char path[] = "/tmp/aimon-metrics-XXXXXX", yaml[512], text[2048];
    int file = mkstemp(path);
    struct stage *stage;
    struct pod pod;

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
    write_reference(path);
    (void)snprintf(yaml, sizeof(yaml),
                   "presets: [vllm]\nreference: {file: %s}\nwindow: {length: 1m, pane: 10s, "
                   "allowed_lateness: 0s, min_observations: 20}\n",
                   path);
    stage = stage_new(yaml);
    pod = (struct pod){.name = "a", .model = "llama", .start_ns = stage_now(stage) - OTC_DAY};
    steady(stage, &pod, 75);
    flush(stage);
    assert_true(of_feature(stage, "ml.drift.ks", "time_to_first_token") == 0);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "time_to_first_token"), 5000, 0);
    stage_free(stage);
    /* Numbers of spans are no histogram. */
    (void)snprintf(yaml, sizeof(yaml),
                   "features: [{name: time_to_first_token, kind: latency, from: duration}]\npresets: [ml]\n"
                   "select: 'kind == \"server\"'\nreference: {file: %s}\n",
                   path);
    assert_null(stage_config(yaml, text, sizeof(text)));
    assert_non_null(strstr(text, "'time_to_first_token' came as a histogram there"));
    (void)unlink(path);
}

/* Compared with two minutes before, in the buckets that were learned as a grid. */
static void
test_trailing_references(void **state)
{
    struct stage *stage =
        stage_new("presets: [vllm]\nreference: {trailing: {offset: 2m}}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n"
                  "decision: {windows: 1 of 1}\n");
    struct pod pod = {.name = "a", .model = "llama", .start_ns = stage_now(stage) - OTC_DAY};

    (void)state;
    steady(stage, &pod, 1400);
    flush(stage);
    assert_true(of_feature(stage, "ml.drift.window.observations", "time_to_first_token") > 200);
    assert_true(of_feature(stage, "ml.drift.reference.observations", "time_to_first_token") > 200);
    assert_true(of_feature(stage, "ml.drift.ks", "time_to_first_token") == 0);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "time_to_first_token"), 0, 0);
    /* Everything moves by one bucket: 2 values in 5 are above what they were, for as long as that is new. */
    for (int s = 0; s < 75; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        pod.counts[9] += 5;
        scrape(stage, &pod, vllm_ttft_bounds, VLLM_TTFT_BOUNDS);
    }
    flush(stage);
    assert_true(fabs(of_feature(stage, "ml.drift.ks", "time_to_first_token") - 0.4) < 0.05);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "time_to_first_token"), 1, 0);
    assert_true(of_feature(stage, "ml.drift.wasserstein", "time_to_first_token") > 0.05);
    for (int s = 0; s < 240; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        pod.counts[9] += 5;
        scrape(stage, &pod, vllm_ttft_bounds, VLLM_TTFT_BOUNDS);
    }
    flush(stage);
    assert_true(of_feature(stage, "ml.drift.ks", "time_to_first_token") == 0);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "time_to_first_token"), 0, 0);
    stage_free(stage);
}

static void
test_models_are_told_by_labels_before_the_service(void **state)
{
    struct stage *stage = stage_new("presets: [vllm]\n" QUICK);
    struct stage *named = stage_new("presets: [vllm]\nmodel: {name: [service.instance.id]}\n" QUICK);
    struct pod pod = {.name = "pod-7", .model = "llama", .start_ns = stage_now(stage) - OTC_DAY};

    (void)state;
    steady(stage, &pod, 5);
    flush(stage);
    assert_int_equal(look(stage, "ml.inference.records", ATTRIBUTES("ml.model.name", "llama")).found, 1);
    steady(named, &pod, 5);
    flush(named);
    assert_int_equal(look(named, "ml.inference.records", ATTRIBUTES("ml.model.name", "pod-7")).found, 1);
    stage_free(stage);
    stage_free(named);
}

static const struct otc_metric duration = {.name = "gen_ai.client.operation.duration",
                                           .unit = "s",
                                           .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM,
                                           .temporality = OTC_TEMPORALITY_DELTA};

/* One delta point: 3 values in the buckets of `times` each, and two zeros. */
static void
send_exponential(struct stage *stage, const double *times, size_t n, int32_t scale)
{
    const struct otc_attribute labels[] = {OTC_ATTR_STR("gen_ai.request.model", "gpt")};
    struct otc_metrics_builder *builder = request_of("app");
    struct otc_point_head head = head_at(stage, stage_now(stage) - OTC_SECOND, labels, 1);
    struct otc_exp_histogram histogram;
    struct otc_exponential_value value;

    otc_exp_histogram_init(&histogram, scale, 4000);
    for (size_t i = 0; i < n; i++) {
        assert_true(otc_exp_histogram_add_n(&histogram, times[i], 3));
    }
    value = (struct otc_exponential_value){.count = 3 * n + 2,
                                           .scale = histogram.scale,
                                           .zero_count = 2,
                                           .positive_offset = histogram.offset,
                                           .positive = histogram.counts,
                                           .n_positive = histogram.n_buckets};
    assert_int_equal(histogram.scale, scale);
    assert_true(otc_build_exponential(builder, &duration, &head, &value));
    send_request(stage, builder);
    otc_exp_histogram_release(&histogram);
}

static void
send_exponentials(struct stage *stage, const double *times, size_t n, int32_t scale, int seconds)
{
    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        send_exponential(stage, times, n, scale);
    }
    flush(stage);
}

static void
test_exponential_scales_meet(void **state)
{
    static const char *const feature = "gen_ai.client.operation.duration";
    static const double times[] = {0.1, 0.2, 0.4, 0.7, 1.1, 1.9, 2.5, 3.3, 6, 11};
    static const double slow[] = {0.4, 0.7, 1.1, 1.9, 2.5, 3.3, 6, 11, 20, 40};
    struct stage *stage = stage_new("presets: [gen_ai]\n" QUICK);

    (void)state;
    send_exponentials(stage, times, COUNT(times), 4, 65);
    /* The same values in finer and in coarser buckets are the same distribution. */
    send_exponentials(stage, times, COUNT(times), 7, 65);
    assert_true(of_feature(stage, "ml.drift.ks", feature) == 0);
    assert_true(of_feature(stage, "ml.drift.psi", feature) < 1e-3);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", feature), 59 * 32, 0);
    send_exponentials(stage, times, COUNT(times), 1, 65);
    assert_true(of_feature(stage, "ml.drift.ks", feature) == 0);
    assert_true(of_feature(stage, "ml.drift.psi", feature) < 1e-3);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", feature), 59 * 32, 0);
    assert_float_equal(of_feature(stage, "ml.drift.detected", feature), 0, 0);
    /* Two values in ten moved from below to above the others, of which the zeros are one in sixteen: D is the
     * share of 6 in 32. */
    send_exponentials(stage, slow, COUNT(slow), 1, 65);
    assert_float_equal(of_feature(stage, "ml.drift.ks", feature), 6.0F / 32, 1e-6F);
    assert_float_equal(excluded(stage, "bounds"), 0, 0);
    stage_free(stage);
}

static void
test_other_kinds_than_the_references_are_excluded(void **state)
{
    static const double times[] = {0.1, 0.2, 0.4};
    static const struct otc_metric number = {.name = "gen_ai.client.operation.duration",
                                             .type = OTC_METRIC_GAUGE};
    static const struct otc_metric histogram = {.name = "gen_ai.client.operation.duration",
                                                .unit = "s",
                                                .type = OTC_METRIC_HISTOGRAM,
                                                .temporality = OTC_TEMPORALITY_DELTA};
    const struct otc_attribute labels[] = {OTC_ATTR_STR("gen_ai.request.model", "gpt")};
    const uint64_t counts[] = {1, 2, 3};
    const double bounds[] = {0.1, 1};
    const struct otc_histogram_value value = {.counts = counts, .bounds = bounds, .n_bounds = 2};
    struct stage *stage = stage_new("presets: [gen_ai]\n" QUICK);
    struct otc_metrics_builder *builder;
    struct otc_point_head head;

    (void)state;
    send_exponentials(stage, times, COUNT(times), 4, 65);
    builder = request_of("app");
    head = head_at(stage, stage_now(stage) - OTC_SECOND, labels, 1);
    assert_true(otc_build_histogram(builder, &histogram, &head, &value));
    assert_true(otc_build_number(builder, &number, &head, 0.3));
    send_request(stage, builder);
    flush(stage);
    assert_float_equal(excluded(stage, "bounds"), 6, 0);
    assert_float_equal(excluded(stage, "type"), 1, 0);
    stage_free(stage);
}

/* ---- Numbers -------------------------------------------------------------------------------------- */

static void
put_number(struct stage *stage, struct otc_metrics_builder *builder, const struct otc_metric *metric,
           double value, uint32_t flags)
{
    const struct otc_attribute labels[] = {OTC_ATTR_STR("model", "resnet"), OTC_ATTR_STR("version", "3")};
    struct otc_point_head head = head_at(stage, stage_now(stage) - OTC_HOUR, labels, 2);

    head.flags = flags;
    assert_true(otc_build_number(builder, metric, &head, value));
}

#define CUMULATIVE(text)                                                                                     \
    {                                                                                                        \
        .name = (text), .type = OTC_METRIC_SUM, .monotonic = true, .temporality = OTC_TEMPORALITY_CUMULATIVE \
    }

static void
test_triton_counters_become_seconds_a_request(void **state)
{
    static const struct otc_metric durations = CUMULATIVE("nv_inference_request_duration_us");
    static const struct otc_metric requests = CUMULATIVE("nv_inference_request_success");
    static const struct otc_metric inferences = CUMULATIVE("nv_inference_count");
    static const struct otc_metric executions = CUMULATIVE("nv_inference_exec_count");
    struct stage *stage = stage_new("presets: [triton]\nemit: {bins: true}\n" QUICK);
    double us = 5e9, served = 1000, inferred = 8000, executed = 1000;
    struct wish wish;

    (void)state;
    for (int s = 0; s < 260; s++) {
        struct otc_metrics_builder *builder = request_of("t");

        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        /* Every third second nobody asks. */
        if (s % 3) {
            served += 4;
            us += 4 * (s % 2 ? 20000 : 30000);
            inferred += 32;
            executed += s % 2 ? 4 : 8;
        }
        put_number(stage, builder, &durations, us, 0);
        put_number(stage, builder, &requests, served, 0);
        put_number(stage, builder, &inferences, inferred, 0);
        put_number(stage, builder, &executions, executed, 0);
        send_request(stage, builder);
    }
    flush(stage);
    wish = look(stage, "ml.drift.window.observations",
                ATTRIBUTES("ml.feature.name", "request_duration", "ml.feature.kind", "latency",
                           "ml.model.name", "resnet", "ml.model.version", "3"));
    assert_int_equal(wish.found, 1);
    assert_float_equal(wish.value, 40, 1);
    /* Bins are the two values, in seconds. */
    wish = look(stage, "ml.feature.bin.observations",
                ATTRIBUTES("ml.feature.name", "request_duration", "ml.feature.bin.upper", "0.02"));
    assert_true(wish.value > 20);
    wish = look(stage, "ml.feature.bin.observations",
                ATTRIBUTES("ml.feature.name", "batch_size", "ml.feature.bin.upper", "4"));
    assert_true(wish.value > 20);
    stage_free(stage);
}

static void
test_gauges_rates_and_stale_points(void **state)
{
    static const struct otc_metric gauge = {.name = "gpu", .type = OTC_METRIC_GAUGE};
    static const struct otc_metric tokens = CUMULATIVE("tokens");
    struct stage *stage =
        stage_new("presets: []\nfeatures:\n"
                  "  - {name: utilization, from: 'metric[\"gpu\"]'}\n"
                  "  - {name: of_three, from: 'metric[\"gpu\"] where attributes[\"version\"] == "
                  "\"3\"'}\n"
                  "  - {name: of_four, from: 'metric[\"gpu\"] where attributes[\"version\"] == "
                  "\"4\"'}\n"
                  "  - {name: rate, from: 'metric[\"tokens\"] * 0.5'}\n"
                  "  - {name: step, from: 'increase(metric[\"tokens\"])'}\n"
                  "  - {name: wrong, from: 'rate(metric[\"gpu\"])'}\n"
                  "emit: {bins: true}\n" QUICK);
    double total = 0;

    (void)state;
    for (int s = 0; s < 260; s++) {
        struct otc_metrics_builder *builder = request_of("t");
        bool stale = s >= 150 && s % 2;

        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, 2 * OTC_SECOND);
        total += s % 2 ? 100 : 300;
        put_number(stage, builder, &gauge, 0.25 + s % 2 * 0.5, stale ? OTC_POINT_NO_RECORDED_VALUE : 0);
        put_number(stage, builder, &tokens, total, 0);
        send_request(stage, builder);
    }
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "utilization"), 15, 1);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "of_three"), 15, 1);
    assert_int_equal(look(stage, "ml.feature.missing", ATTRIBUTES("ml.feature.name", "of_four")).found, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "utilization"), 55, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "rate"), 0, 0);
    /* Half of the points fail to come: found by the share of the missing. */
    assert_float_equal(look(stage, "ml.drift.rejected",
                            ATTRIBUTES("ml.feature.name", "utilization", "ml.drift.test", "missing"))
                           .value,
                       1, 0);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "rate"), 0, 0);
    /* 100 or 300 in 2 s, halved; 100 or 300 from point to point. */
    assert_int_equal(look(stage, "ml.feature.bin.observations",
                          ATTRIBUTES("ml.feature.name", "rate", "ml.feature.bin.upper", "75"))
                         .found,
                     1);
    assert_int_equal(look(stage, "ml.feature.bin.observations",
                          ATTRIBUTES("ml.feature.name", "step", "ml.feature.bin.upper", "300"))
                         .found,
                     1);
    assert_float_equal(excluded(stage, "type"), 205, 0); /* rate() of a gauge, but of no stale point */
    stage_free(stage);
}

static void
test_a_former_name_gives_way_to_the_new_one(void **state)
{
    static const struct otc_metric new_name = {.name = "new", .type = OTC_METRIC_GAUGE};
    static const struct otc_metric old_name = {.name = "old", .type = OTC_METRIC_GAUGE};
    struct stage *stage =
        stage_new("presets: []\nfeatures: [{name: x, from: 'metric[\"new\", \"old\"]'}]\n"
                  "reference: {learn: {observations: 50, duration: 0s}}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n");

    (void)state;
    for (int s = 0; s < 200; s++) {
        struct otc_metrics_builder *both = request_of("both"), *old = request_of("old");

        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        put_number(stage, both, &new_name, 1, 0);
        put_number(stage, both, &old_name, 1, 0);
        put_number(stage, old, &old_name, 1, 0);
        send_request(stage, both);
        send_request(stage, old);
    }
    flush(stage);
    /* Each server once: one tells both names, one only the former. */
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "x"), 120, 0);
    stage_free(stage);
}

/* As a processor it lets everything pass, and counts what was accepted behind it. */
static void
test_the_processor_lets_metrics_pass(void **state)
{
    static const struct otc_metric gauge = {.name = "gpu", .type = OTC_METRIC_GAUGE};
    const struct otc_factory *factory = otc_drift_processor_factory.face;
    const char yaml[] = "presets: []\nfeatures: [{name: x, from: 'metric[\"gpu\"]'}]\n"
                        "model: {name: [model]}\n";
    struct stage *stage = stage_new(yaml);
    struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings), .id = "drift", .pipeline = "metrics"};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_component *processor;
    struct otc_consumer *input;

    (void)state;
    assert_int_equal(factory->kind, OTC_PROCESSOR);
    settings.host = stage->host;
    settings.config = otc_config_value(stage->config);
    assert_int_equal(factory->create(&settings, &processor, &err), OTC_OK);
    input = processor->ops->input(processor, OTC_METRICS);
    assert_false(input->observes_accepted);
    assert_int_equal(processor->ops->connect(processor, OTC_METRICS, otc_sink_consumer(stage->sink), &err),
                     OTC_OK);
    assert_int_equal(processor->ops->start(processor, &err), OTC_OK);
    for (int i = 0; i < 3; i++) {
        struct otc_metrics_builder *builder = request_of("t");
        struct otc_buf request = {.limit = 1 << 20};
        size_t points = 0;

        put_number(stage, builder, &gauge, 1, 0);
        assert_true(otc_metrics_builder_finish(builder, &request, &points));
        otc_sink_answer(stage->sink, i == 1 ? OTC_UNAVAILABLE : OTC_OK, "away");
        assert_int_equal(otc_consume(input,
                                     otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), points, NULL),
                                     NULL, &err),
                         i == 1 ? OTC_UNAVAILABLE : OTC_OK);
        otc_buf_release(&request);
        otc_metrics_builder_free(builder);
    }
    /* Two of the three passed and were counted; the results follow them. */
    assert_int_equal(otc_sink_batches(stage->sink), 2);
    assert_int_equal(look(stage, "gpu", ATTRIBUTES("model", "resnet")).found, 2);
    otc_vhost_advance(stage->vhost, 15 * OTC_SECOND);
    assert_float_equal(look(stage, "ml.inference.records", ATTRIBUTES("ml.model.name", "resnet")).value, 2,
                       0);
    assert_int_equal(processor->ops->shutdown(processor, INT64_MAX, &err), OTC_OK);
    processor->ops->free(processor);
    stage_free(stage);
}

/* A known stream costs no memory, and all of it is given back. */
static void
test_memory_is_flat(void **state)
{
    struct stage *stage = stage_new("presets: [vllm]\nlimits: {memory: 256KiB, streams: 4}\n" QUICK);
    struct pod pods[6];

    (void)state;
    for (size_t p = 0; p < 6; p++) {
        static const char *const names[] = {"a", "b", "c", "d", "e", "f"};

        pods[p] = (struct pod){.name = names[p], .model = "llama", .start_ns = stage_now(stage) - OTC_DAY};
    }
    for (int s = 0; s < 300; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (size_t p = 0; p < 6; p++) {
            pods[p].counts[s % 5] += 3;
            scrape(stage, &pods[p], vllm_ttft_bounds, VLLM_TTFT_BOUNDS);
        }
    }
    flush(stage);
    assert_float_equal(excluded(stage, "streams"), 600, 0);
    assert_float_equal(excluded(stage, "memory"), 0, 0);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "time_to_first_token"), 720, 0);
    stage_free(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pods_add_up_and_resets_lose_nothing),
        cmocka_unit_test(test_every_value_is_counted_once),
        cmocka_unit_test(test_other_bounds_are_excluded_and_counted),
        cmocka_unit_test(test_a_reference_file_of_a_histogram),
        cmocka_unit_test(test_trailing_references),
        cmocka_unit_test(test_models_are_told_by_labels_before_the_service),
        cmocka_unit_test(test_exponential_scales_meet),
        cmocka_unit_test(test_other_kinds_than_the_references_are_excluded),
        cmocka_unit_test(test_triton_counters_become_seconds_a_request),
        cmocka_unit_test(test_gauges_rates_and_stale_points),
        cmocka_unit_test(test_a_former_name_gives_way_to_the_new_one),
        cmocka_unit_test(test_the_processor_lets_metrics_pass),
        cmocka_unit_test(test_memory_is_flat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
