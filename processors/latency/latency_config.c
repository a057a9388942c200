// SPDX-License-Identifier: Apache-2.0
#include "processors/latency/latency_config.h"

#include "processors/latency/drift.h"
#include "processors/latency/objectives.h"

static const char *const window_times[] = {"event", "arrival", NULL};

/* The settings of every stage's window, with defaults for something that is looked at by the minute. */
static const struct otc_field window_fields[] = {
    OTC_FIELD(otc_window_config, length, .def = "5m", .min = "1s", .max = "31d",
              .doc = "Span of time that quantiles are taken over; a multiple of `pane`. `window: 5m` is "
                     "short for it."),
    OTC_FIELD(otc_window_config, pane, .def = "30s", .min = "1s", .max = "31d",
              .doc = "Step of the window: new quantiles at the end of each pane."),
    OTC_FIELD(otc_window_config, time, .def = "event", .choices = window_times,
              .doc = "Time that places a span: `event` (its end) or `arrival`."),
    OTC_FIELD(otc_window_config, allowed_lateness, .def = "30s", .min = "0s", .max = "24h",
              .doc = "How long a pane waits for spans that come out of order."),
    OTC_FIELD(otc_window_config, max_age, .def = "24h", .min = "1s", .max = "366d",
              .doc = "Spans that ended longer ago are not windowed, and counted as `too_old`."),
    OTC_FIELD(otc_window_config, min_observations, .def = "1", .min = "1",
              .doc = "Spans a series needs in the window for its quantiles to be told."),
    OTC_FIELD_END,
};

static otc_status
check_window(const void *value, struct otc_error *err)
{
    return otc_window_schema.check(value, err);
}

static const struct otc_schema window_schema = {.size = sizeof(struct otc_window_config),
                                                .fields = window_fields,
                                                .doc = "The span that quantiles are taken over.",
                                                .check = check_window,
                                                .scalar_key = "length"};

static const struct otc_field histogram_fields[] = {
    OTC_FIELD(latency_histogram_config, max_size, .def = "160", .min = "2", .max = "4096",
              .doc = "Buckets of `ml.inference.duration`; its resolution falls when durations spread wider."),
    OTC_FIELD(latency_histogram_config, quantile_buckets, .def = "640", .min = "2", .max = "65536",
              .doc = "Buckets from which quantiles are taken: 640 hold 1.1 % relative error over a range of "
                     "1 to a million."),
    OTC_FIELD_END,
};
static const struct otc_schema histogram_schema =
    OTC_SCHEMA(latency_histogram_config, histogram_fields, "Resolution of the histograms.");

static const struct otc_field limits_fields[] = {
    OTC_FIELD(latency_limits_config, memory, .def = "64MiB", .min = "64KiB",
              .doc = "Memory of histograms; durations that do not fit are counted as excluded."),
    OTC_FIELD(latency_limits_config, models, .def = "100", .min = "1", .max = "100000", .doc = "Models."),
    OTC_FIELD(latency_limits_config, versions, .def = "5", .min = "1", .max = "1000",
              .doc = "Versions of a model; the least recently seen is forgotten for a new one."),
    OTC_FIELD(latency_limits_config, operations, .def = "100", .min = "1", .max = "10000",
              .doc = "Operations of a version; spans of further ones are pooled in the operation `other`, "
                     "and counted."),
    OTC_FIELD(latency_limits_config, series, .def = "20000", .min = "1", .max = "10000000",
              .doc = "Series of one emission; what is beyond is left out and counted."),
    OTC_FIELD_END,
};
static const struct otc_schema limits_schema = OTC_SCHEMA(latency_limits_config, limits_fields, "Ceilings.");

