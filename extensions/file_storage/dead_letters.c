// SPDX-License-Identifier: Apache-2.0
/* What a destination rejects for good: a file each, with its reason beside it, for people to look at and to
 * send again. */
#include "common/base/clock.h"
#include "common/storage/directory.h"
#include "common/storage/log.h"
#include "extensions/file_storage/file_storage.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILES_MAX 10000
/* While there is no room the folder is looked at this often: somebody may have made some. */
#define LOOK_NS (10 * OTC_SECOND)

struct file_storage_dead_letters {
    const struct file_storage_context *context;
    const char *queue;
    char folder[1100];
    pthread_mutex_t lock;                  /* guards what follows */
    uint64_t bytes, files;                 /* in the folder */
    uint64_t pending_bytes, pending_files; /* on their way to it */
    uint64_t writing;                      /* of these files, may be in the folder already */
    int64_t looked;
    bool told;
    struct otc_series *stored, *n_stored, *failures;
};

/* One that is on its way. */
struct letter {
    struct file_storage_dead_letters *to;
    uint64_t bytes;
};

static const struct otc_instrument bytes_instrument = {"aimon_storage_dead_letter_bytes", "By",
                                                       "Bytes of a queue's dead letters.", OTC_GAUGE};
static const struct otc_instrument files_instrument = {"aimon_storage_dead_letter_files", "{file}",
                                                       "Dead letters of a queue.", OTC_GAUGE};
static const struct otc_instrument failures_instrument = {
    "aimon_storage_dead_letter_failures", "{record}",
    "Dead letters that could not be written; the records stay for the next start.", OTC_COUNTER};

/* Under the lock, so that gauges keep their order. */
static void
tell_size(const struct file_storage_dead_letters *self)
{
    const struct otc_count counts[] = {{self->stored, (int64_t)(self->bytes + self->pending_bytes)},
                                       {self->n_stored, (int64_t)(self->files + self->pending_files)}};

    if (self->context->host->meter) {
        otc_meter_add(self->context->host->meter, counts, 2);
    }
}

/* What lies in the folder. Under the lock, or before there are others. */
static void
look(struct file_storage_dead_letters *self)
{
    DIR *folder = opendir(self->folder);
    size_t len = strlen(self->queue);
    const struct dirent *entry;

    self->bytes = 0;
    self->files = 0;
    while (folder && (entry = readdir(folder))) {
        const char *end = strrchr(entry->d_name, '.');
        struct stat file;

        if (strncmp(entry->d_name, self->queue, len) == 0 && entry->d_name[len] == '.' && end &&
            strcmp(end, ".pb") == 0 && fstatat(dirfd(folder), entry->d_name, &file, 0) == 0) {
            self->files++;
            self->bytes += (uint64_t)file.st_size;
        }
    }
    if (folder) {
        closedir(folder);
    }
    tell_size(self);
}

struct file_storage_dead_letters *
file_storage_dead_letters_new(const struct file_storage_context *context, const char *queue,
                              const struct otc_label *labels, size_t n_labels)
{
    struct file_storage_dead_letters *self = calloc(1, sizeof(*self));
    struct otc_meter *meter = context->host->meter;

    if (!self) {
        return NULL;
    }
    self->context = context;
    self->queue = queue;
    (void)snprintf(self->folder, sizeof(self->folder), "%s/dead_letters", context->config->directory);
    pthread_mutex_init(&self->lock, NULL);
    if (meter && context->config->dead_letter) {
        self->stored = otc_meter_series(meter, &bytes_instrument, labels, n_labels);
        self->n_stored = otc_meter_series(meter, &files_instrument, labels, n_labels);
        self->failures = otc_meter_series(meter, &failures_instrument, labels, n_labels);
    }
    if (context->config->dead_letter) {
        look(self);
    }
    return self;
}

void
file_storage_dead_letters_free(struct file_storage_dead_letters *self)
{
    if (self) {
        pthread_mutex_destroy(&self->lock);
        free(self);
    }
}

