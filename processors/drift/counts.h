// SPDX-License-Identifier: Apache-2.0
/** @file Counts of one feature in one pane: few cells in a table, many as an array, within a memory budget.
 */
#ifndef OTC_DRIFT_COUNTS_H
#define OTC_DRIFT_COUNTS_H

#include "common/stats/cells.h"
#include "processors/drift/components.h"
#include "processors/drift/raw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes handed out of a limit. Locked by its owner. */
struct drift_budget {
    size_t used;
    size_t limit;
};
bool drift_budget_take(struct drift_budget *budget, size_t bytes);
void drift_budget_give(struct drift_budget *budget, size_t bytes);

/** What is counted: cells numbered from 0; with `points`, which are those of the reference, also the sum of
 * what the values of each even cell (the gaps) exceed otc_cells_gap_origin by. Borrowed. */
struct drift_shape {
    uint32_t cells;
    const double *points;
};

/** What a value adds to the sum of its cell, which means something for even ones alone. */
static inline double
drift_excess(struct drift_shape shape, uint32_t cell, double value)
{
    return shape.points ? value - otc_cells_gap_origin(shape.points, cell / 2) : 0;
}

struct drift_cell {
    uint32_t cell; /* + 1; 0: free */
    uint32_t count;
    double sum;
};

/** Zero-initialised is empty. */
struct drift_counts {
    /** Sparse: open addressing, a power of two. NULL when dense. */
    struct drift_cell *table;
    uint32_t capacity;
    uint32_t used;
    /** Dense. */
    uint32_t *counts;
    double *sums;
    /** Values counted in cells, invalid ones, and values that found no memory. */
    uint64_t values;
    uint64_t invalid;
    uint64_t overflow;
    /** Records without a value of a feature that counts its own records (drift_bound::apart). */
    uint64_t missing;
    /** Exponential buckets: by how many scales some were coarser than the reference's. */
    uint32_t coarser;
    /** The least and the greatest number counted; values that came in buckets have none. */
    bool range_known;
    double min, max;
    struct drift_raw *raw;               /* the values themselves, with `compat`; else NULL */
    struct drift_components *components; /* of vectors whose reference has them; NULL before the first */
};

/** Counts a value that occurred `times` times, at least once, in its cell. False when there is no memory for
 * it. No allocation but to grow. */
bool drift_counts_add_n(struct drift_counts *counts, struct drift_shape shape, uint32_t cell, double value,
                        uint32_t times, struct drift_budget *budget);
/** For drift_counts_add alone: what it does not do itself. */
bool drift_counts_add_other(struct drift_counts *counts, struct drift_shape shape, uint32_t cell,
                            double value, struct drift_budget *budget);
/** Counts a single value. */
static inline bool
drift_counts_add(struct drift_counts *counts, struct drift_shape shape, uint32_t cell, double value,
                 struct drift_budget *budget)
{
    if (counts->counts && !counts->raw && counts->counts[cell] < UINT32_MAX) {
        counts->counts[cell]++;
        if (counts->sums && cell % 2 == 0) {
            counts->sums[cell / 2] += drift_excess(shape, cell, value);
        }
        return true;
    }
    return drift_counts_add_other(counts, shape, cell, value, budget);
}
/** Counts n single values, each in its cell; returns how many found memory, which are then the first of
 * `values`. */
size_t drift_counts_add_all(struct drift_counts *counts, struct drift_shape shape, const uint32_t *cells,
                            double *values, size_t n, struct drift_budget *budget);
/** Calls for each cell that has a count; sum 0 where none is kept. */
void drift_counts_each(const struct drift_counts *counts, struct drift_shape shape,
                       void (*fn)(void *arg, uint32_t cell, uint32_t count, double sum), void *arg);
/** Sets a cell that is empty yet; false without memory, or for a cell that is none. */
bool drift_counts_set(struct drift_counts *counts, struct drift_shape shape, uint32_t cell, uint32_t count,
                      double sum, struct drift_budget *budget);
/** Gives the memory back. */
void drift_counts_release(struct drift_counts *counts, struct drift_shape shape, struct drift_budget *budget);

/** Adds the counts up: to[cell] += count, and where `sums` is not NULL, sums[cell / 2] of the even cells. */
void drift_counts_sum(const struct drift_counts *counts, struct drift_shape shape, uint64_t *to,
                      double *sums);

#endif
