// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/notices.h"

#include "processors/drift/state.h"

void
drift_notices_release(struct drift_notices *notices)
{
    otc_map_free(notices->named, NULL);
    notices->named = NULL;
}

void
drift_notices_renew(struct drift_notices *notices)
{
    drift_notices_release(notices);
    notices->more = false;
}

static void
tell_unreferenced(const struct drift *drift, struct drift_model *model)
{
    if (model->phase == DRIFT_UNREFERENCED && drift->file && !model->notices.unreferenced) {
        model->notices.unreferenced = true;
        otc_log(
            drift->host->logger, OTC_LOG_WARN, drift->id,
            "A model has no reference, the file's is of another one: nothing of it is compared; build the "
            "file with `reference build --model` and this name, or without --model for any",
            OTC_FIELD_SLICE("model", model->name), OTC_FIELD_TEXT("file", drift->config->reference.file),
            OTC_FIELD_SLICE("model_of_file", drift->file->reference->model));
    }
}

/* ---- Features -------------------------------------------------------------------------------------- */

static bool
is_configured(const struct otc_feature_set *set, struct otc_slice name)
{
    for (size_t i = 0; i < otc_feature_set_count(set); i++) {
        if (otc_slice_equal(otc_feature_set_at(set, i)->name, name)) {
            return true;
        }
    }
    return otc_metric_set_named(otc_feature_set_metrics(set), name, OTC_KIND_INPUT) != SIZE_MAX;
}

/* What the reference file has a discovered feature as, which came as the other of both kinds; NULL: it lacks
 * the name. */
static const struct otc_reference_feature *
of_other_kind(const struct drift *drift, const struct drift_version *version, struct otc_slice name)
{
    const struct otc_reference_feature *feature =
        drift->file && version->binding ? otc_reference_find(version->binding->reference, name) : NULL;

    return feature && feature->kind <= OTC_KIND_PREDICTION && !is_configured(drift->set, name) ? feature
                                                                                               : NULL;
}

/* One that nobody wanted compared is no fault, one of the other kind is. */
static void
log_feature(const struct drift *drift, const struct drift_version *version, struct otc_slice name)
{
    const struct otc_reference_feature *other = of_other_kind(drift, version, name);
    const char *file = drift->file ? drift->config->reference.file : "none: it was learned";
    bool input = other && other->kind == OTC_KIND_INPUT;

    if (!other) {
        otc_log(drift->host->logger, OTC_LOG_INFO, drift->id,
                "A feature has no reference and is not compared",
                OTC_FIELD_SLICE("model", version->model->name), OTC_FIELD_SLICE("feature", name),
                OTC_FIELD_TEXT("file", file));
        return;
    }
    otc_log(drift->host->logger, OTC_LOG_WARN, drift->id,
            input
                ? "A feature comes as a prediction and is an input in the reference: it is not compared, and "
                  "counts as missing; build the file with `reference build --prediction` and its name"
                : "A feature comes as an input and is a prediction in the reference: it is not compared, and "
                  "counts as missing; build the file without `--prediction` for it",
            OTC_FIELD_SLICE("model", version->model->name), OTC_FIELD_SLICE("feature", name),
            OTC_FIELD_TEXT("file", file));
}

static void
tell_feature(const struct drift *drift, const struct drift_version *version, struct otc_slice name)
{
    struct drift_notices *notices = &version->model->notices;

    if (!notices->named) {
        notices->named = otc_map_new(DRIFT_NAMED_MAX);
    }
    if (!notices->named || otc_map_get(notices->named, name)) {
        return;
    }
    if (otc_map_put(notices->named, name, notices)) {
        log_feature(drift, version, name);
    } else if (!notices->more) {
        notices->more = true;
        otc_log(drift->host->logger, OTC_LOG_INFO, drift->id,
                "More features have no reference; they are counted as unknown_feature and not named",
                OTC_FIELD_SLICE("model", version->model->name));
    }
}

/* ---- Times ----------------------------------------------------------------------------------------- */

static void
tell_times(const struct drift *drift, struct drift_model *model, uint64_t too_old, uint64_t future)
{
    if (too_old && !model->notices.too_old) {
        model->notices.too_old = true;
        otc_log(drift->host->logger, OTC_LOG_WARN, drift->id,
                "Records end longer ago than window::max_age and are not compared; raise it to compare them, "
                "or set window::time: arrival "
                "(ml.drift.observations.excluded counts all of them, reason too_old)",
                OTC_FIELD_SLICE("model", model->name), OTC_FIELD_NUMBER("excluded", too_old),
                OTC_FIELD_NUMBER("max_age_seconds", (double)drift->config->window.max_age.ns / 1e9));
    }
    if (future && !model->notices.future) {
        model->notices.future = true;
        otc_log(drift->host->logger, OTC_LOG_WARN, drift->id,
                "Records end more than 5 minutes after this machine's time and are not compared; set the "
                "clocks, or window::time: arrival (ml.drift.observations.excluded counts all of them, reason "
                "future)",
                OTC_FIELD_SLICE("model", model->name), OTC_FIELD_NUMBER("excluded", future));
    }
}

void
drift_notices_tell(const struct drift *drift)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *entry = otc_models_at(drift->models, i);
        uint64_t too_old = 0, future = 0;

        tell_unreferenced(drift, entry->state);
        for (size_t j = 0; j < entry->n_versions; j++) {
            struct drift_version *version = entry->versions[j]->state;
            struct otc_slice name;
            void *value;

            while (otc_map_next(version->unknown, &version->told_unknown, &name, &value)) {
                tell_feature(drift, version, name);
            }
            too_old += version->excluded[DRIFT_TOO_OLD];
            future += version->excluded[DRIFT_FUTURE];
        }
        tell_times(drift, entry->state, too_old, future);
    }
}
