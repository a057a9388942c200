// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the span_metrics connector keeps: resources, and of each the series of its metrics. One mutex,
 * taken once a batch and once a flush, guards all of it.
 */
#ifndef OTC_SPAN_METRICS_STATE_H
#define OTC_SPAN_METRICS_STATE_H

#include "common/analysis/emit.h"
#include "common/base/map.h"
#include "processors/span_metrics/span_metrics_config.h"
#include "processors/span_metrics/table.h"

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

/** Metrics with the same dimensions share a table: calls and durations unless one has further ones. */
enum span_metrics_table_of { TABLE_CALLS, TABLE_DURATION, TABLE_EVENTS, SPAN_METRICS_N_TABLES };

/* ---- What is kept ---------------------------------------------------------------------------------- */

struct span_metrics_resource {
    struct otc_slice key;                        /* canonical, what tells it apart */
    struct otc_slice bytes;                      /* its attributes, encoded */
    bool evicted;                                /* forgotten after the next flush */
    struct span_metrics_resource *older, *newer; /* by their use, of those that are not evicted */
    int64_t last_seen_ns;                        /* monotonic */
    struct span_metrics_table tables[SPAN_METRICS_N_TABLES];
};

/** Ends of the last intervals of delta series, those put longest ago forgotten first; a hundred bytes or
 * two each, however long keys are. Opaque. */
struct span_metrics_ends;
struct span_metrics_ends *span_metrics_ends_new(size_t limit);
void span_metrics_ends_free(struct span_metrics_ends *ends);
/** The end of the key's last interval, or `fallback`. */
int64_t span_metrics_ends_get(const struct span_metrics_ends *ends, struct otc_slice key, int64_t fallback);
/** False out of memory. */
bool span_metrics_ends_put(struct span_metrics_ends *ends, struct otc_slice key, int64_t end_ns);

/* ---- Spans that wait to be counted ------------------------------------------------------------------ */

/** Longest key of a series or a resource. */
#define SPAN_METRICS_KEY_MAX ((size_t)1 << 20)
/** So many at a time. */
#define SPAN_METRICS_BLOCK 32

/** A span, or an event, and the series that it counts in. */
struct span_metrics_waiting {
    struct span_metrics_table *table;
    enum span_metrics_table_of which;
    bool oversized; /* the key found no room: the overflow counts it */
    bool has_exemplar;
    uint32_t hash;
    uint32_t key_len, types_len;
    size_t at;       /* of the key in the block's, the types behind it */
    uint64_t span;   /* ordinal in the batch */
    double duration; /* in the histogram's unit */
    uint64_t denominator;
    struct span_metrics_exemplar exemplar;
};

/** Keys as they are written, one after another: those of the spans that wait, then the one at hand. */
struct span_metrics_keys {
    struct otc_buf text;
    size_t start;         /* of the key at hand */
    size_t common;        /* bytes of it that all metrics of the span have */
    struct otc_buf types; /* of its values that are no strings */
    size_t common_types;
    uint64_t n_values;
    uint64_t n_common_values;
    struct otc_buf scratch;
    bool failed; /* the key at hand found no room */
};

struct span_metrics_block {
    struct span_metrics_waiting waiting[SPAN_METRICS_BLOCK];
    size_t n;
    struct span_metrics_keys keys;
    int64_t now_ns;
    int64_t monotonic_ns;
    uint64_t n_spans;
    uint64_t last_excluded; /* ordinal of a span, which is counted once */
    size_t n_excluded;
};

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
    struct span_metrics_layout layouts[SPAN_METRICS_N_TABLES];
    bool delta;
    bool shared; /* calls and durations have the same dimensions: one table */
    bool without_service, without_name, without_kind, without_status, without_instance;

    pthread_mutex_t lock; /* guards what follows */
    struct otc_map *resources;
    size_t n_active;                               /* resources that are not evicted */
    struct span_metrics_resource *oldest, *newest; /* of these, by their use */
    size_t memory;
    struct span_metrics_ends *ends; /* delta */
    struct span_metrics_block block;
    struct otc_buf end_key;
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
};

/** The resource of a span, made at its first; NULL: no memory. */
struct span_metrics_resource *span_metrics_resource_of(struct span_metrics *stage,
                                                       const struct otc_span *span, int64_t monotonic_ns);
/** Counts a span of the block in its series; `identity`: NULL, in the overflow. False: no memory for it. */
bool span_metrics_count(struct span_metrics *stage, const struct span_metrics_waiting *waiting,
                        const struct span_metrics_identity *identity);
/** Forgets one resource, or all of them. */
void span_metrics_forget(struct span_metrics *stage, struct span_metrics_resource *resource);
void span_metrics_forget_all(struct span_metrics *stage);
/** Forgets what was evicted or had no span for long, and the exemplars of this flush; after a flush. */
void span_metrics_expire(struct span_metrics *stage, int64_t monotonic_ns);

/** The further dimensions that the series of a table have; LIST_COMMON: none. */
static inline enum span_metrics_list_of
span_metrics_list(const struct span_metrics *stage, enum span_metrics_table_of which)
{
    static const enum span_metrics_list_of lists[] = {LIST_CALLS, LIST_DURATION, LIST_EVENTS};

    return stage->shared && which == TABLE_CALLS ? LIST_COMMON : lists[which];
}
/** Place of service.name in the projection. */
#define SPAN_METRICS_SERVICE_VALUE 0

/** The emitter's collection. */
void span_metrics_collect(void *arg, struct otc_emitter *emitter);

#endif
