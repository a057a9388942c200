// SPDX-License-Identifier: Apache-2.0
/* Statements in every context, their order, errors. tests/interop/collector_compare.py does the same beside
 * the real Collector. */
#include "tests/harness/edited.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct otc_factory otc_transform_processor_factory;
static const struct otc_factory *const factory = &otc_transform_processor_factory;

/* One statement on spans. */
static void
expect_span(const char *statement, const char *before, const char *after)
{
    OTC_AUTO_BUF struct otc_buf yaml = {.limit = 4096};
    struct otc_edited edited;
    const char *got;

    otc_buf_printf(&yaml, "trace_statements: [{context: span, statements: ['%s']}]", statement);
    otc_edited_begin_for(&edited, factory, OTC_TRACES, otc_buf_cstr(&yaml));
    got = otc_edited_item(&edited, OTC_TRACES, before);
    if (!got || strcmp(got, after) != 0) {
        fail_msg("%s: %s gives %s, expected %s", statement, before, got ? got : "nothing", after);
    }
    otc_edited_end(&edited);
}

static void
attributes_are_edited(void **state)
{
    (void)state;
    expect_span("set(attributes[\"a\"], 1)", "a=2 b=3", "a=1 b=3");
    expect_span("set(attributes[\"c\"], attributes[\"b\"] + 1) where attributes[\"a\"] == 2", "a=2 b=3",
                "a=2 b=3 c=4");
    expect_span("set(attributes[\"c\"], 1) where attributes[\"a\"] == 1", "a=2", "a=2");
    expect_span("set(attributes[\"c\"], attributes[\"x\"])", "a=2", "a=2");
    expect_span("set( attributes[\"c\"] , Concat([\"a,(\", \"b\"], \")\") )", "", "c='a,()b'");
    expect_span("delete_key(attributes, \"a\")", "a=1 b=2 a=3", "b=2");
    expect_span("delete_matching_keys(attributes, \"^a\")", "a=1 b=2 ab=3", "b=2");
    expect_span("keep_keys(attributes, [\"a\", \"z\"])", "b=1 a=2 ab=3", "a=2");
    expect_span("keep_keys(attributes, [])", "b=1 a=2", "");
    expect_span("limit(attributes, 2)", "a=1 b=2 c=3", "a=1 b=2");
    expect_span("limit(attributes, 2, [\"c\"])", "a=1 b=2 c=3", "a=1 c=3");
    expect_span("limit(attributes, 3, [\"c\"])", "a=1 b=2 c=3", "a=1 b=2 c=3");
    expect_span("truncate_all(attributes, 3)", "a='abcd' b='abc' c=12345 d='ab\u00e4'",
                "a='abc' b='abc' c=12345 d='ab'");
    expect_span("truncate_all(attributes, 0)", "a='abcd'", "a=''");
}

static void
patterns_are_replaced_as_go_does(void **state)
{
    (void)state;
    expect_span("replace_pattern(attributes[\"a\"], \"b+\", \"-\")", "a='abbcb'", "a='a-c-'");
    expect_span("replace_pattern(attributes[\"a\"], \"(?P<x>.)(.)\", \"$2${x}$$$9$x_\")", "a='abcd'",
                "a='ba$dc$'");
    expect_span("replace_pattern(attributes[\"a\"], \"b\", \"$\")", "a='abc'", "a='a$c'");
    expect_span("replace_pattern(attributes[\"a\"], \"b\", \"-\")", "a=12", "a=12");
    expect_span("replace_pattern(attributes[\"z\"], \"b\", \"-\")", "a=12", "a=12");
}

static void
each_statement_sees_what_those_before_it_did(void **state)
{
    struct otc_edited edited;

    (void)state;
    otc_edited_begin_for(
        &edited, factory, OTC_TRACES,
        "trace_statements:\n"
        "- context: span\n"
        "  conditions: ['attributes[\"go\"] == true']\n"
        "  statements:\n"
        "  - delete_key(attributes, \"go\")\n"
        "  - set(attributes[\"a\"], 1)\n"
        "  - set(attributes[\"b\"], attributes[\"a\"] + 1)\n"
        "- set(span.attributes[\"c\"], span.attributes[\"b\"] + 1) where span.attributes[\"b\"] != nil\n");
    assert_string_equal(otc_edited_item(&edited, OTC_TRACES, "go=true"), "a=1 b=2 c=3");
    assert_string_equal(otc_edited_item(&edited, OTC_TRACES, "go=false"), "go=false");
    otc_edited_end(&edited);
}

static void
every_context_can_be_written(void **state)
{
    struct otc_edited edited;

    (void)state;
    otc_edited_begin_for(
        &edited, factory, OTC_TRACES,
        "trace_statements:\n"
        "- set(resource.attributes[\"r\"], 1)\n"
        "- set(scope.attributes[\"s\"], 2)\n"
        "- set(spanevent.attributes[\"e\"], spanevent.name)\n"
        "- set(resource.attributes[\"last\"], span.name)\n"
        "- {statements: ['set(span.name, \"n\")', 'set(span.status.code, 2)', "
        "'set(span.attributes[\"seen\"], span.name) where span.status.code == STATUS_CODE_ERROR']}\n");
    assert_string_equal(
        otc_edited_json(
            &edited, OTC_TRACES,
            "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"x\"},{\"name\":\"y\",\"status\":{"
            "\"message\":\"m\"},\"events\":[{\"name\":\"ev\"}]}]}]}]}",
            NULL),
        "resource{r=1 last='y'} scope{s=2} item{seen='n'} item{seen='n'} event{e='ev'}");
    otc_edited_end(&edited);
    otc_edited_begin_for(&edited, factory, OTC_METRICS,
                         "metric_statements:\n"
                         "- {context: datapoint, statements: ['set(metric.name, \"bear\")']}\n"
                         "- set(datapoint.attributes[\"m\"], metric.name)\n");
    assert_string_equal(otc_edited_item(&edited, OTC_METRICS, "a=1"), "a=1 m='bear'");
    otc_edited_end(&edited);
    otc_edited_begin_for(&edited, factory, OTC_LOGS,
                         "log_statements:\n"
                         "- {context: log, statements: ['set(body, 5)', 'set(attributes[\"b\"], body + 1)', "
                         "'set(severity_number, 9)', 'set(attributes[\"s\"], severity_number)']}\n");
    assert_string_equal(otc_edited_item(&edited, OTC_LOGS, "a=1"), "a=1 b=6 s=9");
    otc_edited_end(&edited);
}

