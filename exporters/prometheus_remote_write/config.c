// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus_remote_write/config.h"

#include <strings.h>

#define DEFAULT_PARALLELISM 5
/* Receivers have limits of their own: what they refuse, they say. */
#define MAX_LABEL_VALUE ((size_t)64 * 1024)

static const char *const messages[] = {"prometheus.WriteRequest", "io.prometheus.write.v2.Request", NULL};

static const struct otc_field queue_fields[] = {
    OTC_FIELD(prw_queue_config, queue_size, .def = "10000", .min = "1", .max = "10000000",
              .doc = "Batches that wait."),
    OTC_FIELD(prw_queue_config, num_consumers, .def = "5", .min = "1", .max = "1000",
              .doc = "Requests of one batch that are under way at the same time. Batches are sent one after "
                     "another, so that the samples of a series stay in order."),
    OTC_FIELD_END,
};
static const struct otc_schema queue_schema =
    OTC_SCHEMA(prw_queue_config, queue_fields, "Holds batches in memory and sends them in the background.");

static const struct otc_field target_info_fields[] = {
    OTC_FIELD(prw_switch, enabled, .def = "true",
              .doc = "A series `target_info` with the attributes of each resource."),
    OTC_FIELD_END,
};
static const struct otc_schema target_info_schema =
    OTC_SCHEMA(prw_switch, target_info_fields, "Resources as `target_info`.");

static const struct otc_field created_fields[] = {
    OTC_FIELD(
        prw_switch, enabled, .def = "false",
        .doc =
            "A series `…_created` with the start time, in seconds, of counters, histograms and summaries."),
    OTC_FIELD_END,
};
static const struct otc_schema created_schema =
    OTC_SCHEMA(prw_switch, created_fields, "Start times as series.");

static const struct otc_field wal_fields[] = {
    OTC_FIELD(prw_wal, directory, .doc = "Refused."),
    OTC_FIELD(prw_wal, buffer_size, .def = "300", .doc = "Refused."),
    OTC_FIELD(prw_wal, truncate_frequency, .def = "1m", .doc = "Refused."),
    OTC_FIELD(prw_wal, lag_record_frequency, .def = "15s", .doc = "Refused."),
    OTC_FIELD_END,
};

/* Leaving it out in silence would lose what its user believes to be safe. */
static otc_status
refuse_wal(const void *value, struct otc_error *err)
{
    (void)value;
    return otc_fail(
        err, OTC_UNIMPLEMENTED,
        "\"wal\" is an OpenTelemetry Collector option that this build does not support: what waits is "
        "held in memory; remove it");
}
static const struct otc_schema wal_schema =
    OTC_SCHEMA(prw_wal, wal_fields, "Write-ahead log.", .check = refuse_wal);

static const struct otc_field http_fields[] = {
    OTC_HTTP_CLIENT_FIELDS(prw_http, client, "5s", ""),
    OTC_FIELD_END,
};
static const struct otc_schema http_schema = OTC_SCHEMA(prw_http, http_fields, "Settings of the client.");

static const struct otc_field fields[] = {
    OTC_HTTP_CLIENT_FIELDS(prw_config, flat, "5s", ""),
    OTC_FIELD_OPTIONAL(
        prw_config, http, http_schema,
        .doc = "The settings of the client, from `endpoint` to here, in a section of their own; it "
               "counts instead of those beside it."),
    OTC_FIELD(prw_config, include_metadata_keys,
              .doc = "Metadata of the client that sent the points, forwarded as headers. Needs "
                     "`include_metadata` on the receiver."),
    OTC_FIELD_AS(prw_config, name_space, "namespace", .def = "", .doc = "Prefix of every metric name."),
    OTC_FIELD(prw_config, external_labels,
              .doc = "Labels of every series; an attribute that becomes the same label wins."),
    OTC_PROMETHEUS_NAME_FIELDS(prw_config),
    OTC_FIELD(prw_config, disable_scope_info, .def = "false", .doc = "Leave the `otel_scope_*` labels out."),
    OTC_FIELD(prw_config, protobuf_message, .def = "prometheus.WriteRequest", .choices = messages,
              .doc = "Remote write 1.0, or 2.0, which falls back to 1.0 when the server answers 415."),
    OTC_FIELD(prw_config, send_metadata, .def = "false",
              .doc =
                  "1.0: type, help and unit of each family in a request of their own (2.0 always has them)."),
    OTC_FIELD(prw_config, max_batch_size_bytes, .def = "3000000", .min = "0", .max = "1000000000",
              .doc = "Largest request before compression; a larger batch is sent in several. 0: 3000000."),
    OTC_FIELD(prw_config, max_batch_request_parallelism, .min = "1", .max = "1000",
              .doc = "Requests of one batch that are under way at the same time; by default "
                     "`remote_write_queue::num_consumers`."),
    OTC_FIELD_STRUCT(prw_config, target_info, target_info_schema, .doc = "Resources as `target_info`."),
    OTC_FIELD_STRUCT(prw_config, export_created_metric, created_schema, .doc = "Start times as series."),
    OTC_FIELD(prw_config, convert_explicit_histograms_to_nhcb, .def = "false",
              .doc =
                  "Histograms become native ones with their own buckets (schema -53) instead of `_bucket`, "
                  "`_sum` and `_count`."),
    OTC_FIELD(prw_config, keep_classic_histograms, .def = "false",
              .doc = "With the setting above, the classic series too."),
    OTC_FIELD_OPTIONAL(prw_config, remote_write_queue, queue_schema, .on_by_default = true,
                       .doc = "Holds batches in memory and sends them in the background."),
    OTC_FIELD_STRUCT(prw_config, retry_on_failure, otc_retry_fast_schema,
                     .doc = "Sends again what failed for a while."),
    OTC_FIELD_OPTIONAL(prw_config, wal, wal_schema, .null_is_absent = true,
                       .doc = "Refused: what waits is held in memory."),
    OTC_FIELD_END,
};
const struct otc_schema prometheus_remote_write_schema =
    OTC_SCHEMA(prw_config, fields, "Sends metrics by Prometheus remote write.");

