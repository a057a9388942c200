// SPDX-License-Identifier: Apache-2.0
#include "common/stats/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Points that one comparison of a slot takes in. */
#define FEW 4
/* Two at a time, where the machine can. */
typedef double pair __attribute__((vector_size(16)));
typedef int64_t truths __attribute__((vector_size(16)));

/* In `begin`: the slot has more points than FEW, or so few are left from there on; it is searched. */
#define SEARCHED (UINT32_C(1) << 31)

/* Equal parts of the points' range: right for values that spread evenly or normally. */
struct by_value {
    double first, scale;
    double last; /* slot */
};

/* Equal parts of the doubles' bits, which are near-logarithmic: right for long tails. */
struct by_bits {
    int32_t first, last; /* key */
    unsigned shift;
};

/*
 * slot(x) never falls as x grows, so the points below x are those of the slots before its own and some of its
 * own.
 */
struct otc_cells_index {
    bool linear;
    struct by_value value;
    struct by_bits bits;
    size_t slots;
    uint32_t begin[]; /* slots + 1: index of the first point at or beyond the slot; SEARCHED */
};

/* The upper half of a double's bits as an integer that never falls as the double grows; -0.0 as 0.0. */
static inline int32_t
key_of(double value)
{
    uint64_t bits;
    int32_t upper;

    value += 0.0;
    memcpy(&bits, &value, sizeof(bits));
    upper = (int32_t)(bits >> 32);
    return upper ^ ((upper >> 31) & INT32_MAX);
}

static inline uint32_t
slot_by_value(struct by_value by, double value)
{
    double slot = (value - by.first) * by.scale;

    slot = slot > 0 ? slot : 0;
    return (uint32_t)(int32_t)(slot < by.last ? slot : by.last);
}

static inline uint32_t
slot_by_bits(struct by_bits by, double value)
{
    int32_t key = key_of(value);

    key = key > by.first ? key : by.first;
    key = key < by.last ? key : by.last;
    return ((uint32_t)key - (uint32_t)by.first) >> by.shift;
}

static inline uint32_t
slot_of(const struct otc_cells_index *index, double value)
{
    return index->linear ? slot_by_value(index->value, value) : slot_by_bits(index->bits, value);
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

static void
mark_searched(struct otc_cells_index *index, size_t n)
{
    for (size_t slot = 0; slot < index->slots; slot++) {
        uint32_t begin = index->begin[slot];

        if (index->begin[slot + 1] - begin > FEW || begin + (size_t)FEW > n) {
            index->begin[slot] = begin | SEARCHED;
        }
    }
}

struct otc_cells_index *
otc_cells_index_new(const double *points, size_t n)
{
    if (n == 0 || n > OTC_CELLS_INDEX_MAX) {
        return NULL;
    }

    size_t slots = 2 * n + 1;
    struct otc_cells_index *index = malloc(sizeof(*index) + (slots + 1) * sizeof(index->begin[0]));

    if (!index) {
        return NULL;
    }
    index->slots = slots;
    index->value = (struct by_value){points[0], (double)slots / fmax(points[n - 1] - points[0], 1e-300),
                                     (double)(slots - 1)};
    index->bits = (struct by_bits){key_of(points[0]), key_of(points[n - 1]), 0};
    while (((uint32_t)index->bits.last - (uint32_t)index->bits.first) >> index->bits.shift >= slots) {
        index->bits.shift++;
    }
    index->linear = false;

    double cost = fill(index, points, n);

    index->linear = isfinite(index->value.scale) && index->value.scale > 0;
    if (!index->linear || fill(index, points, n) > cost) {
        index->linear = false;
        (void)fill(index, points, n);
    }
    mark_searched(index, n);
    return index;
}

void
otc_cells_index_free(struct otc_cells_index *index)
{
    free(index);
}

/* Cell of the value, the points below `low` and none from `high` on being below it. */
static size_t
search(const struct otc_cells *cells, size_t low, size_t high, double value)
{
    const double *base = cells->points + low;
    size_t n = high - low, below;

    while (n > 1) {
        size_t half = n / 2;
        /* A mask, as compilers turn a choice into a jump, which here is wrong every other time. */
        size_t mask = -(size_t)(base[half - 1] < value);

        base += half & mask;
        n -= half;
    }
    below = (size_t)(base - cells->points) + (n == 1 && base[0] < value);
    return 2 * below + (below < cells->n && cells->points[below] == value);
}

/* Among FEW points, all those below the value twice, and once the one that equals it. How many points a slot
 * has nobody can guess, nor could a jump. Points of later slots are above the value, so that comparing with
 * them too does no harm. */
static inline size_t
count_few(const double *points, double value)
{
    const pair both = {value, value};
    pair low, high;
    truths below;

    memcpy(&low, points, sizeof(low));
    memcpy(&high, points + 2, sizeof(high));
    below = (low < both) + (high < both) + (low <= both) + (high <= both); /* what is true is -1 */
    return (size_t) - (below[0] + below[1]);
}

static inline size_t
find_in(const struct otc_cells *cells, const struct otc_cells_index *index, size_t slot, double value)
{
    uint32_t begin = index->begin[slot];

    if (begin & SEARCHED) {
        return search(cells, begin & ~SEARCHED, index->begin[slot + 1] & ~SEARCHED, value);
    }
    return 2 * (size_t)begin + count_few(cells->points + begin, value);
}

size_t
otc_cells_find(const struct otc_cells *cells, double value)
{
    const struct otc_cells_index *index = cells->index;

    return index ? find_in(cells, index, slot_of(index, value), value) : search(cells, 0, cells->n, value);
}

/* Two loops, as compilers make of each one for many values at a time. */
static void
find_slots(const struct otc_cells_index *index, const double *values, size_t n, uint32_t *slots)
{
    const struct by_value value = index->value;
    const struct by_bits bits = index->bits;

    if (index->linear) {
        for (size_t i = 0; i < n; i++) {
            slots[i] = slot_by_value(value, values[i]);
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            slots[i] = slot_by_bits(bits, values[i]);
        }
    }
}

void
otc_cells_find_all(const struct otc_cells *cells, const double *values, size_t n, uint32_t *found)
{
    const struct otc_cells_index *index = cells->index;

    if (!index) {
        for (size_t i = 0; i < n; i++) {
            found[i] = (uint32_t)search(cells, 0, cells->n, values[i]);
        }
        return;
    }
    find_slots(index, values, n, found);
    for (size_t i = 0; i < n; i++) {
        found[i] = (uint32_t)find_in(cells, index, found[i], values[i]);
    }
}
