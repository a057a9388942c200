// SPDX-License-Identifier: Apache-2.0
/* Records that nobody wants, kept as files of their own. */
#include "common/storage/log_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* So many at a time: records that are put wait meanwhile. */
#define AT_ONCE 16

otc_status
otc_log_set_aside(struct otc_log *log, struct otc_log_record *record, const struct otc_log_aside *aside,
                  struct otc_error *err)
{
    struct otc__log_aside *entry = calloc(1, sizeof(*entry));

    if (!entry) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    entry->record = record;
    entry->skip = aside->skip < record->len ? aside->skip : (size_t)record->len;
    entry->done = aside->done;
    entry->arg = aside->arg;
    if ((size_t)snprintf(entry->folder, sizeof(entry->folder), "%s", aside->folder) >=
            sizeof(entry->folder) ||
        (size_t)snprintf(entry->name, sizeof(entry->name), "%s", aside->name) >= sizeof(entry->name)) {
        free(entry);
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the path is too long", aside->folder);
    }
    (void)snprintf(entry->why, sizeof(entry->why), "%s\n", aside->why);
    pthread_mutex_lock(&log->writer->lock);
    *(log->last_aside ? &log->last_aside->next : &log->first_aside) = entry;
    log->last_aside = entry;
    pthread_cond_signal(&log->writer->work);
    pthread_mutex_unlock(&log->writer->lock);
    return OTC_PENDING;
}

static int
write_bytes(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A file with these bytes under its name, once they are flushed. errno or 0. */
static int
write_file(const struct otc_log *log, const char *path, const uint8_t *bytes, size_t len)
{
    char part[2 * OTC__LOG_PATH];
    int fd, failed;

    (void)snprintf(part, sizeof(part), "%s.part", path);
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    failed = write_bytes(fd, bytes, len);
    if (!failed) {
        failed = log->io.sync(log->io.arg, fd);
    }
    close(fd);
    if (!failed && rename(part, path) != 0) {
        failed = errno;
    }
    if (failed) {
        (void)unlink(part);
    }
    return failed;
}

/* The content beside its reason; the reason may be lost. errno or 0. */
static int
write_aside(const struct otc_log *log, const struct otc__log_aside *aside)
{
    OTC_AUTO_BUF struct otc_buf content = {.limit = OTC_LOG_RECORD_MAX};
    char path[OTC__LOG_PATH + sizeof(aside->name)];
    otc_status status = otc__record_read(aside->record->segment, aside->record, &content, NULL);
    int failed, fd;

    if (status != OTC_OK) {
        return status == OTC_DATA_LOSS ? EIO : ENOMEM;
    }
    (void)snprintf(path, sizeof(path), "%s/%s.txt", aside->folder, aside->name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)write_bytes(fd, (const uint8_t *)aside->why, strlen(aside->why));
        close(fd);
    }
    (void)snprintf(path, sizeof(path), "%s/%s.pb", aside->folder, aside->name);
    failed = write_file(log, path, content.data + aside->skip, content.len - aside->skip);
    if (failed) {
        (void)snprintf(path, sizeof(path), "%s/%s.txt", aside->folder, aside->name);
        (void)unlink(path);
    }
    return failed;
}

static int
sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;

    if (fd < 0) {
        return errno;
    }
    do {
        failed = fsync(fd) == 0 ? 0 : errno;
    } while (failed == EINTR);
    close(fd);
    return failed;
}

static struct otc__log_aside *
take(struct otc_log *log)
{
    struct otc__log_aside *first = log->first_aside, *end = first;

    for (int i = 1; i < AT_ONCE && end->next; i++) {
        end = end->next;
    }
    log->first_aside = end->next;
    log->last_aside = end->next ? log->last_aside : NULL;
    end->next = NULL;
    return first;
}

void
otc__log_write_asides(struct otc_log *log)
{
    struct otc__log_aside *asides, *next;
    const char *folder;
    int folder_failed;

    if (!log->first_aside) {
        return;
    }
    folder = log->first_aside->folder;
    asides = take(log);
    pthread_mutex_unlock(&log->writer->lock);
    for (struct otc__log_aside *aside = asides; aside; aside = aside->next) {
        aside->failed = write_aside(log, aside);
    }
    /* The files must be found after a power cut before the records go. */
    folder_failed = sync_folder(folder);
    folder_failed = folder_failed ? folder_failed : otc__log_sync_directory(log); /* where it lies, perhaps */
    for (struct otc__log_aside *aside = asides; aside; aside = next) {
        next = aside->next;
        aside->failed = aside->failed ? aside->failed : folder_failed;
        if (aside->failed) {
            otc_log_forget(log, aside->record);
        } else {
            otc_log_remove(log, aside->record);
        }
        aside->done(aside->arg, aside->failed);
        free(aside);
    }
    pthread_mutex_lock(&log->writer->lock);
}
