// SPDX-License-Identifier: Apache-2.0
/**
 * @file The components of embedding vectors in a pane: 192 bytes each (common/stats/components.h), charged to
 * the stage's memory. A pane has none before its first vector.
 */
#ifndef OTC_DRIFT_COMPONENTS_H
#define OTC_DRIFT_COMPONENTS_H

#include "common/analysis/window.h"
#include "common/otlp/value.h"
#include "common/stats/components.h"

#include <stdbool.h>

struct drift_budget;
struct drift_components {
    size_t n;
    uint64_t vectors;
    uint32_t *counts;
    double *sums;
};

/** Counts a vector of the reference's number of components; `*components` is made when there is none. False
 * without memory for it. */
bool drift_components_add(struct drift_components **components, const struct otc_components *reference,
                          const struct otc_value *vector, struct drift_budget *budget);
/** NULL is allowed. */
void drift_components_free(struct drift_components *components, struct drift_budget *budget);
/**
 * Share of the components that moved, of feature `index` over the panes of a window; NaN below `least`
 * vectors or out of memory.
 */
double drift_components_moved(const struct otc_components *reference, const struct otc_window_view *view,
                              size_t index, uint64_t least);

#endif
