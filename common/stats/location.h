// SPDX-License-Identifier: Apache-2.0
/**
 * @file Shift of the mean and of the spread between two samples, and of a proportion. Pure functions of
 * moments and counts, any thread, no allocation.
 */
#ifndef OTC_STATS_LOCATION_H
#define OTC_STATS_LOCATION_H

#include "common/stats/descriptive.h"

#include <stdbool.h>

/** NaN where a side is too small, or does not vary at all. */
struct otc_shift {
    /** (mean of cur - mean of ref) / standard deviation of ref (divided by n). */
    double mean;
    /** Standard deviation of cur over that of ref, both divided by n - 1. */
    double spread_ratio;
    /** scipy.stats.ttest_ind(ref, cur): positive when ref's mean is the larger. */
    double t;
    double dof; /* need not be integral */
    double p_value;
};

/** `pooled` true: Student's test, with equal variances (scipy's default); false: Welch's (equal_var=False).
 */
struct otc_shift otc_shift_of(const struct otc_moments *ref, const struct otc_moments *cur, bool pooled);

struct otc_z_test {
    double z; /* positive when the first share is the larger */
    double p_value;
};
/**
 * Two-sided z-test that x1 of n1 and x2 of n2 are one proportion, with the pooled variance (statsmodels
 * proportions_ztest, evidently's "z"). NaN when a side is empty or the shares are both 0 or both 1. Sizes
 * need not be integral.
 */
struct otc_z_test otc_proportions_z(double x1, double n1, double x2, double n2);

#endif
