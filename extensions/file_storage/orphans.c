// SPDX-License-Identifier: Apache-2.0
/* Queues in the folder that no exporter has: of one that was renamed or removed. */
#include "extensions/file_storage/file_storage.h"

#include "common/base/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

/* Exporters start within this time after the extension, on most hosts before any timer fires. */
#define LOOK_AFTER_NS OTC_SECOND
/* Orphans that are named; of further ones the bytes are counted alone. */
#define NAMED_MAX 64

static const struct otc_instrument bytes_instrument = {
    "aimon_storage_orphaned_queue_bytes", "By",
    "Bytes of queues in the folder that no exporter had at the start.", OTC_GAUGE};

struct name {
    struct name *next;
    int64_t bytes;
    char text[FILE_STORAGE_NAME_MAX];
};

struct file_storage_orphans {
    const struct file_storage_context *context;
    struct otc_timer *timer;
    struct otc_series *bytes; /* NULL: there were none */
    pthread_mutex_t lock;     /* guards `opened` */
    struct name *opened;
};

/* ---- Names ----------------------------------------------------------------------------------------- */

static struct name *
find(struct name *list, const char *text)
{
    while (list && strcmp(list->text, text) != 0) {
        list = list->next;
    }
    return list;
}

static struct name *
add(struct name **list, const char *text)
{
    struct name *name = calloc(1, sizeof(*name));

    if (name) {
        (void)snprintf(name->text, sizeof(name->text), "%s", text);
        name->next = *list;
        *list = name;
    }
    return name;
}

static void
free_names(struct name *list)
{
    struct name *next;

    for (; list; list = next) {
        next = list->next;
        free(list);
    }
}

/* The queue of a segment's file, "<queue>.<16 hexadecimal digits>.segment"; false for other files. */
static bool
queue_of(const char *file, char queue[FILE_STORAGE_NAME_MAX])
{
    static const char ending[] = ".segment";
    size_t len = strlen(file), end = 17 + sizeof(ending) - 1;

    if (len <= end || len - end >= FILE_STORAGE_NAME_MAX || file[len - end] != '.' ||
        strspn(file + len - end + 1, "0123456789abcdef") != 16 ||
        strcmp(file + len - (sizeof(ending) - 1), ending) != 0) {
        return false;
    }
    memcpy(queue, file, len - end);
    queue[len - end] = '\0';
    return true;
}

/* ---- Looking --------------------------------------------------------------------------------------- */

/* Adds the bytes of those that nobody opened to `*orphans`, and returns all of them. */
static int64_t
look(const struct file_storage_orphans *self, struct name **orphans)
{
    DIR *folder = opendir(self->context->config->directory);
    const struct dirent *entry;
    int64_t bytes = 0;
    size_t n = 0;

    while (folder && (entry = readdir(folder))) {
        char queue[FILE_STORAGE_NAME_MAX];
        struct name *orphan;
        struct stat file;

        if (!queue_of(entry->d_name, queue) || find(self->opened, queue) ||
            fstatat(dirfd(folder), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        bytes += (int64_t)file.st_size;
        orphan = find(*orphans, queue);
        if (!orphan && n < NAMED_MAX) {
            orphan = add(orphans, queue);
            n++;
        }
        if (orphan) {
            orphan->bytes += (int64_t)file.st_size;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return bytes;
}

static void
set_bytes(struct file_storage_orphans *self, int64_t bytes)
{
    struct otc_meter *meter = self->context->host->meter;
    const struct otc_label label = {"extension", self->context->id};
    struct otc_count count = {self->bytes, bytes};

    if (meter && !self->bytes && bytes > 0) {
        count.series = self->bytes = otc_meter_series(meter, &bytes_instrument, &label, 1);
    }
    if (count.series) {
        otc_meter_add(meter, &count, 1);
    }
}

static void
timer_fired(void *arg)
{
    struct file_storage_orphans *self = arg;
    struct name *orphans = NULL;
    int64_t bytes;

    pthread_mutex_lock(&self->lock);
    bytes = look(self, &orphans);
    pthread_mutex_unlock(&self->lock);
    set_bytes(self, bytes);
    for (const struct name *orphan = orphans; orphan; orphan = orphan->next) {
        otc_log(self->context->host->logger, OTC_LOG_WARN, self->context->id,
                "A queue in the folder belongs to no exporter, and what waits in it is not sent. Give an "
                "exporter its former name again, or remove the files",
                OTC_FIELD_TEXT("queue", orphan->text), OTC_FIELD_NUMBER("bytes", orphan->bytes));
    }
    free_names(orphans);
}

/* ---- Life ------------------------------------------------------------------------------------------ */

struct file_storage_orphans *
file_storage_orphans_new(const struct file_storage_context *context)
{
    struct file_storage_orphans *self = calloc(1, sizeof(*self));

    if (!self) {
        return NULL;
    }
    self->context = context;
    self->timer = context->host->timer_new(context->host, timer_fired, self);
    if (!self->timer) {
        free(self);
        return NULL;
    }
    pthread_mutex_init(&self->lock, NULL);
    context->host->timer_arm(context->host, self->timer, LOOK_AFTER_NS);
    return self;
}

void
file_storage_orphans_opened(struct file_storage_orphans *self, const char *queue)
{
    pthread_mutex_lock(&self->lock);
    if (!find(self->opened, queue)) {
        (void)add(&self->opened, queue);
    }
    pthread_mutex_unlock(&self->lock);
}

void
file_storage_orphans_free(struct file_storage_orphans *self)
{
    if (self) {
        self->context->host->timer_free(self->context->host, self->timer);
        set_bytes(self, 0);
        pthread_mutex_destroy(&self->lock);
        free_names(self->opened);
        free(self);
    }
}
