// SPDX-License-Identifier: Apache-2.0
/** @file Adjusted p-values of a family of tests: reject where adjusted <= level. Any thread. */
#ifndef OTC_STATS_CORRECTION_H
#define OTC_STATS_CORRECTION_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Benjamini-Hochberg, step-up: scipy.stats.false_discovery_control(p, method='bh'). NaN entries stay NaN and
 * are not of the family. `adjusted` may be `p`. False out of memory, nothing written.
 */
bool otc_adjust_benjamini_hochberg(const double *p, size_t n, double *adjusted);
/** Benjamini-Yekutieli, which holds under any dependence of the tests:
 * scipy.stats.false_discovery_control(p, method='by'). As above otherwise. */
bool otc_adjust_benjamini_yekutieli(const double *p, size_t n, double *adjusted);
/** min(1, p * number of p-values that exist); NaN as above. `adjusted` may be `p`. */
void otc_adjust_bonferroni(const double *p, size_t n, double *adjusted);

#endif
