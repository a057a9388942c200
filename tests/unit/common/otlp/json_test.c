// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/json.h"

#include "common/otlp/proto/collector.pb-c.h"
#include "common/otlp/proto/status.pb-c.h"
#include "common/otlp/walk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(members) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" members "}]}]}]}"
#define POINT(members)                                                                                       \
    "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"gauge\":{\"dataPoints\":[{" members           \
    "}]}}]}]}]}"
#define VALUE(members) SPAN("\"attributes\":[{\"key\":\"k\",\"value\":{" members "}}]")

static struct otc_buf
translate(enum otc_signal signal, const char *json)
{
    struct otc_buf out = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(signal, otc_slice_str(json), 64, &out, &err) != OTC_OK) {
        fail_msg("%s: %s", json, err.text);
    }
    return out;
}

static Otc__Otlp__ExportTraceServiceRequest *
spans_of(const char *json)
{
    OTC_AUTO_BUF struct otc_buf out = translate(OTC_TRACES, json);
    Otc__Otlp__ExportTraceServiceRequest *tree =
        otc__otlp__export_trace_service_request__unpack(NULL, out.len, out.data);

    assert_non_null(tree);
    return tree;
}

static void
free_spans(Otc__Otlp__ExportTraceServiceRequest *tree)
{
    otc__otlp__export_trace_service_request__free_unpacked(tree, NULL);
}

static void
ids_are_hex_in_either_case_and_enumerations_numbers_or_names(void **state)
{
    Otc__Otlp__ExportTraceServiceRequest *tree = spans_of(SPAN(
        "\"trace_id\":\"0102030405060708090a0B0C0d0e0fFF\",\"spanId\":\"\",\"kind\":\"SPAN_KIND_CLIENT\","
        "\"start_time_unix_nano\":\"18446744073709551615\",\"endTimeUnixNano\":18446744073709551615,"
        "\"status\":{\"code\":2},\"unknown\":{\"a\":[1]},\"name\":null"));
    const Otc__Otlp__Span *span = tree->resource_spans[0]->scope_spans[0]->spans[0];

    (void)state;
    assert_int_equal(span->trace_id.len, 16);
    assert_int_equal(span->trace_id.data[15], 0xff);
    assert_int_equal(span->span_id.len, 0);
    assert_int_equal(span->kind, 3);
    assert_true(span->start_time_unix_nano == UINT64_MAX && span->end_time_unix_nano == UINT64_MAX);
    assert_int_equal(span->status->code, 2);
    assert_int_equal(span->name.len, 0);
    free_spans(tree);
}

static const Otc__Otlp__AnyValue *
value_in(const Otc__Otlp__ExportTraceServiceRequest *tree)
{
    return tree->resource_spans[0]->scope_spans[0]->spans[0]->attributes[0]->value;
}

static void
values_keep_their_type_and_their_zeros(void **state)
{
    Otc__Otlp__ExportTraceServiceRequest *tree = spans_of(VALUE("\"intValue\":\"-9223372036854775808\""));

    (void)state;
    assert_true(value_in(tree)->int_value == INT64_MIN);
    free_spans(tree);
    tree = spans_of(VALUE("\"intValue\":1.5e3"));
    assert_true(value_in(tree)->int_value == 1500);
    free_spans(tree);
    tree = spans_of(VALUE("\"boolValue\":false"));
    assert_int_equal(value_in(tree)->value_case, OTC__OTLP__ANY_VALUE__VALUE_BOOL_VALUE);
    free_spans(tree);
    tree = spans_of(VALUE("\"bytesValue\":\"-_-_AA\""));
    assert_int_equal(value_in(tree)->bytes_value.len, 4);
    assert_memory_equal(value_in(tree)->bytes_value.data, "\xfb\xff\xbf\x00", 4);
    free_spans(tree);
    tree = spans_of(VALUE("\"stringValue\":\"a\\u0000\\u00e9\""));
    assert_int_equal(value_in(tree)->string_value.len, 4);
    assert_memory_equal(value_in(tree)->string_value.data, "a\0\xc3\xa9", 4);
    free_spans(tree);
    tree = spans_of(VALUE(""));
    assert_int_equal(value_in(tree)->value_case, OTC__OTLP__ANY_VALUE__VALUE__NOT_SET);
    free_spans(tree);
}

