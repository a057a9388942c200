// SPDX-License-Identifier: Apache-2.0
/** @file OTLP metrics as Prometheus families: names, labels, and both text formats. Shared by the Prometheus exporters and the self-metrics endpoint. */
#ifndef OTC_PROMETHEUS_EXPOSITION_H
#define OTC_PROMETHEUS_EXPOSITION_H

#include "common/base/buf.h"
#include "common/otlp/walk.h"

enum otc_translation {
    OTC_UNDERSCORE_WITH_SUFFIXES,
    OTC_UNDERSCORE_WITHOUT_SUFFIXES,
    OTC_UTF8_WITH_SUFFIXES,
    OTC_NO_TRANSLATION
};

/**
 * Name of a metric family (otlptranslator's rules). `namespace_` may be NULL. INVALID_ARGUMENT when nothing is left of
 * the name.
 */
OTC_CHECK otc_status otc_prometheus_metric_name(enum otc_translation translation, struct otc_slice name,
                                                struct otc_slice unit, enum otc_metric_type type, bool monotonic,
                                                const char *namespace_, struct otc_buf *out, struct otc_error *err);
/** Name of a label. */
OTC_CHECK otc_status otc_prometheus_label_name(enum otc_translation translation, struct otc_slice key,
                                               struct otc_buf *out, struct otc_error *err);

#endif
