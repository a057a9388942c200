// SPDX-License-Identifier: Apache-2.0
#include "common/stats/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A slot with more points than that is searched. */
#define FEW 4
/* Two at a time, where the machine can. */
typedef double pair __attribute__((vector_size(16)));
typedef int64_t truths __attribute__((vector_size(16)));

/*
 * slot(x) never falls as x grows, so the points below x are those of the slots before its own and some of its
 * own. Linear: equal parts of the range, right for values that spread evenly or normally. Else by the bits of
 * the double, in which equal parts are near-logarithmic, right for long tails.
 */
struct otc_cells_index {
    bool linear;
    unsigned shift;
    uint64_t first_key;
    double first;
    double scale;
    double last; /* slot */
    size_t slots;
    uint32_t begin[]; /* slots + 1: index of the first point at or beyond the slot */
};

/* The bits of a double as an integer that orders as the double does; -0.0 as 0.0. */
static inline uint64_t
key_of(double value)
{
    uint64_t bits;

    value += 0.0;
    memcpy(&bits, &value, sizeof(bits));
    return bits ^ ((uint64_t)((int64_t)bits >> 63) | UINT64_C(1) << 63);
}

static inline size_t
slot_of(const struct otc_cells_index *index, double value)
{
    if (index->linear) {
        double slot = (value - index->first) * index->scale;

        slot = slot > 0 ? slot : 0;
        return (size_t)(int64_t)(slot < index->last ? slot : index->last);
    }

    uint64_t key = key_of(value);
    uint64_t slot = key > index->first_key ? (key - index->first_key) >> index->shift : 0;

    return slot < index->slots - 1 ? (size_t)slot : index->slots - 1;
}

/* Comparisons that searches among these points will need, in all. */
static double
fill(struct otc_cells_index *index, const double *points, size_t n)
{
    size_t slot = 0, here = 0;
    double cost = 0;

    index->begin[0] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t own = slot_of(index, points[i]);

        for (; slot < own; here = 0) {
            index->begin[++slot] = (uint32_t)i;
        }
        cost += log2(1 + (double)here++);
    }
    while (slot < index->slots) {
        index->begin[++slot] = (uint32_t)n;
    }
    return cost;
}

struct otc_cells_index *
otc_cells_index_new(const double *points, size_t n)
{
    if (n == 0 || n > (size_t)1 << 31) {
        return NULL;
    }

    size_t slots = 2 * n + 1;
    struct otc_cells_index *index = malloc(sizeof(*index) + (slots + 1) * sizeof(index->begin[0]));

    if (!index) {
        return NULL;
    }
    index->slots = slots;
    index->last = (double)(slots - 1);
    index->first = points[0];
    index->scale = (double)slots / fmax(points[n - 1] - points[0], 1e-300);
    index->first_key = key_of(points[0]);
    index->shift = 0;
    while ((key_of(points[n - 1]) - index->first_key) >> index->shift >= slots) {
        index->shift++;
    }
    index->linear = false;

    double by_bits = fill(index, points, n);

    index->linear = isfinite(index->scale) && index->scale > 0;
    if (!index->linear || fill(index, points, n) > by_bits) {
        index->linear = false;
        (void)fill(index, points, n);
    }
    return index;
}

void
otc_cells_index_free(struct otc_cells_index *index)
{
    free(index);
}

size_t
otc_cells_slot(const struct otc_cells *cells, double value)
{
    size_t slot = 0;

    if (cells->index) {
        slot = slot_of(cells->index, value);
        __builtin_prefetch(cells->index->begin + slot);
    }
    return slot;
}

void
otc_cells_prefetch(const struct otc_cells *cells, size_t slot)
{
    if (cells->index) {
        __builtin_prefetch(cells->points + cells->index->begin[slot]);
    }
}

/* Points below the value among the n from `points` on. */
static inline size_t
search(const double *points, size_t n, double value)
{
    const double *base = points;

    while (n > 1) {
        size_t half = n / 2;
        /* A mask, as compilers turn a choice into a jump, which here is wrong every other time. */
        size_t mask = -(size_t)(base[half - 1] < value);

        base += half & mask;
        n -= half;
    }
    return (size_t)(base - points) + (n == 1 && base[0] < value);
}

/* Points below the value among FEW from `points` on. */
static inline size_t
count_few(const double *points, double value)
{
    const pair both = {value, value};
    pair low, high;
    truths below;

    memcpy(&low, points, sizeof(low));
    memcpy(&high, points + 2, sizeof(high));
    below = (low < both) + (high < both); /* what is true is -1 */
    return (size_t) - (below[0] + below[1]);
}

size_t
otc_cells_find_in(const struct otc_cells *cells, size_t slot, double value)
{
    const double *points = cells->points;
    size_t below = 0, n = cells->n;

    if (cells->index) {
        below = cells->index->begin[slot];
        n = cells->index->begin[slot + 1] - below;
    }
    /* How many points a slot has nobody can guess, nor could a jump. Points of later slots are above the
     * value, so that comparing with them too does no harm. */
    if (n <= FEW && below + FEW <= cells->n) {
        below += count_few(points + below, value);
    } else {
        below += search(points + below, n, value);
    }
    return 2 * below + (below < cells->n && points[below] == value);
}

size_t
otc_cells_find(const struct otc_cells *cells, double value)
{
    return otc_cells_find_in(cells, cells->index ? slot_of(cells->index, value) : 0, value);
}
