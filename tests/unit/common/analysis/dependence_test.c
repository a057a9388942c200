// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/dependence.h"

#include "tests/harness/simulation/simulation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define P 12
#define SPAN INT64_C(12) /* of a window of P panes */

static void
assert_near(double value, double want, double tolerance)
{
    if (!(fabs(value - want) <= tolerance)) {
        fail_msg("%.17g is not %.17g", value, want);
    }
}

/* Both ratios by hand: panes of 10, means 0 and 1 in turn, a variance of 1. */
static void
test_ratios_of_means(void **state)
{
    (void)state;
    double mean[P];
    uint64_t m[P];
    struct otc_pane_effect effect;

    for (size_t p = 0; p < P; p++) {
        mean[p] = (double)(p % 2);
        m[p] = 10;
    }
    effect = otc_pane_effect_of_means(mean, m, P, 1);
    assert_near(effect.between, 10 * P * 0.25 / (P - 1), 1e-12);
    assert_near(effect.neighbour, (10 * P * 0.25 / (P - 1) - 5) * P / (P - 2), 1e-12);
    assert_near(effect.freedom, P - 1, 0);
    for (size_t p = 0; p < P; p++) {
        mean[p] = p < P / 2 ? 0 : 1;
    }
    effect = otc_pane_effect_of_means(mean, m, P, 1);
    assert_near(effect.neighbour, (10 * P * 0.25 / (P - 1) - 5.0 / (P - 1)) * P / (P - 2), 1e-12);
}

/* A pane without values has no mean and no neighbours. */
static void
test_empty_panes(void **state)
{
    (void)state;
    const double mean[] = {1, 2, 99, 3, 1, 2, 2, 99}, without[] = {1, 2, 3, 1, 2, 2};
    const uint64_t m[] = {10, 20, 0, 10, 10, 30, 10, 0}, of_all[] = {10, 20, 10, 10, 30, 10};
    struct otc_pane_effect a = otc_pane_effect_of_means(mean, m, 8, 2);
    struct otc_pane_effect b = otc_pane_effect_of_means(without, of_all, 6, 2);

    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(a.freedom == 5);
    a = otc_pane_effect_of_means(mean, m, 6, 2); /* five panes */
    assert_true(a.freedom == 0 && otc_pane_effect_alone(&a) == 1);
    a = otc_pane_effect_of_means(mean, m, 8, 0);
    assert_true(a.freedom == 0);
}

/* Two categories are one indicator. */
static void
test_categories_are_indicators(void **state)
{
    (void)state;
    static const uint64_t counts[P * 3] = {7, 3, 0, 4, 8, 0, 5, 5, 0, 9,  1, 0, 6, 6, 0, 2,  8, 0,
                                           3, 7, 0, 8, 2, 0, 5, 6, 0, 10, 4, 0, 1, 9, 0, 11, 3, 0};
    double mean[P], ones = 0, total = 0;
    uint64_t m[P];
    struct otc_pane_effect a, b;

    for (size_t p = 0; p < P; p++) {
        m[p] = counts[3 * p] + counts[3 * p + 1];
        mean[p] = (double)counts[3 * p] / (double)m[p];
        ones += (double)counts[3 * p];
        total += (double)m[p];
    }
    a = otc_pane_effect_of_categories(counts, P, 3);
    b = otc_pane_effect_of_means(mean, m, P, ones / total * (1 - ones / total));
    assert_near(a.between, b.between, 1e-12);
    assert_near(a.neighbour, b.neighbour, 1e-12);
    assert_true(a.freedom == P - 1);
    a = otc_pane_effect_of_categories(counts, 5, 3);
    assert_true(a.freedom == 0);
}

/* Panes whose means are a moving average of two: what neighbours share is found, and phi is that of the
 * window's mean. */
