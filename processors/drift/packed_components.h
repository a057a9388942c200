// SPDX-License-Identifier: Apache-2.0
/**
 * @file The components of embedding vectors in a closed pane (components.h), packed: of each component which
 * of its 16 cells hold something, their counts and sums, and the sum of squares about the grid's center. As
 * many bytes as values when these are few, 9 a cell and 10 a component at most.
 *
 * A slot of the past (packed.h) has them beside its counts, or has not: they are what is left out first when
 * memory gets short, and a slot whose panes do not all have them has none.
 */
#ifndef OTC_DRIFT_PACKED_COMPONENTS_H
#define OTC_DRIFT_PACKED_COMPONENTS_H

#include "processors/drift/components.h"
#include "processors/drift/packed.h"

/** Of one feature. Opaque, immutable. */
struct drift_packed_components;
/** What a pane counted; NULL for none, without sums of squares, or out of memory. */
struct drift_packed_components *drift_packed_components_new(const struct drift_components *from);
/** NULL is allowed. */
void drift_packed_components_free(struct drift_packed_components *packed);
size_t drift_packed_components_bytes(const struct drift_packed_components *packed);
uint64_t drift_packed_components_vectors(const struct drift_packed_components *packed);

/** Both in one; NULL when there are none, or out of memory. Each may be NULL: none. */
struct drift_packed_components *drift_packed_components_merge(const struct drift_packed_components *a,
                                                              const struct drift_packed_components *b);

/** What slots hold together; zero-initialised but for `n` and the arrays, which are the caller's. */
struct drift_components_total {
    size_t n;
    uint64_t vectors;
    uint64_t *counts; /* of n * OTC_COMPONENT_CELLS */
    double *sums;     /* the same */
    double *squares;  /* of n */
};
/** Zeros for `n` components; false out of memory. Release it in any case. */
bool drift_components_total_init(struct drift_components_total *total, size_t n);
void drift_components_total_release(struct drift_components_total *total);
/** NULL adds nothing. */
void drift_components_total_add(struct drift_components_total *total,
                                const struct drift_packed_components *packed);
/**
 * A reference made of what slots hold, in the cells and about the center of `grid`, whose points it borrows;
 * `deviations` is room for n. `total` must outlive it.
 */
struct otc_components drift_components_total_view(const struct drift_components_total *total,
                                                  const struct otc_reference_feature *grid,
                                                  double *deviations);

/** The bytes of what a pane counted, in the same form, and back into `*out`, made and paid for. False: not
 * what was written, or no memory. */
void drift_components_save(const struct drift_components *from, struct otc_buf *out);
OTC_CHECK bool drift_components_load(size_t n, bool squares, struct otc_slice bytes,
                                     struct drift_budget *budget, struct drift_components **out);

/** The bytes, for a restart, and back: NULL for what cannot have been written of `n` components, or out of
 * memory. */
struct otc_slice drift_packed_components_save(const struct drift_packed_components *packed);
struct drift_packed_components *drift_packed_components_load(size_t n, struct otc_slice bytes);

#endif
