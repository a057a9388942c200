// SPDX-License-Identifier: Apache-2.0
/**
 * @file What came new with each point of a metric stream: cumulative counters and histograms as differences
 * to the point before, delta ones as they are. A stream is a resource, a scope, a metric and its attributes;
 * so those of several replicas are told apart and their differences add up.
 *
 * A cumulative stream begins anew when a count falls, or when its start time moved past the last point: what
 * it tells then is new as a whole. The first point of a stream is where it is counted from, unless it began
 * after this process did. Points that are not later than the last one are ignored: the next difference holds
 * them.
 */
#ifndef OTC_ANALYSIS_METRIC_STREAMS_H
#define OTC_ANALYSIS_METRIC_STREAMS_H

#include "common/analysis/metric_buckets.h"
#include "common/base/hash.h"

struct otc_metric_streams_limits {
    /** Streams; the one unseen for longest gives way when that is at least OTC_STREAM_STALE_NS. */
    size_t streams;
    /** A stream unseen for this long (monotonic) is forgotten. */
    int64_t expiration_ns;
    /** Wall clock at the start of this process: streams that began later are counted from their beginning. */
    int64_t start_ns;
    /** Memory of the streams; any may be NULL: unlimited. */
    bool (*take)(void *arg, size_t bytes);
    void (*give)(void *arg, size_t bytes);
    void *arg;
};
#define OTC_STREAM_STALE_NS (INT64_C(300) * 1000000000)

/** Locked by its owner. Opaque. */
struct otc_metric_streams;
/** NULL out of memory. */
struct otc_metric_streams *otc_metric_streams_new(const struct otc_metric_streams_limits *limits);
/** NULL is allowed. */
void otc_metric_streams_free(struct otc_metric_streams *streams);

/** To be called before each part is walked. */
void otc_metric_streams_begin(struct otc_metric_streams *streams);
/**
 * The identity of a point but for its metric: resource, scope and attributes, in any order. Cheap for runs of
 * points of one resource.
 */
struct otc_hash128 otc_metric_streams_identity(struct otc_metric_streams *streams,
                                               const struct otc_point *point);
/** The key of one use of a point: `use` is the caller's number (feature, part, name). */
struct otc_hash128 otc_metric_stream_key(struct otc_hash128 identity, uint64_t use);

/** A number as it came: integers beyond 2^53 are none as doubles. Whoever has it knows which it is. */
union otc_stream_number {
    double real;
    int64_t integer;
};

/** What of a data point tells what came new. */
struct otc_stream_point {
    enum otc_metric_type type;
    enum otc_temporality temporality;
    bool monotonic;
    /** What `number` is. */
    bool is_integer;
    uint32_t flags;
    uint64_t start, time;
    /** Gauges and sums; NaN: none. */
    union otc_stream_number number;
    /** Histograms: of otc_buckets_read, and what it read; borrowed. */
    otc_status readable;
    const struct otc_buckets *buckets;
};
/** Reads a point; its buckets are the streams' until the next one is read. */
void otc_metric_streams_read(struct otc_metric_streams *streams, const struct otc_point *point,
                             struct otc_stream_point *out);
/** As bytes, for a journal. */
void otc_stream_point_save(const struct otc_stream_point *point, struct otc_buf *out);
/** The same back; false: not what can have been saved, or no memory. */
OTC_CHECK bool otc_metric_streams_load_point(struct otc_metric_streams *streams, struct otc_reader *in,
                                             struct otc_stream_point *out);

enum otc_delta_kind {
    /** Nothing new: the first point, one out of order, NoRecordedValue of a cumulative stream. */
    OTC_DELTA_NONE,
    OTC_DELTA_NUMBER,
    OTC_DELTA_BUCKETS,
    /** NoRecordedValue, or a number that is none. */
    OTC_DELTA_MISSING,
    /** No room for one more stream. */
    OTC_DELTA_NO_ROOM,
    /** No memory. */
    OTC_DELTA_NO_MEMORY,
    /** Buckets no distribution can be read from (otc_buckets_read). */
    OTC_DELTA_UNREADABLE,
    /** A summary, an infinite number, or a temporality that is not said. */
    OTC_DELTA_TYPE
};

struct otc_delta {
    enum otc_delta_kind kind;
    /** NUMBER: the value of a gauge or non-monotonic sum; of a monotonic one what it grew by, in `seconds`
     * (0: not known). */
    double number;
    double seconds;
    /** True for a monotonic sum. */
    bool grew;
    /** BUCKETS: of the streams, until the next call. */
    const struct otc_buckets *buckets;
};

/** What a point brings, its stream made if it is new. `factor` multiplies bounds, and of numbers and sums
 * what came new. A stream whose numbers turn from integers to doubles, or back, goes on. */
void otc_metric_streams_add(struct otc_metric_streams *streams, struct otc_hash128 key,
                            const struct otc_stream_point *point, double factor, int64_t monotonic_ns,
                            struct otc_delta *out);
/** Remembers the key of a point that no stream is kept for (a gauge's). */
void otc_metric_streams_see(struct otc_metric_streams *streams, struct otc_hash128 key, int64_t monotonic_ns);
/** True when a stream of this key is known. */
bool otc_metric_streams_known(const struct otc_metric_streams *streams, struct otc_hash128 key);

/**
 * Two counters read at the same times: enters what `part` (0 over 1) grew by at `time`; true with both values
 * once both are there.
 */
bool otc_metric_streams_pair(struct otc_metric_streams *streams, struct otc_hash128 key, unsigned part,
                             uint64_t time, double grown, int64_t monotonic_ns, double out[2]);

/** Forgets what expired. */
void otc_metric_streams_expire(struct otc_metric_streams *streams, int64_t monotonic_ns);
size_t otc_metric_streams_count(const struct otc_metric_streams *streams);
/** Forgets all. `start_ns` as in the limits. */
void otc_metric_streams_clear(struct otc_metric_streams *streams, int64_t start_ns);

/** All streams as bytes, for a restart: identities and keys are the same after it. */
void otc_metric_streams_save(const struct otc_metric_streams *streams, struct otc_buf *out);
/** Fills streams without any. False: not what can have been saved, or no room; clear them then. */
OTC_CHECK bool otc_metric_streams_load(struct otc_metric_streams *streams, struct otc_reader *in);
/** The monotonic clock has another origin than when the streams were saved. */
void otc_metric_streams_shift_monotonic(struct otc_metric_streams *streams, int64_t by_ns);

#endif
