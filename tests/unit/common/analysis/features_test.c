// SPDX-License-Identifier: Apache-2.0
/* Values as numbers and categories, and what a record shows of the features. */
#include "common/analysis/features.h"
#include "common/analysis/presets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct otc_value
real(double number)
{
    return (struct otc_value){.type = OTC_VALUE_DOUBLE, .as.real = number};
}

static struct otc_value
integer(int64_t number)
{
    return (struct otc_value){.type = OTC_VALUE_INT, .as.integer = number};
}

static struct otc_value
text(const char *string)
{
    return (struct otc_value){.type = OTC_VALUE_STRING, .as.slice = otc_slice_str(string)};
}

static void
test_numbers(void **state)
{
    const struct {
        struct otc_value value;
        enum otc_value_class class;
        double number;
    } cases[] = {{integer(-7), OTC_CLASS_VALUE, -7},
                 {real(0.5), OTC_CLASS_VALUE, 0.5},
                 {real(NAN), OTC_CLASS_MISSING, 0},
                 {real(INFINITY), OTC_CLASS_INVALID, 0},
                 {real(-INFINITY), OTC_CLASS_INVALID, 0},
                 {text("3.2"), OTC_CLASS_INVALID, 0},
                 {text(""), OTC_CLASS_MISSING, 0},
                 {{.type = OTC_VALUE_EMPTY}, OTC_CLASS_MISSING, 0},
                 {{.type = OTC_VALUE_ABSENT}, OTC_CLASS_MISSING, 0},
                 {{.type = OTC_VALUE_BOOL, .as.boolean = true}, OTC_CLASS_INVALID, 0},
                 {{.type = OTC_VALUE_ARRAY}, OTC_CLASS_INVALID, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double number = 0;

        assert_int_equal(otc_value_number(&cases[i].value, &number), cases[i].class);
        if (cases[i].class == OTC_CLASS_VALUE) {
            assert_float_equal(number, cases[i].number, 0);
        }
    }
}

static void
test_categories(void **state)
{
    const struct {
        struct otc_value value;
        enum otc_value_class class;
        const char *text;
    } cases[] = {{text("DE"), OTC_CLASS_VALUE, "DE"},
                 {text(" DE"), OTC_CLASS_VALUE, " DE"},
                 {integer(1), OTC_CLASS_VALUE, "1"},
                 {real(1.0), OTC_CLASS_VALUE, "1"},
                 {real(-0.0), OTC_CLASS_VALUE, "0"},
                 {real(0.1), OTC_CLASS_VALUE, "0.1"},
                 {integer(INT64_MIN), OTC_CLASS_VALUE, "-9223372036854775808"},
                 {{.type = OTC_VALUE_BOOL, .as.boolean = true}, OTC_CLASS_VALUE, "true"},
                 {{.type = OTC_VALUE_BOOL}, OTC_CLASS_VALUE, "false"},
                 {text(""), OTC_CLASS_MISSING, ""},
                 {real(NAN), OTC_CLASS_MISSING, ""},
                 {real(INFINITY), OTC_CLASS_INVALID, ""},
                 {{.type = OTC_VALUE_KVLIST}, OTC_CLASS_INVALID, ""},
                 {{.type = OTC_VALUE_BYTES}, OTC_CLASS_INVALID, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char scratch[32];
        struct otc_slice found = OTC_SLICE_NONE;

        assert_int_equal(otc_value_category(&cases[i].value, scratch, &found), cases[i].class);
        if (cases[i].class == OTC_CLASS_VALUE && !otc_slice_equal_str(found, cases[i].text)) {
            fail_msg("case %zu: '%.*s'", i, OTC_SLICE_ARG(found));
        }
    }
}

static void
test_tool_calls(void **state)
{
    struct otc_value messages =
        text("[{\"parts\":[{\"type\":\"tool_call\"},{\"type\":\n \"tool_call\"},{\"type\":\"text\"}]}]");
    struct otc_value quoted = text("[{\"parts\":[{\"content\":\"\\\"type\\\":\\\"tool_call\\\"\"}]}]");
    struct otc_value cut = text("[{\"type\"");
    struct otc_value none = integer(3);

    (void)state;
    assert_float_equal(otc_tool_calls_in_messages(&messages), 2, 0);
    assert_float_equal(otc_tool_calls_in_messages(&quoted), 0, 0);
    assert_float_equal(otc_tool_calls_in_messages(&cut), 0, 0);
    assert_true(isnan(otc_tool_calls_in_messages(&none)));
    assert_true(otc_is_tool_call_key(otc_slice_str("0.tool_calls.1.name")));
    assert_false(otc_is_tool_call_key(otc_slice_str("0.tool_calls.1.arguments")));
    assert_false(otc_is_tool_call_key(otc_slice_str("0.name")));
}

/* A record that carries just what `keys` and `values` say, for a set whose entries stand at the front. */
static size_t
observe(const struct otc_feature_set *set, const char *const *keys, const struct otc_value *given, size_t n,
        struct otc_observed *out, size_t max, size_t *lost)
{
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    struct otc_value values[OTC_PROJECTION_MAX] = {{0}};
    struct otc_match matches[16];
    struct otc_record record = {.values = values, .matches = matches};
    size_t n_wanted = otc_feature_set_wanted(set, wanted);

    for (size_t i = 0; i < n; i++) {
        for (size_t w = 0; w < n_wanted; w++) {
            size_t len = strlen(wanted[w].key);

            if (!wanted[w].prefix && strcmp(wanted[w].key, keys[i]) == 0) {
                values[w] = given[i];
            } else if (wanted[w].prefix && strncmp(wanted[w].key, keys[i], len) == 0) {
                matches[record.n_matches++] = (struct otc_match){w, otc_slice_str(keys[i] + len), given[i]};
            }
        }
    }
    return otc_feature_set_observe(set, &record, 0, 1.5, out, max, lost);
}

static void
test_what_a_record_shows(void **state)
{
    char ml[] = "ml", gen_ai[] = "gen_ai", name[] = "age", from[] = "attributes[\"ml.feature.age\"]";
    char *presets[] = {ml, gen_ai};
    const otc_strings both = {presets, 2};
    struct otc_feature_config explicit_age = {name, from, {OTC_CATEGORICAL}, 10};
    const otc_list features = {&explicit_age, 1};
    struct otc_feature_set *set = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_observed out[16];
    size_t lost;
    const char *const scored[] = {"ml.feature.age", "ml.feature.income", "ml.prediction.age", "error.type"};
    const struct otc_value values[] = {integer(30), real(2.5), real(0.5), text("x")};
    const char *const generated[] = {"gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "error.type"};
    const struct otc_value tokens[] = {integer(10), integer(5), text("timeout")};

    (void)state;
    assert_int_equal(otc_feature_set_new(&both, &features, &set, &err), OTC_OK);
    assert_true(otc_feature_set_discovers(set));
    /* The explicit entry counts, not the discovered one; no duration and no error of what is no generative
     * call. */
    assert_int_equal(observe(set, scored, values, 4, out, 16, &lost), 3);
    assert_int_equal(out[0].feature, 0);
    assert_int_equal(otc_feature_set_at(set, 0)->type, OTC_CATEGORICAL);
    assert_true(otc_slice_equal_str(out[1].name, "income"));
    assert_int_equal(out[1].feature, OTC_FEATURE_DISCOVERED);
    assert_int_equal(out[2].kind, OTC_KIND_PREDICTION);
    /* Tokens, their ratio, the duration, the error. */
    assert_int_equal(observe(set, generated, tokens, 3, out, 16, &lost), 5);
    assert_int_equal(lost, 0);
    assert_true(otc_slice_equal_str(out[2].name, "token_ratio"));
    assert_float_equal(out[2].value.as.real, 0.5, 0);
    assert_float_equal(out[3].value.as.real, 1.5, 0);
    /* More than there is room for. */
    assert_int_equal(observe(set, generated, tokens, 3, out, 2, &lost), 2);
    assert_int_equal(lost, 3);
    /* An error alone makes no record. */
    assert_int_equal(observe(set, generated + 2, tokens + 2, 1, out, 16, &lost), 0);
    otc_feature_set_free(set);
}

static void
test_places_of_attributes(void **state)
{
    static const struct {
        const char *from;
        int level; /* -1: refused */
        const char *key;
    } cases[] = {{"attributes[\"a.b\"]", OTC_AT_RECORD, "a.b"},
                 {"span.attributes[\"a\"]", OTC_AT_RECORD, "a"},
                 {"resource.attributes[\"a\"]", OTC_AT_RESOURCE, "a"},
                 {"scope.attributes[\"a\"]", OTC_AT_SCOPE, "a"},
                 {"attributes['a']", -1, NULL},
                 {"attributes[\"a\"][\"b\"]", -1, NULL},
                 {"attributes[\"\"]", -1, NULL},
                 {"body", -1, NULL},
                 {"", -1, NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[] = "x", from[64];
        struct otc_feature_config config = {name, from, {OTC_NUMERIC}, 10};
        const otc_list features = {&config, 1};
        struct otc_feature_set *set = NULL;
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_wanted wanted[4];
        otc_status status;

        (void)snprintf(from, sizeof(from), "%s", cases[i].from);
        status = otc_feature_set_new(NULL, &features, &set, &err);
        assert_int_equal(status, cases[i].level < 0 ? OTC_INVALID_ARGUMENT : OTC_OK);
        if (status == OTC_OK) {
            assert_int_equal(otc_feature_set_wanted(set, wanted), 1);
            assert_string_equal(wanted[0].key, cases[i].key);
            assert_int_equal(wanted[0].level, cases[i].level);
        }
        otc_feature_set_free(set);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_tool_calls),
        cmocka_unit_test(test_what_a_record_shows),
        cmocka_unit_test(test_places_of_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
