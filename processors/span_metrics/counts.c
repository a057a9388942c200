// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/counts.h"

void
span_metrics_counts_set(void *counts, uint8_t width, size_t at, uint64_t value)
{
    switch (width) {
    case 1:
        ((uint8_t *)counts)[at] = (uint8_t)value;
        break;
    case 2:
        ((uint16_t *)counts)[at] = (uint16_t)value;
        break;
    case 4:
        ((uint32_t *)counts)[at] = (uint32_t)value;
        break;
    default:
        ((uint64_t *)counts)[at] = value;
        break;
    }
}

void
span_metrics_counts_widen(void *counts, size_t n, uint8_t from, uint8_t to)
{
    /* From the last: what is written lies behind what is still to be read. */
    while (n-- > 0) {
        span_metrics_counts_set(counts, to, n, span_metrics_counts_get(counts, from, n));
    }
}
