// SPDX-License-Identifier: Apache-2.0
/* Series and their tables: the counts of a series against plain 64-bit ones, whatever width they have at the
 * time; a table against a list that is searched from its begin. */
#include "processors/span_metrics/counts.h"
#include "processors/span_metrics/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t random_state = 1;

static uint64_t
next(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 20;
}

static struct span_metrics_identity
identity_of(const char *text, size_t types_len)
{
    size_t key_len = strlen(text) - types_len;

    return (struct span_metrics_identity){.bytes = (const uint8_t *)text,
                                          .key_len = (uint32_t)key_len,
                                          .types_len = (uint32_t)types_len,
                                          .hash = span_metrics_hash(otc_slice_of(text, key_len))};
}

/* ---- Counts ---------------------------------------------------------------------------------------- */

static void
widths_hold_their_values(void **state)
{
    static const uint64_t most[] = {UINT8_MAX, UINT16_MAX, UINT32_MAX, UINT64_MAX};
    static const uint8_t widths[] = {1, 2, 4, 8};
    uint64_t counts[5];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(span_metrics_counts_width(most[i]), widths[i]);
        assert_int_equal(span_metrics_counts_width(most[i] + 1), i < 3 ? widths[i + 1] : 1);
        for (size_t k = 0; k < 5; k++) {
            span_metrics_counts_set(counts, widths[i], k, most[i] - k);
        }
        for (size_t k = 0; k < 5; k++) {
            assert_int_equal(span_metrics_counts_get(counts, widths[i], k), most[i] - k);
        }
        for (size_t wider = i + 1; wider < 4; wider++) {
            uint64_t copy[5];

            memcpy(copy, counts, sizeof(copy));
            span_metrics_counts_widen(copy, 5, widths[i], widths[wider]);
            for (size_t k = 0; k < 5; k++) {
                assert_int_equal(span_metrics_counts_get(copy, widths[wider], k), most[i] - k);
            }
        }
    }
}

/* Weights up to 2^56, as spans have them; the larger ones come later, so that all widths are passed. */
static void
check_counts(const struct span_metrics_layout *layout)
{
    const struct span_metrics_identity identity = identity_of("key of the series types", 6);
    struct span_metrics_series *series = span_metrics_series_new(layout, &identity, 7);
    uint64_t expected[40] = {0}, counts[40];
    uint8_t widths = 0;

    for (size_t i = 0; i < layout->n_exemplars; i++) {
        span_metrics_series_exemplars(layout, series)[i] = (struct span_metrics_exemplar){.value = (double)i};
    }
    for (size_t step = 0; step < 2000; step++) {
        size_t at = next() % layout->n_counts;
        uint64_t weight = step < 1990 ? 1 + (next() & ((UINT64_C(1) << step / 50) - 1)) : UINT64_C(1) << 56;

        assert_true(span_metrics_series_count(layout, &series, at, weight));
        expected[at] += weight;
        widths |= series->width;
        span_metrics_series_counts(layout, series, counts);
        assert_memory_equal(counts, expected, layout->n_counts * sizeof(counts[0]));
        assert_int_equal(span_metrics_series_bytes(layout, series),
                         span_metrics_series_key_at(layout, 8) + 23);
    }
    assert_int_equal(widths, 1 | 2 | 4 | 8);
    assert_int_equal(series->start_ns, 7);
    for (size_t i = 0; i < layout->n_exemplars; i++) {
        assert_true(span_metrics_series_exemplars(layout, series)[i].value == (double)i);
    }
    assert_int_equal(series->key_len, identity.key_len);
    assert_int_equal(series->types_len, identity.types_len);
    assert_memory_equal(span_metrics_series_identity(layout, series).bytes, identity.bytes, 23);
    span_metrics_series_free(layout, series);
}

static void
counts_are_exact_in_every_width(void **state)
{
    (void)state;
    for (uint32_t n_counts = 1; n_counts <= 40; n_counts += 3) {
        check_counts(&(struct span_metrics_layout){.n_counts = n_counts});
        check_counts(&(struct span_metrics_layout){.n_counts = n_counts, .n_exemplars = 3});
    }
}

static void
exponential_series(void **state)
{
    const struct span_metrics_layout layout = {.max_buckets = 20, .n_exemplars = 1};
    const struct span_metrics_identity identity = identity_of("key", 0);
    struct span_metrics_series *series = span_metrics_series_new(&layout, &identity, 0);

    (void)state;
    assert_true(otc_exp_histogram_add_n(span_metrics_series_histogram(series), 3, 5));
    span_metrics_series_exemplars(&layout, series)->value = 3;
    assert_int_equal(span_metrics_series_histogram(series)->count, 5);
    assert_memory_equal(span_metrics_series_identity(&layout, series).bytes, "key", 3);
    span_metrics_series_free(&layout, series);
}

