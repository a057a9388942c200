// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/components.h"

#include "processors/drift/state.h"

#include <math.h>

static size_t
bytes_of(size_t n, bool squares)
{
    return sizeof(struct drift_components) +
           n * (OTC_COMPONENT_CELLS * (sizeof(uint32_t) + sizeof(double)) + squares * sizeof(double));
}

/* One block: what needs the wider alignment before the counts. */
struct drift_components *
drift_components_new(size_t n, bool squares, struct drift_budget *budget)
{
    struct drift_components *made;
    double *rest;

    if (!drift_budget_take(budget, bytes_of(n, squares))) {
        return NULL;
    }
    made = calloc(1, bytes_of(n, squares));
    if (!made) {
        drift_budget_give(budget, bytes_of(n, squares));
        return NULL;
    }
    made->n = n;
    made->sums = (double *)(made + 1);
    rest = made->sums + n * OTC_COMPONENT_CELLS;
    made->squares = squares ? rest : NULL;
    made->counts = (uint32_t *)(squares ? rest + n : rest);
    return made;
}

bool
drift_components_add(struct drift_components **components, const struct otc_reference_feature *reference,
                     bool squares, const struct otc_value *vector, struct drift_budget *budget)
{
    const struct otc_components *of = reference->components;
    struct drift_components *to = *components;

    if (!to) {
        to = *components = drift_components_new(of->n, squares, budget);
    }
    if (!to || to->vectors == UINT32_MAX) {
        return false;
    }
    for (size_t i = 0; i < to->n; i++) {
        const double *points = of->points + i * OTC_COMPONENT_POINTS;
        size_t cell;
        double value;

        memcpy(&value, vector->as.slice.data + i * sizeof(value), sizeof(value));
        cell = otc_component_cell(points, value);
        to->counts[i * OTC_COMPONENT_CELLS + cell]++;
        to->sums[i * OTC_COMPONENT_CELLS + cell] += value - otc_cells_gap_origin(points, cell);
        if (to->squares) {
            to->squares[i] += (value - reference->center[i]) * (value - reference->center[i]);
        }
    }
    to->vectors++;
    return true;
}

void
drift_components_free(struct drift_components *components, struct drift_budget *budget)
{
    if (components) {
        drift_budget_give(budget, bytes_of(components->n, components->squares != NULL));
        free(components);
    }
}

double
drift_components_moved(const struct otc_components *reference, const struct otc_window_view *view,
                       size_t index, uint64_t least)
{
    size_t cells = reference->n * OTC_COMPONENT_CELLS;
    uint64_t *counts = calloc(cells + 1, sizeof(*counts)), vectors = 0;
    double *sums = calloc(cells + 1, sizeof(*sums)), moved = NAN;

    for (size_t p = 0; counts && sums && p < view->n_panes; p++) {
        const struct drift_components *of =
            ((const struct drift_pane *)view->panes[p].payload)->features[index].components;

        for (size_t i = 0; of && i < cells; i++) {
            counts[i] += of->counts[i];
            sums[i] += of->sums[i];
        }
        vectors += of ? of->vectors : 0;
    }
    if (counts && sums && vectors >= least) {
        moved = otc_components_moved(reference, counts, sums, vectors);
    }
    free(counts);
    free(sums);
    return moved;
}
