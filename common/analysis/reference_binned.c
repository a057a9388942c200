// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference_binned.h"

#include "common/analysis/evaluate.h"
#include "common/analysis/reference_points.h"
#include "common/stats/cells_binned.h"
#include "common/stats/exponential_histogram.h"

#include <math.h>
#include <stdlib.h>

/** Width of a slice to begin with. */
#define FIRST_WIDTH_NS INT64_C(1000000000)

struct slice {
    int64_t index; /* time / width, rounded down */
    uint64_t total;
    uint64_t *counts;                     /* explicit */
    struct otc_exp_histogram exponential; /* else */
};

struct otc__binned {
    enum otc_buckets_kind kind;
    double *bounds; /* explicit */
    size_t n;       /* counts */
    int64_t width_ns;
    struct slice slices[OTC__BINNED_SLICES]; /* by time */
    size_t n_slices;
    uint64_t total;
    double sum;
    bool has_sum;
};

struct otc__binned *
otc__binned_new(const struct otc_buckets *like)
{
    struct otc__binned *binned = calloc(1, sizeof(*binned));

    if (!binned) {
        return NULL;
    }
    binned->kind = like->kind;
    binned->width_ns = FIRST_WIDTH_NS;
    binned->has_sum = true;
    if (like->kind == OTC_BUCKETS_EXPLICIT) {
        binned->n = like->n;
        binned->bounds = malloc(like->n * sizeof(*binned->bounds));
        if (!binned->bounds) {
            free(binned);
            return NULL;
        }
        memcpy(binned->bounds, like->bounds, (like->n - 1) * sizeof(*binned->bounds));
    }
    return binned;
}

static void
release_slice(struct slice *slice)
{
    free(slice->counts);
    otc_exp_histogram_release(&slice->exponential);
}

void
otc__binned_free(struct otc__binned *binned)
{
    if (!binned) {
        return;
    }
    for (size_t i = 0; i < binned->n_slices; i++) {
        release_slice(&binned->slices[i]);
    }
    free(binned->bounds);
    free(binned);
}

size_t
otc_reference_binned_bytes(const struct otc_buckets *like)
{
    size_t counts = like->kind == OTC_BUCKETS_EXPLICIT ? like->n : OTC__BINNED_BUCKETS;

    return sizeof(struct otc__binned) + (OTC__BINNED_SLICES + 1) * counts * sizeof(uint64_t);
}

bool
otc__binned_takes(const struct otc__binned *binned, const struct otc_buckets *buckets)
{
    const struct otc_buckets own = {.kind = binned->kind, .bounds = binned->bounds, .n = binned->n};

    return otc_buckets_comparable(&own, buckets);
}

/* ---- Slices --------------------------------------------------------------------------------------- */

static bool
add_to_slice(struct slice *slice, const struct otc_buckets *buckets)
{
    size_t first = 0, last = buckets->n;
    struct otc_exp_histogram from;

    if (buckets->kind == OTC_BUCKETS_EXPLICIT) {
        for (size_t i = 0; i < buckets->n; i++) {
            slice->counts[i] += buckets->counts[i];
        }
        slice->total += buckets->total;
        return true;
    }
    while (first < last && buckets->counts[first] == 0) {
        first++;
    }
    while (last > first && buckets->counts[last - 1] == 0) {
        last--;
    }
    from = (struct otc_exp_histogram){.scale = buckets->scale,
                                      .max_scale = buckets->scale,
                                      .max_buckets = (uint32_t)buckets->n,
                                      .offset = buckets->offset + (int32_t)first,
                                      .n_buckets = (uint32_t)(last - first),
                                      .capacity = (uint32_t)(last - first),
                                      .counts = buckets->counts + first,
                                      .zero_count = buckets->zero,
                                      .count = buckets->total};
    slice->total += buckets->total;
    return otc_exp_histogram_merge(&slice->exponential, &from);
}

