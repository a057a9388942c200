// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/keeper.h"

#include "common/base/hash.h"
#include "common/component/storage.h"
#include "processors/drift/identity.h"
#include "processors/drift/snapshot.h"

#define SNAPSHOT_INTERVAL_NS (10 * OTC_SECOND)
/* A snapshot may take this share of the time at most: the larger it is, the rarer. */
#define SNAPSHOT_SHARE 20
/* One batch in the journal. */
#define BATCH_BYTES_MAX ((size_t)64 << 20)
/* Room before the records, for what stands in front of them. */
#define HEAD_ROOM 64u
#define SNAPSHOT_BYTES_MAX ((size_t)500 << 20)
#define REFERENCE_PREFIX "reference/"
#define SNAPSHOT_KEY "snapshot"
static const char magic[] = "aimon drift state 1";

struct drift_keeper {
    struct drift *drift;
    struct otc_storage *storage;
    struct otc_timer *timer;
    struct otc_buf batch; /* HEAD_ROOM, then records */
    uint64_t generation;  /* of the journal that is written */
    int64_t journaled;    /* bytes since the last snapshot */
    int64_t journal_limit;
    int64_t emitted_ns;
    bool asked;   /* for a snapshot before its time */
    bool gap;     /* the journal takes nothing: logged */
    bool failing; /* the last snapshot could not be stored: logged */
    bool told;    /* of either, and not of its end yet */
    bool stopped;
    struct otc_map *stored; /* hashes of references in the store */
    struct otc_series *snapshots, *failed, *bytes, *replayed, *incomplete, *discarded;
};

static const struct otc_instrument instruments[] = {
    {"aimon_state_snapshots", "{snapshot}", "Snapshots that were stored.", OTC_COUNTER},
    {"aimon_state_snapshots_failed", "{snapshot}", "Snapshots that could not be stored.", OTC_COUNTER},
    {"aimon_state_snapshot_size", "By", "Bytes of the last snapshot.", OTC_GAUGE},
    {"aimon_state_replayed_batches", "{batch}", "Batches that the start took from the journal.", OTC_COUNTER},
    {"aimon_state_incomplete_starts", "{start}", "Starts whose journal lacked its end.", OTC_COUNTER},
    {"aimon_state_discarded", "{state}", "Stored states that were of no use.", OTC_COUNTER}};

static struct otc_logger *
logger_of(const struct drift_keeper *keeper)
{
    return keeper->drift->host->logger;
}

static void
count(const struct drift_keeper *keeper, struct otc_series *series, int64_t delta)
{
    const struct otc_count change = {series, delta};

    if (keeper->drift->host->meter && series) {
        otc_meter_add(keeper->drift->host->meter, &change, 1);
    }
}

/* ---- The journal ---------------------------------------------------------------------------------- */

void
drift_journal_record(struct drift_keeper *keeper, const struct drift_record *record,
                     const struct otc_observed *observed)
{
    static const uint8_t room[HEAD_ROOM] = {0};

    if (!keeper || keeper->stopped) {
        return;
    }
    if (keeper->batch.len == 0) {
        (void)otc_buf_append(&keeper->batch, room, sizeof(room));
    }
    drift_record_write(&keeper->batch, record, observed, keeper->drift->set);
}

static void
ask_for_snapshot(struct drift_keeper *keeper)
{
    if (!keeper->asked && !keeper->stopped) {
        keeper->asked = true;
        keeper->drift->host->timer_arm(keeper->drift->host, keeper->timer, 0);
    }
}

void
drift_keeper_hurry(struct drift_keeper *keeper)
{
    if (keeper) {
        ask_for_snapshot(keeper);
    }
}

static void
tell_recovery(struct drift_keeper *keeper)
{
    if (keeper->told && !keeper->gap && !keeper->failing) {
        keeper->told = false;
        otc_log(logger_of(keeper), OTC_LOG_INFO, keeper->drift->id, "State is kept again");
    }
}

