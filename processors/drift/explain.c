// SPDX-License-Identifier: Apache-2.0
/* `validate` and `validate --explain` of the drift connector. */
#include "common/analysis/vocabulary.h"
#include "processors/drift/binding.h"
#include "processors/drift/drift_config.h"
#include "processors/drift/dynamic.h"
#include "processors/drift/results.h"

#include <math.h>
#include <stdarg.h>

static otc_status
load_reference(const struct drift_config *config, struct otc_reference **out, struct otc_error *err)
{
    otc_status status = otc_reference_load(config->reference.file, (size_t)config->limits.cells, out, err);

    if (status == OTC_NOT_FOUND) {
        return otc_fail(
            err, status,
            "reference::file: %s does not exist; make it with `otelcol-aimon reference build --input "
            "rows.csv --output %s`",
            config->reference.file, config->reference.file);
    }
    return status == OTC_OK ? OTC_OK : otc_error_prefix(err, "reference::file");
}

static otc_status
check_values(const struct drift_config *config, struct otc_error *err)
{
    otc_status status = drift_check_reference(config, err);

    if (status != OTC_OK) {
        return status;
    }
    if (config->reference.file && !config->reference.file[0]) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "reference::file: must not be empty; make one with `otelcol-aimon reference build`");
    }
    if (config->reference.file && config->psi.bins != 10) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "psi::bins: %lld bins need a learned reference; a reference file brings its own (`reference "
            "build --bins`)",
            (long long)config->psi.bins);
    }
    if (config->psi.binning.index != OTC_BINNING_QUANTILE &&
        (config->reference.file || drift_is_dynamic(config))) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "psi::binning: %s needs reference::learn; a reference file brings its own bins "
                        "(`reference build --binning`), and references that move have quantiles",
                        otc_binning_names[config->psi.binning.index]);
    }
    return OTC_OK;
}

static otc_status
check_projection(const struct drift_config *config, const struct otc_feature_set *set, struct otc_error *err)
{
    size_t wanted = otc_feature_set_wanted(set, NULL) + config->model.name.n + config->model.version.n +
                    (config->reference.arm != NULL) + (config->duplicates ? config->duplicates->id.n : 0);

    return wanted <= OTC_PROJECTION_MAX
               ? OTC_OK
               : otc_fail(err, OTC_INVALID_ARGUMENT,
                          "features: %zu attributes are looked at; at most %d are allowed", wanted,
                          OTC_PROJECTION_MAX);
}

/* A history that cannot fit even with next to nothing in it is refused; what does not fit later is counted.
 */
static otc_status
check_history(const struct drift_config *config, const struct otc_feature_set *set, struct otc_error *err)
{
    size_t features = otc_feature_set_count(set) ? otc_feature_set_count(set) : 1;
    double bytes = drift_is_dynamic(config) ? drift_dynamic_least_bytes(config, features) : 0;

    return bytes <= (double)config->limits.memory.n
               ? OTC_OK
               : otc_fail(
                     err, OTC_INVALID_ARGUMENT,
                     "limits::memory: reference::%s keeps %zu spans of closed panes, at least %.0f MiB for "
                     "each model, and the limit is %.0f MiB; raise it, or take a longer window::pane or a "
                     "shorter window::max_age",
                     drift_reference_kind_name(drift_reference_kind(config)), drift_dynamic_slots(config),
                     ceil(bytes / 1048576), floor((double)config->limits.memory.n / 1048576));
}

/* Loads and joins what a configuration names. `*binding` is NULL without a reference file. */
static otc_status
resolve(const struct drift_config *config, struct otc_feature_set **set, struct drift_binding **binding,
        struct otc_error *err)
{
    struct otc_reference *reference = NULL;
    otc_status status = drift_feature_set(config, set, err);

