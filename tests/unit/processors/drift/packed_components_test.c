// SPDX-License-Identifier: Apache-2.0
/* Components of vectors in closed panes: packed and merged they are the sums of what was counted, and their
 * deviations those of the vectors; what cannot have been written is refused. */
#include "processors/drift/counts.h"
#include "processors/drift/packed_components.h"
#include "tests/harness/close.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define N 3
#define VECTORS 500
#define FAR 1234567890123456.25

static double points[N * OTC_COMPONENT_POINTS];
static const double center[N] = {0.5, 1e6, -2};
static const struct otc_components components = {.n = N, .points = points};
static const struct otc_reference_feature grid = {.components = &components, .center = center, .n_center = N};
static struct drift_budget budget = {.limit = 1 << 20};

static int
setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        for (size_t p = 0; p < OTC_COMPONENT_POINTS; p++) {
            points[i * OTC_COMPONENT_POINTS + p] = center[i] + ((double)p - 7) / 8;
        }
    }
    return 0;
}

/* Spread around each component's center, far from zero in one of them. */
static double
value(size_t vector, size_t i)
{
    return center[i] + 0.25 + (double)(vector * (7 + 2 * i) % 101) / 100 - 0.5;
}

static struct drift_components *
count(size_t from, size_t to)
{
    struct drift_components *counted = NULL;

    for (size_t v = from; v < to; v++) {
        double vector[N];
        const struct otc_value bytes = {.type = OTC_VALUE_BYTES,
                                        .as.slice = otc_slice_of(vector, sizeof(vector))};

        for (size_t i = 0; i < N; i++) {
            vector[i] = value(v, i);
        }
        assert_true(drift_components_add(&counted, &grid, true, &bytes, &budget));
    }
    return counted;
}

static void
test_packed_is_counted(void **state)
{
    struct drift_components *first = count(0, 200), *second = count(200, VECTORS), *all = count(0, VECTORS);
    struct drift_packed_components *a = drift_packed_components_new(first),
                                   *b = drift_packed_components_new(second),
                                   *both = drift_packed_components_merge(a, b),
                                   *alone = drift_packed_components_merge(NULL, a);
    struct drift_components_total total;
    struct otc_components view;
    double deviations[N];

    (void)state;
    assert_null(drift_packed_components_new(NULL));
    assert_null(drift_packed_components_merge(NULL, NULL));
    assert_true(drift_packed_components_vectors(alone) == 200);
    assert_true(drift_packed_components_vectors(both) == VECTORS);
    assert_true(drift_components_total_init(&total, N));
    drift_components_total_add(&total, both);
    drift_components_total_add(&total, NULL);
    view = drift_components_total_view(&total, &grid, deviations);
    assert_int_equal(view.vectors, VECTORS);
    for (size_t i = 0; i < N; i++) {
        double mean = 0, squares = 0;

        for (size_t v = 0; v < VECTORS; v++) {
            mean += value(v, i) / VECTORS;
        }
        for (size_t v = 0; v < VECTORS; v++) {
            squares += (value(v, i) - mean) * (value(v, i) - mean);
        }
        assert_close(deviations[i], sqrt(squares / VECTORS), 1e-9);
        for (size_t c = i * OTC_COMPONENT_CELLS; c < (i + 1) * OTC_COMPONENT_CELLS; c++) {
            assert_int_equal(view.counts[c], all->counts[c]);
            assert_close(view.sums[c], all->sums[c], 1e-15 * fabs(all->sums[c]) * VECTORS);
        }
    }
    drift_components_total_release(&total);
    drift_packed_components_free(a);
    drift_packed_components_free(b);
    drift_packed_components_free(both);
    drift_packed_components_free(alone);
    drift_components_free(first, &budget);
    drift_components_free(second, &budget);
    drift_components_free(all, &budget);
    assert_int_equal(budget.used, 0);
}

/* Of panes far from zero nothing is lost, in whatever order their vectors came. */
static void
test_far_from_zero(void **state)
{
    static double far_points[OTC_COMPONENT_POINTS];
    static const double far_center[] = {FAR};
    static const struct otc_components far = {.n = 1, .points = far_points};
    static const struct otc_reference_feature far_grid = {
        .components = &far, .center = far_center, .n_center = 1};
    struct drift_components *first = NULL, *second = NULL;
    struct drift_packed_components *packed;
    struct drift_components_total total;
    struct otc_components view;
    double deviation;

    (void)state;
    for (size_t p = 0; p < OTC_COMPONENT_POINTS; p++) {
        far_points[p] = FAR + ((double)p - 7) * 2;
    }
    for (int v = 0; v < 10100; v++) {
        const double one = FAR + (v * 37 % 101 - 50) / 4.0;
        const double other = FAR + (v * 7919 % 10100 * 37 % 101 - 50) / 4.0;
        const struct otc_value bytes = {.type = OTC_VALUE_BYTES, .as.slice = otc_slice_of(&one, sizeof(one))};
        const struct otc_value others = {.type = OTC_VALUE_BYTES,
                                         .as.slice = otc_slice_of(&other, sizeof(other))};

        assert_true(drift_components_add(&first, &far_grid, true, &bytes, &budget));
        assert_true(drift_components_add(&second, &far_grid, true, &others, &budget));
    }
    packed = drift_packed_components_new(first);
    assert_true(drift_components_total_init(&total, 1));
    drift_components_total_add(&total, packed);
    view = drift_components_total_view(&total, &far_grid, &deviation);
    assert_close(deviation, sqrt(53.125), 1e-12); /* of -50 ... 50 over 4: (101^2 - 1) / 12 / 16 */
    for (size_t c = 0; c < OTC_COMPONENT_CELLS; c++) {
        assert_true(view.counts[c] == second->counts[c] && view.sums[c] == second->sums[c]);
    }
    drift_components_total_release(&total);
    drift_packed_components_free(packed);
    drift_components_free(first, &budget);
    drift_components_free(second, &budget);
    assert_int_equal(budget.used, 0);
}

static void
test_bytes_come_back_and_damage_does_not(void **state)
{
    struct drift_components *counted = count(0, 50), *back = NULL, *refused = NULL;
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 16}, again = {.limit = 1 << 16};
    size_t used;

    (void)state;
    drift_components_save(counted, &bytes);
    assert_true(drift_components_load(N, true, otc_buf_slice(&bytes), &budget, &back));
    drift_components_save(back, &again);
    assert_true(otc_slice_equal(otc_buf_slice(&bytes), otc_buf_slice(&again)));
    assert_memory_equal(back->squares, counted->squares, sizeof(double) * N);
    used = budget.used;
    for (size_t n = 0; n < bytes.len; n++) {
        assert_false(drift_components_load(N, true, otc_slice_of(bytes.data, n), &budget, &refused));
    }
    assert_false(drift_components_load(N + 1, true, otc_buf_slice(&bytes), &budget, &refused));
    assert_false(drift_components_load(N - 1, true, otc_buf_slice(&bytes), &budget, &refused));
    bytes.data[0]++; /* one vector more than the cells hold */
    assert_false(drift_components_load(N, true, otc_buf_slice(&bytes), &budget, &refused));
    assert_null(refused);
    assert_int_equal(budget.used, used);
    drift_components_free(counted, &budget);
    drift_components_free(back, &budget);
    assert_int_equal(budget.used, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_is_counted),
        cmocka_unit_test(test_far_from_zero),
        cmocka_unit_test(test_bytes_come_back_and_damage_does_not),
    };

    return cmocka_run_group_tests_name("drift/packed_components", tests, setup, NULL);
}
