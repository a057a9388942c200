// SPDX-License-Identifier: Apache-2.0
/* What takes long: freezing learned references and evaluating windows, on the control loop and outside of the
 * lock. */
#include "processors/drift/binned.h"
#include "processors/drift/dynamic.h"
#include "processors/drift/effect.h"
#include "processors/drift/events.h"
#include "processors/drift/keeper.h"
#include "processors/drift/reload.h"

#include <math.h>

/* ---- Evaluation of one feature -------------------------------------------------------------------- */

/* Values of a feature in the window and in its reference, and what the panes tell of dependence. */
struct drift_sizes {
    uint64_t window, reference;
    struct otc_pane_effect panes;
    uint64_t *bins; /* of a dynamic reference, when they are told; malloced */
};

/* Sums of a feature over the panes of a window. */
struct sums {
    uint64_t values, invalid, overflow, missing;
    uint64_t apart;   /* records of features that count their own */
    uint32_t coarser; /* scales by which exponential buckets were coarser than the reference's */
    void *coarse;     /* memory of drift_coarsen */
    uint64_t *cells;  /* shape.cells */
    uint64_t *split;  /* eq and gap of numeric features: 2n + 1 */
    double *gap_sums;
    struct otc_category *unseen;
    bool range_known;
    double min, max;
};

static void
free_sums(struct sums *sums)
{
    free(sums->cells);
    free(sums->split);
    free(sums->gap_sums);
    free(sums->unseen);
    free(sums->coarse);
}

static bool
make_sums(struct sums *sums, const struct drift_bound *bound, const struct otc_window_view *view,
          size_t index)
{
    size_t cells = bound->shape.cells;

    *sums = (struct sums){.cells = calloc(cells, sizeof(uint64_t)),
                          .split = calloc(cells, sizeof(uint64_t)),
                          .unseen = calloc(cells + 1, sizeof(*sums->unseen)),
                          .gap_sums = bound->shape.points ? calloc(cells / 2 + 1, sizeof(double)) : NULL};
    if (!sums->cells || !sums->split || !sums->unseen || (bound->shape.points && !sums->gap_sums)) {
        return false;
    }
    for (size_t p = 0; p < view->n_panes; p++) {
        const struct drift_pane *pane = view->panes[p].payload;
        const struct drift_counts *counts = &pane->features[index];

        drift_counts_sum(counts, bound->shape, sums->cells, sums->gap_sums);
        if (counts->range_known) {
            sums->min = sums->range_known ? fmin(sums->min, counts->min) : counts->min;
            sums->max = sums->range_known ? fmax(sums->max, counts->max) : counts->max;
            sums->range_known = true;
        }
        sums->values += counts->values;
        sums->invalid += counts->invalid;
        sums->overflow += counts->overflow;
        sums->missing += counts->missing;
        sums->apart += pane->apart;
        sums->coarser = counts->coarser > sums->coarser ? counts->coarser : sums->coarser;
    }
    return true;
}

/* The panes of a window as the blocks of its design effect. */
struct panes {
    const struct drift_bound *bound;
    const struct otc_window_view *view;
    size_t index;
    /* Exponential buckets coarser than the reference: by how much, and room for a pane's own cells. */
    uint32_t coarser;
    uint64_t *scratch;
};

static void
add_pane(const void *arg, size_t block, uint64_t *cells)
{
    const struct panes *panes = arg;
    const struct drift_pane *pane = panes->view->panes[block].payload;
    size_t n;

    if (!panes->scratch) {
        drift_counts_sum(&pane->features[panes->index], panes->bound->shape, cells, NULL);
        return;
    }
    memset(panes->scratch, 0, panes->bound->shape.cells * sizeof(*cells));
    drift_counts_sum(&pane->features[panes->index], panes->bound->shape, panes->scratch, NULL);
    n = drift_merge_cells(panes->bound, panes->coarser, panes->scratch);
    for (size_t c = 0; c < 2 * n + 1; c++) {
        cells[c] += panes->scratch[c];
    }
}