    if (status == OTC_OK) {
        status = check_projection(config, *set, err);
    }
    if (status == OTC_OK) {
        status = check_history(config, *set, err);
    }
    if (status == OTC_OK && config->reference.file) {
        status = load_reference(config, &reference, err);
    }
    if (status == OTC_OK && reference) {
        status = drift_binding_new(reference, *set, false, (size_t)config->limits.features, NULL, NULL,
                                   binding, err);
    }
    if (status == OTC_OK && *binding && (*binding)->n == 0) {
        status = otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "reference::file: no feature of %s is watched; name it under `features`, or take the preset ml",
            config->reference.file);
    }
    otc_reference_unref(reference);
    return status;
}

otc_status
drift_validate(const void *config, struct otc_error *err)
{
    const struct drift_config *drift = config;
    struct otc_feature_set *set = NULL;
    struct drift_binding *binding = NULL;
    struct drift_watch *watch = NULL;
    struct drift_rule rule;
    otc_status status = check_values(drift, err);

    if (status == OTC_OK) {
        status = drift_rule_of(drift, &rule, err);
    }
    if (status == OTC_OK) {
        status = resolve(drift, &set, &binding, err);
    }
    if (status == OTC_OK) {
        status = drift_watch_new(&drift->detectors, set, &watch, err);
    }
    drift_watch_free(watch);
    drift_binding_unref(binding);
    otc_feature_set_free(set);
    return status;
}

/* ---- Explaining ----------------------------------------------------------------------------------- */

struct explanation {
    void (*line)(void *arg, const char *text);
    void *arg;
};

static void say(const struct explanation *to, const char *format, ...) OTC_PRINTF(2, 3);

static void
say(const struct explanation *to, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    to->line(to->arg, text);
}

/* Series of one feature: what is told of it at each flush. */
static size_t
feature_series(const struct drift_config *config, bool numeric, size_t bins)
{
    unsigned type = numeric ? DRIFT_OF_NUMERIC : DRIFT_OF_CATEGORICAL, statistics = drift_statistics(config);
    size_t n = (numeric ? 3 : 4) /* counters */ + 1 /* reference */, tests = numeric ? 3 : 2;

    for (size_t i = 0; i < drift_n_gauges; i++) {
        n += drift_gauge_asked(&drift_gauges[i], statistics) && drift_gauges[i].usual & type;
    }
    n += 2 * tests + (config->emit.p_value ? tests + 1 : 0);
    n += config->compat.index != OTC_COMPAT_NONE ? DRIFT_COMPAT_SERIES : 0;
    return n + (config->emit.bins ? 2 * bins : 0);
}

/* What a version has beside its features: records, its verdict, and every reason of what is left out. */
static size_t
version_series(const struct drift_config *config)
{
    size_t by_time = config->window.time.index == OTC_EVENT_TIME ? 0 : 3;

    size_t never = (config->reference.arm == NULL) + !drift_is_dynamic(config);

    return 1 + 5 + DRIFT_BOUNDS + 1 - by_time - never + DRIFT_WATCH_SERIES * config->detectors.n +
           (config->duplicates ? DRIFT_DUPLICATES_SERIES : 0) + (config->compat.index != OTC_COMPAT_NONE);
}

/* What data points show, where metrics come in. */
static void
explain_metrics(const struct explanation *to, const struct drift_config *config,
                const struct otc_metric_set *metrics)
{
    size_t n = otc_metric_set_count(metrics);

    for (size_t i = 0; i < n; i++) {
        const struct otc_metric_feature *feature = otc_metric_set_at(metrics, i);

        say(to, "feature %.*s: %s, from %s", OTC_SLICE_ARG(feature->name),
            otc_feature_kind_name(feature->kind), feature->origin);
    }
    if (n > 0) {
        say(to, "series: up to %zu more for each model and version where metrics come in, of %zu features",
            n * feature_series(config, true, (size_t)config->psi.bins) + DRIFT_TRACE_STATE - DRIFT_BOUNDS, n);
    }
}

