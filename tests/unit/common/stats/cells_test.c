// SPDX-License-Identifier: Apache-2.0
#include "common/stats/bins.h"
#include "common/stats/two_sample.h"
#include "tests/harness/data/testdata.h"
#include "tests/unit/common/stats/cells_of.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t random_state = 42;

static double
uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return ldexp((double)(random_state >> 11), -53);
}

/* A sorted sample: continuous, or of few values so that ties abound. */
static double *
sample(size_t n, bool ties, double shift)
{
    double *out = calloc(n + 1, sizeof(double));

    assert_non_null(out);
    for (size_t i = 0; i < n; i++) {
        double value = uniform() + uniform() + shift;

        out[i] = ties ? floor(value * 8) : value;
    }
    testdata_sort(out, n);
    return out;
}

/* The definition: the place among all points, one by one. */
static size_t
find_slowly(const double *points, size_t n, double value)
{
    size_t below = 0;

    while (below < n && points[below] < value)
        below++;
    return 2 * below + (below < n && points[below] == value);
}

static void
check_one(const struct otc_cells *plain, const struct otc_cells *indexed, double value)
{
    size_t expected = find_slowly(plain->points, plain->n, value);

    assert_int_equal(otc_cells_find(plain, value), expected);
    assert_int_equal(otc_cells_find(indexed, value), expected);
}

/* As a column: no longer than what is near, and in pieces that leave the others alone. */
static void
check_all(const struct otc_cells *cells, const double *values, size_t n)
{
    uint32_t found[601];

    for (size_t at = 0; at < n; at += 600) {
        size_t some = n - at < 600 ? n - at : 600;

        found[some] = 77;
        otc_cells_find_all(cells, values + at, some, found);
        for (size_t i = 0; i < some; i++) {
            assert_int_equal(found[i], find_slowly(cells->points, cells->n, values[at + i]));
        }
        assert_int_equal(found[some], 77);
    }
}

static void
check_find(const double *points, size_t n)
{
    struct otc_cells plain = {.points = points, .n = n}, indexed = plain;
    struct otc_cells_index *index = otc_cells_index_new(points, n);
    double column[601];

    assert_non_null(index);
    indexed.index = index;
    for (size_t i = 0; i < n; i++) {
        column[i] =
            i % 3 ? nextafter(points[n - 1 - i], i % 3 == 1 ? -INFINITY : INFINITY) : points[n - 1 - i];
    }
    check_all(&plain, column, n);
    check_all(&indexed, column, n);
    for (size_t i = 0; i < n; i++) {
        const double probes[] = {points[i], nextafter(points[i], -INFINITY), nextafter(points[i], INFINITY),
                                 -points[i]};

        for (int k = 0; k < 4; k++) {
            check_one(&plain, &indexed, probes[k]);
        }
    }
    const double far[] = {-INFINITY, -1e308, -1e-308, -0x1p-1074, -0.0,    0.0,
                          0x1p-1074, 1e-310, 1e-308,  1e308,      INFINITY};

    for (size_t k = 0; k < sizeof(far) / sizeof(far[0]); k++) {
        check_one(&plain, &indexed, far[k]);
    }
    check_all(&plain, far, sizeof(far) / sizeof(far[0]));
    check_all(&indexed, far, sizeof(far) / sizeof(far[0]));
    otc_cells_index_free(index);
}

/* Of any bits, of few exponents, of crowds with gaps between, below the smallest normal number: values that
 * fill slots unevenly. */
static double
draw(int shape)
{
    uint64_t bits = (uint64_t)(uniform() * 0x1p53) << 11 ^ (uint64_t)(uniform() * 0x1p53);
    double value;

    switch (shape) {
    case 0:
        memcpy(&value, &bits, sizeof(value));
        return isfinite(value) ? value : 0;
    case 1:
        return exp(uniform() * 4) * (uniform() < 0.1 ? 1e6 : 1);
    case 2:
        return floor(uniform() * 4) * 1e3 + uniform() * 1e-3 * floor(uniform() * 3);
    default:
        return (double)(bits >> 60) * 0x1p-1074 * (bits & 1 ? -1 : 1);
    }
}

static void
test_find_random(void **state)
{
    (void)state;
    double points[600];

    for (int round = 0; round < 80; round++) {
        size_t n = 1 + (size_t)(uniform() * 600), distinct = 0;

        for (size_t i = 0; i < n; i++) {
            points[i] = draw(round % 4);
        }
        testdata_sort(points, n);
        for (size_t i = 0; i < n; i++) {
            if (distinct == 0 || points[i] != points[distinct - 1]) {
                points[distinct++] = points[i];
            }
        }
        check_find(points, distinct);
    }
}

