// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/metric_buckets.h"

#include "common/stats/exponential_histogram.h"

#include <math.h>
#include <stdlib.h>

void
otc_buckets_release(struct otc_buckets *buckets)
{
    free(buckets->bounds);
    free(buckets->counts);
    *buckets = (struct otc_buckets){0};
}

size_t
otc_buckets_bytes(const struct otc_buckets *buckets)
{
    return buckets->capacity * (sizeof(double) + sizeof(uint64_t));
}

/* Room for n counts and as many bounds. */
static bool
reserve(struct otc_buckets *buckets, size_t n)
{
    /* The first room is no larger than asked for, so that what is restored takes no more than it took. */
    size_t capacity = n < 16 ? 16 : buckets->capacity == 0 ? n : n + n / 4;
    uint64_t *counts;
    double *bounds;

    if (n <= buckets->capacity) {
        return true;
    }
    counts = reallocarray(buckets->counts, capacity, sizeof(*counts));
    if (!counts) {
        return false;
    }
    buckets->counts = counts;
    bounds = reallocarray(buckets->bounds, capacity, sizeof(*bounds));
    if (!bounds) {
        return false;
    }
    buckets->bounds = bounds;
    buckets->capacity = capacity;
    return true;
}

bool
otc_buckets_copy(struct otc_buckets *to, const struct otc_buckets *from)
{
    struct otc_buckets kept;

    if (!reserve(to, from->n)) {
        return false;
    }
    kept = *to;
    *to = *from;
    to->bounds = kept.bounds;
    to->counts = kept.counts;
    to->capacity = kept.capacity;
    if (from->n > 0) {
        memcpy(to->counts, from->counts, from->n * sizeof(*to->counts));
    }
    if (from->n > 1 && from->kind == OTC_BUCKETS_EXPLICIT) {
        memcpy(to->bounds, from->bounds, (from->n - 1) * sizeof(*to->bounds));
    }
    return true;
}

/* ---- Reading -------------------------------------------------------------------------------------- */

/* A bound +Inf at the end, as some writers send, says nothing: without it the overflow bucket is the same. */
static size_t
finite_bounds(const struct otc_point *point)
{
    size_t n = point->explicit_bounds.n;

    return n > 0 && point->bucket_counts.n == n + 1 &&
                   isinf(otc_words_double(&point->explicit_bounds, n - 1)) &&
                   otc_words_get(&point->bucket_counts, n) == 0
               ? n - 1
               : n;
}

bool
otc_bounds_ascend(const double *bounds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(bounds[i]) || (i > 0 && !(bounds[i] > bounds[i - 1]))) {
            return false;
        }
    }
    return true;
}

static otc_status
read_explicit(const struct otc_point *point, struct otc_buckets *out)
{
    struct otc_words_cursor cursor = {0};
    size_t n = finite_bounds(point);
    uint64_t bits;

    if (n == 0 || n >= OTC_BUCKETS_MAX || point->bucket_counts.n != point->explicit_bounds.n + 1) {
        return OTC_INVALID_ARGUMENT;
    }
    if (!reserve(out, n + 1)) {
        return OTC_RESOURCE_EXHAUSTED;
    }
    out->n = n + 1;
    for (size_t i = 0; i < n && otc_words_next(&point->explicit_bounds, &cursor, &bits); i++) {
        double bound;

        memcpy(&bound, &bits, sizeof(bound));
        out->bounds[i] = bound + 0.0; /* -0 becomes 0 */
    }
    if (!otc_bounds_ascend(out->bounds, n)) {
        return OTC_INVALID_ARGUMENT;
    }
    cursor = (struct otc_words_cursor){0};
    for (size_t i = 0; i <= n && otc_words_next(&point->bucket_counts, &cursor, &bits); i++) {
        out->counts[i] = bits;
        out->total += bits;
    }
    return OTC_OK;
}

/* Whether exponential buckets of this scale and place can be told. */
static bool
is_in_range(int64_t scale, int64_t offset, uint64_t n)
{
    return scale <= OTC_EXP_SCALE_MAX && scale >= OTC_EXP_SCALE_MIN && n <= OTC_BUCKETS_MAX &&
           offset >= INT32_MIN && offset < INT32_MAX - (int64_t)n;
}

