// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/series.h"

#include "processors/span_metrics/counts.h"

#include <stdlib.h>

static size_t
size_of(const struct span_metrics_layout *layout, const struct span_metrics_series *series, uint8_t width)
{
    return span_metrics_series_key_at(layout, width) + series->key_len + series->types_len;
}

struct span_metrics_series *
span_metrics_series_new(const struct span_metrics_layout *layout,
                        const struct span_metrics_identity *identity, int64_t now_ns)
{
    size_t at = span_metrics_series_key_at(layout, 1), len = (size_t)identity->key_len + identity->types_len;
    struct span_metrics_series *series = malloc(at + len);

    if (!series) {
        return NULL;
    }
    memset(series, 0, at);
    series->carry = 0.5; /* counts are then rounded to the nearest */
    series->start_ns = now_ns;
    series->hash = identity->hash;
    series->key_len = identity->key_len;
    series->types_len = identity->types_len;
    series->width = 1;
    if (layout->max_buckets) {
        otc_exp_histogram_init(span_metrics_series_histogram(series), OTC_EXP_SCALE_MAX, layout->max_buckets);
    }
    if (len > 0) {
        memcpy((uint8_t *)series + at, identity->bytes, len);
    }
    return series;
}

void
span_metrics_series_free(const struct span_metrics_layout *layout, struct span_metrics_series *series)
{
    if (series && layout->max_buckets) {
        otc_exp_histogram_release(span_metrics_series_histogram(series));
    }
    free(series);
}

size_t
span_metrics_series_bytes(const struct span_metrics_layout *layout, const struct span_metrics_series *series)
{
    return size_of(layout, series, sizeof(uint64_t)) + layout->max_buckets * sizeof(uint64_t);
}

/* Makes the counts wide enough for `value`. False out of memory. */
static bool
widen(const struct span_metrics_layout *layout, struct span_metrics_series **series, uint64_t value)
{
    uint8_t from = (*series)->width, to = span_metrics_counts_width(value);
    size_t old_at = span_metrics_series_exemplars_at(layout, from),
           new_at = span_metrics_series_exemplars_at(layout, to);
    size_t moved = size_of(layout, *series, from) - old_at;
    struct span_metrics_series *wider = realloc(*series, size_of(layout, *series, to));

    if (!wider) {
        return false;
    }
    memmove((uint8_t *)wider + new_at, (uint8_t *)wider + old_at, moved);
    span_metrics_counts_widen(wider->rest, layout->n_counts, from, to);
    wider->width = to;
    *series = wider;
    return true;
}

bool
span_metrics_series_count(const struct span_metrics_layout *layout, struct span_metrics_series **series,
                          size_t at, uint64_t weight)
{
    uint64_t count = span_metrics_counts_get((*series)->rest, (*series)->width, at) + weight;

    if (span_metrics_counts_width(count) > (*series)->width && !widen(layout, series, count)) {
        return false;
    }
    span_metrics_counts_set((*series)->rest, (*series)->width, at, count);
    return true;
}

void
span_metrics_series_counts(const struct span_metrics_layout *layout, const struct span_metrics_series *series,
                           uint64_t *out)
{
    for (size_t i = 0; i < layout->n_counts; i++) {
        out[i] = span_metrics_counts_get(series->rest, series->width, i);
    }
}
