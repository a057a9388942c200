// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/walk_impl.h"

enum otc_attributes_of
otc_point_attributes(enum otc_metric_type type)
{
    switch (type) {
    case OTC_METRIC_HISTOGRAM:
        return OTC_ATTRIBUTES_HISTOGRAM_POINT;
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        return OTC_ATTRIBUTES_EXPONENTIAL_POINT;
    case OTC_METRIC_SUMMARY:
        return OTC_ATTRIBUTES_SUMMARY_POINT;
    case OTC_METRIC_NONE:
    case OTC_METRIC_GAUGE:
    case OTC_METRIC_SUM:
        break;
    }
    return OTC_ATTRIBUTES_NUMBER_POINT;
}

/** A repeated word: packed, or one alone. */
static const uint8_t *
add_words(const uint8_t *p, const uint8_t *end, uint32_t tag, struct otc_words *words)
{
    struct otc_slice run;

    if ((tag & 7) == OTC_WIRE_BYTES) {
        p = otc_wire_bytes(p, end, &run);
        if (!p || run.len % 8 != 0) {
            return NULL;
        }
    } else {
        if (end - p < 8) {
            return NULL;
        }
        run = otc_slice_of(p, 8);
        p += 8;
    }
    if (run.len > 0) {
        words->n += run.len / 8;
        words->packed = run;
        words->runs++;
    }
    return p;
}

/* ---- Number points ------------------------------------------------------------------------------ */

static const uint8_t *
read_number_field(struct otc_walk *walk, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    struct otc_point *point = &walk->show.point;
    struct otc_slice exemplar;
    uint64_t bits = 0;

    switch (tag) {
    case OTC_TAG(2, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->start_unix_nano);
    case OTC_TAG(3, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->time_unix_nano);
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        p = otc_wire_fixed64(p, end, &bits);
        point->value = (struct otc_value){OTC_VALUE_DOUBLE, {.real = otc_wire_bits_double(bits)}};
        return p;
    case OTC_TAG(5, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &exemplar);
    case OTC_TAG(6, OTC_WIRE_FIXED64):
        p = otc_wire_fixed64(p, end, &bits);
        point->value = (struct otc_value){OTC_VALUE_INT, {.integer = (int64_t)bits}};
        return p;
    case OTC_TAG(7, OTC_WIRE_BYTES):
        return otc_walk_attribute(walk, p, end);
    case OTC_TAG(8, OTC_WIRE_VARINT):
        return otc_wire_varint32(p, end, &point->flags);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(2, 8));
    }
}

/* ---- Histogram points --------------------------------------------------------------------------- */

static const uint8_t *
read_optional(const uint8_t *p, const uint8_t *end, bool *has, double *value)
{
    uint64_t bits = 0;

    p = otc_wire_fixed64(p, end, &bits);
    *has = true;
    *value = otc_wire_bits_double(bits);
    return p;
}

static const uint8_t *
read_histogram_field(struct otc_walk *walk, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    struct otc_point *point = &walk->show.point;
    struct otc_slice exemplar;

    switch (tag) {
    case OTC_TAG(2, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->start_unix_nano);
    case OTC_TAG(3, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->time_unix_nano);
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->count);
    case OTC_TAG(5, OTC_WIRE_FIXED64):
        return read_optional(p, end, &point->has_sum, &point->sum);
    case OTC_TAG(6, OTC_WIRE_BYTES):
    case OTC_TAG(6, OTC_WIRE_FIXED64):
        return add_words(p, end, tag, &point->bucket_counts);
    case OTC_TAG(7, OTC_WIRE_BYTES):
    case OTC_TAG(7, OTC_WIRE_FIXED64):
        return add_words(p, end, tag, &point->explicit_bounds);
    case OTC_TAG(8, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &exemplar);
    case OTC_TAG(9, OTC_WIRE_BYTES):
        return otc_walk_attribute(walk, p, end);
    case OTC_TAG(10, OTC_WIRE_VARINT):
        return otc_wire_varint32(p, end, &point->flags);
    case OTC_TAG(11, OTC_WIRE_FIXED64):
        return read_optional(p, end, &point->has_min, &point->min);
    case OTC_TAG(12, OTC_WIRE_FIXED64):
        return read_optional(p, end, &point->has_max, &point->max);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(2, 12));
    }
}

/* ---- Exponential histogram points --------------------------------------------------------------- */

static int32_t
unzigzag(uint32_t value)
{
    return (int32_t)(value >> 1 ^ (0u - (value & 1)));
}

/** Counts the varints of a packed run; false when the last is cut or one is too long. */
static bool
count_varints(struct otc_slice run, size_t *n)
{
    const uint8_t *p = run.data, *end = p + run.len;
    uint64_t ignored;

    while (p < end) {
        if (!(p = otc_wire_varint(p, end, &ignored))) {
            return false;
        }
        ++*n;
    }
    return true;
}

