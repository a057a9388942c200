// SPDX-License-Identifier: Apache-2.0
/* One record that stays long would keep all of its segment: what little is needed of such a one is written
 * anew. */
#include "common/storage/log_internal.h"

#include <stdlib.h>
#include <unistd.h>

/* A log with fewer segments is left alone, and so is a segment of which more than this share is needed. */
#define SEGMENTS_MIN 4
#define SHARE 8

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
        return suspect;
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

static struct otc_log_record *
find(const struct otc__segment *segment, uint32_t index)
{
    struct otc_log_record *record = segment->first;

    while (record && record->index != index) {
        record = record->next;
    }
    return record;
}

/* The record lies where its copy does from now on; one that was removed meanwhile takes its copy along. Under
 * the lock. */
static void
adopt(struct otc_log *log, struct otc__segment *segment, struct copy *copy)
{
    struct otc_log_record *record = find(segment, copy->from.index), *there = copy->put->record;

    if (!record) {
        otc__log_remove_locked(log, there);
    } else {
        otc__segment_remove(record);
        otc__segment_remove(there);
        record->segment = there->segment;
        record->offset = there->offset;
        record->index = there->index;
        otc__segment_add(record);
        free(there);
    }
    copy->put->record = NULL;
}

/* False: some were refused for want of room, and stay where they are. Under the lock. */
static bool
adopt_all(struct otc_log *log, struct otc__segment *segment, struct copy *copies, size_t n)
{
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        if (copies[i].put && copies[i].put->refused) {
            all = false;
        } else if (copies[i].put) {
            adopt(log, segment, &copies[i]);
        }
    }
    return all;
}

void
otc__log_compact(struct otc_log *log, struct otc__segment *segment)
{
    size_t n = 0, live = segment->live;
    struct copy *copies = calloc(live, sizeof(*copies));
    struct otc__log_put *puts = NULL, **end = &puts;
    bool ok = copies != NULL;

    for (const struct otc_log_record *record = segment->first; ok && record; record = record->next) {
        copies[n++].from = *record;
    }
    segment->readers++;
    pthread_mutex_unlock(&log->writer->lock);
    for (size_t i = 0; i < n && ok; i++) {
        ok = read_copy(segment, &copies[i]);
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
    } else if (segment->live > 0) {
        segment->damaged = true; /* what cannot be read stays as it is */
    }
    if (segment->live == 0) {
        otc__segment_retire(log, segment);
    }
    free_copies(copies, n);
}
