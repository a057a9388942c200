// SPDX-License-Identifier: Apache-2.0
/**
 * @file Spans that wait to be counted, some at a time: with many series each of them misses the cache several
 * times, and the misses of a block overlap. Under the stage's lock; empty whenever nobody holds it.
 */
#ifndef OTC_SPAN_METRICS_BLOCK_H
#define OTC_SPAN_METRICS_BLOCK_H

#include "processors/span_metrics/state.h"

/** Begins a batch that came at these times. */
void span_metrics_block_begin(struct span_metrics *stage, int64_t now_ns, int64_t monotonic_ns);
/** Takes note of a span, or of all its events too; what the span lends is copied. */
void span_metrics_block_add(struct span_metrics *stage, struct span_metrics_resource *resource,
                            const struct span_metrics_seen *seen);
/** Counts what waits. Returns how many spans since begin found no memory for one of their series. */
size_t span_metrics_block_end(struct span_metrics *stage);

#endif
