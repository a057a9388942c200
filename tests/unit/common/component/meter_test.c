// SPDX-License-Identifier: Apache-2.0
#include "common/component/meter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static const struct otc_instrument in = {"aimon_in", "{item}", "In.", OTC_COUNTER};
static const struct otc_instrument out = {"aimon_out", "{item}", "Out.", OTC_COUNTER};
static const struct otc_instrument held = {"aimon_held", "{item}", "Held.", OTC_UP_DOWN_COUNTER};
static const struct otc_instrument level = {"aimon_level", "By", "Level.", OTC_GAUGE};

static void
series_are_shared_by_name_and_labels(void **state)
{
    struct otc_meter *meter = otc_meter_new(3);
    const struct otc_label one[] = {{"a", "1"}, {"b", "2"}}, other[] = {{"b", "2"}, {"a", "1"}},
                           third[] = {{"a", "1"}};
    struct otc_series *series = otc_meter_series(meter, &in, one, 2);
    const struct otc_count counts[] = {
        {series, 5}, {NULL, 7}, {otc_meter_series(meter, &level, NULL, 0), 42}};

    (void)state;
    assert_ptr_equal(otc_meter_series(meter, &in, other, 2), series);
    assert_ptr_not_equal(otc_meter_series(meter, &in, third, 1), series);
    assert_null(otc_meter_series(meter, &out, NULL, 0));
    assert_int_equal(otc_meter_refused(meter), 1);
    otc_meter_add(meter, counts, 3);
    otc_meter_add(meter, counts, 3);
    assert_int_equal(otc_series_value(series), 10);
    assert_int_equal(otc_series_value(counts[2].series), 42);
    assert_int_equal(otc_series_value(NULL), 0);
    otc_meter_free(meter);
}

struct balance {
    struct otc_meter *meter;
    struct otc_series *in, *out, *held;
    atomic_bool stop;
};

static void *
work(void *arg)
{
    struct balance *b = arg;
    const struct otc_count take[] = {{b->in, 3}, {b->held, 3}}, give[] = {{b->held, -3}, {b->out, 3}};

    for (int i = 0; i < 20000; i++) {
        otc_meter_add(b->meter, take, 2);
        otc_meter_add(b->meter, give, 2);
    }
    return NULL;
}

struct sums {
    int64_t in, out, held;
};

static void
sum(void *arg, const struct otc_instrument *instrument, const struct otc_label *labels, size_t n,
    int64_t value)
{
    struct sums *sums = arg;

    (void)labels;
    (void)n;
    sums->in += strcmp(instrument->name, "aimon_in") == 0 ? value : 0;
    sums->out += strcmp(instrument->name, "aimon_out") == 0 ? value : 0;
    sums->held += strcmp(instrument->name, "aimon_held") == 0 ? value : 0;
}

static void
a_scrape_sees_whole_changes(void **state)
{
    struct balance b = {.meter = otc_meter_new(10)};
    pthread_t threads[2];
    int scrapes = 0;

    (void)state;
    b.in = otc_meter_series(b.meter, &in, NULL, 0);
    b.out = otc_meter_series(b.meter, &out, NULL, 0);
    b.held = otc_meter_series(b.meter, &held, NULL, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &b), 0);
    }
    for (; scrapes < 2000; scrapes++) {
        struct sums sums = {0, 0, 0};

        assert_true(otc_meter_visit(b.meter, sum, &sums));
        assert_true(sums.in == sums.out + sums.held);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(otc_series_value(b.out), 2 * 20000 * 3);
    assert_int_equal(otc_series_value(b.held), 0);
    otc_meter_free(b.meter);
}

static bool
note_point(void *arg, const struct otc_point *point)
{
    const struct otc_point **last = arg;
    static struct otc_point copy;

    copy = *point;
    *last = &copy;
    return true;
}

static const struct otc_meter_view view = {.start_unix_nano = 1000, .now_unix_nano = 2000};

static void
series_become_otlp(void **state)
{
    struct otc_meter *meter = otc_meter_new(10);
    const struct otc_label labels[] = {{"exporter", "otlp_grpc"}};
    const struct otc_count count = {otc_meter_series(meter, &in, labels, 1), 7};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "scope", "1", 100000);
    OTC_AUTO_BUF struct otc_buf buf = {.limit = 100000};
    const struct otc_point *point = NULL;
    size_t points = 0;

    (void)state;
    otc_meter_add(meter, &count, 1);
    assert_true(otc_meter_collect(meter, builder, &view));
    assert_true(otc_metrics_builder_finish(builder, &buf, &points));
    assert_int_equal(points, 1);
    assert_int_equal(otc_walk_points(NULL, otc_buf_slice(&buf), note_point, &point, NULL), OTC_OK);
    assert_non_null(point);
    assert_int_equal(point->type, OTC_METRIC_SUM);
    assert_true(point->monotonic);
    assert_int_equal(point->temporality, OTC_TEMPORALITY_CUMULATIVE);
    assert_int_equal(point->value.as.integer, 7);
    assert_int_equal(point->start_unix_nano, 1000);
    assert_int_equal(point->time_unix_nano, 2000);
    otc_metrics_builder_free(builder);
    otc_meter_free(meter);
}

