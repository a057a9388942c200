// SPDX-License-Identifier: Apache-2.0
/**
 * @file Cumulative histograms with explicit bounds: of each set of attributes one for each of a few
 * instruments. Bounded: what finds no room is counted in a series with `otel.metric.overflow: true`, as in
 * OpenTelemetry's SDKs. Owned by one thread (or one lock).
 */
#ifndef OTC_ANALYSIS_HISTOGRAM_SET_H
#define OTC_ANALYSIS_HISTOGRAM_SET_H

#include "common/analysis/emit.h"

/** Attributes of a series, at most, and bytes of their values. */
#define OTC_HISTOGRAM_SET_ATTRIBUTES_MAX 12
#define OTC_HISTOGRAM_SET_KEY_MAX 2048

/** One instrument; several may share a metric and differ in an attribute of their own. */
struct otc_histogram_instrument {
    const struct otc_metric *metric;
    const double *bounds; /* ascending; bucket i holds (bounds[i-1], bounds[i]] */
    size_t n_bounds;
    struct otc_attribute own; /* ABSENT: none */
};

/** Opaque, both. */
struct otc_histogram_set;
struct otc_histogram_series;

/** `instruments` must outlive the set; `limit`: sets of attributes. NULL out of memory. */
struct otc_histogram_set *otc_histogram_set_new(const struct otc_histogram_instrument *instruments, size_t n,
                                                size_t limit);
/** NULL is allowed. */
void otc_histogram_set_free(struct otc_histogram_set *set);
/**
 * The series of these attributes, which always come in the same order; ABSENT ones are left out. Valid until
 * the next call. NULL out of memory.
 */
struct otc_histogram_series *otc_histogram_set_get(struct otc_histogram_set *set,
                                                   const struct otc_attribute *attributes, size_t n,
                                                   int64_t now_ns, int64_t monotonic_ns);
/** Counts a finite value of one instrument. */
void otc_histogram_set_add(const struct otc_histogram_set *set, struct otc_histogram_series *series,
                           size_t instrument, double value);
/** Tells every histogram that has a value; during a collection. */
void otc_histogram_set_emit(const struct otc_histogram_set *set, struct otc_emitter *emitter);
/** Forgets the series without a span since `before_ns` (monotonic). */
void otc_histogram_set_expire(struct otc_histogram_set *set, int64_t before_ns);

#endif
