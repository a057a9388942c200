// SPDX-License-Identifier: Apache-2.0
/**
 * @file Bin edges, and distances between two binned distributions: population stability index,
 * Jensen-Shannon, Hellinger, Bhattacharyya, Kullback-Leibler, total variation, L-infinity. Pure functions,
 * any thread, no allocation.
 *
 * `ref` and `cur` are counts per bin, `bins` of them. Every distance is NaN when a side is empty or bins is
 * 0.
 */
#ifndef OTC_STATS_BINS_H
#define OTC_STATS_BINS_H

#include "common/stats/cells.h"

/** numpy.quantile(sorted, q), method linear, bit for bit; `sorted` ascending, n >= 1, 0 <= q <= 1. */
double otc_quantile_linear(const double *sorted, size_t n, double q);
/** Nearest rank: the smallest value whose CDF reaches q (numpy's inverted_cdf). */
double otc_quantile_nearest(const double *sorted, size_t n, double q);

/**
 * Interior edges quantile(k / bins), k = 1 ... bins - 1; duplicates and edges equal to the minimum are left
 * out. `out` holds bins - 1; returns how many were written. Bin i = [e_i, e_{i+1}), the ends open.
 */
size_t otc_edges_quantile(const double *sorted, size_t n, size_t bins, double *out);
/** Interior edges of `bins` equal parts of [min, max] (numpy.linspace); none when min == max. */
size_t otc_edges_equal_width(double min, double max, size_t bins, double *out);
/** The bin of a value: the number of edges <= value. */
size_t otc_bin_of(const double *edges, size_t n_edges, double value);
/** The bucket of a value by upper bounds that belong to them, as in OpenTelemetry and Prometheus: the number
 * of bounds < value. */
static inline size_t
otc_bucket_of(const double *bounds, size_t n, double value)
{
    const double *at = bounds;

    /* Halves without a jump: which half it is cannot be foretold. */
    while (n > 1) {
        at = at[n / 2 - 1] < value ? at + n / 2 : at;
        n -= n / 2;
    }
    return (size_t)(at - bounds) + (n == 1 && *at < value);
}

/** What becomes of shares of empty bins in PSI and KL; `value` in the functions below is the rule's constant.
 */
enum otc_empty_bins {
    OTC_EMPTY_LAPLACE,           /* (count + value) / (total + value * bins); the default with value 0.5 */
    OTC_EMPTY_CLIP,              /* max(share, value) */
    OTC_EMPTY_CLIP_RENORMALIZED, /* the same, divided by its sum */
    OTC_EMPTY_EPSILON,           /* share + value */
    OTC_EMPTY_FILL,              /* value where the count is 0, else the share */
};

/** Sum of (q - p) ln(q / p); natural logarithm. */
double otc_psi(const uint64_t *ref, const uint64_t *cur, size_t bins, enum otc_empty_bins rule, double value);
/**
 * chi2.sf(psi / (1/n + 1/m), bins - 1), PSI's distribution when nothing drifted (Yurdakul 2018). n and m may
 * be effective sizes. NaN (no p-value) when m < 5 * bins or bins < 2.
 */
double otc_psi_p_value(double psi, double n, double m, size_t bins);
/** max(0, psi - (bins - 1)(1/n + 1/m)): what remains of PSI beyond its expectation without drift. */
double otc_psi_excess(double psi, double n, double m, size_t bins);

/** Jensen-Shannon distance (the root of the divergence) as scipy.spatial.distance.jensenshannon; base 0:
 * natural. */
double otc_jensen_shannon(const uint64_t *ref, const uint64_t *cur, size_t bins, double base);
/** sqrt(sum (sqrt p - sqrt q)^2 / 2). */
double otc_hellinger(const uint64_t *ref, const uint64_t *cur, size_t bins);
/** -ln sum sqrt((p + epsilon)(q + epsilon)); infinite for distributions apart when epsilon is 0. */
double otc_bhattacharyya(const uint64_t *ref, const uint64_t *cur, size_t bins, double epsilon);
/** sum p ln(p / q), p the reference; infinite where the rule leaves q = 0 < p. */
double otc_kullback_leibler(const uint64_t *ref, const uint64_t *cur, size_t bins, enum otc_empty_bins rule,
                            double value);
/** sum |p - q| / 2. */
double otc_total_variation(const uint64_t *ref, const uint64_t *cur, size_t bins);
/** max |p - q|. */
double otc_l_infinity(const uint64_t *ref, const uint64_t *cur, size_t bins);

#endif