static otc_status
read_exponential(const struct otc_point *point, struct otc_buckets *out)
{
    struct otc_varint_cursor cursor = {0};
    uint64_t count;

    if (!is_in_range(point->scale, point->positive.offset, point->positive.n)) {
        return OTC_INVALID_ARGUMENT;
    }
    while (otc_exp_buckets_next(&point->negative, &cursor, &count)) {
        if (count > 0) {
            return OTC_INVALID_ARGUMENT;
        }
    }
    if (!reserve(out, point->positive.n)) {
        return OTC_RESOURCE_EXHAUSTED;
    }
    out->scale = point->scale;
    out->offset = point->positive.offset;
    out->zero = out->total = point->zero_count;
    out->zero_threshold = point->zero_threshold;
    cursor = (struct otc_varint_cursor){0};
    while (out->n < point->positive.n && otc_exp_buckets_next(&point->positive, &cursor, &count)) {
        out->counts[out->n++] = count;
        out->total += count;
    }
    return OTC_OK;
}

otc_status
otc_buckets_read(const struct otc_point *point, struct otc_buckets *out)
{
    out->kind =
        point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM ? OTC_BUCKETS_EXPONENTIAL : OTC_BUCKETS_EXPLICIT;
    out->n = 0;
    out->zero = out->total = 0;
    out->zero_threshold = 0;
    out->has_sum = point->has_sum && isfinite(point->sum);
    out->sum = out->has_sum ? point->sum : 0;
    return out->kind == OTC_BUCKETS_EXPONENTIAL ? read_exponential(point, out) : read_explicit(point, out);
}

bool
otc_buckets_multiply_bounds(struct otc_buckets *buckets, double factor)
{
    if (factor == 1 || buckets->kind == OTC_BUCKETS_EXPONENTIAL) {
        return factor == 1;
    }
    for (size_t i = 0; i + 1 < buckets->n; i++) {
        buckets->bounds[i] = buckets->bounds[i] * factor + 0.0;
    }
    return otc_bounds_ascend(buckets->bounds, buckets->n - 1);
}

/* ---- As bytes ------------------------------------------------------------------------------------- */

#define SAVED_EXPONENTIAL 1u
#define SAVED_SUM 2u
#define SAVED_BOUNDS 4u

struct otc_slice
otc_buckets_bounds(const struct otc_buckets *buckets)
{
    return buckets->kind == OTC_BUCKETS_EXPLICIT && buckets->n > 0
               ? otc_slice_of(buckets->bounds, (buckets->n - 1) * sizeof(*buckets->bounds))
               : OTC_SLICE_NONE;
}

void
otc_buckets_save(const struct otc_buckets *buckets, bool with_bounds, struct otc_buf *out)
{
    bool exponential = buckets->kind == OTC_BUCKETS_EXPONENTIAL;

    with_bounds = with_bounds && !exponential;
    otc_put_u64(out,
                SAVED_EXPONENTIAL * exponential | SAVED_SUM * buckets->has_sum | SAVED_BOUNDS * with_bounds);
    if (buckets->has_sum) {
        otc_put_f64(out, buckets->sum);
    }
    if (exponential) {
        otc_put_i64(out, buckets->scale);
        otc_put_i64(out, buckets->offset);
        otc_put_u64(out, buckets->zero);
        otc_put_f64(out, buckets->zero_threshold);
    }
    if (with_bounds) {
        otc_put_bytes(out, otc_buckets_bounds(buckets));
    }
    otc_put_u64(out, buckets->n);
    for (size_t i = 0; i < buckets->n; i++) {
        otc_put_u64(out, buckets->counts[i]);
    }
}

static bool
load_counts(struct otc_buckets *out, struct otc_slice bounds, struct otc_reader *in)
{
    size_t n = otc_take_count(in, 1);
    bool explicit = out->kind == OTC_BUCKETS_EXPLICIT;

    if (in->failed || n > OTC_BUCKETS_MAX || !reserve(out, n) ||
        (explicit && (n < 2 || bounds.len != (n - 1) * sizeof(*out->bounds)))) {
        return false;
    }
    out->n = n;
    if (explicit) {
        memcpy(out->bounds, bounds.data, bounds.len);
    }
    out->total = out->zero;
    for (size_t i = 0; i < n; i++) {
        out->counts[i] = otc_take_u64(in);
        out->total += out->counts[i];
    }
    return !in->failed && (!explicit || otc_bounds_ascend(out->bounds, n - 1));
}

