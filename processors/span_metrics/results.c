// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/dimensions.h"

/* Exemplars of a point and attributes of a resource, at most. */
#define EXEMPLARS_MAX 1000
#define RESOURCE_ATTRIBUTES_MAX 1024

/* One metric of one resource, and room for what its points hold. */
struct emission {
    struct span_metrics *stage;
    struct otc_emitter *emitter;
    struct span_metrics_resource *resource;
    enum span_metrics_table_of metric;
    struct otc_exemplar exemplars[EXEMPLARS_MAX];
    struct otc_attribute attributes[SPAN_METRICS_ATTRIBUTES_MAX];
    size_t n_attributes;
    uint64_t counts[SPAN_METRICS_BOUNDS_MAX + 1];
};

/* Calls and durations are in one table when they have the same dimensions. */
static enum span_metrics_table_of
table_of(const struct emission *emission)
{
    bool in_calls = emission->metric == TABLE_DURATION && emission->stage->shared;

    return in_calls ? TABLE_CALLS : emission->metric;
}

static const struct span_metrics_layout *
layout_of(const struct emission *emission)
{
    return &emission->stage->layouts[table_of(emission)];
}

/* ---- Points ---------------------------------------------------------------------------------------- */

static void
emit_exemplars(struct emission *emission, struct span_metrics_series *series)
{
    const struct span_metrics_exemplar *exemplars =
        span_metrics_series_exemplars(layout_of(emission), series);
    size_t n = series->n_exemplars < EXEMPLARS_MAX ? series->n_exemplars : EXEMPLARS_MAX;

    for (size_t i = 0; i < n; i++) {
        const struct span_metrics_exemplar *exemplar = &exemplars[i];

        emission->exemplars[i] = (struct otc_exemplar){
            .value = exemplar->value,
            .time_unix_nano = (uint64_t)otc_emitter_time(emission->emitter),
            .trace_id = otc_slice_of(exemplar->trace_id, sizeof(exemplar->trace_id)),
            .span_id = otc_slice_of(exemplar->span_id, sizeof(exemplar->span_id)),
        };
    }
    otc_emit_exemplars(emission->emitter, emission->exemplars, n);
}

/* A cumulative count begins at 0, as the Collector's does: Prometheus sees its first step only so. The last
 * flush tells it as it is. */
static void
emit_count(const struct emission *emission, const struct otc_metric *metric,
           struct span_metrics_series *series, int64_t start_ns)
{
    bool as_zero = !emission->stage->delta && !series->told && !otc_emitter_ending(emission->emitter);

    series->told = true;
    otc_emit_counter(emission->emitter, metric, emission->attributes, emission->n_attributes, start_ns,
                     as_zero ? 0 : series->count);
}

static void
emit_explicit(struct emission *emission, const struct otc_metric *metric,
              const struct span_metrics_series *series, int64_t start_ns)
{
    const struct otc_histogram_value value = {.count = series->count,
                                              .has_sum = true,
                                              .sum = series->sum,
                                              .counts = emission->counts,
                                              .bounds = emission->stage->bounds,
                                              .n_bounds = emission->stage->n_bounds};

    span_metrics_series_counts(layout_of(emission), series, emission->counts);
    otc_emit_histogram(emission->emitter, metric, emission->attributes, emission->n_attributes, start_ns,
                       &value);
}

static void
emit_exponential(const struct emission *emission, const struct otc_metric *metric,
                 struct span_metrics_series *series, int64_t start_ns)
{
    const struct otc_exp_histogram *histogram = span_metrics_series_histogram(series);
    const struct otc_exponential_value value = {.count = series->count,
                                                .has_sum = true,
                                                .has_min = series->count > 0,
                                                .has_max = series->count > 0,
                                                .sum = series->sum,
                                                .min = histogram->min,
                                                .max = histogram->max,
                                                .scale = histogram->n_buckets > 0 ? histogram->scale : 0,
                                                .zero_count = histogram->zero_count,
                                                .positive_offset = histogram->offset,
                                                .positive = histogram->counts,
                                                .n_positive = histogram->n_buckets};

    otc_emit_exponential(emission->emitter, metric, emission->attributes, emission->n_attributes, start_ns,
                         &value);
}

/* ---- Tables ---------------------------------------------------------------------------------------- */

