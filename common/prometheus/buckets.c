// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/buckets.h"

/** The limits after 0 are 2^(n/2) for these n and no others: `step` apart from `first` to `last`. */
static const struct {
    int first, last, step;
} segments[] = {{-40, -30, 2}, {-28, 26, 1}, {28, 40, 2}, {44, 80, 4}};
#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

/** Buckets so many half powers of 2 away from 1 are beyond the grid. */
#define FAR 1000
/** An index is shifted by this at most; wider buckets end at 1 or beyond the grid. */
#define STEPS_MAX 62
#define COARSE_MAX 10

/** Literals: the text of a limit must be the same on every machine. 0x1.6a… is the square root of 2. */
#define BELOW(k) 0x1p-##k
#define ABOVE(k) 0x1p##k
#define OCTAVE_BELOW(k) 0x1p-##k, 0x1.6a09e667f3bcdp-##k
#define OCTAVE_ABOVE(k) 0x1p##k, 0x1.6a09e667f3bcdp##k

/* clang-format off */
static const double grid[OTC_PROM_GRID] = {
    0,
    BELOW(20), BELOW(19), BELOW(18), BELOW(17), BELOW(16), BELOW(15),
    OCTAVE_BELOW(14), OCTAVE_BELOW(13), OCTAVE_BELOW(12), OCTAVE_BELOW(11), OCTAVE_BELOW(10),
    OCTAVE_BELOW(9), OCTAVE_BELOW(8), OCTAVE_BELOW(7), OCTAVE_BELOW(6), OCTAVE_BELOW(5),
    OCTAVE_BELOW(4), OCTAVE_BELOW(3), OCTAVE_BELOW(2), OCTAVE_BELOW(1),
    OCTAVE_ABOVE(0), OCTAVE_ABOVE(1), OCTAVE_ABOVE(2), OCTAVE_ABOVE(3), OCTAVE_ABOVE(4),
    OCTAVE_ABOVE(5), OCTAVE_ABOVE(6), OCTAVE_ABOVE(7), OCTAVE_ABOVE(8), OCTAVE_ABOVE(9),
    OCTAVE_ABOVE(10), OCTAVE_ABOVE(11), OCTAVE_ABOVE(12),
    ABOVE(13), ABOVE(14), ABOVE(15), ABOVE(16), ABOVE(17), ABOVE(18), ABOVE(19), ABOVE(20),
    ABOVE(22), ABOVE(24), ABOVE(26), ABOVE(28), ABOVE(30), ABOVE(32), ABOVE(34), ABOVE(36), ABOVE(38), ABOVE(40),
};
/* clang-format on */

const double *
otc_prom_grid(void)
{
    return grid;
}

/** The smallest n with 2^(n/2) no less than a bucket's upper limit, or one as far off the grid. */
static int64_t
half_octaves(int32_t scale, int64_t index)
{
    int64_t near = index < -FAR ? -FAR : index > FAR ? FAR : index;
    int32_t steps = scale - 1 < STEPS_MAX ? scale - 1 : STEPS_MAX;
    int64_t floor;

    if (scale < 1) {
        /* A bucket FAR out, and any but that up to 1 of a very coarse scale, ends beyond the grid. */
        return (near + 1) * (INT64_C(2) << (scale < -COARSE_MAX ? COARSE_MAX : -scale));
    }
    /* Rounding (index + 1) / 2^steps up is rounding index / 2^steps down, plus 1. */
    floor = index >= 0 ? index >> steps : -(-(index + 1) >> steps) - 1;
    return floor < -FAR ? -FAR : floor > FAR ? FAR : floor + 1;
}

size_t
otc_prom_grid_slot(int32_t scale, int64_t index)
{
    int64_t n = half_octaves(scale, index);
    size_t slot = 1;

    for (size_t i = 0; i < SEGMENTS; i++) {
        int size = (segments[i].last - segments[i].first) / segments[i].step + 1;
        int64_t above = n - segments[i].first;

        if (above <= 0) {
            return slot;
        }
        if (n <= segments[i].last) {
            return slot + (size_t)((above + segments[i].step - 1) / segments[i].step);
        }
        slot += (size_t)size;
    }
    return slot;
}

size_t
otc_prom_grid_slot_of(double value)
{
    size_t slot = 0;

    while (slot < OTC_PROM_GRID && grid[slot] < value) {
        slot++;
    }
    return slot;
}

void
otc_prom_buckets(const struct otc_prom_value *value, otc_prom_bucket_fn emit, void *arg)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < value->n_bounds; i++) {
        sum += value->counts[i];
        emit(arg, value->bounds[i], sum);
    }
}

uint64_t
otc_prom_buckets_total(const struct otc_prom_value *value)
{
    uint64_t sum = 0;

    if (value->n_bounds == 0) {
        return value->count;
    }
    for (size_t i = 0; i <= value->n_bounds; i++) {
        sum += value->counts[i];
    }
    return sum;
}
