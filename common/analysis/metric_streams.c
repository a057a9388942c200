// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/metric_streams_internal.h"

#include <math.h>
#include <stdlib.h>

struct otc_metric_streams *
otc_metric_streams_new(const struct otc_metric_streams_limits *limits)
{
    struct otc_metric_streams *streams = calloc(1, sizeof(*streams));

    if (!streams) {
        return NULL;
    }
    streams->limits = *limits;
    streams->seed = otc_map_seed();
    streams->map = otc_map_new(limits->streams);
    if (!streams->map) {
        free(streams);
        return NULL;
    }
    return streams;
}

static struct otc_slice
key_bytes(const struct otc_hash128 *key)
{
    return otc_slice_of(key, sizeof(*key));
}

static void
unlink_stream(struct otc_metric_streams *streams, struct otc__stream *stream)
{
    *(stream->older ? &stream->older->newer : &streams->oldest) = stream->newer;
    *(stream->newer ? &stream->newer->older : &streams->newest) = stream->older;
}

static void
link_newest(struct otc_metric_streams *streams, struct otc__stream *stream)
{
    stream->older = streams->newest;
    stream->newer = NULL;
    *(streams->newest ? &streams->newest->newer : &streams->oldest) = stream;
    streams->newest = stream;
}

bool
otc__stream_charge(struct otc_metric_streams *streams, struct otc__stream *stream, size_t bytes)
{
    if (streams->limits.take && !streams->limits.take(streams->limits.arg, bytes)) {
        return false;
    }
    stream->charged += bytes;
    return true;
}

static void
free_stream(struct otc_metric_streams *streams, struct otc__stream *stream)
{
    if (streams->limits.give) {
        streams->limits.give(streams->limits.arg, stream->charged);
    }
    otc_buckets_release(&stream->buckets);
    free(stream);
}

static void
forget_oldest(struct otc_metric_streams *streams)
{
    struct otc__stream *stream = streams->oldest;

    streams->oldest = stream->newer;
    *(stream->newer ? &stream->newer->older : &streams->newest) = NULL;
    (void)otc_map_remove(streams->map, key_bytes(&stream->key));
    free_stream(streams, stream);
}

void
otc_metric_streams_clear(struct otc_metric_streams *streams, int64_t start_ns)
{
    while (streams->oldest) {
        forget_oldest(streams);
    }
    streams->limits.start_ns = start_ns;
}

void
otc_metric_streams_free(struct otc_metric_streams *streams)
{
    if (!streams) {
        return;
    }
    otc_metric_streams_clear(streams, 0);
    otc_map_free(streams->map, NULL);
    otc_buckets_release(&streams->read);
    otc_buckets_release(&streams->now);
    otc_buckets_release(&streams->before);
    free(streams);
}

void
otc_metric_streams_expire(struct otc_metric_streams *streams, int64_t monotonic_ns)
{
    while (streams->oldest && monotonic_ns - streams->oldest->seen_ns >= streams->limits.expiration_ns) {
        forget_oldest(streams);
    }
}

size_t
otc_metric_streams_count(const struct otc_metric_streams *streams)
{
    return otc_map_count(streams->map);
}

bool
otc_metric_streams_known(const struct otc_metric_streams *streams, struct otc_hash128 key)
{
    return otc_map_get(streams->map, key_bytes(&key)) != NULL;
}

/* ---- Identity ------------------------------------------------------------------------------------- */

static struct otc_hash128
hash_value(const struct otc_value *value, uint64_t seed)
{
    struct otc_slice bytes = otc_slice_of(&value->as.integer, sizeof(value->as.integer));

    switch (value->type) {
    case OTC_VALUE_STRING:
    case OTC_VALUE_BYTES:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
        bytes = value->as.slice;
        break;
    case OTC_VALUE_BOOL:
        bytes = otc_slice_of(&value->as.boolean, sizeof(value->as.boolean));
        break;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
        bytes = OTC_SLICE_NONE;
        break;
    case OTC_VALUE_INT:
    case OTC_VALUE_DOUBLE:
        break;
    }
    return otc_hash_128(bytes, seed + (uint64_t)value->type);
}

/* Adds each attribute's hash: the order of attributes makes no difference. */
static void
add_attributes(struct otc_hash128 *sum, enum otc_attributes_of of, struct otc_slice message, uint64_t seed)
{
    struct otc_slice key;
    struct otc_value value;

    while (otc_attributes_next(of, &message, &key, &value)) {
        const struct otc_hash128 both[2] = {otc_hash_128(key, seed), hash_value(&value, seed)};
        struct otc_hash128 hash = otc_hash_128(otc_slice_of(both, sizeof(both)), seed);

        sum->low += hash.low;
        sum->high += hash.high;
    }
}

