// SPDX-License-Identifier: Apache-2.0
/* What the connector tells at each flush. */
#include "processors/drift/state.h"

#include <math.h>

/* ---- Instruments ---------------------------------------------------------------------------------- */

static const struct otc_metric records_metric =
    OTC_COUNTER_METRIC("ml.inference.records", "{record}", "Records that carried a monitored feature.");
static const struct otc_metric excluded_metric =
    OTC_COUNTER_METRIC("ml.drift.observations.excluded", "{observation}",
                       "Records or values that no window could use, by reason.");
static const struct otc_metric missing_metric = OTC_COUNTER_METRIC(
    "ml.feature.missing", "{record}", "Records without the feature, or with an empty value or NaN.");
static const struct otc_metric invalid_metric = OTC_COUNTER_METRIC(
    "ml.feature.invalid", "{record}", "Records with infinity or a value of the wrong type.");
static const struct otc_metric unseen_metric =
    OTC_COUNTER_METRIC("ml.feature.unseen", "{record}", "Categories that the reference does not have.");
static const struct otc_metric range_metric = OTC_COUNTER_METRIC(
    "ml.feature.out_of_range", "{record}", "Numbers below the reference's minimum or above its maximum.");
static const struct otc_metric bins_metric =
    OTC_COUNTER_METRIC("ml.feature.bin.observations", "{observation}",
                       "Observations of closed panes in each bin of the reference.");
static const struct otc_metric bin_reference_metric =
    OTC_GAUGE_METRIC("ml.feature.bin.reference", "1", "The reference's share of each bin.");
static const struct otc_metric progress_metric =
    OTC_GAUGE_METRIC("ml.drift.reference.progress", "1", "How much of the reference has been learned.");
static const struct otc_metric info_metric = OTC_GAUGE_METRIC(
    "ml.drift.reference.info", "", "1 for the reference in use, with its hash as attribute.");

/* Gauges of a version; the index is the bit in `shown`. */
enum version_gauge {
    MODEL_DETECTED,
    FEATURES_DRIFTED,
    FEATURES_MONITORED,
    WINDOW_COVERAGE,
    WINDOW_END,
    SKIPPED_FIRST,
    N_VERSION_GAUGES = SKIPPED_FIRST + OTC_SKIP_TYPE
};
static const struct otc_metric version_metrics[] = {
    [MODEL_DETECTED] =
        OTC_GAUGE_METRIC("ml.drift.model.detected", "", "1 while the model counts as drifted."),
    [FEATURES_DRIFTED] =
        OTC_GAUGE_METRIC("ml.drift.features.drifted", "{feature}", "Features detected as drifted."),
    [FEATURES_MONITORED] = OTC_GAUGE_METRIC("ml.drift.features.monitored", "{feature}", "Features compared."),
    [WINDOW_COVERAGE] =
        OTC_GAUGE_METRIC("ml.drift.window.coverage", "1", "Share of the window's panes that have records."),
    [WINDOW_END] =
        OTC_GAUGE_METRIC("ml.drift.window.end", "s", "End of the last window evaluated, unix time."),
    [SKIPPED_FIRST] = OTC_GAUGE_METRIC("ml.drift.features.skipped", "{feature}",
                                       "Features that were not tested, by reason."),
};

