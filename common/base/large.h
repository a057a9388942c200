// SPDX-License-Identifier: Apache-2.0
/** @file Memory of megabytes, as a request of many thousand spans needs it. */
#ifndef OTC_BASE_LARGE_H
#define OTC_BASE_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A large page. */
#define OTC_LARGE ((size_t)2 << 20)

/**
 * Memory of one owner, zero-initialised without any. Below OTC_LARGE bytes it is the heap's; more is a
 * mapping of its own in large pages, where the system has them for who asks: one fault a page instead of 512.
 * It goes back to the system when it is freed.
 */
struct otc_large {
    uint8_t *data;
    size_t capacity;
};

/** Makes it of at least `capacity` bytes, and keeps the first `used`. False when that cannot be had: all is
 * as it was. */
bool otc_large_grow(struct otc_large *memory, size_t used, size_t capacity);
/** How much of a capacity the system has given once the first `used` bytes are written: a page that is begun
 * is taken whole, and the last is a large one when at least half of it is asked for. */
size_t otc_large_taken(size_t used, size_t capacity);
/** It is then empty. */
void otc_large_free(struct otc_large *memory);

#endif
