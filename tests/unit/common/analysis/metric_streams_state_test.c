// SPDX-License-Identifier: Apache-2.0
/* Streams of metrics, and points of a journal, as bytes and back: what comes new after it is what would have
 * come new without; damage is refused and leaves nothing charged. */
#include "common/analysis/metric_streams.h"
#include "common/base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define START (INT64_C(1767225600) * OTC_SECOND)
#define AT(seconds) ((uint64_t)(START + (seconds)*OTC_SECOND))
#define KEY(number) ((struct otc_hash128){(number), 77})

struct purse {
    size_t limit, used;
};

static bool
take(void *arg, size_t bytes)
{
    struct purse *purse = arg;

    if (bytes > purse->limit - purse->used) {
        return false;
    }
    purse->used += bytes;
    return true;
}

static void
give(void *arg, size_t bytes)
{
    ((struct purse *)arg)->used -= bytes;
}

static struct otc_metric_streams *
streams_new(struct purse *purse, size_t limit, int64_t start_ns)
{
    const struct otc_metric_streams_limits limits = {.streams = limit,
                                                     .expiration_ns = OTC_HOUR,
                                                     .start_ns = start_ns,
                                                     .take = take,
                                                     .give = give,
                                                     .arg = purse};
    struct otc_metric_streams *streams = otc_metric_streams_new(&limits);

    assert_non_null(streams);
    return streams;
}

/* ---- Points --------------------------------------------------------------------------------------- */

static const double bounds[] = {0.5, 1, 2.5}, other_bounds[] = {1, 10};
static const uint64_t counts[] = {3, 0, 7, 1};

static struct otc_stream_point
point_of(enum otc_metric_type type, int seconds, double number, const struct otc_buckets *buckets)
{
    return (struct otc_stream_point){.type = type,
                                     .temporality = OTC_TEMPORALITY_CUMULATIVE,
                                     .monotonic = true,
                                     .start = AT(-500),
                                     .time = AT(seconds),
                                     .number = {.real = number},
                                     .buckets = buckets};
}

static struct otc_stream_point
integer_of(enum otc_metric_type type, int seconds, int64_t number)
{
    struct otc_stream_point point = point_of(type, seconds, 0, NULL);

    point.is_integer = true;
    point.number.integer = number;
    return point;
}

static struct otc_buckets
explicit_buckets(const double *its_bounds, size_t n)
{
    return (struct otc_buckets){.kind = OTC_BUCKETS_EXPLICIT,
                                .bounds = (double *)(uintptr_t)its_bounds,
                                .counts = (uint64_t *)(uintptr_t)counts,
                                .n = n,
                                .total = 11,
                                .sum = 4.5,
                                .has_sum = true};
}

static struct otc_buckets
exponential_buckets(void)
{
    return (struct otc_buckets){.kind = OTC_BUCKETS_EXPONENTIAL,
                                .counts = (uint64_t *)(uintptr_t)counts,
                                .n = 4,
                                .scale = -3,
                                .offset = -17,
                                .zero = 5,
                                .zero_threshold = 1e-9,
                                .total = 16};
}

/* Points of all sorts, each with a stream of its own; the third counter stands for a pair. */
static void
fill(struct otc_metric_streams *streams, int seconds)
{
    const struct otc_buckets all[] = {explicit_buckets(bounds, 4), explicit_buckets(bounds, 4),
                                      explicit_buckets(other_bounds, 3), exponential_buckets()};
    struct otc_delta delta;
    double pair[2];

    for (uint64_t i = 0; i < 4; i++) {
        const struct otc_stream_point point =
            point_of(i == 3 ? OTC_METRIC_EXPONENTIAL_HISTOGRAM : OTC_METRIC_HISTOGRAM, seconds, NAN, &all[i]);

        otc_metric_streams_add(streams, KEY(i), &point, 1, seconds * OTC_SECOND, &delta);
    }
    {
        const struct otc_stream_point point = point_of(OTC_METRIC_SUM, seconds, 12.5, NULL);

        otc_metric_streams_add(streams, KEY(4), &point, 1, seconds * OTC_SECOND, &delta);
    }
    (void)otc_metric_streams_pair(streams, KEY(5), 1, AT(seconds), 3, seconds * OTC_SECOND, pair);
    otc_metric_streams_see(streams, KEY(6), seconds * OTC_SECOND);
}

