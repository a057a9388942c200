// SPDX-License-Identifier: Apache-2.0
#include "common/stats/pvalue.h"
#include "tests/harness/data/testdata.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
assert_close(double actual, double expected, double tolerance, const char *what)
{
    if (!testdata_close(actual, expected, tolerance))
        fail_msg("%s: %.17g, expected %.17g", what, actual, expected);
}

/* Every row of the two-sample vectors: exact, asymptotic and limit. */
static void
test_ks_vectors(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    struct testdata_table table = testdata_csv("../vectors/stat/ks_vectors.csv");

    assert_int_equal(table.rows, 138);
    for (size_t row = 0; row < table.rows; row++) {
        uint64_t n = (uint64_t)testdata_cell_number(&table, row, "n1");
        uint64_t m = (uint64_t)testdata_cell_number(&table, row, "n2");
        double d = testdata_cell_number(&table, row, "D");
        double exact = testdata_cell_number(&table, row, "p_exact");
        double asymptotic = testdata_cell_number(&table, row, "p_asymp_kstwo");
        double limit = testdata_cell_number(&table, row, "p_kolmogorov_limit");
        char what[128];

        snprintf(what, sizeof(what), "n %llu m %llu D %.17g", (unsigned long long)n, (unsigned long long)m,
                 d);
        if (!isnan(exact))
            assert_close(otc_ks_p_value(d, n, m, OTC_KS_TWO_SIDED, OTC_KS_EXACT), exact, 1e-9, what);
        /* The vectors give nan for kstwo of no observations; at D = 1 that is still beyond its support. */
        if (!isnan(asymptotic))
            assert_close(otc_ks_p_value(d, n, m, OTC_KS_TWO_SIDED, OTC_KS_ASYMPTOTIC), asymptotic, 1e-9,
                         what);
        assert_close(otc_kolmogorov_sf(d * sqrt((double)n * (double)m / (double)(n + m))), limit, 1e-9, what);
    }
    testdata_table_free(&table);
}

static void
test_kstwo_vectors(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    struct testdata_table table = testdata_csv("../vectors/stat/kstwo_vectors.csv");

    assert_int_equal(table.rows, 70);
    for (size_t row = 0; row < table.rows; row++) {
        uint64_t n = (uint64_t)testdata_cell_number(&table, row, "n");
        double x = testdata_cell_number(&table, row, "x");
        char what[128];

        snprintf(what, sizeof(what), "n %llu x %.17g", (unsigned long long)n, x);
        assert_close(otc_kstwo_cdf(n, x), testdata_cell_number(&table, row, "cdf"), 1e-9, what);
        assert_close(otc_kstwo_sf(n, x), testdata_cell_number(&table, row, "sf"), 1e-9, what);
    }
    testdata_table_free(&table);
}

/* The three columns of each row belong together: what is true without any file. */
static void
test_ks_by_hand(void **state)
{
    (void)state;
    /* C(6,3) = 20 paths; D = 1 is reached by two of them. */
    assert_close(otc_ks_p_value(1, 3, 3, OTC_KS_TWO_SIDED, OTC_KS_AUTO), 2.0 / 20, 1e-15, "3 and 3");
    assert_close(otc_ks_p_value(1, 2, 3, OTC_KS_TWO_SIDED, OTC_KS_AUTO), 2.0 / 10, 1e-15, "2 and 3");
    assert_close(otc_ks_p_value(1, 2, 3, OTC_KS_GREATER, OTC_KS_AUTO), 1.0 / 10, 1e-15, "2 and 3, one side");
    assert_close(otc_ks_p_value(0, 2, 3, OTC_KS_TWO_SIDED, OTC_KS_AUTO), 1, 0, "no distance");
    assert_close(otc_ks_p_value(0.03, 100, 100, OTC_KS_TWO_SIDED, OTC_KS_AUTO), 0.999999999996206, 1e-12,
                 "100");
    assert_close(otc_ks_p_value(5.0 / 16, 16, 16, OTC_KS_TWO_SIDED, OTC_KS_AUTO), 0.4262934613454952, 1e-9,
                 "16");
    assert_true(isnan(otc_ks_p_value(NAN, 10, 10, OTC_KS_TWO_SIDED, OTC_KS_AUTO)));
    assert_true(isnan(otc_ks_p_value(0.5, 0, 10, OTC_KS_TWO_SIDED, OTC_KS_AUTO)));
    assert_true(isnan(otc_kstwo_sf(0, 0.5)));
    /* Sizes whose lcm is too large are computed as scipy does: asymptotically. */
    assert_true(otc_ks_p_value(0.01, 100003, 100019, OTC_KS_TWO_SIDED, OTC_KS_EXACT) ==
                otc_ks_p_value(0.01, 100003, 100019, OTC_KS_TWO_SIDED, OTC_KS_ASYMPTOTIC));
    assert_true(otc_ks_p_value(0.4, 10000, 10, OTC_KS_TWO_SIDED, OTC_KS_AUTO) ==
                otc_ks_p_value(0.4, 10000, 10, OTC_KS_TWO_SIDED, OTC_KS_EXACT));
    assert_true(otc_ks_p_value(0.4, 10000, 10, OTC_KS_TWO_SIDED, OTC_KS_EXACT) !=
                otc_ks_p_value(0.4, 10000, 10, OTC_KS_TWO_SIDED, OTC_KS_ASYMPTOTIC));
    assert_true(otc_ks_p_value(0.05, 10001, 500, OTC_KS_TWO_SIDED, OTC_KS_AUTO) ==
                otc_ks_p_value(0.05, 10001, 500, OTC_KS_TWO_SIDED, OTC_KS_ASYMPTOTIC));
}

