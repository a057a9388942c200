// SPDX-License-Identifier: Apache-2.0
#include "common/component/file_watch.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/** What tells one state of a file from another. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct otc_file_watch {
    struct otc_host *host;
    const char *path;
    otc_file_watch_fn fn;
    void *arg;
    struct otc_timer *timer;
    struct stamp stamp;
    bool missing; /* it could not be read when last looked at: that was told */
};

static otc_status
fail_errno(const char *path, struct otc_error *err)
{
    char text[128];

    return otc_fail(err, OTC_FAILED_PRECONDITION, "open %s: %s", path, strerror_r(errno, text, sizeof(text)));
}

static bool
same(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool
stamp_of(int fd, struct stamp *out)
{
    struct stat about;

    if (fstat(fd, &about) != 0) {
        return false;
    }
    *out = (struct stamp){about.st_dev, about.st_ino, about.st_size, about.st_mtim};
    return true;
}

static otc_status
read_all(int fd, const char *path, struct otc_buf *out, struct otc_error *err)
{
    char chunk[4096];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        if (out->len + (size_t)n > OTC_FILE_WATCH_MAX || !otc_buf_append(out, chunk, (size_t)n)) {
            return otc_fail(err, OTC_FAILED_PRECONDITION, "%s: larger than %zu bytes", path,
                            OTC_FILE_WATCH_MAX);
        }
    }
    return n < 0 ? fail_errno(path, err) : OTC_OK;
}

/** The stamp is taken first: what is written meanwhile is read at the next look. */
static otc_status
read_file(const char *path, struct stamp *stamp, struct otc_buf *out, struct otc_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    otc_status status;

    if (fd < 0 || !stamp_of(fd, stamp)) {
        status = fail_errno(path, err);
    } else {
        status = read_all(fd, path, out, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

otc_status
otc_file_read(const char *path, struct otc_buf *out, struct otc_error *err)
{
    struct stamp stamp;

    return read_file(path, &stamp, out, err);
}

static bool
has_changed(const struct otc_file_watch *watch)
{
    struct stat about;
    struct stamp now;

    if (stat(watch->path, &about) != 0) {
        return !watch->missing;
    }
    now = (struct stamp){about.st_dev, about.st_ino, about.st_size, about.st_mtim};
    return watch->missing || !same(&now, &watch->stamp);
}

static void
look(void *arg)
{
    struct otc_file_watch *watch = arg;
    OTC_AUTO_BUF struct otc_buf contents = {.limit = OTC_FILE_WATCH_MAX};
    struct otc_error err = OTC_ERROR_INIT;

    if (has_changed(watch)) {
        if (read_file(watch->path, &watch->stamp, &contents, &err) == OTC_OK) {
            watch->missing = false;
            watch->fn(watch->arg, otc_buf_slice(&contents), NULL);
        } else if (!watch->missing) {
            watch->missing = true;
            watch->fn(watch->arg, OTC_SLICE_NONE, &err);
        }
    }
    watch->host->timer_arm(watch->host, watch->timer, OTC_FILE_WATCH_INTERVAL);
}

otc_status
otc_file_watch_new(struct otc_host *host, const char *path, bool may_be_missing, otc_file_watch_fn fn,
                   void *arg, struct otc_buf *first, struct otc_file_watch **out, struct otc_error *err)
{
    struct otc_file_watch *watch = calloc(1, sizeof(*watch));
    otc_status status;

    *out = NULL;
    if (watch) {
        *watch = (struct otc_file_watch){.host = host, .path = path, .fn = fn, .arg = arg};
        watch->timer = host->timer_new(host, look, watch);
    }
    if (!watch || !watch->timer) {
        free(watch);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a file watch");
    }
    status = read_file(path, &watch->stamp, first, err);
    watch->missing = status != OTC_OK;
    if (status != OTC_OK && !may_be_missing) {
        otc_file_watch_free(watch);
        return status;
    }
    host->timer_arm(host, watch->timer, OTC_FILE_WATCH_INTERVAL);
    *out = watch;
    return OTC_OK;
}

void
otc_file_watch_free(struct otc_file_watch *watch)
{
    if (watch) {
        watch->host->timer_free(watch->host, watch->timer);
        free(watch);
    }
}
