// SPDX-License-Identifier: Apache-2.0
/**
 * @file Results as metrics: every `metrics_flush_interval` the stage tells all of its current results, and
 * they leave as batches with the sidecar's own resource.
 */
#ifndef OTC_ANALYSIS_EMIT_H
#define OTC_ANALYSIS_EMIT_H

#include "common/component/otc.h"
#include "common/otlp/build.h"

/** Points of one outgoing batch; the rest follows in further ones. */
#define OTC_EMIT_BATCH_POINTS 8192

/** Where a stage tells its results during a collection. Opaque. */
struct otc_emitter;

struct otc_emitter_settings {
    struct otc_host *host;
    /** Name of the instrumentation scope: "otelcol-aimon/drift". */
    const char *scope;
    /** Scope without a version, as other programs' scopes that are spoken here have none. */
    bool unversioned;
    /** Id of the component, for the log. */
    const char *component_id;
    int64_t flush_interval_ns;
    /** Points of one collection; what is beyond is left out and counted. */
    size_t series;
    /**
     * Runs on the control loop at each flush and at the end: the stage takes its lock, moves its windows and
     * calls otc_emit_* for everything it has. Always in the same order, so that the series limit cuts the
     * same ones.
     */
    void (*collect)(void *stage, struct otc_emitter *emitter);
    void *stage;
};

/** The sidecar's own resource, which results carry. Borrowed from the host; returns how many. */
#define OTC_EMIT_RESOURCE_MAX 32
size_t otc_emit_resource(struct otc_host *host, struct otc_attribute out[OTC_EMIT_RESOURCE_MAX]);

/** NULL out of memory. */
struct otc_emitter *otc_emitter_new(const struct otc_emitter_settings *settings);
void otc_emitter_free(struct otc_emitter *emitter);
/** Where the batches go. */
void otc_emitter_connect(struct otc_emitter *emitter, struct otc_consumer *next);
/** Lets it start without a consumer: collections take place and tell nobody. */
void otc_emitter_allow_none(struct otc_emitter *emitter);
/** Begins the flushes. */
OTC_CHECK otc_status otc_emitter_start(struct otc_emitter *emitter, struct otc_error *err);
/** Ends them with one last collection. Safe twice and without start. */
void otc_emitter_stop(struct otc_emitter *emitter);
/** One collection now; on the control loop. */
void otc_emitter_flush(struct otc_emitter *emitter);

/** During a collection: true in the last one, after which nothing is told any more. */
bool otc_emitter_ending(const struct otc_emitter *emitter);
/**
 * During a collection: what is told from here on is of another resource than the sidecar's own, which it
 * stays until the next call; a batch may hold several. False out of memory: tell nothing of that resource.
 */
bool otc_emitter_set_resource(struct otc_emitter *emitter, const struct otc_attribute *attributes, size_t n);
/** Exemplars of the next point alone; borrowed until it is told. */
void otc_emit_exemplars(struct otc_emitter *emitter, const struct otc_exemplar *exemplars, size_t n);
/** The time of the last points (unix nanoseconds): those that a former process sent. Before start. */
void otc_emitter_not_before(struct otc_emitter *emitter, int64_t time_ns);
/** Muted, a collection tells nobody: what a former process told is only gone through again. */
void otc_emitter_mute(struct otc_emitter *emitter, bool muted);
/** During a collection: the time that its points carry (unix nanoseconds). It goes back only when the clock
 * was set back by more than a flush interval. */
int64_t otc_emitter_time(const struct otc_emitter *emitter);
/** Gauge; NaN is left out. */
void otc_emit_gauge(struct otc_emitter *emitter, const struct otc_metric *metric,
                    const struct otc_attribute *attributes, size_t n, double value);
/** The gauge has ended: a point with the flag NoRecordedValue. */
void otc_emit_stale(struct otc_emitter *emitter, const struct otc_metric *metric,
                    const struct otc_attribute *attributes, size_t n);
/** Cumulative monotonic sum that began at `start_ns`. */
void otc_emit_counter(struct otc_emitter *emitter, const struct otc_metric *metric,
                      const struct otc_attribute *attributes, size_t n, int64_t start_ns, uint64_t value);
void otc_emit_exponential(struct otc_emitter *emitter, const struct otc_metric *metric,
                          const struct otc_attribute *attributes, size_t n, int64_t start_ns,
                          const struct otc_exponential_value *value);
void otc_emit_histogram(struct otc_emitter *emitter, const struct otc_metric *metric,
                        const struct otc_attribute *attributes, size_t n, int64_t start_ns,
                        const struct otc_histogram_value *value);

/** A gauge without unit, a gauge with one, a counter: initialisers of a stage's instruments. */
#define OTC_GAUGE_METRIC(metric_name, metric_unit, text)                                                     \
    {                                                                                                        \
        .name = (metric_name), .unit = (metric_unit), .description = (text), .type = OTC_METRIC_GAUGE        \
    }
#define OTC_COUNTER_METRIC(metric_name, metric_unit, text)                                                   \
    {                                                                                                        \
        .name = (metric_name), .unit = (metric_unit), .description = (text), .type = OTC_METRIC_SUM,         \
        .monotonic = true, .temporality = OTC_TEMPORALITY_CUMULATIVE                                         \
    }

#endif
