// SPDX-License-Identifier: Apache-2.0
/* What comes new with each point of a stream: differences, resets, scales, identities, limits. */
#include "common/analysis/metric_streams.h"
#include "common/base/clock.h"
#include "common/otlp/build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START (INT64_C(1767225600) * OTC_SECOND)
#define AT(seconds) ((uint64_t)(START + (seconds)*OTC_SECOND))

static struct otc_metric_streams *
streams_new(size_t limit)
{
    const struct otc_metric_streams_limits limits = {
        .streams = limit, .expiration_ns = OTC_HOUR, .start_ns = START};
    struct otc_metric_streams *streams = otc_metric_streams_new(&limits);

    assert_non_null(streams);
    return streams;
}

static const struct otc_metric counter = {
    .name = "c", .type = OTC_METRIC_SUM, .monotonic = true, .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric histogram = {
    .name = "h", .type = OTC_METRIC_HISTOGRAM, .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric delta_histogram = {
    .name = "h", .type = OTC_METRIC_HISTOGRAM, .temporality = OTC_TEMPORALITY_DELTA};
static const struct otc_metric exponential = {
    .name = "e", .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM, .temporality = OTC_TEMPORALITY_CUMULATIVE};

/* One point on its way: built, walked, and given to the streams. */
struct step {
    struct otc_metric_streams *streams;
    const struct otc_metric *metric;
    struct otc_point_head head;
    double number;
    int64_t integer;
    bool is_integer;
    struct otc_histogram_value explicit_value;
    struct otc_exponential_value exponential_value;
    int64_t monotonic_ns;
    double factor;
    struct otc_delta delta;
    struct otc_hash128 identity;
};

static bool
visit(void *arg, const struct otc_point *point)
{
    struct step *step = arg;

    struct otc_stream_point seen;

    step->identity = otc_metric_streams_identity(step->streams, point);
    otc_metric_streams_read(step->streams, point, &seen);
    otc_metric_streams_add(step->streams, otc_metric_stream_key(step->identity, 0), &seen,
                           step->factor > 0 ? step->factor : 1, step->monotonic_ns, &step->delta);
    return true;
}

static struct otc_delta
run(struct step *step)
{
    struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "s", "1", 1 << 20);
    struct otc_buf request = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    size_t points = 0;

    assert_non_null(builder);
    if (step->metric->type == OTC_METRIC_HISTOGRAM) {
        assert_true(otc_build_histogram(builder, step->metric, &step->head, &step->explicit_value));
    } else if (step->metric->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM) {
        assert_true(otc_build_exponential(builder, step->metric, &step->head, &step->exponential_value));
    } else if (step->is_integer) {
        assert_true(otc_build_integer(builder, step->metric, &step->head, step->integer));
    } else {
        assert_true(otc_build_number(builder, step->metric, &step->head, step->number));
    }
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    otc_metric_streams_begin(step->streams);
    assert_int_equal(otc_walk_points(NULL, otc_buf_slice(&request), visit, step, &err), OTC_OK);
    otc_metrics_builder_free(builder);
    otc_buf_release(&request);
    return step->delta;
}

static struct otc_delta
count(struct otc_metric_streams *streams, uint64_t start, uint64_t time, double value)
{
    struct step step = {.streams = streams,
                        .metric = &counter,
                        .head = {.start_unix_nano = start, .time_unix_nano = time},
                        .number = value};

    return run(&step);
}

static void
grew(struct otc_delta delta, double number, double seconds)
{
    assert_int_equal(delta.kind, OTC_DELTA_NUMBER);
    assert_true(delta.grew);
    assert_true(delta.number == number);
    assert_true(delta.seconds == seconds);
}

static void
test_counters(void **state)
{
    struct otc_metric_streams *streams = streams_new(10);

    (void)state;
    /* It began before this process: what it counted until now is not new. */
    assert_int_equal(count(streams, AT(-100), AT(10), 1000).kind, OTC_DELTA_NONE);
    grew(count(streams, AT(-100), AT(25), 1030), 30, 15);
    /* The same point again, and one that comes late: the next difference holds them. */
    assert_int_equal(count(streams, AT(-100), AT(25), 1030).kind, OTC_DELTA_NONE);
    assert_int_equal(count(streams, AT(-100), AT(20), 1020).kind, OTC_DELTA_NONE);
    grew(count(streams, AT(-100), AT(40), 1040), 10, 15);
    /* It fell: all of it is new, since the last point. */
    grew(count(streams, AT(-100), AT(55), 7), 7, 15);
    /* It began again and has already passed its former value. */
    grew(count(streams, AT(60), AT(70), 50), 50, 10);
    /* A start within the time that was told already is jitter; one at the point's own time is not known. */
    grew(count(streams, AT(61), AT(85), 60), 10, 15);
    grew(count(streams, AT(100), AT(100), 65), 5, 15);
    grew(count(streams, 0, AT(115), 70), 5, 15);
    otc_metric_streams_free(streams);
}

static struct otc_delta
count_integer(struct otc_metric_streams *streams, int time, int64_t value, double factor)
{
    struct step step = {.streams = streams,
                        .metric = &counter,
                        .head = {.start_unix_nano = AT(-100), .time_unix_nano = AT(time)},
                        .integer = value,
                        .is_integer = true,
                        .factor = factor};

    return run(&step);
}

static void
test_integers_that_no_double_tells(void **state)
{
    static const struct {
        int64_t from, to;
        double factor, grown;
    } cases[] = {{9007199254740993, 9007199254740994, 1, 1},
                 {1700000000000000001, 1700000000000000101, 1, 100},
                 {36028797018963969, 36028797018964069, 1, 100},
                 {36028797018963969, 36028797018963969, 1, 0},
                 {INT64_MAX - 5, INT64_MAX, 1, 5},
                 {INT64_MIN, INT64_MAX, 1, 0x1p64},
                 {1000000000000, 1000000000001, 1e-3, 1e-3},
                 {4000000000000007, 4000000000000010, 1e-9, 3 * 1e-9},
                 /* It fell, by less than a double tells: all of it is new. */
                 {9007199254740993, 9007199254740992, 0.5, 0x1p52}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_metric_streams *streams = streams_new(10);

        assert_int_equal(count_integer(streams, 10, cases[i].from, cases[i].factor).kind, OTC_DELTA_NONE);
        grew(count_integer(streams, 25, cases[i].to, cases[i].factor), cases[i].grown, 15);
        otc_metric_streams_free(streams);
    }
}

static void
test_integers_and_doubles_of_one_stream(void **state)
{
    struct otc_metric_streams *streams = streams_new(10);

    (void)state;
    assert_int_equal(count_integer(streams, 0, 1000, 1).kind, OTC_DELTA_NONE);
    grew(count(streams, AT(-100), AT(15), 1000.5), 0.5, 15);
    grew(count_integer(streams, 30, 1002, 1), 1.5, 15);
    grew(count(streams, AT(-100), AT(45), 7), 7, 15);
    grew(count_integer(streams, 60, 3, 1), 3, 15);
    /* The same count as a double: it is rounded, and did not fall. From then on it is exact again. */
    grew(count_integer(streams, 75, 9007199254740993, 1), 9007199254740990, 15);
    grew(count(streams, AT(-100), AT(90), 9007199254740992), 0, 15);
    grew(count_integer(streams, 105, 9007199254740993, 1), 0, 15);
    grew(count_integer(streams, 120, 9007199254740994, 1), 1, 15);
    otc_metric_streams_free(streams);
}

static void
test_the_factor_multiplies_what_came_new(void **state)
{
    struct otc_metric_streams *streams = streams_new(10);
    struct step step = {.streams = streams,
                        .metric = &counter,
                        .head = {.start_unix_nano = AT(-100), .time_unix_nano = AT(0)},
                        .number = 1e12,
                        .factor = 1e-3};

    (void)state;
    assert_int_equal(run(&step).kind, OTC_DELTA_NONE);
    step.head.time_unix_nano = AT(15);
    step.number = 1e12 + 1;
    grew(run(&step), 1e-3, 15);
    step.head.time_unix_nano = AT(30);
    step.number = 5; /* anew */
    grew(run(&step), 5e-3, 15);
    otc_metric_streams_free(streams);
}

static void
test_a_stream_that_began_later_counts_from_its_beginning(void **state)
{
    struct otc_metric_streams *streams = streams_new(10);

    (void)state;
    grew(count(streams, AT(5), AT(20), 12), 12, 15);
    otc_metric_streams_free(streams);
    streams = streams_new(10);
    /* The start is that of the point: a scraper that knows no better. */
    assert_int_equal(count(streams, AT(20), AT(20), 12).kind, OTC_DELTA_NONE);
    assert_int_equal(otc_metric_streams_count(streams), 1);
    otc_metric_streams_free(streams);
}

static struct otc_delta
observe(struct otc_metric_streams *streams, const struct otc_metric *metric, int time, const uint64_t *counts,
        const double *bounds, size_t n)
{
    struct step step = {.streams = streams,
                        .metric = metric,
                        .head = {.start_unix_nano = AT(-100), .time_unix_nano = AT(time)},
                        .explicit_value = {.counts = counts, .bounds = bounds, .n_bounds = n}};

    return run(&step);
}

static void
holds(struct otc_delta delta, const uint64_t *counts, size_t n)
{
    uint64_t total = 0;

    assert_int_equal(delta.kind, OTC_DELTA_BUCKETS);
    assert_int_equal(delta.buckets->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(delta.buckets->counts[i], counts[i]);
        total += counts[i];
    }
    assert_int_equal(delta.buckets->total, total);
}

static void
test_histograms(void **state)
{
    static const double bounds[] = {1, 2, 5}, others[] = {1, 3, 5};
    struct otc_metric_streams *streams = streams_new(10);
    struct otc_delta delta;

    (void)state;
    assert_int_equal(observe(streams, &histogram, 0, (uint64_t[]){10, 10, 10, 10}, bounds, 3).kind,
                     OTC_DELTA_NONE);
    holds(observe(streams, &histogram, 15, (uint64_t[]){11, 10, 14, 10}, bounds, 3), (uint64_t[]){1, 0, 4, 0},
          4);
    /* One bucket fell: a new beginning, although the sum of all rose. */
    holds(observe(streams, &histogram, 30, (uint64_t[]){90, 2, 3, 0}, bounds, 3), (uint64_t[]){90, 2, 3, 0},
          4);
    /* A new release with other bounds: counted from here on. */
    assert_int_equal(observe(streams, &histogram, 45, (uint64_t[]){95, 5, 5, 5}, others, 3).kind,
                     OTC_DELTA_NONE);
    delta = observe(streams, &histogram, 60, (uint64_t[]){95, 5, 5, 9}, others, 3);
    holds(delta, (uint64_t[]){0, 0, 0, 4}, 4);
    assert_true(delta.buckets->bounds[1] == 3);
    holds(observe(streams, &delta_histogram, 61, (uint64_t[]){1, 2, 3, 4}, bounds, 3),
          (uint64_t[]){1, 2, 3, 4}, 4);
    otc_metric_streams_free(streams);
}

static void
test_sums_of_histograms_are_multiplied_last(void **state)
{
    static const double bounds[] = {1000, 2000};
    struct otc_metric_streams *streams = streams_new(10);
    uint64_t counts[] = {UINT64_C(9007199254740993), 0, 5};
    struct step step = {
        .streams = streams,
        .metric = &histogram,
        .head = {.start_unix_nano = AT(-100), .time_unix_nano = AT(0)},
        .explicit_value = {.counts = counts, .bounds = bounds, .n_bounds = 2, .has_sum = true, .sum = 1e12},
        .factor = 1e-3};
    struct otc_delta delta;

    (void)state;
    assert_int_equal(run(&step).kind, OTC_DELTA_NONE);
    counts[0]++;
    step.head.time_unix_nano = AT(15);
    step.explicit_value.sum = 1e12 + 1;
    delta = run(&step);
    holds(delta, (uint64_t[]){1, 0, 0}, 3);
    assert_true(delta.buckets->sum == 1e-3 && delta.buckets->bounds[0] == 1);
    /* A new beginning, and a delta as it is. */
    counts[0] = 2;
    step.head.time_unix_nano = AT(30);
    step.explicit_value.sum = 3000;
    assert_true(run(&step).buckets->sum == 3);
    step.metric = &delta_histogram;
    assert_true(run(&step).buckets->sum == 3);
    otc_metric_streams_free(streams);
}

static void
test_buckets_that_tell_nothing(void **state)
{
    static const double falling[] = {2, 1}, endless[] = {1, INFINITY}, odd[] = {1, NAN};
    struct otc_metric_streams *streams = streams_new(10);

    (void)state;
    assert_int_equal(observe(streams, &delta_histogram, 0, (uint64_t[]){1, 1, 1}, falling, 2).kind,
                     OTC_DELTA_UNREADABLE);
    assert_int_equal(observe(streams, &delta_histogram, 0, (uint64_t[]){1, 1, 1}, odd, 2).kind,
                     OTC_DELTA_UNREADABLE);
    /* Only a count and a sum. */
    assert_int_equal(observe(streams, &delta_histogram, 0, (uint64_t[]){3}, odd, 0).kind,
                     OTC_DELTA_UNREADABLE);
    /* +Inf written out, as Prometheus has it. */
    holds(observe(streams, &delta_histogram, 0, (uint64_t[]){1, 2, 0}, endless, 2), (uint64_t[]){1, 2}, 2);
    otc_metric_streams_free(streams);
}

static struct otc_delta
observe_exponential(struct otc_metric_streams *streams, int time, int32_t scale, int32_t offset,
                    uint64_t zero, double threshold, const uint64_t *counts, size_t n)
{
    struct step step = {.streams = streams,
                        .metric = &exponential,
                        .head = {.start_unix_nano = AT(-100), .time_unix_nano = AT(time)},
                        .exponential_value = {.scale = scale,
                                              .zero_count = zero,
                                              .zero_threshold = threshold,
                                              .positive_offset = offset,
                                              .positive = counts,
                                              .n_positive = n}};

    return run(&step);
}

static void
test_exponential_histograms_change_their_scale(void **state)
{
    struct otc_metric_streams *streams = streams_new(10);
    struct otc_delta delta;

    (void)state;
    assert_int_equal(observe_exponential(streams, 0, 2, -3, 1, 0, (uint64_t[]){1, 2, 3, 4, 5}, 5).kind,
                     OTC_DELTA_NONE);
    /* Indices -3 ... 1 at scale 2 are -2 (3 values: -3 and none of -4), -1, 0 at scale 1: {1, 5, 9}. */
    delta = observe_exponential(streams, 15, 1, -2, 4, 0, (uint64_t[]){1, 6, 9, 0, 2}, 5);
    holds((struct otc_delta){delta.kind, 0, 0, false,
                             &(struct otc_buckets){.counts = delta.buckets->counts,
                                                   .n = 5,
                                                   .total = delta.buckets->total - delta.buckets->zero}},
          (uint64_t[]){0, 1, 0, 0, 2}, 5);
    assert_int_equal(delta.buckets->scale, 1);
    assert_int_equal(delta.buckets->offset, -2);
    assert_int_equal(delta.buckets->zero, 3);
    assert_int_equal(delta.buckets->total, 6);
    /* It fell: a new beginning, at a finer scale. */
    delta = observe_exponential(streams, 30, 4, 0, 0, 0, (uint64_t[]){3}, 1);
    assert_int_equal(delta.buckets->scale, 4); /* compared at the coarser scale, told as it is */
    assert_int_equal(delta.buckets->total, 3);
    otc_metric_streams_free(streams);
}

static void
test_a_zero_bucket_that_widens_takes_its_neighbours_in(void **state)
{
    struct otc_metric_streams *streams = streams_new(10);
    struct otc_delta delta;

    (void)state;
    /* Scale 0: (1/8, 1/4], (1/4, 1/2], (1/2, 1]. */
    assert_int_equal(observe_exponential(streams, 0, 0, -3, 1, 0, (uint64_t[]){10, 20, 30}, 3).kind,
                     OTC_DELTA_NONE);
    delta = observe_exponential(streams, 15, 0, -2, 13, 0.25, (uint64_t[]){21, 30}, 2);
    assert_int_equal(delta.kind, OTC_DELTA_BUCKETS);
    assert_int_equal(delta.buckets->zero, 2);
    assert_int_equal(delta.buckets->counts[0], 1);
    assert_int_equal(delta.buckets->total, 3);
    otc_metric_streams_free(streams);
}

static void
test_identities(void **state)
{
    const struct otc_attribute one[] = {OTC_ATTR_STR("a", "1"), OTC_ATTR_STR("b", "2")};
    const struct otc_attribute turned[] = {OTC_ATTR_STR("b", "2"), OTC_ATTR_STR("a", "1")};
    const struct otc_attribute crossed[] = {OTC_ATTR_STR("a", "2"), OTC_ATTR_STR("b", "1")};
    const struct otc_attribute typed[] = {OTC_ATTR_INT("a", 1), OTC_ATTR_STR("b", "2")};
    const struct otc_attribute *const sets[] = {one, turned, crossed, typed};
    struct otc_metric_streams *streams = streams_new(10);
    struct otc_hash128 hashes[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct step step = {.streams = streams,
                            .metric = &counter,
                            .head = {.attributes = sets[i], .n_attributes = 2, .time_unix_nano = AT(1)}};

        (void)run(&step);
        hashes[i] = step.identity;
    }
    assert_memory_equal(&hashes[0], &hashes[1], sizeof(hashes[0]));
    assert_memory_not_equal(&hashes[0], &hashes[2], sizeof(hashes[0]));
    assert_memory_not_equal(&hashes[0], &hashes[3], sizeof(hashes[0]));
    assert_int_equal(otc_metric_streams_count(streams), 3);
    otc_metric_streams_free(streams);
}

static struct otc_delta
of_pod(struct otc_metric_streams *streams, int64_t pod, uint64_t time, int64_t monotonic_ns)
{
    const struct otc_attribute attribute = OTC_ATTR_INT("pod", pod);
    struct step step = {.streams = streams,
                        .metric = &counter,
                        .head = {.attributes = &attribute,
                                 .n_attributes = 1,
                                 .start_unix_nano = AT(-100),
                                 .time_unix_nano = time},
                        .number = 5,
                        .monotonic_ns = monotonic_ns};

    return run(&step);
}

static void
test_limits(void **state)
{
    struct otc_metric_streams *streams = streams_new(2);

    (void)state;
    assert_int_equal(of_pod(streams, 1, AT(0), 0).kind, OTC_DELTA_NONE);
    assert_int_equal(of_pod(streams, 2, AT(0), OTC_MINUTE).kind, OTC_DELTA_NONE);
    assert_int_equal(of_pod(streams, 3, AT(0), 2 * OTC_MINUTE).kind, OTC_DELTA_NO_ROOM);
    /* Pod 1 was not seen for five minutes and gives way. */
    assert_int_equal(of_pod(streams, 3, AT(0), 5 * OTC_MINUTE).kind, OTC_DELTA_NONE);
    assert_int_equal(of_pod(streams, 2, AT(15), 5 * OTC_MINUTE).kind, OTC_DELTA_NUMBER);
    assert_int_equal(of_pod(streams, 1, AT(15), 5 * OTC_MINUTE).kind, OTC_DELTA_NO_ROOM);
    otc_metric_streams_expire(streams, 65 * OTC_MINUTE - 1);
    assert_int_equal(otc_metric_streams_count(streams), 2);
    otc_metric_streams_expire(streams, 65 * OTC_MINUTE);
    assert_int_equal(otc_metric_streams_count(streams), 0);
    otc_metric_streams_free(streams);
}

struct purse {
    size_t used, limit;
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

static void
test_memory_is_charged_and_given_back(void **state)
{
    static const double bounds[] = {1, 2, 5};
    struct purse purse = {.limit = 1 << 16};
    const struct otc_metric_streams_limits limits = {.streams = 10,
                                                     .expiration_ns = OTC_HOUR,
                                                     .start_ns = START,
                                                     .take = take,
                                                     .give = give,
                                                     .arg = &purse};
    struct otc_metric_streams *streams = otc_metric_streams_new(&limits);
    size_t used;

    (void)state;
    assert_non_null(streams);
    (void)observe(streams, &histogram, 0, (uint64_t[]){10, 10, 10, 10}, bounds, 3);
    used = purse.used;
    assert_true(used > 4 * sizeof(uint64_t));
    (void)observe(streams, &histogram, 15, (uint64_t[]){11, 10, 10, 10}, bounds, 3);
    assert_int_equal(purse.used, used);
    purse.limit = used;
    assert_int_equal(of_pod(streams, 1, AT(0), 0).kind, OTC_DELTA_NO_MEMORY);
    otc_metric_streams_free(streams);
    assert_int_equal(purse.used, 0);
}

static void
test_pairs_meet_at_their_time(void **state)
{
    struct otc_metric_streams *streams = streams_new(10);
    const struct otc_hash128 key = {1, 2};
    double both[2];

    (void)state;
    assert_false(otc_metric_streams_pair(streams, key, 0, AT(1), 3, 0, both));
    assert_false(otc_metric_streams_pair(streams, key, 1, AT(2), 4, 0, both));
    assert_true(otc_metric_streams_pair(streams, key, 0, AT(2), 6, 0, both));
    assert_true(both[0] == 6 && both[1] == 4);
    otc_metric_streams_free(streams);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_integers_that_no_double_tells),
        cmocka_unit_test(test_integers_and_doubles_of_one_stream),
        cmocka_unit_test(test_the_factor_multiplies_what_came_new),
        cmocka_unit_test(test_a_stream_that_began_later_counts_from_its_beginning),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_sums_of_histograms_are_multiplied_last),
        cmocka_unit_test(test_buckets_that_tell_nothing),
        cmocka_unit_test(test_exponential_histograms_change_their_scale),
        cmocka_unit_test(test_a_zero_bucket_that_widens_takes_its_neighbours_in),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory_is_charged_and_given_back),
        cmocka_unit_test(test_pairs_meet_at_their_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
