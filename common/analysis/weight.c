// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/weight.h"

#include "common/otlp/tracestate.h"

#define ONE (UINT64_C(1) << 56)
#define MOST (UINT64_C(1) << 31)

uint64_t
otc_weight_of(struct otc_slice trace_state)
{
    uint64_t threshold, kept, whole, rest, fraction = 0;

    if (trace_state.len == 0 || !otc_tracestate_threshold(trace_state, &threshold) || threshold >= ONE) {
        return OTC_WEIGHT_ONE;
    }
    kept = ONE - threshold;
    whole = ONE / kept;
    rest = ONE % kept;
    if (whole >= MOST) {
        return MOST << 32;
    }
    /* Long division, bit by bit: `rest` stays below 2^56. One bit more than needed tells how to round. */
    for (int bit = 0; bit < 33; bit++) {
        rest *= 2;
        fraction = fraction * 2 + (rest >= kept);
        rest -= rest >= kept ? kept : 0;
    }
    return (whole << 32) + (fraction + 1) / 2;
}
