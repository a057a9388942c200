// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/packed_components.h"

#include "processors/drift/counts.h"

#include <math.h>
#include <stdlib.h>

struct drift_packed_components {
    size_t n;
    uint64_t vectors;
    /** The vectors; then of each component a mask of its cells that hold something, the count and the sum of
     * each, and its sum of squares. */
    struct otc_buf bytes;
};

/* Above what OTC_EMBEDDING_MAX components take, all cells of each with a count of 10 bytes. */
#define BYTES_MAX ((size_t)4 << 20)

static uint64_t
count_at(const struct drift_components_total *total, const struct drift_components *from, size_t cell)
{
    return total ? total->counts[cell] : from->counts[cell];
}

/* Gives unused memory back; NULL, and all freed, when there was too little. */
static struct drift_packed_components *
fit(struct drift_packed_components *packed)
{
    uint8_t *fitted = packed->bytes.len ? realloc(packed->bytes.data, packed->bytes.len) : NULL;

    if (fitted) {
        packed->bytes.data = fitted;
        packed->bytes.capacity = packed->bytes.len;
    }
    if (packed->bytes.failed) {
        drift_packed_components_free(packed);
        return NULL;
    }
    return packed;
}

/* Of either; without squares they are zeros. */
static void
put(size_t n, uint64_t vectors, const struct drift_components_total *total,
    const struct drift_components *from, struct otc_buf *out)
{
    const double *sums = total ? total->sums : from->sums;
    const double *squares = total ? total->squares : from->squares;

    otc_put_u64(out, vectors);
    for (size_t i = 0; i < n; i++) {
        size_t first = i * OTC_COMPONENT_CELLS;
        uint64_t mask = 0;

        for (size_t c = 0; c < OTC_COMPONENT_CELLS; c++) {
            mask |= (uint64_t)(count_at(total, from, first + c) > 0) << c;
        }
        otc_put_u64(out, mask);
        for (size_t c = 0; c < OTC_COMPONENT_CELLS; c++) {
            if (mask >> c & 1) {
                otc_put_u64(out, count_at(total, from, first + c));
                otc_put_f64(out, sums[first + c]);
            }
        }
        otc_put_f64(out, squares ? squares[i] : 0);
    }
}

static struct drift_packed_components *
pack(size_t n, uint64_t vectors, const struct drift_components_total *total,
     const struct drift_components *from)
{
    struct drift_packed_components *packed = vectors ? calloc(1, sizeof(*packed)) : NULL;

    if (!packed) {
        return NULL;
    }
    packed->n = n;
    packed->vectors = vectors;
    packed->bytes.limit = BYTES_MAX;
    put(n, vectors, total, from, &packed->bytes);
    return fit(packed);
}

struct drift_packed_components *
drift_packed_components_new(const struct drift_components *from)
{
    return from && from->squares ? pack(from->n, from->vectors, NULL, from) : NULL;
}

void
drift_packed_components_free(struct drift_packed_components *packed)
{
    if (packed) {
        otc_buf_release(&packed->bytes);
        free(packed);
    }
}

size_t
drift_packed_components_bytes(const struct drift_packed_components *packed)
{
    return packed ? sizeof(*packed) + packed->bytes.capacity : 0;
}

uint64_t
drift_packed_components_vectors(const struct drift_packed_components *packed)
{
    return packed ? packed->vectors : 0;
}

/* ---- Together ------------------------------------------------------------------------------------- */

bool
drift_components_total_init(struct drift_components_total *total, size_t n)
{
    size_t cells = n * OTC_COMPONENT_CELLS + 1;

    *total = (struct drift_components_total){.n = n,
                                             .counts = calloc(cells, sizeof(*total->counts)),
                                             .sums = calloc(cells, sizeof(*total->sums)),
                                             .squares = calloc(n + 1, sizeof(*total->squares))};
    return total->counts && total->sums && total->squares;
}

void
drift_components_total_release(struct drift_components_total *total)
{
    free(total->counts);
    free(total->sums);
    free(total->squares);
}

/* Adds one component; false when it is none, or its counts are not those of all vectors. */
static bool
add_component(struct otc_reader *in, uint64_t vectors, uint64_t *counts, double *sums, double *squares)
{
    uint64_t mask = otc_take_u64(in), seen = 0;

    for (size_t c = 0; c < OTC_COMPONENT_CELLS; c++) {
        if (mask >> c & 1) {
            uint64_t count = otc_take_u64(in);
            double sum = otc_take_f64(in);

            if (count == 0 || count > vectors - seen || !isfinite(sum)) {
                return false;
            }
            seen += count;
            counts[c] += count;
            sums[c] += sum;
        }
    }
    *squares += otc_take_f64(in);
    return !in->failed && isfinite(*squares) && mask >> OTC_COMPONENT_CELLS == 0 && seen == vectors;
}

