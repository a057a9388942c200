// SPDX-License-Identifier: Apache-2.0
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/correction.h"
#include "common/stats/descriptive.h"
#include "common/stats/histogram.h"
#include "common/stats/pvalue.h"
#include "tests/harness/data/testdata.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static bool
close_to(double a, double b)
{
    return testdata_close(a, b, 1e-12);
}

static void
test_edges(void **state)
{
    (void)state;
    static const double even[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, tied[] = {1, 1, 1, 1, 1, 1, 1, 2, 2, 3};
    double edges[16];

    assert_int_equal(otc_edges_quantile(even, 11, 5, edges), 4);
    assert_true(edges[0] == 2 && edges[1] == 4 && edges[2] == 6 && edges[3] == 8);
    /* Quantiles .1 to .9: 1 seven times (the minimum, left out), then 1.3, 2, 2 and 2.1. */
    assert_int_equal(otc_edges_quantile(tied, 10, 10, edges), 3);
    assert_true(close_to(edges[0], 1.3) && edges[1] == 2 && close_to(edges[2], 2.1));
    assert_int_equal(otc_edges_quantile(tied, 7, 10, edges), 0); /* a constant has no bins */
    assert_int_equal(otc_edges_quantile(even, 11, 1, edges), 0);
    assert_int_equal(otc_edges_equal_width(0, 1, 4, edges), 3);
    assert_true(edges[0] == 0.25 && edges[1] == 0.5 && edges[2] == 0.75);
    assert_int_equal(otc_edges_equal_width(2, 2, 4, edges), 0);
    assert_int_equal(otc_edges_equal_width(NAN, 2, 4, edges), 0);
    assert_int_equal(otc_edges_equal_width(1, nextafter(1, 2), 8, edges), 1); /* no room for more */
    assert_int_equal(otc_bin_of(even, 11, -1), 0);
    assert_int_equal(otc_bin_of(even, 11, 0), 1);
    assert_int_equal(otc_bin_of(even, 11, 9.5), 10);
    assert_int_equal(otc_bin_of(even, 11, 99), 11);
    assert_int_equal(otc_bin_of(NULL, 0, 99), 0);
}

/* Ranges longer than the largest double: edges and quantiles are finite and ascend. */
static void
test_longest_ranges(void **state)
{
    const double sorted[2] = {-DBL_MAX, DBL_MAX};
    double edges[11];

    (void)state;
    assert_int_equal(otc_edges_equal_width(-DBL_MAX, DBL_MAX, 4, edges), 3);
    assert_true(close_to(edges[0], -DBL_MAX / 2) && edges[1] == 0 && close_to(edges[2], DBL_MAX / 2));
    assert_true(close_to(otc_quantile_linear(sorted, 2, 0.25), -DBL_MAX / 2));
    assert_true(otc_quantile_linear(sorted, 2, 0.5) == 0);
    assert_int_equal(otc_edges_quantile(sorted, 2, 4, edges), 3);
    otc_histogram_edges(-1.7e308, 1.7e308, 10, edges);
    assert_true(edges[0] == -1.7e308 && edges[10] == 1.7e308);
    for (size_t i = 1; i <= 10; i++) {
        assert_true(isfinite(edges[i]) && edges[i] > edges[i - 1]);
    }
    assert_int_equal(otc_bins_sturges((double)INFINITY, 1024, false, 200), 11);
    assert_int_equal(otc_bins_sturges(1e308, 1024, false, 200), 11);
}

static void
test_quantiles(void **state)
{
    (void)state;
    static const double values[] = {1, 2, 4, 8};

    assert_true(otc_quantile_linear(values, 4, 0) == 1 && otc_quantile_linear(values, 4, 1) == 8);
    assert_true(otc_quantile_linear(values, 4, 0.5) == 3 && otc_quantile_linear(values, 1, 0.7) == 1);
    assert_true(otc_quantile_nearest(values, 4, 0) == 1 && otc_quantile_nearest(values, 4, 0.25) == 1);
    assert_true(otc_quantile_nearest(values, 4, 0.26) == 2 && otc_quantile_nearest(values, 4, 1) == 8);
}

static void
test_distances_by_hand(void **state)
{
    (void)state;
    static const uint64_t p[] = {1, 3}, q[] = {3, 1}, zero[] = {0, 0}, left[] = {4, 0}, right[] = {0, 4};

    assert_true(close_to(otc_psi(p, q, 2, OTC_EMPTY_CLIP, 1e-4), 2 * 0.5 * log(3)));
    /* (1.5, 3.5)/5 against (3.5, 1.5)/5 */
    assert_true(close_to(otc_psi(p, q, 2, OTC_EMPTY_LAPLACE, 0.5), 2 * 0.4 * log(3.5 / 1.5)));
    assert_true(otc_psi(p, p, 2, OTC_EMPTY_LAPLACE, 0.5) == 0);
    assert_true(close_to(otc_kullback_leibler(p, q, 2, OTC_EMPTY_CLIP, 1e-4), 0.5 * log(3)));
    assert_true(isinf(otc_kullback_leibler(p, left, 2, OTC_EMPTY_EPSILON, 0)));
    assert_true(close_to(otc_total_variation(p, q, 2), 0.5) && close_to(otc_l_infinity(p, q, 2), 0.5));
    assert_true(close_to(otc_jensen_shannon(left, right, 2, 2), 1));
    assert_true(close_to(otc_jensen_shannon(left, right, 2, 0), sqrt(log(2))));
    assert_true(close_to(otc_hellinger(left, right, 2), 1) && otc_hellinger(p, p, 2) == 0);
    assert_true(isnan(otc_psi(zero, q, 2, OTC_EMPTY_LAPLACE, 0.5)));
    assert_true(isnan(otc_kullback_leibler(p, zero, 2, OTC_EMPTY_CLIP, 1e-4)));
    assert_true(isnan(otc_jensen_shannon(p, zero, 2, 0)) && isnan(otc_hellinger(zero, p, 2)));
    assert_true(isnan(otc_total_variation(p, q, 0)) && isnan(otc_l_infinity(zero, q, 2)));
}

/* Distributions nearly alike, against mpmath with 60 digits: what tells them apart does not cancel. */
static void
test_nearly_alike(void **state)
{
    (void)state;
    static const uint64_t p[] = {0, 1083023, 1}, q[] = {0, 1083360, 1};
    static const uint64_t half[] = {500000000000, 500000000000}, more[] = {500000000000, 500000001000};
    static const uint64_t a[] = {1000000, 1, 50, 0}, b[] = {999602, 1, 40, 7};
    static const struct {
        enum otc_empty_bins rule;
        double value, alike, other;
    } cases[] = {{OTC_EMPTY_LAPLACE, 0.5, 8.9364370253259353e-14, 6.7883241524577445e-6},
                 {OTC_EMPTY_CLIP, 1e-4, -2.8722260892565423e-10, -2.9805888083997388e-6},
                 {OTC_EMPTY_EPSILON, 1e-4, 4.0875236682568886e-16, 5.8205543516186348e-7},
                 {OTC_EMPTY_FILL, 1e-4, 4.4682329508739801e-14, 0.00027404656432206946}};

    assert_true(close_to(otc_jensen_shannon(p, q, 3, 0), 1.0568823555943881e-7));
    assert_true(close_to(otc_jensen_shannon(half, more, 2, 0), 3.5355339023972037e-10));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double alike = otc_kullback_leibler(p, q, 3, cases[i].rule, cases[i].value);
        double other = otc_kullback_leibler(a, b, 4, cases[i].rule, cases[i].value);

        assert_true(testdata_close(alike, cases[i].alike, 1e-9));
        assert_true(testdata_close(other, cases[i].other, 1e-10));
    }
}

