// SPDX-License-Identifier: Apache-2.0
/* The Collector's own configurations and cases, conditions in every context, errors. */
#include "common/config/document.h"
#include "common/config/node.h"
#include "common/otlp/edit_each.h"
#include "tests/harness/data/testdata.h"
#include "tests/harness/edited.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

extern const struct otc_factory otc_filter_processor_factory;
static const struct otc_factory *const factory = &otc_filter_processor_factory;

/* ---- The Collector's configurations ------------------------------------------------------------- */

static void
check_settings(const char *file, const struct otc_node *node, bool valid, const char *text)
{
    struct otc_config *config = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = otc_config_decode(factory->config, node, "", &config, &err);

    if (status == OTC_OK) {
        status = factory->validate(otc_config_value(config), &err);
    }
    if ((status == OTC_OK) != valid || (text && !strstr(err.text, text))) {
        fail_msg("%s: %.*s: %s", file, OTC_SLICE_ARG(node->key), err.text);
    }
    otc_config_free(config);
}

static void
the_collectors_configurations(void **state)
{
    static const struct {
        const char *file;
        const char *refused[8][2];
    } files[] = {
        {"invalid",
         {{"filter/include",
           "metrics: include: error creating metric name filters: [0]: error parsing regexp"}}},
        {"logs_body_regexp", {{0}}},
        {"logs_min_severity", {{0}}},
        {"logs_record_attributes_strict", {{0}}},
        {"logs_regexp", {{0}}},
        {"logs_severity_regexp", {{0}}},
        {"strict", {{0}}},
        {"traces", {{0}}},
        {"traces_invalid",
         {{"filter/spans", "spans: exclude: at least one of \"attributes\", \"libraries\",  or \"resources\" "
                           "field must be specified"}}},
        {"ottl",
         {{"filter/spans_mix_config",
           "cannot use ottl conditions and include/exclude for spans at the same time"},
          {"filter/metrics_mix_config",
           "cannot use ottl conditions and include/exclude for metrics at the same time"},
          {"filter/logs_mix_config",
           "cannot use ottl conditions and include/exclude for logs at the same time"},
          {"filter/bad_syntax_span", "traces::span: unable to parse OTTL condition \"attributes[test] == "
                                     "\"pass\"\": character 12: expected"},
          {"filter/bad_syntax_spanevent", "traces::spanevent: unable to parse"},
          {"filter/bad_syntax_metric", "metrics::metric: unable to parse"},
          {"filter/bad_syntax_datapoint", "metrics::datapoint: unable to parse"},
          {"filter/bad_syntax_log", "logs::log_record: unable to parse"}}},
    };
    size_t n = 0;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char name[128], path[1024];
        const char *const locations[] = {path};
        struct otc_document *document;
        struct otc_error err = OTC_ERROR_INIT;

        (void)snprintf(name, sizeof(name), "config/contrib/processor__filterprocessor__config_%s.yaml",
                       files[i].file);
        testdata_path(name, path, sizeof(path));
        if (otc_document_load(locations, 1, NULL, &document, &err) != OTC_OK) {
            fail_msg("%s", err.text);
        }
        for (const struct otc_node *node = otc_document_root(document)->first; node; node = node->next) {
            const char *refused = NULL;

            for (size_t j = 0; j < 8 && files[i].refused[j][0]; j++) {
                refused =
                    otc_slice_equal_str(node->key, files[i].refused[j][0]) ? files[i].refused[j][1] : refused;
            }
            check_settings(files[i].file, node, !refused, refused);
            n++;
        }
        otc_document_free(document);
    }
    assert_int_equal(n, 34);
}

/* ---- The Collector's cases ---------------------------------------------------------------------- */

static void
put_match(struct otc_buf *yaml, const char *name, const json_t *match)
{
    const json_t *item;
    size_t i;

    if (!json_is_object(match)) {
        return;
    }
    otc_buf_printf(yaml, "  %s:\n    match_type: %s\n    metric_names: [", name,
                   json_string_value(json_object_get(match, "MatchType")));
    json_array_foreach(json_object_get(match, "MetricNames"), i, item)
    {
        otc_buf_printf(yaml, "%s'%s'", i > 0 ? ", " : "", json_string_value(item));
    }
    otc_buf_append_str(yaml, "]\n    resource_attributes: [");
    json_array_foreach(json_object_get(match, "ResourceAttributes"), i, item)
    {
        otc_buf_printf(yaml, "%s{key: %s, value: %s}", i > 0 ? ", " : "",
                       json_string_value(json_object_get(item, "Key")),
                       json_string_value(json_object_get(item, "Value")));
    }
    otc_buf_append_str(yaml, "]\n");
}

