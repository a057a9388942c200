// SPDX-License-Identifier: Apache-2.0
/* Streams of metrics across a restart. */
#include "common/analysis/metric_streams_internal.h"

#include <stdlib.h>

/* ---- One point ------------------------------------------------------------------------------------ */

#define POINT_MONOTONIC UINT64_C(1)
#define POINT_BUCKETS UINT64_C(2)
#define POINT_UNREADABLE UINT64_C(4)
#define POINT_NO_MEMORY UINT64_C(8)
#define POINT_INTEGER UINT64_C(16)

static void
save_number(bool is_integer, union otc_stream_number number, struct otc_buf *out)
{
    if (is_integer) {
        otc_put_i64(out, number.integer);
    } else {
        otc_put_f64(out, number.real);
    }
}

static union otc_stream_number
load_number(bool is_integer, struct otc_reader *in)
{
    return is_integer ? (union otc_stream_number){.integer = otc_take_i64(in)}
                      : (union otc_stream_number){.real = otc_take_f64(in)};
}

void
otc_stream_point_save(const struct otc_stream_point *point, struct otc_buf *out)
{
    bool buckets = otc__stream_point_has_buckets(point);
    uint64_t is = POINT_MONOTONIC * point->monotonic | POINT_INTEGER * point->is_integer;

    if (buckets) {
        is |= point->readable == OTC_OK                   ? POINT_BUCKETS
              : point->readable == OTC_RESOURCE_EXHAUSTED ? POINT_NO_MEMORY
                                                          : POINT_UNREADABLE;
    }
    otc_put_u64(out, point->type);
    otc_put_u64(out, point->temporality);
    otc_put_u64(out, is);
    otc_put_u64(out, point->flags);
    otc_put_u64(out, point->start);
    otc_put_u64(out, point->time);
    if (is & POINT_BUCKETS) {
        otc_buckets_save(point->buckets, true, out);
    } else if (!buckets) {
        save_number(point->is_integer, point->number, out);
    }
}

bool
otc_metric_streams_load_point(struct otc_metric_streams *streams, struct otc_reader *in,
                              struct otc_stream_point *out)
{
    uint64_t type = otc_take_u64(in), temporality = otc_take_u64(in), is = otc_take_u64(in);

    if (in->failed || type > OTC_METRIC_SUMMARY || temporality > OTC_TEMPORALITY_CUMULATIVE) {
        return false;
    }
    *out = (struct otc_stream_point){.type = (enum otc_metric_type)type,
                                     .temporality = (enum otc_temporality)temporality,
                                     .monotonic = is & POINT_MONOTONIC,
                                     .is_integer = is & POINT_INTEGER,
                                     .flags = (uint32_t)otc_take_u64(in),
                                     .buckets = &streams->read};
    out->start = otc_take_u64(in);
    out->time = otc_take_u64(in);
    if (!otc__stream_point_has_buckets(out)) {
        out->number = load_number(out->is_integer, in);
        return !in->failed;
    }
    out->readable = is & POINT_BUCKETS     ? OTC_OK
                    : is & POINT_NO_MEMORY ? OTC_RESOURCE_EXHAUSTED
                                           : OTC_INVALID_ARGUMENT;
    return (out->readable != OTC_OK || otc_buckets_load(&streams->read, OTC_SLICE_NONE, in)) && !in->failed;
}

/* ---- Streams -------------------------------------------------------------------------------------- */

/* Distinct bounds that are written once; streams of more write their own. */
#define BOUNDS_MAX 4096
#define STREAM_BEGUN UINT64_C(1)
#define STREAM_BUCKETS UINT64_C(2)
#define STREAM_PAIR UINT64_C(4)
#define STREAM_OWN_BOUNDS UINT64_C(8)
#define STREAM_INTEGER UINT64_C(16)

/* Numbers each stream's bounds, from 1 on. */
static struct otc_map *
number_bounds(const struct otc_metric_streams *streams)
{
    struct otc_map *map = otc_map_new(BOUNDS_MAX);

    for (const struct otc__stream *stream = map ? streams->oldest : NULL; stream; stream = stream->newer) {
        struct otc_slice bounds = otc_buckets_bounds(&stream->buckets);

        if (bounds.len > 0 && !otc_map_get(map, bounds)) {
            (void)otc_map_put(map, bounds, (void *)(uintptr_t)(otc_map_count(map) + 1));
        }
    }
    return map;
}

static void
save_bounds(const struct otc_map *map, struct otc_buf *out)
{
    struct otc_slice bounds;
    size_t cursor = 0;
    void *value;

    otc_put_u64(out, otc_map_count(map));
    while (otc_map_next(map, &cursor, &bounds, &value)) {
        otc_put_bytes(out, bounds);
    }
}

