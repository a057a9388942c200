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
    atomic_size_t peak; /* of `used`, since otc_budget_spare looked last */
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
    used += bytes;
    for (size_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
         used > peak && !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, used,
                                                               memory_order_relaxed, memory_order_relaxed);) {
    }
    return true;
}

static inline void
otc_budget_discharge(struct otc_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

/** So much less than was held is worth giving back to the system: after a calm interval, in one with traffic.
 */
#define OTC_BUDGET_SPARE_CALM ((size_t)512 << 10)
#define OTC_BUDGET_SPARE_BUSY ((size_t)32 << 20)

/**
 * Asked in regular intervals, by one thread: should the allocator give back what it keeps? True when, since
 * this said so last, much more was held than is now, and the interval was calm (nothing was held meanwhile
 * that the next burst would need again) or it is very much. `*most` is the caller's, 0 at first.
 */
static inline bool
otc_budget_spare(struct otc_budget *budget, size_t *most)
{
    const size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    const size_t peak = atomic_exchange_explicit(&budget->peak, used, memory_order_relaxed);
    const bool calm = peak <= used + OTC_BUDGET_SPARE_CALM;
    bool spare;

    *most = peak > *most ? peak : *most;
    spare = *most > used + (calm ? OTC_BUDGET_SPARE_CALM : OTC_BUDGET_SPARE_BUSY);
    *most = spare ? used : *most;
    return spare;
}

static inline size_t
otc_budget_used(struct otc_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

#endif
