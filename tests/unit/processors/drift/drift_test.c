// SPDX-License-Identifier: Apache-2.0
/* The connector's behaviour in time: learning, verdicts, lateness, vanishing features, re-emission, expiry.
 */
#include "common/analysis/reference.h"
#include "processors/drift/state.h"
#include "tests/unit/processors/drift/stage.h"

#include <unistd.h>

/* Ten-second panes; two minutes of learning. */
#define LEARNING                                                                                             \
    "presets: [ml]\nreference: {learn: {observations: 500, duration: 2m}}\n"                                 \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 50}\n"

/* A number in [0, 1) from a counter: no run of a test differs from another. */
static double
uniform(uint64_t i)
{
    i = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    i = (i ^ (i >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ (i >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((i ^ (i >> 31)) >> 11) * 0x1p-53;
}

struct traffic {
    double shift; /* of the number */
    double other; /* share of "FR" among the countries */
    double missing;
    uint64_t i;
};

/* `seconds` of traffic, ten records a second, sent second by second. */
static void
run(struct stage *stage, struct traffic *traffic, int seconds)
{
    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 10; k++) {
            uint64_t i = traffic->i++;
            const struct field fields[] = {
                NUMBER("ml.prediction.score", uniform(i)),
                TEXT("ml.feature.country", uniform(i + 7777777) < traffic->other ? "FR" : "DE"),
                NUMBER("ml.feature.age", 30 + 20 * uniform(i + 5555555) + traffic->shift),
            };

            record(stage, stage_now(stage) - 50 * OTC_MILLISECOND * k, fields,
                   uniform(i + 3333333) < traffic->missing ? 2 : 3);
        }
        send(stage);
    }
}

/* Traffic until the reference is learned and windows are full; then the state of the last flush. */
static struct stage *
learned_stage(struct traffic *traffic)
{
    struct stage *stage = stage_new(LEARNING);

    *traffic = (struct traffic){.other = 0.2};
    run(stage, traffic, 120 + 90);
    return stage;
}

static double
flushed(struct stage *stage, struct traffic *traffic, const char *metric, const char *feature)
{
    double value = NAN;

    /* One flush falls into 15 seconds; the sink holds the last second's alone. */
    for (int s = 0; s < 15; s++) {
        run(stage, traffic, 1);
        if (look(stage, metric, feature ? ATTRIBUTES("ml.feature.name", feature) : NULL).found) {
            value = look(stage, metric, feature ? ATTRIBUTES("ml.feature.name", feature) : NULL).value;
        }
    }
    return value;
}

static void
test_a_reference_is_learned_then_compared(void **state)
{
    struct stage *stage = stage_new(LEARNING);
    struct traffic traffic = {.other = 0.2};
    double progress;

    (void)state;
    assert_int_equal(otc_vhost_logged(stage->vhost, "less than 24 hours"), 1);
    progress = flushed(stage, &traffic, "ml.drift.reference.progress", NULL);
    assert_true(progress > 0 && progress < 0.2);
    assert_true(isnan(flushed(stage, &traffic, "ml.drift.ks", "age")));
    /* 500 records are there after 50 s, two minutes are not. */
    run(stage, &traffic, 60);
    assert_true(flushed(stage, &traffic, "ml.drift.reference.progress", NULL) < 1);
    assert_int_equal(otc_vhost_logged(stage->vhost, "Reference learned"), 0);
    run(stage, &traffic, 60);
    assert_int_equal(otc_vhost_logged(stage->vhost, "Reference learned"), 1);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.reference.progress", NULL), 1, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.reference.info", NULL), 1, 0);
    run(stage, &traffic, 60);
    assert_true(flushed(stage, &traffic, "ml.drift.ks", "age") < 0.1);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "age"), 0, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "country"), 0, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "score"), 0, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.model.detected", NULL), 0, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.features.monitored", NULL), 3, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.window.coverage", NULL), 1, 0);
    assert_true(flushed(stage, &traffic, "ml.drift.reference.observations", "age") >= 1200);
    stage_free(stage);
}

