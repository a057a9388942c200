// SPDX-License-Identifier: Apache-2.0
/**
 * @file References made of counts: a window of the past, or of another arm, that was counted in the cells of
 * a *grid*. A grid is a reference whose points and categories alone matter. Pure functions of their
 * arguments, any thread, no allocation.
 */
#ifndef OTC_ANALYSIS_REFERENCE_COUNTS_H
#define OTC_ANALYSIS_REFERENCE_COUNTS_H

#include "common/analysis/reference.h"

/** Counts of one feature; everything in it is borrowed. */
struct otc_reference_counts {
    uint64_t missing, invalid;
    /** Numeric: in the grid's cells, n and n + 1 of them. */
    const uint64_t *eq, *gap;
    /** Numeric: as otc_cells::outer_sums. */
    const double *outer_sums;
    /** Categorical: every category that occurred, and what could not be told apart. */
    struct otc_category *categories;
    size_t n_categories;
    uint64_t other;
};

/** Room for the edges: the larger of this and `bins`. */
#define OTC_REFERENCE_COUNTS_EDGES OTC_REFERENCE_VALUE_BINS

/**
 * The reference feature that the counts are, as `reference build` would make it of the same rows on the same
 * cells. `out` borrows from `grid`, `counts` and `edges`.
 *
 * Numeric bins: a bin for each value when no count lies between points and at most OTC_REFERENCE_VALUE_BINS
 * points have one; else interior edges at the first grid point at or above numpy.quantile(reference, k /
 * bins), values between two points taken to lie at the upper one: bin counts are those of numpy's edges where
 * no value lies between points. Mean and standard deviation take values between two points to lie in the
 * middle. A grid of binned values (enum otc_binned) makes such a reference. The design effect is 1: the
 * caller knows the blocks.
 */
void otc_reference_of_counts(const struct otc_reference_feature *grid,
                             const struct otc_reference_counts *counts, size_t bins, double *edges,
                             struct otc_reference_feature *out);

#endif