static void
test_psi_without_drift(void **state)
{
    (void)state;
    /* chi2.isf(0.05, 9) * (1/10000 + 1/1000) is the 5 % point. */
    assert_true(close_to(otc_psi_p_value(16.918977604620448 * 0.0011, 10000, 1000, 10), 0.05));
    assert_true(isnan(otc_psi_p_value(0.1, 10000, 49.9, 10)) && !isnan(otc_psi_p_value(0.1, 10000, 50, 10)));
    assert_true(isnan(otc_psi_p_value(0.1, 10000, 1000, 1)) && isnan(otc_psi_p_value(0.1, 0, 1000, 10)));
    assert_true(close_to(otc_psi_excess(0.1, 10000, 1000, 10), 0.1 - 9 * 0.0011));
    assert_true(otc_psi_excess(0.001, 10000, 1000, 10) == 0);
    assert_true(isnan(otc_psi_excess(NAN, 10, 10, 10)) && isnan(otc_psi_excess(1, 10, 0, 10)));
}

static void
test_contingency(void **state)
{
    (void)state;
    static const uint64_t ref[] = {168, 77, 0, 644}, cur[] = {102, 46, 0, 270};
    static const uint64_t two[] = {10, 20}, other[] = {30, 15}, zero[] = {0, 0}, one[] = {7, 0},
                          more[] = {9, 0};
    struct otc_chi_squared out = otc_chi_squared_contingency(ref, cur, 4);

    assert_int_equal(out.dof, 2); /* the empty column does not count */
    assert_true(close_to(out.statistic, 8.332684717891361) && close_to(out.p_value, 0.015508882433837417));
    /* 2 x 2 by hand: n (|ad - bc| - n/2)^2 / (product of the margins) */
    out = otc_chi_squared_contingency(two, other, 2);
    assert_true(close_to(out.statistic, 75.0 * pow(450 - 37.5, 2) / (30.0 * 45 * 40 * 35)));
    out = otc_chi_squared_uncorrected(two, other, 2);
    assert_true(close_to(out.statistic, 75.0 * pow(450, 2) / (30.0 * 45 * 40 * 35)));
    out = otc_chi_squared_contingency(one, more, 2);
    assert_true(out.dof == 0 && out.statistic == 0 && out.p_value == 1);
    assert_true(isnan(otc_chi_squared_contingency(two, zero, 2).p_value));
    assert_true(isnan(otc_chi_squared_contingency(NULL, NULL, 0).p_value));
}

