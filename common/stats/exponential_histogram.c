// SPDX-License-Identifier: Apache-2.0
#include "common/stats/exponential_histogram.h"
#include "common/stats/exponential_table.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIGNIFICAND_BITS 52
#define SMALLEST_CAPACITY 16

void
otc_exp_histogram_init(struct otc_exp_histogram *histogram, int32_t max_scale, uint32_t max_buckets)
{
    int32_t scale = max_scale > OTC_EXP_SCALE_MAX ? OTC_EXP_SCALE_MAX : max_scale;

    *histogram = (struct otc_exp_histogram){0};
    histogram->max_scale = scale < OTC_EXP_SCALE_MIN ? OTC_EXP_SCALE_MIN : scale;
    histogram->scale = histogram->max_scale;
    histogram->max_buckets = max_buckets < 2 ? 2 : max_buckets;
}

void
otc_exp_histogram_release(struct otc_exp_histogram *histogram)
{
    if (!histogram) {
        return;
    }
    free(histogram->counts);
    otc_exp_histogram_init(histogram, histogram->max_scale, histogram->max_buckets);
}

void
otc_exp_histogram_clear(struct otc_exp_histogram *histogram)
{
    uint64_t *counts = histogram->counts;
    uint32_t capacity = histogram->capacity;

    otc_exp_histogram_init(histogram, histogram->max_scale, histogram->max_buckets);
    histogram->counts = counts;
    histogram->capacity = capacity;
}

#define SIGNIFICAND(bits) ((bits) & ((UINT64_C(1) << SIGNIFICAND_BITS) - 1))
#define EXPONENT(bits) ((int32_t)((bits) >> SIGNIFICAND_BITS) - 1023)

/* Index of a positive normal number at a scale up to that of the table: exact. */
static inline int32_t
table_index(uint64_t bits, int32_t scale)
{
    uint64_t significand = SIGNIFICAND(bits);
    uint32_t passed = otc_exp_guess[significand >> (SIGNIFICAND_BITS - OTC_EXP_GUESS_BITS)];

    passed += significand >= otc_exp_table[passed];
    return (EXPONENT(bits) * OTC_EXP_TABLE_SIZE + (int32_t)passed - 1) >> (OTC_EXP_SCALE_TABLE - scale);
}

static inline uint64_t
bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

int32_t
otc_exp_index(double value, int32_t scale)
{
    if (value < DBL_MIN) {
        value = DBL_MIN;
    }

    uint64_t bits = bits_of(value);

    if (scale <= OTC_EXP_SCALE_TABLE) {
        return table_index(bits, scale);
    }
    if (SIGNIFICAND(bits) == 0) {
        return EXPONENT(bits) * (1 << scale) - 1;
    }
    return (int32_t)ceill(log2l((long double)value) * (long double)(1 << scale)) - 1;
}

double
otc_exp_boundary(int32_t index, int32_t scale)
{
    return exp2(ldexp((double)index, -scale));
}

/* The capacity once there is room for n buckets. */
static uint32_t
capacity_for(const struct otc_exp_histogram *histogram, uint32_t n)
{
    uint32_t capacity = histogram->capacity ? histogram->capacity : SMALLEST_CAPACITY;

    if (n <= histogram->capacity) {
        return histogram->capacity;
    }
    while (capacity < n) {
        capacity *= 2;
    }
    return capacity < histogram->max_buckets ? capacity : histogram->max_buckets;
}

/* Room for n buckets; what is there stays. */
static bool
reserve(struct otc_exp_histogram *histogram, uint32_t n)
{
    uint32_t capacity = capacity_for(histogram, n);

    if (capacity == histogram->capacity) {
        return true;
    }

    uint64_t *counts = realloc(histogram->counts, capacity * sizeof(*counts));

    if (!counts) {
        return false;
    }
    histogram->counts = counts;
    histogram->capacity = capacity;
    return true;
}

/* Steps of scale until [low, high] needs at most max_buckets. */
static uint32_t
steps_to_fit(int32_t low, int32_t high, uint32_t max_buckets)
{
    uint32_t steps = 0;

    while ((int64_t)(high >> steps) - (low >> steps) + 1 > (int64_t)max_buckets) {
        steps++;
    }
    return steps;
}