static void
test_expectation(void **state)
{
    (void)state;
    enum { RUNS = 4000 };
    struct sim_random random;
    double between = 0, neighbour = 0;
    uint64_t m[P];

    sim_seed(&random, 7);
    for (size_t run = 0; run < RUNS; run++) {
        double mean[P], last = sim_normal(&random);
        struct otc_pane_effect effect;

        for (size_t p = 0; p < P; p++) {
            double next = sim_normal(&random);

            m[p] = 10;
            mean[p] = last + 0.5 * next; /* variance 1.25, covariance of neighbours 0.5 */
            last = next;
        }
        effect = otc_pane_effect_of_means(mean, m, P, 10);
        between += effect.between / RUNS;
        neighbour += effect.neighbour / RUNS;
    }
    assert_near(neighbour, 0.5, 0.02);
    assert_near(between + 2 * neighbour, 1.25 + 2 * (1 - 1.0 / P) * 0.5, 0.05);
}

static struct otc_pane_effect
of(double between)
{
    return (struct otc_pane_effect){between, 0, P - 1};
}

static void
test_history_does_not_overlap(void **state)
{
    (void)state;
    struct otc_dependence history = {.n = 0};
    struct otc_pane_effect window = of(2), nothing = {0};

    assert_true(otc_dependence_effect(&history, &nothing, 0, P, true) == 1);
    otc_dependence_add(&history, &nothing, 0, P);
    assert_int_equal(history.n, 0);
    otc_dependence_add(&history, &window, 0, P);
    for (int64_t at = 1; at < P; at++) {
        otc_dependence_add(&history, &window, at, at + P);
    }
    assert_int_equal(history.n, 1);
    window = of(4);
    /* It shares panes with the one entered, so that it alone counts; later both do. */
    assert_near(otc_dependence_effect(&history, &window, 6, 6 + P, false), 4, 1e-12);
    assert_near(otc_dependence_effect(&history, &window, P, 2 * SPAN, false), 3, 1e-12);
    otc_dependence_add(&history, &window, P, 2 * SPAN);
    assert_near(otc_dependence_effect(&history, &window, P, 2 * SPAN, false), 3, 1e-12);
    /* Without panes of its own a window has those before it, once they are three. */
    assert_true(otc_dependence_effect(&history, &nothing, P + 1, 2 * P + 1, false) == 1);
    /* The clock was set back. */
    otc_dependence_add(&history, &window, -3 * SPAN, -2 * SPAN);
    assert_int_equal(history.n, 3);
    assert_near(otc_dependence_effect(&history, &nothing, P + 1, 2 * P + 1, false), 10.0 / 3, 1e-12);
}

static void
fill(struct otc_dependence *history, double between, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct otc_pane_effect window = of(between);

        otc_dependence_add(history, &window, history->end_ns, history->end_ns + P);
    }
}

/* One broken hour of 25 adds what two windows more would; a present window that depends more counts itself.
 */
static void
test_outliers(void **state)
{
    (void)state;
    struct otc_dependence history = {.n = 0};
    struct otc_pane_effect window = of(1.5);
    int64_t end;

    fill(&history, 1.5, OTC_DEPENDENCE_WINDOWS + 5);
    assert_int_equal(history.n, OTC_DEPENDENCE_WINDOWS);
    fill(&history, 1000, 1);
    end = history.end_ns;
    assert_near(otc_dependence_effect(&history, &window, end, end + P, false), 1.5 * 27 / 25, 1e-12);
    fill(&history, 1.5, OTC_DEPENDENCE_WINDOWS);
    end = history.end_ns;
    window = of(2.9);
    assert_near(otc_dependence_effect(&history, &window, end, end + P, false), (1.5 * 24 + 2.9) / 25, 1e-12);
    window = of(10);
    assert_near(otc_dependence_effect(&history, &window, end, end + P, false), 10, 1e-12);
    /* The first window of all was broken: the second one outvotes it. */
    history = (struct otc_dependence){.n = 0};
    fill(&history, 1000, 1);
    window = of(1.5);
    end = history.end_ns;
    assert_near(otc_dependence_effect(&history, &window, end, end + P, false), 1.5 * 2, 1e-12);
    window = of(0.5);
    fill(&history, 0.5, OTC_DEPENDENCE_WINDOWS);
    assert_true(otc_dependence_effect(&history, &window, end, end + P, false) == 1);
}

/* What neighbours share counts twice, within what a covariance can be. */
static void
test_neighbours(void **state)
{
    (void)state;
    struct otc_dependence history = {.n = 0};
    struct otc_pane_effect window = {4, 1, P - 1};

    assert_near(otc_dependence_effect(&history, &window, 0, P, false), 6, 1e-12);
    window.neighbour = 3;
    assert_near(otc_dependence_effect(&history, &window, 0, P, false), 8, 1e-12);
    window.neighbour = -1;
    assert_near(otc_dependence_effect(&history, &window, 0, P, false), 4, 1e-12);
}

