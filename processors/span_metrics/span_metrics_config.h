// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the span_metrics connector: those of the Collector's, and `limits:`. */
#ifndef OTC_SPAN_METRICS_CONFIG_H
#define OTC_SPAN_METRICS_CONFIG_H

#include "common/config/schema.h"

/** One entry of a list of dimensions: an attribute with a default (NULL: none), or a pattern of attributes.
 */
struct span_metrics_dimension {
    char *name;
    char *default_value;
    char *glob;
};

struct span_metrics_exponential_config {
    int64_t max_size;
};
struct span_metrics_explicit_config {
    otc_strings buckets; /* durations */
};

struct span_metrics_histogram_config {
    bool disable;
    otc_choice unit; /* enum span_metrics_unit */
    struct span_metrics_exponential_config *exponential;
    struct span_metrics_explicit_config *explicit_buckets;
    otc_list dimensions;
};

enum span_metrics_unit { SPAN_METRICS_MS, SPAN_METRICS_S };
enum span_metrics_temporality { SPAN_METRICS_CUMULATIVE, SPAN_METRICS_DELTA };

struct span_metrics_exemplars_config {
    bool enabled;
    int64_t max_per_data_point;
};

struct span_metrics_events_config {
    bool enabled;
    otc_list dimensions;
};

struct span_metrics_limits_config {
    otc_bytes memory;
};

struct span_metrics_config {
    otc_list dimensions; /* of struct span_metrics_dimension, as all lists of dimensions */
    otc_list calls_dimensions;
    otc_strings exclude_dimensions;
    int64_t dimensions_cache_size;
    int64_t resource_metrics_cache_size;
    otc_strings resource_metrics_key_attributes;
    otc_choice aggregation_temporality; /* enum span_metrics_temporality */
    struct span_metrics_histogram_config histogram;
    otc_duration metrics_flush_interval;
    otc_duration metrics_expiration;
    otc_duration series_expiration;
    int64_t metric_timestamp_cache_size;
    char *namespace_;
    struct span_metrics_exemplars_config exemplars;
    struct span_metrics_events_config events;
    otc_strings include_instrumentation_scope;
    int64_t aggregation_cardinality_limit;
    bool add_resource_attributes;
    bool enable_metrics_sampling_method;
    struct span_metrics_limits_config limits;
};

/** Explicit bounds, at most. */
#define SPAN_METRICS_BOUNDS_MAX 512
/** Entries of all lists of dimensions together, at most (each takes two places of a projection). */
#define SPAN_METRICS_DIMENSIONS_MAX 120

extern const struct otc_schema span_metrics_schema;

/** The bounds in the histogram's unit, strictly ascending, from a validated configuration; `out` holds
 * SPAN_METRICS_BOUNDS_MAX. */
size_t span_metrics_bounds(const struct span_metrics_histogram_config *config, double *out);

/** The factory's `validate` and `explain`. */
otc_status span_metrics_validate(const void *value, struct otc_error *err);
otc_status span_metrics_explain(const void *value, void (*line)(void *arg, const char *text), void *arg,
                                struct otc_error *err);

#endif