static bool
has_room(const struct file_storage_dead_letters *self, uint64_t bytes)
{
    return self->files + self->pending_files < FILES_MAX &&
           self->bytes + self->pending_bytes + bytes <=
               (uint64_t)self->context->config->dead_letter->max_size.n;
}

bool
file_storage_dead_letters_reserve(struct file_storage_dead_letters *self, uint64_t bytes)
{
    struct otc_host *host = self->context->host;
    bool room, tell;

    if (!self->context->config->dead_letter) {
        return false;
    }
    pthread_mutex_lock(&self->lock);
    room = has_room(self, bytes);
    if (!room && self->writing == 0 &&
        (self->looked == 0 || host->monotonic_ns(host) - self->looked >= LOOK_NS)) {
        self->looked = host->monotonic_ns(host);
        look(self);
        room = has_room(self, bytes);
    }
    if (room) {
        self->pending_bytes += bytes;
        self->pending_files++;
        tell_size(self);
    }
    tell = !room && !self->told;
    self->told = !room;
    pthread_mutex_unlock(&self->lock);
    if (tell) {
        otc_log(host->logger, OTC_LOG_WARN, self->context->id,
                "The dead letters of a queue are at their limit; what is rejected is dropped from now on",
                OTC_FIELD_TEXT("queue", self->queue), OTC_FIELD_TEXT("folder", self->folder));
    }
    return room;
}

/* One that was on its way is in the folder, or is not. */
static void
arrived(struct file_storage_dead_letters *self, uint64_t bytes, bool there)
{
    const struct otc_count failed = {self->failures, 1};

    pthread_mutex_lock(&self->lock);
    self->pending_bytes -= bytes;
    self->pending_files--;
    self->writing--;
    self->bytes += there ? bytes : 0;
    self->files += there;
    tell_size(self);
    if (!there && self->context->host->meter) {
        otc_meter_add(self->context->host->meter, &failed, 1);
    }
    pthread_mutex_unlock(&self->lock);
}

static void
failed_to_write(struct file_storage_dead_letters *self, uint64_t bytes, const char *why)
{
    arrived(self, bytes, false);
    otc_log(self->context->host->logger, OTC_LOG_ERROR, self->context->id,
            "A dead letter could not be written; it stays in the queue for the next start",
            OTC_FIELD_TEXT("queue", self->queue), OTC_FIELD_TEXT("error", why));
}

static void
written(void *arg, int failed)
{
    struct letter *letter = arg;

    if (failed) {
        failed_to_write(letter->to, letter->bytes, strerror(failed));
    } else {
        arrived(letter->to, letter->bytes, true);
    }
    free(letter);
}

void
file_storage_dead_letters_add(struct file_storage_dead_letters *self, struct otc_log *log,
                              struct otc_log_record *record, size_t skip, const char *why)
{
    struct otc_host *host = self->context->host;
    uint64_t len = otc_log_record_len(record), bytes = len > skip ? len - skip : 0;
    struct letter *letter = malloc(sizeof(*letter));
    struct otc_error err = OTC_ERROR_INIT;
    char name[FILE_STORAGE_NAME_MAX + 64];
    const struct otc_log_aside aside = {self->folder, name, skip, why, written, letter};

    (void)snprintf(name, sizeof(name), "%s.%lld-%llu", self->queue,
                   (long long)(host->now_ns(host) / OTC_MILLISECOND),
                   (unsigned long long)otc_log_record_number(record));
    pthread_mutex_lock(&self->lock);
    self->writing++;
    pthread_mutex_unlock(&self->lock);
    if (!letter) {
        (void)otc_fail(&err, OTC_UNAVAILABLE, "out of memory");
    } else {
        *letter = (struct letter){self, bytes};
    }
    if (!letter || otc_directory_make(self->folder, 0700, &err) != OTC_OK ||
        otc_log_set_aside(log, record, &aside, &err) != OTC_PENDING) {
        free(letter);
        failed_to_write(self, bytes, err.text);
        otc_log_forget(log, record);
    }
}
