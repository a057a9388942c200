// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/table.h"

#include "common/base/hash.h"
#include "common/base/map.h"

#include <stdlib.h>

#define MIN_SLOTS 8

uint32_t
span_metrics_hash(struct otc_slice key)
{
    return (uint32_t)otc_hash64(key, otc_map_seed());
}

static uint64_t
slot_of(uint32_t hash, uint32_t index)
{
    return (uint64_t)hash << 32 | (index + 1);
}

static bool
has_key(const struct span_metrics_layout *layout, const struct span_metrics_series *series,
        const struct span_metrics_identity *identity)
{
    return series->key_len == identity->key_len && memcmp(span_metrics_series_identity(layout, series).bytes,
                                                          identity->bytes, identity->key_len) == 0;
}

struct span_metrics_series **
span_metrics_table_find(const struct span_metrics_table *table, const struct span_metrics_layout *layout,
                        const struct span_metrics_identity *identity)
{
    uint32_t mask = table->n_slots - 1;

    if (table->n_slots == 0) {
        return NULL;
    }
    for (uint32_t at = identity->hash & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        struct span_metrics_series **place = &table->series[(uint32_t)table->slots[at] - 1];

        if (table->slots[at] >> 32 == identity->hash && has_key(layout, *place, identity)) {
            return place;
        }
    }
    return NULL;
}

struct span_metrics_series **
span_metrics_table_expect_entry(const struct span_metrics_table *table, uint32_t hash)
{
    uint32_t mask = table->n_slots - 1;

    if (table->n_slots == 0) {
        return NULL;
    }
    for (uint32_t at = hash & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        if (table->slots[at] >> 32 == hash) {
            struct span_metrics_series **place = &table->series[(uint32_t)table->slots[at] - 1];

            __builtin_prefetch(place);
            return place;
        }
    }
    return NULL;
}

static void
place_slot(uint64_t *slots, uint32_t n_slots, uint32_t hash, uint32_t index)
{
    uint32_t at = hash & (n_slots - 1);

    while (slots[at] != 0) {
        at = (at + 1) & (n_slots - 1);
    }
    slots[at] = slot_of(hash, index);
}

/* Twice the slots when three quarters of them are in use. False out of memory. */
static bool
grow_slots(struct span_metrics_table *table)
{
    uint32_t n_slots = table->n_slots ? table->n_slots * 2 : MIN_SLOTS;
    uint64_t *slots;

    if (table->n_slots / 4 * 3 > table->n) {
        return true;
    }
    slots = calloc(n_slots, sizeof(*slots));
    if (!slots) {
        return false;
    }
    for (uint32_t i = 0; i < table->n_slots; i++) {
        if (table->slots[i] != 0) {
            place_slot(slots, n_slots, (uint32_t)(table->slots[i] >> 32), (uint32_t)table->slots[i] - 1);
        }
    }
    free(table->slots);
    table->slots = slots;
    table->n_slots = n_slots;
    return true;
}

static bool
grow_list(struct span_metrics_table *table)
{
    uint32_t capacity = table->capacity + table->capacity / 4 + 4;
    struct span_metrics_series **series;

    if (table->n < table->capacity) {
        return true;
    }
    series = reallocarray(table->series, capacity, sizeof(struct span_metrics_series *));
    if (!series) {
        return false;
    }
    table->series = series;
    table->capacity = capacity;
    return true;
}

struct span_metrics_series **
span_metrics_table_add(struct span_metrics_table *table, struct span_metrics_series *series)
{
    if (table->n >= SPAN_METRICS_TABLE_MAX || !grow_slots(table) || !grow_list(table)) {
        return NULL;
    }
    place_slot(table->slots, table->n_slots, series->hash, table->n);
    table->series[table->n] = series;
    return &table->series[table->n++];
}

void
span_metrics_table_release(struct span_metrics_table *table)
{
    free(table->series);
    free(table->slots);
    table->series = NULL;
    table->slots = NULL;
    table->n = table->capacity = table->n_slots = 0;
}

/* Gives back what few series that are left of many do not need; the slots are empty afterwards, or as they
 * were. */
static void
shrink(struct span_metrics_table *table)
{
    struct span_metrics_series **series;
    uint32_t n_slots = table->n_slots;
    uint64_t *slots;

    while (n_slots > MIN_SLOTS && table->n < n_slots / 8) {
        n_slots /= 2;
    }
    if (n_slots == table->n_slots) {
        return;
    }
    slots = calloc(n_slots, sizeof(*slots));
    if (slots) {
        free(table->slots);
        table->slots = slots;
        table->n_slots = n_slots;
    }
    series = reallocarray(table->series, table->n, sizeof(struct span_metrics_series *));
    if (series) {
        table->series = series;
        table->capacity = table->n;
    }
}

void
span_metrics_table_keep(struct span_metrics_table *table,
                        bool (*keep)(void *arg, struct span_metrics_series *series), void *arg)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < table->n; i++) {
        struct span_metrics_series *series = table->series[i];

        if (keep(arg, series)) {
            table->series[kept++] = series;
        }
    }
    if (kept == table->n) {
        return;
    }
    table->n = kept;
    if (kept == 0) {
        span_metrics_table_release(table);
        return;
    }
    shrink(table);
    memset(table->slots, 0, table->n_slots * sizeof(*table->slots));
    for (uint32_t i = 0; i < kept; i++) {
        place_slot(table->slots, table->n_slots, table->series[i]->hash, i);
    }
}
