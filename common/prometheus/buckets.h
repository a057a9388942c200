// SPDX-License-Identifier: Apache-2.0
/** @file Exponential buckets on a coarser grid. Private to common/prometheus. */
#ifndef OTC_PROMETHEUS_BUCKETS_H
#define OTC_PROMETHEUS_BUCKETS_H

#include "common/prometheus/series.h"

/** The range of non-empty buckets at a scale; empty when `any` is false. */
struct otc_prom_range {
    bool any;
    int64_t first, last;
};

/** Extends the range by an index. */
void otc_prom_range_add(struct otc_prom_range *range, int64_t index);
/** The index of the same bucket at a scale that is `steps` coarser. */
int64_t otc_prom_coarser(int64_t index, int32_t steps);
/** The finest scale, at most `scale` and OTC_PROM_SCALE, at which both ranges have OTC_PROM_BUCKETS_MAX
 * buckets or fewer. */
int32_t otc_prom_fit_scale(int32_t scale, const struct otc_prom_range *a, const struct otc_prom_range *b);
/** 2^(index / 2^scale): the lower limit of bucket `index`, the upper one of `index` - 1. */
double otc_prom_limit(int32_t scale, int64_t index);

/** Calls `emit(arg, le, cumulative count)` for each explicit bucket of a histogram, `le` rising, without
 * +Inf. */
typedef void (*otc_prom_bucket_fn)(void *arg, double le, uint64_t count);
void otc_prom_buckets(const struct otc_prom_value *value, otc_prom_bucket_fn emit, void *arg);
/** Observations in all buckets: what +Inf shows. */
uint64_t otc_prom_buckets_total(const struct otc_prom_value *value);

#endif
