// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/counts.h"

#define FIRST_CAPACITY 16u

bool
drift_budget_take(struct drift_budget *budget, size_t bytes)
{
    if (bytes > budget->limit - budget->used) {
        return false;
    }
    budget->used += bytes;
    return true;
}

void
drift_budget_give(struct drift_budget *budget, size_t bytes)
{
    budget->used -= bytes;
}

static size_t
dense_bytes(struct drift_shape shape)
{
    return shape.cells * sizeof(uint32_t) + (shape.points ? (shape.cells / 2 + 1) * sizeof(double) : 0);
}

static size_t
table_bytes(uint32_t capacity)
{
    return capacity * sizeof(struct drift_cell);
}

/* Multiplicative hashing: neighbours spread. */
static uint32_t
first_slot(uint32_t capacity, uint32_t cell)
{
    return (cell * UINT32_C(2654435769)) & (capacity - 1);
}

/* Slot of a cell, or the free one where it belongs. */
static struct drift_cell *
slot_of(struct drift_cell *table, uint32_t capacity, uint32_t cell)
{
    uint32_t at = first_slot(capacity, cell);

    while (table[at].cell && table[at].cell != cell + 1) {
        at = (at + 1) & (capacity - 1);
    }
    return &table[at];
}

static bool
make_dense(struct drift_counts *counts, struct drift_shape shape, struct drift_budget *budget)
{
    size_t bytes = dense_bytes(shape);
    uint32_t *dense;
    double *sums = NULL;

    if (!drift_budget_take(budget, bytes)) {
        return false;
    }
    dense = calloc(shape.cells, sizeof(*dense));
    if (shape.points) {
        sums = calloc(shape.cells / 2 + 1, sizeof(*sums));
    }
    if (!dense || (shape.points && !sums)) {
        free(dense);
        free(sums);
        drift_budget_give(budget, bytes);
        return false;
    }
    for (uint32_t i = 0; i < counts->capacity; i++) {
        const struct drift_cell *cell = &counts->table[i];

        if (cell->cell) {
            dense[cell->cell - 1] = cell->count;
            if (sums && (cell->cell - 1) % 2 == 0) {
                sums[(cell->cell - 1) / 2] = cell->sum;
            }
        }
    }
    drift_budget_give(budget, table_bytes(counts->capacity));
    free(counts->table);
    counts->table = NULL;
    counts->capacity = 0;
    counts->counts = dense;
    counts->sums = sums;
    return true;
}

/* A larger table, or the array once that is no larger. */
static bool
grow(struct drift_counts *counts, struct drift_shape shape, struct drift_budget *budget)
{
    uint32_t capacity = counts->capacity ? counts->capacity * 2 : FIRST_CAPACITY;
    struct drift_cell *table;

    if (table_bytes(capacity) >= dense_bytes(shape)) {
        return make_dense(counts, shape, budget);
    }
    if (!drift_budget_take(budget, table_bytes(capacity))) {
        return false;
    }
    table = calloc(capacity, sizeof(*table));
    if (!table) {
        drift_budget_give(budget, table_bytes(capacity));
        return false;
    }
    for (uint32_t i = 0; i < counts->capacity; i++) {
        if (counts->table[i].cell) {
            *slot_of(table, capacity, counts->table[i].cell - 1) = counts->table[i];
        }
    }
    drift_budget_give(budget, table_bytes(counts->capacity));
    free(counts->table);
    counts->table = table;
    counts->capacity = capacity;
    return true;
}

static bool
count_dense(struct drift_counts *counts, uint32_t cell, double excess, uint32_t times)
{
    if (counts->counts[cell] > UINT32_MAX - times) {
        return false;
    }
    counts->counts[cell] += times;
    if (counts->sums && cell % 2 == 0) {
        counts->sums[cell / 2] += excess * times;
    }
    return true;
}

static bool
add_n(struct drift_counts *counts, struct drift_shape shape, uint32_t cell, double excess, uint32_t times,
      struct drift_budget *budget)
{
    struct drift_cell *slot;

    if (counts->counts) {
        return count_dense(counts, cell, excess, times);
    }
    /* Room is made at three quarters, but only for a cell that is new. */
    if (counts->capacity) {
        slot = slot_of(counts->table, counts->capacity, cell);
        if (slot->cell && slot->count <= UINT32_MAX - times) {
            slot->count += times;
            slot->sum += excess * times;
            return true;
        }
    }
    if (counts->used >= counts->capacity / 4 * 3) {
        if (!grow(counts, shape, budget)) {
            return false;
        }
        if (counts->counts) {
            return count_dense(counts, cell, excess, times);
        }
    }
    slot = slot_of(counts->table, counts->capacity, cell);
    if (slot->cell) {
        return false; /* its count is full */
    }
    *slot = (struct drift_cell){cell + 1, times, excess * times};
    counts->used++;
    return true;
}