static struct otc_pane_effect
window_effect(const struct drift_bound *bound, const struct otc_reference_feature *reference,
              const struct otc_window_view *view, size_t index, const struct sums *sums)
{
    struct panes panes = {bound, view, index, sums->coarser, NULL};
    const struct drift_blocks blocks = {add_pane, &panes, view->n_panes};
    struct otc_pane_effect effect = {0};

    if (sums->coarser && !(panes.scratch = calloc(bound->shape.cells, sizeof(*panes.scratch)))) {
        return effect;
    }
    effect = reference->type == OTC_NUMERIC
                 ? drift_numeric_effect(&reference->cells, sums->cells, sums->values, &blocks)
                 : drift_categorical_effect(bound->reference->n_categories + 1, bound->shape.cells, &blocks);
    free(panes.scratch);
    return effect;
}

static void
fill_numeric(struct otc_feature_window *window, struct sums *sums)
{
    size_t n = window->reference->cells.n;

    for (size_t i = 0; i < n; i++) {
        sums->split[i] = sums->cells[2 * i + 1];
    }
    for (size_t i = 0; i <= n; i++) {
        sums->split[n + i] = sums->cells[2 * i];
    }
    window->range_known = sums->range_known;
    window->min = sums->min;
    window->max = sums->max;
    window->cells = (struct otc_cell_counts){sums->split, sums->split + n, sums->gap_sums, sums->values};
}

/* Cells of categories: those of the reference in its order into `split`, the others told apart behind. */
static void
fill_categorical(struct otc_feature_window *window, const struct drift_bound *bound,
                 const struct drift_against *against, struct sums *sums)
{
    size_t common = bound->reference->n_categories, distinct = 0;

    for (size_t i = 0; i < window->reference->n_categories; i++) {
        size_t cell = against ? drift_against_cell(against, i) : i;

        sums->split[i] = sums->cells[cell];
        sums->cells[cell] = 0;
    }
    window->categories.known = sums->split;
    for (size_t c = 0; c < bound->shape.cells; c++) {
        window->categories.unseen += sums->cells[c];
        if (c != common && sums->cells[c]) {
            sums->unseen[distinct++].count = sums->cells[c];
        }
    }
    window->categories.unseen_categories = sums->unseen;
    window->categories.n_unseen_categories = distinct;
}

/* Exponential buckets of the window or of a dynamic reference that are coarser than the grid bring both sides
 * to their scale. False out of memory. */
static bool
bring_together(struct sums *sums, const struct drift_bound *bound, const struct drift_against *against,
               const struct otc_reference_feature *compared, struct otc_reference_feature *reference)
{
    uint32_t other = against && compared ? drift_against_coarser(against) : 0;

    sums->coarser = other > sums->coarser ? other : sums->coarser;
    if (!compared || sums->coarser == 0) {
        sums->coarser = 0;
        return true;
    }
    sums->coarse = drift_coarsen(bound, sums->coarser, reference);
    (void)drift_merge_cells(bound, sums->coarser, sums->cells);
    return sums->coarse != NULL;
}

static double
components_moved(const struct drift *drift, const struct drift_bound *bound, struct drift_against *against,
                 const struct otc_window_view *view, size_t index)
{
    uint64_t least = drift->rule.decision.min_observations;
    const struct otc_components *reference =
        against ? drift_against_components(against) : bound->reference->components;

    return reference && (!against || reference->vectors >= least)
               ? drift_components_moved(reference, view, index, least)
               : NAN;
}

/* The reference has no estimate of its own: its rows had no order, or too few slots. */
static bool
order_unknown(const struct otc_reference_feature *reference)
{
    return !(reference->design_effect > 1) && reference->n_time_blocks == 0;
}

