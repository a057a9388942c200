// SPDX-License-Identifier: Apache-2.0
/* A log's life, what enters and leaves it, and the thread that writes. */
#include "common/storage/log_internal.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A commit begins with so much, or when the oldest has waited so long. */
#define COMMIT_RECORDS 64
#define COMMIT_BYTES ((size_t)1 << 20)
#define COMMIT_NS (2 * OTC_MILLISECOND)
/* A compaction that failed is tried again after so long. */
#define COMPACT_RETRY_NS (10 * OTC_SECOND)

/* ---- Entering and leaving -------------------------------------------------------------------------- */

int64_t
otc__log_waiting(const struct otc_log *log)
{
    return (int64_t)log->waiting_bytes + (int64_t)log->n_waiting * otc__log_aligned(7);
}

static otc_status
full(const struct otc_log *log, size_t len, struct otc_error *err)
{
    if (otc__log_aligned(len) > log->max_bytes) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%zu bytes are more than the queue on disk takes (%lld)",
                        len, (long long)log->max_bytes);
    }
    if (log->n_waiting >= OTC_LOG_WAITING_MAX || log->waiting_bytes + len > OTC_LOG_WAITING_BYTES) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED,
                        "the disk is slower than the data: %zu bytes wait for it", log->waiting_bytes);
    }
    if (log->live_bytes + otc__log_waiting(log) + otc__log_aligned(len) > log->max_bytes) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the queue on disk is full (%lld bytes)",
                        (long long)log->max_bytes);
    }
    return OTC_OK;
}

static struct otc__log_put *
new_put(const struct otc_slice *slices, size_t n, otc_log_done_fn done, void *arg)
{
    struct otc__log_put *put = calloc(1, sizeof(*put) + n * sizeof(*slices));

    if (!put || !(put->record = calloc(1, sizeof(*put->record)))) {
        free(put);
        return NULL;
    }
    put->done = done;
    put->arg = arg;
    put->arrived = otc_clock_monotonic_ns();
    put->n = n;
    for (size_t i = 0; i < n; i++) {
        put->slices[i] = slices[i];
        put->record->len += slices[i].len;
    }
    return put;
}

static void
append_put(struct otc_log *log, struct otc__log_put *put)
{
    put->record->number = log->next_number++;
    *(log->last ? &log->last->next : &log->first) = put;
    log->last = put;
    log->n_waiting++;
    log->waiting_bytes += put->record->len;
    if (log->n_waiting == 1 || log->n_waiting == COMMIT_RECORDS || log->waiting_bytes >= COMMIT_BYTES) {
        pthread_cond_signal(&log->writer->work);
    }
}

otc_status
otc_log_put(struct otc_log *log, const struct otc_slice *slices, size_t n, otc_log_done_fn done, void *arg,
            struct otc_error *err)
{
    struct otc__log_put *put = n <= OTC_LOG_SLICES_MAX ? new_put(slices, n, done, arg) : NULL;
    otc_status status;

    if (!put && n > OTC_LOG_SLICES_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "a record has at most %d slices", OTC_LOG_SLICES_MAX);
    }
    if (!put) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    if (put->record->len > OTC_LOG_RECORD_MAX) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "a record has at most %zu bytes", OTC_LOG_RECORD_MAX);
    } else {
        pthread_mutex_lock(&log->writer->lock);
        status = full(log, put->record->len, err);
        if (status == OTC_OK) {
            append_put(log, put);
        }
        pthread_mutex_unlock(&log->writer->lock);
    }
    if (status != OTC_OK) {
        free(put->record);
        free(put);
        return status;
    }
    return OTC_PENDING; /* NOLINT(clang-analyzer-unix.Malloc): it is on the list of those that wait */
}

otc_status
otc__record_read(const struct otc__segment *segment, const struct otc_log_record *record, struct otc_buf *out,
                 struct otc_error *err)
{
    struct otc__log_header header;
    size_t at = out->len, got = 0;
    ssize_t n;