static void
add_text(struct otc_hash128 *sum, struct otc_slice text, uint64_t seed)
{
    struct otc_hash128 hash = otc_hash_128(text, seed);

    sum->low += hash.low;
    sum->high += hash.high;
}

void
otc_metric_streams_begin(struct otc_metric_streams *streams)
{
    streams->resource_index = SIZE_MAX;
}

struct otc_hash128
otc_metric_streams_identity(struct otc_metric_streams *streams, const struct otc_point *point)
{
    const struct otc_record *record = &point->record;
    struct otc_hash128 sum;

    if (record->resource_index != streams->resource_index || record->resource.data != streams->resource) {
        streams->resource_hash = (struct otc_hash128){0, 0};
        add_attributes(&streams->resource_hash, OTC_ATTRIBUTES_RESOURCE, record->resource, streams->seed);
        streams->resource_index = record->resource_index;
        streams->resource = record->resource.data;
    }
    sum = streams->resource_hash;
    add_text(&sum, record->scope_name, streams->seed + 1);
    add_text(&sum, record->scope_version, streams->seed + 2);
    add_attributes(&sum, OTC_ATTRIBUTES_SCOPE, record->scope, streams->seed + 1000);
    add_attributes(&sum, otc_point_attributes(point->type), point->encoded, streams->seed + 2000);
    return sum;
}

struct otc_hash128
otc_metric_stream_key(struct otc_hash128 identity, uint64_t use)
{
    return otc_hash_128(otc_slice_of(&identity, sizeof(identity)), use);
}

/* ---- Streams -------------------------------------------------------------------------------------- */

struct otc__stream *
otc__stream_new(struct otc_metric_streams *streams, struct otc_hash128 key)
{
    struct otc__stream *stream = calloc(1, sizeof(*stream));

    if (!stream) {
        return NULL;
    }
    stream->key = key;
    if (!otc__stream_charge(streams, stream, OTC__STREAM_BYTES) ||
        !otc_map_put(streams->map, key_bytes(&key), stream)) {
        free_stream(streams, stream);
        return NULL;
    }
    link_newest(streams, stream);
    return stream;
}

static struct otc__stream *
make_stream(struct otc_metric_streams *streams, struct otc_hash128 key, int64_t monotonic_ns,
            enum otc_delta_kind *why)
{
    *why = OTC_DELTA_NO_ROOM;
    if (otc_map_count(streams->map) >= streams->limits.streams && streams->oldest &&
        monotonic_ns - streams->oldest->seen_ns >= OTC_STREAM_STALE_NS) {
        forget_oldest(streams);
    }
    if (otc_map_count(streams->map) >= streams->limits.streams) {
        return NULL;
    }
    *why = OTC_DELTA_NO_MEMORY;
    return otc__stream_new(streams, key);
}

static struct otc__stream *
stream_of(struct otc_metric_streams *streams, struct otc_hash128 key, int64_t monotonic_ns,
          enum otc_delta_kind *why)
{
    struct otc__stream *stream = otc_map_get(streams->map, key_bytes(&key));

    if (!stream) {
        stream = make_stream(streams, key, monotonic_ns, why);
    } else if (stream != streams->newest) {
        unlink_stream(streams, stream);
        link_newest(streams, stream);
    }
    if (stream) {
        stream->seen_ns = monotonic_ns;
    }
    return stream;
}

/* ---- Cumulative points ---------------------------------------------------------------------------- */

/* What a cumulative point is counted from. */
enum base { FROM_LAST, FROM_NOTHING, FIRST, OLD };

static enum base
base_of(const struct otc_metric_streams *streams, const struct otc__stream *stream,
        const struct otc_stream_point *point)
{
    bool moved = point->start != stream->start;

    if (!stream->begun) {
        bool ours = point->start > (uint64_t)streams->limits.start_ns;

        return ours && point->start < point->time ? FROM_NOTHING : FIRST;
    }
    if (point->time <= stream->time) {
        return OLD;
    }
    /* A start that equals the time of its point says that the true start is not known (a scraper began anew);
     * one within the time already told is jitter. Counts that fall say it better. */
    return moved && point->start >= stream->time && point->start < point->time ? FROM_NOTHING : FROM_LAST;
}

static double
seconds_between(uint64_t from, uint64_t to)
{
    return from > 0 && from < to ? (double)(to - from) / 1e9 : 0;
}

