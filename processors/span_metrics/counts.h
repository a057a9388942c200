// SPDX-License-Identifier: Apache-2.0
/**
 * @file An array of exact counts that takes as little room as the largest of them needs: 1, 2, 4 or 8 bytes
 * each, all alike. The caller owns the memory and makes more of it when a count outgrows its width. One
 * thread.
 */
#ifndef OTC_SPAN_METRICS_COUNTS_H
#define OTC_SPAN_METRICS_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The least width that holds `value`: 1, 2, 4 or 8. */
static inline uint8_t
span_metrics_counts_width(uint64_t value)
{
    return value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
}

/** counts[at]; `counts` is aligned for its width. */
static inline uint64_t
span_metrics_counts_get(const void *counts, uint8_t width, size_t at)
{
    switch (width) {
    case 1:
        return ((const uint8_t *)counts)[at];
    case 2:
        return ((const uint16_t *)counts)[at];
    case 4:
        return ((const uint32_t *)counts)[at];
    default:
        return ((const uint64_t *)counts)[at];
    }
}

/** counts[at] = value, which the width holds. */
void span_metrics_counts_set(void *counts, uint8_t width, size_t at, uint64_t value);
/** Writes `n` counts of width `from` again with the greater width `to`, in place: there is room for it. */
void span_metrics_counts_widen(void *counts, size_t n, uint8_t from, uint8_t to);

#endif
