// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/drift_config.h"

#include "common/analysis/decision.h"
#include "common/component/otc.h"
#include "common/config/node.h"
#include "processors/drift/compat.h"
#include "processors/drift/watch.h"

static const char *const dependences[] = {"panes", "none", NULL};
static const char *const effects[] = {"ks",     "psi",     "total_variation", "missing", "out_of_range",
                                      "unseen", "invalid", "constant",        NULL};
static const char *const statistics[] = {"ks",
                                         "psi",
                                         "wasserstein",
                                         "jensen_shannon",
                                         "hellinger",
                                         "chi_squared",
                                         "l_infinity",
                                         "total_variation",
                                         "cramer_von_mises",
                                         "mann_whitney",
                                         "kullback_leibler",
                                         "mean_shift",
                                         "spread_ratio",
                                         NULL};

/* Keys of the design that this release does not have: refused by name, so that nobody believes them active.
 */
static otc_status
refuse(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)node;
    (void)member;
    (void)owner;
    return otc_fail(err, OTC_INVALID_ARGUMENT, "is not supported yet by this release; leave it out");
}

/* The same for a switch: `false` is what this release does. */
static otc_status
refuse_unless_off(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    bool off = otc_node_is_null(node) || (node->kind == OTC_NODE_BOOL && !node->boolean);

    return off ? OTC_OK : refuse(node, member, owner, err);
}

static const struct otc_field learn_fields[] = {
    OTC_FIELD(drift_learn_config, observations, .def = "5000", .min = "20", .max = "100000000",
              .doc = "Records to learn from, at least."),
    OTC_FIELD(
        drift_learn_config, duration, .def = "24h", .min = "0s", .max = "366d",
        .doc =
            "Span of event time to learn over, at least; below 24 h the reference has not seen a whole day."),
    OTC_FIELD(drift_learn_config, trim, .def = "0", .min = "0", .max = "0.4",
              .doc =
                  "Share of a number's values left out of the reference at each end: what a few outliers in "
                  "the first records must not decide. They are in the live windows all the same."),
    OTC_FIELD_END,
};
static const struct otc_schema learn_schema =
    OTC_SCHEMA(drift_learn_config, learn_fields, "Learning the reference from the first records.");

static const struct otc_field trailing_fields[] = {
    OTC_FIELD(
        drift_trailing_config, offset, .def = "7d", .min = "1s", .max = "366d",
        .doc = "How long before the window its reference lies; at least `window::length`, and a multiple of "
               "`window::pane`."),
    OTC_FIELD_END,
};
static const struct otc_schema trailing_schema =
    OTC_SCHEMA(drift_trailing_config, trailing_fields, "A window of the past.");

static const struct otc_field hour_of_week_fields[] = {
    OTC_FIELD(drift_hour_of_week_config, weeks, .def = "4", .min = "1", .max = "52",
              .doc = "Weeks to look back over."),
    OTC_FIELD_END,
};
static const struct otc_schema hour_of_week_schema =
    OTC_SCHEMA(drift_hour_of_week_config, hour_of_week_fields, "The same hours of the weeks before.");

static const struct otc_field arm_fields[] = {
    OTC_FIELD(drift_arm_config, attribute, .def = "feature_flag.result.variant",
              .doc = "Attribute of the record, its scope or its resource that tells the arm."),
    OTC_FIELD(drift_arm_config, baseline, .required = true,
              .doc = "Its value on the arm that all others are compared with."),
    OTC_FIELD_END,
};
static const struct otc_schema arm_schema =
    OTC_SCHEMA(drift_arm_config, arm_fields, "The same window of another arm.");

static const struct otc_field reference_fields[] = {
    OTC_FIELD(drift_reference_config, file, .doc = "Reference file made by `otelcol-aimon reference build`."),
    OTC_FIELD_OPTIONAL(drift_reference_config, learn, learn_schema,
                       .doc = "Learn the reference instead; the default when no file is named."),
    OTC_FIELD_OPTIONAL(drift_reference_config, trailing, trailing_schema,
                       .doc = "Compare with the same length of time, `offset` ago."),
    OTC_FIELD_OPTIONAL(drift_reference_config, hour_of_week, hour_of_week_schema,
                       .doc = "Compare with the same hours (UTC) of the last `weeks` weeks."),
    OTC_FIELD_OPTIONAL(drift_reference_config, arm, arm_schema,
                       .doc = "Compare every arm of an experiment with its baseline, window by window."),
    OTC_FIELD(drift_reference_config, grid_observations, .def = "2000", .min = "20", .max = "1000000",
              .doc =
                  "With `trailing`, `hour_of_week` and `arm`: records from which a model's grid is made, the "
                  "points and categories that everything is counted by. They are kept meanwhile and counted "
                  "right after."),
    OTC_FIELD(drift_reference_config, reload_interval, .def = "30s", .min = "0s", .max = "24h",
              .doc = "How often `file` is looked at for a change; 0: never."),
    OTC_FIELD_END,
};
static const struct otc_schema reference_schema =
    OTC_SCHEMA(drift_reference_config, reference_fields, "What live data is compared with.");

