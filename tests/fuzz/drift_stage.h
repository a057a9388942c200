// SPDX-License-Identifier: Apache-2.0
/** @file A drift stage that watches a bit of everything, for the fuzzer of its state and for the seeds. */
#ifndef OTC_TESTS_FUZZ_DRIFT_STAGE_H
#define OTC_TESTS_FUZZ_DRIFT_STAGE_H

#include "processors/drift/keeper.h"
#include "processors/drift/snapshot.h"
#include "tests/harness/rig.h"

#include <stdio.h>
#include <stdlib.h>

extern const struct otc_factory otc_drift_processor_factory;

#define FUZZ_STAGE_LEARNS 20
#define FUZZ_STAGE_LEARNED "reference: {learn: {observations: 20, duration: 0s}}\n"
#define FUZZ_STAGE_MOVES "reference: {trailing: {offset: 1m}, grid_observations: 20}\n"
#define FUZZ_STAGE                                                                                           \
    "window: {length: 1m, pane: 10s, max_age: 2m, min_observations: 10}\n"                                   \
    "presets: [ml]\n"                                                                                        \
    "features:\n"                                                                                            \
    "  - {name: t, from: 'attributes[\"t\"]', type: text}\n"                                                 \
    "  - {name: e, from: 'attributes[\"e\"]', type: embedding}\n"                                            \
    "  - {name: n, from: 'attributes[\"n\"]', type: numeric}\n"                                              \
    "  - {name: c, from: 'attributes[\"c\"]', type: categorical, max_categories: 4}\n"                       \
    "  - {name: h, from: 'metric[\"h\", \"h_formerly\"] * 1000'}\n"                                          \
    "  - {name: x, from: 'metric[\"x\"]'}\n"                                                                 \
    "  - {name: r, from: 'metric[\"a\"] / metric[\"b\"]'}\n"                                                 \
    "  - {name: g, from: 'metric[\"g\"]'}\n"                                                                 \
    "statistics: [ks, psi, wasserstein, chi_squared, jensen_shannon]\n"                                      \
    "duplicates: {id: [id], remember: 10}\n"                                                                 \
    "detectors: [{feature: n, type: page_hinkley}, {feature: n, type: adwin}, {feature: n, type: kswin}]\n"  \
    "emit: {bins: true}\n"                                                                                   \
    "limits: {memory: 4MiB, models: 4, versions: 2, features: 16, cells: 100, streams: 16}\n"

/** What comes to a stage, and whether its reference is learned once or moves. */
enum fuzz_stage_kind {
    FUZZ_STAGE_RECORDS,
    FUZZ_STAGE_RECORDS_MOVING,
    FUZZ_STAGE_SCRAPES,
    FUZZ_STAGE_SCRAPES_MOVING,
    FUZZ_STAGE_KINDS
};

static inline bool
fuzz_stage_moves(enum fuzz_stage_kind kind)
{
    return kind % 2 != 0;
}

