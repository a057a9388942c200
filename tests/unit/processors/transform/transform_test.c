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

/* What a configuration makes of the attributes of a span. */
static void
expect_item(const char *yaml, const char *before, const char *after)
{
    struct otc_edited edited;
    const char *got;

    otc_edited_begin_for(&edited, factory, OTC_TRACES, yaml);
    got = otc_edited_item(&edited, OTC_TRACES, before);
    if (!got || strcmp(got, after) != 0) {
        fail_msg("%s: %s gives %s, expected %s", yaml, before, got ? got : "nothing", after);
    }
    otc_edited_end(&edited);
}

/* One statement on spans. */
static void
expect_span(const char *statement, const char *before, const char *after)
{
    OTC_AUTO_BUF struct otc_buf yaml = {.limit = 4096};

    otc_buf_printf(&yaml, "trace_statements: [{context: span, statements: ['%s']}]", statement);
    expect_item(otc_buf_cstr(&yaml), before, after);
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
all_values_and_keys_are_replaced(void **state)
{
    (void)state;
    expect_span("replace_all_patterns(attributes, \"value\", \"b+\", \"<$0>\")", "a='abbc' b='x' c=5 d='b'",
                "a='a<bb>c' b='x' c=5 d='<b>'");
    expect_span("replace_all_patterns(attributes, \"key\", \"^k8s\\\\.(.*)$\", \"kube.$1\")",
                "a=1 k8s.pod='p' xk8s.n=2", "a=1 xk8s.n=2 kube.pod='p'");
    /* Of two that get one name the last one counts, wherever it was. */
    expect_span("replace_all_patterns(attributes, \"key\", \"^a\", \"b\")", "a=1 b=2", "b=2");
    expect_span("replace_all_patterns(attributes, \"key\", \"^a\", \"b\")", "b=2 a=1", "b=1");
    expect_span("replace_all_patterns(attributes, \"key\", \"^a.\", \"b\")", "ax=1 ay=2", "b=2");
    expect_span("replace_all_patterns(attributes, \"key\", \"a\", \"aa\")", "a=1 aa=2", "aa=1 aaaa=2");
    expect_span("replace_match(attributes[\"a\"], \"/user/*/list/*\", \"/user/list\")",
                "a='/user/7/list/8/9'", "a='/user/list'");
    expect_span("replace_match(attributes[\"a\"], \"user\", \"-\")", "a='/user/'", "a='/user/'");
    expect_span("replace_match(attributes[\"a\"], \"*\", \"-\")", "a=7", "a=7");
    expect_span("replace_match(attributes[\"z\"], \"*\", \"-\")", "a=7", "a=7");
    expect_span("replace_all_matches(attributes, \"{GET,PUT} /?[!0-9x-]*\", \"{}\")",
                "a='GET /a.b' b='PUT /ab' c='POST /a' d='GET /x7' e='GET /' f=1",
                "a='{}' b='{}' c='POST /a' d='GET /x7' e='GET /' f=1");
    expect_span("replace_all_matches(attributes, \"a\\\\*[*]\", name)", "a='a**' b='abc'", "a='' b='abc'");
}

static void
maps_are_merged_and_kept(void **state)
{
    struct otc_edited edited;

    (void)state;
    expect_span("keep_matching_keys(attributes, \"^a\")", "a=1 b=2 ab=3", "a=1 ab=3");
    for (int i = 0; i < 3; i++) {
        static const char *const cases[][2] = {
            {"insert", "item{a=1 b=2 c=4}"}, {"update", "item{a=1 b=3}"}, {"upsert", "item{a=1 b=3 c=4}"}};
        OTC_AUTO_BUF struct otc_buf yaml = {.limit = 4096}, want = {.limit = 4096};

        (void)otc_buf_printf(&yaml,
                             "trace_statements: ['merge_maps(span.attributes, resource.attributes, \"%s\")']",
                             cases[i][0]);
        (void)otc_buf_printf(&want, "resource{b=3 c=4} scope{} %s", cases[i][1]);
        otc_edited_begin_for(&edited, factory, OTC_TRACES, otc_buf_cstr(&yaml));
        assert_string_equal(
            otc_edited_json(
                &edited, OTC_TRACES,
                "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"b\",\"value\":{\"intValue\":3}"
                "},"
                "{\"key\":\"c\",\"value\":{\"intValue\":4}}]},\"scopeSpans\":[{\"spans\":[{\"attributes\":[{"
                "\"key\":"
                "\"a\",\"value\":{\"intValue\":1}},{\"key\":\"b\",\"value\":{\"intValue\":2}}]}]}]}]}",
                NULL),
            otc_buf_cstr(&want));
        otc_edited_end(&edited);
    }
    expect_span("merge_maps(attributes, attributes[\"a\"], \"upsert\")", "a=1", "a=1"); /* no map: it fails */
}

/* "a" with this text, as otc_edited_item takes it. */
static void
put_text(struct otc_buf *out, const char *text)
{
    (void)otc_buf_append_str(out, "a='");
    for (; *text; text++) {
        (void)otc_buf_append_str(out, *text == '"' ? "\\" : "");
        (void)otc_buf_append_byte(out, (uint8_t)*text);
    }
    (void)otc_buf_append_str(out, "'");
}

/* merge_maps with a map that a text holds, then another statement. */
static void
expect_parsed(const char *then, const char *json, const char *after)
{
    OTC_AUTO_BUF struct otc_buf yaml = {.limit = 4096}, before = {.limit = 4096};

    (void)otc_buf_printf(&yaml,
                         "trace_statements: [{context: span, statements: ["
                         "'merge_maps(attributes, ParseJSON(attributes[\"a\"]), \"upsert\")', "
                         "'delete_key(attributes, \"a\")'%s%s%s]}]",
                         *then ? ", '" : "", then, *then ? "'" : "");
    put_text(&before, json);
    expect_item(otc_buf_cstr(&yaml), otc_buf_cstr(&before), after);
}

static void
json_becomes_attributes(void **state)
{
    (void)state;
    expect_parsed("", "{\"x\":1,\"y\":\"s\",\"z\":true}", "x=1 y='s' z=true");
    expect_parsed("", "[1]", "");
    expect_parsed("", "7", "");
    expect_parsed("", "{\"x\":", "");
    expect_parsed("flatten(attributes)", "{\"x\":{\"y\":1,\"l\":[\"p\",{\"q\":2}],\"e\":{}},\"w\":3}",
                  "w=3 x.y=1 x.l.0='p' x.l.1.q=2");
    expect_parsed("flatten(attributes, \"p\")", "{\"x\":{\"y\":1},\"w\":3}", "p.x.y=1 p.w=3");
    expect_parsed("flatten(attributes)", "{\"x.y\":1,\"x\":{\"y\":2}}", "x.y=2");
    expect_parsed("flatten(attributes)", "{\"x\":{\"y\":2},\"x.y\":1}", "x.y=1");
}

/* More keys than are looked through one by one; k7 was there before. */
static void
maps_of_many_keys(void **state)
{
    static const char *const cases[][2] = {
        {"replace_all_patterns(attributes, \"key\", \"^k\", \"n\")", "n"},
        {"flatten(attributes, \"n\")", "n.k"},
        {"merge_maps(attributes, ParseJSON(attributes[\"a\"]), \"upsert\")", "k"}};
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)otc_buf_printf(&json, "%s\"k%d\":%d", i ? "," : "{", i, i);
    }
    (void)otc_buf_append_str(&json, "}");
    for (size_t i = 0; i < 3; i++) {
        OTC_AUTO_BUF struct otc_buf yaml = {.limit = 4096}, before = {.limit = 1 << 20},
                                    want = {.limit = 1 << 20};

        (void)otc_buf_printf(&yaml,
                             "trace_statements: [{context: span, statements: ["
                             "'merge_maps(attributes, ParseJSON(attributes[\"a\"]), \"insert\")', '%s', "
                             "'delete_key(attributes, \"a\")', 'delete_key(attributes, \"n.a\")']}]",
                             cases[i][0]);
        (void)otc_buf_append_str(&before, "k7='old' ");
        put_text(&before, otc_buf_cstr(&json));
        (void)otc_buf_printf(&want, i == 2 ? "k7=7" : "%s7='old'", cases[i][1]);
        for (int k = 0; k < 1000; k++) {
            if (k != 7) {
                (void)otc_buf_printf(&want, " %s%d=%d", cases[i][1], k, k);
            }
        }
        expect_item(otc_buf_cstr(&yaml), otc_buf_cstr(&before), otc_buf_cstr(&want));
    }
}

