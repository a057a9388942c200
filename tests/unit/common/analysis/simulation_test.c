// SPDX-License-Identifier: Apache-2.0
/* The defaults keep what docs/drift-simulations.md says of them: a short run of the same simulation. */
#include "tests/harness/simulation/simulation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct sim_outcome
run(const struct sim_setup *setup, size_t panes)
{
    struct sim_outcome out;

    assert_true(sim_run(setup, panes, &out));
    return out;
}

static void
assert_between(double value, double least, double most)
{
    if (!(value >= least && value <= most)) {
        fail_msg("%g is not in [%g, %g]", value, least, most);
    }
}

/* Shares of evaluations with p <= 0.05: overlapping windows of 12 features, some 300 independent ones. */
static void
test_sizes_of_independent_rows(void **state)
{
    (void)state;
    struct sim_setup setup = sim_default(504);
    struct sim_outcome out;

    setup.features = 12;
    setup.reference_rows = 12000;
    setup.independent = true;
    out = run(&setup, 300);
    assert_between((double)out.plain[OTC_TEST_KS] / (double)out.feature_evaluations, 0.02, 0.085);
    assert_between((double)out.plain[OTC_TEST_PSI] / (double)out.feature_evaluations, 0.02, 0.085);
    assert_true(out.plain[OTC_TEST_KS] == out.decided[OTC_TEST_KS]);
    assert_int_equal(out.incidents[0], 0);
}

/* Plain p-values of rows that resemble their neighbours are far too small; those that decide are not. */
static void
test_dependent_rows(void **state)
{
    (void)state;
    struct sim_setup setup = sim_default(504);
    struct sim_outcome out;

    setup.features = 12;
    setup.reference_rows = 12000;
    for (enum sim_rows rows = SIM_AR1; rows <= SIM_SESSIONS; rows++) {
        setup.dependence = rows;
        setup.r = 0.5;
        setup.session = 10;
        out = run(&setup, 200);
        assert_between((double)out.plain[OTC_TEST_KS] / (double)out.feature_evaluations, 0.12, 0.8);
        assert_between((double)out.decided[OTC_TEST_KS] / (double)out.feature_evaluations, 0, 0.05);
        assert_between(out.design_effect, rows == SIM_AR1 ? 2.5 : 7, rows == SIM_AR1 ? 4.5 : 13);
        assert_int_equal(out.incidents[0], 0);
    }
}

/* Where the reference knows nothing of dependence, history does: of one window's twelve panes alone a tenth
 * of the windows would reject. */
static void
test_dependent_rows_without_times(void **state)
{
    (void)state;
    struct sim_setup setup = sim_default(204);
    struct sim_outcome out;

    setup.features = 20;
    setup.reference_rows = 12000;
    setup.unordered = true;
    setup.dependence = SIM_SESSIONS;
    setup.r = 0.5;
    setup.session = 10;
    setup.warmup = 288;
    out = run(&setup, 200);
    assert_between(out.design_effect, 7, 13);
    assert_between((double)out.rejecting_windows / (double)out.evaluations, 0, 0.02);
}

static void
test_a_shift_is_found(void **state)
{
    (void)state;
    struct sim_setup setup = sim_default(504);
    size_t windows = 0, found = 0;

    setup.features = 8;
    setup.reference_rows = 12000;
    setup.size = 0.3;
    setup.change_pane = setup.panes;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct sim_outcome out;

        setup.seed = seed;
        out = run(&setup, 2 * setup.panes);
        windows += out.drifted_windows;
        found += out.found_windows;
        assert_true(out.found_after[0] <= 2 * setup.panes);
    }
    assert_between((double)found / (double)windows, 0.8, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_of_independent_rows),
        cmocka_unit_test(test_dependent_rows),
        cmocka_unit_test(test_dependent_rows_without_times),
        cmocka_unit_test(test_a_shift_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
