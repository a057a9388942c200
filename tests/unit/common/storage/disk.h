// SPDX-License-Identifier: Apache-2.0
/**
 * @file The system's calls on files below one folder, in the hands of a test: the n-th of a kind fails, or
 * all are noted, so that the folder can be made as a power cut would leave it. Flushes never reach the real
 * disk. Included by one file of a test's program, whose calls it replaces.
 */
#ifndef OTC_TESTS_STORAGE_DISK_H
#define OTC_TESTS_STORAGE_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum disk_call {
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_SYNC,
    DISK_RENAME,
    DISK_UNLINK,
    DISK_TRUNCATE,
    DISK_ALLOCATE,
    DISK_MKDIR,
    DISK_MMAP,
    DISK_CALLS
};
static const char *const disk_calls[] = {"open",   "read",      "write",    "sync",  "rename",
                                         "unlink", "ftruncate", "allocate", "mkdir", "mmap"};

enum disk_op_type { OP_CREATE, OP_WRITE, OP_SIZE, OP_SYNC, OP_RENAME, OP_UNLINK, OP_MKDIR, OP_SYNC_FOLDER };

#define DISK_FDS 1024
#define DISK_PATH 256
#define DISK_DIRTY 1024
#define DISK_READ_MAX 16000

/** Something that was done; a path is below the folder. */
struct disk_op {
    enum disk_op_type type;
    int file; /* one that was created */
    off_t at; /* or the size */
    uint8_t *bytes;
    size_t len;
    char path[DISK_PATH], to[DISK_PATH];
};

