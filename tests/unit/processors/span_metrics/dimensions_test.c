// SPDX-License-Identifier: Apache-2.0
/* The attributes of a series are read back from its key: every type of value as it was in the first span. */
#include "common/base/clock.h"
#include "common/otlp/json.h"
#include "common/otlp/walk.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

extern const struct otc_factory otc_span_metrics_processor_factory;

/* What one flush told of the calls, "name=value,…" of each series sorted by nothing: in the order they came.
 * Values are in the form of their types. */
static struct otc_buf told;

static void
tell_value(const struct otc_value *value)
{
    switch (value->type) {
    case OTC_VALUE_STRING:
        (void)otc_buf_printf(&told, "'%.*s'", OTC_SLICE_ARG(value->as.slice));
        break;
    case OTC_VALUE_BOOL:
        (void)otc_buf_printf(&told, "%s", value->as.boolean ? "true" : "false");
        break;
    case OTC_VALUE_INT:
        (void)otc_buf_printf(&told, "%lld", (long long)value->as.integer);
        break;
    case OTC_VALUE_DOUBLE:
        (void)otc_buf_printf(&told, "%a", value->as.real);
        break;
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        (void)otc_buf_printf(&told, "%c", "[{<"[value->type - OTC_VALUE_ARRAY]);
        for (size_t i = 0; i < value->as.slice.len; i++) {
            (void)otc_buf_printf(&told, "%02x", value->as.slice.data[i]);
        }
        break;
    case OTC_VALUE_EMPTY:
    case OTC_VALUE_ABSENT:
        (void)otc_buf_append_str(&told, "null");
        break;
    }
}

static bool
tell(void *arg, const struct otc_point *point)
{
    struct otc_slice rest = point->encoded, key;
    struct otc_value value;

    if (!otc_slice_equal_str(point->name, arg)) {
        return true;
    }
    while (otc_attributes_next(otc_point_attributes(point->type), &rest, &key, &value)) {
        (void)otc_buf_printf(&told, "%.*s=", OTC_SLICE_ARG(key));
        tell_value(&value);
        (void)otc_buf_append_str(&told, ",");
    }
    (void)otc_buf_append_str(&told, "\n");
    return true;
}

/* The attributes of a metric of spans of the service s: JSON objects, ' for ". Released by the caller: told.
 */
static const char *
metric_of(const char *yaml, const char *spans, char *metric)
{
    struct otc_buf json = {.limit = 4 << 20}, bytes = {.limit = 4 << 20};
    struct otc_sink *sink = otc_sink_new();
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig;
    const struct otc_component_ops *ops;

    assert_int_equal(otc_rig_create(&rig, &otc_span_metrics_processor_factory, yaml, &err), OTC_OK);
    ops = rig.component->ops;
    assert_int_equal(ops->connect(rig.component, OTC_METRICS, otc_sink_consumer(sink), &err), OTC_OK);
    assert_int_equal(ops->start(rig.component, &err), OTC_OK);
    (void)otc_buf_printf(&json,
                         "{'resourceSpans':[{'resource':{'attributes':[{'key':'service.name','value':"
                         "{'stringValue':'s'}}]},'scopeSpans':[{'spans':[%s]}]}]}",
                         spans);
    for (size_t i = 0; i < json.len; i++) {
        json.data[i] = json.data[i] == '\'' ? '"' : json.data[i];
    }
    if (otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(&json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(otc_consume(ops->input(rig.component, OTC_TRACES),
                                 otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), 1, NULL), NULL, &err),
                     OTC_OK);
    assert_int_equal(ops->shutdown(rig.component, INT64_MAX, NULL), OTC_OK);
    otc_buf_init(&told, 1 << 20);
    for (size_t i = 0; otc_sink_batch(sink, i); i++) {
        assert_int_equal(
            otc_walk_points(NULL, otc_batch_part(otc_sink_batch(sink, i), 0), tell, metric, &err), OTC_OK);
    }
    otc_rig_free(&rig);
    otc_sink_free(sink);
    otc_buf_release(&json);
    otc_buf_release(&bytes);
    return otc_buf_cstr(&told);
}

static const char *
calls_of(const char *yaml, const char *spans)
{
    static char calls[] = "traces.span.metrics.calls";

    return metric_of(yaml, spans, calls);
}

#define PLAIN "exclude_dimensions: [service.name, span.name, span.kind, status.code, collector.instance.id]"

