// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/state.h"
#include "processors/drift/count.h"
#include "processors/drift/dynamic.h"
#include "processors/drift/reload.h"

const char *
drift_excluded_name(enum drift_excluded reason)
{
    static const char *const names[] = {"late",           "too_old",      "future",  "memory",
                                        "features",       "no_reference", "no_arm",  "reference_memory",
                                        "bounds",         "type",         "streams", "trace_state",
                                        "unknown_feature"};

    return names[reason];
}

/* ---- Panes ---------------------------------------------------------------------------------------- */

static size_t
pane_bytes(const struct drift_binding *binding)
{
    return sizeof(struct drift_pane) + binding->n * sizeof(struct drift_counts);
}

/* With `compat` the values themselves; without memory for them none. */
static void
keep_values(const struct drift_version *version, struct drift_pane *pane)
{
    const struct drift_config *config = version->owner->config;

    for (size_t i = 0; config->compat.index != OTC_COMPAT_NONE && i < pane->binding->n; i++) {
        const struct drift_bound *bound = &pane->binding->features[i];

        if (bound->reference->type == OTC_NUMERIC && !bound->apart) {
            pane->features[i].raw =
                drift_raw_new((uint32_t)config->limits.compat_values, &version->owner->budget);
        }
    }
}

static void *
pane_new(void *owner)
{
    struct drift_version *version = owner;
    struct drift_budget *budget = &version->owner->budget;
    size_t bytes = pane_bytes(version->binding);
    struct drift_pane *pane;

    if (!drift_budget_take(budget, bytes)) {
        return NULL;
    }
    pane = calloc(1, bytes);
    if (!pane) {
        drift_budget_give(budget, bytes);
        return NULL;
    }
    pane->binding = drift_binding_ref(version->binding);
    keep_values(version, pane);
    return pane;
}

static void
pane_free(void *owner, void *payload)
{
    struct drift_version *version = owner;
    struct drift_budget *budget = &version->owner->budget;
    struct drift_pane *pane = payload;

    for (size_t i = 0; i < pane->binding->n; i++) {
        drift_counts_release(&pane->features[i], pane->binding->features[i].shape, budget);
    }
    drift_budget_give(budget, pane_bytes(pane->binding));
    drift_binding_unref(pane->binding);
    free(pane);
}

static const struct otc_pane_ops pane_ops = {pane_new, pane_free};

/* ---- Versions ------------------------------------------------------------------------------------- */

static void
free_features(struct drift_version *version)
{
    for (size_t i = 0; version->features && i < version->binding->n; i++) {
        otc_map_free(version->features[i].unseen_texts, NULL);
        free(version->features[i].bins);
        free(version->features[i].reference_bins);
    }
    free(version->features);
    version->features = NULL;
    free(version->compat);
    version->compat = NULL;
}

void
drift_version_release(struct drift_version *version)
{
    drift_forget_waiting(version);
    drift_reload_forget(version);
    if (version->next) {
        drift_version_release(version->next);
    }
    otc_window_release(&version->window);
    if (version->binding) {
        free_features(version);
    }
    drift_binding_unref(version->binding);
    drift_budget_give(&version->owner->budget, version->charged);
    otc_recent_free(version->recent);
    drift_watched_free(version->owner->watch, version->watched, &version->owner->budget);
    otc_map_free(version->unknown, NULL);
    free(version->hints);
    free(version);
}

static bool
make_features(struct drift_version *version, const struct drift_binding *binding)
{
    version->features = calloc(binding->n + 1, sizeof(*version->features));
    for (size_t i = 0; version->features && i < binding->n && version->owner->config->emit.bins; i++) {
        struct drift_feature *feature = &version->features[i];

        feature->n_bins = drift_bound_n_bins(&binding->features[i]);
        feature->bins = calloc(feature->n_bins + 1, sizeof(uint64_t));
        feature->reference_bins =
            drift_is_dynamic(version->owner->config) ? calloc(feature->n_bins + 1, sizeof(uint64_t)) : NULL;
        if (!feature->bins || (!feature->reference_bins && drift_is_dynamic(version->owner->config))) {
            return false;
        }
    }
    return version->features != NULL;
}

static bool
bind(struct drift_version *version, struct drift_binding *binding)
{
    size_t bytes = binding->n * sizeof(*version->features);
    bool made;

    if (!drift_budget_take(&version->owner->budget, bytes)) {
        return false;
    }
    version->binding = drift_binding_ref(binding);
    made = make_features(version, binding);
    if (!made) {
        free_features(version);
        version->binding = NULL;
        drift_binding_unref(binding);
        drift_budget_give(&version->owner->budget, bytes);
        return false;
    }
    version->charged += bytes;
    return true;
}

bool
drift_version_bind(struct drift_version *version)
{
    return bind(version, version->model->binding);
}

bool
drift_version_bind_to(struct drift_version *version, struct drift_binding *binding)
{
    if (version->binding) {
        size_t bytes = version->binding->n * sizeof(*version->features);

        free_features(version);
        drift_binding_unref(version->binding);
        version->binding = NULL;
        version->charged -= bytes;
        drift_budget_give(&version->owner->budget, bytes);
    }
    return bind(version, binding);
}

struct otc_map *
drift_unseen_texts(struct drift_version *version, size_t index, size_t **charged)
{
    struct drift_model *model = version->model;
    struct otc_map **texts = model->texts ? &model->texts[index] : &version->features[index].unseen_texts;

    *charged = model->texts ? &model->charged : &version->charged;
    if (!*texts) {
        *texts = otc_map_new(version->binding->features[index].extra);
    }
    return *texts;
}

