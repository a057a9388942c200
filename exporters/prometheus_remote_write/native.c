// SPDX-License-Identifier: Apache-2.0
/* Exponential histograms as native ones (OpenTelemetry's compatibility/prometheus_and_openmetrics.md,
 * "Exponential Histograms"; prompb.Histogram), and those with explicit buckets as native ones with custom
 * buckets (https://prometheus.io/docs/specs/native_histograms/, "Custom buckets"). */
#include "common/base/number.h"
#include "common/otlp/wire.h"
#include "exporters/prometheus_remote_write/series.h"

#include <math.h>

#define MIN_SCALE (-4)
#define MAX_SCALE 8
#define ZERO_THRESHOLD 1e-128
/* Empty buckets up to this many are written as zeros instead of a new span (client_golang's rule). */
#define MAX_GAP 2
/* Field numbers of prompb.Histogram. */
#define COUNT_INT 1
#define SUM 3
#define SCHEMA 4
#define ZERO_THRESHOLD_FIELD 5
#define ZERO_COUNT_INT 6
#define NEGATIVE_SPANS 8
#define POSITIVE_SPANS 11
#define CUSTOM_VALUES 16
/* Whose buckets are its own. */
#define CUSTOM_SCHEMA (-53)

static uint64_t
zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

/* Buckets on their way: spans are written as they end, deltas gather. */
struct spans {
    struct otc_buf *out;
    struct otc_buf deltas;
    uint32_t field;
    bool open;
    int64_t offset; /* of the span that is open */
    uint32_t length;
    int64_t next; /* the index behind the last bucket that was written */
    int64_t last_count;
};

static void
put_span(struct spans *spans)
{
    size_t mark;

    if (!spans->open) {
        return;
    }
    mark = otc_wire_begin(spans->out, spans->field);
    if (spans->offset != 0) {
        otc_wire_put_number(spans->out, 1, zigzag(spans->offset));
    }
    otc_wire_put_number(spans->out, 2, spans->length);
    otc_wire_end(spans->out, mark);
}

static void
put_delta(struct spans *spans, int64_t count)
{
    otc_wire_put_varint(&spans->deltas, zigzag((int64_t)((uint64_t)count - (uint64_t)spans->last_count)));
    spans->last_count = count;
    spans->length++;
    spans->next++;
}

static void
put_bucket(struct spans *spans, int64_t index, uint64_t count)
{
    if (count == 0) {
        return;
    }
    if (!spans->open || index - spans->next > MAX_GAP) {
        put_span(spans);
        spans->offset = spans->open ? index - spans->next : index;
        spans->open = true;
        spans->length = 0;
        spans->next = index;
    }
    while (spans->next < index) {
        put_delta(spans, 0);
    }
    put_delta(spans, (int64_t)count);
}

/* Native buckets have the upper limit base^index where OTLP's have the lower one: hence the + 1. */
static void
put_side(const struct otc_exp_buckets *buckets, int shift, uint32_t field, struct otc_buf *out)
{
    struct spans spans = {.out = out, .deltas = {.limit = (size_t)8 << 20}, .field = field};
    struct otc_varint_cursor cursor = {0};
    int64_t index = buckets->offset, merged = 0;
    uint64_t count, sum = 0;
    bool any = false;

    while (otc_exp_buckets_next(buckets, &cursor, &count)) {
        int64_t target = (index++ >> shift) + 1;

        if (any && target != merged) {
            put_bucket(&spans, merged, sum);
            sum = 0;
        }
        merged = target;
        any = true;
        sum += count;
    }
    put_bucket(&spans, merged, sum);
    put_span(&spans);
    if (spans.deltas.len > 0) {
        otc_wire_put_bytes(out, field + 1, otc_buf_slice(&spans.deltas));
    }
    if (spans.deltas.failed) {
        out->failed = true;
    }
    otc_buf_release(&spans.deltas);
}

bool
prometheus_remote_write_native_histogram(const struct otc_point *point, struct otc_buf *out)
{
    bool stale = (point->flags & OTC_POINT_NO_RECORDED_VALUE) != 0;
    int shift = point->scale > MAX_SCALE ? point->scale - MAX_SCALE : 0;

    if (stale) { /* marked by its sum */
        otc_wire_put_number(out, COUNT_INT, 0);
        otc_wire_put_fixed64(out, SUM, PRW_STALE_NAN);
        return !out->failed;
    }
    if (!point->has_sum || point->scale < MIN_SCALE) {
        return false;
    }
    shift = shift > 62 ? 62 : shift;
    otc_wire_put_number(out, COUNT_INT, point->count);
    otc_wire_put_double(out, SUM, point->sum);
    otc_wire_put_number(out, SCHEMA, zigzag(point->scale > MAX_SCALE ? MAX_SCALE : point->scale));
    otc_wire_put_double(out, ZERO_THRESHOLD_FIELD,
                        point->zero_threshold > 0 ? point->zero_threshold : ZERO_THRESHOLD);
    otc_wire_put_number(out, ZERO_COUNT_INT, point->zero_count);
    put_side(&point->negative, shift, NEGATIVE_SPANS, out);
    put_side(&point->positive, shift, POSITIVE_SPANS, out);
    return !out->failed;
}

