// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/snapshot.h"

#include "common/analysis/window_state.h"
#include "processors/drift/dynamic.h"
#include "processors/drift/metrics.h"
#include "processors/drift/snapshot_dynamic.h"
#include "processors/drift/snapshot_reference.h"
#include "processors/drift/snapshot_version.h"

/* ---- Writing -------------------------------------------------------------------------------------- */

static void
write_model(const struct drift *drift, const struct otc_model *entry, struct otc_buf *out)
{
    const struct drift_model *model = entry->state;
    size_t whole, place;

    otc_put_bytes(out, entry->name);
    otc_put_i64(out, entry->last_seen_ns);
    otc_put_u64(out, model->phase);
    otc_put_f64(out, model->progress);
    whole = otc_put_section(out, "model", 1);
    if (model->learner) {
        place = otc_put_section(out, "learner", 2);
        drift_learner_save(model->learner, out);
        otc_end_section(out, place);
        place = otc_put_section(out, "learner contents", 1);
        drift_learner_save_contents(model->learner, out);
        otc_end_section(out, place);
    }
    if (model->binding && model->binding != drift->file) {
        place = otc_put_section(out, "reference", 1);
        drift_snapshot_write_reference(model->binding, out);
        otc_end_section(out, place);
    }
    if (drift_is_dynamic(drift->config)) {
        drift_snapshot_write_dynamic(model, out);
    }
    otc_end_section(out, whole);
    otc_put_u64(out, entry->n_versions);
    for (size_t j = 0; j < entry->n_versions; j++) {
        drift_snapshot_write_version(entry->versions[j], out);
    }
}

void
drift_snapshot_write(const struct drift *drift, struct otc_buf *out)
{
    size_t place = otc_put_section(out, "stage", 1);

    otc_put_i64(out, drift->start_ns);
    otc_put_i64(out, drift->since_ns);
    otc_put_u64(out, drift->reloads.good);
    otc_put_u64(out, drift->reloads.bad);
    otc_put_u64(out, drift->malformed);
    otc_put_u64(out, otc_models_overflow(drift->models));
    otc_put_u64(out, otc_models_forgotten(drift->models));
    otc_end_section(out, place);
    place = otc_put_section(out, "models", 1);
    otc_put_u64(out, otc_models_count(drift->models));
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        write_model(drift, otc_models_at(drift->models, i), out);
    }
    otc_end_section(out, place);
    if (drift->metrics) {
        place = otc_put_section(out, "streams", DRIFT_STREAMS_LAYOUT);
        drift_metrics_save(drift->metrics, out);
        otc_end_section(out, place);
    }
}

/* ---- Reading -------------------------------------------------------------------------------------- */

static bool
read_model_parts(struct drift_snapshot_reading *reading, struct drift_model *model, enum drift_phase phase,
                 struct otc_reader in)
{
    struct otc_reader body;
    struct otc_slice name;
    uint64_t number;
    bool done = true, learner = false;

    while (done && otc_take_section(&in, &name, &number, &body)) {
        if (otc_slice_equal_str(name, "learner") && number == 2) {
            learner = true;
            done = model->learner && drift_learner_load(model->learner, &body);
        } else if (otc_slice_equal_str(name, "learner contents") && number == 1) {
            done = learner && drift_learner_load_contents(model->learner, &body);
        } else if (otc_slice_equal_str(name, "reference") && number == 1) {
            model->binding = model->binding ? model->binding : drift_snapshot_read_reference(reading, &body);
            done = model->binding && (!drift_is_dynamic(reading->drift->config) || drift_dynamic_bind(model));
        } else {
            done = drift_snapshot_read_dynamic(model, name, number, &body);
        }
    }
    done = done && (!learner || drift_learner_is_whole(model->learner));
    if (phase != DRIFT_LEARNING) {
        drift_learner_free(model->learner);
        model->learner = NULL;
    } else if (!learner) {
        model->progress = 0; /* it begins anew */
    }
    return done && !in.failed;
}

/* A version of the model `head`, whose own parts come with its first one. */
static bool
read_version(struct drift_snapshot_reading *reading, struct otc_slice model_name, struct otc_reader *in,
             struct otc_model_version **out)
{
    struct otc_model_key key = {.name = model_name, .version = otc_take_bytes(in)};

    key.arm = otc_take_bytes(in);
    *out = in->failed ? NULL : otc_models_get(reading->drift->models, &key, 0);
    return *out != NULL;
}

