// SPDX-License-Identifier: Apache-2.0
/* What former processes left in a log's segments. */
#include "common/storage/log_internal.h"

#include "common/base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Damaged bytes that one start copies aside at most. */
#define QUARANTINE_MAX ((size_t)64 << 20)

struct recovery {
    struct otc_log *log;
    const struct otc_log_options *options;
    struct otc_log_found *found;
    struct otc__segment **end;       /* where the next segment is hung in */
    struct otc_log_record **records; /* in the order of the files */
    size_t n_records, capacity;
    size_t n_told; /* of them, or freed */
    size_t quarantined;
    uint64_t top; /* the highest number that was seen, removed records included */
    /* Of the segment that is read: */
    struct otc__segment *segment;
    const uint8_t *bytes;
    size_t len;
    bool torn_end;     /* the last write to it may have been interrupted */
    bool sealed;       /* it is known how many records it has */
    uint64_t n_sealed; /* so many */
    bool unreadable;   /* the disk did not give all of it back */
    uint32_t next_index;
};

/* ---- Files ----------------------------------------------------------------------------------------- */

/* The number of a segment's file of this log, 0 for other names. */
static uint64_t
segment_number(const struct otc_log *log, const char *name)
{
    size_t base = strlen(log->base);
    char *end;
    uint64_t number;

    if (strncmp(name, log->base, base) != 0 || name[base] != '.') {
        return 0;
    }
    number = strtoull(name + base + 1, &end, 16);
    return end == name + base + 17 && strcmp(end, ".segment") == 0 && number < UINT64_MAX ? number : 0;
}

static int
by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static otc_status
list_segments(const struct otc_log *log, uint64_t **numbers, size_t *n, struct otc_error *err)
{
    DIR *folder = opendir(log->directory);
    size_t capacity = 0;
    struct dirent *entry;
    int failed;

    if (!folder) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "%s: %s", log->directory, strerror(errno));
    }
    while ((errno = 0, entry = readdir(folder))) {
        uint64_t number = segment_number(log, entry->d_name);

        if (number == 0) {
            continue;
        }
        if (*n == capacity) {
            uint64_t *grown = realloc(*numbers, (capacity = capacity * 2 + 16) * sizeof(*grown));

            if (!grown) {
                closedir(folder);
                return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
            }
            *numbers = grown;
        }
        (*numbers)[(*n)++] = number;
    }
    failed = errno;
    closedir(folder);
    if (failed) {
        /* Segments that are not seen now would be taken for copies of younger ones later. */
        return otc_fail(err, OTC_FAILED_PRECONDITION, "%s: %s", log->directory, strerror(failed));
    }
    if (*n > 0) {
        qsort(*numbers, *n, sizeof(**numbers), by_number);
    }
    return OTC_OK;
}