/* Sends what was left to be sent together; until the windows have closed. */
static struct stage *
finished(struct stage *stage, bool together)
{
    if (together) {
        send(stage);
    }
    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, 90 * OTC_SECOND);
    return stage;
}

/* Whether a metric of a feature and a version is known; the same in both stages. */
static bool
alike(struct stage *together, struct stage *alone, const char *metric, const char *feature,
      const char *version)
{
    const char *const *which = ATTRIBUTES("ml.feature.name", feature, "ml.model.version", version);
    struct wish one = look(together, metric, which), other = look(alone, metric, which);

    assert_int_equal(one.found, other.found);
    assert_true(one.value == other.value || (isnan(one.value) && isnan(other.value)));
    return one.found > 0 && !isnan(one.value);
}

/* Two versions whose records take turns, in two panes, some of several values of the same feature in a row:
 * `together` in one request, else each in its own. */
static struct stage *
mixed_stage(bool together)
{
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {learn: {observations: 500, duration: 2m}}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 30s, min_observations: 50}\n");
    struct traffic traffic = {.other = 0.2};

    run(stage, &traffic, 120 + 90);
    otc_vhost_advance(stage->vhost, 20 * OTC_SECOND);
    for (uint64_t i = 0; i < 2000; i++) {
        const struct field fields[] = {NUMBER("ml.prediction.score", floor(uniform(i) * 50) / 50),
                                       TEXT("ml.feature.country", i % 7 ? "DE" : "FR"),
                                       NUMBER("ml.feature.age", 25 + 40 * uniform(i + 99)),
                                       TEXT("ml.feature.age", "no number")};

        stage->version = i / (1 + i % 90) % 2 ? "2" : "1";
        record(stage, stage_now(stage) - (i / 3 % 2 ? 8 : 0) * OTC_SECOND, fields + i % 11 / 10, 3);
        if (!together) {
            send(stage);
        }
    }
    return finished(stage, together);
}

static void
test_records_count_alike_together_and_alone(void **state)
{
    static const char *const metrics[] = {"ml.drift.ks",
                                          "ml.drift.psi",
                                          "ml.drift.wasserstein.normalized",
                                          "ml.drift.window.observations",
                                          "ml.feature.values",
                                          "ml.feature.out_of_range",
                                          "ml.feature.invalid",
                                          "ml.feature.missing"};
    struct stage *together = mixed_stage(true), *alone = mixed_stage(false);
    size_t compared = 0;

    (void)state;
    for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
        for (int k = 0; k < 6; k++) {
            compared += alike(together, alone, metrics[m],
                              (const char *const[]){"age", "score", "country"}[k % 3], k / 3 ? "2" : "1");
        }
    }
    assert_true(compared >= 36);
    stage_free(together);
    stage_free(alone);
}

enum { MANY = DRIFT_WAITING_FEATURES + 100 };

/* Versions that make room for each other in the middle of a batch; of MANY features more than numbers wait
 * for at once. */
static struct stage *
crowded_stage(int features, bool together)
{
    static char names[MANY][32];
    static struct field fields[MANY];
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {learn: {observations: 60, duration: 0s}}\n"
                  "limits: {versions: 2, features: 2000, series: 100000}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 30s, min_observations: 2}\n");

    for (uint64_t i = 0; i < 60 + 30; i++) {
        for (int f = 0; f < features; f++) {
            (void)snprintf(names[f], sizeof(names[f]), "ml.feature.f%d", f);
            fields[f] = NUMBER(names[f], uniform(i * MANY + (uint64_t)f));
        }
        if (i == 60) {
            send(stage);
            otc_vhost_advance(stage->vhost, OTC_SECOND);
        }
        stage->version = i < 60 ? "1" : (const char *const[]){"1", "2", "3"}[i / 2 % 3];
        record(stage, stage_now(stage), fields, (size_t)features);
        if (!together && i >= 60) {
            send(stage);
        }
    }
    return finished(stage, together);
}

