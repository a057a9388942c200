// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the prometheus exporter. */
#ifndef EXPORTERS_PROMETHEUS_CONFIG_H
#define EXPORTERS_PROMETHEUS_CONFIG_H

#include "common/component/exporter_config.h"
#include "common/net/server.h"
#include "common/prometheus/settings.h"
#include "exporters/prometheus/store.h"

struct prometheus_config {
    struct otc_http_server_config server;
    char *name_space;
    otc_headers const_labels;
    bool send_timestamps;
    otc_duration metric_expiration;
    bool enable_open_metrics;
    bool add_metric_suffixes;
    /** 0: not given, then add_metric_suffixes decides; else 1 + enum otc_translation. */
    otc_choice translation_strategy;
    struct otc_prometheus_resource resource_to_telemetry_conversion;
    bool without_scope_info;
    int64_t max_series;
    bool bridge_delta_gaps;
    struct otc_queue_config *sending_queue;
};

extern const struct otc_schema prometheus_schema;

/** What needs more than one field, and the endpoint. */
otc_status prometheus_validate(const void *config, struct otc_error *err);
/**
 * The store's options out of the settings. The const labels go into `labels`, which has room for
 * config->const_labels.n and lives as long as the options.
 */
void prometheus_options(const struct prometheus_config *config, struct otc_const_label *labels,
                        struct prometheus_store_options *out);

#endif