static bool
read_buckets(struct otc_walk *walk, struct otc_slice encoded, struct otc_exp_buckets *buckets)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;

    while (p < end) {
        const uint8_t *start = p;
        struct otc_slice run;
        uint64_t ignored;
        uint32_t tag, number = 0;

        if (!(p = otc_wire_tag(p, end, &tag))) {
            walk->bad = start;
            return false;
        }
        switch (tag) {
        case OTC_TAG(1, OTC_WIRE_VARINT):
            p = otc_wire_varint32(p, end, &number);
            buckets->offset = unzigzag(number);
            break;
        case OTC_TAG(2, OTC_WIRE_BYTES):
            p = otc_wire_bytes(p, end, &run);
            p = p && count_varints(run, &buckets->n) ? p : NULL;
            break;
        case OTC_TAG(2, OTC_WIRE_VARINT):
            p = otc_wire_varint(p, end, &ignored);
            buckets->n++;
            break;
        default:
            p = otc_walk_unknown(p, end, tag, OTC_FIELDS(1, 2));
        }
        if (!p) {
            walk->bad = start;
            return false;
        }
    }
    return true;
}

static const uint8_t *
read_exponential_field(struct otc_walk *walk, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    struct otc_point *point = &walk->show.point;
    struct otc_slice bytes;
    uint32_t number = 0;
    bool has;

    switch (tag) {
    case OTC_TAG(1, OTC_WIRE_BYTES):
        return otc_walk_attribute(walk, p, end);
    case OTC_TAG(2, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->start_unix_nano);
    case OTC_TAG(3, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->time_unix_nano);
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->count);
    case OTC_TAG(5, OTC_WIRE_FIXED64):
        return read_optional(p, end, &point->has_sum, &point->sum);
    case OTC_TAG(6, OTC_WIRE_VARINT):
        p = otc_wire_varint32(p, end, &number);
        point->scale = unzigzag(number);
        return p;
    case OTC_TAG(7, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->zero_count);
    case OTC_TAG(8, OTC_WIRE_BYTES):
        p = otc_wire_bytes(p, end, &bytes);
        return p && read_buckets(walk, bytes, &point->positive) ? p : NULL;
    case OTC_TAG(9, OTC_WIRE_BYTES):
        p = otc_wire_bytes(p, end, &bytes);
        return p && read_buckets(walk, bytes, &point->negative) ? p : NULL;
    case OTC_TAG(10, OTC_WIRE_VARINT):
        return otc_wire_varint32(p, end, &point->flags);
    case OTC_TAG(11, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &bytes);
    case OTC_TAG(12, OTC_WIRE_FIXED64):
        return read_optional(p, end, &point->has_min, &point->min);
    case OTC_TAG(13, OTC_WIRE_FIXED64):
        return read_optional(p, end, &point->has_max, &point->max);
    case OTC_TAG(14, OTC_WIRE_FIXED64):
        return read_optional(p, end, &has, &point->zero_threshold);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(1, 14));
    }
}

/* ---- Summary points ----------------------------------------------------------------------------- */

static const uint8_t *
read_summary_field(struct otc_walk *walk, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    struct otc_point *point = &walk->show.point;
    struct otc_slice quantile;

    switch (tag) {
    case OTC_TAG(2, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->start_unix_nano);
    case OTC_TAG(3, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->time_unix_nano);
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &point->count);
    case OTC_TAG(5, OTC_WIRE_FIXED64):
        return read_optional(p, end, &point->has_sum, &point->sum);
    case OTC_TAG(6, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &quantile);
    case OTC_TAG(7, OTC_WIRE_BYTES):
        return otc_walk_attribute(walk, p, end);
    case OTC_TAG(8, OTC_WIRE_VARINT):
        return otc_wire_varint32(p, end, &point->flags);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(2, 8));
    }
}

/* ---- Metrics ------------------------------------------------------------------------------------ */

typedef const uint8_t *(*field_reader)(struct otc_walk *walk, const uint8_t *p, const uint8_t *end,
                                       uint32_t tag);

static field_reader
reader_of(enum otc_metric_type type)
{
    switch (type) {
    case OTC_METRIC_HISTOGRAM:
        return read_histogram_field;
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        return read_exponential_field;
    case OTC_METRIC_SUMMARY:
        return read_summary_field;
    case OTC_METRIC_NONE:
    case OTC_METRIC_GAUGE:
    case OTC_METRIC_SUM:
        break;
    }
    return read_number_field;
}

static bool
walk_point(struct otc_walk *walk, struct otc_slice encoded, const struct otc_point *metric, field_reader read)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;
    struct otc_point *point = &walk->show.point;
    const uint32_t attribute = OTC_TAG(otc_point_attributes(metric->type), OTC_WIRE_BYTES);

    memcpy((uint8_t *)point + sizeof(point->record), (const uint8_t *)metric + sizeof(point->record),
           sizeof(*point) - sizeof(point->record));
    point->encoded = encoded;
    point->bucket_counts.message = point->explicit_bounds.message = encoded;
    point->positive.point = point->negative.point = encoded;
    /* A summary's sum is a plain number: zero when it is not there. */
    point->has_sum = point->type == OTC_METRIC_SUMMARY;
    otc_walk_reset(walk);
    while (p < end) {
        const uint8_t *start;
        uint32_t tag;

        p = otc_walk_row(walk, p, end, attribute);
        if (!p) {
            return false;
        }
        if (p == end) {
            break;
        }
        start = p;
        p = otc_wire_tag(p, end, &tag);
        p = p ? read(walk, p, end, tag) : NULL;
        if (!p) {
            walk->bad = walk->bad ? walk->bad : start;
            return false;
        }
    }
    if (!walk->fn.point(walk->arg, point)) {
        walk->stopped = true;
        return false;
    }
    return true;
}

