// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/reload.h"

#include "processors/drift/keeper.h"

/* ---- One version ---------------------------------------------------------------------------------- */

/* Values that exist only against what the reference has learnt: the same of it. */
static bool
same_learnt(const struct otc_reference_feature *x, const struct otc_reference_feature *y)
{
    const struct otc_components *a = x->components, *b = y->components;

    if (x->n_vocabulary != y->n_vocabulary || x->n_center != y->n_center || !a != !b) {
        return false;
    }
    return (x->n_vocabulary == 0 ||
            memcmp(x->vocabulary, y->vocabulary, x->n_vocabulary * sizeof(*x->vocabulary)) == 0) &&
           (x->n_center == 0 || memcmp(x->center, y->center, x->n_center * sizeof(*x->center)) == 0) &&
           (!a || (a->n == b->n &&
                   memcmp(a->points, b->points, a->n * OTC_COMPONENT_POINTS * sizeof(*a->points)) == 0));
}

/* The same points and categories in the same order: counts in the cells of one are counts in the other's. */
static bool
same_feature(const struct drift_bound *a, const struct drift_bound *b)
{
    const struct otc_reference_feature *x = a->reference, *y = b->reference;

    if (x->type != y->type || x->binned != y->binned || x->kind != y->kind || a->kind != b->kind ||
        !otc_slice_equal(x->name, y->name) || a->extra != b->extra || x->cells.n != y->cells.n ||
        x->n_categories != y->n_categories) {
        return false;
    }
    for (size_t i = 0; i < x->n_categories; i++) {
        if (!otc_slice_equal(x->categories[i].name, y->categories[i].name)) {
            return false;
        }
    }
    if (!same_learnt(x, y)) {
        return false;
    }
    return x->cells.n == 0 || memcmp(x->cells.points, y->cells.points, x->cells.n * sizeof(double)) == 0;
}

static bool
same_bins(const struct otc_reference_feature *a, const struct otc_reference_feature *b)
{
    return a->value_bins == b->value_bins && a->n_edges == b->n_edges &&
           (a->n_edges == 0 || memcmp(a->edges, b->edges, a->n_edges * sizeof(double)) == 0);
}

static bool
same_cells(const struct drift_binding *a, const struct drift_binding *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++) {
        same = same_feature(&a->features[i], &b->features[i]) &&
               same_bins(a->features[i].reference, b->features[i].reference);
    }
    return same;
}

static void
replace(struct drift_binding **slot, struct drift_binding *binding)
{
    struct drift_binding *old = *slot;

    *slot = drift_binding_ref(binding);
    drift_binding_unref(old);
}

/* The open window counts for the new reference as it is; its verdict begins anew. */
static void
carry_over(struct drift_version *version, struct drift_binding *binding)
{
    for (size_t i = 0; i < version->window.n_panes; i++) {
        struct drift_pane *pane = version->window.panes[i].payload;

        replace(&pane->binding, binding);
    }
    replace(&version->binding, binding);
    for (size_t i = 0; i < binding->n; i++) {
        struct drift_feature *feature = &version->features[i];

        feature->ring = (struct otc_k_of_n){0};
        if (feature->bins) {
            memset(feature->bins, 0, feature->n_bins * sizeof(*feature->bins));
        }
    }
}

static void
drop_successor(struct drift_version *version)
{
    if (version->next) {
        drift_version_release(version->next);
        version->next = NULL;
    }
}

/* The version's reference is to be the model's new one; false without memory for it. */
static bool
begin(struct drift_version *version)
{
    struct drift_binding *binding = version->model->binding;

    drop_successor(version);
    if (strcmp(version->binding->reference->hash, binding->reference->hash) == 0) {
        replace(&version->binding, binding); /* back to what it was */
        return true;
    }
    if (same_cells(version->binding, binding)) {
        carry_over(version, binding);
        return true;
    }
    version->next = drift_version_successor(version);
    if (!version->next) {
        return false;
    }
    otc_window_follow(&version->next->window, &version->window);
    version->next_from_ns = otc_window_newest_end(&version->window);
    return true;
}

