// SPDX-License-Identifier: Apache-2.0
/**
 * @file A Prometheus series and its last value, made of OTLP points, and the page built of many of them.
 *
 * Both are immutable and reference-counted (any thread): a store takes references under its lock and renders
 * a page outside it.
 */
#ifndef OTC_PROMETHEUS_SERIES_H
#define OTC_PROMETHEUS_SERIES_H

#include "common/prometheus/exposition.h"

#include <stdatomic.h>

/** Label values beyond this many bytes (unless the options say otherwise) are cut there and end in "#" and a
 * 64-bit hash of the whole. */
#define OTC_PROM_VALUE_MAX 1024
/** Labels of one series; points with more are refused as invalid. */
#define OTC_PROM_LABELS_MAX 256
/** Exemplars kept of one point. */
#define OTC_PROM_EXEMPLARS_MAX 64
/** Stands before each name and each value of a key: never in UTF-8. */
#define OTC_PROM_KEY_BREAK 0xff

enum otc_prom_type {
    OTC_PROM_UNKNOWN,
    OTC_PROM_GAUGE,
    OTC_PROM_COUNTER,
    OTC_PROM_HISTOGRAM,
    OTC_PROM_SUMMARY,
    /** target_info: a gauge in text, an info in OpenMetrics. */
    OTC_PROM_INFO
};

struct otc_prom_label {
    struct otc_slice name;
    struct otc_slice value;
};

/** Where a label of a series lies, counted from its key: the name, a byte, the value. */
struct otc_prom_label_place {
    uint32_t at;
    uint32_t name_len;
    uint32_t value_len;
};

/** Who a value belongs to. In one piece of memory with all its text. */
struct otc_prom_series {
    atomic_int refs;
    enum otc_prom_type type;
    struct otc_slice name;
    struct otc_slice help;
    /** OpenMetrics' unit; empty when the name does not end in it. */
    struct otc_slice unit;
    /** Name and labels in one: equal keys are the same Prometheus series (of target_info: name, job and
     * instance). */
    struct otc_slice key;
    /** Scope and metric name as they came: equal keys with another origin are a collision. */
    struct otc_slice origin;
    /** The target_info series of its resource, or NULL. */
    struct otc_prom_series *target;
    /** See otc_prom_series_label. */
    size_t n_labels;
    struct otc_prom_label_place labels[];
};

/** A label, i < n_labels; sorted by name, unique. Borrowed from the series. */
static inline struct otc_prom_label
otc_prom_series_label(const struct otc_prom_series *series, size_t i)
{
    const struct otc_prom_label_place *place = &series->labels[i];
    const uint8_t *name = series->key.data + place->at;

    return (struct otc_prom_label){otc_slice_of(name, place->name_len),
                                   otc_slice_of(name + place->name_len + 1, place->value_len)};
}

struct otc_prom_exemplar {
    double value;
    uint64_t time_unix_nano;
    /** "trace_id=…" and the rest, escaped, without braces. */
    struct otc_slice labels;
};

struct otc_prom_quantile {
    double quantile;
    double value;
};

/** One value. Which members hold is told by the series' type. */
struct otc_prom_value {
    atomic_int refs;
    uint64_t start_unix_nano;
    uint64_t time_unix_nano;
    /** Gauge, counter, unknown. */
    double number;
    /** Histogram, summary. */
    uint64_t count;
    bool has_sum;
    double sum;
    /** Histogram: bounds[n_bounds], counts[n_bounds + 1], not cumulated. */
    const double *bounds;
    const uint64_t *counts;
    size_t n_bounds;
    /** Exponential histogram: some values were below 0, which no limit shows. */
    bool negative;
    const struct otc_prom_quantile *quantiles;
    size_t n_quantiles;
    const struct otc_prom_exemplar *exemplars;
    size_t n_exemplars;
};

/*
 * Exponential histograms are shown with explicit buckets on one grid of limits (buckets.h) that no data
 * changes: every series has all of them from its first page on, so that `sum by (le)` and `rate` hold. The
 * limits of a scale of 1 or more include the grid's, and every count is exact; of a coarser one a bucket
 * counts at the first limit that all its values are within, and what a limit inside it shows is a lower
 * bound. Values beyond the grid count at its first positive limit and at +Inf; values below 0 at the limit 0;
 * the zero bucket at the first limit no less than its threshold.
 */

/** Why a point gave no series or value. */
enum otc_prom_refusal {
    OTC_PROM_OK,
    OTC_PROM_NO_MEMORY,
    OTC_PROM_INVALID_NAME,
    OTC_PROM_INVALID_VALUE,
    OTC_PROM_UNSUPPORTED
};

/**
 * Makes series of points; remembers the last resource and metric, so that points that follow each other cost
 * little. Owned by one thread. `options` is borrowed. NULL out of memory.
 */
struct otc_prom_translator *otc_prom_translator_new(const struct otc_exposition_options *options);
void otc_prom_translator_free(struct otc_prom_translator *translator);
/** To be called before the points of another request: what was remembered borrowed from the last one. */
void otc_prom_translator_reset(struct otc_prom_translator *translator);
/** The series of a point, one reference for the caller. A sum that is not monotonic is a gauge. */
enum otc_prom_refusal otc_prom_translator_series(struct otc_prom_translator *translator,
                                                 const struct otc_point *point, struct otc_prom_series **out);
struct otc_prom_series *otc_prom_series_ref(struct otc_prom_series *series);
void otc_prom_series_unref(struct otc_prom_series *series);

/** The value of a point as it is (delta or cumulative); exemplars only when wanted. */
enum otc_prom_refusal otc_prom_value_new(const struct otc_point *point, bool exemplars,
                                         struct otc_prom_value **out);
/**
 * The value of a delta stream after `delta` on top of `total`: numbers, counts and sums added, start of the
 * total, time and exemplars of the delta. INVALID_VALUE when explicit bounds differ.
 */
enum otc_prom_refusal otc_prom_value_add(const struct otc_prom_value *total,
                                         const struct otc_prom_value *delta, struct otc_prom_value **out);
struct otc_prom_value *otc_prom_value_ref(struct otc_prom_value *value);
void otc_prom_value_unref(struct otc_prom_value *value);

/** A page under construction. Owned by one thread. */
struct otc_exposition;

/** `options` is borrowed until the end. NULL out of memory. */
struct otc_exposition *otc_exposition_new(const struct otc_exposition_options *options,
                                          struct otc_exposition_type type);
void otc_exposition_free(struct otc_exposition *page);
/** Takes references of its own, and adds the target of the series. The first of two that conflict stays.
 * False out of memory. */
bool otc_exposition_add(struct otc_exposition *page, struct otc_prom_series *series,
                        struct otc_prom_value *value);
/** Adds a target_info series by itself: 1, at the time of the latest point of its resource. */
bool otc_exposition_add_target(struct otc_exposition *page, struct otc_prom_series *target,
                               uint64_t time_unix_nano);
/** Appends the page: families by name, series by labels, target_info, and for OpenMetrics `# EOF`. */
OTC_CHECK otc_status otc_exposition_render(struct otc_exposition *page, struct otc_buf *out,
                                           struct otc_error *err);
const struct otc_exposition_stats *otc_exposition_stats_of(const struct otc_exposition *page);
/** Counts a refusal in `stats`. */
void otc_exposition_count(struct otc_exposition_stats *stats, enum otc_prom_refusal refusal);

#endif