/** Reads temporality and monotonicity of a metric's data, checking its framing. */
static bool
scan_data(struct otc_walk *walk, struct otc_slice data, struct otc_point *metric)
{
    const uint8_t *p = data.data, *end = p + data.len;
    bool has_temporality = metric->type != OTC_METRIC_GAUGE && metric->type != OTC_METRIC_SUMMARY;
    uint64_t known = metric->type == OTC_METRIC_SUM ? OTC_FIELDS(1, 3)
                     : has_temporality              ? OTC_FIELDS(1, 2)
                                                    : OTC_FIELDS(1, 1);

    while (p < end) {
        const uint8_t *start = p;
        struct otc_slice point;
        uint32_t tag, number = 0;
        uint64_t truth = 0;

        if (!(p = otc_wire_tag(p, end, &tag))) {
            walk->bad = start;
            return false;
        }
        if (tag == OTC_TAG(1, OTC_WIRE_BYTES)) {
            p = otc_wire_bytes(p, end, &point);
        } else if (tag == OTC_TAG(2, OTC_WIRE_VARINT) && has_temporality) {
            p = otc_wire_varint32(p, end, &number);
            metric->temporality = (enum otc_temporality)number;
        } else if (tag == OTC_TAG(3, OTC_WIRE_VARINT) && metric->type == OTC_METRIC_SUM) {
            p = otc_wire_varint(p, end, &truth);
            metric->monotonic = truth != 0;
        } else {
            p = otc_walk_unknown(p, end, tag, known);
        }
        if (!p) {
            walk->bad = start;
            return false;
        }
    }
    return true;
}

/** Reads a metric's head; `*data` is its points' message. */
static const uint8_t *
read_metric_field(const uint8_t *p, const uint8_t *end, uint32_t tag, struct otc_point *metric,
                  struct otc_slice *data)
{
    struct otc_slice metadata;

    switch (tag) {
    case OTC_TAG(1, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &metric->name);
    case OTC_TAG(2, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &metric->description);
    case OTC_TAG(3, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &metric->unit);
    case OTC_TAG(5, OTC_WIRE_BYTES):
        metric->type = OTC_METRIC_GAUGE;
        return otc_wire_bytes(p, end, data);
    case OTC_TAG(7, OTC_WIRE_BYTES):
        metric->type = OTC_METRIC_SUM;
        return otc_wire_bytes(p, end, data);
    case OTC_TAG(9, OTC_WIRE_BYTES):
        metric->type = OTC_METRIC_HISTOGRAM;
        return otc_wire_bytes(p, end, data);
    case OTC_TAG(10, OTC_WIRE_BYTES):
        metric->type = OTC_METRIC_EXPONENTIAL_HISTOGRAM;
        return otc_wire_bytes(p, end, data);
    case OTC_TAG(11, OTC_WIRE_BYTES):
        metric->type = OTC_METRIC_SUMMARY;
        return otc_wire_bytes(p, end, data);
    case OTC_TAG(12, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &metadata);
    default:
        return otc_walk_unknown(p, end, tag,
                                OTC_FIELDS(1, 3) | OTC_FIELDS(5, 5) | OTC_FIELDS(7, 7) | OTC_FIELDS(9, 12));
    }
}

static bool
walk_metric(struct otc_walk *walk, struct otc_slice encoded)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;
    struct otc_point metric = {.metric = encoded,
                               .bucket_counts = {.field = 6},
                               .explicit_bounds = {.field = 7},
                               .positive = {.field = 8},
                               .negative = {.field = 9}};
    struct otc_slice data = OTC_SLICE_NONE, point;

    while (p < end) {
        const uint8_t *start = p;
        uint32_t tag;

        p = otc_wire_tag(p, end, &tag);
        p = p ? read_metric_field(p, end, tag, &metric, &data) : NULL;
        if (!p) {
            walk->bad = start;
            return false;
        }
    }
    if (metric.type == OTC_METRIC_NONE) {
        return true;
    }
    if (!scan_data(walk, data, &metric)) {
        return false;
    }
    while (otc_messages_next(&data, 1, &point)) {
        if (!walk_point(walk, point, &metric, reader_of(metric.type))) {
            return false;
        }
    }
    return true;
}

otc_status
otc_walk_points(const struct otc_projection *projection, struct otc_slice part, otc_point_fn fn, void *arg,
                struct otc_error *err)
{
    struct otc_walk walk;

    walk.item = walk_metric;
    walk.fn.point = fn;
    walk.arg = arg;
    return otc_walk_request(&walk, projection, part, err);
}
