// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/config.h"

static const struct otc_field fields[] = {
    OTC_HTTP_SERVER_FIELDS(prometheus_config, server, NULL),
    OTC_HTTP_PAGE_FIELDS(prometheus_config, server),
    OTC_FIELD_AS(prometheus_config, name_space, "namespace", .def = "",
                 .doc = "Prefix of every metric name."),
    OTC_FIELD(prometheus_config, const_labels,
              .doc = "Labels of every series; an attribute that becomes the same label wins."),
    OTC_FIELD(prometheus_config, send_timestamps, .def = "false",
              .doc = "Samples carry the time of their data point."),
    OTC_FIELD(prometheus_config, metric_expiration, .def = "5m", .min = "1ms",
              .doc = "A series that was not updated for this long is forgotten."),
    OTC_FIELD(prometheus_config, enable_open_metrics, .def = "false",
              .doc = "Answer in OpenMetrics 1.0, with exemplars, to clients that ask for it."),
    OTC_PROMETHEUS_NAME_FIELDS(prometheus_config),
    OTC_FIELD(prometheus_config, without_scope_info, .def = "false",
              .doc = "Leave the `otel_scope_*` labels out."),
    OTC_FIELD(prometheus_config, max_series, .def = "100000", .min = "1", .max = "10000000",
              .doc = "Series held at most; points of further series are dropped and counted."),
    OTC_FIELD(prometheus_config, bridge_delta_gaps, .def = "false",
              .doc = "A delta that starts after the last one ended is added to the total; false: the total "
                     "starts anew, as in the Collector."),
    OTC_FIELD_OPTIONAL(prometheus_config, sending_queue, otc_queue_schema, .inert = true,
                       .doc = "Storing a value needs no queue."),
    OTC_FIELD_END,
};

const struct otc_schema prometheus_schema =
    OTC_SCHEMA(prometheus_config, fields, "Serves the last value of every series to Prometheus.");

otc_status
prometheus_validate(const void *config, struct otc_error *err)
{
    const struct prometheus_config *settings = config;
    otc_status status;

    if (!settings->server.endpoint || !*settings->server.endpoint) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "endpoint: expecting a non-blank address to run the Prometheus metrics handler");
    }
    status = otc_http_server_check(&settings->server, err);
    return status == OTC_OK
               ? otc_prometheus_labels_check("const_labels",
                                             otc_prometheus_translation(settings->translation_strategy,
                                                                        settings->add_metric_suffixes),
                                             &settings->const_labels, err)
               : status;
}

void
prometheus_options(const struct prometheus_config *config, struct otc_const_label *labels,
                   struct prometheus_store_options *out)
{
    struct otc_exposition_options *exposition = &out->exposition;

    *out = (struct prometheus_store_options){.exposition = OTC_EXPOSITION_DEFAULTS,
                                             .expiration_ns = config->metric_expiration.ns,
                                             .max_series = (size_t)config->max_series,
                                             .bridge_gaps = config->bridge_delta_gaps};
    for (size_t i = 0; i < config->const_labels.n; i++) {
        labels[i] =
            (struct otc_const_label){config->const_labels.items[i].name, config->const_labels.items[i].value};
    }
    exposition->translation =
        otc_prometheus_translation(config->translation_strategy, config->add_metric_suffixes);
    exposition->name_space = config->name_space;
    exposition->const_labels = labels;
    exposition->n_const_labels = config->const_labels.n;
    exposition->without_scope_info = config->without_scope_info;
    exposition->resource_labels = config->resource_to_telemetry_conversion.enabled;
    exposition->resource_labels_without_service =
        config->resource_to_telemetry_conversion.exclude_service_attributes;
    exposition->send_timestamps = config->send_timestamps;
    exposition->exemplars = config->enable_open_metrics;
    /* The store holds the limit; targets come on top. */
    exposition->max_series = 0;
    exposition->max_bytes = (size_t)1 << 30;
}
