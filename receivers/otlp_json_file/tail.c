// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_json_file/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Polls after which a file that is gone is forgotten: it may be on its way to another name. */
#define POLLS_GONE 3

struct followed {
    uint8_t *head; /* its first bytes */
    size_t n_head;
    int64_t offset; /* of the first byte that was not read */
    int64_t size;
    int64_t grown_ns; /* when it was seen to have grown */
    unsigned gone;    /* polls without it */
    bool seen;        /* in this poll */
    bool skipping;    /* the rest of a line that is too long */
    bool complained;
};

struct tail {
    struct tail_settings settings;
    struct tail_calls calls;
    struct followed *files;
    size_t n;
    bool polled;
    char *complained; /* path of the last file that could not be opened */
    uint8_t *head;
    uint8_t *line; /* max_line + 1 bytes */
};

struct tail *
otlp_json_file_tail_new(const struct tail_settings *settings, const struct tail_calls *calls)
{
    struct tail *tail = calloc(1, sizeof(*tail));

    if (!tail) {
        return NULL;
    }
    tail->settings = *settings;
    tail->calls = *calls;
    tail->files = calloc(settings->max_files, sizeof(*tail->files));
    tail->head = malloc(settings->fingerprint);
    tail->line = malloc(settings->max_line + 1);
    if (!tail->files || !tail->head || !tail->line) {
        otlp_json_file_tail_free(tail);
        return NULL;
    }
    return tail;
}

void
otlp_json_file_tail_free(struct tail *tail)
{
    if (!tail) {
        return;
    }
    for (size_t i = 0; tail->files && i < tail->n; i++) {
        free(tail->files[i].head);
    }
    free(tail->files);
    free(tail->head);
    free(tail->line);
    free(tail->complained);
    free(tail);
}

/* ---- Which file it is ------------------------------------------------------------------------------ */

/* The file whose first bytes these begin with, not seen in this poll; `*copy`: it was, under another name. */
static struct followed *
find(struct tail *tail, size_t n, bool *copy)
{
    *copy = false;
    for (size_t i = 0; i < tail->n; i++) {
        struct followed *file = &tail->files[i];

        if (file->n_head <= n && memcmp(file->head, tail->head, file->n_head) == 0) {
            if (!file->seen) {
                return file;
            }
            *copy = true;
        }
    }
    return NULL;
}

/* Remembers the first bytes, of which there may be more than before. False out of memory. */
static bool
remember(struct tail *tail, struct followed *file, size_t n)
{
    uint8_t *head;

    if (n <= file->n_head) {
        return true;
    }
    head = realloc(file->head, n);
    if (!head) {
        return false;
    }
    memcpy(head, tail->head, n);
    file->head = head;
    file->n_head = n;
    return true;
}

static struct followed *
add(struct tail *tail, size_t n, int64_t size)
{
    struct followed *file;
    bool at_end = !tail->polled && !tail->settings.from_beginning;

    if (tail->n == tail->settings.max_files) {
        return NULL;
    }
    file = &tail->files[tail->n];
    *file = (struct followed){.offset = at_end ? size : 0};
    if (!remember(tail, file, n)) {
        return NULL;
    }
    tail->n++;
    return file;
}

static void
forget_gone(struct tail *tail)
{
    size_t n = 0;

    for (size_t i = 0; i < tail->n; i++) {
        struct followed *file = &tail->files[i];

        file->gone = file->seen ? 0 : file->gone + 1;
        file->seen = false;
        if (file->gone > POLLS_GONE) {
            free(file->head);
        } else {
            tail->files[n++] = *file;
        }
    }
    tail->n = n;
}

/* ---- Reading --------------------------------------------------------------------------------------- */

static void
complain(struct tail *tail, struct followed *file, const char *path, const char *text)
{
    if (!file->complained) {
        tail->calls.trouble(tail->calls.arg, path, text);
    }
    file->complained = true;
}

/* Gives a line to the caller; false: it is to come again. */
static bool
give(struct tail *tail, const uint8_t *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    return len == 0 || tail->calls.line(tail->calls.arg, otc_slice_of(line, len));
}

/* The last line has no end, and the file has not grown for a while. */
static bool
is_over(const struct tail *tail, const struct followed *file, int64_t monotonic_ns)
{
    return tail->settings.flush_ns > 0 && monotonic_ns - file->grown_ns >= tail->settings.flush_ns;
}