static const struct otc_field psi_fields[] = {
    OTC_FIELD(drift_psi_config, bins, .def = "10", .min = "2", .max = "100",
              .doc = "Bins of a learned numeric reference; a file brings its own."),
    OTC_FIELD(drift_psi_config, binning, .def = "quantile", .choices = otc_binning_names,
              .doc = "How the bin edges of a learned numeric reference are chosen: quantiles, equal parts of "
                     "its range, or as many equal parts as Sturges' rule says."),
    OTC_FIELD(drift_psi_config, empty, .def = "laplace", .choices = otc_empty_words,
              .doc = "Empty bins in `ml.drift.psi`: `laplace` adds a part of an observation to every bin of "
                     "both sides, `clip` takes a share below the value for the value, `epsilon` adds it to "
                     "every share. The test of PSI is `laplace`'s with 0.5 whatever this says."),
    OTC_FIELD(drift_psi_config, empty_value, .min = "0", .max = "1",
              .doc =
                  "The value of `empty`; 0.5 observations with `laplace`, 0.0001 with `clip` and `epsilon` "
                  "unless set."),
    OTC_FIELD_END,
};
static const struct otc_schema psi_schema =
    OTC_SCHEMA(drift_psi_config, psi_fields, "Bins of the binned statistics.");

static const struct otc_field decision_fields[] = {
    OTC_FIELD(drift_decision_config, correction, .def = "benjamini_hochberg", .choices = otc_correction_words,
              .doc = "Correction of the p-values over all decision tests of a model's window."),
    OTC_FIELD(drift_decision_config, rule, .def = "tests", .choices = otc_rule_words,
              .doc =
                  "`tests`: a feature rejects by adjusted p-values and effects. `thresholds`: by the values "
                  "named under `thresholds` alone, whatever number of records (from `min_observations` on) "
                  "they come "
                  "from."),
    OTC_FIELD(drift_decision_config, thresholds, .choices = otc_threshold_names,
              .doc = "Values from which on a feature rejects, as evidently's users know them: `{psi: 0.2, "
                     "wasserstein: 0.1, jensen_shannon: 0.1}`. `wasserstein`: over the reference's standard "
                     "deviation; `missing`: difference of the shares. Needs `rule: thresholds`."),
    OTC_FIELD(drift_decision_config, level, .min = "1e-300", .max = "1",
              .doc = "A test rejects at an adjusted p-value up to this; 0.01 unless `false_alarms` is set."),
    OTC_FIELD(drift_decision_config, false_alarms,
              .doc = "False incidents of a model that are accepted, `1/week` (or a day, a month of 30 days), "
                     "in place of a level: the level is then that number times k of `windows` over the "
                     "evaluations of that time."),
    OTC_FIELD(drift_decision_config, min_effect,
              .def = "{ks: 0.08, psi: 0.05, total_variation: 0.1, missing: 0.05, out_of_range: 0.05, unseen: "
                     "0.05, invalid: 0.05, constant: 0.05}",
              .choices = effects,
              .doc = "… and from this effect on: D, PSI above its expectation, total variation, difference "
                     "of shares."),
    OTC_FIELD(drift_decision_config, windows, .def = "4 of 6",
              .doc = "`k of n`: detected when the feature rejects now and in k of its last n evaluations; "
                     "over when none "
                     "of them rejects."),
    OTC_FIELD(drift_decision_config, share, .def = "0.1", .min = "0", .max = "1",
              .doc = "A model has drifted when a prediction has, or this share of its features."),
    OTC_FIELD_END,
};
static const struct otc_schema decision_schema =
    OTC_SCHEMA(drift_decision_config, decision_fields, "When a feature counts as drifted.");

