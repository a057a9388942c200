// SPDX-License-Identifier: Apache-2.0
/* From a batch to counts. */
#include "processors/drift/observe.h"

#include "processors/drift/count.h"
#include "processors/drift/keeper.h"
#include "processors/drift/metrics.h"
#include "processors/drift/reload.h"

static void
exclude(struct drift_version *version, enum drift_excluded reason, uint64_t n)
{
    version->excluded[reason] += n;
}

enum drift_excluded
drift_placement_reason(enum otc_placement placement)
{
    switch (placement) {
    case OTC_LATE:
        return DRIFT_LATE;
    case OTC_TOO_OLD:
        return DRIFT_TOO_OLD;
    case OTC_FUTURE:
        return DRIFT_FUTURE;
    case OTC_PLACED:
    case OTC_NO_ROOM:
        break;
    }
    return DRIFT_MEMORY;
}

/* Its batch waits for the reference. */
void
drift_keep_record(struct visit *visit, struct drift_version *version)
{
    struct drift *drift = visit->drift;
    const struct drift_kept kept = {.batch = visit->batch,
                                    .call = drift->calls,
                                    .from = visit->record,
                                    .now_ns = visit->now_ns,
                                    .monotonic_ns = visit->monotonic_ns};

    if (!drift_kept_add(&version->model->kept, &kept, &drift->budget)) {
        exclude(version, DRIFT_MEMORY, 1);
    } else if (visit->duplicate) {
        drift_kept_duplicate(&version->model->kept, visit->record, &drift->budget);
    }
}

/* A record waits for the reference. */
static void
keep_record(struct visit *visit, struct drift_version *version, const struct drift_record *record)
{
    struct drift *drift = visit->drift;
    struct drift_record waiting = *record;
    const struct drift_kept kept = {
        .call = drift->calls, .now_ns = visit->now_ns, .monotonic_ns = visit->monotonic_ns};

    waiting.duplicate = visit->duplicate;
    /* A journal's records come without their batch; and while a grid is learned, which takes long, a reload
     * may come, to which a batch is no state. */
    if (visit->batch && !drift_is_durable(drift->config) && version->model->phase == DRIFT_FREEZING) {
        drift_keep_record(visit, version);
    } else if (!drift_kept_add_record(&version->model->kept, &kept, &waiting, drift->observed, drift->set,
                                      &drift->budget)) {
        exclude(version, DRIFT_MEMORY, 1);
    }
}

/* A record that a grid is learned from is kept too, and counted in it as soon as it stands: what is then to
 * be told of it (that it came late, …) is told then. */
static void
learn_record(struct visit *visit, struct drift_version *version, const struct drift_record *record)
{
    struct drift_model *model = version->model;
    bool grid = drift_is_dynamic(visit->drift->config);
    int64_t time_ns;
    enum otc_placement placement =
        otc_window_classify(&version->window, record->event_ns, visit->now_ns, &time_ns);
    size_t lost;

    if (grid) {
        keep_record(visit, version, record);
    }
    if (placement != OTC_PLACED) {
        exclude(version, drift_placement_reason(placement), !grid);
        return;
    }
    lost = drift_learner_add(model->learner, visit->drift->observed, record->n, time_ns);
    exclude(version, DRIFT_FEATURES, grid ? 0 : lost);
    model->progress = drift_learner_progress(model->learner);
    if (model->progress >= 1) {
        model->phase = DRIFT_FREEZING;
        visit->due = true;
    }
}

static void
place_record(struct visit *visit, struct drift_version *version, size_t n, int64_t event_ns)
{
    enum otc_placement placement;
    struct otc_pane *pane;

    if (!version->binding && !drift_version_bind(version)) {
        exclude(version, DRIFT_MEMORY, 1);
        return;
    }
    pane = otc_window_place(&version->window, event_ns, visit->now_ns, &placement);
    if (!pane) {
        exclude(version, drift_placement_reason(placement), 1);
        return;
    }
    ((struct drift_pane *)pane->payload)->duplicates += visit->duplicate;
    drift_count_record(version, version->owner->observed, n, pane->payload);
    if (version->next) {
        place_record(visit, version->next, n, event_ns);
    }
}

struct drift_version *
drift_kept_version(const struct visit *visit, const struct otc_model_key *key)
{
    const struct otc_model_version *entry = otc_models_find(visit->drift->models, key);
    struct drift_version *version = entry ? entry->state : NULL;

    return version && version->model == visit->only && visit->record >= visit->kept->from &&
                   version->role != DRIFT_ARMLESS
               ? version
               : NULL;
}

/* The version of a key; NULL: overflow, counted. */
static struct drift_version *
version_of(const struct visit *visit, const struct otc_model_key *key)
{
    struct otc_model_version *entry = otc_models_get(visit->drift->models, key, visit->monotonic_ns);

    return entry ? entry->state : NULL;
}

