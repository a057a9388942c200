// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/build.h"

#include "common/otlp/build_attributes.h"
#include "common/otlp/wire.h"

/* Field numbers of opentelemetry/proto/metrics/v1/metrics.proto. */
enum {
    METRIC_NAME = 1,
    METRIC_DESCRIPTION = 2,
    METRIC_UNIT = 3,
    METRIC_GAUGE = 5,
    METRIC_SUM = 7,
    METRIC_HISTOGRAM = 9,
    METRIC_EXPONENTIAL = 10,
    METRIC_SUMMARY = 11
};

/** Data points of one instrument, encoded. */
struct instrument {
    const struct otc_metric *metric;
    struct otc_buf points;
};

struct otc_metrics_builder {
    /** Encoded Resource and InstrumentationScope, ready with tag and length. */
    struct otc_buf resource;
    struct otc_buf scope;
    struct instrument *instruments;
    size_t n_instruments;
    size_t capacity;
    size_t last;
    size_t limit;
    size_t bytes;
    size_t points;
    bool failed;
};

static void
put_text(struct otc_buf *out, uint32_t field, const char *text)
{
    if (text && *text) {
        otc_wire_put_bytes(out, field, otc_slice_str(text));
    }
}

static void
put_resource(struct otc_buf *out, const struct otc_attribute *resource, size_t n)
{
    size_t mark = otc_wire_begin(out, 1);

    otc_wire_put_attributes(out, 1, resource, n);
    otc_wire_end(out, mark);
}

struct otc_metrics_builder *
otc_metrics_builder_new(const struct otc_attribute *resource, size_t n, const char *scope_name,
                        const char *scope_version, size_t limit)
{
    struct otc_metrics_builder *builder = calloc(1, sizeof(*builder));
    size_t mark;

    if (!builder) {
        return NULL;
    }
    builder->limit = limit;
    otc_buf_init(&builder->resource, limit);
    otc_buf_init(&builder->scope, limit);
    put_resource(&builder->resource, resource, n);
    mark = otc_wire_begin(&builder->scope, 1);
    put_text(&builder->scope, 1, scope_name);
    put_text(&builder->scope, 2, scope_version);
    otc_wire_end(&builder->scope, mark);
    if (builder->resource.failed || builder->scope.failed) {
        otc_metrics_builder_free(builder);
        return NULL;
    }
    return builder;
}

bool
otc_metrics_builder_set_resource(struct otc_metrics_builder *builder, const struct otc_attribute *resource,
                                 size_t n)
{
    struct otc_buf encoded = {.limit = builder->limit};

    put_resource(&encoded, resource, n);
    if (encoded.failed) {
        otc_buf_release(&encoded);
        return false;
    }
    otc_buf_release(&builder->resource);
    builder->resource = encoded;
    return true;
}

static void
clear_instruments(struct otc_metrics_builder *builder)
{
    for (size_t i = 0; i < builder->n_instruments; i++) {
        otc_buf_release(&builder->instruments[i].points);
    }
    builder->n_instruments = 0;
    builder->last = 0;
    builder->bytes = 0;
    builder->points = 0;
    builder->failed = false;
}

void
otc_metrics_builder_free(struct otc_metrics_builder *builder)
{
    if (!builder) {
        return;
    }
    clear_instruments(builder);
    free(builder->instruments);
    otc_buf_release(&builder->resource);
    otc_buf_release(&builder->scope);
    free(builder);
}

/* Tags, lengths and temporality around an instrument's points: an upper estimate that is charged when it is
 * new. */
static size_t
frame_bytes(const struct otc_metric *metric)
{
    return 32 + strlen(metric->name) + strlen(metric->unit ? metric->unit : "") +
           strlen(metric->description ? metric->description : "");
}

static struct instrument *
add_instrument(struct otc_metrics_builder *builder, const struct otc_metric *metric)
{
    struct instrument *instrument;

    if (builder->n_instruments == builder->capacity) {
        size_t capacity = builder->capacity ? 2 * builder->capacity : 16;
        struct instrument *grown = realloc(builder->instruments, capacity * sizeof(*grown));

        if (!grown) {
            return NULL;
        }
        builder->instruments = grown;
        builder->capacity = capacity;
    }
    builder->last = builder->n_instruments++;
    instrument = &builder->instruments[builder->last];
    instrument->metric = metric;
    otc_buf_init(&instrument->points, builder->limit);
    builder->bytes += frame_bytes(metric);
    return instrument;
}