    if (!otc_buf_reserve(out, record->len)) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    n = pread(segment->fd, &header, sizeof(header), record->offset);
    while (n > 0 && got < record->len) {
        n = pread(segment->fd, out->data + at + got, record->len - got,
                  record->offset + (off_t)sizeof(header) + (off_t)got);
        got += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        return otc_fail(err, OTC_DATA_LOSS, "a record of the queue on disk cannot be read: %s",
                        strerror(errno));
    }
    if (got < record->len || !otc__log_header_is_sound(&header, segment->number, record->offset) ||
        header.number != record->number || header.len != record->len ||
        otc_hash64(otc_slice_of(out->data + at, got), segment->number) != header.content_check) {
        return otc_fail(err, OTC_DATA_LOSS, "a record of the queue on disk is damaged");
    }
    out->len += got;
    return OTC_OK;
}

otc_status
otc_log_read(struct otc_log *log, const struct otc_log_record *record, struct otc_buf *out,
             struct otc_error *err)
{
    struct otc_log_record at;
    otc_status status;

    /* It may move meanwhile, but what is read here stays. */
    pthread_mutex_lock(&log->writer->lock);
    at = *record;
    at.segment->readers++;
    pthread_mutex_unlock(&log->writer->lock);
    status = otc__record_read(at.segment, &at, out, err);
    pthread_mutex_lock(&log->writer->lock);
    if (--at.segment->readers == 0 && log->dead) {
        pthread_cond_signal(&log->writer->work);
    }
    pthread_mutex_unlock(&log->writer->lock);
    return status;
}

void
otc__segment_add(struct otc_log *log, struct otc_log_record *record)
{
    struct otc__segment *segment = record->segment;

    record->previous = NULL;
    record->next = segment->first;
    if (record->next) {
        record->next->previous = record;
    }
    segment->first = record;
    segment->live++;
    segment->live_bytes += otc__log_aligned(record->len);
    log->live_bytes += otc__log_aligned(record->len);
}

void
otc__segment_remove(struct otc_log *log, struct otc_log_record *record)
{
    struct otc__segment *segment = record->segment;

    *(record->previous ? &record->previous->next : &segment->first) = record->next;
    if (record->next) {
        record->next->previous = record->previous;
    }
    segment->live--;
    segment->live_bytes -= otc__log_aligned(record->len);
    log->live_bytes -= otc__log_aligned(record->len);
}

void
otc__segment_retire(struct otc_log *log, struct otc__segment *segment)
{
    struct otc__segment **at = &log->segments;

    while (*at && *at != segment) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = segment->next;
        log->bytes -= segment->used;
        segment->next = log->dead;
        log->dead = segment;
        pthread_cond_signal(&log->writer->work);
    }
}

void
otc__log_remove_locked(struct otc_log *log, struct otc_log_record *record)
{
    struct otc__segment *segment = record->segment;

    otc__log_write_note(segment, record->index,
                        otc__log_note(segment->number, record->index, OTC__LOG_REMOVED));
    otc__segment_remove(log, record);
    if (segment->live == 0 && segment != log->active) {
        otc__segment_retire(log, segment);
    }
    free(record);
}

void
otc_log_remove(struct otc_log *log, struct otc_log_record *record)
{
    pthread_mutex_lock(&log->writer->lock);
    otc__log_remove_locked(log, record);
    pthread_mutex_unlock(&log->writer->lock);
}

void
otc_log_forget(struct otc_log *log, struct otc_log_record *record)
{
    if (log && record) {
        pthread_mutex_lock(&log->writer->lock);
        otc__segment_remove(log, record);
        /* It still is there: the segment stays, as it is. */
        record->segment->live++;
        record->segment->live_bytes += otc__log_aligned(record->len);
        log->live_bytes += otc__log_aligned(record->len);
        record->segment->damaged = true;
        pthread_mutex_unlock(&log->writer->lock);
    }
    free(record);
}

