// SPDX-License-Identifier: Apache-2.0
/**
 * @file OTLP metrics as Prometheus families: names, labels, and both text formats (text 0.0.4 and
 * OpenMetrics 1.0). Shared by the Prometheus exporters and the self-metrics endpoint.
 *
 * A page at once from requests that are at hand:
 *
 *     struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
 *     struct otc_exposition_type type = otc_exposition_negotiate(accept_header, false);
 *     status = otc_exposition_of_requests(&options, type, requests, n, &page, &stats, &err);
 *     … Content-Type: otc_exposition_content_type(type)
 *
 * An exporter that keeps the last value of each series makes `otc_prom_series` and `otc_prom_value` of each
 * point (common/prometheus/series.h) and gives a snapshot of them to an `otc_exposition`.
 */
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
 * Appends the name of a metric family (otlptranslator's rules; colons stay). `namespace_` may be NULL.
 * INVALID_ARGUMENT `normalization for metric "x" resulted in empty name` (or `… in invalid name
 * "_"`) when nothing is left of the name; RESOURCE_EXHAUSTED when `out` is full.
 */
OTC_CHECK otc_status otc_prometheus_metric_name(enum otc_translation translation, struct otc_slice name,
                                                struct otc_slice unit, enum otc_metric_type type,
                                                bool monotonic, const char *namespace_, struct otc_buf *out,
                                                struct otc_error *err);
/** Appends the name of a label. Errors as above, for a label that is empty or all underscores. */
OTC_CHECK otc_status otc_prometheus_label_name(enum otc_translation translation, struct otc_slice key,
                                               struct otc_buf *out, struct otc_error *err);
/** Appends the unit as it stands in a name and in OpenMetrics' UNIT line ("By/s": bytes_per_second); may be
 * nothing. */
bool otc_prometheus_unit_name(struct otc_slice unit, struct otc_buf *out);

/** A label that every series gets. The name is translated; an attribute of the same name wins. */
struct otc_const_label {
    const char *name;
    const char *value;
};

/** How points become series. Pointers are borrowed for as long as the options are used. */
struct otc_exposition_options {
    enum otc_translation translation;
    /** Prefix of every name; NULL: none. */
    const char *name_space;
    const struct otc_const_label *const_labels;
    size_t n_const_labels;
    /** target_info has them too. */
    bool const_labels_of_target;
    /** Longest label value, in bytes; 0: OTC_PROM_VALUE_MAX. Longer ones are cut, and end in "#" and a hash.
     */
    size_t max_value_bytes;
    /** No otel_scope_* labels. */
    bool without_scope_info;
    /** No target_info, no job and instance labels (what an endpoint of one process on itself wants). */
    bool without_target;
    /** Resource attributes become labels, except service.* identity when the second is set. */
    bool resource_labels;
    bool resource_labels_without_service;
    /** Samples carry their point's time. */
    bool send_timestamps;
    /** OpenMetrics: `_created` samples from start times. */
    bool created_samples;
    /** OpenMetrics: exemplars of counters and histograms. */
    bool exemplars;
    /** Bytes of one page; beyond it rendering fails with RESOURCE_EXHAUSTED. */
    size_t max_bytes;
    /** Series of one page; what is beyond is counted as `over_limit`. */
    size_t max_series;
};

#define OTC_EXPOSITION_DEFAULTS                                                                              \
    (struct otc_exposition_options)                                                                          \
    {                                                                                                        \
        .translation = OTC_UNDERSCORE_WITH_SUFFIXES, .exemplars = true, .created_samples = true,             \
        .max_bytes = (size_t)64 << 20, .max_series = 100000                                                  \
    }

/** What was left out of a page (or of a store), each by its reason. */
struct otc_exposition_stats {
    size_t series;
    /** Same name with another TYPE, or a name that another family's samples use: the later one is dropped. */
    size_t type_conflicts;
    /** Same name and labels from another metric: the later one is dropped. */
    size_t duplicates;
    /** No valid name is left of the metric's or of a label's. */
    size_t invalid_names;
    /** Values that the format forbids: NaN or negative in counters, buckets that don't fit their bounds. */
    size_t invalid_values;
    /** Sums without temporality, delta where deltas are not accumulated, points of no known type. */
    size_t unsupported;
    size_t over_limit;
    /** The first family that lost a point to a conflict, for a log line; empty when none. */
    char first_conflict[128];
};

enum otc_exposition_format { OTC_TEXT_0_0_4, OTC_OPENMETRICS_1_0_0 };

/** A negotiated answer: the format, and whether the client takes UTF-8 names in quotes (else they are escaped
 * by underscores). */
struct otc_exposition_type {
    enum otc_exposition_format format;
    bool utf8_names;
};

/**
 * Chooses by an Accept header (empty: text) with its q values; OpenMetrics only when `openmetrics` allows it.
 * Never refuses: a client that accepts neither gets text.
 */
struct otc_exposition_type otc_exposition_negotiate(struct otc_slice accept, bool openmetrics);
/** The Content-Type of it. */
const char *otc_exposition_content_type(struct otc_exposition_type type);
/** True when an Accept-Encoding header accepts gzip (q > 0, `*` counts). */
bool otc_exposition_accepts_gzip(struct otc_slice accept_encoding);

/**
 * Renders every point of `n` serialized ExportMetricsServiceRequests as one page appended to `out` (whose
 * limit holds too). Deltas are left out and counted. `stats` may be NULL. Errors: those of the walk,
 * RESOURCE_EXHAUSTED.
 */
OTC_CHECK otc_status otc_exposition_of_requests(const struct otc_exposition_options *options,
                                                struct otc_exposition_type type,
                                                const struct otc_slice *requests, size_t n,
                                                struct otc_buf *out, struct otc_exposition_stats *stats,
                                                struct otc_error *err);

#endif
