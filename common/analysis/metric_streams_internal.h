// SPDX-License-Identifier: Apache-2.0
/** @file Streams of metrics, shared between what counts them and what keeps them across a restart. */
#ifndef OTC_ANALYSIS_METRIC_STREAMS_INTERNAL_H
#define OTC_ANALYSIS_METRIC_STREAMS_INTERNAL_H

#include "common/analysis/metric_streams.h"

#include "common/base/map.h"

struct otc__stream {
    struct otc__stream *older, *newer; /* by last point */
    struct otc_hash128 key;
    int64_t seen_ns; /* monotonic */
    uint64_t start, time;
    size_t charged;
    bool begun;
    bool is_integer;               /* `value` is */
    union otc_stream_number value; /* numbers */
    struct otc_buckets buckets;    /* histograms */
    double part[2];                /* pairs */
    uint64_t part_time[2];
};

struct otc_metric_streams {
    struct otc_metric_streams_limits limits;
    struct otc_map *map;
    struct otc__stream *oldest, *newest;
    uint64_t seed;
    struct otc_buckets read;        /* of the point at hand, as it came */
    struct otc_buckets now, before; /* of one use of it */
    /* The resource hashed last in this part. */
    size_t resource_index;
    const uint8_t *resource;
    struct otc_hash128 resource_hash;
};

/** What a stream takes of memory beside its buckets: the entry in the map too. */
#define OTC__STREAM_BYTES (sizeof(struct otc__stream) + 96)

/** A stream, the newest of all; NULL without memory. The limit of streams is the caller's. */
struct otc__stream *otc__stream_new(struct otc_metric_streams *streams, struct otc_hash128 key);
/** Takes memory that is given back with the stream. */
bool otc__stream_charge(struct otc_metric_streams *streams, struct otc__stream *stream, size_t bytes);
/** What its buckets took more than before. Without memory it has none any more. */
bool otc__stream_charge_buckets(struct otc_metric_streams *streams, struct otc__stream *stream);

/** The buckets of such a point are looked at. */
static inline bool
otc__stream_point_has_buckets(const struct otc_stream_point *point)
{
    return (point->type == OTC_METRIC_HISTOGRAM || point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM) &&
           !(point->flags & OTC_POINT_NO_RECORDED_VALUE) &&
           (point->temporality == OTC_TEMPORALITY_CUMULATIVE || point->temporality == OTC_TEMPORALITY_DELTA);
}

#endif
