// SPDX-License-Identifier: Apache-2.0
#include "exporters/debug/text.h"

#include "common/base/clock.h"
#include "common/base/number.h"

#include <inttypes.h>
#include <math.h>

/** Field numbers that the three signals share. */
enum { REQUEST_RESOURCES = 1, RESOURCE_SCOPES = 2, SCOPE_ITEMS = 2 };

/**
 * Where the writer stands in a part. The walk tells of records alone; headers, also of empty resources and
 * scopes, come from following the nesting up to the record.
 */
struct outline {
    const struct debug_style *style;
    struct otc_buf *out;
    enum otc_signal signal;
    struct otc_slice resources, scopes, items;
    struct otc_slice item;
    size_t n_resources, n_scopes, n_items, n_points;
};

static bool
lies_in(struct otc_slice outer, const uint8_t *at)
{
    return outer.len > 0 && at >= outer.data && at < outer.data + outer.len;
}

/** Steps to the next metric, span or record and writes the headers on the way. False at the end. */
static bool
next_item(struct outline *o)
{
    struct otc_slice message;

    for (;;) {
        if (otc_messages_next(&o->items, SCOPE_ITEMS, &o->item)) {
            o->n_points = 0;
            if (o->signal == OTC_METRICS && o->style->metric) {
                o->style->metric(o->out, o->n_items, o->item);
            }
            o->n_items++;
            return true;
        }
        if (otc_messages_next(&o->scopes, RESOURCE_SCOPES, &message)) {
            o->style->scope(o->out, o->signal, o->n_scopes++, message);
            o->items = message;
            o->n_items = 0;
        } else if (otc_messages_next(&o->resources, REQUEST_RESOURCES, &message)) {
            o->style->resource(o->out, o->signal, o->n_resources++, message);
            o->scopes = message;
            o->n_scopes = 0;
        } else {
            return false;
        }
    }
}

/** Steps on until the item that holds `at`. */
static void
advance_to(struct outline *o, struct otc_slice encoded)
{
    while (!lies_in(o->item, encoded.data) && next_item(o)) {
    }
}

static bool
on_span(void *arg, const struct otc_span *span)
{
    struct outline *o = arg;

    if (span->encoded.len == 0) {
        next_item(o);
    } else {
        advance_to(o, span->encoded);
    }
    o->style->span(o->out, o->n_items - 1, span);
    return !o->out->failed;
}

static bool
on_log(void *arg, const struct otc_log_record *record)
{
    struct outline *o = arg;

    if (record->encoded.len == 0) {
        next_item(o);
    } else {
        advance_to(o, record->encoded);
    }
    o->style->log(o->out, o->n_items - 1, record);
    return !o->out->failed;
}

static bool
on_point(void *arg, const struct otc_point *point)
{
    struct outline *o = arg;

    advance_to(o, point->metric);
    o->style->point(o->out, o->n_points++, point);
    return !o->out->failed;
}

otc_status
debug_write(const struct debug_style *style, enum otc_signal signal, struct otc_slice part,
            struct otc_buf *out, struct otc_error *err)
{
    struct outline o = {.style = style, .out = out, .signal = signal, .resources = part};
    otc_status status = signal == OTC_TRACES    ? otc_walk_spans(NULL, part, on_span, &o, err)
                        : signal == OTC_METRICS ? otc_walk_points(NULL, part, on_point, &o, err)
                                                : otc_walk_logs(NULL, part, on_log, &o, err);

    while (status == OTC_OK && !out->failed && next_item(&o)) {
    }
    return status;
}

void
debug_count(enum otc_signal signal, struct otc_slice part, struct debug_counts *counts)
{
    struct otc_slice resource;
    struct otc_slice scope;
    struct otc_slice metric;

    while (otc_messages_next(&part, REQUEST_RESOURCES, &resource)) {
        counts->resources++;
        while (signal == OTC_METRICS && otc_messages_next(&resource, RESOURCE_SCOPES, &scope)) {
            while (otc_messages_next(&scope, SCOPE_ITEMS, &metric)) {
                counts->metrics++;
            }
        }
    }
}

void
debug_put_time(struct otc_buf *out, uint64_t unix_nano)
{
    char text[32];
    uint64_t fraction = unix_nano % OTC_SECOND;
    int digits = 9;

    otc_time_format((int64_t)(unix_nano / OTC_SECOND * OTC_SECOND), text);
    otc_buf_printf(out, "%.10s %.8s", text, text + 11);
    if (fraction > 0) {
        while (fraction % 10 == 0) {
            fraction /= 10;
            digits--;
        }
        otc_buf_printf(out, ".%0*" PRIu64, digits, fraction);
    }
    otc_buf_append_str(out, " +0000 UTC");
}

void
debug_put_hex(struct otc_buf *out, struct otc_slice id)
{
    for (size_t i = 0; i < id.len && i < 16; i++) {
        otc_buf_printf(out, "%02x", id.data[i]);
    }
}

void
debug_put_number(struct otc_buf *out, double number)
{
    char text[OTC_DOUBLE_TEXT_MAX];

    otc_buf_append(out, text, otc_format_double(number, text));
}

void
debug_put_fixed(struct otc_buf *out, double number)
{
    if (isfinite(number)) {
        otc_buf_printf(out, "%f", number);
    } else {
        otc_buf_append_str(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
    }
}

void
debug_put_side(struct otc_buf *out, const struct otc_exp_buckets *buckets, int32_t scale, bool negative,
               debug_bucket_fn put)
{
    OTC_AUTO_BUF struct otc_buf counts = {.limit = DEBUG_TEXT_MAX};
    struct otc_varint_cursor cursor = {.started = false};
    double factor = ldexp(0.69314718055994530942, -scale);
    uint64_t count;
    size_t n;

    while (otc_exp_buckets_next(buckets, &cursor, &count)) {
        otc_buf_append(&counts, &count, sizeof(count));
    }
    n = counts.len / sizeof(count);
    for (size_t i = 0; i < n && !out->failed; i++) {
        size_t at = negative ? n - 1 - i : i;
        double index = (double)buckets->offset + (double)at;
        double near = exp(index * factor), far = exp((index + 1) * factor);

        memcpy(&count, counts.data + at * sizeof(count), sizeof(count));
        put(out, negative ? -far : near, negative ? -near : far, count);
    }
}
