// SPDX-License-Identifier: Apache-2.0
/** @file Bump allocation with a limit; everything is freed at once. */
#ifndef OTC_BASE_ARENA_H
#define OTC_BASE_ARENA_H

#include "common/base/slice.h"

struct otc_arena_block;

/** Owned by one thread. Made with otc_arena_init, ended with otc_arena_release. */
struct otc_arena {
    struct otc_arena_block *blocks;
    size_t used;
    size_t limit;
};

/** An arena that hands out at most `limit` bytes in all. Allocates nothing yet. */
void otc_arena_init(struct otc_arena *arena, size_t limit);
/** Frees everything ever handed out. NULL is allowed; the arena is usable again. */
void otc_arena_release(struct otc_arena *arena);
/**
 * `size` zeroed bytes aligned for any type, or NULL when the limit or memory is exhausted.
 * Valid until otc_arena_release().
 */
void *otc_arena_alloc(struct otc_arena *arena, size_t size);
/** A NUL-terminated copy, or NULL as above. */
char *otc_arena_strndup(struct otc_arena *arena, const void *data, size_t len);
struct otc_slice otc_arena_copy(struct otc_arena *arena, struct otc_slice slice);

#define OTC_AUTO_ARENA __attribute__((cleanup(otc_arena_release)))

#endif
