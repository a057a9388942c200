// SPDX-License-Identifier: Apache-2.0
/**
 * @file The base-2 exponential histogram of OpenTelemetry for values >= 0: bucket i of scale s holds
 * (base^i, base^(i+1)], base = 2^(2^-s); zero has a bucket of its own. The quantile sketch of the project.
 *
 * When values would need more buckets than allowed the scale falls: two neighbours become one, all counts
 * stay exact.
 */
#ifndef OTC_STATS_EXPONENTIAL_HISTOGRAM_H
#define OTC_STATS_EXPONENTIAL_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTC_EXP_SCALE_MIN (-10)
#define OTC_EXP_SCALE_MAX 20
/** Indexing up to this scale is exact by table; above, by logarithm in extended precision. */
#define OTC_EXP_SCALE_TABLE 8

/** Owned by one thread. Made by otc_exp_histogram_init, which allocates nothing. Read freely, change through
 * functions. */
struct otc_exp_histogram {
    int32_t scale;
    int32_t max_scale;
    uint32_t max_buckets;
    /** Index of counts[0]; n_buckets in use (the first and the last of them not empty). */
    int32_t offset;
    uint32_t n_buckets;
    uint32_t capacity;
    uint64_t *counts;
    uint64_t zero_count;
    uint64_t count;       /* all values, zero too */
    double sum, min, max; /* min and max are meaningless while count == 0 */
};

/** Empty. max_scale in [OTC_EXP_SCALE_MIN, OTC_EXP_SCALE_MAX] and max_buckets >= 2, clamped. */
void otc_exp_histogram_init(struct otc_exp_histogram *histogram, int32_t max_scale, uint32_t max_buckets);
/** Frees the buckets; empty and usable again. NULL is allowed. */
void otc_exp_histogram_release(struct otc_exp_histogram *histogram);
/** Forgets the values, keeps the memory, goes back to max_scale. */
void otc_exp_histogram_clear(struct otc_exp_histogram *histogram);

/** Index of a positive finite value; a subnormal's is that of the smallest normal number. */
int32_t otc_exp_index(double value, int32_t scale);
/** Lower (exclusive) boundary of bucket `index`: base^index; 0 or infinity beyond the doubles. */
double otc_exp_boundary(int32_t index, int32_t scale);

/** Counts a value. False, and nothing changed: negative, NaN, infinite, or out of memory. */
bool otc_exp_histogram_add(struct otc_exp_histogram *histogram, double value);
/** A value that occurred `times` times. */
bool otc_exp_histogram_add_n(struct otc_exp_histogram *histogram, double value, uint64_t times);
/** The capacity that counting the value will leave, in buckets. */
uint32_t otc_exp_histogram_capacity_with(const struct otc_exp_histogram *histogram, double value);
/** Adds `from`, which may have another scale. False out of memory: `into` is unchanged. */
bool otc_exp_histogram_merge(struct otc_exp_histogram *into, const struct otc_exp_histogram *from);
/** Lowers the scale by `by` steps (clamped at OTC_EXP_SCALE_MIN). */
void otc_exp_histogram_downscale(struct otc_exp_histogram *histogram, uint32_t by);
/** An independent copy brought down to `max_buckets`. `out` must not be initialised. False out of memory. */
bool otc_exp_histogram_copy(const struct otc_exp_histogram *histogram, uint32_t max_buckets,
                            struct otc_exp_histogram *out);

/**
 * The nearest-rank quantile (value of rank ceil(q n), numpy's inverted_cdf) estimated within the relative
 * error below: the harmonic middle of its bucket, kept inside [min, max]. q is clamped to [0, 1]; NaN when
 * empty.
 */
double otc_exp_histogram_quantile(const struct otc_exp_histogram *histogram, double q);
/** The bound (base - 1) / (base + 1) of the present scale: 0.0108 at scale 5, 0.0054 at 6, 0.0027 at 7. */
double otc_exp_histogram_relative_error(const struct otc_exp_histogram *histogram);

/**
 * Counts per explicit bucket: out[i] of (bounds[i-1], bounds[i]], out[n] above the last; out holds n + 1. A
 * bucket that straddles a bound goes whole to the side of its harmonic middle (the same relative error).
 */
void otc_exp_histogram_explicit(const struct otc_exp_histogram *histogram, const double *bounds, size_t n,
                                uint64_t *out);

#endif
