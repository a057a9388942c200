// SPDX-License-Identifier: Apache-2.0
/* Drift of latency within the stage: when an operation's window is compared, and what is told of it. */
#include "processors/latency/state.h"

#include <math.h>

/* ---- Evaluation ------------------------------------------------------------------------------------- */

/* The operation's durations in a pane; NULL: it has none there. */
static const struct otc_exp_histogram *
in_pane(const struct otc_pane *pane, const struct latency_operation *operation)
{
    const struct latency_pane *payload = pane->payload;
    const struct latency_pane_entry *entry;

    if (operation->slot >= payload->n) {
        return NULL;
    }
    entry = &payload->entries[operation->slot];
    return entry->id == operation->id ? &entry->sides[LATENCY_OK] : NULL;
}

/* Makes what the operation's drift takes count against the limit. False: there is no room. */
static bool
charge(struct latency_version *version, struct latency_drift *drift)
{
    struct latency_budget *budget = &version->owner->budget;
    size_t bytes = drift->reference ? LATENCY_DRIFT_BYTES : latency_drift_learning_bytes();

    if (bytes > drift->bytes && budget->used + bytes - drift->bytes > budget->limit) {
        version->excluded[LATENCY_MEMORY]++;
        return false;
    }
    budget->used = budget->used + bytes - drift->bytes;
    drift->bytes = bytes;
    return true;
}

void
latency_drift_evaluate(struct latency_version *version, const struct otc_window_view *view,
                       struct latency_operation *operation, const struct otc_exp_histogram *window)
{
    const struct latency *latency = version->owner;
    const struct otc_exp_histogram *panes[OTC_WINDOW_PANES_MAX], *last = NULL;
    size_t n = 0;

    if (!operation->drift) {
        operation->drift = calloc(1, sizeof(*operation->drift));
    }
    if (!operation->drift || !charge(version, operation->drift)) {
        return;
    }
    for (size_t i = 0; i < view->n_panes; i++) {
        const struct otc_exp_histogram *histogram = in_pane(&view->panes[i], operation);

        if (histogram) {
            panes[n++] = histogram;
            last =
                view->panes[i].start_ns + latency->config->window.pane.ns == view->end_ns ? histogram : NULL;
        }
    }
    if (operation->drift->reference) {
        latency_drift_compare(operation->drift, &latency->drift_rule, window, panes, n);
    } else if (last) {
        latency_drift_learn(operation->drift, latency->config->drift, last, view->end_ns);
        (void)charge(version, operation->drift); /* less, once it has learned */
    }
}

void
latency_drift_verdict(struct latency_version *version)
{
    struct latency_drift **compared = calloc(version->n_slots + 1, sizeof(struct latency_drift *));
    size_t n = 0;

    for (size_t i = 0; compared && i < version->n_slots; i++) {
        struct latency_operation *operation = version->operations[i];

        if (operation && operation->drift && operation->drift->compared) {
            compared[n++] = operation->drift;
        }
    }
    if (n > 0) {
        latency_drift_decide(compared, n, &version->owner->drift_rule);
    }
    free(compared);
}

/* ---- What is told ----------------------------------------------------------------------------------- */

enum {
    KS,
    KS_ERROR,
    PSI,
    WASSERSTEIN,
    WASSERSTEIN_ERROR,
    NORMALIZED,
    P_ADJUSTED,
    EFFECT,
    DETECTED,
    OBSERVATIONS,
    N_GAUGES
};

/* The drift connector's instruments. */
static const struct otc_metric gauges[N_GAUGES] = {
    OTC_GAUGE_METRIC("ml.drift.ks", "", "Kolmogorov-Smirnov distance between window and reference."),
    OTC_GAUGE_METRIC("ml.drift.ks.error", "", "What the true distance may exceed ml.drift.ks by."),
    OTC_GAUGE_METRIC("ml.drift.psi", "", "Population stability index."),
    OTC_GAUGE_METRIC("ml.drift.wasserstein", "", "Wasserstein-1 distance, in the feature's unit."),
    OTC_GAUGE_METRIC("ml.drift.wasserstein.error", "", "Bound of the error of ml.drift.wasserstein."),
    OTC_GAUGE_METRIC("ml.drift.wasserstein.normalized", "",
                     "Wasserstein-1 distance over the reference's standard deviation."),
    OTC_GAUGE_METRIC("ml.drift.p_value.adjusted", "",
                     "Smallest adjusted p-value of the feature's decision tests."),
    OTC_GAUGE_METRIC("ml.drift.design_effect", "", "Design effect of the window."),
    OTC_GAUGE_METRIC("ml.drift.detected", "", "1 while the feature counts as drifted."),
    OTC_GAUGE_METRIC("ml.drift.window.observations", "{observation}", "Values in the window."),
};
static const struct otc_metric progress_metric = OTC_GAUGE_METRIC(
    "ml.drift.reference.progress", "1", "How much of the reference there is, of what it is to be.");

static void
read_gauges(const struct latency_drift *drift, double out[N_GAUGES])
{
    const struct otc_feature_result *result = &drift->result;

    out[KS] = result->ks;
    out[KS_ERROR] = result->ks_error;
    out[PSI] = result->psi;
    out[WASSERSTEIN] = result->wasserstein;
    out[WASSERSTEIN_ERROR] = isfinite(result->wasserstein_error) ? result->wasserstein_error : (double)NAN;
    out[NORMALIZED] = result->wasserstein_normalized;
    out[P_ADJUSTED] = result->p_adjusted;
    out[EFFECT] = result->design_effect;
    out[DETECTED] = drift->ring.detected;
    out[OBSERVATIONS] = (double)drift->observations;
}

/* Attributes of the drift connector, with the operation. */
void
latency_drift_emit(const struct latency *latency, struct otc_emitter *emitter,
                   const struct otc_attribute *attributes, size_t n, struct latency_drift *drift)
{
    struct otc_attribute all[8];
    double values[N_GAUGES];

    memcpy(all, attributes, n * sizeof(*all));
    all[n++] = OTC_ATTR_STR("ml.feature.name", "duration");
    all[n++] = OTC_ATTR_STR("ml.feature.kind", "latency");
    otc_emit_gauge(emitter, &progress_metric, all, n, latency_drift_progress(drift, latency->config->drift));
    all[n++] = OTC_ATTR_STR("ml.drift.window", latency->window_label);
    read_gauges(drift, values);
    for (int i = 0; i < N_GAUGES; i++) {
        if (drift->compared) {
            otc_emit_gauge(emitter, &gauges[i], all, n, values[i]);
        } else if (drift->told) {
            otc_emit_stale(emitter, &gauges[i], all, n);
        }
    }
    drift->told = drift->compared;
}