void
otc_log_mark(struct otc_log *log, struct otc_log_record *record, bool begins)
{
    pthread_mutex_lock(&log->writer->lock);
    record->crashes = begins ? record->crashes : 0;
    record->noted = 0;
    if (begins) {
        record->noted =
            record->crashes < OTC_LOG_CRASHES_MAX ? (uint8_t)(record->crashes + 1) : OTC_LOG_CRASHES_MAX;
    }
    otc__log_write_mark(record);
    pthread_mutex_unlock(&log->writer->lock);
}

uint64_t
otc_log_record_number(const struct otc_log_record *record)
{
    return record->number;
}

uint64_t
otc_log_record_len(const struct otc_log_record *record)
{
    return record->len;
}

unsigned
otc_log_crashes(const struct otc_log_record *record)
{
    return record->crashes;
}

int64_t
otc_log_bytes(struct otc_log *log)
{
    int64_t bytes;

    pthread_mutex_lock(&log->writer->lock);
    bytes = log->bytes;
    pthread_mutex_unlock(&log->writer->lock);
    return bytes;
}

uint64_t
otc_log_failures(struct otc_log *log)
{
    uint64_t failures;

    pthread_mutex_lock(&log->writer->lock);
    failures = log->failures;
    pthread_mutex_unlock(&log->writer->lock);
    return failures;
}

/* ---- The thread ------------------------------------------------------------------------------------ */

/* Whether there is a segment to be dropped that nobody reads. */
static bool
has_dead(const struct otc_log *log)
{
    for (const struct otc__segment *segment = log->dead; segment; segment = segment->next) {
        if (segment->readers == 0) {
            return true;
        }
    }
    return false;
}

/* When the log's next commit is due; 0: now, INT64_MAX: never. */
static int64_t
commit_due(const struct otc_log *log)
{
    int64_t due = log->dirty_since ? log->dirty_since + log->sync_interval_ns : INT64_MAX;

    if (has_dead(log) || log->first_aside || log->n_waiting >= COMMIT_RECORDS ||
        log->waiting_bytes >= COMMIT_BYTES || (log->first && log->sync != OTC_LOG_SYNC_GROUP)) {
        return 0;
    }
    if (log->compact_at < due && otc__log_sparse(log)) {
        due = log->compact_at;
    }
    if (log->first && log->first->arrived + COMMIT_NS < due) {
        due = log->first->arrived + COMMIT_NS;
    }
    return due;
}

/* The log whose commit is due first; `*due` is when. */
static struct otc_log *
next_log(const struct otc_log_writer *writer, int64_t *due)
{
    struct otc_log *next = NULL;

    *due = INT64_MAX;
    for (struct otc_log *log = writer->logs; log; log = log->next) {
        int64_t at = commit_due(log);

        if (at < *due) {
            *due = at;
            next = log;
        }
    }
    return next;
}

