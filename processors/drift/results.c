// SPDX-License-Identifier: Apache-2.0
/* What the connector tells at each flush: everything, model by model. */
#include "processors/drift/results.h"

#include "processors/drift/dynamic.h"
#include "processors/drift/keeper.h"
#include "processors/drift/metrics.h"
#include "processors/drift/reload.h"

#include <math.h>

static const struct otc_metric progress_metric = OTC_GAUGE_METRIC(
    "ml.drift.reference.progress", "1", "How much of the reference there is, of what it is to be.");

static const struct otc_metric info_metric = OTC_GAUGE_METRIC(
    "ml.drift.reference.info", "", "1 for the reference in use, with its hash and kind as attributes.");

static const struct otc_metric reloads_metric = OTC_COUNTER_METRIC(
    "ml.drift.reference.reloads", "{reload}", "Times that the reference file had changed, by outcome.");

static const struct otc_metric forgotten_metric =
    OTC_COUNTER_METRIC("ml.drift.versions.forgotten", "{version}",
                       "Versions whose state was let go: silent for series_expiration, or for newer ones "
                       "beyond limits::versions.");

void
drift_attribute(struct drift_attributes *attributes, const char *key, struct otc_slice text)
{
    if (text.len) {
        attributes->items[attributes->n++] =
            (struct otc_attribute){otc_slice_str(key), {OTC_VALUE_STRING, {.slice = text}}};
    }
}

void
drift_attribute_str(struct drift_attributes *attributes, const char *key, const char *text)
{
    drift_attribute(attributes, key, otc_slice_str(text));
}

void
drift_show(const struct drift_telling *telling, struct drift_shown *shown, size_t gauge,
           const struct otc_metric *metric, const struct drift_attributes *attributes, double value)
{
    uint64_t *word = &shown->words[gauge / 64];
    uint64_t mask = UINT64_C(1) << (gauge % 64);

    if (!isnan(value) && !telling->stale) {
        otc_emit_gauge(telling->emitter, metric, attributes->items, attributes->n, value);
        *word |= mask;
    } else if (*word & mask) {
        otc_emit_stale(telling->emitter, metric, attributes->items, attributes->n);
        *word &= ~mask;
    }
}

/* A dynamic reference begins to grow when its grid stands. */
static double
progress_of(const struct drift_model *model)
{
    if (drift_is_dynamic(model->owner->config)) {
        return model->phase == DRIFT_READY ? drift_dynamic_progress(model) : 0;
    }
    return model->phase == DRIFT_READY ? 1 : model->progress;
}

static void
tell_reference(const struct drift *drift, struct otc_emitter *emitter, const struct drift_binding *binding,
               struct drift_attributes attributes)
{
    drift_attribute(&attributes, "ml.drift.reference", otc_slice_of(binding->reference->hash, 8));
    drift_attribute_str(&attributes, "ml.drift.reference.kind",
                        drift_reference_kind_name(drift_reference_kind(drift->config)));
    otc_emit_gauge(emitter, &info_metric, attributes.items, attributes.n, 1);
}

/* The model's, and after a reload those that open windows are still compared with. */
static void
tell_references(const struct drift *drift, struct otc_emitter *emitter, const struct otc_model *entry,
                struct drift_attributes attributes)
{
    const struct drift_binding *told = ((const struct drift_model *)entry->state)->binding;

    if (!told) {
        return;
    }
    tell_reference(drift, emitter, told, attributes);
    for (size_t j = 0; j < entry->n_versions; j++) {
        const struct drift_version *version = entry->versions[j]->state;

        if (version->next && version->binding != told) {
            told = version->binding;
            tell_reference(drift, emitter, told, attributes);
        }
    }
}

