// SPDX-License-Identifier: Apache-2.0
/** @file The registry behind the self-metrics of otc.h: made by the host, read by a scrape. */
#ifndef OTC_COMPONENT_METER_H
#define OTC_COMPONENT_METER_H

#include "common/component/otc.h"
#include "common/otlp/build.h"

/** A registry of at most `max_series` series. NULL out of memory. */
struct otc_meter *otc_meter_new(size_t max_series);
/** Nobody may hold a series of it any more. NULL is allowed. */
void otc_meter_free(struct otc_meter *meter);

/** One series in a snapshot (of a histogram the sum). Borrowed for the call. */
typedef void (*otc_meter_fn)(void *arg, const struct otc_instrument *instrument,
                             const struct otc_label *labels, size_t n_labels, int64_t value);
/**
 * Calls `fn` for each series, those of an instrument together, instruments and series in order of creation.
 * All values are of one moment between two otc_meter_add(). `fn` must not call the meter. False out of
 * memory.
 */
bool otc_meter_visit(struct otc_meter *meter, otc_meter_fn fn, void *arg);
/** What is told when, and of what. */
struct otc_meter_view {
    /** Of cumulative values: since when. */
    uint64_t start_unix_nano;
    uint64_t now_unix_nano;
    /** Which instruments, by name; NULL: all. */
    bool (*wanted)(const void *arg, const char *name);
    const void *arg;
    /**
     * Not NULL: counters and histograms tell what changed since these values (all NULL: since the series were
     * made), and `now` gets the present ones.
     */
    const struct otc_meter_values *since;
    struct otc_meter_values *now;
};
/** What was told of each series, for the differences to the next time. Zeroed: nothing yet. */
struct otc_meter_values {
    int64_t *items;
    size_t n;
    uint64_t unix_nano;
};
void otc_meter_values_release(struct otc_meter_values *values);
/**
 * The same as OTLP: counters become monotonic, up-down counters non-monotonic sums. False out of memory or at
 * the builder's limit; `view->now` is then released.
 */
bool otc_meter_collect(struct otc_meter *meter, struct otc_metrics_builder *builder,
                       const struct otc_meter_view *view);
/** What otc_meter_detailed() answers; false at first. Not while components are made. */
void otc_meter_set_detailed(struct otc_meter *meter, bool detailed);
/** Series asked for beyond the limit. */
uint64_t otc_meter_refused(const struct otc_meter *meter);

#endif
