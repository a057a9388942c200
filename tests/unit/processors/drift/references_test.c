// SPDX-License-Identifier: Apache-2.0
/* References that move: what the connector tells equals an offline comparison of the same two sets of rows.
 */
#include "common/analysis/evaluate.h"
#include "common/analysis/sample.h"
#include "common/stats/two_sample.h"
#include "tests/harness/close.h"
#include "tests/unit/processors/drift/stage.h"

/* ---- Rows ----------------------------------------------------------------------------------------- */

struct row {
    int64_t time_ns;
    double age; /* NaN: missing */
    const char *country;
    const char *version;
    const char *arm;
};

#define MAX_ROWS 200000
static struct row rows[MAX_ROWS];
static size_t n_rows;

static uint64_t random_state;

static uint64_t
draw(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % below;
}

/* The arm whose results `told` looks for; NULL: any. */
static const char *told_arm;

static int
setup(void **state)
{
    (void)state;
    n_rows = 0;
    told_arm = NULL;
    random_state = 20261128;
    return 0;
}

/* Ages are whole, and the first rows have them all, so that the grid does and nothing is lost between its
 * points; countries change from day to day, and some come up only after the grid was made. */
static struct row
draw_row(int64_t time_ns)
{
    static const char *const countries[] = {"DE", "FR", "IT", "PL", "SE", "NO"};
    int64_t hour = time_ns / OTC_HOUR % 24;
    size_t day = (size_t)(time_ns / OTC_DAY % 3);
    struct row row = {.time_ns = time_ns, .version = draw(3) ? "1" : "2"};

    row.age = draw(20) == 0 ? (double)NAN : (double)(20 + draw(50) + draw(30) + (uint64_t)(hour % 6));
    if (n_rows < 100) {
        row.age = 20 + (double)(n_rows % 85);
    }
    row.country = countries[draw(3 + day)];
    return row;
}

static void
feed(struct stage *stage, const struct row *row)
{
    struct field fields[3];
    size_t n = 0;

    fields[n++] = TEXT("ml.feature.country", row->country);
    if (!isnan(row->age)) {
        fields[n++] = NUMBER("ml.feature.age", row->age);
    }
    if (row->arm) {
        fields[n++] = TEXT("feature_flag.result.variant", row->arm);
    }
    stage->version = row->version;
    record(stage, row->time_ns, fields, n);
    assert_true(n_rows < MAX_ROWS);
    rows[n_rows++] = *row;
}

/* ---- The comparison offline: rows of two spans of time, through the builder of reference files ------- */

struct spans {
    int64_t from[8], to[8];
    size_t n;
};

static bool
in_spans(const struct spans *spans, int64_t time_ns)
{
    for (size_t i = 0; i < spans->n; i++) {
        if (time_ns >= spans->from[i] && time_ns < spans->to[i]) {
            return true;
        }
    }
    return false;
}

static bool
is_of(const struct row *row, const char *version, const char *arm)
{
    return (!version || strcmp(row->version, version) == 0) && (!arm || strcmp(row->arm, arm) == 0);
}

static struct otc_reference *
reference_of(const struct spans *spans, const char *arm)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 2);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference;

    assert_int_equal(
        otc_reference_builder_feature(builder, otc_slice_str("age"), OTC_NUMERIC, OTC_KIND_INPUT), 0);
    assert_int_equal(
        otc_reference_builder_feature(builder, otc_slice_str("country"), OTC_CATEGORICAL, OTC_KIND_INPUT), 1);
    for (size_t i = 0; i < n_rows; i++) {
        if (in_spans(spans, rows[i].time_ns) && is_of(&rows[i], NULL, arm)) {
            assert_true(otc_reference_builder_number(builder, 0, rows[i].age, INT64_MIN));
            assert_true(otc_reference_builder_text(builder, 1, otc_slice_str(rows[i].country), INT64_MIN));
        }
    }
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "test", 0, &reference, &err),
                     OTC_OK);
    otc_reference_builder_free(builder);
    return reference;
}