/* ---- Tables ---------------------------------------------------------------------------------------- */

#define KEYS 3000

static const struct span_metrics_layout plain = {.n_counts = 2};

struct listed {
    struct span_metrics_series *series[KEYS]; /* by key; NULL: not in the table */
    size_t order[KEYS];
    size_t n;
};

static struct span_metrics_identity
key_of(size_t i, char text[16])
{
    (void)snprintf(text, 16, "%zu", i);
    return identity_of(text, 0);
}

static bool
keep_two_of_three(void *arg, struct span_metrics_series *series)
{
    if (series->count % 3 == *(const uint64_t *)arg) {
        span_metrics_series_free(&plain, series);
        return false;
    }
    return true;
}

static void
check_table(const struct span_metrics_table *table, const struct listed *listed)
{
    char text[16];

    assert_int_equal(table->n, listed->n);
    for (size_t i = 0; i < listed->n; i++) {
        assert_ptr_equal(table->series[i], listed->series[listed->order[i]]);
    }
    for (size_t i = 0; i < KEYS; i++) {
        const struct span_metrics_identity identity = key_of(i, text);
        struct span_metrics_series **place, **hint;

        span_metrics_table_expect(table, identity.hash);
        hint = span_metrics_table_expect_entry(table, identity.hash);
        place = span_metrics_table_find(table, &plain, &identity);
        assert_ptr_equal(place ? *place : NULL, listed->series[i]);
        assert_true(!place || hint); /* perhaps that of another key with this hash */
    }
}

static void
add_some(struct span_metrics_table *table, struct listed *listed, size_t n)
{
    char text[16];

    for (; n > 0; n--) {
        size_t i = next() % KEYS;
        const struct span_metrics_identity identity = key_of(i, text);

        if (listed->series[i]) {
            continue;
        }
        listed->series[i] = span_metrics_series_new(&plain, &identity, 0);
        listed->series[i]->count = i;
        assert_non_null(span_metrics_table_add(table, listed->series[i]));
        listed->order[listed->n++] = i;
    }
}

static void
table_finds_what_is_in_it(void **state)
{
    struct span_metrics_table table = {0};
    struct listed listed = {0};

    (void)state;
    check_table(&table, &listed);
    for (uint64_t round = 0; round < 9; round++) {
        uint64_t rest = round % 3;
        size_t kept = 0;

        add_some(&table, &listed, round * 200 + 1);
        check_table(&table, &listed);
        span_metrics_table_keep(&table, keep_two_of_three, &rest);
        for (size_t i = 0; i < listed.n; i++) {
            if (listed.order[i] % 3 == rest) {
                listed.series[listed.order[i]] = NULL;
            } else {
                listed.order[kept++] = listed.order[i];
            }
        }
        listed.n = kept;
        check_table(&table, &listed);
    }
    for (uint64_t rest = 0; rest < 3; rest++) {
        span_metrics_table_keep(&table, keep_two_of_three, &rest);
    }
    listed = (struct listed){0};
    check_table(&table, &listed);
    assert_null(table.slots);
    span_metrics_table_release(&table);
}

static bool
keep_few(void *arg, struct span_metrics_series *series)
{
    if (series->count >= *(const uint64_t *)arg) {
        span_metrics_series_free(&plain, series);
        return false;
    }
    return true;
}

static void
few_of_many_take_little(void **state)
{
    struct span_metrics_table table = {0};
    struct listed listed = {0};
    uint64_t few = 10;
    size_t kept = 0;

    (void)state;
    add_some(&table, &listed, (size_t)KEYS * 10);
    assert_true(table.n_slots >= 4096);
    span_metrics_table_keep(&table, keep_few, &few);
    assert_true(table.n_slots <= 128 && table.capacity <= 10);
    for (size_t i = 0; i < listed.n; i++) {
        if (listed.order[i] < few) {
            listed.order[kept++] = listed.order[i];
        } else {
            listed.series[listed.order[i]] = NULL;
        }
    }
    listed.n = kept;
    check_table(&table, &listed);
    add_some(&table, &listed, KEYS);
    check_table(&table, &listed);
    few = 0;
    span_metrics_table_keep(&table, keep_few, &few);
    span_metrics_table_release(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_hold_their_values), cmocka_unit_test(counts_are_exact_in_every_width),
        cmocka_unit_test(exponential_series),       cmocka_unit_test(table_finds_what_is_in_it),
        cmocka_unit_test(few_of_many_take_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
