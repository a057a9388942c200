// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference_points.h"

#include "common/analysis/evaluate.h"
#include "common/base/sort.h"
#include "common/stats/bins.h"
#include "common/stats/descriptive.h"
#include "common/stats/histogram.h"

#include <math.h>

/** Fewest samples of a time block: below, a block's mean says little. */
#define MIN_BLOCK 10

size_t
otc__time_blocks(struct otc__sample *samples, size_t n, size_t ends[OTC__TIME_BLOCKS])
{
    size_t wanted = n / MIN_BLOCK < OTC__TIME_BLOCKS ? n / MIN_BLOCK : OTC__TIME_BLOCKS;
    size_t blocks = 0;
    size_t start = 0;

    otc_sort_pairs(samples, n, OTC_SORT_SECOND_INT64);
    for (size_t b = 1; b <= wanted; b++) {
        size_t end = (size_t)((double)n * (double)b / (double)wanted);

        end = b == wanted ? n : end;
        while (end < n && end > 0 && samples[end].time_ns == samples[end - 1].time_ns) {
            end++;
        }
        if (end > start) {
            ends[blocks++] = end;
            start = end;
        }
    }
    return blocks;
}

/** Distinct values of an ascending array; written to `out` when it is not NULL. */
static size_t
distinct_values(const double *sorted, size_t n, double *out)
{
    size_t distinct = 0;

    for (size_t i = 0; i < n; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            if (out) {
                out[distinct] = sorted[i];
            }
            distinct++;
        }
    }
    return distinct;
}

/** Values equal to `value` in an ascending array. */
static size_t
count_equal(const double *sorted, size_t n, double value)
{
    size_t low = 0;
    size_t high = n;
    size_t count = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low + count < n && sorted[low + count] == value) {
        count++;
    }
    return count;
}

const char *const otc_binning_names[] = {"quantile", "equal_width", "sturges", NULL};

/** Bins asked for, or as many as Sturges' rule says. */
static size_t
bins_wanted(const double *sorted, size_t n, const struct otc_reference_limits *limits)
{
    size_t bins = limits->bins;

    if (limits->binning == OTC_BINNING_STURGES) {
        bins = otc_bins_sturges(sorted[n - 1] - sorted[0], n, false, OTC_REFERENCE_MAX_BINS);
    }
    return bins < OTC_REFERENCE_MAX_BINS ? bins : OTC_REFERENCE_MAX_BINS;
}

/** The edges of the default bins (design: deciles, or a bin for each of at most 20 values). */
static bool
make_edges(const double *sorted, size_t n, const struct otc_reference_limits *limits, struct otc_arena *arena,
           struct otc_reference_feature *out)
{
    double values[OTC_REFERENCE_VALUE_BINS] = {0};
    size_t distinct = distinct_values(sorted, n, NULL);
    size_t bins = bins_wanted(sorted, n, limits);

    out->value_bins = distinct <= OTC_REFERENCE_VALUE_BINS;
    out->edges = otc_arena_alloc(arena, (OTC_REFERENCE_VALUE_BINS + bins + 1) * sizeof(double));
    if (!out->edges) {
        return false;
    }
    if (!out->value_bins) {
        out->n_edges = bins <= 1 ? 0
                       : limits->binning == OTC_BINNING_QUANTILE
                           ? otc_edges_quantile(sorted, n, bins, out->edges)
                           : otc_edges_equal_width(sorted[0], sorted[n - 1], bins, out->edges);
        return true;
    }
    (void)distinct_values(sorted, n, values);
    for (size_t i = 0; i < distinct; i++) {
        if (count_equal(sorted, n, values[i]) >= limits->min_count) {
            out->edges[out->n_edges++] = values[i];
        }
    }
    return true;
}

/** Values that occur at least min_count times; written to `out` when it is not NULL. */
static size_t
frequent_values(const double *sorted, size_t n, uint64_t min_count, double *out)
{
    size_t frequent = 0;

    for (size_t i = 0; i < n;) {
        size_t count = 1;

        while (i + count < n && sorted[i + count] == sorted[i]) {
            count++;
        }
        if (count >= min_count) {
            if (out) {
                out[frequent] = sorted[i];
            }
            frequent++;
        }
        i += count;
    }
    return frequent;
}

