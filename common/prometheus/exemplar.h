// SPDX-License-Identifier: Apache-2.0
/** @file An OTLP exemplar as Prometheus has it: a value, a time, labels. */
#ifndef OTC_PROMETHEUS_EXEMPLAR_H
#define OTC_PROMETHEUS_EXEMPLAR_H

#include "common/prometheus/series.h"

/** OpenMetrics: characters of an exemplar's label names and values together. */
#define OTC_PROM_EXEMPLAR_RUNES_MAX 128
#define OTC_PROM_EXEMPLAR_LABELS_MAX 32

/** Begins as {0}; ends with otc_prom_exemplar_parts_release. May be read into again and again. */
struct otc_prom_exemplar_parts {
    double value;
    uint64_t time_unix_nano;
    /** trace_id and span_id (lower-case hex), then the filtered attributes in their order: all of them, or
     * none when they would pass the limit of characters. Each name once, of the first that has it; none is
     * empty. Point into `text`. */
    struct otc_prom_label labels[OTC_PROM_EXEMPLAR_LABELS_MAX];
    size_t n_labels;
    struct otc_buf text;
};

/** Reads an encoded Exemplar message. False when it has no value that is a number, or out of memory. */
bool otc_prom_exemplar_parts_read(struct otc_prom_exemplar_parts *parts, struct otc_slice message);
void otc_prom_exemplar_parts_release(struct otc_prom_exemplar_parts *parts);
/** The field under which a point of this type has its exemplars (otc_messages_next). */
uint32_t otc_prom_exemplar_field(enum otc_metric_type type);

#endif