/* Adds the later slice to the earlier one and ends it. */
static bool
join(const struct otc__binned *binned, struct slice *into, struct slice *from)
{
    bool joined = true;

    into->total += from->total;
    if (binned->kind == OTC_BUCKETS_EXPLICIT) {
        for (size_t i = 0; i < binned->n; i++) {
            into->counts[i] += from->counts[i];
        }
    } else {
        joined = otc_exp_histogram_merge(&into->exponential, &from->exponential);
    }
    release_slice(from);
    return joined;
}

/* Slices twice as wide. */
static bool
widen(struct otc__binned *binned)
{
    size_t n = 0;
    bool done = true;

    binned->width_ns *= 2;
    for (size_t i = 0; i < binned->n_slices; i++) {
        struct slice *slice = &binned->slices[i];

        slice->index >>= 1;
        if (n > 0 && binned->slices[n - 1].index == slice->index) {
            done = join(binned, &binned->slices[n - 1], slice) && done;
        } else {
            binned->slices[n++] = *slice;
        }
    }
    binned->n_slices = n;
    return done;
}

static bool
init_slice(const struct otc__binned *binned, struct slice *slice, int64_t index)
{
    *slice = (struct slice){.index = index};
    otc_exp_histogram_init(&slice->exponential, OTC_EXP_SCALE_MAX, OTC__BINNED_BUCKETS);
    if (binned->kind == OTC_BUCKETS_EXPLICIT) {
        slice->counts = calloc(binned->n, sizeof(*slice->counts));
    }
    return binned->kind == OTC_BUCKETS_EXPONENTIAL || slice->counts;
}

/* The slice of a time, made when it is new. */
static struct slice *
slice_of(struct otc__binned *binned, int64_t time_ns)
{
    for (;;) {
        int64_t index = time_ns / binned->width_ns - (time_ns % binned->width_ns < 0);
        size_t at = binned->n_slices;

        while (at > 0 && binned->slices[at - 1].index >= index) {
            at--;
        }
        if (at < binned->n_slices && binned->slices[at].index == index) {
            return &binned->slices[at];
        }
        if (binned->n_slices < OTC__BINNED_SLICES) {
            struct slice fresh;

            if (!init_slice(binned, &fresh, index)) {
                return NULL;
            }
            memmove(&binned->slices[at + 1], &binned->slices[at],
                    (binned->n_slices - at) * sizeof(binned->slices[0]));
            binned->slices[at] = fresh;
            binned->n_slices++;
            return &binned->slices[at];
        }
        if (!widen(binned)) {
            return NULL;
        }
    }
}

bool
otc__binned_add(struct otc__binned *binned, const struct otc_buckets *buckets, int64_t time_ns)
{
    struct slice *slice = slice_of(binned, time_ns);

    if (!slice || !add_to_slice(slice, buckets)) {
        return false;
    }
    binned->total += buckets->total;
    binned->has_sum = binned->has_sum && buckets->has_sum;
    binned->sum += buckets->sum;
    return true;
}

/* ---- Finishing ------------------------------------------------------------------------------------ */

static bool
allocate_cells(struct otc_arena *arena, size_t points, double **kept, uint64_t **eq, uint64_t **gap)
{
    *kept = otc_arena_alloc(arena, (points + 1) * sizeof(**kept));
    *eq = otc_arena_alloc(arena, (points + 1) * sizeof(**eq));
    *gap = otc_arena_alloc(arena, (points + 1) * sizeof(**gap));
    return *kept && *eq && *gap;
}

static bool
explicit_cells(const struct otc__binned *binned, struct otc_arena *arena, struct otc_reference_feature *out)
{
    double *points;
    uint64_t *eq, *gap;

    if (!allocate_cells(arena, binned->n - 1, &points, &eq, &gap)) {
        return false;
    }
    memcpy(points, binned->bounds, (binned->n - 1) * sizeof(*points));
    for (size_t s = 0; s < binned->n_slices; s++) {
        for (size_t i = 0; i < binned->n; i++) {
            gap[i] += binned->slices[s].counts[i];
        }
    }
    out->cells = (struct otc_cells){
        .points = points, .eq = eq, .gap = gap, .n = binned->n - 1, .total = binned->total};
    out->binned = OTC_BINNED_EXPLICIT;
    return true;
}

