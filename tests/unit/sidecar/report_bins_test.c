// SPDX-License-Identifier: Apache-2.0
/* Bins of charts at the ends of what a double holds. */
#include "sidecar/report_bins.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void
check(const struct otc_report_bins *bins)
{
    double reference = bins->reference_outside, current = bins->current_outside;

    assert_true(bins->n > 0);
    for (size_t i = 0; i <= bins->n; i++) {
        if (!isfinite(bins->edges[i]) || (i > 0 && !(bins->edges[i] > bins->edges[i - 1]))) {
            fail_msg("edge %zu of %zu is %g", i, bins->n, bins->edges[i]);
        }
    }
    for (size_t i = 0; i < bins->n; i++) {
        reference += bins->reference[i];
        current += bins->current[i];
    }
    assert_true(fabs(reference - 1) < 1e-9);
    assert_true(fabs(current - 1) < 1e-9);
}

/* `n` numbers from `low` to `high`, by equal steps or by equal factors. */
static void
chart(double low, double high, bool factors, size_t exact_points)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder;
    struct otc_reference *reference;
    struct otc_report_bins bins;
    struct otc_sample *sample;

    limits.exact_points = exact_points;
    builder = otc_reference_builder_new(&limits, 1);
    assert_int_equal(otc_reference_builder_feature(builder, otc_slice_str("x"), OTC_NUMERIC, OTC_KIND_INPUT),
                     0);
    for (int i = 0; i <= 1000; i++) {
        double part = i / 1000.0;
        double value = factors ? low * pow(high / low, part) : low * (1 - part) + high * part;

        assert_true(otc_reference_builder_number(builder, 0, value, INT64_MIN));
    }
    assert_int_equal(otc_reference_builder_finish(builder, otc_slice_str("m"), "x", 0, &reference, NULL),
                     OTC_OK);
    sample = otc_sample_new(&reference->features[0]);
    assert_non_null(sample);
    for (int i = 0; i < 100; i++) {
        const struct otc_use use = {.use = OTC_USE_NUMBER, .number = i % 2 ? low : high};

        assert_true(otc_sample_add(sample, &use, INT64_MIN));
    }
    assert_true(otc_report_bins_make(sample, &bins));
    check(&bins);
    assert_true(bins.logarithmic == factors);
    otc_report_bins_of_reference(&reference->features[0], &bins);
    bins.current_outside = 1;
    check(&bins);
    otc_sample_free(sample);
    otc_reference_unref(reference);
    otc_reference_builder_free(builder);
}

static void
test_ends_of_a_double(void **state)
{
    (void)state;
    for (size_t points = 20; points <= 10000; points += 9980) {
        chart(0, 1, false, points);
        chart(-1e308, 1e308, false, points);
        chart(-DBL_MAX, DBL_MAX, false, points);
        chart(1e308, DBL_MAX, false, points);
        chart(1, 1e300, true, points);
        chart(1e300, DBL_MAX, true, points);
    }
}

/* Those that a chart's axis goes by come from all rows, not from the first ones. */
static void
test_picked_evenly(void **state)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 1);
    struct otc_reference *reference;
    struct otc_sample *sample;
    double picked[20];

    (void)state;
    assert_int_equal(otc_reference_builder_feature(builder, otc_slice_str("x"), OTC_NUMERIC, OTC_KIND_INPUT),
                     0);
    assert_true(otc_reference_builder_number(builder, 0, 1, INT64_MIN));
    assert_int_equal(otc_reference_builder_finish(builder, otc_slice_str("m"), "x", 0, &reference, NULL),
                     OTC_OK);
    sample = otc_sample_new(&reference->features[0]);
    for (int i = 0; i < 39; i++) {
        const struct otc_use use = {.use = OTC_USE_NUMBER, .number = i};

        assert_true(otc_sample_add(sample, &use, INT64_MIN));
    }
    assert_int_equal(otc_sample_pick(sample, picked, 20), 20);
    assert_true(picked[0] == 0 && picked[10] == 19 && picked[19] == 37);
    otc_sample_free(sample);
    otc_reference_unref(reference);
    otc_reference_builder_free(builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends_of_a_double),
                                       cmocka_unit_test(test_picked_evenly)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