static void
test_find(void **state)
{
    (void)state;
    double points[300];

    for (size_t n = 1; n <= 300; n = n * 3 / 2 + 1) {
        for (size_t i = 0; i < n; i++) /* even, with negatives and zero */
            points[i] = (double)i - floor((double)n / 2);
        check_find(points, n);
        for (size_t i = 0; i < n; i++) /* over the whole range of exponents */
            points[i] = exp2((double)i * 6 - 900);
        check_find(points, n);
        for (size_t i = 0; i < n; i++) /* crowded at one end */
            points[i] = i + 1 == n ? 1e300 : 1 + (double)i * 1e-12;
        check_find(points, n);
    }
    points[0] = -0.0;
    points[1] = 1;
    check_find(points, 2);
    points[0] = -1.5e308;
    points[1] = 1.5e308; /* a range beyond the doubles */
    check_find(points, 2);

    const struct otc_cells empty = {0};

    assert_int_equal(otc_cells_find(&empty, 3), 0);
    assert_null(otc_cells_index_new(points, 0));
    otc_cells_index_free(NULL);
}

/* Distances from the cells are those of the samples: KS always, the others within what they tell. */
static void
test_cells_equal_samples(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        size_t n = 1 + (size_t)(uniform() * 200), m = 1 + (size_t)(uniform() * 200);
        bool ties = round % 2;
        double *ref = sample(n, ties, 0), *cur = sample(m, ties, uniform() - 0.5);
        struct counted counted = counted_new(ref, n, NULL, 0, cur, m);
        struct otc_ks cells = otc_cells_ks(&counted.cells, &counted.counts),
                      exact = otc_samples_ks(ref, n, cur, m);
        double error, w = otc_cells_wasserstein(&counted.cells, &counted.counts, &error);
        double exact_w = otc_samples_wasserstein(ref, n, cur, m);
        double t = otc_cells_cramer_von_mises(&counted.cells, &counted.counts);
        double exact_t = otc_samples_cramer_von_mises(ref, n, cur, m);

        assert_true(fabs(cells.d - exact.d) < 1e-15 && cells.error == 0);
        assert_true(fabs(cells.d_greater - exact.d_greater) < 1e-15 &&
                    fabs(cells.d_less - exact.d_less) < 1e-15);
        assert_true(w <= exact_w + 1e-12 && exact_w <= w + error + 1e-12);
        if (!ties) /* values in a gap do not tie */
            assert_true(fabs(t - exact_t) < 1e-9 * (1 + fabs(exact_t)));
        counted_free(&counted);
        free(ref);
        free(cur);
    }
}

/* Without a crossing inside a gap Wasserstein is exact: current values that are all reference values. */
static void
test_wasserstein_exact_on_points(void **state)
{
    (void)state;
    static const double ref[] = {0, 1, 3}, cur[] = {0, 1, 1, 3, 3, 3};
    struct counted counted = counted_new(ref, 3, NULL, 0, cur, 6);
    double error;

    assert_true(fabs(otc_cells_wasserstein(&counted.cells, &counted.counts, &error) -
                     otc_samples_wasserstein(ref, 3, cur, 6)) < 1e-15);
    assert_true(error == 0);
    counted_free(&counted);
}

/* Sums that overflow give no distance; 0 would say that nothing moved. */
static void
test_wasserstein_overflow(void **state)
{
    (void)state;
    static const double ref[] = {-1.7e308, 1.7e308}, cur[] = {1.6e308, 1.6e308, 1.65e308};
    struct counted counted = counted_new(ref, 2, NULL, 0, cur, 3);
    double error = 0;

    assert_true(isnan(otc_cells_wasserstein(&counted.cells, &counted.counts, &error)));
    assert_true(isnan(error));
    counted_free(&counted);
}