static void
values_keep_their_types(void **state)
{
    static const char yaml[] = "{" PLAIN ", dimensions: [{name: none}, {name: text}, {name: whole}, "
                               "{name: real}, {name: yes}, {name: no}, {name: list}, {name: pairs}, "
                               "{name: bytes}, {name: other, default: d}, {name: empty}, {name: last}]}";
    static const char span[] =
        "{'attributes':[{'key':'text','value':{'stringValue':''}},"
        "{'key':'whole','value':{'intValue':'-9223372036854775808'}},"
        "{'key':'real','value':{'doubleValue':-0.1}},"
        "{'key':'yes','value':{'boolValue':true}},"
        "{'key':'no','value':{'boolValue':false}},"
        "{'key':'list','value':{'arrayValue':{'values':[{'intValue':1}]}}},"
        "{'key':'pairs','value':{'kvlistValue':{'values':[{'key':'k','value':{'intValue':2}}]}}},"
        "{'key':'bytes','value':{'bytesValue':'AAH/'}},"
        "{'key':'empty','value':{}},"
        "{'key':'last','value':{'stringValue':'x'}}]}";

    (void)state;
    assert_string_equal(calls_of(yaml, span),
                        "text='',whole=-9223372036854775808,real=-0x1.999999999999ap-4,yes=true,no=false,"
                        "list=[0a021801,pairs={0a070a016b12021802,bytes=<0001ff,other='d',empty=null,"
                        "last='x',\n");
    otc_buf_release(&told);
}

/* 200 and "200" are one series, of the type that came first; 2 and 00 beside 20 and 0 are two. */
static void
series_are_told_apart_by_text(void **state)
{
    static const char spans[] =
        "{'attributes':[{'key':'a','value':{'intValue':200}}]},"
        "{'attributes':[{'key':'a','value':{'stringValue':'200'}}]},"
        "{'attributes':[{'key':'b','value':{'intValue':200}}]},"
        "{'attributes':[{'key':'a','value':{'stringValue':'2'}},{'key':'b','value':{'stringValue':'00'}}]},"
        "{'attributes':[{'key':'a','value':{'stringValue':'20'}},{'key':'b','value':{'stringValue':'0'}}]}";

    (void)state;
    assert_string_equal(calls_of("{" PLAIN ", dimensions: [{name: a}, {name: b}]}", spans),
                        "a=200,\nb=200,\na='2',b='00',\na='20',b='0',\n");
    otc_buf_release(&told);
}

/* What patterns of both lists matched is told apart from one another, and from names. */
static void
patterns_are_read_back(void **state)
{
    static const char yaml[] =
        "{" PLAIN ", dimensions: [{glob: 'a*'}], calls_dimensions: [{name: n}, {glob: 'b*'}]}";
    static char durations[] = "traces.span.metrics.duration";
    static const char spans[] =
        "{'attributes':[{'key':'b1','value':{'doubleValue':2}},{'key':'a2','value':{'intValue':5}},"
        "{'key':'a1','value':{'stringValue':'x'}},{'key':'n','value':{'boolValue':true}}]},"
        "{'attributes':[{'key':'b1','value':{'stringValue':'y'}}]},{}";

    (void)state;
    assert_string_equal(calls_of(yaml, spans), "a1='x',a2=5,n=true,b1=0x1p+1,\nb1='y',\n\n");
    otc_buf_release(&told);
    assert_string_equal(metric_of(yaml, spans, durations), "a1='x',a2=5,\n\n");
    otc_buf_release(&told);
}

/* Kinds and codes that nobody knows have one name. */
static void
unknown_numbers_are_one_series(void **state)
{
    static const char spans[] = "{'kind':7},{'kind':5,'status':{'code':2}},{'kind':9},"
                                "{'kind':9,'status':{'code':4}},{'status':{'code':1}}";

    (void)state;
    assert_string_equal(
        calls_of("{exclude_dimensions: [service.name, span.name, collector.instance.id]}", spans),
        "span.kind='',status.code='STATUS_CODE_UNSET',\n"
        "span.kind='SPAN_KIND_CONSUMER',status.code='STATUS_CODE_ERROR',\n"
        "span.kind='',status.code='',\n"
        "span.kind='SPAN_KIND_UNSPECIFIED',status.code='STATUS_CODE_OK',\n");
    otc_buf_release(&told);
}

/* A key beyond the longest is counted in the overflow; those around it are not touched. */
static void
oversized_keys(void **state)
{
    struct otc_buf spans = {.limit = 4 << 20};

    (void)state;
    (void)otc_buf_append_str(&spans, "{'attributes':[{'key':'a','value':{'intValue':1}}]},"
                                     "{'attributes':[{'key':'a','value':{'stringValue':'");
    for (size_t i = 0; i < (size_t)1100 << 10; i++) {
        (void)otc_buf_append_byte(&spans, 'x');
    }
    (void)otc_buf_append_str(&spans, "'}}]},{'attributes':[{'key':'a','value':{'intValue':2}}]}");
    assert_string_equal(calls_of("{" PLAIN ", dimensions: [{name: a}]}", otc_buf_cstr(&spans)),
                        "a=1,\na=2,\notel.metric.overflow=true,\n");
    otc_buf_release(&told);
    otc_buf_release(&spans);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_types), cmocka_unit_test(series_are_told_apart_by_text),
        cmocka_unit_test(patterns_are_read_back),  cmocka_unit_test(unknown_numbers_are_one_series),
        cmocka_unit_test(oversized_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
