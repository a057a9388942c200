// SPDX-License-Identifier: Apache-2.0
/** @file A reference joined with what the configuration watches: which observation is counted in which cells.
 */
#ifndef OTC_DRIFT_BINDING_H
#define OTC_DRIFT_BINDING_H

#include "common/analysis/features.h"
#include "common/base/map.h"
#include "processors/drift/counts.h"

/** What is counted of a value: itself as a number or a category, its distance to the reference's mean vector,
 * the share of its words that the reference knows. */
enum drift_measure { DRIFT_NUMBER, DRIFT_CATEGORY, DRIFT_DISTANCE, DRIFT_FAMILIAR };

/** A feature that is compared. */
struct drift_bound {
    const struct otc_reference_feature *reference;
    enum otc_feature_kind kind;
    enum drift_measure measure;
    struct drift_shape shape;
    /** Categorical: canonical text to index + 1. Unknown texts get cells from `n_categories + 1` on, `extra`
     * of them. */
    struct otc_map *categories;
    uint32_t extra;
    /** It comes from data points of metrics, each of which shows one feature: it counts its own records. */
    bool apart;
    /** Binned: the lowest and the highest cell that hold values of the reference; and of exponential buckets
     * the index of the lowest with a boundary. */
    uint32_t first_full, last_full;
    int32_t first_index;
};

/** Immutable but for `refs`, which the stage's lock guards. */
struct drift_binding {
    unsigned refs;
    struct otc_reference *reference;
    struct drift_bound *features;
    size_t n;
    /** From the index in the feature set to the index here; SIZE_MAX: not in the reference. */
    size_t *of_known;
    /** The same from the index in the metrics' set. */
    size_t *of_metric;
    /** From the index in the reference to the index here. */
    size_t *of_reference;
};

/** True for a reference feature that must not be compared (`arg` is the caller's). */
typedef bool (*drift_left_out_fn)(const void *arg, const struct otc_reference_feature *feature);

/**
 * Joins; takes a reference of its own on `reference`. `sums`: Wasserstein is wanted. `left_out` may be NULL.
 * Errors: a feature whose type differs, more than `max_features`, out of memory.
 */
OTC_CHECK otc_status drift_binding_new(struct otc_reference *reference, const struct otc_feature_set *set,
                                       bool sums, size_t max_features, drift_left_out_fn left_out,
                                       const void *arg, struct drift_binding **out, struct otc_error *err);
/** Both under the stage's lock. NULL is allowed. */
struct drift_binding *drift_binding_ref(struct drift_binding *binding);
void drift_binding_unref(struct drift_binding *binding);

/** Bins that are told of a feature: of its reference, or the reference's categories and one for the others.
 */
size_t drift_bound_n_bins(const struct drift_bound *bound);
/** Adds what is counted in its cells to its bins. */
void drift_bound_bins(const struct drift_bound *bound, const uint64_t *cells, uint64_t *out);
/** Cells of the feature that has most of them, at least 1. */
size_t drift_binding_max_cells(const struct drift_binding *binding);

/** Index of a discovered feature, or SIZE_MAX. */
size_t drift_binding_find(const struct drift_binding *binding, enum otc_feature_kind kind,
                          struct otc_slice name);

#endif
