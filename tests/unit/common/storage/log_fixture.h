// SPDX-License-Identifier: Apache-2.0
/** @file A log in a folder of its own, what it found and told, and a disk that fails when it is told to. */
#ifndef OTC_TESTS_STORAGE_LOG_FIXTURE_H
#define OTC_TESTS_STORAGE_LOG_FIXTURE_H

#include "common/base/buf.h"
#include "common/storage/log_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS_MAX 40000

/* A log in a folder of its own, with what it found at the start and what it told. */
struct fixture {
    char folder[64];
    struct otc_log_writer *writer;
    struct otc_log *log;
    struct otc_log_options options;
    struct otc_log_found found;
    struct otc_error err;
    struct otc_log_record *records[RECORDS_MAX]; /* found or durable, by the number in their content */
    int order[RECORDS_MAX];
    size_t n_order;
    pthread_mutex_t lock;
    pthread_cond_t told;
    int waiting;
    int failed;
    struct otc_error failure;
    /* Faults. */
    int fail_writes, fail_syncs, fail_creates; /* how many of the next ones */
    int error;
    int syncs;                     /* that were asked for */
    void (*told_hook)(int number); /* called when a record is there */
};

static inline int
take_fault(int *left, int error)
{
    if (*left == 0) {
        return 0;
    }
    *left -= *left > 0;
    return error;
}

static inline int
faulty_create(void *arg, const char *path, off_t size, int *fd)
{
    struct fixture *f = arg;
    int failed = take_fault(&f->fail_creates, f->error);

    if (failed) {
        return failed;
    }
    *fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    return *fd < 0 ? errno : ftruncate(*fd, size) == 0 ? 0 : errno;
}

/* A write that fails has written half of its bytes. */
static inline int
faulty_write(void *arg, int fd, struct iovec *parts, int n, off_t offset)
{
    struct fixture *f = arg;
    int failed = take_fault(&f->fail_writes, f->error);

    for (int i = 0; i < (failed ? n / 2 : n); i++) {
        if (pwrite(fd, parts[i].iov_base, parts[i].iov_len, offset) != (ssize_t)parts[i].iov_len) {
            return errno;
        }
        offset += (off_t)parts[i].iov_len;
    }
    return failed;
}

static inline int
faulty_sync(void *arg, int fd)
{
    struct fixture *f = arg;

    (void)fd;
    pthread_mutex_lock(&f->lock);
    f->syncs++;
    pthread_cond_broadcast(&f->told);
    pthread_mutex_unlock(&f->lock);
    return take_fault(&f->fail_syncs, f->error);
}

static const struct otc_log_io faulty = {faulty_create, faulty_write, faulty_sync, NULL};
static struct otc_log_io io;

static inline void
note(void *arg, struct otc_log_record *record, struct otc_slice content)
{
    struct fixture *f = arg;
    char text[16] = "";
    int number;

    memcpy(text, content.data, content.len < 15 ? content.len : 15);
    number = (int)strtol(text, NULL, 10);
    assert_in_range(number, 0, RECORDS_MAX - 1);
    f->records[number] = record;
    f->order[f->n_order++] = number;
}

static inline void
open_log(struct fixture *f)
{
    f->n_order = 0;
    memset(f->records, 0, sizeof(f->records));
    if (otc_log_open(f->writer, &f->options, &f->found, &f->log, &f->err) != OTC_OK) {
        fail_msg("%s", f->err.text);
    }
}

static inline int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->folder, sizeof(f->folder), "/tmp/aimon-log-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->err = OTC_ERROR_INIT;
    f->error = EIO;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->told, NULL);
    io = faulty;
    io.arg = f;
    f->options = (struct otc_log_options){.directory = f->folder,
                                          .base = "exporter_otlp_traces",
                                          .segment_bytes = 1 << 16,
                                          .max_bytes = (int64_t)64 << 20,
                                          .now_ns = INT64_C(1767225600000000000),
                                          .io = &io,
                                          .found = note,
                                          .arg = f};
    assert_int_equal(otc_log_writer_new(&f->writer, &f->err), OTC_OK);
    open_log(f);
    *state = f;
    return 0;
}

/* As after the end of the process: nothing is removed, nothing noted. */
static inline void
close_log(struct fixture *f)
{
    otc_log_close(f->log);
    f->log = NULL;
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        otc_log_forget(NULL, f->records[i]);
        f->records[i] = NULL;
    }
}

static inline void
reopen(struct fixture *f)
{
    close_log(f);
    open_log(f);
}

static inline long
file_size(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 ? (long)found.st_size : -1;
}

