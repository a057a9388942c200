// SPDX-License-Identifier: Apache-2.0
/**
 * @file Cells of distributions that arrive already binned: the points are the bounds of the bins, the counts
 * lie between them, and where in its bin a value lies is not known. A value equal to a bound lies below it.
 * KS over the bounds (otc_cells_ks) is a lower bound with its error; bins made of whole cells are exact. Pure
 * functions, no allocation.
 */
#ifndef OTC_STATS_CELLS_BINNED_H
#define OTC_STATS_CELLS_BINNED_H

#include "common/stats/cells.h"

/**
 * Wasserstein-1 with the values of each bin spread evenly. `*error` bounds the distance to that of the
 * values: half of each bin's width times the shares of both sides in it. The first bin begins at 0 when its
 * bound is above 0 (durations, sizes); values beyond the last bound count as at it, and the error is then
 * infinite. NaN, both, when a side is empty. `cur->gap_sum` is not used.
 */
double otc_cells_binned_wasserstein(const struct otc_cells *ref, const struct otc_cell_counts *cur,
                                    double *error);
/** Mean and standard deviation (ddof 0) of values spread so. NaN when there are none. */
void otc_cells_binned_moments(const struct otc_cells *cells, double *mean, double *standard_deviation);
/** Bounds of the lowest and highest bins that hold values, an open end taken as above. NaN when there are
 * none. */
void otc_cells_binned_range(const struct otc_cells *cells, double *min, double *max);

/**
 * Interior edges near the k / bins quantiles, each a point: for each k the point whose CDF is nearest, the
 * lower one on a tie, none twice, none with nothing on one side. `out` holds bins - 1; returns how many.
 */
size_t otc_edges_binned(const struct otc_cells *cells, size_t bins, double *out);

#endif