static void
check_crowded(int features, int step)
{
    static const char *const metrics[] = {"ml.drift.ks", "ml.drift.wasserstein.normalized",
                                          "ml.feature.values"};
    struct stage *together = crowded_stage(features, true), *alone = crowded_stage(features, false);
    size_t compared = 0;

    for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
        for (int f = 0; f < features; f += step) {
            for (int v = 1; v <= 3; v++) {
                char name[16], version[16];

                (void)snprintf(name, sizeof(name), "f%d", f);
                (void)snprintf(version, sizeof(version), "%d", v);
                compared += alike(together, alone, metrics[m], name, version);
            }
        }
    }
    assert_true(compared >= 40);
    stage_free(together);
    stage_free(alone);
}

static void
test_more_features_than_wait_at_once(void **state)
{
    (void)state;
    check_crowded(MANY, 101);
}

static void
test_a_version_goes_while_its_numbers_wait(void **state)
{
    (void)state;
    check_crowded(20, 1);
}

/* `n` records of a feature, all in one request and of one instant. */
static void
burst(struct stage *stage, size_t n, double first)
{
    for (size_t i = 0; i < n; i++) {
        const struct field fields[] = {NUMBER("ml.feature.age", first + (double)i)};

        record(stage, stage_now(stage), fields, 1);
    }
    send(stage);
}

static double
excluded(struct stage *stage, const char *reason)
{
    return look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", reason)).value;
}

static void
test_a_loaded_reference_is_logged(void **state)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 1);
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference;
    char path[] = "/tmp/drift-loaded-XXXXXX", yaml[128], fields[256];
    struct stage *stage;
    int file = mkstemp(path);

    (void)state;
    assert_true(file >= 0);
    assert_non_null(builder);
    assert_int_equal(
        otc_reference_builder_feature(builder, otc_slice_str("age"), OTC_NUMERIC, OTC_KIND_INPUT), 0);
    for (int i = 0; i < 50; i++) {
        assert_true(otc_reference_builder_number(builder, 0, i, INT64_MIN));
    }
    assert_int_equal(
        otc_reference_builder_finish(builder, otc_slice_str("credit"), "a.csv", 0, &reference, &err), OTC_OK);
    otc_reference_builder_free(builder);
    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    assert_int_equal(write(file, text.data, text.len), (ssize_t)text.len);
    (void)close(file);
    (void)snprintf(yaml, sizeof(yaml), "presets: [ml]\nreference: {file: %s}\n", path);
    stage = stage_new(yaml);
    (void)unlink(path);
    assert_int_equal(otc_vhost_logged(stage->vhost, "Reference loaded"), 1);
    (void)snprintf(fields, sizeof(fields), "file=%s model=credit rows=50 features=1 reference=%s", path,
                   reference->hash);
    assert_string_equal(otc_vhost_log(stage->vhost, otc_vhost_logs(stage->vhost) - 1).fields, fields);
    otc_reference_unref(reference);
    otc_buf_release(&text);
    stage_free(stage);
}

/* With arrival time, no record is late: those reasons would be three series that never move. */
static void
test_what_is_left_out_is_counted_from_zero(void **state)
{
    static const char *const reasons[] = {"memory", "features",  "no_reference",
                                          "models", "malformed", "unknown_feature",
                                          "late",   "too_old",   "future"};

    (void)state;
    for (int arrival = 0; arrival < 2; arrival++) {
        struct stage *stage =
            stage_new(arrival ? "presets: [ml]\nwindow: {length: 1m, pane: 10s, time: arrival}\n"
                                "reference: {learn: {observations: 100, duration: 0s}}\n"
                              : "presets: [ml]\nreference: {learn: {observations: 100, duration: 0s}}\n");

        flush(stage);
        assert_int_equal(look(stage, "ml.drift.observations.excluded", NULL).found, 0);
        burst(stage, 1, 0);
        flush(stage);
        for (int i = 0; i < 9; i++) {
            struct wish wish =
                look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", reasons[i]));

            assert_int_equal(wish.found, !(arrival && i >= 6));
            assert_true(wish.found == 0 || wish.value == 0);
        }
        stage_free(stage);
    }
}

/* Nothing freezes here until time passes: what comes before it is in the windows afterwards, from the middle
 * of the request that completes the learning on, and in order. */
