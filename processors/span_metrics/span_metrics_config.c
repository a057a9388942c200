// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/span_metrics_config.h"

#include "common/base/glob.h"
#include "common/base/slice.h"
#include "common/config/node.h"

#include <stdio.h>

static const char *const temporalities[] = {"AGGREGATION_TEMPORALITY_CUMULATIVE",
                                            "AGGREGATION_TEMPORALITY_DELTA", NULL};
static const char *const units[] = {"ms", "s", NULL};

/* ---- Field tables ---------------------------------------------------------------------------------- */

static const struct otc_field dimension_fields[] = {
    OTC_FIELD(span_metrics_dimension, name,
              .doc =
                  "An attribute of the span, else of its resource; it becomes an attribute of the metric."),
    OTC_FIELD_AS(span_metrics_dimension, default_value, "default",
                 .doc = "Its value where neither has it; without a default it is then left out."),
    OTC_FIELD(span_metrics_dimension, glob,
              .doc = "Instead of `name`: every attribute whose name matches. `*` stands for what has no dot, "
                     "`**` for anything."),
    OTC_FIELD_END,
};
static const struct otc_schema dimension_schema =
    OTC_SCHEMA(span_metrics_dimension, dimension_fields, "One dimension.");

static const struct otc_field exponential_fields[] = {
    OTC_FIELD(span_metrics_exponential_config, max_size, .def = "160", .min = "0", .max = "16384",
              .doc = "Most buckets; the scale falls when durations spread wider. 0: 160."),
    OTC_FIELD_END,
};
static const struct otc_schema exponential_schema =
    OTC_SCHEMA(span_metrics_exponential_config, exponential_fields, "Exponential buckets.");

static const struct otc_field explicit_fields[] = {
    OTC_FIELD(span_metrics_explicit_config, buckets,
              .def = "[2ms, 4ms, 6ms, 8ms, 10ms, 50ms, 100ms, 200ms, 400ms, 800ms, 1s, 1400ms, 2s, 5s, 10s, "
                     "15s]",
              .doc = "Upper bounds (inclusive) as ascending durations."),
    OTC_FIELD_END,
};
static const struct otc_schema explicit_schema =
    OTC_SCHEMA(span_metrics_explicit_config, explicit_fields, "Buckets with the bounds you give.");

static const struct otc_field histogram_fields[] = {
    OTC_FIELD(span_metrics_histogram_config, disable, .def = "false", .doc = "No durations, calls alone."),
    OTC_FIELD(span_metrics_histogram_config, unit, .def = "ms", .choices = units,
              .doc = "Unit of the durations."),
    OTC_FIELD_OPTIONAL(span_metrics_histogram_config, exponential, exponential_schema, .null_is_absent = true,
                       .doc = "Exponential buckets instead of explicit ones."),
    {.key = "explicit",
     .type = OTC_TYPE_OPTIONAL,
     .sub = &explicit_schema,
     .offset = offsetof(struct span_metrics_histogram_config, explicit_buckets),
     .doc = "Explicit buckets; the default, with the bounds below."},
    OTC_FIELD(span_metrics_histogram_config, dimensions, .sub = &dimension_schema,
              .doc = "Further dimensions of the durations alone."),
    OTC_FIELD_END,
};
static const struct otc_schema histogram_schema =
    OTC_SCHEMA(span_metrics_histogram_config, histogram_fields, "The durations' histogram.");

static const struct otc_field exemplars_fields[] = {
    OTC_FIELD(span_metrics_exemplars_config, enabled, .def = "false",
              .doc = "Links each series to the first spans it saw since the last flush."),
    OTC_FIELD(span_metrics_exemplars_config, max_per_data_point, .def = "5", .min = "0", .max = "1000",
              .doc = "Exemplars of a data point, at most."),
    OTC_FIELD_END,
};
static const struct otc_schema exemplars_schema =
    OTC_SCHEMA(span_metrics_exemplars_config, exemplars_fields, "Exemplars.");

static const struct otc_field events_fields[] = {
    OTC_FIELD(span_metrics_events_config, enabled, .def = "false", .doc = "Counts span events too."),
    OTC_FIELD(span_metrics_events_config, dimensions, .sub = &dimension_schema,
              .doc = "Further dimensions of the events: attributes of the span, else the event, else the "
                     "resource. Needed when enabled."),
    OTC_FIELD_END,
};
static const struct otc_schema events_schema =
    OTC_SCHEMA(span_metrics_events_config, events_fields, "The metric `<namespace>.events`.");