/* Copies damaged bytes aside; where that fails the whole file is kept for it. */
static void
quarantine(struct recovery *r, size_t from, size_t to)
{
    char path[OTC__LOG_PATH];
    int fd = -1;

    r->found->damaged_bytes += to - from;
    if (r->quarantined + (to - from) <= QUARANTINE_MAX) {
        r->quarantined += to - from;
        otc__log_corrupt_path(r->log, r->segment->number, path);
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    if (fd < 0 || write(fd, r->bytes + from, to - from) != (ssize_t)(to - from) ||
        r->log->io.sync(r->log->io.arg, fd) != 0) {
        r->segment->evidence = true;
    } else {
        r->found->copied_bytes += to - from;
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* ---- Records --------------------------------------------------------------------------------------- */

/* Whether the note of a record says this. */
static bool
says(const struct recovery *r, uint32_t index, unsigned what)
{
    uint32_t note;

    memcpy(&note, r->bytes + OTC__LOG_PAGE + (size_t)index * OTC__LOG_NOTE, sizeof(note));
    return note != 0 && note == otc__log_note(r->segment->number, index, what);
}

static bool
was_removed(const struct recovery *r, uint32_t index)
{
    return says(r, index, OTC__LOG_REMOVED);
}

/* Crashes within marks, in a row. */
static uint8_t
crashes_of(const struct recovery *r, uint32_t index)
{
    uint8_t crashes = OTC_LOG_CRASHES_MAX;

    while (crashes > 0 && !says(r, index, crashes)) {
        crashes--;
    }
    return crashes;
}

/* Counts a record of which nothing sound is left, and notes that it was: the next start does not count it
 * again. Where its bytes are not copied aside it is found again, as long as the file is kept. */
static void
lose(struct recovery *r, uint32_t index)
{
    r->found->lost++;
    if (!r->unreadable && !r->segment->evidence) {
        otc__log_write_note(r->segment, index, otc__log_note(r->segment->number, index, OTC__LOG_REMOVED));
    }
}

static bool
is_zero(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* A header that lies at `at` in the segment, and its content. */
static bool
header_at(const struct recovery *r, size_t at, struct otc__log_header *header)
{
    if (r->len - at < sizeof(*header)) {
        return false;
    }
    memcpy(header, r->bytes + at, sizeof(*header));
    return otc__log_header_is_sound(header, r->segment->number, (int64_t)at) &&
           header->index >= r->next_index && header->len <= r->len - at - sizeof(*header);
}

/* Records between those that were read, of which nothing sound is left. */
static void
count_lost(struct recovery *r, uint32_t before)
{
    for (; r->next_index < before; r->next_index++) {
        if (!was_removed(r, r->next_index)) {
            lose(r, r->next_index);
        }
    }
}

/* Whether all records up to this one are known to be removed, and there are some. */
static bool
all_removed(const struct recovery *r, uint32_t before)
{
    uint32_t index = r->next_index;

    while (index < before && was_removed(r, index)) {
        index++;
    }
    return r->next_index < before && index == before;
}

static bool
keep(struct recovery *r, const struct otc__log_header *header, size_t at)
{
    struct otc_log_record *record;

    if (r->n_records == r->capacity) {
        size_t capacity = r->capacity * 2 + 64;
        struct otc_log_record **grown = realloc(r->records, capacity * sizeof(struct otc_log_record *));

        if (!grown) {
            return false;
        }
        r->records = grown;
        r->capacity = capacity;
    }
    record = calloc(1, sizeof(*record));
    if (!record) {
        return false;
    }
    record->segment = r->segment;
    record->offset = (int64_t)at;
    record->number = header->number;
    record->len = header->len;
    record->index = header->index;
    record->crashes = crashes_of(r, header->index);
    record->noted = record->crashes;
    otc__segment_add(r->log, record);
    r->records[r->n_records++] = record;
    return true;
}

/* Reads the record at `at`, whose header is sound; one that is torn ends the segment. False out of memory. */
static bool
take_record(struct recovery *r, const struct otc__log_header *header, size_t at)
{
    struct otc_slice content = otc_slice_of(r->bytes + at + sizeof(*header), header->len);
    size_t end = at + (size_t)otc__log_aligned(header->len);
    bool sound = otc_hash64(content, r->segment->number) == header->content_check;

    r->top = header->number > r->top ? header->number : r->top;
    if (!sound && r->torn_end && !was_removed(r, header->index) &&
        (end >= r->len || is_zero(r->bytes + end, r->len - end))) {
        r->found->torn_bytes += end - at;
        r->len = at;
        return true;
    }
    count_lost(r, header->index);
    r->next_index = header->index + 1;
    if (was_removed(r, header->index)) {
        return true;
    }
    if (!sound) {
        quarantine(r, at, end < r->len ? end : r->len);
        lose(r, header->index);
        return true;
    }
    return keep(r, header, at);
}

/* Where the next sound header lies at or behind `at`; the segment's end when there is none. */
static size_t
next_header(const struct recovery *r, size_t at)
{
    struct otc__log_header header;

    for (; at + sizeof(header) <= r->len; at += 8) {
        uint32_t magic;

        memcpy(&magic, r->bytes + at, sizeof(magic));
        if (magic == OTC__LOG_MAGIC && header_at(r, at, &header)) {
            return at;
        }
    }
    return r->len;
}

/* Bytes that are no record, up to the next one or the end. */
static void
skip_damage(struct recovery *r, size_t at, size_t next)
{
    struct otc__log_header header;
    bool end = next == r->len;
    uint32_t before = end ? (uint32_t)r->n_sealed : r->next_index;

    if (end && r->torn_end) {
        r->found->torn_bytes += next - at;
        return;
    }
    if (!end && header_at(r, next, &header)) {
        before = header.index;
    }
    if (all_removed(r, before)) {
        return; /* nobody needs them */
    }
    quarantine(r, at, next);
    count_lost(r, before);
    /* How many there were at an end nothing tells without a seal; one at least. */
    r->found->lost += end && !r->sealed;
}

static bool
take_records(struct recovery *r)
{
    size_t at = OTC__LOG_RECORDS;

    while (at < r->len) {
        struct otc__log_header header;
        size_t next;

        if (header_at(r, at, &header)) {
            if (!take_record(r, &header, at)) {
                return false;
            }
            if (at >= r->len) {
                break; /* it was torn */
            }
            at += (size_t)otc__log_aligned(header.len);
            r->segment->used = (int64_t)at;
            continue;
        }
        if (is_zero(r->bytes + at, r->len - at)) {
            break;
        }
        next = next_header(r, at);
        skip_damage(r, at, next);
        at = next;
    }
    if (r->sealed) {
        count_lost(r, (uint32_t)r->n_sealed);
    }
    return true;
}

/* ---- Segments -------------------------------------------------------------------------------------- */

/* Pages that the disk does not give back read as zeroes. */
static void
read_whole(struct recovery *r, uint8_t *bytes, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(r->segment->fd, bytes + got, len - got, (off_t)got);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            size_t next = (got / OTC__LOG_PAGE + 1) * OTC__LOG_PAGE;

            next = next < len ? next : len;
            memset(bytes + got, 0, next - got);
            r->unreadable = true;
            n = (ssize_t)(next - got);
        }
        got += (size_t)n;
    }
    r->segment->evidence = r->unreadable;
}

/* What the seal of the segment says, if it has one. */
static void
read_seal(struct recovery *r, bool newest)
{
    static const size_t places[] = {OTC__LOG_SEAL, OTC__LOG_SEAL_COPY};
    struct otc__log_seal seal;

    r->sealed = false;
    r->n_sealed = 0;
    for (size_t i = 0; i < 2 && !r->sealed; i++) {
        memcpy(&seal, r->bytes + places[i], sizeof(seal));
        r->sealed = otc__log_seal_is_sound(&seal, r->segment->number);
    }
    r->torn_end = newest && !r->sealed;
    if (r->sealed) {
        r->n_sealed = seal.records;
        r->len = seal.used < r->len ? (size_t)seal.used : r->len;
    }
}

/* Nothing more is written to a segment of a former process: its torn or damaged end goes, and it is sealed.
 */
static void
end_segment(const struct recovery *r)
{
    const struct otc__segment *segment = r->segment;

    otc__segment_seal(r->log, segment, segment->used, r->next_index);
    (void)!ftruncate(segment->fd, segment->used);
    (void)r->log->io.sync(r->log->io.arg, segment->fd);
}

/* A file that ends before its first record: one that was being made, or what is left of one. `lost`: records
 * that were before. */
static void
note_stump(struct recovery *r, uint64_t lost)
{
    struct otc__segment *segment = r->segment;

    if (r->torn_end) {
        r->found->torn_bytes += (uint64_t)segment->size;
    } else {
        r->found->lost += !r->sealed;
    }
    segment->evidence = segment->size > 0 && r->found->lost > lost;
    r->found->damaged_bytes += segment->evidence ? (uint64_t)segment->size : 0;
}

static otc_status
read_records(struct recovery *r, bool newest, struct otc_error *err)
{
    struct otc__segment *segment = r->segment;
    size_t len = (size_t)segment->size, room = len < OTC__LOG_RECORDS ? OTC__LOG_RECORDS : len;
    uint8_t *bytes = malloc(room);
    uint64_t lost = r->found->lost;
    otc_status status = OTC_OK;

    if (!bytes) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    read_whole(r, bytes, len);
    memset(bytes + len, 0, room - len);
    segment->evidence = segment->evidence || len < OTC__LOG_RECORDS;
    r->bytes = bytes;
    r->len = len;
    r->next_index = 0;
    read_seal(r, newest);
    if (!take_records(r)) {
        status = otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    } else if (len < OTC__LOG_RECORDS) {
        note_stump(r, lost);
    } else if (!r->sealed && segment->live > 0 && !r->unreadable && (r->torn_end || !segment->evidence)) {
        end_segment(r);
    }
    free(bytes);
    return status;
}

/* Whether a file cannot be opened for a reason that the start can be told, rather than for one of the disk.
 */
static bool
is_ours(int error)
{
    return error == EACCES || error == EPERM || error == EROFS || error == EMFILE || error == ENFILE ||
           error == ENOMEM;
}

/* `*gone`: there is nothing to read of it, which is no failure of the log. */
static otc_status
read_segment(struct recovery *r, bool newest, bool *gone, struct otc_error *err)
{
    struct otc__segment *segment = r->segment;
    char path[OTC__LOG_PATH];
    struct stat file;

    otc__log_path(r->log, segment->number, "segment", path);
    do {
        segment->fd = open(path, O_RDWR | O_CLOEXEC);
    } while (segment->fd < 0 && errno == EINTR);
    if (segment->fd < 0 || fstat(segment->fd, &file) != 0) {
        *gone = !is_ours(errno);
        return *gone ? OTC_OK : otc_fail(err, OTC_FAILED_PRECONDITION, "%s: %s", path, strerror(errno));
    }
    segment->size = (int64_t)file.st_size;
    segment->used = segment->size < OTC__LOG_RECORDS ? segment->size : OTC__LOG_RECORDS;
    return read_records(r, newest, err);
}

/* Reads one segment; one of which nothing is needed any more is removed, unless something in it was damaged:
 * then its bytes were copied aside before, or the file itself is kept. */
static otc_status
recover_segment(struct recovery *r, uint64_t number, bool newest, struct otc_error *err)
{
    struct otc__segment *segment = calloc(1, sizeof(*segment));
    uint64_t lost = r->found->lost;
    otc_status status;
    bool gone = false;

    if (!segment) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    segment->number = number;
    segment->fd = -1;
    r->segment = segment;
    r->unreadable = false;
    status = read_segment(r, newest, &gone, err);
    if (status == OTC_OK && segment->live == 0 && (gone || r->unreadable)) {
        /* The disk does not give it back. It stays where it is, for who can. How much there was nothing tells
         * without a seal; one record at least. */
        r->found->lost += gone || (!r->sealed && r->found->lost == lost);
        r->found->damaged_bytes += (uint64_t)segment->size;
        if (segment->fd >= 0) {
            close(segment->fd);
        }
        free(segment);
        return OTC_OK;
    }
    if (status == OTC_OK && segment->live == 0) {
        otc__segment_drop(r->log, segment);
        return OTC_OK;
    }
    *r->end = segment;
    r->end = &segment->next;
    r->log->bytes += segment->used;
    return status;
}

static int
by_record_number(const void *a, const void *b)
{
    const struct otc_log_record *const *x = a, *const *y = b;

    if ((*x)->number != (*y)->number) {
        return (*x)->number < (*y)->number ? -1 : 1;
    }
    /* Of copies the first is taken. */
    return ((*x)->segment->number > (*y)->segment->number) - ((*x)->segment->number < (*y)->segment->number);
}

/* What a second copy of a record has in common with it. Numbers alone may be those of another record: when a
 * segment could not be read for a while, younger ones had them again. */
struct identity {
    uint64_t number; /* 0: none */
    uint64_t len;
    uint64_t hash;
};

/* Tells of a record; of a second copy (a commit whose first attempt failed, a compaction that was cut off)
 * nothing is needed. Unless all goes well the record is freed. */
static otc_status
tell_record(struct recovery *r, struct otc_log_record *record, struct identity *last, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf content = {.limit = OTC_LOG_RECORD_MAX};
    struct identity identity;
    otc_status status;

    status = otc__record_read(record->segment, record, &content, err);
    if (status == OTC_DATA_LOSS) {
        /* It was sound a moment ago: it stays for the next start. */
        r->found->lost++;
        otc_log_forget(r->log, record);
        return OTC_OK;
    }
    if (status != OTC_OK) {
        free(record);
        return status;
    }
    identity = (struct identity){record->number, record->len, otc_hash64(otc_buf_slice(&content), 0)};
    if (memcmp(&identity, last, sizeof(identity)) == 0) {
        otc_log_remove(r->log, record);
        return OTC_OK;
    }
    *last = identity;
    r->found->records++;
    r->found->bytes += record->len;
    if (r->options->found) {
        r->options->found(r->options->arg, record, otc_buf_slice(&content));
    }
    return OTC_OK;
}

/* By number: a compaction puts old records behind younger ones. */
static otc_status
tell_records(struct recovery *r, struct otc_error *err)
{
    otc_status status = OTC_OK;
    struct identity last = {0};
    size_t i;

    if (r->n_records > 0) {
        qsort(r->records, r->n_records, sizeof(struct otc_log_record *), by_record_number);
    }
    for (i = 0; i < r->n_records && status == OTC_OK; i++) {
        status = tell_record(r, r->records[i], &last, err);
    }
    r->n_told = i;
    /* Above removed ones too: where the note of that is lost they come again, and must not be taken for
     * copies. */
    r->log->next_number = r->top + 1;
    return status;
}

otc_status
otc__log_recover(struct otc_log *log, const struct otc_log_options *options, struct otc_log_found *found,
                 struct otc_error *err)
{
    struct recovery r = {.log = log, .options = options, .found = found, .end = &log->segments};
    uint64_t *numbers = NULL;
    size_t n = 0;
    otc_status status = list_segments(log, &numbers, &n, err);

    for (size_t i = 0; i < n && status == OTC_OK; i++) {
        log->next_segment = numbers[i] + 1;
        status = recover_segment(&r, numbers[i], i + 1 == n, err);
    }
    if (status == OTC_OK) {
        status = tell_records(&r, err);
    }
    for (size_t i = r.n_told; i < r.n_records; i++) {
        free(r.records[i]);
    }
    free(r.records);
    free(numbers);
    return status;
}
