// SPDX-License-Identifier: Apache-2.0
#include "exporters/file/writer.h"

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Held in memory before it is written; a record may go beyond. */
#define HELD_BYTES ((size_t)64 << 10)
/* "-2026-01-31T12-00-00.000" */
#define STAMP_LEN 24
#define BACKUPS_MAX 100000
/* Names that are tried for a file that has its size, a millisecond apart. */
#define NAMES_MAX 10000

struct file_writer {
    const struct file_writer_settings *settings;
    int fd;
    int64_t size; /* with what is held */
    bool fresh;   /* what another process left there is to be removed yet */
    struct otc_buf held;
};

static otc_status
fail(struct otc_error *err, otc_status status, const char *what, const char *path)
{
    return otc_fail(err, status, "%s %s: %s", what, path, strerrordesc_np(errno));
}

/* ---- Opening --------------------------------------------------------------------------------------- */

/* Makes the folders that the path goes through. */
static otc_status
make_folders(const char *path, unsigned permissions, struct otc_error *err)
{
    char *copy = strdup(path);
    otc_status status = OTC_OK;

    if (!copy) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (char *at = strchr(copy + 1, '/'); at && status == OTC_OK; at = strchr(at + 1, '/')) {
        *at = 0;
        if (mkdir(copy, (mode_t)permissions) != 0 && errno != EEXIST) {
            status = fail(err, OTC_FAILED_PRECONDITION, "cannot make the folder", copy);
        }
        *at = '/';
    }
    free(copy);
    return status;
}

static otc_status
open_file(struct file_writer *writer, struct otc_error *err)
{
    const struct file_writer_settings *settings = writer->settings;
    bool goes_on = settings->append || settings->max_bytes > 0;
    struct stat stat;

    writer->fd = open(settings->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0644);
    if (writer->fd < 0 || fstat(writer->fd, &stat) != 0) {
        return fail(err, OTC_FAILED_PRECONDITION, "cannot open", settings->path);
    }
    writer->size = stat.st_size;
    writer->fresh = !goes_on && S_ISREG(stat.st_mode);
    return OTC_OK;
}

otc_status
file_writer_open(const struct file_writer_settings *settings, struct file_writer **out, struct otc_error *err)
{
    struct file_writer *writer = calloc(1, sizeof(*writer));
    otc_status status = OTC_OK;

    if (!writer) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    writer->settings = settings;
    writer->fd = -1;
    writer->held.limit = (size_t)1 << 31;
    if (settings->directory_permissions) {
        status = make_folders(settings->path, settings->directory_permissions, err);
    }
    if (status == OTC_OK) {
        status = open_file(writer, err);
    }
    if (status != OTC_OK) {
        (void)file_writer_close(writer, NULL);
        return status;
    }
    *out = writer;
    return OTC_OK;
}

/* ---- Writing --------------------------------------------------------------------------------------- */

static otc_status
write_held(struct file_writer *writer, struct otc_error *err)
{
    size_t done = 0;

    while (writer->fd >= 0 && done < writer->held.len) {
        ssize_t n = write(writer->fd, writer->held.data + done, writer->held.len - done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            otc_status status = fail(err, OTC_UNAVAILABLE, "cannot write", writer->settings->path);

            memmove(writer->held.data, writer->held.data + done, writer->held.len - done);
            writer->held.len -= done;
            return status;
        }
        done += (size_t)n;
    }
    otc_buf_clear_large(&writer->held, FILE_KEPT_BYTES);
    return OTC_OK;
}

otc_status
file_writer_flush(struct file_writer *writer, struct otc_error *err)
{
    if (writer->fresh && ftruncate(writer->fd, 0) != 0) {
        return fail(err, OTC_UNAVAILABLE, "cannot empty", writer->settings->path);
    }
    writer->fresh = false;
    return write_held(writer, err);
}

otc_status
file_writer_close(struct file_writer *writer, struct otc_error *err)
{
    otc_status status = OTC_OK;

    if (!writer) {
        return OTC_OK;
    }
    if (writer->fd >= 0) {
        status = write_held(writer, err);
        (void)close(writer->fd);
    }
    otc_buf_release(&writer->held);
    free(writer);
    return status;
}

/* ---- Renamed files --------------------------------------------------------------------------------- */

/* The extension of a path, with its dot; its end without one. */
static const char *
extension_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

    return dot ? dot : path + strlen(path);
}

static void
backup_name(const struct file_writer *writer, int64_t now_ns, struct otc_buf *out)
{
    const char *path = writer->settings->path, *extension = extension_of(path);
    time_t seconds = (time_t)(now_ns / OTC_SECOND);
    struct tm tm;
    char stamp[32] = "";

    if (writer->settings->local_time ? localtime_r(&seconds, &tm) : gmtime_r(&seconds, &tm)) {
        (void)strftime(stamp, sizeof(stamp), "-%Y-%m-%dT%H-%M-%S", &tm);
    }
    otc_buf_clear(out);
    (void)otc_buf_printf(out, "%.*s%s.%03d%s", (int)(extension - path), path, stamp,
                         (int)(now_ns / OTC_MILLISECOND % 1000), extension);
}