/* A capped reference: the true D lies in [d, d + error]. */
static void
test_capped_reference(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        size_t n = 500, m = 300, kept = 12;
        double *ref = sample(n, false, 0), *cur = sample(m, false, uniform() - 0.5);
        double points[12];
        uint64_t eq[12] = {0}, gap[13] = {0}, cur_eq[12] = {0}, cur_gap[13] = {0};
        double gap_sum[13] = {0};
        struct otc_cells cells = {.points = points, .eq = eq, .gap = gap, .n = kept, .total = n};
        struct otc_cell_counts counts = {.eq = cur_eq, .gap = cur_gap, .gap_sum = gap_sum, .total = m};

        for (size_t i = 0; i < kept; i++)
            points[i] = otc_quantile_nearest(ref, n, (double)i / (double)(kept - 1));
        for (size_t i = 0; i < n; i++) {
            size_t cell = otc_cells_find(&cells, ref[i]);

            (cell % 2 ? eq : gap)[cell / 2]++;
        }
        for (size_t i = 0; i < m; i++) {
            size_t cell = otc_cells_find(&cells, cur[i]);

            (cell % 2 ? cur_eq : cur_gap)[cell / 2]++;
            gap_sum[cell / 2] += cell % 2 ? 0 : cur[i] - otc_cells_gap_origin(points, cell / 2);
        }

        struct otc_ks ks = otc_cells_ks(&cells, &counts);
        double exact = otc_samples_ks(ref, n, cur, m).d, error;
        double w = otc_cells_wasserstein(&cells, &counts, &error);

        assert_true(ks.d <= exact + 1e-12 && exact <= ks.d + ks.error + 1e-12 && ks.error > 0);
        assert_true(fabs(w - otc_samples_wasserstein(ref, n, cur, m)) <= error + 1e-12);
        free(ref);
        free(cur);
    }
}

/* A private reference keeps no values of few rows: how far those outside its points lie is not known, and
 * said to be so; of the same rows there is no distance. */
static void
test_unknown_reach(void **state)
{
    const double points[] = {1, 2};
    const uint64_t eq[] = {900, 60}, gap[] = {0, 0, 40};
    uint64_t cur_eq[] = {900, 60}, cur_gap[] = {0, 0, 40};
    double gap_sum[] = {0, 0, 40 * 1017.5}, error, known[] = {0, 40 * 1017.5};
    struct otc_cells cells = {.points = points, .eq = eq, .gap = gap, .n = 2, .total = 1000};
    const struct otc_cell_counts counts = {cur_eq, cur_gap, gap_sum, 1000};

    (void)state;
    assert_true(fabs(otc_cells_wasserstein(&cells, &counts, &error)) < 1e-12 && isinf(error));
    cells.outer_sums = known;
    assert_true(fabs(otc_cells_wasserstein(&cells, &counts, &error)) < 1e-12 && isfinite(error));
    cells.outer_sums = NULL;
    cur_eq[1] += 40; /* nothing out there any more */
    cur_gap[2] = 0;
    gap_sum[2] = 0;
    assert_true(fabs(otc_cells_wasserstein(&cells, &counts, &error)) < 1e-12 && isinf(error));
}

/* Distances between values are the same wherever on the line they lie: here at 2^60, as times in nanoseconds
 * do, where sums of the values themselves would be off by thousands. */
static void
test_far_from_zero(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        size_t n = 400, m = 700;
        double *ref = sample(n, false, 0), *cur = sample(m, false, uniform() - 0.5), error;
        struct counted near, far;
        double expected;

        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < (side ? m : n); i++) {
                double *value = side ? &cur[i] : &ref[i];

                *value = 256 * floor(*value * 1000); /* steps of the doubles there */
            }
        }
        near = counted_new(ref, n, NULL, 0, cur, m);
        expected = otc_cells_wasserstein(&near.cells, &near.counts, &error);
        assert_true(fabs(expected - otc_samples_wasserstein(ref, n, cur, m)) <= error + 1e-12 * expected);
        for (size_t i = 0; i < n; i++) {
            ref[i] += 0x1p60;
        }
        for (size_t i = 0; i < m; i++) {
            cur[i] += 0x1p60;
        }
        far = counted_new(ref, n, NULL, 0, cur, m);
        assert_true(fabs(otc_cells_wasserstein(&far.cells, &far.counts, &error) - expected) <=
                    1e-12 * expected);
        counted_free(&near);
        counted_free(&far);
        free(ref);
        free(cur);
    }
}