/* Gauges of a feature; the index is the bit in `shown`. */
enum feature_gauge {
    G_KS,
    G_KS_ERROR,
    G_PSI,
    G_WASSERSTEIN,
    G_WASSERSTEIN_ERROR,
    G_WASSERSTEIN_NORMALIZED,
    G_JENSEN_SHANNON,
    G_HELLINGER,
    G_CHI_SQUARED,
    G_L_INFINITY,
    G_DESIGN_EFFECT,
    G_DETECTED,
    G_WINDOW_OBSERVATIONS,
    G_P_VALUE,
    G_ADJUSTED = G_P_VALUE + OTC_N_TESTS,
    G_REJECTED = G_ADJUSTED + OTC_N_TESTS,
    N_FEATURE_GAUGES = G_REJECTED + OTC_N_TESTS
};
static const struct otc_metric feature_metrics[] = {
    [G_KS] = OTC_GAUGE_METRIC("ml.drift.ks", "", "Kolmogorov-Smirnov distance between window and reference."),
    [G_KS_ERROR] =
        OTC_GAUGE_METRIC("ml.drift.ks.error", "", "What the true distance may exceed ml.drift.ks by."),
    [G_PSI] = OTC_GAUGE_METRIC("ml.drift.psi", "", "Population stability index."),
    [G_WASSERSTEIN] =
        OTC_GAUGE_METRIC("ml.drift.wasserstein", "", "Wasserstein-1 distance, in the feature's unit."),
    [G_WASSERSTEIN_ERROR] =
        OTC_GAUGE_METRIC("ml.drift.wasserstein.error", "", "Bound of the error of ml.drift.wasserstein."),
    [G_WASSERSTEIN_NORMALIZED] =
        OTC_GAUGE_METRIC("ml.drift.wasserstein.normalized", "",
                         "Wasserstein-1 distance over the reference's standard deviation."),
    [G_JENSEN_SHANNON] = OTC_GAUGE_METRIC("ml.drift.jensen_shannon", "", "Jensen-Shannon distance."),
    [G_HELLINGER] = OTC_GAUGE_METRIC("ml.drift.hellinger", "", "Hellinger distance."),
    [G_CHI_SQUARED] = OTC_GAUGE_METRIC("ml.drift.chi_squared", "", "Chi-squared statistic of the counts."),
    [G_L_INFINITY] = OTC_GAUGE_METRIC("ml.drift.l_infinity", "", "Largest difference of a bin's share."),
    [G_DESIGN_EFFECT] =
        OTC_GAUGE_METRIC("ml.drift.design_effect", "",
                         "How many times dependence inflates the variance; divides the sample sizes."),
    [G_DETECTED] = OTC_GAUGE_METRIC("ml.drift.detected", "", "1 while the feature counts as drifted."),
    [G_WINDOW_OBSERVATIONS] =
        OTC_GAUGE_METRIC("ml.drift.window.observations", "{observation}", "Values in the window."),
    [G_P_VALUE] = OTC_GAUGE_METRIC("ml.drift.p_value", "", "p-value as the plain library gives it."),
    [G_ADJUSTED] =
        OTC_GAUGE_METRIC("ml.drift.p_value.adjusted", "",
                         "p-value after allowing for dependence and for the number of tests: what decides."),
    [G_REJECTED] = OTC_GAUGE_METRIC("ml.drift.rejected", "", "1 when the test rejects in the last window."),
};
static const struct otc_metric reference_metric =
    OTC_GAUGE_METRIC("ml.drift.reference.observations", "{observation}", "Values in the reference.");

static const struct otc_metric *
feature_metric(size_t gauge)
{
    return &feature_metrics[gauge < G_P_VALUE ? gauge
                                              : G_P_VALUE + (gauge - G_P_VALUE) / OTC_N_TESTS * OTC_N_TESTS];
}

/* ---- Attributes ----------------------------------------------------------------------------------- */

/* model, version, feature name and kind, window, and one more. */
#define MAX_ATTRIBUTES 8

struct attributes {
    struct otc_attribute items[MAX_ATTRIBUTES];
    size_t n;
};

static void
add(struct attributes *attributes, const char *key, struct otc_slice text)
{
    if (text.len) {
        attributes->items[attributes->n++] =
            (struct otc_attribute){otc_slice_str(key), {OTC_VALUE_STRING, {.slice = text}}};
    }
}

static void
add_str(struct attributes *attributes, const char *key, const char *text)
{
    add(attributes, key, otc_slice_str(text));
}

/* ---- One feature ---------------------------------------------------------------------------------- */

/* What one emission of a version carries along. */
struct telling {
    struct otc_emitter *emitter;
    struct drift *drift;
    struct drift_version *version;
    bool stale; /* no record for `length`: the gauges end */
};

/* Shows a gauge, or ends one that was shown and has no value any more. */
static void
show(const struct telling *telling, uint64_t *shown, size_t bit, const struct otc_metric *metric,
     const struct attributes *attributes, double value)
{
    uint64_t mask = UINT64_C(1) << bit;

    if (!isnan(value) && !telling->stale) {
        otc_emit_gauge(telling->emitter, metric, attributes->items, attributes->n, value);
        *shown |= mask;
    } else if (*shown & mask) {
        otc_emit_stale(telling->emitter, metric, attributes->items, attributes->n);
        *shown &= ~mask;
    }
}

static double
asked(const struct drift *drift, enum drift_statistic statistic, double value)
{
    return (drift->statistics >> statistic) & 1 ? value : NAN;
}