static struct otc_feature_result
offline(const struct otc_reference *reference, const char *feature, int64_t from_ns, int64_t to_ns,
        const char *version, const char *arm)
{
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    const struct otc_reference_feature *of = otc_reference_find(reference, otc_slice_str(feature));
    struct otc_sample *sample = otc_sample_new(of);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_feature_result result;

    decision.min_observations = 10;
    for (size_t i = 0; i < n_rows; i++) {
        struct otc_use use = {.use = OTC_USE_TEXT, .text = otc_slice_str(rows[i].country)};

        if (of->type == OTC_NUMERIC) {
            use = (struct otc_use){.use = isnan(rows[i].age) ? OTC_USE_MISSING : OTC_USE_NUMBER,
                                   .number = rows[i].age};
        }
        if (rows[i].time_ns >= from_ns && rows[i].time_ns < to_ns && is_of(&rows[i], version, arm)) {
            assert_true(otc_sample_add(sample, &use, INT64_MIN));
        }
    }
    assert_int_equal(otc_sample_evaluate(sample, &decision, &result, &err), OTC_OK);
    otc_sample_free(sample);
    return result;
}

static double
told(struct stage *stage, const char *metric, const char *feature, const char *version, const char *test)
{
    const char *attributes[9] = {"ml.feature.name", feature, "ml.model.version", version};
    size_t n = 4;

    if (told_arm) {
        attributes[n++] = "ml.drift.arm";
        attributes[n++] = told_arm;
    }
    if (test) {
        attributes[n++] = "ml.drift.test";
        attributes[n] = test;
    }
    return look(stage, metric, attributes).value;
}

/* Everything that is told of both features of a version against the rows of `spans`. */
static void
assert_equals_offline(struct stage *stage, const struct spans *spans, int64_t from_ns, int64_t to_ns,
                      const char *version, const char *arm, const char *baseline)
{
    struct otc_reference *reference = reference_of(spans, baseline);
    struct otc_feature_result age = offline(reference, "age", from_ns, to_ns, version, arm);
    struct otc_feature_result country = offline(reference, "country", from_ns, to_ns, version, arm);

    assert_true(reference->features[0].observations >= 20);
    assert_close(told(stage, "ml.drift.reference.observations", "age", version, NULL),
                 (double)reference->features[0].observations, 0);
    assert_close(told(stage, "ml.drift.reference.observations", "country", version, NULL),
                 (double)reference->features[1].observations, 0);
    assert_close(told(stage, "ml.drift.ks", "age", version, NULL), age.ks, 1e-12);
    assert_true(isnan(told(stage, "ml.drift.ks.error", "age", version, NULL)));
    assert_close(told(stage, "ml.drift.psi", "age", version, NULL), age.psi, 1e-12);
    assert_close(told(stage, "ml.drift.wasserstein", "age", version, NULL), age.wasserstein, 1e-9);
    assert_close(told(stage, "ml.drift.wasserstein.normalized", "age", version, NULL),
                 age.wasserstein_normalized, 1e-9);
    assert_close(told(stage, "ml.drift.jensen_shannon", "age", version, NULL), age.jensen_shannon, 1e-12);
    assert_close(told(stage, "ml.drift.chi_squared", "country", version, NULL), country.chi_squared, 1e-9);
    assert_close(told(stage, "ml.drift.p_value", "age", version, "ks"), age.tests[OTC_TEST_KS].p_value,
                 1e-12);
    assert_close(told(stage, "ml.drift.p_value", "age", version, "missing"),
                 age.tests[OTC_TEST_MISSING].p_value, 1e-12);
    assert_close(told(stage, "ml.drift.p_value", "country", version, "chi_squared"),
                 country.tests[OTC_TEST_CHI_SQUARED].p_value, 1e-12);
    otc_reference_unref(reference);
}

/* ---- Traffic -------------------------------------------------------------------------------------- */

