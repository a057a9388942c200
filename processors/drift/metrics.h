// SPDX-License-Identifier: Apache-2.0
/**
 * @file Metrics in: data points as observations, and distributions that arrive already binned. Streams and
 * what comes new with each point: common/analysis/metric_streams.h.
 */
#ifndef OTC_DRIFT_METRICS_H
#define OTC_DRIFT_METRICS_H

#include "processors/drift/observe.h"

/** What the stage keeps for metrics; locked by the stage. Opaque. */
struct drift_metrics;

/** `*out` is NULL when no metric is watched. */
OTC_CHECK otc_status drift_metrics_new(struct drift *drift, struct drift_metrics **out,
                                       struct otc_error *err);
/** NULL is allowed. */
void drift_metrics_free(struct drift_metrics *metrics);
/** Walks a part of a batch of metrics; false when its walk failed. Under the lock. */
bool drift_metrics_walk(struct visit *visit, struct otc_slice part);
/** Takes points as a journal has them (points.h), all of what is left to read. Under the lock. */
void drift_metrics_replay(struct visit *visit, struct otc_reader *points);
/** Time goes on: streams that nobody delivers any more are forgotten. Under the lock. */
void drift_metrics_expire(struct drift_metrics *metrics, int64_t monotonic_ns);

/** Of the section that holds the streams. 2: numbers and sums as they came, no factor in them. */
#define DRIFT_STREAMS_LAYOUT 2
/** The streams, for a restart. Under the lock. */
void drift_metrics_save(const struct drift_metrics *metrics, struct otc_buf *out);
/** Fills what has no streams yet. False: not what can have been saved, or no room; forget it then. */
OTC_CHECK bool drift_metrics_load(struct drift_metrics *metrics, struct otc_reader *in);
/** Forgets all streams; the process begins at `start_ns`. */
void drift_metrics_forget(struct drift_metrics *metrics, int64_t start_ns);
/** The monotonic clock has another origin than when the streams were saved. */
void drift_metrics_shift_monotonic(struct drift_metrics *metrics, int64_t by_ns);

#endif
