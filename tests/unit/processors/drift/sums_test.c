// SPDX-License-Identifier: Apache-2.0
/* Counts add: rows dealt out to shards and panes, in any order, counted, packed and merged, equal the same
 * rows in one go. Counts exactly; Wasserstein, whose sums are floating point, within 1e-9 of that of the
 * rows. */
#include "common/stats/two_sample.h"
#include "processors/drift/counts.h"
#include "processors/drift/history.h"
#include "tests/harness/close.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MAX_ROWS 3000
#define MAX_POINTS 500
#define MAX_PANES 24

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

/* An exact reference of whole numbers, and rows whose values equal its points or lie between and beyond. */
struct sample {
    double points[MAX_POINTS];
    uint64_t eq[MAX_POINTS], no_gap[MAX_POINTS + 1];
    double reference[MAX_ROWS], rows[MAX_ROWS];
    struct otc_cells cells;
    size_t n_reference, n;
};

static void
make_sample(struct sample *s)
{
    size_t points = 10 + draw(MAX_POINTS - 10);

    memset(s, 0, sizeof(*s));
    for (size_t i = 0; i < points; i++) {
        s->points[i] = (double)i * 2;
        s->eq[i] = 1 + draw(4);
        for (uint64_t k = 0; k < s->eq[i]; k++) {
            s->reference[s->n_reference++] = s->points[i];
        }
    }
    s->cells = (struct otc_cells){
        .points = s->points, .eq = s->eq, .gap = s->no_gap, .n = points, .total = s->n_reference};
    s->n = 100 + draw(MAX_ROWS - 100);
    for (size_t i = 0; i < s->n; i++) {
        /* Above the reference's middle alone, so that the CDFs cross in no gap and Wasserstein is exact. */
        s->rows[i] = (double)points + (double)draw(points * 1000) / (draw(3) ? 1000 : 500);
        s->rows[i] = draw(2) ? s->rows[i] : floor(s->rows[i]);
    }
}

struct total {
    uint64_t cells[2 * MAX_POINTS + 1];
    double sums[MAX_POINTS + 1];
};

static void
count_at_once(const struct sample *s, struct total *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < s->n; i++) {
        size_t cell = otc_cells_find(&s->cells, s->rows[i]);

        out->cells[cell]++;
        out->sums[cell / 2] += cell % 2 ? 0 : s->rows[i] - otc_cells_gap_origin(s->points, cell / 2);
    }
}

static double
wasserstein_of(const struct sample *s, const struct total *total)
{
    uint64_t eq[MAX_POINTS], gap[MAX_POINTS + 1];
    double sums[MAX_POINTS + 1], error;
    const struct otc_cell_counts counts = {eq, gap, sums, s->n};

    memcpy(sums, total->sums, sizeof(sums));
    for (size_t i = 0; i < s->cells.n; i++) {
        eq[i] = total->cells[2 * i + 1];
    }
    for (size_t i = 0; i <= s->cells.n; i++) {
        gap[i] = total->cells[2 * i];
    }
    return otc_cells_wasserstein(&s->cells, &counts, &error);
}

static void
test_shards_and_panes_equal_the_batch(void **state)
{
    static struct sample s;
    static struct total batch, summed;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct drift_budget budget = {.limit = (size_t)64 << 20};
        struct drift_counts panes[MAX_PANES] = {0};
        struct drift_shape shape;
        size_t n_panes;

        random_state = seed;
        make_sample(&s);
        count_at_once(&s, &batch);
        n_panes = 1 + draw(MAX_PANES);
        shape = (struct drift_shape){(uint32_t)(2 * s.cells.n + 1), s.cells.points};
        for (size_t i = 0; i < s.n; i++) {
            assert_true(drift_counts_add(&panes[draw(n_panes)], shape,
                                         (uint32_t)otc_cells_find(&s.cells, s.rows[i]), s.rows[i], &budget));
        }
        memset(&summed, 0, sizeof(summed));
        for (size_t p = n_panes; p-- > 0;) {
            drift_counts_sum(&panes[p], shape, summed.cells, summed.sums);
            drift_counts_release(&panes[p], shape, &budget);
        }
        assert_int_equal(budget.used, 0);
        assert_memory_equal(summed.cells, batch.cells, sizeof(batch.cells));
        qsort(s.rows, s.n, sizeof(*s.rows), by_value);
        assert_close(wasserstein_of(&s, &summed), wasserstein_of(&s, &batch), 1e-9);
        assert_close(wasserstein_of(&s, &summed),
                     otc_samples_wasserstein(s.reference, s.n_reference, s.rows, s.n), 1e-9);
    }
}