/* A failure asks for a snapshot, behind which the journal begins anew; when that does not help the next ones
 * come at their time, not at every batch. */
static void
append(struct drift_keeper *keeper, struct otc_slice record)
{
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = keeper->storage->append(keeper->storage, record, &err);

    bool first = status != OTC_OK && !keeper->gap;

    keeper->gap = status != OTC_OK;
    if (status == OTC_OK) {
        keeper->journaled += (int64_t)record.len;
        tell_recovery(keeper);
    }
    if (first) {
        keeper->told = true;
        otc_log(logger_of(keeper), OTC_LOG_ERROR, keeper->drift->id,
                "Records are not kept; a crash before the next snapshot would lose them",
                OTC_FIELD_TEXT("error", err.text));
    }
    if (first || (keeper->journaled > keeper->journal_limit / 4 && !keeper->failing)) {
        ask_for_snapshot(keeper);
    }
}

void
drift_journal_batch(struct drift_keeper *keeper, int64_t now_ns, int64_t monotonic_ns, size_t malformed)
{
    const struct drift_entry entry = {DRIFT_ENTRY_BATCH, now_ns, monotonic_ns, (int64_t)malformed};
    uint8_t bytes[HEAD_ROOM];
    struct otc_buf head = {.data = bytes, .capacity = sizeof(bytes), .limit = sizeof(bytes)};

    if (!keeper || keeper->stopped || (keeper->batch.len == 0 && !keeper->batch.failed && malformed == 0)) {
        return;
    }
    drift_entry_write(&head, &entry);
    if (keeper->batch.failed) {
        /* Too large to be written: something of no journal's size, so that the gap is noted. */
        append(keeper, otc_slice_of(bytes, SIZE_MAX));
    } else if (keeper->batch.len == 0) {
        append(keeper, otc_buf_slice(&head));
    } else {
        memcpy(keeper->batch.data + HEAD_ROOM - head.len, bytes, head.len);
        append(keeper, otc_slice_skip(otc_buf_slice(&keeper->batch), HEAD_ROOM - head.len));
    }
    otc_buf_clear(&keeper->batch);
}

void
drift_journal_tick(struct drift_keeper *keeper, int64_t now_ns, int64_t monotonic_ns, int64_t emitted_ns)
{
    const struct drift_entry entry = {DRIFT_ENTRY_TICK, now_ns, monotonic_ns, emitted_ns};
    uint8_t bytes[HEAD_ROOM];
    struct otc_buf head = {.data = bytes, .capacity = sizeof(bytes), .limit = sizeof(bytes)};

    if (keeper && !keeper->stopped) {
        keeper->emitted_ns = emitted_ns;
        drift_entry_write(&head, &entry);
        append(keeper, otc_buf_slice(&head));
    }
}

/* ---- Snapshots ------------------------------------------------------------------------------------ */

/* Under the lock: nothing is under way that a snapshot cannot hold. */
static bool
is_at_rest(const struct drift *drift)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        const struct drift_model *model = otc_models_at(drift->models, i)->state;

        if (model->phase == DRIFT_FREEZING || model->busy) {
            return false;
        }
    }
    return true;
}

/* What a snapshot consists of; `references` are those that are not stored yet, each with a reference count.
 */
struct snapshot {
    struct otc_buf bytes;
    struct drift_binding **bindings;
    size_t n;
    uint64_t generation;
};

static void
write_head(struct drift_keeper *keeper, struct otc_buf *out, uint64_t generation)
{
    struct otc_host *host = keeper->drift->host;
    size_t place = otc_put_section(out, "head", 1);

    otc_put_u64(out, generation);
    otc_put_i64(out, host->now_ns(host));
    otc_put_i64(out, host->monotonic_ns(host));
    otc_put_i64(out, keeper->emitted_ns);
    otc_end_section(out, place);
    place = otc_put_section(out, "identity", 1);
    drift_identity_write(keeper->drift, out);
    otc_end_section(out, place);
}

