// SPDX-License-Identifier: Apache-2.0
#include "common/storage/journal.h"

#include "common/base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADER_BYTES 64u
#define RECORD_HEAD_BYTES 16u
#define STATUS_AT 8u
#define BOOT_BYTES 40u
#define GENERATIONS_MAX 4096u
#define PATH_MAX_BYTES 1200u
#define BASE_MAX 256u
/* So much of a file is read at once, unless a record is larger. */
#define WINDOW_BYTES ((size_t)1 << 20)

static const char magic[8] = {'O', 'T', 'C', 'J', 'R', 'N', 'L', '1'};

/* How a file ends. It begins as OPEN; one byte is written over another, which needs no room on the disk. */
enum file_status { FILE_OPEN = 1, FILE_SEALED = 2, FILE_GAP = 3 };

struct file_header {
    char magic[8];
    uint8_t status;
    uint8_t reserved[7];
    uint64_t generation;
    char boot[BOOT_BYTES];
};
_Static_assert(sizeof(struct file_header) == HEADER_BYTES, "the header's size is part of the format");

struct file {
    uint64_t generation;
    int64_t bytes;
};

struct otc_journal {
    char directory[PATH_MAX_BYTES - BASE_MAX - 40];
    char base[BASE_MAX];
    char boot[BOOT_BYTES];
    int64_t max_bytes;
    struct file *files; /* by generation; the last one is that of `fd` once there was a roll */
    size_t n_files;
    int64_t bytes;
    int fd; /* -1: none */
    bool broken;
    uint64_t gap; /* generation that lacks its end: no replay goes beyond it; 0: none */
};

/* ---- Files ---------------------------------------------------------------------------------------- */

static void
path_of(const struct otc_journal *journal, uint64_t generation, char out[PATH_MAX_BYTES])
{
    (void)snprintf(out, PATH_MAX_BYTES, "%s/%s.%016llx.journal", journal->directory, journal->base,
                   (unsigned long long)generation);
}

/* The boot that runs: it changes when memory, and with it the page cache, was lost. */
static void
read_boot(char out[BOOT_BYTES])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, BOOT_BYTES - 4) : -1;

    memset(out + (n > 0 ? n : 0), 0, BOOT_BYTES - (size_t)(n > 0 ? n : 0));
    if (fd >= 0) {
        close(fd);
    }
}

static int
by_generation(const void *a, const void *b)
{
    uint64_t x = ((const struct file *)a)->generation, y = ((const struct file *)b)->generation;

    return (x > y) - (x < y);
}

/* The generation in a file's name; false for another file's. */
static bool
generation_of(const struct otc_journal *journal, const char *name, uint64_t *out)
{
    size_t base = strlen(journal->base);
    char *end;

    if (strncmp(name, journal->base, base) != 0 || name[base] != '.') {
        return false;
    }
    errno = 0;
    *out = strtoull(name + base + 1, &end, 16);
    return errno == 0 && end == name + base + 17 && strcmp(end, ".journal") == 0;
}

static otc_status
list_files(struct otc_journal *journal, struct otc_error *err)
{
    DIR *folder = opendir(journal->directory);
    const struct dirent *entry;
    int failed;

    if (!folder) {
        return otc_fail(err, OTC_INTERNAL, "%s: %s", journal->directory, strerror(errno));
    }
    while ((errno = 0, entry = readdir(folder)) && journal->n_files <= GENERATIONS_MAX) {
        char path[PATH_MAX_BYTES];
        uint64_t generation;
        struct stat found;

        if (generation_of(journal, entry->d_name, &generation)) {
            path_of(journal, generation, path);
            journal->files[journal->n_files].generation = generation;
            journal->files[journal->n_files].bytes = stat(path, &found) == 0 ? found.st_size : 0;
            journal->bytes += journal->files[journal->n_files++].bytes;
        }
    }
    failed = entry ? 0 : errno;
    (void)closedir(folder);
    if (failed) {
        return otc_fail(err, OTC_INTERNAL, "%s: %s", journal->directory, strerror(failed));
    }
    qsort(journal->files, journal->n_files, sizeof(*journal->files), by_generation);
    return OTC_OK;
}

otc_status
otc_journal_open(const char *directory, const char *base, int64_t max_bytes, struct otc_journal **out,
                 struct otc_error *err)
{
    struct otc_journal *journal = calloc(1, sizeof(*journal));
    otc_status status;

