// SPDX-License-Identifier: Apache-2.0
/* Tests of ranks, of location and of tables against scipy 1.10.1. */
#include "common/stats/contingency.h"
#include "common/stats/location.h"
#include "common/stats/pvalue.h"
#include "common/stats/ranks.h"
#include "common/stats/two_sample.h"
#include "tests/unit/common/stats/cells_of.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const double x[] = {0.4, 1.5, 2.2, 3.1, 5.9, 8.8};
static const double y[] = {3.3, 4.4, 5.5, 6.1, 7.3, 9.9, 10.2, 12.5};
static const double tied_x[] = {1, 2, 2, 3, 5, 5, 7};
static const double tied_y[] = {2, 4, 5, 6, 8, 9, 9, 9, 10};

static void
assert_close(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance * fabs(expected)))
        fail_msg("%.17g, expected %.17g", actual, expected);
}

static void
test_mann_whitney(void **state)
{
    (void)state;
    static const struct {
        enum otc_alternative alternative;
        double exact, asymptotic;
    } cases[] = {{OTC_TWO_SIDED, 0.042624042624042624, 0.045387929038794385},
                 {OTC_LESS, 0.021312021312021312, 0.022693964519397192},
                 {OTC_GREATER, 0.9853479853479853, 0.9834200062705761}};
    struct otc_mann_whitney test = otc_samples_mann_whitney(x, N(x), y, N(y));

    assert_true(test.u == 8);
    assert_close(test.auc, 1 - 8.0 / 48, 1e-15);
    for (size_t i = 0; i < N(cases); i++) {
        enum otc_alternative side = cases[i].alternative;

        assert_close(otc_mann_whitney_p_value(&test, side, OTC_P_EXACT), cases[i].exact, 1e-13);
        assert_close(otc_mann_whitney_p_value(&test, side, OTC_P_AUTO), cases[i].exact, 1e-13);
        assert_close(otc_mann_whitney_p_value(&test, side, OTC_P_ASYMPTOTIC), cases[i].asymptotic, 1e-12);
    }
    test = otc_samples_mann_whitney(tied_x, N(tied_x), tied_y, N(tied_y));
    assert_true(test.u == 11);
    assert_close(otc_mann_whitney_p_value(&test, OTC_TWO_SIDED, OTC_P_AUTO), 0.0326830780647816, 1e-12);
    test = otc_samples_mann_whitney(x, 0, y, N(y));
    assert_true(isnan(test.u) && isnan(test.auc));
    assert_true(isnan(otc_mann_whitney_p_value(&test, OTC_TWO_SIDED, OTC_P_AUTO)));
}

/* Every order of 5 and 4 values: the exact p-value is the share of orders that are as far off. */
static void
test_mann_whitney_counts_orders(void **state)
{
    (void)state;
    size_t seen[21] = {0}, all = 0;

    for (unsigned set = 0; set < 512; set++) {
        double ref[5], cur[4];
        size_t n = 0, m = 0;

        if (__builtin_popcount(set) != 5)
            continue;
        for (int k = 0; k < 9; k++)
            if (set >> k & 1)
                ref[n++] = k;
            else
                cur[m++] = k;
        seen[(size_t)otc_samples_mann_whitney(ref, n, cur, m).u]++;
        all++;
    }
    for (size_t u = 0; u <= 20; u++) {
        struct otc_mann_whitney test = {.u = (double)u, .n = 5, .m = 4};
        size_t above = 0;

        for (size_t other = u; other <= 20; other++)
            above += seen[other];
        assert_close(otc_mann_whitney_p_value(&test, OTC_GREATER, OTC_P_EXACT), (double)above / (double)all,
                     1e-14);
    }
}

static void
test_mann_whitney_of_cells(void **state)
{
    (void)state;
    struct counted counted = counted_new(tied_x, N(tied_x), NULL, 0, tied_y, N(tied_y));
    struct otc_mann_whitney cells = otc_cells_mann_whitney(&counted.cells, &counted.counts);
    struct otc_mann_whitney samples = otc_samples_mann_whitney(tied_x, N(tied_x), tied_y, N(tied_y));

    assert_true(cells.u == samples.u);
    /* The three nines tie inside the last gap, where cells do not see it. */
    assert_true(samples.ties - cells.ties == 24);
    counted_free(&counted);
}

static void
test_mann_whitney_large(void **state)
{
    (void)state;
    /* Too many orders to count: the normal distribution, in no time and no memory. */
    struct otc_mann_whitney test = {.u = 3e8, .n = 8, .m = 100000000};
    double p = otc_mann_whitney_p_value(&test, OTC_TWO_SIDED, OTC_P_AUTO);

    assert_close(p, otc_mann_whitney_p_value(&test, OTC_TWO_SIDED, OTC_P_ASYMPTOTIC), 0);
    assert_true(p > 0.2 && p < 0.5);
}

