// SPDX-License-Identifier: Apache-2.0
#include "common/base/large.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/** Whole pages of any system. */
#define PAGES ((size_t)64 << 10)

/* The sanitizer sees what is the heap's: accesses beyond it, and what nobody frees. */
#if defined(__SANITIZE_ADDRESS__)
#define MAPPED_FROM SIZE_MAX
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MAPPED_FROM SIZE_MAX
#endif
#endif
#ifndef MAPPED_FROM
#define MAPPED_FROM OTC_LARGE
#endif

/* What of a capacity is in large pages. */
static size_t
in_large_pages(size_t capacity)
{
    return capacity < OTC_LARGE ? 0 : (capacity + OTC_LARGE / 2) / OTC_LARGE * OTC_LARGE;
}

/* Length of a capacity's mapping; 0: it is the heap's. */
static size_t
mapped(size_t capacity)
{
    const size_t paged = in_large_pages(capacity);

    return capacity < MAPPED_FROM ? 0 : (capacity > paged ? (capacity + PAGES - 1) / PAGES * PAGES : paged);
}

/* A mapping that begins with a large page. */
static uint8_t *
map(size_t length, size_t paged)
{
    const size_t all = length + OTC_LARGE;
    uint8_t *begin = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    if (begin == MAP_FAILED) {
        return NULL;
    }
    before = (OTC_LARGE - (uintptr_t)begin % OTC_LARGE) % OTC_LARGE;
    if (before > 0) {
        (void)munmap(begin, before);
    }
    (void)munmap(begin + before + length, all - before - length);
    (void)madvise(begin + before, paged, MADV_HUGEPAGE); /* where they cannot be had, nothing is lost */
    return begin + before;
}

size_t
otc_large_taken(size_t used, size_t capacity)
{
    return used < in_large_pages(capacity) ? (used + OTC_LARGE - 1) / OTC_LARGE * OTC_LARGE : used;
}

bool
otc_large_grow(struct otc_large *memory, size_t used, size_t capacity)
{
    const size_t length = mapped(capacity);
    uint8_t *data;

    if (capacity <= memory->capacity || capacity > SIZE_MAX / 2) {
        return capacity <= memory->capacity;
    }
    if (length == 0) {
        data = realloc(memory->data, capacity);
        if (data) {
            *memory = (struct otc_large){data, capacity};
        }
        return data != NULL;
    }
    data = map(length, in_large_pages(capacity));
    if (!data) {
        return false;
    }
    if (used > 0) {
        memcpy(data, memory->data, used);
    }
    otc_large_free(memory);
    *memory = (struct otc_large){data, capacity};
    return true;
}

void
otc_large_free(struct otc_large *memory)
{
    const size_t length = mapped(memory->capacity);

    if (length > 0) {
        (void)munmap(memory->data, length);
    } else {
        free(memory->data);
    }
    *memory = (struct otc_large){0};
}
