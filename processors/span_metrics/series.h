// SPDX-License-Identifier: Apache-2.0
/**
 * @file A series of span_metrics in one piece of memory: its counts, which spans change, lie together at the
 * front; what it is found by lies behind. Owned by its table; under the stage's lock.
 *
 *     struct | counts of explicit buckets, or struct otc_exp_histogram | exemplars | key | types
 */
#ifndef OTC_SPAN_METRICS_SERIES_H
#define OTC_SPAN_METRICS_SERIES_H

#include "common/base/slice.h"
#include "common/stats/exponential_histogram.h"

/** What the series of one table have room for. */
struct span_metrics_layout {
    uint32_t n_counts;    /* explicit buckets; 0: none */
    uint32_t max_buckets; /* of an exponential histogram; 0: none */
    uint32_t n_exemplars;
};

/** What a series is: the key that tells it apart, and the types of those values in it that are no strings
 * (dimensions.c writes both). In one piece, the types behind the key. */
struct span_metrics_identity {
    const uint8_t *bytes;
    uint32_t key_len;
    uint32_t types_len;
    uint32_t hash; /* of the key */
};

struct span_metrics_exemplar {
    double value;
    uint8_t trace_id[16];
    uint8_t span_id[8];
};

struct span_metrics_series {
    uint64_t count;
    double sum;
    double carry;         /* of the weights: the part of a span below 1 */
    int64_t start_ns;     /* of its first span */
    int64_t last_seen_ns; /* monotonic */
    uint32_t hash;
    uint32_t key_len;
    uint32_t types_len;
    uint16_t n_exemplars;
    uint8_t width; /* of a count */
    bool told;     /* a cumulative count is told as 0 at first */
    uint64_t rest[];
};

/** Without a span yet. NULL out of memory. */
struct span_metrics_series *span_metrics_series_new(const struct span_metrics_layout *layout,
                                                    const struct span_metrics_identity *identity,
                                                    int64_t now_ns);
void span_metrics_series_free(const struct span_metrics_layout *layout, struct span_metrics_series *series);
/** What it may come to take, for the limit: as if each count were of the greatest width, and all buckets of
 * an exponential histogram in use. Does not change while it counts. */
size_t span_metrics_series_bytes(const struct span_metrics_layout *layout,
                                 const struct span_metrics_series *series);

/** Counts `weight` spans in bucket `at` of the explicit ones. The series moves when the count outgrows its
 * width. False out of memory, and nothing changed. */
bool span_metrics_series_count(const struct span_metrics_layout *layout, struct span_metrics_series **series,
                               size_t at, uint64_t weight);
/** Explicit counts as they are sent; `out` holds layout->n_counts. */
void span_metrics_series_counts(const struct span_metrics_layout *layout,
                                const struct span_metrics_series *series, uint64_t *out);
/** Of a layout with max_buckets. */
static inline struct otc_exp_histogram *
span_metrics_series_histogram(struct span_metrics_series *series)
{
    return (struct otc_exp_histogram *)(void *)series->rest;
}
/** Where the exemplars begin, and behind them the key, counted from the begin of a series whose counts have
 * this width. */
static inline size_t
span_metrics_series_exemplars_at(const struct span_metrics_layout *layout, uint8_t width)
{
    size_t counts = layout->max_buckets ? sizeof(struct otc_exp_histogram) : layout->n_counts * (size_t)width;

    if (layout->n_exemplars > 0) { /* aligned */
        counts = (counts + 7) / 8 * 8;
    }
    return sizeof(struct span_metrics_series) + counts;
}
static inline size_t
span_metrics_series_key_at(const struct span_metrics_layout *layout, uint8_t width)
{
    return span_metrics_series_exemplars_at(layout, width) +
           layout->n_exemplars * sizeof(struct span_metrics_exemplar);
}
/** Room for layout->n_exemplars, n_exemplars of them in use. */
static inline struct span_metrics_exemplar *
span_metrics_series_exemplars(const struct span_metrics_layout *layout, struct span_metrics_series *series)
{
    return (struct span_metrics_exemplar *)(void *)((uint8_t *)series +
                                                    span_metrics_series_exemplars_at(layout, series->width));
}
/** Borrowed from the series. */
static inline struct span_metrics_identity
span_metrics_series_identity(const struct span_metrics_layout *layout,
                             const struct span_metrics_series *series)
{
    return (struct span_metrics_identity){
        .bytes = (const uint8_t *)series + span_metrics_series_key_at(layout, series->width),
        .key_len = series->key_len,
        .types_len = series->types_len,
        .hash = series->hash,
    };
}

#endif
