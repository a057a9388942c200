// SPDX-License-Identifier: Apache-2.0
/* What a window that has closed says of each operation. */
#include "processors/latency/state.h"

#include <math.h>

const double latency_quantiles[LATENCY_N_QUANTILES] = {0.5, 0.9, 0.95, 0.99, 0.999};

/* Durations of one series over all panes of a window. False out of memory. */
static bool
merge_panes(const struct otc_window_view *view, const struct latency_operation *operation, int side,
            struct otc_exp_histogram *out)
{
    for (size_t i = 0; i < view->n_panes; i++) {
        const struct latency_pane *pane = view->panes[i].payload;

        if (operation->slot < pane->n && pane->entries[operation->slot].id == operation->id &&
            !otc_exp_histogram_merge(out, &pane->entries[operation->slot].sides[side])) {
            return false;
        }
    }
    return true;
}

static void
evaluate_series(struct latency_version *version, const struct otc_window_view *view,
                struct latency_operation *operation, int side)
{
    const struct latency_config *config = version->owner->config;
    struct latency_result *result = &operation->sides[side].result;
    struct otc_exp_histogram all;
    bool was_valid = result->valid;

    otc_exp_histogram_init(&all, LATENCY_WINDOW_SCALE, (uint32_t)config->histogram.quantile_buckets);
    result->valid = merge_panes(view, operation, side, &all) && all.count > 0 &&
                    all.count >= (uint64_t)config->window.min_observations;
    result->stale = result->stale || (was_valid && !result->valid);
    operation->sides[side].slow_s = 0;
    if (result->valid) {
        result->stale = false;
        result->start_ns = view->start_ns;
        result->error = otc_exp_histogram_relative_error(&all);
        for (int q = 0; q < LATENCY_N_QUANTILES; q++) {
            result->quantiles[q] = otc_exp_histogram_quantile(&all, latency_quantiles[q]);
        }
        operation->sides[side].slow_s = result->quantiles[1] / 2;
    }
    if (config->drift && side == LATENCY_OK) {
        latency_drift_evaluate(version, view, operation, &all);
    }
    otc_exp_histogram_release(&all);
}

static void
evaluate_apdex(const struct latency_config *config, const struct otc_window_view *view,
               struct latency_operation *operation)
{
    struct latency_apdex sum = {0};

    for (size_t i = 0; i < view->n_panes; i++) {
        const struct latency_pane *pane = view->panes[i].payload;

        if (operation->slot < pane->n && pane->entries[operation->slot].id == operation->id) {
            const struct latency_apdex *apdex = &pane->entries[operation->slot].apdex;

            sum.satisfied += apdex->satisfied;
            sum.tolerating += apdex->tolerating;
            sum.all += apdex->all;
        }
    }
    operation->apdex =
        sum.all >= (uint64_t)config->window.min_observations ? latency_apdex_value(&sum) : (double)NAN;
}

void
latency_evaluate(struct latency_version *version)
{
    struct otc_window_view view;

    while (otc_window_closing(&version->window, &view)) {
        for (size_t i = 0; i < version->n_slots; i++) {
            for (int side = 0; version->operations[i] && side < LATENCY_N_SIDES; side++) {
                evaluate_series(version, &view, version->operations[i], side);
            }
            if (version->operations[i] && version->owner->config->apdex) {
                evaluate_apdex(version->owner->config, &view, version->operations[i]);
            }
        }
        if (version->owner->config->drift) {
            latency_drift_verdict(version);
        }
        otc_window_closed(&version->window);
    }
}