static const struct otc_field gen_ai_fields[] = {
    OTC_FIELD(latency_gen_ai_config, server_address, .def = "false",
              .doc = "Adds `server.address` and `server.port` to the attributes."),
    OTC_FIELD(
        latency_gen_ai_config, series, .def = "1000", .min = "1", .max = "1000000",
        .doc =
            "Sets of attributes of clients, of servers, and of stages; further ones are counted in one with "
            "`otel.metric.overflow: true`."),
    OTC_FIELD_END,
};
static const struct otc_schema gen_ai_schema =
    OTC_SCHEMA(latency_gen_ai_config, gen_ai_fields, "Timings and tokens of generative calls.");

static const struct otc_field apdex_fields[] = {
    OTC_FIELD(latency_apdex_config, threshold, .def = "500ms", .min = "1ms", .max = "24h",
              .doc =
                  "Who waits no longer is satisfied, who waits no longer than four times this tolerates it."),
    OTC_FIELD_END,
};
static const struct otc_schema apdex_schema =
    OTC_SCHEMA(latency_apdex_config, apdex_fields, "Apdex of each operation over the window.");

static const struct otc_field slo_fields[] = {
    OTC_FIELD(latency_slo_config, objective, .def = "0.999", .min = "0", .max = "0.999999999",
              .doc = "Share of requests that must be good."),
    OTC_FIELD(latency_slo_config, threshold, .def = "0s", .min = "0s", .max = "24h",
              .doc = "A good request succeeds and takes no longer; 0: succeeds."),
    OTC_FIELD(latency_slo_config, windows, .def = "[5m, 30m, 1h, 6h, 1d, 3d]",
              .doc = "Windows whose burn rate is told, from 1m to the period, at most 8."),
    OTC_FIELD(latency_slo_config, period, .def = "30d", .min = "1h", .max = "366d",
              .doc = "Span of time that the error budget is for."),
    OTC_FIELD_END,
};
static const struct otc_schema slo_schema =
    OTC_SCHEMA(latency_slo_config, slo_fields, "Service level objective of each operation.");

static const struct otc_field drift_fields[] = {
    OTC_FIELD(latency_drift_config, observations, .def = "5000", .min = "200", .max = "1000000000",
              .doc = "Spans of an operation that its reference is learned from, at least."),
    OTC_FIELD(latency_drift_config, duration, .def = "24h", .min = "0s", .max = "366d",
              .doc =
                  "Span of time that it is learned over, at least; below 24 h it has not seen a whole day."),
    OTC_FIELD(latency_drift_config, min_observations, .def = "200", .min = "20",
              .doc = "Spans that a window needs to be tested."),
    OTC_FIELD(
        latency_drift_config, level, .def = "0.001", .min = "0", .max = "1",
        .doc = "A test rejects at an adjusted p-value up to this (Benjamini-Hochberg over the operations)."),
    OTC_FIELD(latency_drift_config, min_effect, .def = "0.1", .min = "0", .max = "10",
              .doc = "… and from this effect on: KS distance, PSI above its expectation."),
    OTC_FIELD(latency_drift_config, windows, .def = "2 of 3",
              .doc = "Drifted when the window rejects and so did k of the last n evaluations."),
    OTC_FIELD_END,
};
static const struct otc_schema drift_schema =
    OTC_SCHEMA(latency_drift_config, drift_fields, "Drift of each operation's durations.");