static void
test_cramer_von_mises(void **state)
{
    (void)state;
    static const double wide[] = {
        2.4938863009957792, 5.27892726357459,   7.041767225017688,  7.347659776458976,  7.547040806213629,
        8.897625500900297,  9.538967407243351,  9.71192119479891,   9.726646074141387,  10.629310723188912,
        11.853740887683632, 12.006150766787412, 12.300718012987192, 12.527071244989493, 13.49372768754235,
        13.784435040800304, 14.44921025092599,  15.47651597229144,  18.701076227772667};
    double even[20], t = otc_samples_cramer_von_mises(x, N(x), y, N(y));

    assert_close(t, 0.4821428571428572, 1e-14);
    assert_close(otc_cramer_von_mises_p_value(t, N(x), N(y), OTC_P_AUTO), 0.04728604728604729, 1e-13);
    assert_close(otc_cramer_von_mises_p_value(t, N(x), N(y), OTC_P_ASYMPTOTIC), 0.0436793899395882, 1e-9);
    t = otc_samples_cramer_von_mises(tied_x, N(tied_x), tied_y, N(tied_y));
    assert_close(t, 0.529265873015873, 1e-14);
    assert_close(otc_cramer_von_mises_p_value(t, N(tied_x), N(tied_y), OTC_P_AUTO), 0.03426573426573427,
                 1e-13);
    for (int i = 0; i < 20; i++)
        even[i] = i + 0.5;
    t = otc_samples_cramer_von_mises(even, 20, wide, N(wide));
    assert_close(t, 0.15895186684660345, 1e-12);
    assert_close(otc_cramer_von_mises_p_value(t, 20, N(wide), OTC_P_AUTO), 0.37842386629928343, 1e-12);
    assert_true(otc_cramer_von_mises_p_value(0, 1000, 1000, OTC_P_AUTO) == 1);
    assert_true(isnan(otc_cramer_von_mises_p_value(0.1, 1, 100, OTC_P_AUTO)));
}

static void
test_student_t(void **state)
{
    (void)state;
    static const double cases[][3] = {{0.5, 1, 0.3524163823495668},    {2.5, 3.7, 0.035911011455913376},
                                      {10, 5, 8.547378787148179e-05},  {1e-9, 4, 0.49999999962499997},
                                      {3, 1e7, 0.0013499013555185806}, {1000, 2.5, 2.2747463948307502e-08},
                                      {-1.5, 9, 0.9160746719714626},   {6, 0.3, 0.2040313393243238}};
    static const double betas[][4] = {{2, 3, 0.4, 0.5248},
                                      {0.5, 0.5, 0.1, 0.2048327646991335},
                                      {100, 1.5, 0.97, 0.10651887783136359},
                                      {1e5, 0.5, 0.9999, 7.740369671469861e-06},
                                      {30, 200, 0.05, 1.6592778413138792e-06},
                                      {5, 5, 0.5, 0.5}};

    for (size_t i = 0; i < N(cases); i++)
        assert_close(otc_student_t_sf(cases[i][0], cases[i][1]), cases[i][2], 1e-10);
    for (size_t i = 0; i < N(betas); i++)
        assert_close(otc_beta_i(betas[i][0], betas[i][1], betas[i][2], 1 - betas[i][2]), betas[i][3], 1e-10);
    /* x near 1, where 1 - x tells more: mpmath, 30 digits */
    assert_close(otc_student_t_sf(1.77, 4.9e7), 0.038363573471590945, 1e-13);
    assert_close(otc_student_t_sf(3.734323830091123, 489834338.0454157), 9.41101043388561e-05, 1e-13);
    assert_close(otc_beta_i(2618972.1702962816, 5.08674126909417, 0.9999961569895647, 3.843010435322647e-06),
                 0.030389370243936887, 1e-12);
    assert_true(otc_student_t_sf(0, 3) == 0.5);
    assert_true(otc_student_t_sf(INFINITY, 3) == 0 && otc_student_t_sf(-INFINITY, 3) == 1);
    assert_true(isnan(otc_student_t_sf(1, 0)) && isnan(otc_beta_i(0, 1, 0.5, 0.5)));
}

static struct otc_moments
moments_of(const double *values, size_t n)
{
    struct otc_moments moments = {0};

    for (size_t i = 0; i < n; i++)
        otc_moments_add(&moments, values[i]);
    return moments;
}

