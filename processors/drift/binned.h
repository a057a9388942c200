// SPDX-License-Identifier: Apache-2.0
/** @file Counting values that arrive binned in the cells of a binned reference. */
#ifndef OTC_DRIFT_BINNED_H
#define OTC_DRIFT_BINNED_H

#include "common/analysis/metric_buckets.h"
#include "processors/drift/state.h"

/**
 * Counts buckets of a feature (by its index in the binding) in a pane. Bounds that are not the reference's
 * are excluded (DRIFT_BOUNDS), all of their values. Exponential buckets finer than the reference are brought
 * to its scale; coarser ones are counted in the highest cell that each covers, and `counts->coarser` tells by
 * how many scales, so that the evaluation can bring the reference to theirs: exact both ways.
 */
void drift_count_buckets(struct drift_version *version, size_t index, const struct otc_buckets *buckets,
                         struct drift_counts *counts);

/**
 * Brings an exponential reference of the bound one's cells (a copy of it) to a scale coarser `by` some:
 * neighbours become one, exactly. What the copy then points to is the result, the caller's to free; NULL out
 * of memory.
 */
void *drift_coarsen(const struct drift_bound *bound, uint32_t by, struct otc_reference_feature *reference);
/** The same for counts in the bound reference's cells, in place; returns the points that are left, n: of the
 * cells the first 2n + 1 are in use. */
size_t drift_merge_cells(const struct drift_bound *bound, uint32_t by, uint64_t *cells);

#endif