/* Under the lock: the learned references in use. */
static bool
collect_references(const struct drift *drift, struct snapshot *snapshot)
{
    size_t models = otc_models_count(drift->models);

    snapshot->bindings = calloc(models + 1, sizeof(struct drift_binding *));
    for (size_t i = 0; snapshot->bindings && i < models; i++) {
        const struct drift_model *model = otc_models_at(drift->models, i)->state;

        if (model->binding && model->binding != drift->file) {
            snapshot->bindings[snapshot->n++] = drift_binding_ref(model->binding);
        }
    }
    return snapshot->bindings != NULL;
}

/* Under the lock. The journal of a snapshot begins with it. */
static otc_status
take(struct drift_keeper *keeper, struct snapshot *snapshot, struct otc_error *err)
{
    otc_status status = keeper->storage->roll(keeper->storage, &snapshot->generation, err);

    if (status != OTC_OK) {
        return status;
    }
    keeper->generation = snapshot->generation;
    keeper->journaled = 0;
    write_head(keeper, &snapshot->bytes, snapshot->generation);
    drift_snapshot_write(keeper->drift, &snapshot->bytes);
    if (snapshot->bytes.failed || !collect_references(keeper->drift, snapshot)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "no memory for a snapshot, or it exceeds %zu bytes",
                        SNAPSHOT_BYTES_MAX);
    }
    return OTC_OK;
}

/* The changes of the store: the snapshot, and references that came and went. */
struct changes {
    struct otc_storage_change *items;
    size_t n;
    struct otc_buf *texts; /* of references, one each */
    size_t n_texts;
    char (*keys)[64];
};

static void
release_changes(struct changes *changes)
{
    for (size_t i = 0; i < changes->n_texts; i++) {
        otc_buf_release(&changes->texts[i]);
    }
    free(changes->texts);
    free(changes->items);
    free(changes->keys);
}

static otc_status
add_reference(struct changes *changes, const struct otc_reference *reference, struct otc_error *err)
{
    struct otc_buf *text = &changes->texts[changes->n_texts];
    char *key = changes->keys[changes->n_texts++];
    otc_status status;

    otc_buf_init(text, SNAPSHOT_BYTES_MAX);
    status = otc_reference_format(reference, text, err);
    (void)snprintf(key, 64, REFERENCE_PREFIX "%s", reference->hash);
    changes->items[changes->n++] =
        (struct otc_storage_change){otc_slice_str(key), otc_buf_slice(text), false};
    return status;
}

/* References in the store that the snapshot does not need any more. */
static void
remove_references(struct changes *changes, const struct drift_keeper *keeper, const struct otc_map *needed)
{
    struct otc_slice hash;
    size_t cursor = 0;
    void *value;

    while (otc_map_next(keeper->stored, &cursor, &hash, &value)) {
        if (!otc_map_get(needed, hash)) {
            char *key = changes->keys[changes->n];

            (void)snprintf(key, 64, REFERENCE_PREFIX "%.*s", OTC_SLICE_ARG(hash));
            changes->items[changes->n++] =
                (struct otc_storage_change){.key = otc_slice_str(key), .remove = true};
        }
    }
}

static otc_status
make_changes(const struct drift_keeper *keeper, const struct snapshot *snapshot, struct otc_map *needed,
             struct changes *changes, struct otc_error *err)
{
    size_t most = snapshot->n + otc_map_count(keeper->stored) + 1;
    otc_status status = OTC_OK;

    changes->items = calloc(most, sizeof(*changes->items));
    changes->texts = calloc(most, sizeof(*changes->texts));
    changes->keys = calloc(most, sizeof(*changes->keys));
    if (!changes->items || !changes->texts || !changes->keys) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < snapshot->n && status == OTC_OK; i++) {
        const struct drift_binding *binding = snapshot->bindings[i];
        struct otc_slice hash = otc_slice_str(binding ? binding->reference->hash : "");

        if (binding && !otc_map_get(needed, hash) && !otc_map_get(keeper->stored, hash)) {
            status = add_reference(changes, binding->reference, err);
        }
        (void)otc_map_put(needed, hash, changes);
    }
    remove_references(changes, keeper, needed);
    changes->items[changes->n++] =
        (struct otc_storage_change){otc_slice_str(SNAPSHOT_KEY), otc_buf_slice(&snapshot->bytes), false};
    return status;
}