    if (!journal || !(journal->files = calloc(GENERATIONS_MAX + 1, sizeof(*journal->files)))) {
        free(journal);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s/%s: out of memory", directory, base);
    }
    journal->fd = -1;
    journal->max_bytes = max_bytes;
    if ((size_t)snprintf(journal->directory, sizeof(journal->directory), "%s", directory) >=
            sizeof(journal->directory) ||
        (size_t)snprintf(journal->base, sizeof(journal->base), "%s", base) >= sizeof(journal->base)) {
        otc_journal_close(journal);
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s/%s: the path is too long", directory, base);
    }
    read_boot(journal->boot);
    status = list_files(journal, err);
    if (status != OTC_OK) {
        otc_journal_close(journal);
        return status;
    }
    *out = journal;
    return OTC_OK;
}

void
otc_journal_close(struct otc_journal *journal)
{
    if (journal) {
        if (journal->fd >= 0) {
            close(journal->fd);
        }
        free(journal->files);
        free(journal);
    }
}

/* ---- Writing -------------------------------------------------------------------------------------- */

static otc_status
status_of(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG ? OTC_RESOURCE_EXHAUSTED : OTC_INTERNAL;
}

/* The file lacks what was to be appended. */
static void
mark_gap(struct otc_journal *journal)
{
    static const uint8_t gap = FILE_GAP;

    journal->broken = true;
    journal->gap = journal->gap ? journal->gap : journal->files[journal->n_files - 1].generation;
    if (pwrite(journal->fd, &gap, 1, STATUS_AT) != 1) {
        (void)!ftruncate(journal->fd, 0); /* without a header it is incomplete as well */
    }
}

static void
remove_file(struct otc_journal *journal, size_t index)
{
    char path[PATH_MAX_BYTES];

    path_of(journal, journal->files[index].generation, path);
    (void)unlink(path);
    journal->bytes -= journal->files[index].bytes;
}

/* No replay comes to what follows a gap, and the snapshot that was to begin with it was not stored, as there
 * is another roll: while snapshots fail one file is kept behind a gap, however long that takes. */
static void
make_room(struct otc_journal *journal)
{
    if (journal->n_files >= GENERATIONS_MAX && !journal->gap) {
        mark_gap(journal);
    }
    if (journal->gap && journal->files[journal->n_files - 1].generation > journal->gap) {
        remove_file(journal, --journal->n_files);
    }
}

otc_status
otc_journal_roll(struct otc_journal *journal, uint64_t *generation, struct otc_error *err)
{
    struct file_header header = {.status = FILE_OPEN};
    char path[PATH_MAX_BYTES];
    int fd, number;

    header.generation = journal->n_files ? journal->files[journal->n_files - 1].generation + 1 : 1;
    memcpy(header.magic, magic, sizeof(magic));
    memcpy(header.boot, journal->boot, BOOT_BYTES);
    path_of(journal, header.generation, path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return otc_fail(err, status_of(errno), "%s: %s", path, strerror(errno));
    }
    if (pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header)) {
        number = errno;
        close(fd);
        (void)unlink(path);
        return otc_fail(err, status_of(number), "%s: %s", path, strerror(number));
    }
    make_room(journal);
    if (journal->fd >= 0) {
        close(journal->fd);
    }
    journal->fd = fd;
    journal->broken = false;
    journal->files[journal->n_files++] = (struct file){header.generation, HEADER_BYTES};
    journal->bytes += HEADER_BYTES;
    *generation = header.generation;
    return OTC_OK;
}

static uint64_t
seed_of(uint64_t generation, int64_t place)
{
    return generation * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)place;
}

static void
put_number(uint8_t *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t
number_of(const uint8_t *bytes, int n)
{
    uint64_t value = 0;

    for (int i = 0; i < n; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static uint32_t
check_of_length(uint32_t len, uint64_t seed)
{
    uint8_t bytes[4];

    put_number(bytes, len, 4);
    return (uint32_t)otc_hash64(otc_slice_of(bytes, sizeof(bytes)), seed);
}

static void
put_head(uint8_t out[RECORD_HEAD_BYTES], struct otc_slice record, uint64_t seed)
{
    put_number(out, record.len, 4);
    put_number(out + 4, check_of_length((uint32_t)record.len, seed), 4);
    put_number(out + 8, otc_hash64(record, seed), 8);
}

otc_status
otc_journal_append(struct otc_journal *journal, struct otc_slice record, struct otc_error *err)
{
    uint8_t head[RECORD_HEAD_BYTES];
    struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)record.data, record.len}};
    struct file *file = journal->n_files ? &journal->files[journal->n_files - 1] : NULL;
    int64_t size = (int64_t)(sizeof(head) + record.len);
    ssize_t written;

    if (!file || journal->fd < 0 || journal->broken) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "%s/%s: the journal waits for a snapshot",
                        journal->directory, journal->base);
    }
    if (record.len > OTC_JOURNAL_RECORD_MAX || journal->bytes + size > journal->max_bytes) {
        mark_gap(journal);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s/%s: the journal's limit of %lld bytes is reached",
                        journal->directory, journal->base, (long long)journal->max_bytes);
    }
    put_head(head, record, seed_of(file->generation, file->bytes));
    do {
        written = pwritev(journal->fd, parts, 2, file->bytes);
    } while (written < 0 && errno == EINTR);
    if (written != size) {
        int number = written < 0 ? errno : ENOSPC;

        mark_gap(journal);
        return otc_fail(err, status_of(number), "%s/%s: the journal cannot grow: %s", journal->directory,
                        journal->base, strerror(number));
    }
    file->bytes += size;
    journal->bytes += size;
    return OTC_OK;
}

