// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/packed.h"

#include "processors/drift/packed_components.h"

#include <stdlib.h>

/* Far above what a pane can need: 10 bytes of count and 5 of distance a cell. */
#define CELLS_BYTES_MAX ((size_t)1 << 31)

static void
put(struct otc_buf *out, uint64_t value)
{
    while (value >= 128) {
        (void)otc_buf_append_byte(out, (uint8_t)(value | 128));
        value >>= 7;
    }
    (void)otc_buf_append_byte(out, (uint8_t)value);
}

static uint64_t
take(const uint8_t **at)
{
    uint64_t value = 0;
    unsigned shift = 0;

    do {
        value |= (uint64_t)(**at & 127) << shift;
        shift += 7;
    } while (*(*at)++ & 128);
    return value;
}

struct drift_packed *
drift_packed_new(size_t n)
{
    struct drift_packed *packed = calloc(1, sizeof(*packed));

    if (!packed) {
        return NULL;
    }
    packed->refs = 1;
    packed->n = (uint32_t)n;
    packed->cells.limit = CELLS_BYTES_MAX;
    packed->features = calloc(n + 1, sizeof(*packed->features));
    if (!packed->features) {
        free(packed);
        return NULL;
    }
    return packed;
}

void
drift_packed_put(struct drift_packed *packed, size_t index, const struct drift_unpacked *from, uint32_t cells)
{
    size_t at = packed->cells.len;
    uint32_t last = 0;

    for (uint32_t c = 0; c < cells; c++) {
        if (from->cells[c]) {
            put(&packed->cells, c - last);
            put(&packed->cells, from->cells[c]);
            last = c;
        }
    }
    packed->features[index] =
        (struct drift_packed_feature){.values = from->values,
                                      .invalid = from->invalid,
                                      .overflow = from->overflow,
                                      .missing = from->missing,
                                      .coarser = from->coarser,
                                      .outer_sums = {from->outer_sums[0], from->outer_sums[1]},
                                      .at = (uint32_t)at,
                                      .len = (uint32_t)(packed->cells.len - at)};
}

void
drift_packed_put_components(struct drift_packed *packed, size_t index,
                            struct drift_packed_components *components)
{
    if (components && !packed->components) {
        packed->components = calloc(packed->n, sizeof(struct drift_packed_components *));
    }
    if (components && packed->components) {
        packed->components[index] = components;
    } else {
        drift_packed_components_free(components);
    }
}

const struct drift_packed_components *
drift_packed_components_of(const struct drift_packed *packed, size_t index)
{
    return packed->components ? packed->components[index] : NULL;
}

static size_t
components_bytes(const struct drift_packed *packed)
{
    size_t bytes = packed->components ? packed->n * sizeof(struct drift_packed_components *) : 0;

    for (uint32_t i = 0; packed->components && i < packed->n; i++) {
        bytes += drift_packed_components_bytes(packed->components[i]);
    }
    return bytes;
}

static void
free_components(struct drift_packed *packed)
{
    for (uint32_t i = 0; packed->components && i < packed->n; i++) {
        drift_packed_components_free(packed->components[i]);
    }
    free(packed->components);
    packed->components = NULL;
}

void
drift_packed_drop_components(struct drift_packed *packed)
{
    packed->bytes -= components_bytes(packed);
    free_components(packed);
}

bool
drift_packed_finish(struct drift_packed *packed)
{
    struct otc_buf *cells = &packed->cells;
    uint8_t *fitted = cells->len ? realloc(cells->data, cells->len) : NULL;

    if (fitted) {
        cells->data = fitted;
        cells->capacity = cells->len;
    }
    packed->bytes = sizeof(*packed) + (packed->n + 1) * sizeof(*packed->features) + cells->capacity +
                    components_bytes(packed);
    return !cells->failed;
}

void
drift_packed_sum(const struct drift_packed *packed, size_t index, struct drift_unpacked *to)
{
    const struct drift_packed_feature *feature = &packed->features[index];
    const uint8_t *at = packed->cells.data + feature->at, *end = at + feature->len;
    size_t cell = 0;

    while (at < end) {
        cell += take(&at);
        to->cells[cell] += take(&at);
    }
    to->values += feature->values;
    to->invalid += feature->invalid;
    to->overflow += feature->overflow;
    to->missing += feature->missing;
    to->coarser = feature->coarser > to->coarser ? feature->coarser : to->coarser;
    to->outer_sums[0] += feature->outer_sums[0];
    to->outer_sums[1] += feature->outer_sums[1];
}

void
drift_packed_save(const struct drift_packed *packed, struct otc_buf *out)
{
    otc_put_u64(out, packed->records);
    for (uint32_t i = 0; i < packed->n; i++) {
        const struct drift_packed_feature *feature = &packed->features[i];

        otc_put_u64(out, feature->values);
        otc_put_u64(out, feature->invalid);
        otc_put_u64(out, feature->overflow);
        otc_put_u64(out, feature->missing);
        otc_put_u64(out, feature->coarser);
        otc_put_f64(out, feature->outer_sums[0]);
        otc_put_f64(out, feature->outer_sums[1]);
        otc_put_bytes(
            out, otc_slice_skip(otc_slice_of(packed->cells.data, feature->at + feature->len), feature->at));
    }
}

/* Whether these bytes are cells below `limit`, each once and with a count. */
static bool
are_cells(struct otc_slice bytes, uint32_t limit)
{
    struct otc_reader in = otc_reader_of(bytes);
    uint64_t cell = 0;
    bool first = true;

    while (in.rest.len > 0) {
        uint64_t distance = otc_take_u64(&in), count = otc_take_u64(&in);

        cell += distance;
        if (in.failed || count == 0 || distance >= limit || cell >= limit || (distance == 0 && !first)) {
            return false;
        }
        first = false;
    }
    return true;
}

static bool
load_feature(struct drift_packed *packed, size_t index, uint32_t limit, struct otc_reader *in)
{
    struct drift_packed_feature *feature = &packed->features[index];
    struct otc_slice cells;

    feature->values = otc_take_u64(in);
    feature->invalid = otc_take_u64(in);
    feature->overflow = otc_take_u64(in);
    feature->missing = otc_take_u64(in);
    feature->coarser = (uint32_t)otc_take_u64(in);
    feature->outer_sums[0] = otc_take_f64(in);
    feature->outer_sums[1] = otc_take_f64(in);
    cells = otc_take_bytes(in);
    feature->at = (uint32_t)packed->cells.len;
    feature->len = (uint32_t)cells.len;
    return !in->failed && are_cells(cells, limit) && otc_buf_append_slice(&packed->cells, cells);
}

struct drift_packed *
drift_packed_load(size_t n, uint32_t (*cells)(const void *arg, size_t index), const void *arg,
                  struct otc_reader *in)
{
    struct drift_packed *packed = drift_packed_new(n);
    bool loaded = packed != NULL;

    if (packed) {
        packed->records = otc_take_u64(in);
    }
    for (size_t i = 0; loaded && i < n; i++) {
        loaded = load_feature(packed, i, cells(arg, i), in);
    }
    if (!loaded || !drift_packed_finish(packed)) {
        drift_packed_free(packed);
        return NULL;
    }
    return packed;
}

void
drift_packed_free(struct drift_packed *packed)
{
    if (packed) {
        free_components(packed);
        free(packed->features);
        otc_buf_release(&packed->cells);
        free(packed);
    }
}
