// SPDX-License-Identifier: Apache-2.0
/**
 * @file Drift of latency: the distribution of an operation's durations (of spans that succeeded) in the
 * window against the one that was learned first, from the buckets of both, without another look at a span.
 * Statistics, p-values, effects and verdict are those of the drift connector (common/analysis/evaluate.h).
 * Guarded by the stage's lock.
 */
#ifndef OTC_LATENCY_DRIFT_H
#define OTC_LATENCY_DRIFT_H

#include "common/analysis/evaluate.h"
#include "common/stats/exponential_histogram.h"
#include "processors/latency/latency_config.h"

/** Durations are compared at most this finely: buckets 4.4 % wide, which a window holds over a range of 1 to
 * 10^12. */
#define LATENCY_DRIFT_SCALE 4

/** How a verdict is reached. */
struct latency_drift_rule {
    struct otc_decision decision;
    unsigned k, n;
};
/** Errors begin with the key path. */
OTC_CHECK otc_status latency_drift_rule_of(const struct latency_drift_config *config,
                                           struct latency_drift_rule *out, struct otc_error *err);

/** One operation's. Zero-initialised is empty; ended with latency_drift_release. */
struct latency_drift {
    size_t bytes;                          /* that its owner charged for it */
    struct otc_reference_builder *builder; /* while it learns */
    size_t feature;
    uint64_t learned;
    int64_t first_ns, last_ns; /* ends of the panes learned from */
    struct otc_reference *reference;
    int32_t first_index; /* of the reference's lowest bucket */
    /** Of the last window; `compared`: there is one. */
    bool compared;
    struct otc_feature_result result;
    uint64_t observations;
    struct otc_k_of_n ring;
    bool told; /* its gauges have to be ended */
};
void latency_drift_release(struct latency_drift *drift);
/** Upper bounds of the memory of one that learns and of one that has learned. */
size_t latency_drift_learning_bytes(void);
#define LATENCY_DRIFT_BYTES ((size_t)16 << 10)

/** Learns from a pane that has closed; the reference stands when observations and duration are reached. */
void latency_drift_learn(struct latency_drift *drift, const struct latency_drift_config *config,
                         const struct otc_exp_histogram *pane, int64_t end_ns);
/** The share of what is to be learned that was. */
double latency_drift_progress(const struct latency_drift *drift, const struct latency_drift_config *config);
/**
 * Compares a window with the reference: sets `compared`, `result` and `observations`, but for what depends on
 * the family. `panes`: histograms of its parts, for the design effect.
 */
void latency_drift_compare(struct latency_drift *drift, const struct latency_drift_rule *rule,
                           const struct otc_exp_histogram *window,
                           const struct otc_exp_histogram *const *panes, size_t n_panes);
/** The verdict of those that were compared in one evaluation. */
void latency_drift_decide(struct latency_drift *const *drifts, size_t n,
                          const struct latency_drift_rule *rule);

#endif
