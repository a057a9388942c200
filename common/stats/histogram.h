// SPDX-License-Identifier: Apache-2.0
/**
 * @file Histograms as numpy makes them: bins="sturges", "doane" or a number, over the range of the values.
 * Pure functions, any thread, no allocation. Values are finite; `sorted` is ascending.
 */
#ifndef OTC_STATS_HISTOGRAM_H
#define OTC_STATS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The number of equal bins of numpy.histogram_bin_edges(values, "sturges") for `n` values that lie `range`
 * apart (Sturges 1926), at least 1, at most `most` (numpy has a limit of its own from 2.3 on). `integers`: no
 * bin is narrower than 1, as in numpy 2.0 and later for values of an integer type.
 */
size_t otc_bins_sturges(double range, size_t n, bool integers, size_t most);
/** The same with "doane" (Doane 1976), for values of a floating type in any order. */
size_t otc_bins_doane(const double *values, size_t n, size_t most);
/**
 * All `bins` + 1 edges of numpy.linspace(first, last, bins + 1); first == last is widened by one half to both
 * sides, as numpy.histogram_bin_edges does. `out` holds bins + 1.
 */
void otc_histogram_edges(double first, double last, size_t bins, double *out);
/**
 * numpy.histogram(sorted, edges): bin i counts [edges[i], edges[i + 1]), the last bin its right edge too;
 * what lies outside is not counted. numpy's index arithmetic for equal bins ends at the same counts, since it
 * is corrected against the edges. `out` holds n_edges - 1. Returns how many were counted.
 */
uint64_t otc_histogram_counts(const double *sorted, size_t n, const double *edges, size_t n_edges,
                              uint64_t *out);

#endif