static void
put_resource(struct otc_buf *json, const json_t *resource, bool first)
{
    const char *key;
    const json_t *value;
    size_t i;

    otc_buf_printf(json, "%s{\"resource\":{\"attributes\":[", first ? "" : ",");
    json_object_foreach(json_object_get(resource, "resourceAttributes"), key, value)
    {
        otc_buf_printf(json, "{\"key\":\"%s\",\"value\":{\"stringValue\":\"%s\"}}", key,
                       json_string_value(value));
    }
    otc_buf_append_str(json, "]}");
    if (json_object_get(resource, "metricNames")) {
        otc_buf_append_str(json, ",\"scopeMetrics\":[{\"metrics\":[");
        json_array_foreach(json_object_get(resource, "metricNames"), i, value)
        {
            otc_buf_printf(json, "%s{\"name\":\"%s\",\"gauge\":{\"dataPoints\":[{\"asInt\":1}]}}",
                           i > 0 ? "," : "", json_string_value(value));
        }
        otc_buf_append_str(json, "]}]");
    }
    otc_buf_append_str(json, "}");
}

/* Names of the metrics that came out: resources separated by "|". */
struct naming {
    struct otc_buf text;
};

static void
name_place(void *arg, const struct otc_edit_place *place)
{
    struct naming *naming = arg;

    if (place->kind == OTC_EDIT_RESOURCE) {
        otc_buf_append_str(&naming->text, "|");
    } else {
        otc_buf_printf(&naming->text, " %.*s", OTC_SLICE_ARG(otc_message_bytes(place->message, 1)));
    }
}

static void
check_case(json_t *test)
{
    OTC_AUTO_BUF struct otc_buf yaml = {.limit = 1 << 16}, json = {.limit = 1 << 16},
                                wanted = {.limit = 1 << 16};
    struct naming naming = {{.limit = 1 << 16}};
    struct otc_edited edited;
    const json_t *resource, *name;
    size_t i, j;

    otc_buf_append_str(&yaml, "metrics:\n");
    put_match(&yaml, "include", json_object_get(test, "include"));
    put_match(&yaml, "exclude", json_object_get(test, "exclude"));
    otc_buf_append_str(&json, "{\"resourceMetrics\":[");
    json_array_foreach(json_object_get(test, "input"), i, resource)
    {
        put_resource(&json, resource, i == 0);
    }
    otc_buf_append_str(&json, "]}");
    json_array_foreach(json_object_get(test, "expected_metric_names_per_resource"), i, resource)
    {
        otc_buf_append_str(&wanted, "|");
        json_array_foreach(resource, j, name)
        {
            otc_buf_printf(&wanted, " %s", json_string_value(name));
        }
    }
    otc_edited_begin(&edited, factory, otc_buf_cstr(&yaml));
    assert_non_null(otc_edited_json(&edited, OTC_METRICS, otc_buf_cstr(&json), NULL));
    otc_edit_each(OTC_METRICS, otc_batch_part(otc_sink_batch(edited.sink, 0), 0),
                  OTC_EDIT_RESOURCE | OTC_EDIT_METRIC, name_place, &naming);
    assert_string_equal(otc_buf_cstr(&naming.text), otc_buf_cstr(&wanted));
    otc_buf_release(&naming.text);
    otc_edited_end(&edited);
}

static void
the_collectors_cases(void **state)
{
    json_t *document, *test;
    size_t i;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    document = testdata_json("otlp/contrib/filter_metrics_cases.json");
    json_array_foreach(json_object_get(document, "cases"), i, test)
    {
        check_case(test);
    }
    assert_int_equal(i, 7);
    json_decref(document);
}

/* ---- Conditions --------------------------------------------------------------------------------- */

#define A(value) "\"attributes\":[{\"key\":\"a\",\"value\":{\"stringValue\":\"" value "\"}}]"

static const char traces[] =
    "{\"resourceSpans\":[{\"resource\":{" A("r1") "},\"scopeSpans\":[{\"spans\":[{\"name\":\"health\"," A(
        "s1") "},{"
              "\"name\":\"GET\"," A("s2") ",\"events\":[{\"name\":\"keep\"," A(
                  "e1") "},{\"name\":\"noise\"," A("e2") "}]}]},{"
                                                         "\"spans\":[{\"name\":\"health\"," A(
                                                             "s3") "}]}]},{\"resource\":{" A("r2") "},"
                                                                                                   "\"scopeSp"
                                                                                                   "ans\":[{"
                                                                                                   "\"spans\""
                                                                                                   ":[{"
                                                                                                   "\"name\":"
                                                                                                   "\"health"
                                                                                                   "\"," A(
                                                                                                       "s4") "}]}]}]}";
