// SPDX-License-Identifier: Apache-2.0
#include "common/storage/directory.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_MAX_BYTES 1024
#define LOCK_STEP_NS (10 * OTC_MILLISECOND)

otc_status
otc_directory_check(const char *path, struct otc_error *err)
{
    struct stat found;

    if (stat(path, &found) != 0) {
        return errno == ENOENT
                   ? otc_fail(err, OTC_NOT_FOUND, "must exist: stat %s: %s", path, strerror(errno))
                   : otc_fail(err, OTC_FAILED_PRECONDITION, "%s: %s", path, strerror(errno));
    }
    return S_ISDIR(found.st_mode) ? OTC_OK
                                  : otc_fail(err, OTC_FAILED_PRECONDITION, "%s is not a directory", path);
}

/* A new folder must be found after a power cut; where the one above cannot be flushed nothing is lost by
 * going on. */
static void
sync_parent(const char *path)
{
    char parent[PATH_MAX_BYTES];
    const char *end = strrchr(path, '/');
    int fd;

    (void)snprintf(parent, sizeof(parent), "%.*s", end > path ? (int)(end - path) : 1, end ? path : ".");
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

otc_status
otc_directory_make(const char *path, mode_t mode, struct otc_error *err)
{
    char part[PATH_MAX_BYTES];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(part)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: a path has 1 to %d bytes", path, PATH_MAX_BYTES - 1);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) == 0) {
            sync_parent(part);
        } else if (errno != EEXIST) {
            return otc_fail(err, errno == EACCES ? OTC_PERMISSION_DENIED : OTC_INTERNAL, "mkdir %s: %s", part,
                            strerror(errno));
        }
    }
    return otc_directory_check(path, err);
}

otc_status
otc_directory_lock(const char *path, int64_t timeout_ns, int *lock, struct otc_error *err)
{
    const struct timespec step = {0, LOCK_STEP_NS};
    char file[PATH_MAX_BYTES + 8];
    int fd;

    (void)snprintf(file, sizeof(file), "%s/.lock", path);
    fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return otc_fail(err, errno == EACCES || errno == EROFS ? OTC_PERMISSION_DENIED : OTC_INTERNAL,
                        "%s: %s", file, strerror(errno));
    }
    for (int64_t waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += LOCK_STEP_NS) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= timeout_ns) {
            close(fd);
            return otc_fail(err, OTC_UNAVAILABLE, "%s is in use by another process", path);
        }
        (void)nanosleep(&step, NULL);
    }
    *lock = fd;
    return OTC_OK;
}

void
otc_directory_unlock(int lock)
{
    if (lock >= 0) {
        close(lock);
    }
}