bool
otc_buckets_load(struct otc_buckets *out, struct otc_slice bounds, struct otc_reader *in)
{
    uint64_t flags = otc_take_u64(in);
    int64_t scale = 0, offset = 0;

    out->kind = flags & SAVED_EXPONENTIAL ? OTC_BUCKETS_EXPONENTIAL : OTC_BUCKETS_EXPLICIT;
    out->has_sum = flags & SAVED_SUM;
    out->sum = out->has_sum ? otc_take_f64(in) : 0;
    out->n = 0;
    out->zero = 0;
    out->zero_threshold = 0;
    if (out->kind == OTC_BUCKETS_EXPONENTIAL) {
        scale = otc_take_i64(in);
        offset = otc_take_i64(in);
        out->zero = otc_take_u64(in);
        out->zero_threshold = otc_take_f64(in);
    }
    if (flags & SAVED_BOUNDS) {
        bounds = otc_take_bytes(in);
    }
    if (!load_counts(out, bounds, in) || !is_in_range(scale, offset, out->n)) {
        return false;
    }
    out->scale = (int32_t)scale;
    out->offset = (int32_t)offset;
    return true;
}

/* ---- Differences ---------------------------------------------------------------------------------- */

bool
otc_buckets_comparable(const struct otc_buckets *a, const struct otc_buckets *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    return a->kind == OTC_BUCKETS_EXPONENTIAL ||
           (a->n == b->n && memcmp(a->bounds, b->bounds, (a->n - 1) * sizeof(*a->bounds)) == 0);
}

void
otc_buckets_downscale(struct otc_buckets *buckets, uint32_t by)
{
    int32_t offset = buckets->offset >> by;
    size_t n = 0;

    if (by == 0) {
        return;
    }
    for (size_t i = 0; i < buckets->n; i++) {
        size_t at = (size_t)((((int64_t)buckets->offset + (int64_t)i) >> by) - offset);

        if (at >= n) {
            buckets->counts[n++] = buckets->counts[i]; /* at == n <= i: indices have no gaps */
        } else {
            buckets->counts[at] += buckets->counts[i];
        }
    }
    buckets->n = n;
    buckets->offset = offset;
    buckets->scale -= (int32_t)by;
}

/* A zero bucket that grew wider took in the buckets within it: so must the one before. */
static void
widen_zero(struct otc_buckets *buckets, double threshold)
{
    if (!(threshold > buckets->zero_threshold)) {
        return;
    }
    for (size_t i = 0; i < buckets->n; i++) {
        if (otc_exp_boundary(buckets->offset + (int32_t)i + 1, buckets->scale) > threshold) {
            break;
        }
        buckets->zero += buckets->counts[i];
        buckets->counts[i] = 0;
    }
    buckets->zero_threshold = threshold;
}

static bool
subtract_exponential(struct otc_buckets *now, struct otc_buckets *before)
{
    widen_zero(before, now->zero_threshold);
    if (now->scale > before->scale) {
        otc_buckets_downscale(now, (uint32_t)(now->scale - before->scale));
    } else {
        otc_buckets_downscale(before, (uint32_t)(before->scale - now->scale));
    }
    if (now->zero < before->zero) {
        return false;
    }
    now->zero -= before->zero;
    for (size_t i = 0; i < before->n; i++) {
        int64_t at = (int64_t)before->offset + (int64_t)i - now->offset;

        if (before->counts[i] == 0) {
            continue;
        }
        if (at < 0 || at >= (int64_t)now->n || now->counts[at] < before->counts[i]) {
            return false;
        }
        now->counts[at] -= before->counts[i];
    }
    return true;
}

bool
otc_buckets_subtract(struct otc_buckets *now, struct otc_buckets *before)
{
    if (now->kind == OTC_BUCKETS_EXPONENTIAL) {
        if (!subtract_exponential(now, before)) {
            return false;
        }
    } else {
        for (size_t i = 0; i < now->n; i++) {
            if (now->counts[i] < before->counts[i]) {
                return false;
            }
            now->counts[i] -= before->counts[i];
        }
    }
    now->total -= before->total;
    now->has_sum = now->has_sum && before->has_sum;
    now->sum -= before->sum;
    return true;
}
