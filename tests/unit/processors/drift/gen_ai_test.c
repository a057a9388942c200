// SPDX-License-Identifier: Apache-2.0
/* The preset gen_ai on spans as instrumentations write them, current and former names. */
#include "tests/unit/processors/drift/stage.h"

#define QUICK                                                                                                \
    "presets: [gen_ai]\nreference: {learn: {observations: 100, duration: 0s}}\n"                             \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\nmodel: {name: "            \
    "[gen_ai.request.model]}\n"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sends the same record every second until it was learned and compared, and leaves the last emission. */
static void
steady(struct stage *stage, const struct field *fields, size_t n)
{
    stage->model = NULL;
    for (int s = 0; s < 100; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 4; k++) {
            record(stage, stage_now(stage), fields, n);
        }
        send(stage);
    }
    flush(stage);
}

static void
test_current_names(void **state)
{
    static const char messages[] =
        "[{\"role\":\"assistant\",\"parts\":[{\"type\": \"text\",\"content\":\"say \\\"type\\\": "
        "\\\"tool_call\\\"\"},"
        "{\"type\" : \"tool_call\",\"name\":\"a\"},{\"name\":\"b\",\"type\":\"tool_call\"}]}]";
    const struct field fields[] = {TEXT("gen_ai.request.model", "gpt"),
                                   INTEGER("gen_ai.usage.input_tokens", 100),
                                   INTEGER("gen_ai.usage.output_tokens", 50),
                                   {.key = "gen_ai.response.finish_reasons", .text = "stop", .list = true},
                                   NUMBER("gen_ai.response.time_to_first_chunk", 0.5),
                                   TEXT("gen_ai.output.messages", messages)};
    static const char *const names[] = {"input_tokens",   "output_tokens", "token_ratio",        "duration",
                                        "finish_reasons", "tool_calls",    "time_to_first_chunk"};
    struct stage *stage = stage_new(QUICK);

    (void)state;
    steady(stage, fields, COUNT(fields));
    for (size_t i = 0; i < COUNT(names); i++) {
        struct wish wish =
            look(stage, "ml.drift.window.observations", ATTRIBUTES("ml.feature.name", names[i]));

        if (wish.found != 1 || !(wish.value > 200)) {
            fail_msg("%s: found %zu, observations %g", names[i], wish.found, wish.value);
        }
        assert_float_equal(of_feature(stage, "ml.feature.missing", names[i]), 0, 0);
        assert_float_equal(of_feature(stage, "ml.feature.invalid", names[i]), 0, 0);
    }
    assert_int_equal(look(stage, "ml.drift.window.observations",
                          ATTRIBUTES("ml.feature.name", "input_tokens", "ml.feature.kind", "tokens",
                                     "ml.model.name", "gpt"))
                         .found,
                     1);
    /* No call failed while learning: there is nothing to compare errors with. */
    assert_int_equal(
        look(stage, "ml.drift.window.observations", ATTRIBUTES("ml.feature.name", "error.type")).found, 0);
    assert_float_equal(of_feature(stage, "ml.drift.ks", "tool_calls"), 0, 0);
    /* What a value is shows where it leaves the reference's range. */
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range", "token_ratio"), 0, 0);
    stage_free(stage);
}

static void
test_former_names_are_the_same_features(void **state)
{
    const struct field current[] = {TEXT("gen_ai.request.model", "gpt"),
                                    INTEGER("gen_ai.usage.input_tokens", 100),
                                    INTEGER("gen_ai.usage.output_tokens", 50)};
    const struct field former[] = {TEXT("gen_ai.request.model", "gpt"),
                                   INTEGER("gen_ai.usage.prompt_tokens", 100),
                                   INTEGER("gen_ai.usage.completion_tokens", 500),
                                   TEXT("gen_ai.completion.0.tool_calls.0.name", "search"),
                                   TEXT("gen_ai.completion.0.role", "assistant")};
    struct stage *stage = stage_new(QUICK);

    (void)state;
    steady(stage, current, COUNT(current));
    record(stage, stage_now(stage), former, COUNT(former));
    send(stage);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range", "input_tokens"), 0, 0);
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range", "output_tokens"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.out_of_range", "token_ratio"), 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "input_tokens"), 0, 0);
    /* tool_calls was not in the reference. */
    assert_float_equal(
        look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "unknown_feature")).value, 1, 0);
    stage_free(stage);
}

static void
test_failed_calls_are_records_and_other_spans_are_not(void **state)
{
    const struct field good[] = {TEXT("gen_ai.request.model", "gpt"),
                                 INTEGER("gen_ai.usage.input_tokens", 100)};
    const struct field failed[] = {TEXT("gen_ai.request.model", "gpt"), TEXT("error.type", "timeout")};
    const struct field http[] = {TEXT("error.type", "500"), INTEGER("http.response.status_code", 500)};
    struct stage *stage = stage_new(QUICK);
    double records;

    (void)state;
    steady(stage, good, COUNT(good));
    records = of_model(stage, "ml.inference.records");
    record(stage, stage_now(stage), failed, COUNT(failed));
    record(stage, stage_now(stage), http, COUNT(http));
    send(stage);
    flush(stage);
    assert_float_equal(of_model(stage, "ml.inference.records"), records + 1, 0);
    assert_float_equal(of_feature(stage, "ml.feature.missing", "input_tokens"), 1, 0);
    stage_free(stage);
}

static void
test_errors_are_compared_by_their_share(void **state)
{
    const struct field good[] = {TEXT("gen_ai.request.model", "gpt"),
                                 INTEGER("gen_ai.usage.input_tokens", 100)};
    const struct field failed[] = {TEXT("gen_ai.request.model", "gpt"), TEXT("error.type", "timeout")};
    struct stage *stage = stage_new(QUICK);

    (void)state;
    stage->model = NULL;
    for (int s = 0; s < 200; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 10; k++) {
            /* One call in ten fails at first, four later. */
            bool fails = k < (s < 100 ? 1 : 4);

            record(stage, stage_now(stage), fails ? failed : good, 2);
        }
        send(stage);
    }
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.drift.detected", "error.type"), 1, 0);
    assert_float_equal(look(stage, "ml.drift.rejected",
                            ATTRIBUTES("ml.feature.name", "error.type", "ml.drift.test", "missing"))
                           .value,
                       1, 0);
    stage_free(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_current_names),
        cmocka_unit_test(test_former_names_are_the_same_features),
        cmocka_unit_test(test_failed_calls_are_records_and_other_spans_are_not),
        cmocka_unit_test(test_errors_are_compared_by_their_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
