// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/against.h"

#include "common/analysis/reference_counts.h"
#include "processors/drift/effect.h"
#include "processors/drift/packed_components.h"

#include <stdlib.h>
#include <string.h>

struct drift_against {
    const struct drift_binding *binding;
    struct drift_against_settings settings;
    struct drift_packed **slots;
    size_t n, capacity;
    uint64_t records;
    /** Of the feature under way. */
    size_t index;
    uint64_t *cells, *split;
    struct otc_category *categories;
    uint32_t *cell_of;
    double *edges;
    struct drift_unpacked sums;
    struct otc_reference_feature feature;
    /** Of the last feature with components. */
    struct drift_components_total total;
    struct otc_components components;
    double *deviations;
};

static bool
allocate(struct drift_against *against)
{
    size_t cells = drift_binding_max_cells(against->binding);
    size_t edges = against->settings.bins > OTC_REFERENCE_COUNTS_EDGES ? against->settings.bins
                                                                       : OTC_REFERENCE_COUNTS_EDGES;

    against->slots = calloc(against->capacity + 1, sizeof(struct drift_packed *));
    against->cells = calloc(cells, sizeof(*against->cells));
    against->split = calloc(cells, sizeof(*against->split));
    against->categories = calloc(cells, sizeof(*against->categories));
    against->cell_of = calloc(cells, sizeof(*against->cell_of));
    against->edges = calloc(edges, sizeof(*against->edges));
    return against->slots && against->cells && against->split && against->categories && against->cell_of &&
           against->edges;
}

struct drift_against *
drift_against_new(const struct drift_binding *binding, size_t slots,
                  const struct drift_against_settings *settings)
{
    struct drift_against *against = calloc(1, sizeof(*against));

    if (!against) {
        return NULL;
    }
    against->binding = binding;
    against->settings = *settings;
    against->capacity = slots;
    if (!allocate(against)) {
        drift_against_free(against, NULL);
        return NULL;
    }
    return against;
}

void
drift_against_add(struct drift_against *against, const struct drift_history *history, int64_t from_ns,
                  int64_t to_ns)
{
    size_t n = drift_history_take(history, from_ns, to_ns, against->slots + against->n,
                                  against->capacity - against->n);

    for (size_t i = 0; i < n; i++) {
        against->records += against->slots[against->n + i]->records;
    }
    against->n += n;
}

void
drift_against_free(struct drift_against *against, struct drift_budget *budget)
{
    if (!against) {
        return;
    }
    for (size_t i = 0; i < against->n; i++) {
        drift_history_give(against->slots[i], budget);
    }
    free(against->slots);
    free(against->cells);
    free(against->split);
    free(against->categories);
    free(against->cell_of);
    free(against->edges);
    drift_components_total_release(&against->total);
    free(against->deviations);
    free(against);
}

/* A slot's counts, for the design effect. */
static void
add_slot(const void *arg, size_t slot, uint64_t *cells)
{
    const struct drift_against *against = arg;
    struct drift_unpacked unpacked = {.cells = cells};

    drift_packed_sum(against->slots[slot], against->index, &unpacked);
}

static void
make_numeric(struct drift_against *against, const struct drift_bound *bound,
             struct otc_reference_counts *counts)
{
    size_t n = bound->reference->cells.n;
    struct drift_blocks blocks = {add_slot, against, against->n};

    for (size_t c = 0; c < bound->shape.cells; c++) {
        against->split[c % 2 ? c / 2 : n + c / 2] = against->cells[c];
    }
    counts->eq = against->split;
    counts->gap = against->split + n;
    counts->outer_sums = against->sums.outer_sums;
    otc_reference_of_counts(bound->reference, counts, against->settings.bins, against->edges,
                            &against->feature);
    if (against->settings.dependence) {
        struct otc_pane_effect slots =
            drift_numeric_effect(&against->feature.cells, against->cells, against->sums.values, &blocks);

        against->feature.design_effect = otc_pane_effect_alone(&slots);
    }
}

/* Categories that occurred, those of the grid first; what had no cell of its own is pooled. */
static void
make_categorical(struct drift_against *against, const struct drift_bound *bound,
                 struct otc_reference_counts *counts)
{
    size_t common = bound->reference->n_categories;
    struct drift_blocks blocks = {add_slot, against, against->n};

    for (size_t c = 0; c < bound->shape.cells; c++) {
        if (c != common && against->cells[c]) {
            against->cell_of[counts->n_categories] = (uint32_t)c;
            against->categories[counts->n_categories++] = (struct otc_category){
                c < common ? bound->reference->categories[c].name : OTC_SLICE_NONE, against->cells[c]};
        }
    }
    counts->categories = against->categories;
    counts->other = against->cells[common];
    otc_reference_of_counts(bound->reference, counts, against->settings.bins, against->edges,
                            &against->feature);
    if (against->settings.dependence) {
        struct otc_pane_effect slots = drift_categorical_effect(common + 1, bound->shape.cells, &blocks);

        against->feature.design_effect = otc_pane_effect_alone(&slots);
    }
}

const struct otc_reference_feature *
drift_against_feature(struct drift_against *against, size_t index)
{
    const struct drift_bound *bound = &against->binding->features[index];
    struct otc_reference_counts counts = {0};

    against->index = index;
    against->sums = (struct drift_unpacked){.cells = against->cells};
    memset(against->cells, 0, bound->shape.cells * sizeof(*against->cells));
    for (size_t i = 0; i < against->n; i++) {
        drift_packed_sum(against->slots[i], index, &against->sums);
    }
    counts.invalid = against->sums.invalid;
    counts.missing = bound->apart ? against->sums.missing
                                  : against->records - against->sums.values - against->sums.invalid -
                                        against->sums.overflow;
    if (against->sums.values + counts.invalid + counts.missing < against->settings.min_observations) {
        return NULL;
    }
    if (bound->reference->type == OTC_NUMERIC) {
        make_numeric(against, bound, &counts);
    } else {
        make_categorical(against, bound, &counts);
    }
    return &against->feature;
}

uint32_t
drift_against_coarser(const struct drift_against *against)
{
    return against->sums.coarser;
}

uint32_t
drift_against_cell(const struct drift_against *against, size_t category)
{
    return against->cell_of[category];
}

void
drift_against_bins(const struct drift_against *against, uint64_t *out)
{
    drift_bound_bins(&against->binding->features[against->index], against->cells, out);
}

const struct otc_components *
drift_against_components(struct drift_against *against)
{
    const struct otc_reference_feature *grid = against->binding->features[against->index].reference;
    size_t n = grid->components ? grid->components->n : 0;

    drift_components_total_release(&against->total);
    free(against->deviations);
    against->deviations = calloc(n + 1, sizeof(double));
    if (!drift_components_total_init(&against->total, n) || !against->deviations || n == 0) {
        return NULL;
    }
    for (size_t i = 0; i < against->n; i++) {
        drift_components_total_add(&against->total,
                                   drift_packed_components_of(against->slots[i], against->index));
    }
    if (against->total.vectors == 0 || against->total.vectors != against->sums.values) {
        return NULL;
    }
    against->components = drift_components_total_view(&against->total, grid, against->deviations);
    return &against->components;
}