static void
test_no_record_is_lost_while_the_reference_freezes(void **state)
{
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {learn: {observations: 100, duration: 0s}}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 50}\n");

    (void)state;
    burst(stage, 150, 0);
    for (int i = 0; i < 5; i++) {
        burst(stage, 50, 0);
    }
    otc_vhost_advance(stage->vhost, 11 * OTC_SECOND);
    assert_int_equal(otc_vhost_logged(stage->vhost, "Reference learned"), 1);
    burst(stage, 7, 0);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.drift.reference.observations", "age"), 100, 0);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "age"), 300, 0);
    assert_float_equal(of_model(stage, "ml.inference.records"), 407, 0);
    for (int i = 0; i < 6; i++) {
        static const char *const reasons[] = {"late",   "too_old",  "future",
                                              "memory", "features", "no_reference"};

        assert_false(excluded(stage, reasons[i]) > 0);
    }
    stage_free(stage);
}

static void
test_what_cannot_be_kept_while_freezing_is_counted(void **state)
{
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {learn: {observations: 100, duration: 0s}}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 50}\n"
                  "limits: {memory: 64KiB}\n");
    double seen;

    (void)state;
    burst(stage, 100, 0);
    for (int i = 0; i < 50; i++) {
        burst(stage, 50, 0);
    }
    otc_vhost_advance(stage->vhost, 11 * OTC_SECOND);
    burst(stage, 1, 0);
    flush(stage);
    assert_true(excluded(stage, "memory") > 0);
    seen = of_feature(stage, "ml.drift.window.observations", "age");
    assert_true(seen > 0 && seen + excluded(stage, "memory") == 2500);
    stage_free(stage);
}

static void
test_a_shift_is_detected_and_ends(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);

    (void)state;
    traffic.shift = 15;
    run(stage, &traffic, 90);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "age"), 1, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "country"), 0, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.features.drifted", NULL), 1, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.model.detected", NULL), 1, 0);
    assert_true(flushed(stage, &traffic, "ml.drift.ks", "age") > 0.6);
    assert_true(flushed(stage, &traffic, "ml.feature.out_of_range", "age") > 0);
    traffic.shift = 0;
    run(stage, &traffic, 120);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "age"), 0, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.model.detected", NULL), 0, 0);
    stage_free(stage);
}

static void
test_an_episode_is_k_of_n_windows(void **state)
{
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {learn: {observations: 500, duration: 2m}}\n"
                  "window: {length: 10s, pane: 10s, allowed_lateness: 0s, min_observations: 50}\n"
                  "decision: {windows: 2 of 3}\nmetrics_flush_interval: 1s\n");
    /* On when two of the last three windows are off, the last of them too; over when three are not. */
    const struct {
        double shift, detected;
    } steps[] = {{0, 0},  {30, 0}, {0, 0}, {0, 0}, {30, 0}, {0, 0},
                 {30, 1}, {0, 1},  {0, 1}, {0, 0}, {30, 0}, {30, 1}};
    struct traffic traffic = {.other = 0.2};

    (void)state;
    run(stage, &traffic, 150);
    /* The last record of ten seconds is the first of the next pane: it closes this one, and a second later
     * the verdict is out. */
    for (size_t i = 0; i <= sizeof(steps) / sizeof(steps[0]); i++) {
        double detected;

        traffic.shift = i < sizeof(steps) / sizeof(steps[0]) ? steps[i].shift : 0;
        run(stage, &traffic, 1);
        detected = of_feature(stage, "ml.drift.detected", "age");
        if (i > 0 && detected != steps[i - 1].detected) {
            fail_msg("window %zu: detected %g, expected %g", i - 1, detected, steps[i - 1].detected);
        }
        run(stage, &traffic, 9);
    }
    stage_free(stage);
}

