// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the span_metrics connector keeps: resources, and of each the series of its metrics. One mutex,
 * taken once a batch and once a flush, guards all of it.
 */
#ifndef OTC_SPAN_METRICS_STATE_H
#define OTC_SPAN_METRICS_STATE_H

#include "common/analysis/emit.h"
#include "common/base/map.h"
#include "common/stats/exponential_histogram.h"
#include "processors/span_metrics/span_metrics_config.h"

#include <pthread.h>

/** Attributes of one span that a `glob` may add, at most. */
#define SPAN_METRICS_GLOB_MATCHES_MAX 128

/* ---- Dimensions ------------------------------------------------------------------------------------ */

/** A named dimension and its places in the projection. */
struct span_metrics_named {
    const struct span_metrics_dimension *config;
    struct otc_value fallback; /* the configured default; ABSENT: none */
    size_t in_record;
    size_t in_resource;
};
/** One configured list, compiled. */
struct span_metrics_list {
    struct span_metrics_named *named;
    size_t n_named;
    const char **globs;
    size_t n_globs;
};

enum span_metrics_list_of { LIST_COMMON, LIST_CALLS, LIST_DURATION, LIST_EVENTS, SPAN_METRICS_N_LISTS };

/* ---- Series ---------------------------------------------------------------------------------------- */

struct span_metrics_exemplar {
    double value;
    uint8_t trace_id[16];
    uint8_t span_id[8];
};

/** One set of attributes. What the attributes point to lies behind the struct. */
struct span_metrics_series {
    int64_t start_ns;     /* of its first span */
    int64_t last_seen_ns; /* monotonic */
    bool told;            /* a cumulative count is told as 0 at first */
    uint64_t count;
    double carry; /* of the weights: the part of a span below 1 */
    double sum;
    uint64_t *buckets;                   /* explicit; NULL otherwise */
    struct otc_exp_histogram *histogram; /* exponential; NULL otherwise */
    struct span_metrics_exemplar *exemplars;
    size_t n_exemplars;
    size_t bytes; /* against the limit */
    size_t n_attributes;
    struct otc_attribute attributes[];
};

/** Metrics with the same dimensions share a table: calls and durations unless one has further ones. */
enum span_metrics_table_of { TABLE_CALLS, TABLE_DURATION, TABLE_EVENTS, SPAN_METRICS_N_TABLES };
struct span_metrics_table {
    struct otc_map *by_key; /* NULL: nothing yet */
    struct span_metrics_series *overflow;
};

struct span_metrics_resource {
    struct otc_slice key;   /* canonical, what tells it apart */
    struct otc_slice bytes; /* its attributes, encoded */
    uint64_t used;          /* order of use */
    bool evicted;           /* forgotten after the next flush */
    int64_t last_seen_ns;   /* monotonic */
    struct span_metrics_table tables[SPAN_METRICS_N_TABLES];
};

/** Ends of the last intervals of delta series, the least recently used forgotten first. Opaque. */
struct span_metrics_ends;
struct span_metrics_ends *span_metrics_ends_new(size_t limit);
void span_metrics_ends_free(struct span_metrics_ends *ends);
/** The end of the key's last interval, or `fallback`. */
int64_t span_metrics_ends_get(struct span_metrics_ends *ends, struct otc_slice key, int64_t fallback);
/** False out of memory. */
bool span_metrics_ends_put(struct span_metrics_ends *ends, struct otc_slice key, int64_t end_ns);

/* ---- The stage ------------------------------------------------------------------------------------- */

enum span_metrics_excluded {
    EXCLUDED_NO_SERVICE,
    EXCLUDED_MEMORY,
    EXCLUDED_MALFORMED,
    SPAN_METRICS_N_EXCLUDED
};

struct span_metrics {
    struct otc_component component;
    struct otc_consumer consumer;
    struct otc_host *host;
    const struct span_metrics_config *config;
    struct otc_projection *projection;
    struct otc_emitter *emitter;
    struct span_metrics_list lists[SPAN_METRICS_N_LISTS];
    struct otc_series *excluded[SPAN_METRICS_N_EXCLUDED];
    struct otc_slice instance_id;
    char *names[SPAN_METRICS_N_TABLES];
    struct otc_metric metrics[SPAN_METRICS_N_TABLES];
    double bounds[SPAN_METRICS_BOUNDS_MAX];
    size_t n_bounds;
    bool delta;
    bool shared; /* calls and durations have the same dimensions: one table */
    bool without_service, without_name, without_kind, without_status, without_instance;

    pthread_mutex_t lock; /* guards what follows */
    struct otc_map *resources;
    size_t n_active; /* resources that are not evicted */
    uint64_t uses;
    size_t memory;
    struct span_metrics_ends *ends; /* delta */
    struct otc_buf key;             /* of the series at hand */
    struct otc_buf resource_key;
    struct span_metrics_resource *recent;
};

/** A span, or one of its events, with what its series is found by. */
struct span_metrics_seen {
    const struct otc_span *span;
    struct otc_slice event; /* encoded; empty: the span itself */
    struct otc_slice service;
    double duration; /* in the histogram's unit */
    bool extrapolated;
    uint64_t denominator; /* the span stands for 2^56 / denominator spans */
    int64_t now_ns;
    int64_t monotonic_ns;
};

/** The resource of a span, made at its first; NULL: no memory. */
struct span_metrics_resource *span_metrics_resource_of(struct span_metrics *stage,
                                                       const struct otc_span *span, int64_t monotonic_ns);
/** Counts a span in its resource's series. False: no memory for it. */
bool span_metrics_observe(struct span_metrics *stage, struct span_metrics_resource *resource,
                          const struct span_metrics_seen *seen);
/** Forgets one resource, or all of them. */
void span_metrics_forget(struct span_metrics *stage, struct span_metrics_resource *resource);
void span_metrics_forget_all(struct span_metrics *stage);
/** Forgets what was evicted or had no span for long, and the exemplars of this flush; after a flush. */
void span_metrics_expire(struct span_metrics *stage, int64_t monotonic_ns);

/** Compiles the lists of dimensions and the projection. */
OTC_CHECK otc_status span_metrics_compile(struct span_metrics *stage, struct otc_error *err);
void span_metrics_lists_free(struct span_metrics *stage);
/** Place of service.name in the projection. */
#define SPAN_METRICS_SERVICE_VALUE 0
/** Appends what tells the series of a list apart; `base`: what every metric has, before. */
void span_metrics_key_base(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                           struct otc_buf *key);
void span_metrics_key_add(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                          enum span_metrics_list_of list, struct otc_buf *key);
/** The attributes of a series, borrowed from the span; at most SPAN_METRICS_ATTRIBUTES_MAX. */
#define SPAN_METRICS_ATTRIBUTES_MAX (8 + SPAN_METRICS_DIMENSIONS_MAX + 2 * SPAN_METRICS_GLOB_MATCHES_MAX)
size_t span_metrics_attributes(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                               enum span_metrics_list_of list, struct otc_attribute *out);

/** The emitter's collection. */
void span_metrics_collect(void *arg, struct otc_emitter *emitter);

#endif
