// SPDX-License-Identifier: Apache-2.0
/* References made of counts, on random rows: what is exact equals the rows', what is bounded lies within. */
#include "common/analysis/evaluate.h"
#include "common/analysis/reference_counts.h"
#include "common/stats/two_sample.h"
#include "tests/harness/close.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MAX_ROWS 400
#define MAX_POINTS 60

static uint64_t random_state;

static uint64_t
draw(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % below;
}

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Rows around `middle`, some far outside; whole ones tie. Ascending. */
static size_t
draw_rows(double middle, double *out)
{
    size_t n = 50 + draw(MAX_ROWS - 50);
    bool whole = draw(2);

    for (size_t i = 0; i < n; i++) {
        double value = middle + ((double)draw(100000) + (double)draw(100000)) / 2000 - 50;

        value *= draw(30) ? 1 : 50;
        out[i] = whole ? round(value) : value;
    }
    qsort(out, n, sizeof(*out), by_value);
    return n;
}

struct side {
    double rows[MAX_ROWS];
    size_t n;
    uint64_t eq[MAX_POINTS + MAX_ROWS], gap[MAX_POINTS + MAX_ROWS + 1];
    double sums[MAX_POINTS + MAX_ROWS + 1], outer[2];
};

static void
count(struct side *side, const struct otc_cells *grid)
{
    for (size_t i = 0; i < side->n; i++) {
        size_t cell = otc_cells_find(grid, side->rows[i]);

        if (cell % 2) {
            side->eq[cell / 2]++;
        } else {
            side->gap[cell / 2]++;
            side->sums[cell / 2] += side->rows[i] - otc_cells_gap_origin(grid->points, cell / 2);
        }
    }
    side->outer[0] = side->sums[0];
    side->outer[1] = side->sums[grid->n];
}

static size_t
distinct(double *points, size_t n)
{
    size_t kept = 0;

    qsort(points, n, sizeof(*points), by_value);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || points[i] != points[kept - 1]) {
            points[kept++] = points[i];
        }
    }
    return kept;
}

static struct otc_reference_feature
make(const struct otc_reference_feature *grid, const struct side *side, double *edges)
{
    const struct otc_reference_counts counts = {
        .missing = 3, .eq = side->eq, .gap = side->gap, .outer_sums = side->outer};
    struct otc_reference_feature out;

    otc_reference_of_counts(grid, &counts, 10, edges, &out);
    assert_int_equal(out.observations, side->n);
    assert_int_equal(out.values, side->n);
    assert_int_equal(out.missing, 3);
    return out;
}

/* The grid is of other rows: KS and Wasserstein of the rows lie within what is told with them. */
static void
test_what_a_grid_costs_is_bounded(void **state)
{
    size_t inexact = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct side ref = {.n = 0}, cur = {.n = 0};
        double points[MAX_POINTS], edges[20], error;
        struct otc_reference_feature grid = {.type = OTC_NUMERIC}, made;
        struct otc_ks ks, exact;
        double wasserstein, exact_wasserstein;

        random_state = seed;
        ref.n = draw_rows(0, ref.rows);
        cur.n = draw_rows((double)draw(40) - 20, cur.rows);
        for (size_t i = 0; i < MAX_POINTS; i++) {
            points[i] = (double)draw(100) - 50;
        }
        grid.cells = (struct otc_cells){.points = points, .n = distinct(points, 2 + draw(MAX_POINTS - 2))};
        count(&ref, &grid.cells);
        count(&cur, &grid.cells);
        made = make(&grid, &ref, edges);

        const struct otc_cell_counts current = {cur.eq, cur.gap, cur.sums, cur.n};

        ks = otc_cells_ks(&made.cells, &current);
        exact = otc_samples_ks(ref.rows, ref.n, cur.rows, cur.n);
        assert_true(ks.d <= exact.d + 1e-12);
        assert_true(exact.d <= ks.d + ks.error + 1e-12);
        wasserstein = otc_cells_wasserstein(&made.cells, &current, &error);
        exact_wasserstein = otc_samples_wasserstein(ref.rows, ref.n, cur.rows, cur.n);
        if (fabs(wasserstein - exact_wasserstein) > error + 1e-9) {
            fail_msg("seed %llu: %g, of the rows %g, error %g", (unsigned long long)seed, wasserstein,
                     exact_wasserstein, error);
        }
        inexact += ks.error > 0;
    }
    assert_true(inexact > 100);
}

