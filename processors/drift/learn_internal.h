// SPDX-License-Identifier: Apache-2.0
/** @file A learner, shared between the files that fill it. */
#ifndef OTC_DRIFT_LEARN_INTERNAL_H
#define OTC_DRIFT_LEARN_INTERNAL_H

#include "processors/drift/learn.h"

#include "common/analysis/reference_components.h"
#include "common/analysis/vocabulary.h"

struct drift_column {
    struct otc_slice name; /* malloced */
    enum otc_feature_kind kind;
    enum otc_feature_type type;
    size_t index; /* in the builder */
    uint64_t last_record;
    uint64_t samples; /* paid for */
    struct otc_map *texts;
    bool gave_up;
    struct otc_vocabulary *vocabulary; /* while the words of a text feature are counted */
    uint32_t *words;                   /* then */
    size_t n_words;
    double *sums; /* while the mean vector of an embedding is made; then the mean */
    size_t n_components;
    uint64_t n_vectors;
    bool is_mean;
    struct otc_components_builder *components; /* of the builder; NULL: they are not counted */
    bool apart;                                /* of a metric */
    uint64_t observations;                     /* of a metric: values and missing ones */
};

struct drift_learner {
    struct drift_learn_settings settings;
    const struct otc_feature_set *set;
    struct otc_reference_builder *builder;
    struct drift_column *columns;
    size_t n;
    struct otc_map *by_name; /* kind and name to index + 1, of discovered features */
    size_t *of_known;        /* index + 1 */
    size_t *of_metric;       /* the same, of the metrics' set */
    uint64_t records;
    uint64_t observations; /* of the metric's feature that has most */
    int64_t first_ns, last_ns;
    uint64_t max_samples;
    size_t charged;
};

/** Takes memory that is given back with the learner. */
bool drift_learn_charge(struct drift_learner *learner, size_t bytes);
/** Malloced; no data out of memory. */
struct otc_slice drift_learn_copy_name(struct otc_slice name);
/** Key of the map of discovered features: the kind's number, then the name. 0: the name is too long. */
size_t drift_learn_name_key(const struct otc_observed *observed, uint8_t out[1 + DRIFT_CATEGORY_TEXT_MAX]);
/** Categories told apart: as many as the reference may keep, and more to tell an identifier by. */
struct otc_map *drift_learn_texts(const struct drift_learner *learner, const struct otc_observed *observed);
/** One value of a numeric column; false without memory for it. */
bool drift_learn_number(struct drift_learner *learner, struct drift_column *column,
                        const struct otc_value *value, int64_t time_ns);

/* Features whose values exist only against what the first half of learning made: a vocabulary, a mean vector.
 * What counts as a value, or as missing, begins with the second half. False without memory. */

bool drift_learn_begin_familiar(struct drift_learner *learner, struct drift_column *column);
bool drift_learn_familiar(struct drift_learner *learner, struct drift_column *column,
                          const struct otc_value *value, int64_t time_ns);
bool drift_learn_begin_vector(struct drift_learner *learner, struct drift_column *column);
bool drift_learn_vector(struct drift_learner *learner, struct drift_column *column,
                        const struct otc_value *value, int64_t time_ns);

#endif
