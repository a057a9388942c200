// SPDX-License-Identifier: Apache-2.0
/**
 * @file A closed pane, packed: what was counted in the cells of a grid, for as long as it may serve as a
 * reference.
 *
 * Two to four bytes a cell that has a count: the distance to the cell before, and the count, as varints (7
 * bits a byte, low first). Sums of values are kept of the two outer gaps alone. Immutable but for `refs`,
 * which the stage's lock guards; so it can be read without the lock by who holds a reference.
 */
#ifndef OTC_DRIFT_PACKED_H
#define OTC_DRIFT_PACKED_H

#include "common/base/codec.h"
#include "processors/drift/counts.h"

struct drift_packed_components;

/** One feature, in the order of the binding. */
struct drift_packed_feature {
    uint64_t values, invalid, overflow, missing;
    uint32_t coarser;
    /** Numeric with sums: as otc_cells::outer_sums. */
    double outer_sums[2];
    /** Where its cells are. */
    uint32_t at, len;
};

struct drift_packed {
    unsigned refs;
    uint32_t n;
    /** Of features that do not count their own. */
    uint64_t records;
    /** Of all this, once finished: what the holder charges. */
    size_t bytes;
    struct drift_packed_feature *features;
    struct otc_buf cells;
    /** Of embedding vectors (packed_components.h), by feature, NULL: none; NULL when no feature has any. */
    struct drift_packed_components **components;
};

/** Counts of one feature, to be packed or to be added to. */
struct drift_unpacked {
    /** `missing` and `coarser` as in drift_counts. */
    uint64_t values, invalid, overflow, missing;
    uint32_t coarser;
    double outer_sums[2];
    /** One for each cell of the feature's shape. */
    uint64_t *cells;
};

/** Nothing yet, of `n` features; one reference. NULL out of memory. */
struct drift_packed *drift_packed_new(size_t n);
/** Packs feature `index`, once. */
void drift_packed_put(struct drift_packed *packed, size_t index, const struct drift_unpacked *from,
                      uint32_t cells);
/** The same of its components, which are taken over; NULL is allowed. Out of memory they are dropped. */
void drift_packed_put_components(struct drift_packed *packed, size_t index,
                                 struct drift_packed_components *components);
/** Those of a feature, or NULL. */
const struct drift_packed_components *drift_packed_components_of(const struct drift_packed *packed,
                                                                 size_t index);
/** Frees all components; `bytes` tells what is left. */
void drift_packed_drop_components(struct drift_packed *packed);
/** No more to put: gives unused memory back and tells `bytes`. False when memory was short: free it. */
bool drift_packed_finish(struct drift_packed *packed);
/** Adds a feature up: everything of `to` += what is packed. */
void drift_packed_sum(const struct drift_packed *packed, size_t index, struct drift_unpacked *to);
/** All of it as bytes, for a restart. */
void drift_packed_save(const struct drift_packed *packed, struct otc_buf *out);
/** What was saved of `n` features, finished, with one reference; `cells[i]` is how many cells feature i has
 * at most. NULL: no memory, or not what was saved. */
struct drift_packed *drift_packed_load(size_t n, uint32_t (*cells)(const void *arg, size_t index),
                                       const void *arg, struct otc_reader *in);
/** Frees; charges nothing back. NULL is allowed. */
void drift_packed_free(struct drift_packed *packed);

#endif
