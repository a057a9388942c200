// SPDX-License-Identifier: Apache-2.0
#include "processors/latency/state.h"

#include <math.h>

static const struct otc_metric duration_metric = {.name = "ml.inference.duration",
                                                  .unit = "s",
                                                  .description =
                                                      "Duration of spans by model, operation and status.",
                                                  .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM,
                                                  .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric quantile_metric = OTC_GAUGE_METRIC(
    "ml.inference.duration.quantile", "s", "Nearest-rank quantiles of the duration over the last window.");
static const struct otc_metric error_metric =
    OTC_GAUGE_METRIC("ml.inference.duration.quantile.error", "1",
                     "Bound of the relative error of ml.inference.duration.quantile.");
static const struct otc_metric requests_metric =
    OTC_COUNTER_METRIC("ml.inference.requests", "{request}", "Spans, by model, operation and status.");
static const struct otc_metric errors_metric = OTC_COUNTER_METRIC(
    "ml.inference.errors", "{request}", "Spans with status ERROR or an error.type, by model and operation.");
static const struct otc_metric apdex_metric =
    OTC_GAUGE_METRIC("ml.inference.apdex", "", "Apdex over the last window, by model and operation.");
static const struct otc_metric burn_rate_metric =
    OTC_GAUGE_METRIC("ml.inference.slo.burn_rate", "",
                     "Share of bad requests over the share that the objective allows, by window.");
static const struct otc_metric budget_metric =
    OTC_GAUGE_METRIC("ml.inference.slo.error_budget", "1",
                     "What is left of the objective's error budget; negative when it is overdrawn.");
static const struct otc_metric bad_metric =
    OTC_COUNTER_METRIC("ml.inference.slo.bad", "{request}",
                       "Requests that the objective counts as bad, by model and operation.");
static const struct otc_metric excluded_metric = OTC_COUNTER_METRIC(
    "ml.inference.observations.excluded", "{request}", "Spans that a result leaves out, by reason.");

static const char *const side_names[LATENCY_N_SIDES] = {"ok", "error"};
static const char *const quantile_names[LATENCY_N_QUANTILES] = {"0.5", "0.9", "0.95", "0.99", "0.999"};

/* Attributes grow from left to right: model, version, operation, status, quantile. */
#define MAX_ATTRIBUTES 6
struct labels {
    struct otc_attribute items[MAX_ATTRIBUTES];
    size_t n;
};

static void
label(struct labels *labels, struct otc_attribute attribute)
{
    labels->items[labels->n++] = attribute;
}

static void
emit_durations(struct otc_emitter *emitter, const struct labels *labels,
               const struct latency_operation *operation, const struct latency_series *series)
{
    const struct otc_exp_histogram *histogram = &series->durations;
    struct otc_exemplar exemplars[LATENCY_EXEMPLARS_MAX];
    const struct otc_exponential_value value = {.count = histogram->count,
                                                .has_sum = true,
                                                .has_min = true,
                                                .has_max = true,
                                                .sum = histogram->sum,
                                                .min = histogram->min,
                                                .max = histogram->max,
                                                .scale = histogram->scale,
                                                .zero_count = histogram->zero_count,
                                                .positive_offset = histogram->offset,
                                                .positive = histogram->counts,
                                                .n_positive = histogram->n_buckets};

    if (histogram->count > 0) {
        otc_emit_exemplars(emitter, exemplars,
                           series->exemplars ? latency_exemplars_fresh(series->exemplars, exemplars) : 0);
        otc_emit_exponential(emitter, &duration_metric, labels->items, labels->n, operation->start_ns,
                             &value);
    }
}

static void
emit_quantiles(struct otc_emitter *emitter, struct labels labels, struct latency_series *series)
{
    struct latency_result *result = &series->result;
    struct otc_exemplar exemplar;

    if (!result->valid && !result->stale) {
        return;
    }
    if (result->valid) {
        otc_emit_gauge(emitter, &error_metric, labels.items, labels.n, result->error);
    } else {
        otc_emit_stale(emitter, &error_metric, labels.items, labels.n);
    }
    labels.n++;
    for (int q = 0; q < LATENCY_N_QUANTILES; q++) {
        labels.items[labels.n - 1] = OTC_ATTR_STR("quantile", quantile_names[q]);
        if (result->valid) {
            if (q > 0 && series->exemplars && /* the median is not slow */
                latency_exemplars_near(series->exemplars, result->quantiles[q] * (1 - 2 * result->error),
                                       result->start_ns, &exemplar)) {
                otc_emit_exemplars(emitter, &exemplar, 1);
            }
            otc_emit_gauge(emitter, &quantile_metric, labels.items, labels.n, result->quantiles[q]);
        } else {
            otc_emit_stale(emitter, &quantile_metric, labels.items, labels.n);
        }
    }
    result->stale = false;
}

static void
emit_apdex(struct otc_emitter *emitter, const struct labels *labels, struct latency_operation *operation)
{
    if (!isnan(operation->apdex)) {
        otc_emit_gauge(emitter, &apdex_metric, labels->items, labels->n, operation->apdex);
    } else if (operation->apdex_told) {
        otc_emit_stale(emitter, &apdex_metric, labels->items, labels->n);
    }
    operation->apdex_told = !isnan(operation->apdex);
}

static void
emit_slo(struct otc_emitter *emitter, struct labels labels, struct latency_operation *operation,
         const struct latency_slo_config *config)
{
    struct latency_slo *slo = operation->slo;

    otc_emit_counter(emitter, &bad_metric, labels.items, labels.n, operation->start_ns,
                     otc_weighted_value(&slo->bad));
    otc_emit_gauge(emitter, &budget_metric, labels.items, labels.n, latency_slo_budget(slo, config));
    labels.n++;
    for (size_t i = 0; i + 1 < slo->n; i++) {
        labels.items[labels.n - 1] = OTC_ATTR_STR("ml.slo.window", config->windows.items[i]);
        otc_emit_gauge(emitter, &burn_rate_metric, labels.items, labels.n,
                       latency_slo_burn_rate(slo, config, i));
    }
}

static void
emit_operation(struct otc_emitter *emitter, struct labels labels, struct latency_operation *operation,
               const struct latency *latency)
{
    label(&labels, OTC_ATTR_SLICE("ml.operation.name", operation->name));
    otc_emit_counter(emitter, &errors_metric, labels.items, labels.n, operation->start_ns,
                     otc_weighted_value(&operation->sides[LATENCY_ERROR].requests));
    emit_apdex(emitter, &labels, operation);
    if (operation->slo) {
        emit_slo(emitter, labels, operation, latency->config->slo);
    }
    if (operation->drift) {
        latency_drift_emit(latency, emitter, labels.items, labels.n, operation->drift);
    }
    labels.n++;
    for (int side = 0; side < LATENCY_N_SIDES; side++) {
        struct latency_series *series = &operation->sides[side];

        labels.items[labels.n - 1] = OTC_ATTR_STR("status", side_names[side]);
        otc_emit_counter(emitter, &requests_metric, labels.items, labels.n, operation->start_ns,
                         otc_weighted_value(&series->requests));
        emit_durations(emitter, &labels, operation, series);
        emit_quantiles(emitter, labels, series);
    }
}

/* Whether a span can meet this reason at all: without event time nothing comes late or too early. */
static bool
can_exclude(const struct latency *latency, enum latency_excluded reason)
{
    bool by_time = reason == LATENCY_LATE || reason == LATENCY_TOO_OLD || reason == LATENCY_FUTURE;

    return !by_time || latency->config->window.time.index == OTC_EVENT_TIME;
}

/* From a version's first emission on, 0 too: increase() sees no counter's first step. */
static void
emit_excluded(struct otc_emitter *emitter, struct labels labels, const struct latency_version *version)
{
    labels.n++;
    for (enum latency_excluded reason = 0; reason < LATENCY_N_EXCLUDED; reason++) {
        labels.items[labels.n - 1] = OTC_ATTR_STR("reason", latency_excluded_name(reason));
        if (version->excluded[reason] > 0 || can_exclude(version->owner, reason)) {
            otc_emit_counter(emitter, &excluded_metric, labels.items, labels.n, version->start_ns,
                             version->excluded[reason]);
        }
    }
}

static void
emit_version(struct otc_emitter *emitter, const struct otc_model_version *entry)
{
    struct latency_version *version = entry->state;
    struct labels labels = {.n = 0};

    label(&labels, OTC_ATTR_SLICE("ml.model.name", entry->model->name));
    if (entry->version.len) {
        label(&labels, OTC_ATTR_SLICE("ml.model.version", entry->version));
    }
    for (size_t i = 0; i < version->n_slots; i++) {
        if (version->operations[i]) {
            emit_operation(emitter, labels, version->operations[i], version->owner);
        }
    }
    emit_excluded(emitter, labels, version);
}

/* After a window's length without a span its results say nothing of the present. */
static void
end_results(struct latency_version *version, int64_t monotonic_ns)
{
    if (monotonic_ns - version->touched_ns < version->owner->config->window.length.ns) {
        return;
    }
    for (size_t i = 0; i < version->n_slots; i++) {
        for (int side = 0; version->operations[i] && side < LATENCY_N_SIDES; side++) {
            struct latency_series *series = &version->operations[i]->sides[side];

            series->result.stale = series->result.stale || series->result.valid;
            series->result.valid = false;
            series->slow_s = 0;
        }
        if (version->operations[i]) {
            version->operations[i]->apdex = (double)NAN;
            if (version->operations[i]->drift) {
                version->operations[i]->drift->compared = false;
            }
        }
    }
}

static void
refresh_version(struct latency_version *version, int64_t now_ns, int64_t monotonic_ns)
{
    if (otc_window_advance(&version->window, now_ns, monotonic_ns, false)) {
        latency_evaluate(version);
    }
    end_results(version, monotonic_ns);
    for (size_t i = 0; i < version->n_slots; i++) {
        if (version->operations[i] && version->operations[i]->slo) {
            latency_slo_advance(version->operations[i]->slo, monotonic_ns);
        }
    }
}

/* What had no span for so long is forgotten, once its end is told. An objective is of its whole period. */
static void
expire(struct latency *latency, int64_t monotonic_ns)
{
    const struct latency_config *config = latency->config;
    int64_t kept_ns = config->series_expiration.ns;

    if (config->slo && config->slo->period.ns > kept_ns) {
        kept_ns = config->slo->period.ns;
    }
    otc_models_expire(latency->models, monotonic_ns - kept_ns);
    for (size_t i = 0; i < otc_models_count(latency->models); i++) {
        struct otc_model *model = otc_models_at(latency->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            latency_expire(model->versions[j]->state, monotonic_ns - kept_ns);
        }
    }
}

/* What belongs to no model; 0 as soon as there is one. */
static void
emit_lost(const struct latency *latency, struct otc_emitter *emitter, const char *reason, uint64_t count)
{
    const struct otc_attribute attribute = OTC_ATTR_STR("reason", reason);

    if (count > 0 || otc_models_count(latency->models) > 0) {
        otc_emit_counter(emitter, &excluded_metric, &attribute, 1, latency->start_ns, count);
    }
}

void
latency_collect(void *stage, struct otc_emitter *emitter)
{
    struct latency *latency = stage;
    int64_t now = latency->host->now_ns(latency->host);
    int64_t monotonic = latency->host->monotonic_ns(latency->host);

    pthread_mutex_lock(&latency->lock);
    for (size_t i = 0; i < otc_models_count(latency->models); i++) {
        struct otc_model *model = otc_models_at(latency->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            refresh_version(model->versions[j]->state, now, monotonic);
            emit_version(emitter, model->versions[j]);
        }
    }
    emit_lost(latency, emitter, "models", otc_models_overflow(latency->models));
    emit_lost(latency, emitter, "no_model", latency->no_model);
    emit_lost(latency, emitter, "malformed", latency->malformed);
    if (latency->gen_ai) {
        emit_lost(latency, emitter, "stages", latency_gen_ai_unmatched(latency->gen_ai));
        latency_gen_ai_collect(latency->gen_ai, emitter, monotonic - latency->config->series_expiration.ns);
    }
    expire(latency, monotonic);
    pthread_mutex_unlock(&latency->lock);
}
