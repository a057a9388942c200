// SPDX-License-Identifier: Apache-2.0
/**
 * @file Tests of ranks: Mann-Whitney's U with the area under the ROC curve, p-values of Mann-Whitney,
 * Cramer-von-Mises and Anderson-Darling. Pure functions, any thread; what allocates says so.
 */
#ifndef OTC_STATS_RANKS_H
#define OTC_STATS_RANKS_H

#include "common/stats/cells.h"

/** Everything about a pair of samples that Mann-Whitney's test needs. */
struct otc_mann_whitney {
    /** Pairs with ref > cur, and half of those that tie: scipy.stats.mannwhitneyu(ref, cur).statistic. */
    double u;
    /** P(cur > ref) + P(cur == ref) / 2 = 1 - u / (n m): above 1/2 when values rose. NaN when a side is
     * empty. */
    double auc;
    /** Sum of t^3 - t over the groups of t tied values. */
    double ties;
    uint64_t n, m;
};
/** Of two ascending samples. */
struct otc_mann_whitney otc_samples_mann_whitney(const double *ref, size_t n, const double *cur, size_t m);
/**
 * Of a reference and counts in its cells. `u` is exact for an exact reference; in a gap of a capped reference
 * pairs count as ties. Ties of current values inside a gap are not seen: `ties` leaves them out.
 */
struct otc_mann_whitney otc_cells_mann_whitney(const struct otc_cells *ref,
                                               const struct otc_cell_counts *cur);

/** What the alternative says of the first sample, the reference. */
enum otc_alternative { OTC_TWO_SIDED, OTC_LESS, OTC_GREATER };
enum otc_p_method { OTC_P_AUTO, OTC_P_EXACT, OTC_P_ASYMPTOTIC };

/**
 * scipy.stats.mannwhitneyu's p-value. AUTO: exact when a side has at most 8 values and nothing ties; else
 * normal, with continuity and tie correction. Exact allocates 16 n m / 2 bytes, and falls back to the normal
 * beyond 2^22 of n m, beyond 127 bits of the number of orders, and out of memory.
 */
double otc_mann_whitney_p_value(const struct otc_mann_whitney *test, enum otc_alternative alternative,
                                enum otc_p_method method);

/**
 * scipy.stats.cramervonmises_2samp's p-value of T. AUTO: exact up to max(n, m) = 20 (Xiao, Gordon and
 * Yakovlev 2007; allocates, asymptotic out of memory), else the limiting law (Csorgo and Faraway 1996) with
 * scipy's own end of the series: terms below 1e-7 are left out, so that p-values are good to about 3e-7
 * absolutely. NaN below two values a side.
 */
double otc_cramer_von_mises_p_value(double t, uint64_t n, uint64_t m, enum otc_p_method method);

struct otc_anderson_darling {
    double statistic;
    double p_value; /* between 0.001 and 0.25: the table's ends */
};
/**
 * scipy.stats.anderson_ksamp([ref, cur]), mid-ranks, ascending samples (Scholz and Stephens 1987). NaN when a
 * side is empty, there are fewer than 4 values or all are equal.
 */
struct otc_anderson_darling otc_samples_anderson_darling(const double *ref, size_t n, const double *cur,
                                                         size_t m);

#endif