/* A column is counted as its values one by one are: while few cells are used, past the growth to an array,
 * and when there is no memory for that. */
static void
test_a_column_is_its_values(void **state)
{
    static struct sample s;
    static uint32_t found[MAX_ROWS];
    static struct total singly, together;
    int refused = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct drift_budget budgets[2] = {{.limit = seed % 2 ? (size_t)64 << 20 : 1000 + seed * 20}};
        struct drift_counts counts[2] = {0};
        size_t added = 0, n = 0, at_once;
        double accepted[MAX_ROWS], rows[100];

        random_state = seed;
        budgets[1] = budgets[0];
        make_sample(&s);
        const struct drift_shape shape = {(uint32_t)(2 * s.cells.n + 1), s.cells.points};

        otc_cells_find_all(&s.cells, s.rows, s.n, found);
        for (size_t i = 0; i < s.n; i++) {
            if (drift_counts_add(&counts[0], shape, (uint32_t)otc_cells_find(&s.cells, s.rows[i]), s.rows[i],
                                 &budgets[0])) {
                accepted[added++] = s.rows[i];
            }
        }
        for (size_t at = 0, some; at < s.n; at += some) {
            some = 1 + draw(100);
            some = some < s.n - at ? some : s.n - at;
            memcpy(rows, s.rows + at, some * sizeof(*rows));
            at_once = drift_counts_add_all(&counts[1], shape, found + at, rows, some, &budgets[1]);
            assert_true(n + at_once <= added);
            assert_memory_equal(rows, accepted + n, at_once * sizeof(*rows));
            n += at_once;
        }
        assert_int_equal(n, added);
        assert_true(seed % 2 == 0 || n == s.n);
        refused += n < s.n;
        memset(&singly, 0, sizeof(singly));
        memset(&together, 0, sizeof(together));
        drift_counts_sum(&counts[0], shape, singly.cells, singly.sums);
        drift_counts_sum(&counts[1], shape, together.cells, together.sums);
        assert_memory_equal(&singly, &together, sizeof(singly));
        for (int k = 0; k < 2; k++) {
            drift_counts_release(&counts[k], shape, &budgets[k]);
            assert_int_equal(budgets[k].used, 0);
        }
    }
    assert_true(refused > 10);
}

/* ---- The past, packed ----------------------------------------------------------------------------- */

static struct drift_packed *
pack(uint64_t *cells, uint32_t n, uint64_t records)
{
    struct drift_packed *packed = drift_packed_new(2);
    struct drift_unpacked unpacked = {.invalid = 1, .outer_sums = {-0.5, 2.5}, .cells = cells};

    for (uint32_t i = 0; i < n; i++) {
        unpacked.values += cells[i];
    }
    drift_packed_put(packed, 1, &unpacked, n);
    unpacked = (struct drift_unpacked){.values = 1, .cells = (uint64_t[3]){0, 0, records}};
    drift_packed_put(packed, 0, &unpacked, 3);
    assert_true(drift_packed_finish(packed));
    packed->records = records;
    return packed;
}

