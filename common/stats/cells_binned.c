// SPDX-License-Identifier: Apache-2.0
#include "common/stats/cells_binned.h"

#include <math.h>

/* The ends of gap i as far as they are known: the last has no width. */
static void
gap_ends(const struct otc_cells *cells, size_t i, double *low, double *high)
{
    double first = cells->points[0];

    *low = i > 0 ? cells->points[i - 1] : first > 0 ? 0 : first;
    *high = i < cells->n ? cells->points[i] : *low;
}

/* The integral of |line from `start` to `end`| over a width. */
static double
line_area(double start, double end, double width)
{
    if ((start < 0 && end > 0) || (start > 0 && end < 0)) {
        return width * (start * start + end * end) / (2 * fabs(end - start));
    }
    return width * fabs(start + end) / 2;
}

double
otc_cells_binned_wasserstein(const struct otc_cells *ref, const struct otc_cell_counts *cur, double *error)
{
    double n = (double)ref->total, m = (double)cur->total;
    double area = 0, missed = 0, difference = 0;
    bool open = false;

    *error = NAN;
    if (ref->total == 0 || cur->total == 0 || ref->n == 0) {
        return NAN;
    }
    for (size_t i = 0; i <= ref->n; i++) {
        double low, high, climb = (double)ref->gap[i] / n, other = (double)cur->gap[i] / m;

        gap_ends(ref, i, &low, &high);
        area += line_area(difference, difference + climb - other, high - low);
        missed += (high - low) * (climb + other) / 2;
        open = open || (high == low && (ref->gap[i] > 0 || cur->gap[i] > 0));
        difference += climb - other;
        if (i < ref->n) {
            difference += (double)ref->eq[i] / n - (double)cur->eq[i] / m;
        }
    }
    *error = open ? INFINITY : missed;
    return area;
}

void
otc_cells_binned_moments(const struct otc_cells *cells, double *mean, double *standard_deviation)
{
    double total = (double)cells->total, sum = 0, squares = 0;
    double low, high;

    *mean = *standard_deviation = NAN;
    if (cells->total == 0 || cells->n == 0) {
        return;
    }
    for (size_t i = 0; i <= cells->n; i++) {
        gap_ends(cells, i, &low, &high);
        sum += (double)cells->gap[i] * (low + high) / 2;
        sum += i < cells->n ? (double)cells->eq[i] * cells->points[i] : 0;
    }
    *mean = sum / total;
    for (size_t i = 0; i <= cells->n; i++) {
        double centre, width;

        gap_ends(cells, i, &low, &high);
        centre = (low + high) / 2 - *mean;
        width = high - low;
        squares += (double)cells->gap[i] * (centre * centre + width * width / 12);
        if (i < cells->n) {
            squares += (double)cells->eq[i] * (cells->points[i] - *mean) * (cells->points[i] - *mean);
        }
    }
    *standard_deviation = sqrt(squares / total);
}

void
otc_cells_binned_range(const struct otc_cells *cells, double *min, double *max)
{
    double low, high;

    *min = *max = NAN;
    for (size_t i = 0; i <= cells->n; i++) {
        if (cells->gap[i] > 0) {
            gap_ends(cells, i, &low, &high);
            *min = isnan(*min) ? low : *min;
            *max = high;
        }
        if (i < cells->n && cells->eq[i] > 0) {
            *min = isnan(*min) ? cells->points[i] : *min;
            *max = cells->points[i];
        }
    }
}

/* The first point whose CDF comes nearest to `wanted` values; `*below` are those at or below it. */
static size_t
nearest_point(const struct otc_cells *cells, double wanted, uint64_t *below)
{
    double best = INFINITY;
    uint64_t sum = 0;
    size_t at = 0;

    for (size_t i = 0; i < cells->n; i++) {
        double distance;

        sum += cells->gap[i] + cells->eq[i];
        distance = fabs((double)sum - wanted);
        if (distance < best) {
            best = distance;
            *below = sum;
            at = i;
        }
    }
    return at;
}

size_t
otc_edges_binned(const struct otc_cells *cells, size_t bins, double *out)
{
    size_t n = 0;

    for (size_t k = 1; cells->n > 0 && k < bins; k++) {
        uint64_t below = 0;
        size_t at = nearest_point(cells, (double)k / (double)bins * (double)cells->total, &below);

        if (below > 0 && below < cells->total && (n == 0 || cells->points[at] > out[n - 1])) {
            out[n++] = cells->points[at];
        }
    }
    return n;
}