/* A record every `step_ns` for so long, sent every ten minutes. */
static void
run(struct stage *stage, int64_t duration_ns, int64_t step_ns)
{
    int64_t from = stage_now(stage);

    for (int64_t sent = 0; sent < duration_ns; sent += 10 * OTC_MINUTE) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, 10 * OTC_MINUTE);
        for (int64_t at = sent; at < sent + 10 * OTC_MINUTE; at += step_ns) {
            struct row row = draw_row(from + at);

            feed(stage, &row);
        }
        send(stage);
    }
}

/* One more flush. */
static void
pause_for_flush(struct stage *stage)
{
    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, 5 * OTC_MINUTE);
}

/* Where the last window of a version ended. */
static int64_t
last_end(struct stage *stage, const char *version)
{
    return (int64_t)look(stage, "ml.drift.window.end", ATTRIBUTES("ml.model.version", version)).value *
           OTC_SECOND;
}

#define COMMON                                                                                               \
    "presets: [ml]\ndependence: none\nmetrics_flush_interval: 5m\nemit: {p_value: true}\n"                   \
    "window: {length: 1h, pane: 10m, allowed_lateness: 20m, min_observations: 10}\n"

static void
test_trailing_equals_offline(void **state)
{
    struct stage *stage = stage_new(COMMON "reference: {trailing: {offset: 3h}, grid_observations: 1500}\n");
    static const char *const versions[] = {"1", "2"};

    (void)state;
    run(stage, 90 * OTC_MINUTE, 10 * OTC_SECOND);
    pause_for_flush(stage);
    /* The records that made the grid (1500 of 10 s, four hours) are kept and then counted, the first too. */
    assert_true(isnan(told(stage, "ml.drift.ks", "age", "1", NULL)));
    assert_close(look(stage, "ml.drift.reference.progress", NULL).value, 0, 0);
    run(stage, 4 * OTC_HOUR, 10 * OTC_SECOND);
    for (int round = 0; round < 30; round++) {
        pause_for_flush(stage);
        assert_close(look(stage, "ml.drift.reference.progress", NULL).value, 1, 0);
        /* Both versions are compared with all that the model did then. */
        for (size_t v = 0; v < 2; v++) {
            int64_t end = last_end(stage, versions[v]);
            struct spans spans = {{end - 4 * OTC_HOUR}, {end - 3 * OTC_HOUR}, 1};

            assert_true(end > stage_now(stage) - 40 * OTC_MINUTE);
            assert_equals_offline(stage, &spans, end - OTC_HOUR, end, versions[v], NULL, NULL);
        }
        run(stage, (1 + (int64_t)draw(4)) * 10 * OTC_MINUTE, 10 * OTC_SECOND);
    }
    assert_close(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "memory")).value, 0, 0);
    assert_close(
        look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "reference_memory")).value, 0, 0);
    assert_close(
        look(stage, "ml.drift.reference.info", ATTRIBUTES("ml.drift.reference.kind", "trailing")).value, 1,
        0);
    stage_free(stage);
}

static void
test_hour_of_week_equals_offline(void **state)
{
    struct stage *stage =
        stage_new("presets: [ml]\ndependence: none\nmetrics_flush_interval: 5m\nemit: {p_value: true}\n"
                  "window: {length: 2h, pane: 30m, allowed_lateness: 20m, min_observations: 10}\n"
                  "reference: {hour_of_week: {weeks: 2}, grid_observations: 2000}\n");

    (void)state;
    run(stage, 6 * OTC_DAY, 90 * OTC_SECOND);
    pause_for_flush(stage);
    assert_true(isnan(told(stage, "ml.drift.ks", "age", "1", NULL)));
    assert_true(look(stage, "ml.drift.reference.progress", NULL).value < 0.5);
    run(stage, 12 * OTC_DAY, 90 * OTC_SECOND);
    for (int round = 0; round < 12; round++) {
        pause_for_flush(stage);
        for (int v = 0; v < 2; v++) {
            const char *version = v ? "2" : "1";
            int64_t end = last_end(stage, version), from = end - 2 * OTC_HOUR, week = 7 * OTC_DAY;
            int64_t first = (from + 30 * OTC_MINUTE) / OTC_HOUR * OTC_HOUR;
            int64_t last = (end + 30 * OTC_MINUTE) / OTC_HOUR * OTC_HOUR;
            struct spans spans = {{first - week, first - 2 * week}, {last - week, last - 2 * week}, 2};

            assert_equals_offline(stage, &spans, from, end, version, NULL, NULL);
        }
        run(stage, (1 + (int64_t)draw(9)) * 10 * OTC_MINUTE, 90 * OTC_SECOND);
    }
    stage_free(stage);
}