const struct otc_http_client_config *
prometheus_remote_write_http(const struct prw_config *config)
{
    return config->http ? &config->http->client : &config->flat;
}

static otc_status
check_http(const struct otc_http_client_config *http, struct otc_error *err)
{
    enum otc_compression compression = (enum otc_compression)http->compression.index;
    otc_status status;

    if (!http->endpoint || !*http->endpoint) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "endpoint: requires a non-empty URL of a remote-write receiver");
    }
    status = otc_http_url_check("endpoint", http->endpoint, err);
    if (status != OTC_OK) {
        return status;
    }
    if (otc_compression_name(compression) && compression != OTC_COMPRESS_SNAPPY) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "compression: remote write is always compressed with snappy (allowed: snappy, none)");
    }
    return otc_http_client_check(http, err);
}

/* What the protocol itself says in its headers is not a client's to say. */
static otc_status
check_metadata_keys(const otc_strings *keys, struct otc_error *err)
{
    static const char *const reserved[] = {"Content-Encoding", "Content-Type", "User-Agent",
                                           "X-Prometheus-Remote-Write-Version"};

    for (size_t i = 0; i < keys->n; i++) {
        for (size_t k = 0; k < sizeof(reserved) / sizeof(reserved[0]); k++) {
            if (strcasecmp(keys->items[i], reserved[k]) == 0) {
                return otc_fail(
                    err, OTC_INVALID_ARGUMENT,
                    "include_metadata_keys entry \"%s\" collides with a reserved remote write header",
                    keys->items[i]);
            }
        }
    }
    return keys->n <= PRW_METADATA_KEYS_MAX
               ? OTC_OK
               : otc_fail(err, OTC_INVALID_ARGUMENT, "include_metadata_keys: at most %d of them, got %zu",
                          PRW_METADATA_KEYS_MAX, keys->n);
}

otc_status
prometheus_remote_write_validate(const void *value, struct otc_error *err)
{
    const struct prw_config *config = value;
    otc_status status = check_http(prometheus_remote_write_http(config), err);

    if (status != OTC_OK && config->http) {
        return otc_config_error_path(&http_schema, "http", err);
    }
    if (status == OTC_OK) {
        status = check_metadata_keys(&config->include_metadata_keys, err);
    }
    return status == OTC_OK
               ? otc_prometheus_labels_check(
                     "external_labels",
                     otc_prometheus_translation(config->translation_strategy, config->add_metric_suffixes),
                     &config->external_labels, err)
               : status;
}

void
prometheus_remote_write_series_options(const struct prw_config *config, struct otc_const_label *labels,
                                       struct prw_options *out)
{
    *out = (struct prw_options){.exposition = OTC_EXPOSITION_DEFAULTS,
                                .target_info = config->target_info.enabled,
                                .created = config->export_created_metric.enabled,
                                .nhcb = config->convert_explicit_histograms_to_nhcb,
                                .classic = !config->convert_explicit_histograms_to_nhcb ||
                                           config->keep_classic_histograms};
    for (size_t i = 0; i < config->external_labels.n; i++) {
        labels[i] = (struct otc_const_label){config->external_labels.items[i].name,
                                             config->external_labels.items[i].value};
    }
    out->exposition.translation =
        otc_prometheus_translation(config->translation_strategy, config->add_metric_suffixes);
    out->exposition.name_space = config->name_space;
    out->exposition.const_labels = labels;
    out->exposition.n_const_labels = config->external_labels.n;
    out->exposition.const_labels_of_target = true;
    out->exposition.max_value_bytes = MAX_LABEL_VALUE;
    out->exposition.without_scope_info = config->disable_scope_info;
    out->exposition.resource_labels = config->resource_to_telemetry_conversion.enabled;
    out->exposition.resource_labels_without_service =
        config->resource_to_telemetry_conversion.exclude_service_attributes;
}

size_t
prometheus_remote_write_parallelism(const struct prw_config *config)
{
    if (config->max_batch_request_parallelism > 0) {
        return (size_t)config->max_batch_request_parallelism;
    }
    return config->remote_write_queue ? (size_t)config->remote_write_queue->num_consumers
                                      : DEFAULT_PARALLELISM;
}
