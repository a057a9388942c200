// SPDX-License-Identifier: Apache-2.0
#include "processors/latency/exemplars.h"

#define FIRST_EXPONENT (-10)

static uint64_t
rank_of(const uint8_t *trace_id)
{
    uint64_t low;

    memcpy(&low, trace_id + 8, sizeof(low));
    low *= UINT64_C(0x9e3779b97f4a7c15);
    return low ^ (low >> 32);
}

/* By the exponent of the number; a duration is not negative. */
static size_t
range_of(double seconds)
{
    uint64_t bits;
    int64_t range;

    memcpy(&bits, &seconds, sizeof(bits));
    range = (int64_t)(bits >> 52) - 1023 - FIRST_EXPONENT;
    range = range < 0 ? 0 : range;
    return range < LATENCY_RANGES ? (size_t)range : LATENCY_RANGES - 1;
}

void
latency_exemplars_offer(struct latency_exemplars *exemplars, struct otc_slice trace_id,
                        struct otc_slice span_id, double seconds, int64_t time_ns, int64_t oldest_ns)
{
    struct latency_exemplar *slowest = &exemplars->slowest, *range = &exemplars->ranges[range_of(seconds)];
    struct latency_exemplar offered;
    bool slower, drawn;
    uint64_t rank;

    if (trace_id.len != sizeof(offered.trace_id) || span_id.len != sizeof(offered.span_id)) {
        return;
    }
    rank = rank_of(trace_id.data);
    slower = !slowest->used || seconds > slowest->seconds || slowest->time_ns < oldest_ns;
    drawn = !range->used || rank < range->rank || range->time_ns < oldest_ns;
    if (!slower && !drawn) { /* nearly always */
        return;
    }
    offered = (struct latency_exemplar){
        .used = true, .fresh = true, .seconds = seconds, .time_ns = time_ns, .rank = rank};
    memcpy(offered.trace_id, trace_id.data, sizeof(offered.trace_id));
    memcpy(offered.span_id, span_id.data, sizeof(offered.span_id));
    if (slower) {
        *slowest = offered;
    }
    if (drawn) {
        *range = offered;
    }
}

static struct otc_exemplar
shown(const struct latency_exemplar *exemplar)
{
    return (struct otc_exemplar){
        .value = exemplar->seconds,
        .time_unix_nano = (uint64_t)exemplar->time_ns,
        .trace_id = otc_slice_of(exemplar->trace_id, sizeof(exemplar->trace_id)),
        .span_id = otc_slice_of(exemplar->span_id, sizeof(exemplar->span_id)),
    };
}

static bool
same_span(const struct latency_exemplar *a, const struct latency_exemplar *b)
{
    return memcmp(a->span_id, b->span_id, sizeof(a->span_id)) == 0 &&
           memcmp(a->trace_id, b->trace_id, sizeof(a->trace_id)) == 0;
}

size_t
latency_exemplars_fresh(struct latency_exemplars *exemplars, struct otc_exemplar out[LATENCY_EXEMPLARS_MAX])
{
    struct latency_exemplar *slowest = &exemplars->slowest;
    size_t n = 0;

    for (size_t i = 0; i < LATENCY_RANGES; i++) {
        struct latency_exemplar *range = &exemplars->ranges[i];

        if (range->used && range->fresh) {
            out[n++] = shown(range);
            slowest->fresh = slowest->fresh && !same_span(slowest, range);
        }
        range->fresh = false;
    }
    if (slowest->used && slowest->fresh) {
        out[n++] = shown(slowest);
    }
    slowest->fresh = false;
    return n;
}

bool
latency_exemplars_near(const struct latency_exemplars *exemplars, double seconds, int64_t oldest_ns,
                       struct otc_exemplar *out)
{
    const struct latency_exemplar *above = NULL, *below = NULL;

    for (size_t i = 0; i <= LATENCY_RANGES; i++) {
        const struct latency_exemplar *one = i < LATENCY_RANGES ? &exemplars->ranges[i] : &exemplars->slowest;

        if (!one->used || one->time_ns < oldest_ns) {
            continue;
        }
        if (one->seconds >= seconds) {
            above = !above || one->seconds < above->seconds ? one : above;
        } else {
            below = !below || one->seconds > below->seconds ? one : below;
        }
    }
    if (above || below) {
        *out = shown(above ? above : below);
    }
    return above || below;
}