static const struct otc_field limits_fields[] = {
    OTC_FIELD(span_metrics_limits_config, memory, .def = "256MiB", .min = "64KiB",
              .doc = "Memory of all series; beyond it new ones are counted in their resource's overflow "
                     "series."),
    OTC_FIELD_END,
};
static const struct otc_schema limits_schema =
    OTC_SCHEMA(span_metrics_limits_config, limits_fields, "Ceilings.");

static const struct otc_field span_metrics_fields[] = {
    OTC_FIELD(span_metrics_config, dimensions, .sub = &dimension_schema,
              .doc = "Dimensions of all metrics beside the default ones."),
    OTC_FIELD(span_metrics_config, calls_dimensions, .sub = &dimension_schema,
              .doc = "Further dimensions of the calls alone."),
    OTC_FIELD(span_metrics_config, exclude_dimensions,
              .doc = "Default dimensions to leave out: `service.name`, `span.name`, `span.kind`, "
                     "`status.code`, `collector.instance.id`."),
    OTC_FIELD(span_metrics_config, dimensions_cache_size, .def = "0", .inert = true,
              .doc = "Former setting of the Collector; aggregation_cardinality_limit took its place."),
    OTC_FIELD(
        span_metrics_config, resource_metrics_cache_size, .def = "1000", .min = "1", .max = "1000000",
        .doc = "Resources kept; the least recently seen is forgotten for a new one, after one more flush."),
    OTC_FIELD(span_metrics_config, resource_metrics_key_attributes,
              .doc = "Resource attributes that tell resources apart; empty: all of them."),
    OTC_FIELD(span_metrics_config, aggregation_temporality, .def = "AGGREGATION_TEMPORALITY_CUMULATIVE",
              .choices = temporalities, .doc = "Whether points count from the start or from the last flush."),
    OTC_FIELD_STRUCT(span_metrics_config, histogram, histogram_schema, .doc = "The durations' histogram."),
    OTC_FIELD(span_metrics_config, metrics_flush_interval, .def = "60s", .min = "100ms", .max = "24h",
              .doc = "How often results are sent."),
    OTC_FIELD(span_metrics_config, metrics_expiration, .def = "0s", .min = "0s", .max = "366d",
              .doc = "A resource without a span for this long is forgotten; 0: when its last series is."),
    OTC_FIELD(span_metrics_config, series_expiration, .def = "1h", .min = "0s", .max = "366d",
              .doc =
                  "A series without a span for this long is forgotten; 0: never (the Collector's default)."),
    OTC_FIELD(span_metrics_config, metric_timestamp_cache_size, .def = "1000", .max = "10000000",
              .doc = "Delta only: series whose last flush is remembered while they have no spans, so that "
                     "their next interval begins there."),
    OTC_FIELD_AS(span_metrics_config, namespace_, "namespace", .def = "traces.span.metrics",
                 .doc = "What the metrics' names begin with; empty: `calls`, `duration`, `events`."),
    OTC_FIELD_STRUCT(span_metrics_config, exemplars, exemplars_schema, .doc = "Exemplars."),
    OTC_FIELD_STRUCT(span_metrics_config, events, events_schema, .doc = "Metric of span events."),
    OTC_FIELD(span_metrics_config, include_instrumentation_scope,
              .doc = "Scopes whose name and version become attributes."),
    OTC_FIELD(span_metrics_config, aggregation_cardinality_limit, .def = "2000", .min = "0",
              .max = "10000000",
              .doc = "Series of a metric and resource; further ones are counted in a series with "
                     "`otel.metric.overflow: true`. 0: no limit but memory (the Collector's default)."),
    OTC_FIELD(span_metrics_config, add_resource_attributes, .def = "false", .inert = true,
              .doc =
                  "Resource attributes are always told, as the Collector does unless a feature gate is set."),
    OTC_FIELD(span_metrics_config, enable_metrics_sampling_method, .def = "false",
              .doc =
                  "Adds `sampling.method`: `extrapolated` where the trace state tells a sampling threshold, "
                  "else `counted`."),
    OTC_FIELD_STRUCT(span_metrics_config, limits, limits_schema, .doc = "Ceilings."),
    OTC_FIELD_END,
};

const struct otc_schema span_metrics_schema =
    OTC_SCHEMA(span_metrics_config, span_metrics_fields, "Calls and durations of spans as metrics.");

/* ---- Dimensions ------------------------------------------------------------------------------------ */

static const char *const reserved[] = {"service.name", "span.kind", "status.code", "span.name",
                                       "collector.instance.id"};
#define N_RESERVED (sizeof(reserved) / sizeof(reserved[0]))

