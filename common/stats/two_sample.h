// SPDX-License-Identifier: Apache-2.0
/**
 * @file Distances between two samples that are at hand as sorted values (`compare`, which has the rows). Pure
 * functions, any thread, no allocation. Values finite and ascending; NaN when a side is empty.
 */
#ifndef OTC_STATS_TWO_SAMPLE_H
#define OTC_STATS_TWO_SAMPLE_H

#include "common/stats/cells.h"

/** scipy.stats.ks_2samp(ref, cur).statistic; `error` is 0. */
struct otc_ks otc_samples_ks(const double *ref, size_t n, const double *cur, size_t m);
/** scipy.stats.wasserstein_distance(ref, cur). */
double otc_samples_wasserstein(const double *ref, size_t n, const double *cur, size_t m);
/** scipy.stats.cramervonmises_2samp(ref, cur).statistic (T with mid-ranks). */
double otc_samples_cramer_von_mises(const double *ref, size_t n, const double *cur, size_t m);
/** scipy.stats.energy_distance(ref, cur): sqrt(2 int (F_ref - F_cur)^2). */
double otc_samples_energy(const double *ref, size_t n, const double *cur, size_t m);

#endif
