// SPDX-License-Identifier: Apache-2.0
/* Data quality in the connector: duplicates, and a feature that is stuck. */
#include "tests/unit/processors/drift/stage.h"

#define CONFIG                                                                                               \
    "presets: [ml]\nreference: {learn: {observations: 400, duration: 0s}}\n"                                 \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n"                          \
    "duplicates: {id: [request.id], remember: 100, max_share: 0.2}\n"

/* 20 records a second. Every `again`th repeats the id of the record before it (0: none does); age is stuck at
 * `stuck` unless that is NaN. */
static void
traffic(struct stage *stage, int seconds, int again, double stuck, uint64_t *i)
{
    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 20; k++, ++*i) {
            bool repeats = again && *i % (uint64_t)again == 0;
            char id[32];
            const struct field fields[] = {
                NUMBER("ml.feature.age", isnan(stuck) ? (double)(*i * 7919 % 1000) : stuck),
                TEXT("request.id", id)};

            (void)snprintf(id, sizeof(id), "r%llu", (unsigned long long)(*i - repeats));
            record(stage, stage_now(stage), fields, 2);
        }
        send(stage);
    }
}

static void
test_duplicates(void **state)
{
    struct stage *stage = stage_new(CONFIG);
    uint64_t i = 1;

    (void)state;
    traffic(stage, 80, 10, NAN, &i);
    flush(stage);
    assert_float_equal(of_model(stage, "ml.inference.duplicates"), 160, 0);
    assert_float_equal(of_model(stage, "ml.inference.duplicates.share"), 0.1, 0.005);
    assert_float_equal(of_model(stage, "ml.inference.duplicates.detected"), 0, 0);
    traffic(stage, 60, 2, NAN, &i);
    flush(stage);
    assert_float_equal(of_model(stage, "ml.inference.duplicates"), 160 + 600, 0);
    assert_true(of_model(stage, "ml.inference.duplicates.share") > 0.3);
    assert_float_equal(of_model(stage, "ml.inference.duplicates.detected"), 1, 0);
    stage_free(stage);
}

/* Records that a grid is made from are kept and counted right after, and the duplicates among them too. */
static void
test_duplicates_among_records_kept(void **state)
{
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {trailing: {offset: 1m}, grid_observations: 800}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n"
                  "duplicates: {id: [request.id], remember: 100, max_share: 0.2}\n");
    uint64_t i = 1;

    (void)state;
    traffic(stage, 30, 2, NAN, &i);
    traffic(stage, 30, 0, NAN, &i);
    flush(stage);
    assert_float_equal(of_model(stage, "ml.inference.duplicates"), 300, 0);
    assert_float_equal(of_model(stage, "ml.inference.duplicates.share"), 0.25, 0.01);
    assert_float_equal(of_model(stage, "ml.inference.duplicates.detected"), 1, 0);
    stage_free(stage);
}

static double
rejected(struct stage *stage, const char *test)
{
    return look(stage, "ml.drift.rejected", ATTRIBUTES("ml.feature.name", "age", "ml.drift.test", test))
        .value;
}

static void
test_stuck_feature(void **state)
{
    struct stage *stage = stage_new(CONFIG);
    uint64_t i = 1;

    (void)state;
    traffic(stage, 80, 0, NAN, &i);
    flush(stage);
    assert_true(isnan(rejected(stage, "constant")));
    assert_float_equal(of_feature(stage, "ml.drift.detected", "age"), 0, 0);
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range.share", "age"), 0, 0.01);
    traffic(stage, 90, 0, 2000.5, &i);
    flush(stage);
    assert_float_equal(rejected(stage, "constant"), 1, 0);
    assert_float_equal(rejected(stage, "out_of_range"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "age"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range.share", "age"), 1, 0);
    stage_free(stage);
}

static void
test_wrong_configurations(void **state)
{
    static const char *const wrong[][2] = {
        {"duplicates: {}", "id"},
        {"duplicates: {id: []}", "non-empty \"id\""},
        {"duplicates: {id: [\"\"]}", "must not be empty"},
        {"duplicates: {id: [a], remember: 0}", "remember"},
        {"duplicates: {id: [a], max_share: 2}", "max_share"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[2048];
        struct otc_config *config = stage_config(wrong[i][0], text, sizeof(text));

        assert_null(config);
        if (!strstr(text, wrong[i][1])) {
            fail_msg("'%s' is not in: %s", wrong[i][1], text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_duplicates_among_records_kept),
        cmocka_unit_test(test_stuck_feature),
        cmocka_unit_test(test_wrong_configurations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