void
otc_exp_histogram_downscale(struct otc_exp_histogram *histogram, uint32_t by)
{
    uint32_t most = (uint32_t)(histogram->scale - OTC_EXP_SCALE_MIN);

    if (by > most) {
        by = most;
    }
    if (by == 0) {
        return;
    }
    histogram->scale -= (int32_t)by;
    if (histogram->n_buckets == 0) {
        return;
    }

    int32_t offset = histogram->offset >> by;
    uint32_t last = 0;

    for (uint32_t i = 0; i < histogram->n_buckets; i++) {
        uint32_t to = (uint32_t)(((histogram->offset + (int32_t)i) >> by) - offset);
        uint64_t count = histogram->counts[i];

        if (i == 0 || to != last) {
            histogram->counts[to] = count;
        } else {
            histogram->counts[to] += count;
        }
        last = to;
    }
    histogram->offset = offset;
    histogram->n_buckets = last + 1;
}

/* Widens the range in use to [low, high], which fits in max_buckets and in what is reserved. */
static void
widen(struct otc_exp_histogram *histogram, int32_t low, int32_t high)
{
    if (histogram->n_buckets == 0) {
        histogram->offset = low;
    }

    int32_t end = histogram->offset + (int32_t)histogram->n_buckets;
    uint32_t before = low < histogram->offset ? (uint32_t)(histogram->offset - low) : 0;
    uint32_t after = high >= end ? (uint32_t)(high - end) + 1 : 0;

    if (before > 0) {
        memmove(histogram->counts + before, histogram->counts,
                histogram->n_buckets * sizeof(*histogram->counts));
        memset(histogram->counts, 0, before * sizeof(*histogram->counts));
    }
    memset(histogram->counts + before + histogram->n_buckets, 0, after * sizeof(*histogram->counts));
    histogram->offset -= (int32_t)before;
    histogram->n_buckets += before + after;
}

/* Joins [low, high] (indices at the present scale) with the range in use, at the scale at which all of it
 * fits. Returns by how many steps that is lower. */
static uint32_t
join(const struct otc_exp_histogram *histogram, int32_t *low, int32_t *high)
{
    uint32_t steps;

    if (histogram->n_buckets > 0) {
        int32_t last = histogram->offset + (int32_t)histogram->n_buckets - 1;

        *low = *low < histogram->offset ? *low : histogram->offset;
        *high = *high > last ? *high : last;
    }
    steps = steps_to_fit(*low, *high, histogram->max_buckets);
    *low = *low >> (int)steps;
    *high = *high >> (int)steps;
    return steps;
}

/* Makes [low, high] part of the range in use, lowering the scale as needed. Returns the steps taken, or -1
 * out of memory with nothing changed. */
static int
make_room(struct otc_exp_histogram *histogram, int32_t low, int32_t high)
{
    uint32_t steps = join(histogram, &low, &high);

    if (!reserve(histogram, (uint32_t)(high - low) + 1)) {
        return -1;
    }
    otc_exp_histogram_downscale(histogram, steps);
    widen(histogram, low, high);
    return (int)steps;
}

uint32_t
otc_exp_histogram_capacity_with(const struct otc_exp_histogram *histogram, double value)
{
    int32_t low, high;

    if (!(value > 0 && value <= DBL_MAX)) {
        return histogram->capacity;
    }
    low = high = otc_exp_index(value, histogram->scale);
    (void)join(histogram, &low, &high);
    return capacity_for(histogram, (uint32_t)(high - low) + 1);
}

static void
count_range(struct otc_exp_histogram *histogram, double low, double high)
{
    if (histogram->count == 0 || low < histogram->min) {
        histogram->min = low;
    }
    if (histogram->count == 0 || high > histogram->max) {
        histogram->max = high;
    }
}

bool
otc_exp_histogram_add_n(struct otc_exp_histogram *histogram, double value, uint64_t times)
{
    if (!(value >= 0 && value <= DBL_MAX)) {
        return false;
    }
    if (times == 0) {
        return true;
    }
    if (value > 0) {
        int32_t index = otc_exp_index(value, histogram->scale);
        int64_t place = (int64_t)index - histogram->offset;

        if (place < 0 || place >= (int64_t)histogram->n_buckets) {
            int steps = make_room(histogram, index, index);

            if (steps < 0) {
                return false;
            }
            place = (int64_t)(index >> steps) - histogram->offset;
        }
        histogram->counts[place] += times;
    } else {
        histogram->zero_count += times;
    }
    count_range(histogram, value, value);
    histogram->count += times;
    histogram->sum += value * (double)times;
    return true;
}

