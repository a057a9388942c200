// SPDX-License-Identifier: Apache-2.0
/** @file The last value of every series, with limits and expiry. */
#ifndef EXPORTERS_PROMETHEUS_STORE_H
#define EXPORTERS_PROMETHEUS_STORE_H

#include "common/prometheus/series.h"

/** What became of points, each counted once. */
enum prometheus_outcome {
    PROMETHEUS_STORED,
    PROMETHEUS_REMOVED,
    PROMETHEUS_INVALID_NAME,
    PROMETHEUS_INVALID_VALUE,
    PROMETHEUS_UNSUPPORTED,
    PROMETHEUS_OUT_OF_ORDER,
    PROMETHEUS_DUPLICATE,
    PROMETHEUS_OVER_LIMIT
};
#define PROMETHEUS_N_OUTCOMES 8

/** The label of an outcome ("out_of_order"). */
const char *prometheus_outcome_name(enum prometheus_outcome outcome);

struct prometheus_store_options {
    struct otc_exposition_options exposition;
    int64_t expiration_ns;
    size_t max_series;
    /** A delta that starts after the last one ended is added (true) or starts anew (false, as the Collector).
     */
    bool bridge_gaps;
};

/** Locked by itself: any thread. Opaque. */
struct prometheus_store;

/** `options` is borrowed for the store's life. NULL out of memory. */
struct prometheus_store *prometheus_store_new(const struct prometheus_store_options *options);
void prometheus_store_free(struct prometheus_store *store);
/**
 * Takes every point of a part at monotonic time `now_ns` and counts outcomes[PROMETHEUS_N_OUTCOMES]. An error
 * of the walk: the points before it are in.
 */
OTC_CHECK otc_status prometheus_store_part(struct prometheus_store *store, struct otc_slice part,
                                           int64_t now_ns, size_t *outcomes, struct otc_error *err);
/** Forgets what was not updated since now - expiration. Returns how many series. */
size_t prometheus_store_expire(struct prometheus_store *store, int64_t now_ns);
/** Series held. */
size_t prometheus_store_count(struct prometheus_store *store);
/** Renders the series that have not expired; the lock is held only while references are taken. */
OTC_CHECK otc_status prometheus_store_render(struct prometheus_store *store, int64_t now_ns,
                                             struct otc_exposition_type type, struct otc_buf *out,
                                             struct otc_exposition_stats *stats, struct otc_error *err);

#endif
