// SPDX-License-Identifier: Apache-2.0
/* Segments, and what is written to them. */
#include "common/storage/log_internal.h"

#include "common/base/clock.h"
#include "common/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const uint8_t zeroes[8];

/* ---- The system ------------------------------------------------------------------------------------ */

static int
system_create(void *arg, const char *path, off_t size, int *fd)
{
    int failed;

    (void)arg;
    do {
        *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (*fd < 0 && errno == EINTR);
    if (*fd < 0) {
        return errno;
    }
    /* Where the file system cannot allocate, glibc writes zeroes. */
    do {
        failed = posix_fallocate(*fd, 0, size);
    } while (failed == EINTR);
    if (failed) {
        close(*fd);
        (void)unlink(path);
    }
    return failed;
}

static int
system_write(void *arg, int fd, struct iovec *parts, int n, off_t offset)
{
    (void)arg;
    while (n > 0) {
        ssize_t written = pwritev(fd, parts, n, offset);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return written < 0 ? errno : EIO;
        }
        offset += written;
        while (n > 0 && (size_t)written >= parts->iov_len) {
            written -= (ssize_t)parts->iov_len;
            parts++;
            n--;
        }
        if (n > 0) {
            parts->iov_base = (char *)parts->iov_base + written;
            parts->iov_len -= (size_t)written;
        }
    }
    return 0;
}

/* EINTR alone says that nothing was tried; after any other failure a second flush would lie. */
static int
system_sync(void *arg, int fd)
{
    int failed;

    (void)arg;
    do {
        failed = fdatasync(fd) == 0 ? 0 : errno;
    } while (failed == EINTR);
    return failed;
}

const struct otc_log_io otc__log_system = {system_create, system_write, system_sync, NULL};

/* ---- Segments -------------------------------------------------------------------------------------- */

void
otc__log_path(const struct otc_log *log, uint64_t segment, const char *suffix, char path[OTC__LOG_PATH])
{
    (void)snprintf(path, OTC__LOG_PATH, "%s/%s.%016llx.%s", log->directory, log->base,
                   (unsigned long long)segment, suffix);
}

void
otc__log_corrupt_path(const struct otc_log *log, uint64_t segment, char path[OTC__LOG_PATH])
{
    char suffix[64];

    (void)snprintf(suffix, sizeof(suffix), "corrupt-%lld", (long long)(log->opened_ns / OTC_SECOND));
    otc__log_path(log, segment, suffix, path);
}

static struct otc_slice
checked_part(const struct otc__log_header *header)
{
    return otc_slice_of(header, offsetof(struct otc__log_header, header_check));
}

/* A header counts where it was written alone. */
static uint64_t
place_seed(uint64_t segment, int64_t offset)
{
    return segment * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)offset;
}

void
otc__log_seal_header(struct otc__log_header *header, uint64_t segment, int64_t offset)
{
    header->magic = OTC__LOG_MAGIC;
    header->header_check = otc_hash64(checked_part(header), place_seed(segment, offset));
}

bool
otc__log_header_is_sound(const struct otc__log_header *header, uint64_t segment, int64_t offset)
{
    return header->magic == OTC__LOG_MAGIC && header->index < OTC_LOG_SEGMENT_RECORDS &&
           header->len <= OTC_LOG_RECORD_MAX &&
           header->header_check == otc_hash64(checked_part(header), place_seed(segment, offset));
}

uint32_t
otc__log_note(uint64_t segment, uint32_t index, unsigned what)
{
    const uint32_t place[2] = {index, what};

    return (uint32_t)otc_hash64(otc_slice_of(place, sizeof(place)), segment) | 1;
}

void
otc__log_write_note(const struct otc__segment *segment, uint32_t index, uint32_t note)
{
    (void)!pwrite(segment->fd, &note, sizeof(note), OTC__LOG_PAGE + (off_t)index * OTC__LOG_NOTE);
}

