// SPDX-License-Identifier: Apache-2.0
/* `compat` in the connector: the window's values through the same functions as `compare --compat`. */
#include "common/analysis/compat.h"
#include "tests/unit/processors/drift/stage.h"

#define CONFIG                                                                                               \
    "presets: [ml]\nreference: {learn: {observations: 400, duration: 0s}}\n"                                 \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n"
#define LEARNED 400
#define MAX 10000

/* Everything that was sent, in order. */
static double ages[MAX];
static int lands[MAX];
static int64_t times[MAX];
static size_t sent;

static const char *const land_names[] = {"at", "de", "ch", "fr"};

/* 20 records a second; from `shift_from` on the age is shifted and a new country appears. */
static void
traffic(struct stage *stage, int seconds, double shift)
{
    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 20; k++, sent++) {
            struct field fields[2];

            ages[sent] = (double)(sent * 7919 % 1009) / 10 + shift;
            lands[sent] = (int)(sent * 31 % 7) % (shift > 0 ? 4 : 3);
            times[sent] = stage_now(stage);
            fields[0] = NUMBER("ml.feature.age", ages[sent]);
            fields[1] = TEXT("ml.feature.land", land_names[lands[sent]]);
            record(stage, times[sent], fields, 2);
        }
        send(stage);
    }
}

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* What the library says of the first LEARNED values and those of the window that ended at `end`. */
static void
expect(enum otc_compat compat, int64_t end, struct otc_compat_feature *age, struct otc_compat_feature *land)
{
    static double ref[LEARNED], cur[MAX];
    uint64_t ref_counts[4] = {0}, cur_counts[4] = {0};
    struct otc_compat_pair numbers = {.type = OTC_NUMERIC, .ref = ref, .cur = cur, .n = LEARNED};
    struct otc_compat_pair categories = {
        .type = OTC_CATEGORICAL, .ref_counts = ref_counts, .cur_counts = cur_counts, .k = 4};
    struct otc_error err = OTC_ERROR_INIT;

    for (size_t i = 0; i < sent; i++) {
        if (i < LEARNED) {
            ref[i] = ages[i];
            ref_counts[lands[i]]++;
        } else if (times[i] >= end - OTC_MINUTE && times[i] < end) {
            cur[numbers.m++] = ages[i];
            cur_counts[lands[i]]++;
        }
    }
    assert_int_equal(numbers.m, 1200);
    qsort(ref, LEARNED, sizeof(double), by_value);
    qsort(cur, numbers.m, sizeof(double), by_value);
    assert_int_equal(otc_compat_evaluate(compat, &numbers, age, &err), OTC_OK);
    assert_int_equal(otc_compat_evaluate(compat, &categories, land, &err), OTC_OK);
}

static double
told(struct stage *stage, const char *name, const char *feature, const char *method)
{
    return look(stage, name, ATTRIBUTES("ml.feature.name", feature, "ml.drift.method", method)).value;
}

static void
check_feature(struct stage *stage, const char *name, const struct otc_compat_feature *expected)
{
    double detected = of_feature(stage, "ml.drift.compat.detected", name);

    assert_true(expected->n > 0);
    for (size_t i = 0; i < expected->n; i++) {
        const struct otc_compat_result *one = &expected->results[i];

        if (!isnan(one->value))
            assert_true(told(stage, "ml.drift.compat.value", name, one->method) == one->value);
        if (!isnan(one->p_value))
            assert_true(told(stage, "ml.drift.compat.p_value", name, one->method) == one->p_value);
        if (!isnan(one->threshold))
            assert_true(told(stage, "ml.drift.compat.threshold", name, one->method) == one->threshold);
    }
    if (expected->has_verdict)
        assert_true(detected == (double)expected->drifted);
    else
        assert_true(isnan(detected));
}

