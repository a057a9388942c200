// SPDX-License-Identifier: Apache-2.0
/* A reference file that changes while the connector runs: every window is compared whole, with one reference.
 */
#include "common/analysis/evaluate.h"
#include "common/analysis/sample.h"
#include "tests/harness/close.h"
#include "tests/unit/processors/drift/stage.h"

#include <sys/stat.h>
#include <unistd.h>

#define MAX_ROWS 20000

struct fixture {
    char path[64];
    struct stage *stage;
    struct otc_reference *references[8];
    size_t n_references;
    int64_t times[MAX_ROWS];
    double ages[MAX_ROWS];
    size_t n;
    uint64_t random;
    double shift;
};

static uint64_t
draw(struct fixture *f, uint64_t below)
{
    f->random = f->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (f->random >> 33) % below;
}

static void
put_file(const struct fixture *f, struct otc_slice text)
{
    FILE *file = fopen(f->path, "wbe");

    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

/* Writes the file anew: `rows` ages from `first` in steps, and with `country` a second feature. */
static void
put_reference(struct fixture *f, size_t rows, double first, size_t repeats, const char *country)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 2);
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference **out = &f->references[f->n_references++];

    (void)otc_reference_builder_feature(builder, otc_slice_str("age"), OTC_NUMERIC, OTC_KIND_INPUT);
    if (country) {
        (void)otc_reference_builder_feature(builder, otc_slice_str(country), OTC_CATEGORICAL, OTC_KIND_INPUT);
    }
    for (size_t i = 0; i < rows; i++) {
        assert_true(
            otc_reference_builder_number(builder, 0, first + floor((double)i / (double)repeats), INT64_MIN));
        if (country) {
            assert_true(
                otc_reference_builder_text(builder, 1, otc_slice_str(i % 2 ? "DE" : "FR"), INT64_MIN));
        }
    }
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "t", 0, out, &err), OTC_OK);
    otc_reference_builder_free(builder);
    assert_int_equal(otc_reference_format(*out, &text, &err), OTC_OK);
    put_file(f, otc_buf_slice(&text));
    otc_buf_release(&text);
}

static struct otc_feature_result
offline(const struct fixture *f, const struct otc_reference *reference, int64_t from_ns, int64_t to_ns,
        size_t *rows)
{
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_sample *sample = otc_sample_new(otc_reference_find(reference, otc_slice_str("age")));
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_feature_result result;

    decision.min_observations = 20;
    *rows = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct otc_use use = {.use = OTC_USE_NUMBER, .number = f->ages[i]};

        if (f->times[i] >= from_ns && f->times[i] < to_ns) {
            assert_true(otc_sample_add(sample, &use, INT64_MIN));
            ++*rows;
        }
    }
    assert_int_equal(otc_sample_evaluate(sample, &decision, &result, &err), OTC_OK);
    otc_sample_free(sample);
    return result;
}

/* Which reference the last window was compared with: references differ in their numbers of values. */
static const struct otc_reference *
compared_with(const struct fixture *f)
{
    double values = of_feature(f->stage, "ml.drift.reference.observations", "age");

    for (size_t i = 0; i < f->n_references; i++) {
        if ((double)f->references[i]->rows == values) {
            return f->references[i];
        }
    }
    fail_msg("no reference has %g values", values);
    return NULL;
}

/* A second: ten records. When a flush fell into it, the last window is compared offline. Returns whether. */
static bool
second(struct fixture *f)
{
    struct stage *stage = f->stage;
    int64_t end;
    size_t rows;

    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, OTC_SECOND);
    for (int k = 0; k < 10; k++) {
        const double age = (double)(20 + draw(f, 60)) + f->shift;
        const struct field fields[] = {NUMBER("ml.feature.age", age), TEXT("ml.feature.country", "DE"),
                                       TEXT("ml.feature.region", "EU")};

        f->times[f->n] = stage_now(stage) - (int64_t)k * 50 * OTC_MILLISECOND;
        f->ages[f->n] = age;
        record(stage, f->times[f->n++], fields, 3);
        assert_true(f->n < MAX_ROWS);
    }
    send(stage);
    if (!look(stage, "ml.drift.window.end", NULL).found) {
        return false;
    }
    end = (int64_t)(of_model(stage, "ml.drift.window.end") * 1e9);
    if (end >= f->times[0] + OTC_MINUTE) {
        struct otc_feature_result result = offline(f, compared_with(f), end - OTC_MINUTE, end, &rows);

        assert_close(of_feature(stage, "ml.drift.window.observations", "age"), (double)rows, 0);
        assert_int_equal(rows, 600);
        assert_close(of_feature(stage, "ml.drift.ks", "age"), result.ks, 1e-12);
        assert_close(of_feature(stage, "ml.drift.psi", "age"), result.psi, 1e-12);
        assert_close(of_feature(stage, "ml.drift.wasserstein", "age"), result.wasserstein, 1e-9);
        assert_close(of_feature(stage, "ml.feature.missing", "age"), 0, 0);
    }
    return true;
}

static void
seconds(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++) {
        (void)second(f);
    }
}

/* On to the next flush. */
static void
flushed_second(struct fixture *f)
{
    while (!second(f)) {
        continue;
    }
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char yaml[512];
    int file;

    assert_non_null(f);
    f->random = 7;
    (void)snprintf(f->path, sizeof(f->path), "/tmp/drift-reload-XXXXXX");
    file = mkstemp(f->path);
    assert_true(file >= 0);
    (void)close(file);
    put_reference(f, 500, 20, 8, "country");
    (void)snprintf(yaml, sizeof(yaml),
                   "presets: [ml]\ndependence: none\nreference: {file: %s}\nmetrics_flush_interval: 5s\n"
                   "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n",
                   f->path);
    f->stage = stage_new(yaml);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    stage_free(f->stage);
    for (size_t i = 0; i < f->n_references; i++) {
        otc_reference_unref(f->references[i]);
    }
    (void)unlink(f->path);
    free(f);
    return 0;
}

