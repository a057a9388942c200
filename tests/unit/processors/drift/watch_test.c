// SPDX-License-Identifier: Apache-2.0
/* `detectors:` of the connector: what they are fed, when they tell, and what configuration is refused. */
#include "tests/harness/data/testdata.h"
#include "tests/unit/processors/drift/stage.h"

#define CONFIG                                                                                               \
    "presets: [ml, gen_ai]\n"                                                                                \
    "reference: {learn: {observations: 1000000, duration: 0s}}\n"                                            \
    "detectors:\n"                                                                                           \
    "  - {feature: score}\n"                                                                                 \
    "  - {feature: score, type: page_hinkley, parameters: {threshold: 50, variant: 1}}\n"                    \
    "  - {feature: outcome, type: ddm, equals: wrong}\n"                                                     \
    "  - {feature: error.type, type: ddm, series: present}\n"

static double
told(struct stage *stage, const char *metric, const char *feature, const char *type)
{
    return look(stage, metric, ATTRIBUTES("ml.feature.name", feature, "ml.drift.detector", type)).value;
}

/* The published streams one record each, 100 a request, 1 s apart: the counts, and when the last change was.
 */
static void
test_published_streams(void **state)
{
    struct stage *stage;
    json_t *river, *streams;
    double *s1, *s2;
    size_t n;
    int64_t began;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    river = testdata_json("stat/published/drift_detectors_river.json");
    streams = json_object_get(river, "streams");
    s1 = testdata_numbers(json_object_get(streams, "s1"), &n);
    s2 = testdata_numbers(json_object_get(streams, "s2"), &n);
    stage = stage_new(CONFIG);
    began = stage_now(stage);
    for (size_t i = 0; i < n; i++) {
        const struct field fields[] = {NUMBER("ml.prediction.score", s1[i]),
                                       TEXT("ml.feature.outcome", s2[i] > 0 ? "wrong" : "right"),
                                       TEXT("gen_ai.request.model", "m"), TEXT("error.type", "timeout")};

        record(stage, stage_now(stage), fields, s2[i] > 0 ? 4 : 3);
        if (i % 100 == 99) {
            send(stage);
            otc_vhost_advance(stage->vhost, OTC_SECOND);
        }
    }
    flush(stage);
    assert_float_equal(told(stage, "ml.drift.detector.observations", "score", "adwin"), 2000, 0);
    assert_float_equal(told(stage, "ml.drift.detector.changes", "score", "adwin"), 1, 0);
    assert_float_equal(told(stage, "ml.drift.detector.changes", "score", "page_hinkley"), 2, 0);
    assert_float_equal(told(stage, "ml.drift.detector.changes", "outcome", "ddm"), 1, 0);
    assert_float_equal(told(stage, "ml.drift.detector.changes", "error.type", "ddm"), 1, 0);
    assert_float_equal(told(stage, "ml.drift.detector.observations", "error.type", "ddm"), 2000, 0);
    /* ADWIN told at index 1023, in the request of the 11th second. */
    assert_true(fabs(told(stage, "ml.drift.detector.last_change", "score", "adwin") -
                     (double)(began + 10 * OTC_SECOND) / 1e9) < 1e-3);
    assert_float_equal(told(stage, "ml.drift.detector.warning", "score", "adwin"), 0, 0);
    stage_free(stage);
    free(s1);
    free(s2);
    json_decref(river);
}

static void
assert_refused(const char *yaml, const char *text)
{
    char got[2048];
    struct otc_config *config = stage_config(yaml, got, sizeof(got));

    assert_null(config);
    if (!strstr(got, text)) {
        fail_msg("'%s' is not in: %s", text, got);
    }
}

static void
test_wrong_configurations(void **state)
{
    (void)state;
    assert_refused("detectors: [{feature: x, type: awdin}]", "adwin");
    assert_refused("detectors: [{type: adwin}]", "feature");
    assert_refused("{presets: [gen_ai], detectors: [{feature: income}]}",
                   "detectors::feature: 'income' is not watched");
    assert_refused("detectors: [{feature: x, parameters: {delt: 0.1}}]",
                   "detectors::parameters: adwin has no 'delt'; it has delta, clock");
    assert_refused("detectors: [{feature: x, parameters: {clock: 0.5}}]",
                   "detectors::parameters::clock: adwin must be a whole number from 1 to 1e+06, got 0.5");
    assert_refused("detectors: [{feature: x, series: missing, equals: y}]",
                   "detectors::equals: goes with `series: value` alone");
    assert_refused("detectors: [{feature: x}, {feature: x, parameters: {delta: 0.1}}]",
                   "detectors: two entries of type adwin on value of 'x'");
}

static void
keep_line(void *arg, const char *text)
{
    struct otc_buf *lines = arg;

    (void)otc_buf_printf(lines, "%s\n", text);
}

static void
test_explained(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf lines = {.limit = 1 << 16};
    char text[2048];
    struct otc_config *config = stage_config(CONFIG, text, sizeof(text));

    (void)state;
    assert_non_null(config);
    assert_int_equal(otc_drift_processor_factory.explain(otc_config_value(config), keep_line, &lines, &err),
                     OTC_OK);
    assert_non_null(strstr(otc_buf_cstr(&lines), "detector adwin: of score, its value\n"));
    assert_non_null(strstr(otc_buf_cstr(&lines), "detector ddm: of outcome, its value = wrong\n"));
    otc_buf_release(&lines);
    otc_config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_streams),
        cmocka_unit_test(test_wrong_configurations),
        cmocka_unit_test(test_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
