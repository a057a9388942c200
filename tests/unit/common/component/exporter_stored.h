// SPDX-License-Identifier: Apache-2.0
/** @file An exporter with a queue on disk, on a virtual clock and a disk of the test's own. */
#ifndef OTC_TESTS_COMPONENT_EXPORTER_STORED_H
#define OTC_TESTS_COMPONENT_EXPORTER_STORED_H

#include "common/component/exporter.h"

#include "common/base/clock.h"
#include "common/component/client.h"
#include "common/otlp/wire.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RECORDS_MAX 2000

struct record {
    uint8_t *content;
    size_t len;
    bool there;
    bool damaged;
    bool reserved;
    bool rejected; /* a dead letter */
    char why[200];
    unsigned marks; /* in all */
    bool marked;
    unsigned crashes;
};

/* A disk that remembers what was put, tells when it is asked to, and fails when it is told to. */
struct disk {
    struct otc_component component;
    struct otc_storage_queue queue;
    struct record records[RECORDS_MAX];
    size_t n;
    struct otc_storage_put *waiting[RECORDS_MAX];
    size_t at[RECORDS_MAX]; /* the record of a put that waits */
    size_t n_waiting;
    bool slow; /* puts are told by disk_tell */
    bool full;
    bool fails;
    size_t reads;
    size_t letters_left; /* there is room for so many dead letters */
    bool closed;
};

struct fixture {
    struct otc_vhost *vhost;
    struct otc_host *host;
    struct otc_sink *sink;
    struct disk disk;
    struct otc_queue_config queue;
    struct otc_queue_batch batch;
    struct otc_retry_config retry;
    struct otc_exporter *exporter;
    struct otc_error err;
    otc_status (*push)(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err);
    void *push_arg;
};

/* ---- The disk -------------------------------------------------------------------------------------- */

static inline void
tell_put(struct disk *disk, struct otc_storage_put *put, size_t at)
{
    struct otc_error result = OTC_ERROR_INIT;

    if (disk->fails) {
        disk->records[at].there = false;
        (void)otc_fail(&result, OTC_RESOURCE_EXHAUSTED, "No space left on device");
    }
    put->fn(put, disk->fails ? NULL : (struct otc_stored *)(void *)&disk->records[at], &result);
}

static inline void
disk_tell(struct disk *disk)
{
    size_t n = disk->n_waiting;

    disk->n_waiting = 0;
    for (size_t i = 0; i < n; i++) {
        tell_put(disk, disk->waiting[i], disk->at[i]);
    }
}

static inline otc_status
disk_put(struct otc_storage_queue *self, const struct otc_slice *slices, size_t n,
         struct otc_storage_put *done, struct otc_error *err)
{
    struct disk *disk = OTC_CONTAINER(self, disk, queue);
    struct record *record = &disk->records[disk->n];

    if (disk->full) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the queue on disk is full");
    }
    assert_true(disk->n < RECORDS_MAX);
    for (size_t i = 0; i < n; i++) {
        record->content = realloc(record->content, record->len + slices[i].len + 1);
        memcpy(record->content + record->len, slices[i].data, slices[i].len);
        record->len += slices[i].len;
    }
    record->there = true;
    disk->n++;
    if (disk->slow) {
        disk->at[disk->n_waiting] = disk->n - 1;
        disk->waiting[disk->n_waiting++] = done;
    } else {
        tell_put(disk, done, disk->n - 1);
    }
    return OTC_PENDING;
}

static inline otc_status
disk_read(struct otc_storage_queue *self, const struct otc_stored *stored, uint8_t **content, size_t *len,
          struct otc_error *err)
{
    const struct record *record = (const void *)stored;

    OTC_CONTAINER(self, disk, queue)->reads++;
    assert_true(record->there);
    if (record->damaged) {
        return otc_fail(err, OTC_DATA_LOSS, "damaged");
    }
    *content = malloc(record->len);
    memcpy(*content, record->content, record->len);
    *len = record->len;
    return OTC_OK;
}

static inline void
disk_remove(struct otc_storage_queue *self, struct otc_stored *stored)
{
    struct record *record = (void *)stored;

    assert_false(OTC_CONTAINER(self, disk, queue)->closed);
    assert_true(record->there);
    record->there = false;
}

