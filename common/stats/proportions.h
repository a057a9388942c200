// SPDX-License-Identifier: Apache-2.0
/**
 * @file Whether a share rose, exactly: of few events a normal approximation says far too much. Pure
 * functions, any thread, no allocation.
 */
#ifndef OTC_STATS_PROPORTIONS_H
#define OTC_STATS_PROPORTIONS_H

/**
 * Fisher's one-sided exact test that x2 of n2 is a larger share than x1 of n1: the probability of x2 or more
 * of the x1 + x2 events among the n2, scipy.stats.fisher_exact([[x2, n2 - x2], [x1, n1 - x1]],
 * alternative="greater"). Whole numbers up to 2^53; within some 1e-12 of it; O(sqrt(n1 + n2)). NaN when a
 * side is empty or has more events than records.
 */
double otc_share_rise_p_value(double x1, double n1, double x2, double n2);

/**
 * The probability that n2 of n1 + n2 values drawn at random leave out all of `others` values: C(n1, others) /
 * C(n1 + n2, others), 0 when others > n1. Need not be integral.
 */
double otc_draw_without(double others, double n1, double n2);

#endif