static int
newest_first(const void *a, const void *b)
{
    return -strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether the name in the file's folder is that of a renamed one. */
static bool
is_backup(const char *name, const char *base)
{
    const char *extension = extension_of(base);
    size_t stem = (size_t)(extension - base), len = strlen(name);

    return len == stem + STAMP_LEN + strlen(extension) && strncmp(name, base, stem) == 0 &&
           name[stem] == '-' && strcmp(name + stem + STAMP_LEN, extension) == 0;
}

static void
remove_surplus(const struct file_writer *writer, const char *folder, char **names, size_t n, int64_t now_ns)
{
    const struct file_writer_settings *settings = writer->settings;

    qsort(names, n, sizeof(char *), newest_first);
    for (size_t i = 0; i < n; i++) {
        struct otc_buf path = {.limit = 8192};
        struct stat stat;

        (void)otc_buf_printf(&path, "%s/%s", folder, names[i]);
        if (otc_buf_cstr(&path) && lstat(otc_buf_cstr(&path), &stat) == 0 &&
            ((settings->max_backups > 0 && i >= settings->max_backups) ||
             (settings->max_age_ns > 0 &&
              now_ns - (int64_t)stat.st_mtime * OTC_SECOND > settings->max_age_ns))) {
            (void)unlink(otc_buf_cstr(&path));
        }
        otc_buf_release(&path);
    }
}

/* Removes renamed files beyond the limits. */
static void
tidy(const struct file_writer *writer, int64_t now_ns)
{
    char *path = strdup(writer->settings->path), *copy = strdup(writer->settings->path);
    const char *folder = path ? dirname(path) : NULL, *base = copy ? basename(copy) : NULL;
    DIR *dir = folder && base ? opendir(folder) : NULL;
    char **names = dir ? calloc(BACKUPS_MAX, sizeof(char *)) : NULL;
    struct dirent *entry;
    size_t n = 0;

    while (names && n < BACKUPS_MAX && (entry = readdir(dir)) != NULL) {
        if (is_backup(entry->d_name, base) && (names[n] = strdup(entry->d_name)) != NULL) {
            n++;
        }
    }
    if (names) {
        remove_surplus(writer, folder, names, n, now_ns);
    }
    for (size_t i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
    if (dir) {
        (void)closedir(dir);
    }
    free(path);
    free(copy);
}

/* Renames unless the new name is taken (EEXIST). Not every file system can do that in one step; nobody else
 * gives such names. */
static int
rename_to_free(const char *from, const char *to)
{
    int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

    if (rc == 0 || (errno != EINVAL && errno != ENOSYS)) {
        return rc;
    }
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

/* Gives the file the name of the time, or of the next millisecond after it whose name is free: two files may
 * be full in one, and the clock may have been set back. */
static otc_status
rename_file(const struct file_writer *writer, int64_t now_ns, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf name = {.limit = 8192};

    for (int i = 0; i < NAMES_MAX; i++) {
        backup_name(writer, now_ns + i * OTC_MILLISECOND, &name);
        if (!otc_buf_cstr(&name)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        if (rename_to_free(writer->settings->path, otc_buf_cstr(&name)) == 0) {
            return OTC_OK;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return fail(err, OTC_UNAVAILABLE, "cannot rename", writer->settings->path);
}

/* The file has its size: it gets another name, and a new one begins. */
static otc_status
rotate(struct file_writer *writer, int64_t now_ns, struct otc_error *err)
{
    otc_status status = file_writer_flush(writer, err);

    if (status == OTC_OK) {
        status = rename_file(writer, now_ns, err);
    }
    if (status != OTC_OK) {
        return status;
    }
    (void)close(writer->fd);
    status = open_file(writer, err);
    tidy(writer, now_ns);
    return status;
}

otc_status
file_writer_append(struct file_writer *writer, struct otc_slice head, struct otc_slice record,
                   struct otc_slice tail, int64_t now_ns, struct otc_error *err)
{
    size_t bytes = head.len + record.len + tail.len;
    otc_status status = OTC_OK;

    if (writer->fd < 0) { /* a rotation that could not go on */
        status = open_file(writer, err);
    }
    if (status == OTC_OK && writer->settings->max_bytes > 0 && writer->size > 0 &&
        writer->size + (int64_t)bytes > writer->settings->max_bytes) {
        status = rotate(writer, now_ns, err);
    }
    if (status == OTC_OK && writer->held.len > 0 && writer->held.len + bytes > HELD_BYTES) {
        status = file_writer_flush(writer, err);
    }
    if (status != OTC_OK) {
        return status;
    }
    if (!otc_buf_reserve(&writer->held, bytes)) {
        writer->held.failed = false;
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    (void)otc_buf_append_slice(&writer->held, head);
    (void)otc_buf_append_slice(&writer->held, record);
    (void)otc_buf_append_slice(&writer->held, tail);
    writer->size += (int64_t)bytes;
    return OTC_OK;
}
