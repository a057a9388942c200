// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/keeper_internal.h"

#define SNAPSHOT_INTERVAL_NS (10 * OTC_SECOND)
/* A snapshot may take this share of the time at most: the larger it is, the rarer. */
#define SNAPSHOT_SHARE 20
/* One batch in the journal. */
#define BATCH_BYTES_MAX ((size_t)64 << 20)
/* Room before the records, for what stands in front of them. */
#define HEAD_ROOM 64u

static const struct otc_instrument instruments[] = {
    {"aimon_state_snapshots", "{snapshot}", "Snapshots that were stored.", OTC_COUNTER},
    {"aimon_state_snapshots_failed", "{snapshot}", "Snapshots that could not be stored.", OTC_COUNTER},
    {"aimon_state_snapshot_size", "By", "Bytes of the last snapshot.", OTC_GAUGE},
    {"aimon_state_replayed_batches", "{batch}", "Batches that the start took from the journal.", OTC_COUNTER},
    {"aimon_state_incomplete_starts", "{start}", "Starts whose journal lacked its end.", OTC_COUNTER},
    {"aimon_state_discarded", "{state}", "Stored states that were of no use.", OTC_COUNTER}};

void
drift_keeper_count(const struct drift_keeper *keeper, struct otc_series *series, int64_t delta)
{
    const struct otc_count change = {series, delta};

    if (keeper->drift->host->meter && series) {
        otc_meter_add(keeper->drift->host->meter, &change, 1);
    }
}

/* ---- The journal ---------------------------------------------------------------------------------- */

/* Room before the records of a batch; false: nobody keeps them. */
static bool
begin_batch(struct drift_keeper *keeper)
{
    static const uint8_t room[HEAD_ROOM] = {0};

    if (!keeper || keeper->stopped) {
        return false;
    }
    if (keeper->batch.len == 0) {
        (void)otc_buf_append(&keeper->batch, room, sizeof(room));
    }
    return true;
}

void
drift_journal_record(struct drift_keeper *keeper, const struct drift_record *record,
                     const struct otc_observed *observed)
{
    if (begin_batch(keeper)) {
        drift_record_write(&keeper->batch, record, observed, keeper->drift->set);
    }
}

