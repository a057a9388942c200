// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/dynamic.h"

#include "processors/drift/packed_components.h"

#define WEEK_NS (7 * OTC_DAY)

/* How far the watermarks of a model's versions may lie apart: a record older than max_age is not placed. */
static int64_t
lag_ns(const struct drift_config *config)
{
    return config->window.time.index == OTC_ARRIVAL_TIME
               ? OTC_WINDOW_IDLE_NS + config->metrics_flush_interval.ns
               : config->window.max_age.ns;
}

/* From a window's end back to the oldest record that it may be compared with. */
static int64_t
reach_ns(const struct drift_config *config)
{
    const struct drift_reference_config *reference = &config->reference;
    int64_t reach = config->window.length.ns;

    reach += reference->trailing ? reference->trailing->offset.ns : 0;
    reach += reference->hour_of_week ? reference->hour_of_week->weeks * WEEK_NS : 0;
    return reach;
}

static int64_t
slot_ns(const struct drift_config *config)
{
    return config->reference.hour_of_week ? OTC_HOUR : config->window.pane.ns;
}

size_t
drift_dynamic_slots(const struct drift_config *config)
{
    return (size_t)((reach_ns(config) + lag_ns(config)) / slot_ns(config)) + 1;
}

double
drift_dynamic_least_bytes(const struct drift_config *config, size_t features)
{
    size_t slot = sizeof(struct drift_slot) + sizeof(struct drift_packed) +
                  (features + 1) * sizeof(struct drift_packed_feature);

    return (double)drift_dynamic_slots(config) * (double)slot;
}

void
drift_dynamic_init(struct drift_model *model)
{
    const struct drift_config *config = model->owner->config;

    model->history =
        (struct drift_history){.slot_ns = slot_ns(config), .keep_ns = reach_ns(config) + lag_ns(config)};
}

bool
drift_dynamic_bind(struct drift_model *model)
{
    size_t bytes = model->binding->n * sizeof(struct otc_map *);

    if (!drift_budget_take(&model->owner->budget, bytes)) {
        return false;
    }
    model->charged += bytes;
    model->texts = calloc(model->binding->n + 1, sizeof(struct otc_map *));
    return model->texts != NULL;
}

void
drift_dynamic_release(struct drift_model *model)
{
    drift_history_release(&model->history, &model->owner->budget);
    for (size_t i = 0; model->texts && i < model->binding->n; i++) {
        otc_map_free(model->texts[i], NULL);
    }
    free(model->texts);
    drift_budget_give(&model->owner->budget, model->charged);
}

double
drift_dynamic_progress(const struct drift_model *model)
{
    const struct drift_history *history = &model->history;
    double reach = (double)reach_ns(model->owner->config);
    double there = (double)(history->newest_ns - history->first_ns);

    if (model->owner->config->reference.arm) {
        return history->n > 0;
    }
    return there < reach ? there / reach : 1;
}

bool
drift_dynamic_waits(const struct drift_version *version, const struct otc_model *entry)
{
    int64_t end = otc_window_due(&version->window);

    if (version->role != DRIFT_COMPARED_ARM || end == INT64_MIN) {
        return false;
    }
    for (size_t i = 0; i < entry->n_versions; i++) {
        const struct drift_version *other = entry->versions[i]->state;
        int64_t due = otc_window_due(&other->window);

        /* A version that holds nothing yet has no watermark, and nothing to wait for. */
        if (other->role == DRIFT_BASELINE_ARM && otc_window_watermark(&other->window) != INT64_MIN &&
            (otc_window_watermark(&other->window) < end || other->busy || (due != INT64_MIN && due <= end))) {
            return true;
        }
    }
    return false;
}

/* The whole hours that a window covers: its ends rounded, at least the hour of its middle. */
static void
hours_of(const struct otc_window_view *view, int64_t *from, int64_t *to)
{
    *from = (view->start_ns + OTC_HOUR / 2) / OTC_HOUR * OTC_HOUR;
    *to = (view->end_ns + OTC_HOUR / 2) / OTC_HOUR * OTC_HOUR;
    if (*from == *to) {
        *from = (view->start_ns + (view->end_ns - view->start_ns) / 2) / OTC_HOUR * OTC_HOUR;
        *to = *from + OTC_HOUR;
    }
}

/* Spans of time that make the reference of a window: `n` of them, each `step_ns` before the one above. */
struct spans {
    int64_t from_ns, to_ns, step_ns, n;
};

