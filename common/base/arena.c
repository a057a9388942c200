// SPDX-License-Identifier: Apache-2.0
#include "common/base/arena.h"

#include <stdlib.h>

#define BLOCK_BYTES 4096
#define ALIGNMENT _Alignof(max_align_t)

struct otc_arena_block {
    struct otc_arena_block *next;
    size_t used;
    size_t size;
    _Alignas(max_align_t) uint8_t bytes[];
};

void
otc_arena_init(struct otc_arena *arena, size_t limit)
{
    *arena = (struct otc_arena){.limit = limit};
}

void
otc_arena_release(struct otc_arena *arena)
{
    struct otc_arena_block *block, *next;

    if (!arena) {
        return;
    }
    for (block = arena->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
    otc_arena_init(arena, arena->limit);
}

/* A block with room for `size`; a large request gets a block of its own behind the current one. */
static struct otc_arena_block *
block_for(struct otc_arena *arena, size_t size)
{
    size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct otc_arena_block *block = calloc(1, sizeof(*block) + room);

    if (!block) {
        return NULL;
    }
    block->size = room;
    if (size > BLOCK_BYTES && arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *
otc_arena_alloc(struct otc_arena *arena, size_t size)
{
    struct otc_arena_block *block = arena->blocks;
    size_t rounded;
    void *result;

    if (size > arena->limit || arena->used > arena->limit - size || size > SIZE_MAX / 2) {
        return NULL;
    }
    rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!block || block->size - block->used < rounded) {
        block = block_for(arena, rounded);
        if (!block) {
            return NULL;
        }
    }
    result = block->bytes + block->used;
    block->used += rounded;
    arena->used += size;
    return result;
}

char *
otc_arena_strndup(struct otc_arena *arena, const void *data, size_t len)
{
    char *copy = len < SIZE_MAX ? otc_arena_alloc(arena, len + 1) : NULL;

    if (copy && len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

struct otc_slice
otc_arena_copy(struct otc_arena *arena, struct otc_slice slice)
{
    char *copy = otc_arena_strndup(arena, slice.data, slice.len);

    return copy ? otc_slice_of(copy, slice.len) : OTC_SLICE_NONE;
}