/* What stands before the snapshot's sections: who wrote it and that nothing has changed since. */
static void
begin_snapshot(struct otc_buf *out)
{
    otc_put_bytes(out, otc_slice_str(magic));
    (void)otc_buf_append(out, "\0\0\0\0\0\0\0", 8);
}

static size_t
body_at(void)
{
    return 1 + sizeof(magic) - 1 + 8;
}

static void
seal_snapshot(struct otc_buf *out)
{
    struct otc_slice body = otc_slice_skip(otc_buf_slice(out), body_at());
    uint64_t hash = otc_hash64(body, sizeof(magic));

    memcpy(out->data + body_at() - 8, &hash, 8);
}

/* Not under the lock: waits for the disk. */
static otc_status
store(struct drift_keeper *keeper, struct snapshot *snapshot, struct otc_error *err)
{
    struct changes changes = {0};
    struct otc_map *needed = otc_map_new(snapshot->n + 1);
    otc_status status = needed ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");

    seal_snapshot(&snapshot->bytes);
    if (status == OTC_OK) {
        status = make_changes(keeper, snapshot, needed, &changes, err);
    }
    if (status == OTC_OK) {
        status = keeper->storage->apply(keeper->storage, changes.items, changes.n, err);
    }
    release_changes(&changes);
    if (status == OTC_OK) {
        otc_map_free(keeper->stored, NULL);
        keeper->stored = needed;
    } else {
        otc_map_free(needed, NULL);
    }
    return status;
}

static void
tell_outcome(struct drift_keeper *keeper, const struct snapshot *snapshot, otc_status status,
             const struct otc_error *err)
{
    if (status == OTC_OK) {
        count(keeper, keeper->snapshots, 1);
        count(keeper, keeper->bytes, (int64_t)snapshot->bytes.len);
        keeper->failing = false;
        tell_recovery(keeper);
        return;
    }
    count(keeper, keeper->failed, 1);
    if (!keeper->failing) {
        otc_log(logger_of(keeper), OTC_LOG_ERROR, keeper->drift->id,
                "State is not stored; a restart would find an older one", OTC_FIELD_TEXT("error", err->text));
    }
    keeper->failing = keeper->told = true;
}

/* On the control loop. False when the stage is in the middle of something. */
static bool
snapshot_now(struct drift_keeper *keeper)
{
    struct drift *drift = keeper->drift;
    struct snapshot snapshot = {.bytes = {.limit = SNAPSHOT_BYTES_MAX}};
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = OTC_UNAVAILABLE;
    bool rest;

    drift_work(drift);
    begin_snapshot(&snapshot.bytes);
    pthread_mutex_lock(&drift->lock);
    rest = is_at_rest(drift);
    if (rest) {
        keeper->asked = false;
        status = take(keeper, &snapshot, &err);
    }
    pthread_mutex_unlock(&drift->lock);
    if (rest) {
        status = status == OTC_OK ? store(keeper, &snapshot, &err) : status;
        pthread_mutex_lock(&drift->lock);
        if (status == OTC_OK) {
            keeper->storage->drop(keeper->storage, snapshot.generation);
        }
        tell_outcome(keeper, &snapshot, status, &err);
        for (size_t i = 0; i < snapshot.n; i++) {
            drift_binding_unref(snapshot.bindings[i]);
        }
        pthread_mutex_unlock(&drift->lock);
    }
    free(snapshot.bindings);
    otc_buf_release(&snapshot.bytes);
    return rest;
}