/* What is compared is `against`, or without it the binding's reference. */
static otc_status
evaluate_feature(const struct drift_version *version, const struct drift_bound *bound,
                 struct drift_against *against, const struct otc_window_view *view, size_t index,
                 struct otc_feature_result *out, struct drift_sizes *sizes, struct otc_error *err)
{
    const struct drift *drift = version->owner;
    const struct otc_reference_feature *compared =
        against ? drift_against_feature(against, index) : bound->reference;
    struct otc_reference_feature reference = compared ? *compared : (struct otc_reference_feature){0};
    const unsigned ranks = 1u << DRIFT_CRAMER_VON_MISES | 1u << DRIFT_MANN_WHITNEY;
    struct otc_feature_window window = {.reference = compared ? &reference : NULL,
                                        .design_effect = 1,
                                        .without_ranks = (drift->statistics & ranks) == 0};
    bool independent = drift->config->dependence.index == DRIFT_DEPENDENCE_NONE;
    struct sums sums;
    otc_status status = OTC_RESOURCE_EXHAUSTED;

    if (make_sums(&sums, bound, view, index) && bring_together(&sums, bound, against, compared, &reference)) {
        window.observations = sizes->window = sums.values;
        sizes->reference = reference.observations;
        window.invalid = sums.invalid;
        window.missing = bound->apart
                             ? sums.missing
                             : view->records - sums.apart - sums.values - sums.invalid - sums.overflow;
        if (independent) {
            reference.design_effect = 1;
        } else if (compared) {
            if (sums.values >= drift->rule.decision.min_observations) {
                sizes->panes = window_effect(bound, &reference, view, index, &sums);
            }
            window.design_effect =
                otc_dependence_effect(&version->features[index].dependence, &sizes->panes, view->start_ns,
                                      view->end_ns, order_unknown(&reference));
        }
        if (compared && reference.type == OTC_NUMERIC) {
            fill_numeric(&window, &sums);
        } else if (compared) {
            fill_categorical(&window, bound, against, &sums);
        }
        if (against && compared && drift->config->emit.bins &&
            (sizes->bins = calloc(drift_bound_n_bins(bound), sizeof(uint64_t)))) {
            drift_against_bins(against, sizes->bins);
        }
        status = otc_evaluate_feature(&window, &drift->rule.decision, out, err);
        if (compared && bound->reference->components) {
            out->components_moved = components_moved(drift, bound, against, view, index);
        }
    } else {
        status = otc_fail(err, status, "out of memory");
    }
    free_sums(&sums);
    return status;
}

/* ---- One window ----------------------------------------------------------------------------------- */

struct evaluation {
    struct drift_version *version;
    struct otc_slice version_name; /* of the registry, while the version lives */
    struct drift_binding *binding;
    struct otc_window_view view;
    /* Dynamic references: what the window is compared with, and its last pane for later ones. */
    struct drift_against *against;
    struct drift_packed *packed;
    struct otc_feature_result *results;
    struct drift_sizes *sizes;
    struct drift_compat_result *compat; /* NULL: not asked for */
};

static otc_status
evaluate(const struct drift *drift, struct evaluation *evaluation, struct otc_error *err)
{
    const struct drift_binding *binding = evaluation->binding;

    evaluation->results = calloc(binding->n + 1, sizeof(*evaluation->results));
    evaluation->sizes = calloc(binding->n + 1, sizeof(*evaluation->sizes));
    if (drift_is_dynamic(drift->config)) {
        evaluation->packed = drift_dynamic_pack(binding, &evaluation->view);
        if (!evaluation->against && evaluation->version->role != DRIFT_BASELINE_ARM) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    if (!evaluation->results || !evaluation->sizes) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < binding->n && evaluation->version->role != DRIFT_BASELINE_ARM; i++) {
        otc_status status =
            evaluate_feature(evaluation->version, &binding->features[i], evaluation->against,
                             &evaluation->view, i, &evaluation->results[i], &evaluation->sizes[i], err);

        if (status != OTC_OK) {
            return status;
        }
    }
    if (drift->config->compat.index != OTC_COMPAT_NONE) {
        otc_status status = drift_compat_evaluate((enum otc_compat)drift->config->compat.index, binding,
                                                  &evaluation->view, &evaluation->compat, err);

        if (status != OTC_OK) {
            return status;
        }
    }
    return otc_evaluate_family(&drift->rule.decision, evaluation->results, binding->n, err);
}