/* The margin makes the averaged tail of the Kolmogorov law what it would be if phi were known. */
static void
test_margin(void **state)
{
    (void)state;
    static const double freedom[] = {5, 11, 44, 275};

    for (size_t i = 0; i < sizeof(freedom) / sizeof(freedom[0]); i++) {
        struct otc_dependence history = {.n = 0};
        struct otc_pane_effect window = {3, 0, freedom[i]};
        double margin = otc_dependence_effect(&history, &window, 0, P, true) / 3;
        double x2 = -log(1e-4 / 2) / 2; /* 2 exp(-2 x^2) = 1e-4 */

        assert_near(2 * pow(1 + 4 * x2 * margin / freedom[i], -freedom[i] / 2), 1e-4, 1e-12);
    }
}

static void
test_kept(void **state)
{
    (void)state;
    struct otc_dependence history = {.n = 0}, again = {.n = 0}, damaged = {.n = 0};
    struct otc_pane_effect now = of(2);
    struct otc_buf bytes = {.limit = 4096};
    struct otc_reader reader;

    for (unsigned i = 0; i < OTC_DEPENDENCE_WINDOWS + 7; i++) {
        fill(&history, 1 + 0.1 * i, 1);
    }
    otc_dependence_save(&history, &bytes);
    assert_false(bytes.failed);
    reader = otc_reader_of(otc_slice_of(bytes.data, bytes.len));
    assert_true(otc_dependence_load(&again, &reader));
    assert_int_equal(reader.rest.len, 0);
    for (unsigned i = 0; i < 30; i++) {
        int64_t end = history.end_ns;

        assert_true(otc_dependence_effect(&again, &now, end, end + P, true) ==
                    otc_dependence_effect(&history, &now, end, end + P, true));
        fill(&history, 2 + i, 1);
        fill(&again, 2 + i, 1);
    }
    for (size_t len = 0; len < bytes.len; len++) {
        reader = otc_reader_of(otc_slice_of(bytes.data, len));
        assert_false(otc_dependence_load(&damaged, &reader));
    }
    bytes.data[0] = OTC_DEPENDENCE_WINDOWS + 1;
    reader = otc_reader_of(otc_slice_of(bytes.data, bytes.len));
    assert_false(otc_dependence_load(&damaged, &reader));
    otc_buf_release(&bytes);
}

/* A hundred thousand categories: what took the square of that would take minutes. */
static void
test_many_categories(void **state)
{
    (void)state;
    enum { K = 100000 };
    uint64_t *counts = calloc((size_t)P * K, sizeof(*counts));
    struct otc_pane_effect same, apart;

    assert_non_null(counts);
    for (size_t p = 0; p < P; p++) {
        for (size_t c = 0; c < K; c++) {
            counts[p * K + c] = 1;
        }
    }
    same = otc_pane_effect_of_categories(counts, P, K);
    assert_near(same.between, 0, 1e-12);
    assert_near(same.freedom, (P - 1.0) * (K - 1.0), 0);
    /* Half of the categories in every second pane alone: sum over panes of m (share - all)^2 / all. */
    for (size_t p = 0; p < P; p++) {
        for (size_t c = 0; c < K; c++) {
            counts[p * K + c] = c % 2 == p % 2 ? 2 : 0;
        }
    }
    apart = otc_pane_effect_of_categories(counts, P, K);
    assert_near(apart.between, (double)P * K / apart.freedom, 1e-9);
    assert_near(apart.neighbour, (apart.between - (P - 1.0) * K / 2 * 4 / apart.freedom) * P / (P - 2.0),
                1e-9);
    free(counts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratios_of_means),
        cmocka_unit_test(test_empty_panes),
        cmocka_unit_test(test_categories_are_indicators),
        cmocka_unit_test(test_many_categories),
        cmocka_unit_test(test_expectation),
        cmocka_unit_test(test_history_does_not_overlap),
        cmocka_unit_test(test_outliers),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_margin),
        cmocka_unit_test(test_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