/* A feature's own max_categories holds for the learned reference: the rest is pooled. */
static void
test_categories_kept_are_the_features_own(void **state)
{
    struct stage *stage = stage_new(
        "presets: []\nfeatures: [{name: plan, from: 'attributes[\"plan\"]', type: categorical, "
        "max_categories: 3}]\nreference: {learn: {observations: 100, duration: 0s}}\n"
        "window: {length: 10s, pane: 10s, allowed_lateness: 0s, min_observations: 50}\nemit: {bins: true}\n");
    char plans[100][8];

    (void)state;
    for (int i = 0; i < 200; i++) {
        (void)snprintf(plans[i % 100], sizeof(plans[0]), "p%d", i % 10);
        record(stage, stage_now(stage), &TEXT("plan", plans[i % 100]), 1);
    }
    send(stage);
    otc_vhost_advance(stage->vhost, 11 * OTC_SECOND);
    record(stage, stage_now(stage), &TEXT("plan", "p0"), 1);
    send(stage);
    flush(stage);
    /* Three categories and the others in one bin: 30 and 70 of a hundred. */
    assert_int_equal(look(stage, "ml.feature.bin.reference", NULL).found, 4);
    assert_float_equal(
        look(stage, "ml.feature.bin.reference", ATTRIBUTES("ml.feature.bin.upper", "other")).value, 0.7,
        1e-9);
    stage_free(stage);
}

/* Windows with too little in them are not evaluated: what was found before stands, for the feature and for
 * its model alike; a silence longer than the window starts anew. */
static void
test_a_verdict_stands_while_evaluations_are_skipped(void **state)
{
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {learn: {observations: 500, duration: 2m}}\n"
                  "window: {length: 10s, pane: 10s, allowed_lateness: 0s, min_observations: 50}\n"
                  "decision: {windows: 1 of 3}\n");
    struct traffic traffic = {.other = 0.2};
    const struct field fields[] = {NUMBER("ml.feature.age", 40)};

    (void)state;
    run(stage, &traffic, 150);
    traffic.shift = 30;
    run(stage, &traffic, 30);
    for (int i = 0; i < 3; i++) {
        otc_vhost_advance(stage->vhost, 10 * OTC_SECOND);
        record(stage, stage_now(stage), fields, 1);
        send(stage);
    }
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.drift.window.observations", "age"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "age"), 1, 0);
    assert_float_equal(of_model(stage, "ml.drift.features.drifted"), 1, 0);
    assert_float_equal(of_model(stage, "ml.drift.model.detected"), 1, 0);
    otc_vhost_advance(stage->vhost, 20 * OTC_MINUTE);
    traffic.shift = 0;
    run(stage, &traffic, 25);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "age"), 0, 0);
    stage_free(stage);
}

static void
test_categories_and_unseen_ones(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);

    (void)state;
    traffic.other = 0.7;
    run(stage, &traffic, 90);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "country"), 1, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "age"), 0, 0);
    assert_float_equal(flushed(stage, &traffic, "ml.feature.unseen", "country"), 0, 0);
    assert_true(flushed(stage, &traffic, "ml.drift.chi_squared", "country") > 50);
    stage_free(stage);
}

static void
test_a_feature_that_vanishes_is_detected(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);

    (void)state;
    assert_float_equal(flushed(stage, &traffic, "ml.feature.missing", "age"), 0, 0);
    traffic.missing = 1;
    run(stage, &traffic, 90);
    assert_true(flushed(stage, &traffic, "ml.feature.missing", "age") >= 900);
    assert_float_equal(flushed(stage, &traffic, "ml.drift.detected", "age"), 1, 0);
    assert_true(isnan(flushed(stage, &traffic, "ml.drift.ks", "age")));
    run(stage, &traffic, 5);
    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, 15 * OTC_SECOND);
    assert_float_equal(
        look(stage, "ml.drift.rejected", ATTRIBUTES("ml.feature.name", "age", "ml.drift.test", "missing"))
            .value,
        1, 0);
    stage_free(stage);
}

static void
test_values_that_are_none_are_counted(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);
    const struct field bad[] = {TEXT("ml.feature.age", "41"), NUMBER("ml.feature.country", INFINITY),
                                NUMBER("ml.prediction.score", NAN)};
    const struct field empty[] = {TEXT("ml.feature.age", ""), TEXT("ml.feature.country", "IT"),
                                  NUMBER("ml.prediction.score", -5)};
    double missing = flushed(stage, &traffic, "ml.feature.missing", "score");
    double outside = flushed(stage, &traffic, "ml.feature.out_of_range", "score");

    (void)state;
    assert_float_equal(missing, 0, 0);
    record(stage, stage_now(stage), bad, 3);
    record(stage, stage_now(stage), empty, 3);
    send(stage);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.feature.invalid", "age"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "age"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.invalid", "country"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.unseen", "country"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "score"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range", "score"), outside + 1, 0);
    stage_free(stage);
}