/* P grows with n's effective size shrinking, and one is the plain p-value. */
static void
test_ks_effective(void **state)
{
    (void)state;
    double plain = otc_ks_p_value(0.1, 1000, 500, OTC_KS_TWO_SIDED, OTC_KS_AUTO);

    assert_true(otc_ks_p_value_effective(0.1, 1000, 500, 1) == plain);
    assert_true(otc_ks_p_value_effective(0.1, 1000, 500, 4) > plain);
    assert_true(otc_ks_p_value_effective(0.1, 1000, 500, 4) ==
                otc_ks_p_value(0.1, 500, 100, OTC_KS_TWO_SIDED, OTC_KS_ASYMPTOTIC));
    assert_true(otc_ks_p_value_effective(0.9, 1000, 500, 1e9) == 1);
    /* One effective value outside of 26: 2 / 27, as scipy.stats.ks_2samp(range(26), [-1]).pvalue. */
    assert_float_equal(otc_ks_p_value_effective(1, 3500, 1, 134), 2.0 / 27, 1e-12);
    assert_float_equal(otc_ks_p_value_effective(1, 1000000, 1, 2), 2.0 / 10001, 1e-12);
    assert_true(otc_ks_p_value_effective(1, 3500, 200, 318) > 0.1);
    /* ks_2samp of 400 and 40 values, method "exact", D = 0.25 and what lies just above it. */
    assert_float_equal(otc_ks_p_value_effective(0.25, 800, 80, 2), 0.017945667932, 1e-9);
    assert_float_equal(otc_ks_p_value_effective(0.2511, 800, 80, 2), 0.017945667932, 1e-9);
    /* It falls as d grows, where one law gives way to the other, too. */
    for (uint64_t m = 96; m <= 106; m++) {
        for (int i = 1; i < 100; i++) {
            double nearer = otc_ks_p_value_effective(i / 100.0, 2000, m, 2);

            assert_true(nearer >= otc_ks_p_value_effective((i + 1) / 100.0, 2000, m, 2));
            assert_true(nearer >= otc_ks_p_value(i / 100.0, 2000, m, OTC_KS_TWO_SIDED, OTC_KS_AUTO) * 0.99);
        }
    }
}

/* Closed forms: dof 2 is exp(-x/2), dof 1 the normal's two tails, dof 4 exp(-x/2)(1 + x/2). */
static void
test_chi_squared_closed_forms(void **state)
{
    (void)state;
    for (double x = 1e-8; x < 1400; x *= 1.37) {
        assert_close(otc_chi_squared_sf(x, 2), exp(-x / 2), 1e-12, "dof 2");
        assert_close(otc_chi_squared_sf(x, 4), exp(-x / 2) * (1 + x / 2), 1e-12, "dof 4");
        assert_close(otc_chi_squared_sf(x, 1), 2 * otc_normal_sf(sqrt(x)), 1e-11, "dof 1");
    }
    assert_true(otc_chi_squared_sf(0, 3) == 1);
    assert_true(otc_chi_squared_sf(-1, 3) == 1);
    assert_true(otc_chi_squared_sf(INFINITY, 3) == 0);
    assert_true(isnan(otc_chi_squared_sf(1, 0)));
    assert_true(isnan(otc_chi_squared_sf(NAN, 3)));
}