static void
fill_gauges(const struct drift *drift, const struct drift_feature *feature, double *out)
{
    const struct otc_feature_result *result = &feature->result;
    bool tested = result->skipped == OTC_SKIP_NONE;

    out[G_KS] = asked(drift, DRIFT_KS, result->ks);
    out[G_KS_ERROR] = result->ks_error > 0 ? asked(drift, DRIFT_KS, result->ks_error) : NAN;
    out[G_PSI] = asked(drift, DRIFT_PSI, result->psi);
    out[G_WASSERSTEIN] = asked(drift, DRIFT_WASSERSTEIN, result->wasserstein);
    out[G_WASSERSTEIN_ERROR] = asked(drift, DRIFT_WASSERSTEIN, result->wasserstein_error);
    out[G_WASSERSTEIN_NORMALIZED] = asked(drift, DRIFT_WASSERSTEIN, result->wasserstein_normalized);
    out[G_JENSEN_SHANNON] = asked(drift, DRIFT_JENSEN_SHANNON, result->jensen_shannon);
    out[G_HELLINGER] = asked(drift, DRIFT_HELLINGER, result->hellinger);
    out[G_CHI_SQUARED] = asked(drift, DRIFT_CHI_SQUARED, result->chi_squared);
    out[G_L_INFINITY] = asked(drift, DRIFT_L_INFINITY, result->l_infinity);
    out[G_DESIGN_EFFECT] = tested ? result->design_effect : NAN;
    out[G_DETECTED] = feature->ring.filled ? (double)feature->ring.detected : (double)NAN;
    out[G_WINDOW_OBSERVATIONS] = (double)feature->window_observations;
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        const struct otc_test_result *test = &result->tests[t];
        bool decides = tested && !isnan(test->decision_p);

        out[G_P_VALUE + t] = drift->config->emit.p_value && tested ? test->p_value : NAN;
        out[G_ADJUSTED + t] = decides ? test->adjusted_p : NAN;
        out[G_REJECTED + t] = decides ? (double)test->rejected : (double)NAN;
    }
}

static void
tell_gauges(const struct telling *telling, struct drift_feature *feature, struct attributes attributes)
{
    double values[N_FEATURE_GAUGES];
    size_t n;

    if (telling->version->verdict.exists) {
        fill_gauges(telling->drift, feature, values);
    } else {
        for (size_t i = 0; i < N_FEATURE_GAUGES; i++) {
            values[i] = NAN;
        }
    }
    add_str(&attributes, "ml.drift.window", telling->drift->window_label);
    n = attributes.n;
    for (size_t i = 0; i < N_FEATURE_GAUGES; i++) {
        attributes.n = n;
        if (i >= G_P_VALUE) {
            add_str(&attributes, "ml.drift.test",
                    otc_test_name((enum otc_test)((i - G_P_VALUE) % OTC_N_TESTS)));
        }
        show(telling, &feature->shown, i, feature_metric(i), &attributes, values[i]);
    }
}

static void
tell_counters(const struct telling *telling, const struct drift_feature *feature,
              const struct drift_bound *bound, const struct attributes *attributes)
{
    const struct drift_version *version = telling->version;
    struct otc_emitter *emitter = telling->emitter;
    uint64_t carried = feature->values + feature->invalid + feature->overflow;
    bool numeric = bound->reference->type == OTC_NUMERIC;

    otc_emit_counter(emitter, &missing_metric, attributes->items, attributes->n, version->start_ns,
                     version->bound_records - carried);
    otc_emit_counter(emitter, &invalid_metric, attributes->items, attributes->n, version->start_ns,
                     feature->invalid);
    otc_emit_counter(emitter, numeric ? &range_metric : &unseen_metric, attributes->items, attributes->n,
                     version->start_ns, numeric ? feature->out_of_range : feature->unseen);
}

/* Upper end of a bin, or its category. */
static struct otc_slice
bin_upper(const struct drift_bound *bound, size_t bin, char scratch[32])
{
    const struct otc_reference_feature *reference = bound->reference;

    if (reference->type == OTC_CATEGORICAL) {
        return bin < reference->n_categories ? reference->categories[bin].name : otc_slice_str("other");
    }
    if (bin >= reference->n_edges) {
        return otc_slice_str(reference->value_bins ? "other" : "+Inf");
    }
    return otc_slice_of(scratch, otc_canonical_number(reference->edges[bin], scratch));
}

static void
reference_bins(const struct drift_bound *bound, uint64_t *out)
{
    const struct otc_reference_feature *reference = bound->reference;

    if (reference->type == OTC_NUMERIC) {
        otc_reference_bin_counts(reference, reference->cells.eq, reference->cells.gap, out);
        return;
    }
    for (size_t i = 0; i < reference->n_categories; i++) {
        out[i] = reference->categories[i].count;
    }
    out[reference->n_categories] = reference->other;
}