static inline size_t
files(struct fixture *f, const char *part, char path[512])
{
    DIR *folder = opendir(f->folder);
    struct dirent *entry;
    size_t n = 0;

    while ((entry = readdir(folder))) {
        if (strstr(entry->d_name, part)) {
            n++;
            if (path) {
                snprintf(path, 512, "%s/%s", f->folder, entry->d_name);
            }
        }
    }
    closedir(folder);
    return n;
}

/* Removes all that is in a folder, folders too. */
static inline void
empty_folder(const char *folder)
{
    DIR *list = opendir(folder);
    const struct dirent *entry;
    char path[1024];

    while (list && (entry = readdir(list))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_in_range(snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name), 1,
                            sizeof(path) - 1);
            if (unlink(path) != 0) {
                empty_folder(path);
                (void)rmdir(path);
            }
        }
    }
    if (list) {
        closedir(list);
    }
}

static inline int
teardown(void **state)
{
    struct fixture *f = *state;
    char path[512];

    close_log(f);
    otc_log_writer_free(f->writer);
    while (files(f, "exporter", path) > 0) {
        unlink(path);
    }
    rmdir(f->folder);
    free(f);
    return 0;
}

static inline void
put_done(void *arg, struct otc_log_record *record, const struct otc_error *result)
{
    struct {
        struct fixture *f;
        int number;
        char text[16];
        char filler[];
    } *put = arg;
    struct fixture *f = put->f;

    if (result->status == OTC_OK && f->told_hook) {
        f->told_hook(put->number);
    }
    pthread_mutex_lock(&f->lock);
    f->records[put->number] = record;
    f->waiting--;
    if (result->status != OTC_OK) {
        f->failed++;
        f->failure = *result;
    }
    pthread_cond_broadcast(&f->told);
    pthread_mutex_unlock(&f->lock);
    free(put);
}

static inline otc_status
put(struct fixture *f, int number, size_t filler)
{
    struct {
        struct fixture *f;
        int number;
        char text[16];
        char filler[];
    } *p = calloc(1, sizeof(*p) + filler);
    struct otc_slice slices[3];
    otc_status status;

    p->f = f;
    p->number = number;
    snprintf(p->text, sizeof(p->text), "%d ", number);
    slices[0] = otc_slice_str(p->text);
    slices[1] = OTC_SLICE_NONE;
    slices[2] = otc_slice_of(p->filler, filler);
    pthread_mutex_lock(&f->lock);
    f->waiting++;
    pthread_mutex_unlock(&f->lock);
    status = otc_log_put(f->log, slices, 3, put_done, p, &f->err);
    if (status != OTC_PENDING) {
        pthread_mutex_lock(&f->lock);
        f->waiting--;
        pthread_mutex_unlock(&f->lock);
        free(p);
    }
    return status;
}

/* The end of a record's way to a file of its own. */
static inline void
aside_done(void *arg, int failed)
{
    struct fixture *f = arg;

    pthread_mutex_lock(&f->lock);
    f->waiting--;
    f->failed += failed != 0;
    pthread_cond_broadcast(&f->told);
    pthread_mutex_unlock(&f->lock);
}

static inline void
wait_told(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    while (f->waiting > 0) {
        pthread_cond_wait(&f->told, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
}

/* Until so many flushes were asked for. */
static inline void
wait_syncs(struct fixture *f, int n)
{
    pthread_mutex_lock(&f->lock);
    while (f->syncs < n) {
        pthread_cond_wait(&f->told, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
}

static inline void
put_many(struct fixture *f, int from, int to, size_t filler)
{
    for (int i = from; i < to; i++) {
        assert_int_equal(put(f, i, filler), OTC_PENDING);
    }
    wait_told(f);
}

static inline void
take_out(struct fixture *f, int number)
{
    assert_non_null(f->records[number]);
    otc_log_remove(f->log, f->records[number]);
    f->records[number] = NULL;
}

static inline void
check_order(struct fixture *f, const int *numbers, size_t n)
{
    assert_int_equal(f->n_order, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(f->order[i], numbers[i]);
    }
}

/* Changes a byte of the only segment, at the n-th place of this text. */
static inline void
damage(struct fixture *f, const char *text, int from_text)
{
    char path[512];
    uint8_t *bytes = malloc(1 << 20);
    size_t len = 0, at = 0;
    int fd;
    ssize_t n;

    assert_int_equal(files(f, ".segment", path), 1);
    fd = open(path, O_RDWR);
    while ((n = read(fd, bytes + len, (1 << 20) - len)) > 0) {
        len += (size_t)n;
    }
    while (at + strlen(text) < len && memcmp(bytes + at, text, strlen(text)) != 0) {
        at++;
    }
    assert_true(at + strlen(text) < len);
    bytes[at + (size_t)from_text] ^= 0x10;
    assert_int_equal(pwrite(fd, bytes + at + from_text, 1, (off_t)at + from_text), 1);
    close(fd);
    free(bytes);
}

#endif
