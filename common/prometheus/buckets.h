// SPDX-License-Identifier: Apache-2.0
/** @file Buckets as shown, and the grid of exponential histograms. Private to common/prometheus. */
#ifndef OTC_PROMETHEUS_BUCKETS_H
#define OTC_PROMETHEUS_BUCKETS_H

#include "common/prometheus/series.h"

/** Limits of the grid: 0 and 78 powers of the square root of 2. One slot more, the last, is +Inf's. */
#define OTC_PROM_GRID 79

/**
 * The limits, rising: 0; then a factor of 2 apart from 2^-20 to 2^-14, of 2^(1/2) to 2^13, of 2 to 2^20, of 4
 * to 2^40. In seconds that is 1 µs, 61 µs, 2.3 h and on; tokens, rows and bytes are in its upper half. Never
 * depends on data: every series has the same. The array lives as long as the process.
 */
const double *otc_prom_grid(void);
/** The slot of (2^(index / 2^scale), 2^((index + 1) / 2^scale)]: the first limit that is no less than the
 * upper one, so that a count is never shown below where its values may be. Any `index`, any `scale` in
 * -64..64. */
size_t otc_prom_grid_slot(int32_t scale, int64_t index);
/** The slot of the first limit that is no less than `value`, which is no NaN. */
size_t otc_prom_grid_slot_of(double value);

/** Calls `emit(arg, le, cumulative count)` for each explicit bucket of a histogram, `le` rising, without
 * +Inf. */
typedef void (*otc_prom_bucket_fn)(void *arg, double le, uint64_t count);
void otc_prom_buckets(const struct otc_prom_value *value, otc_prom_bucket_fn emit, void *arg);
/** Observations in all buckets: what +Inf shows. */
uint64_t otc_prom_buckets_total(const struct otc_prom_value *value);

#endif