static inline void
disk_forget(struct otc_storage_queue *self, struct otc_stored *stored)
{
    assert_false(OTC_CONTAINER(self, disk, queue)->closed);
    assert_true(((struct record *)(void *)stored)->there);
}

static inline bool
disk_reserve(struct otc_storage_queue *self, const struct otc_stored *stored, size_t skip)
{
    struct disk *disk = OTC_CONTAINER(self, disk, queue);
    struct record *record = &disk->records[(const struct record *)(const void *)stored - disk->records];

    assert_true(record->there && !record->reserved);
    assert_true(skip <= record->len);
    record->reserved = disk->letters_left > 0;
    disk->letters_left -= record->reserved;
    return record->reserved;
}

static inline void
disk_reject(struct otc_storage_queue *self, struct otc_stored *stored, size_t skip, const char *why)
{
    struct record *record = (void *)stored;

    assert_false(OTC_CONTAINER(self, disk, queue)->closed);
    assert_true(record->there && record->reserved && skip <= record->len);
    record->there = record->damaged;
    record->rejected = !record->damaged;
    snprintf(record->why, sizeof(record->why), "%s", why);
}

static inline void
disk_mark(struct otc_storage_queue *self, struct otc_stored *stored, bool begins)
{
    struct record *record = (void *)stored;

    (void)self;
    assert_true(record->there && record->marked != begins);
    record->marked = begins;
    record->marks += begins;
}

static inline unsigned
disk_crashes(struct otc_storage_queue *self, const struct otc_stored *stored)
{
    (void)self;
    return ((const struct record *)(const void *)stored)->crashes;
}

static inline void
disk_close(struct otc_storage_queue *self)
{
    OTC_CONTAINER(self, disk, queue)->closed = true;
}

static inline otc_status
disk_queue(struct otc_component *component, const char *kind, const char *component_id, const char *name,
           struct otc_stored_reader reader, struct otc_storage_queue **out, struct otc_error *err)
{
    struct disk *disk = OTC_CONTAINER(component, disk, component);

    (void)err;
    assert_string_equal(kind, "exporter");
    assert_string_equal(component_id, "otlp_grpc/x");
    assert_string_equal(name, "traces");
    disk->closed = false;
    for (size_t i = 0; i < disk->n; i++) {
        if (disk->records[i].there) {
            reader.found(reader.arg, (struct otc_stored *)(void *)&disk->records[i],
                         otc_slice_of(disk->records[i].content, disk->records[i].len));
        }
    }
    *out = &disk->queue;
    return OTC_OK;
}

static inline otc_status
no_storage(struct otc_component *component, const char *kind, const char *component_id,
           struct otc_storage **out, struct otc_error *err)
{
    (void)component;
    (void)kind;
    (void)component_id;
    (void)out;
    return otc_fail(err, OTC_UNIMPLEMENTED, "no");
}

static const struct otc_component_ops disk_ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .storage = no_storage, .queue = disk_queue};

static inline size_t
rejected(const struct fixture *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->disk.n; i++) {
        n += f->disk.records[i].rejected;
    }
    return n;
}

static inline size_t
on_disk(const struct fixture *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->disk.n; i++) {
        n += f->disk.records[i].there;
    }
    return n;
}

/* ---- The exporter ---------------------------------------------------------------------------------- */

static inline otc_status
push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    return otc_consume(otc_sink_consumer(arg), batch, done, err);
}

static inline int64_t
metric(struct fixture *f, const char *name)
{
    return otc_vhost_metric_sum(f->vhost, name);
}

static inline void
check_law(struct fixture *f)
{
    assert_int_equal(metric(f, "aimon_exporter_enqueued_items"),
                     metric(f, "otelcol_exporter_sent_spans") + metric(f, "aimon_exporter_dropped_items") +
                         metric(f, "aimon_exporter_dead_lettered_items") +
                         metric(f, "aimon_exporter_left_items") + metric(f, "aimon_exporter_queued_items") +
                         metric(f, "aimon_exporter_in_flight_items"));
}

