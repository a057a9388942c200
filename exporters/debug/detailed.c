// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/value_text.h"
#include "exporters/debug/text.h"

#include <inttypes.h>
#include <math.h>

static const char *
value_type(enum otc_value_type type)
{
    switch (type) {
    case OTC_VALUE_STRING:
        return "Str";
    case OTC_VALUE_BOOL:
        return "Bool";
    case OTC_VALUE_INT:
        return "Int";
    case OTC_VALUE_DOUBLE:
        return "Double";
    case OTC_VALUE_ARRAY:
        return "Slice";
    case OTC_VALUE_KVLIST:
        return "Map";
    case OTC_VALUE_BYTES:
        return "Bytes";
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    default:
        return "Empty";
    }
}

static void
put_value(struct otc_buf *out, const struct otc_value *value)
{
    otc_buf_append_str(out, value_type(value->type));
    otc_buf_append_byte(out, '(');
    otc_value_text(value, out);
    otc_buf_append_byte(out, ')');
}

/** A header line and a line for each attribute; nothing without any. `indent` goes before the arrows. */
static void
put_attributes(struct otc_buf *out, const char *header, const char *indent, enum otc_attributes_of of,
               struct otc_slice message)
{
    struct otc_slice key;
    struct otc_value value;
    bool first = true;

    while (otc_attributes_next(of, &message, &key, &value)) {
        if (first) {
            otc_buf_printf(out, "%s:\n", header);
            first = false;
        }
        otc_buf_printf(out, "%s     -> ", indent);
        otc_buf_append_slice(out, key);
        otc_buf_append_str(out, ": ");
        put_value(out, &value);
        otc_buf_append_byte(out, '\n');
    }
}

static void
put_line(struct otc_buf *out, const char *label, struct otc_slice text)
{
    otc_buf_append_str(out, label);
    otc_buf_append_slice(out, text);
    otc_buf_append_byte(out, '\n');
}

static void
put_time_line(struct otc_buf *out, const char *label, uint64_t unix_nano)
{
    otc_buf_append_str(out, label);
    debug_put_time(out, unix_nano);
    otc_buf_append_byte(out, '\n');
}

static void
put_hex_line(struct otc_buf *out, const char *label, struct otc_slice id)
{
    otc_buf_append_str(out, label);
    debug_put_hex(out, id);
    otc_buf_append_byte(out, '\n');
}

static void
put_fixed_line(struct otc_buf *out, const char *label, double number)
{
    otc_buf_append_str(out, label);
    debug_put_fixed(out, number);
    otc_buf_append_byte(out, '\n');
}

static uint64_t
count_field(struct otc_slice message, uint32_t field)
{
    return otc_message_scalar(message, field, 0);
}

