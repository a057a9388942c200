// SPDX-License-Identifier: Apache-2.0
#include "common/stats/histogram.h"

#include <math.h>

/** What Doane's rule looks at. */
struct summary {
    double min;
    double max;
    double mean;
    double deviation; /* divided by n */
};

static struct summary
summary_of(const double *values, size_t n)
{
    long double sum = 0, squares = 0;
    struct summary out = {values[0], values[0], 0, 0};

    for (size_t i = 0; i < n; i++) {
        out.min = fmin(out.min, values[i]);
        out.max = fmax(out.max, values[i]);
        sum += values[i];
    }
    out.mean = (double)(sum / n);
    for (size_t i = 0; i < n; i++) {
        long double off = (long double)values[i] - sum / n;

        squares += off * off;
    }
    out.deviation = (double)sqrtl(squares / n);
    return out;
}

/** How wide Doane's bins are; 0 where numpy gives up. */
static double
doane_width(const double *values, size_t n, const struct summary *summary)
{
    long double cubes = 0;
    double size = (double)n;

    if (!(summary->deviation > 0)) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        double off = (values[i] - summary->mean) / summary->deviation;

        cubes += off * off * off;
    }

    double skew_deviation = sqrt(6 * (size - 2) / ((size + 1) * (size + 3)));

    return (summary->max - summary->min) /
           (1 + log2(size) + log2(1 + fabs((double)(cubes / n)) / skew_deviation));
}

static size_t
bins_of(double range, double width, size_t most)
{
    double bins = width > 0 ? ceil(range / width) : 1;

    return !(bins > 1) ? 1 : bins >= (double)most ? most : (size_t)bins;
}

size_t
otc_bins_sturges(double range, size_t n, bool integers, size_t most)
{
    double width = n > 0 ? range / (log2((double)n) + 1) : 0;

    if (isinf(width)) {
        return bins_of(log2((double)n) + 1, 1, most);
    }
    return bins_of(range, integers && width > 0 && width < 1 ? 1 : width, most);
}

size_t
otc_bins_doane(const double *values, size_t n, size_t most)
{
    if (n <= 2) {
        return 1;
    }

    struct summary summary = summary_of(values, n);

    return bins_of(summary.max - summary.min, doane_width(values, n, &summary), most);
}

void
otc_histogram_edges(double first, double last, size_t bins, double *out)
{
    if (first == last) {
        first -= 0.5;
        last += 0.5;
    }

    double step = (last - first) / (double)bins;

    for (size_t i = 0; i < bins; i++) {
        double part = (double)i / (double)bins;

        out[i] = isinf(step) ? first * (1 - part) + last * part : (double)i * step + first;
    }
    out[bins] = last;
}

/** How many values lie below `edge`, or at it too. */
static size_t
rank_of(const double *sorted, size_t n, double edge, bool inclusive)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] < edge || (inclusive && sorted[middle] == edge)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t
otc_histogram_counts(const double *sorted, size_t n, const double *edges, size_t n_edges, uint64_t *out)
{
    if (n_edges < 2) {
        return 0;
    }

    size_t first = rank_of(sorted, n, edges[0], false), below = first;

    for (size_t i = 1; i < n_edges; i++) {
        size_t rank = rank_of(sorted, n, edges[i], i + 1 == n_edges);

        out[i - 1] = rank - below;
        below = rank;
    }
    return below - first;
}