static double
reloads(struct fixture *f, const char *outcome)
{
    return look(f->stage, "ml.drift.reference.reloads", ATTRIBUTES("outcome", outcome)).value;
}

static void
test_windows_pass_over_whole(void **state)
{
    struct fixture *f = *state;
    char first[9], second_label[9];
    double records;
    bool stale = false;

    seconds(f, 120);
    flushed_second(f);
    assert_ptr_equal(compared_with(f), f->references[0]);
    assert_close(reloads(f, "success"), 0, 0);
    (void)snprintf(first, sizeof(first), "%.8s", f->references[0]->hash);
    put_reference(f, 400, 25.5, 5, "region");
    (void)snprintf(second_label, sizeof(second_label), "%.8s", f->references[1]->hash);
    seconds(f, 31);
    flushed_second(f);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, "Reference reloaded"), 1);
    assert_close(reloads(f, "success"), 1, 0);
    /* The open window is older than the reload: it is compared with the old one, and both are in use. */
    assert_ptr_equal(compared_with(f), f->references[0]);
    assert_int_equal(look(f->stage, "ml.drift.reference.info", ATTRIBUTES("ml.drift.reference", first)).found,
                     1);
    assert_int_equal(
        look(f->stage, "ml.drift.reference.info", ATTRIBUTES("ml.drift.reference", second_label)).found, 1);
    for (int i = 0; i < 18; i++) {
        flushed_second(f);
        stale = stale || look(f->stage, "ml.drift.detected", ATTRIBUTES("ml.feature.name", "country")).stale;
    }
    assert_ptr_equal(compared_with(f), f->references[1]);
    assert_int_equal(look(f->stage, "ml.drift.reference.info", ATTRIBUTES("ml.drift.reference", first)).found,
                     0);
    assert_close(of_feature(f->stage, "ml.drift.window.observations", "region"), 600, 0);
    /* What only the old file had has ended, once; what is new counts from when it came. */
    assert_true(stale);
    assert_int_equal(look(f->stage, "ml.drift.detected", ATTRIBUTES("ml.feature.name", "country")).found, 0);
    assert_close(of_feature(f->stage, "ml.feature.missing", "region"), 0, 0);
    records = of_model(f->stage, "ml.inference.records");
    assert_true(records <= (double)f->n && records > (double)f->n - 20);
}

static void
test_same_cells_carry_over_at_once(void **state)
{
    struct fixture *f = *state;
    double windows = 0;

    f->shift = 30;
    seconds(f, 120);
    flushed_second(f);
    assert_close(of_feature(f->stage, "ml.drift.detected", "age"), 1, 0);
    /* The same points, and edges, with other counts: each of the same values twice. */
    put_reference(f, 1000, 20, 16, "country");
    for (int i = 0; i < 20 && compared_with(f) == f->references[0]; i++) {
        flushed_second(f);
        windows++;
    }
    assert_ptr_equal(compared_with(f), f->references[1]);
    assert_true(windows <= 9); /* 30 s to the look at the file, 10 s to the next pane */
    /* Its verdict needs evaluations of its own. */
    assert_close(of_feature(f->stage, "ml.drift.detected", "age"), 0, 0);
    assert_close(
        look(f->stage, "ml.drift.rejected", ATTRIBUTES("ml.feature.name", "age", "ml.drift.test", "ks"))
            .value,
        1, 0);
    seconds(f, 30);
    flushed_second(f);
    assert_close(of_feature(f->stage, "ml.drift.detected", "age"), 1, 0);
}

static void
test_a_bad_file_changes_nothing(void **state)
{
    struct fixture *f = *state;

    seconds(f, 75);
    put_file(f, otc_slice_str("{\"format_version\": 1"));
    seconds(f, 120);
    flushed_second(f);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, "Changed reference file not loaded"), 1);
    assert_close(reloads(f, "failure"), 1, 0);
    assert_ptr_equal(compared_with(f), f->references[0]);
    assert_int_equal(unlink(f->path), 0);
    seconds(f, 120);
    flushed_second(f);
    assert_close(reloads(f, "failure"), 2, 0);
    assert_ptr_equal(compared_with(f), f->references[0]);
    put_reference(f, 400, 25.5, 5, NULL);
    seconds(f, 120);
    flushed_second(f);
    assert_close(reloads(f, "success"), 1, 0);
    assert_ptr_equal(compared_with(f), f->references[1]);
}

/* A second reload while windows still pass over to the first, and back to the file of the beginning. */
static void
test_reloads_overtake_each_other(void **state)
{
    struct fixture *f = *state;

    seconds(f, 90);
    put_reference(f, 400, 25.5, 5, NULL);
    seconds(f, 32);
    put_reference(f, 320, 22.5, 4, NULL);
    seconds(f, 32);
    flushed_second(f);
    assert_ptr_equal(compared_with(f), f->references[0]);
    seconds(f, 100);
    flushed_second(f);
    assert_ptr_equal(compared_with(f), f->references[2]);
    put_reference(f, 450, 22.5, 5, NULL);
    seconds(f, 35);
    put_reference(f, 320, 22.5, 4, NULL);
    otc_reference_unref(f->references[--f->n_references]);
    for (int i = 0; i < 30; i++) {
        flushed_second(f);
        assert_ptr_equal(compared_with(f), f->references[2]);
    }
    assert_int_equal(otc_vhost_logged(f->stage->vhost, "Reference reloaded"), 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_windows_pass_over_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_cells_carry_over_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_bad_file_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reloads_overtake_each_other, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