bool
drift_counts_add_other(struct drift_counts *counts, struct drift_shape shape, uint32_t cell, double value,
                       struct drift_budget *budget)
{
    if (counts->capacity && !counts->raw) {
        struct drift_cell *slot = slot_of(counts->table, counts->capacity, cell);

        if (slot->cell && slot->count < UINT32_MAX) {
            slot->count++;
            slot->sum += drift_excess(shape, cell, value);
            return true;
        }
    }
    return drift_counts_add_n(counts, shape, cell, value, 1, budget);
}

bool
drift_counts_add_n(struct drift_counts *counts, struct drift_shape shape, uint32_t cell, double value,
                   uint32_t times, struct drift_budget *budget)
{
    bool added = add_n(counts, shape, cell, drift_excess(shape, cell, value), times, budget);

    if (added) {
        drift_raw_add(counts->raw, value, times, budget);
    }
    return added;
}

/* As drift_counts_add_all, of an array, without `raw`; `to`: where those go that are counted. */
static size_t
add_all_dense(struct drift_counts *counts, struct drift_shape shape, const uint32_t *cells,
              const double *values, size_t n, double *to)
{
    uint32_t *dense = counts->counts;
    double *sums = counts->sums;
    size_t added = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t cell = cells[i];
        double value = values[i];

        if (dense[cell] == UINT32_MAX) {
            continue;
        }
        dense[cell]++;
        if (sums && cell % 2 == 0) {
            sums[cell / 2] += drift_excess(shape, cell, value);
        }
        to[added++] = value;
    }
    return added;
}

size_t
drift_counts_add_all(struct drift_counts *counts, struct drift_shape shape, const uint32_t *cells,
                     double *values, size_t n, struct drift_budget *budget)
{
    size_t i = 0, added = 0;

    for (; i < n && (!counts->counts || counts->raw); i++) {
        if (drift_counts_add(counts, shape, cells[i], values[i], budget)) {
            values[added++] = values[i];
        }
    }
    return added + add_all_dense(counts, shape, cells + i, values + i, n - i, values + added);
}

void
drift_counts_release(struct drift_counts *counts, struct drift_shape shape, struct drift_budget *budget)
{
    drift_budget_give(budget, table_bytes(counts->capacity) + (counts->counts ? dense_bytes(shape) : 0));
    free(counts->table);
    free(counts->counts);
    free(counts->sums);
    drift_raw_free(counts->raw, budget);
    drift_components_free(counts->components, budget);
    *counts = (struct drift_counts){0};
}

void
drift_counts_sum(const struct drift_counts *counts, struct drift_shape shape, uint64_t *to, double *sums)
{
    for (uint32_t i = 0; i < counts->capacity; i++) {
        const struct drift_cell *cell = &counts->table[i];

        if (cell->cell) {
            to[cell->cell - 1] += cell->count;
            if (sums && (cell->cell - 1) % 2 == 0) {
                sums[(cell->cell - 1) / 2] += cell->sum;
            }
        }
    }
    for (uint32_t i = 0; counts->counts && i < shape.cells; i++) {
        to[i] += counts->counts[i];
    }
    for (uint32_t i = 0; counts->sums && sums && i < shape.cells / 2 + 1; i++) {
        sums[i] += counts->sums[i];
    }
}

void
drift_counts_each(const struct drift_counts *counts, struct drift_shape shape,
                  void (*fn)(void *arg, uint32_t cell, uint32_t count, double sum), void *arg)
{
    for (uint32_t i = 0; i < counts->capacity; i++) {
        const struct drift_cell *cell = &counts->table[i];

        if (cell->cell) {
            fn(arg, cell->cell - 1, cell->count, shape.points && (cell->cell - 1) % 2 == 0 ? cell->sum : 0);
        }
    }
    for (uint32_t i = 0; counts->counts && i < shape.cells; i++) {
        if (counts->counts[i]) {
            fn(arg, i, counts->counts[i], counts->sums && i % 2 == 0 ? counts->sums[i / 2] : 0);
        }
    }
}

bool
drift_counts_set(struct drift_counts *counts, struct drift_shape shape, uint32_t cell, uint32_t count,
                 double sum, struct drift_budget *budget)
{
    if (cell >= shape.cells || !add_n(counts, shape, cell, sum, 1, budget)) {
        return false;
    }
    if (counts->counts) {
        counts->counts[cell] = count;
    } else {
        slot_of(counts->table, counts->capacity, cell)->count = count;
    }
    return true;
}