/* All slices at one scale. */
static bool
sum_slices(const struct otc__binned *binned, struct otc_exp_histogram *all)
{
    otc_exp_histogram_init(all, OTC_EXP_SCALE_MAX, OTC__BINNED_BUCKETS);
    for (size_t s = 0; s < binned->n_slices; s++) {
        if (!otc_exp_histogram_merge(all, &binned->slices[s].exponential)) {
            return false;
        }
    }
    return true;
}

/* Zero is a point of its own; then the boundaries of the buckets. */
static bool
exponential_cells(const struct otc_exp_histogram *all, struct otc_arena *arena,
                  struct otc_reference_feature *out)
{
    size_t n = 1;
    double *points;
    uint64_t *eq, *gap;

    if (!allocate_cells(arena, all->n_buckets + 2, &points, &eq, &gap)) {
        return false;
    }
    eq[0] = all->zero_count;
    for (uint32_t i = 0; all->n_buckets > 0 && i <= all->n_buckets; i++) {
        double boundary = otc_exp_boundary(all->offset + (int32_t)i, all->scale);

        if (isfinite(boundary) && boundary > points[n - 1]) {
            points[n++] = boundary;
        }
        gap[n] += i < all->n_buckets ? all->counts[i] : 0;
    }
    out->cells = (struct otc_cells){.points = points, .eq = eq, .gap = gap, .n = n, .total = all->count};
    out->binned = OTC_BINNED_EXPONENTIAL;
    out->scale = all->scale;
    return true;
}

/* The gap between points that a bucket lies in. Boundaries that are no doubles of their own (0, infinity, or
 * equal ones among the subnormal) are no points: their buckets share a gap. */
static size_t
gap_of(const struct otc_cells *cells, int32_t bucket, int32_t scale)
{
    return (otc_cells_find(cells, otc_exp_boundary(bucket, scale)) + 1) / 2;
}

/* Mean rank of a slice's values in the whole, whose cells and scale these are. */
static bool
slice_rank(const struct otc__binned *binned, const struct slice *slice, const double *ranks,
           const struct otc_cells *cells, int32_t scale, double *out)
{
    struct otc_exp_histogram copy;
    double sum = 0;

    if (binned->kind == OTC_BUCKETS_EXPLICIT) {
        for (size_t i = 0; i < binned->n; i++) {
            sum += (double)slice->counts[i] * ranks[2 * i];
        }
        *out = sum / (double)slice->total;
        return true;
    }
    if (!otc_exp_histogram_copy(&slice->exponential, OTC__BINNED_BUCKETS, &copy)) {
        return false;
    }
    otc_exp_histogram_downscale(&copy, (uint32_t)(copy.scale - scale));
    sum = (double)copy.zero_count * ranks[1];
    for (uint32_t i = 0; i < copy.n_buckets; i++) {
        sum += (double)copy.counts[i] * ranks[2 * gap_of(cells, copy.offset + (int32_t)i, scale)];
    }
    otc_exp_histogram_release(&copy);
    *out = sum / (double)slice->total;
    return true;
}

/* Neighbouring slices become at most OTC__TIME_BLOCKS blocks of about equal numbers of observations. */
static size_t
gather_blocks(const struct otc__binned *binned, const double *means, struct otc_time_block *blocks)
{
    double done = 0;
    size_t n = 0;

    for (size_t s = 0; s < binned->n_slices; s++) {
        double m = (double)binned->slices[s].total;
        struct otc_time_block *block = &blocks[n];

        if (m > 0) {
            block->mean_rank = ((double)block->observations * block->mean_rank + m * means[s]) /
                               ((double)block->observations + m);
            block->observations += binned->slices[s].total;
            done += m;
        }
        if (block->observations > 0 && (s + 1 == binned->n_slices ||
                                        done >= (double)(n + 1) / OTC__TIME_BLOCKS * (double)binned->total)) {
            n++;
        }
    }
    return n;
}

