// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_json_file/positions.h"

#include "common/base/clock.h"
#include "common/base/codec.h"
#include "common/component/storage.h"

#include <stdlib.h>

#define KEY "positions"
/* One record. */
#define RECORD_BYTES_MAX ((size_t)64 << 20)
/* The journal is replaced by a snapshot when it has this many bytes. */
#define JOURNAL_BYTES ((int64_t)1 << 20)
/* After a failure. */
#define RETRY_NS (10 * OTC_SECOND)

struct positions {
    struct otc_host *host;
    const char *id;
    struct tail *tail;
    struct otc_storage *storage; /* NULL: over a reload alone */
    struct otc_buf record;
    int64_t journaled;
    int64_t next_ns; /* no snapshot before, after a failure */
    bool due;        /* a snapshot */
    bool failing;
};

/* ---- Keeping --------------------------------------------------------------------------------------- */

static void
tell(struct positions *positions, otc_status status, const struct otc_error *err)
{
    bool failing = status != OTC_OK;

    if (failing && !positions->failing) {
        otc_log(positions->host->logger, OTC_LOG_ERROR, positions->id,
                "Positions are not kept; a restart would not go on where reading stands",
                OTC_FIELD_TEXT("error", err->text));
    } else if (!failing && positions->failing) {
        otc_log(positions->host->logger, OTC_LOG_INFO, positions->id, "Positions are kept again");
    }
    positions->failing = failing;
}

/* All of them behind the journal's generation that goes on from there. */
static otc_status
write_snapshot(struct positions *positions, struct otc_storage *storage, struct otc_error *err)
{
    struct otc_storage_change change = {.key = otc_slice_str(KEY)};
    uint64_t generation;
    otc_status status = storage->roll(storage, &generation, err);

    if (status != OTC_OK) {
        return status;
    }
    otc_buf_clear(&positions->record);
    otc_put_u64(&positions->record, generation);
    if (!otlp_json_file_tail_write(positions->tail, true, &positions->record)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "no memory, or positions of more than %zu bytes",
                        RECORD_BYTES_MAX);
    }
    change.value = otc_buf_slice(&positions->record);
    status = storage->apply(storage, &change, 1, err);
    if (status == OTC_OK) {
        storage->drop(storage, generation);
    }
    return status;
}

static void
keep_snapshot(struct positions *positions, int64_t now_ns)
{
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = write_snapshot(positions, positions->storage, &err);

    positions->due = status != OTC_OK;
    positions->next_ns = now_ns + RETRY_NS;
    positions->journaled = 0;
    tell(positions, status, &err);
}

static void
append(struct positions *positions)
{
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status;

    otc_buf_clear(&positions->record);
    if (!otlp_json_file_tail_write(positions->tail, false, &positions->record)) {
        positions->due = true;
    } else if (positions->record.len > 0) {
        status = positions->storage->append(positions->storage, otc_buf_slice(&positions->record), &err);
        positions->journaled += (int64_t)positions->record.len;
        positions->due = status != OTC_OK || positions->journaled > JOURNAL_BYTES;
    }
}

void
otlp_json_file_positions_keep(struct positions *positions)
{
    int64_t now_ns;

    if (!positions || !positions->storage) {
        return;
    }
    now_ns = positions->host->monotonic_ns(positions->host);
    if (!positions->due) {
        append(positions);
    }
    if (positions->due && (!positions->failing || now_ns >= positions->next_ns)) {
        keep_snapshot(positions, now_ns);
    }
}

/* ---- Taking over ----------------------------------------------------------------------------------- */

static void
copy(void *arg, struct otc_slice value)
{
    (void)otc_buf_append_slice(arg, value);
}

static bool
take_record(void *arg, struct otc_slice record)
{
    return otlp_json_file_tail_read(arg, record);
}

/* The snapshot: without it files are as new as at the first start. */
static void
say_lost(const struct positions *positions, const char *why)
{
    otc_log(positions->host->logger, OTC_LOG_WARN, positions->id,
            "Stored positions are not used; files are read from where 'start_at' says, and lines may be read "
            "again or not at all",
            OTC_FIELD_TEXT("reason", why));
}

/* What the journal adds to the snapshot. */
static void
say_incomplete(const struct positions *positions, const char *why)
{
    otc_log(positions->host->logger, OTC_LOG_WARN, positions->id,
            "The last stored positions are not used; lines may be read again", OTC_FIELD_TEXT("reason", why));
}

static void
restore(struct positions *positions, struct otc_storage *storage)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_replayed replayed = {.complete = true};
    struct otc_reader reader;
    uint64_t generation;
    otc_status status = storage->get(storage, otc_slice_str(KEY), copy, &positions->record, &err);

    if (status == OTC_NOT_FOUND) {
        if (positions->storage) {
            otc_log(positions->host->logger, OTC_LOG_INFO, positions->id,
                    "No stored positions; files are read from where 'start_at' says");
        }
        return;
    }
    reader = otc_reader_of(otc_buf_slice(&positions->record));
    generation = otc_take_u64(&reader);
    if (status != OTC_OK || positions->record.failed || reader.failed ||
        !otlp_json_file_tail_read(positions->tail, reader.rest)) {
        say_lost(positions, status != OTC_OK ? err.text : "they are damaged, or of another release");
        return;
    }
    status = storage->replay(storage, generation, take_record, positions->tail, &replayed, &err);
    if (status != OTC_OK) {
        say_incomplete(positions, err.text);
    } else if (!replayed.complete) {
        say_incomplete(positions, replayed.why);
    }
    otc_log(positions->host->logger, OTC_LOG_INFO, positions->id,
            "Resuming from previously known offset(s). 'start_at' setting is not applicable.");
}

otc_status
otlp_json_file_positions_open(struct otc_host *host, const char *id, const char *storage, struct tail *tail,
                              struct positions **out, struct otc_error *err)
{
    struct positions *positions = calloc(1, sizeof(*positions));
    struct otc_storage *left;
    otc_status status = OTC_OK;

    if (!positions) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", id);
    }
    *positions = (struct positions){
        .host = host, .id = id, .tail = tail, .due = true, .record = {.limit = RECORD_BYTES_MAX}};
    if (storage && *storage) {
        status = otc_storage_open(host, storage, OTC_RECEIVER, id, &positions->storage, err);
    }
    if (status != OTC_OK) {
        otlp_json_file_positions_free(positions);
        return status;
    }
    left = positions->storage ? positions->storage : otc_handover(host, OTC_RECEIVER, id);
    if (left) {
        restore(positions, left);
    }
    if (left && !positions->storage) {
        left->close(left);
    }
    *out = positions;
    return OTC_OK;
}

/* ---- The end --------------------------------------------------------------------------------------- */

static void
leave_on_disk(struct positions *positions)
{
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = write_snapshot(positions, positions->storage, &err);

    if (status == OTC_OK) {
        status = positions->storage->seal(positions->storage, &err);
    }
    tell(positions, status, &err);
}

void
otlp_json_file_positions_close(struct positions *positions)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage *left;

    if (!positions) {
        return;
    }
    if (positions->storage) {
        leave_on_disk(positions);
    } else if ((left = otc_handover(positions->host, OTC_RECEIVER, positions->id)) != NULL) {
        tell(positions, write_snapshot(positions, left, &err), &err);
        left->close(left);
    }
    otlp_json_file_positions_free(positions);
}

void
otlp_json_file_positions_free(struct positions *positions)
{
    if (!positions) {
        return;
    }
    if (positions->storage) {
        positions->storage->close(positions->storage);
    }
    otc_buf_release(&positions->record);
    free(positions);
}