void
otc_journal_drop(struct otc_journal *journal, uint64_t before)
{
    size_t n = 0;

    /* The last one is being written. */
    while (n + (journal->fd >= 0) < journal->n_files && journal->files[n].generation < before) {
        remove_file(journal, n++);
    }
    journal->gap = journal->gap < before ? 0 : journal->gap;
    memmove(journal->files, journal->files + n, (journal->n_files - n) * sizeof(*journal->files));
    journal->n_files -= n;
}

otc_status
otc_journal_seal(struct otc_journal *journal, struct otc_error *err)
{
    static const uint8_t sealed = FILE_SEALED;

    if (journal->fd < 0 || journal->broken) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "%s/%s: nothing to seal", journal->directory,
                        journal->base);
    }
    if (pwrite(journal->fd, &sealed, 1, STATUS_AT) != 1 || fdatasync(journal->fd) != 0) {
        return otc_fail(err, status_of(errno), "%s/%s: %s", journal->directory, journal->base,
                        strerror(errno));
    }
    journal->broken = true;
    return OTC_OK;
}

int64_t
otc_journal_bytes(const struct otc_journal *journal)
{
    return journal->bytes;
}

/* ---- Reading -------------------------------------------------------------------------------------- */

struct replay {
    /* What was read of a file. Not mapped: a page that the disk does not give back would end the process. */
    int fd;
    int64_t size; /* of the file */
    uint8_t *window;
    size_t capacity;
    int64_t at; /* where the window lies in the file, and how much it holds */
    size_t held;
    int failed; /* errno of the last read; 0 when the file was shorter than it said */
    const struct otc_journal *journal;
    bool (*fn)(void *arg, struct otc_slice record);
    void *arg;
    struct otc_journal_replayed *out;
};

static void
incomplete(struct replay *replay, uint64_t generation, const char *why)
{
    replay->out->complete = false;
    (void)snprintf(replay->out->why, sizeof(replay->out->why), "journal %016llx: %s",
                   (unsigned long long)generation, why);
}

/* The `len` bytes at `at`, which the file has, until the next call; NULL: they cannot be read. */
static const uint8_t *
look_at(struct replay *replay, int64_t at, size_t len)
{
    size_t want = len > WINDOW_BYTES ? len : WINDOW_BYTES;

    if (at >= replay->at && at + (int64_t)len <= replay->at + (int64_t)replay->held) {
        return replay->window + (at - replay->at);
    }
    if (want > replay->capacity) {
        uint8_t *grown = realloc(replay->window, want);

        if (!grown) {
            replay->failed = ENOMEM;
            return NULL;
        }
        replay->window = grown;
        replay->capacity = want;
    }
    replay->at = at;
    replay->held = 0;
    replay->failed = 0;
    while (replay->held < len) {
        ssize_t n = pread(replay->fd, replay->window + replay->held, want - replay->held,
                          (off_t)(at + (int64_t)replay->held));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            replay->failed = n < 0 ? errno : 0;
            return NULL;
        }
        replay->held += (size_t)n;
    }
    return replay->window;
}

enum found { FOUND_RECORD, FOUND_TORN, FOUND_DAMAGE, FOUND_UNREADABLE };

