// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/weight.h"

#include "common/otlp/tracestate.h"

#define ONE (UINT64_C(1) << 56)
/* 2^MOST_P is OTC_WEIGHT_MOST. */
#define MOST_P 31

static uint64_t
of_threshold(uint64_t threshold)
{
    uint64_t kept = ONE - threshold, whole, rest, fraction = 0;

    whole = ONE / kept;
    rest = ONE % kept;
    if (whole >= OTC_WEIGHT_MOST) {
        return OTC_WEIGHT_MOST << 32;
    }
    /* Long division, bit by bit: `rest` stays below 2^56. One bit more than needed tells how to round. */
    for (int bit = 0; bit < 33; bit++) {
        rest *= 2;
        fraction = fraction * 2 + (rest >= kept);
        rest -= rest >= kept ? kept : 0;
    }
    return (whole << 32) + (fraction + 1) / 2;
}

bool
otc_weight_of(struct otc_slice trace_state, uint64_t *weight)
{
    struct otc_sampling sampling;
    bool valid;

    *weight = OTC_WEIGHT_ONE;
    if (trace_state.len == 0) {
        return true;
    }
    valid = otc_tracestate_read(trace_state, &sampling);
    if (sampling.has_threshold) {
        *weight = of_threshold(sampling.threshold);
    } else if (sampling.has_p) {
        *weight = OTC_WEIGHT_ONE << (sampling.p < MOST_P ? sampling.p : MOST_P);
    }
    return valid;
}
