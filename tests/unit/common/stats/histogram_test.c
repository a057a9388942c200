// SPDX-License-Identifier: Apache-2.0
/* numpy.histogram and numpy.histogram_bin_edges. */
#include "common/stats/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const double values[] = {0.4, 1.5, 2.2, 3.1, 3.3, 4.4, 5.5, 5.9, 6.1, 7.3, 8.8, 9.9, 10.2, 12.5};
#define N (sizeof(values) / sizeof(values[0]))

static void
test_rules(void **state)
{
    (void)state;
    static const double constant[] = {1, 1, 1}, pair[] = {2, 3};
    double skewed[N];

    for (size_t i = 0; i < N; i++)
        skewed[i] = exp(values[i]);
    assert_int_equal(otc_bins_sturges(values[N - 1] - values[0], N, false, 1000), 5);
    assert_int_equal(otc_bins_sturges(0, 3, false, 1000), 1);
    assert_int_equal(otc_bins_sturges(1, 2, false, 1000), 2);
    assert_int_equal(otc_bins_sturges(0, 0, true, 1000), 1);
    /* Whole numbers: no bin narrower than 1 from numpy 2.0 on. */
    assert_int_equal(otc_bins_sturges(2, 10, false, 1000), 5);
    assert_int_equal(otc_bins_sturges(2, 10, true, 1000), 2);
    assert_int_equal(otc_bins_doane(values, N, 1000), 6);
    assert_int_equal(otc_bins_doane(skewed, N, 1000), 8);
    assert_int_equal(otc_bins_doane(skewed, N, 4), 4);
    assert_int_equal(otc_bins_doane(constant, 3, 1000), 1);
    assert_int_equal(otc_bins_doane(pair, 2, 1000), 1);
}

static void
test_counts(void **state)
{
    (void)state;
    double edges[6];
    uint64_t counts[5];
    static const double beyond[] = {-1, 0, 0.999, 1, 2, 4.999, 5, 5, 6};

    otc_histogram_edges(0, 5, 5, edges);
    for (int i = 0; i <= 5; i++)
        assert_true(edges[i] == i);
    assert_int_equal(otc_histogram_counts(beyond, 9, edges, 6, counts), 7);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 1);
    assert_int_equal(counts[3], 0);
    assert_int_equal(counts[4], 3); /* the last bin has its right edge */
    otc_histogram_edges(3, 3, 2, edges);
    assert_true(edges[0] == 2.5 && edges[1] == 3 && edges[2] == 3.5);
    assert_int_equal(otc_histogram_counts(beyond, 9, edges, 1, counts), 0);
}

/* numpy finds a bin by arithmetic and then corrects it by one against the edges. */
static size_t
numpy_index(double value, const double *edges, size_t bins)
{
    double first = edges[0], last = edges[bins];
    size_t index = (size_t)((value - first) / (last - first) * (double)bins);

    index -= index == bins;
    if (value < edges[index])
        index--;
    else if (value >= edges[index + 1] && index != bins - 1)
        index++;
    return index;
}

static int
by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void
test_equals_arithmetic(void **state)
{
    (void)state;
    uint64_t seed = 20260417;

    for (size_t bins = 1; bins < 60; bins++) {
        double sample[500], edges[61];
        uint64_t counts[60], expected[60] = {0};

        for (size_t i = 0; i < 500; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            sample[i] = (double)(seed >> 40) / (i % 3 == 0 ? 7.0 : 1e5);
            if (i % 5 == 0)
                sample[i] = floor(sample[i]);
        }
        qsort(sample, 500, sizeof(double), by_value);
        otc_histogram_edges(sample[0], sample[499], bins, edges);
        /* Values exactly at edges are where rounding decides. */
        for (size_t i = 1; i < bins && i < 400; i++)
            sample[i] = edges[i];
        qsort(sample, 500, sizeof(double), by_value);
        for (size_t i = 0; i < 500; i++)
            expected[numpy_index(sample[i], edges, bins)]++;
        assert_int_equal(otc_histogram_counts(sample, 500, edges, bins + 1, counts), 500);
        for (size_t i = 0; i < bins; i++)
            assert_int_equal(counts[i], expected[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_equals_arithmetic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
