// SPDX-License-Identifier: Apache-2.0
/**
 * @file Counts of values that arrive already binned: the buckets of explicit and exponential histograms, and
 * what two points of one stream differ by.
 */
#ifndef OTC_ANALYSIS_METRIC_BUCKETS_H
#define OTC_ANALYSIS_METRIC_BUCKETS_H

#include "common/base/codec.h"
#include "common/base/status.h"
#include "common/otlp/walk.h"

enum otc_buckets_kind { OTC_BUCKETS_EXPLICIT, OTC_BUCKETS_EXPONENTIAL };

/**
 * Explicit: counts[i] of (bounds[i - 1], bounds[i]], `n` counts and n - 1 bounds, ascending and finite.
 * Exponential: counts[i] of (base^(offset + i), base^(offset + i + 1)], base = 2^(2^-scale), and `zero` of
 * the zero bucket (|value| <= zero_threshold). A value equal to a bound lies below it in both.
 */
struct otc_buckets {
    enum otc_buckets_kind kind;
    double *bounds;
    uint64_t *counts;
    size_t n, capacity;
    int32_t scale, offset;
    uint64_t zero;
    double zero_threshold;
    /** All values; their sum where the histogram tells it. */
    uint64_t total;
    double sum;
    bool has_sum;
};

/** Most counts of one histogram. */
#define OTC_BUCKETS_MAX 4096

/** Frees the arrays and zeroes. Zero-initialised is empty. */
void otc_buckets_release(struct otc_buckets *buckets);
/** Bytes of its arrays. */
size_t otc_buckets_bytes(const struct otc_buckets *buckets);
/** False out of memory; allocates only to grow. */
bool otc_buckets_copy(struct otc_buckets *to, const struct otc_buckets *from);

/**
 * The buckets of a histogram point. OTC_INVALID_ARGUMENT for what no distribution can be read from: counts
 * that do not fit their bounds, bounds that do not ascend, negative exponential buckets, or more than
 * OTC_BUCKETS_MAX. OTC_RESOURCE_EXHAUSTED out of memory. Allocates only to grow.
 */
otc_status otc_buckets_read(const struct otc_point *point, struct otc_buckets *out);
/**
 * Multiplies the bounds; the sum stays. False for an exponential histogram (but by 1), or when bounds are not
 * finite or do not ascend any more; the buckets are spoilt then.
 */
bool otc_buckets_multiply_bounds(struct otc_buckets *buckets, double factor);

/** The bounds of explicit buckets as they lie in memory; borrowed. Empty for exponential ones. */
struct otc_slice otc_buckets_bounds(const struct otc_buckets *buckets);
/** As bytes, for a restart. `with_bounds` false: whoever reads them knows otc_buckets_bounds. */
void otc_buckets_save(const struct otc_buckets *buckets, bool with_bounds, struct otc_buf *out);
/**
 * Fills buckets with what was saved; `bounds` are those that were left out. False: not what can have been
 * saved, or no memory; the buckets are spoilt then. Allocates only to grow.
 */
OTC_CHECK bool otc_buckets_load(struct otc_buckets *out, struct otc_slice bounds, struct otc_reader *in);

/** Finite, and each above the one before. */
bool otc_bounds_ascend(const double *bounds, size_t n);
/** Same kind and, of explicit ones, the same bounds. */
bool otc_buckets_comparable(const struct otc_buckets *a, const struct otc_buckets *b);
/** Exponential: two neighbours become one, `by` times; counts stay exact. */
void otc_buckets_downscale(struct otc_buckets *buckets, uint32_t by);
/**
 * Takes `before` out of `now` (which may lose scale for it; `before` too). False, when a count would fall
 * below zero: the counter began anew. `now` is spoilt then.
 */
bool otc_buckets_subtract(struct otc_buckets *now, struct otc_buckets *before);

#endif
