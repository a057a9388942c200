// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/json.h"
#include "tests/harness/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct otc_factory otc_debug_exporter_factory;
static const struct otc_factory *const factory = &otc_debug_exporter_factory;

static const char traces[] =
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":\"x\"}},"
    "{\"key\":\"b\",\"value\":{\"boolValue\":false}}]},\"schemaUrl\":\"https://"
    "r\",\"scopeSpans\":[{\"scope\":{"
    "\"name\":\"lib\",\"version\":\"1.2.3\",\"attributes\":[{\"key\":\"s\",\"value\":{\"intValue\":\"7\"}}]},"
    "\"schemaUrl\":\"https://s\",\"spans\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\","
    "\"spanId\":\"1112131415161718\",\"parentSpanId\":\"2122232425262728\",\"name\":\"op\",\"kind\":2,"
    "\"traceState\":\"k=v\",\"startTimeUnixNano\":\"1581452772000000321\","
    "\"endTimeUnixNano\":\"1581452773000000000\",\"droppedAttributesCount\":1,\"status\":{\"code\":2,"
    "\"message\":\"bad\"},\"attributes\":[{\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":"
    "\"z\","
    "\"value\":{\"doubleValue\":1.5}},{\"key\":\"y\",\"value\":{\"arrayValue\":{\"values\":[{\"intValue\":1},"
    "{"
    "\"boolValue\":true}]}}}]}}},{\"key\":\"n\",\"value\":{\"bytesValue\":\"AQID\"}}],\"events\":[{\"name\":"
    "\"e\","
    "\"timeUnixNano\":\"1581452773000000123\",\"droppedAttributesCount\":2,\"attributes\":[{\"key\":\"q\","
    "\"value\":"
    "{\"stringValue\":\"w\"}}]}],\"links\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"
    "\"1112131415161718\",\"droppedAttributesCount\":4}]},{\"name\":\"second\"}]},{\"scope\":{}}]}]}";