static void
on_timer(void *arg)
{
    struct drift_keeper *keeper = arg;
    struct otc_host *host = keeper->drift->host;
    int64_t began = host->monotonic_ns(host), took;

    if (keeper->stopped) {
        return;
    }
    if (!snapshot_now(keeper)) {
        host->timer_arm(host, keeper->timer, OTC_MILLISECOND);
        return;
    }
    took = (host->monotonic_ns(host) - began) * SNAPSHOT_SHARE;
    host->timer_arm(host, keeper->timer, took > SNAPSHOT_INTERVAL_NS ? took : SNAPSHOT_INTERVAL_NS);
}

/* ---- The start ------------------------------------------------------------------------------------ */

struct restore {
    struct drift_keeper *keeper;
    struct otc_buf snapshot;
    uint64_t generation;
    /** Clocks when the last thing was written. */
    int64_t now_ns, monotonic_ns;
    uint64_t batches;
};

static void
copy(void *arg, struct otc_slice value)
{
    (void)otc_buf_append_slice(arg, value);
}

static struct otc_reference *
find_reference(void *arg, struct otc_slice hash)
{
    struct drift_keeper *keeper = arg;
    struct otc_buf text = {.limit = SNAPSHOT_BYTES_MAX};
    struct otc_reference *reference = NULL;
    char key[64];

    (void)snprintf(key, sizeof(key), REFERENCE_PREFIX "%.*s", OTC_SLICE_ARG(hash));
    if (hash.len < 40 &&
        keeper->storage->get(keeper->storage, otc_slice_str(key), copy, &text, NULL) == OTC_OK &&
        otc_reference_parse(otc_buf_slice(&text), key, 0, &reference, NULL) == OTC_OK) {
        if (!otc_slice_equal_str(hash, reference->hash)) {
            otc_reference_unref(reference);
            reference = NULL;
        } else {
            (void)otc_map_put(keeper->stored, hash, keeper);
        }
    }
    otc_buf_release(&text);
    return reference;
}

/* The sections of a snapshot that is exactly what was written. */
static bool
open_snapshot(const struct otc_buf *bytes, struct otc_reader *out)
{
    struct otc_reader in = otc_reader_of(otc_buf_slice(bytes));
    struct otc_slice body;
    uint64_t hash;

    if (!otc_slice_equal_str(otc_take_bytes(&in), magic) || in.rest.len < 8) {
        return false;
    }
    memcpy(&hash, in.rest.data, 8);
    body = otc_slice_skip(in.rest, 8);
    *out = otc_reader_of(body);
    return otc_hash64(body, sizeof(magic)) == hash;
}

static bool
read_head(struct restore *restore, struct otc_reader *in, char why[256])
{
    struct otc_reader body;
    struct otc_slice name;
    uint64_t number;

    if (!otc_take_section(in, &name, &number, &body) || !otc_slice_equal_str(name, "head") || number != 1) {
        (void)snprintf(why, 256, "it is of another release");
        return false;
    }
    restore->generation = otc_take_u64(&body);
    restore->now_ns = otc_take_i64(&body);
    restore->monotonic_ns = otc_take_i64(&body);
    restore->keeper->emitted_ns = otc_take_i64(&body);
    if (!otc_take_section(in, &name, &number, &body) || !otc_slice_equal_str(name, "identity") ||
        number != 1) {
        (void)snprintf(why, 256, "it is of another release");
        return false;
    }
    return drift_identity_check(restore->keeper->drift, &body, why, 256);
}

/* Fills the stage from the snapshot; false, with the reason, leaves it empty. */
static bool
read_snapshot(struct restore *restore, char why[256])
{
    struct drift *drift = restore->keeper->drift;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reader in;

    if (restore->snapshot.failed || !open_snapshot(&restore->snapshot, &in)) {
        (void)snprintf(why, 256, "it is damaged, or of another release");
        return false;
    }
    if (!read_head(restore, &in, why)) {
        return false;
    }
    if (!drift_snapshot_read(drift, in, find_reference, restore->keeper, &err)) {
        (void)snprintf(why, 256, "%.200s", err.text);
        return false;
    }
    return true;
}

