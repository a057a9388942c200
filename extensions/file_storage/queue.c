// SPDX-License-Identifier: Apache-2.0
/* The queue of one exporter and signal: a log on disk, with what happens to it logged and counted. */
#include "common/base/buf.h"
#include "common/storage/log.h"
#include "extensions/file_storage/file_storage.h"

#include <pthread.h>

/* Segments are no smaller and there are no more of them than this, but for small queues, which have no fewer
 * than SEGMENTS_MIN: what is needed of one can be moved to another then. */
#define SEGMENT_MIN ((int64_t)16 << 20)
#define SEGMENTS_MAX 256
#define SEGMENTS_MIN 8

struct queue {
    struct otc_storage_queue queue;
    const struct file_storage_context *context;
    struct otc_log *log;
    struct file_storage_dead_letters *dead_letters;
    size_t *clients;
    char name[FILE_STORAGE_NAME_MAX];
    struct otc_series *bytes, *failures, *lost, *write_failures, *sync;
    pthread_mutex_t lock; /* guards `failed` */
    uint64_t failed;      /* writes and flushes that are counted */
    struct otc_stored_reader reader;
};

static const struct otc_instrument bytes_instrument = {"aimon_storage_queue_bytes", "By",
                                                       "Bytes of the queue's segments in use.", OTC_GAUGE};
static const struct otc_instrument failures_instrument = {
    "aimon_storage_queue_refused_records", "{record}",
    "Records that could not be written to the disk; their senders know.", OTC_COUNTER};
static const struct otc_instrument lost_instrument = {"aimon_storage_queue_lost_records", "{record}",
                                                      "Damaged records found.", OTC_COUNTER};

static const struct otc_instrument write_failures_instrument = {
    "aimon_storage_queue_write_failures", "{failure}",
    "Writes and flushes of a queue that failed; what they should have saved was written elsewhere or "
    "refused.",
    OTC_COUNTER};
static const struct otc_instrument sync_instrument = {
    "aimon_storage_queue_sync", "", "1 for when the queue is flushed to the disk: group, interval, none.",
    OTC_GAUGE};

static struct queue *
queue_of(struct otc_storage_queue *queue)
{
    return OTC_CONTAINER(queue, queue, queue);
}

static void
count(const struct queue *queue, struct otc_series *series, int64_t delta)
{
    const struct otc_count change = {series, delta};

    if (queue->context->host->meter && series) {
        otc_meter_add(queue->context->host->meter, &change, 1);
    }
}

/* Counts what failed since the last time. */
static void
count_failures(struct queue *queue)
{
    uint64_t failed = otc_log_failures(queue->log), before;

    pthread_mutex_lock(&queue->lock);
    before = queue->failed;
    queue->failed = failed > before ? failed : before;
    pthread_mutex_unlock(&queue->lock);
    if (failed > before) {
        count(queue, queue->write_failures, (int64_t)(failed - before));
        otc_log(queue->context->host->logger, OTC_LOG_ERROR, queue->context->id,
                "The disk of a queue fails; what was to be saved goes elsewhere on it or is refused",
                OTC_FIELD_TEXT("queue", queue->name), OTC_FIELD_NUMBER("failures", failed - before));
    }
}

struct put {
    struct queue *queue;
    struct otc_storage_put *done;
};

static void
put_done(void *arg, struct otc_log_record *record, const struct otc_error *result)
{
    struct put *put = arg;

    if (result->status != OTC_OK) {
        count(put->queue, put->queue->failures, 1);
    }
    count_failures(put->queue);
    count(put->queue, put->queue->bytes, otc_log_bytes(put->queue->log));
    put->done->fn(put->done, (struct otc_stored *)record, result);
    free(put);
}

static otc_status
queue_put(struct otc_storage_queue *self, const struct otc_slice *slices, size_t n,
          struct otc_storage_put *done, struct otc_error *err)
{
    struct put *put = malloc(sizeof(*put));
    otc_status status;