static void
test_empty_sides(void **state)
{
    (void)state;
    static const double values[] = {1, 2};
    struct counted no_cur = counted_new(values, 2, NULL, 0, values, 0);
    struct counted no_ref = counted_new(values, 0, NULL, 0, values, 2);
    double error;

    assert_true(isnan(otc_cells_ks(&no_cur.cells, &no_cur.counts).d));
    assert_true(isnan(otc_cells_ks(&no_ref.cells, &no_ref.counts).d));
    assert_true(isnan(otc_cells_wasserstein(&no_cur.cells, &no_cur.counts, &error)) && isnan(error));
    assert_true(isnan(otc_cells_cramer_von_mises(&no_ref.cells, &no_ref.counts)));
    assert_true(isnan(otc_samples_ks(values, 2, values, 0).d));
    assert_true(isnan(otc_samples_wasserstein(values, 0, values, 2)));
    assert_true(isnan(otc_samples_cramer_von_mises(values, 0, values, 2)));
    counted_free(&no_cur);
    counted_free(&no_ref);
}

/* Counts beyond what a product of 64 bits holds. */
static void
test_large_counts(void **state)
{
    (void)state;
    static const double points[] = {1, 2};
    static const uint64_t eq[] = {3000000000000000, 1000000000000000}, gap[] = {0, 0, 0};
    uint64_t cur_eq[] = {1000000000000000, 3000000000000000}, cur_gap[] = {0, 0, 0};
    const struct otc_cells ref = {.points = points, .eq = eq, .gap = gap, .n = 2, .total = 4000000000000000};
    const struct otc_cell_counts cur = {.eq = cur_eq, .gap = cur_gap, .total = 4000000000000000};
    struct otc_ks ks = otc_cells_ks(&ref, &cur);

    assert_true(ks.d == 0.5 && ks.d_greater == 0.5 && ks.d_less == 0 && ks.at == 1);
}

/* Cramer-von-Mises of 10^9 values a side, nearly alike: Python's fractions. */
static void
test_cramer_von_mises_of_many(void **state)
{
    (void)state;
    static const double points[] = {1, 2, 3, 4};
    static const uint64_t none[5] = {0}, eq[] = {250000000, 250000000, 250000000, 250000000};
    static const uint64_t few[] = {1000, 1000, 1000, 1000};
    uint64_t tied[] = {250000300, 249999900, 249999700, 250000100}, no_eq[4] = {0}, no_gap[5] = {0};
    uint64_t alone[] = {199999800, 200000100, 200000000, 200000300, 199999800};
    const struct otc_cells ref = {.points = points, .eq = eq, .gap = none, .n = 4, .total = 1000000000};
    const struct otc_cells small = {.points = points, .eq = few, .gap = none, .n = 4, .total = 4000};
    const struct otc_cell_counts cur = {.eq = tied, .gap = no_gap, .total = 1000000000};
    const struct otc_cell_counts apart = {.eq = no_eq, .gap = alone, .total = 1000000000};

    assert_true(testdata_close(otc_cells_cramer_von_mises(&ref, &cur), 1.75e-05, 1e-9));
    assert_true(testdata_close(otc_cells_cramer_von_mises(&small, &apart), 33.33314000137333, 1e-14));
}

static void
test_bin(void **state)
{
    (void)state;
    static const double ref[] = {0, 1, 1, 2, 5}, cur[] = {-3, 0.5, 1, 2, 2, 9}, edges[] = {1, 2, 4};
    static const uint64_t expected_ref[] = {1, 2, 1, 1}, expected_cur[] = {2, 1, 2, 1};
    struct counted counted = counted_new(ref, 5, edges, 3, cur, 6);
    uint64_t out[4];

    otc_cells_bin(&counted.cells, counted.cells.eq, counted.cells.gap, edges, 3, out);
    assert_memory_equal(out, expected_ref, sizeof(out));
    otc_cells_bin(&counted.cells, counted.counts.eq, counted.counts.gap, edges, 3, out);
    assert_memory_equal(out, expected_cur, sizeof(out));
    otc_cells_bin(&counted.cells, counted.counts.eq, counted.counts.gap, NULL, 0, out);
    assert_true(out[0] == 6);
    counted_free(&counted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_random),
        cmocka_unit_test(test_cells_equal_samples),
        cmocka_unit_test(test_wasserstein_exact_on_points),
        cmocka_unit_test(test_wasserstein_overflow),
        cmocka_unit_test(test_capped_reference),
        cmocka_unit_test(test_unknown_reach),
        cmocka_unit_test(test_far_from_zero),
        cmocka_unit_test(test_empty_sides),
        cmocka_unit_test(test_large_counts),
        cmocka_unit_test(test_cramer_von_mises_of_many),
        cmocka_unit_test(test_bin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
