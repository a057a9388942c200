// SPDX-License-Identifier: Apache-2.0
/* What the panes of a window tell of its dependence. */
#include "processors/drift/effect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS = 200, PANES = 12 };

/* Counts of each pane. */
struct panes {
    uint64_t counts[PANES][2 * POINTS + 1];
};

static void
add_pane(const void *arg, size_t pane, uint64_t *counts)
{
    const struct panes *panes = arg;

    for (size_t c = 0; c < 2 * POINTS + 1; c++) {
        counts[c] += panes->counts[pane][c];
    }
}

static uint64_t random_state = 7;

static uint64_t
draw(uint64_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % n;
}

/* A reference whose points have counts that are no powers of two, so that ranks are rounded. */
static struct otc_cells
make_reference(double *points, uint64_t *eq, const uint64_t *no_gap)
{
    struct otc_cells cells = {.points = points, .eq = eq, .gap = no_gap, .n = POINTS};

    for (size_t i = 0; i < POINTS; i++) {
        points[i] = (double)i;
        eq[i] = 1 + draw(1000);
        cells.total += eq[i];
    }
    return cells;
}

/* Where all values are equal there is nothing to tell, and rounding must not tell something: it would enter
 * the history of windows as one whose panes are all alike. */
static void
test_one_value_tells_nothing(void **state)
{
    static double points[POINTS];
    static uint64_t eq[POINTS], no_gap[POINTS + 1], sums[2 * POINTS + 1];
    static struct panes panes;

    (void)state;
    for (int round = 0; round < 1000; round++) {
        const struct otc_cells reference = make_reference(points, eq, no_gap);
        const struct drift_blocks blocks = {add_pane, &panes, PANES};
        size_t cell = draw(2 * POINTS + 1), other = (cell + 1) % (2 * POINTS + 1);
        struct otc_pane_effect effect;

        memset(&panes, 0, sizeof(panes));
        memset(sums, 0, sizeof(sums));
        for (size_t p = 0; p < PANES; p++) {
            panes.counts[p][cell] = 10 + draw(100);
            sums[cell] += panes.counts[p][cell];
        }
        effect = drift_numeric_effect(&reference, sums, sums[cell], &blocks);
        assert_true(effect.freedom == 0 && effect.between == 0);
        panes.counts[0][other]++;
        sums[other]++;
        effect = drift_numeric_effect(&reference, sums, sums[cell] + 1, &blocks);
        assert_true(effect.freedom == PANES - 1 && effect.between > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_value_tells_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