static const char metrics[] = "{\"resourceMetrics\":[{\"resource\":{" A(
    "r1") "},\"scopeMetrics\":[{\"metrics\":[{\"name\":\"one\",\"gauge\":{"
          "\"dataPoints\":[{\"asInt\":\"1\"," A("p1") "},{\"asDouble\":2.5," A(
              "p2") "}]}},{\"name\":\"two\",\"sum\":{"
                    "\"dataPoints\":[{\"asInt\":\"3\"," A("p3") "}]}}]}]}]}";
static const char logs[] =
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":5,\"body\":{\"stringValue\":"
    "\"debug it\"}," A("l1") "},{\"severityNumber\":17,\"body\":{\"stringValue\":\"broken\"}," A(
        "l2") "}]}]}]}";

static void
expect(const char *yaml, enum otc_signal signal, const char *json, const char *wanted, int64_t dropped)
{
    static const char *const counters[] = {"otelcol_processor_filter_spans.filtered",
                                           "otelcol_processor_filter_datapoints.filtered",
                                           "otelcol_processor_filter_logs.filtered"};
    struct otc_edited edited;
    const char *got;

    otc_edited_begin(&edited, factory, yaml);
    got = otc_edited_json(&edited, signal, json, NULL);
    if (!got != !wanted || (got && strcmp(got, wanted) != 0)) {
        fail_msg("%s gives\n%s, expected\n%s", yaml, got ? got : "nothing", wanted ? wanted : "nothing");
    }
    assert_int_equal(otc_vhost_metric(edited.rig.vhost, counters[signal], "filter=filter"), dropped);
    otc_edited_end(&edited);
}

static void
spans_and_events_are_dropped(void **state)
{
    (void)state;
    expect("traces: {span: ['name == \"health\"']}", OTC_TRACES, traces,
           "resource{a='r1'} scope{} item{a='s2'} event{a='e1'} event{a='e2'}", 3);
    expect("traces: {span: ['attributes[\"a\"] == \"s1\"', 'attributes[\"a\"] == \"s3\"']}", OTC_TRACES,
           traces,
           "resource{a='r1'} scope{} item{a='s2'} event{a='e1'} event{a='e2'} resource{a='r2'} scope{} "
           "item{a='s4'}",
           2);
    expect("traces: {spanevent: ['name == \"noise\"']}", OTC_TRACES, traces,
           "resource{a='r1'} scope{} item{a='s1'} item{a='s2'} event{a='e1'} scope{} item{a='s3'} "
           "resource{a='r2'} "
           "scope{} item{a='s4'}",
           0);
    expect("traces: {resource: ['attributes[\"a\"] == \"r1\"']}", OTC_TRACES, traces,
           "resource{a='r2'} scope{} item{a='s4'}", 3);
    expect("traces: {span: ['true']}", OTC_TRACES, traces, NULL, 4);
    expect("trace_conditions: ['span.name == \"health\" and resource.attributes[\"a\"] == \"r1\"', "
           "'resource.attributes[\"a\"] == \"r2\"', 'spanevent.name == \"keep\"']",
           OTC_TRACES, traces, "resource{a='r1'} scope{} item{a='s2'} event{a='e2'}", 3);
    expect("spans: {include: {match_type: strict, span_names: [GET]}}", OTC_TRACES, traces,
           "resource{a='r1'} scope{} item{a='s2'} event{a='e1'} event{a='e2'}", 3);
}

static void
groups_have_a_context_of_their_own(void **state)
{
    (void)state;
    expect("trace_conditions: [{context: span, conditions: ['name == \"health\"', 'span.name == \"GET\"']}]",
           OTC_TRACES, traces, NULL, 4);
    expect("trace_conditions: [{conditions: ['span.name == \"health\"'], error_mode: silent}, {context: "
           "SpanEvent, "
           "conditions: ['name == \"noise\"']}]",
           OTC_TRACES, traces, "resource{a='r1'} scope{} item{a='s2'} event{a='e1'}", 3);
    expect("trace_conditions: [{context: scope, conditions: ['name == \"\" and resource.attributes[\"a\"] == "
           "\"r1\"']}]",
           OTC_TRACES, traces, "resource{a='r2'} scope{} item{a='s4'}", 3);
    expect("metric_conditions: [{context: scope, conditions: ['true']}]", OTC_METRICS, metrics, NULL, 3);
    expect("metric_conditions: [{context: datapoint, conditions: ['value_int == 3']}, {context: metric, "
           "conditions: ['name == \"one\"']}]",
           OTC_METRICS, metrics, NULL, 3);
}