    if (!put) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    *put = (struct put){queue_of(self), done};
    status = otc_log_put(put->queue->log, slices, n, put_done, put, err);
    if (status != OTC_PENDING) {
        count(put->queue, put->queue->failures, 1);
        free(put);
    }
    return status;
}

static otc_status
queue_read(struct otc_storage_queue *self, const struct otc_stored *record, uint8_t **content, size_t *len,
           struct otc_error *err)
{
    struct queue *queue = queue_of(self);
    struct otc_buf out = {.limit = OTC_LOG_RECORD_MAX};
    otc_status status = otc_log_read(queue->log, (const struct otc_log_record *)record, &out, err);

    if (status == OTC_OK) {
        *content = otc_buf_take(&out, len);
    }
    otc_buf_release(&out);
    if (status == OTC_DATA_LOSS) {
        count(queue, queue->lost, 1);
        otc_log(queue->context->host->logger, OTC_LOG_ERROR, queue->context->id,
                "A record of a queue is damaged and lost", OTC_FIELD_TEXT("queue", queue->name),
                OTC_FIELD_TEXT("error", err->text));
    }
    return status;
}

static void
queue_remove(struct otc_storage_queue *self, struct otc_stored *record)
{
    struct queue *queue = queue_of(self);

    otc_log_remove(queue->log, (struct otc_log_record *)record);
    count(queue, queue->bytes, otc_log_bytes(queue->log));
}

static void
queue_forget(struct otc_storage_queue *self, struct otc_stored *record)
{
    otc_log_forget(queue_of(self)->log, (struct otc_log_record *)record);
}

static bool
queue_reserve(struct otc_storage_queue *self, const struct otc_stored *record, size_t skip)
{
    uint64_t len = otc_log_record_len((const struct otc_log_record *)record);

    return file_storage_dead_letters_reserve(queue_of(self)->dead_letters, len > skip ? len - skip : 0);
}

static void
queue_reject(struct otc_storage_queue *self, struct otc_stored *record, size_t skip, const char *why)
{
    struct queue *queue = queue_of(self);

    file_storage_dead_letters_add(queue->dead_letters, queue->log, (struct otc_log_record *)record, skip,
                                  why);
}

static void
queue_mark(struct otc_storage_queue *self, struct otc_stored *record, bool begins)
{
    otc_log_mark(queue_of(self)->log, (struct otc_log_record *)record, begins);
}

static unsigned
queue_crashes(struct otc_storage_queue *self, const struct otc_stored *record)
{
    (void)self;
    return otc_log_crashes((const struct otc_log_record *)record);
}