static bool
replay_entry(void *arg, struct otc_slice bytes)
{
    struct restore *restore = arg;
    struct drift *drift = restore->keeper->drift;
    struct otc_reader in = otc_reader_of(bytes);
    struct drift_entry entry;
    bool done = true;

    if (!drift_entry_read(&in, &entry)) {
        return false;
    }
    if (entry.kind == DRIFT_ENTRY_BATCH) {
        pthread_mutex_lock(&drift->lock);
        drift->malformed += (uint64_t)entry.extra;
        done = drift_replay_batch(drift, entry.now_ns, entry.monotonic_ns, &in);
        pthread_mutex_unlock(&drift->lock);
        drift_work(drift);
        restore->batches++;
    } else {
        drift_collect_at(drift, drift->emitter, entry.now_ns, entry.monotonic_ns);
        restore->keeper->emitted_ns = entry.extra;
    }
    restore->now_ns = entry.now_ns;
    restore->monotonic_ns = entry.monotonic_ns;
    return done;
}

/* The former process's monotonic clock becomes this one's: what the wall clock says passed in between. */
static void
join_clocks(const struct restore *restore)
{
    struct drift *drift = restore->keeper->drift;
    int64_t passed = drift->host->now_ns(drift->host) - restore->now_ns;
    int64_t now = drift->host->monotonic_ns(drift->host);

    drift_shift_monotonic(drift, now - (restore->monotonic_ns + (passed > 0 ? passed : 0)));
}

static void
log_restored(const struct restore *restore, const struct otc_storage_replayed *replayed)
{
    const struct drift_keeper *keeper = restore->keeper;

    count(keeper, keeper->replayed, (int64_t)restore->batches);
    otc_log(logger_of(keeper), OTC_LOG_INFO, keeper->drift->id, "State restored",
            OTC_FIELD_NUMBER("models", otc_models_count(keeper->drift->models)),
            OTC_FIELD_NUMBER("batches", restore->batches));
    if (!replayed->complete) {
        count(keeper, keeper->incomplete, 1);
        otc_log(
            logger_of(keeper), OTC_LOG_WARN, keeper->drift->id,
            "The state lacks what came last before the end; windows that reach back to it are marked partial",
            OTC_FIELD_TEXT("reason", replayed->why));
    }
}

static otc_status
replay(struct restore *restore, struct otc_error *err)
{
    struct drift_keeper *keeper = restore->keeper;
    struct otc_storage_replayed replayed;
    otc_status status;

    otc_emitter_mute(keeper->drift->emitter, true);
    otc_events_mute(keeper->drift->events, true);
    status =
        keeper->storage->replay(keeper->storage, restore->generation, replay_entry, restore, &replayed, err);
    otc_emitter_mute(keeper->drift->emitter, false);
    otc_events_mute(keeper->drift->events, false);
    if (status != OTC_OK) {
        replayed.complete = false;
        (void)snprintf(replayed.why, sizeof(replayed.why), "%.150s", err->text);
    }
    join_clocks(restore);
    otc_emitter_not_before(keeper->drift->emitter, keeper->emitted_ns);
    if (replayed.complete && keeper->drift->metrics_in) {
        replayed.complete = false;
        (void)snprintf(replayed.why, sizeof(replayed.why), "what data points of metrics tell is not kept");
    }
    if (!replayed.complete) {
        keeper->drift->since_ns = INT64_MAX;
    }
    log_restored(restore, &replayed);
    return OTC_OK;
}

static void
discard(const struct drift_keeper *keeper, const char *why)
{
    count(keeper, keeper->discarded, 1);
    otc_log(logger_of(keeper), OTC_LOG_WARN, keeper->drift->id,
            "The stored state is not used; windows and learned references begin anew",
            OTC_FIELD_TEXT("reason", why));
}