/* The grid has every value: everything is that of the rows, and bins are numpy's. */
static void
test_a_grid_with_every_value_is_exact(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
        struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 1);
        struct side ref = {.n = 0};
        double points[MAX_ROWS], edges[20];
        uint64_t expected[32] = {0}, got[32] = {0};
        struct otc_reference_feature grid = {.type = OTC_NUMERIC}, made;
        struct otc_reference *reference;
        struct otc_error err = OTC_ERROR_INIT;

        random_state = seed;
        ref.n = draw_rows(0, ref.rows);
        memcpy(points, ref.rows, ref.n * sizeof(*points));
        grid.cells = (struct otc_cells){.points = points, .n = distinct(points, ref.n)};
        count(&ref, &grid.cells);
        made = make(&grid, &ref, edges);
        (void)otc_reference_builder_feature(builder, otc_slice_str("x"), OTC_NUMERIC, OTC_KIND_INPUT);
        for (size_t i = 0; i < ref.n; i++) {
            assert_true(otc_reference_builder_number(builder, 0, ref.rows[i], INT64_MIN));
        }
        assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "t", 0, &reference, &err),
                         OTC_OK);
        otc_reference_builder_free(builder);
        assert_close(made.mean, reference->features[0].mean, 1e-9);
        assert_close(made.standard_deviation, reference->features[0].standard_deviation, 1e-9);
        assert_close(made.min, reference->features[0].min, 0);
        assert_close(made.max, reference->features[0].max, 0);
        assert_int_equal(made.n_edges, reference->features[0].n_edges);
        otc_reference_bin_counts(&made, made.cells.eq, made.cells.gap, got);
        otc_reference_bin_counts(&reference->features[0], reference->features[0].cells.eq,
                                 reference->features[0].cells.gap, expected);
        assert_memory_equal(got, expected, sizeof(got));
        otc_reference_unref(reference);
    }
}

/* A constant that the grid was made without is between its points on both sides: nothing has become constant.
 */
static void
test_a_constant_between_points_stays_one(void **state)
{
    const double points[] = {1, 2}, outer[2] = {0, 0};
    uint64_t eq[2] = {0, 0}, gap[3] = {0, 500, 0};
    const struct otc_reference_counts counts = {.eq = eq, .gap = gap, .outer_sums = outer};
    const struct otc_reference_feature grid = {.type = OTC_NUMERIC, .cells = {.points = points, .n = 2}};
    const struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result result;
    struct otc_reference_feature made;
    struct otc_error err = OTC_ERROR_INIT;
    double edges[20];

    (void)state;
    otc_reference_of_counts(&grid, &counts, 10, edges, &made);

    const struct otc_feature_window window = {.reference = &made,
                                              .observations = 500,
                                              .cells = {eq, gap, NULL, 500},
                                              .range_known = true,
                                              .min = 1.5,
                                              .max = 1.5,
                                              .design_effect = 1};

    assert_int_equal(otc_evaluate_feature(&window, &decision, &result, &err), OTC_OK);
    assert_int_equal(otc_evaluate_family(&decision, &result, 1, &err), OTC_OK);
    assert_false(result.rejected);
    assert_close(result.tests[OTC_TEST_CONSTANT].p_value, 1, 0);
}

static void
test_categories_and_nothing_at_all(void **state)
{
    struct otc_category categories[] = {{OTC_SLICE_LIT("DE"), 5}, {OTC_SLICE_LIT("FR"), 2}};
    const struct otc_reference_counts counts = {
        .missing = 1, .invalid = 2, .categories = categories, .n_categories = 2, .other = 3};
    const uint64_t none[2] = {0}, outer_eq[1] = {0};
    const double outer[2] = {0, 0}, point = 1;
    const struct otc_reference_counts empty = {.eq = outer_eq, .gap = none, .outer_sums = outer};
    const struct otc_reference_feature categorical = {.type = OTC_CATEGORICAL};
    const struct otc_reference_feature numeric = {.type = OTC_NUMERIC, .cells = {.points = &point, .n = 1}};
    struct otc_reference_feature out;
    double edges[20];

    (void)state;
    otc_reference_of_counts(&categorical, &counts, 10, edges, &out);
    assert_int_equal(out.observations, 10);
    assert_int_equal(out.invalid, 2);
    otc_reference_of_counts(&numeric, &empty, 10, edges, &out);
    assert_int_equal(out.observations, 0);
    assert_int_equal(out.n_edges, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_grid_costs_is_bounded),
        cmocka_unit_test(test_a_grid_with_every_value_is_exact),
        cmocka_unit_test(test_a_constant_between_points_stays_one),
        cmocka_unit_test(test_categories_and_nothing_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