/* What stands at a place: a record, the beginning of one, or neither. */
static enum found
find_record(struct replay *replay, int64_t at, uint64_t seed, struct otc_slice *record)
{
    const uint8_t *bytes;
    uint32_t len;

    if (replay->size - at < (int64_t)RECORD_HEAD_BYTES) {
        return FOUND_TORN;
    }
    bytes = look_at(replay, at, RECORD_HEAD_BYTES);
    if (!bytes) {
        return FOUND_UNREADABLE;
    }
    len = (uint32_t)number_of(bytes, 4);
    if (check_of_length(len, seed) != number_of(bytes + 4, 4)) {
        return FOUND_DAMAGE;
    }
    if ((int64_t)len > replay->size - at - (int64_t)RECORD_HEAD_BYTES) {
        return FOUND_TORN;
    }
    bytes = look_at(replay, at, RECORD_HEAD_BYTES + len);
    if (!bytes) {
        return FOUND_UNREADABLE;
    }
    *record = otc_slice_of(bytes + RECORD_HEAD_BYTES, len);
    return otc_hash64(*record, seed) == number_of(bytes + 8, 8) ? FOUND_RECORD : FOUND_DAMAGE;
}

static void
unreadable(struct replay *replay, uint64_t generation)
{
    char why[100];

    (void)snprintf(why, sizeof(why), "it cannot be read: %s",
                   replay->failed ? strerror(replay->failed) : "it is shorter than it was");
    incomplete(replay, generation, why);
}

/* The records of a file. `may_be_torn`: the writer was at it when its process ended, and nobody was answered
 * for the record that it did not finish. */
static void
replay_records(struct replay *replay, const struct file *file, bool may_be_torn)
{
    int64_t at = HEADER_BYTES;

    while (at < replay->size) {
        struct otc_slice record = OTC_SLICE_NONE;

        switch (find_record(replay, at, seed_of(file->generation, at), &record)) {
        case FOUND_UNREADABLE:
            unreadable(replay, file->generation);
            return;
        case FOUND_TORN:
            if (!may_be_torn) {
                incomplete(replay, file->generation, "it was cut off");
            }
            return;
        case FOUND_DAMAGE:
            incomplete(replay, file->generation, "a record is damaged");
            return;
        case FOUND_RECORD:
            break;
        }
        if (!replay->fn(replay->arg, record)) {
            incomplete(replay, file->generation, "a record is not understood");
            return;
        }
        at += (int64_t)(RECORD_HEAD_BYTES + record.len);
        replay->out->records++;
        replay->out->bytes += record.len;
    }
}

static void
replay_content(struct replay *replay, const struct file *file, bool last)
{
    struct file_header header;
    const uint8_t *bytes;
    bool same_boot;

    if (replay->size < (int64_t)sizeof(header)) {
        incomplete(replay, file->generation, "it has no header");
        return;
    }
    bytes = look_at(replay, 0, sizeof(header));
    if (!bytes) {
        unreadable(replay, file->generation);
        return;
    }
    memcpy(&header, bytes, sizeof(header));
    if (memcmp(header.magic, magic, sizeof(magic)) != 0 || header.generation != file->generation ||
        header.status < FILE_OPEN || header.status > FILE_GAP) {
        incomplete(replay, file->generation, "its header is damaged");
        return;
    }
    same_boot = header.boot[0] != '\0' && memcmp(header.boot, replay->journal->boot, BOOT_BYTES) == 0;
    replay_records(replay, file, last && same_boot);
    if (!replay->out->complete) {
        return;
    }
    if (header.status == FILE_GAP) {
        incomplete(replay, file->generation, "it could not take everything");
    } else if (header.status == FILE_OPEN && !same_boot) {
        incomplete(replay, file->generation, "the machine went down before its end was on the disk");
    }
}

static void
replay_file(struct replay *replay, const struct file *file, bool last)
{
    char path[PATH_MAX_BYTES];
    struct stat found;

    path_of(replay->journal, file->generation, path);
    replay->held = 0;
    replay->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (replay->fd < 0 || fstat(replay->fd, &found) != 0) {
        replay->failed = errno;
        unreadable(replay, file->generation);
    } else {
        replay->size = (int64_t)found.st_size;
        replay_content(replay, file, last);
    }
    if (replay->fd >= 0) {
        close(replay->fd);
    }
}

void
otc_journal_replay(const struct otc_journal *journal, uint64_t from,
                   bool (*fn)(void *arg, struct otc_slice record), void *arg,
                   struct otc_journal_replayed *out)
{
    struct replay replay = {.journal = journal, .fn = fn, .arg = arg, .out = out};
    uint64_t expected = from;

    *out = (struct otc_journal_replayed){.complete = true, .why = ""};
    for (size_t i = 0; i < journal->n_files && out->complete; i++) {
        const struct file *file = &journal->files[i];

        if (file->generation < from) {
            continue;
        }
        if (file->generation != expected) {
            break;
        }
        expected++;
        replay_file(&replay, file, i + 1 == journal->n_files);
    }
    free(replay.window);
    if (out->complete && (expected == from || journal->files[journal->n_files - 1].generation >= expected)) {
        incomplete(&replay, expected, "it is missing");
    }
}