static void
explain_bound(const struct explanation *to, const struct drift_config *config,
              const struct otc_feature_set *set, const struct drift_binding *binding)
{
    size_t series = 1 + version_series(config);

    for (size_t i = 0; i < binding->n; i++) {
        const struct drift_bound *bound = &binding->features[i];
        const struct otc_reference_feature *reference = bound->reference;
        bool numeric = reference->type == OTC_NUMERIC;
        size_t bins = numeric ? otc_reference_bins(reference) : reference->n_categories + 1;

        say(to, "feature %.*s: %s, %s, %llu observations in the reference, %zu %s, %zu bins",
            OTC_SLICE_ARG(reference->name), otc_feature_kind_name(bound->kind),
            numeric ? "numeric" : "categorical", (unsigned long long)reference->observations,
            numeric ? reference->cells.n : reference->n_categories, numeric ? "points" : "categories", bins);
        series += feature_series(config, numeric, bins);
    }
    for (size_t i = 0; i < otc_feature_set_count(set); i++) {
        if (binding->of_known[i] == SIZE_MAX) {
            say(to, "feature %.*s: not in the reference, not compared",
                OTC_SLICE_ARG(otc_feature_set_at(set, i)->name));
        }
    }
    say(to, "series: %zu for each model and version, at most %lld in all", series,
        (long long)config->limits.series);
}

static void
explain_known(const struct explanation *to, const struct drift_config *config,
              const struct otc_feature_set *set)
{
    struct otc_discovers discovers = otc_feature_set_discovers(set);
    size_t series = 2 + version_series(config);

    for (size_t i = 0; i < otc_feature_set_count(set); i++) {
        const struct otc_feature *feature = otc_feature_set_at(set, i);
        bool numeric = feature->type == OTC_NUMERIC;

        say(to, "feature %.*s: %s, %s, from %s", OTC_SLICE_ARG(feature->name),
            otc_feature_kind_name(feature->kind), numeric ? "numeric" : "categorical", feature->origin);
        series +=
            feature_series(config, numeric, numeric ? (size_t)config->psi.bins : feature->max_categories);
    }
    explain_metrics(to, config, otc_feature_set_metrics(set));
    if (discovers.ml || discovers.tensors) {
        say(to, "features: every %s, at most %lld in all; %zu series each",
            !discovers.tensors ? "attribute ml.feature.<name> and ml.prediction.<name>"
            : !discovers.ml    ? "column of inference requests and answers"
                            : "attribute ml.feature.<name> and ml.prediction.<name>, and column of inference "
                              "requests and answers",
            (long long)config->limits.features, feature_series(config, true, (size_t)config->psi.bins));
    }
    say(to,
        "series: up to %zu for each model and version beside the discovered features', at most %lld in all",
        series, (long long)config->limits.series);
}

static void
explain_dynamic(const struct explanation *to, const struct drift_config *config)
{
    const struct drift_reference_config *reference = &config->reference;
    char length[32], offset[32];

    otc_duration_format(config->window.length, length);
    if (reference->trailing) {
        otc_duration_format(reference->trailing->offset, offset);
        say(to, "reference: the %s that lie %s before the window", length, offset);
    } else if (reference->hour_of_week) {
        say(to, "reference: the same hours of the week (UTC), of the last %lld weeks",
            (long long)reference->hour_of_week->weeks);
    } else {
        say(to,
            "reference: the same window of the records whose %s is '%s'; every other value is compared with "
            "it",
            reference->arm->attribute, reference->arm->baseline);
    }
    say(to,
        "grid: of each model's first %lld records; %zu spans of closed panes are kept, 0.1 to 4 KiB for each "
        "feature and span",
        (long long)reference->grid_observations, drift_dynamic_slots(config));
    if (!drift_is_durable(config)) {
        say(to,
            "warning: closed panes are kept in memory; after a restart the reference begins to grow again");
    }
}