static void
save_stream(const struct otc__stream *stream, const struct otc_map *map, struct otc_buf *out)
{
    struct otc_slice bounds = otc_buckets_bounds(&stream->buckets);
    uint64_t number = bounds.len > 0 ? (uintptr_t)otc_map_get(map, bounds) : 0;
    /* Buckets of a stream that has not begun are what memory was lacking for. */
    bool histogram = stream->begun && stream->buckets.capacity > 0;
    uint64_t is = STREAM_BEGUN * stream->begun | STREAM_BUCKETS * histogram |
                  STREAM_PAIR * (stream->part_time[0] || stream->part_time[1]) |
                  STREAM_OWN_BOUNDS * (bounds.len > 0 && number == 0) | STREAM_INTEGER * stream->is_integer;

    (void)otc_buf_append(out, &stream->key, sizeof(stream->key));
    otc_put_u64(out, is);
    otc_put_i64(out, stream->seen_ns);
    otc_put_u64(out, stream->start);
    otc_put_u64(out, stream->time);
    save_number(stream->is_integer, stream->value, out);
    if (is & STREAM_PAIR) {
        for (int i = 0; i < 2; i++) {
            otc_put_f64(out, stream->part[i]);
            otc_put_u64(out, stream->part_time[i]);
        }
    }
    if (histogram) {
        otc_put_u64(out, number);
        otc_buckets_save(&stream->buckets, is & STREAM_OWN_BOUNDS, out);
    }
}

void
otc_metric_streams_save(const struct otc_metric_streams *streams, struct otc_buf *out)
{
    struct otc_map *map = number_bounds(streams);

    if (!map) {
        out->failed = true;
        return;
    }
    otc_put_u64(out, streams->seed);
    otc_put_i64(out, streams->limits.start_ns);
    save_bounds(map, out);
    otc_put_u64(out, otc_map_count(streams->map));
    for (const struct otc__stream *stream = streams->oldest; stream; stream = stream->newer) {
        save_stream(stream, map, out);
    }
    otc_map_free(map, NULL);
}

/* Bounds as they were numbered; borrowed from what is read. */
struct numbered {
    struct otc_slice *items;
    size_t n;
};

static bool
load_bounds(struct numbered *bounds, struct otc_reader *in)
{
    bounds->n = otc_take_count(in, 1);
    bounds->items = bounds->n <= BOUNDS_MAX ? calloc(bounds->n + 1, sizeof(*bounds->items)) : NULL;
    for (size_t i = 0; bounds->items && i < bounds->n; i++) {
        bounds->items[i] = otc_take_bytes(in);
    }
    return bounds->items && !in->failed;
}

static bool
load_buckets(struct otc_metric_streams *streams, struct otc__stream *stream, const struct numbered *bounds,
             struct otc_reader *in)
{
    uint64_t number = otc_take_u64(in);
    struct otc_slice known = OTC_SLICE_NONE;

    if (in->failed || number > bounds->n) {
        return false;
    }
    if (number > 0) {
        known = bounds->items[number - 1];
    }
    if (!otc_buckets_load(&stream->buckets, known, in)) {
        return false;
    }
    /* Without memory it begins anew, as when points come. */
    stream->begun = otc__stream_charge_buckets(streams, stream) && stream->begun;
    return true;
}

static bool
load_stream(struct otc_metric_streams *streams, const struct numbered *bounds, struct otc_reader *in)
{
    struct otc_hash128 key;
    struct otc__stream *stream;
    uint64_t is;

    if (in->rest.len < sizeof(key)) {
        return false;
    }
    memcpy(&key, in->rest.data, sizeof(key));
    in->rest = otc_slice_skip(in->rest, sizeof(key));
    if (otc_map_count(streams->map) >= streams->limits.streams || otc_metric_streams_known(streams, key) ||
        !(stream = otc__stream_new(streams, key))) {
        return false;
    }
    is = otc_take_u64(in);
    stream->begun = is & STREAM_BEGUN;
    stream->seen_ns = otc_take_i64(in);
    stream->start = otc_take_u64(in);
    stream->time = otc_take_u64(in);
    stream->is_integer = is & STREAM_INTEGER;
    stream->value = load_number(stream->is_integer, in);
    for (int i = 0; i < 2 && (is & STREAM_PAIR); i++) {
        stream->part[i] = otc_take_f64(in);
        stream->part_time[i] = otc_take_u64(in);
    }
    return (!(is & STREAM_BUCKETS) || load_buckets(streams, stream, bounds, in)) && !in->failed;
}

bool
otc_metric_streams_load(struct otc_metric_streams *streams, struct otc_reader *in)
{
    struct numbered bounds = {0};
    bool done;
    size_t n;

    streams->seed = otc_take_u64(in);
    streams->limits.start_ns = otc_take_i64(in);
    done = load_bounds(&bounds, in);
    n = otc_take_count(in, sizeof(struct otc_hash128) + 5);
    for (size_t i = 0; done && i < n; i++) {
        done = load_stream(streams, &bounds, in);
    }
    free(bounds.items);
    return done && !in->failed;
}

void
otc_metric_streams_shift_monotonic(struct otc_metric_streams *streams, int64_t by_ns)
{
    for (struct otc__stream *stream = streams->oldest; stream; stream = stream->newer) {
        stream->seen_ns += by_ns;
    }
}