bool
drift_version_advance(struct drift_version *version, int64_t now_ns, int64_t monotonic_ns, bool arrived)
{
    if (version->next) {
        (void)otc_window_advance(&version->next->window, now_ns, monotonic_ns, arrived);
    }
    return otc_window_advance(&version->window, now_ns, monotonic_ns, arrived);
}

void
drift_reload_follow(struct drift_version *version, int64_t end_ns)
{
    struct otc_window *window = version->next ? &version->next->window : NULL;
    struct otc_window_view view;

    while (window && otc_window_due(window) != INT64_MIN && otc_window_due(window) <= end_ns &&
           otc_window_closing(window, &view)) {
        otc_window_closed(window);
    }
}

/* Counters, and what is known of dependence, go on where both references have the feature; where only the new
 * one has it, they begin. */
static void
carry_counters(const struct drift_version *from, struct drift_version *to)
{
    for (size_t i = 0; i < to->binding->n; i++) {
        const struct otc_reference_feature *reference = to->binding->features[i].reference;
        size_t index = drift_binding_find(from->binding, reference->kind, reference->name);
        struct drift_feature *feature = &to->features[i];

        if (index == SIZE_MAX) {
            feature->records_before = from->bound_records - to->bound_records;
            continue;
        }
        feature->values = from->features[index].values;
        feature->pooled = from->features[index].pooled;
        feature->missing = from->features[index].missing;
        feature->invalid = from->features[index].invalid;
        feature->overflow = from->features[index].overflow;
        feature->unseen = from->features[index].unseen;
        feature->out_of_range = from->features[index].out_of_range;
        feature->records_before = from->features[index].records_before;
        feature->dependence = from->features[index].dependence;
        feature->shown = from->features[index].shown;
        memset(&from->features[index].shown, 0, sizeof(feature->shown));
    }
}

#define SWAP(a, b)                                                                                           \
    do {                                                                                                     \
        __typeof__(a) swap_ = (a);                                                                           \
        (a) = (b);                                                                                           \
        (b) = swap_;                                                                                         \
    } while (0)

/* The successor becomes the version's predecessor, with what it takes the place of. */
static void
take_over(struct drift_version *version)
{
    struct drift_version *next = version->next;
    uint64_t records = version->bound_records;

    drift_reload_forget(version);
    carry_counters(version, next);
    SWAP(version->window, next->window);
    version->window.owner = version;
    next->window.owner = next;
    SWAP(version->binding, next->binding);
    SWAP(version->features, next->features);
    SWAP(version->charged, next->charged);
    if (version->recent) { /* stays where it is */
        size_t bytes = otc_recent_bytes((size_t)version->owner->config->duplicates->remember);

        version->charged += bytes;
        next->charged -= bytes;
    }
    SWAP(version->unknown, next->unknown);
    version->told_unknown = 0;
    version->bound_records = next->bound_records = records;
    next->start_ns = version->start_ns;
    version->verdict.exists = false;
    otc_window_release(&next->window);
    version->previous = next;
    version->next = NULL;
}

void
drift_reload_switch(struct drift_version *version)
{
    int64_t end = otc_window_due(&version->window);

    if (version->next && end != INT64_MIN &&
        end - version->owner->config->window.length.ns >= version->next_from_ns) {
        take_over(version);
    }
}

void
drift_reload_forget(struct drift_version *version)
{
    if (version->previous) {
        drift_version_release(version->previous);
        version->previous = NULL;
    }
}

/* ---- The file ------------------------------------------------------------------------------------- */

