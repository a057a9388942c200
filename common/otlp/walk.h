// SPDX-License-Identifier: Apache-2.0
/**
 * @file Reading serialized OTLP requests without decoding them.
 *
 * A *projection* names the attributes a reader wants; it is compiled once. A walk passes over one part and
 * calls a visitor for each span, data point or log record with borrowed views. Bounds-checked at every varint
 * and length, no recursion, no allocation (but for a resource or scope that comes in several pieces, which
 * are joined). Fields may come in any order: `resource` after `scope_spans`, twice (merged, as protobuf does:
 * as if the pieces were one message; of a oneof the last member wins), a KeyValue's value before its key, a
 * scalar field twice (the last wins). Balanced groups and unknown fields are skipped; a wrong wire type on a
 * known field, an unbalanced group, field number 0 and truncation are refused with INVALID_ARGUMENT "otlp:
 * malformed protobuf at byte N". A walk checks the messages it enters; what it skips by its length (events,
 * links, exemplars, attributes nobody wants) is checked by otc_admit.
 */
#ifndef OTC_OTLP_WALK_H
#define OTC_OTLP_WALK_H

#include "common/component/otc.h"
#include "common/otlp/value.h"

/** Where a projected attribute lies. OTC_AT_ANY: record first, then scope, then resource. */
enum otc_attribute_level { OTC_AT_RECORD, OTC_AT_SCOPE, OTC_AT_RESOURCE, OTC_AT_ANY };

/** One wanted attribute. With `prefix` every record attribute whose key begins with `key` is wanted (see
 * `matches`). */
struct otc_wanted {
    const char *key;
    enum otc_attribute_level level;
    bool prefix;
};

/** Compiled list of wanted attributes; immutable, any thread. Opaque. */
struct otc_projection;

#define OTC_PROJECTION_MAX 256
/** Prefix matches beyond this many in one record are counted in `matches_lost`. */
#define OTC_MATCHES_MAX 1024

/** Compiles `n` wanted attributes (copied). INVALID_ARGUMENT above OTC_PROJECTION_MAX. */
OTC_API OTC_CHECK otc_status otc_projection_new(const struct otc_wanted *wanted, size_t n,
                                                struct otc_projection **out, struct otc_error *err);
OTC_API void otc_projection_free(struct otc_projection *projection);

/** A record attribute found by a prefix: `wanted` is the index in the projection, `rest` the key after the
 * prefix. */
struct otc_match {
    size_t wanted;
    struct otc_slice rest;
    struct otc_value value;
};

/** What every record shows. All of it is borrowed for the visitor's call alone. */
struct otc_record {
    /** Encoded Resource messages' attributes merged: raw fields for otc_attributes_next, one after another.
     */
    struct otc_slice resource;
    struct otc_slice scope_name;
    struct otc_slice scope_version;
    /** The encoded scope message (InstrumentationScope), for its attributes. */
    struct otc_slice scope;
    struct otc_slice resource_schema_url;
    struct otc_slice scope_schema_url;
    /** 0-based index of the ResourceSpans (…Metrics, …Logs) within the part; changes when the resource does.
     */
    size_t resource_index;
    /** The same for scopes; changes when the scope or the resource does. As long as it stays, values that are
     * not the record's own are the same and stay readable. */
    size_t scope_index;
    /** One for each wanted attribute, in its order; ABSENT where the record has none. For duplicates the last
     * wins. */
    const struct otc_value *values;
    /** Bit i % 64 of word i / 64: values[i] is the record's own, not of its scope or resource. A quick look
     * for who reads few records. */
    const uint64_t *own;
    /** Attributes found by prefix, in wire order, duplicates included. */
    const struct otc_match *matches;
    size_t n_matches;
    size_t matches_lost;
};

/** Whether any of values[0] to values[n - 1] is the record's own. */
static inline bool
otc_record_owns(const struct otc_record *record, size_t n)
{
    size_t word = 0;

    while (n > 64 && record->own[word] == 0) {
        word++;
        n -= 64;
    }
    return n > 0 && (n > 64 || record->own[word] << (64 - n) != 0);
}

struct otc_span {
    struct otc_record record;
    struct otc_slice trace_id;
    struct otc_slice span_id;
    struct otc_slice parent_span_id;
    struct otc_slice trace_state;
    struct otc_slice name;
    /** The encoded Span message, for its events and links, and otc_attributes_next. */
    struct otc_slice encoded;
    /** What follows the first event in it, that one included; empty: no events. For otc_messages_next. */
    struct otc_slice events;
    uint64_t start_unix_nano;
    uint64_t end_unix_nano;
    uint32_t flags;
    /** SpanKind 0 to 5, StatusCode 0 unset, 1 ok, 2 error; other numbers are passed on. */
    int32_t kind;
    int32_t status_code;
    struct otc_slice status_message;
};

enum otc_metric_type {
    OTC_METRIC_NONE,
    OTC_METRIC_GAUGE,
    OTC_METRIC_SUM,
    OTC_METRIC_HISTOGRAM,
    OTC_METRIC_EXPONENTIAL_HISTOGRAM,
    OTC_METRIC_SUMMARY
};

enum otc_temporality { OTC_TEMPORALITY_UNSPECIFIED, OTC_TEMPORALITY_DELTA, OTC_TEMPORALITY_CUMULATIVE };

#define OTC_POINT_NO_RECORDED_VALUE 1u

/**
 * Packed little-endian 64-bit words of a repeated fixed64 or double field. A part may hold the field unpacked
 * or in several runs: `runs` > 1 then, and otc_words_get still finds the i-th word.
 */