/* Q(a, x) for integral a is the Poisson distribution: sum_{k<a} e^-x x^k / k!. */
static void
test_gamma_against_poisson(void **state)
{
    (void)state;
    static const double shapes[] = {1, 2, 5, 17, 100, 500};

    for (size_t i = 0; i < 6; i++)
        for (double factor = 0.2; factor < 4; factor *= 1.3) {
            double a = shapes[i], x = a * factor, term = 1, sum = 1;

            for (double k = a - 1; k > 0; k--) {
                term *= k / x;
                sum += term;
            }
            /* term a-1 carries the weight: e^-x x^(a-1) / (a-1)! */
            int sign;
            double log_last = -x + (a - 1) * log(x) - lgamma_r(a, &sign);

            assert_close(otc_gamma_q(a, x), fmin(1, exp(log_last) * sum), 1e-10, "Poisson");
        }
}

/* Published tables. */
static void
test_published_tails(void **state)
{
    (void)state;
    assert_close(otc_normal_sf(1.959963984540054), 0.025, 1e-14, "normal");
    assert_close(otc_normal_sf(0), 0.5, 0, "normal");
    assert_close(otc_chi_squared_sf(3.841458820694124, 1), 0.05, 1e-13, "chi2 1");
    assert_close(otc_chi_squared_sf(16.918977604620448, 9), 0.05, 1e-13, "chi2 9");
    assert_close(otc_chi_squared_sf(8.332684717891361, 2), 0.015508882433837417, 1e-12, "Titanic");
    assert_close(otc_kolmogorov_sf(1.3580986393225505), 0.05, 1e-12, "Kolmogorov");
    assert_close(otc_kolmogorov_sf(0.5), 0.9639452436648751, 1e-12, "Kolmogorov");
    assert_true(otc_kolmogorov_sf(0) == 1 && otc_kolmogorov_sf(-1) == 1);
    assert_close(otc_smirnov_sf(1, 0.25), 0.75, 1e-14, "one observation");
    assert_close(otc_smirnov_sf(2, 0.5), 0.25, 1e-14, "two observations");
    assert_close(otc_smirnov_sf(2, 0.25), 0.5625 + 0.125, 1e-14, "two observations");
}

/* All terms of Smirnov's sum, in long double. */
static double
smirnov_in_full(uint64_t n, double x)
{
    long double size = (long double)n, sum = 0;

    for (uint64_t i = 0; (long double)i < size * (1 - (long double)x); i++) {
        long double j = (long double)i,
                    log_binomial = lgammal(size + 1) - lgammal(j + 1) - lgammal(size - j + 1);

        sum += expl(log_binomial + (j - 1) * logl(x + j / size) + (size - j) * logl(1 - x - j / size));
    }
    return (double)(x * sum);
}

static void
test_smirnov_of_many(void **state)
{
    static const uint64_t sizes[] = {2047, 2048, 3001, 4096, 50000};
    static const double squares[] = {0.25, 0.99, 1, 1.7, 2.2, 5, 30, 200}; /* n x^2 */

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t k = 0; k < sizeof(squares) / sizeof(squares[0]); k++) {
            double x = sqrt(squares[k] / (double)sizes[i]);
            char what[64];

            (void)snprintf(what, sizeof(what), "n %d, n x^2 %g", (int)sizes[i], squares[k]);
            assert_close(otc_smirnov_sf(sizes[i], x), smirnov_in_full(sizes[i], x), 1e-11, what);
        }
    }
    assert_true(otc_smirnov_sf(10000000, 0.75) == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ks_vectors),
        cmocka_unit_test(test_kstwo_vectors),
        cmocka_unit_test(test_ks_by_hand),
        cmocka_unit_test(test_ks_effective),
        cmocka_unit_test(test_chi_squared_closed_forms),
        cmocka_unit_test(test_gamma_against_poisson),
        cmocka_unit_test(test_published_tails),
        cmocka_unit_test(test_smirnov_of_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