static void
test_contingency_pooled(void **state)
{
    (void)state;
    /* Expectations of the current side (share 1/2): 50, 30, 2, 1.5, 3 -> the last three pool to 6.5. */
    static const uint64_t ref[] = {50, 30, 2, 2, 3}, cur[] = {50, 30, 2, 1, 3};
    static const uint64_t ref3[] = {50, 30, 7}, cur3[] = {50, 30, 6};
    struct otc_chi_squared pooled = otc_chi_squared_pooled(ref, cur, 5, 5, 1);
    struct otc_chi_squared by_hand = otc_chi_squared_contingency(ref3, cur3, 3);

    assert_int_equal(pooled.dof, 2);
    assert_true(close_to(pooled.statistic, by_hand.statistic) && close_to(pooled.p_value, by_hand.p_value));

    /* A pool too small by itself takes the smallest of the others in. */
    static const uint64_t small_ref[] = {50, 30, 1}, small_cur[] = {40, 40, 2};
    static const uint64_t joined_ref[] = {50, 31}, joined_cur[] = {40, 42};

    pooled = otc_chi_squared_pooled(small_ref, small_cur, 3, 5, 1);
    by_hand = otc_chi_squared_contingency(joined_ref, joined_cur, 2);
    assert_true(pooled.dof == 1 && close_to(pooled.statistic, by_hand.statistic));

    /* Dependence divides the counts, and with them the statistic. */
    static const uint64_t big_ref[] = {500, 300, 200}, big_cur[] = {400, 400, 200};

    pooled = otc_chi_squared_pooled(big_ref, big_cur, 3, 5, 4);
    by_hand = otc_chi_squared_contingency(big_ref, big_cur, 3);
    assert_true(close_to(pooled.statistic, by_hand.statistic / 4));
    assert_true(close_to(pooled.p_value, otc_chi_squared_sf(by_hand.statistic / 4, 2)));
    /* Expectations are those of the effective sample: 8 of the last column become 4, and pool. */
    static const uint64_t wide_ref[] = {1000, 900, 12}, wide_cur[] = {500, 450, 12};

    assert_int_equal(otc_chi_squared_pooled(wide_ref, wide_cur, 3, 5, 1).dof, 2);
    assert_int_equal(otc_chi_squared_pooled(wide_ref, wide_cur, 3, 5, 2).dof, 1);
    /* Less than two columns: nothing to test. */
    assert_true(isnan(otc_chi_squared_pooled(small_ref, small_cur, 3, 500, 1).p_value));
    assert_true(isnan(otc_chi_squared_pooled(small_ref, small_cur, 1, 5, 1).p_value));
}

