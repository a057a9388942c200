// SPDX-License-Identifier: Apache-2.0
/**
 * @file Spans that stand for the slow part of a distribution: of each range of durations (a power of two
 * wide) one, drawn uniformly, and the slowest. Bounded; a span is forgotten when it is older than the window.
 * Guarded by the stage's lock.
 */
#ifndef OTC_LATENCY_EXEMPLARS_H
#define OTC_LATENCY_EXEMPLARS_H

#include "common/analysis/emit.h"

/** Ranges from 2^-10 s (1 ms) on; what is shorter or longer goes to the first or the last. */
#define LATENCY_RANGES 20
#define LATENCY_EXEMPLARS_MAX (LATENCY_RANGES + 1)

/** Zero-initialised is empty. */
struct latency_exemplar {
    bool used;
    bool fresh; /* not told with the histogram yet */
    double seconds;
    int64_t time_ns;
    uint64_t rank; /* the lowest of its range stays: uniform, as trace ids are random */
    uint8_t trace_id[16];
    uint8_t span_id[8];
};
struct latency_exemplars {
    struct latency_exemplar slowest;
    struct latency_exemplar ranges[LATENCY_RANGES];
};

/** Offers a span of at least the duration that is of interest; those before `oldest_ns` give way to it. */
void latency_exemplars_offer(struct latency_exemplars *exemplars, struct otc_slice trace_id,
                             struct otc_slice span_id, double seconds, int64_t time_ns, int64_t oldest_ns);
/** The fresh ones, which are fresh no more; returns how many. `out` borrows from `exemplars`. */
size_t latency_exemplars_fresh(struct latency_exemplars *exemplars,
                               struct otc_exemplar out[LATENCY_EXEMPLARS_MAX]);
/**
 * One for a quantile: the shortest span of at least `seconds` among those since `oldest_ns`, else the longest
 * shorter one. False: none.
 */
bool latency_exemplars_near(const struct latency_exemplars *exemplars, double seconds, int64_t oldest_ns,
                            struct otc_exemplar *out);

#endif