static bool
read_model(struct drift_snapshot_reading *reading, struct otc_reader *in)
{
    struct otc_slice model_name = otc_take_bytes(in), name;
    int64_t last_seen_ns = otc_take_i64(in);
    uint64_t phase = otc_take_u64(in), number;
    double progress = otc_take_f64(in);
    struct otc_reader parts;
    struct otc_model_version *entry = NULL;
    size_t n;

    if (!otc_take_section(in, &name, &number, &parts) || phase > DRIFT_UNREFERENCED ||
        phase == DRIFT_FREEZING) {
        return false;
    }
    n = otc_take_count(in, 2);
    for (size_t i = 0; i < n; i++) {
        struct drift_model *model;

        if (!read_version(reading, model_name, in, &entry)) {
            return false;
        }
        model = entry->model->state;
        if (i == 0) {
            model->progress = progress;
            if (!read_model_parts(reading, model, (enum drift_phase)phase, parts) ||
                (phase == DRIFT_LEARNING && !model->learner) || (phase == DRIFT_READY && !model->binding)) {
                return false;
            }
        }
        if (!drift_snapshot_read_version(reading, entry, in)) {
            return false;
        }
    }
    if (entry) {
        struct drift_model *model = entry->model->state;

        entry->model->last_seen_ns = last_seen_ns;
        /* Not before: a version made meanwhile would be bound at once, and not all were. */
        model->phase = (enum drift_phase)phase;
    }
    return !in->failed;
}

static bool
read_stage(struct drift_snapshot_reading *reading, struct otc_reader *in)
{
    struct drift *drift = reading->drift;
    uint64_t overflow, forgotten;

    drift->start_ns = otc_take_i64(in);
    drift->since_ns = otc_take_i64(in);
    drift->reloads.good = otc_take_u64(in);
    drift->reloads.bad = otc_take_u64(in);
    drift->malformed = otc_take_u64(in);
    overflow = otc_take_u64(in);
    forgotten = otc_take_u64(in);
    otc_models_set_counts(drift->models, overflow, forgotten);
    return !in->failed;
}

static bool
read_models(struct drift_snapshot_reading *reading, struct otc_reader *in)
{
    size_t n = otc_take_count(in, 12);

    for (size_t i = 0; i < n; i++) {
        if (!read_model(reading, in)) {
            return false;
        }
    }
    return !in->failed;
}

bool
drift_snapshot_read(struct drift *drift, struct otc_reader in, drift_find_reference find, void *arg,
                    struct otc_error *err)
{
    struct drift_snapshot_reading reading = {drift, find, arg, NULL};
    bool streams = drift->metrics == NULL;
    struct otc_reader body;
    struct otc_slice name;
    uint64_t number;

    while (otc_take_section(&in, &name, &number, &body)) {
        bool done = true;

        if (otc_slice_equal_str(name, "stage") && number == 1) {
            done = read_stage(&reading, &body);
        } else if (otc_slice_equal_str(name, "models") && number == 1) {
            done = read_models(&reading, &body);
        } else if (otc_slice_equal_str(name, "streams") && number == DRIFT_STREAMS_LAYOUT) {
            done = streams = drift_metrics_load(drift->metrics, &body);
        }
        if (!done) {
            drift_binding_unref(reading.formerly);
            (void)otc_fail(err, OTC_DATA_LOSS, "the section %.*s is not understood, or has no room",
                           OTC_SLICE_ARG(name));
            return false;
        }
    }
    drift_binding_unref(reading.formerly);
    if (in.failed) {
        (void)otc_fail(err, OTC_DATA_LOSS, "it is cut off");
    }
    if (!streams) {
        drift->since_ns =
            INT64_MAX; /* another release wrote it: what comes new begins with the next points */
    }
    return !in.failed;
}

bool
drift_forget(struct drift *drift)
{
    const struct otc_models_limits limits = drift_models_limits(drift->config);

    otc_models_free(drift->models);
    drift->models = otc_models_new(&limits, &drift_model_ops, drift);
    drift->start_ns = drift->host->now_ns(drift->host);
    drift->since_ns = INT64_MAX;
    drift->malformed = 0;
    drift->reloads.good = drift->reloads.bad = 0;
    drift_metrics_forget(drift->metrics, drift->start_ns);
    return drift->models != NULL;
}

void
drift_shift_monotonic(struct drift *drift, int64_t by_ns)
{
    drift_metrics_shift_monotonic(drift->metrics, by_ns);
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *model = otc_models_at(drift->models, i);

        drift_kept_shift_monotonic(&((struct drift_model *)model->state)->kept, by_ns);
        model->last_seen_ns += by_ns;
        for (size_t j = 0; j < model->n_versions; j++) {
            struct drift_version *version = model->versions[j]->state;

            model->versions[j]->last_seen_ns += by_ns;
            version->last_record_ns += by_ns;
            otc_window_shift_monotonic(&version->window, by_ns);
            if (version->next) {
                otc_window_shift_monotonic(&version->next->window, by_ns);
            }
        }
    }
}
