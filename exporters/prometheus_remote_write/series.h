// SPDX-License-Identifier: Apache-2.0
/** @file The points of a batch as Prometheus series, each with its samples in order of time. */
#ifndef OTC_EXPORTERS_PRW_SERIES_H
#define OTC_EXPORTERS_PRW_SERIES_H

#include "common/base/arena.h"
#include "common/base/map.h"
#include "common/prometheus/exemplar.h"
#include "common/prometheus/series.h"

/** The NaN that marks the end of a series. */
#define PRW_STALE_NAN UINT64_C(0x7ff0000000000002)

/** What samples, histograms and exemplars begin with: lists in order of time. */
struct prw_node {
    struct prw_node *next;
    int64_t ms;
};

struct prw_sample {
    struct prw_node node;
    uint64_t bits;    /* of a double */
    int64_t start_ms; /* 0: unknown */
};

/** A native histogram as remote write has it, encoded but for its time stamps. */
struct prw_histogram {
    struct prw_node node;
    struct otc_slice encoded;
    int64_t start_ms;
};

struct prw_exemplar {
    struct prw_node node;
    const struct otc_prom_label *labels;
    size_t n_labels;
    double value;
};

struct prw_series {
    struct prw_series *next; /* in the order of their first points */
    /** Sorted by name, `__name__` among them; of no other series of the set. */
    const struct otc_prom_label *labels;
    size_t n_labels;
    enum otc_prom_type type;
    /** Of its points: what they become (struct child), and a hash of the scope and the metric. */
    char kind;
    uint64_t origin;
    struct otc_slice family, help, unit;
    /** Rising in time, one for each time stamp (of several, the last that came). */
    struct prw_node *samples;    /* struct prw_sample */
    struct prw_node *histograms; /* struct prw_histogram */
    struct prw_node *exemplars;  /* struct prw_exemplar; several may share a time */
};

struct prw_options {
    struct otc_exposition_options exposition;
    bool target_info;
    bool created;
    /** Histograms with explicit buckets as native ones, as classic ones, or both. */
    bool nhcb;
    bool classic;
};

/** Why points were left out. */
struct prw_dropped {
    size_t invalid_names;
    size_t invalid_values;
    /** Deltas, sums without temporality, points of no known type, exponential histograms without a sum or of
     * a scale below -4. */
    size_t unsupported;
    /** Points of which a series, or all of it, has the labels of another metric's. */
    size_t duplicates;
};

/** Owned by one thread. */
struct prw_set {
    const struct prw_options *options;
    struct otc_arena arena;
    /** By name and labels; those of target_info by theirs alone, too. */
    struct otc_map *by_key;
    struct otc_prom_translator *translator;
    struct prw_series *first, **last;
    size_t n_series;
    struct prw_dropped dropped;
    struct otc_buf key;
    struct otc_prom_exemplar_parts exemplar;
    bool no_memory;
    /** The point at hand met a series of another metric. */
    bool clashed;
};

/** `options` are borrowed. False out of memory; release it in any case. */
bool prometheus_remote_write_set_init(struct prw_set *set, const struct prw_options *options);
void prometheus_remote_write_set_release(struct prw_set *set);
/** Adds the points of one serialized ExportMetricsServiceRequest. INVALID_ARGUMENT: malformed; UNAVAILABLE:
 * out of memory. */
otc_status prometheus_remote_write_set_add(struct prw_set *set, struct otc_slice request,
                                           struct otc_error *err);
/** Puts everything in order; nothing is added afterwards. */
void prometheus_remote_write_set_finish(struct prw_set *set);

/** Copies memory into the set; NULL out of memory. For histogram.c. */
void *prometheus_remote_write_set_alloc(struct prw_set *set, size_t size);

/** "0.0000001", "+Inf": as Go's FormatFloat(v, 'f', -1), which `le` and `quantile` are. */
void prometheus_remote_write_put_plain(struct otc_buf *out, double value);

/**
 * The native histogram of a point of an exponential histogram: its encoded message, without timestamp. False
 * when it cannot be one: no sum, or a scale below -4. Buckets of a scale above 8 are merged down to it.
 */
bool prometheus_remote_write_native_histogram(const struct otc_point *point, struct otc_buf *out);
/**
 * The same of a histogram with explicit buckets, whose bounds rise and are one fewer than its counts: schema
 * -53, its buckets its own. What the buckets do not hold of the count lies in the last one; no sum is 0.
 * False out of memory.
 */
bool prometheus_remote_write_custom_histogram(const struct otc_point *point, struct otc_buf *out);

#endif