bool
otc_exp_histogram_add(struct otc_exp_histogram *histogram, double value)
{
    /* The usual case at once: another normal number in a bucket that is there. */
    if (histogram->scale <= OTC_EXP_SCALE_TABLE && value >= DBL_MIN && value <= DBL_MAX) {
        int32_t place = table_index(bits_of(value), histogram->scale) - histogram->offset;

        if ((uint32_t)place < histogram->n_buckets) {
            histogram->counts[place]++;
            histogram->count++;
            histogram->sum += value;
            /* Branches that hardly ever are taken, not selections that every next call would wait for. */
            if (value < histogram->min) {
                histogram->min = value;
            }
            if (value > histogram->max) {
                histogram->max = value;
            }
            return true;
        }
    }
    return otc_exp_histogram_add_n(histogram, value, 1);
}

bool
otc_exp_histogram_merge(struct otc_exp_histogram *into, const struct otc_exp_histogram *from)
{
    if (from->count == 0) {
        return true;
    }
    if (from->n_buckets > 0) {
        /* Both in the coarser scale; into's buckets need no more room there than they have. */
        uint32_t into_steps = into->scale > from->scale ? (uint32_t)(into->scale - from->scale) : 0;
        uint32_t from_steps = from->scale > into->scale ? (uint32_t)(from->scale - into->scale) : 0;
        int32_t low = from->offset >> from_steps;
        int32_t high = (from->offset + (int32_t)from->n_buckets - 1) >> from_steps;

        /* All the room there may be, so that nothing can fail once the scale fell. */
        if (!reserve(into, into->max_buckets)) {
            return false;
        }
        otc_exp_histogram_downscale(into, into_steps);
        from_steps += (uint32_t)make_room(into, low, high);
        for (uint32_t i = 0; i < from->n_buckets; i++) {
            into->counts[((from->offset + (int32_t)i) >> from_steps) - into->offset] += from->counts[i];
        }
    }
    count_range(into, from->min, from->max);
    into->zero_count += from->zero_count;
    into->count += from->count;
    into->sum += from->sum;
    return true;
}

bool
otc_exp_histogram_copy(const struct otc_exp_histogram *histogram, uint32_t max_buckets,
                       struct otc_exp_histogram *out)
{
    otc_exp_histogram_init(out, histogram->scale, max_buckets);
    if (otc_exp_histogram_merge(out, histogram)) {
        return true;
    }
    otc_exp_histogram_release(out);
    return false;
}

/* The value whose relative distance to both ends of the bucket is the same. */
static double
bucket_middle(const struct otc_exp_histogram *histogram, uint32_t bucket)
{
    double low = otc_exp_boundary(histogram->offset + (int32_t)bucket, histogram->scale);
    double middle = low / ((1 + 1 / otc_exp_boundary(1, histogram->scale)) / 2); /* 2 * low might overflow */

    return fmin(histogram->max, fmax(histogram->min, middle));
}

double
otc_exp_histogram_quantile(const struct otc_exp_histogram *histogram, double q)
{
    if (histogram->count == 0 || isnan(q)) {
        return NAN;
    }

    double rank = fmax(1, ceil(fmin(1, q) * (double)histogram->count));
    uint64_t passed = histogram->zero_count;

    if ((double)passed >= rank) {
        return 0;
    }
    for (uint32_t i = 0; i < histogram->n_buckets; i++) {
        passed += histogram->counts[i];
        if ((double)passed >= rank) {
            return bucket_middle(histogram, i);
        }
    }
    return histogram->max;
}

double
otc_exp_histogram_relative_error(const struct otc_exp_histogram *histogram)
{
    double inverse = 1 / otc_exp_boundary(1, histogram->scale);

    return (1 - inverse) / (1 + inverse);
}

void
otc_exp_histogram_explicit(const struct otc_exp_histogram *histogram, const double *bounds, size_t n,
                           uint64_t *out)
{
    size_t bound = 0;

    memset(out, 0, (n + 1) * sizeof(*out));
    while (bound < n && bounds[bound] < 0) {
        bound++;
    }
    out[bound] += histogram->zero_count;
    for (uint32_t i = 0; i < histogram->n_buckets; i++) {
        double middle = bucket_middle(histogram, i);

        while (bound < n && bounds[bound] < middle) {
            bound++;
        }
        out[bound] += histogram->counts[i];
    }
}