static const struct otc_field emit_fields[] = {
    OTC_FIELD(drift_emit_config, p_value, .def = "false",
              .doc = "Emit `ml.drift.p_value`, the plain library's, beside the adjusted one that decides."),
    OTC_FIELD(drift_emit_config, bins, .def = "false",
              .doc =
                  "Emit the counts of each bin, `ml.feature.bin.observations`, and the reference's shares."),
    OTC_FIELD_AS(drift_emit_config, unsupported, "histogram", .parse = refuse_unless_off,
                 .doc = "Not supported yet but for `false`."),
    OTC_FIELD_END,
};
static const struct otc_schema emit_schema = OTC_SCHEMA(drift_emit_config, emit_fields, "Optional results.");

static const struct otc_field limits_fields[] = {
    OTC_FIELD(drift_limits_config, memory, .def = "256MiB", .min = "64KiB",
              .doc = "Memory of windows and learning; what does not fit is counted as excluded."),
    OTC_FIELD(drift_limits_config, models, .def = "100", .min = "1", .max = "100000", .doc = "Models."),
    OTC_FIELD(drift_limits_config, versions, .def = "5", .min = "1", .max = "1000",
              .doc = "Versions of a model; the least recently seen is forgotten for a new one."),
    OTC_FIELD(drift_limits_config, features, .def = "500", .min = "1", .max = "100000",
              .doc = "Features of a model."),
    OTC_FIELD(drift_limits_config, cells, .def = "10000", .min = "10", .max = "1000000",
              .doc = "Distinct points of a numeric reference; a file with more is refused."),
    OTC_FIELD(drift_limits_config, series, .def = "20000", .min = "1", .max = "10000000",
              .doc = "Series of one emission; what is beyond is left out and counted."),
    OTC_FIELD(drift_limits_config, compat_values, .def = "4096", .min = "100", .max = "1000000",
              .doc = "With `compat`: values of a number that a pane keeps, the latest."),
    OTC_FIELD(drift_limits_config, json, .def = "64KiB", .min = "1KiB", .max = "16MiB",
              .doc = "Largest JSON text that is read; the features in a larger one are invalid."),
    OTC_FIELD(drift_limits_config, streams, .def = "10000", .min = "1", .max = "10000000",
              .doc = "Streams of metrics whose last points are kept."),
    OTC_FIELD_END,
};
static const struct otc_schema limits_schema = OTC_SCHEMA(drift_limits_config, limits_fields, "Ceilings.");

static const struct otc_field drift_fields[] = {
    OTC_FIELD_STRUCT(drift_config, reference, reference_schema, .doc = "What live data is compared with."),
    OTC_FIELD_STRUCT(drift_config, window, otc_window_schema, .doc = "The span of live data."),
    OTC_FIELD_STRUCT(drift_config, model, otc_model_schema,
                     .doc = "Attributes that tell the model and its version."),
    OTC_FIELD(
        drift_config, presets, .def = "[ml, gen_ai]",
        .doc =
            "What is watched: `ml` (`ml.feature.<name>`, `ml.prediction.<name>`), `gen_ai` (tokens, "
            "their ratio, durations, finish reasons, errors, tool calls; its metrics), the same of other "
            "dialects `openinference`, `openllmetry`, `mlflow`, inference requests `kserve`, and of metrics "
            "`vllm`, `triton`, `tgi`, `kserve`."),
    {.key = "features",
     .type = OTC_TYPE_LIST,
     .sub = &otc_feature_schema,
     .offset = offsetof(struct drift_config, features),
     .doc = "Features beyond the presets, or to say more of one."},
    OTC_FIELD(drift_config, select,
              .doc = "A condition: which spans and log records count, such as `kind == \"server\" and "
                     "attributes[\"k\"] != nil`. Without it those count that carry a feature."),
    OTC_FIELD(drift_config, statistics, .def = "[ks, psi, wasserstein, jensen_shannon, chi_squared]",
              .choices = statistics, .doc = "Statistics to emit; the decision does not depend on them."),
    OTC_FIELD_STRUCT(drift_config, psi, psi_schema, .doc = "Bins."),
    OTC_FIELD(drift_config, dependence, .def = "panes", .choices = dependences,
              .doc = "`panes`: allow for records that resemble their neighbours in time (design effect); "
                     "`none`: records "
                     "are independent."),
    OTC_FIELD_STRUCT(drift_config, decision, decision_schema, .doc = "When a feature counts as drifted."),
    OTC_FIELD_OPTIONAL(drift_config, duplicates, drift_duplicates_schema, .doc = "Records that come again."),
    {.key = "detectors",
     .type = OTC_TYPE_LIST,
     .sub = &drift_detector_schema,
     .offset = offsetof(struct drift_config, detectors),
     .doc = "Sequential detectors, record by record: no window, no reference."},
    OTC_FIELD_STRUCT(drift_config, emit, emit_schema, .doc = "Optional results."),
    OTC_FIELD_STRUCT(drift_config, limits, limits_schema, .doc = "Ceilings."),
    OTC_FIELD(drift_config, metrics_flush_interval, .def = "15s", .min = "1s", .max = "24h",
              .doc = "How often results are sent again."),
    OTC_FIELD(drift_config, series_expiration, .def = "24h", .min = "1s", .max = "366d",
              .doc = "A model or version without a record for this long is forgotten."),
    OTC_FIELD(drift_config, compat, .def = "none", .choices = drift_compat_words,
              .doc =
                  "Also judge each window as this library would, in `ml.drift.compat.*`; needs a reference "
                  "with every value, from a file or learned."),
    OTC_FIELD(drift_config, storage, .names_extension = OTC_OFFERS_STORAGE,
              .doc = "Id of a storage extension (`file_storage`) that keeps windows, counters and learned "
                     "references across restarts; without one they begin anew."),
    OTC_FIELD_END,
};