/* The key under which the end of a delta series' interval is remembered; NULL: that of the overflow. */
static struct otc_slice
end_key(const struct emission *emission, const struct span_metrics_series *series)
{
    struct otc_buf *buf = &emission->stage->end_key;

    otc_buf_clear(buf);
    otc_buf_append_slice(buf, emission->resource->key);
    otc_buf_append_byte(buf, series != NULL);
    if (series) {
        struct span_metrics_identity identity = span_metrics_series_identity(layout_of(emission), series);

        otc_buf_append(buf, identity.bytes, identity.key_len);
    }
    return otc_buf_slice(buf);
}

static void
put_attributes(struct emission *emission, const struct span_metrics_series *series, bool overflow)
{
    struct span_metrics_identity identity = span_metrics_series_identity(layout_of(emission), series);

    if (overflow) {
        emission->attributes[0] = OTC_ATTR_BOOL("otel.metric.overflow", true);
        emission->n_attributes = 1;
        return;
    }
    emission->n_attributes =
        span_metrics_attributes(emission->stage, &identity,
                                span_metrics_list(emission->stage, table_of(emission)), emission->attributes);
}

static void
emit_series(struct emission *emission, struct span_metrics_series *series, bool overflow)
{
    struct span_metrics *stage = emission->stage;
    const struct otc_metric *metric = &stage->metrics[emission->metric];
    int64_t start = series->start_ns;

    if (stage->delta) {
        int64_t now = otc_emitter_time(emission->emitter);

        start = span_metrics_ends_get(stage->ends, end_key(emission, overflow ? NULL : series), start);
        start = start < now ? start : now; /* the clock was set back */
    }
    put_attributes(emission, series, overflow);
    emit_exemplars(emission, series);
    if (emission->metric != TABLE_DURATION) {
        emit_count(emission, metric, series, start);
    } else if (layout_of(emission)->max_buckets > 0) {
        emit_exponential(emission, metric, series, start);
    } else {
        emit_explicit(emission, metric, series, start);
    }
}

static void
emit_table(struct emission *emission)
{
    const struct span_metrics_table *table = &emission->resource->tables[table_of(emission)];

    for (uint32_t i = 0; i < table->n; i++) {
        emit_series(emission, table->series[i], false);
    }
    if (table->overflow) {
        emit_series(emission, table->overflow, true);
    }
}

/* Once all metrics of the resource are told: they may share a key. */
static void
remember_ends(struct emission *emission)
{
    int64_t end = otc_emitter_time(emission->emitter);

    for (emission->metric = TABLE_CALLS; emission->metric < SPAN_METRICS_N_TABLES; emission->metric++) {
        const struct span_metrics_table *table = &emission->resource->tables[table_of(emission)];

        for (uint32_t i = 0; i < table->n; i++) {
            (void)span_metrics_ends_put(emission->stage->ends, end_key(emission, table->series[i]), end);
        }
        if (table->overflow) {
            (void)span_metrics_ends_put(emission->stage->ends, end_key(emission, NULL), end);
        }
    }
}

/* ---- Resources ------------------------------------------------------------------------------------- */

static void
emit_resource(struct emission *emission, struct otc_attribute *attributes)
{
    struct otc_slice rest = emission->resource->bytes;
    size_t n = 0;

    while (n < RESOURCE_ATTRIBUTES_MAX &&
           otc_attributes_next(OTC_ATTRIBUTES_RESOURCE, &rest, &attributes[n].key, &attributes[n].value)) {
        n++;
    }
    if (!otc_emitter_set_resource(emission->emitter, attributes, n)) {
        return;
    }
    for (emission->metric = TABLE_CALLS; emission->metric < SPAN_METRICS_N_TABLES; emission->metric++) {
        if (emission->metric != TABLE_DURATION || !emission->stage->config->histogram.disable) {
            emit_table(emission);
        }
    }
    if (emission->stage->delta) {
        remember_ends(emission);
    }
}

void
span_metrics_collect(void *arg, struct otc_emitter *emitter)
{
    struct span_metrics *stage = arg;
    struct otc_attribute attributes[RESOURCE_ATTRIBUTES_MAX];
    struct emission emission;
    size_t cursor = 0;
    struct otc_slice key;
    void *resource;

    emission.stage = stage;
    emission.emitter = emitter;
    pthread_mutex_lock(&stage->lock);
    while (otc_map_next(stage->resources, &cursor, &key, &resource)) {
        emission.resource = resource;
        emit_resource(&emission, attributes);
    }
    if (stage->delta) {
        span_metrics_forget_all(stage);
    } else {
        span_metrics_expire(stage, stage->host->monotonic_ns(stage->host));
    }
    pthread_mutex_unlock(&stage->lock);
}