/* Counts a record of a version. */
static void
note_seen(const struct visit *visit, struct drift_version *version, int64_t event_ns, uint64_t weight)
{
    struct drift *drift = visit->drift;

    if (drift->since_ns == INT64_MAX) {
        drift->since_ns = otc_window_time(&version->window, event_ns, visit->now_ns);
    }
    version->start_ns = version->records++ ? version->start_ns : visit->now_ns;
    version->last_record_ns = visit->monotonic_ns;
    otc_weighted_add(&version->weighted, weight);
}

struct drift_version *
drift_seen_version(struct visit *visit, const struct otc_model_key *key, int64_t event_ns, uint64_t weight)
{
    struct drift_version *version = version_of(visit, key);

    if (version) {
        note_seen(visit, version, event_ns, weight);
    }
    return version;
}

/* A record of a batch that was kept; what a new one counts for itself was counted then. */
static void
count_kept_record(struct visit *visit, const struct otc_model_key *key, size_t n, int64_t event_ns)
{
    struct drift_version *version = drift_kept_version(visit, key);

    if (!version) {
        return;
    }
    if (visit->only->binding) {
        place_record(visit, version, n, event_ns);
    } else {
        exclude(version, DRIFT_NO_REFERENCE, 1);
    }
}

/* A record as it was observed, by now or by a former process. No version: overflow. */
static void
apply_record(struct visit *visit, struct drift_version *version, const struct drift_record *record)
{
    struct drift *drift = visit->drift;

    if (!version) {
        return;
    }
    note_seen(visit, version, record->event_ns, record->weight);
    exclude(version, DRIFT_FEATURES, record->lost);
    exclude(version, DRIFT_TRACE_STATE, record->bad_trace_state);
    if (!record->further) {
        visit->duplicate = record->has_id && version->recent && otc_recent_add(version->recent, record->id);
    }
    version->duplicates += visit->duplicate;
    drift_watched_add(drift->watch, version->watched, drift->observed, record->n, visit->now_ns);
    if (version->role == DRIFT_ARMLESS) {
        exclude(version, DRIFT_NO_ARM, 1);
        return;
    }
    switch (version->model->phase) {
    case DRIFT_LEARNING:
        learn_record(visit, version, record);
        break;
    case DRIFT_READY:
        place_record(visit, version, record->n, record->event_ns);
        break;
    case DRIFT_FREEZING:
        keep_record(visit, version, record);
        break;
    case DRIFT_UNREFERENCED:
        exclude(version, DRIFT_NO_REFERENCE, 1);
        break;
    }
}

/* Whose record it is. */
static void
follow_model(struct visit *visit, const struct otc_record *record, struct otc_model_key *key)
{
    const struct drift *drift = visit->drift;

    /* The model's values, and the arm's behind them. */
    if (!otc_model_follow(&visit->model, &drift->config->model, record, drift->first_feature)) {
        return;
    }
    if (drift->config->reference.arm) {
        otc_model_arm(&visit->model.key, &record->values[drift->first_feature - 1]);
    }
    key->name = visit->model.key.name;
    key->version = visit->model.key.version;
    key->arm = visit->model.key.arm;
    visit->version = NULL;
}

/* A record of any signal, whose values stand in drift->observed. */
static void
count_one(struct visit *visit, const struct otc_record *record, struct drift_record *seen)
{
    struct drift *drift = visit->drift;

    visit->record++;
    follow_model(visit, record, &seen->key);
    if (visit->only) {
        visit->duplicate = drift_kept_is_duplicate(visit->kept, visit->record);
        count_kept_record(visit, &seen->key, seen->n, seen->event_ns);
        return;
    }
    if (drift->config->duplicates && !seen->further) {
        seen->has_id =
            drift_duplicates_key(drift->config->duplicates, record->values + drift->first_id, &seen->id);
    }
    drift_journal_record(drift->keeper, seen, drift->observed);
    if (!visit->version) {
        visit->version = version_of(visit, &seen->key);
    }
    apply_record(visit, visit->version, seen);
}

static void
visit_subject(struct visit *visit, const struct otc_subject *subject, uint64_t event_unix_nano)
{
    struct drift *drift = visit->drift;
    struct drift_record *seen = &visit->seen;
    size_t records = otc_feature_reader_begin(drift->reader, subject, drift->observed, drift->max_observed,
                                              &seen->n, &seen->lost);

    seen->event_ns = (int64_t)(event_unix_nano > INT64_MAX ? INT64_MAX : event_unix_nano);
    seen->further = seen->has_id = false;
    seen->weight = OTC_WEIGHT_ONE;
    seen->bad_trace_state = subject->span && subject->span->trace_state.len > 0 &&
                            !otc_weight_of(subject->span->trace_state, &seen->weight);
    while (records > 0) {
        count_one(visit, subject->record, seen);
        seen->further = --records > 0;
        if (seen->further) {
            seen->n =
                otc_feature_reader_next(drift->reader, drift->observed, drift->max_observed, &seen->lost);
        }
    }
}

