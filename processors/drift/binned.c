// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/binned.h"

#include "common/stats/cells_binned.h"

static void
count_cell(struct drift_version *version, size_t index, uint32_t cell, uint64_t n,
           struct drift_counts *counts)
{
    const struct drift_bound *bound = &version->binding->features[index];
    struct drift_feature *feature = &version->features[index];

    if (n == 0) {
        return;
    }
    if (n <= UINT32_MAX &&
        drift_counts_add_n(counts, bound->shape, cell, 0, (uint32_t)n, &version->owner->budget)) {
        feature->values += n;
        counts->values += n;
        feature->out_of_range += cell < bound->first_full || cell > bound->last_full ? n : 0;
    } else {
        feature->overflow += n;
        counts->overflow += n;
        version->excluded[DRIFT_MEMORY] += n;
    }
}

/* True when the bounds are the points of the reference. */
static bool
has_bounds(const struct otc_reference_feature *reference, const struct otc_buckets *buckets)
{
    const struct otc_cells *cells = &reference->cells;

    return reference->binned == OTC_BINNED_EXPLICIT && buckets->n == cells->n + 1 &&
           memcmp(buckets->bounds, cells->points, cells->n * sizeof(*cells->points)) == 0;
}

/* The cell of the bucket of this index, at the reference's scale: below its boundaries, between or above. */
static uint32_t
exponential_cell(const struct drift_bound *bound, int64_t index)
{
    int64_t last = (int64_t)bound->reference->cells.n;
    int64_t gap = index - bound->first_index + 2;

    gap = gap < 1 ? 1 : gap > last ? last : gap;
    return (uint32_t)(2 * gap);
}

static void
count_exponential(struct drift_version *version, size_t index, const struct otc_buckets *buckets,
                  struct drift_counts *counts)
{
    const struct drift_bound *bound = &version->binding->features[index];
    int32_t finer = buckets->scale - bound->reference->scale;
    uint32_t coarser = finer < 0 ? (uint32_t)-finer : 0;

    if (coarser > counts->coarser) {
        counts->coarser = coarser;
    }
    count_cell(version, index, 1, buckets->zero, counts);
    for (size_t i = 0; i < buckets->n; i++) {
        int64_t at = (int64_t)buckets->offset + (int64_t)i;

        at = finer >= 0 ? at >> finer : (at + 1) * ((int64_t)1 << coarser) - 1;
        count_cell(version, index, exponential_cell(bound, at), buckets->counts[i], counts);
    }
}

void
drift_count_buckets(struct drift_version *version, size_t index, const struct otc_buckets *buckets,
                    struct drift_counts *counts)
{
    const struct otc_reference_feature *reference = version->binding->features[index].reference;

    if (buckets->kind == OTC_BUCKETS_EXPONENTIAL && reference->binned == OTC_BINNED_EXPONENTIAL) {
        count_exponential(version, index, buckets, counts);
    } else if (buckets->kind == OTC_BUCKETS_EXPLICIT && has_bounds(reference, buckets)) {
        for (size_t i = 0; i < buckets->n; i++) {
            count_cell(version, index, (uint32_t)(2 * i), buckets->counts[i], counts);
        }
    } else {
        version->excluded[DRIFT_BOUNDS] += buckets->total;
    }
}

/* ---- Coarser than the reference ------------------------------------------------------------------- */

/* Zero is a bound at each scale; others are at the coarser one when their index is a multiple. */
static bool
stays(const struct drift_bound *bound, uint32_t by, size_t point)
{
    int64_t index = (int64_t)bound->first_index + (int64_t)point - 1;

    return point == 0 || by == 0 || (by < 63 && index % ((int64_t)1 << by) == 0);
}

size_t
drift_merge_cells(const struct drift_bound *bound, uint32_t by, uint64_t *cells)
{
    size_t points = bound->reference->cells.n, n = 0;

    for (size_t i = 0; i <= points; i++) {
        uint64_t gap = cells[2 * i], at = i < points ? cells[2 * i + 1] : 0;

        cells[2 * i] = 0;
        cells[2 * n] += gap;
        if (i < points && stays(bound, by, i)) {
            cells[2 * i + 1] = 0;
            cells[2 * n + 1] = at;
            n++;
        }
    }
    return n;
}

void *
drift_coarsen(const struct drift_bound *bound, uint32_t by, struct otc_reference_feature *reference)
{
    const struct otc_cells from = reference->cells;
    size_t n = 0, n_edges = reference->n_edges;
    double *points = calloc(3 * (from.n + 1) + n_edges, sizeof(*points));
    uint64_t *eq = (uint64_t *)(void *)(points ? points + from.n + 1 : NULL);
    uint64_t *gap = points ? eq + from.n + 1 : NULL;

    if (!points) {
        return NULL;
    }
    for (size_t i = 0; i <= from.n; i++) {
        gap[n] += from.gap[i];
        if (i < from.n && stays(bound, by, i)) {
            points[n] = from.points[i];
            eq[n++] = from.eq[i];
        }
    }
    reference->cells =
        (struct otc_cells){.points = points, .eq = eq, .gap = gap, .n = n, .total = from.total};
    reference->edges = points + 3 * (from.n + 1);
    reference->n_edges = otc_edges_binned(&reference->cells, n_edges + 1, reference->edges);
    return points;
}
