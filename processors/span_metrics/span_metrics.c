// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/weight.h"
#include "common/otlp/tracestate.h"
#include "processors/span_metrics/block.h"
#include "processors/span_metrics/dimensions.h"

#include <stdio.h>

/* Keys of a block, and types beside them. */
#define BLOCK_MAX (4 * SPAN_METRICS_KEY_MAX)
/* Of an exponential histogram whose max_size is 0. */
#define DEFAULT_BUCKETS 160
/* A span stands for 2^56 over its denominator. */
#define ONE (UINT64_C(1) << 56)

static const char *const excluded_names[SPAN_METRICS_N_EXCLUDED] = {"no_service_name", "memory", "malformed"};
static const struct otc_instrument excluded_instrument = {
    .name = "aimon_span_metrics_excluded",
    .unit = "{spans}",
    .kind = OTC_COUNTER,
    .description = "Spans (malformed: requests) that no metric counts, by reason."};

/* ---- Spans ----------------------------------------------------------------------------------------- */

struct visit {
    struct span_metrics *stage;
    struct span_metrics_resource *resource;
    size_t resource_index;
    bool known; /* resource is that of resource_index */
    int64_t monotonic_ns;
    int64_t excluded[SPAN_METRICS_N_EXCLUDED];
};

static void
set_weight(struct span_metrics_seen *seen)
{
    uint64_t threshold;

    seen->denominator = ONE;
    if (seen->span->trace_state.len > 0 && otc_tracestate_threshold(seen->span->trace_state, &threshold) &&
        threshold < ONE) {
        /* No less: the span would stand for more than OTC_WEIGHT_MOST. */
        seen->denominator = ONE - threshold > ONE / OTC_WEIGHT_MOST ? ONE - threshold : ONE / OTC_WEIGHT_MOST;
        seen->extrapolated = true;
    }
}

static bool
visit_span(void *arg, const struct otc_span *span)
{
    struct visit *visit = arg;
    struct span_metrics *stage = visit->stage;
    const struct otc_value *service = &span->record.values[SPAN_METRICS_SERVICE_VALUE];
    double unit = stage->config->histogram.unit.index == SPAN_METRICS_S ? 1e9 : 1e6;
    struct span_metrics_seen seen = {
        .span = span, .service = service->type == OTC_VALUE_STRING ? service->as.slice : OTC_SLICE_NONE};

    if (service->type == OTC_VALUE_ABSENT) {
        visit->excluded[EXCLUDED_NO_SERVICE]++;
        return true;
    }
    if (!visit->known || visit->resource_index != span->record.resource_index) {
        visit->resource = span_metrics_resource_of(stage, span, visit->monotonic_ns);
        visit->resource_index = span->record.resource_index;
        visit->known = true;
    }
    if (span->end_unix_nano > span->start_unix_nano) {
        seen.duration = (double)(span->end_unix_nano - span->start_unix_nano) / unit;
    }
    set_weight(&seen);
    if (visit->resource) {
        span_metrics_block_add(stage, visit->resource, &seen);
    } else {
        visit->excluded[EXCLUDED_MEMORY]++;
    }
    return true;
}

static void
count_excluded(const struct span_metrics *stage, const int64_t excluded[SPAN_METRICS_N_EXCLUDED])
{
    struct otc_count counts[SPAN_METRICS_N_EXCLUDED];

    for (int i = 0; i < SPAN_METRICS_N_EXCLUDED; i++) {
        counts[i] = (struct otc_count){stage->excluded[i], excluded[i]};
    }
    if (stage->host->meter) {
        otc_meter_add(stage->host->meter, counts, SPAN_METRICS_N_EXCLUDED);
    }
}

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct span_metrics *stage = OTC_CONTAINER(consumer, span_metrics, consumer);
    struct visit visit = {.stage = stage, .monotonic_ns = stage->host->monotonic_ns(stage->host)};

    (void)done;
    (void)err;
    pthread_mutex_lock(&stage->lock);
    span_metrics_block_begin(stage, stage->host->now_ns(stage->host), visit.monotonic_ns);
    for (size_t i = 0; i < otc_batch_parts(batch); i++) {
        visit.known = false;
        visit.excluded[EXCLUDED_MALFORMED] +=
            otc_walk_spans(stage->projection, otc_batch_part(batch, i), visit_span, &visit, NULL) != OTC_OK;
    }
    visit.excluded[EXCLUDED_MEMORY] += (int64_t)span_metrics_block_end(stage);
    pthread_mutex_unlock(&stage->lock);
    count_excluded(stage, visit.excluded);
    otc_batch_unref(batch);
    return OTC_OK;
}

