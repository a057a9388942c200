// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/settings.h"

#include "common/prometheus/shown.h"

const char *const otc_prometheus_strategies[] = {"",
                                                 "UnderscoreEscapingWithSuffixes",
                                                 "UnderscoreEscapingWithoutSuffixes",
                                                 "NoUTF8EscapingWithSuffixes",
                                                 "NoTranslation",
                                                 NULL};

static const struct otc_field resource_fields[] = {
    OTC_FIELD(otc_prometheus_resource, enabled, .def = "false",
              .doc = "Make every resource attribute a label of every series."),
    OTC_FIELD(otc_prometheus_resource, exclude_service_attributes, .def = "false",
              .doc =
                  "But not service.name, service.namespace and service.instance.id, which are in `job` and "
                  "`instance`."),
    OTC_FIELD_END,
};

const struct otc_schema otc_prometheus_resource_schema =
    OTC_SCHEMA(otc_prometheus_resource, resource_fields, "Resource attributes as labels.");

enum otc_translation
otc_prometheus_translation(otc_choice strategy, bool add_metric_suffixes)
{
    if (strategy.index > 0) {
        return (enum otc_translation)(strategy.index - 1);
    }
    return add_metric_suffixes ? OTC_UNDERSCORE_WITH_SUFFIXES : OTC_UNDERSCORE_WITHOUT_SUFFIXES;
}

/** Label `i` of the settings, whose name is `name` once translated. */
static otc_status
check_label(enum otc_translation translation, const otc_headers *labels, size_t i, struct otc_slice name,
            struct otc_error *err)
{
    if (otc_prom_is_reserved(OTC_PROM_HISTOGRAM, name) || otc_prom_is_reserved(OTC_PROM_SUMMARY, name)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "label \"%s\" is one that Prometheus keeps for itself (any name is allowed but "
                        "__name__, le and quantile)",
                        labels->items[i].name);
    }
    for (size_t k = 0; k < i; k++) {
        OTC_AUTO_BUF struct otc_buf other = {.limit = 65536};

        if (otc_prometheus_label_name(translation, otc_slice_str(labels->items[k].name), &other, NULL) ==
                OTC_OK &&
            otc_slice_equal(otc_buf_slice(&other), name)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "labels \"%s\" and \"%s\" would both be \"%.*s\" (a name may be given once)",
                            labels->items[k].name, labels->items[i].name, OTC_SLICE_ARG(name));
        }
    }
    return OTC_OK;
}

otc_status
otc_prometheus_labels_check(const char *key, enum otc_translation translation, const otc_headers *labels,
                            struct otc_error *err)
{
    for (size_t i = 0; i < labels->n; i++) {
        OTC_AUTO_BUF struct otc_buf name = {.limit = 65536};
        otc_status status =
            otc_prometheus_label_name(translation, otc_slice_str(labels->items[i].name), &name, err);

        if (status == OTC_OK) {
            status = check_label(translation, labels, i, otc_buf_slice(&name), err);
        }
        if (status != OTC_OK) {
            return otc_error_prefix(err, "%s", key);
        }
    }
    return OTC_OK;
}
