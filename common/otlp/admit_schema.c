// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/admit_schema.h"

#include "common/otlp/proto/collector.pb-c.h"
#include "common/otlp/wire.h"

#define AT(field, type) [(field) << 3 | (type)]
#define VARINT(field) AT(field, OTC_WIRE_VARINT) = {FORM_VARINT, 0}
#define STRINDEX(field) AT(field, OTC_WIRE_VARINT) = {FORM_STRINDEX, 0}
#define WORD(field) AT(field, OTC_WIRE_FIXED64) = {FORM_WORD, 0}
#define HALF(field) AT(field, OTC_WIRE_FIXED32) = {FORM_HALF, 0}
#define BYTES(field) AT(field, OTC_WIRE_BYTES) = {FORM_BYTES, 0}
#define TEXTS(field) AT(field, OTC_WIRE_BYTES) = {FORM_TEXTS, 0}
#define TRACE_ID(field) AT(field, OTC_WIRE_BYTES) = {FORM_TRACE_ID, 0}
#define SPAN_ID(field) AT(field, OTC_WIRE_BYTES) = {FORM_SPAN_ID, 0}
#define MESSAGE(field, kind) AT(field, OTC_WIRE_BYTES) = {FORM_MESSAGE, (kind)}
#define ATTRIBUTE(field) AT(field, OTC_WIRE_BYTES) = {FORM_ATTRIBUTE, KEY_VALUE}
#define WORDS(field)                                                                                         \
    AT(field, OTC_WIRE_BYTES) = {FORM_PACKED_WORDS, 0}, AT(field, OTC_WIRE_FIXED64) = {FORM_ONE_WORD, 0}
#define VARINTS(field)                                                                                       \
    AT(field, OTC_WIRE_BYTES) = {FORM_PACKED_VARINTS, 0}, AT(field, OTC_WIRE_VARINT) = {FORM_ONE_VARINT, 0}
#define SIZE(type) (sizeof(Otc__Otlp__##type) + sizeof(void *) + BLOCK_BYTES)