static bool
is_set(const char *text)
{
    return text && *text;
}

static otc_status
check_dimension(const otc_list *list, size_t index, struct otc_error *err)
{
    const struct span_metrics_dimension *all = list->items, *dimension = &all[index];
    struct otc_error why = OTC_ERROR_INIT;

    if (is_set(dimension->name) && is_set(dimension->glob)) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "dimension entry must set only one of `name` or `glob`, got both: name=\"%s\" glob=\"%s\"",
            dimension->name, dimension->glob);
    }
    if (!is_set(dimension->name) && !is_set(dimension->glob)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "dimension entry must set one of `name` or `glob`");
    }
    for (size_t i = 0; is_set(dimension->name) && i < N_RESERVED + index; i++) {
        const char *other = i < N_RESERVED ? reserved[i] : all[i - N_RESERVED].name;

        if (other && strcmp(other, dimension->name) == 0) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "duplicate dimension name \"%s\"", dimension->name);
        }
    }
    if (is_set(dimension->glob) && dimension->default_value) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "`default` is not supported on `glob` dimension \"%s\"",
                        dimension->glob);
    }
    if (is_set(dimension->glob) && otc_glob_check(dimension->glob, &why) != OTC_OK) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "invalid dimension glob \"%s\": %s", dimension->glob,
                        why.text);
    }
    return OTC_OK;
}

/* No pattern may match a name that the list has, or that every metric has. */
static otc_status
check_conflicts(const otc_list *list, struct otc_error *err)
{
    const struct span_metrics_dimension *all = list->items;

    for (size_t i = 0; i < N_RESERVED + list->n; i++) {
        const char *name = i < N_RESERVED ? reserved[i] : all[i - N_RESERVED].name;

        for (size_t j = 0; is_set(name) && j < list->n; j++) {
            if (is_set(all[j].glob) && otc_glob_match(all[j].glob, otc_slice_str(name))) {
                return otc_fail(err, OTC_INVALID_ARGUMENT,
                                "duplicate dimension name \"%s\" conflicting with glob \"%s\"", name,
                                all[j].glob);
            }
        }
    }
    return OTC_OK;
}

static otc_status
check_dimensions(const otc_list *list, const char *key, const char *words, struct otc_error *err)
{
    struct otc_error why = OTC_ERROR_INIT;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < list->n && status == OTC_OK; i++) {
        status = check_dimension(list, i, &why);
    }
    if (status == OTC_OK) {
        status = check_conflicts(list, &why);
    }
    return status == OTC_OK ? OTC_OK
                            : otc_fail(err, status, "%s: failed validating %s: %s", key, words, why.text);
}

static otc_status
check_all_dimensions(const struct span_metrics_config *config, struct otc_error *err)
{
    size_t n = config->dimensions.n + config->calls_dimensions.n + config->histogram.dimensions.n +
               config->events.dimensions.n;
    otc_status status = check_dimensions(&config->dimensions, "dimensions", "dimensions", err);

    if (status == OTC_OK) {
        status = check_dimensions(&config->calls_dimensions, "calls_dimensions", "calls dimensions", err);
    }
    if (status == OTC_OK) {
        status = check_dimensions(&config->histogram.dimensions, "histogram::dimensions",
                                  "histogram dimensions", err);
    }
    if (status == OTC_OK && config->events.enabled && config->events.dimensions.n == 0) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "events::dimensions: failed validating event dimensions: no dimensions configured for events");
    }
    if (status == OTC_OK && config->events.enabled) {
        status = check_dimensions(&config->events.dimensions, "events::dimensions", "event dimensions", err);
    }
    if (status == OTC_OK && n > SPAN_METRICS_DIMENSIONS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "dimensions: at most %d in all lists together, got %zu",
                        SPAN_METRICS_DIMENSIONS_MAX, n);
    }
    return status;
}

/* ---- Buckets --------------------------------------------------------------------------------------- */

static const double default_bounds_ms[] = {2,   4,   6,    8,    10,   50,   100,   200,
                                           400, 800, 1000, 1400, 2000, 5000, 10000, 15000};

