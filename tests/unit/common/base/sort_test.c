// SPDX-License-Identifier: Apache-2.0
/* Sorting by radix: the order of qsort, and stable. */
#include "common/base/sort.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    double value;
    int64_t time;
};

static uint64_t
next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11;
}

/* Numbers of every size and sign, infinities, and many that are equal. */
static double
number(uint64_t *state)
{
    switch (next(state) % 5) {
    case 0:
        return (double)(int64_t)(next(state) % 7) - 3;
    case 1:
        return ldexp((double)next(state), (int)(next(state) % 2000) - 1060);
    case 2:
        return -ldexp((double)next(state), (int)(next(state) % 2000) - 1060);
    case 3:
        return next(state) % 2 ? INFINITY : -INFINITY;
    default:
        return (double)next(state) / 9007199254740992.0;
    }
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
doubles_come_in_the_order_of_qsort(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 100, 511, 512, 10000};
    uint64_t seed = 7;

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        size_t n = sizes[s];
        double *values = calloc(n + 1, sizeof(*values));
        double *expected = calloc(n + 1, sizeof(*expected));

        assert_non_null(values);
        assert_non_null(expected);
        for (size_t i = 0; i < n; i++) {
            values[i] = expected[i] = number(&seed);
        }
        qsort(expected, n, sizeof(*expected), by_value);
        otc_sort_doubles(values, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(values[i] == expected[i]);
        }
        free(values);
        free(expected);
    }
}

/* Keys that differ in few bits, in many, in the last alone, and crowds far apart: of each the order of qsort,
 * and of equals the order that they had. */
static double
crowded(uint64_t *state, int shape)
{
    switch (shape) {
    case 0:
        return 1.7e9 + (double)(next(state) % 100000) / 4096;
    case 1:
        return 1 + (double)(next(state) % 3000) * 0x1p-52 + (double)(next(state) % 3);
    case 2:
        return ldexp(1 + (double)(next(state) % 40) * 0x1p-52, (int)(next(state) % 5) * 300 - 600);
    case 3:
        return next(state) % 1000 ? 5 + (double)(next(state) % 100000) * 0x1p-50 : -1e300;
    default:
        return (double)(next(state) % 3) * -0x1p-1074;
    }
}

static int
by_value_and_time(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return x->value != y->value ? (x->value > y->value) - (x->value < y->value)
                                : (x->time > y->time) - (x->time < y->time);
}

static void
crowds_are_told_apart(void **state)
{
    static struct pair pairs[20000], expected[20000];
    static double values[20000];
    uint64_t seed = 11;

    (void)state;
    for (int shape = 0; shape < 5; shape++) {
        for (size_t n = 600; n <= 20000; n = n * 5 / 2) {
            for (size_t i = 0; i < n; i++) {
                values[i] = crowded(&seed, shape);
                pairs[i] = expected[i] = (struct pair){values[i], (int64_t)i};
            }
            qsort(expected, n, sizeof(*expected), by_value_and_time);
            otc_sort_pairs(pairs, n, OTC_SORT_FIRST_DOUBLE);
            otc_sort_doubles(values, n);
            for (size_t i = 0; i < n; i++) {
                assert_true(pairs[i].value == expected[i].value && values[i] == expected[i].value);
                assert_int_equal(pairs[i].time, expected[i].time);
            }
        }
    }
}

/* Of few, of runs and of all. */
static void
zeros_come_by_their_sign(void **state)
{
    static double values[10000];
    uint64_t seed = 17;

    (void)state;
    for (int k = 0; k < 3; k++) {
        size_t n = k == 0 ? 300 : 10000;
        size_t zeros = 0;

        for (size_t i = 0; i < n; i++) {
            bool zero = k == 2 || next(&seed) % 50 == 0;

            values[i] = zero ? (next(&seed) % 2 ? 0.0 : -0.0) : (double)next(&seed) / 0x1p52 - 1;
            zeros += values[i] == 0;
        }
        otc_sort_doubles(values, n);
        assert_true(zeros > 1);
        for (size_t i = 1; i < n; i++) {
            assert_true(values[i - 1] < values[i] ||
                        (values[i - 1] == values[i] && signbit(values[i - 1]) >= signbit(values[i])));
        }
    }
}

/* Times in nanoseconds, of an hour and of years. */
static void
times_are_sorted(void **state)
{
    static struct pair pairs[20000], expected[20000];
    uint64_t seed = 13;

    (void)state;
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < 20000; i++) {
            int64_t time = (int64_t)(k == 0   ? 1700000000000000000u + next(&seed) % 3600000000000u
                                     : k == 1 ? next(&seed) * 512
                                              : next(&seed) % 2000);

            pairs[i] = expected[i] = (struct pair){(double)time, time};
        }
        qsort(expected, 20000, sizeof(*expected), by_value_and_time);
        otc_sort_pairs(pairs, 20000, OTC_SORT_SECOND_INT64);
        for (size_t i = 0; i < 20000; i++) {
            assert_int_equal(pairs[i].time, expected[i].time);
        }
    }
}

static void
pairs_keep_the_order_of_equals(void **state)
{
    static struct pair pairs[5000];
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < 5000; i++) {
        pairs[i] = (struct pair){(double)(next(&seed) % 50) - 25, (int64_t)i};
    }
    otc_sort_pairs(pairs, 5000, OTC_SORT_FIRST_DOUBLE);
    for (size_t i = 1; i < 5000; i++) {
        assert_true(pairs[i - 1].value < pairs[i].value ||
                    (pairs[i - 1].value == pairs[i].value && pairs[i - 1].time < pairs[i].time));
    }
    otc_sort_pairs(pairs, 5000, OTC_SORT_SECOND_INT64);
    for (int64_t i = 0; i < 5000; i++) {
        assert_int_equal(pairs[i].time, i);
    }
    for (size_t i = 0; i < 5000; i++) {
        pairs[i].time = (int64_t)i * (i % 2 ? 1 : -1);
    }
    otc_sort_pairs(pairs, 5000, OTC_SORT_SECOND_INT64);
    assert_int_equal(pairs[0].time, -4998);
    assert_int_equal(pairs[4999].time, 4999);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_come_in_the_order_of_qsort), cmocka_unit_test(crowds_are_told_apart),
        cmocka_unit_test(zeros_come_by_their_sign),           cmocka_unit_test(times_are_sorted),
        cmocka_unit_test(pairs_keep_the_order_of_equals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