static void
keep_point(struct otc__stream *stream, const struct otc_stream_point *point)
{
    stream->start = point->start;
    stream->time = point->time;
    stream->begun = true;
}

static double
as_double(bool is_integer, union otc_stream_number number)
{
    return is_integer ? (double)number.integer : number.real;
}

/* What a counter grew by since the stream's last point; false: it fell. An integer and a double are compared
 * as doubles: a source that tells the same count as the other one rounds it so, and it has not fallen. */
static bool
growth_of(const struct otc__stream *stream, const struct otc_stream_point *point, double *out)
{
    double now = as_double(point->is_integer, point->number);
    double before = as_double(stream->is_integer, stream->value);

    if (point->is_integer && stream->is_integer) {
        /* Unsigned: two integers may be further apart than a signed one tells. */
        *out = (double)((uint64_t)point->number.integer - (uint64_t)stream->value.integer);
        return point->number.integer >= stream->value.integer;
    }
    *out = now - before;
    return now >= before;
}

/* The factor multiplies what came new: multiplied totals are rounded by more than they differ. */
static void
add_counter(struct otc_metric_streams *streams, struct otc__stream *stream,
            const struct otc_stream_point *point, double factor, struct otc_delta *out)
{
    enum base base = base_of(streams, stream, point);
    uint64_t from = stream->time;
    double grown = 0;

    if (base == OLD) {
        return;
    }
    if (base == FROM_LAST && !growth_of(stream, point, &grown)) {
        base = FROM_NOTHING;
    }
    if (base == FROM_NOTHING) {
        grown = as_double(point->is_integer, point->number);
        from = point->start > from ? point->start : from;
    }
    if (base != FIRST) {
        out->kind = OTC_DELTA_NUMBER;
        out->number = grown * factor;
        out->seconds = seconds_between(from, point->time);
    }
    stream->is_integer = point->is_integer;
    stream->value = point->number;
    keep_point(stream, point);
}

bool
otc__stream_charge_buckets(struct otc_metric_streams *streams, struct otc__stream *stream)
{
    size_t charged = stream->charged - OTC__STREAM_BYTES, has = otc_buckets_bytes(&stream->buckets);

    if (has == charged || otc__stream_charge(streams, stream, has - charged)) {
        return true;
    }
    otc_buckets_release(&stream->buckets);
    if (streams->limits.give) {
        streams->limits.give(streams->limits.arg, charged);
    }
    stream->charged = OTC__STREAM_BYTES;
    return false;
}

/* Remembers streams->now as the stream's last buckets. */
static bool
keep_buckets(struct otc_metric_streams *streams, struct otc__stream *stream)
{
    bool kept = otc_buckets_copy(&stream->buckets, &streams->now);

    return otc__stream_charge_buckets(streams, stream) && kept;
}

static void
add_cumulative_buckets(struct otc_metric_streams *streams, struct otc__stream *stream,
                       const struct otc_stream_point *point, struct otc_delta *out)
{
    enum base base = base_of(streams, stream, point);

    if (base == OLD) {
        return;
    }
    if (base == FROM_LAST && !otc_buckets_comparable(&streams->now, &stream->buckets)) {
        base = FIRST; /* other bounds and nothing that tells what of it is new */
    }
    if (!otc_buckets_copy(&streams->before, &stream->buckets) || !keep_buckets(streams, stream)) {
        stream->begun = false;
        out->kind = OTC_DELTA_NO_MEMORY;
        return;
    }
    if (base == FROM_LAST && !otc_buckets_subtract(&streams->now, &streams->before)) {
        (void)otc_buckets_copy(&streams->now, &stream->buckets); /* a new beginning: all of it */
    }
    keep_point(stream, point);
    if (base != FIRST) {
        out->kind = OTC_DELTA_BUCKETS;
        out->buckets = &streams->now;
    }
}

/* ---- Points --------------------------------------------------------------------------------------- */

static void
read_number(const struct otc_value *value, struct otc_stream_point *out)
{
    if (value->type == OTC_VALUE_INT) {
        out->is_integer = true;
        out->number.integer = value->as.integer;
    } else if (value->type == OTC_VALUE_DOUBLE) {
        out->number.real = value->as.real;
    }
}

void
otc_metric_streams_read(struct otc_metric_streams *streams, const struct otc_point *point,
                        struct otc_stream_point *out)
{
    *out = (struct otc_stream_point){.type = point->type,
                                     .temporality = point->temporality,
                                     .monotonic = point->monotonic,
                                     .flags = point->flags,
                                     .start = point->start_unix_nano,
                                     .time = point->time_unix_nano,
                                     .number = {.real = NAN},
                                     .buckets = &streams->read};
    if (point->type == OTC_METRIC_GAUGE || point->type == OTC_METRIC_SUM) {
        read_number(&point->value, out);
    } else if (otc__stream_point_has_buckets(out)) {
        out->readable = otc_buckets_read(point, &streams->read);
    }
}