static double
double_field(struct otc_slice message, uint32_t field)
{
    uint64_t bits = otc_message_scalar(message, field, 0);
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

/* ---- Resources and scopes ------------------------------------------------------------------------ */

static void
put_resource(struct otc_buf *out, enum otc_signal signal, size_t index, struct otc_slice message)
{
    static const char *const words[OTC_N_SIGNALS] = {"ResourceSpans", "ResourceMetrics", "ResourceLog"};

    otc_buf_printf(out, "%s #%zu\n", words[signal], index);
    put_line(out, "Resource SchemaURL: ", otc_message_bytes(message, 3));
    put_attributes(out, "Resource attributes", "", OTC_ATTRIBUTES_RESOURCE, otc_message_bytes(message, 1));
}

static void
put_scope(struct otc_buf *out, enum otc_signal signal, size_t index, struct otc_slice message)
{
    static const char *const words[OTC_N_SIGNALS] = {"ScopeSpans", "ScopeMetrics", "ScopeLogs"};
    struct otc_slice scope = otc_message_bytes(message, 1);

    otc_buf_printf(out, "%s #%zu\n%s SchemaURL: ", words[signal], index, words[signal]);
    put_line(out, "", otc_message_bytes(message, 3));
    otc_buf_append_str(out, "InstrumentationScope ");
    otc_buf_append_slice(out, otc_message_bytes(scope, 1));
    put_line(out, " ", otc_message_bytes(scope, 2));
    put_attributes(out, "InstrumentationScope attributes", "", OTC_ATTRIBUTES_SCOPE, scope);
}

/* ---- Spans -------------------------------------------------------------------------------------- */

static void
put_events(struct otc_buf *out, struct otc_slice span)
{
    struct otc_slice event;

    for (size_t i = 0; otc_messages_next(&span, 11, &event); i++) {
        otc_buf_printf(out, "%sSpanEvent #%zu\n", i == 0 ? "Events:\n" : "", i);
        put_line(out, "     -> Name: ", otc_message_bytes(event, 2));
        put_time_line(out, "     -> Timestamp: ", otc_message_scalar(event, 1, 0));
        otc_buf_printf(out, "     -> DroppedAttributesCount: %" PRIu64 "\n", count_field(event, 4));
        put_attributes(out, "     -> Attributes:", "     ", OTC_ATTRIBUTES_EVENT, event);
    }
}

static void
put_links(struct otc_buf *out, struct otc_slice span)
{
    struct otc_slice link;

    for (size_t i = 0; otc_messages_next(&span, 13, &link); i++) {
        otc_buf_printf(out, "%sSpanLink #%zu\n", i == 0 ? "Links:\n" : "", i);
        put_hex_line(out, "     -> Trace ID: ", otc_message_bytes(link, 1));
        put_hex_line(out, "     -> ID: ", otc_message_bytes(link, 2));
        put_line(out, "     -> TraceState: ", otc_message_bytes(link, 3));
        otc_buf_printf(out, "     -> DroppedAttributesCount: %" PRIu64 "\n", count_field(link, 5));
        /* Attributes of a link are its field 4. */
        put_attributes(out, "     -> Attributes:", "     ", (enum otc_attributes_of)4, link);
    }
}

static void
put_span(struct otc_buf *out, size_t index, const struct otc_span *span)
{
    static const char *const kinds[] = {"Unspecified", "Internal", "Server",
                                        "Client",      "Producer", "Consumer"};
    static const char *const codes[] = {"Unset", "Ok", "Error"};

    otc_buf_printf(out, "Span #%zu\n", index);
    put_hex_line(out, "    Trace ID       : ", span->trace_id);
    put_hex_line(out, "    Parent ID      : ", span->parent_span_id);
    put_hex_line(out, "    ID             : ", span->span_id);
    put_line(out, "    Name           : ", span->name);
    otc_buf_printf(out, "    Kind           : %s\n",
                   span->kind >= 0 && span->kind < 6 ? kinds[span->kind] : "");
    if (span->trace_state.len > 0) {
        put_line(out, "    TraceState     : ", span->trace_state);
    }
    put_time_line(out, "    Start time     : ", span->start_unix_nano);
    put_time_line(out, "    End time       : ", span->end_unix_nano);
    otc_buf_printf(out, "    Status code    : %s\n",
                   span->status_code >= 0 && span->status_code < 3 ? codes[span->status_code] : "");
    put_line(out, "    Status message : ", span->status_message);
    otc_buf_printf(out, "    DroppedAttributesCount: %" PRIu64 "\n", count_field(span->encoded, 10));
    otc_buf_printf(out, "    DroppedEventsCount: %" PRIu64 "\n", count_field(span->encoded, 12));
    otc_buf_printf(out, "    DroppedLinksCount: %" PRIu64 "\n", count_field(span->encoded, 14));
    put_attributes(out, "Attributes", "", OTC_ATTRIBUTES_SPAN, span->encoded);
    put_events(out, span->encoded);
    put_links(out, span->encoded);
}

/* ---- Logs --------------------------------------------------------------------------------------- */

static void
put_severity(struct otc_buf *out, int32_t number)
{
    static const char *const names[] = {"Trace", "Debug", "Info", "Warn", "Error", "Fatal"};

    otc_buf_append_str(out, "SeverityNumber: ");
    if (number >= 1 && number <= 24) {
        otc_buf_append_str(out, names[(number - 1) / 4]);
        if ((number - 1) % 4 > 0) {
            otc_buf_printf(out, "%d", (number - 1) % 4 + 1);
        }
    } else {
        otc_buf_append_str(out, number == 0 ? "Unspecified" : "");
    }
    otc_buf_printf(out, "(%d)\n", number);
}

static void
put_log(struct otc_buf *out, size_t index, const struct otc_log_record *record)
{
    otc_buf_printf(out, "LogRecord #%zu\n", index);
    put_time_line(out, "ObservedTimestamp: ", record->observed_unix_nano);
    put_time_line(out, "Timestamp: ", record->time_unix_nano);
    put_line(out, "SeverityText: ", record->severity_text);
    put_severity(out, record->severity_number);
    if (record->event_name.len > 0) {
        put_line(out, "EventName: ", record->event_name);
    }
    otc_buf_append_str(out, "Body: ");
    put_value(out, &record->body);
    otc_buf_append_byte(out, '\n');
    put_attributes(out, "Attributes", "", OTC_ATTRIBUTES_LOG_RECORD, record->encoded);
    put_hex_line(out, "Trace ID: ", record->trace_id);
    put_hex_line(out, "Span ID: ", record->span_id);
    otc_buf_printf(out, "Flags: %" PRIu32 "\n", record->flags);
}

/* ---- Metrics ------------------------------------------------------------------------------------ */

static void
put_temporality(struct otc_buf *out, struct otc_slice data)
{
    static const char *const names[] = {"Unspecified", "Delta", "Cumulative"};
    uint64_t number = otc_message_scalar(data, 2, 0);

    otc_buf_printf(out, "     -> AggregationTemporality: %s\n", number < 3 ? names[number] : "");
}

/** The metric's data by its field number; data NULL when there is none (or it is empty). */
static void
put_metric(struct otc_buf *out, size_t index, struct otc_slice message)
{
    static const struct {
        uint32_t field;
        const char *name;
    } types[] = {{5, "Gauge"}, {7, "Sum"}, {9, "Histogram"}, {10, "ExponentialHistogram"}, {11, "Summary"}};
    const char *name = "Empty";
    uint32_t field = 0;
    struct otc_slice data = OTC_SLICE_NONE;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct otc_slice rest = message;

        if (otc_messages_next(&rest, types[i].field, &data)) {
            name = types[i].name;
            field = types[i].field;
            break;
        }
    }
    otc_buf_printf(out, "Metric #%zu\nDescriptor:\n", index);
    put_line(out, "     -> Name: ", otc_message_bytes(message, 1));
    put_line(out, "     -> Description: ", otc_message_bytes(message, 2));
    put_line(out, "     -> Unit: ", otc_message_bytes(message, 3));
    otc_buf_printf(out, "     -> DataType: %s\n", name);
    /* Metadata is field 12 of a metric. */
    put_attributes(out, "     -> Metadata", "     ", (enum otc_attributes_of)12, message);
    if (field == 7) {
        otc_buf_printf(out, "     -> IsMonotonic: %s\n", otc_message_scalar(data, 3, 0) ? "true" : "false");
    }
    if (field == 7 || field == 9 || field == 10) {
        put_temporality(out, data);
    }
}

