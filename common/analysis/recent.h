// SPDX-License-Identifier: Apache-2.0
/** @file The last n different keys, to tell what comes again. Owned by one thread. */
#ifndef OTC_ANALYSIS_RECENT_H
#define OTC_ANALYSIS_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Most keys that one may remember. */
#define OTC_RECENT_MAX 10000000

/** Opaque. */
struct otc_recent;

/** Remembers the last `n` different keys, 1 <= n <= OTC_RECENT_MAX. NULL out of memory. */
struct otc_recent *otc_recent_new(size_t n);
/** NULL is allowed. */
void otc_recent_free(struct otc_recent *recent);
/** Bytes of one that remembers n: 16 to 24 a key. */
size_t otc_recent_bytes(size_t n);
/**
 * True when the key, a 64-bit hash, is among the last n different ones; else it is remembered and the oldest
 * forgotten. Two different things pass for one with a probability of n / 2^64. O(1), no allocation.
 */
bool otc_recent_add(struct otc_recent *recent, uint64_t key);

/** Calls for each key, oldest first: added in this order, they make the same memory again. */
void otc_recent_each(const struct otc_recent *recent, void (*fn)(void *arg, uint64_t key), void *arg);

#endif