static void
put_times(struct otc_buf *out, const char *text, int times)
{
    for (int i = 0; i < times; i++) {
        (void)otc_buf_append_str(out, text);
    }
}

/* A key that is too long: all attributes stay as they are. */
static void
what_cannot_be_flattened_stays(void **state)
{
    static const char request[] = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":["
                                  "{\"key\":\"z\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"y\","
                                  "\"value\":{\"intValue\":1}}]}}},"
                                  "{\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"";
    OTC_AUTO_BUF struct otc_buf json = {.limit = 4 << 20};
    struct otc_edited edited;

    (void)state;
    (void)otc_buf_append_str(&json, request);
    put_times(&json, "k", 600000);
    (void)otc_buf_append_str(&json, "\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"");
    put_times(&json, "k", 600000);
    (void)otc_buf_append_str(&json, "\",\"value\":{\"intValue\":1}}]}}}]}}}]}]}]}]}");
    otc_edited_begin_for(&edited, factory, OTC_TRACES,
                         "trace_statements: [{context: span, statements: ['flatten(attributes)', "
                         "'set(attributes[\"kept\"], true) where attributes[\"m\"] != nil', "
                         "'delete_key(attributes, \"m\")']}]");
    assert_string_equal(otc_edited_json(&edited, OTC_TRACES, otc_buf_cstr(&json), NULL),
                        "resource{} scope{} item{z={\"y\":1} kept=true}");
    otc_edited_end(&edited);
}

/* Most of 1 MiB of it, made of the attribute "a" of put_many_spans. */
#define MANY_TEXTS                                                                                           \
    "ToLowerCase(ToUpperCase(Concat(Split(attributes[\"a\"], \"\"), \"................................\")))"

/* A hundred spans. */
static void
put_many_spans(struct otc_buf *json)
{
    (void)otc_buf_append_str(json, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[");
    for (int i = 0; i < 100; i++) {
        (void)otc_buf_append_str(json, i > 0 ? "," : "");
        (void)otc_buf_printf(json, "{\"name\":\"span %d\",\"attributes\":[{\"key\":\"a\",\"value\":{", i);
        (void)otc_buf_append_str(json, "\"stringValue\":\"");
        put_times(json, "a", 8192);
        (void)otc_buf_append_str(json, "\"}}]}");
    }
    (void)otc_buf_append_str(json, "]}]}]}");
}

/* More texts than are held at once, in a condition and in a statement. */
static void
texts_are_made_of_many_items(void **state)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20}, want = {.limit = 4096};
    struct otc_edited edited;

    (void)state;
    put_many_spans(&json);
    (void)otc_buf_append_str(&want, "resource{} scope{}");
    put_times(&want, " item{n=270304}", 100);
    otc_edited_begin_for(&edited, factory, OTC_TRACES,
                         "trace_statements: [{context: span, conditions: ['Len(" MANY_TEXTS ") > 1'], "
                         "statements: ['set(attributes[\"n\"], Len(" MANY_TEXTS "))', "
                         "'delete_key(attributes, \"a\")']}]");
    assert_string_equal(otc_edited_json(&edited, OTC_TRACES, otc_buf_cstr(&json), NULL), otc_buf_cstr(&want));
    otc_edited_end(&edited);
}

/* The same for the resource around them: what was set first is still there at the end. */
static void
texts_are_made_for_what_is_around_many_items(void **state)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20}, want = {.limit = 4096};
    struct otc_edited edited;

    (void)state;
    put_many_spans(&json);
    (void)otc_buf_append_str(&want, "resource{first='SPAN 0' last='SPAN 99'} scope{}");
    put_times(&want, " item{}", 100);
    otc_edited_begin_for(&edited, factory, OTC_TRACES,
                         "trace_statements: [{context: span, statements: ["
                         "'set(resource.attributes[\"first\"], ToUpperCase(name)) "
                         "where Len(" MANY_TEXTS ") > 1 and name == \"span 0\"', "
                         "'set(resource.attributes[\"last\"], ToUpperCase(name)) where Len(" MANY_TEXTS
                         ") > 1', "
                         "'delete_key(attributes, \"a\")']}]");
    assert_string_equal(otc_edited_json(&edited, OTC_TRACES, otc_buf_cstr(&json), NULL), otc_buf_cstr(&want));
    otc_edited_end(&edited);
}