static void
put_exemplars(struct otc_buf *out, struct otc_slice point, uint32_t field)
{
    struct otc_slice exemplar;

    for (size_t i = 0; otc_messages_next(&point, field, &exemplar); i++) {
        otc_buf_printf(out, "%sExemplar #%zu\n", i == 0 ? "Exemplars:\n" : "", i);
        put_hex_line(out, "     -> Trace ID: ", otc_message_bytes(exemplar, 5));
        put_hex_line(out, "     -> Span ID: ", otc_message_bytes(exemplar, 4));
        put_time_line(out, "     -> Timestamp: ", otc_message_scalar(exemplar, 2, 0));
        /* Present when no fallback shows through. */
        if (otc_message_scalar(exemplar, 3, 1) == otc_message_scalar(exemplar, 3, 2)) {
            put_fixed_line(out, "     -> Value: ", double_field(exemplar, 3));
        } else if (otc_message_scalar(exemplar, 6, 1) == otc_message_scalar(exemplar, 6, 2)) {
            otc_buf_printf(out, "     -> Value: %" PRId64 "\n", (int64_t)otc_message_scalar(exemplar, 6, 0));
        }
        put_attributes(out, "     -> FilteredAttributes", "     ", (enum otc_attributes_of)7, exemplar);
    }
}

static void
put_count_lines(struct otc_buf *out, const struct otc_point *point)
{
    otc_buf_printf(out, "Count: %" PRIu64 "\n", point->count);
    if (point->has_sum) {
        put_fixed_line(out, "Sum: ", point->sum);
    }
    if (point->has_min) {
        put_fixed_line(out, "Min: ", point->min);
    }
    if (point->has_max) {
        put_fixed_line(out, "Max: ", point->max);
    }
}