const struct shape otc_admit_shapes[N_KINDS] = {
    [TRACES_REQUEST] = {SIZE(ExportTraceServiceRequest), {MESSAGE(1, RESOURCE_SPANS)}},
    [METRICS_REQUEST] = {SIZE(ExportMetricsServiceRequest), {MESSAGE(1, RESOURCE_METRICS)}},
    [LOGS_REQUEST] = {SIZE(ExportLogsServiceRequest), {MESSAGE(1, RESOURCE_LOGS)}},
    [RESOURCE_SPANS] = {SIZE(ResourceSpans), {MESSAGE(1, RESOURCE), MESSAGE(2, SCOPE_SPANS), BYTES(3)}},
    [RESOURCE_METRICS] = {SIZE(ResourceMetrics), {MESSAGE(1, RESOURCE), MESSAGE(2, SCOPE_METRICS), BYTES(3)}},
    [RESOURCE_LOGS] = {SIZE(ResourceLogs), {MESSAGE(1, RESOURCE), MESSAGE(2, SCOPE_LOGS), BYTES(3)}},
    [RESOURCE] = {SIZE(Resource), {ATTRIBUTE(1), VARINT(2), MESSAGE(3, ENTITY_REF)}},
    [ENTITY_REF] = {SIZE(EntityRef), {TEXTS(1), TEXTS(2), TEXTS(3), TEXTS(4)}},
    [SCOPE_SPANS] = {SIZE(ScopeSpans), {MESSAGE(1, SCOPE), MESSAGE(2, SPAN), BYTES(3)}},
    [SCOPE_METRICS] = {SIZE(ScopeMetrics), {MESSAGE(1, SCOPE), MESSAGE(2, METRIC), BYTES(3)}},
    [SCOPE_LOGS] = {SIZE(ScopeLogs), {MESSAGE(1, SCOPE), MESSAGE(2, LOG_RECORD), BYTES(3)}},
    [SCOPE] = {SIZE(InstrumentationScope), {BYTES(1), BYTES(2), ATTRIBUTE(3), VARINT(4)}},
    [SPAN] = {SIZE(Span),
              {TRACE_ID(1), SPAN_ID(2), BYTES(3), BYTES(4), BYTES(5), VARINT(6), WORD(7), WORD(8),
               ATTRIBUTE(9), VARINT(10), MESSAGE(11, EVENT), VARINT(12), MESSAGE(13, LINK), VARINT(14),
               MESSAGE(15, STATUS), HALF(16)}},
    [EVENT] = {SIZE(Span__Event), {WORD(1), BYTES(2), ATTRIBUTE(3), VARINT(4)}},
    [LINK] = {SIZE(Span__Link), {BYTES(1), BYTES(2), BYTES(3), ATTRIBUTE(4), VARINT(5), HALF(6)}},
    [STATUS] = {SIZE(Status), {BYTES(2), VARINT(3)}},
    [LOG_RECORD] = {SIZE(LogRecord),
                    {WORD(1), VARINT(2), BYTES(3), MESSAGE(5, ANY_VALUE), ATTRIBUTE(6), VARINT(7), HALF(8),
                     TRACE_ID(9), SPAN_ID(10), WORD(11), BYTES(12)}},
    [METRIC] = {SIZE(Metric),
                {BYTES(1), BYTES(2), BYTES(3), MESSAGE(5, GAUGE), MESSAGE(7, SUM), MESSAGE(9, HISTOGRAM),
                 MESSAGE(10, EXPONENTIAL), MESSAGE(11, SUMMARY), ATTRIBUTE(12)}},
    [GAUGE] = {SIZE(Gauge), {MESSAGE(1, NUMBER_POINT)}},
    [SUM] = {SIZE(Sum), {MESSAGE(1, NUMBER_POINT), VARINT(2), VARINT(3)}},
    [HISTOGRAM] = {SIZE(Histogram), {MESSAGE(1, HISTOGRAM_POINT), VARINT(2)}},
    [EXPONENTIAL] = {SIZE(ExponentialHistogram), {MESSAGE(1, EXPONENTIAL_POINT), VARINT(2)}},
    [SUMMARY] = {SIZE(Summary), {MESSAGE(1, SUMMARY_POINT)}},
    [NUMBER_POINT] = {SIZE(NumberDataPoint),
                      {WORD(2), WORD(3), WORD(4), MESSAGE(5, EXEMPLAR), WORD(6), ATTRIBUTE(7), VARINT(8)}},
    [HISTOGRAM_POINT] = {SIZE(HistogramDataPoint),
                         {WORD(2), WORD(3), WORD(4), WORD(5), WORDS(6), WORDS(7), MESSAGE(8, EXEMPLAR),
                          ATTRIBUTE(9), VARINT(10), WORD(11), WORD(12)}},
    [EXPONENTIAL_POINT] = {SIZE(ExponentialHistogramDataPoint),
                           {ATTRIBUTE(1), WORD(2), WORD(3), WORD(4), WORD(5), VARINT(6), WORD(7),
                            MESSAGE(8, BUCKETS), MESSAGE(9, BUCKETS), VARINT(10), MESSAGE(11, EXEMPLAR),
                            WORD(12), WORD(13), WORD(14)}},
    [BUCKETS] = {SIZE(ExponentialHistogramDataPoint__Buckets), {VARINT(1), VARINTS(2)}},
    [SUMMARY_POINT] = {SIZE(SummaryDataPoint),
                       {WORD(2), WORD(3), WORD(4), WORD(5), MESSAGE(6, QUANTILE), ATTRIBUTE(7), VARINT(8)}},
    [QUANTILE] = {SIZE(SummaryDataPoint__ValueAtQuantile), {WORD(1), WORD(2)}},
    [EXEMPLAR] = {SIZE(Exemplar), {WORD(2), WORD(3), BYTES(4), BYTES(5), WORD(6), ATTRIBUTE(7)}},
    [KEY_VALUE] = {SIZE(KeyValue), {BYTES(1), MESSAGE(2, ANY_VALUE), STRINDEX(3)}},
    [ANY_VALUE] = {SIZE(AnyValue),
                   {BYTES(1), VARINT(2), VARINT(3), WORD(4), MESSAGE(5, ARRAY_VALUE), MESSAGE(6, KVLIST),
                    BYTES(7), STRINDEX(8)}},
    [ARRAY_VALUE] = {SIZE(ArrayValue), {MESSAGE(1, ANY_VALUE)}},
    [KVLIST] = {SIZE(KeyValueList), {ATTRIBUTE(1)}},
};
