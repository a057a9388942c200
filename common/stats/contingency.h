// SPDX-License-Identifier: Apache-2.0
/**
 * @file Pearson's chi-squared test that two rows of counts come from one distribution. Pure functions, any
 * thread, no allocation.
 */
#ifndef OTC_STATS_CONTINGENCY_H
#define OTC_STATS_CONTINGENCY_H

#include <stddef.h>
#include <stdint.h>

struct otc_chi_squared {
    double statistic;
    double p_value;
    /** Columns that entered, less one. */
    size_t dof;
};

/**
 * scipy.stats.chi2_contingency of the 2 x k table (ref, cur), with its Yates correction when two columns
 * remain. Columns that are zero on both sides do not count. One column: statistic 0, p 1. All NaN when a row
 * is empty.
 */
struct otc_chi_squared otc_chi_squared_contingency(const uint64_t *ref, const uint64_t *cur, size_t k);

/** The same without the Yates correction (scipy's correction=False). */
struct otc_chi_squared otc_chi_squared_uncorrected(const uint64_t *ref, const uint64_t *cur, size_t k);

/**
 * For decisions: counts divided by `design_effect` (>= 1), and all columns whose expectation on the current
 * side is below `min_expected` (5 by custom) pooled in one; where even the pool stays below, the smallest of
 * the other columns joins it. p NaN when fewer than two columns remain: there is nothing to test.
 */
struct otc_chi_squared otc_chi_squared_pooled(const uint64_t *ref, const uint64_t *cur, size_t k,
                                              double min_expected, double design_effect);

#endif