static void
add_number(struct otc_metric_streams *streams, struct otc_hash128 key, const struct otc_stream_point *point,
           double factor, int64_t monotonic_ns, struct otc_delta *out)
{
    bool sum = point->type == OTC_METRIC_SUM;
    struct otc__stream *stream;
    double value = as_double(point->is_integer, point->number);

    out->grew = sum && point->monotonic;
    if ((point->flags & OTC_POINT_NO_RECORDED_VALUE) || isnan(value)) {
        out->kind = OTC_DELTA_MISSING;
    } else if (isinf(value) || (sum && point->temporality != OTC_TEMPORALITY_CUMULATIVE &&
                                point->temporality != OTC_TEMPORALITY_DELTA)) {
        out->kind = OTC_DELTA_TYPE;
    } else if (!out->grew || point->temporality == OTC_TEMPORALITY_DELTA) {
        out->kind = OTC_DELTA_NUMBER;
        out->number = value * factor;
        out->seconds = seconds_between(point->start, point->time);
    } else if ((stream = stream_of(streams, key, monotonic_ns, &out->kind)) != NULL) {
        out->kind = OTC_DELTA_NONE;
        add_counter(streams, stream, point, factor, out);
    }
}

static void
add_histogram(struct otc_metric_streams *streams, struct otc_hash128 key,
              const struct otc_stream_point *point, double factor, int64_t monotonic_ns,
              struct otc_delta *out)
{
    struct otc__stream *stream;

    if (point->flags & OTC_POINT_NO_RECORDED_VALUE) {
        return;
    }
    if (point->temporality != OTC_TEMPORALITY_CUMULATIVE && point->temporality != OTC_TEMPORALITY_DELTA) {
        out->kind = OTC_DELTA_TYPE;
        return;
    }
    if (point->readable == OTC_RESOURCE_EXHAUSTED || !otc_buckets_copy(&streams->now, point->buckets)) {
        out->kind = OTC_DELTA_NO_MEMORY;
    } else if (point->readable != OTC_OK || !otc_buckets_multiply_bounds(&streams->now, factor)) {
        out->kind = OTC_DELTA_UNREADABLE;
    } else if (point->temporality == OTC_TEMPORALITY_DELTA) {
        out->kind = OTC_DELTA_BUCKETS;
        out->buckets = &streams->now;
    } else if ((stream = stream_of(streams, key, monotonic_ns, &out->kind)) != NULL) {
        out->kind = OTC_DELTA_NONE;
        add_cumulative_buckets(streams, stream, point, out);
    }
    if (out->kind == OTC_DELTA_BUCKETS) {
        streams->now.sum *= factor; /* after the difference, as a counter's */
    }
}

void
otc_metric_streams_add(struct otc_metric_streams *streams, struct otc_hash128 key,
                       const struct otc_stream_point *point, double factor, int64_t monotonic_ns,
                       struct otc_delta *out)
{
    *out = (struct otc_delta){.kind = OTC_DELTA_NONE};
    switch (point->type) {
    case OTC_METRIC_GAUGE:
    case OTC_METRIC_SUM:
        add_number(streams, key, point, factor, monotonic_ns, out);
        break;
    case OTC_METRIC_HISTOGRAM:
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        add_histogram(streams, key, point, factor, monotonic_ns, out);
        break;
    case OTC_METRIC_SUMMARY:
    case OTC_METRIC_NONE:
        out->kind = OTC_DELTA_TYPE;
        break;
    }
}

void
otc_metric_streams_see(struct otc_metric_streams *streams, struct otc_hash128 key, int64_t monotonic_ns)
{
    enum otc_delta_kind why;

    (void)stream_of(streams, key, monotonic_ns, &why);
}

bool
otc_metric_streams_pair(struct otc_metric_streams *streams, struct otc_hash128 key, unsigned part,
                        uint64_t time, double grown, int64_t monotonic_ns, double out[2])
{
    enum otc_delta_kind why;
    struct otc__stream *stream = stream_of(streams, key, monotonic_ns, &why);

    if (!stream) {
        return false;
    }
    stream->part[part] = grown;
    stream->part_time[part] = time;
    if (stream->part_time[0] != stream->part_time[1]) {
        return false;
    }
    memcpy(out, stream->part, sizeof(stream->part));
    return true;
}