static void *
write_logs(void *arg)
{
    struct otc_log_writer *writer = arg;

    pthread_mutex_lock(&writer->lock);
    for (;;) {
        int64_t due;
        struct otc_log *log = next_log(writer, &due);

        if (!log && writer->stop) {
            break;
        }
        if (!log) {
            pthread_cond_wait(&writer->work, &writer->lock);
        } else if (due > otc_clock_monotonic_ns()) {
            const struct timespec until = {due / OTC_SECOND, due % OTC_SECOND};

            (void)pthread_cond_clockwait(&writer->work, &writer->lock, CLOCK_MONOTONIC, &until);
        } else {
            log->busy = true;
            otc__log_commit(log);
            log->busy = false;
            pthread_cond_broadcast(&writer->idle);
        }
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

otc_status
otc_log_writer_new(struct otc_log_writer **out, struct otc_error *err)
{
    struct otc_log_writer *writer = calloc(1, sizeof(*writer));
    sigset_t all, before;
    int failed;

    if (!writer) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->work, NULL);
    pthread_cond_init(&writer->idle, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&writer->thread, NULL, write_logs, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        writer->stop = true;
        pthread_cond_destroy(&writer->work);
        pthread_cond_destroy(&writer->idle);
        pthread_mutex_destroy(&writer->lock);
        free(writer);
        return otc_fail(err, OTC_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
    }
    *out = writer;
    return OTC_OK;
}

void
otc_log_writer_free(struct otc_log_writer *writer)
{
    if (!writer) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->work);
    pthread_cond_destroy(&writer->idle);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

/* ---- Life ------------------------------------------------------------------------------------------ */

static void
end_segment(const struct otc_log *log, const struct otc__segment *segment)
{
    if (segment == log->active) {
        otc__segment_seal(log, segment, segment->used, segment->records);
    }
    /* What was removed should stay so after a power cut too; the room that is left goes back. */
    if (!segment->evidence) {
        (void)!ftruncate(segment->fd, segment->used);
    }
    if (log->sync != OTC_LOG_SYNC_NONE) {
        (void)fdatasync(segment->fd);
    }
}

/* Gives back what is not part of the list any more: records are their users' to remove. */
static void
free_segments(struct otc_log *log, struct otc__segment *first)
{
    struct otc__segment *next;

    for (struct otc__segment *segment = first; segment; segment = next) {
        next = segment->next;
        if (log->opened && segment->live == 0) {
            otc__segment_drop(log, segment);
            continue;
        }
        if (log->opened) {
            end_segment(log, segment);
        }
        if (segment->fd >= 0) {
            close(segment->fd);
        }
        free(segment);
    }
}

static void
free_log(struct otc_log *log)
{
    free_segments(log, log->dead);
    free_segments(log, log->segments);
    if (log->directory_fd >= 0) {
        close(log->directory_fd);
    }
    free(log);
}

otc_status
otc_log_open(struct otc_log_writer *writer, const struct otc_log_options *options,
             struct otc_log_found *found, struct otc_log **out, struct otc_error *err)
{
    struct otc_log *log = calloc(1, sizeof(*log));
    otc_status status = OTC_OK;

    if (!log) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    *found = (struct otc_log_found){0};
    log->writer = writer;
    log->io = options->io ? *options->io : otc__log_system;
    log->segment_bytes = options->segment_bytes;
    log->max_bytes = options->max_bytes;
    log->min_free_bytes = options->min_free_bytes;
    log->sync = options->sync;
    log->sync_interval_ns = options->sync_interval_ns;
    log->opened_ns = options->now_ns;
    log->compact_retry_ns = COMPACT_RETRY_NS;
    log->next_number = 1;
    log->next_segment = 1;
    log->directory_fd = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->directory_fd < 0) {
        status = otc_fail(err, OTC_FAILED_PRECONDITION, "%s: %s", options->directory, strerror(errno));
    } else if ((size_t)snprintf(log->directory, sizeof(log->directory), "%s", options->directory) >=
                   sizeof(log->directory) ||
               (size_t)snprintf(log->base, sizeof(log->base), "%s", options->base) >= sizeof(log->base)) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the path is too long", options->directory);
    }
    if (status == OTC_OK) {
        status = otc__log_recover(log, options, found, err);
    }
    if (status != OTC_OK) {
        free_log(log);
        return status;
    }
    pthread_mutex_lock(&writer->lock);
    log->opened = true;
    log->next = writer->logs;
    writer->logs = log;
    pthread_cond_signal(&writer->work); /* there may be segments that nobody needs */
    pthread_mutex_unlock(&writer->lock);
    *out = log;
    return OTC_OK;
}

void
otc_log_close(struct otc_log *log)
{
    struct otc_log **at;

    if (!log) {
        return;
    }
    pthread_mutex_lock(&log->writer->lock);
    while (log->first || log->first_aside || log->busy || log->dead) {
        pthread_cond_signal(&log->writer->work);
        pthread_cond_wait(&log->writer->idle, &log->writer->lock);
    }
    for (at = &log->writer->logs; *at != log; at = &(*at)->next) {
    }
    *at = log->next;
    pthread_mutex_unlock(&log->writer->lock);
    free_log(log);
}