static void
assert_same(const struct otc_stream_point *back, const struct otc_stream_point *point)
{
    assert_int_equal(back->type, point->type);
    assert_int_equal(back->temporality, point->temporality);
    assert_int_equal(back->monotonic, point->monotonic);
    assert_int_equal(back->flags, point->flags);
    assert_int_equal(back->start, point->start);
    assert_int_equal(back->time, point->time);
    assert_int_equal(back->readable, point->readable);
    assert_int_equal(back->is_integer, point->is_integer);
    assert_memory_equal(&back->number, &point->number, sizeof(back->number));
    if (point->buckets && point->readable == OTC_OK) {
        assert_true(otc_buckets_comparable(back->buckets, point->buckets));
        assert_int_equal(back->buckets->total, point->buckets->total);
        assert_memory_equal(back->buckets->counts, counts, sizeof(counts));
        assert_int_equal(back->buckets->zero, point->buckets->zero);
        assert_int_equal(back->buckets->scale, point->buckets->scale);
        assert_int_equal(back->buckets->offset, point->buckets->offset);
        assert_true(back->buckets->sum == point->buckets->sum);
    }
}

static void
test_points(void **state)
{
    const struct otc_buckets buckets[] = {explicit_buckets(bounds, 4), exponential_buckets()};
    struct otc_stream_point points[] = {point_of(OTC_METRIC_HISTOGRAM, 1, 0, &buckets[0]),
                                        point_of(OTC_METRIC_EXPONENTIAL_HISTOGRAM, 2, 0, &buckets[1]),
                                        point_of(OTC_METRIC_SUM, 3, -0.0, NULL),
                                        point_of(OTC_METRIC_GAUGE, 4, NAN, NULL),
                                        point_of(OTC_METRIC_HISTOGRAM, 5, 0, &buckets[0]),
                                        point_of(OTC_METRIC_HISTOGRAM, 6, 0, &buckets[0]),
                                        point_of(OTC_METRIC_SUMMARY, 7, 0, NULL),
                                        integer_of(OTC_METRIC_SUM, 8, 9007199254740993),
                                        integer_of(OTC_METRIC_SUM, 9, INT64_MAX),
                                        integer_of(OTC_METRIC_GAUGE, 10, INT64_MIN)};
    struct purse purse = {.limit = 1 << 20};
    struct otc_metric_streams *streams = streams_new(&purse, 10, START);

    (void)state;
    points[2].monotonic = false;
    points[3].flags = OTC_POINT_NO_RECORDED_VALUE;
    points[4].readable = OTC_INVALID_ARGUMENT;
    points[5].readable = OTC_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
        struct otc_stream_point back;
        struct otc_reader in;

        otc_stream_point_save(&points[i], &bytes);
        in = otc_reader_of(otc_buf_slice(&bytes));
        assert_true(otc_metric_streams_load_point(streams, &in, &back));
        assert_int_equal(in.rest.len, 0);
        assert_same(&back, &points[i]);
        for (size_t len = 0; len < bytes.len; len++) { /* cut off anywhere */
            in = otc_reader_of(otc_slice_of(bytes.data, len));
            assert_false(otc_metric_streams_load_point(streams, &in, &back));
        }
    }
    otc_metric_streams_free(streams);
}

/* ---- Streams -------------------------------------------------------------------------------------- */

static struct otc_metric_streams *
restored(struct purse *purse, struct otc_slice bytes)
{
    struct otc_metric_streams *streams = streams_new(purse, 10, START + OTC_HOUR);
    struct otc_reader in = otc_reader_of(bytes);

    assert_true(otc_metric_streams_load(streams, &in));
    assert_int_equal(in.rest.len, 0);
    return streams;
}