void
otc__log_write_mark(const struct otc_log_record *record)
{
    const struct otc__segment *segment = record->segment;

    otc__log_write_note(segment, record->index,
                        record->noted ? otc__log_note(segment->number, record->index, record->noted) : 0);
}

static struct otc_slice
sealed_part(const struct otc__log_seal *seal)
{
    return otc_slice_of(seal, offsetof(struct otc__log_seal, check));
}

bool
otc__log_seal_is_sound(const struct otc__log_seal *seal, uint64_t segment)
{
    return seal->magic == OTC__LOG_MAGIC && seal->records <= OTC_LOG_SEGMENT_RECORDS &&
           seal->check == otc_hash64(sealed_part(seal), segment);
}

void
otc__segment_seal(const struct otc_log *log, const struct otc__segment *segment, int64_t used,
                  uint64_t records)
{
    struct otc__log_seal seal = {OTC__LOG_MAGIC, (uint64_t)used, records, 0};
    static const off_t places[] = {OTC__LOG_SEAL, OTC__LOG_SEAL_COPY};

    seal.check = otc_hash64(sealed_part(&seal), segment->number);
    for (size_t i = 0; i < 2; i++) {
        struct iovec part = {&seal, sizeof(seal)};

        (void)log->io.write(log->io.arg, segment->fd, &part, 1, places[i]);
    }
}

/* Whether a file of so many bytes may be allocated. What cannot be asked is left to the allocation. */
static bool
leaves_enough(const struct otc_log *log, int64_t bytes)
{
    struct statvfs disk;

    return log->min_free_bytes == 0 || fstatvfs(log->directory_fd, &disk) != 0 ||
           (int64_t)disk.f_bavail * (int64_t)disk.f_frsize - bytes >= log->min_free_bytes;
}

int
otc__log_sync_directory(const struct otc_log *log)
{
    int failed;

    do {
        failed = fsync(log->directory_fd) == 0 ? 0 : errno;
    } while (failed == EINTR);
    return failed;
}

int
otc__segment_make(struct otc_log *log, int64_t bytes, struct otc__segment **out)
{
    static const char text[] = "otelcol-aimon queue segment 1\n";
    struct otc__segment *segment = calloc(1, sizeof(*segment));
    struct iovec part = {(void *)(uintptr_t)text, sizeof(text) - 1};
    char path[OTC__LOG_PATH];
    int failed;

    if (!segment) {
        return ENOMEM;
    }
    if (!leaves_enough(log, OTC__LOG_RECORDS + (bytes > log->segment_bytes ? bytes : log->segment_bytes))) {
        free(segment);
        return OTC__LOG_MIN_FREE;
    }
    segment->number = log->next_segment;
    log->next_segment += log->next_segment < UINT64_MAX;
    segment->used = OTC__LOG_RECORDS;
    segment->size = OTC__LOG_RECORDS + (bytes > log->segment_bytes ? bytes : log->segment_bytes);
    otc__log_path(log, segment->number, "segment", path);
    failed = log->io.create(log->io.arg, path, (off_t)segment->size, &segment->fd);
    if (failed) {
        free(segment);
        return failed;
    }
    failed = log->io.write(log->io.arg, segment->fd, &part, 1, 0);
    if (!failed) {
        /* The file must be found after a power cut; those that were removed must not, as numbers may come
         * again. */
        failed = otc__log_sync_directory(log);
    }
    if (failed) {
        otc__segment_drop(log, segment);
        return failed;
    }
    *out = segment;
    return 0;
}

void
otc__segment_drop(struct otc_log *log, struct otc__segment *segment)
{
    char path[OTC__LOG_PATH], aside[OTC__LOG_PATH];

    otc__log_path(log, segment->number, "segment", path);
    if (segment->evidence) {
        otc__log_corrupt_path(log, segment->number, aside);
        (void)rename(path, aside);
    } else {
        (void)unlink(path);
    }
    close(segment->fd);
    free(segment);
}

/* ---- Commits --------------------------------------------------------------------------------------- */

