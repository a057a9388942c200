// SPDX-License-Identifier: Apache-2.0
/**
 * @file What is watched of metrics: an expression over data points for each feature, from the presets or from
 * `features:`.
 *
 *     metric["name"]                                    a gauge's value; a histogram's distribution; the rate
 * a second of a counter (monotonic sum) metric["name", "former name"]                     the first name that
 * a stream delivers rate(metric["name"])  increase(metric["name"])    a counter's growth, a second or from
 * point to point metric["a"] / metric["b"]                         of points of one time and one set of
 * attributes: counters by what they grew, gauges by their values … * 0.001 in another unit … where
 * attributes["key"] == "text"               points with it; !=, nil, and, or; also resource.attributes,
 * scope.attributes
 */
#ifndef OTC_ANALYSIS_METRIC_FEATURES_H
#define OTC_ANALYSIS_METRIC_FEATURES_H

#include "common/analysis/reference.h"
#include "common/config/schema.h"
#include "common/otlp/walk.h"

enum otc_metric_reading {
    /** Histograms, gauges; counters as rate. */
    OTC_METRIC_AS_IS,
    OTC_METRIC_RATE,
    OTC_METRIC_INCREASE,
    OTC_METRIC_RATIO
};

/** One condition of `where`; those up to the next that `begins` are joined by `and`, the groups by `or`. */
struct otc_metric_condition {
    size_t wanted;         /* in the set's own entries of the projection */
    struct otc_slice text; /* with `is_nil`: none */
    bool differs, is_nil, begins;
};

struct otc_metric_feature {
    struct otc_slice name;
    enum otc_feature_kind kind;
    /** The expression. */
    const char *origin;
    enum otc_metric_reading reading;
    double factor;
    /** It names a metric by more than one name. */
    bool alternatives;
    struct otc_metric_condition *conditions;
    size_t n_conditions;
};

/** Where a metric's name stands in an expression. */
struct otc_metric_use {
    size_t feature;
    /** 1: under the stroke of a ratio. */
    unsigned part;
    /** 0: the preferred name; else uses with lower ones are preferred. */
    unsigned rank;
    const struct otc_metric_use *next;
};

/** Compiled; immutable, any thread. Opaque. */
struct otc_metric_set;

/** True for the text of a metric's expression, so that who reads other sources leaves it to this. */
bool otc_is_metric_expression(const char *from);
/** True for a preset that watches metrics. */
bool otc_is_metric_preset(const char *name);

/**
 * Of the presets that watch metrics and of those entries of `features` (struct otc_feature_config) that name
 * a metric; an entry stands for a preset's feature of its name. `*out` is NULL when there are none. Errors
 * begin with the key path.
 */
OTC_CHECK otc_status otc_metric_set_new(const otc_strings *presets, const otc_list *features,
                                        struct otc_metric_set **out, struct otc_error *err);
/** NULL is allowed in all of these. */
void otc_metric_set_free(struct otc_metric_set *set);
size_t otc_metric_set_count(const struct otc_metric_set *set);
const struct otc_metric_feature *otc_metric_set_at(const struct otc_metric_set *set, size_t index);
/** The feature of this name (and kind, preferably), or SIZE_MAX. */
size_t otc_metric_set_named(const struct otc_metric_set *set, struct otc_slice name,
                            enum otc_feature_kind kind);
/** The uses of a metric's name; NULL: nobody watches it. */
const struct otc_metric_use *otc_metric_set_find(const struct otc_metric_set *set, struct otc_slice metric);
/** The most uses that any name has. */
size_t otc_metric_set_most_uses(const struct otc_metric_set *set);
/** Entries that the conditions add to a projection; `out` may be NULL to count. */
size_t otc_metric_set_wanted(const struct otc_metric_set *set, struct otc_wanted *out);
/** Whether a point meets the feature's conditions; `values`: from the set's first entry on. */
bool otc_metric_feature_applies(const struct otc_metric_feature *feature, const struct otc_value *values);

#endif
