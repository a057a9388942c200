// SPDX-License-Identifier: Apache-2.0
/**
 * @file Which model, in which version, a record belongs to, and the state a stage keeps for each.
 */
#ifndef OTC_ANALYSIS_MODEL_H
#define OTC_ANALYSIS_MODEL_H

#include "common/base/map.h"
#include "common/config/schema.h"
#include "common/otlp/walk.h"

/** The settings `model:`: attributes of the record, its scope or its resource; the first one present names
 * it. */
struct otc_model_config {
    otc_strings name;
    otc_strings version;
};
extern const struct otc_schema otc_model_schema;

/** Longest name, version and arm, in bytes; longer ones are cut, before the character that does not fit. */
#define OTC_MODEL_TEXT_MAX 256

/** Entries the model adds to a projection: config->name.n + config->version.n of them. */
size_t otc_model_wanted(const struct otc_model_config *config, struct otc_wanted *out);

/** Name and version of a record, borrowed from it or from `scratch`. Empty: no attribute was there. */
struct otc_model_key {
    struct otc_slice name;
    struct otc_slice version;
    /** Arm of an experiment, where the stage tells arms apart (otc_model_arm); each has a state of its own.
     */
    struct otc_slice arm;
    char scratch[3][32];
};
/** `values`: the record's values from the place where otc_model_wanted() put its entries. Numbers and bools
 * are told as text. */
void otc_model_key_of(const struct otc_model_config *config, const struct otc_value *values,
                      struct otc_model_key *out);
/** Sets the key's arm from the value of an attribute. */
void otc_model_arm(struct otc_model_key *key, const struct otc_value *value);

/** The model of the records of one part, one after another: mostly the resource says it, for all of a scope.
 * Zeroed at the beginning of a part. */
struct otc_model_memo {
    struct otc_model_key key; /* of the last record */
    size_t scope_index;
    bool known; /* the key is that of every record of this scope without such attributes of its own */
};
/** Makes memo->key that of a record, the first `n` of whose values tell its model. False: it is the same as
 * before. */
static inline bool
otc_model_follow(struct otc_model_memo *memo, const struct otc_model_config *config,
                 const struct otc_record *record, size_t n)
{
    bool own = otc_record_owns(record, n);

    if (memo->known && !own && memo->scope_index == record->scope_index) {
        return false;
    }
    otc_model_key_of(config, record->values, &memo->key);
    memo->known = !own;
    memo->scope_index = record->scope_index;
    return true;
}

/** One version of a model, in one arm. `state` is the stage's. */
struct otc_model_version {
    struct otc_slice version;
    struct otc_slice arm;
    int64_t last_seen_ns; /* monotonic */
    struct otc_model *model;
    void *state;
};
/** One model with its versions, in the order of their first records. */
struct otc_model {
    struct otc_slice name;
    int64_t last_seen_ns;
    void *state;
    struct otc_model_version **versions;
    size_t n_versions;
};

/** Makes and ends the stage's state. `owner` is the registry's. NULL from a `new`: no room, counted as
 * overflow. */
struct otc_model_ops {
    void *(*model_new)(void *owner, const struct otc_model *model); /* may be NULL: no state */
    void (*model_free)(void *owner, void *state);                   /* may be NULL */
    void *(*version_new)(void *owner, const struct otc_model_version *version);
    void (*version_free)(void *owner, void *state);
};

struct otc_models_limits {
    size_t models;
    /** Versions (and arms of them) of one model; the least recently seen is forgotten for a new one. */
    size_t versions;
    /**
     * A model unseen for this long (monotonic) may be forgotten for a new one; without such a model the new
     * one is overflow, so that a flood of made-up names cannot wash out the true ones.
     */
    int64_t expiration_ns;
};

/** The registry; locked by its owner. Opaque. */
struct otc_models;
struct otc_models *otc_models_new(const struct otc_models_limits *limits, const struct otc_model_ops *ops,
                                  void *owner);
void otc_models_free(struct otc_models *models);
/** Who `ops` are called for from now on. */
void otc_models_set_owner(struct otc_models *models, void *owner);
/** The version of this key, made at its first record; NULL when it is overflow (counted). Cheap for runs of
 * one key. */
struct otc_model_version *otc_models_get(struct otc_models *models, const struct otc_model_key *key,
                                         int64_t monotonic_ns);
/** The same without making it or counting it as seen: NULL when there is none. */
struct otc_model_version *otc_models_find(const struct otc_models *models, const struct otc_model_key *key);
/** Walks the models in the order of their first records; the walk allows no otc_models_get meanwhile. */
size_t otc_models_count(const struct otc_models *models);
struct otc_model *otc_models_at(const struct otc_models *models, size_t index);
/** Forgets the versions (and then the models without any) that were last seen before `before_ns`. */
void otc_models_expire(struct otc_models *models, int64_t before_ns);
/** Records that found no room since the start, and versions forgotten for newer ones. */
uint64_t otc_models_overflow(const struct otc_models *models);
uint64_t otc_models_forgotten(const struct otc_models *models);
/** Goes on counting from here: what a former process counted. */
void otc_models_set_counts(struct otc_models *models, uint64_t overflow, uint64_t forgotten);

#endif