static void
tell_bins(const struct telling *telling, const struct drift_feature *feature, const struct drift_bound *bound,
          struct attributes attributes)
{
    uint64_t *shares = calloc(feature->n_bins + 1, sizeof(*shares));
    double total = (double)bound->reference->observations;
    size_t n;

    add(&attributes, "ml.drift.reference", otc_slice_of(telling->version->binding->reference->hash, 8));
    n = attributes.n;
    if (shares) {
        reference_bins(bound, shares);
    }
    for (size_t b = 0; shares && b < feature->n_bins; b++) {
        char number[24], upper[32];

        attributes.n = n;
        (void)snprintf(number, sizeof(number), "%03zu", b);
        add_str(&attributes, "ml.feature.bin", number);
        add(&attributes, "ml.feature.bin.upper", bin_upper(bound, b, upper));
        otc_emit_counter(telling->emitter, &bins_metric, attributes.items, attributes.n,
                         telling->version->start_ns, feature->bins[b]);
        otc_emit_gauge(telling->emitter, &bin_reference_metric, attributes.items, attributes.n,
                       total > 0 ? (double)shares[b] / total : NAN);
    }
    free(shares);
}

static void
tell_feature(const struct telling *telling, size_t index, struct attributes attributes)
{
    const struct drift_bound *bound = &telling->version->binding->features[index];
    struct drift_feature *feature = &telling->version->features[index];

    add(&attributes, "ml.feature.name", bound->reference->name);
    add_str(&attributes, "ml.feature.kind", otc_feature_kind_name(bound->kind));
    tell_counters(telling, feature, bound, &attributes);
    otc_emit_gauge(telling->emitter, &reference_metric, attributes.items, attributes.n,
                   (double)bound->reference->observations);
    tell_gauges(telling, feature, attributes);
    if (feature->bins) {
        tell_bins(telling, feature, bound, attributes);
    }
}

/* ---- One version ---------------------------------------------------------------------------------- */

static double
version_gauge(const struct telling *telling, size_t gauge)
{
    const struct drift_verdict *verdict = &telling->version->verdict;

    switch ((enum version_gauge)gauge) {
    case MODEL_DETECTED:
        return verdict->judged ? (double)verdict->model_detected : (double)NAN;
    case FEATURES_DRIFTED:
        return (double)verdict->drifted;
    case FEATURES_MONITORED:
        return (double)telling->version->binding->n;
    case WINDOW_COVERAGE:
        return verdict->coverage;
    case WINDOW_END:
        return (double)verdict->end_ns / 1e9;
    case SKIPPED_FIRST:
    case N_VERSION_GAUGES:
        break;
    }
    return NAN;
}

static double
skipped_features(const struct telling *telling, enum otc_skip_reason reason)
{
    size_t n = telling->version->verdict.skipped[reason];

    n += reason == OTC_SKIP_NO_REFERENCE ? otc_map_count(telling->version->unknown) : 0;
    return n ? (double)n : NAN;
}

static void
tell_version_gauges(const struct telling *telling, struct attributes attributes)
{
    uint64_t *shown = &telling->version->shown;
    bool exists = telling->version->verdict.exists;
    size_t n;

    add_str(&attributes, "ml.drift.window", telling->drift->window_label);
    n = attributes.n;
    for (size_t i = 0; i < SKIPPED_FIRST; i++) {
        show(telling, shown, i, &version_metrics[i], &attributes, exists ? version_gauge(telling, i) : NAN);
    }
    for (size_t reason = OTC_SKIP_NONE + 1; reason <= OTC_SKIP_TYPE; reason++) {
        attributes.n = n;
        add_str(&attributes, "reason", otc_skip_reason_name((enum otc_skip_reason)reason));
        show(telling, shown, SKIPPED_FIRST + reason, &version_metrics[SKIPPED_FIRST], &attributes,
             exists ? skipped_features(telling, (enum otc_skip_reason)reason) : NAN);
    }
}

/* Whether a record can meet this reason at all: without event time nothing comes late or too early. */
static bool
can_exclude(const struct drift *drift, enum drift_excluded reason)
{
    bool by_time = reason == DRIFT_LATE || reason == DRIFT_TOO_OLD || reason == DRIFT_FUTURE;

    return !by_time || drift->config->window.time.index == OTC_EVENT_TIME;
}