static struct {
    pthread_mutex_t lock;
    char folder[64]; /* empty: nothing is done here */
    /* Faults. */
    enum disk_call fails;
    int nth;      /* the first one that fails, from 1; 0: none */
    bool forever; /* and all after it */
    int error;
    int seen, failed;   /* calls of that kind */
    bool folder_failed; /* one of those that failed opened the folder itself */
    /* What was written and not flushed: a flush that fails loses it. */
    struct {
        int fd;
        off_t at;
        size_t len;
    } dirty[DISK_DIRTY];
    size_t n_dirty;
    /* What is noted. */
    bool notes;
    struct disk_op *ops;
    size_t n_ops, capacity;
    int n_files;
    struct {
        bool ours, folder;
        int file;
        char path[DISK_PATH];
    } fds[DISK_FDS];
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/** From now on the calls below this folder are looked at. */
static inline void
disk_watch(const char *folder)
{
    pthread_mutex_lock(&disk.lock);
    (void)snprintf(disk.folder, sizeof(disk.folder), "%s", folder);
    disk.nth = 0;
    pthread_mutex_unlock(&disk.lock);
}

/** The n-th call of the kind from now on fails; 0: none does. Returns how many did so far. */
static inline int
disk_fail(enum disk_call call, int nth, int error, bool forever)
{
    int failed;

    pthread_mutex_lock(&disk.lock);
    failed = disk.failed;
    disk.fails = call;
    disk.nth = nth;
    disk.error = error;
    disk.forever = forever;
    disk.seen = 0;
    disk.failed = 0;
    if (nth > 0) {
        disk.folder_failed = false;
    }
    pthread_mutex_unlock(&disk.lock);
    return failed;
}

/** Operations that were noted so far. */
static inline size_t
disk_ops(void)
{
    size_t n;

    pthread_mutex_lock(&disk.lock);
    n = disk.n_ops;
    pthread_mutex_unlock(&disk.lock);
    return n;
}

static inline void
disk_forget(void)
{
    for (size_t i = 0; i < disk.n_ops; i++) {
        free(disk.ops[i].bytes);
    }
    free(disk.ops);
    disk.ops = NULL;
    disk.n_ops = disk.capacity = 0;
    disk.n_files = 0;
}

/* ---- Under the lock -------------------------------------------------------------------------------- */

/* What stands behind the folder in a path; NULL: it is none of ours. */
static inline const char *
disk_below(const char *path)
{
    size_t len = strlen(disk.folder);

    if (len == 0 || strncmp(path, disk.folder, len) != 0) {
        return NULL;
    }
    return path[len] == '/' ? path + len + 1 : path[len] == '\0' ? path + len : NULL;
}

static inline bool
disk_ours(int fd)
{
    return fd >= 0 && fd < DISK_FDS && disk.fds[fd].ours;
}

/* errno when this call is to fail. */
static inline int
disk_fault(enum disk_call call)
{
    if (disk.nth == 0 || call != disk.fails) {
        return 0;
    }
    disk.seen++;
    if (disk.seen != disk.nth && !(disk.forever && disk.seen > disk.nth)) {
        return 0;
    }
    disk.failed++;
    return disk.error;
}

static inline struct disk_op *
disk_note(enum disk_op_type type)
{
    if (!disk.notes) {
        return NULL;
    }
    if (disk.n_ops == disk.capacity) {
        disk.capacity = disk.capacity * 2 + 64;
        disk.ops = realloc(disk.ops, disk.capacity * sizeof(*disk.ops));
        if (!disk.ops) {
            abort();
        }
    }
    disk.ops[disk.n_ops] = (struct disk_op){.type = type};
    return &disk.ops[disk.n_ops++];
}

/* Nothing of a file is dirty any more: it was flushed, or lost. */
static inline void
disk_clean(int fd, bool lost)
{
    static const uint8_t zeroes[1 << 16];
    size_t kept = 0;

    for (size_t i = 0; i < disk.n_dirty; i++) {
        if (disk.dirty[i].fd != fd) {
            disk.dirty[kept++] = disk.dirty[i];
            continue;
        }
        for (size_t done = 0; lost && done < disk.dirty[i].len;) {
            size_t part = disk.dirty[i].len - done;

            part = part < sizeof(zeroes) ? part : sizeof(zeroes);
            if (syscall(SYS_pwrite64, fd, zeroes, part, disk.dirty[i].at + (off_t)done) != (long)part) {
                abort();
            }
            done += part;
        }
    }
    disk.n_dirty = kept;
}

static inline void
disk_note_write(int fd, const void *bytes, size_t len, off_t at)
{
    struct disk_op *op = len > 0 ? disk_note(OP_WRITE) : NULL;

    if (len > 0) {
        if (disk.n_dirty == DISK_DIRTY) {
            abort();
        }
        disk.dirty[disk.n_dirty].fd = fd;
        disk.dirty[disk.n_dirty].at = at;
        disk.dirty[disk.n_dirty++].len = len;
    }
    if (op) {
        op->file = disk.fds[fd].file;
        op->at = at;
        op->len = len;
        op->bytes = malloc(len);
        if (!op->bytes) {
            abort();
        }
        memcpy(op->bytes, bytes, len);
    }
}

static inline void
disk_note_size(int fd, off_t size)
{
    struct disk_op *op = disk_note(OP_SIZE);

    if (op) {
        op->file = disk.fds[fd].file;
        op->at = size;
    }
}

static inline int
disk_result(long result)
{
    return (int)result;
}

/* ---- The calls ------------------------------------------------------------------------------------- */

#define DISK_PUBLIC __attribute__((visibility("default")))
/* Begins and ends a call on an open file of ours; others go through at once. */
#define DISK_ENTER(call, fd, real)                                                                           \
    int fault;                                                                                               \
    pthread_mutex_lock(&disk.lock);                                                                          \
    if (!disk_ours(fd)) {                                                                                    \
        pthread_mutex_unlock(&disk.lock);                                                                    \
        return real;                                                                                         \
    }                                                                                                        \
    fault = disk_fault(call)
#define DISK_LEAVE(result)                                                                                   \
    do {                                                                                                     \
        pthread_mutex_unlock(&disk.lock);                                                                    \
        if (fault) {                                                                                         \
            errno = fault;                                                                                   \
            return -1;                                                                                       \
        }                                                                                                    \
        return result;                                                                                       \
    } while (0)

static inline int
disk_open(const char *path, int flags, mode_t mode)
{
    const char *below;
    bool there;
    int fault, fd;

    pthread_mutex_lock(&disk.lock);
    below = disk_below(path);
    fault = below ? disk_fault(DISK_OPEN) : 0;
    if (fault) {
        disk.folder_failed = disk.folder_failed || *below == '\0';
        pthread_mutex_unlock(&disk.lock);
        errno = fault;
        return -1;
    }
    there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    fd = disk_result(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    if (fd >= 0 && fd < DISK_FDS) {
        disk.fds[fd].ours = below != NULL;
        disk.fds[fd].folder = flags & O_DIRECTORY;
        disk.fds[fd].file = -1;
        if (below) {
            (void)snprintf(disk.fds[fd].path, DISK_PATH, "%s", below);
        }
        if (below && !there && disk.notes) {
            struct disk_op *op = disk_note(OP_CREATE);

            op->file = disk.n_files++;
            (void)snprintf(op->path, DISK_PATH, "%s", below);
        }
        for (size_t i = disk.n_ops; below && i-- > 0;) {
            const struct disk_op *op = &disk.ops[i];

            if ((op->type == OP_CREATE && strcmp(op->path, below) == 0)) {
                disk.fds[fd].file = op->file;
                break;
            }
        }
        if (below && there && (flags & O_TRUNC)) {
            disk_note_size(fd, 0);
        }
    }
    pthread_mutex_unlock(&disk.lock);
    return fd;
}

DISK_PUBLIC int
open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return disk_open(path, flags, mode);
}

DISK_PUBLIC int
close(int fd)
{
    pthread_mutex_lock(&disk.lock);
    if (disk_ours(fd)) {
        disk_clean(fd, false);
        disk.fds[fd].ours = false;
    }
    pthread_mutex_unlock(&disk.lock);
    return disk_result(syscall(SYS_close, fd));
}

/* A read gives no more than so much at once. */
DISK_PUBLIC ssize_t
pread(int fd, void *bytes, size_t len, off_t at)
{
    DISK_ENTER(DISK_READ, fd, syscall(SYS_pread64, fd, bytes, len, at));
    len = len < DISK_READ_MAX ? len : DISK_READ_MAX;
    DISK_LEAVE(syscall(SYS_pread64, fd, bytes, len, at));
}

/* A write that fails has written half. */
DISK_PUBLIC ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    DISK_ENTER(DISK_WRITE, fd, syscall(SYS_pwrite64, fd, bytes, len, at));
    len = fault ? len / 2 : len;
    disk_note_write(fd, bytes, len, at);
    DISK_LEAVE(syscall(SYS_pwrite64, fd, bytes, len, at));
}

