// SPDX-License-Identifier: Apache-2.0
/**
 * @file The components of embedding vectors, each as a distribution of its own: how many of them moved.
 *
 * A component has 15 points, which cut the line into 16 cells, and in each cell a count and the sum of what
 * its values exceed otc_cells_gap_origin by. Between two points the difference of the two distribution
 * functions is integrated exactly from those, unless the functions cross there: the distance is then told too
 * low by what crosses.
 */
#ifndef OTC_STATS_COMPONENTS_H
#define OTC_STATS_COMPONENTS_H

#include "common/stats/cells.h"

#include <stddef.h>
#include <stdint.h>

#define OTC_COMPONENT_POINTS 15
#define OTC_COMPONENT_CELLS (OTC_COMPONENT_POINTS + 1)

/** A component counts as moved from this distance on, in standard deviations of the reference; the share of
 * moved components that evidently calls drift of an embedding (its method "ratio") is above 0.2. */
#define OTC_COMPONENT_MOVED 0.1

/** The reference of vectors of `n` components; arrays of n * points or cells, component by component. */
struct otc_components {
    size_t n;
    uint64_t vectors;
    const double *deviations; /* of n: standard deviation, ddof 0 */
    const double *points;     /* ascending within a component; equal ones leave the cell between them empty */
    const uint64_t *counts;
    const double *sums;
    /** Sums of the values themselves, where a file of the former form has these: what its hash is made of.
     * Else NULL. */
    const double *raw_sums;
};

/** Cell of a value: how many of the 15 points it is not below. */
size_t otc_component_cell(const double *points, double value);
/**
 * Wasserstein-1 distance of a component to the reference, over max(its standard deviation, 0.001), as
 * evidently normalises it. `counts` and `sums` are the 16 cells of `vectors` vectors. NaN without any.
 */
double otc_component_distance(const struct otc_components *reference, size_t component,
                              const uint64_t *counts, const double *sums, uint64_t vectors);
/** Share of the components whose distance is at least OTC_COMPONENT_MOVED; NaN without vectors. */
double otc_components_moved(const struct otc_components *reference, const uint64_t *counts,
                            const double *sums, uint64_t vectors);
/** The points of a component from a sample of n values (at least 1), sorted: its quantiles k/16, inverted
 * CDF. */
void otc_component_points(const double *sorted, size_t n, double *points);

#endif