void
drift_journal_point(struct drift_keeper *keeper, const struct drift_point *point)
{
    if (begin_batch(keeper)) {
        keeper->points = true;
        drift_point_write(&keeper->batch, point);
    }
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

void
drift_keeper_tell_recovery(struct drift_keeper *keeper)
{
    if (keeper->told && !keeper->gap && !keeper->failing) {
        keeper->told = false;
        otc_log(drift_keeper_logger(keeper), OTC_LOG_INFO, keeper->drift->id, "State is kept again");
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
        drift_keeper_tell_recovery(keeper);
    }
    if (first) {
        keeper->told = true;
        otc_log(drift_keeper_logger(keeper), OTC_LOG_ERROR, keeper->drift->id,
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
    struct drift_entry entry = {DRIFT_ENTRY_BATCH, now_ns, monotonic_ns, (int64_t)malformed};
    uint8_t bytes[HEAD_ROOM];
    struct otc_buf head = {.data = bytes, .capacity = sizeof(bytes), .limit = sizeof(bytes)};

    if (!keeper || keeper->stopped || (keeper->batch.len == 0 && !keeper->batch.failed && malformed == 0)) {
        return;
    }
    if (keeper->points) {
        entry.kind = DRIFT_ENTRY_POINTS;
        keeper->points = false;
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

/* An entry that is its head alone. */
static void
append_head(struct drift_keeper *keeper, const struct drift_entry *entry)
{
    uint8_t bytes[HEAD_ROOM];
    struct otc_buf head = {.data = bytes, .capacity = sizeof(bytes), .limit = sizeof(bytes)};

    drift_entry_write(&head, entry);
    append(keeper, otc_buf_slice(&head));
}

void
drift_journal_tick(struct drift_keeper *keeper, int64_t now_ns, int64_t monotonic_ns, int64_t emitted_ns)
{
    const struct drift_entry entry = {DRIFT_ENTRY_TICK, now_ns, monotonic_ns, emitted_ns};

    if (keeper && !keeper->stopped) {
        keeper->emitted_ns = emitted_ns;
        append_head(keeper, &entry);
    }
}

void
drift_journal_told(struct drift_keeper *keeper, int64_t now_ns, int64_t monotonic_ns)
{
    const struct drift_entry entry = {DRIFT_ENTRY_TOLD, now_ns, monotonic_ns, 0};

    if (keeper && !keeper->stopped) {
        append_head(keeper, &entry);
    }
}

/* ---- Life ----------------------------------------------------------------------------------------- */

static void
on_timer(void *arg)
{
    struct drift_keeper *keeper = arg;
    struct otc_host *host = keeper->drift->host;
    int64_t began = host->monotonic_ns(host), took;

    if (keeper->stopped) {
        return;
    }
    if (!drift_keeper_snapshot(keeper)) {
        host->timer_arm(host, keeper->timer, OTC_MILLISECOND);
        return;
    }
    took = (host->monotonic_ns(host) - began) * SNAPSHOT_SHARE;
    host->timer_arm(host, keeper->timer, took > SNAPSHOT_INTERVAL_NS ? took : SNAPSHOT_INTERVAL_NS);
}

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
    /* Each model's, and former ones of a file that changes time and again while windows are open. */
    keeper->stored = otc_map_new((size_t)drift->config->limits.models + OTC_WINDOW_PANES_MAX);
    keeper->timer = drift->host->timer_new(drift->host, on_timer, keeper);
    if (!keeper->stored || !keeper->timer) {
        drift_keeper_free(keeper);
        return NULL;
    }
    make_series(keeper);
    return keeper;
}

static otc_status
take_over(struct drift *drift, struct otc_error *err)
{
    struct otc_storage *storage = otc_handover(drift->host, drift->kind, drift->id);
    struct drift_keeper *keeper = storage ? make_keeper(drift) : NULL;
    otc_status status = OTC_OK;

    if (!storage) {
        return OTC_OK;
    }
    if (!keeper) {
        storage->close(storage);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", drift->id);
    }
    keeper->storage = storage;
    status = drift_keeper_restore(keeper, err);
    drift_keeper_free(keeper);
    return status;
}

void
drift_keeper_leave(struct drift *drift)
{
    struct otc_storage *storage = drift->keeper ? NULL : otc_handover(drift->host, drift->kind, drift->id);
    struct drift_keeper *keeper = storage ? make_keeper(drift) : NULL;

    if (keeper) {
        keeper->storage = storage;
        if (!drift_keeper_snapshot(keeper)) {
            otc_log(drift_keeper_logger(keeper), OTC_LOG_WARN, drift->id,
                    "State is not taken over: a reference was being made");
        }
        drift_keeper_free(keeper);
    } else if (storage) {
        storage->close(storage);
    }
}

otc_status
drift_keeper_start(struct drift *drift, struct otc_error *err)
{
    struct drift_keeper *keeper;
    int64_t bytes;
    otc_status status;

    if (!drift_is_durable(drift->config)) {
        return take_over(drift, err);
    }
    keeper = make_keeper(drift);
    if (!keeper) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", drift->id);
    }
    status =
        otc_storage_open(drift->host, drift->config->storage, drift->kind, drift->id, &keeper->storage, err);
    if (status == OTC_OK) {
        keeper->storage->usage(keeper->storage, &bytes, &keeper->journal_limit);
        status = drift_keeper_restore(keeper, err);
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
    if (drift_keeper_snapshot(keeper) && !keeper->failing &&
        keeper->storage->seal(keeper->storage, &err) != OTC_OK) {
        otc_log(drift_keeper_logger(keeper), OTC_LOG_WARN, keeper->drift->id,
                "The journal's end is not on the disk", OTC_FIELD_TEXT("error", err.text));
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