/* What one commit writes to. Private to the writer's thread until it succeeded. */
struct commit {
    struct otc_log *log;
    struct otc__segment *made; /* newest first */
    struct otc__segment *at;
    int64_t used; /* of `at` */
    uint32_t records;
    bool sync;
    bool written; /* something was */
    /* A segment of so many bytes could not be made, and why (errno or OTC__LOG_MIN_FREE); 0: all could. */
    int64_t no_room_for;
    int no_room;
};

/* Whether the segment that is written to takes a record of so many bytes. */
static bool
has_room(const struct commit *commit, int64_t bytes)
{
    return commit->at && commit->records < OTC_LOG_SEGMENT_RECORDS &&
           commit->used + bytes <= commit->at->size;
}

static bool
is_full(int failed)
{
    return failed == OTC__LOG_MIN_FREE || failed == ENOSPC || failed == EDQUOT || failed == EFBIG;
}

/* Makes a segment with room for so many bytes. One for which there was no room is not tried again. */
static int
make_segment(struct commit *commit, int64_t bytes, struct otc__segment **made)
{
    int64_t size = bytes > commit->log->segment_bytes ? bytes : commit->log->segment_bytes;
    int failed;

    if (commit->no_room && size >= commit->no_room_for) {
        return commit->no_room;
    }
    failed = otc__segment_make(commit->log, bytes, made);
    if (is_full(failed)) {
        commit->no_room = failed;
        commit->no_room_for = size;
    }
    return failed;
}

/* Begins another segment; the former one is sealed, and flushed even where that is not waited for else: it
 * happens once in 16 MiB. `*full`: there is no room for another; all stays as it was. errno or 0. */
static int
next_segment(struct commit *commit, int64_t bytes, int *full)
{
    struct otc__segment *former = commit->at, *made;
    int failed = make_segment(commit, bytes, &made);

    *full = is_full(failed) ? failed : 0;
    if (failed) {
        return *full ? 0 : failed;
    }
    made->next = commit->made;
    commit->made = made;
    if (former) {
        otc__segment_seal(commit->log, former, commit->used, commit->records);
    }
    if (former && (commit->sync || commit->log->sync != OTC_LOG_SYNC_NONE)) {
        failed = commit->log->io.sync(commit->log->io.arg, former->fd);
    }
    if (former && !failed) {
        (void)!ftruncate(former->fd, commit->used); /* the room that is left goes back */
    }
    commit->at = made;
    commit->used = made->used;
    commit->records = 0;
    return failed;
}

static int
write_put(struct commit *commit, struct otc__log_put *put)
{
    struct otc_log *log = commit->log;
    struct otc_log_record *record = put->record;
    struct iovec parts[OTC_LOG_SLICES_MAX + 2];
    struct otc__log_header header = {.number = record->number, .len = record->len};
    int64_t bytes = otc__log_aligned(record->len);
    size_t n = 0, pad = (size_t)bytes - sizeof(header) - record->len;
    int failed = 0;

    put->refused = 0;
    if (!has_room(commit, bytes)) {
        failed = next_segment(commit, bytes, &put->refused);
    }
    if (failed || put->refused || !commit->at) {
        return failed || put->refused ? failed : EIO;
    }
    header.index = commit->records;
    if (!otc_hash64_slices(put->slices, put->n, commit->at->number, &header.content_check)) {
        return ENOMEM;
    }
    otc__log_seal_header(&header, commit->at->number, commit->used);
    parts[n++] = (struct iovec){&header, sizeof(header)};
    for (size_t i = 0; i < put->n; i++) {
        parts[n++] = (struct iovec){(void *)(uintptr_t)put->slices[i].data, put->slices[i].len};
    }
    parts[n++] = (struct iovec){(void *)(uintptr_t)zeroes, pad};
    record->segment = commit->at;
    record->offset = commit->used;
    record->index = header.index;
    failed = log->io.write(log->io.arg, commit->at->fd, parts, (int)n, (off_t)commit->used);
    commit->used += bytes;
    commit->records++;
    commit->written = true;
    return failed;
}

