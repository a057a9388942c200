// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/state.h"

/* Exemplars of a point and attributes of a resource, at most. */
#define EXEMPLARS_MAX 1000
#define RESOURCE_ATTRIBUTES_MAX 1024

/* ---- Points ---------------------------------------------------------------------------------------- */

static void
emit_exemplars(struct otc_emitter *emitter, const struct span_metrics_series *series,
               struct otc_exemplar out[EXEMPLARS_MAX])
{
    size_t n = series->n_exemplars < EXEMPLARS_MAX ? series->n_exemplars : EXEMPLARS_MAX;

    for (size_t i = 0; i < n; i++) {
        const struct span_metrics_exemplar *exemplar = &series->exemplars[i];

        out[i] = (struct otc_exemplar){
            .value = exemplar->value,
            .time_unix_nano = (uint64_t)otc_emitter_time(emitter),
            .trace_id = otc_slice_of(exemplar->trace_id, sizeof(exemplar->trace_id)),
            .span_id = otc_slice_of(exemplar->span_id, sizeof(exemplar->span_id)),
        };
    }
    otc_emit_exemplars(emitter, out, n);
}

/* A cumulative count begins at 0, as the Collector's does: Prometheus sees its first step only so. The last
 * flush tells it as it is. */
static void
emit_count(const struct span_metrics *stage, struct otc_emitter *emitter, const struct otc_metric *metric,
           struct span_metrics_series *series, int64_t start_ns)
{
    bool as_zero = !stage->delta && !series->told && !otc_emitter_ending(emitter);

    series->told = true;
    otc_emit_counter(emitter, metric, series->attributes, series->n_attributes, start_ns,
                     as_zero ? 0 : series->count);
}

static void
emit_explicit(const struct span_metrics *stage, struct otc_emitter *emitter, const struct otc_metric *metric,
              const struct span_metrics_series *series, int64_t start_ns)
{
    const struct otc_histogram_value value = {.count = series->count,
                                              .has_sum = true,
                                              .sum = series->sum,
                                              .counts = series->buckets,
                                              .bounds = stage->bounds,
                                              .n_bounds = stage->n_bounds};

    otc_emit_histogram(emitter, metric, series->attributes, series->n_attributes, start_ns, &value);
}

static void
emit_exponential(struct otc_emitter *emitter, const struct otc_metric *metric,
                 const struct span_metrics_series *series, int64_t start_ns)
{
    const struct otc_exp_histogram *histogram = series->histogram;
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

    otc_emit_exponential(emitter, metric, series->attributes, series->n_attributes, start_ns, &value);
}

/* ---- Tables ---------------------------------------------------------------------------------------- */

/* One metric of one resource. */
struct emission {
    struct span_metrics *stage;
    struct otc_emitter *emitter;
    const struct span_metrics_resource *resource;
    enum span_metrics_table_of metric;
    struct otc_exemplar *exemplars;
};

/* The key under which the end of a delta series' interval is remembered. */
static struct otc_slice
end_key(const struct emission *emission, struct otc_slice key)
{
    struct otc_buf *buf = &emission->stage->key;

    otc_buf_clear(buf);
    otc_buf_append_slice(buf, emission->resource->key);
    otc_buf_append_byte(buf, 0);
    otc_buf_append_slice(buf, key);
    return otc_buf_slice(buf);
}

static void
emit_series(const struct emission *emission, struct otc_slice key, struct span_metrics_series *series)
{
    struct span_metrics *stage = emission->stage;
    const struct otc_metric *metric = &stage->metrics[emission->metric];
    int64_t start = series->start_ns;

    if (stage->delta) {
        start = span_metrics_ends_get(stage->ends, end_key(emission, key), start);
    }
    emit_exemplars(emission->emitter, series, emission->exemplars);
    if (emission->metric != TABLE_DURATION) {
        emit_count(stage, emission->emitter, metric, series, start);
    } else if (series->histogram) {
        emit_exponential(emission->emitter, metric, series, start);
    } else if (series->buckets) {
        emit_explicit(stage, emission->emitter, metric, series, start);
    }
}

static const struct span_metrics_table *
table_of(const struct emission *emission)
{
    bool in_calls = emission->metric == TABLE_DURATION && emission->stage->shared;

    return &emission->resource->tables[in_calls ? TABLE_CALLS : emission->metric];
}

static void
emit_table(const struct emission *emission)
{
    const struct span_metrics_table *table = table_of(emission);
    size_t cursor = 0;
    struct otc_slice key;
    void *series;

    while (table->by_key && otc_map_next(table->by_key, &cursor, &key, &series)) {
        emit_series(emission, key, series);
    }
    if (table->overflow) {
        emit_series(emission, otc_slice_str("otel.metric.overflow"), table->overflow);
    }
}

/* Once all metrics of the resource are told: they may share a key. */
static void
remember_ends(struct emission *emission)
{
    int64_t end = otc_emitter_time(emission->emitter);

    for (emission->metric = TABLE_CALLS; emission->metric < SPAN_METRICS_N_TABLES; emission->metric++) {
        const struct span_metrics_table *table = table_of(emission);
        size_t cursor = 0;
        struct otc_slice key;
        void *series;

        while (table->by_key && otc_map_next(table->by_key, &cursor, &key, &series)) {
            (void)span_metrics_ends_put(emission->stage->ends, end_key(emission, key), end);
        }
        if (table->overflow) {
            (void)span_metrics_ends_put(emission->stage->ends,
                                        end_key(emission, otc_slice_str("otel.metric.overflow")), end);
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
    struct otc_exemplar exemplars[EXEMPLARS_MAX];
    struct otc_attribute attributes[RESOURCE_ATTRIBUTES_MAX];
    struct emission emission = {.stage = stage, .emitter = emitter, .exemplars = exemplars};
    size_t cursor = 0;
    struct otc_slice key;
    void *resource;

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