/* Fails only when there is no memory to go on with. */
static otc_status
restore_state(struct drift_keeper *keeper, struct otc_error *err)
{
    struct restore restore = {.keeper = keeper, .snapshot = {.limit = SNAPSHOT_BYTES_MAX}};
    struct otc_error why = OTC_ERROR_INIT;
    char reason[256] = "";
    otc_status status =
        keeper->storage->get(keeper->storage, otc_slice_str(SNAPSHOT_KEY), copy, &restore.snapshot, &why);
    bool read = false;

    if (status == OTC_OK) {
        read = read_snapshot(&restore, reason);
        if (!read) {
            discard(keeper, reason);
        }
    } else if (status != OTC_NOT_FOUND) {
        discard(keeper, why.text);
    }
    otc_buf_release(&restore.snapshot);
    if (read) {
        return replay(&restore, err);
    }
    return drift_forget(keeper->drift) ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/* ---- Life ----------------------------------------------------------------------------------------- */

static void
make_series(struct drift_keeper *keeper)
{
    struct otc_series **const series[] = {&keeper->snapshots, &keeper->failed,     &keeper->bytes,
                                          &keeper->replayed,  &keeper->incomplete, &keeper->discarded};
    const struct otc_label label = {"component", keeper->drift->id};

    for (size_t i = 0; keeper->drift->host->meter && i < sizeof(series) / sizeof(series[0]); i++) {
        *series[i] = otc_meter_series(keeper->drift->host->meter, &instruments[i], &label, 1);
    }
}

static struct drift_keeper *
make_keeper(struct drift *drift)
{
    struct drift_keeper *keeper = calloc(1, sizeof(*keeper));

    if (!keeper) {
        return NULL;
    }
    keeper->drift = drift;
    keeper->batch.limit = BATCH_BYTES_MAX;
    keeper->emitted_ns = INT64_MIN;
    keeper->stored = otc_map_new((size_t)drift->config->limits.models + 1);
    keeper->timer = drift->host->timer_new(drift->host, on_timer, keeper);
    if (!keeper->stored || !keeper->timer) {
        drift_keeper_free(keeper);
        return NULL;
    }
    make_series(keeper);
    return keeper;
}

otc_status
drift_keeper_start(struct drift *drift, struct otc_error *err)
{
    struct drift_keeper *keeper;
    int64_t bytes;
    otc_status status;

    if (!drift_is_durable(drift->config)) {
        return OTC_OK;
    }
    keeper = make_keeper(drift);
    if (!keeper) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", drift->id);
    }
    status =
        otc_storage_open(drift->host, drift->config->storage, drift->kind, drift->id, &keeper->storage, err);
    if (status == OTC_OK) {
        keeper->storage->usage(keeper->storage, &bytes, &keeper->journal_limit);
        status = restore_state(keeper, err);
    }
    if (status != OTC_OK) {
        drift_keeper_free(keeper);
        return status;
    }
    drift->keeper = keeper;
    on_timer(keeper);
    return OTC_OK;
}

void
drift_keeper_stop(struct drift_keeper *keeper)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (!keeper || keeper->stopped) {
        return;
    }
    keeper->stopped = true;
    keeper->drift->host->timer_disarm(keeper->drift->host, keeper->timer);
    if (snapshot_now(keeper) && !keeper->failing && keeper->storage->seal(keeper->storage, &err) != OTC_OK) {
        otc_log(logger_of(keeper), OTC_LOG_WARN, keeper->drift->id, "The journal's end is not on the disk",
                OTC_FIELD_TEXT("error", err.text));
    }
    keeper->storage->close(keeper->storage);
    keeper->storage = NULL;
}

void
drift_keeper_free(struct drift_keeper *keeper)
{
    if (!keeper) {
        return;
    }
    if (keeper->storage) {
        keeper->storage->close(keeper->storage);
    }
    keeper->drift->host->timer_free(keeper->drift->host, keeper->timer);
    otc_map_free(keeper->stored, NULL);
    otc_buf_release(&keeper->batch);
    free(keeper);
}