static struct instrument *
instrument_of(struct otc_metrics_builder *builder, const struct otc_metric *metric)
{
    /* Points of one instrument usually follow each other. */
    if (builder->last < builder->n_instruments && builder->instruments[builder->last].metric == metric) {
        return &builder->instruments[builder->last];
    }
    for (size_t i = 0; i < builder->n_instruments; i++) {
        if (builder->instruments[i].metric == metric) {
            builder->last = i;
            return &builder->instruments[i];
        }
    }
    return add_instrument(builder, metric);
}

/** A data point being written; `instrument` NULL: the builder is exhausted. */
struct point {
    struct otc_metrics_builder *builder;
    struct instrument *instrument;
    struct otc_buf *out;
    size_t start;
    size_t mark;
};

static struct point
point_begin(struct otc_metrics_builder *builder, const struct otc_metric *metric)
{
    struct point point = {.builder = builder};

    if (builder->failed) {
        return point;
    }
    point.instrument = instrument_of(builder, metric);
    if (!point.instrument) {
        builder->failed = true;
        return point;
    }
    point.out = &point.instrument->points;
    point.start = point.out->len;
    point.mark = otc_wire_begin(point.out, 1);
    return point;
}

static bool
point_end(struct point *point)
{
    struct otc_metrics_builder *builder = point->builder;

    otc_wire_end(point->out, point->mark);
    if (point->out->failed ||
        point->out->len - point->start + builder->bytes + builder->resource.len + builder->scope.len + 32 >
            builder->limit) {
        builder->failed = true;
        point->out->failed = false;
        point->out->len = point->start;
        return false;
    }
    builder->bytes += point->out->len - point->start;
    builder->points++;
    return true;
}

/* Exemplars of a data point: numbers as as_double. */
static void
put_exemplars(struct otc_buf *out, uint32_t field, const struct otc_point_head *head)
{
    for (size_t i = 0; i < head->n_exemplars; i++) {
        const struct otc_exemplar *exemplar = &head->exemplars[i];
        size_t mark = otc_wire_begin(out, field);

        otc_wire_put_fixed64(out, 2, exemplar->time_unix_nano);
        otc_wire_put_double(out, 3, exemplar->value);
        if (exemplar->span_id.len > 0) {
            otc_wire_put_bytes(out, 4, exemplar->span_id);
        }
        if (exemplar->trace_id.len > 0) {
            otc_wire_put_bytes(out, 5, exemplar->trace_id);
        }
        otc_wire_end(out, mark);
    }
}

static void
put_number_head(struct otc_buf *out, const struct otc_point_head *head)
{
    otc_wire_put_attributes(out, 7, head->attributes, head->n_attributes);
    if (head->start_unix_nano) {
        otc_wire_put_fixed64(out, 2, head->start_unix_nano);
    }
    otc_wire_put_fixed64(out, 3, head->time_unix_nano);
    put_exemplars(out, 5, head);
    if (head->flags) {
        otc_wire_put_number(out, 8, head->flags);
    }
}

bool
otc_build_number(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                 const struct otc_point_head *head, double value)
{
    struct point point = point_begin(builder, metric);

    if (!point.instrument) {
        return false;
    }
    put_number_head(point.out, head);
    otc_wire_put_double(point.out, 4, value);
    return point_end(&point);
}

bool
otc_build_integer(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                  const struct otc_point_head *head, int64_t value)
{
    struct point point = point_begin(builder, metric);

    if (!point.instrument) {
        return false;
    }
    put_number_head(point.out, head);
    otc_wire_put_fixed64(point.out, 6, (uint64_t)value);
    return point_end(&point);
}

static void
put_words(struct otc_buf *out, uint32_t field, const void *words, size_t n)
{
    if (n > 0) {
        otc_wire_put_bytes(out, field, otc_slice_of(words, n * 8));
    }
}

bool
otc_build_histogram(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                    const struct otc_point_head *head, const struct otc_histogram_value *value)
{
    struct point point = point_begin(builder, metric);

    if (!point.instrument) {
        return false;
    }
    otc_wire_put_attributes(point.out, 9, head->attributes, head->n_attributes);
    if (head->start_unix_nano) {
        otc_wire_put_fixed64(point.out, 2, head->start_unix_nano);
    }
    otc_wire_put_fixed64(point.out, 3, head->time_unix_nano);
    otc_wire_put_fixed64(point.out, 4, value->count);
    if (value->has_sum) {
        otc_wire_put_double(point.out, 5, value->sum);
    }
    if (value->counts) {
        put_words(point.out, 6, value->counts, value->n_bounds + 1);
        put_words(point.out, 7, value->bounds, value->n_bounds);
    }
    put_exemplars(point.out, 8, head);
    if (head->flags) {
        otc_wire_put_number(point.out, 10, head->flags);
    }
    if (value->has_min) {
        otc_wire_put_double(point.out, 11, value->min);
    }
    if (value->has_max) {
        otc_wire_put_double(point.out, 12, value->max);
    }
    return point_end(&point);
}