const struct otc_schema drift_schema =
    OTC_SCHEMA(drift_config, drift_fields, "Compares live features and predictions with a reference.");

otc_status
drift_feature_set(const struct drift_config *config, struct otc_feature_set **out, struct otc_error *err)
{
    const struct otc_feature_settings settings = {&config->presets, &config->features, config->select};

    return otc_feature_set_new(&settings, out, err);
}

unsigned
drift_statistics(const struct drift_config *config)
{
    unsigned bits = 0;

    for (size_t i = 0; i < config->statistics.n; i++) {
        for (unsigned s = 0; statistics[s]; s++) {
            bits |= strcmp(config->statistics.items[i], statistics[s]) == 0 ? 1u << s : 0;
        }
    }
    return bits;
}

struct drift_learn_config
drift_learning(const struct drift_config *config)
{
    if (drift_is_dynamic(config)) {
        return (struct drift_learn_config){config->reference.grid_observations, {0}, 0};
    }
    return config->reference.learn ? *config->reference.learn
                                   : (struct drift_learn_config){5000, {OTC_DAY}, 0};
}

enum drift_reference_kind
drift_reference_kind(const struct drift_config *config)
{
    const struct drift_reference_config *reference = &config->reference;

    return reference->file           ? DRIFT_FILE
           : reference->trailing     ? DRIFT_TRAILING
           : reference->hour_of_week ? DRIFT_HOUR_OF_WEEK
           : reference->arm          ? DRIFT_ARM
                                     : DRIFT_LEARNED;
}

const char *
drift_reference_kind_name(enum drift_reference_kind kind)
{
    static const char *const names[] = {"file", "learned", "trailing", "hour_of_week", "arm"};

    return names[kind];
}

static otc_status
check_trailing(const struct drift_config *config, struct otc_error *err)
{
    const struct drift_trailing_config *trailing = config->reference.trailing;
    char offset[32], length[32], pane[32];

    otc_duration_format(trailing->offset, offset);
    otc_duration_format(config->window.length, length);
    otc_duration_format(config->window.pane, pane);
    if (trailing->offset.ns < config->window.length.ns) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "reference::trailing::offset: %s is less than the window, %s, which would be compared "
            "with a part of itself",
            offset, length);
    }
    if (trailing->offset.ns % config->window.pane.ns != 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "reference::trailing::offset: %s is no multiple of window::pane, %s", offset, pane);
    }
    return OTC_OK;
}

static otc_status
check_hour_of_week(const struct drift_config *config, struct otc_error *err)
{
    if (OTC_HOUR % config->window.pane.ns != 0 || config->window.length.ns > 7 * OTC_DAY) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "reference::hour_of_week: needs a window::pane that divides an hour (5m, 1h) and a "
                        "window::length of at most 7d");
    }
    return OTC_OK;
}

