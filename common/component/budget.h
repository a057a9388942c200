// SPDX-License-Identifier: Apache-2.0
/** @file The process's memory budget: bytes of telemetry held, with one limit. What a host's charge() and
 * discharge() do. */
#ifndef OTC_COMPONENT_BUDGET_H
#define OTC_COMPONENT_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/** Any thread. `{.limit = n}` starts it. */
struct otc_budget {
    atomic_size_t used;
    size_t limit;
};

/** Adds `bytes` unless that would pass the limit. */
static inline bool
otc_budget_charge(struct otc_budget *budget, size_t bytes)
{
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

    do {
        if (bytes > budget->limit || used > budget->limit - bytes) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static inline void
otc_budget_discharge(struct otc_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

static inline size_t
otc_budget_used(struct otc_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

#endif