struct otc_words {
    struct otc_slice message;
    uint32_t field;
    uint32_t runs;
    struct otc_slice packed; /* the only run, when runs is 1 and it is packed */
    size_t n;
};
/** The i-th word (i < n), as bits. Searches when `runs` > 1: who reads them all takes the cursor. */
OTC_API uint64_t otc_words_get(const struct otc_words *words, size_t i);
OTC_API double otc_words_double(const struct otc_words *words, size_t i);
/** Calls for each word in order; `*cursor` starts zeroed. False at the end. */
struct otc_words_cursor {
    struct otc_slice rest;
    struct otc_slice run;
    bool started;
};
OTC_API bool otc_words_next(const struct otc_words *words, struct otc_words_cursor *cursor, uint64_t *bits);

/** Buckets of an exponential histogram: varints. */
struct otc_exp_buckets {
    int32_t offset;
    size_t n;
    /** The encoded data point and the field (8 positive, 9 negative) under which its Buckets lie. */
    struct otc_slice point;
    uint32_t field;
};
/** Calls for each bucket count in order; `*cursor` starts zeroed. False at the end. */
struct otc_varint_cursor {
    struct otc_slice point;
    struct otc_slice message;
    struct otc_slice run;
    bool started;
};
OTC_API bool otc_exp_buckets_next(const struct otc_exp_buckets *buckets, struct otc_varint_cursor *cursor,
                                  uint64_t *count);

struct otc_point {
    struct otc_record record;
    struct otc_slice name;
    struct otc_slice description;
    struct otc_slice unit;
    /** The encoded Metric message: equal pointers mean the same metric. */
    struct otc_slice metric;
    enum otc_metric_type type;
    enum otc_temporality temporality;
    bool monotonic;
    /** The encoded data point, for its exemplars, quantiles and otc_attributes_next. */
    struct otc_slice encoded;
    uint64_t start_unix_nano;
    uint64_t time_unix_nano;
    uint32_t flags;
    /** Gauge and Sum: INT, DOUBLE, or ABSENT when neither is set. */
    struct otc_value value;
    /** Histograms and summaries. */
    uint64_t count;
    bool has_sum, has_min, has_max;
    double sum, min, max;
    struct otc_words bucket_counts;
    struct otc_words explicit_bounds;
    int32_t scale;
    uint64_t zero_count;
    double zero_threshold;
    struct otc_exp_buckets positive, negative;
};

struct otc_log_record {
    struct otc_record record;
    struct otc_slice encoded;
    uint64_t time_unix_nano;
    uint64_t observed_unix_nano;
    int32_t severity_number;
    struct otc_slice severity_text;
    struct otc_value body;
    struct otc_slice event_name;
    struct otc_slice trace_id;
    struct otc_slice span_id;
    uint32_t flags;
};

/** A visitor returns false to stop the walk early (which then answers OK). */
typedef bool (*otc_span_fn)(void *arg, const struct otc_span *span);
typedef bool (*otc_point_fn)(void *arg, const struct otc_point *point);
typedef bool (*otc_log_fn)(void *arg, const struct otc_log_record *record);

/** `projection` may be NULL: no attributes are looked at. The visitor is called only for parts that are sound
 * up to there. */
OTC_API OTC_CHECK otc_status otc_walk_spans(const struct otc_projection *projection, struct otc_slice part,
                                            otc_span_fn fn, void *arg, struct otc_error *err);
OTC_API OTC_CHECK otc_status otc_walk_points(const struct otc_projection *projection, struct otc_slice part,
                                             otc_point_fn fn, void *arg, struct otc_error *err);
OTC_API OTC_CHECK otc_status otc_walk_logs(const struct otc_projection *projection, struct otc_slice part,
                                           otc_log_fn fn, void *arg, struct otc_error *err);

/** Which message an `otc_attributes` cursor reads: the field number of its `attributes`. */
enum otc_attributes_of {
    OTC_ATTRIBUTES_RESOURCE = 1,
    OTC_ATTRIBUTES_SCOPE = 3,
    OTC_ATTRIBUTES_SPAN = 9,
    OTC_ATTRIBUTES_NUMBER_POINT = 7,
    OTC_ATTRIBUTES_HISTOGRAM_POINT = 9,
    OTC_ATTRIBUTES_EXPONENTIAL_POINT = 1,
    OTC_ATTRIBUTES_SUMMARY_POINT = 7,
    OTC_ATTRIBUTES_LOG_RECORD = 6,
    OTC_ATTRIBUTES_EVENT = 3,
    OTC_ATTRIBUTES_KVLIST = 1
};
/** The number above for a point of this type. */
OTC_API enum otc_attributes_of otc_point_attributes(enum otc_metric_type type);
/**
 * Iterates every attribute of an encoded message, in wire order, duplicates included. `*rest` starts as the
 * encoded message. False at the end. The message should have been admitted: a malformed field ends the
 * iteration.
 */
OTC_API bool otc_attributes_next(enum otc_attributes_of of, struct otc_slice *rest, struct otc_slice *key,
                                 struct otc_value *value);
/** Iterates the elements of an ARRAY value. `*rest` starts as value.as.slice. */
OTC_API bool otc_array_next(struct otc_slice *rest, struct otc_value *value);
/**
 * Iterates the length-delimited fields numbered `field` of an encoded message (span events: 11; exemplars of
 * a number point: 5, histogram 8, exponential 11; quantiles of a summary: 6). `*rest` starts as the message.
 */
OTC_API bool otc_messages_next(struct otc_slice *rest, uint32_t field, struct otc_slice *message);

/** A scalar of an encoded, walked message: the last value of a varint or fixed field, or `fallback`. */
OTC_API uint64_t otc_message_scalar(struct otc_slice message, uint32_t field, uint64_t fallback);
/** The last length-delimited field numbered `field`, or an empty slice. */
OTC_API struct otc_slice otc_message_bytes(struct otc_slice message, uint32_t field);

#endif