static void
check_library(enum otc_compat compat)
{
    struct otc_compat_feature age, land;
    struct stage *stage;
    char config[512];
    int64_t end;

    sent = 0;
    (void)snprintf(config, sizeof(config), CONFIG "compat: %s\n", otc_compat_name(compat));
    stage = stage_new(config);
    traffic(stage, 95, 0);
    traffic(stage, 65, 12);
    flush(stage);
    end = (int64_t)of_model(stage, "ml.drift.window.end") * OTC_SECOND;
    expect(compat, end, &age, &land);
    check_feature(stage, "age", &age);
    check_feature(stage, "land", &land);
    assert_true(of_feature(stage, "ml.drift.compat.observations", "age") == 1200);
    if (compat == OTC_COMPAT_EVIDENTLY) {
        assert_true(age.drifted && land.drifted);
        assert_true(of_model(stage, "ml.drift.compat.model.detected") == 1);
    }
    if (compat == OTC_COMPAT_FROUROS)
        assert_true(isnan(of_model(stage, "ml.drift.compat.model.detected")));
    stage_free(stage);
}

static void
test_libraries(void **state)
{
    (void)state;
    for (enum otc_compat compat = OTC_COMPAT_EVIDENTLY; compat < OTC_N_COMPAT; compat++)
        check_library(compat);
}

/* A pane keeps the latest values alone, and says of how many the result is. */
static void
test_few_values(void **state)
{
    struct stage *stage = stage_new(CONFIG "compat: evidently\nlimits: {compat_values: 100}\n");

    (void)state;
    sent = 0;
    traffic(stage, 160, 0);
    flush(stage);
    assert_true(of_feature(stage, "ml.drift.compat.observations", "age") == 600);
    assert_true(of_feature(stage, "ml.drift.compat.observations", "land") == 1200);
    assert_true(of_feature(stage, "ml.drift.window.observations", "age") == 1200);
    stage_free(stage);
}

/* As all that is told of a window. */
static void
test_results_end_when_the_model_is_silent(void **state)
{
    static const char *const of_features[] = {"ml.drift.compat.value", "ml.drift.compat.detected",
                                              "ml.drift.compat.observations"};
    struct stage *stage = stage_new(CONFIG "compat: evidently\n");

    (void)state;
    sent = 0;
    traffic(stage, 160, 0);
    for (int minute = 0; minute < 4; minute++) {
        otc_vhost_advance(stage->vhost, OTC_MINUTE);
    }
    flush(stage);
    while (!look(stage, "ml.drift.ks", ATTRIBUTES("ml.feature.name", "age")).stale) {
        assert_int_equal(look(stage, "ml.drift.compat.model.detected", NULL).found, 1);
        flush(stage);
    }
    assert_true(look(stage, "ml.drift.compat.model.detected", NULL).stale);
    for (size_t i = 0; i < 3; i++) {
        assert_true(look(stage, of_features[i], ATTRIBUTES("ml.feature.name", "age")).stale);
        assert_true(look(stage, of_features[i], ATTRIBUTES("ml.feature.name", "land")).stale);
    }
    flush(stage);
    assert_int_equal(look(stage, "ml.drift.compat.model.detected", NULL).found, 0);
    assert_int_equal(look(stage, "ml.drift.compat.value", ATTRIBUTES("ml.feature.name", "age")).found, 0);
    stage_free(stage);
}

/* Nothing is kept and nothing is told unless somebody asks. */
static void
test_off(void **state)
{
    struct stage *stage = stage_new(CONFIG);

    (void)state;
    sent = 0;
    traffic(stage, 160, 0);
    flush(stage);
    assert_true(isnan(of_feature(stage, "ml.drift.compat.observations", "age")));
    stage_free(stage);
}

static void
test_wrong_configurations(void **state)
{
    static const char *const wrong[][2] = {
        {"compat: evidentli", "evidently"},
        {"compat: evidently\nreference: {trailing: {offset: 7d}}",
         "compat: needs a reference that has every value"},
        {"limits: {compat_values: 1}", "compat_values"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[2048];
        struct otc_config *config = stage_config(wrong[i][0], text, sizeof(text));

        assert_null(config);
        if (!strstr(text, wrong[i][1]))
            fail_msg("'%s' is not in: %s", wrong[i][1], text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libraries),
        cmocka_unit_test(test_few_values),
        cmocka_unit_test(test_results_end_when_the_model_is_silent),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_wrong_configurations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