static void
test_streams_go_on(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16}, again = {.limit = 1 << 16};
    struct purse purses[2] = {{.limit = 1 << 20}, {.limit = 1 << 20}};
    struct otc_metric_streams *before = streams_new(&purses[0], 10, START), *after;
    struct otc_buckets buckets = explicit_buckets(bounds, 4);
    struct otc_stream_point point;
    struct otc_delta delta;
    double pair[2];

    (void)state;
    fill(before, 10);
    otc_metric_streams_save(before, &bytes);
    after = restored(&purses[1], otc_buf_slice(&bytes));
    otc_metric_streams_save(after, &again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    assert_int_equal(otc_metric_streams_count(after), 7);
    assert_int_equal(purses[1].used, purses[0].used);
    /* A histogram's difference to the point of the former life, a counter's, a pair's other half. */
    point = point_of(OTC_METRIC_HISTOGRAM, 20, NAN, &buckets);
    buckets.counts = (uint64_t[]){3, 2, 7, 2};
    otc_metric_streams_add(after, KEY(1), &point, 1, 20 * OTC_SECOND, &delta);
    assert_int_equal(delta.kind, OTC_DELTA_BUCKETS);
    assert_memory_equal(delta.buckets->counts, ((uint64_t[]){0, 2, 0, 1}), sizeof(counts));
    point = point_of(OTC_METRIC_SUM, 20, 14, NULL);
    otc_metric_streams_add(after, KEY(4), &point, 1, 20 * OTC_SECOND, &delta);
    assert_true(delta.kind == OTC_DELTA_NUMBER && delta.number == 1.5 && delta.seconds == 10);
    assert_true(otc_metric_streams_pair(after, KEY(5), 0, AT(10), 9, 20 * OTC_SECOND, pair));
    assert_true(pair[0] == 9 && pair[1] == 3);
    assert_true(otc_metric_streams_known(after, KEY(6)));
    /* A stream that began while nobody looked began after the first life did: all of it is new. */
    point.start = AT(30);
    point.time = AT(40);
    otc_metric_streams_add(after, KEY(8), &point, 1, 40 * OTC_SECOND, &delta);
    assert_true(delta.kind == OTC_DELTA_NUMBER && delta.number == 14);
    otc_metric_streams_free(before);
    otc_metric_streams_free(after);
    assert_int_equal(purses[1].used, 0);
}

/* Integers as they were: what no double tells, and after it a double and an integer again. */
static void
test_integers_go_on(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
    struct purse purses[2] = {{.limit = 1 << 20}, {.limit = 1 << 20}};
    struct otc_metric_streams *before = streams_new(&purses[0], 10, START), *after;
    const struct otc_stream_point points[] = {integer_of(OTC_METRIC_SUM, 10, 9007199254740993),
                                              integer_of(OTC_METRIC_SUM, 10, 1700000000000000001),
                                              integer_of(OTC_METRIC_SUM, 10, 1000000000000)};
    static const int64_t next[] = {9007199254740994, 1700000000000000101, 1000000000001};
    static const double factors[] = {1, 1, 1e-3}, grown[] = {1, 100, 1e-3};
    struct otc_delta delta;

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        otc_metric_streams_add(before, KEY(i), &points[i], factors[i], 10 * OTC_SECOND, &delta);
    }
    otc_metric_streams_save(before, &bytes);
    after = restored(&purses[1], otc_buf_slice(&bytes));
    for (uint64_t i = 0; i < 3; i++) {
        const struct otc_stream_point point = integer_of(OTC_METRIC_SUM, 20, next[i]);

        otc_metric_streams_add(after, KEY(i), &point, factors[i], 20 * OTC_SECOND, &delta);
        assert_true(delta.kind == OTC_DELTA_NUMBER && delta.number == grown[i] && delta.seconds == 10);
    }
    otc_metric_streams_free(before);
    otc_metric_streams_free(after);
}

