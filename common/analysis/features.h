// SPDX-License-Identifier: Apache-2.0
/**
 * @file What is watched of a record: presets, explicit features, and values as numbers and categories.
 */
#ifndef OTC_ANALYSIS_FEATURES_H
#define OTC_ANALYSIS_FEATURES_H

#include "common/analysis/metric_features.h"
#include "common/analysis/place.h"
#include "common/analysis/reference.h"
#include "common/config/schema.h"
#include "common/otlp/walk.h"

/** What `features[].type` can say. */
enum otc_watched_type {
    OTC_WATCH_NUMERIC,
    OTC_WATCH_CATEGORICAL,
    OTC_WATCH_TEXT,
    OTC_WATCH_EMBEDDING,
    OTC_WATCH_KSERVE
};

/** One entry of `features:`. */
struct otc_feature_config {
    char *name;
    /** A place (common/analysis/place.h), or an expression over metrics (common/analysis/metric_features.h).
     */
    char *from;
    otc_choice type; /* enum otc_watched_type */
    otc_choice kind; /* 0: as the place suggests, else 1 + enum otc_feature_kind */
    int64_t max_categories;
};
extern const struct otc_schema otc_feature_schema;

/** Words of `presets:` that are known, those supported first; NULL-ended. */
extern const char *const otc_preset_names[];

/** Why a value is none, and how. */
enum otc_value_class { OTC_CLASS_VALUE, OTC_CLASS_MISSING, OTC_CLASS_INVALID };
/* The usual cases at once, the others by a call. */
/** NaN, empty: missing. Infinity, bool, text and everything else: invalid. */
enum otc_value_class otc__value_number(const struct otc_value *value, double *out);
static inline enum otc_value_class
otc_value_number(const struct otc_value *value, double *out)
{
    if (value->type == OTC_VALUE_INT) {
        *out = (double)value->as.integer;
        return OTC_CLASS_VALUE;
    }
    return otc__value_number(value, out);
}
/** Canonical text, borrowed from the value or from `scratch`. Empty text, NaN: missing; lists, maps, bytes,
 * infinity: invalid. */
enum otc_value_class otc__value_category(const struct otc_value *value, char scratch[32],
                                         struct otc_slice *out);
static inline enum otc_value_class
otc_value_category(const struct otc_value *value, char scratch[32], struct otc_slice *out)
{
    if (value->type == OTC_VALUE_STRING && value->as.slice.len > 0) {
        *out = value->as.slice;
        return OTC_CLASS_VALUE;
    }
    return otc__value_category(value, scratch, out);
}

#define OTC_FEATURE_DISCOVERED SIZE_MAX

/** A feature known from the configuration. Discovered ones (presets `ml`, `kserve`) come with the records. */
struct otc_feature {
    struct otc_slice name;
    enum otc_feature_kind kind;
    enum otc_feature_type type;
    size_t max_categories;
    /** Observed as texts, whose value is the share of their words that are in the reference's vocabulary. */
    bool vocabulary;
    /** Observed as vectors (embedding.h), whose value is the distance to the reference's mean vector. */
    bool embedding;
    /** Places, or what it is computed from, for `validate --explain`. */
    const char *origin;
};

/** What one record shows of a feature that it carries. Missing ones are not told. */
struct otc_observed {
    /** Index of a known feature, or OTC_FEATURE_DISCOVERED. */
    size_t feature;
    /** Of a discovered one. */
    struct otc_slice name;
    enum otc_feature_kind kind;
    /** BYTES: no usable value, such as a list in a JSON text, or a text that is no JSON. */
    struct otc_value value;
};

/** What is watched. */
struct otc_feature_settings {
    const otc_strings *presets; /* NULL or empty: none */
    const otc_list *features;   /* of struct otc_feature_config; NULL: none */
    const char *select;         /* NULL: a record is what carries a feature */
};

/** Compiled from presets and `features:`; immutable, any thread. Opaque. */
struct otc_feature_set;

/** Errors begin with the key path ("features::from: …", "presets: …", "select: …"). */
OTC_CHECK otc_status otc_feature_set_new(const struct otc_feature_settings *settings,
                                         struct otc_feature_set **out, struct otc_error *err);
void otc_feature_set_free(struct otc_feature_set *set);
size_t otc_feature_set_count(const struct otc_feature_set *set);
const struct otc_feature *otc_feature_set_at(const struct otc_feature_set *set, size_t index);
/** True when features are also discovered: by the prefixes ml.feature. and ml.prediction. (`ml`), or in
 * inference requests and answers (`tensors`). */
struct otc_discovers {
    bool ml, tensors;
};
/** What is watched of metrics; NULL: nothing. Of the set. */
const struct otc_metric_set *otc_feature_set_metrics(const struct otc_feature_set *set);
struct otc_discovers otc_feature_set_discovers(const struct otc_feature_set *set);

/** Entries the features add to a projection, at most OTC_PROJECTION_MAX; `out` may be NULL to count. */
size_t otc_feature_set_wanted(const struct otc_feature_set *set, struct otc_wanted *out);

/** Default of the largest JSON text that is read. */
#define OTC_FEATURE_JSON_BYTES ((size_t)64 << 10)

/** Reads records; owned by one thread at a time. Allocates nothing but when it is made. Opaque. */
struct otc_feature_reader;
/**
 * `first` is the index in record->values where otc_feature_set_wanted() put its entries. A JSON text of more
 * than `json_bytes` is not read: its features are invalid. The set must live longer. NULL out of memory.
 */
struct otc_feature_reader *otc_feature_reader_new(const struct otc_feature_set *set, size_t first,
                                                  size_t json_bytes);
void otc_feature_reader_free(struct otc_feature_reader *reader);
/**
 * Begins a span or log record; how many records of a model it is: 0 none, more than 1 for the instances of an
 * inference request, or for the elements of a list in its attributes (`attributes["list.*.member"]`). `out`
 * holds what the first of them shows: `*n` entries, at most `max`, the rest is counted in `*lost`. What
 * `subject` borrows must stay while there are records to read.
 */
size_t otc_feature_reader_begin(struct otc_feature_reader *reader, const struct otc_subject *subject,
                                struct otc_observed *out, size_t max, size_t *n, size_t *lost);
/** What the next one shows, in the same `out`; returns `n`. */
size_t otc_feature_reader_next(struct otc_feature_reader *reader, struct otc_observed *out, size_t max,
                               size_t *lost);

#endif
