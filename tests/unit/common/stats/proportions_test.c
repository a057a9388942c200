// SPDX-License-Identifier: Apache-2.0
/* Rises of shares against rational arithmetic of the definition (Python's fractions and math.comb). */
#include "common/stats/proportions.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
assert_close(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance * fabs(expected))) {
        fail_msg("%.17g, expected %.17g", actual, expected);
    }
}

/* scipy.stats.fisher_exact([[x2, n2 - x2], [x1, n1 - x1]], alternative="greater") gives the same digits but
 * its last few. */
static void
test_rise(void **state)
{
    static const struct {
        double x1, n1, x2, n2, p;
    } cases[] = {
        {1, 1000, 40, 400, 1.2256831042124635e-21},
        {500, 1000, 190, 200, 1.2251751718390523e-38},
        {3, 1000, 60, 500, 2.6465629551945205e-26},
        {2000, 1000000, 900, 300000, 4.7505548781665233e-23},
        {1, 12000, 1, 500, 0.07840307224577966},
        {1, 1000, 1, 1000, 0.7501250625312657},
        {0, 10, 3, 5, 0.02197802197802198},
        {0, 9.2e11, 4, 4, 3.3501166733602646e-47},
        {3, 1e6, 7, 7, 6.0478306587941406e-37},
        {9, 10, 1, 5, 0.9996669996669997},
        {900, 1000, 850, 1000, 0.9997278860177964},
        {10, 10, 5, 5, 1},
        {10, 10, 4, 5, 1},
        {3, 10, 0, 5, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_close(otc_share_rise_p_value(cases[i].x1, cases[i].n1, cases[i].x2, cases[i].n2), cases[i].p,
                     1e-12);
    }
}

/* A rise or its reverse: P(X >= x) + P(X <= x) = 1 + P(X = x), at sizes that no table of factorials holds. */
static void
test_large_tables(void **state)
{
    static const double sizes[] = {1e6, 1e9, 1e12};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        double n = sizes[i], x = 0.3 * n;
        double rise = otc_share_rise_p_value(x, n, x, n);
        double variance = n * 0.3 * 0.7 / 2; /* of one side given both: nearly normal */

        assert_close(2 * rise, 1 + 1 / sqrt(2 * M_PI * variance), 1e-9);
    }
}

static void
test_nothing_to_test(void **state)
{
    (void)state;
    assert_true(isnan(otc_share_rise_p_value(0, 0, 1, 5)));
    assert_true(isnan(otc_share_rise_p_value(0, 5, 0, 0)));
    assert_true(isnan(otc_share_rise_p_value(6, 5, 1, 5)));
    assert_true(isnan(otc_share_rise_p_value(1, 5, NAN, 5)));
}

/* C(1000, 100) / C(1300, 100), C(1000, 400) / C(1300, 400); none to leave out, more than there is room for.
 */
static void
test_draw_without(void **state)
{
    (void)state;
    assert_close(otc_draw_without(100, 1000, 300), 1.1977736471867736e-12, 1e-12);
    assert_close(otc_draw_without(400, 1000, 300), 6.795359935047384e-57, 1e-12);
    assert_close(otc_draw_without(1, 1000, 10000), 1.0 / 11, 1e-12);
    assert_true(otc_draw_without(0, 1000, 300) == 1);
    assert_true(otc_draw_without(1001, 1000, 300) == 0);
    assert_true(otc_draw_without(1000, 1000, 300) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rise),
        cmocka_unit_test(test_large_tables),
        cmocka_unit_test(test_nothing_to_test),
        cmocka_unit_test(test_draw_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