/* Adds the bins of the pane that closed to the running counts. */
static void
count_bins(struct drift_version *version, const struct otc_window_view *view)
{
    const struct drift_pane *last = view->panes[view->n_panes - 1].payload;
    uint64_t *cells = calloc(drift_binding_max_cells(version->binding), sizeof(*cells));

    for (size_t i = 0; cells && i < version->binding->n && version->features[i].bins; i++) {
        const struct drift_bound *bound = &version->binding->features[i];

        memset(cells, 0, bound->shape.cells * sizeof(*cells));
        drift_counts_sum(&last->features[i], bound->shape, cells, NULL);
        drift_bound_bins(bound, cells, version->features[i].bins);
    }
    free(cells);
}

static void
publish_feature(const struct drift_rule *rule, struct drift_feature *feature,
                const struct otc_feature_result *result, struct drift_verdict *verdict)
{
    feature->result = *result;
    verdict->skipped[result->skipped]++;
    if (result->skipped == OTC_SKIP_NONE) {
        (void)otc_k_of_n_add(&feature->ring, rule->k, rule->n, result->rejected);
    }
    /* A verdict stands while evaluations are skipped. */
    verdict->judged += feature->ring.filled > 0;
    verdict->drifted += feature->ring.detected;
}

/* Under the lock: the results become the version's. */
static void
publish(struct drift *drift, struct evaluation *evaluation)
{
    struct drift_version *version = evaluation->version;
    const struct otc_window_view *view = &evaluation->view;
    struct drift_verdict verdict = {.exists = true,
                                    .partial = view->start_ns < drift->since_ns,
                                    .records = view->records,
                                    .end_ns = view->end_ns,
                                    .coverage = view->coverage};
    struct drift_turn turn = {.version = version,
                              .version_name = evaluation->version_name,
                              .binding = evaluation->binding,
                              .end_ns = view->end_ns};
    bool gap =
        version->evaluated_ns && view->end_ns - version->evaluated_ns > drift->config->window.length.ns;

    for (size_t p = 0; p < view->n_panes; p++) {
        verdict.duplicates += ((const struct drift_pane *)view->panes[p].payload)->duplicates;
    }
    for (size_t i = 0; i < evaluation->binding->n; i++) {
        struct drift_feature *feature = &version->features[i];
        bool was = feature->ring.detected;

        if (gap) {
            feature->ring = (struct otc_k_of_n){0};
        }
        feature->window_observations = evaluation->sizes[i].window;
        feature->reference_observations = evaluation->sizes[i].reference;
        otc_dependence_add(&feature->dependence, &evaluation->sizes[i].panes, view->start_ns, view->end_ns);
        publish_feature(&drift->rule, feature, &evaluation->results[i], &verdict);
        turn.detected = feature->ring.detected;
        if (turn.detected != was) {
            drift_event_feature(&turn, i);
        }
        verdict.model_detected |=
            feature->ring.detected && evaluation->binding->features[i].kind == OTC_KIND_PREDICTION;
        if (feature->reference_bins && evaluation->sizes[i].bins) {
            memcpy(feature->reference_bins, evaluation->sizes[i].bins, feature->n_bins * sizeof(uint64_t));
        }
    }
    verdict.model_detected |=
        verdict.drifted && (double)verdict.drifted >= drift->rule.share * (double)verdict.judged;
    turn.detected = verdict.model_detected;
    if (turn.detected != version->verdict.model_detected) {
        drift_event_model(&turn, &verdict);
    }
    version->verdict = verdict;
    free(version->compat);
    version->compat = evaluation->compat;
    evaluation->compat = NULL;
    version->evaluated_ns = view->end_ns;
}