DISK_PUBLIC ssize_t
pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
    ssize_t done = 0;

    DISK_ENTER(DISK_WRITE, fd, syscall(SYS_pwritev, fd, parts, n, at, 0));
    for (int i = 0; i < n; i++) {
        size_t len = fault ? parts[i].iov_len / 2 : parts[i].iov_len;

        disk_note_write(fd, parts[i].iov_base, len, at + done);
        if (syscall(SYS_pwrite64, fd, parts[i].iov_base, len, at + done) != (long)len) {
            abort();
        }
        done += (ssize_t)len;
        if (fault) {
            break;
        }
    }
    DISK_LEAVE(done);
}

DISK_PUBLIC ssize_t
write(int fd, const void *bytes, size_t len)
{
    DISK_ENTER(DISK_WRITE, fd, syscall(SYS_write, fd, bytes, len));
    len = fault ? len / 2 : len;
    disk_note_write(fd, bytes, len, (off_t)lseek(fd, 0, SEEK_END));
    DISK_LEAVE(syscall(SYS_write, fd, bytes, len));
}

static inline void
disk_note_sync(int fd)
{
    struct disk_op *op = disk_note(disk.fds[fd].folder ? OP_SYNC_FOLDER : OP_SYNC);

    if (op) {
        op->file = disk.fds[fd].file;
        (void)snprintf(op->path, DISK_PATH, "%s", disk.fds[fd].path);
    }
}

