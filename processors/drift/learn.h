// SPDX-License-Identifier: Apache-2.0
/** @file Learning a model's reference from its first records, within the stage's memory budget. */
#ifndef OTC_DRIFT_LEARN_H
#define OTC_DRIFT_LEARN_H

#include "common/analysis/features.h"
#include "common/analysis/metric_buckets.h"
#include "processors/drift/binding.h"

/** Points of a numeric feature's grid, and more of them beyond each end of its range. */
#define DRIFT_GRID_POINTS 1024
#define DRIFT_GRID_OUTER_POINTS 16

/** Longest text that counts as a category; longer ones are invalid. */
#define DRIFT_CATEGORY_TEXT_MAX 256
/** A feature with more distinct texts than this, and than its max_categories, while learning is an
 * identifier, not a category, and is given up. */
#define DRIFT_LEARN_CATEGORIES_MAX 2000

struct drift_learn_settings {
    uint64_t observations;
    int64_t duration_ns;
    size_t max_features;
    /** Distinct points kept exactly, and bins of numeric features. */
    size_t cells;
    size_t bins;
    enum otc_binning binning;
    /** Share of a number's values left out at each end. */
    double trim;
    /** A grid is wanted: at most DRIFT_GRID_POINTS points, and further ones outside of what was seen. */
    bool grid;
    struct drift_budget *budget;
};

/** Opaque; locked by the stage until it is taken out of it. */
struct drift_learner;
struct drift_learner *drift_learner_new(const struct drift_learn_settings *settings,
                                        const struct otc_feature_set *set);
void drift_learner_free(struct drift_learner *learner);
/** Learns one record of a time; returns how many of its values found no room (features or memory). */
size_t drift_learner_add(struct drift_learner *learner, const struct otc_observed *observed, size_t n,
                         int64_t time_ns);
/** What a data point shows of a feature of the metrics' set. */
struct drift_datum {
    size_t feature;
    /** Binned values; NULL: the number, which is missing when it is NaN. */
    const struct otc_buckets *buckets;
    double number;
};
enum drift_learnt { DRIFT_LEARNT, DRIFT_LEARNT_NO_ROOM, DRIFT_LEARNT_OTHER_BOUNDS };
/** Learns one datum of a time. Its feature counts its own records, and the learner those of the feature that
 * has most. OTHER_BOUNDS: the feature is binned by other bounds, or not binned while this is, or the reverse.
 */
enum drift_learnt drift_learner_add_datum(struct drift_learner *learner, const struct drift_datum *datum,
                                          int64_t time_ns);
/** The lesser of its two shares, 0 to 1; 1 is done. */
double drift_learner_progress(const struct drift_learner *learner);
/** What was learnt so far, as bytes, for a restart. */
void drift_learner_save(const struct drift_learner *learner, struct otc_buf *out);
/** Fills a fresh learner of the same settings. False: no memory, or no learner's bytes; free it then. */
OTC_CHECK bool drift_learner_load(struct drift_learner *learner, struct otc_reader *in);
/** The vocabularies and vectors among it, which have bytes of their own; taken after the rest. */
void drift_learner_save_contents(const struct drift_learner *learner, struct otc_buf *out);
OTC_CHECK bool drift_learner_load_contents(struct drift_learner *learner, struct otc_reader *in);
/** False while what was loaded lacks the contents of a text or of an embedding. */
bool drift_learner_is_whole(const struct drift_learner *learner);
/** Freezes the reference of `model`. The learner is spent; free it. */
OTC_CHECK otc_status drift_learner_finish(struct drift_learner *learner, struct otc_slice model,
                                          int64_t now_ns, struct otc_reference **out, struct otc_error *err);
/** For drift_binding_new: features that learning gave up. `arg` is the learner. */
bool drift_learner_gave_up(const void *arg, const struct otc_reference_feature *feature);

#endif