/* Under the lock: the next window that is due, marked busy. */
static bool
take_window(struct drift *drift, struct evaluation *out)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            struct drift_version *version = model->versions[j]->state;

            if (!version->busy) {
                drift_reload_switch(version);
            }
            if (version->binding && !version->busy && !drift_dynamic_waits(version, model) &&
                otc_window_closing(&version->window, &out->view)) {
                out->version = version;
                out->version_name = model->versions[j]->version;
                out->binding = drift_binding_ref(version->binding);
                out->against = drift_is_dynamic(drift->config) && version->role != DRIFT_BASELINE_ARM
                                   ? drift_dynamic_take(version, &out->view)
                                   : NULL;
                version->busy = true;
                return true;
            }
        }
    }
    return false;
}

static void
return_window(struct drift *drift, struct evaluation *evaluation, otc_status status,
              const struct otc_error *err)
{
    struct drift_version *version = evaluation->version;

    version->busy = false;
    if (status == OTC_OK && !version->dead) {
        if (drift->config->emit.bins) {
            count_bins(version, &evaluation->view);
        }
        if (version->role != DRIFT_BASELINE_ARM) {
            publish(drift, evaluation);
        }
    }
    if (status != OTC_OK) {
        otc_log(drift->host->logger, OTC_LOG_WARN, drift->id, "Window not evaluated",
                OTC_FIELD_TEXT("error", err->text));
    }
    drift_against_free(evaluation->against, &drift->budget);
    if (drift_is_dynamic(drift->config) && !version->dead) {
        drift_dynamic_closed(version, &evaluation->view, evaluation->packed);
    } else {
        drift_packed_free(evaluation->packed);
    }
    drift_reload_follow(version, evaluation->view.end_ns);
    otc_window_closed(&version->window);
    if (version->dead) {
        drift_version_release(version);
    }
    for (size_t i = 0; evaluation->sizes && i < evaluation->binding->n; i++) {
        free(evaluation->sizes[i].bins);
    }
    drift_binding_unref(evaluation->binding);
    free(evaluation->results);
    free(evaluation->sizes);
    free(evaluation->compat);
}

/* ---- Learned references --------------------------------------------------------------------------- */

struct freezing {
    struct drift_model *model;
    struct drift_learner *learner;
    struct drift_binding *binding;
    char *name;
    size_t name_len;
};

/* Under the lock: the next model that has learnt enough, its learner taken out. */
static bool
take_learner(struct drift *drift, struct freezing *out)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct drift_model *model = otc_models_at(drift->models, i)->state;

        if (model->phase != DRIFT_FREEZING || model->busy) {
            continue;
        }
        out->name = malloc(model->name.len + 1);
        if (!out->name) {
            return false;
        }
        out->name_len = model->name.len;
        memcpy(out->name, model->name.data, model->name.len);
        out->model = model;
        out->learner = model->learner;
        model->learner = NULL;
        model->busy = true;
        return true;
    }
    return false;
}

static otc_status
freeze(struct drift *drift, struct freezing *freezing, struct otc_error *err)
{
    struct otc_reference *reference = NULL;
    otc_status status =
        drift_learner_finish(freezing->learner, otc_slice_of(freezing->name, freezing->name_len),
                             drift->host->now_ns(drift->host), &reference, err);

    if (status == OTC_OK) {
        status = drift_binding_new(reference, drift->set, (drift->statistics >> DRIFT_WASSERSTEIN) & 1,
                                   (size_t)drift->config->limits.features, drift_learner_gave_up,
                                   freezing->learner, &freezing->binding, err);
        otc_reference_unref(reference);
    }
    return status;
}

