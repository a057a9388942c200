// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the prometheus_remote_write exporter. */
#ifndef OTC_EXPORTERS_PRW_CONFIG_H
#define OTC_EXPORTERS_PRW_CONFIG_H

#include "common/component/exporter_config.h"
#include "common/component/otc.h"
#include "common/net/http_client_config.h"
#include "common/prometheus/settings.h"
#include "exporters/prometheus_remote_write/series.h"

/** Of `include_metadata_keys`. */
#define PRW_METADATA_KEYS_MAX 64

/** `remote_write_queue`. */
struct prw_queue_config {
    int64_t queue_size;
    int64_t num_consumers;
};

struct prw_switch {
    bool enabled;
};

/** `wal`: known, so that it is refused by name. */
struct prw_wal {
    char *directory;
    int64_t buffer_size;
    otc_duration truncate_frequency;
    otc_duration lag_record_frequency;
};

/** `http`: the client's settings in a section of their own. */
struct prw_http {
    struct otc_http_client_config client;
};

struct prw_config {
    struct otc_http_client_config flat;
    struct prw_http *http;
    otc_strings include_metadata_keys;
    char *name_space;
    otc_headers external_labels;
    bool add_metric_suffixes;
    otc_choice translation_strategy;
    struct otc_prometheus_resource resource_to_telemetry_conversion;
    bool disable_scope_info;
    bool send_metadata;
    otc_choice protobuf_message; /* 1: 2.0 */
    int64_t max_batch_size_bytes;
    int64_t max_batch_request_parallelism;
    struct prw_switch target_info;
    struct prw_switch export_created_metric;
    bool convert_explicit_histograms_to_nhcb;
    bool keep_classic_histograms;
    struct prw_queue_config *remote_write_queue;
    struct otc_retry_config retry_on_failure;
    struct prw_wal *wal;
};

extern const struct otc_schema prometheus_remote_write_schema;

otc_status prometheus_remote_write_validate(const void *value, struct otc_error *err);
/** The client's settings: those of `http` where it is there, else the ones beside it. */
const struct otc_http_client_config *prometheus_remote_write_http(const struct prw_config *config);
/**
 * How points become series. External labels go into `labels`, which has room for config->external_labels.n
 * and lives as long as the options.
 */
void prometheus_remote_write_series_options(const struct prw_config *config, struct otc_const_label *labels,
                                            struct prw_options *out);
/** Requests of one batch that are under way at the same time. */
size_t prometheus_remote_write_parallelism(const struct prw_config *config);

#endif