static void
explain_reference(const struct explanation *to, const struct drift_config *config,
                  const struct drift_binding *binding)
{
    struct drift_learn_config learning = drift_learning(config);
    char duration[32];

    if (binding) {
        const struct otc_reference *reference = binding->reference;

        say(to, "reference: %s, %llu rows, hash %.8s, of %s%.*s", config->reference.file,
            (unsigned long long)reference->rows, reference->hash,
            reference->model.len ? "model " : "any model", OTC_SLICE_ARG(reference->model));
        return;
    }
    if (drift_is_dynamic(config)) {
        explain_dynamic(to, config);
        return;
    }
    otc_duration_format(learning.duration, duration);
    say(to, "reference: learned for each model from its first %lld records or more, over %s or more",
        (long long)learning.observations, duration);
    if (learning.duration.ns < OTC_DAY) {
        say(to, "warning: a reference learned over less than 24h has not seen a whole day; ordinary hours "
                "may look "
                "like drift");
    }
    if (learning.trim > 0) {
        say(to, "reference: without the lowest and the highest %g of a number's values", learning.trim);
    }
    if (!drift_is_durable(config)) {
        say(to, "warning: a learned reference is kept in memory; after a restart it is learned again");
    }
}

/* What texts and vectors take, and what of them a storage has. */
static void
explain_contents(const struct explanation *to, const struct drift_config *config,
                 const struct otc_feature_set *set)
{
    size_t texts = 0, vectors = 0;

    for (size_t i = 0; i < otc_feature_set_count(set); i++) {
        texts += otc_feature_set_at(set, i)->vocabulary;
        vectors += otc_feature_set_at(set, i)->embedding;
    }
    if (texts > 0 && !config->reference.file) {
        say(to, "texts: %zu KiB of limits::memory each while their vocabulary is learned",
            OTC_VOCABULARY_BYTES / 1024);
    }
    if (vectors > 0) {
        unsigned bytes = drift_is_dynamic(config) ? 200 : 192;

        say(to,
            "embeddings: %u bytes of limits::memory a component in each pane (1536 components: %u KiB) for "
            "the share of those that moved, which is evidence without a verdict",
            bytes, 1536 * bytes / 1024);
    }
    if (drift_is_durable(config) && texts + vectors > 0) {
        say(to,
            "storage: keeps %s%s%s for some seconds, and while a reference or a grid is learned; then counts "
            "alone",
            texts ? "the hashes of the words of texts" : "", texts && vectors ? " and " : "",
            vectors ? "embeddings as they are" : "");
    }
}

static otc_status
explain_watch(const struct explanation *to, const struct drift_config *config,
              const struct otc_feature_set *set, struct otc_error *err)
{
    struct drift_watch *watch = NULL;
    otc_status status = drift_watch_new(&config->detectors, set, &watch, err);

    for (size_t i = 0; status == OTC_OK && i < drift_watch_count(watch); i++) {
        char text[400];

        drift_watch_explain(watch, i, text, sizeof(text));
        say(to, "%s", text);
    }
    drift_watch_free(watch);
    return status;
}

otc_status
drift_explain(const void *settings, void (*line)(void *arg, const char *text), void *arg,
              struct otc_error *err)
{
    const struct drift_config *config = settings;
    const struct explanation to = {line, arg};
    struct otc_feature_set *set = NULL;
    struct drift_binding *binding = NULL;
    otc_status status = resolve(config, &set, &binding, err);
    char length[32], pane[32];

    if (status == OTC_OK) {
        otc_duration_format(config->window.length, length);
        otc_duration_format(config->window.pane, pane);
        explain_reference(&to, config, binding);
        say(&to, "window: %s, %s, an evaluation every %s once it holds %lld records", length,
            config->window.length.ns == config->window.pane.ns ? "tumbling" : "sliding", pane,
            (long long)config->window.min_observations);
        if (binding) {
            explain_bound(&to, config, set, binding);
        } else {
            explain_known(&to, config, set);
        }
        explain_contents(&to, config, set);
        status = explain_watch(&to, config, set, err);
    }
    drift_binding_unref(binding);
    otc_feature_set_free(set);
    return status;
}
