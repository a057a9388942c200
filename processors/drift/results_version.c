// SPDX-License-Identifier: Apache-2.0
/* What is told of one version of a model: its records, what was left out, its verdict. */
#include "processors/drift/reload.h"
#include "processors/drift/results.h"

#include <math.h>

static const struct otc_metric records_metric =
    OTC_COUNTER_METRIC("ml.inference.records", "{record}", "Records that carried a monitored feature.");

const struct otc_metric drift_excluded_metric =
    OTC_COUNTER_METRIC("ml.drift.observations.excluded", "{observation}",
                       "Records or values that no window could use, by reason.");

static double
model_detected(const struct drift_version *version)
{
    return version->verdict.judged ? (double)version->verdict.model_detected : (double)NAN;
}

static double
features_drifted(const struct drift_version *version)
{
    return (double)version->verdict.drifted;
}

static double
features_monitored(const struct drift_version *version)
{
    return version->binding ? (double)version->binding->n : 0;
}

static double
window_coverage(const struct drift_version *version)
{
    return version->verdict.coverage;
}

static double
window_partial(const struct drift_version *version)
{
    return version->verdict.partial;
}

static double
window_end(const struct drift_version *version)
{
    return (double)version->verdict.end_ns / 1e9;
}

/* Gauges of a version that was evaluated, or as FEATURES_MONITORED never will be; NaN is not told. */
enum { FEATURES_MONITORED = 2 };
static const struct version_gauge {
    struct otc_metric metric;
    double (*value)(const struct drift_version *version);
} version_gauges[] = {
    {OTC_GAUGE_METRIC("ml.drift.model.detected", "", "1 while the model counts as drifted."), model_detected},
    {OTC_GAUGE_METRIC("ml.drift.features.drifted", "{feature}", "Features detected as drifted."),
     features_drifted},
    [FEATURES_MONITORED] = {OTC_GAUGE_METRIC("ml.drift.features.monitored", "{feature}",
                                             "Features compared."),
                            features_monitored},
    {OTC_GAUGE_METRIC("ml.drift.window.coverage", "1", "Share of the window's panes that have records."),
     window_coverage},
    {OTC_GAUGE_METRIC("ml.drift.window.end", "s", "End of the last window evaluated, unix time."),
     window_end},
    {OTC_GAUGE_METRIC("ml.drift.window.partial", "",
                      "1 while the window reaches back to where records may be missing."),
     window_partial},
};
#define N_VERSION_GAUGES (sizeof(version_gauges) / sizeof(version_gauges[0]))

static const struct otc_metric skipped_metric =
    OTC_GAUGE_METRIC("ml.drift.features.skipped", "{feature}", "Features that were not tested, by reason.");

static double
skipped_features(const struct drift_telling *telling, enum otc_skip_reason reason)
{
    size_t n = telling->version->verdict.skipped[reason];

    n += reason == OTC_SKIP_NO_REFERENCE ? otc_map_count(telling->version->unknown) : 0;
    return n ? (double)n : NAN;
}

static void
tell_version_gauges(const struct drift_telling *telling, struct drift_attributes attributes)
{
    struct drift_shown *shown = &telling->version->shown;
    bool exists = telling->version->verdict.exists;
    size_t n;

    drift_attribute_str(&attributes, "ml.drift.window", telling->drift->window_label);
    n = attributes.n;
    for (size_t i = 0; i < N_VERSION_GAUGES; i++) {
        drift_show(telling, shown, i, &version_gauges[i].metric, &attributes,
                   exists ? version_gauges[i].value(telling->version) : NAN);
    }
    for (size_t reason = OTC_SKIP_NONE + 1; reason <= OTC_SKIP_TYPE; reason++) {
        attributes.n = n;
        drift_attribute_str(&attributes, "reason", otc_skip_reason_name((enum otc_skip_reason)reason));
        drift_show(telling, shown, N_VERSION_GAUGES + reason, &skipped_metric, &attributes,
                   exists ? skipped_features(telling, (enum otc_skip_reason)reason) : NAN);
    }
}