static inline void
start(struct fixture *f)
{
    const struct otc_exporter_options options = {f->host,   "otlp_grpc/x", OTC_TRACES,  &f->queue,
                                                 &f->retry, f->push,       f->push_arg, NULL};

    assert_int_equal(otc_exporter_new(&options, &f->exporter, &f->err), OTC_OK);
    assert_int_equal(otc_exporter_consumer(f->exporter)->holds, f->queue.storage != NULL);
    if (otc_exporter_start(f->exporter, &f->err) != OTC_OK) {
        fail_msg("%s", f->err.text);
    }
    otc_vhost_run(f->vhost);
    assert_int_equal(metric(f, "otelcol_exporter_queue_capacity"), f->queue.queue_size);
    check_law(f);
}

static inline void
stop(struct fixture *f)
{
    otc_vhost_set_step(f->vhost, OTC_SECOND);
    otc_exporter_shutdown(f->exporter, f->host->monotonic_ns(f->host) + 5 * OTC_SECOND);
    otc_vhost_set_step(f->vhost, 0);
    while (otc_sink_complete(f->sink, OTC_CANCELLED, "cancelled")) {
    }
    assert_int_equal(f->disk.closed, f->queue.storage != NULL);
    assert_int_equal(metric(f, "otelcol_exporter_queue_size"), 0);
    assert_int_equal(metric(f, "otelcol_exporter_queue_capacity"), 0);
    assert_int_equal(metric(f, "aimon_exporter_queued_items"), 0);
    assert_int_equal(metric(f, "aimon_exporter_in_flight_items"), 0);
    check_law(f);
    otc_exporter_free(f->exporter);
    f->exporter = NULL;
}

static inline int
setup(void **state)
{
    static char storage[] = "file_storage/q";
    struct fixture *f = calloc(1, sizeof(*f));

    f->vhost = otc_vhost_new();
    f->host = otc_vhost_host(f->vhost);
    f->sink = otc_sink_new();
    f->disk.component = (struct otc_component){OTC_ABI_OF(otc_component), &disk_ops};
    f->disk.queue = (struct otc_storage_queue){OTC_ABI_OF(otc_storage_queue),
                                               disk_put,
                                               disk_read,
                                               disk_remove,
                                               disk_forget,
                                               disk_close,
                                               disk_reserve,
                                               disk_reject,
                                               disk_mark,
                                               disk_crashes,
                                               false};
    f->disk.letters_left = 100;
    otc_vhost_add_extension(f->vhost, "file_storage/q", &f->disk.component);
    f->push = push;
    f->push_arg = f->sink;
    f->batch = (struct otc_queue_batch){.flush_timeout = {200 * OTC_MILLISECOND}, .min_size = 8};
    f->queue = (struct otc_queue_config){.num_consumers = 2, .queue_size = 1000, .storage = storage};
    f->retry = (struct otc_retry_config){.enabled = true,
                                         .initial_interval = {OTC_SECOND},
                                         .multiplier = 1,
                                         .max_interval = {OTC_SECOND},
                                         .elapsed_is_set = true};
    f->err = OTC_ERROR_INIT;
    *state = f;
    return 0;
}

static inline int
teardown(void **state)
{
    struct fixture *f = *state;

    if (f->exporter) {
        stop(f);
    }
    otc_sink_free(f->sink);
    otc_vhost_free(f->vhost);
    for (size_t i = 0; i < f->disk.n; i++) {
        free(f->disk.records[i].content);
    }
    free(f);
    return 0;
}

static inline otc_status
send_as(struct fixture *f, size_t n, struct otc_client *client, struct otc_test_done *done)
{
    struct otc_buf out = {.limit = (size_t)1 << 20};
    size_t resource = otc_wire_begin(&out, 1), scope = otc_wire_begin(&out, 2);
    otc_status status;

    for (size_t i = 0; i < n; i++) {
        (void)otc_wire_put_bytes(&out, 2, OTC_SLICE_NONE);
    }
    otc_wire_end(&out, scope);
    otc_wire_end(&out, resource);
    status = otc_consume(otc_exporter_consumer(f->exporter),
                         otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&out), n, client),
                         done ? &done->done : NULL, &f->err);
    otc_buf_release(&out);
    check_law(f);
    return status;
}

/* Sends, and lets the timer start what came to the disk. */
static inline void
send(struct fixture *f, size_t n)
{
    assert_int_equal(send_as(f, n, NULL, NULL), OTC_PENDING);
    otc_vhost_run(f->vhost);
}

#endif
