// SPDX-License-Identifier: Apache-2.0
/** @file What the latency connector keeps: models, their versions, and each version's operations. */
#ifndef OTC_LATENCY_STATE_H
#define OTC_LATENCY_STATE_H

#include "common/analysis/emit.h"
#include "common/analysis/weight.h"
#include "processors/latency/budget.h"
#include "processors/latency/drift.h"
#include "processors/latency/exemplars.h"
#include "processors/latency/gen_ai.h"
#include "processors/latency/objectives.h"

#include <pthread.h>

#define LATENCY_N_QUANTILES 5
/** 0.5, 0.9, 0.95, 0.99, 0.999. */
extern const double latency_quantiles[LATENCY_N_QUANTILES];

/** Longest operation name; longer ones are cut. */
#define LATENCY_NAME_MAX 128

enum latency_side { LATENCY_OK, LATENCY_ERROR, LATENCY_N_SIDES };

/** Why a span's duration was not recorded, or only in the cumulative histogram (the first three). */
enum latency_excluded {
    LATENCY_LATE,
    LATENCY_TOO_OLD,
    LATENCY_FUTURE,
    LATENCY_MEMORY,
    LATENCY_NEGATIVE,
    LATENCY_NO_DURATION,
    LATENCY_OPERATIONS,
    LATENCY_TRACE_STATE, /* not valid: the span counts as one */
    LATENCY_N_EXCLUDED
};
/** "late", "too_old", "future", "memory", "negative_duration", "no_duration", "operations", "trace_state". */
const char *latency_excluded_name(enum latency_excluded reason);

/** What the last evaluated window said; `stale`: its series have to be ended once. */
struct latency_result {
    bool valid;
    bool stale;
    int64_t start_ns; /* of the window */
    double error;
    double quantiles[LATENCY_N_QUANTILES];
};

/** One status of an operation. */
struct latency_series {
    struct otc_weighted_count requests;
    struct otc_exp_histogram durations;  /* cumulative */
    struct latency_exemplars *exemplars; /* NULL: off, or no room */
    double slow_s; /* spans from this on may become exemplars: half the last window's p90 */
    struct latency_result result;
};

struct latency_operation {
    uint64_t id; /* never given twice */
    size_t slot;
    struct otc_slice name;
    int64_t start_ns;     /* of its counters */
    int64_t last_seen_ns; /* monotonic */
    struct latency_series sides[LATENCY_N_SIDES];
    struct latency_slo *slo;     /* NULL: off, or no room */
    struct latency_drift *drift; /* NULL: off, or nothing evaluated yet */
    double apdex;                /* of the last window; NaN: none */
    bool apdex_told;
};

/** One version of a model; the registry's state. */
struct latency_version {
    struct latency *owner;
    struct otc_window window;
    struct otc_map *by_name;
    struct latency_operation **operations; /* by slot; NULL: free */
    size_t n_slots;
    struct latency_operation *recent;
    uint64_t excluded[LATENCY_N_EXCLUDED];
    int64_t start_ns;
    int64_t touched_ns; /* monotonic, of the last span */
};

/** Scale of a fresh window histogram: 0.27 % relative error until its buckets are used up. */
#define LATENCY_WINDOW_SCALE 7

/** Durations of a pane, by slot; an entry whose id is not the operation's belongs to one that is gone. */
struct latency_pane_entry {
    uint64_t id;
    struct latency_apdex apdex;
    struct otc_exp_histogram sides[LATENCY_N_SIDES];
};
struct latency_pane {
    struct latency_pane_entry *entries;
    size_t n;
};

struct latency {
    struct otc_component component;
    struct otc_consumer consumer;
    struct otc_host *host;
    const struct latency_config *config;
    struct otc_projection *projection;
    size_t n_model_values;  /* the projection begins with them */
    size_t operation_value; /* places in the projection, after the model's entries */
    size_t error_value;
    struct otc_emitter *emitter;
    struct latency_drift_rule drift_rule; /* with config->drift */
    char window_label[32];

    pthread_mutex_t lock; /* guards what follows */
    struct otc_models *models;
    struct latency_gen_ai *gen_ai; /* NULL: off */
    struct latency_budget budget;
    uint64_t next_id;
    int64_t start_ns;
    uint64_t malformed; /* parts whose walk failed */
    uint64_t no_model;  /* spans without any attribute of model::name */
};

extern const struct otc_model_ops latency_model_ops;

/** One span, as the state takes it. */
struct latency_span {
    struct otc_slice operation;
    struct otc_slice trace_id, span_id;
    enum latency_side side;
    uint64_t weight; /* how many spans it stands for (common/analysis/weight.h) */
    bool bad_trace_state;
    int64_t end_ns; /* 0: none */
    bool has_duration;
    double duration_s; /* may be negative */
    int64_t now_ns;
    int64_t monotonic_ns;
};
/** The span's operation, made at its first span; `other` beyond the limit. NULL out of memory. */
struct latency_operation *latency_operation_of(struct latency_version *version,
                                               const struct latency_span *span);
/** Counts a span of this version. */
void latency_observe(struct latency_version *version, const struct latency_span *span);
/** Evaluates every window of the version that has closed. */
void latency_evaluate(struct latency_version *version);
/** Forgets operations without a span since `before_ns` (monotonic). */
void latency_expire(struct latency_version *version, int64_t before_ns);

/** With config->drift: of each operation of a window, then of all of them; and what is told
 * (drift_results.c). */
void latency_drift_evaluate(struct latency_version *version, const struct otc_window_view *view,
                            struct latency_operation *operation, const struct otc_exp_histogram *window);
void latency_drift_verdict(struct latency_version *version);
void latency_drift_emit(const struct latency *latency, struct otc_emitter *emitter,
                        const struct otc_attribute *attributes, size_t n, struct latency_drift *drift);

/** The consumer: walks the batch's spans. */
otc_status latency_consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done,
                           struct otc_error *err);
/** The emitter's collection. */
void latency_collect(void *stage, struct otc_emitter *emitter);

#endif