static void
metrics_and_points_are_dropped(void **state)
{
    (void)state;
    expect("metrics: {metric: ['name == \"one\"']}", OTC_METRICS, metrics,
           "resource{a='r1'} scope{} item{a='p3'}", 2);
    expect("metrics: {metric: ['type == METRIC_DATA_TYPE_SUM', 'HasAttrOnDatapoint(\"a\", \"p2\")']}",
           OTC_METRICS, metrics, NULL, 3);
    expect("metrics: {datapoint: ['value_int == 3', 'value_double > 2']}", OTC_METRICS, metrics,
           "resource{a='r1'} scope{} item{a='p1'}", 2);
    expect("metrics: {datapoint: ['metric.name == \"one\"', 'attributes[\"a\"] == \"p3\"']}", OTC_METRICS,
           metrics, NULL, 3);
    expect("metrics: {resource: ['attributes[\"a\"] == \"r1\"']}", OTC_METRICS, metrics, NULL, 3);
    expect("metric_conditions: ['datapoint.attributes[\"a\"] == \"p1\"', 'metric.name == \"two\"']",
           OTC_METRICS, metrics, "resource{a='r1'} scope{} item{a='p2'}", 2);
    expect("metrics: {include: {match_type: strict, metric_names: [one]}, exclude: {match_type: strict, "
           "resource_attributes: [{key: a, value: r1}]}}",
           OTC_METRICS, metrics, NULL, 3);
    expect("metrics: {exclude: {match_type: regexp, metric_names: ['^o'], resource_attributes: [{key: a, "
           "value: 'none'}]}}",
           OTC_METRICS, metrics, "resource{a='r1'} scope{} item{a='p3'}", 2);
}

static void
log_records_are_dropped(void **state)
{
    (void)state;
    expect("logs: {log_record: ['severity_number < SEVERITY_NUMBER_INFO']}", OTC_LOGS, logs,
           "resource{} scope{} item{a='l2'}", 1);
    expect("logs: {log_record: ['IsMatch(body, \"^debug\")']}", OTC_LOGS, logs,
           "resource{} scope{} item{a='l2'}", 1);
    expect("log_conditions: ['log.body == \"broken\"']", OTC_LOGS, logs, "resource{} scope{} item{a='l1'}",
           1);
    expect("logs: {include: {severity_number: {min: INFO}}}", OTC_LOGS, logs,
           "resource{} scope{} item{a='l2'}", 1);
    expect("logs: {exclude: {match_type: regexp, bodies: ['broken']}}", OTC_LOGS, logs,
           "resource{} scope{} item{a='l1'}", 1);
    expect("logs: {include: {match_type: strict}}", OTC_LOGS, logs,
           "resource{} scope{} item{a='l1'} item{a='l2'}", 0);
}

static void
what_stays_passes_as_it_is(void **state)
{
    struct otc_edited edited;

    (void)state;
    otc_edited_begin(&edited, factory, "traces: {span: ['name == \"none\"']}");
    assert_non_null(otc_edited_json(&edited, OTC_TRACES, traces, NULL));
    assert_int_equal(otc_vhost_charged(edited.rig.vhost), 0);
    /* Nor is there anything to do for the other signals. */
    assert_non_null(otc_edited_json(&edited, OTC_LOGS, "{\"resourceLogs\":[{}]}", NULL));
    assert_int_equal(otc_vhost_charged(edited.rig.vhost), 0);
    otc_edited_end(&edited);
}