static void
members_of_the_same_name_add_up(void **state)
{
    Otc__Otlp__ExportTraceServiceRequest *tree =
        spans_of(SPAN("\"name\":\"a\",\"attributes\":[{\"key\":\"k\"}],\"name\":\"b\",\"kind\":2,\"kind\":3,"
                      "\"attributes\":[{\"key\":\"l\"}]"));
    const Otc__Otlp__Span *span = tree->resource_spans[0]->scope_spans[0]->spans[0];

    (void)state;
    assert_int_equal(span->name.len, 1);
    assert_memory_equal(span->name.data, "b", 1);
    assert_int_equal(span->kind, 3);
    assert_int_equal(span->n_attributes, 2);
    free_spans(tree);
}

/* Escapes where no letter needs them, as some writers do. */
static void
escapes_are_read_everywhere(void **state)
{
    Otc__Otlp__ExportTraceServiceRequest *tree = spans_of(SPAN(
        "\"trace\\u0049d\":\"010203040506070809\\u0030a0b0c0d0e0f10\",\"kind\":\"SPAN\\u005fKIND_CLIENT\","
        "\"startTimeUnixNano\":\"\\u00312\",\"n\\u0061me\":\"\\/"
        "a\\\"\",\"attributes\":[{\"key\":\"k\",\"value\":"
        "{\"bytesValue\":\"\\/\\/\\/\\/\"}}]"));
    const Otc__Otlp__Span *span = tree->resource_spans[0]->scope_spans[0]->spans[0];

    (void)state;
    assert_int_equal(span->trace_id.len, 16);
    assert_int_equal(span->trace_id.data[9], 0x0a);
    assert_int_equal(span->kind, 3);
    assert_int_equal(span->start_time_unix_nano, 12);
    assert_int_equal(span->name.len, 3);
    assert_memory_equal(span->name.data, "/a\"", 3);
    assert_int_equal(value_in(tree)->bytes_value.len, 3);
    assert_memory_equal(value_in(tree)->bytes_value.data, "\xff\xff\xff", 3);
    free_spans(tree);
}