/* From a version's first emission on, 0 too: increase() sees no counter's first step. */
static void
tell_excluded(const struct telling *telling, struct attributes attributes)
{
    const struct drift_version *version = telling->version;
    size_t n = attributes.n;

    for (enum drift_excluded reason = 0; reason < DRIFT_N_EXCLUDED; reason++) {
        attributes.n = n;
        add_str(&attributes, "reason", drift_excluded_name(reason));
        if (version->excluded[reason] || can_exclude(telling->drift, reason)) {
            otc_emit_counter(telling->emitter, &excluded_metric, attributes.items, attributes.n,
                             version->start_ns, version->excluded[reason]);
        }
    }
}

static void
tell_version(struct telling *telling, struct attributes attributes)
{
    struct drift_version *version = telling->version;

    otc_emit_counter(telling->emitter, &records_metric, attributes.items, attributes.n, version->start_ns,
                     version->records);
    tell_excluded(telling, attributes);
    if (!version->binding) {
        return;
    }
    tell_version_gauges(telling, attributes);
    for (size_t i = 0; i < version->binding->n; i++) {
        tell_feature(telling, i, attributes);
    }
}

/*
 * The gauges of a version end once it had no record for the length of its window. Short windows wait longer:
 * their last panes close by the clock alone, and what they found should be seen.
 */
#define SILENCE_MIN_NS (5 * OTC_MINUTE)

static void
tell_version_or_end(struct drift *drift, struct otc_emitter *emitter, struct drift_version *version,
                    const struct attributes *attributes)
{
    int64_t silent = drift->host->monotonic_ns(drift->host) - version->last_record_ns;
    int64_t length = drift->config->window.length.ns;
    struct telling telling = {emitter, drift, version,
                              silent >= (length > SILENCE_MIN_NS ? length : SILENCE_MIN_NS)};

    tell_version(&telling, *attributes);
    version->verdict.exists = version->verdict.exists && !telling.stale;
}

/* ---- All of it ------------------------------------------------------------------------------------ */

static void
tell_model(struct drift *drift, struct otc_emitter *emitter, struct otc_model *entry)
{
    struct drift_model *model = entry->state;
    struct attributes attributes = {.n = 0};
    size_t n;

    add(&attributes, "ml.model.name", entry->name);
    n = attributes.n;
    if (!drift->file) {
        otc_emit_gauge(emitter, &progress_metric, attributes.items, attributes.n,
                       model->phase == DRIFT_READY ? 1 : model->progress);
    }
    if (model->binding) {
        add(&attributes, "ml.drift.reference", otc_slice_of(model->binding->reference->hash, 8));
        otc_emit_gauge(emitter, &info_metric, attributes.items, attributes.n, 1);
    }
    for (size_t j = 0; j < entry->n_versions; j++) {
        attributes.n = n;
        add(&attributes, "ml.model.version", entry->versions[j]->version);
        tell_version_or_end(drift, emitter, entry->versions[j]->state, &attributes);
    }
}

/* Under the lock: time goes on also where no records come. */
static void
move_time(struct drift *drift)
{
    int64_t now = drift->host->now_ns(drift->host), monotonic = drift->host->monotonic_ns(drift->host);

    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            struct drift_version *version = model->versions[j]->state;

            (void)otc_window_advance(&version->window, now, monotonic, false);
        }
    }
    otc_models_expire(drift->models, monotonic - drift->config->series_expiration.ns);
}

/* What belongs to no model; 0 as soon as there is one. */
static void
tell_lost(const struct drift *drift, struct otc_emitter *emitter, const char *reason, uint64_t count)
{
    struct attributes attributes = {.n = 0};

    if (count > 0 || otc_models_count(drift->models) > 0) {
        add_str(&attributes, "reason", reason);
        otc_emit_counter(emitter, &excluded_metric, attributes.items, attributes.n, drift->start_ns, count);
    }
}

void
drift_collect(void *arg, struct otc_emitter *emitter)
{
    struct drift *drift = arg;

    pthread_mutex_lock(&drift->lock);
    move_time(drift);
    pthread_mutex_unlock(&drift->lock);
    drift_work(drift);
    pthread_mutex_lock(&drift->lock);
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        tell_model(drift, emitter, otc_models_at(drift->models, i));
    }
    tell_lost(drift, emitter, "models", otc_models_overflow(drift->models));
    tell_lost(drift, emitter, "malformed", drift->malformed);
    pthread_mutex_unlock(&drift->lock);
}