/* The source began anew meanwhile: a later start, or counts that fell. */
static void
test_sources_that_began_anew(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
    struct purse purses[2] = {{.limit = 1 << 20}, {.limit = 1 << 20}};
    struct otc_metric_streams *before = streams_new(&purses[0], 10, START), *after;
    struct otc_buckets buckets = explicit_buckets(bounds, 4);
    struct otc_stream_point point;
    struct otc_delta delta;

    (void)state;
    fill(before, 10);
    otc_metric_streams_save(before, &bytes);
    after = restored(&purses[1], otc_buf_slice(&bytes));
    point = point_of(OTC_METRIC_HISTOGRAM, 60, NAN, &buckets);
    buckets.counts = (uint64_t[]){50, 60, 70, 80};
    point.start = AT(50);
    otc_metric_streams_add(after, KEY(0), &point, 1, 60 * OTC_SECOND, &delta);
    assert_int_equal(delta.kind, OTC_DELTA_BUCKETS);
    assert_memory_equal(delta.buckets->counts, buckets.counts, sizeof(counts));
    point.start = AT(-500);
    buckets.counts = (uint64_t[]){2, 9, 9, 9};
    otc_metric_streams_add(after, KEY(1), &point, 1, 60 * OTC_SECOND, &delta);
    assert_memory_equal(delta.buckets->counts, buckets.counts, sizeof(counts));
    point = point_of(OTC_METRIC_SUM, 60, 4, NULL);
    otc_metric_streams_add(after, KEY(4), &point, 1, 60 * OTC_SECOND, &delta);
    assert_true(delta.number == 4);
    otc_metric_streams_free(before);
    otc_metric_streams_free(after);
}

static void
test_time_goes_on_by_the_new_clock(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
    struct purse purses[2] = {{.limit = 1 << 20}, {.limit = 1 << 20}};
    struct otc_metric_streams *before = streams_new(&purses[0], 10, START), *after;

    (void)state;
    fill(before, 10);
    otc_metric_streams_save(before, &bytes);
    after = restored(&purses[1], otc_buf_slice(&bytes));
    otc_metric_streams_shift_monotonic(after, -5 * OTC_DAY); /* the machine was started meanwhile */
    otc_metric_streams_expire(after, 10 * OTC_SECOND - 5 * OTC_DAY + OTC_HOUR - 1);
    assert_int_equal(otc_metric_streams_count(after), 7);
    otc_metric_streams_expire(after, 10 * OTC_SECOND - 5 * OTC_DAY + OTC_HOUR);
    assert_int_equal(otc_metric_streams_count(after), 0);
    assert_int_equal(purses[1].used, 0);
    otc_metric_streams_free(before);
    otc_metric_streams_free(after);
}

/* Cut off, or any byte another: refused, or streams that go on; and nothing stays charged. */
static void
test_damage(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
    struct purse purses[2] = {{.limit = 1 << 20}, {.limit = 1 << 14}};
    struct otc_metric_streams *before = streams_new(&purses[0], 10, START);

    (void)state;
    fill(before, 10);
    otc_metric_streams_save(before, &bytes);
    for (size_t i = 0; i < bytes.len * 4; i++) {
        struct otc_metric_streams *after = streams_new(&purses[1], 10, START);
        size_t at = i % bytes.len;
        uint8_t whole = bytes.data[at];
        struct otc_reader in = otc_reader_of(otc_slice_of(bytes.data, i < bytes.len ? at : bytes.len));
        bool done;

        if (i >= bytes.len) {
            bytes.data[at] = i / bytes.len == 1 ? (uint8_t)~whole : i / bytes.len == 2 ? 0xff : 0;
        }
        done = otc_metric_streams_load(after, &in);
        assert_false(done && i < bytes.len);
        if (done) {
            fill(after, 20);
        }
        otc_metric_streams_clear(after, START);
        assert_int_equal(purses[1].used, 0);
        otc_metric_streams_free(after);
        bytes.data[at] = whole;
    }
    otc_metric_streams_free(before);
}