static int
write_all(struct commit *commit, struct otc__log_put *puts)
{
    int failed = 0;

    for (struct otc__log_put *put = puts; put && !failed; put = put->next) {
        failed = write_put(commit, put);
    }
    return failed || !commit->sync || !commit->written
               ? failed
               : commit->log->io.sync(commit->log->io.arg, commit->at->fd);
}

static void
undo(struct commit *commit)
{
    struct otc__segment *next;

    for (struct otc__segment *segment = commit->made; segment; segment = next) {
        next = segment->next;
        otc__segment_drop(commit->log, segment);
    }
    *commit = (struct commit){.log = commit->log, .sync = commit->sync};
}

/* Adds what the commit wrote to the books. Under the lock. */
static void
account(struct commit *commit, struct otc__log_put *puts)
{
    struct otc_log *log = commit->log;
    struct otc__segment *made = NULL, *next, **end = &log->segments;

    for (struct otc__log_put *put = puts; put; put = put->next) {
        struct otc__segment *segment = put->record->segment;
        int64_t bytes = otc__log_aligned(put->record->len);

        if (put->refused) {
            continue;
        }
        otc__segment_add(log, put->record);
        log->bytes += bytes;
        segment->used = put->record->offset + bytes;
        segment->records = put->record->index + 1;
    }
    for (; commit->made; commit->made = next) {
        next = commit->made->next;
        commit->made->next = made;
        made = commit->made;
        log->bytes += OTC__LOG_RECORDS;
    }
    while (*end) {
        end = &(*end)->next;
    }
    *end = made;
}

/* The active segment is another one now; the former goes when nobody needs it. Under the lock. */
static void
switch_active(struct otc_log *log, struct otc__segment *to)
{
    struct otc__segment *from = log->active;

    log->active = to;
    if (from && from != to && from->live == 0) {
        otc__segment_retire(log, from);
    }
}

int
otc__log_write_puts(struct otc_log *log, struct otc__log_put *puts, bool sync)
{
    struct otc__segment *active = log->active;
    struct commit commit = {.log = log, .at = active, .sync = sync};
    uint64_t failures = 0;
    int failed;

    if (active) {
        commit.used = active->used;
        commit.records = active->records;
    }
    failed = write_all(&commit, puts);
    if (failed) {
        /* A flush that failed may have thrown pages away: nothing of that segment is trusted for new records.
         */
        failures++;
        undo(&commit);
        if (active) {
            otc__segment_seal(log, active, active->used, active->records);
        }
        failed = write_all(&commit, puts);
        if (failed) {
            failures++;
            undo(&commit);
        }
    }
    pthread_mutex_lock(&log->writer->lock);
    if (!failed) {
        account(&commit, puts);
    }
    if (active && failures > 0 && log->dirty_since > 0) {
        active->suspect = true;
    }
    log->dirty_since = commit.at != active || (sync && commit.written) ? 0 : log->dirty_since;
    if (!failed && !sync && commit.written && log->sync == OTC_LOG_SYNC_INTERVAL && log->dirty_since == 0) {
        log->dirty_since = otc_clock_monotonic_ns();
    }
    switch_active(log, commit.at);
    log->failures += failures;
    return failed;
}

static void
explain(const struct otc_log *log, int failed, struct otc_error *result)
{
    if (failed == OTC__LOG_MIN_FREE) {
        (void)otc_fail(result, OTC_RESOURCE_EXHAUSTED,
                       "the queue on disk cannot be written: less than min_free_bytes (%lld) would be free",
                       (long long)log->min_free_bytes);
    } else if (failed) {
        (void)otc_fail(result, is_full(failed) ? OTC_RESOURCE_EXHAUSTED : OTC_UNAVAILABLE,
                       "the queue on disk cannot be written: %s", strerror(failed));
    }
}