static void
test_late_old_and_future_records_are_counted(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);
    const struct field fields[] = {NUMBER("ml.feature.age", 40)};
    int64_t now = stage_now(stage);

    (void)state;
    record(stage, now - 30 * OTC_SECOND, fields, 1);
    record(stage, now - 25 * OTC_HOUR, fields, 1);
    record(stage, now - 25 * OTC_HOUR, fields, 1);
    record(stage, now + 6 * OTC_MINUTE, fields, 1);
    send(stage);
    flush(stage);
    assert_float_equal(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "late")).value, 1,
                       0);
    assert_float_equal(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "too_old")).value,
                       2, 0);
    assert_float_equal(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "future")).value, 1,
                       0);
    assert_float_equal(of_model(stage, "ml.inference.records"), (double)traffic.i + 4, 0);
    stage_free(stage);
}

static void
test_a_new_version_is_compared_from_its_first_window(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);
    struct wish wish;

    (void)state;
    stage->version = "2";
    traffic.shift = 15;
    run(stage, &traffic, 60);
    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, 15 * OTC_SECOND);
    wish = look(stage, "ml.drift.detected",
                ATTRIBUTES("ml.feature.name", "age", "ml.model.version", "2", "ml.drift.window", "1m"));
    assert_int_equal(wish.found, 1);
    assert_float_equal(wish.value, 1, 0);
    assert_float_equal(
        look(stage, "ml.drift.detected", ATTRIBUTES("ml.feature.name", "age", "ml.model.version", "1")).value,
        0, 0);
    assert_int_equal(otc_vhost_logged(stage->vhost, "Reference learned"), 1);
    stage_free(stage);
}

static void
test_results_are_sent_again_until_the_model_is_silent(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);
    uint64_t before;

    (void)state;
    flush(stage);
    assert_int_equal(look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).found, 1);
    before = look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).time;
    flush(stage);
    assert_int_equal(look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).found, 1);
    assert_int_equal(look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).time - before,
                     15 * OTC_SECOND);
    /* Five minutes without a record: the gauges end once, the counters stay. */
    otc_vhost_advance(stage->vhost, 4 * OTC_MINUTE);
    flush(stage);
    flush(stage);
    assert_true(look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).stale);
    assert_true(look(stage, "ml.drift.model.detected", NULL).stale);
    flush(stage);
    assert_int_equal(look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).found, 0);
    assert_int_equal(look(stage, "ml.feature.missing", ATTRIBUTES("ml.feature.name", "age")).found, 1);
    /* A day later everything is forgotten. */
    otc_vhost_advance(stage->vhost, OTC_DAY);
    flush(stage);
    assert_int_equal(look(stage, "ml.inference.records", NULL).found, 0);
    stage_free(stage);
}

static void
test_results_come_back_after_silence(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);

    (void)state;
    otc_vhost_advance(stage->vhost, 10 * OTC_MINUTE);
    run(stage, &traffic, 5);
    flush(stage);
    /* Not the results of before the silence. */
    assert_int_equal(look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).found, 0);
    run(stage, &traffic, 40);
    flush(stage);
    assert_int_equal(look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).found, 1);
    stage_free(stage);
}

static void
test_logs_share_the_state_of_traces(void **state)
{
    struct traffic traffic;
    struct stage *stage = learned_stage(&traffic);
    const struct field fields[] = {NUMBER("ml.feature.age", 40)};

    (void)state;
    stage->signal = OTC_LOGS;
    record(stage, stage_now(stage), fields, 1);
    record(stage, stage_now(stage), fields, 1);
    send(stage);
    flush(stage);
    assert_float_equal(of_model(stage, "ml.inference.records"), (double)traffic.i + 2, 0);
    stage_free(stage);
}

