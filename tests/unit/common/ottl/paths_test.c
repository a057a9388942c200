// SPDX-License-Identifier: Apache-2.0
/* Conditions on encoded records: the grammar, comparisons, paths of every context, and errors. */
#include "common/ottl/paths.h"

#include "common/otlp/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ATTRIBUTES                                                                                           \
    "\"attributes\":[{\"key\":\"s\",\"value\":{\"stringValue\":\"text\"}},{\"key\":\"n\",\"value\":{"        \
    "\"intValue\":\"7\"}},"                                                                                  \
    "{\"key\":\"d\",\"value\":{\"doubleValue\":7.5}},{\"key\":\"b\",\"value\":{\"boolValue\":true}},{"       \
    "\"key\":\"e\","                                                                                         \
    "\"value\":{}},{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"x\"},{"          \
    "\"intValue\":1}]}}},{"                                                                                  \
    "\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":{\"arrayValue\":{"       \
    "\"values\":[{"                                                                                          \
    "\"intValue\":9}]}}}]}}},{\"key\":\"y\",\"value\":{\"bytesValue\":\"AAE=\"}},{\"key\":\"eb\",\"value\":" \
    "{\"bytesValue\":\"\"}},{\"key\":\"nan\",\"value\":{\"doubleValue\":\"NaN\"}},{\"key\":\"a\\tb\","       \
    "\"value\":{\"intValue\":1}}]"
#define AROUND(scopes)                                                                                       \
    "[{\"schemaUrl\":\"ru\",\"resource\":{\"attributes\":[{\"key\":\"r\",\"value\":{\"stringValue\":"        \
    "\"res\"}}],"                                                                                            \
    "\"droppedAttributesCount\":3},\"" scopes                                                                \
    "\":[{\"schemaUrl\":\"su\",\"scope\":{\"name\":\"lib\",\"version\":\"1.2\",\"attributes\":[{\"key\":"    \
    "\"sc\",\"value\":{"                                                                                     \
    "\"intValue\":\"1\"}}]},"

static const char *const requests[OTC_N_SIGNALS] = {
    "{\"resourceSpans\":" AROUND(
        "scopeSpans") "\"spans\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"
                      "\"0102030405060708\",\"name\":\"GET "
                      "/\",\"kind\":3,\"startTimeUnixNano\":\"1000000000\",\"endTimeUnixNano\":"
                      "\"3500000000\",\"droppedEventsCount\":2,\"status\":{\"code\":2,\"message\":\"bad\"},"
                      "\"events\":[{\"name\":"
                      "\"exception\",\"timeUnixNano\":\"5\"," ATTRIBUTES "}]," ATTRIBUTES "}]}]}]}",
    "{\"resourceMetrics\":" AROUND(
        "scopeMetrics") "\"metrics\":[{\"name\":\"m\",\"unit\":\"By\",\"sum\":{\"isMonotonic\":"
                        "true,\"aggregationTemporality\":2,\"dataPoints\":[{\"asDouble\":2.5,"
                        "\"timeUnixNano\":\"9\",\"flags\":1," ATTRIBUTES "}]}}]}]}]}",
    "{\"resourceLogs\":" AROUND("scopeLogs") "\"logRecords\":[{\"timeUnixNano\":\"5\",\"severityNumber\":17,"
                                             "\"severityText\":\"ERR\",\"eventName\":\"ev\",\"body\":{"
                                             "\"kvlistValue\":{\"values\":[{\"key\":\"msg\",\"value\":{"
                                             "\"stringValue\":\"hello\"}}]}}," ATTRIBUTES "}]}]}]}"};

/* The subject of the only item of a request. */
static struct otc_ottl_subject
subject_of(enum otc_signal signal, struct otc_buf *bytes)
{
    struct otc_ottl_subject subject = {0};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_slice rest, data;

    bytes->limit = (size_t)1 << 20;
    if (otc_json_to_protobuf(signal, otc_slice_str(requests[signal]), 64, bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    subject.resource_group = otc_message_bytes(otc_buf_slice(bytes), 1);
    subject.resource = otc_message_bytes(subject.resource_group, 1);
    subject.scope_group = otc_message_bytes(subject.resource_group, 2);
    subject.scope = otc_message_bytes(subject.scope_group, 1);
    rest = otc_message_bytes(subject.scope_group, 2);
    subject.item = subject.metric = rest;
    subject.event = otc_message_bytes(rest, 11);
    subject.event_index = 4;
    if (signal == OTC_METRICS) {
        subject.metric_type = otc_ottl_metric_data(rest, &data);
        subject.item = otc_message_bytes(data, 1);
    }
    return subject;
}

static enum otc_ottl_answer
ask(enum otc_signal signal, enum otc_ottl_context context, const char *text, char why[160])
{
    OTC_AUTO_BUF struct otc_buf bytes = {0};
    struct otc_ottl_subject subject = subject_of(signal, &bytes);
    struct otc_ottl_conditions conditions = {0};
    OTC_AUTO_ARENA struct otc_arena texts;
    struct otc_error err = OTC_ERROR_INIT;
    enum otc_ottl_answer answer;

    otc_arena_init(&texts, 1 << 20);
    if (otc_ottl_conditions_add(&conditions, context, text, &err) != OTC_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    answer = otc_ottl_any_holds(&conditions, &subject, &texts, why);
    otc_ottl_conditions_release(&conditions);
    return answer;
}

static void
expect(enum otc_signal signal, enum otc_ottl_context context, bool holds, const char *const *texts)
{
    for (; *texts; texts++) {
        char why[160] = "";
        enum otc_ottl_answer answer = ask(signal, context, *texts, why);

        if (answer != (holds ? OTC_OTTL_ONE_HOLDS : OTC_OTTL_NONE_HOLDS)) {
            fail_msg("%s should be %s %s", *texts, holds ? "true" : "false", why);
        }
    }
}
#define TRUE_OF(signal, context, ...) expect(signal, context, true, (const char *const[]){__VA_ARGS__, NULL})
#define FALSE_OF(signal, context, ...)                                                                       \
    expect(signal, context, false, (const char *const[]){__VA_ARGS__, NULL})

static void
booleans_bind_as_documented(void **state)
{
    (void)state;
    TRUE_OF(OTC_TRACES, OTC_OTTL_SPAN, "true", "not false", "true or false and false",
            "(true or false) and true", "not false and true", "not (true and false)",
            "1 == 1 and 2 > 1 or false", "((true))", "not not true", "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9",
            "10 - 2 - 3 == 5", "8 / 2 / 2 == 2", "-2 < -1", "2 - -1 == 3", "1.5 + 1 == 2.5", "7 / 2 == 3",
            "7 / 2.0 == 3.5", "not(1==2)", "(1 == 1) and (2 == 2)", "((1 + 1)) == 2",
            "-attributes[\"n\"] == -7", "-(1 + 2) == -3", "-(attributes[\"n\"]) * 2 == -14",
            "+attributes[\"n\"] == +7", ".5 < 1", "1e3 == 1000", "(IsInt(1))");
    FALSE_OF(OTC_TRACES, OTC_OTTL_SPAN, "false", "not true", "(true or true) and false", "1 == 2 or 1 > 2");
}

static void
types_compare_as_documented(void **state)
{
    (void)state;
    TRUE_OF(OTC_TRACES, OTC_OTTL_SPAN, "attributes[\"n\"] == 7", "attributes[\"n\"] == 7.0",
            "attributes[\"n\"] < attributes[\"d\"]", "attributes[\"s\"] == \"text\"",
            "attributes[\"s\"] > \"texs\"", "attributes[\"b\"] == true", "attributes[\"b\"] > false",
            "attributes[\"none\"] == nil", "attributes[\"e\"] == nil", "nil == nil",
            "attributes[\"s\"] != nil", "attributes[\"s\"] != 7", "attributes[\"y\"] == 0x0001",
            "0x00 < 0x0001", "attributes[\"l\"] == [\"x\", 1]", "attributes[\"l\"] != [\"x\"]",
            "\"a\\\"b\" == \"a\\\"b\"", "\"\\t\" < \" \"", "attributes[\"n\"] * 010 == 56",
            "attributes[\"eb\"] == nil", "nil == attributes[\"eb\"]", "attributes[\"eb\"] >= nil",
            "attributes[\"eb\"] != 0x00", "attributes[\"m\"] == attributes[\"m\"]", "[1] != [1.0]",
            "[nil] == [nil]",
            "ParseJSON(\"{\\\"a\\\":1,\\\"b\\\":[2]}\") == ParseJSON(\"{\\\"b\\\":[2],\\\"a\\\":1}\")",
            "ParseJSON(\"{\\\"a\\\":1,\\\"b\\\":[2]}\") != ParseJSON(\"{\\\"b\\\":[3],\\\"a\\\":1}\")",
            "ParseJSON(\"{\\\"a\\\":1}\") != ParseJSON(\"{\\\"a\\\":1,\\\"b\\\":2}\")");
    FALSE_OF(OTC_TRACES, OTC_OTTL_SPAN, "attributes[\"s\"] == 7", "attributes[\"s\"] < 7",
             "attributes[\"s\"] > 7", "attributes[\"none\"] < 1", "nil < nil", "attributes[\"none\"] != nil",
             "attributes[\"b\"] == \"true\"", "attributes[\"l\"] < [\"y\"]", "[1, 2] >= [1, 2]",
             "[1, 2] <= [1, 2]", "[1, 2] != [1, 2]", "attributes[\"m\"] >= attributes[\"m\"]",
             "trace_id >= trace_id", "trace_id == 0x0102030405060708090a0b0c0d0e0f10",
             "span_id < SpanID(0xffffffffffffffff)", "attributes[\"eb\"] != nil", "attributes[\"eb\"] < nil",
             "[attributes[\"nan\"]] == [attributes[\"nan\"]]");
}

/* Each value is looked at once, however deep and whatever the order is: twice a level would be 2^50 times. */
static void
deep_maps_compare_in_any_order(void **state)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 14};

    (void)state;
    for (int side = 0; side < 2; side++) {
        (void)otc_buf_append_str(&text, side ? " == ParseJSON(\"" : "ParseJSON(\"");
        for (int i = 0; i < 50; i++) {
            (void)otc_buf_append_str(&text, "{\\\"a\\\":");
        }
        (void)otc_buf_append_str(&text, "0");
        for (int i = 0; i < 50; i++) {
            (void)otc_buf_append_str(&text, side ? ",\\\"z\\\":2,\\\"b\\\":1}" : ",\\\"b\\\":1,\\\"z\\\":2}");
        }
        (void)otc_buf_append_str(&text, "\")");
    }
    TRUE_OF(OTC_TRACES, OTC_OTTL_SPAN, otc_buf_cstr(&text));
}

static void
paths_of_spans(void **state)
{
    (void)state;
    TRUE_OF(
        OTC_TRACES, OTC_OTTL_SPAN, "name == \"GET /\"", "span.name == \"GET /\"", "kind == SPAN_KIND_CLIENT",
        "kind.string == \"Client\"", "kind.deprecated_string == \"SPAN_KIND_CLIENT\"",
        "status.code == STATUS_CODE_ERROR", "status.message == \"bad\"",
        "end_time_unix_nano - start_time_unix_nano > 2000000000", "end_time - start_time > Duration(\"2s\")",
        "not (end_time - start_time > Duration(\"3s\"))", "Seconds(end_time - start_time) == 2.5",
        "Milliseconds(end_time - start_time) == 2500", "Minutes(Duration(\"90s\")) == 1.5",
        "Hours(Duration(\"90m\")) == 1.5", "UnixMilli(start_time) == 1000",
        "UnixNano(end_time) == 3500000000", "Microseconds(Duration(\"1ms\")) == 1000", "nil <= nil",
        "attributes[\"none\"] >= nil", "trace_id.string == \"0102030405060708090a0b0c0d0e0f10\"",
        "trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10)", "span_id == SpanID(0x0102030405060708)",
        "parent_span_id == SpanID(0x0000000000000000)", "parent_span_id.string == \"0000000000000000\"",
        "IsRootSpan()", "dropped_events_count == 2", "resource.attributes[\"r\"] == \"res\"",
        "resource.dropped_attributes_count == 3", "resource.schema_url == \"ru\"",
        "scope.schema_url == \"su\"", "instrumentation_scope.name == \"lib\"", "scope.version == \"1.2\"",
        "scope.attributes[\"sc\"] == 1", "attributes[\"m\"][\"k\"][0] == 9",
        "attributes[\"none\"][\"k\"] == nil", "attributes[\"l\"][0] == \"x\"", "Len(attributes) == 11",
        "IsMap(attributes[\"m\"])");
    FALSE_OF(OTC_TRACES, OTC_OTTL_SPAN, "name == \"\"", "resource.attributes[\"s\"] == \"text\"",
             "kind == SPAN_KIND_SERVER");
}

static void
paths_of_the_other_contexts(void **state)
{
    (void)state;
    TRUE_OF(OTC_TRACES, OTC_OTTL_SPANEVENT, "name == \"exception\"", "spanevent.name == \"exception\"",
            "span.name == \"GET /\"", "attributes[\"s\"] == \"text\"", "span.attributes[\"n\"] == 7",
            "time_unix_nano == 5", "event_index == 4");
    TRUE_OF(OTC_TRACES, OTC_OTTL_RESOURCE, "attributes[\"r\"] == \"res\"",
            "resource.attributes[\"r\"] == \"res\"");
    TRUE_OF(OTC_METRICS, OTC_OTTL_METRIC, "name == \"m\"", "unit == \"By\"", "description == \"\"",
            "type == METRIC_DATA_TYPE_SUM", "aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE",
            "is_monotonic == true", "HasAttrKeyOnDatapoint(\"n\")", "HasAttrOnDatapoint(\"s\", \"text\")",
            "not HasAttrOnDatapoint(\"s\", \"other\")", "not HasAttrKeyOnDatapoint(\"none\")",
            "metric.name == \"m\" and resource.attributes[\"r\"] == \"res\"");
    TRUE_OF(OTC_METRICS, OTC_OTTL_DATAPOINT, "value_double == 2.5", "value_int == 0", "metric.name == \"m\"",
            "metric.type == METRIC_DATA_TYPE_SUM", "attributes[\"s\"] == \"text\"",
            "flags == FLAG_NO_RECORDED_VALUE", "time_unix_nano == 9", "count == nil",
            "datapoint.attributes[\"n\"] == 7");
    TRUE_OF(OTC_LOGS, OTC_OTTL_LOG, "severity_number >= SEVERITY_NUMBER_ERROR",
            "severity_number < SEVERITY_NUMBER_ERROR2", "severity_text == \"ERR\"",
            "body[\"msg\"] == \"hello\"", "IsMatch(body, \"hel+o\")",
            "body.string == \"{\\\"msg\\\":\\\"hello\\\"}\"", "event_name == \"ev\"",
            "log.attributes[\"n\"] == 7", "trace_id.string == \"00000000000000000000000000000000\"");
}

static void
functions_do_what_the_collectors_do(void **state)
{
    (void)state;
    TRUE_OF(OTC_TRACES, OTC_OTTL_SPAN, "IsMatch(name, \"^GET\")", "not IsMatch(name, \"^get\")",
            "IsMatch(name, \"(?i)^get\")", "IsMatch(attributes[\"n\"], \"^7$\")",
            "not IsMatch(attributes[\"none\"], \".*\")", "IsMatch(name, Concat([\"G\", \"T\"], \"E\"))",
            "IsString(name) and IsInt(kind)", "Int(\"12\") == 12", "Int(\"x\") == nil", "Int(2.9) == 2",
            "Double(\"0.5\") == 0.5", "String(12) == \"12\"", "String(nil) == nil",
            "Concat([\"a\", 1, true], \"-\") == \"a-1-true\"",
            "Concat([attributes[\"s\"], name, -1], \" \") == \"text GET / -1\"",
            "Concat([\"a\", nil, attributes[\"none\"], \"b\"], \"-\") == \"a-<nil>-<nil>-b\"",
            "Concat([attributes[\"y\"], attributes[\"m\"], Concat([name], \"\")], \",\") == "
            "\"0001,{\\\"k\\\":[9]},GET /\"",
            "[name, [1, attributes[\"n\"]]] == [\"GET /\", [1, 7]]", "Len([name, [2], 1 + 2]) == 3",
            "String(attributes[\"y\"]) == \"0001\"",
            "Concat([0.0000001, [0.0000001], 0.00001], \" \") == \"1e-07 [1e-07] 0.00001\"",
            "IsMatch(attributes[\"y\"], \"^0001$\")",
            "String([\"<&>\\u2028\\u2029\\u20ac\"]) == "
            "\"[\\\"\\\\u003c\\\\u0026\\\\u003e\\\\u2028\\\\u2029\\u20ac\\\"]\"",
            "attributes[\"a\\tb\"] == 1", "attributes[\"\\x6e\"] == 7",
            "\"\\xe4\\344\" == \"\\u00e4\\u00e4\"", "Substring(\"hello\", 1, 3) == \"ell\"",
            "SHA256(\"abc\") == \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"",
            "HasPrefix(name, \"GET\")", "HasSuffix(name, \"/\")", "Len(\"four\") == 4",
            "\"\\u00e4\\x41\\101\\t\\U0001F600\" == \"\u00e4AA\t\U0001F600\"", "Len(\"\\\\\\\"\") == 2",
            "ToUpperCase(\"aB1\") == \"AB1\"", "Len(ParseJSON(\"[1,2,3]\")) == 3", "IsMap(ParseJSON(\"{}\"))",
            "Len(attributes[\"l\"]) == 2", "Duration(\"1m\") == 60000000000");
}

static void
what_cannot_be_evaluated_says_why(void **state)
{
    static const char *const cases[][2] = {
        {"attributes[\"none\"] + 1 == 1", "arithmetic (+) on a value that is no number"},
        {"1 / 0 == 1", "division by zero"},
        {"1.0 / 0 > 5", "division by zero"},
        {"attributes[\"d\"] / -0.0 > 5", "division by zero"},
        {"-attributes[\"s\"] == 1", "arithmetic (-) on a value that is no number"},
        {"String(attributes[\"nan\"]) == \"NaN\"", "NaN and infinity have no text"},
        {"IsMatch([1, [attributes[\"nan\"]]], \"N\")", "NaN and infinity have no text"},
        {"Concat([attributes[\"nan\"]], \"\") == \"NaN\"", "NaN and infinity have no text"},
        {"[attributes[\"s\"] + 1] == [1]", "arithmetic (+) on a value that is no number"},
        {"attributes[\"s\"][\"k\"] == nil", "a value that is no map does not support string indexing"},
        {"attributes[\"s\"][0] == nil", "a value that is no list does not support integer indexing"},
        {"attributes[\"m\"][\"k\"][1] == nil", "index out of bounds"},
        {"Seconds(name) > 1", "Seconds takes a time or a duration"},
        {"not (attributes[\"s\"] - 1 > 0)", "arithmetic (-) on a value that is no number"},
        {"Substring(name, 3, 9) == \"\"", "Substring: invalid range of 9 from 3"},
        {"Len(7) == 1", "Len: neither a text nor a list nor a map"},
        {"IsMatch(name, attributes[\"n\"])", "IsMatch: the pattern is no expression: "},
        {"Int(\"7\")", "a function gives neither true nor false"},
        {"ParseJSON(\"7\") == 7", "ParseJSON: neither an object nor a list"},
        {"ToLowerCase(kind) == \"\"", "ToLowerCase takes a text"},
        {"Split(name, kind) == \"\"", "Split takes texts"},
        {"Duration(\"soon\") > 1", "Duration takes a text such as \"1m30s\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char why[160] = "";

        if (ask(OTC_TRACES, OTC_OTTL_SPAN, cases[i][0], why) != OTC_OTTL_FAILED) {
            fail_msg("%s should fail", cases[i][0]);
        }
        assert_string_equal(why, cases[i][1]);
    }
}

static void
wrong_texts_are_refused_with_their_place(void **state)
{
    static const struct {
        enum otc_ottl_context context;
        const char *text, *error;
    } cases[] = {
        {OTC_OTTL_SPAN, "", "character 1: expected a path, a function or a value"},
        {OTC_OTTL_SPAN, "attributes[test] == \"pass\"",
         "character 12: expected a text in double quotes or an index in the brackets"},
        {OTC_OTTL_SPAN, "attributes[0] == 1", "character 12: expected the attribute's key, in double quotes"},
        {OTC_OTTL_SPAN, "attributes[\"a\" == 1", "character 15: expected \"]\""},
        {OTC_OTTL_SPAN, "attributes[\"a\"]", "character 16: expected ==, !=, <, <=, > or >="},
        {OTC_OTTL_SPAN, "(attributes[\"a\"])", "character 18: expected ==, !=, <, <=, > or >="},
        {OTC_OTTL_SPAN, "name == \"open", "character 14: expected the closing double quote"},
        {OTC_OTTL_SPAN, "name == \"a\\.b\"", "character 13: expected an escape such as"},
        {OTC_OTTL_SPAN, "name == \"\\ud800\"", "expected an escape such as"},
        {OTC_OTTL_SPAN, "name == \"\\x4\"", "expected an escape such as"},
        {OTC_OTTL_SPAN, "name == \"\\400\"", "expected an escape such as"},
        {OTC_OTTL_SPAN, "name == \"a\\", "expected an escape such as"},
        {OTC_OTTL_SPAN, "name = \"a\"", "character 6: expected ==, !=, <, <=, > or >="},
        {OTC_OTTL_SPAN, "name == \"a\" nor true", "character 13: expected and, or, or the end"},
        {OTC_OTTL_SPAN, "colour == 1",
         "character 1: \"colour\" is no path of the span context that this build has"},
        {OTC_OTTL_SPAN, "metric.name == \"m\"",
         "character 1: \"metric.name\" is no path of the span context that this build has"},
        {OTC_OTTL_SPAN, "name[\"a\"] == 1", "character 5: this path takes no brackets"},
        {OTC_OTTL_SPAN, "1 == ParseXML(name)",
         "character 6: undefined function \"ParseXML\"; this build has Concat, "},
        {OTC_OTTL_SPAN, "HasAttrKeyOnDatapoint(\"a\")",
         "character 1: undefined function \"HasAttrKeyOnDatapoint\""},
        {OTC_OTTL_METRIC, "HasAttrKeyOnDatapoint(1)", "character 1: HasAttrKeyOnDatapoint takes one text"},
        {OTC_OTTL_METRIC, "HasAttrOnDatapoint(\"a\")", "character 1: HasAttrOnDatapoint takes two texts"},
        {OTC_OTTL_SPAN, "IsMatch(name)", "character 1: IsMatch takes 2 to 2 arguments, not 1"},
        {OTC_OTTL_SPAN, "IsMatch(name, \"(?=a)\")",
         "character 1: error parsing regexp: invalid or unsupported Perl"},
        {OTC_OTTL_SPAN, "kind == SPAN_KIND_ANY", "character 9: unknown constant SPAN_KIND_ANY"},
        {OTC_OTTL_SPAN, "1 + true == 2 and", "character 18: expected a path, a function or a value"},
        {OTC_OTTL_SPAN, "(1 == 1) + 1 == 2",
         "character 14: expected values on both sides of the operator, not conditions"},
        {OTC_OTTL_SPAN, "(1 == 1) == true",
         "character 12: expected and, or, or the end: a condition cannot be compared"},
        {OTC_OTTL_SPAN, "0x123 == 0x", "character 5: expected two hexadecimal digits a byte"},
        {OTC_OTTL_SPAN, "[1 2] == 1", "character 4: expected \",\" or \"]\""},
        {OTC_OTTL_SPAN, "[1, (1 == 1)] == 1", "character 13: expected a value, not a condition"},
        {OTC_OTTL_SPAN, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "expected at most 32 levels"},
        {OTC_OTTL_SPAN, "-(1 == 1) == 1", "character 10: expected a value, not a condition"},
        {OTC_OTTL_SPAN, "08 == 8", "character 1: expected a number, in octal where it begins with 0"},
        {OTC_OTTL_SPAN, "01000000000000000000000 == 8", "character 1: expected a number, in octal"},
        {OTC_OTTL_SPAN, "0x == 8", "character 3: expected two hexadecimal digits a byte"},
        {OTC_OTTL_SPAN, "attributes[\"a\\q\"] == 1", "character 16: expected an escape such as"},
        {OTC_OTTL_SPAN, "((((((((((((((((((((((((((((((((((((((((((((1", "expected at most 32 levels"},
        {OTC_OTTL_SPAN,
         "not not not not not not not not not not not not not not not not not not not not not not not not "
         "not not not not not not not not not not not true",
         "expected at most 32 levels"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_ottl_conditions conditions = {0};
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_ottl_conditions_add(&conditions, cases[i].context, cases[i].text, &err) == OTC_OK ||
            !strstr(err.text, cases[i].error)) {
            fail_msg("%s: %s", cases[i].text, err.text);
        }
        otc_ottl_conditions_release(&conditions);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booleans_bind_as_documented),
        cmocka_unit_test(types_compare_as_documented),
        cmocka_unit_test(deep_maps_compare_in_any_order),
        cmocka_unit_test(paths_of_spans),
        cmocka_unit_test(paths_of_the_other_contexts),
        cmocka_unit_test(functions_do_what_the_collectors_do),
        cmocka_unit_test(what_cannot_be_evaluated_says_why),
        cmocka_unit_test(wrong_texts_are_refused_with_their_place),
    };

    return cmocka_run_group_tests_name("common/ottl/paths", tests, NULL, NULL);
}