static void
tell(const struct otc_log *log, struct otc__log_put *puts, int failed)
{
    struct otc__log_put *next;

    for (struct otc__log_put *put = puts; put; put = next) {
        int why = failed ? failed : put->refused;
        struct otc_error result = OTC_ERROR_INIT;

        next = put->next;
        explain(log, why, &result);
        put->done(put->arg, why ? NULL : put->record, &result);
        if (why) {
            free(put->record);
        }
        free(put);
    }
}

/* Drops the segments that nobody needs nor reads. Under the lock, which is let go meanwhile. */
static void
drop_dead(struct otc_log *log)
{
    struct otc__segment **at = &log->dead, *free_now = NULL, *next;

    while (*at) {
        struct otc__segment *segment = *at;

        if (segment->readers > 0) {
            at = &segment->next;
            continue;
        }
        *at = segment->next;
        segment->next = free_now;
        free_now = segment;
    }
    if (!free_now) {
        return;
    }
    pthread_mutex_unlock(&log->writer->lock);
    for (; free_now; free_now = next) {
        next = free_now->next;
        otc__segment_drop(log, free_now);
    }
    pthread_mutex_lock(&log->writer->lock);
}

/* Lets go of the segment that is written to when nothing in it is needed and it has no room for what waits: a
 * disk without room for another one beside it may have room for one in its place. */
static void
renew_active(struct otc_log *log)
{
    struct otc__segment *active = log->active;

    if (active && active->live == 0 && active->records > 0 &&
        (active->used + otc__log_waiting(log) > active->size ||
         active->records + log->n_waiting > OTC_LOG_SEGMENT_RECORDS) &&
        leaves_enough(log, 0)) {
        log->dirty_since = 0;
        switch_active(log, NULL);
        drop_dead(log);
    }
}

/* Keeps the files within their bound before more is written. Under the lock, which is let go meanwhile. */
static void
make_room(struct otc_log *log)
{
    struct otc__segment *crowding;

    renew_active(log);
    while (log->compact_at <= otc_clock_monotonic_ns() && (crowding = otc__log_crowding(log))) {
        otc__log_compact(log, crowding);
        drop_dead(log);
    }
}

static void
commit_puts(struct otc_log *log)
{
    struct otc__log_put *puts;
    int failed;

    if (!log->first) {
        return;
    }
    make_room(log);
    puts = log->first;
    log->first = NULL;
    log->last = NULL;
    pthread_mutex_unlock(&log->writer->lock);
    failed = otc__log_write_puts(log, puts, log->sync == OTC_LOG_SYNC_GROUP);
    log->n_waiting = 0;
    log->waiting_bytes = 0;
    for (const struct otc__log_put *put = log->first; put; put = put->next) {
        log->n_waiting++;
        log->waiting_bytes += put->record->len;
    }
    pthread_mutex_unlock(&log->writer->lock);
    tell(log, puts, failed);
    pthread_mutex_lock(&log->writer->lock);
}

/* Flushes what was told before, when it is time. What a flush that failed may have thrown away is still in
 * memory: the segment is written anew. Under the lock, which is let go meanwhile. */
static void
flush_told(struct otc_log *log)
{
    struct otc__segment *active = log->active;
    int failed;

    if (!active || log->dirty_since == 0 ||
        log->dirty_since + log->sync_interval_ns > otc_clock_monotonic_ns()) {
        return;
    }
    log->dirty_since = 0;
    pthread_mutex_unlock(&log->writer->lock);
    failed = log->io.sync(log->io.arg, active->fd);
    pthread_mutex_lock(&log->writer->lock);
    if (failed) {
        log->failures++;
        active->suspect = true;
        otc__segment_seal(log, active, active->used, active->records);
        switch_active(log, NULL);
    }
}

void
otc__log_commit(struct otc_log *log)
{
    struct otc__segment *sparse;

    drop_dead(log);
    commit_puts(log);
    flush_told(log);
    otc__log_write_asides(log);
    sparse = log->compact_at <= otc_clock_monotonic_ns() ? otc__log_sparse(log) : NULL;
    if (sparse) {
        otc__log_compact(log, sparse);
    }
}