/* As the Collector computes them: nanoseconds over the unit; default bounds over 1000. */
size_t
span_metrics_bounds(const struct span_metrics_histogram_config *config, double *out)
{
    bool seconds = config->unit.index == SPAN_METRICS_S;
    size_t n = sizeof(default_bounds_ms) / sizeof(default_bounds_ms[0]);

    if (!config->explicit_buckets) {
        for (size_t i = 0; i < n; i++) {
            out[i] = seconds ? default_bounds_ms[i] / 1000 : default_bounds_ms[i];
        }
        return n;
    }
    n = config->explicit_buckets->buckets.n;
    for (size_t i = 0; i < n && i < SPAN_METRICS_BOUNDS_MAX; i++) {
        otc_duration duration = {0};

        if (otc_duration_parse(otc_slice_str(config->explicit_buckets->buckets.items[i]), &duration, NULL) !=
            OTC_OK) {
            return i;
        }
        out[i] = (double)duration.ns / (seconds ? 1e9 : 1e6);
    }
    return n;
}

static otc_status
check_buckets(const struct span_metrics_histogram_config *config, struct otc_error *err)
{
    const otc_strings *buckets = &config->explicit_buckets->buckets;
    double bounds[SPAN_METRICS_BOUNDS_MAX];

    if (buckets->n > SPAN_METRICS_BOUNDS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "histogram::explicit::buckets: at most %d, got %zu",
                        SPAN_METRICS_BOUNDS_MAX, buckets->n);
    }
    for (size_t i = 0; i < buckets->n; i++) {
        struct otc_error why = OTC_ERROR_INIT;
        otc_duration duration;

        if (otc_duration_parse(otc_slice_str(buckets->items[i]), &duration, &why) != OTC_OK) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "histogram::explicit::buckets: %s", why.text);
        }
    }
    (void)span_metrics_bounds(config, bounds);
    for (size_t i = 1; i < buckets->n; i++) {
        if (!(bounds[i] > bounds[i - 1])) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "histogram::explicit::buckets: must be ascending, got %s after %s",
                            buckets->items[i], buckets->items[i - 1]);
        }
    }
    return OTC_OK;
}

/* ---- The factory's ---------------------------------------------------------------------------------- */

otc_status
span_metrics_validate(const void *value, struct otc_error *err)
{
    const struct span_metrics_config *config = value;
    otc_status status = check_all_dimensions(config, err);

    if (status != OTC_OK) {
        return status;
    }
    if (config->histogram.explicit_buckets && config->histogram.exponential) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "histogram: use either `explicit` or `exponential` buckets histogram");
    }
    if (config->aggregation_temporality.index == SPAN_METRICS_DELTA &&
        config->metric_timestamp_cache_size <= 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "metric_timestamp_cache_size: invalid delta timestamp cache size: %lld, the maximum "
                        "number of the items in the cache should be positive",
                        (long long)config->metric_timestamp_cache_size);
    }
    return config->histogram.explicit_buckets ? check_buckets(&config->histogram, err) : OTC_OK;
}

static void
explain_metric(const struct span_metrics_config *config, const char *name, const char *what,
               void (*line)(void *arg, const char *text), void *arg)
{
    bool has_namespace = is_set(config->namespace_);
    char text[512];

    snprintf(text, sizeof(text), "%.200s%s%s: %s", has_namespace ? config->namespace_ : "",
             has_namespace ? "." : "", name, what);
    line(arg, text);
}

otc_status
span_metrics_explain(const void *value, void (*line)(void *arg, const char *text), void *arg,
                     struct otc_error *err)
{
    const struct span_metrics_config *config = value;
    const char *unit = units[config->histogram.unit.index];
    char text[256], what[128], bytes[32];

    (void)err;
    explain_metric(config, "calls", "spans by service, name, kind and status", line, arg);
    if (!config->histogram.disable) {
        if (config->histogram.exponential) {
            snprintf(what, sizeof(what), "their durations in %s, exponential histogram", unit);
        } else {
            double bounds[SPAN_METRICS_BOUNDS_MAX];

            snprintf(what, sizeof(what), "their durations in %s, histogram of %zu bounds", unit,
                     span_metrics_bounds(&config->histogram, bounds));
        }
        explain_metric(config, "duration", what, line, arg);
    }
    if (config->events.enabled) {
        explain_metric(config, "events", "their events", line, arg);
    }
    snprintf(bytes, sizeof(bytes), "%lld KiB", (long long)(config->limits.memory.n >> 10));
    if (config->aggregation_cardinality_limit > 0) {
        snprintf(text, sizeof(text),
                 "at most %lld series of a metric and resource, %lld resources, and %s in all",
                 (long long)config->aggregation_cardinality_limit,
                 (long long)config->resource_metrics_cache_size, bytes);
    } else {
        snprintf(text, sizeof(text), "series without a limit of their own, %lld resources, and %s in all",
                 (long long)config->resource_metrics_cache_size, bytes);
    }
    line(arg, text);
    return OTC_OK;
}