static enum drift_role
role_of(const struct drift_config *config, struct otc_slice arm)
{
    const struct drift_arm_config *arms = config->reference.arm;

    if (!arms) {
        return DRIFT_COMPARED;
    }
    if (arm.len == 0) {
        return DRIFT_ARMLESS;
    }
    return otc_slice_equal_str(arm, arms->baseline) ? DRIFT_BASELINE_ARM : DRIFT_COMPARED_ARM;
}

/* A version of a model without what a successor does not need: detectors, memory of duplicates. */
static struct drift_version *
make_version(struct drift_model *model)
{
    struct drift *drift = model->owner;
    struct drift_version *version;
    size_t bytes = sizeof(*version) + drift->max_observed * sizeof(size_t);

    if (!drift_budget_take(&drift->budget, bytes)) {
        return NULL;
    }
    version = calloc(1, sizeof(*version));
    if (!version) {
        drift_budget_give(&drift->budget, bytes);
        return NULL;
    }
    version->owner = drift;
    version->model = model;
    version->charged = bytes;
    version->start_ns = drift->host->now_ns(drift->host);
    otc_window_init(&version->window, &drift->config->window, &pane_ops, version);
    version->hints = calloc(drift->max_observed, sizeof(size_t));
    version->unknown = otc_map_new((size_t)drift->config->limits.features);
    if (!version->hints || !version->unknown ||
        (model->phase == DRIFT_READY && !drift_version_bind(version))) {
        drift_version_release(version);
        return NULL;
    }
    return version;
}

struct drift_version *
drift_version_successor(const struct drift_version *version)
{
    struct drift_version *next = make_version(version->model);

    if (next) {
        next->role = version->role;
    }
    return next;
}

static void *
version_new(void *owner, const struct otc_model_version *key)
{
    struct drift *drift = owner;
    const struct drift_duplicates_config *duplicates = drift->config->duplicates;
    struct drift_version *version = make_version(key->model->state);

    if (!version) {
        return NULL;
    }
    version->role = role_of(drift->config, key->arm);
    if (duplicates && !drift_budget_take(&drift->budget, otc_recent_bytes((size_t)duplicates->remember))) {
        drift_version_release(version);
        return NULL;
    }
    version->charged += duplicates ? otc_recent_bytes((size_t)duplicates->remember) : 0;
    version->watched = drift_watched_new(drift->watch, &drift->budget);
    version->recent = duplicates ? otc_recent_new((size_t)duplicates->remember) : NULL;
    if (!version->watched || (duplicates && !version->recent)) {
        drift_version_release(version);
        return NULL;
    }
    return version;
}

static void
version_free(void *owner, void *state)
{
    struct drift_version *version = state;

    (void)owner;
    if (version->busy) {
        version->dead = true; /* the control loop is at it */
    } else {
        drift_version_release(version);
    }
}

/* ---- Models --------------------------------------------------------------------------------------- */

void
drift_model_release(struct drift_model *model)
{
    struct drift_kept *kept;

    while ((kept = drift_kept_take(&model->kept, &model->owner->budget))) {
        drift_kept_free(kept);
    }
    drift_learner_free(model->learner);
    drift_dynamic_release(model);
    drift_notices_release(&model->notices);
    drift_binding_unref(model->binding);
    free(model);
}

static bool
begin_learning(struct drift_model *model)
{
    const struct drift_config *config = model->owner->config;
    struct drift_learn_config learning = drift_learning(config);
    const struct drift_learn_settings settings = {.observations = (uint64_t)learning.observations,
                                                  .duration_ns = learning.duration.ns,
                                                  .max_features = (size_t)config->limits.features,
                                                  .cells = (size_t)config->limits.cells,
                                                  .bins = (size_t)config->psi.bins,
                                                  .binning = (enum otc_binning)config->psi.binning.index,
                                                  .trim = learning.trim,
                                                  .grid = drift_is_dynamic(config),
                                                  .budget = &model->owner->budget};

    model->phase = DRIFT_LEARNING;
    model->learner = drift_learner_new(&settings, model->owner->set);
    return model->learner != NULL;
}

static void *
model_new(void *owner, const struct otc_model *key)
{
    struct drift *drift = owner;
    struct drift_model *model = calloc(1, sizeof(*model));

    if (!model) {
        return NULL;
    }
    model->owner = drift;
    model->name = key->name;
    drift_dynamic_init(model);
    if (drift->file) {
        struct otc_slice only = drift->file->reference->model;

        model->phase = only.len && !otc_slice_equal(only, key->name) ? DRIFT_UNREFERENCED : DRIFT_READY;
        model->binding = model->phase == DRIFT_READY ? drift_binding_ref(drift->file) : NULL;
    } else if (!begin_learning(model)) {
        free(model);
        return NULL;
    }
    return model;
}

static void
model_free(void *owner, void *state)
{
    struct drift_model *model = state;

    (void)owner;
    if (model->busy) {
        model->dead = true;
    } else {
        drift_model_release(model);
    }
}

struct otc_models_limits
drift_models_limits(const struct drift_config *config)
{
    return (struct otc_models_limits){(size_t)config->limits.models, (size_t)config->limits.versions,
                                      config->series_expiration.ns};
}

const struct otc_model_ops drift_model_ops = {model_new, model_free, version_new, version_free};
