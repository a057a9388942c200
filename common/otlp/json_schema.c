// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/json_schema.h"

/* ---- Names of enumerations ---------------------------------------------------------------------- */

static const char *const span_kinds[] = {"SPAN_KIND_UNSPECIFIED",
                                         "SPAN_KIND_INTERNAL",
                                         "SPAN_KIND_SERVER",
                                         "SPAN_KIND_CLIENT",
                                         "SPAN_KIND_PRODUCER",
                                         "SPAN_KIND_CONSUMER",
                                         NULL};
static const char *const status_codes[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR", NULL};
static const char *const temporalities[] = {"AGGREGATION_TEMPORALITY_UNSPECIFIED",
                                            "AGGREGATION_TEMPORALITY_DELTA",
                                            "AGGREGATION_TEMPORALITY_CUMULATIVE", NULL};
static const char *const severities[] = {"SEVERITY_NUMBER_UNSPECIFIED", "SEVERITY_NUMBER_TRACE",
                                         "SEVERITY_NUMBER_TRACE2",      "SEVERITY_NUMBER_TRACE3",
                                         "SEVERITY_NUMBER_TRACE4",      "SEVERITY_NUMBER_DEBUG",
                                         "SEVERITY_NUMBER_DEBUG2",      "SEVERITY_NUMBER_DEBUG3",
                                         "SEVERITY_NUMBER_DEBUG4",      "SEVERITY_NUMBER_INFO",
                                         "SEVERITY_NUMBER_INFO2",       "SEVERITY_NUMBER_INFO3",
                                         "SEVERITY_NUMBER_INFO4",       "SEVERITY_NUMBER_WARN",
                                         "SEVERITY_NUMBER_WARN2",       "SEVERITY_NUMBER_WARN3",
                                         "SEVERITY_NUMBER_WARN4",       "SEVERITY_NUMBER_ERROR",
                                         "SEVERITY_NUMBER_ERROR2",      "SEVERITY_NUMBER_ERROR3",
                                         "SEVERITY_NUMBER_ERROR4",      "SEVERITY_NUMBER_FATAL",
                                         "SEVERITY_NUMBER_FATAL2",      "SEVERITY_NUMBER_FATAL3",
                                         "SEVERITY_NUMBER_FATAL4",      NULL};

/* ---- Fields -------------------------------------------------------------------------------------- */

#define ONE(name, number, form)                                                                              \
    {                                                                                                        \
        name, sizeof(name) - 1, number, OTC_FORM_##form, false, NULL, NULL                                   \
    }
#define MANY(name, number, form)                                                                             \
    {                                                                                                        \
        name, sizeof(name) - 1, number, OTC_FORM_##form, true, NULL, NULL                                    \
    }
#define CHOICE(name, number, names)                                                                          \
    {                                                                                                        \
        name, sizeof(name) - 1, number, OTC_FORM_ENUM, false, NULL, names                                    \
    }
#define SUB(name, number, type)                                                                              \
    {                                                                                                        \
        name, sizeof(name) - 1, number, OTC_FORM_MESSAGE, false, &type, NULL                                 \
    }
#define SUBS(name, number, type)                                                                             \
    {                                                                                                        \
        name, sizeof(name) - 1, number, OTC_FORM_MESSAGE, true, &type, NULL                                  \
    }
#define MESSAGE_OF(type, nests, oneof)                                                                       \
    static const struct otc_json_message type = {                                                            \
        type##_fields, sizeof(type##_fields) / sizeof(type##_fields[0]), nests, oneof}
#define MESSAGE(type, nests) MESSAGE_OF(type, nests, 0)
/* A set of field numbers. */
#define BIT(number) (UINT32_C(1) << (number))

/* A value holds arrays and lists, which hold values. */
static const struct otc_json_message array_value, kvlist, key_value;

static const struct otc_json_field any_value_fields[] = {
    ONE("stringValue", 1, STRING), ONE("boolValue", 2, BOOL),         ONE("intValue", 3, INT64),
    ONE("doubleValue", 4, DOUBLE), SUB("arrayValue", 5, array_value), SUB("kvlistValue", 6, kvlist),
    ONE("bytesValue", 7, BASE64),
};
MESSAGE_OF(any_value, true, BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7));

static const struct otc_json_field array_value_fields[] = {
    SUBS("values", 1, any_value),
};
MESSAGE(array_value, false);

static const struct otc_json_field kvlist_fields[] = {
    SUBS("values", 1, key_value),
};
MESSAGE(kvlist, false);

static const struct otc_json_field key_value_fields[] = {
    ONE("key", 1, STRING),
    SUB("value", 2, any_value),
};
MESSAGE(key_value, false);

static const struct otc_json_field scope_fields[] = {
    ONE("name", 1, STRING),
    ONE("version", 2, STRING),
    SUBS("attributes", 3, key_value),
    ONE("droppedAttributesCount", 4, UINT32),
};
MESSAGE(scope, false);

static const struct otc_json_field entity_ref_fields[] = {
    ONE("schemaUrl", 1, STRING),
    ONE("type", 2, STRING),
    MANY("idKeys", 3, STRING),
    MANY("descriptionKeys", 4, STRING),
};
MESSAGE(entity_ref, false);

static const struct otc_json_field resource_fields[] = {
    SUBS("attributes", 1, key_value),
    ONE("droppedAttributesCount", 2, UINT32),
    SUBS("entityRefs", 3, entity_ref),
};
MESSAGE(resource, false);

static const struct otc_json_field event_fields[] = {
    ONE("timeUnixNano", 1, FIXED64),
    ONE("name", 2, STRING),
    SUBS("attributes", 3, key_value),
    ONE("droppedAttributesCount", 4, UINT32),
};
MESSAGE(event, false);

static const struct otc_json_field link_fields[] = {
    ONE("traceId", 1, HEX),
    ONE("spanId", 2, HEX),
    ONE("traceState", 3, STRING),
    SUBS("attributes", 4, key_value),
    ONE("droppedAttributesCount", 5, UINT32),
    ONE("flags", 6, FIXED32),
};
MESSAGE(link, false);

static const struct otc_json_field status_fields[] = {
    ONE("message", 2, STRING),
    CHOICE("code", 3, status_codes),
};
MESSAGE(status, false);

static const struct otc_json_field span_fields[] = {
    ONE("traceId", 1, HEX),
    ONE("spanId", 2, HEX),
    ONE("traceState", 3, STRING),
    ONE("parentSpanId", 4, HEX),
    ONE("flags", 16, FIXED32),
    ONE("name", 5, STRING),
    CHOICE("kind", 6, span_kinds),
    ONE("startTimeUnixNano", 7, FIXED64),
    ONE("endTimeUnixNano", 8, FIXED64),
    SUBS("attributes", 9, key_value),
    ONE("droppedAttributesCount", 10, UINT32),
    SUBS("events", 11, event),
    ONE("droppedEventsCount", 12, UINT32),
    SUBS("links", 13, link),
    ONE("droppedLinksCount", 14, UINT32),
    SUB("status", 15, status),
};
MESSAGE(span, false);

static const struct otc_json_field scope_spans_fields[] = {
    SUB("scope", 1, scope),
    SUBS("spans", 2, span),
    ONE("schemaUrl", 3, STRING),
};
MESSAGE(scope_spans, false);

static const struct otc_json_field resource_spans_fields[] = {
    SUB("resource", 1, resource),
    SUBS("scopeSpans", 2, scope_spans),
    ONE("schemaUrl", 3, STRING),
};
MESSAGE(resource_spans, false);

static const struct otc_json_field traces_request_fields[] = {
    SUBS("resourceSpans", 1, resource_spans),
};
MESSAGE(traces_request, false);

static const struct otc_json_field log_record_fields[] = {
    ONE("timeUnixNano", 1, FIXED64),
    ONE("observedTimeUnixNano", 11, FIXED64),
    CHOICE("severityNumber", 2, severities),
    ONE("severityText", 3, STRING),
    SUB("body", 5, any_value),
    SUBS("attributes", 6, key_value),
    ONE("droppedAttributesCount", 7, UINT32),
    ONE("flags", 8, FIXED32),
    ONE("traceId", 9, HEX),
    ONE("spanId", 10, HEX),
    ONE("eventName", 12, STRING),
};
MESSAGE(log_record, false);

static const struct otc_json_field scope_logs_fields[] = {
    SUB("scope", 1, scope),
    SUBS("logRecords", 2, log_record),
    ONE("schemaUrl", 3, STRING),
};
MESSAGE(scope_logs, false);

static const struct otc_json_field resource_logs_fields[] = {
    SUB("resource", 1, resource),
    SUBS("scopeLogs", 2, scope_logs),
    ONE("schemaUrl", 3, STRING),
};
MESSAGE(resource_logs, false);

static const struct otc_json_field logs_request_fields[] = {
    SUBS("resourceLogs", 1, resource_logs),
};
MESSAGE(logs_request, false);

static const struct otc_json_field exemplar_fields[] = {
    SUBS("filteredAttributes", 7, key_value),
    ONE("timeUnixNano", 2, FIXED64),
    ONE("asDouble", 3, DOUBLE),
    ONE("asInt", 6, SFIXED64),
    ONE("spanId", 4, HEX),
    ONE("traceId", 5, HEX),
};
MESSAGE_OF(exemplar, false, BIT(3) | BIT(6));

static const struct otc_json_field number_point_fields[] = {
    SUBS("attributes", 7, key_value), ONE("startTimeUnixNano", 2, FIXED64),
    ONE("timeUnixNano", 3, FIXED64),  ONE("asDouble", 4, DOUBLE),
    ONE("asInt", 6, SFIXED64),        SUBS("exemplars", 5, exemplar),
    ONE("flags", 8, UINT32),
};
MESSAGE_OF(number_point, false, BIT(4) | BIT(6));

static const struct otc_json_field histogram_point_fields[] = {
    SUBS("attributes", 9, key_value),
    ONE("startTimeUnixNano", 2, FIXED64),
    ONE("timeUnixNano", 3, FIXED64),
    ONE("count", 4, FIXED64),
    ONE("sum", 5, DOUBLE),
    MANY("bucketCounts", 6, FIXED64),
    MANY("explicitBounds", 7, DOUBLE),
    SUBS("exemplars", 8, exemplar),
    ONE("flags", 10, UINT32),
    ONE("min", 11, DOUBLE),
    ONE("max", 12, DOUBLE),
};
MESSAGE(histogram_point, false);

static const struct otc_json_field buckets_fields[] = {
    ONE("offset", 1, SINT32),
    MANY("bucketCounts", 2, UINT64),
};
MESSAGE(buckets, false);

static const struct otc_json_field exponential_point_fields[] = {
    SUBS("attributes", 1, key_value),
    ONE("startTimeUnixNano", 2, FIXED64),
    ONE("timeUnixNano", 3, FIXED64),
    ONE("count", 4, FIXED64),
    ONE("sum", 5, DOUBLE),
    ONE("scale", 6, SINT32),
    ONE("zeroCount", 7, FIXED64),
    SUB("positive", 8, buckets),
    SUB("negative", 9, buckets),
    ONE("flags", 10, UINT32),
    SUBS("exemplars", 11, exemplar),
    ONE("min", 12, DOUBLE),
    ONE("max", 13, DOUBLE),
    ONE("zeroThreshold", 14, DOUBLE),
};
MESSAGE(exponential_point, false);

static const struct otc_json_field quantile_fields[] = {
    ONE("quantile", 1, DOUBLE),
    ONE("value", 2, DOUBLE),
};
MESSAGE(quantile, false);

static const struct otc_json_field summary_point_fields[] = {
    SUBS("attributes", 7, key_value),
    ONE("startTimeUnixNano", 2, FIXED64),
    ONE("timeUnixNano", 3, FIXED64),
    ONE("count", 4, FIXED64),
    ONE("sum", 5, DOUBLE),
    SUBS("quantileValues", 6, quantile),
    ONE("flags", 8, UINT32),
};
MESSAGE(summary_point, false);

static const struct otc_json_field gauge_fields[] = {
    SUBS("dataPoints", 1, number_point),
};
MESSAGE(gauge, false);

static const struct otc_json_field sum_fields[] = {
    SUBS("dataPoints", 1, number_point),
    CHOICE("aggregationTemporality", 2, temporalities),
    ONE("isMonotonic", 3, BOOL),
};
MESSAGE(sum, false);

static const struct otc_json_field histogram_fields[] = {
    SUBS("dataPoints", 1, histogram_point),
    CHOICE("aggregationTemporality", 2, temporalities),
};
MESSAGE(histogram, false);

static const struct otc_json_field exponential_fields[] = {
    SUBS("dataPoints", 1, exponential_point),
    CHOICE("aggregationTemporality", 2, temporalities),
};
MESSAGE(exponential, false);

static const struct otc_json_field summary_fields[] = {
    SUBS("dataPoints", 1, summary_point),
};
MESSAGE(summary, false);

static const struct otc_json_field metric_fields[] = {
    ONE("name", 1, STRING),
    ONE("description", 2, STRING),
    ONE("unit", 3, STRING),
    SUB("gauge", 5, gauge),
    SUB("sum", 7, sum),
    SUB("histogram", 9, histogram),
    SUB("exponentialHistogram", 10, exponential),
    SUB("summary", 11, summary),
    SUBS("metadata", 12, key_value),
};
MESSAGE_OF(metric, false, BIT(5) | BIT(7) | BIT(9) | BIT(10) | BIT(11));

static const struct otc_json_field scope_metrics_fields[] = {
    SUB("scope", 1, scope),
    SUBS("metrics", 2, metric),
    ONE("schemaUrl", 3, STRING),
};
MESSAGE(scope_metrics, false);

static const struct otc_json_field resource_metrics_fields[] = {
    SUB("resource", 1, resource),
    SUBS("scopeMetrics", 2, scope_metrics),
    ONE("schemaUrl", 3, STRING),
};
MESSAGE(resource_metrics, false);

static const struct otc_json_field metrics_request_fields[] = {
    SUBS("resourceMetrics", 1, resource_metrics),
};
MESSAGE(metrics_request, false);

const struct otc_json_message *
otc_json_request(enum otc_signal signal)
{
    static const struct otc_json_message *const requests[] = {
        [OTC_TRACES] = &traces_request, [OTC_METRICS] = &metrics_request, [OTC_LOGS] = &logs_request};

    return requests[signal];
}