static bool
measure_dependence(const struct otc__binned *binned, const struct otc_exp_histogram *all,
                   struct otc_arena *arena, struct otc_reference_feature *out)
{
    const struct otc_cells *cells = &out->cells;
    double *ranks = calloc(2 * cells->n + 4, sizeof(*ranks));
    double means[OTC__BINNED_SLICES] = {0}, block_means[OTC__TIME_BLOCKS + 1];
    uint64_t block_counts[OTC__TIME_BLOCKS + 1];
    double sum = 0, squares = 0, n = (double)cells->total, origin = NAN;
    bool done = ranks != NULL;

    out->time_blocks = otc_arena_alloc(arena, (OTC__TIME_BLOCKS + 1) * sizeof(*out->time_blocks));
    if (!done || !out->time_blocks) {
        free(ranks);
        return false;
    }
    otc_mid_ranks(cells, ranks);
    for (size_t c = 0; c <= 2 * cells->n; c++) {
        double count = (double)(c % 2 ? cells->eq[c / 2] : cells->gap[c / 2]);

        origin = count > 0 && isnan(origin) ? ranks[c] : origin;
        sum += count > 0 ? count * (ranks[c] - origin) : 0;
        squares += count > 0 ? count * (ranks[c] - origin) * (ranks[c] - origin) : 0;
    }
    for (size_t s = 0; done && s < binned->n_slices; s++) {
        done = binned->slices[s].total == 0 ||
               slice_rank(binned, &binned->slices[s], ranks, cells, all->scale, &means[s]);
    }
    out->n_time_blocks = done ? gather_blocks(binned, means, out->time_blocks) : 0;
    for (size_t b = 0; b < out->n_time_blocks; b++) {
        block_means[b] = out->time_blocks[b].mean_rank;
        block_counts[b] = out->time_blocks[b].observations;
    }
    out->design_effect = otc_design_effect(block_means, block_counts, out->n_time_blocks,
                                           n > 0 ? squares / n - (sum / n) * (sum / n) : 0);
    free(ranks);
    return done;
}

static bool
fill(const struct otc__binned *binned, const struct otc_exp_histogram *all, size_t bins,
     struct otc_arena *arena, struct otc_reference_feature *out)
{
    if (!(binned->kind == OTC_BUCKETS_EXPLICIT ? explicit_cells(binned, arena, out)
                                               : exponential_cells(all, arena, out))) {
        return false;
    }
    out->observations = binned->total;
    out->design_effect = 1;
    out->edges = otc_arena_alloc(arena, (bins + 1) * sizeof(*out->edges));
    if (!out->edges) {
        return false;
    }
    if (binned->total == 0) {
        return true;
    }
    out->n_edges = otc_edges_binned(&out->cells, bins, out->edges);
    otc_cells_binned_range(&out->cells, &out->min, &out->max);
    otc_cells_binned_moments(&out->cells, &out->mean, &out->standard_deviation);
    if (binned->has_sum && isfinite(binned->sum)) {
        out->mean = binned->sum / (double)binned->total;
    }
    return measure_dependence(binned, all, arena, out);
}

bool
otc__binned_finish(struct otc__binned *binned, size_t bins, struct otc_arena *arena,
                   struct otc_reference_feature *out)
{
    struct otc_exp_histogram all;
    bool done = sum_slices(binned, &all) && fill(binned, &all, bins, arena, out);

    otc_exp_histogram_release(&all);
    return done;
}

/* ---- Across a restart ----------------------------------------------------------------------------- */

static void
save_slice(const struct otc__binned *binned, const struct slice *slice, struct otc_buf *out)
{
    const struct otc_exp_histogram *exponential = &slice->exponential;
    bool explicit = binned->kind == OTC_BUCKETS_EXPLICIT;
    const uint64_t *counts = explicit ? slice->counts : exponential->counts;
    size_t n = explicit ? binned->n : exponential->n_buckets;

    otc_put_i64(out, slice->index);
    if (!explicit) {
        otc_put_i64(out, exponential->scale);
        otc_put_i64(out, exponential->offset);
        otc_put_u64(out, exponential->zero_count);
        otc_put_u64(out, n);
    }
    for (size_t i = 0; i < n; i++) {
        otc_put_u64(out, counts[i]);
    }
}

