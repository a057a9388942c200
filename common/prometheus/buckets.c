// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/buckets.h"

#include <math.h>

/** Steps after which every index is 0 or -1. */
#define STEPS_MAX 62
/** Scales are held within this; beyond it a bucket is far wider than all doubles. */
#define SCALE_MIN (-16)

void
otc_prom_range_add(struct otc_prom_range *range, int64_t index)
{
    if (!range->any || index < range->first) {
        range->first = index;
    }
    if (!range->any || index > range->last) {
        range->last = index;
    }
    range->any = true;
}

int64_t
otc_prom_coarser(int64_t index, int32_t steps)
{
    if (steps >= STEPS_MAX) {
        return index < 0 ? -1 : 0;
    }
    /* Floor division, also below zero. */
    return index >= 0 ? index >> steps : -((-index - 1) >> steps) - 1;
}

static bool
fits(const struct otc_prom_range *range, int32_t steps)
{
    return !range->any || otc_prom_coarser(range->last, steps) - otc_prom_coarser(range->first, steps) <
                              OTC_PROM_BUCKETS_MAX;
}

int32_t
otc_prom_fit_scale(int32_t scale, const struct otc_prom_range *a, const struct otc_prom_range *b)
{
    int32_t steps = scale > OTC_PROM_SCALE ? (scale > STEPS_MAX ? STEPS_MAX : scale - OTC_PROM_SCALE) : 0;

    while (steps < STEPS_MAX && (!fits(a, steps) || !fits(b, steps))) {
        steps++;
    }
    return scale - steps;
}

double
otc_prom_limit(int32_t scale, int64_t index)
{
    if (scale <= 0) {
        int32_t width = scale < SCALE_MIN ? -SCALE_MIN : -scale;
        double exponent = ldexp((double)index, width);

        return exponent > 4096 ? (double)INFINITY : exponent < -4096 ? 0 : ldexp(1, (int)exponent);
    }
    {
        int64_t per_octave = INT64_C(1) << scale;
        int64_t octave = otc_prom_coarser(index, scale);

        if (octave > 4096 || octave < -4096) {
            return octave > 0 ? (double)INFINITY : 0;
        }
        return ldexp(exp2((double)(index - octave * per_octave) / (double)per_octave), (int)octave);
    }
}

/** Passes limits on while they rise: very wide buckets may meet at 0 or infinity. */
struct riser {
    otc_prom_bucket_fn emit;
    void *arg;
    bool any;
    double last;
};

static void
rise(struct riser *riser, double le, uint64_t count)
{
    if (isfinite(le) && (!riser->any || le > riser->last)) {
        riser->emit(riser->arg, le, count);
        riser->any = true;
        riser->last = le;
    }
}

static uint64_t
exponential_buckets(const struct otc_prom_value *value, struct riser *riser)
{
    const struct otc_prom_side *negative = &value->negative;
    const struct otc_prom_side *positive = &value->positive;
    uint64_t sum = 0;

    if (negative->n > 0) {
        rise(riser, -otc_prom_limit(value->scale, negative->offset + (int64_t)negative->n), 0);
    }
    for (size_t i = negative->n; i > 0; i--) {
        sum += negative->counts[i - 1];
        rise(riser, -otc_prom_limit(value->scale, negative->offset + (int64_t)i - 1), sum);
    }
    sum += value->zero_count;
    if (value->zero_count > 0 || negative->n > 0) {
        rise(riser, value->zero_threshold, sum);
    }
    if (positive->n > 0) {
        rise(riser, otc_prom_limit(value->scale, positive->offset), sum);
    }
    for (size_t i = 0; i < positive->n; i++) {
        sum += positive->counts[i];
        rise(riser, otc_prom_limit(value->scale, positive->offset + (int64_t)i + 1), sum);
    }
    return sum;
}

void
otc_prom_buckets(const struct otc_prom_value *value, otc_prom_bucket_fn emit, void *arg)
{
    struct riser riser = {.emit = emit, .arg = arg};
    uint64_t sum = 0;

    if (value->exponential) {
        exponential_buckets(value, &riser);
        return;
    }
    for (size_t i = 0; i < value->n_bounds; i++) {
        sum += value->counts[i];
        rise(&riser, value->bounds[i], sum);
    }
}

static void
emit_nothing(void *arg, double le, uint64_t count)
{
    (void)arg;
    (void)le;
    (void)count;
}

uint64_t
otc_prom_buckets_total(const struct otc_prom_value *value)
{
    struct riser riser = {.emit = emit_nothing};
    uint64_t sum = 0;

    if (value->exponential) {
        return exponential_buckets(value, &riser);
    }
    if (value->n_bounds == 0) {
        return value->count;
    }
    for (size_t i = 0; i <= value->n_bounds; i++) {
        sum += value->counts[i];
    }
    return sum;
}