static otc_status
check_arm(const struct drift_config *config, struct otc_error *err)
{
    const struct drift_arm_config *arm = config->reference.arm;

    if (!arm->attribute || !arm->attribute[0] || !arm->baseline[0]) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "reference::arm: `attribute` and `baseline` must not be empty");
    }
    return OTC_OK;
}

otc_status
drift_check_reference(const struct drift_config *config, struct otc_error *err)
{
    const struct drift_reference_config *reference = &config->reference;
    int named = (reference->file != NULL) + (reference->learn != NULL) + (reference->trailing != NULL) +
                (reference->hour_of_week != NULL) + (reference->arm != NULL);

    if (named > 1) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "reference: name one of file, learn, trailing, hour_of_week and arm, not %d", named);
    }
    if (config->compat.index != OTC_COMPAT_NONE && drift_is_dynamic(config)) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "compat: needs a reference that has every value: reference::file or reference::learn");
    }
    switch (drift_reference_kind(config)) {
    case DRIFT_TRAILING:
        return check_trailing(config, err);
    case DRIFT_HOUR_OF_WEEK:
        return check_hour_of_week(config, err);
    case DRIFT_ARM:
        return check_arm(config, err);
    case DRIFT_FILE:
    case DRIFT_LEARNED:
        break;
    }
    return OTC_OK;
}

static otc_status
parse_windows(const char *text, struct drift_rule *out, struct otc_error *err)
{
    struct otc_error why = OTC_ERROR_INIT;

    return otc_k_of_n_parse(text ? text : "", &out->k, &out->n, &why) == OTC_OK
               ? OTC_OK
               : otc_fail(err, OTC_INVALID_ARGUMENT, "decision::windows: %s", why.text);
}

static otc_status
read_thresholds(const struct drift_decision_config *decision, struct otc_decision *out, struct otc_error *err)
{
    for (size_t i = 0; i < decision->thresholds.n; i++) {
        const struct otc_number_entry *entry = &decision->thresholds.items[i];
        otc_status status = otc_decision_set_threshold(out, otc_slice_str(entry->key), entry->value, err);

        if (status != OTC_OK) {
            return otc_error_prefix(err, "decision::thresholds");
        }
    }
    return otc_decision_check_thresholds(out, err) == OTC_OK ? OTC_OK
                                                             : otc_error_prefix(err, "decision::thresholds");
}

static otc_status
read_false_alarms(const struct drift_config *config, struct drift_rule *out, struct otc_error *err)
{
    const struct drift_decision_config *decision = &config->decision;

    if (!decision->false_alarms) {
        return OTC_OK;
    }
    if (decision->level > 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "decision::false_alarms: set it or level, not both");
    }
    return otc_decision_set_false_alarms(&out->decision, decision->false_alarms, out->k,
                                         config->window.pane.ns, err) == OTC_OK
               ? OTC_OK
               : otc_error_prefix(err, "decision::false_alarms");
}

otc_status
drift_rule_of(const struct drift_config *config, struct drift_rule *out, struct otc_error *err)
{
    const struct drift_decision_config *decision = &config->decision;
    otc_status status;

    *out = (struct drift_rule){.decision = OTC_DECISION_DEFAULT, .share = decision->share};
    out->decision.correction = (enum otc_correction)decision->correction.index;
    out->decision.rule = (enum otc_rule)decision->rule.index;
    out->decision.level = decision->level > 0 ? decision->level : out->decision.level;
    out->decision.min_observations = (uint64_t)config->window.min_observations;
    for (size_t i = 0; i < decision->min_effect.n; i++) {
        const struct otc_number_entry *entry = &decision->min_effect.items[i];

        if (!(entry->value >= 0)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "decision::min_effect::%s: must be 0 or more",
                            entry->key);
        }
        for (size_t test = 0; test < OTC_N_TESTS; test++) {
            if (strcmp(entry->key, effects[test]) == 0) {
                out->decision.min_effect[test] = entry->value;
            }
        }
    }
    if (otc_decision_set_empty(&out->decision, config->psi.empty.index, config->psi.empty_value, err) !=
        OTC_OK) {
        return otc_error_prefix(err, "psi::empty_value");
    }
    status = parse_windows(decision->windows, out, err);
    if (status == OTC_OK) {
        status = read_thresholds(decision, &out->decision, err);
    }
    return status == OTC_OK ? read_false_alarms(config, out, err) : status;
}