static otc_status
load(struct drift *drift, struct drift_binding **out, struct otc_error *err)
{
    const struct drift_config *config = drift->config;
    struct otc_slice model = drift->file->reference->model;
    struct otc_reference *reference;
    otc_status status =
        otc_reference_load(config->reference.file, (size_t)config->limits.cells, &reference, err);

    if (status != OTC_OK) {
        return status;
    }
    if (!otc_slice_equal(reference->model, model)) {
        status = otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "%s: is now for model '%.*s' and was for '%.*s'; another model needs a restart or SIGHUP",
            config->reference.file, OTC_SLICE_ARG(reference->model), OTC_SLICE_ARG(model));
    } else {
        status = drift_binding_new(reference, drift->set, (drift->statistics >> DRIFT_WASSERSTEIN) & 1,
                                   (size_t)config->limits.features, NULL, NULL, out, err);
    }
    if (status == OTC_OK && *out && (*out)->n == 0) {
        drift_binding_unref(*out);
        *out = NULL;
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s: none of its features is watched",
                          config->reference.file);
    }
    otc_reference_unref(reference);
    return status;
}

static bool
is_busy(const struct drift *drift)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        const struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            if (((const struct drift_version *)model->versions[j]->state)->busy) {
                return true;
            }
        }
    }
    return false;
}

/* Under the lock: every version is on its way to the reference of its model, but those without memory for a
 * successor; returns how many these are. */
static size_t
begin_all(struct drift *drift)
{
    size_t left = 0;

    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            struct drift_version *version = model->versions[j]->state;
            const struct drift_version *last = version->next ? version->next : version;

            left += version->binding && last->binding != version->model->binding && !begin(version);
        }
    }
    return left;
}

/* Under the lock: the reference of all models that have one. */
static void
apply(struct drift *drift, struct drift_binding *binding)
{
    replace(&drift->file, binding);
    drift_keeper_hurry(drift->keeper);
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct drift_model *model = otc_models_at(drift->models, i)->state;

        if (model->binding) {
            replace(&model->binding, binding);
            drift_notices_renew(&model->notices);
        }
    }
}

static void
log_reload(const struct drift *drift, const struct drift_binding *binding, size_t left)
{
    const struct otc_reference *reference = binding->reference;

    otc_log(
        drift->host->logger, left ? OTC_LOG_WARN : OTC_LOG_INFO, drift->id,
        left ? "Reference reloaded, but limits::memory has no room to let every open window pass over to it"
             : "Reference reloaded; open windows pass over to it",
        OTC_FIELD_TEXT("file", drift->config->reference.file), OTC_FIELD_NUMBER("rows", reference->rows),
        OTC_FIELD_NUMBER("features", binding->n), OTC_FIELD_TEXT("reference", reference->hash),
        OTC_FIELD_NUMBER("versions_left", left));
}

/* Loads what the file is now; a bad one changes nothing and is told once. False: to be tried again. */
static bool
reload(struct drift *drift)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct drift_binding *binding = NULL;
    otc_status status = load(drift, &binding, &err);
    bool changed = binding && strcmp(binding->reference->hash, drift->file->reference->hash) != 0;
    bool done = true;

    pthread_mutex_lock(&drift->lock);
    if (changed) {
        done = !is_busy(drift);
        if (done) {
            apply(drift, binding);
            drift->reloads.left = begin_all(drift);
            drift->reloads.good++;
        }
    }
    drift->reloads.bad += status != OTC_OK;
    drift_binding_unref(binding);
    pthread_mutex_unlock(&drift->lock);
    if (status != OTC_OK) {
        otc_log(drift->host->logger, OTC_LOG_ERROR, drift->id,
                "Changed reference file not loaded; the reference stays as it was",
                OTC_FIELD_TEXT("error", err.text));
    } else if (changed && done) {
        log_reload(drift, drift->file, drift->reloads.left);
    }
    return done;
}

void
drift_reload_check(void *arg)
{
    struct drift *drift = arg;
    struct otc_file_mark mark = otc_file_mark_of(drift->config->reference.file);

    if (!otc_file_mark_equal(&mark, &drift->reloads.seen) && reload(drift)) {
        drift->reloads.seen = mark;
    }
    if (drift->reloads.left > 0) {
        pthread_mutex_lock(&drift->lock);
        drift->reloads.left = is_busy(drift) ? drift->reloads.left : begin_all(drift);
        pthread_mutex_unlock(&drift->lock);
    }
    drift->host->timer_arm(drift->host, drift->reloads.timer, drift->config->reference.reload_interval.ns);
}
