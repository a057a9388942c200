// SPDX-License-Identifier: Apache-2.0
#include "common/base/large.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What of so many bytes is in large pages. */
static size_t
in_large_pages(size_t bytes)
{
    return bytes < OTC_LARGE ? 0 : (bytes + OTC_LARGE / 2) / OTC_LARGE * OTC_LARGE;
}

size_t
otc_large_taken(size_t used, size_t bytes)
{
    return used < in_large_pages(bytes) ? (used + OTC_LARGE - 1) / OTC_LARGE * OTC_LARGE : used;
}

void *
otc_realloc_large(void *data, size_t used, size_t bytes)
{
    const size_t paged = in_large_pages(bytes);
    void *large = NULL;

    if (paged == 0 || posix_memalign(&large, OTC_LARGE, bytes > paged ? bytes : paged) != 0) {
        return realloc(data, bytes);
    }
    (void)madvise(large, paged, MADV_HUGEPAGE); /* where they cannot be had, nothing is lost */
    if (used > 0) {
        memcpy(large, data, used);
    }
    free(data);
    return large;
}

void
otc_large_apart(void)
{
    mallopt(M_MMAP_THRESHOLD, (int)OTC_LARGE);
    mallopt(M_TRIM_THRESHOLD, (int)(2 * OTC_LARGE));
}