/* As JSON.stringify writes an emoji that was cut. A member that nobody knows may have them too. */
static void
lone_surrogates_are_replacement_characters(void **state)
{
    Otc__Otlp__ExportTraceServiceRequest *tree =
        spans_of(SPAN("\"x\\ude00\":\"\\ud83d\",\"name\":\"hello "
                      "\\ud83d\",\"attributes\":[{\"key\":\"k\\ud83d\\ud83d\\ude00\","
                      "\"value\":{\"stringValue\":\"\\ud83dA\"}}]"));
    const Otc__Otlp__Span *span = tree->resource_spans[0]->scope_spans[0]->spans[0];

    (void)state;
    assert_int_equal(span->name.len, 9);
    assert_memory_equal(span->name.data, "hello \xef\xbf\xbd", 9);
    assert_int_equal(span->attributes[0]->key.len, 10);
    assert_memory_equal(span->attributes[0]->key.data, "k\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 10);
    assert_int_equal(value_in(tree)->string_value.len, 4);
    assert_memory_equal(value_in(tree)->string_value.data,
                        "\xef\xbf\xbd"
                        "A",
                        4);
    free_spans(tree);
}

static void
doubles_may_be_text_and_not_finite(void **state)
{
    static const struct {
        const char *json;
        double want;
    } cases[] = {{POINT("\"asDouble\":\"NaN\""), (double)NAN},
                 {POINT("\"asDouble\":\"-Infinity\""), -(double)INFINITY},
                 {POINT("\"asDouble\":\"Infinity\""), (double)INFINITY},
                 {POINT("\"asDouble\":\"1.5e3\""), 1500},
                 {POINT("\"asDouble\":7"), 7},
                 {POINT("\"asDouble\":0"), 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OTC_AUTO_BUF struct otc_buf out = translate(OTC_METRICS, cases[i].json);
        Otc__Otlp__ExportMetricsServiceRequest *tree =
            otc__otlp__export_metrics_service_request__unpack(NULL, out.len, out.data);
        const Otc__Otlp__NumberDataPoint *point =
            tree->resource_metrics[0]->scope_metrics[0]->metrics[0]->gauge->data_points[0];

        assert_int_equal(point->value_case, OTC__OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE);
        assert_true(isnan(cases[i].want) ? isnan(point->as_double) : point->as_double == cases[i].want);
        otc__otlp__export_metrics_service_request__free_unpacked(tree, NULL);
    }
}

static void
refuse(enum otc_signal signal, const char *json, otc_status status, const char *text)
{
    struct otc_buf out = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    otc_buf_append_str(&out, "before");
    assert_int_equal(otc_json_to_protobuf(signal, otc_slice_str(json), 64, &out, &err), status);
    if (strncmp(err.text, text, strlen(text)) != 0) {
        fail_msg("%s: %s", json, err.text);
    }
    assert_true(err.permanent);
    assert_int_equal(out.len, 6);
    otc_buf_release(&out);
}

static void
errors_name_the_path_or_the_place(void **state)
{
    (void)state;
    refuse(
        OTC_TRACES, SPAN("\"traceId\":\"0g\""), OTC_INVALID_ARGUMENT,
        "otlp: resourceSpans[0].scopeSpans[0].spans[0].traceId: expected 32 hexadecimal digits, got \"0g\"");
    refuse(OTC_TRACES, SPAN("\"traceId\":7"), OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0].scopeSpans[0].spans[0].traceId: expected 32 hexadecimal digits, got a "
           "number");
    refuse(OTC_TRACES, SPAN("\"parentSpanId\":\"0123456789012345678901234567890123456789xyz\""),
           OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0].scopeSpans[0].spans[0].parentSpanId: expected 16 hexadecimal digits, got "
           "\"0123456789012345678901234567890123456789…\"");
    refuse(OTC_TRACES, SPAN("\"spanId\":\"a\\u001b[\\\"é\""), OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0].scopeSpans[0].spans[0].spanId: expected 16 hexadecimal digits, got "
           "\"a?[???\"");
    refuse(OTC_TRACES, SPAN("\"spanId\":\"012\""), OTC_INVALID_ARGUMENT, "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, SPAN("\"startTimeUnixNano\":-1"), OTC_INVALID_ARGUMENT, "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, SPAN("\"startTimeUnixNano\":\"18446744073709551616\""), OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, SPAN("\"droppedEventsCount\":4294967296"), OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, SPAN("\"kind\":\"SPAN_KIND_NONE\""), OTC_INVALID_ARGUMENT, "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, SPAN("\"attributes\":{}"), OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0].scopeSpans[0].spans[0].attributes: expected an array, got an object");
    refuse(OTC_TRACES, VALUE("\"bytesValue\":\"A\""), OTC_INVALID_ARGUMENT, "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, VALUE("\"intValue\":1.5"), OTC_INVALID_ARGUMENT, "otlp: resourceSpans[0]");
    refuse(OTC_METRICS, POINT("\"asDouble\":NaN"), OTC_INVALID_ARGUMENT,
           "otlp: bad JSON at line 1 column 86: expected a value");
    refuse(
        OTC_TRACES, VALUE("\"stringValue\":99999999999999999999"), OTC_INVALID_ARGUMENT,
        "otlp: resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.stringValue: expected a string, "
        "got a number");
    refuse(OTC_TRACES, VALUE("\"intValue\":-9223372036854775809"), OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.intValue: expected a 64-bit "
           "integer, got a number");
    refuse(OTC_TRACES, VALUE("\"intValue\":9223372036854775808"), OTC_INVALID_ARGUMENT,
           "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, VALUE("\"intValue\":1e19"), OTC_INVALID_ARGUMENT, "otlp: resourceSpans[0]");
    refuse(OTC_TRACES, SPAN("\"name\":\"a\"") " {}", OTC_INVALID_ARGUMENT,
           "otlp: bad JSON at line 1 column 63: something follows the value");
    refuse(OTC_LOGS, "[]", OTC_INVALID_ARGUMENT, "otlp: expected an object, got an array");
    refuse(OTC_LOGS, "", OTC_INVALID_ARGUMENT, "otlp: bad JSON at line 1");
}

static void
nesting_is_limited(void **state)
{
    static const size_t depths[] = {64, 65, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 24};
        OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 24};
        struct otc_error err = OTC_ERROR_INIT;

        otc_buf_append_str(&json, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":");
        for (size_t d = 1; d < depths[i]; d++) {
            otc_buf_append_str(&json, "{\"kvlistValue\":{\"values\":[{\"value\":");
        }
        otc_buf_append_str(&json, "{}");
        for (size_t d = 1; d < depths[i]; d++) {
            otc_buf_append_str(&json, "}]}}");
        }
        otc_buf_append_str(&json, "}]}]}]}");
        assert_int_equal(otc_json_to_protobuf(OTC_LOGS, otc_buf_slice(&json), 64, &out, &err),
                         i == 0 ? OTC_OK : OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text, i == 0 ? "" : "otlp: attribute nesting exceeds 64");
    }
}

