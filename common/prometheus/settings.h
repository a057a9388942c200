// SPDX-License-Identifier: Apache-2.0
/** @file Settings that the Prometheus exporters share. */
#ifndef OTC_PROMETHEUS_SETTINGS_H
#define OTC_PROMETHEUS_SETTINGS_H

#include "common/config/schema.h"
#include "common/prometheus/exposition.h"

/** `resource_to_telemetry_conversion`. */
struct otc_prometheus_resource {
    bool enabled;
    bool exclude_service_attributes;
};
extern const struct otc_schema otc_prometheus_resource_schema;

/** Words of `translation_strategy`; index 0: not given, then add_metric_suffixes decides. */
extern const char *const otc_prometheus_strategies[];
enum otc_translation otc_prometheus_translation(otc_choice strategy, bool add_metric_suffixes);

#define OTC_PROMETHEUS_NAME_FIELDS(struct_name)                                                              \
    OTC_FIELD(struct_name, add_metric_suffixes, .def = "true",                                               \
              .doc = "Append unit and type to names; `translation_strategy` overrides it."),                 \
        OTC_FIELD(struct_name, translation_strategy, .def = "", .choices = otc_prometheus_strategies,        \
                  .doc = "How names are made; empty: `UnderscoreEscapingWithSuffixes`, or without suffixes " \
                         "by `add_metric_suffixes: false`."),                                                \
        OTC_FIELD_STRUCT(struct_name, resource_to_telemetry_conversion, otc_prometheus_resource_schema,      \
                         .doc = "Resource attributes as labels.")

/**
 * Whether every name can be a label's of every series ("const_labels: normalization for label name …"):
 * translated, none is the format's own (`__name__`, `le`, `quantile`) or that of another.
 */
OTC_CHECK otc_status otc_prometheus_labels_check(const char *key, enum otc_translation translation,
                                                 const otc_headers *labels, struct otc_error *err);

#endif