/** Points that tell no value rarer than min_count: interpolated quantiles, and the frequent values if there
 * is room. */
static size_t
private_points(const double *sorted, size_t n, const struct otc_reference_limits *limits, double *out)
{
    size_t cells = n / limits->min_count;
    size_t points = 0;

    cells = cells < limits->quantile_points ? cells : limits->quantile_points;
    for (size_t k = 1; k < cells; k++) {
        out[points++] = otc_quantile_linear(sorted, n, (double)k / (double)cells);
    }
    if (limits->exact_points == 0 ||
        points + frequent_values(sorted, n, limits->min_count, NULL) <= limits->exact_points) {
        points += frequent_values(sorted, n, limits->min_count, out + points);
    }
    return points;
}

/** The points outside of the range; returns how many. */
static size_t
outer_points(const double *sorted, size_t n, size_t each_side, double *out)
{
    double min = sorted[0], max = sorted[n - 1];
    double step = max > min ? (max - min) / 16 : fmax(fabs(max), 1) / 16;
    size_t points = 0;

    for (size_t i = 0; i < each_side; i++) {
        if (isfinite(min - step) && isfinite(max + step)) {
            out[points++] = min - step;
            out[points++] = max + step;
        }
        step *= 2;
    }
    return points;
}

/** The points of the cells before the edges join them, in any order; `out` has room for 2 n +
 * quantile_points. */
static size_t
choose_points(const double *sorted, size_t n, const struct otc_reference_limits *limits, double *out)
{
    size_t distinct = distinct_values(sorted, n, NULL);
    size_t quantiles = limits->quantile_points < 2 ? 2 : limits->quantile_points;

    if (limits->min_count > 1) {
        return private_points(sorted, n, limits, out);
    }
    if (limits->exact_points == 0 || distinct <= limits->exact_points) {
        return distinct_values(sorted, n, out);
    }
    for (size_t k = 0; k < quantiles; k++) {
        out[k] = otc_quantile_nearest(sorted, n, (double)k / (double)(quantiles - 1));
    }
    return quantiles;
}

/**
 * Counts the values at and between the points. A point rarer than min_count keeps its place and gives its
 * count to the gap above, so that bins [edge, next) stay exact.
 */
static void
count_cells(const double *sorted, size_t n, uint64_t min_count, const struct otc_cells *cells, uint64_t *eq,
            uint64_t *gap)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        while (at < cells->n && cells->points[at] < sorted[i]) {
            at++;
        }
        if (at < cells->n && cells->points[at] == sorted[i]) {
            eq[at]++;
        } else {
            gap[at]++;
        }
    }
    for (size_t i = 0; i < cells->n; i++) {
        if (eq[i] < min_count) {
            gap[i + 1] += eq[i];
            eq[i] = 0;
        }
    }
}

static bool
make_cells(const double *sorted, size_t n, const struct otc_reference_limits *limits, struct otc_arena *arena,
           struct otc_reference_feature *out)
{
    size_t quantiles = limits->quantile_points < 2 ? 2 : limits->quantile_points;
    double *points =
        malloc((2 * n + quantiles + 2 * limits->outer_points + out->n_edges + 1) * sizeof(*points));
    double *kept;
    uint64_t *eq, *gap;
    size_t count;

    if (!points) {
        return false;
    }
    count = choose_points(sorted, n, limits, points);
    count += outer_points(sorted, n, limits->outer_points, points + count);
    memcpy(points + count, out->edges, out->n_edges * sizeof(*points));
    otc_sort_doubles(points, count + out->n_edges);
    count = distinct_values(points, count + out->n_edges, points);
    kept = otc_arena_alloc(arena, (count + 1) * sizeof(*kept));
    eq = otc_arena_alloc(arena, (count + 1) * sizeof(*eq));
    gap = otc_arena_alloc(arena, (count + 1) * sizeof(*gap));
    if (kept && eq && gap) {
        memcpy(kept, points, count * sizeof(*kept));
        out->cells = (struct otc_cells){.points = kept, .eq = eq, .gap = gap, .n = count, .total = n};
        count_cells(sorted, n, limits->min_count, &out->cells, eq, gap);
    }
    free(points);
    return kept && eq && gap;
}