/* ---- Component ------------------------------------------------------------------------------------- */

static otc_status
start(struct otc_component *self, struct otc_error *err)
{
    return otc_emitter_start(OTC_CONTAINER(self, span_metrics, component)->emitter, err);
}

static otc_status
shut_down(struct otc_component *self, int64_t deadline_ns, struct otc_error *err)
{
    (void)deadline_ns;
    (void)err;
    otc_emitter_stop(OTC_CONTAINER(self, span_metrics, component)->emitter);
    return OTC_OK;
}

static void
destroy(struct otc_component *self)
{
    struct span_metrics *stage = OTC_CONTAINER(self, span_metrics, component);

    otc_emitter_free(stage->emitter);
    if (stage->resources) {
        span_metrics_forget_all(stage);
    }
    otc_map_free(stage->resources, NULL);
    span_metrics_ends_free(stage->ends);
    span_metrics_lists_free(stage);
    otc_projection_free(stage->projection);
    otc_buf_release(&stage->block.keys.text);
    otc_buf_release(&stage->block.keys.types);
    otc_buf_release(&stage->block.keys.scratch);
    otc_buf_release(&stage->end_key);
    otc_buf_release(&stage->resource_key);
    for (int i = 0; i < SPAN_METRICS_N_TABLES; i++) {
        free(stage->names[i]);
    }
    pthread_mutex_destroy(&stage->lock);
    free(stage);
}

static struct otc_consumer *
input(struct otc_component *self, enum otc_signal from)
{
    return from == OTC_TRACES ? &OTC_CONTAINER(self, span_metrics, component)->consumer : NULL;
}

static otc_status
connect(struct otc_component *self, enum otc_signal to, struct otc_consumer *next, struct otc_error *err)
{
    if (to != OTC_METRICS) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "span_metrics: gives metrics, not %s",
                        otc_signal_name(to));
    }
    otc_emitter_connect(OTC_CONTAINER(self, span_metrics, component)->emitter, next);
    return OTC_OK;
}

/* Series know nothing of the stage they are in. */
static void
adopt(struct otc_component *self, struct otc_component *from)
{
    struct span_metrics *stage = OTC_CONTAINER(self, span_metrics, component);
    struct span_metrics *former = OTC_CONTAINER(from, span_metrics, component);
    const struct span_metrics empty = *stage;

    stage->resources = former->resources;
    stage->n_active = former->n_active;
    stage->oldest = former->oldest;
    stage->newest = former->newest;
    stage->memory = former->memory;
    stage->ends = former->ends;
    former->resources = empty.resources;
    former->n_active = empty.n_active;
    former->oldest = empty.oldest;
    former->newest = empty.newest;
    former->memory = empty.memory;
    former->ends = empty.ends;
    stage->recent = former->recent = NULL;
}

static const struct otc_component_ops ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                             .start = start,
                                             .shutdown = shut_down,
                                             .free = destroy,
                                             .input = input,
                                             .connect = connect,
                                             .adopt = adopt};

/* Names, units and types of the three metrics. False out of memory. */
static bool
make_metrics(struct span_metrics *stage)
{
    static const char *const suffixes[SPAN_METRICS_N_TABLES] = {"calls", "duration", "events"};
    const struct span_metrics_config *config = stage->config;
    const char *prefix = config->namespace_ ? config->namespace_ : "";

    for (int i = 0; i < SPAN_METRICS_N_TABLES; i++) {
        if (asprintf(&stage->names[i], "%s%s%s", prefix, *prefix ? "." : "", suffixes[i]) < 0) {
            stage->names[i] = NULL;
            return false;
        }
        stage->metrics[i] = (struct otc_metric){.name = stage->names[i],
                                                .type = OTC_METRIC_SUM,
                                                .monotonic = true,
                                                .temporality = stage->delta ? OTC_TEMPORALITY_DELTA
                                                                            : OTC_TEMPORALITY_CUMULATIVE};
    }
    stage->metrics[TABLE_DURATION].monotonic = false;
    stage->metrics[TABLE_DURATION].unit = config->histogram.unit.index == SPAN_METRICS_S ? "s" : "ms";
    stage->metrics[TABLE_DURATION].type =
        config->histogram.exponential ? OTC_METRIC_EXPONENTIAL_HISTOGRAM : OTC_METRIC_HISTOGRAM;
    return true;
}