static void
tell_reloads(const struct drift *drift, struct otc_emitter *emitter)
{
    static const char *const outcomes[] = {"success", "failure"};
    const uint64_t counts[] = {drift->reloads.good, drift->reloads.bad};

    for (size_t i = 0; i < 2 && drift->file && drift->config->reference.reload_interval.ns > 0; i++) {
        struct drift_attributes attributes = {.n = 0};

        drift_attribute_str(&attributes, "outcome", outcomes[i]);
        otc_emit_counter(emitter, &reloads_metric, attributes.items, attributes.n, drift->start_ns,
                         counts[i]);
    }
}

static void
tell_model(struct drift *drift, struct otc_emitter *emitter, struct otc_model *entry)
{
    struct drift_model *model = entry->state;
    struct drift_attributes attributes = {.n = 0};
    size_t n;

    drift_attribute(&attributes, "ml.model.name", entry->name);
    n = attributes.n;
    if (!drift->file) {
        otc_emit_gauge(emitter, &progress_metric, attributes.items, attributes.n, progress_of(model));
    }
    tell_references(drift, emitter, entry, attributes);
    for (size_t j = 0; j < entry->n_versions; j++) {
        attributes.n = n;
        drift_attribute(&attributes, "ml.model.version", entry->versions[j]->version);
        drift_attribute(&attributes, "ml.drift.arm", entry->versions[j]->arm);
        drift_tell_version(drift, emitter, entry->versions[j]->state, &attributes);
    }
}

void
drift_expire(struct drift *drift, int64_t monotonic_ns)
{
    drift_metrics_expire(drift->metrics, monotonic_ns);
    otc_models_expire(drift->models, monotonic_ns - drift->config->series_expiration.ns);
}

/* Under the lock: time goes on also where no records come. */
static void
move_time(struct drift *drift, int64_t now, int64_t monotonic)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            struct drift_version *version = model->versions[j]->state;

            (void)drift_version_advance(version, now, monotonic, false);
        }
    }
    drift_expire(drift, monotonic);
}

/* What belongs to no model; 0 as soon as there is one. */
static void
tell_lost(const struct drift *drift, struct otc_emitter *emitter, const char *reason, uint64_t count)
{
    struct drift_attributes attributes = {.n = 0};

    if (count > 0 || otc_models_count(drift->models) > 0) {
        drift_attribute_str(&attributes, "reason", reason);
        otc_emit_counter(emitter, &drift_excluded_metric, attributes.items, attributes.n, drift->start_ns,
                         count);
    }
}

/* Under the lock. */
static void
tell_all(struct drift *drift, struct otc_emitter *emitter)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        tell_model(drift, emitter, otc_models_at(drift->models, i));
    }
    tell_reloads(drift, emitter);
    if (otc_models_count(drift->models) > 0) {
        otc_emit_counter(emitter, &forgotten_metric, NULL, 0, drift->start_ns,
                         otc_models_forgotten(drift->models));
    }
    tell_lost(drift, emitter, "models", otc_models_overflow(drift->models));
    tell_lost(drift, emitter, "malformed", drift->malformed);
}

void
drift_collect_at(struct drift *drift, struct otc_emitter *emitter, int64_t now_ns, int64_t monotonic_ns)
{
    pthread_mutex_lock(&drift->lock);
    move_time(drift, now_ns, monotonic_ns);
    drift_journal_tick(drift->keeper, now_ns, monotonic_ns, otc_emitter_time(emitter));
    pthread_mutex_unlock(&drift->lock);
    drift_work(drift);
    pthread_mutex_lock(&drift->lock);
    drift->told_ns = monotonic_ns;
    tell_all(drift, emitter);
    pthread_mutex_unlock(&drift->lock);
}

void
drift_collect(void *arg, struct otc_emitter *emitter)
{
    struct drift *drift = arg;

    drift_collect_at(drift, emitter, drift->host->now_ns(drift->host),
                     drift->host->monotonic_ns(drift->host));
    pthread_mutex_lock(&drift->lock);
    drift_notices_tell(drift);
    pthread_mutex_unlock(&drift->lock);
}
