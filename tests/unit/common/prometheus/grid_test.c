// SPDX-License-Identifier: Apache-2.0
/* Exponential histograms on the page: one grid for all, exact counts, sums over series that PromQL can use.
 */
#include "common/otlp/build.h"
#include "common/prometheus/buckets.h"
#include "common/prometheus/exposition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LIMITS (OTC_PROM_GRID + 1)
#define PREFIX "ml_inference_duration_seconds_bucket{"

static const struct otc_exposition_type text_type = {OTC_TEXT_0_0_4, false};
static const struct otc_exposition_type om_type = {OTC_OPENMETRICS_1_0_0, false};
static const struct otc_metric duration = {.name = "ml.inference.duration",
                                           .unit = "s",
                                           .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM,
                                           .temporality = OTC_TEMPORALITY_CUMULATIVE};

/** A series with the attribute k=`label`. */
struct series {
    const char *label;
    struct otc_exponential_value value;
};

static void
render(const struct series *series, size_t n, struct otc_exposition_type type, struct otc_buf *page)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "", "", 1 << 20);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_slice slice;
    size_t points;

    options.without_scope_info = true;
    options.without_target = true;
    for (size_t i = 0; i < n; i++) {
        const struct otc_attribute attribute = OTC_ATTR_STR("k", series[i].label);
        struct otc_point_head head = {
            .attributes = &attribute, .n_attributes = 1, .start_unix_nano = 1, .time_unix_nano = 2};

        assert_true(otc_build_exponential(builder, &duration, &head, &series[i].value));
    }
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    otc_metrics_builder_free(builder);
    slice = otc_buf_slice(&request);
    if (otc_exposition_of_requests(&options, type, &slice, 1, page, NULL, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

/** Cumulative counts of a series by limit, checked to be those of the grid, all of them and in its order. */
static void
read_series(struct otc_buf *page, const char *label, double counts[LIMITS])
{
    char head[128];
    const char *at = otc_buf_cstr(page);
    size_t n = 0;

    memset(counts, 0, LIMITS * sizeof(*counts));
    snprintf(head, sizeof(head), PREFIX "k=\"%s\",le=\"", label);
    while ((at = strstr(at, head)) != NULL) {
        char *end;
        double le = strtod(at + strlen(head), &end);

        assert_true(n < LIMITS);
        assert_true(n < OTC_PROM_GRID ? le == otc_prom_grid()[n] : isinf(le) && le > 0);
        assert_int_equal(strncmp(end, "\"} ", 3), 0);
        counts[n] = strtod(end + 3, NULL);
        assert_true(n == 0 || counts[n] >= counts[n - 1]);
        n++;
        at += strlen(head);
    }
    assert_int_equal(n, LIMITS);
}

/** Prometheus' histogram_quantile for classic buckets: linear within the bucket of rank q times count. */
static double
histogram_quantile(double q, const double counts[LIMITS])
{
    const double *limits = otc_prom_grid();
    double rank = q * counts[LIMITS - 1];
    size_t b = 0;

    while (b < LIMITS - 1 && counts[b] < rank) {
        b++;
    }
    if (b == LIMITS - 1 || b == 0) {
        return limits[b == 0 ? 0 : LIMITS - 2];
    }
    return limits[b - 1] + (limits[b] - limits[b - 1]) * (rank - counts[b - 1]) / (counts[b] - counts[b - 1]);
}

/** A quantile is within its bucket: a factor of 2^(1/2) from the true one. */
static void
assert_quantile(const double counts[LIMITS], double q, double want)
{
    double got = histogram_quantile(q, counts);

    if (!(got > want / sqrt(2) && got < want * sqrt(2))) {
        fail_msg("quantile %g is %g, not near %g", q, got, want);
    }
}

/** `count` values in the bucket at `scale` that holds `x`. */
static struct otc_exponential_value
all_at(double x, int32_t scale, const uint64_t *count)
{
    return (struct otc_exponential_value){
        .count = *count,
        .scale = scale,
        .positive_offset = (int32_t)ceil(log2(x) * ldexp(1, scale)) - 1,
        .positive = count,
        .n_positive = 1,
    };
}

static void
limits_are_those_promised(void **state)
{
    const double *limits = otc_prom_grid();

    (void)state;
    assert_true(limits[0] == 0 && limits[1] == ldexp(1, -20));
    assert_true(limits[OTC_PROM_GRID - 1] == ldexp(1, 40));
    for (size_t i = 2; i < OTC_PROM_GRID; i++) {
        double want = limits[i - 1] < ldexp(1, -14)  ? 2
                      : limits[i - 1] < ldexp(1, 13) ? sqrt(2)
                      : limits[i - 1] < ldexp(1, 20) ? 2
                                                     : 4;

        assert_true(fabs(limits[i] / limits[i - 1] - want) < 1e-15);
    }
}

static void
slots_are_the_first_limits_that_hold_the_bucket(void **state)
{
    (void)state;
    for (int32_t scale = -6; scale <= 10; scale++) {
        int64_t reach = scale >= 0 ? INT64_C(50) << scale : 50;

        for (int64_t i = -reach; i <= reach; i++) {
            double upper = exp2(ldexp((double)(i + 1), -scale));
            size_t want = otc_prom_grid_slot_of(upper * (1 - 1e-12));

            if (otc_prom_grid_slot(scale, i) != (want == 0 ? 1 : want)) {
                fail_msg("scale %d, index %lld: slot %zu", (int)scale, (long long)i,
                         otc_prom_grid_slot(scale, i));
            }
        }
    }
    for (int32_t scale = -64; scale <= 64; scale++) {
        /* From scale 58 on no index is beyond the grid any more. */
        if (scale < 58) {
            assert_int_equal(otc_prom_grid_slot(scale, INT64_MAX), OTC_PROM_GRID);
            assert_int_equal(otc_prom_grid_slot(scale, INT64_MIN), 1);
        }
        /* The bucket that ends at 1, and the one that begins there. */
        assert_true(otc_prom_grid()[otc_prom_grid_slot(scale, -1)] == 1);
        assert_true(otc_prom_grid_slot(scale, 0) > otc_prom_grid_slot(scale, -1));
    }
    assert_int_equal(otc_prom_grid_slot_of(0), 0);
    assert_int_equal(otc_prom_grid_slot_of(ldexp(1, -20)), 1);
    assert_int_equal(otc_prom_grid_slot_of((double)INFINITY), OTC_PROM_GRID);
}

static void
sums_over_series_of_different_ranges_hold(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    const uint64_t count = 1000;
    /* The scales that a histogram of 160 buckets may have come to, each by its own range. */
    const struct series series[] = {{"a", all_at(0.003, 8, &count)},
                                    {"b", all_at(0.0029, 5, &count)},
                                    {"c", all_at(0.0008, 20, &count)},
                                    {"d", all_at(9.51, 3, &count)}};
    double sum[LIMITS] = {0};

    (void)state;
    render(series, 4, text_type, &page);
    for (size_t s = 0; s < 4; s++) {
        double counts[LIMITS];

        read_series(&page, series[s].label, counts);
        assert_true(counts[LIMITS - 1] == 1000);
        for (size_t i = 0; i < LIMITS; i++) {
            sum[i] += counts[i];
        }
    }
    /* 1000 of 0.0008, then 2000 near 0.003, then 1000 of 9.51: each within its bucket of a factor 2^(1/2). */
    assert_quantile(sum, 0.2, 0.0008);
    assert_quantile(sum, 0.5, 0.003);
    assert_quantile(sum, 0.99, 9.51);
}

static void
counts_are_exact(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    /* Scale 3: bucket i is (2^(i/8), 2^((i+1)/8)]; four of them lie between two limits. */
    static const uint64_t fine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    /* Scale -1: a factor of 4 a bucket, (1/4, 1] and (1, 4]. */
    static const uint64_t coarse[] = {10, 20};
    const struct series series[] = {
        {"fine", {.count = 45, .scale = 3, .positive_offset = -4, .positive = fine, .n_positive = 9}},
        {"coarse", {.count = 30, .scale = -1, .positive_offset = -1, .positive = coarse, .n_positive = 2}}};
    double counts[LIMITS];
    size_t one = otc_prom_grid_slot_of(1);

    (void)state;
    render(series, 2, text_type, &page);
    read_series(&page, "fine", counts);
    assert_true(counts[one - 1] == 0 && counts[one] == 10 && counts[one + 1] == 36);
    assert_true(counts[one + 2] == 45 && counts[LIMITS - 1] == 45);
    read_series(&page, "coarse", counts);
    assert_true(counts[one - 1] == 0 && counts[one] == 10 && counts[one + 3] == 10);
    assert_true(counts[one + 4] == 30 && counts[LIMITS - 1] == 30);
}

static void
what_the_grid_does_not_reach_is_counted(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf om = {.limit = 1 << 20};
    static uint64_t ones[20000];
    static const uint64_t seven[] = {7};
    const struct series series[] = {
        {"wide",
         {.count = 20000, .scale = 3, .positive_offset = -10000, .positive = ones, .n_positive = 20000}},
        {"cold",
         {.count = 16,
          .has_sum = true,
          .sum = 1,
          .scale = 0,
          .zero_count = 2,
          .positive_offset = 4,
          .positive = seven,
          .n_positive = 1,
          .negative_offset = 4,
          .negative = seven,
          .n_negative = 1}},
        {"zero", {.count = 5, .has_sum = true, .zero_count = 5, .zero_threshold = 0.5}},
        {"empty", {.count = 0}}};
    double counts[LIMITS];

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        ones[i] = 1;
    }
    render(series, 4, text_type, &page);
    read_series(&page, "wide", counts);
    /* Upper limits of 2^-1250+1/8 to 2^-20, and up to 2^40. */
    assert_true(counts[0] == 0 && counts[1] == 10000 - 160);
    assert_true(counts[LIMITS - 2] == 10000 + 320 && counts[LIMITS - 1] == 20000);
    read_series(&page, "cold", counts);
    assert_true(counts[0] == 9 && counts[otc_prom_grid_slot_of(16)] == 9);
    assert_true(counts[otc_prom_grid_slot_of(32)] == 16 && counts[LIMITS - 1] == 16);
    read_series(&page, "zero", counts);
    assert_true(counts[otc_prom_grid_slot_of(0.5) - 1] == 0 && counts[otc_prom_grid_slot_of(0.5)] == 5);
    read_series(&page, "empty", counts);
    assert_true(counts[LIMITS - 1] == 0);
    /* OpenMetrics: no sum where values were negative, though no limit is. */
    render(series, 4, om_type, &om);
    assert_null(strstr(otc_buf_cstr(&om), "_sum{k=\"cold\"}"));
    assert_non_null(strstr(otc_buf_cstr(&om), "_sum{k=\"zero\"} 0.0\n"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_those_promised),
        cmocka_unit_test(slots_are_the_first_limits_that_hold_the_bucket),
        cmocka_unit_test(sums_over_series_of_different_ranges_hold),
        cmocka_unit_test(counts_are_exact),
        cmocka_unit_test(what_the_grid_does_not_reach_is_counted),
    };

    return cmocka_run_group_tests_name("common/prometheus/grid", tests, NULL, NULL);
}
