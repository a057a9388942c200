// SPDX-License-Identifier: Apache-2.0
/* A poll: the files that are there, one after another. */
#include "receivers/otlp_json_file/tail_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Paths of one poll; files that are followed are fewer. */
#define PATHS_MAX 200000
/* Paths that are remembered so that each is complained of once. */
#define COMPLAINED_MAX 10000
/* Ids of forgotten files between two writes. */
#define FORGOTTEN_BYTES_MAX ((size_t)64 << 10)

static bool
add_patterns(struct patterns *patterns, char *const *items, size_t n)
{
    struct otc_error err = OTC_ERROR_INIT;

    for (size_t i = 0; i < n; i++) {
        if (otlp_json_file_patterns_add(patterns, items[i], &err) != OTC_OK) {
            return false;
        }
    }
    return true;
}

struct tail *
otlp_json_file_tail_new(const struct tail_settings *settings, const struct tail_calls *calls)
{
    bool packed = settings->compression != TAIL_PLAIN;
    struct tail *tail = calloc(1, sizeof(*tail));

    if (!tail) {
        return NULL;
    }
    tail->settings = *settings;
    tail->calls = *calls;
    tail->forgotten.limit = FORGOTTEN_BYTES_MAX;
    tail->files = calloc(settings->max_files, sizeof(*tail->files));
    tail->complained = otc_map_new(COMPLAINED_MAX);
    tail->head = malloc(settings->fingerprint);
    tail->line = malloc(settings->max_line + 1);
    tail->packed = packed ? malloc(PACKED_BYTES) : NULL;
    tail->unpacked = packed ? malloc(settings->max_line + 1) : NULL;
    if (!tail->files || !tail->complained || !tail->head || !tail->line ||
        (packed && (!tail->packed || !tail->unpacked)) ||
        !add_patterns(&tail->include, settings->include, settings->n_include) ||
        !add_patterns(&tail->exclude, settings->exclude, settings->n_exclude)) {
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
    otlp_json_file_stop_unpacking(tail);
    otlp_json_file_patterns_release(&tail->include);
    otlp_json_file_patterns_release(&tail->exclude);
    otc_map_free(tail->complained, NULL);
    otc_buf_release(&tail->forgotten);
    free(tail->files);
    free(tail->head);
    free(tail->line);
    free(tail->packed);
    free(tail->unpacked);
    free(tail);
}

void
otlp_json_file_complain_of(struct tail *tail, const char *path, const char *text)
{
    static char told;

    if (!otc_map_get(tail->complained, otc_slice_str(path))) {
        (void)otc_map_put(tail->complained, otc_slice_str(path), &told);
        tail->calls.trouble(tail->calls.arg, path, text);
    }
}

/* All of it was given, and no part of a compressed member is there whose rest is still to be written. */
static bool
is_finished(const struct tail *tail, const struct followed *file)
{
    return !file->damaged && otlp_json_file_at_end(tail, file) &&
           (!file->at.packed || file->at.base >= file->size);
}

/* Removes a file that was read to its end, when it is still the one that was read and has not grown since. */
static void
remove_read(struct tail *tail, struct followed *file, int fd, const char *path)
{
    struct stat now, there;

    if (fstat(fd, &now) != 0 || stat(path, &there) != 0 || now.st_size != file->size ||
        now.st_dev != there.st_dev || now.st_ino != there.st_ino) {
        return;
    }
    if (unlink(path) != 0) {
        otlp_json_file_complain(tail, file, path, strerrordesc_np(errno));
    }
}

/* False when there is more to read. */
static bool
visit_open(struct tail *tail, int fd, const char *path, int64_t monotonic_ns, int64_t unix_ns, size_t *left)
{
    struct followed *file;
    struct stat stat;
    bool done;

    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        return true;
    }
    file = otlp_json_file_identify(tail, fd, path, &stat, monotonic_ns, unix_ns);
    if (file && otc_map_count(tail->complained) > 0) {
        (void)otc_map_remove(tail->complained, otc_slice_str(path));
    }
    if (!file || (tail->settings.lock && flock(fd, LOCK_SH | LOCK_NB) != 0)) {
        return true;
    }
    done = otlp_json_file_read(tail, file, fd, path, monotonic_ns, left);
    if (tail->settings.remove && is_finished(tail, file)) {
        remove_read(tail, file, fd, path);
    }
    return done; /* closing the file lets go of the lock */
}

static bool
visit(struct tail *tail, const char *path, int64_t monotonic_ns, int64_t unix_ns, size_t *left)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool done;

    if (fd < 0) {
        if (errno != ENOENT) {
            otlp_json_file_complain_of(tail, path, strerrordesc_np(errno));
        }
        return true;
    }
    done = visit_open(tail, fd, path, monotonic_ns, unix_ns, left);
    (void)close(fd);
    return done;
}

bool
otlp_json_file_tail_poll(struct tail *tail, int64_t monotonic_ns, int64_t unix_ns, size_t bytes)
{
    struct paths paths;
    bool done = true;

    tail->refused = false;
    if (otlp_json_file_paths_find(&tail->include, &tail->exclude, PATHS_MAX, &paths)) {
        size_t first = tail->first < paths.n ? tail->first : 0, nothing = 0;

        tail->first = 0;
        for (size_t i = 0; i < paths.n; i++) {
            bool had = bytes > 0;

            done = visit(tail, paths.items[i], monotonic_ns, unix_ns, i < first ? &nothing : &bytes) && done;
            if (had && bytes == 0 && tail->refused) {
                tail->first = i + 1;
            }
        }
        otlp_json_file_forget_gone(tail);
        tail->polled = true;
    }
    otlp_json_file_paths_release(&paths);
    return !done;
}
