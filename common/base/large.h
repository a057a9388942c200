// SPDX-License-Identifier: Apache-2.0
/** @file Memory of megabytes, as requests of many thousand spans need it. */
#ifndef OTC_BASE_LARGE_H
#define OTC_BASE_LARGE_H

#include <stddef.h>

/** What is large: a page of the large kind. */
#define OTC_LARGE ((size_t)2 << 20)

/**
 * realloc, for what free() frees; of what `data` holds the first `used` bytes are kept. Memory of OTC_LARGE
 * and more comes in large pages where the system has them for who asks: one fault a page instead of 512. A
 * page that is begun is taken whole, but for what is beyond the last whole one.
 */
void *otc_realloc_large(void *data, size_t used, size_t bytes);

/** How much of memory of `bytes` the system has given once the first `used` are written. */
size_t otc_large_taken(size_t used, size_t bytes);

/**
 * For a program, before its first thread: what is large has a mapping of its own, which goes back to the
 * system when it is freed, and no other memory between. Left alone, the allocator moves its bound to the
 * largest request that it has seen.
 */
void otc_large_apart(void);

#endif