static const char metrics[] =
    "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":["
    "{\"name\":\"g\",\"unit\":\"1\",\"description\":\"d\",\"gauge\":{\"dataPoints\":[{\"attributes\":[{"
    "\"key\":\"k\","
    "\"value\":{\"stringValue\":\"v\"}},{\"key\":\"c\",\"value\":{\"intValue\":0}}],\"timeUnixNano\":"
    "\"1000000000\","
    "\"asDouble\":123.456},{\"asInt\":\"5\"}]}},"
    "{\"name\":\"s\",\"sum\":{\"isMonotonic\":true,\"aggregationTemporality\":2,\"dataPoints\":[{"
    "\"asDouble\":2}]}},"
    "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":[{\"count\":\"3\",\"sum\":4."
    "5,"
    "\"min\":0.5,\"max\":3,\"explicitBounds\":[1],\"bucketCounts\":[\"2\",\"1\"],\"exemplars\":[{\"asInt\":"
    "\"2\","
    "\"spanId\":\"1112131415161718\"}]}]}},"
    "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"count\":\"6\","
    "\"scale\":1,\"zeroCount\":\"1\",\"negative\":{\"offset\":-1,\"bucketCounts\":[\"1\",\"2\"]},"
    "\"positive\":{"
    "\"offset\":1,\"bucketCounts\":[\"1\",\"1\"]}}]}},"
    "{\"name\":\"q\",\"summary\":{\"dataPoints\":[{\"count\":\"1\",\"sum\":15,\"quantileValues\":[{"
    "\"quantile\":0.01,"
    "\"value\":15}]}]}}]}]}]}";

static const char logs[] =
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1581452773000000789\","
    "\"severityText\":\"Info\",\"severityNumber\":9,\"eventName\":\"ev\",\"body\":{\"stringValue\":"
    "\"hello\\nworld\"},"
    "\"attributes\":[{\"key\":\"app\",\"value\":{\"stringValue\":\"server\"}}],\"flags\":1},{"
    "\"severityNumber\":14}]}]}]}";

static otc_status
send_json(struct otc_rig *rig, enum otc_signal signal, const char *json, size_t items)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(signal, otc_slice_str(json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return otc_consume(rig->component->ops->input(rig->component, signal),
                       otc_batch_copy_of(signal, otc_buf_slice(&bytes), items, NULL), NULL, &err);
}

/** What the exporter writes of one batch into a file, by verbosity. */
static void
write_of(const char *verbosity, enum otc_signal signal, const char *json, struct otc_buf *out)
{
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[256];
    uint8_t chunk[4096];
    FILE *file;
    size_t n;

    unlink(otc_scratch_path());
    snprintf(yaml, sizeof(yaml), "{verbosity: %s, use_internal_logger: false, output_paths: [%s]}", verbosity,
             otc_scratch_path());
    if (otc_rig_create(&rig, factory, yaml, &err) != OTC_OK ||
        rig.component->ops->start(rig.component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(send_json(&rig, signal, json, 2), OTC_OK);
    assert_int_equal(rig.component->ops->shutdown(rig.component, 0, &err), OTC_OK);
    otc_rig_free(&rig);
    file = fopen(otc_scratch_path(), "re");
    assert_non_null(file);
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        otc_buf_append(out, chunk, n);
    }
    fclose(file);
}

static void
check(const char *verbosity, enum otc_signal signal, const char *json, const char *want)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 20};

    write_of(verbosity, signal, json, &text);
    assert_string_equal(otc_buf_cstr(&text), want);
}

static void
basic_is_one_line(void **state)
{
    (void)state;
    check("basic", OTC_TRACES, traces, "Traces\t{\"resource spans\": 1, \"spans\": 2}\n");
    check("basic", OTC_METRICS, metrics,
          "Metrics\t{\"resource metrics\": 1, \"metrics\": 5, \"data points\": 2}\n");
    check("basic", OTC_LOGS, logs, "Logs\t{\"resource logs\": 1, \"log records\": 2}\n");
}

static void
normal_is_a_line_a_record(void **state)
{
    (void)state;
    check("normal", OTC_TRACES, traces,
          "Traces\t{\"resource spans\": 1, \"spans\": 2}\n"
          "ResourceTraces #0 [https://r] a=x b=false\n"
          "ScopeTraces #0 lib@1.2.3 [https://s] s=7\n"
          "op 0102030405060708090a0b0c0d0e0f10 1112131415161718 m={\"y\":[1,true],\"z\":1.5} n=AQID\n"
          "second  \n"
          "ScopeTraces #1\n"
          "\n");
    check("normal", OTC_METRICS, metrics,
          "Metrics\t{\"resource metrics\": 1, \"metrics\": 5, \"data points\": 2}\n"
          "ResourceMetrics #0\n"
          "ScopeMetrics #0\n"
          "g{k=v,c=0} 123.456\n"
          "g{} 5\n"
          "s{} 2\n"
          "h{} count=3 sum=4.5 min=0.5 max=3 le1=2 1\n"
          "e{} count=6 le-1=2 le-0.7071067811865476=1 zero=1 le2=1 le2.82842712474619=1\n"
          "q{} count=1 sum=15.000000 q0.01=15\n"
          "\n");
    check("normal", OTC_LOGS, logs,
          "Logs\t{\"resource logs\": 1, \"log records\": 2}\n"
          "ResourceLog #0\n"
          "ScopeLog #0\n"
          "hello\nworld app=server\n"
          " \n"
          "\n");
}

static void
detailed_traces(void **state)
{
    (void)state;
    check("detailed", OTC_TRACES, traces,
          "Traces\t{\"resource spans\": 1, \"spans\": 2}\n"
          "ResourceSpans #0\nResource SchemaURL: https://r\nResource attributes:\n"
          "     -> a: Str(x)\n     -> b: Bool(false)\n"
          "ScopeSpans #0\nScopeSpans SchemaURL: https://s\nInstrumentationScope lib 1.2.3\n"
          "InstrumentationScope attributes:\n     -> s: Int(7)\n"
          "Span #0\n"
          "    Trace ID       : 0102030405060708090a0b0c0d0e0f10\n"
          "    Parent ID      : 2122232425262728\n"
          "    ID             : 1112131415161718\n"
          "    Name           : op\n"
          "    Kind           : Server\n"
          "    TraceState     : k=v\n"
          "    Start time     : 2020-02-11 20:26:12.000000321 +0000 UTC\n"
          "    End time       : 2020-02-11 20:26:13 +0000 UTC\n"
          "    Status code    : Error\n"
          "    Status message : bad\n"
          "    DroppedAttributesCount: 1\n    DroppedEventsCount: 0\n    DroppedLinksCount: 0\n"
          "Attributes:\n     -> m: Map({\"y\":[1,true],\"z\":1.5})\n     -> n: Bytes(AQID)\n"
          "Events:\nSpanEvent #0\n     -> Name: e\n"
          "     -> Timestamp: 2020-02-11 20:26:13.000000123 +0000 UTC\n"
          "     -> DroppedAttributesCount: 2\n     -> Attributes::\n          -> q: Str(w)\n"
          "Links:\nSpanLink #0\n     -> Trace ID: 0102030405060708090a0b0c0d0e0f10\n"
          "     -> ID: 1112131415161718\n     -> TraceState: \n     -> DroppedAttributesCount: 4\n"
          "Span #1\n"
          "    Trace ID       : \n    Parent ID      : \n    ID             : \n"
          "    Name           : second\n    Kind           : Unspecified\n"
          "    Start time     : 1970-01-01 00:00:00 +0000 UTC\n"
          "    End time       : 1970-01-01 00:00:00 +0000 UTC\n"
          "    Status code    : Unset\n    Status message : \n"
          "    DroppedAttributesCount: 0\n    DroppedEventsCount: 0\n    DroppedLinksCount: 0\n"
          "ScopeSpans #1\nScopeSpans SchemaURL: \nInstrumentationScope  \n"
          "\n");
}

#define EPOCH "1970-01-01 00:00:00 +0000 UTC\n"
#define NO_TIMES "StartTimestamp: " EPOCH "Timestamp: " EPOCH

static void
detailed_metrics(void **state)
{
    (void)state;
    check("detailed", OTC_METRICS, metrics,
          "Metrics\t{\"resource metrics\": 1, \"metrics\": 5, \"data points\": 2}\n"
          "ResourceMetrics #0\nResource SchemaURL: \n"
          "ScopeMetrics #0\nScopeMetrics SchemaURL: \nInstrumentationScope  \n"
          "Metric #0\nDescriptor:\n     -> Name: g\n     -> Description: d\n     -> Unit: 1\n"
          "     -> DataType: Gauge\n"
          "NumberDataPoints #0\nData point attributes:\n     -> k: Str(v)\n     -> c: Int(0)\n"
          "StartTimestamp: " EPOCH "Timestamp: 1970-01-01 00:00:01 +0000 UTC\nValue: 123.456000\n"
          "NumberDataPoints #1\n" NO_TIMES "Value: 5\n"
          "Metric #1\nDescriptor:\n     -> Name: s\n     -> Description: \n     -> Unit: \n"
          "     -> DataType: Sum\n     -> IsMonotonic: true\n     -> AggregationTemporality: Cumulative\n"
          "NumberDataPoints #0\n" NO_TIMES "Value: 2.000000\n"
          "Metric #2\nDescriptor:\n     -> Name: h\n     -> Description: \n     -> Unit: \n"
          "     -> DataType: Histogram\n     -> AggregationTemporality: Delta\n"
          "HistogramDataPoints #0\n" NO_TIMES "Count: 3\nSum: 4.500000\nMin: 0.500000\nMax: 3.000000\n"
          "ExplicitBounds #0: 1.000000\nBuckets #0, Count: 2\nBuckets #1, Count: 1\n"
          "Exemplars:\nExemplar #0\n     -> Trace ID: \n     -> Span ID: 1112131415161718\n"
          "     -> Timestamp: " EPOCH "     -> Value: 2\n"
          "Metric #3\nDescriptor:\n     -> Name: e\n     -> Description: \n     -> Unit: \n"
          "     -> DataType: ExponentialHistogram\n     -> AggregationTemporality: Cumulative\n"
          "ExponentialHistogramDataPoints #0\n" NO_TIMES "Count: 6\n"
          "Bucket [-1.414214, -1.000000), Count: 2\nBucket [-1.000000, -0.707107), Count: 1\n"
          "Bucket [0, 0], Count: 1\n"
          "Bucket (1.414214, 2.000000], Count: 1\nBucket (2.000000, 2.828427], Count: 1\n"
          "Metric #4\nDescriptor:\n     -> Name: q\n     -> Description: \n     -> Unit: \n"
          "     -> DataType: Summary\n"
          "SummaryDataPoints #0\n" NO_TIMES "Count: 1\nSum: 15.000000\n"
          "QuantileValue #0: Quantile 0.010000, Value 15.000000\n"
          "\n");
}

static void
detailed_logs(void **state)
{
    (void)state;
    check("detailed", OTC_LOGS, logs,
          "Logs\t{\"resource logs\": 1, \"log records\": 2}\n"
          "ResourceLog #0\nResource SchemaURL: \n"
          "ScopeLogs #0\nScopeLogs SchemaURL: \nInstrumentationScope  \n"
          "LogRecord #0\nObservedTimestamp: " EPOCH
          "Timestamp: 2020-02-11 20:26:13.000000789 +0000 UTC\nSeverityText: Info\n"
          "SeverityNumber: Info(9)\nEventName: ev\nBody: Str(hello\nworld)\n"
          "Attributes:\n     -> app: Str(server)\nTrace ID: \nSpan ID: \nFlags: 1\n"
          "LogRecord #1\nObservedTimestamp: " EPOCH "Timestamp: " EPOCH "SeverityText: \n"
          "SeverityNumber: Warn2(14)\nBody: Empty()\nTrace ID: \nSpan ID: \nFlags: 0\n"
          "\n");
}

static void
batches_are_sampled(void **state)
{
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_rig_create(&rig, factory, "{sampling_initial: 3, sampling_thereafter: 4}", &err),
                     OTC_OK);
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_OK);
    for (int i = 0; i < 11; i++) {
        assert_int_equal(send_json(&rig, OTC_TRACES, traces, 2), OTC_OK);
    }
    /* 1, 2, 3, then 7 and 11. */
    assert_int_equal(otc_vhost_logged(rig.vhost, "Traces"), 5);
    assert_string_equal(otc_vhost_log(rig.vhost, 0).message, "Traces");
    assert_string_equal(otc_vhost_log(rig.vhost, 0).fields, "resource spans=1 spans=2");
    assert_int_equal(send_json(&rig, OTC_LOGS, logs, 2), OTC_OK);
    assert_int_equal(otc_vhost_logged(rig.vhost, "Logs"), 1);
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(send_json(&rig, OTC_TRACES, traces, 2), OTC_OK);
    assert_int_equal(otc_vhost_logged(rig.vhost, "Traces"), 6);
    assert_int_equal(otc_vhost_metric(rig.vhost, "otelcol_exporter_sent_spans", "exporter=debug"), 24);
    otc_rig_free(&rig);
}

static void
bad_input_is_refused(void **state)
{
    static const char *const yaml[] = {"{verbosity: loud}", "{output_paths: [stdout]}",
                                       "{sampling_initial: -1}", "{loglevel: debug}"};
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch = otc_batch_copy_of(OTC_TRACES, otc_slice_str("\x0a\xff"), 1, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(yaml) / sizeof(yaml[0]); i++) {
        assert_true(otc_test_refuses(factory, yaml[i], "", &err));
    }
    assert_int_equal(otc_rig_create(&rig, factory, "{verbosity: detailed}", &err), OTC_OK);
    assert_int_equal(otc_consume(rig.component->ops->input(rig.component, OTC_TRACES), batch, NULL, &err),
                     OTC_INVALID_ARGUMENT);
    otc_rig_free(&rig);
    assert_int_equal(otc_rig_create(&rig, factory,
                                    "{use_internal_logger: false, output_paths: [/nonexistent/file]}", &err),
                     OTC_OK);
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_FAILED_PRECONDITION);
    otc_rig_free(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_is_one_line),    cmocka_unit_test(normal_is_a_line_a_record),
        cmocka_unit_test(detailed_traces),      cmocka_unit_test(detailed_metrics),
        cmocka_unit_test(detailed_logs),        cmocka_unit_test(batches_are_sampled),
        cmocka_unit_test(bad_input_is_refused),
    };

    return cmocka_run_group_tests_name("exporters/debug", tests, otc_scratch_setup, otc_scratch_teardown);
}