/* A hundred spans of one resource, of which most of 1 MiB of texts is made each. */
static void
texts_are_made_of_many_items(void **state)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20};

    (void)state;
    (void)otc_buf_append_str(&json, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[");
    for (int i = 0; i < 100; i++) {
        (void)otc_buf_append_str(&json, i > 0 ? ",{\"name\":\"" : "{\"name\":\"");
        for (int k = 0; k < 8192; k++) {
            (void)otc_buf_append_byte(&json, 'a');
        }
        (void)otc_buf_append_str(&json, "\"}");
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    expect("traces: {span: ['Len(ToLowerCase(ToUpperCase(Concat(Split(name, \"\"), "
           "\"................................\")))) == 270304']}",
           OTC_TRACES, otc_buf_cstr(&json), NULL, 100);
}

static void
a_condition_that_fails_is_ignored_or_told(void **state)
{
    static const char *const modes[] = {
        "logs: {log_record: ['attributes[\"a\"] + 1 > 0', 'severity_number == 17']}",
        "error_mode: silent\nlogs: {log_record: ['attributes[\"a\"] + 1 > 0', 'severity_number == 17']}",
        "error_mode: propagate\nlog_conditions: [{context: log, error_mode: silent, conditions: "
        "['attributes[\"a\"] + 1 > 0', 'severity_number == 17']}]",
        "error_mode: propagate\nlogs: {log_record: ['attributes[\"a\"] + 1 > 0', 'severity_number == 17']}",
        "log_conditions: ['log.severity_number == 17', {conditions: ['log.attributes[\"a\"] + 1 > 0'], "
        "error_mode: propagate}]"};

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct otc_edited edited;

        otc_edited_begin(&edited, factory, modes[i]);
        if (i < 3) {
            assert_string_equal(otc_edited_json(&edited, OTC_LOGS, logs, NULL),
                                "resource{} scope{} item{a='l1'}");
            assert_int_equal(otc_vhost_logged(edited.rig.vhost, "Failed to evaluate a condition"),
                             i == 0 ? 1 : 0);
        } else {
            static const char record[] = "\x0a\x04\x12\x02\x12\x00"; /* a log record without anything */
            struct otc_error err = OTC_ERROR_INIT;
            struct otc_consumer *input = edited.rig.component->ops->input(edited.rig.component, OTC_LOGS);

            assert_int_equal(
                otc_consume(input, otc_batch_copy_of(OTC_LOGS, otc_slice_of(record, 6), 1, NULL), NULL, &err),
                OTC_UNAVAILABLE);
            assert_false(err.permanent);
            assert_string_equal(
                err.text, "filter: failed to evaluate a condition: arithmetic (+) on a value that is no "
                          "number");
            assert_int_equal(otc_sink_calls(edited.sink), 0);
        }
        otc_edited_end(&edited);
    }
}

static void
wrong_settings_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"traces: {span: ['name ==']}",
         "traces::span: unable to parse OTTL condition \"name ==\": character 8: expected a "
         "path, a function or a value"},
        {"traces: {span: ['ParseXML(name) == nil']}", "undefined function \"ParseXML\""},
        {"trace_conditions: ['name == \"a\"']",
         "trace_conditions[0]: unable to infer a context: paths without `context` begin with it, such as "
         "span.name"},
        {"log_conditions: ['log.body == 1', {context: span, conditions: ['true']}]",
         "log_conditions[1]: unknown context \"span\" for logs"},
        {"log_conditions: [{context: log, statements: ['true']}]", "[0]: has invalid keys: statements"},
        {"log_conditions: [{context: log, conditions: ['body =']}]",
         "log_conditions[0]: unable to parse OTTL condition \"body =\""},
        {"log_conditions: [{conditions: ['log.body == 1'], error_mode: loud}]",
         "error_mode: \"loud\" is none of propagate, ignore, silent"},
        {"metrics: {include: {match_type: expr, expressions: ['HasLabel(\"a\")']}}",
         "metrics: match_type expr is an OpenTelemetry Collector option that this build does not support"},
        {"logs: {include: {match_type: regexp, bodies: ['(']}}",
         "logs: include: error creating log record body filters: [0]: error parsing regexp: missing closing "
         "): `(`"},
        {"error_mode: loud", "ignore"},
        {"profiles: {profile: ['true']}",
         "is an OpenTelemetry Collector option that this build does not support"},
        {"traces: {spans: ['true']}", "has invalid keys: spans"},
    };
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!otc_test_refuses(factory, cases[i][0], cases[i][1], &err)) {
            fail_msg("%s: %s", cases[i][0], err.text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_collectors_configurations),
        cmocka_unit_test(the_collectors_cases),
        cmocka_unit_test(spans_and_events_are_dropped),
        cmocka_unit_test(groups_have_a_context_of_their_own),
        cmocka_unit_test(metrics_and_points_are_dropped),
        cmocka_unit_test(log_records_are_dropped),
        cmocka_unit_test(what_stays_passes_as_it_is),
        cmocka_unit_test(texts_are_made_of_many_items),
        cmocka_unit_test(a_condition_that_fails_is_ignored_or_told),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests_name("processors/filter", tests, NULL, NULL);
}
