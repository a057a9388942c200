// SPDX-License-Identifier: Apache-2.0
/**
 * @file A dynamic reference for one evaluation: the integer sum of slots of the past, or of the baseline arm,
 * as reference features. Made under the stage's lock, read without it, immutable meanwhile: slots are.
 */
#ifndef OTC_DRIFT_AGAINST_H
#define OTC_DRIFT_AGAINST_H

#include "processors/drift/binding.h"
#include "processors/drift/history.h"

struct drift_against_settings {
    /** Bins of numeric features. */
    size_t bins;
    /** Records that a feature's reference needs. */
    uint64_t min_observations;
    /** The design effect of the slots is wanted. */
    bool dependence;
};

/** Opaque. */
struct drift_against;

/**
 * For the features of `binding`, which outlives it. `slots`: room for so many. NULL out of memory.
 */
struct drift_against *drift_against_new(const struct drift_binding *binding, size_t slots,
                                        const struct drift_against_settings *settings);
/** Adds the slots that start in [from_ns, to_ns). Under the stage's lock. */
void drift_against_add(struct drift_against *against, const struct drift_history *history, int64_t from_ns,
                       int64_t to_ns);
/** Gives the slots back. Under the stage's lock. NULL is allowed. */
void drift_against_free(struct drift_against *against, struct drift_budget *budget);

/**
 * The reference of a feature, until the next call; NULL when it has fewer records than needed. Without the
 * lock.
 */
const struct otc_reference_feature *drift_against_feature(struct drift_against *against, size_t index);
/** Of the feature asked for last: by how many scales some of its exponential buckets were coarser than the
 * grid. */
uint32_t drift_against_coarser(const struct drift_against *against);
/** Of the categorical feature asked for last: the cell of its i-th category. */
uint32_t drift_against_cell(const struct drift_against *against, size_t category);
/** Of the feature asked for last: its counts in the grid's bins (categories and one more), which are told. */
void drift_against_bins(const struct drift_against *against, uint64_t *out);

/** Of the feature asked for last: its slots' components together, in the grid's cells, or NULL: there are
 * none, or a slot lacks some of its vectors'. Until the next feature. */
const struct otc_components *drift_against_components(struct drift_against *against);

#endif