void
otc__binned_save(const struct otc__binned *binned, struct otc_buf *out)
{
    bool explicit = binned->kind == OTC_BUCKETS_EXPLICIT;

    otc_put_bytes(out, explicit ? otc_slice_of(binned->bounds, (binned->n - 1) * sizeof(*binned->bounds))
                                : OTC_SLICE_NONE);
    otc_put_bool(out, binned->has_sum);
    otc_put_f64(out, binned->sum);
    otc_put_i64(out, binned->width_ns);
    otc_put_u64(out, binned->n_slices);
    for (size_t i = 0; i < binned->n_slices; i++) {
        save_slice(binned, &binned->slices[i], out);
    }
}

static bool
load_explicit(const struct otc__binned *binned, struct slice *slice, struct otc_reader *in)
{
    for (size_t i = 0; i < binned->n; i++) {
        slice->counts[i] = otc_take_u64(in);
        slice->total += slice->counts[i];
    }
    return !in->failed;
}

static bool
load_exponential(struct slice *slice, struct otc_reader *in)
{
    struct otc_buckets buckets = {.kind = OTC_BUCKETS_EXPONENTIAL};
    uint64_t counts[OTC__BINNED_BUCKETS] = {0};
    int64_t scale = otc_take_i64(in), offset = otc_take_i64(in);

    buckets.zero = otc_take_u64(in);
    buckets.n = otc_take_count(in, 1);
    if (in->failed || buckets.n > OTC__BINNED_BUCKETS || scale < OTC_EXP_SCALE_MIN ||
        scale > OTC_EXP_SCALE_MAX || offset < INT32_MIN || offset >= INT32_MAX - OTC__BINNED_BUCKETS) {
        return false;
    }
    buckets.scale = (int32_t)scale;
    buckets.offset = (int32_t)offset;
    buckets.counts = counts;
    buckets.total = buckets.zero;
    for (size_t i = 0; i < buckets.n; i++) {
        counts[i] = otc_take_u64(in);
        buckets.total += counts[i];
    }
    return !in->failed && add_to_slice(slice, &buckets);
}

/* Slices come by time, at times that there are. */
static bool
load_slice(struct otc__binned *binned, struct otc_reader *in)
{
    struct slice *slice = &binned->slices[binned->n_slices];
    int64_t index = otc_take_i64(in);

    if (index < INT64_MIN / binned->width_ns || index > INT64_MAX / binned->width_ns ||
        (binned->n_slices > 0 && index <= slice[-1].index) || !init_slice(binned, slice, index)) {
        return false;
    }
    binned->n_slices++;
    if (!(binned->kind == OTC_BUCKETS_EXPLICIT ? load_explicit(binned, slice, in)
                                               : load_exponential(slice, in))) {
        return false;
    }
    binned->total += slice->total;
    return true;
}

struct otc__binned *
otc__binned_load(struct otc_reader *in)
{
    struct otc_slice bytes = otc_take_bytes(in);
    double bounds[OTC_BUCKETS_MAX] = {0};
    const struct otc_buckets like = {.kind = bytes.len ? OTC_BUCKETS_EXPLICIT : OTC_BUCKETS_EXPONENTIAL,
                                     .bounds = bounds,
                                     .n = bytes.len / sizeof(*bounds) + 1};
    struct otc__binned *binned;
    bool done;
    size_t n;

    if (bytes.len % sizeof(*bounds) != 0 || like.n > OTC_BUCKETS_MAX) {
        return NULL;
    }
    if (bytes.len > 0) {
        memcpy(bounds, bytes.data, bytes.len);
    }
    binned = otc_bounds_ascend(bounds, like.n - 1) ? otc__binned_new(&like) : NULL;
    if (!binned) {
        return NULL;
    }
    binned->has_sum = otc_take_bool(in);
    binned->sum = otc_take_f64(in);
    binned->width_ns = otc_take_i64(in);
    n = otc_take_count(in, 2);
    done = binned->width_ns >= FIRST_WIDTH_NS && n <= OTC__BINNED_SLICES;
    for (size_t i = 0; done && i < n; i++) {
        done = load_slice(binned, in);
    }
    if (done && !in->failed) {
        return binned;
    }
    otc__binned_free(binned);
    return NULL;
}
