// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the prometheus_remote_write exporter. */
#ifndef OTC_EXPORTERS_PRW_CONFIG_H
#define OTC_EXPORTERS_PRW_CONFIG_H

#include "common/component/exporter_config.h"
#include "common/component/otc.h"
#include "common/net/http_client_config.h"
#include "common/prometheus/settings.h"
#include "exporters/prometheus_remote_write/series.h"

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

struct prw_config {
    struct otc_http_client_config http;
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
    struct prw_queue_config *remote_write_queue;
    struct otc_retry_config retry_on_failure;
    struct prw_wal *wal;
};

extern const struct otc_schema prometheus_remote_write_schema;

otc_status prometheus_remote_write_validate(const void *value, struct otc_error *err);
/**
 * How points become series. External labels go into `labels`, which has room for config->external_labels.n
 * and lives as long as the options.
 */
void prometheus_remote_write_series_options(const struct prw_config *config, struct otc_const_label *labels,
                                            struct prw_options *out);
/** Requests of one batch that are under way at the same time. */
size_t prometheus_remote_write_parallelism(const struct prw_config *config);

#endif