static void
what_is_not_concerned_passes_as_it_is(void **state)
{
    struct otc_edited edited;

    (void)state;
    otc_edited_begin_for(&edited, factory, OTC_LOGS, "log_statements: ['delete_key(log.attributes, \"x\")']");
    assert_string_equal(otc_edited_item(&edited, OTC_LOGS, "a=1"), "a=1");
    assert_int_equal(otc_vhost_charged(edited.rig.vhost), 0);
    otc_edited_end(&edited);
}

static void
a_statement_that_fails_is_told_or_passed_over(void **state)
{
    static const char statements[] =
        "log_statements: ['set(log.severity_text, 5)', 'set(log.attributes[\"b\"], 1)']";
    static const char request[] = "\x0a\x04\x12\x02\x12\x00";
    OTC_AUTO_BUF struct otc_buf yaml = {.limit = 4096};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_edited edited;
    struct otc_consumer *input;

    (void)state;
    otc_edited_begin_for(&edited, factory, OTC_LOGS, statements);
    assert_string_equal(otc_edited_item(&edited, OTC_LOGS, "a=1"), "a=1 b=1");
    otc_edited_end(&edited);
    otc_buf_printf(&yaml, "error_mode: propagate\n%s", statements);
    otc_edited_begin_for(&edited, factory, OTC_LOGS, otc_buf_cstr(&yaml));
    input = edited.rig.component->ops->input(edited.rig.component, OTC_LOGS);
    assert_int_equal(
        otc_consume(input, otc_batch_copy_of(OTC_LOGS, otc_slice_of(request, sizeof(request) - 1), 1, NULL),
                    NULL, &err),
        OTC_INTERNAL);
    assert_non_null(strstr(err.text, "the value is no text"));
    otc_edited_end(&edited);
}

static void
wrong_statements_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"trace_statements: [{context: span, statements: ['set(name, \"bear\" where attributes[\"a\"] == "
         "1']}]",
         "trace_statements[0]: unable to parse OTTL statement"},
        {"trace_statements: ['set(span.name, \"a\") when true']", "character 21: expected where, or the end"},
        {"trace_statements: ['flatten(span.attributes)']",
         "character 1: undefined function \"flatten\"; this build has"},
        {"trace_statements: ['set(span.nome, \"a\")']", "character 5: \"span.nome\" is no path"},
        {"trace_statements: ['set(span.attributes[\"a\"], Nope(1))']",
         "character 27: undefined function \"Nope\""},
        {"trace_statements: ['set(span.trace_id, \"a\")']",
         "character 5: \"span.trace_id\" cannot be set in this build"},
        {"trace_statements: ['set(span.attributes, \"a\")']", "cannot be set at once"},
        {"trace_statements: ['delete_key(span.name, \"a\")']", "character 12: expected attributes, a map"},
        {"trace_statements: ['delete_matching_keys(span.attributes, \"(\")']", "error parsing regexp"},
        {"trace_statements: ['keep_keys(span.attributes, \"a\")']", "a list of keys"},
        {"trace_statements: ['truncate_all(span.attributes, -1)']", "a number from 0"},
        {"trace_statements: ['set(span.name)']", "set takes 2 arguments"},
        {"trace_statements: ['set(name, \"a\")']", "unable to infer a context"},
        {"trace_statements: [{context: log, statements: []}]", "unknown context \"log\" for traces"},
        {"trace_statements: [{context: span, error_mode: loud}]", "error_mode: \"loud\" is none of"},
        {"trace_statements: [{context: span, statement: []}]", "has invalid keys: statement"},
        {"trace_statements: [5]", "expected a statement"},
        {"flatten_data: true", "does not support"},
        {"trace_statements: [{context: span, statements: ['set(resource.attributes[\"n\"], name)', "
         "'set(attributes[\"x\"], resource.attributes[\"n\"])']}]",
         "move that into a group of statements of its own"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(factory, cases[i][0], cases[i][1], &err)) {
            fail_msg("%s: %s", cases[i][0], err.text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_edited),
        cmocka_unit_test(patterns_are_replaced_as_go_does),
        cmocka_unit_test(each_statement_sees_what_those_before_it_did),
        cmocka_unit_test(every_context_can_be_written),
        cmocka_unit_test(what_is_not_concerned_passes_as_it_is),
        cmocka_unit_test(a_statement_that_fails_is_told_or_passed_over),
        cmocka_unit_test(wrong_statements_are_refused),
    };

    return cmocka_run_group_tests_name("processors/transform", tests, NULL, NULL);
}