static void
texts_are_made(void **state)
{
    (void)state;
    expect_span("set(attributes[\"b\"], ToLowerCase(attributes[\"a\"]))", "a='GET'", "a='GET' b='get'");
    expect_span("set(attributes[\"a\"], ToUpperCase(attributes[\"a\"]))", "a='stra\u00dfe \u00e4\u0436'",
                "a='STRA\u00dfE \u00c4\u0416'");
    expect_span("set(attributes[\"a\"], Trim(attributes[\"a\"]))", "a='  x y '", "a='x y'");
    expect_span("set(attributes[\"a\"], Trim(attributes[\"a\"], \"\u00e4/\"))", "a='/\u00e4x/\u00f6\u00e4'",
                "a='x/\u00f6'");
    expect_span("set(attributes[\"a\"], TrimPrefix(attributes[\"a\"], \"v\"))", "a='v1v'", "a='1v'");
    expect_span("set(attributes[\"a\"], TrimSuffix(attributes[\"a\"], \"v\"))", "a='v1v'", "a='v1'");
    expect_span("set(attributes[\"a\"], Concat(Split(attributes[\"a\"], \",\"), \"|\"))", "a='x,,y,'",
                "a='x||y|'");
    expect_span("set(attributes[\"a\"], Concat(Split(attributes[\"a\"], \"\"), \"|\"))", "a='x\u00e4y'",
                "a='x|\u00e4|y'");
    expect_span("set(attributes[\"a\"], Len(Split(attributes[\"a\"], \",\")))", "a=''", "a=1");
    expect_span("set(attributes[\"a\"], FNV(\"hello world\"))", "", "a=8618312879776256743");
    expect_span("set(attributes[\"a\"], SHA1(\"hello world\"))", "",
                "a='2aae6c35c94fcfb415dbe95f408b9ce91ee846ed'");
    expect_span("set(attributes[\"a\"], MD5(\"hello world\"))", "", "a='5eb63bbbe01eeed093cb22bb8f5acdc3'");
    expect_span("set(attributes[\"a\"], Len(SHA512(\"hello world\")))", "", "a=128");
    expect_span("set(attributes[\"a\"], ToUpperCase(attributes[\"a\"]))", "a=1",
                "a=1"); /* no text: it fails */
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
        OTC_UNAVAILABLE);
    assert_false(err.permanent);
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
        {"trace_statements: ['append(span.attributes)']",
         "character 1: undefined function \"append\"; this build has"},
        {"trace_statements: ['flatten(span.attributes, 5)']", "a prefix in double quotes"},
        {"trace_statements: ['flatten(span.attributes, \"\", 0)']", "a number from 1"},
        {"trace_statements: ['flatten(span.attributes, depth=2)']", "character 26: "},
        {"trace_statements: ['flatten(span.name)']", "attributes, a map"},
        {"trace_statements: ['set(span.nome, \"a\")']", "character 5: \"span.nome\" is no path"},
        {"trace_statements: ['set(span.attributes[\"a\"], Nope(1))']",
         "character 27: undefined function \"Nope\""},
        {"trace_statements: ['set(span.trace_id, \"a\")']",
         "character 5: \"span.trace_id\" cannot be set in this build"},
        {"trace_statements: ['set(span.attributes, \"a\")']", "cannot be set at once"},
        {"trace_statements: ['delete_key(span.name, \"a\")']", "character 12: expected attributes, a map"},
        {"trace_statements: ['delete_matching_keys(span.attributes, \"(\")']", "error parsing regexp"},
        {"trace_statements: ['truncate_all(span.attributes, span.kind)']", "a number from 0"},
        {"trace_statements: ['keep_matching_keys(span.attributes, span.name)']",
         "a pattern in double quotes"},
        {"trace_statements: ['replace_all_patterns(span.attributes, \"both\", \"a\", \"b\")']",
         "expected \"key\" or \"value\""},
        {"trace_statements: ['replace_all_patterns(span.attributes, \"key\", \"(\", \"b\")']",
         "error parsing regexp"},
        {"trace_statements: ['replace_all_patterns(span.attributes, \"a\", \"b\")']",
         "replace_all_patterns takes 4 arguments"},
        {"trace_statements: ['replace_match(span.attributes, \"a\", \"b\")']", "cannot be set at once"},
        {"trace_statements: ['replace_match(span.name, \"[a\", \"b\")']", "character 26: "},
        {"trace_statements: ['replace_all_matches(span.name, \"a\", \"b\")']", "attributes, a map"},
        {"trace_statements: ['merge_maps(span.attributes, span.attributes, \"over\")']",
         "expected \"insert\", \"update\" or \"upsert\""},
        {"trace_statements: ['keep_keys(span.attributes, \"a\")']", "a list of keys"},
        {"trace_statements: ['truncate_all(span.attributes, -1)']", "a number from 0"},
        {"trace_statements: ['set(span.name)']", "set takes 2 arguments"},
        {"trace_statements: ['flatten(span.attributes, \"\", 1, 2)']",
         "character 1: flatten takes 1 to 3 arguments"},
        {"trace_statements: ['limit(span.attributes)']", "character 1: limit takes 2 to 3 arguments"},
        {"trace_statements: ['set(name, \"a\")']", "unable to infer a context"},
        {"trace_statements: [{context: log, statements: []}]", "unknown context \"log\" for traces"},
        {"trace_statements: [{context: span, error_mode: loud}]", "error_mode: \"loud\" is none of"},
        {"trace_statements: [{context: span, statement: []}]", "has invalid keys: statement"},
        {"trace_statements: [5]", "expected a text, or a map with `statements`"},
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
        cmocka_unit_test(all_values_and_keys_are_replaced),
        cmocka_unit_test(maps_are_merged_and_kept),
        cmocka_unit_test(json_becomes_attributes),
        cmocka_unit_test(maps_of_many_keys),
        cmocka_unit_test(what_cannot_be_flattened_stays),
        cmocka_unit_test(texts_are_made_of_many_items),
        cmocka_unit_test(texts_are_made_for_what_is_around_many_items),
        cmocka_unit_test(texts_are_made),
        cmocka_unit_test(each_statement_sees_what_those_before_it_did),
        cmocka_unit_test(every_context_can_be_written),
        cmocka_unit_test(what_is_not_concerned_passes_as_it_is),
        cmocka_unit_test(a_statement_that_fails_is_told_or_passed_over),
        cmocka_unit_test(wrong_statements_are_refused),
    };

    return cmocka_run_group_tests_name("processors/transform", tests, NULL, NULL);
}