static void
test_there_is_room_or_it_is_refused(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
    struct purse purses[2] = {{.limit = 1 << 20}, {.limit = 1 << 20}};
    struct otc_metric_streams *before = streams_new(&purses[0], 10, START);
    struct otc_metric_streams *after = streams_new(&purses[1], 6, START); /* of seven */
    struct otc_reader in;

    (void)state;
    fill(before, 10);
    otc_metric_streams_save(before, &bytes);
    in = otc_reader_of(otc_buf_slice(&bytes));
    assert_false(otc_metric_streams_load(after, &in));
    otc_metric_streams_free(after);
    purses[1].limit = 300;
    after = streams_new(&purses[1], 10, START);
    in = otc_reader_of(otc_buf_slice(&bytes));
    assert_false(otc_metric_streams_load(after, &in));
    otc_metric_streams_free(after);
    otc_metric_streams_free(before);
    assert_int_equal(purses[1].used, 0);
}

/* A histogram's stream without memory for its buckets gets none at the next point either, and what the
 * streams hold finds the same room again. */
static void
test_no_memory_stays_no_memory(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
    struct purse purse = {.limit = 1 << 20}, same;
    struct otc_metric_streams *streams = streams_new(&purse, 10, START), *after;
    struct otc_buckets buckets = explicit_buckets(bounds, 4);
    struct otc_stream_point point = point_of(OTC_METRIC_HISTOGRAM, 1, NAN, &buckets);
    struct otc_reader in;
    struct otc_delta delta;

    (void)state;
    for (uint64_t i = 1; i <= 5; i++) {
        otc_metric_streams_see(streams, KEY(i), 0); /* what streams take without buckets */
    }
    purse.limit = purse.used;
    otc_metric_streams_add(streams, KEY(1), &point, 1, OTC_SECOND, &delta);
    assert_int_equal(delta.kind, OTC_DELTA_NO_MEMORY);
    point.time = AT(2);
    otc_metric_streams_add(streams, KEY(1), &point, 1, 2 * OTC_SECOND, &delta);
    assert_int_equal(delta.kind, OTC_DELTA_NO_MEMORY);
    for (uint64_t i = 2; i <= 5; i++) {
        otc_metric_streams_see(streams, KEY(i), 2 * OTC_SECOND);
    }
    otc_metric_streams_save(streams, &bytes);
    same = (struct purse){.limit = purse.limit};
    after = streams_new(&same, 10, START);
    in = otc_reader_of(otc_buf_slice(&bytes));
    assert_true(otc_metric_streams_load(after, &in));
    otc_metric_streams_free(after);
    otc_metric_streams_free(streams);
}

/* What fits before fits after, however its buckets grew to what they are. */
static void
test_grown_buckets_fit_again(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16};
    static const uint64_t many[25] = {[0] = 1, [19] = 1, [24] = 1};
    struct purse purse = {.limit = 1 << 20}, same;
    struct otc_metric_streams *streams = streams_new(&purse, 10, START), *after;
    struct otc_buckets buckets = exponential_buckets();
    struct otc_reader in;
    struct otc_delta delta;

    (void)state;
    buckets.counts = (uint64_t *)(uintptr_t)many;
    for (int i = 0; i < 2; i++) {
        for (uint64_t key = 1; key <= 2; key++) {
            const struct otc_stream_point point =
                point_of(OTC_METRIC_EXPONENTIAL_HISTOGRAM, i, NAN, &buckets);

            buckets.n = i == 0 ? 20 : 25;
            otc_metric_streams_add(streams, KEY(key), &point, 1, i * OTC_SECOND, &delta);
        }
    }
    otc_metric_streams_save(streams, &bytes);
    same = (struct purse){.limit = purse.used};
    after = streams_new(&same, 10, START);
    in = otc_reader_of(otc_buf_slice(&bytes));
    assert_true(otc_metric_streams_load(after, &in));
    assert_true(same.used <= purse.used);
    otc_metric_streams_free(after);
    otc_metric_streams_free(streams);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grown_buckets_fit_again),
        cmocka_unit_test(test_no_memory_stays_no_memory),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_streams_go_on),
        cmocka_unit_test(test_integers_go_on),
        cmocka_unit_test(test_sources_that_began_anew),
        cmocka_unit_test(test_time_goes_on_by_the_new_clock),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_there_is_room_or_it_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