static void
queue_close(struct otc_storage_queue *self)
{
    struct queue *queue = queue_of(self);

    otc_log_close(queue->log);
    count(queue, queue->bytes, 0);
    count(queue, queue->sync, 0);
    file_storage_dead_letters_free(queue->dead_letters);
    --*queue->clients;
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static void
found_record(void *arg, struct otc_log_record *record, struct otc_slice content)
{
    const struct queue *queue = arg;

    queue->reader.found(queue->reader.arg, (struct otc_stored *)record, content);
}

static void
log_found(const struct queue *queue, const struct otc_log_found *found)
{
    struct otc_logger *logger = queue->context->host->logger;

    if (found->lost > 0) {
        count(queue, queue->lost, (int64_t)found->lost);
        otc_log(logger, OTC_LOG_ERROR, queue->context->id, "Records of a queue are damaged and lost",
                OTC_FIELD_TEXT("queue", queue->name), OTC_FIELD_NUMBER("lost_records", found->lost),
                OTC_FIELD_NUMBER("damaged_bytes", found->damaged_bytes),
                OTC_FIELD_NUMBER("copied_bytes", found->copied_bytes));
    }
    if (found->records > 0 || found->torn_bytes > 0) {
        otc_log(logger, OTC_LOG_INFO, queue->context->id, "A queue goes on where it ended",
                OTC_FIELD_TEXT("queue", queue->name), OTC_FIELD_NUMBER("records", found->records),
                OTC_FIELD_NUMBER("bytes", found->bytes),
                OTC_FIELD_NUMBER("unfinished_bytes", found->torn_bytes));
    }
}

static void
make_series(struct queue *queue, const char *kind, const char *component_id, const char *name)
{
    struct otc_meter *meter = queue->context->host->meter;
    const char *sync = file_storage_syncs[queue->context->config->sync.index];
    const struct otc_label labels[] = {{"extension", queue->context->id},
                                       {"component", component_id},
                                       {"kind", kind},
                                       {"queue", name},
                                       {"sync", sync}};

    if (meter) {
        queue->write_failures = otc_meter_series(meter, &write_failures_instrument, labels, 4);
        queue->sync = otc_meter_series(meter, &sync_instrument, labels, 5);
        count(queue, queue->sync, 1);
        queue->bytes = otc_meter_series(meter, &bytes_instrument, labels, 4);
        queue->failures = otc_meter_series(meter, &failures_instrument, labels, 4);
        queue->lost = otc_meter_series(meter, &lost_instrument, labels, 4);
    }
    queue->dead_letters = file_storage_dead_letters_new(queue->context, queue->name, labels, 4);
}

static int64_t
segment_bytes(int64_t most)
{
    int64_t segment = most / SEGMENTS_MAX > SEGMENT_MIN ? most / SEGMENTS_MAX : SEGMENT_MIN;

    return segment < most / SEGMENTS_MIN ? segment : most / SEGMENTS_MIN;
}

static otc_status
open_log(struct queue *queue, struct otc_error *err)
{
    int64_t most = queue->context->config->max_queue_size.n;
    const struct otc_log_options options = {.directory = queue->context->config->directory,
                                            .base = queue->name,
                                            .segment_bytes = segment_bytes(most),
                                            .max_bytes = most,
                                            .min_free_bytes = queue->context->config->min_free_bytes.n,
                                            .sync = (enum otc_log_sync)queue->context->config->sync.index,
                                            .sync_interval_ns = queue->context->config->sync_interval.ns,
                                            .now_ns = queue->context->host->now_ns(queue->context->host),
                                            .found = found_record,
                                            .arg = queue};
    struct otc_log_found found;
    otc_status status = otc_log_open(queue->context->writer, &options, &found, &queue->log, err);

    if (status == OTC_OK) {
        log_found(queue, &found);
        count(queue, queue->bytes, otc_log_bytes(queue->log));
    }
    return status;
}

otc_status
file_storage_queue_new(const struct file_storage_context *context, const char *kind, const char *component_id,
                       const char *name, struct otc_stored_reader reader, size_t *clients,
                       struct otc_storage_queue **out, struct otc_error *err)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    otc_status status;

    if (!queue) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    queue->queue = (struct otc_storage_queue){.abi = OTC_ABI_OF(otc_storage_queue),
                                              .put = queue_put,
                                              .read = queue_read,
                                              .remove = queue_remove,
                                              .forget = queue_forget,
                                              .close = queue_close,
                                              .reserve = queue_reserve,
                                              .reject = queue_reject,
                                              .mark = queue_mark,
                                              .crashes = queue_crashes};
    queue->queue.letters_off = !context->config->dead_letter;
    queue->context = context;
    queue->clients = clients;
    queue->reader = reader;
    pthread_mutex_init(&queue->lock, NULL);
    if (!file_storage_name(kind, component_id, name, queue->name)) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "the id %s is too long for a file name", component_id);
    } else {
        make_series(queue, kind, component_id, name);
        status = queue->dead_letters ? open_log(queue, err) : otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    if (status != OTC_OK) {
        file_storage_dead_letters_free(queue->dead_letters);
        pthread_mutex_destroy(&queue->lock);
        free(queue);
        return otc_error_prefix(err, "extension \"%s\"", context->id);
    }
    file_storage_orphans_opened(context->orphans, queue->name);
    ++*clients;
    *out = &queue->queue;
    return OTC_OK;
}