static void
a_histogram_has_its_buckets(void **state)
{
    static const double bounds[] = {10, 25, 50};
    static const struct otc_instrument sizes = {"sizes", "{units}", "What was sent.", OTC_HISTOGRAM};
    struct otc_meter *meter = otc_meter_new(10);
    const struct otc_label labels[] = {{"processor", "batch"}};
    struct otc_series *number = otc_meter_series(meter, &in, labels, 1);
    struct otc_series *series = otc_meter_histogram(meter, &sizes, bounds, 3, labels, 1);
    const struct otc_count counts[] = {{number, 3}, {series, 10}, {series, 11}, {series, 51}, {series, 0}};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "scope", "1", 100000);
    OTC_AUTO_BUF struct otc_buf buf = {.limit = 100000};
    const struct otc_point *point = NULL;
    size_t points = 0;

    (void)state;
    otc_meter_add(meter, counts, 5);
    assert_int_equal(otc_series_value(series), 72);
    assert_true(otc_meter_collect(meter, builder, &view));
    assert_true(otc_metrics_builder_finish(builder, &buf, &points));
    assert_int_equal(points, 2);
    /* The last one, the histogram. */
    assert_int_equal(otc_walk_points(NULL, otc_buf_slice(&buf), note_point, &point, NULL), OTC_OK);
    assert_int_equal(point->type, OTC_METRIC_HISTOGRAM);
    assert_int_equal(point->count, 4);
    assert_true(point->sum == 72);
    assert_int_equal(point->bucket_counts.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(otc_words_get(&point->bucket_counts, i), ((uint64_t[]){2, 1, 0, 1})[i]);
    }
    otc_metrics_builder_free(builder);
    otc_meter_free(meter);
}

/* The last point, without what it refers to; of a histogram the counts of the buckets, of which there are
 * `n`. */
static struct otc_point
collect_one(struct otc_meter *meter, const struct otc_meter_view *of, uint64_t *buckets, size_t n)
{
    struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "scope", "1", 100000);
    OTC_AUTO_BUF struct otc_buf buf = {.limit = 100000};
    const struct otc_point *point = NULL;
    size_t points;

    assert_true(otc_meter_collect(meter, builder, of));
    assert_true(otc_metrics_builder_finish(builder, &buf, &points));
    assert_int_equal(otc_walk_points(NULL, otc_buf_slice(&buf), note_point, &point, NULL), OTC_OK);
    assert_non_null(point);
    assert_int_equal(point->bucket_counts.n, n);
    for (size_t i = 0; i < n; i++) {
        buckets[i] = otc_words_get(&point->bucket_counts, i);
    }
    otc_metrics_builder_free(builder);
    return *point;
}

static void
differences_are_since_the_last_time(void **state)
{
    static const double bounds[] = {10, 25};
    static const struct otc_instrument sizes = {"sizes", "{unit}", "What was sent.", OTC_HISTOGRAM};
    struct otc_meter *meter = otc_meter_new(10);
    struct otc_meter_values before = {0}, now = {0};
    struct otc_meter_view of = {.start_unix_nano = 1, .now_unix_nano = 10, .since = &before, .now = &now};
    struct otc_count count = {otc_meter_series(meter, &in, NULL, 0), 7};
    struct otc_point point;
    uint64_t buckets[3];

    (void)state;
    otc_meter_add(meter, &count, 1);
    point = collect_one(meter, &of, NULL, 0);
    assert_int_equal(point.value.as.integer, 7);
    assert_int_equal(point.temporality, OTC_TEMPORALITY_DELTA);
    assert_int_equal(point.start_unix_nano, 1);
    before = now;
    otc_meter_add(meter, &count, 1);
    /* Made since then, and told last. */
    count.series = otc_meter_histogram(meter, &sizes, bounds, 2, NULL, 0);
    count.delta = 20;
    otc_meter_add(meter, &count, 1);
    of.now_unix_nano = 20;
    point = collect_one(meter, &of, buckets, 3);
    assert_memory_equal(buckets, ((uint64_t[]){0, 1, 0}), sizeof(buckets));
    assert_int_equal(point.count, 1);
    assert_true(point.sum == 20);
    assert_int_equal(point.start_unix_nano, 10);
    otc_meter_values_release(&before);
    before = now;
    of.now_unix_nano = 30;
    point = collect_one(meter, &of, buckets, 3);
    assert_memory_equal(buckets, ((uint64_t[]){0, 0, 0}), sizeof(buckets));
    assert_int_equal(point.count, 0);
    assert_true(point.sum == 0);
    assert_int_equal(point.start_unix_nano, 20);
    otc_meter_values_release(&before);
    otc_meter_values_release(&now);
    otc_meter_free(meter);
}

static void
durations_are_told_in_seconds(void **state)
{
    static const double bounds[] = {0, 0.001, 1};
    static const struct otc_instrument durations = {"durations", "s", "How long.", OTC_DURATION};
    struct otc_meter *meter = otc_meter_new(10);
    struct otc_series *series = otc_meter_histogram(meter, &durations, bounds, 3, NULL, 0);
    const struct otc_count counts[] = {
        {series, 0}, {series, 1000000}, {series, 1000001}, {series, 2000000000}};
    struct otc_point point;
    uint64_t buckets[4];

    (void)state;
    otc_meter_add(meter, counts, 4);
    point = collect_one(meter, &view, buckets, 4);
    assert_memory_equal(buckets, ((uint64_t[]){1, 1, 1, 1}), sizeof(buckets));
    assert_int_equal(point.type, OTC_METRIC_HISTOGRAM);
    assert_int_equal(point.count, 4);
    assert_true(point.sum > 2.002 && point.sum < 2.0020011);
    assert_false(otc_meter_detailed(meter));
    otc_meter_set_detailed(meter, true);
    assert_true(otc_meter_detailed(meter));
    otc_meter_free(meter);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_shared_by_name_and_labels),
        cmocka_unit_test(a_scrape_sees_whole_changes),
        cmocka_unit_test(series_become_otlp),
        cmocka_unit_test(a_histogram_has_its_buckets),
        cmocka_unit_test(differences_are_since_the_last_time),
        cmocka_unit_test(durations_are_told_in_seconds),
    };

    return cmocka_run_group_tests_name("common/component/meter", tests, NULL, NULL);
}