static void
test_shift(void **state)
{
    (void)state;
    struct otc_moments a = moments_of(x, N(x)), b = moments_of(y, N(y)), none = {0}, one = moments_of(x, 1);
    struct otc_shift pooled = otc_shift_of(&a, &b, true), welch = otc_shift_of(&a, &b, false);

    assert_close(pooled.t, -2.192170181540086, 1e-12);
    assert_close(pooled.p_value, 0.04881757991932358, 1e-11);
    assert_close(welch.t, -2.197929293328634, 1e-12);
    assert_close(welch.p_value, 0.050209780234109595, 1e-11);
    assert_close(welch.mean, (b.mean - a.mean) / sqrt(a.m2 / 6), 1e-14);
    assert_close(welch.spread_ratio, sqrt(b.m2 / 7 / (a.m2 / 5)), 1e-14);
    assert_true(isnan(otc_shift_of(&a, &none, false).t));
    assert_true(isnan(otc_shift_of(&a, &one, false).p_value));
    assert_false(isnan(otc_shift_of(&a, &one, true).p_value));
}

static void
test_proportions(void **state)
{
    (void)state;
    /* The square of z is chi-squared of the same table, without Yates' correction. */
    static const uint64_t first[] = {30, 70}, second[] = {50, 70};
    struct otc_z_test test = otc_proportions_z(30, 100, 50, 120);
    struct otc_chi_squared chi = otc_chi_squared_uncorrected(first, second, 2);

    assert_true(test.z < 0);
    assert_close(test.z * test.z, chi.statistic, 1e-13);
    assert_close(test.p_value, chi.p_value, 1e-12);
    assert_true(isnan(otc_proportions_z(0, 10, 0, 20).p_value));
    assert_true(isnan(otc_proportions_z(0, 0, 5, 20).p_value));
}

static void
test_goodness(void **state)
{
    (void)state;
    static const uint64_t observed[] = {16, 18, 16, 14, 12, 12}, expected[] = {16, 16, 16, 16, 16, 8};
    static const uint64_t without[] = {5, 0}, with[] = {3, 2};
    static const uint64_t many[] = {1000000, 1}, fewer[] = {999602, 1};
    struct otc_chi_squared chi = otc_chi_squared_goodness(expected, observed, 6);
    struct otc_chi_squared g = otc_g_goodness(expected, observed, 6);

    assert_close(chi.statistic, 3.5, 1e-14);
    assert_close(chi.p_value, 0.6233876277495822, 1e-12);
    assert_close(g.statistic, 3.3281031458963746, 1e-13);
    assert_close(g.p_value, 0.6495419288047497, 1e-12);
    chi = otc_chi_squared_goodness(without, with, 2);
    assert_true(isinf(chi.statistic) && chi.p_value == 0);
    g = otc_g_goodness(without, with, 2);
    assert_true(isinf(g.statistic) && g.p_value == 0);
    /* mpmath, 60 digits */
    assert_close(otc_g_goodness(many, fewer, 2).statistic, 1.5844588394433148e-7, 1e-12);
    assert_close(otc_chi_squared_goodness(many, fewer, 2).statistic, 1.5846691136381143e-7, 1e-12);
}

static void
test_fisher(void **state)
{
    (void)state;
    static const struct {
        uint64_t rows[2][2];
        double p;
    } cases[] = {{{{8, 2}, {1, 5}}, 0.034965034965034975},
                 {{{90, 3}, {80, 11}}, 0.027361215591492995},
                 {{{0, 5}, {5, 0}}, 0.007936507936507938},
                 {{{1000, 900}, {950, 1010}}, 0.010011822121882286}};
    static const uint64_t nothing[] = {0, 0};

    for (size_t i = 0; i < N(cases); i++)
        assert_close(otc_fisher_exact_p_value(cases[i].rows[0], cases[i].rows[1]), cases[i].p, 1e-10);
    assert_true(isnan(otc_fisher_exact_p_value(nothing, nothing)));
    assert_true(otc_fisher_exact_p_value(cases[0].rows[0], nothing) == 1);
}

static void
test_others(void **state)
{
    (void)state;
    struct otc_anderson_darling test = otc_samples_anderson_darling(x, N(x), y, N(y));

    assert_close(test.statistic, 2.447027246315935, 1e-12);
    assert_close(test.p_value, 0.032194520476747875, 1e-9);
    assert_true(otc_samples_anderson_darling(x, N(x), x, N(x)).p_value == 0.25);
    assert_true(isnan(otc_samples_anderson_darling(x, 1, x, 1).p_value));
    assert_close(otc_samples_energy(x, N(x), y, N(y)), 1.685106327011246, 1e-13);
    assert_true(otc_samples_energy(x, N(x), x, N(x)) == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mann_whitney),
        cmocka_unit_test(test_mann_whitney_counts_orders),
        cmocka_unit_test(test_mann_whitney_of_cells),
        cmocka_unit_test(test_mann_whitney_large),
        cmocka_unit_test(test_cramer_von_mises),
        cmocka_unit_test(test_student_t),
        cmocka_unit_test(test_shift),
        cmocka_unit_test(test_proportions),
        cmocka_unit_test(test_goodness),
        cmocka_unit_test(test_fisher),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