/* The canary is slower to come, and in another version; its windows wait for the baseline's. */
static void
test_arms_equal_offline(void **state)
{
    struct stage *stage = stage_new(
        COMMON "reference: {arm: {baseline: control}, grid_observations: 500}\nlimits: {versions: 9}\n");
    static const char *const arms[] = {"control", "control", "canary", "shadow"};
    static const char *const versions[] = {"1", "2", "3", "1"};

    (void)state;
    for (int round = 0; round < 40; round++) {
        int64_t from = stage_now(stage);

        otc_vhost_advance(stage->vhost, 10 * OTC_MINUTE);
        for (int i = 0; i < 240; i++) {
            /* The canary's records are sent before the baseline's of the same time. */
            size_t arm = i < 120 ? 2 + (size_t)i % 2 : (size_t)i % 2;
            struct row row = draw_row(from + (int64_t)draw(600) * OTC_SECOND);

            row.arm = arms[arm];
            row.version = versions[arm];
            row.age += arm == 2 && n_rows >= 100 ? 15 : 0;
            feed(stage, &row);
            if (i == 119) {
                send(stage);
                otc_vhost_advance(stage->vhost, 0);
            }
        }
        send(stage);
        if (round < 8) {
            continue;
        }
        for (int r = 0; r < 2; r++) {
            const char *version = r ? "1" : "3", *arm = r ? "shadow" : "canary";
            struct wish wish;
            int64_t end;
            struct spans spans;

            otc_sink_clear(stage->sink);
            otc_vhost_advance(stage->vhost, 5 * OTC_MINUTE);
            wish = look(stage, "ml.drift.window.end", ATTRIBUTES("ml.drift.arm", arm));
            assert_true(wish.found > 0);
            end = (int64_t)wish.value * OTC_SECOND;
            assert_true(end > stage_now(stage) - OTC_HOUR);
            spans = (struct spans){{end - OTC_HOUR}, {end}, 1};
            told_arm = arm;
            assert_equals_offline(stage, &spans, end - OTC_HOUR, end, version, arm, "control");
            assert_int_equal(look(stage, "ml.drift.ks", ATTRIBUTES("ml.drift.arm", "control")).found, 0);
        }
    }
    assert_close(
        look(stage, "ml.drift.detected", ATTRIBUTES("ml.drift.arm", "canary", "ml.feature.name", "age"))
            .value,
        1, 0);
    assert_close(
        look(stage, "ml.drift.detected", ATTRIBUTES("ml.drift.arm", "shadow", "ml.feature.name", "age"))
            .value,
        0, 0);
    stage_free(stage);
}

static void
test_records_without_an_arm_are_counted(void **state)
{
    struct stage *stage = stage_new(COMMON "reference: {arm: {baseline: control}, grid_observations: 20}\n");
    struct row row = draw_row(stage_now(stage));

    (void)state;
    for (int i = 0; i < 30; i++) {
        row.arm = i % 3 ? "control" : NULL;
        feed(stage, &row);
    }
    send(stage);
    otc_vhost_advance(stage->vhost, 10 * OTC_MINUTE);
    assert_close(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "no_arm")).value, 0, 0);
    /* The version without an arm is told first, or last; the larger of both counts. */
    assert_int_equal(look(stage, "ml.inference.records", NULL).found % 2, 0);
    stage_free(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_trailing_equals_offline, setup),
        cmocka_unit_test_setup(test_hour_of_week_equals_offline, setup),
        cmocka_unit_test_setup(test_arms_equal_offline, setup),
        cmocka_unit_test_setup(test_records_without_an_arm_are_counted, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