/* Of a model without a reference, which no window will show: that nothing of it is compared. */
static void
tell_unreferenced(const struct drift_telling *telling, struct drift_attributes attributes)
{
    struct drift_version *version = telling->version;

    if (version->model->phase == DRIFT_UNREFERENCED) {
        drift_attribute_str(&attributes, "ml.drift.window", telling->drift->window_label);
        drift_show(telling, &version->shown, FEATURES_MONITORED, &version_gauges[FEATURES_MONITORED].metric,
                   &attributes, features_monitored(version));
    }
}

/* Whether a record can meet this reason at all: without event time nothing comes late or too early, … */
static bool
can_exclude(const struct drift *drift, enum drift_excluded reason)
{
    bool by_time = reason == DRIFT_LATE || reason == DRIFT_TOO_OLD || reason == DRIFT_FUTURE;

    if (reason == DRIFT_NO_ARM || reason == DRIFT_REFERENCE_MEMORY) {
        return reason == DRIFT_NO_ARM ? drift->config->reference.arm != NULL
                                      : drift_is_dynamic(drift->config);
    }
    if (reason == DRIFT_TRACE_STATE) {
        return drift->spans_in;
    }
    if (reason == DRIFT_UNKNOWN_FEATURE) {
        return true;
    }
    if (reason >= DRIFT_BOUNDS) {
        return drift->metrics_in;
    }
    return !by_time || drift->config->window.time.index == OTC_EVENT_TIME;
}

/* From a version's first emission on, 0 too: increase() sees no counter's first step. */
static void
tell_excluded(const struct drift_telling *telling, struct drift_attributes attributes)
{
    const struct drift_version *version = telling->version;
    size_t n = attributes.n;

    for (enum drift_excluded reason = 0; reason < DRIFT_N_EXCLUDED; reason++) {
        attributes.n = n;
        drift_attribute_str(&attributes, "reason", drift_excluded_name(reason));
        if (version->excluded[reason] || can_exclude(telling->drift, reason)) {
            otc_emit_counter(telling->emitter, &drift_excluded_metric, attributes.items, attributes.n,
                             version->start_ns, version->excluded[reason]);
        }
    }
}

/* A reload may have taken features out: their gauges end. */
static void
tell_ended(const struct drift_telling *telling, struct drift_attributes attributes)
{
    struct drift_version *previous = telling->version->previous;
    struct drift_telling ending = {telling->emitter, telling->drift, previous, true};

    for (size_t i = 0; previous && i < previous->binding->n; i++) {
        const struct otc_reference_feature *feature = previous->binding->features[i].reference;

        if (drift_binding_find(telling->version->binding, feature->kind, feature->name) == SIZE_MAX) {
            drift_tell_feature(&ending, i, attributes);
        }
    }
    drift_reload_forget(telling->version);
}

static void
tell_version(struct drift_telling *telling, struct drift_attributes attributes)
{
    struct drift_version *version = telling->version;

    otc_emit_counter(telling->emitter, &records_metric, attributes.items, attributes.n, version->start_ns,
                     otc_weighted_value(&version->weighted));
    tell_excluded(telling, attributes);
    drift_tell_watched(telling, &attributes);
    drift_tell_duplicates(telling, &attributes);
    if (!version->binding) {
        tell_unreferenced(telling, attributes);
        return;
    }
    tell_version_gauges(telling, attributes);
    tell_ended(telling, attributes);
    drift_tell_compat_model(telling, attributes);
    for (size_t i = 0; i < version->binding->n; i++) {
        drift_tell_feature(telling, i, attributes);
    }
}

/*
 * The gauges of a version end once it had no record for the length of its window. Short windows wait longer:
 * their last panes close by the clock alone, and what they found should be seen.
 */
#define SILENCE_MIN_NS (5 * OTC_MINUTE)

void
drift_tell_version(struct drift *drift, struct otc_emitter *emitter, struct drift_version *version,
                   const struct drift_attributes *attributes)
{
    int64_t silent = drift->told_ns - version->last_record_ns;
    int64_t length = drift->config->window.length.ns;
    struct drift_telling telling = {emitter, drift, version,
                                    silent >= (length > SILENCE_MIN_NS ? length : SILENCE_MIN_NS)};

    tell_version(&telling, *attributes);
    version->verdict.exists = version->verdict.exists && !telling.stale;
}