static const struct otc_field latency_fields[] = {
    OTC_FIELD_STRUCT(latency_config, window, window_schema, .doc = "The span that quantiles are taken over."),
    OTC_FIELD_STRUCT(latency_config, model, otc_model_schema,
                     .doc = "Attributes that tell the model and its version."),
    OTC_FIELD_STRUCT(latency_config, histogram, histogram_schema, .doc = "Resolution."),
    OTC_FIELD_STRUCT(latency_config, limits, limits_schema, .doc = "Ceilings."),
    OTC_FIELD_OPTIONAL(latency_config, gen_ai, gen_ai_schema, .on_by_default = true,
                       .doc = "Timings and tokens of generative calls and stages of inference servers, where "
                              "spans of them come; `gen_ai: {enabled: false}` for none."),
    OTC_FIELD_OPTIONAL(latency_config, apdex, apdex_schema,
                       .doc = "Tells `ml.inference.apdex` of each operation over the window."),
    OTC_FIELD_OPTIONAL(latency_config, slo, slo_schema,
                       .doc =
                           "Tells burn rates and error budget of each operation's service level objective."),
    OTC_FIELD_OPTIONAL(latency_config, drift, drift_schema,
                       .doc = "Compares each operation's durations in the window with those it had first."),
    OTC_FIELD(latency_config, exemplars, .def = "true",
              .doc = "Links slow durations and their quantiles to traces."),
    OTC_FIELD(latency_config, metrics_flush_interval, .def = "15s", .min = "1s", .max = "24h",
              .doc = "How often results are sent."),
    OTC_FIELD(
        latency_config, series_expiration, .def = "24h", .min = "1s", .max = "366d",
        .doc = "What had no span for this long is forgotten, with `slo` after its period at the earliest."),
    OTC_FIELD_END,
};

const struct otc_schema latency_schema =
    OTC_SCHEMA(latency_config, latency_fields, "Latency percentiles, requests and errors of spans.");

otc_status
latency_validate(const void *config, struct otc_error *err)
{
    const struct latency_config *latency = config;
    char expiration[32], length[32];

    if (latency->model.name.n == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "model::name: needs at least one attribute");
    }
    if (latency->slo) {
        int64_t lengths[LATENCY_SLO_WINDOWS_MAX];

        if (latency_slo_lengths(latency->slo, lengths, LATENCY_SLO_WINDOWS_MAX - 1, err) == SIZE_MAX) {
            return OTC_INVALID_ARGUMENT;
        }
    }
    if (latency->drift) {
        struct latency_drift_rule rule;
        otc_status status = latency_drift_rule_of(latency->drift, &rule, err);

        if (status != OTC_OK) {
            return status;
        }
    }
    if (latency->series_expiration.ns < latency->window.length.ns) {
        otc_duration_format(latency->series_expiration, expiration);
        otc_duration_format(latency->window.length, length);
        return otc_fail(err, OTC_INVALID_ARGUMENT, "series_expiration: %s is shorter than the window, %s",
                        expiration, length);
    }
    return OTC_OK;
}

otc_status
latency_explain(const void *config, void (*line)(void *arg, const char *text), void *arg,
                struct otc_error *err)
{
    const struct latency_config *latency = config;
    char text[256], label[32];
    /* Per operation: errors, and per status requests, histogram, error bound and five quantiles. */
    const int64_t per_operation = 1 + 2 * 8 + (latency->apdex ? 1 : 0) +
                                  (latency->slo ? 2 + (int64_t)latency->slo->windows.n : 0) +
                                  (latency->drift ? 11 : 0);

    (void)err;
    otc_window_label(&latency->window, label);
    snprintf(text, sizeof(text),
             "latency: p50, p90, p95, p99 and p99.9 over %s by model, version, operation and status", label);
    line(arg, text);
    if (latency->apdex) {
        char threshold[32];

        otc_duration_format(latency->apdex->threshold, threshold);
        snprintf(text, sizeof(text), "Apdex with T = %s over %s", threshold, label);
        line(arg, text);
    }
    if (latency->slo) {
        snprintf(text, sizeof(text), "objective %.9g: burn rate of %zu windows and error budget",
                 latency->slo->objective, latency->slo->windows.n);
        line(arg, text);
    }
    if (latency->drift) {
        snprintf(text, sizeof(text), "ml.drift.* of each operation's durations, learned from %lld spans",
                 (long long)latency->drift->observations);
        line(arg, text);
    }
    if (latency->gen_ai) {
        line(arg,
             "where generative calls come: gen_ai.client.*, gen_ai.server.*, ml.inference.stage.duration");
    }
    snprintf(text, sizeof(text), "at most %lld series for each operation of a model's version, %lld in all",
             (long long)per_operation, (long long)latency->limits.series);
    line(arg, text);
    return OTC_OK;
}