static void
put_number(struct otc_buf *out, const struct otc_point *point)
{
    if (point->value.type == OTC_VALUE_INT) {
        otc_buf_printf(out, "Value: %" PRId64 "\n", point->value.as.integer);
    } else if (point->value.type == OTC_VALUE_DOUBLE) {
        put_fixed_line(out, "Value: ", point->value.as.real);
    }
    put_exemplars(out, point->encoded, 5);
}

static void
put_histogram(struct otc_buf *out, const struct otc_point *point)
{
    struct otc_words_cursor at_bound = {.started = false};
    struct otc_words_cursor at_count = {.started = false};
    uint64_t bits;
    double bound;

    put_count_lines(out, point);
    for (size_t i = 0; !out->failed && otc_words_next(&point->explicit_bounds, &at_bound, &bits); i++) {
        memcpy(&bound, &bits, sizeof(bound));
        otc_buf_printf(out, "ExplicitBounds #%zu: ", i);
        put_fixed_line(out, "", bound);
    }
    for (size_t i = 0; !out->failed && otc_words_next(&point->bucket_counts, &at_count, &bits); i++) {
        otc_buf_printf(out, "Buckets #%zu, Count: %" PRIu64 "\n", i, bits);
    }
    put_exemplars(out, point->encoded, 8);
}

/** The limit away from zero belongs to a bucket. */
static void
put_bucket(struct otc_buf *out, double lower, double upper, uint64_t count)
{
    const bool negative = signbit(upper);

    otc_buf_append_str(out, negative ? "Bucket [" : "Bucket (");
    debug_put_fixed(out, lower);
    otc_buf_append_str(out, ", ");
    debug_put_fixed(out, upper);
    otc_buf_printf(out, "%c, Count: %" PRIu64 "\n", negative ? ')' : ']', count);
}

static void
put_exponential(struct otc_buf *out, const struct otc_point *point)
{
    put_count_lines(out, point);
    debug_put_side(out, &point->negative, point->scale, true, put_bucket);
    if (point->zero_count > 0) {
        otc_buf_printf(out, "Bucket [0, 0], Count: %" PRIu64 "\n", point->zero_count);
    }
    debug_put_side(out, &point->positive, point->scale, false, put_bucket);
    put_exemplars(out, point->encoded, 11);
}

static void
put_summary(struct otc_buf *out, const struct otc_point *point)
{
    struct otc_slice rest = point->encoded;
    struct otc_slice message;

    otc_buf_printf(out, "Count: %" PRIu64 "\n", point->count);
    put_fixed_line(out, "Sum: ", point->sum);
    for (size_t i = 0; otc_messages_next(&rest, 6, &message); i++) {
        otc_buf_printf(out, "QuantileValue #%zu: Quantile ", i);
        debug_put_fixed(out, double_field(message, 1));
        put_fixed_line(out, ", Value ", double_field(message, 2));
    }
}

static void
put_point(struct otc_buf *out, size_t index, const struct otc_point *point)
{
    static const struct {
        const char *name;
        void (*put)(struct otc_buf *out, const struct otc_point *point);
    } kinds[] = {
        [OTC_METRIC_NONE] = {"NumberDataPoints", put_number},
        [OTC_METRIC_GAUGE] = {"NumberDataPoints", put_number},
        [OTC_METRIC_SUM] = {"NumberDataPoints", put_number},
        [OTC_METRIC_HISTOGRAM] = {"HistogramDataPoints", put_histogram},
        [OTC_METRIC_EXPONENTIAL_HISTOGRAM] = {"ExponentialHistogramDataPoints", put_exponential},
        [OTC_METRIC_SUMMARY] = {"SummaryDataPoints", put_summary},
    };

    otc_buf_printf(out, "%s #%zu\n", kinds[point->type].name, index);
    put_attributes(out, "Data point attributes", "", otc_point_attributes(point->type), point->encoded);
    put_time_line(out, "StartTimestamp: ", point->start_unix_nano);
    put_time_line(out, "Timestamp: ", point->time_unix_nano);
    kinds[point->type].put(out, point);
}

const struct debug_style debug_detailed = {
    .resource = put_resource,
    .scope = put_scope,
    .metric = put_metric,
    .point = put_point,
    .span = put_span,
    .log = put_log,
};
