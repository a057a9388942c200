// SPDX-License-Identifier: Apache-2.0
/**
 * @file The components of embedding vectors in a pane: 192 bytes each (common/stats/components.h), and 8 more
 * for references that move, charged to the stage's memory. A pane has none before its first vector.
 */
#ifndef OTC_DRIFT_COMPONENTS_H
#define OTC_DRIFT_COMPONENTS_H

#include "common/analysis/reference.h"
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
    /** Of each component: the sum of (value - the center's)^2, what a pane's part in a reference needs. NULL:
     * it is to be none. */
    double *squares;
};

/** None counted yet, of `n` components; NULL without memory. */
struct drift_components *drift_components_new(size_t n, bool squares, struct drift_budget *budget);
/** Counts a vector of the reference's number of components; `*components` is made when there is none. False
 * without memory for it. */
bool drift_components_add(struct drift_components **components, const struct otc_reference_feature *reference,
                          bool squares, const struct otc_value *vector, struct drift_budget *budget);
/** NULL is allowed. */
void drift_components_free(struct drift_components *components, struct drift_budget *budget);
/**
 * Share of the components that moved since `reference`, of feature `index` over the panes of a window; NaN
 * below `least` vectors or out of memory.
 */
double drift_components_moved(const struct otc_components *reference, const struct otc_window_view *view,
                              size_t index, uint64_t least);

#endif
