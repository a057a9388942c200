// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference_counts.h"

#include "common/stats/bins.h"
#include "common/stats/cells_binned.h"

#include <math.h>

/* Points with counts, up to one more than `max`; SIZE_MAX when a count lies between points. */
static size_t
values_at_points(const struct otc_cells *cells, size_t max)
{
    size_t values = 0;

    for (size_t i = 0; i <= cells->n; i++) {
        if (cells->gap[i] > 0) {
            return SIZE_MAX;
        }
    }
    for (size_t i = 0; i < cells->n && values <= max; i++) {
        values += cells->eq[i] > 0;
    }
    return values;
}

static size_t
value_edges(const struct otc_cells *cells, double *edges)
{
    size_t n = 0;

    for (size_t i = 0; i < cells->n; i++) {
        if (cells->eq[i] > 0) {
            edges[n++] = cells->points[i];
        }
    }
    return n;
}

/* Walks the values in order, with what is between two points at the upper one. */
struct walk {
    const struct otc_cells *cells;
    size_t point;
    uint64_t up_to; /* values at or below `point` */
};

/* The value of this place, counted from 0 and never falling; infinite above the last point. */
static double
value_at(struct walk *walk, uint64_t place)
{
    const struct otc_cells *cells = walk->cells;

    while (walk->point < cells->n && walk->up_to <= place) {
        walk->point++;
        walk->up_to += walk->point < cells->n ? cells->gap[walk->point] + cells->eq[walk->point] : 0;
    }
    return walk->point < cells->n ? cells->points[walk->point] : INFINITY;
}

static size_t
quantile_edges(const struct otc_cells *cells, size_t bins, double *edges)
{
    struct walk walk = {cells, 0, cells->n ? cells->gap[0] + cells->eq[0] : 0};
    double min = value_at(&walk, 0);
    size_t n = 0;

    for (size_t k = 1; k < bins; k++) {
        double place = (double)(cells->total - 1) * ((double)k / (double)bins), share = place - floor(place);
        double low = value_at(&walk, (uint64_t)place);
        struct walk ahead = walk;
        double high = share > 0 ? value_at(&ahead, (uint64_t)place + 1) : low;
        /* From the nearer end, as otc_quantile_linear does. */
        double edge = share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share);
        size_t point = isfinite(high) ? otc_bucket_of(cells->points, cells->n, edge) : cells->n;

        if (point < cells->n && cells->points[point] > (n ? edges[n - 1] : min)) {
            edges[n++] = cells->points[point];
        }
    }
    return n;
}

/* Where the values of a gap are taken to lie. */
static double
gap_value(const struct otc_cells *cells, size_t gap)
{
    double excess;

    if (gap > 0 && gap < cells->n) {
        return cells->points[gap - 1] / 2 + cells->points[gap] / 2;
    }
    excess = cells->outer_sums[gap > 0] / (double)cells->gap[gap];
    /* Between values near both ends of the doubles no difference is finite. */
    return otc_cells_gap_origin(cells->points, gap) + (isfinite(excess) ? excess : 0);
}

static void
summarize(const struct otc_cells *cells, struct otc_reference_feature *out)
{
    long double sum = 0, squares = 0, n = (long double)cells->total, first = cells->points[0];

    out->min = NAN;
    for (size_t c = 0; c < 2 * cells->n + 1; c++) {
        uint64_t count = c % 2 ? cells->eq[c / 2] : cells->gap[c / 2];
        long double value;

        if (count == 0) {
            continue;
        }
        value = c % 2 ? cells->points[c / 2] : gap_value(cells, c / 2);
        sum += (long double)count * (value - first);
        out->min = isnan(out->min) ? (double)value : out->min;
        out->max = (double)value;
    }
    out->mean_excess = (double)(sum / n);
    out->mean = (double)(first + sum / n);
    for (size_t c = 0; c < 2 * cells->n + 1; c++) {
        uint64_t count = c % 2 ? cells->eq[c / 2] : cells->gap[c / 2];

        if (count > 0) {
            long double value = c % 2 ? cells->points[c / 2] : gap_value(cells, c / 2);

            squares += (long double)count * (value - first - sum / n) * (value - first - sum / n);
        }
    }
    out->standard_deviation = (double)sqrtl(squares / n);
}

static void
fill_numeric(const struct otc_reference_feature *grid, const struct otc_reference_counts *counts, size_t bins,
             double *edges, struct otc_reference_feature *out)
{
    struct otc_cells *cells = &out->cells;

    *cells = (struct otc_cells){.points = grid->cells.points,
                                .eq = counts->eq,
                                .gap = counts->gap,
                                .n = grid->cells.n,
                                .outer_sums = counts->outer_sums};
    for (size_t i = 0; i < cells->n; i++) {
        cells->total += cells->eq[i] + cells->gap[i];
    }
    cells->total += cells->gap[cells->n];
    out->observations = out->values = cells->total;
    out->edges = edges;
    /* A grid of which no value was a number has no points to tell by. */
    if (cells->total == 0 || cells->n == 0) {
        return;
    }
    if (grid->binned != OTC_NOT_BINNED) {
        out->n_edges = otc_edges_binned(cells, bins, edges);
        otc_cells_binned_range(cells, &out->min, &out->max);
        otc_cells_binned_moments(cells, &out->mean, &out->standard_deviation);
        return;
    }
    out->value_bins = values_at_points(cells, OTC_REFERENCE_VALUE_BINS) <= OTC_REFERENCE_VALUE_BINS;
    out->n_edges = out->value_bins ? value_edges(cells, edges) : quantile_edges(cells, bins, edges);
    summarize(cells, out);
}

void
otc_reference_of_counts(const struct otc_reference_feature *grid, const struct otc_reference_counts *counts,
                        size_t bins, double *edges, struct otc_reference_feature *out)
{
    *out = (struct otc_reference_feature){.name = grid->name,
                                          .type = grid->type,
                                          .kind = grid->kind,
                                          .binned = grid->binned,
                                          .scale = grid->scale,
                                          .missing = counts->missing,
                                          .invalid = counts->invalid,
                                          .design_effect = 1};
    if (grid->type == OTC_NUMERIC) {
        fill_numeric(grid, counts, bins, edges, out);
        return;
    }
    out->categories = counts->categories;
    out->n_categories = counts->n_categories;
    out->other = out->observations = counts->other;
    for (size_t i = 0; i < counts->n_categories; i++) {
        out->observations += counts->categories[i].count;
    }
    out->values = out->observations;
}
