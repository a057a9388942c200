// SPDX-License-Identifier: Apache-2.0
/**
 * @file What is watched of a record: presets, explicit features, and values as numbers and categories.
 */
#ifndef OTC_ANALYSIS_FEATURES_H
#define OTC_ANALYSIS_FEATURES_H

#include "common/analysis/reference.h"
#include "common/config/schema.h"
#include "common/otlp/walk.h"

/** One entry of `features:`. */
struct otc_feature_config {
    char *name;
    /** attributes["key"], scope.attributes["key"], instrumentation_scope.attributes["key"] or
     * resource.attributes["key"] */
    char *from;
    otc_choice type; /* enum otc_feature_type */
    int64_t max_categories;
};
extern const struct otc_schema otc_feature_schema;

/** Words of `presets:` that are known, those supported first; NULL-ended. */
extern const char *const otc_preset_names[];

/** Why a value is none, and how. */
enum otc_value_class { OTC_CLASS_VALUE, OTC_CLASS_MISSING, OTC_CLASS_INVALID };
/** NaN, empty: missing. Infinity, bool, text and everything else: invalid. */
enum otc_value_class otc_value_number(const struct otc_value *value, double *out);
/** Canonical text, borrowed from the value or from `scratch`. Empty text, NaN: missing; lists, maps, bytes,
 * infinity: invalid. */
enum otc_value_class otc_value_category(const struct otc_value *value, char scratch[32],
                                        struct otc_slice *out);

#define OTC_FEATURE_DISCOVERED SIZE_MAX

/** A feature known from the configuration. Discovered ones (preset `ml`) come with the records. */
struct otc_feature {
    struct otc_slice name;
    enum otc_feature_kind kind;
    enum otc_feature_type type;
    size_t max_categories;
    /** "attributes[…]" or what it is computed from, for `validate --explain`. */
    const char *origin;
};

/** What one record shows of a feature that it carries. Missing ones are not told. */
struct otc_observed {
    /** Index of a known feature, or OTC_FEATURE_DISCOVERED. */
    size_t feature;
    /** Of a discovered one. */
    struct otc_slice name;
    enum otc_feature_kind kind;
    struct otc_value value;
};

/** Compiled from presets and `features:`; immutable, any thread. Opaque. */
struct otc_feature_set;

/**
 * `presets` NULL or empty: none. Errors begin with the key path ("features::from: …", "presets: …").
 */
OTC_CHECK otc_status otc_feature_set_new(const otc_strings *presets, const otc_list *features,
                                         struct otc_feature_set **out, struct otc_error *err);
void otc_feature_set_free(struct otc_feature_set *set);
size_t otc_feature_set_count(const struct otc_feature_set *set);
const struct otc_feature *otc_feature_set_at(const struct otc_feature_set *set, size_t index);
/** True when features are also discovered by the prefixes ml.feature. and ml.prediction. */
bool otc_feature_set_discovers(const struct otc_feature_set *set);

/** Entries the features add to a projection, at most OTC_PROJECTION_MAX; `out` may be NULL to count. */
size_t otc_feature_set_wanted(const struct otc_feature_set *set, struct otc_wanted *out);
/**
 * What a record shows: at most `max` entries (the rest is counted in `*lost`); 0 when it is no record of a
 * model. `first` is the index in record->values where otc_feature_set_wanted() put its entries. `duration_s`
 * NaN: has none.
 */
size_t otc_feature_set_observe(const struct otc_feature_set *set, const struct otc_record *record,
                               size_t first, double duration_s, struct otc_observed *out, size_t max,
                               size_t *lost);

#endif
