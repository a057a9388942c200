// SPDX-License-Identifier: Apache-2.0
/**
 * @file Design effects of a feature over blocks of time: the panes of a window, the slots of a dynamic
 * reference. Nothing (zeros) also when memory is short. Pure but for allocation.
 */
#ifndef OTC_DRIFT_EFFECT_H
#define OTC_DRIFT_EFFECT_H

#include "common/analysis/dependence.h"
#include "common/stats/cells.h"
#include "processors/drift/counts.h"

/** Adds the counts of one block to `cells`. */
typedef void (*drift_block_fn)(const void *arg, size_t block, uint64_t *cells);

struct drift_blocks {
    drift_block_fn add;
    const void *arg;
    size_t n;
};

/** Of numbers: over their mid-ranks in `reference`. `sums`: all blocks together, `values` in all. */
struct otc_pane_effect drift_numeric_effect(const struct otc_cells *reference, const uint64_t *sums,
                                            uint64_t values, const struct drift_blocks *blocks);
/** Of categories, counted in `cells` cells: those below `k` - 1 alone, all others as one. */
struct otc_pane_effect drift_categorical_effect(size_t k, size_t cells, const struct drift_blocks *blocks);

#endif