static bool
excludes(const struct span_metrics *stage, const char *dimension)
{
    const otc_strings *excluded = &stage->config->exclude_dimensions;

    for (size_t i = 0; i < excluded->n; i++) {
        if (strcmp(excluded->items[i], dimension) == 0) {
            return true;
        }
    }
    return false;
}

static void
make_layouts(struct span_metrics *stage)
{
    const struct span_metrics_histogram_config *histogram = &stage->config->histogram;
    const struct span_metrics_exemplars_config *exemplars = &stage->config->exemplars;
    const struct span_metrics_exponential_config *exponential = histogram->exponential;

    for (int i = 0; i < SPAN_METRICS_N_TABLES; i++) {
        struct span_metrics_layout *layout = &stage->layouts[i];
        bool has_durations = i == TABLE_DURATION || (i == TABLE_CALLS && stage->shared);

        layout->n_exemplars = exemplars->enabled ? (uint32_t)exemplars->max_per_data_point : 0;
        if (has_durations && !histogram->disable && exponential) {
            layout->max_buckets = exponential->max_size ? (uint32_t)exponential->max_size : DEFAULT_BUCKETS;
        } else if (has_durations && !histogram->disable) {
            layout->n_counts = (uint32_t)stage->n_bounds + 1;
        }
    }
}

static void
read_settings(struct span_metrics *stage)
{
    const struct otc_label *labels;
    size_t n = 0;

    stage->delta = stage->config->aggregation_temporality.index == SPAN_METRICS_DELTA;
    stage->n_bounds = span_metrics_bounds(&stage->config->histogram, stage->bounds);
    stage->without_service = excludes(stage, "service.name");
    stage->without_name = excludes(stage, "span.name");
    stage->without_kind = excludes(stage, "span.kind");
    stage->without_status = excludes(stage, "status.code");
    stage->without_instance = excludes(stage, "collector.instance.id");
    labels = stage->host->resource(stage->host, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(labels[i].key, "service.instance.id") == 0) {
            stage->instance_id = otc_slice_str(labels[i].value);
        }
    }
}

static bool
make_parts(struct span_metrics *stage, const char *id)
{
    const struct otc_emitter_settings settings = {.host = stage->host,
                                                  .scope = "spanmetricsconnector",
                                                  .unversioned = true,
                                                  .component_id = id,
                                                  .flush_interval_ns =
                                                      stage->config->metrics_flush_interval.ns,
                                                  .series = SIZE_MAX,
                                                  .collect = span_metrics_collect,
                                                  .stage = stage};
    size_t timestamps = (size_t)stage->config->metric_timestamp_cache_size;

    make_layouts(stage);
    otc_buf_init(&stage->block.keys.text, BLOCK_MAX);
    otc_buf_init(&stage->block.keys.types, SPAN_METRICS_KEY_MAX);
    otc_buf_init(&stage->block.keys.scratch, SPAN_METRICS_KEY_MAX);
    otc_buf_init(&stage->end_key, BLOCK_MAX);
    otc_buf_init(&stage->resource_key, SPAN_METRICS_KEY_MAX);
    stage->resources = otc_map_new(SIZE_MAX);
    stage->ends = stage->delta ? span_metrics_ends_new(timestamps) : NULL;
    stage->emitter = otc_emitter_new(&settings);
    if (stage->host->meter) {
        for (int i = 0; i < SPAN_METRICS_N_EXCLUDED; i++) {
            const struct otc_label reason[] = {{"component", id}, {"reason", excluded_names[i]}};

            stage->excluded[i] = otc_meter_series(stage->host->meter, &excluded_instrument, reason, 2);
        }
    }
    return stage->resources && (stage->ends || !stage->delta) && stage->emitter && make_metrics(stage);
}

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct span_metrics *stage = calloc(1, sizeof(*stage));
    otc_status status;

    if (!stage) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    stage->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    stage->consumer =
        (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .observes_accepted = true, .consume = consume};
    stage->host = settings->host;
    stage->config = settings->config;
    pthread_mutex_init(&stage->lock, NULL);
    read_settings(stage);
    status = span_metrics_compile(stage, err);
    if (status == OTC_OK && !make_parts(stage, settings->id)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status != OTC_OK) {
        destroy(&stage->component);
        return status;
    }
    *out = &stage->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_METRICS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_span_metrics_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_CONNECTOR,
    .type = "span_metrics",
    .deprecated_type = "spanmetrics",
    .description =
        "Calls and durations of spans, exactly as the Collector's span_metrics connector tells them.",
    .pairs = pairs,
    .n_pairs = 1,
    .config = &span_metrics_schema,
    .validate = span_metrics_validate,
    .explain = span_metrics_explain,
    .create = create,
};
