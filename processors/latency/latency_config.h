// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the latency connector. */
#ifndef OTC_LATENCY_CONFIG_H
#define OTC_LATENCY_CONFIG_H

#include "common/analysis/model.h"
#include "common/analysis/window.h"

struct latency_histogram_config {
    int64_t max_size;
    int64_t quantile_buckets;
};

struct latency_limits_config {
    otc_bytes memory;
    int64_t models, versions, operations, series;
};

struct latency_gen_ai_config {
    bool server_address;
    int64_t series;
};

struct latency_apdex_config {
    otc_duration threshold;
};

struct latency_slo_config {
    double objective;
    otc_duration threshold; /* 0: errors alone */
    otc_strings windows;
    otc_duration period;
};

struct latency_drift_config {
    int64_t observations;
    otc_duration duration;
    int64_t min_observations;
    double level, min_effect;
    char *windows;
};

struct latency_config {
    struct otc_window_config window;
    struct otc_model_config model;
    struct latency_histogram_config histogram;
    struct latency_limits_config limits;
    struct latency_gen_ai_config *gen_ai; /* NULL: off, as those that follow */
    struct latency_apdex_config *apdex;
    struct latency_slo_config *slo;
    struct latency_drift_config *drift;
    bool exemplars;
    otc_duration metrics_flush_interval;
    otc_duration series_expiration;
};

extern const struct otc_schema latency_schema;

/** The factory's `validate` and `explain`. */
otc_status latency_validate(const void *config, struct otc_error *err);
otc_status latency_explain(const void *config, void (*line)(void *arg, const char *text), void *arg,
                           struct otc_error *err);

#endif
