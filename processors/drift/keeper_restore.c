// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/keeper_internal.h"

#include "processors/drift/identity.h"
#include "processors/drift/snapshot.h"

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
    struct otc_buf text = {.limit = DRIFT_SNAPSHOT_BYTES_MAX};
    struct otc_reference *reference = NULL;
    char key[64];

    (void)snprintf(key, sizeof(key), DRIFT_REFERENCE_PREFIX "%.*s", OTC_SLICE_ARG(hash));
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

    if (restore->snapshot.failed || !drift_keeper_open_snapshot(&restore->snapshot, &in)) {
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
    if (entry.kind == DRIFT_ENTRY_TOLD) {
        otc_events_forget(drift->events);
    } else if (entry.kind != DRIFT_ENTRY_TICK) {
        pthread_mutex_lock(&drift->lock);
        done = drift_replay_batch(drift, &entry, &in);
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

/* The former process's monotonic clock becomes this one's: what the wall clock says passed in between. What
 * would have expired meanwhile does so now, before the first record comes. */
static void
join_clocks(const struct restore *restore)
{
    struct drift *drift = restore->keeper->drift;
    int64_t passed = drift->host->now_ns(drift->host) - restore->now_ns;
    int64_t now = drift->host->monotonic_ns(drift->host);

    pthread_mutex_lock(&drift->lock);
    drift_shift_monotonic(drift, now - (restore->monotonic_ns + (passed > 0 ? passed : 0)));
    drift_expire(drift, now);
    pthread_mutex_unlock(&drift->lock);
}

static void
log_restored(const struct restore *restore, const struct otc_storage_replayed *replayed)
{
    const struct drift_keeper *keeper = restore->keeper;

    drift_keeper_count(keeper, keeper->replayed, (int64_t)restore->batches);
    otc_log(drift_keeper_logger(keeper), OTC_LOG_INFO, keeper->drift->id, "State restored",
            OTC_FIELD_NUMBER("models", otc_models_count(keeper->drift->models)),
            OTC_FIELD_NUMBER("batches", restore->batches));
    if (!replayed->complete) {
        drift_keeper_count(keeper, keeper->incomplete, 1);
        otc_log(
            drift_keeper_logger(keeper), OTC_LOG_WARN, keeper->drift->id,
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
    otc_events_hold(keeper->drift->events, true);
    status =
        keeper->storage->replay(keeper->storage, restore->generation, replay_entry, restore, &replayed, err);
    otc_emitter_mute(keeper->drift->emitter, false);
    otc_events_hold(keeper->drift->events, false); /* what is left goes with the next ones */
    if (status != OTC_OK) {
        replayed.complete = false;
        (void)snprintf(replayed.why, sizeof(replayed.why), "%.150s", err->text);
    }
    join_clocks(restore);
    otc_emitter_not_before(keeper->drift->emitter, keeper->emitted_ns);
    if (!replayed.complete) {
        keeper->drift->since_ns = INT64_MAX;
    }
    log_restored(restore, &replayed);
    return OTC_OK;
}

static void
discard(const struct drift_keeper *keeper, const char *why)
{
    drift_keeper_count(keeper, keeper->discarded, 1);
    otc_log(drift_keeper_logger(keeper), OTC_LOG_WARN, keeper->drift->id,
            "The stored state is not used; windows and learned references begin anew",
            OTC_FIELD_TEXT("reason", why));
}

otc_status
drift_keeper_restore(struct drift_keeper *keeper, struct otc_error *err)
{
    struct restore restore = {.keeper = keeper, .snapshot = {.limit = DRIFT_SNAPSHOT_BYTES_MAX}};
    struct otc_error why = OTC_ERROR_INIT;
    char reason[256] = "";
    otc_status status = keeper->storage->get(keeper->storage, otc_slice_str(DRIFT_SNAPSHOT_KEY), copy,
                                             &restore.snapshot, &why);
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
