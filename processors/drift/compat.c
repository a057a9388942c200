// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/compat.h"
#include "processors/drift/state.h"

#include <math.h>

const char *const drift_compat_words[] = {"none",   "evidently", "nannyml", "frouros",
                                          "popmon", "scouter",   NULL};
_Static_assert(sizeof(drift_compat_words) / sizeof(drift_compat_words[0]) == OTC_N_COMPAT + 1,
               "a word for each");

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static bool
are_whole(const double *values, size_t n)
{
    for (size_t i = 0; values && i < n; i++) {
        if (values[i] != floor(values[i])) {
            return false;
        }
    }
    return true;
}

/** The values of an exact reference, ascending; NULL, with *n 0, of any other. */
static double *
reference_values(const struct otc_cells *cells, size_t *n)
{
    double *values;

    *n = 0;
    for (size_t i = 0; i <= cells->n; i++) {
        if (cells->gap[i] > 0) {
            return NULL;
        }
    }
    values = calloc(cells->total + 1, sizeof(*values));
    for (size_t i = 0; values && i < cells->n; i++) {
        for (uint64_t c = 0; c < cells->eq[i]; c++) {
            values[(*n)++] = cells->points[i];
        }
    }
    return values;
}

/** The values that the panes kept, ascending. */
static double *
window_values(const struct otc_window_view *view, size_t index, size_t *n)
{
    double *values;
    size_t room = 1;

    for (size_t p = 0; p < view->n_panes; p++) {
        const struct drift_raw *raw =
            ((const struct drift_pane *)view->panes[p].payload)->features[index].raw;

        room += raw ? raw->n : 0;
    }
    *n = 0;
    values = calloc(room, sizeof(*values));
    for (size_t p = 0; values && p < view->n_panes; p++) {
        const struct drift_raw *raw =
            ((const struct drift_pane *)view->panes[p].payload)->features[index].raw;

        for (uint32_t i = 0; raw && i < raw->n; i++) {
            values[(*n)++] = raw->values[i];
        }
    }
    if (values) {
        qsort(values, *n, sizeof(*values), by_value);
    }
    return values;
}

static otc_status
evaluate_numeric(enum otc_compat compat, const struct drift_bound *bound, const struct otc_window_view *view,
                 size_t index, struct drift_compat_result *out, struct otc_error *err)
{
    struct otc_compat_pair pair = {.type = OTC_NUMERIC};
    double *ref = reference_values(&bound->reference->cells, &pair.n),
           *cur = window_values(view, index, &pair.m);
    otc_status status = cur ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");

    if (status == OTC_OK && ref) {
        pair.ref = ref;
        pair.cur = cur;
        pair.integers = are_whole(ref, pair.n) && are_whole(cur, pair.m);
        out->observations = pair.m;
        status = otc_compat_evaluate(compat, &pair, &out->feature, err);
    }
    free(ref);
    free(cur);
    return status;
}

static otc_status
evaluate_categorical(enum otc_compat compat, const struct drift_bound *bound,
                     const struct otc_window_view *view, size_t index, struct drift_compat_result *out,
                     struct otc_error *err)
{
    size_t cells = bound->shape.cells, known = bound->reference->n_categories;
    uint64_t *counts = calloc(2 * cells + 1, sizeof(*counts));
    struct otc_compat_pair pair = {.type = OTC_CATEGORICAL, .k = cells, .ref_counts = counts};
    otc_status status;

    if (!counts) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    pair.cur_counts = counts + cells;
    for (size_t i = 0; i < known && i < cells; i++) {
        counts[i] = bound->reference->categories[i].count;
    }
    for (size_t p = 0; p < view->n_panes; p++) {
        const struct drift_pane *pane = view->panes[p].payload;

        drift_counts_sum(&pane->features[index], bound->shape, counts + cells, NULL);
        out->observations += pane->features[index].values;
    }
    status = otc_compat_evaluate(compat, &pair, &out->feature, err);
    free(counts);
    return status;
}

otc_status
drift_compat_evaluate(enum otc_compat compat, const struct drift_binding *binding,
                      const struct otc_window_view *view, struct drift_compat_result **out,
                      struct otc_error *err)
{
    struct drift_compat_result *results = calloc(binding->n + 1, sizeof(*results));
    otc_status status = OTC_OK;

    *out = results;
    if (!results) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; status == OTC_OK && i < binding->n; i++) {
        const struct drift_bound *bound = &binding->features[i];

        if (bound->reference->type == OTC_NUMERIC) {
            status = evaluate_numeric(compat, bound, view, i, &results[i], err);
        } else if (bound->reference->other == 0) {
            status = evaluate_categorical(compat, bound, view, i, &results[i], err);
        }
    }
    return status;
}
