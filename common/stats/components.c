// SPDX-License-Identifier: Apache-2.0
#include "common/stats/components.h"

#include <math.h>

/* evidently's smallest standard deviation. */
#define DEVIATION_MIN 0.001

size_t
otc_component_cell(const double *points, double value)
{
    size_t cell = 0;

    /* 15 points: four comparisons without a branch. */
    for (size_t step = OTC_COMPONENT_CELLS / 2; step > 0; step /= 2) {
        cell += value >= points[cell + step - 1] ? step : 0;
    }
    return cell;
}

/* What a cell's values add to the integral of F up to the point above them, `width` from the cell's origin,
 * or to that of 1 - F from the last point on: each of them the way between it and the point. */
static double
way(double count, double sum, double total, double width)
{
    return fabs(count * width - sum) / total;
}

double
otc_component_distance(const struct otc_components *reference, size_t component, const uint64_t *counts,
                       const double *sums, uint64_t vectors)
{
    const double *points = reference->points + component * OTC_COMPONENT_POINTS;
    const uint64_t *old_counts = reference->counts + component * OTC_COMPONENT_CELLS;
    const double *old_sums = reference->sums + component * OTC_COMPONENT_CELLS;
    double below = 0, distance = 0; /* F - G at the cell's lower end */

    if (vectors == 0 || reference->vectors == 0) {
        return NAN;
    }
    for (size_t i = 0; i < OTC_COMPONENT_CELLS; i++) {
        double width = i > 0 && i < OTC_COMPONENT_POINTS ? points[i] - points[i - 1] : 0;
        double was = way((double)old_counts[i], old_sums[i], (double)reference->vectors, width);
        double is = way((double)counts[i], sums[i], (double)vectors, width);

        distance += fabs(width * below + was - is);
        below += (double)old_counts[i] / (double)reference->vectors - (double)counts[i] / (double)vectors;
    }
    return distance / fmax(reference->deviations[component], DEVIATION_MIN);
}

double
otc_components_moved(const struct otc_components *reference, const uint64_t *counts, const double *sums,
                     uint64_t vectors)
{
    size_t moved = 0;

    if (reference->n == 0 || vectors == 0 || reference->vectors == 0) {
        return NAN;
    }
    for (size_t i = 0; i < reference->n; i++) {
        moved += otc_component_distance(reference, i, counts + i * OTC_COMPONENT_CELLS,
                                        sums + i * OTC_COMPONENT_CELLS, vectors) >= OTC_COMPONENT_MOVED;
    }
    return (double)moved / (double)reference->n;
}

void
otc_component_points(const double *sorted, size_t n, double *points)
{
    for (size_t k = 1; k <= OTC_COMPONENT_POINTS; k++) {
        size_t rank = (k * n + OTC_COMPONENT_CELLS - 1) / OTC_COMPONENT_CELLS;

        points[k - 1] = sorted[rank > 0 ? rank - 1 : 0];
    }
}
