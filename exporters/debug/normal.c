// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/value_text.h"
#include "exporters/debug/text.h"

#include <inttypes.h>

/** Appends "key=value" pairs with `separator` between them, and `lead` before the first. */
static void
put_attributes(struct otc_buf *out, enum otc_attributes_of of, struct otc_slice message, const char *lead,
               char separator)
{
    struct otc_slice key;
    struct otc_value value;
    bool first = true;

    while (otc_attributes_next(of, &message, &key, &value)) {
        if (first) {
            otc_buf_append_str(out, lead);
        } else {
            otc_buf_append_byte(out, (uint8_t)separator);
        }
        first = false;
        otc_buf_append_slice(out, key);
        otc_buf_append_byte(out, '=');
        otc_value_text(&value, out);
    }
}

static void
put_schema(struct otc_buf *out, struct otc_slice schema)
{
    if (schema.len > 0) {
        otc_buf_append_str(out, " [");
        otc_buf_append_slice(out, schema);
        otc_buf_append_byte(out, ']');
    }
}

static void
put_resource(struct otc_buf *out, enum otc_signal signal, size_t index, struct otc_slice message)
{
    static const char *const words[OTC_N_SIGNALS] = {"ResourceTraces", "ResourceMetrics", "ResourceLog"};

    otc_buf_printf(out, "%s #%zu", words[signal], index);
    put_schema(out, otc_message_bytes(message, 3));
    put_attributes(out, OTC_ATTRIBUTES_RESOURCE, otc_message_bytes(message, 1), " ", ' ');
    otc_buf_append_byte(out, '\n');
}

static void
put_scope(struct otc_buf *out, enum otc_signal signal, size_t index, struct otc_slice message)
{
    static const char *const words[OTC_N_SIGNALS] = {"ScopeTraces", "ScopeMetrics", "ScopeLog"};
    struct otc_slice scope = otc_message_bytes(message, 1);
    struct otc_slice name = otc_message_bytes(scope, 1);
    struct otc_slice version = otc_message_bytes(scope, 2);

    otc_buf_printf(out, "%s #%zu", words[signal], index);
    if (name.len + version.len > 0) {
        otc_buf_append_byte(out, ' ');
        otc_buf_append_slice(out, name);
        otc_buf_append_str(out, version.len > 0 ? "@" : "");
        otc_buf_append_slice(out, version);
    }
    put_schema(out, otc_message_bytes(message, 3));
    put_attributes(out, OTC_ATTRIBUTES_SCOPE, scope, " ", ' ');
    otc_buf_append_byte(out, '\n');
}

static void
put_span(struct otc_buf *out, size_t index, const struct otc_span *span)
{
    (void)index;
    otc_buf_append_slice(out, span->name);
    otc_buf_append_byte(out, ' ');
    debug_put_hex(out, span->trace_id);
    otc_buf_append_byte(out, ' ');
    debug_put_hex(out, span->span_id);
    put_attributes(out, OTC_ATTRIBUTES_SPAN, span->encoded, " ", ' ');
    otc_buf_append_byte(out, '\n');
}

static void
put_log(struct otc_buf *out, size_t index, const struct otc_log_record *record)
{
    (void)index;
    otc_value_text(&record->body, out);
    otc_buf_append_byte(out, ' ');
    put_attributes(out, OTC_ATTRIBUTES_LOG_RECORD, record->encoded, "", ' ');
    otc_buf_append_byte(out, '\n');
}

/* ---- Points ------------------------------------------------------------------------------------- */

static void
put_named(struct otc_buf *out, const char *name, double number)
{
    otc_buf_append_str(out, name);
    debug_put_number(out, number);
}

static void
put_count(struct otc_buf *out, const struct otc_point *point)
{
    otc_buf_printf(out, "count=%" PRIu64, point->count);
    if (point->has_sum) {
        put_named(out, " sum=", point->sum);
    }
    if (point->has_min) {
        put_named(out, " min=", point->min);
    }
    if (point->has_max) {
        put_named(out, " max=", point->max);
    }
}

static void
put_explicit(struct otc_buf *out, const struct otc_point *point)
{
    struct otc_words_cursor at_bound = {.started = false};
    struct otc_words_cursor at_count = {.started = false};
    uint64_t count;
    uint64_t bits;
    double bound;

    put_count(out, point);
    while (!out->failed && otc_words_next(&point->bucket_counts, &at_count, &count)) {
        otc_buf_append_byte(out, ' ');
        if (otc_words_next(&point->explicit_bounds, &at_bound, &bits)) {
            memcpy(&bound, &bits, sizeof(bound));
            put_named(out, "le", bound);
            otc_buf_append_byte(out, '=');
        }
        otc_buf_printf(out, "%" PRIu64, count);
    }
}

/** By the upper limit. */
static void
put_bucket(struct otc_buf *out, double lower, double upper, uint64_t count)
{
    (void)lower;
    put_named(out, " le", upper);
    otc_buf_printf(out, "=%" PRIu64, count);
}

static void
put_exponential(struct otc_buf *out, const struct otc_point *point)
{
    put_count(out, point);
    debug_put_side(out, &point->negative, point->scale, true, put_bucket);
    if (point->zero_count > 0) {
        otc_buf_printf(out, " zero=%" PRIu64, point->zero_count);
    }
    debug_put_side(out, &point->positive, point->scale, false, put_bucket);
}

static double
double_field(struct otc_slice message, uint32_t field)
{
    uint64_t bits = otc_message_scalar(message, field, 0);
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

static void
put_summary(struct otc_buf *out, const struct otc_point *point)
{
    struct otc_slice rest = point->encoded;
    struct otc_slice message;

    otc_buf_printf(out, "count=%" PRIu64 " sum=", point->count);
    debug_put_fixed(out, point->sum);
    while (otc_messages_next(&rest, 6, &message)) {
        put_named(out, " q", double_field(message, 1));
        put_named(out, "=", double_field(message, 2));
    }
}

static void
put_point(struct otc_buf *out, size_t index, const struct otc_point *point)
{
    (void)index;
    otc_buf_append_slice(out, point->name);
    otc_buf_append_byte(out, '{');
    put_attributes(out, otc_point_attributes(point->type), point->encoded, "", ',');
    otc_buf_append_str(out, "} ");
    switch (point->type) {
    case OTC_METRIC_HISTOGRAM:
        put_explicit(out, point);
        break;
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        put_exponential(out, point);
        break;
    case OTC_METRIC_SUMMARY:
        put_summary(out, point);
        break;
    case OTC_METRIC_NONE:
    case OTC_METRIC_GAUGE:
    case OTC_METRIC_SUM:
    default:
        otc_value_text(&point->value, out);
    }
    otc_buf_append_byte(out, '\n');
}

const struct debug_style debug_normal = {
    .resource = put_resource,
    .scope = put_scope,
    .point = put_point,
    .span = put_span,
    .log = put_log,
};