void
drift_components_total_add(struct drift_components_total *total, const struct drift_packed_components *packed)
{
    struct otc_reader in = otc_reader_of(packed ? otc_buf_slice(&packed->bytes) : OTC_SLICE_NONE);
    uint64_t vectors = packed ? otc_take_u64(&in) : 0;

    for (size_t i = 0; packed && i < packed->n && i < total->n; i++) {
        size_t first = i * OTC_COMPONENT_CELLS;

        (void)add_component(&in, vectors, total->counts + first, total->sums + first, &total->squares[i]);
    }
    total->vectors += vectors;
}

struct drift_packed_components *
drift_packed_components_merge(const struct drift_packed_components *a,
                              const struct drift_packed_components *b)
{
    struct drift_packed_components *sum = NULL;
    struct drift_components_total total;

    if (!a && !b) {
        return NULL;
    }
    if (drift_components_total_init(&total, a ? a->n : b->n)) {
        drift_components_total_add(&total, a);
        drift_components_total_add(&total, b);
        sum = pack(total.n, total.vectors, &total, NULL);
    }
    drift_components_total_release(&total);
    return sum;
}

struct otc_components
drift_components_total_view(const struct drift_components_total *total,
                            const struct otc_reference_feature *grid, double *deviations)
{
    double vectors = (double)total->vectors;

    for (size_t i = 0; i < total->n; i++) {
        const double *points = grid->components->points + i * OTC_COMPONENT_POINTS;
        double sum = 0, apart; /* sum: of what the values exceed the center by */

        for (size_t c = 0; c < OTC_COMPONENT_CELLS; c++) {
            size_t cell = i * OTC_COMPONENT_CELLS + c;

            sum += total->sums[cell] +
                   (double)total->counts[cell] * (otc_cells_gap_origin(points, c) - grid->center[i]);
        }
        /* The variance from squares about the center: it lies near, so that little cancels. */
        apart = sum / vectors;
        deviations[i] = sqrt(fmax(0, total->squares[i] / vectors - apart * apart));
    }
    return (struct otc_components){.n = total->n,
                                   .vectors = total->vectors,
                                   .deviations = deviations,
                                   .points = grid->components->points,
                                   .counts = total->counts,
                                   .sums = total->sums};
}

/* ---- Across a restart ----------------------------------------------------------------------------- */

struct otc_slice
drift_packed_components_save(const struct drift_packed_components *packed)
{
    return otc_buf_slice(&packed->bytes);
}

void
drift_components_save(const struct drift_components *from, struct otc_buf *out)
{
    put(from->n, from->vectors, NULL, from, out);
}

/* What `total` holds, which is one pane's. */
static bool
copy_total(const struct drift_components_total *total, struct drift_components *to)
{
    for (size_t i = 0; i < total->n * OTC_COMPONENT_CELLS; i++) {
        to->counts[i] = (uint32_t)total->counts[i];
        to->sums[i] = total->sums[i];
    }
    for (size_t i = 0; to->squares && i < total->n; i++) {
        to->squares[i] = total->squares[i];
    }
    to->vectors = total->vectors;
    return total->vectors <= UINT32_MAX;
}

bool
drift_components_load(size_t n, bool squares, struct otc_slice bytes, struct drift_budget *budget,
                      struct drift_components **out)
{
    struct drift_packed_components *packed = drift_packed_components_load(n, bytes);
    struct drift_components_total total = {0};
    bool loaded =
        packed && drift_components_total_init(&total, n) && (*out = drift_components_new(n, squares, budget));

    if (loaded) {
        drift_components_total_add(&total, packed);
        loaded = copy_total(&total, *out);
    }
    drift_components_total_release(&total);
    drift_packed_components_free(packed);
    return loaded;
}

static bool
is_packed(size_t n, struct otc_slice bytes)
{
    struct otc_reader in = otc_reader_of(bytes);
    uint64_t vectors = otc_take_u64(&in), counts[OTC_COMPONENT_CELLS] = {0};
    double sums[OTC_COMPONENT_CELLS] = {0}, squares = 0;

    for (size_t i = 0; i < n; i++) {
        if (!add_component(&in, vectors, counts, sums, &squares)) {
            return false;
        }
    }
    return vectors > 0 && vectors <= INT64_MAX && in.rest.len == 0;
}

struct drift_packed_components *
drift_packed_components_load(size_t n, struct otc_slice bytes)
{
    struct drift_packed_components *packed = is_packed(n, bytes) ? calloc(1, sizeof(*packed)) : NULL;
    struct otc_reader in = otc_reader_of(bytes);

    if (!packed) {
        return NULL;
    }
    packed->n = n;
    packed->bytes.limit = BYTES_MAX;
    packed->vectors = otc_take_u64(&in);
    (void)otc_buf_append_slice(&packed->bytes, bytes);
    return fit(packed);
}