void
otc__find_mean_excess(struct otc_reference_feature *feature)
{
    const struct otc_cells *cells = &feature->cells;
    long double sum = 0;
    uint64_t at_points = 0;

    for (size_t i = 0; i < cells->n; i++) {
        sum += (long double)cells->eq[i] * ((long double)cells->points[i] - cells->points[0]);
        at_points += cells->eq[i];
    }
    if (cells->n > 0 && cells->total > 0) {
        feature->mean_excess =
            at_points == cells->total ? (double)(sum / cells->total) : feature->mean - cells->points[0];
    }
}

/** Mean and standard deviation (ddof 0) in two passes, from the least value, in more bits than the values
 * have. */
static void
summarize(const double *sorted, size_t n, uint64_t min_count, struct otc_reference_feature *out)
{
    long double least = sorted[0], mean = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        mean += sorted[i] - least;
    }
    mean /= n;
    for (size_t i = 0; i < n; i++) {
        squares += (sorted[i] - least - mean) * (sorted[i] - least - mean);
    }
    out->observations = n;
    out->mean = (double)(least + mean);
    out->standard_deviation = (double)sqrtl(squares / n);
    out->min = sorted[0];
    out->max = sorted[n - 1];
    if (min_count > 1 && out->cells.n > 0) {
        out->min = out->cells.points[0];
        out->max = out->cells.points[out->cells.n - 1];
    }
    otc__find_mean_excess(out);
}

/** Replaces each value (samples sorted by value) by its mid-rank in the column; returns the variance of the
 * ranks. */
static double
to_ranks(struct otc__sample *samples, size_t n)
{
    struct otc_moments moments = {0};

    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        double rank;

        while (end < n && samples[end].value == samples[i].value) {
            end++;
        }
        rank = ((double)i + (double)end) / 2 / (double)n;
        otc_moments_add_n(&moments, rank, end - i);
        for (; i < end; i++) {
            samples[i].value = rank;
        }
    }
    return n > 1 ? otc_moments_sample_variance(&moments) : 0;
}

/** The design effect from the time blocks of the samples, which are sorted by value and become ranks. */
static bool
measure_dependence(struct otc__sample *samples, size_t n, struct otc_arena *arena,
                   struct otc_reference_feature *out)
{
    double variance = to_ranks(samples, n);
    size_t ends[OTC__TIME_BLOCKS];
    double means[OTC__TIME_BLOCKS];
    uint64_t counts[OTC__TIME_BLOCKS];
    size_t blocks = otc__time_blocks(samples, n, ends);

    out->time_blocks = otc_arena_alloc(arena, (blocks + 1) * sizeof(*out->time_blocks));
    if (!out->time_blocks) {
        return false;
    }
    for (size_t b = 0, i = 0; b < blocks; b++) {
        struct otc_moments moments = {0};

        for (; i < ends[b]; i++) {
            otc_moments_add(&moments, samples[i].value);
        }
        means[b] = moments.mean;
        counts[b] = moments.n;
        out->time_blocks[b] = (struct otc_time_block){moments.n, moments.mean};
    }
    out->n_time_blocks = blocks;
    out->design_effect = otc_design_effect(means, counts, blocks, variance);
    return true;
}

bool
otc__points_finish(struct otc__sample *samples, size_t n, bool order_known,
                   const struct otc_reference_limits *limits, struct otc_arena *arena,
                   struct otc_reference_feature *out)
{
    size_t trimmed = (size_t)(limits->trim * (double)n);
    double *values = malloc((n + 1) * sizeof(*values));
    const double *sorted = values;
    bool done;

    if (!values) {
        return false;
    }
    out->design_effect = 1;
    if (n == 0) {
        static const uint64_t no_gap[1] = {0};

        out->cells.gap = no_gap;
        free(values);
        return true;
    }
    if (order_known) { /* the samples are needed in this order, too */
        otc_sort_pairs(samples, n, OTC_SORT_FIRST_DOUBLE);
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = samples[i].value;
    }
    otc_sort_doubles(values, n); /* what is in order costs one look */
    sorted += trimmed;
    samples += trimmed;
    n -= 2 * trimmed;
    done = make_edges(sorted, n, limits, arena, out) && make_cells(sorted, n, limits, arena, out);
    if (done) {
        summarize(sorted, n, limits->min_count, out);
        done = !order_known || measure_dependence(samples, n, arena, out);
    }
    free(values);
    return done;
}