static bool
visit_span(void *arg, const struct otc_span *span)
{
    const struct otc_subject subject = {.record = &span->record, .span = span};

    visit_subject(arg, &subject, span->end_unix_nano);
    return true;
}

static bool
visit_log(void *arg, const struct otc_log_record *log)
{
    const struct otc_subject subject = {.record = &log->record, .log = log};

    visit_subject(arg, &subject, log->time_unix_nano ? log->time_unix_nano : log->observed_unix_nano);
    return true;
}

/* After a batch: what of it waits to be counted, then the watermarks of the versions that it touched; true
 * when something waits for the control loop. */
static bool
advance(struct visit *visit)
{
    struct drift *drift = visit->drift;
    bool due = visit->due;

    drift_count_waiting(drift);
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            struct drift_version *version = model->versions[j]->state;

            if (visit->only ? version->model == visit->only
                            : version->last_record_ns == visit->monotonic_ns && version->records) {
                due |= drift_version_advance(version, visit->now_ns, visit->monotonic_ns, true);
            }
        }
    }
    return due;
}

/* All records of a batch; parts whose walk fails count up to there: nothing is refused for it. Returns those.
 */
static size_t
walk(struct visit *visit)
{
    const struct otc_projection *projection = visit->drift->projection;
    size_t failed = 0;

    for (size_t i = 0; i < otc_batch_parts(visit->batch); i++) {
        struct otc_slice part = otc_batch_part(visit->batch, i);

        visit->model.known = false;
        switch (otc_batch_signal(visit->batch)) {
        case OTC_TRACES:
            failed += otc_walk_spans(projection, part, visit_span, visit, NULL) != OTC_OK;
            break;
        case OTC_LOGS:
            failed += otc_walk_logs(projection, part, visit_log, visit, NULL) != OTC_OK;
            break;
        case OTC_METRICS:
            failed += !drift_metrics_walk(visit, part);
            break;
        }
    }
    return failed;
}

static void
count_kept_records(struct visit *visit, const struct drift_kept *kept)
{
    struct drift *drift = visit->drift;
    struct otc_reader in = otc_reader_of(otc_buf_slice(&kept->records));
    struct drift_record record;

    if (kept->points) {
        drift_metrics_replay(visit, &in);
        return;
    }
    while (drift_record_read(&in, &record, drift->observed, drift->max_observed,
                             otc_feature_set_count(drift->set))) {
        visit->duplicate = record.duplicate;
        count_kept_record(visit, &record.key, record.n, record.event_ns);
    }
}

bool
drift_count_kept(struct drift_model *model, const struct drift_kept *kept)
{
    struct visit visit = {.drift = model->owner,
                          .now_ns = kept->now_ns,
                          .monotonic_ns = kept->monotonic_ns,
                          .batch = kept->batch,
                          .only = model,
                          .kept = kept};

    if (kept->batch) {
        (void)walk(&visit);
    } else {
        count_kept_records(&visit, kept);
    }
    return advance(&visit);
}

otc_status
drift_consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done,
              struct otc_error *err)
{
    struct drift_input *input = OTC_CONTAINER(consumer, drift_input, consumer);
    struct drift *drift = input->owner;
    struct visit visit = {.drift = drift,
                          .now_ns = drift->host->now_ns(drift->host),
                          .monotonic_ns = drift->host->monotonic_ns(drift->host),
                          .batch = batch};
    size_t malformed;
    bool due;

    (void)done;
    (void)err;
    pthread_mutex_lock(&drift->lock);
    drift->calls++;
    malformed = walk(&visit);
    drift->malformed += malformed;
    due = advance(&visit) && !drift->stopped;
    drift_journal_batch(drift->keeper, visit.now_ns, visit.monotonic_ns, malformed);
    pthread_mutex_unlock(&drift->lock);
    otc_batch_unref(batch);
    if (due) {
        drift->host->timer_arm(drift->host, drift->worker, 0);
    }
    return OTC_OK;
}

/* Freezing takes the lock for itself. */
static void
work_unlocked(struct drift *drift)
{
    pthread_mutex_unlock(&drift->lock);
    drift_work(drift);
    pthread_mutex_lock(&drift->lock);
}

bool
drift_replay_batch(struct drift *drift, const struct drift_entry *entry, struct otc_reader *records)
{
    struct visit visit = {.drift = drift, .now_ns = entry->now_ns, .monotonic_ns = entry->monotonic_ns};
    struct drift_record record;

    drift->calls++;
    drift->malformed += (uint64_t)entry->extra;
    if (entry->kind == DRIFT_ENTRY_POINTS) {
        drift_metrics_replay(&visit, records);
    } else {
        while (drift_record_read(records, &record, drift->observed, drift->max_observed,
                                 otc_feature_set_count(drift->set))) {
            apply_record(&visit, version_of(&visit, &record.key), &record);
        }
    }
    if (advance(&visit)) {
        work_unlocked(drift);
    }
    return !records->failed;
}