static inline int
disk_flush(int fd, long call)
{
    DISK_ENTER(DISK_SYNC, fd, disk_result(syscall(call, fd)));
    if (!fault) {
        disk_note_sync(fd);
    }
    disk_clean(fd, fault != 0);
    DISK_LEAVE(0);
}

DISK_PUBLIC int
fdatasync(int fd)
{
    return disk_flush(fd, SYS_fdatasync);
}

DISK_PUBLIC int
fsync(int fd)
{
    return disk_flush(fd, SYS_fsync);
}

DISK_PUBLIC int
ftruncate(int fd, off_t size)
{
    DISK_ENTER(DISK_TRUNCATE, fd, disk_result(syscall(SYS_ftruncate, fd, size)));
    if (!fault) {
        disk_note_size(fd, size);
    }
    DISK_LEAVE(disk_result(syscall(SYS_ftruncate, fd, size)));
}

/* Tells its errno. */
DISK_PUBLIC int
posix_fallocate(int fd, off_t at, off_t len)
{
    int fault;

    pthread_mutex_lock(&disk.lock);
    fault = disk_ours(fd) ? disk_fault(DISK_ALLOCATE) : 0;
    if (!fault && disk_ours(fd)) {
        disk_note_size(fd, at + len);
    }
    pthread_mutex_unlock(&disk.lock);
    /* The room itself makes no difference to what is tested. */
    return fault ? fault : syscall(SYS_ftruncate, fd, at + len) == 0 ? 0 : errno;
}

DISK_PUBLIC int
rename(const char *from, const char *to)
{
    const char *below;
    int fault, failed;

    pthread_mutex_lock(&disk.lock);
    below = disk_below(from);
    fault = below ? disk_fault(DISK_RENAME) : 0;
    failed = fault ? -1 : disk_result(syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
    if (below && !failed && disk.notes) {
        struct disk_op *op = disk_note(OP_RENAME);

        (void)snprintf(op->path, DISK_PATH, "%s", below);
        (void)snprintf(op->to, DISK_PATH, "%s", disk_below(to));
    }
    pthread_mutex_unlock(&disk.lock);
    errno = fault ? fault : errno;
    return failed;
}

DISK_PUBLIC int
unlink(const char *path)
{
    const char *below;
    int fault, failed;

    pthread_mutex_lock(&disk.lock);
    below = disk_below(path);
    fault = below ? disk_fault(DISK_UNLINK) : 0;
    failed = fault ? -1 : disk_result(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
    if (below && !failed && disk.notes) {
        (void)snprintf(disk_note(OP_UNLINK)->path, DISK_PATH, "%s", below);
    }
    pthread_mutex_unlock(&disk.lock);
    errno = fault ? fault : errno;
    return failed;
}

DISK_PUBLIC int
mkdir(const char *path, mode_t mode)
{
    const char *below;
    int fault, failed;

    pthread_mutex_lock(&disk.lock);
    below = disk_below(path);
    fault = below ? disk_fault(DISK_MKDIR) : 0;
    failed = fault ? -1 : disk_result(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    if (below && !failed && disk.notes) {
        (void)snprintf(disk_note(OP_MKDIR)->path, DISK_PATH, "%s", below);
    }
    pthread_mutex_unlock(&disk.lock);
    errno = fault ? fault : errno;
    return failed;
}

/* What SQLite calls, which is built for large files. */
DISK_PUBLIC int
open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return disk_open(path, flags, mode);
}

DISK_PUBLIC ssize_t
pread64(int fd, void *bytes, size_t len, off64_t at)
{
    return pread(fd, bytes, len, at);
}

DISK_PUBLIC ssize_t
pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return pwrite(fd, bytes, len, at);
}

DISK_PUBLIC int
ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

DISK_PUBLIC void *
mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset)
{
    int fault;

    pthread_mutex_lock(&disk.lock);
    fault = disk_ours(fd) ? disk_fault(DISK_MMAP) : 0;
    pthread_mutex_unlock(&disk.lock);
    errno = fault ? fault : errno;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): so the system answers */
    return fault ? MAP_FAILED : (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

#endif