static void
the_output_has_a_limit(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 8};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(
        otc_json_to_protobuf(OTC_TRACES, otc_slice_str(SPAN("\"name\":\"long enough\"")), 64, &out, &err),
        OTC_RESOURCE_EXHAUSTED);
}

static void
statuses_carry_a_retry_delay(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    OTC_AUTO_BUF struct otc_buf json = {.limit = 4096};
    struct otc_error err = OTC_ERROR_INIT;
    Otc__Rpc__Status *status;
    Otc__Rpc__RetryInfo *info;

    (void)state;
    otc_fail(&err, OTC_UNAVAILABLE, "queue \"full\"");
    err.retry_after_ms = 2500;
    assert_true(otc_rpc_status_protobuf(&err, &out));
    status = otc__rpc__status__unpack(NULL, out.len, out.data);
    assert_non_null(status);
    assert_int_equal(status->code, 14);
    assert_memory_equal(status->message.data, "queue \"full\"", 12);
    assert_int_equal(status->n_details, 1);
    assert_memory_equal(status->details[0]->type_url.data, "type.googleapis.com/google.rpc.RetryInfo", 40);
    info = otc__rpc__retry_info__unpack(NULL, status->details[0]->value.len, status->details[0]->value.data);
    assert_int_equal(info->retry_delay->seconds, 2);
    assert_int_equal(info->retry_delay->nanos, 500000000);
    otc__rpc__retry_info__free_unpacked(info, NULL);
    otc__rpc__status__free_unpacked(status, NULL);
    assert_true(otc_rpc_status_json(&err, &json));
    assert_string_equal(otc_buf_cstr(&json),
                        "{\"code\":14,\"message\":\"queue \\\"full\\\"\",\"details\":[{\"@type\":"
                        "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"2.500s\"}]}");
    err.retry_after_ms = 0;
    otc_buf_clear(&json);
    assert_true(otc_rpc_status_json(&err, &json));
    assert_string_equal(otc_buf_cstr(&json), "{\"code\":14,\"message\":\"queue \\\"full\\\"\"}");
}

static void
responses_are_empty_or_partial_and_read_back(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    OTC_AUTO_BUF struct otc_buf json = {.limit = 4096};
    struct otc_slice message;
    int64_t rejected;

    (void)state;
    assert_true(otc_export_response_protobuf(OTC_TRACES, 0, NULL, &out));
    assert_int_equal(out.len, 0);
    assert_true(otc_export_response_read(OTC_SLICE_NONE, &rejected, &message) && rejected == 0 &&
                message.len == 0);
    assert_true(otc_export_response_protobuf(OTC_TRACES, 3, "span_id must be 8 bytes", &out));
    assert_true(otc_export_response_read(otc_buf_slice(&out), &rejected, &message));
    assert_int_equal(rejected, 3);
    assert_true(otc_slice_equal_str(message, "span_id must be 8 bytes"));
    for (size_t len = 1; len < out.len; len++) {
        assert_false(otc_export_response_read(otc_slice_of(out.data, len), &rejected, &message));
    }
    assert_true(otc_export_response_json(OTC_METRICS, 0, "", &json));
    assert_string_equal(otc_buf_cstr(&json), "{}");
    otc_buf_clear(&json);
    assert_true(otc_export_response_json(OTC_METRICS, 2, "why", &json));
    assert_string_equal(otc_buf_cstr(&json),
                        "{\"partialSuccess\":{\"rejectedDataPoints\":\"2\",\"errorMessage\":\"why\"}}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_hex_in_either_case_and_enumerations_numbers_or_names),
        cmocka_unit_test(values_keep_their_type_and_their_zeros),
        cmocka_unit_test(members_of_the_same_name_add_up),
        cmocka_unit_test(escapes_are_read_everywhere),
        cmocka_unit_test(lone_surrogates_are_replacement_characters),
        cmocka_unit_test(doubles_may_be_text_and_not_finite),
        cmocka_unit_test(errors_name_the_path_or_the_place),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(the_output_has_a_limit),
        cmocka_unit_test(statuses_carry_a_retry_delay),
        cmocka_unit_test(responses_are_empty_or_partial_and_read_back),
    };

    return cmocka_run_group_tests_name("common/otlp/json", tests, NULL, NULL);
}
