// SPDX-License-Identifier: Apache-2.0
/** @file Mean and variance in one pass (Welford), mergeable (Chan). */
#ifndef OTC_STATS_DESCRIPTIVE_H
#define OTC_STATS_DESCRIPTIVE_H

#include <stddef.h>
#include <stdint.h>

/** Zero-initialised is empty. Finite values only. */
struct otc_moments {
    uint64_t n;
    double mean;
    double m2; /* sum of squared deviations from the mean */
};

void otc_moments_add(struct otc_moments *moments, double value);
/** A value that occurred `count` times. */
void otc_moments_add_n(struct otc_moments *moments, double value, uint64_t count);
/** Those of what n values exceed `origin` by: with one of them as origin nothing is lost far from zero. */
struct otc_moments otc_moments_of(const double *values, size_t n, double origin);
void otc_moments_merge(struct otc_moments *into, const struct otc_moments *from);
/** Divided by n (numpy.var, ddof 0); NaN when empty. */
double otc_moments_variance(const struct otc_moments *moments);
/** Divided by n - 1; NaN below two values. */
double otc_moments_sample_variance(const struct otc_moments *moments);

#endif