static void
log_freezing(struct drift *drift, const struct freezing *freezing, otc_status status,
             const struct otc_error *err)
{
    if (status == OTC_OK) {
        otc_log(drift->host->logger, OTC_LOG_INFO, drift->id, "Reference learned",
                OTC_FIELD_SLICE("model", otc_slice_of(freezing->name, freezing->name_len)),
                OTC_FIELD_NUMBER("records", freezing->binding->reference->rows),
                OTC_FIELD_NUMBER("features", freezing->binding->n),
                OTC_FIELD_NUMBER("trim", drift_learning(drift->config).trim),
                OTC_FIELD_TEXT("reference", freezing->binding->reference->hash));
    } else {
        otc_log(drift->host->logger, OTC_LOG_ERROR, drift->id, "Reference not learned",
                OTC_FIELD_SLICE("model", otc_slice_of(freezing->name, freezing->name_len)),
                OTC_FIELD_TEXT("error", err->text));
    }
}

/* Under the lock: what was kept is counted, one batch a call, so that senders wait no longer for the lock
 * than for one another. The model is ready, and true is told, once nothing is left. `*counted` is the
 * caller's to free. */
static bool
settle_model(struct drift_model *model, struct drift_kept **counted)
{
    *counted = model->dead ? NULL : drift_kept_take(&model->kept, &model->owner->budget);
    if (*counted) {
        (void)drift_count_kept(model, *counted);
        return false;
    }
    model->busy = false;
    if (model->dead) {
        drift_model_release(model);
    } else {
        model->phase = model->binding ? DRIFT_READY : DRIFT_UNREFERENCED;
    }
    return true;
}

/* The reference stands, or there will be none. */
static void
return_learner(struct drift *drift, struct freezing *freezing)
{
    struct drift_model *model = freezing->model;
    struct drift_kept *counted;
    bool settled;

    pthread_mutex_lock(&drift->lock);
    drift_learner_free(freezing->learner);
    model->binding = freezing->binding;
    if (model->binding && drift_is_dynamic(drift->config) && !drift_dynamic_bind(model)) {
        drift_binding_unref(model->binding);
        model->binding = NULL;
    }
    pthread_mutex_unlock(&drift->lock);
    do {
        pthread_mutex_lock(&drift->lock);
        settled = settle_model(model, &counted);
        pthread_mutex_unlock(&drift->lock);
        drift_kept_free(counted);
    } while (!settled);
}

/* Freezes one reference; false when none is due. */
static bool
work_on_learner(struct drift *drift)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct freezing freezing = {0};
    otc_status status;
    bool taken;

    pthread_mutex_lock(&drift->lock);
    taken = take_learner(drift, &freezing);
    pthread_mutex_unlock(&drift->lock);
    if (!taken) {
        return false;
    }
    status = freeze(drift, &freezing, &err);
    log_freezing(drift, &freezing, status, &err);
    return_learner(drift, &freezing);
    free(freezing.name);
    return true;
}

/* Evaluates one window; false when none is due. `*calls`: of how many calls it knows that. */
static bool
work_on_window(struct drift *drift, uint64_t *calls)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct evaluation evaluation = {0};
    otc_status status;
    bool taken;

    pthread_mutex_lock(&drift->lock);
    taken = take_window(drift, &evaluation);
    *calls = drift->calls;
    pthread_mutex_unlock(&drift->lock);
    if (!taken) {
        return false;
    }
    status = evaluate(drift, &evaluation, &err);
    pthread_mutex_lock(&drift->lock);
    return_window(drift, &evaluation, status, &err);
    pthread_mutex_unlock(&drift->lock);
    return true;
}

void
drift_work(void *arg)
{
    struct drift *drift = arg;
    uint64_t calls;

    while (work_on_learner(drift) || work_on_window(drift, &calls)) {
        continue;
    }
    if (otc_events_flush(drift->events)) {
        struct otc_host *host = drift->host;

        pthread_mutex_lock(&drift->lock);
        /* What a batch brought meanwhile was not told, and stands in the journal already. */
        if (drift->calls == calls) {
            drift_journal_told(drift->keeper, host->now_ns(host), host->monotonic_ns(host));
        }
        pthread_mutex_unlock(&drift->lock);
    }
}