static void
test_corrections(void **state)
{
    (void)state;
    static const double p[] = {0.01, NAN, 0.04, 0.03, 0.005};
    static const double expected[] = {0.02, NAN, 0.04, 0.04, 0.02};
    double adjusted[5];

    assert_true(otc_adjust_benjamini_hochberg(p, 5, adjusted));
    for (int i = 0; i < 5; i++)
        assert_true(isnan(expected[i]) ? isnan(adjusted[i]) : close_to(adjusted[i], expected[i]));
    otc_adjust_bonferroni(p, 5, adjusted);
    assert_true(close_to(adjusted[0], 0.04) && isnan(adjusted[1]) && close_to(adjusted[4], 0.02));
    memcpy(adjusted, p, sizeof(p)); /* in place */
    assert_true(otc_adjust_benjamini_hochberg(adjusted, 5, adjusted));
    assert_true(close_to(adjusted[0], 0.02) && close_to(adjusted[3], 0.04));
    /* Step-up: a smaller adjusted value of a larger p counts for the smaller p's too. */
    static const double crowded[] = {0.02, 0.01, 0.021};
    double stepped[3];

    assert_true(otc_adjust_benjamini_hochberg(crowded, 3, stepped));
    for (int i = 0; i < 3; i++)
        assert_true(close_to(stepped[i], 0.021));
    adjusted[0] = 0.9;
    otc_adjust_bonferroni(adjusted, 2, adjusted);
    assert_true(adjusted[0] == 0.9); /* one p-value and a NaN are a family of one */
    /* scipy.stats.false_discovery_control([0.01, 0.04, 0.03, 0.005, 0.5], method='by') */
    {
        const double ps[5] = {0.01, 0.04, 0.03, 0.005, 0.5};
        const double by[5] = {0.05708333333333333, 0.11416666666666667, 0.11416666666666667,
                              0.05708333333333333, 1};

        assert_true(otc_adjust_benjamini_yekutieli(ps, 5, adjusted));
        for (size_t i = 0; i < 5; i++) {
            assert_true(fabs(adjusted[i] - by[i]) < 1e-15);
        }
    }
    assert_true(otc_adjust_benjamini_hochberg(NULL, 0, NULL));
}

/* Benjamini and Hochberg 1995, table 1: fifteen p-values of which the procedure rejects four at 0.05,
 * Bonferroni three. */
static void
test_corrections_published(void **state)
{
    (void)state;
    static const double p[] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                               0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
    double adjusted[15];
    int rejected = 0;

    assert_true(otc_adjust_benjamini_hochberg(p, 15, adjusted));
    for (int i = 0; i < 15; i++)
        rejected += adjusted[i] <= 0.05;
    assert_int_equal(rejected, 4);
    otc_adjust_bonferroni(p, 15, adjusted);
    for (int i = 0; i < 15; i++)
        rejected -= adjusted[i] <= 0.05;
    assert_int_equal(rejected, 1);
    assert_true(adjusted[14] == 1);
}

static void
test_moments(void **state)
{
    (void)state;
    struct otc_moments whole = {0}, left = {0}, right = {0}, empty = {0};

    assert_true(isnan(otc_moments_variance(&empty)) && isnan(otc_moments_sample_variance(&empty)));
    for (int i = 0; i < 10; i++) {
        double value = 1e9 + i; /* far from zero: nothing cancels */

        otc_moments_add(&whole, value);
        otc_moments_add(i < 4 ? &left : &right, value);
    }
    otc_moments_merge(&left, &right);
    otc_moments_merge(&left, &empty);
    assert_true(left.n == 10 && close_to(left.mean, whole.mean) && close_to(left.mean, 1e9 + 4.5));
    assert_true(close_to(otc_moments_variance(&left), 8.25));
    assert_true(close_to(otc_moments_sample_variance(&whole), 82.5 / 9));
    const double far[] = {0x1p53, 0x1p53 + 2, 0x1p53 + 4,
                          0x1p53 + 8}; /* as near to each other as doubles are there */
    struct otc_moments from_first = otc_moments_of(far, 4, far[0]);

    assert_true(from_first.n == 4 && close_to(from_first.mean, 3.5) &&
                close_to(otc_moments_variance(&from_first), 8.75));
    otc_moments_add_n(&empty, 3, 4);
    assert_true(empty.n == 4 && empty.mean == 3 && otc_moments_variance(&empty) == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),        cmocka_unit_test(test_longest_ranges),
        cmocka_unit_test(test_quantiles),    cmocka_unit_test(test_distances_by_hand),
        cmocka_unit_test(test_nearly_alike), cmocka_unit_test(test_psi_without_drift),
        cmocka_unit_test(test_contingency),  cmocka_unit_test(test_contingency_pooled),
        cmocka_unit_test(test_corrections),  cmocka_unit_test(test_corrections_published),
        cmocka_unit_test(test_moments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
