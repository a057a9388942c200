// SPDX-License-Identifier: Apache-2.0
/**
 * @file Tests that two rows of counts come from one distribution: Pearson's chi-squared, G, Fisher. Pure
 * functions, any thread, no allocation.
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

/**
 * Pearson's goodness of fit of `cur` to the shares of `ref`, which count as known exactly:
 * scipy.stats.chisquare with expectations ref_i m / n. A category that the reference lacks makes it infinite,
 * p 0. All NaN when a side is empty.
 */
struct otc_chi_squared otc_chi_squared_goodness(const uint64_t *ref, const uint64_t *cur, size_t k);
/** The same with the likelihood ratio: scipy.stats.power_divergence(lambda_="log-likelihood"), the G-test. */
struct otc_chi_squared otc_g_goodness(const uint64_t *ref, const uint64_t *cur, size_t k);
/**
 * scipy.stats.fisher_exact of the table (first, second), two-sided: the probability of all tables of the same
 * margins that are no likelier. O(first[0] + first[1]); NaN for an empty table.
 */
double otc_fisher_exact_p_value(const uint64_t first[2], const uint64_t second[2]);

#endif
