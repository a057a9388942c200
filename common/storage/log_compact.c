// SPDX-License-Identifier: Apache-2.0
/* One record that stays long would keep all of its segment: what little is needed of such a one is written
 * anew. */
#include "common/storage/log_internal.h"

#include <stdlib.h>
#include <unistd.h>

/* A log with fewer segments is left alone, and so is a segment of which more than this share is needed;
 * unless the files grow beyond the log's limit by this share of it. */
#define SEGMENTS_MIN 4
#define SHARE 8
/* Bytes that are read into memory at a time, but for one record. */
#define PIECE ((uint64_t)16 << 20)

/* Bytes of a segment's records that are not needed. */
static int64_t
dead_bytes(const struct otc__segment *segment)
{
    return segment->used - OTC__LOG_RECORDS - segment->live_bytes;
}

struct otc__segment *
otc__log_crowding(const struct otc_log *log)
{
    struct otc__segment *most = NULL;
    int64_t dead = 0;

    for (struct otc__segment *segment = log->segments; segment; segment = segment->next) {
        if (segment != log->active) {
            dead += dead_bytes(segment);
        }
        if (segment != log->active && !segment->damaged && segment->live > 0 && dead_bytes(segment) > 0 &&
            (!most || dead_bytes(segment) > dead_bytes(most))) {
            most = segment;
        }
    }
    dead += log->live_bytes + otc__log_waiting(log) - log->max_bytes;
    return dead > log->max_bytes / SHARE ? most : NULL;
}

struct otc__segment *
otc__log_sparse(const struct otc_log *log)
{
    struct otc__segment *sparse = NULL, *suspect = NULL;
    size_t n = 0;

    for (struct otc__segment *segment = log->segments; segment; segment = segment->next) {
        n++;
        if (segment == log->active || segment->damaged || segment->live == 0) {
            continue;
        }
        if (segment->suspect) {
            suspect = !suspect || segment->tried < suspect->tried ? segment : suspect;
        } else if (segment->live_bytes < (segment->used - OTC__LOG_RECORDS) / SHARE) {
            sparse = !sparse || segment->tried < sparse->tried ? segment : sparse;
        }
    }
    if (n < SEGMENTS_MIN || !sparse) {
        return suspect ? suspect : otc__log_crowding(log);
    }
    return suspect && suspect->tried <= sparse->tried ? suspect : sparse;
}

/* A copy of one record, to be put at the end. */
struct copy {
    struct otc_log_record from; /* as it was */
    struct otc_buf content;
    struct otc__log_put *put;
};

/* False out of memory; a record that cannot be read gets no copy. */
static bool
read_copy(const struct otc__segment *segment, struct copy *copy)
{
    otc_status status;

    copy->content.limit = OTC_LOG_RECORD_MAX;
    status = otc__record_read(segment, &copy->from, &copy->content, NULL);
    if (status != OTC_OK) {
        return status == OTC_DATA_LOSS;
    }
    copy->put = calloc(1, sizeof(*copy->put) + sizeof(struct otc_slice));
    if (!copy->put || !(copy->put->record = calloc(1, sizeof(*copy->put->record)))) {
        return false;
    }
    copy->put->record->number = copy->from.number;
    copy->put->record->len = copy->from.len;
    copy->put->n = 1;
    copy->put->slices[0] = otc_buf_slice(&copy->content);
    return true;
}

static void
free_copies(struct copy *copies, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (copies[i].put) {
            free(copies[i].put->record);
        }
        free(copies[i].put);
        otc_buf_release(&copies[i].content);
    }
    free(copies);
}

/* The record lies where its copy does from now on; one that was removed meanwhile (NULL) takes its copy
 * along. Under the lock. */
static void
adopt(struct otc_log *log, struct otc_log_record *record, struct copy *copy)
{
    struct otc_log_record *there = copy->put->record;

    if (!record) {
        otc__log_remove_locked(log, there);
    } else {
        otc__segment_remove(log, record);
        otc__segment_remove(log, there);
        record->segment = there->segment;
        record->offset = there->offset;
        record->index = there->index;
        otc__segment_add(log, record);
        if (record->noted) {
            otc__log_write_mark(record);
        }
        free(there);
    }
    copy->put->record = NULL;
}

/* False: some were refused for want of room, and stay where they are. Under the lock. */
static bool
adopt_all(struct otc_log *log, struct otc__segment *segment, struct copy *copies, size_t n)
{
    struct otc_log_record *at = segment->first;
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        /* The copies are in the order of the list, of which some were taken out meanwhile. */
        struct otc_log_record *record = at && at->index == copies[i].from.index ? at : NULL;

        at = record ? record->next : at;
        if (copies[i].put && copies[i].put->refused) {
            all = false;
        } else if (copies[i].put) {
            adopt(log, record, &copies[i]);
        }
    }
    return all;
}

void
otc__log_compact(struct otc_log *log, struct otc__segment *segment)
{
    size_t n = 0, live = segment->live;
    uint64_t bytes = 0;
    struct copy *copies = calloc(live, sizeof(*copies));
    struct otc__log_put *puts = NULL, **end = &puts;
    bool ok = copies != NULL, all = true;

    for (const struct otc_log_record *record = segment->first; ok && record && bytes < PIECE;
         record = record->next) {
        copies[n++].from = *record;
        bytes += record->len;
    }
    segment->readers++;
    pthread_mutex_unlock(&log->writer->lock);
    for (size_t i = 0; i < n && ok; i++) {
        ok = read_copy(segment, &copies[i]);
        all = all && copies[i].put;
        if (ok && copies[i].put) {
            *end = copies[i].put;
            end = &copies[i].put->next;
        }
    }
    if (ok && puts) {
        ok = otc__log_write_puts(log, puts, true) == 0;
    } else {
        pthread_mutex_lock(&log->writer->lock);
    }
    ok = adopt_all(log, segment, copies, ok ? n : 0) && ok;
    segment->readers--;
    if (!ok) {
        segment->tried = otc_clock_monotonic_ns();
        log->compact_at = segment->tried + log->compact_retry_ns;
    } else if (!all) {
        segment->damaged = true; /* what cannot be read stays as it is */
    }
    if (segment->live == 0) {
        otc__segment_retire(log, segment);
    }
    free_copies(copies, n);
}