static struct spans
spans_of(const struct drift_config *config, const struct otc_window_view *view)
{
    struct spans spans = {view->start_ns, view->end_ns, 0, 1};

    if (config->reference.trailing) {
        spans.from_ns -= config->reference.trailing->offset.ns;
        spans.to_ns -= config->reference.trailing->offset.ns;
    } else if (config->reference.hour_of_week) {
        hours_of(view, &spans.from_ns, &spans.to_ns);
        spans.from_ns -= WEEK_NS;
        spans.to_ns -= WEEK_NS;
        spans.step_ns = WEEK_NS;
        spans.n = config->reference.hour_of_week->weeks;
    }
    return spans;
}

struct drift_against *
drift_dynamic_take(const struct drift_version *version, const struct otc_window_view *view)
{
    const struct drift *drift = version->owner;
    const struct drift_history *history = &version->model->history;
    const struct drift_against_settings settings = {.bins = (size_t)drift->config->psi.bins,
                                                    .min_observations = drift->rule.decision.min_observations,
                                                    .dependence = drift->config->dependence.index !=
                                                                  DRIFT_DEPENDENCE_NONE};
    struct spans spans = spans_of(drift->config, view);
    struct drift_against *against;
    size_t n = 0;

    for (int64_t i = 0; i < spans.n; i++) {
        n += drift_history_count(history, spans.from_ns - i * spans.step_ns, spans.to_ns - i * spans.step_ns);
    }
    against = drift_against_new(version->binding, n, &settings);
    for (int64_t i = 0; against && i < spans.n; i++) {
        drift_against_add(against, history, spans.from_ns - i * spans.step_ns,
                          spans.to_ns - i * spans.step_ns);
    }
    return against;
}

/* A feature of an open pane, unpacked. */
static void
unpack_counts(const struct drift_bound *bound, const struct drift_counts *counts, double *sums,
              struct drift_unpacked *out)
{
    drift_counts_sum(counts, bound->shape, out->cells, bound->shape.points ? sums : NULL);
    out->values = counts->values;
    out->invalid = counts->invalid;
    out->overflow = counts->overflow;
    out->missing = counts->missing;
    out->coarser = counts->coarser;
    if (bound->shape.points) {
        out->outer_sums[0] = sums[0];
        out->outer_sums[1] = sums[bound->shape.cells / 2];
    }
}

struct drift_packed *
drift_dynamic_pack(const struct drift_binding *binding, const struct otc_window_view *view)
{
    const struct otc_pane *last = &view->panes[view->n_panes - 1];
    const struct drift_pane *pane = last->payload;
    size_t max = drift_binding_max_cells(binding);
    struct drift_packed *packed = drift_packed_new(binding->n);
    uint64_t *cells = calloc(max, sizeof(*cells));
    double *sums = calloc(max / 2 + 1, sizeof(*sums));

    for (size_t i = 0; packed && cells && sums && i < binding->n; i++) {
        const struct drift_bound *bound = &binding->features[i];
        struct drift_unpacked unpacked = {.cells = cells};

        memset(cells, 0, max * sizeof(*cells));
        memset(sums, 0, (max / 2 + 1) * sizeof(*sums));
        unpack_counts(bound, &pane->features[i], sums, &unpacked);
        drift_packed_put(packed, i, &unpacked, bound->shape.cells);
        drift_packed_put_components(packed, i, drift_packed_components_new(pane->features[i].components));
    }
    if (packed && (!cells || !sums || !drift_packed_finish(packed))) {
        drift_packed_free(packed);
        packed = NULL;
    }
    if (packed) {
        packed->records = last->records - pane->apart;
    }
    free(cells);
    free(sums);
    return packed;
}

void
drift_dynamic_closed(struct drift_version *version, const struct otc_window_view *view,
                     struct drift_packed *packed)
{
    const struct otc_pane *last = &view->panes[view->n_panes - 1];
    bool kept = false;

    if (version->role == DRIFT_COMPARED_ARM) {
        drift_packed_free(packed); /* only the baseline is anybody's reference */
        return;
    }
    if (packed) {
        kept = drift_history_add(&version->model->history, version->binding, last->start_ns, view->end_ns,
                                 packed, &version->owner->budget);
    }
    if (!kept) {
        version->excluded[DRIFT_REFERENCE_MEMORY] += last->records;
    }
}
