// SPDX-License-Identifier: Apache-2.0
/**
 * @file The one primitive of numeric drift: ranks in a fixed reference, as integers.
 *
 * A reference is its sorted distinct points; an observation is counted where it equals a point (`eq`) or
 * between two
 * (`gap`). KS, every binned statistic and Mann-Whitney U follow exactly from these integers; they add across
 * panes, shards and restarts.
 */
#ifndef OTC_STATS_CELLS_H
#define OTC_STATS_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A reference. gap[i] counts what lies strictly between points[i-1] and points[i]; gap[0] below the first,
 * gap[n] above the last. An exact reference has no gap counts; a capped one (quantile points) has. Points
 * with eq == 0 are allowed (bin edges). Immutable, borrowed from its owner.
 */
struct otc_cells {
    const double *points; /* ascending, distinct, finite, n of them */
    const uint64_t *eq;   /* n */
    const uint64_t *gap;  /* n + 1 */
    size_t n;
    uint64_t total;
    /** Speeds otc_cells_find; NULL: plain search. Made of the same points. */
    const struct otc_cells_index *index;
    /** Two sums: of what the values below the first point differ from it by (negative), and of what those
     * above the last exceed it by. NULL: unknown, they lie anywhere. */
    const double *outer_sums;
};

/** What the sums of a gap are reckoned from: its lower point, below the first point that one. Sums of the
 * values themselves would lose what tells close values far from zero apart. Of n >= 1 points. */
static inline double
otc_cells_gap_origin(const double *points, size_t gap)
{
    return points[gap - (gap > 0)];
}

/** Most points that an index is made of. */
#define OTC_CELLS_INDEX_MAX ((size_t)1 << 29)
/**
 * Where to begin a search: a table over equal parts of the points' range, or of their exponents and leading
 * digits, whichever tells them apart better. Opaque, immutable; 8 bytes a point. NULL out of memory, for n
 * == 0 and above OTC_CELLS_INDEX_MAX.
 */
struct otc_cells_index;
struct otc_cells_index *otc_cells_index_new(const double *points, size_t n);
/** NULL is allowed. */
void otc_cells_index_free(struct otc_cells_index *index);

/** Counts of current observations in the cells of a reference. */
struct otc_cell_counts {
    uint64_t *eq;  /* n */
    uint64_t *gap; /* n + 1 */
    /** n + 1, sum of what the values in each gap exceed otc_cells_gap_origin by; NULL when Wasserstein is not
     * wanted. */
    double *gap_sum;
    uint64_t total;
};

/**
 * Cell of a finite value: 2 * i + 1 when it equals points[i], 2 * i when it lies in gap i. -0.0 equals 0.0.
 * O(log n), no allocation.
 */
size_t otc_cells_find(const struct otc_cells *cells, double value);
/** The cells of n finite values; takes half the time of as many calls. Of references of less than 2^31
 * points. */
void otc_cells_find_all(const struct otc_cells *cells, const double *values, size_t n, uint32_t *found);

/** Kolmogorov-Smirnov distance with its place. */
struct otc_ks {
    double d;
    /** 0 for an exact reference; else D lies in [d, d + error]. */
    double error;
    /** The point where the distance is attained. */
    double at;
    /** One-sided distances: sup(F_ref - F_cur) and sup(F_cur - F_ref), both >= 0; d is the larger. */
    double d_greater;
    double d_less;
};
/** sup |F_ref - F_cur| over cell boundaries, equal to scipy.stats.ks_2samp().statistic; NaN when a side is
 * empty. */
struct otc_ks otc_cells_ks(const struct otc_cells *ref, const struct otc_cell_counts *cur);

/**
 * Wasserstein-1 as scipy.stats.wasserstein_distance, from the cells; needs gap_sum. `*error` bounds what is
 * lost where the two CDFs cross inside a gap; infinite when the reference has values outside its points and
 * does not know how far: they are taken to reach as far as the current ones there. NaN, both, when a side is
 * empty or the sums overflow.
 */
double otc_cells_wasserstein(const struct otc_cells *ref, const struct otc_cell_counts *cur, double *error);

/**
 * Cramer-von-Mises' T as scipy.stats.cramervonmises_2samp().statistic (mid-ranks); exact for an exact
 * reference unless current values tie inside a gap. NaN when a side is empty.
 */
double otc_cells_cramer_von_mises(const struct otc_cells *ref, const struct otc_cell_counts *cur);

/**
 * Counts per bin for ascending `edges` (each of which must be a point): bin 0 = (-inf, e_0), bin i =
 * [e_{i-1}, e_i), the last is [e_last, inf). `out` holds n_edges + 1.
 */
void otc_cells_bin(const struct otc_cells *cells, const uint64_t *eq, const uint64_t *gap,
                   const double *edges, size_t n_edges, uint64_t *out);

#endif