static uint64_t
zigzag(int32_t value)
{
    return ((uint32_t)value << 1) ^ (uint32_t)(value >> 31);
}

static void
put_buckets(struct otc_buf *out, uint32_t field, int32_t offset, const uint64_t *counts, size_t n)
{
    size_t mark, run;

    if (n == 0) {
        return;
    }
    mark = otc_wire_begin(out, field);
    if (offset != 0) {
        otc_wire_put_number(out, 1, zigzag(offset));
    }
    run = otc_wire_begin(out, 2);
    for (size_t i = 0; i < n; i++) {
        otc_wire_put_varint(out, counts[i]);
    }
    otc_wire_end(out, run);
    otc_wire_end(out, mark);
}

bool
otc_build_exponential(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                      const struct otc_point_head *head, const struct otc_exponential_value *value)
{
    struct point point = point_begin(builder, metric);

    if (!point.instrument) {
        return false;
    }
    otc_wire_put_attributes(point.out, 1, head->attributes, head->n_attributes);
    if (head->start_unix_nano) {
        otc_wire_put_fixed64(point.out, 2, head->start_unix_nano);
    }
    otc_wire_put_fixed64(point.out, 3, head->time_unix_nano);
    otc_wire_put_fixed64(point.out, 4, value->count);
    if (value->has_sum) {
        otc_wire_put_double(point.out, 5, value->sum);
    }
    if (value->scale != 0) {
        otc_wire_put_number(point.out, 6, zigzag(value->scale));
    }
    otc_wire_put_fixed64(point.out, 7, value->zero_count);
    put_buckets(point.out, 8, value->positive_offset, value->positive, value->n_positive);
    put_buckets(point.out, 9, value->negative_offset, value->negative, value->n_negative);
    if (head->flags) {
        otc_wire_put_number(point.out, 10, head->flags);
    }
    put_exemplars(point.out, 11, head);
    if (value->has_min) {
        otc_wire_put_double(point.out, 12, value->min);
    }
    if (value->has_max) {
        otc_wire_put_double(point.out, 13, value->max);
    }
    if (value->zero_threshold != 0) {
        otc_wire_put_double(point.out, 14, value->zero_threshold);
    }
    return point_end(&point);
}

size_t
otc_metrics_builder_points(const struct otc_metrics_builder *builder)
{
    return builder->points;
}

static uint32_t
data_field(enum otc_metric_type type)
{
    switch (type) {
    case OTC_METRIC_SUM:
        return METRIC_SUM;
    case OTC_METRIC_HISTOGRAM:
        return METRIC_HISTOGRAM;
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        return METRIC_EXPONENTIAL;
    case OTC_METRIC_SUMMARY:
        return METRIC_SUMMARY;
    case OTC_METRIC_GAUGE:
    case OTC_METRIC_NONE:
        break;
    }
    return METRIC_GAUGE;
}

static void
put_instrument(struct otc_buf *out, const struct instrument *instrument)
{
    const struct otc_metric *metric = instrument->metric;
    size_t mark = otc_wire_begin(out, 2), data;

    put_text(out, METRIC_NAME, metric->name);
    put_text(out, METRIC_DESCRIPTION, metric->description);
    put_text(out, METRIC_UNIT, metric->unit);
    data = otc_wire_begin(out, data_field(metric->type));
    otc_buf_append_slice(out, otc_buf_slice(&instrument->points));
    if (metric->type != OTC_METRIC_GAUGE && metric->temporality != OTC_TEMPORALITY_UNSPECIFIED) {
        otc_wire_put_number(out, 2, metric->temporality);
    }
    if (metric->type == OTC_METRIC_SUM && metric->monotonic) {
        otc_wire_put_number(out, 3, 1);
    }
    otc_wire_end(out, data);
    otc_wire_end(out, mark);
}

bool
otc_metrics_builder_finish(struct otc_metrics_builder *builder, struct otc_buf *out, size_t *points)
{
    bool complete = !builder->failed;

    *points = builder->points;
    if (builder->points > 0) {
        size_t request = otc_wire_begin(out, 1), scope;

        otc_buf_append_slice(out, otc_buf_slice(&builder->resource));
        scope = otc_wire_begin(out, 2);
        otc_buf_append_slice(out, otc_buf_slice(&builder->scope));
        for (size_t i = 0; i < builder->n_instruments; i++) {
            if (builder->instruments[i].points.len > 0) {
                put_instrument(out, &builder->instruments[i]);
            }
        }
        otc_wire_end(out, scope);
        otc_wire_end(out, request);
        complete = complete && !out->failed;
    }
    clear_instruments(builder);
    return complete;
}
