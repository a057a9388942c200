// SPDX-License-Identifier: Apache-2.0
/**
 * @file Counts of sampled spans: how many spans each stands for, and exact sums of that. Kept as fixed-point
 * numbers of 2^-32, so that sums do not depend on their order and lose nothing however long they run.
 */
#ifndef OTC_ANALYSIS_WEIGHT_H
#define OTC_ANALYSIS_WEIGHT_H

#include "common/base/slice.h"

#define OTC_WEIGHT_ONE (UINT64_C(1) << 32)
/** Spans that one stands for at most: sums of more would soon leave the counters. */
#define OTC_WEIGHT_MOST (UINT64_C(1) << 31)

/**
 * The adjusted count of a span from its trace state's `ot=th:…` (OTEP 235): 2^56 / (2^56 - T), rounded to
 * 2^-32 and at most OTC_WEIGHT_MOST; without that from `ot=p:…` (OTEP 168): 2^p. 1 where there is neither.
 * False: the trace state is not valid, and the weight 1.
 */
bool otc_weight_of(struct otc_slice trace_state, uint64_t *weight);

/** Zero-initialised is 0. */
struct otc_weighted_count {
    uint64_t whole;
    uint64_t fraction; /* of 2^32 */
};
static inline void
otc_weighted_add(struct otc_weighted_count *count, uint64_t weight)
{
    uint64_t fraction = count->fraction + (weight & (OTC_WEIGHT_ONE - 1));

    count->whole += (weight >> 32) + (fraction >> 32);
    count->fraction = fraction & (OTC_WEIGHT_ONE - 1);
}
/** The nearest integer; never less than before. */
static inline uint64_t
otc_weighted_value(const struct otc_weighted_count *count)
{
    return count->whole + (count->fraction >> 31);
}

#endif
