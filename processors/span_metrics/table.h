// SPDX-License-Identifier: Apache-2.0
/**
 * @file The series of one metric and resource, found by their keys: an index of slots beside the list of the
 * series in the order they came. A slot has half of what it takes to tell a key from others, so that a search
 * touches the slot, the list and one series. One thread (the stage's lock).
 *
 * With many series each of the three is a cache miss. Who has several keys to find asks for the slots of all
 * of them first (span_metrics_table_expect), then for the entries, then for the series, so that the misses
 * overlap. These calls are hints: nothing is wrong when the table changes in between.
 */
#ifndef OTC_SPAN_METRICS_TABLE_H
#define OTC_SPAN_METRICS_TABLE_H

#include "processors/span_metrics/series.h"

/** Zeroed, it is empty. */
struct span_metrics_table {
    struct span_metrics_series **series;
    uint64_t *slots; /* hash above, 1 + index of the series below; 0: free */
    uint32_t n;
    uint32_t capacity;
    uint32_t n_slots;                     /* 0 or a power of two */
    struct span_metrics_series *overflow; /* not in the index; NULL: none yet */
};

/** Series of a table, at most. */
#define SPAN_METRICS_TABLE_MAX (UINT32_C(1) << 30)
/** Bytes that the table takes for each series, about; for the limit. */
#define SPAN_METRICS_TABLE_ENTRY_BYTES 32

/** Of a key, seeded per process (hash flooding). */
uint32_t span_metrics_hash(struct otc_slice key);

/** The place of the series with this key in table->series, or NULL. Until the next add or keep. */
struct span_metrics_series **span_metrics_table_find(const struct span_metrics_table *table,
                                                     const struct span_metrics_layout *layout,
                                                     const struct span_metrics_identity *identity);
/** Takes a series over, which is not there yet: its place, or NULL out of memory. */
struct span_metrics_series **span_metrics_table_add(struct span_metrics_table *table,
                                                    struct span_metrics_series *series);
/** Lets go of series for which `keep` is false, which it has freed; the others keep their order. */
void span_metrics_table_keep(struct span_metrics_table *table,
                             bool (*keep)(void *arg, struct span_metrics_series *series), void *arg);
/** Frees the index and the list, not the series. */
void span_metrics_table_release(struct span_metrics_table *table);

/** Hint: this hash is searched soon. */
static inline void
span_metrics_table_expect(const struct span_metrics_table *table, uint32_t hash)
{
    if (table->n_slots > 0) {
        __builtin_prefetch(&table->slots[hash & (table->n_slots - 1)]);
    }
}
/** Hint, later: the place that find will look at first, fetched meanwhile; NULL: none. */
struct span_metrics_series **span_metrics_table_expect_entry(const struct span_metrics_table *table,
                                                             uint32_t hash);

#endif