/* Gives the lines among the bytes read from the file's offset on, which then moves. False: no more now. */
static bool
take_lines(struct tail *tail, struct followed *file, size_t n)
{
    size_t at = 0;

    while (at < n) {
        const uint8_t *end = memchr(tail->line + at, '\n', n - at);
        size_t len = end ? (size_t)(end - tail->line) - at : n - at;

        if (!end) {
            break;
        }
        if (!file->skipping && !give(tail, tail->line + at, len)) {
            file->offset += (int64_t)at;
            return false;
        }
        file->skipping = false;
        at += len + 1;
    }
    file->offset += (int64_t)at;
    return true;
}

/* Reads on in a file; false when it is to be left for now. */
static bool
read_some(struct tail *tail, struct followed *file, int fd, const char *path, int64_t monotonic_ns,
          size_t *left)
{
    int64_t before = file->offset;
    size_t room = tail->settings.max_line + 1;
    ssize_t n = pread(fd, tail->line, room, file->offset);

    if (n < 0) {
        complain(tail, file, path, strerrordesc_np(errno));
        return false;
    }
    *left -= *left < (size_t)n ? *left : (size_t)n;
    if (n == 0 || !take_lines(tail, file, (size_t)n)) {
        return false;
    }
    if (file->offset == before && (size_t)n == room) {
        complain(tail, file, path, "a line is longer than max_log_size; it is skipped");
        file->skipping = true;
        file->offset += n;
    } else if (file->offset == before) { /* the beginning of a line */
        if (is_over(tail, file, monotonic_ns) && (file->skipping || give(tail, tail->line, (size_t)n))) {
            file->skipping = false;
            file->offset += n;
        }
        return false;
    }
    return file->offset < file->size;
}

/* False when there is more to read. */
static bool
read_file(struct tail *tail, struct followed *file, int fd, const char *path, int64_t monotonic_ns,
          size_t *left)
{
    while (*left > 0 && read_some(tail, file, fd, path, monotonic_ns, left)) {
        continue;
    }
    if (tail->settings.replay && file->offset >= file->size) {
        file->offset = 0;
    }
    return *left > 0;
}

static void
cannot_open(struct tail *tail, const char *path)
{
    if (!tail->complained || strcmp(tail->complained, path) != 0) {
        tail->calls.trouble(tail->calls.arg, path, strerrordesc_np(errno));
        free(tail->complained);
        tail->complained = strdup(path);
    }
}

/* The file that an open descriptor is; NULL: nothing to read there. */
static struct followed *
identify(struct tail *tail, int fd, int64_t monotonic_ns)
{
    struct stat stat;
    struct followed *file;
    ssize_t n;
    bool copy;

    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        return NULL;
    }
    n = pread(fd, tail->head, tail->settings.fingerprint, 0);
    if (n <= 0) {
        return NULL;
    }
    file = find(tail, (size_t)n, &copy);
    if (!file && !copy) {
        file = add(tail, (size_t)n, stat.st_size);
    }
    if (!file || !remember(tail, file, (size_t)n)) {
        return NULL;
    }
    file->seen = true;
    if (stat.st_size < file->offset) { /* cut, with the same beginning */
        file->offset = 0;
    }
    if (stat.st_size != file->size) {
        file->grown_ns = monotonic_ns;
    }
    file->size = stat.st_size;
    return file;
}

static bool
is_excluded(const struct tail *tail, const char *path)
{
    for (size_t i = 0; i < tail->settings.n_exclude; i++) {
        if (fnmatch(tail->settings.exclude[i], path, FNM_PATHNAME) == 0) {
            return true;
        }
    }
    return false;
}

/* False when there is more to read. */
static bool
visit(struct tail *tail, const char *path, int64_t monotonic_ns, size_t *left)
{
    struct followed *file;
    bool done = true;
    int fd;

    if (is_excluded(tail, path)) {
        return true;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        cannot_open(tail, path);
        return true;
    }
    file = identify(tail, fd, monotonic_ns);
    if (file) {
        done = read_file(tail, file, fd, path, monotonic_ns, left);
    }
    (void)close(fd);
    return done;
}

bool
otlp_json_file_tail_poll(struct tail *tail, int64_t monotonic_ns, size_t bytes)
{
    bool done = true;

    for (size_t i = 0; i < tail->settings.n_include; i++) {
        glob_t found = {0};

        if (glob(tail->settings.include[i], 0, NULL, &found) == 0) {
            for (size_t p = 0; p < found.gl_pathc; p++) {
                done = visit(tail, found.gl_pathv[p], monotonic_ns, &bytes) && done;
            }
        }
        globfree(&found);
    }
    forget_gone(tail);
    tail->polled = true;
    return !done;
}
