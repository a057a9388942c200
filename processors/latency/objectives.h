// SPDX-License-Identifier: Apache-2.0
/**
 * @file What is asked of an operation: Apdex over the window, and a service level objective with its burn
 * rates and error budget. Guarded by the stage's lock.
 *
 * Apdex (Apdex Technical Specification 1.1): (satisfied + tolerating / 2) / all, satisfied: at most T,
 * tolerating: at most 4 T; a request that failed is frustrated.
 *
 * Burn rate (Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs"): the share of bad requests
 * over a window divided by the share that the objective allows, 1 - objective; bad: failed, or longer than
 * the threshold.
 */
#ifndef OTC_LATENCY_OBJECTIVES_H
#define OTC_LATENCY_OBJECTIVES_H

#include "common/analysis/emit.h"
#include "common/analysis/weight.h"
#include "processors/latency/latency_config.h"

/** Requests judged, in one pane. */
struct latency_apdex {
    uint64_t satisfied, tolerating, all;
};
void latency_apdex_add(struct latency_apdex *apdex, const struct latency_apdex_config *config, double seconds,
                       bool failed);
/** Between 0 and 1; NaN without a request. */
double latency_apdex_value(const struct latency_apdex *apdex);

/** Windows of an objective, its period included, and parts of each (a window is right to one of them). */
#define LATENCY_SLO_WINDOWS_MAX 9
#define LATENCY_SLO_PARTS 60

/** Requests with sampling undone. */
struct latency_slo_part {
    double bad, all;
};
struct latency_slo_window {
    int64_t part_ns;
    int64_t
        last; /* number of the newest part since the monotonic clock's zero; those of the ring end with it */
    struct latency_slo_part parts[LATENCY_SLO_PARTS];
};
/** Requests of one operation. Zero-initialised, then latency_slo_init. */
struct latency_slo {
    struct otc_weighted_count bad;   /* since the start */
    struct latency_slo_part waiting; /* not in the windows yet: of the newest parts */
    size_t n;                        /* windows; the last is the period */
    int64_t next_ns;                 /* when the shortest part is over, or before */
    struct latency_slo_window windows[LATENCY_SLO_WINDOWS_MAX];
};
/** The lengths of the configured windows; returns how many, at most `max`, or SIZE_MAX with the error. */
size_t latency_slo_lengths(const struct latency_slo_config *config, int64_t *out, size_t max,
                           struct otc_error *err);
/** Times of an objective are of the monotonic clock: steps of the other do not move its windows. */
void latency_slo_init(struct latency_slo *slo, const struct latency_slo_config *config, int64_t monotonic_ns);
/** A span that came now and stands for `weight` requests; of one without a duration `seconds` is 0. */
void latency_slo_add(struct latency_slo *slo, const struct latency_slo_config *config, double seconds,
                     bool failed, uint64_t weight, int64_t monotonic_ns);
/** Takes in what waited and moves the windows to now: before they are read. */
void latency_slo_advance(struct latency_slo *slo, int64_t monotonic_ns);
/** Of one window; 0 without a request. */
double latency_slo_burn_rate(const struct latency_slo *slo, const struct latency_slo_config *config,
                             size_t window);
/** What is left of the period's error budget: 1 - its burn rate; negative when overdrawn. */
double latency_slo_budget(const struct latency_slo *slo, const struct latency_slo_config *config);

#endif
