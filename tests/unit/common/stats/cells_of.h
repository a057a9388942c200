// SPDX-License-Identifier: Apache-2.0
/** @file For tests: the cells of a sample, and another sample counted in them. */
#ifndef OTC_TESTS_STATS_CELLS_OF_H
#define OTC_TESTS_STATS_CELLS_OF_H

#include "common/stats/cells.h"

#include <stdlib.h>

struct counted {
    struct otc_cells cells;
    struct otc_cell_counts counts;
    double *points;
    uint64_t *numbers; /* ref eq, ref gap, cur eq, cur gap */
};

/** Distinct values of `ref` (sorted) as points, then `extra` zero-count points (sorted, may be NULL), then
 * `cur`. */
static inline struct counted
counted_new(const double *ref, size_t n, const double *extra, size_t n_extra, const double *cur, size_t m)
{
    struct counted out = {0};
    size_t points = 0, i = 0, j = 0;

    out.points = calloc(n + n_extra + 1, sizeof(double));
    out.numbers = calloc(4 * (n + n_extra + 1), sizeof(uint64_t));
    while (i < n || j < n_extra) {
        double next = i < n && (j == n_extra || ref[i] <= extra[j]) ? ref[i] : extra[j];

        while (i < n && ref[i] == next) {
            out.numbers[points]++;
            i++;
        }
        while (j < n_extra && extra[j] == next)
            j++;
        out.points[points++] = next;
    }

    uint64_t *ref_gap = out.numbers + points, *eq = ref_gap + points + 1, *gap = eq + points;

    out.cells =
        (struct otc_cells){.points = out.points, .eq = out.numbers, .gap = ref_gap, .n = points, .total = n};
    out.counts = (struct otc_cell_counts){
        .eq = eq, .gap = gap, .gap_sum = calloc(points + 1, sizeof(double)), .total = m};
    for (size_t k = 0; k < m; k++) {
        size_t cell = otc_cells_find(&out.cells, cur[k]);

        if (cell % 2) {
            eq[cell / 2]++;
        } else {
            gap[cell / 2]++;
            out.counts.gap_sum[cell / 2] += points ? cur[k] - otc_cells_gap_origin(out.points, cell / 2) : 0;
        }
    }
    return out;
}

static inline void
counted_free(struct counted *counted)
{
    free(counted->points);
    free(counted->numbers);
    free(counted->counts.gap_sum);
}

#endif
