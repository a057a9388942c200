// SPDX-License-Identifier: Apache-2.0
/** @file Memory of the stage's histograms and what else operations have, against `limits::memory`. */
#ifndef OTC_LATENCY_BUDGET_H
#define OTC_LATENCY_BUDGET_H

#include "common/stats/exponential_histogram.h"

#include <stdlib.h>

struct latency_budget {
    size_t used;
    size_t limit;
};

/** Zeroed memory; NULL without room. */
static inline void *
latency_take(struct latency_budget *budget, size_t bytes)
{
    void *memory = budget->used + bytes > budget->limit ? NULL : calloc(1, bytes);

    budget->used += memory ? bytes : 0;
    return memory;
}

/** Frees what latency_take gave; NULL is allowed. */
static inline void
latency_give(struct latency_budget *budget, void *memory, size_t bytes)
{
    budget->used -= memory ? bytes : 0;
    free(memory);
}

/** Adds to a histogram whose buckets count; false when they may not grow. */
static inline bool
latency_add_duration(struct latency_budget *budget, struct otc_exp_histogram *histogram, double seconds)
{
    uint32_t before = histogram->capacity;
    bool added;

    if (before < histogram->max_buckets &&
        budget->used + (histogram->max_buckets - before) * sizeof(uint64_t) > budget->limit &&
        budget->used + (otc_exp_histogram_capacity_with(histogram, seconds) - before) * sizeof(uint64_t) >
            budget->limit) {
        return false;
    }
    added = otc_exp_histogram_add(histogram, seconds);
    budget->used += (histogram->capacity - before) * sizeof(uint64_t);
    return added;
}

/** Releases such a histogram. */
static inline void
latency_give_histogram(struct latency_budget *budget, struct otc_exp_histogram *histogram)
{
    budget->used -= histogram->capacity * sizeof(uint64_t);
    otc_exp_histogram_release(histogram);
}

#endif