static void
test_records_without_a_feature_are_none(void **state)
{
    struct stage *stage = stage_new("{}");
    const struct field http[] = {TEXT("http.request.method", "GET"), TEXT("error.type", "500")};

    (void)state;
    stage->model = NULL;
    record(stage, stage_now(stage), http, 2);
    send(stage);
    flush(stage);
    assert_int_equal(otc_sink_batches(stage->sink), 0);
    stage_free(stage);
}

static void
test_a_broken_batch_is_no_error(void **state)
{
    struct stage *stage = stage_new("{}");
    struct otc_consumer *consumer = stage->component->ops->input(stage->component, OTC_TRACES);
    const struct otc_slice bad = OTC_SLICE_LIT("\x0a\x7f\x01");
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_consume(consumer, otc_batch_copy_of(OTC_TRACES, bad, 1, NULL), NULL, &err), OTC_OK);
    flush(stage);
    assert_float_equal(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "malformed")).value,
                       1, 0);
    stage_free(stage);
}

/* Bins add up to the observations of the panes that closed, and the reference's shares to one. */
static bool
add_bins(void *arg, const struct otc_point *point)
{
    double *sums = arg;

    if (has_attribute(point, "ml.feature.name", "age")) {
        if (otc_slice_equal_str(point->name, "ml.feature.bin.observations")) {
            sums[0] += (double)point->value.as.integer;
            sums[1]++;
        } else if (otc_slice_equal_str(point->name, "ml.feature.bin.reference")) {
            sums[2] += point->value.as.real;
        }
    }
    return true;
}

static void
test_bins_on_request(void **state)
{
    struct stage *stage = stage_new(LEARNING "emit: {bins: true}\n");
    struct traffic traffic = {.other = 0.2};
    struct otc_error err = OTC_ERROR_INIT;
    double sums[3] = {0};

    (void)state;
    run(stage, &traffic, 210);
    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, 15 * OTC_SECOND);
    assert_int_equal(
        otc_walk_points(NULL, otc_batch_part(otc_sink_batch(stage->sink, 0), 0), add_bins, sums, &err),
        OTC_OK);
    assert_float_equal(sums[1], 10, 0);
    assert_float_equal(sums[2], 1, 1e-9);
    assert_true(sums[0] >= 700 && sums[0] <= 900);
    assert_int_equal(
        look(stage, "ml.feature.bin.observations",
             ATTRIBUTES("ml.feature.name", "age", "ml.feature.bin", "009", "ml.feature.bin.upper", "+Inf"))
            .found,
        1);
    stage_free(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reference_is_learned_then_compared),
        cmocka_unit_test(test_records_count_alike_together_and_alone),
        cmocka_unit_test(test_more_features_than_wait_at_once),
        cmocka_unit_test(test_a_version_goes_while_its_numbers_wait),
        cmocka_unit_test(test_a_loaded_reference_is_logged),
        cmocka_unit_test(test_what_is_left_out_is_counted_from_zero),
        cmocka_unit_test(test_no_record_is_lost_while_the_reference_freezes),
        cmocka_unit_test(test_what_cannot_be_kept_while_freezing_is_counted),
        cmocka_unit_test(test_a_shift_is_detected_and_ends),
        cmocka_unit_test(test_an_episode_is_k_of_n_windows),
        cmocka_unit_test(test_categories_kept_are_the_features_own),
        cmocka_unit_test(test_a_verdict_stands_while_evaluations_are_skipped),
        cmocka_unit_test(test_categories_and_unseen_ones),
        cmocka_unit_test(test_a_feature_that_vanishes_is_detected),
        cmocka_unit_test(test_values_that_are_none_are_counted),
        cmocka_unit_test(test_late_old_and_future_records_are_counted),
        cmocka_unit_test(test_a_new_version_is_compared_from_its_first_window),
        cmocka_unit_test(test_results_are_sent_again_until_the_model_is_silent),
        cmocka_unit_test(test_results_come_back_after_silence),
        cmocka_unit_test(test_logs_share_the_state_of_traces),
        cmocka_unit_test(test_records_without_a_feature_are_none),
        cmocka_unit_test(test_a_broken_batch_is_no_error),
        cmocka_unit_test(test_bins_on_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