/* ---- Custom buckets ----------------------------------------------------------------------------- */

/* The buckets into `spans`, their bounds into `bounds`. Returns the count of all. A bound of +Inf, where
 * there is one, is the last; the last bucket has none, and holds what the others do not. */
static uint64_t
put_custom(const struct otc_point *point, struct spans *spans, struct otc_buf *bounds)
{
    struct otc_words_cursor bound_at = {0}, count_at = {0};
    uint64_t bound = 0, count = 0, total = 0;
    bool infinite = false;
    int64_t index = 0;

    while (!infinite && otc_words_next(&point->explicit_bounds, &bound_at, &bound)) {
        infinite = isinf(otc_wire_bits_double(bound)) != 0;
        if (!otc_words_next(&point->bucket_counts, &count_at, &count)) {
            count = 0;
        }
        if (!infinite) {
            (void)otc_buf_append(bounds, &bound, sizeof(bound));
            put_bucket(spans, index++, count);
            total += count;
        }
    }
    if (!infinite && !otc_words_next(&point->bucket_counts, &count_at, &count)) {
        count = 0;
    }
    if (point->count > total + count) {
        count = point->count - total;
    }
    put_bucket(spans, index, count);
    return total + count;
}

bool
prometheus_remote_write_custom_histogram(const struct otc_point *point, struct otc_buf *out)
{
    OTC_AUTO_BUF struct otc_buf buckets = {.limit = (size_t)8 << 20}, bounds = {.limit = (size_t)8 << 20};
    struct spans spans = {.out = &buckets, .deltas = {.limit = (size_t)8 << 20}, .field = POSITIVE_SPANS};
    bool stale = (point->flags & OTC_POINT_NO_RECORDED_VALUE) != 0;
    uint64_t count = stale ? 0 : put_custom(point, &spans, &bounds);

    put_span(&spans);
    otc_wire_put_number(out, COUNT_INT, count);
    otc_wire_put_fixed64(out, SUM,
                         stale ? PRW_STALE_NAN : otc_wire_double_bits(point->has_sum ? point->sum : 0));
    otc_wire_put_number(out, SCHEMA, zigzag(CUSTOM_SCHEMA));
    otc_buf_append_slice(out, otc_buf_slice(&buckets));
    if (spans.deltas.len > 0) {
        otc_wire_put_bytes(out, POSITIVE_SPANS + 1, otc_buf_slice(&spans.deltas));
    }
    if (bounds.len > 0) {
        otc_wire_put_bytes(out, CUSTOM_VALUES, otc_buf_slice(&bounds));
    }
    out->failed = out->failed || buckets.failed || bounds.failed || spans.deltas.failed;
    otc_buf_release(&spans.deltas);
    return !out->failed;
}

/* ---- Numbers ------------------------------------------------------------------------------------ */

void
prometheus_remote_write_put_plain(struct otc_buf *out, double value)
{
    char text[OTC_DOUBLE_TEXT_MAX];
    size_t n = otc_format_double(value, text);
    const char *e = memchr(text, 'e', n), *digits = text;
    long exponent = e ? strtol(e + 1, NULL, 10) : 0;
    size_t whole;

    if (!e || !isfinite(value)) {
        otc_buf_append(out, text, n);
        return;
    }
    if (*digits == '-') {
        otc_buf_append_byte(out, '-');
        digits++;
    }
    /* One digit, then perhaps a point and more of them, then the exponent. */
    whole = (size_t)(e - digits);
    if (exponent < 0) {
        otc_buf_append_str(out, "0.");
        for (long i = -1; i > exponent; i--) {
            otc_buf_append_byte(out, '0');
        }
    }
    for (size_t i = 0; i < whole; i++) {
        if (digits[i] != '.') {
            otc_buf_append_byte(out, (uint8_t)digits[i]);
        }
    }
    if (exponent > 0) {
        long fraction = whole > 2 ? (long)whole - 2 : 0;

        for (long i = fraction; i < exponent; i++) {
            otc_buf_append_byte(out, '0');
        }
    }
}
