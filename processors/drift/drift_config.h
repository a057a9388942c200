// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the drift connector. */
#ifndef OTC_DRIFT_CONFIG_H
#define OTC_DRIFT_CONFIG_H

#include "common/analysis/evaluate.h"
#include "common/analysis/features.h"
#include "common/analysis/model.h"
#include "common/analysis/window.h"
#include "processors/drift/duplicates.h"

struct drift_learn_config {
    int64_t observations;
    otc_duration duration;
    double trim;
};

struct drift_trailing_config {
    otc_duration offset;
};
struct drift_hour_of_week_config {
    int64_t weeks;
};
struct drift_arm_config {
    char *attribute;
    char *baseline;
};

struct drift_reference_config {
    char *file;
    struct drift_learn_config *learn;
    struct drift_trailing_config *trailing;
    struct drift_hour_of_week_config *hour_of_week;
    struct drift_arm_config *arm;
    int64_t grid_observations;
    otc_duration reload_interval;
};

/** Where the reference comes from. From DRIFT_TRAILING on it is *dynamic*: made anew for each window, of what
 * was counted in the cells of a fixed grid. */
enum drift_reference_kind {
    DRIFT_FILE,
    DRIFT_LEARNED,
    DRIFT_TRAILING,
    DRIFT_HOUR_OF_WEEK,
    DRIFT_ARM,
};

struct drift_psi_config {
    int64_t bins;
    otc_choice binning;
    otc_choice empty;   /* otc_empty_words */
    double empty_value; /* 0: the rule's usual one */
};

struct drift_decision_config {
    otc_choice correction; /* enum otc_correction */
    otc_choice rule;       /* enum otc_rule */
    double level;          /* 0: not named */
    char *false_alarms;
    otc_numbers thresholds;
    otc_numbers min_effect;
    char *windows;
    double share;
};

struct drift_emit_config {
    bool p_value;
    bool bins;
    char *unsupported;
};

struct drift_limits_config {
    otc_bytes memory;
    int64_t models, versions, features, cells, series, streams, compat_values;
    otc_bytes json;
};

enum drift_dependence { DRIFT_DEPENDENCE_PANES, DRIFT_DEPENDENCE_NONE };

struct drift_config {
    struct drift_reference_config reference;
    struct otc_window_config window;
    struct otc_model_config model;
    otc_strings presets;
    otc_list features;
    char *select;
    otc_strings statistics;
    struct drift_psi_config psi;
    otc_choice dependence; /* enum drift_dependence */
    struct drift_decision_config decision;
    struct drift_duplicates_config *duplicates;
    otc_list detectors; /* struct drift_detector_config */
    struct drift_emit_config emit;
    struct drift_limits_config limits;
    otc_duration metrics_flush_interval;
    otc_duration series_expiration;
    otc_choice compat; /* enum otc_compat */
    char *storage;
};

extern const struct otc_schema drift_schema;

/** Compiles presets, features and select. Errors begin with the key path. */
OTC_CHECK otc_status drift_feature_set(const struct drift_config *config, struct otc_feature_set **out,
                                       struct otc_error *err);

/** Statistics that can be named under `statistics:`. */
enum drift_statistic {
    DRIFT_KS,
    DRIFT_PSI,
    DRIFT_WASSERSTEIN,
    DRIFT_JENSEN_SHANNON,
    DRIFT_HELLINGER,
    DRIFT_CHI_SQUARED,
    DRIFT_L_INFINITY,
    DRIFT_TOTAL_VARIATION,
    DRIFT_CRAMER_VON_MISES,
    DRIFT_MANN_WHITNEY,
    DRIFT_KULLBACK_LEIBLER,
    DRIFT_MEAN_SHIFT,
    DRIFT_SPREAD_RATIO,
    DRIFT_N_STATISTICS
};
/** Bit i: statistic i is asked for. */
unsigned drift_statistics(const struct drift_config *config);

enum drift_reference_kind drift_reference_kind(const struct drift_config *config);
/** "file", "learned", "trailing", "hour_of_week", "arm". */
const char *drift_reference_kind_name(enum drift_reference_kind kind);
static inline bool
drift_is_dynamic(const struct drift_config *config)
{
    return drift_reference_kind(config) >= DRIFT_TRAILING;
}
/** Its state outlives the process. */
static inline bool
drift_is_durable(const struct drift_config *config)
{
    return config->storage && *config->storage;
}
/** Errors begin with the key path. */
OTC_CHECK otc_status drift_check_reference(const struct drift_config *config, struct otc_error *err);

/** What learning needs: the user's, or 5000 observations over 24 h; for the grid of a dynamic reference
 * grid_observations. Meaningless with a reference file. */
struct drift_learn_config drift_learning(const struct drift_config *config);

/** The decision as common/analysis takes it, and k of n. */
struct drift_rule {
    struct otc_decision decision;
    unsigned k, n;
    double share;
};
/** Errors begin with the key path. */
OTC_CHECK otc_status drift_rule_of(const struct drift_config *config, struct drift_rule *out,
                                   struct otc_error *err);

/** The factory's `validate` and `explain`. */
otc_status drift_validate(const void *config, struct otc_error *err);
otc_status drift_explain(const void *settings, void (*line)(void *arg, const char *text), void *arg,
                         struct otc_error *err);

#endif