/* Panes of random sizes into slots of an hour, out of order: every span of hours has the sum of its panes. */
static void
test_a_history_is_the_sum_of_its_panes(void **state)
{
    enum { CELLS = 300, HOURS = 48 };
    static uint64_t expected[HOURS][CELLS], cells[CELLS];
    static const double points[CELLS / 2];

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct drift_bound bounds[2] = {{.shape = {3, NULL}}, {.shape = {CELLS, points}}};
        const struct drift_binding binding = {.features = bounds, .n = 2};
        struct drift_history history = {.slot_ns = OTC_HOUR, .keep_ns = HOURS * OTC_HOUR};
        struct drift_budget budget = {.limit = (size_t)64 << 20};
        uint64_t panes_of[HOURS] = {0};

        random_state = seed;
        memset(expected, 0, sizeof(expected));
        for (int i = 0; i < 400; i++) {
            uint64_t hour = draw(HOURS), minute = draw(12) * 5, n = draw(80);
            int64_t start = (int64_t)hour * OTC_HOUR + (int64_t)minute * OTC_MINUTE;

            memset(cells, 0, sizeof(cells));
            for (uint64_t k = 0; k < n; k++) {
                uint64_t cell = draw(CELLS), times = draw(50) ? 1 : UINT64_C(1) << draw(40);

                cells[cell] += times;
                expected[hour][cell] += times;
            }
            panes_of[hour]++;
            assert_true(drift_history_add(&history, &binding, start, start + 5 * OTC_MINUTE,
                                          pack(cells, CELLS, n), &budget));
        }
        for (int i = 0; i < 50; i++) {
            struct drift_packed *slots[HOURS];
            uint64_t from = draw(HOURS), to = from + 1 + draw(HOURS - from), panes = 0;
            struct drift_unpacked sums = {.cells = cells};
            uint64_t wanted[CELLS] = {0};
            size_t n =
                drift_history_take(&history, (int64_t)from * OTC_HOUR, (int64_t)to * OTC_HOUR, slots, HOURS);

            memset(cells, 0, sizeof(cells));
            for (size_t k = 0; k < n; k++) {
                drift_packed_sum(slots[k], 1, &sums);
                drift_history_give(slots[k], &budget);
            }
            for (uint64_t hour = from; hour < to; hour++) {
                panes += panes_of[hour];
                for (size_t c = 0; c < CELLS; c++) {
                    wanted[c] += expected[hour][c];
                }
            }
            assert_memory_equal(cells, wanted, sizeof(wanted));
            assert_int_equal(sums.invalid, panes);
            assert_true(fabs(sums.outer_sums[1] - 2.5 * (double)panes) < 1e-9);
        }
        drift_history_release(&history, &budget);
        assert_int_equal(budget.used, 0);
    }
}

/* What is too old goes, and what an evaluation still holds stays until it is given back. */
static void
test_a_history_forgets(void **state)
{
    struct drift_bound bounds[2] = {{.shape = {3, false}}, {.shape = {5, false}}};
    const struct drift_binding binding = {.features = bounds, .n = 2};
    struct drift_history history = {.slot_ns = OTC_MINUTE, .keep_ns = 10 * OTC_MINUTE};
    struct drift_budget budget = {.limit = 1 << 20};
    struct drift_packed *held = NULL;
    uint64_t cells[5] = {1, 0, 2, 0, 0};
    struct drift_unpacked sums = {.cells = (uint64_t[5]){0}};
    size_t flat = 0;

    (void)state;
    for (int64_t minute = 0; minute < 100; minute++) {
        assert_true(drift_history_add(&history, &binding, minute * OTC_MINUTE, (minute + 1) * OTC_MINUTE,
                                      pack(cells, 5, 3), &budget));
        assert_true(history.n <= 11);
        if (minute == 20) {
            flat = budget.used;
            assert_int_equal(drift_history_take(&history, 15 * OTC_MINUTE, 16 * OTC_MINUTE, &held, 1), 1);
        }
        assert_true(minute < 20 || budget.used <= flat + (held ? held->bytes : 0));
    }
    assert_int_equal(drift_history_count(&history, 0, 80 * OTC_MINUTE), 0);
    drift_packed_sum(held, 1, &sums);
    assert_int_equal(sums.cells[2], 2);
    drift_history_give(held, &budget);
    /* Without room the newest is refused, and what is there stays. */
    budget.limit = budget.used;
    assert_false(
        drift_history_add(&history, &binding, 99 * OTC_MINUTE, 100 * OTC_MINUTE, pack(cells, 5, 3), &budget));
    assert_int_equal(drift_history_count(&history, 99 * OTC_MINUTE, 100 * OTC_MINUTE), 1);
    drift_history_release(&history, &budget);
    assert_int_equal(budget.used, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_and_panes_equal_the_batch),
        cmocka_unit_test(test_a_column_is_its_values),
        cmocka_unit_test(test_a_history_is_the_sum_of_its_panes),
        cmocka_unit_test(test_a_history_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