static inline struct drift *
fuzz_stage_new(struct otc_rig *rig, enum fuzz_stage_kind kind)
{
    struct otc_error err = OTC_ERROR_INIT;

    *rig = (struct otc_rig){0};
    if (otc_rig_create(rig, &otc_drift_processor_factory,
                       fuzz_stage_moves(kind) ? FUZZ_STAGE_MOVES FUZZ_STAGE : FUZZ_STAGE_LEARNED FUZZ_STAGE,
                       &err) != OTC_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return OTC_CONTAINER(rig->component, drift, component);
}

/** Index of a feature that the settings name. */
static inline size_t
fuzz_stage_feature(const struct drift *drift, const char *name)
{
    size_t i = 0;

    while (i + 1 < otc_feature_set_count(drift->set) &&
           !otc_slice_equal_str(otc_feature_set_at(drift->set, i)->name, name)) {
        i++;
    }
    return i;
}

/** What a journal has when `n` records of one model came, a second apart; the learning is over after
 * FUZZ_STAGE_LEARNS of them. */
static inline void
fuzz_stage_journal(const struct drift *drift, size_t from, size_t n, struct otc_buf *out)
{
    int64_t start = OTC_VHOST_EPOCH_NS + (int64_t)from * OTC_SECOND;
    const struct drift_entry entry = {DRIFT_ENTRY_BATCH, start + (int64_t)n * OTC_SECOND,
                                      (int64_t)(3600 + from + n) * OTC_SECOND, 0};

    drift_entry_write(out, &entry);
    for (size_t i = 0; i < n; i++) {
        const double vector[] = {1, (double)((from + i) % 7) / 8, (double)((from + i) % 3)};
        struct otc_observed observed[5] = {
            {OTC_FEATURE_DISCOVERED, otc_slice_str("age"), OTC_KIND_INPUT, {OTC_VALUE_DOUBLE, {.real = 0}}},
            {OTC_FEATURE_DISCOVERED,
             otc_slice_str("city"),
             OTC_KIND_PREDICTION,
             {OTC_VALUE_STRING, {.slice = otc_slice_str(i % 3 ? "here" : "there")}}},
            {fuzz_stage_feature(drift, "n"),
             otc_slice_str("n"),
             OTC_KIND_INPUT,
             {OTC_VALUE_INT, {.integer = 0}}},
            {fuzz_stage_feature(drift, "t.vocabulary_share"),
             otc_slice_str("t.vocabulary_share"),
             OTC_KIND_INPUT,
             {OTC_VALUE_STRING, {.slice = otc_slice_str(i % 2 ? "one word more" : "one or two words")}}},
            {fuzz_stage_feature(drift, "e.cosine_distance"),
             otc_slice_str("e.cosine_distance"),
             OTC_KIND_INPUT,
             {OTC_VALUE_BYTES, {.slice = otc_slice_of(vector, sizeof(vector))}}}};
        const struct drift_record record = {
            .key = {.name = otc_slice_str("m"), .version = otc_slice_str("1")},
            .event_ns = start + (int64_t)i * OTC_SECOND,
            .n = 5,
            .weight = 1,
            .has_id = true,
            .id = (from + i) / 2};

        observed[0].value.as.real = (double)((from + i) * 7 % 13) / 4;
        observed[2].value.as.integer = (int64_t)((from + i) % 5);
        drift_record_write(out, &record, observed, drift->set);
    }
}

/** The point of a metric at a time, of one of two pods, its counters after `i` scrapes. */
static inline void
fuzz_stage_point(const struct drift *drift, const char *metric, size_t i, struct otc_buf *out)
{
    static double bounds[] = {1, 2, 5, 10};
    uint64_t counts[] = {i, 2 * i, i / 2, 3, i};
    struct otc_buckets buckets = {.kind = metric[0] == 'x' ? OTC_BUCKETS_EXPONENTIAL : OTC_BUCKETS_EXPLICIT,
                                  .bounds = bounds,
                                  .counts = counts,
                                  .n = 5,
                                  .scale = 3 - (int32_t)(i / 8 % 2),
                                  .offset = -2,
                                  .has_sum = true,
                                  .sum = (double)i};
    const struct otc_metric_set *set = otc_feature_set_metrics(drift->set);
    struct drift_point point = {.key = {.name = otc_slice_str("m"), .version = otc_slice_str("1")},
                                .identity = {i % 2, 7},
                                .seen = {.type = metric[0] == 'x'   ? OTC_METRIC_EXPONENTIAL_HISTOGRAM
                                                 : metric[0] == 'h' ? OTC_METRIC_HISTOGRAM
                                                 : metric[0] == 'g' ? OTC_METRIC_GAUGE
                                                                    : OTC_METRIC_SUM,
                                         .temporality = OTC_TEMPORALITY_CUMULATIVE,
                                         .monotonic = true,
                                         .start = (uint64_t)(OTC_VHOST_EPOCH_NS - OTC_HOUR),
                                         .time = (uint64_t)(OTC_VHOST_EPOCH_NS + (int64_t)i * OTC_SECOND),
                                         .is_integer = metric[0] == 'b',
                                         .buckets = &buckets}};

    if (point.seen.is_integer) {
        point.seen.number.integer = (int64_t)(2 * i);
    } else {
        point.seen.number.real = (double)i;
    }
    point.uses = otc_metric_set_find(set, otc_slice_str(metric));
    point.n_uses = point.uses != NULL;
    drift_point_write(out, &point);
}

/** The same as fuzz_stage_journal with `n` scrapes of metrics, a second apart. */
static inline void
fuzz_stage_metrics(const struct drift *drift, size_t from, size_t n, struct otc_buf *out)
{
    static const char *const metrics[] = {"h", "h_formerly", "x", "a", "b", "g"};
    const struct drift_entry entry = {DRIFT_ENTRY_POINTS,
                                      OTC_VHOST_EPOCH_NS + (int64_t)(from + n) * OTC_SECOND,
                                      (int64_t)(3600 + from + n) * OTC_SECOND, 0};

    drift_entry_write(out, &entry);
    for (size_t i = from; i < from + n; i++) {
        for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
            fuzz_stage_point(drift, metrics[m], i, out);
        }
    }
}

/** The seeds' entries; the learning is over after the first FUZZ_STAGE_LEARNED_AT of them. */
#define FUZZ_STAGE_ENTRIES 4
#define FUZZ_STAGE_LEARNED_AT 3

static inline void
fuzz_stage_entry(const struct drift *drift, enum fuzz_stage_kind kind, size_t number, struct otc_buf *out)
{
    static const size_t from[FUZZ_STAGE_ENTRIES] = {0, 4, 12, 30}, n[FUZZ_STAGE_ENTRIES] = {4, 8, 18, 60};

    if (kind < FUZZ_STAGE_SCRAPES) {
        fuzz_stage_journal(drift, from[number], n[number], out);
    } else {
        fuzz_stage_metrics(drift, from[number], n[number], out);
    }
}

/** Takes a journal's entry as a start does. False: it is refused. */
static inline bool
fuzz_stage_replay(struct drift *drift, struct otc_slice bytes)
{
    struct otc_reader in = otc_reader_of(bytes);
    struct drift_entry entry;
    bool done = true;

    if (!drift_entry_read(&in, &entry)) {
        return false;
    }
    if (entry.kind == DRIFT_ENTRY_TOLD) {
        otc_events_forget(drift->events);
    } else if (entry.kind != DRIFT_ENTRY_TICK) {
        pthread_mutex_lock(&drift->lock);
        done = drift_replay_batch(drift, &entry, &in);
        pthread_mutex_unlock(&drift->lock);
        drift_work(drift);
    } else {
        drift_collect_at(drift, drift->emitter, entry.now_ns, entry.monotonic_ns);
    }
    return done;
}

#endif
