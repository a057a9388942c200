// SPDX-License-Identifier: Apache-2.0
/* `sending_queue::storage`: what the exporter does with a queue on disk, on a virtual clock and a disk of the
 * test's own. What the disk itself does is tests/unit/common/storage/log_test.c. */
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

#include <pthread.h>
#include <unistd.h>

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

static void
tell_put(struct disk *disk, struct otc_storage_put *put, size_t at)
{
    struct otc_error result = OTC_ERROR_INIT;

    if (disk->fails) {
        disk->records[at].there = false;
        (void)otc_fail(&result, OTC_RESOURCE_EXHAUSTED, "No space left on device");
    }
    put->fn(put, disk->fails ? NULL : (struct otc_stored *)(void *)&disk->records[at], &result);
}

static void
disk_tell(struct disk *disk)
{
    size_t n = disk->n_waiting;

    disk->n_waiting = 0;
    for (size_t i = 0; i < n; i++) {
        tell_put(disk, disk->waiting[i], disk->at[i]);
    }
}

static otc_status
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

static otc_status
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

static void
disk_remove(struct otc_storage_queue *self, struct otc_stored *stored)
{
    struct record *record = (void *)stored;

    assert_false(OTC_CONTAINER(self, disk, queue)->closed);
    assert_true(record->there);
    record->there = false;
}

static void
disk_forget(struct otc_storage_queue *self, struct otc_stored *stored)
{
    assert_false(OTC_CONTAINER(self, disk, queue)->closed);
    assert_true(((struct record *)(void *)stored)->there);
}

static bool
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

static void
disk_reject(struct otc_storage_queue *self, struct otc_stored *stored, size_t skip, const char *why)
{
    struct record *record = (void *)stored;

    assert_false(OTC_CONTAINER(self, disk, queue)->closed);
    assert_true(record->there && record->reserved && skip <= record->len);
    record->there = record->damaged;
    record->rejected = !record->damaged;
    snprintf(record->why, sizeof(record->why), "%s", why);
}

static void
disk_mark(struct otc_storage_queue *self, struct otc_stored *stored, bool begins)
{
    struct record *record = (void *)stored;

    (void)self;
    assert_true(record->there && record->marked != begins);
    record->marked = begins;
    record->marks += begins;
}

static unsigned
disk_crashes(struct otc_storage_queue *self, const struct otc_stored *stored)
{
    (void)self;
    return ((const struct record *)(const void *)stored)->crashes;
}

static void
disk_close(struct otc_storage_queue *self)
{
    OTC_CONTAINER(self, disk, queue)->closed = true;
}

static otc_status
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

static otc_status
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

static size_t
rejected(const struct fixture *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->disk.n; i++) {
        n += f->disk.records[i].rejected;
    }
    return n;
}

static size_t
on_disk(const struct fixture *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->disk.n; i++) {
        n += f->disk.records[i].there;
    }
    return n;
}

/* ---- The exporter ---------------------------------------------------------------------------------- */

static otc_status
push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    return otc_consume(otc_sink_consumer(arg), batch, done, err);
}

static int64_t
metric(struct fixture *f, const char *name)
{
    return otc_vhost_metric_sum(f->vhost, name);
}

static void
check_law(struct fixture *f)
{
    assert_int_equal(metric(f, "aimon_exporter_enqueued_items"),
                     metric(f, "otelcol_exporter_sent_spans") + metric(f, "aimon_exporter_dropped_items") +
                         metric(f, "aimon_exporter_dead_lettered_items") +
                         metric(f, "aimon_exporter_left_items") + metric(f, "aimon_exporter_queued_items") +
                         metric(f, "aimon_exporter_in_flight_items"));
}

static void
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

static void
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

static int
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

static int
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

static otc_status
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
static void
send(struct fixture *f, size_t n)
{
    assert_int_equal(send_as(f, n, NULL, NULL), OTC_PENDING);
    otc_vhost_run(f->vhost);
}

static void
the_answer_waits_for_the_disk(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done = OTC_TEST_DONE_INIT;

    f->disk.slow = true;
    start(f);
    assert_int_equal(send_as(f, 3, NULL, &done), OTC_PENDING);
    otc_vhost_run(f->vhost);
    assert_int_equal(done.calls, 0);
    assert_int_equal(otc_sink_calls(f->sink), 0);
    disk_tell(&f->disk);
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result.status, OTC_OK);
    otc_vhost_run(f->vhost);
    assert_int_equal(otc_sink_items(f->sink), 3);
    assert_int_equal(on_disk(f), 0);
    assert_int_equal(metric(f, "otelcol_exporter_queue_size"), 0);
    assert_int_equal(f->disk.reads, 0);
}

static void
a_full_disk_refuses_so_that_the_sender_comes_again(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done = OTC_TEST_DONE_INIT;

    start(f);
    f->disk.full = true;
    assert_int_equal(send_as(f, 3, NULL, &done), OTC_UNAVAILABLE);
    assert_string_equal(f->err.text, "the queue on disk is full");
    assert_true(otc_error_retryable(&f->err));
    f->disk.full = false;
    f->disk.fails = true;
    assert_int_equal(send_as(f, 4, NULL, &done), OTC_PENDING);
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result.status, OTC_UNAVAILABLE);
    assert_true(otc_error_retryable(&done.result));
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_failed_spans"), 7);
    assert_int_equal(metric(f, "otelcol_exporter_queue_size"), 0);
    assert_int_equal(otc_sink_calls(f->sink), 0);
}

static void
what_a_shutdown_interrupts_comes_again(void **state)
{
    struct fixture *f = *state;

    start(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    for (size_t i = 1; i <= 5; i++) {
        send(f, i);
    }
    assert_int_equal(otc_sink_pending(f->sink), 2);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    stop(f);
    assert_int_equal(on_disk(f), 4);
    assert_int_equal(metric(f, "aimon_exporter_dropped_items"), 0);
    assert_int_equal(metric(f, "aimon_exporter_left_items"), 14);
    otc_sink_clear(f->sink);
    otc_sink_answer(f->sink, OTC_OK, NULL);
    start(f);
    assert_int_equal(otc_sink_batches(f->sink), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(otc_batch_items(otc_sink_batch(f->sink, i)), i + 2);
    }
    assert_int_equal(on_disk(f), 0);
}

static void
retries_that_wait_stay_on_the_disk(void **state)
{
    struct fixture *f = *state;

    start(f);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    send(f, 5);
    assert_int_equal(metric(f, "aimon_exporter_in_flight_items"), 5);
    stop(f);
    assert_int_equal(on_disk(f), 1);
    assert_int_equal(otc_sink_calls(f->sink), 1);
}

static void
what_is_rejected_becomes_a_dead_letter(void **state)
{
    struct fixture *f = *state;

    f->disk.letters_left = 2;
    start(f);
    otc_sink_answer(f->sink, OTC_INVALID_ARGUMENT, "bad");
    send(f, 5);
    send(f, 6);
    assert_int_equal(on_disk(f), 0);
    assert_int_equal(rejected(f), 2);
    assert_string_equal(f->disk.records[0].why, "not retryable error: Permanent error: bad");
    assert_int_equal(metric(f, "aimon_exporter_dead_lettered_items"), 11);
    assert_int_equal(metric(f, "aimon_exporter_dropped_items"), 0);
    assert_int_equal(metric(f, "otelcol_exporter_send_failed_spans"), 11);
    assert_int_equal(otc_vhost_logged(f->vhost, "Exporting failed. Keeping the data as dead letters."), 2);
    /* There is no room for more: it is dropped, and counted as such. */
    send(f, 7);
    assert_int_equal(on_disk(f), 0);
    assert_int_equal(metric(f, "aimon_exporter_dead_lettered_items"), 11);
    assert_int_equal(otc_vhost_metric(f->vhost, "aimon_exporter_dropped_items",
                                      "exporter=otlp_grpc/x,data_type=traces,reason=not_retryable"),
                     7);
}

/* Requests that were sent as one are kept each; one of which a piece was sent is kept whole. */
static void
dead_letters_are_the_requests_as_they_came(void **state)
{
    struct fixture *f = *state;

    f->queue.batch = &f->batch;
    f->batch.max_size = 8;
    start(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    send(f, 4);
    send(f, 12);
    assert_int_equal(otc_sink_pending(f->sink), 2);
    assert_true(otc_sink_complete(f->sink, OTC_INVALID_ARGUMENT, "bad"));
    assert_int_equal(metric(f, "aimon_exporter_dead_lettered_items"), 8);
    assert_int_equal(rejected(f), 1);
    check_law(f);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(rejected(f), 2);
    assert_int_equal(on_disk(f), 0);
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), 8);
}

/* Records are marked until the push returns, those alone that a former process left and that are pushed. */
static otc_status
look_at_marks(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct fixture *f = arg;
    size_t marked = 0;

    for (size_t i = 0; i < f->disk.n; i++) {
        marked += f->disk.records[i].marked;
    }
    assert_int_equal(marked, 1);
    return otc_consume(otc_sink_consumer(f->sink), batch, done, err);
}

static void
what_ends_the_process_three_times_is_not_sent_again(void **state)
{
    struct fixture *f = *state;

    start(f);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    for (size_t i = 1; i <= 3; i++) {
        send(f, i);
    }
    stop(f);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(f->disk.records[i].marks, 0);
    }
    f->disk.records[0].crashes = 2;
    f->disk.records[1].crashes = 3;
    f->push = look_at_marks;
    f->push_arg = f;
    otc_sink_clear(f->sink);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    start(f);
    assert_int_equal(otc_sink_pending(f->sink), 2);
    assert_false(f->disk.records[0].marked || f->disk.records[2].marked);
    assert_true(otc_sink_complete(f->sink, OTC_UNAVAILABLE, "still down"));
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(f->disk.records[0].marks, 1);
    assert_int_equal(f->disk.records[1].marks, 0);
    assert_int_equal(rejected(f), 1);
    assert_int_equal(metric(f, "aimon_exporter_dead_lettered_items"), 2);
    assert_string_equal(f->disk.records[1].why, "the process ended 3 times while it was sent");
}

/* Poison for which there is no room, or no dead letters, was acknowledged too: it is tried behind all others,
 * with none of them. */
static void
poison_without_dead_letters_is_sent_alone(void **state)
{
    static const char *const why[] = {"There is no room for dead letters", "Dead letters are disabled"};
    struct fixture *f = *state;

    f->queue.batch = &f->batch;
    f->batch.min_size = 100;
    for (int off = 0; off < 2; off++) {
        char text[200];

        f->disk.n = 0;
        memset(f->disk.records, 0, sizeof(f->disk.records));
        f->disk.letters_left = 0;
        f->disk.queue.letters_off = off;
        start(f);
        assert_int_equal(send_as(f, 4, NULL, NULL), OTC_PENDING);
        assert_int_equal(send_as(f, 1, NULL, NULL), OTC_PENDING);
        assert_int_equal(send_as(f, 2, NULL, NULL), OTC_PENDING);
        stop(f);
        assert_int_equal(on_disk(f), 3);
        f->disk.records[0].crashes = 3;
        otc_sink_clear(f->sink);
        start(f);
        (void)snprintf(text, sizeof(text),
                       "The process ended 3 times while this was being sent. %s: sending it again, alone and "
                       "after all others.",
                       why[off]);
        assert_int_equal(otc_vhost_logged(f->vhost, text), 1);
        otc_vhost_advance(f->vhost, OTC_SECOND);
        assert_int_equal(otc_sink_batches(f->sink), 2);
        assert_int_equal(otc_batch_items(otc_sink_batch(f->sink, 0)), 3);
        assert_int_equal(otc_batch_items(otc_sink_batch(f->sink, 1)), 4);
        assert_int_equal(on_disk(f), 0);
        assert_int_equal(metric(f, "aimon_exporter_dead_lettered_items"), 0);
        stop(f);
    }
}

/* Who waits for room has it when damaged records leave the queue. */
static void
a_damaged_record_makes_room(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done first = OTC_TEST_DONE_INIT, second = OTC_TEST_DONE_INIT;

    start(f);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    for (size_t i = 1; i <= 3; i++) {
        send(f, i);
    }
    stop(f);
    f->disk.records[1].damaged = f->disk.records[2].damaged = true;
    f->queue.num_consumers = 1;
    f->queue.queue_size = 3;
    f->queue.block_on_overflow = true;
    otc_sink_clear(f->sink);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    start(f);
    assert_int_equal(otc_sink_pending(f->sink), 1);
    assert_int_equal(send_as(f, 4, NULL, &first), OTC_PENDING);
    assert_int_equal(send_as(f, 5, NULL, &second), OTC_PENDING);
    assert_int_equal(first.calls + second.calls, 0);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    otc_vhost_run(f->vhost);
    assert_int_equal(otc_sink_pending(f->sink), 1); /* the first */
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.result.status, OTC_OK);
    check_law(f);
}

/* With a queue on disk nobody gives up, unless the user says so. */
static void
an_outage_has_no_end_by_default(void **state)
{
    struct fixture *f = *state;

    f->retry.max_elapsed_time.ns = 300 * OTC_SECOND;
    f->retry.elapsed_is_set = false;
    start(f);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    send(f, 5);
    otc_vhost_advance(f->vhost, 3600 * OTC_SECOND);
    assert_int_equal(metric(f, "aimon_exporter_in_flight_items"), 5);
    otc_sink_answer(f->sink, OTC_OK, NULL);
    otc_vhost_advance(f->vhost, 2 * OTC_SECOND);
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), 5);
    stop(f);
    f->retry.elapsed_is_set = true;
    start(f);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    send(f, 6);
    otc_vhost_advance(f->vhost, 301 * OTC_SECOND);
    assert_int_equal(metric(f, "aimon_exporter_dropped_items"), 6);
    assert_int_equal(on_disk(f), 0);
}

static void
a_damaged_record_costs_itself(void **state)
{
    struct fixture *f = *state;

    f->queue.num_consumers = 1;
    start(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    for (size_t i = 1; i <= 4; i++) {
        send(f, i);
    }
    stop(f);
    f->disk.records[1].damaged = true;
    f->disk.records[2].content[0] = 99; /* of another version */
    otc_sink_clear(f->sink);
    otc_sink_answer(f->sink, OTC_OK, NULL);
    start(f);
    assert_int_equal(otc_sink_items(f->sink), 5);
    /* What cannot be read stays for the next start, which copies it aside; what is not understood is kept. */
    assert_int_equal(on_disk(f), 1);
    assert_true(f->disk.records[1].there);
    assert_true(f->disk.records[2].rejected);
    assert_int_equal(otc_vhost_metric(f->vhost, "aimon_exporter_dropped_items",
                                      "exporter=otlp_grpc/x,data_type=traces,reason=damaged"),
                     5);
}

/* More than what is kept in memory as well is read from the disk when its turn comes. */
static void
a_long_queue_does_not_stay_in_memory(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = calloc(1, (size_t)1 << 20);

    f->queue.num_consumers = 1;
    start(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    for (int i = 0; i < 40; i++) {
        bytes[0] = (uint8_t)i;
        assert_int_equal(
            otc_consume(otc_exporter_consumer(f->exporter),
                        otc_batch_copy_of(OTC_TRACES, otc_slice_of(bytes, (size_t)1 << 20), 1, NULL), NULL,
                        &f->err),
            OTC_PENDING);
        otc_vhost_run(f->vhost);
    }
    for (int i = 0; i < 40; i++) {
        struct otc_batch *batch = otc_sink_batch(f->sink, (size_t)i);

        assert_int_equal(otc_batch_part(batch, 0).data[0], i);
        assert_int_equal(otc_batch_bytes(batch), (size_t)1 << 20);
        assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
        otc_vhost_run(f->vhost);
    }
    assert_in_range(f->disk.reads, 6, 9);
    assert_int_equal(on_disk(f), 0);
    free(bytes);
}

static void
senders_wait_for_room_and_then_for_the_disk(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done = OTC_TEST_DONE_INIT;

    f->queue.queue_size = 2;
    f->queue.block_on_overflow = true;
    start(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    send(f, 1);
    send(f, 1);
    assert_int_equal(send_as(f, 1, NULL, &done), OTC_PENDING);
    assert_int_equal(on_disk(f), 2);
    assert_int_equal(done.calls, 0);
    f->disk.slow = true;
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(done.calls, 0);
    disk_tell(&f->disk);
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result.status, OTC_OK);
}

/* Whom the disk refuses makes room for the next, who is refused too: nobody waits for ever. */
static void
senders_that_wait_hear_of_a_full_disk(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done[4] = {OTC_TEST_DONE_INIT, OTC_TEST_DONE_INIT, OTC_TEST_DONE_INIT,
                                    OTC_TEST_DONE_INIT};

    f->queue.queue_size = 1;
    f->queue.block_on_overflow = true;
    f->disk.slow = true;
    start(f);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(send_as(f, 1, NULL, &done[i]), OTC_PENDING);
    }
    f->disk.fails = true;
    f->disk.full = true;
    disk_tell(&f->disk);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(done[i].calls, 1);
        assert_int_equal(done[i].result.status, OTC_UNAVAILABLE);
    }
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_failed_spans"), 4);
}

static void
a_request_goes_when_its_last_piece_is_sent(void **state)
{
    struct fixture *f = *state;

    f->queue.batch = &f->batch;
    f->batch.max_size = 8;
    start(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    send(f, 16);
    assert_int_equal(otc_sink_pending(f->sink), 2);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(on_disk(f), 1);
    /* The second piece is interrupted: all of the request comes again. */
    stop(f);
    assert_int_equal(on_disk(f), 1);
    otc_sink_clear(f->sink);
    otc_sink_answer(f->sink, OTC_OK, NULL);
    start(f);
    otc_vhost_advance(f->vhost, OTC_SECOND);
    assert_int_equal(otc_sink_items(f->sink), 16);
    assert_int_equal(on_disk(f), 0);
}

static struct otc_client *
subject(const char *name)
{
    const struct otc_client_pair pair = {otc_slice_str("subject"), otc_slice_str(name)};

    return otc_client_new(OTC_SLICE_NONE, NULL, 0, &pair, 1);
}

static void
clients_do_not_mix_after_a_restart_either(void **state)
{
    struct fixture *f = *state;
    struct otc_client *alice = subject("alice"), *bob = subject("bob");

    f->queue.batch = &f->batch;
    f->batch.min_size = 100;
    start(f);
    assert_int_equal(send_as(f, 1, alice, NULL), OTC_PENDING);
    assert_int_equal(send_as(f, 2, alice, NULL), OTC_PENDING);
    assert_int_equal(send_as(f, 4, bob, NULL), OTC_PENDING);
    stop(f);
    assert_int_equal(on_disk(f), 3);
    start(f);
    otc_vhost_advance(f->vhost, OTC_SECOND);
    assert_int_equal(otc_sink_batches(f->sink), 2);
    assert_int_equal(otc_batch_items(otc_sink_batch(f->sink, 0)), 3);
    assert_int_equal(otc_batch_items(otc_sink_batch(f->sink, 1)), 4);
    otc_client_unref(alice);
    otc_client_unref(bob);
}

/* What was read because it might have been sent with others is not what the process ended over. */
static void
what_is_not_taken_is_not_marked(void **state)
{
    struct fixture *f = *state;
    struct otc_client *clients[] = {subject("alice"), subject("bob")};

    f->queue.batch = &f->batch;
    f->batch.min_size = 100;
    start(f);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(send_as(f, 1, clients[i % 2], NULL), OTC_PENDING);
    }
    stop(f);
    assert_int_equal(on_disk(f), 6);
    f->push = look_at_marks;
    f->push_arg = f;
    otc_sink_clear(f->sink);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    start(f);
    otc_vhost_advance(f->vhost, OTC_SECOND);
    assert_int_equal(otc_sink_pending(f->sink), 2); /* one of either; the others wait for a consumer */
    for (size_t i = 0; i < 6; i++) {
        assert_false(f->disk.records[i].marked);
        assert_int_equal(f->disk.records[i].marks, i < 2);
    }
    otc_client_unref(clients[0]);
    otc_client_unref(clients[1]);
}

/* ---- Ends that meet a shutdown --------------------------------------------------------------------- */

struct end {
    pthread_t thread;
    pthread_barrier_t *together;
    struct otc_done *done;
};

static size_t n_ends;
static struct end ends[2];

static otc_status
push_pending(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    (void)arg;
    (void)err;
    otc_batch_unref(batch);
    ends[n_ends++].done = done;
    return OTC_PENDING;
}

static void *
tell_end(void *arg)
{
    const struct otc_error ok = OTC_ERROR_INIT;
    struct end *end = arg;

    pthread_barrier_wait(end->together);
    end->done->fn(end->done, &ok);
    return NULL;
}

/* Of two attempts that outlive the shutdown and end at the same time, one closes the storage. */
static void
the_last_of_two_ends_closes(void **state)
{
    struct fixture *f = *state;
    pthread_barrier_t together;

    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    f->push = push_pending;
    for (int round = 0; round < RECORDS_MAX / 4; round++) {
        n_ends = 0;
        start(f);
        send(f, 1);
        send(f, 1);
        assert_int_equal(n_ends, 2);
        otc_exporter_shutdown(f->exporter, 0);
        assert_false(f->disk.closed);
        for (int i = 0; i < 2; i++) {
            ends[i].together = &together;
            assert_int_equal(pthread_create(&ends[i].thread, NULL, tell_end, &ends[i]), 0);
        }
        while (otc_exporter_pending(f->exporter) > 0) { /* the ends have to wait for the lock */
        }
        for (int i = 0; i < 2; i++) {
            pthread_join(ends[i].thread, NULL);
        }
        assert_true(f->disk.closed);
        otc_exporter_free(f->exporter);
        f->exporter = NULL;
    }
    pthread_barrier_destroy(&together);
}

static otc_status
push_slowly(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    (void)done;
    (void)err;
    otc_batch_unref(batch);
    pthread_barrier_wait(arg); /* it has begun */
    pthread_barrier_wait(arg);
    return OTC_OK;
}

static void *
run_vhost(void *arg)
{
    otc_vhost_run(arg);
    return NULL;
}

/* A push that returns after the shutdown: its thread, which started it, closes the storage. */
static void
a_push_that_outlives_the_shutdown_closes(void **state)
{
    struct fixture *f = *state;
    pthread_barrier_t steps;
    pthread_t thread;

    assert_int_equal(pthread_barrier_init(&steps, NULL, 2), 0);
    f->push = push_slowly;
    f->push_arg = &steps;
    start(f);
    assert_int_equal(send_as(f, 1, NULL, NULL), OTC_PENDING);
    assert_int_equal(pthread_create(&thread, NULL, run_vhost, f->vhost), 0);
    pthread_barrier_wait(&steps);
    otc_exporter_shutdown(f->exporter, 0);
    assert_false(f->disk.closed);
    alarm(20); /* it would wait for itself */
    pthread_barrier_wait(&steps);
    pthread_join(thread, NULL);
    alarm(0);
    assert_true(f->disk.closed);
    assert_int_equal(on_disk(f), 0);
    otc_exporter_free(f->exporter);
    f->exporter = NULL;
}

/* Two minutes of load while the destination is away: what was acknowledged arrives, the rest was refused so
 * that a sender may come again. The same with the queue in memory. */
static void
outage(struct fixture *f, otc_status accepted)
{
    size_t acknowledged = 0, refused = 0;

    f->queue.queue_size = 400;
    f->queue.num_consumers = 10;
    start(f);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "connection refused");
    for (int second = 0; second < 120; second++) {
        for (int i = 0; i < 5; i++) {
            otc_status status = send_as(f, 7, NULL, NULL);

            acknowledged += status == accepted ? 7 : 0;
            if (status != accepted) {
                assert_int_equal(status, OTC_UNAVAILABLE);
                assert_true(otc_error_retryable(&f->err));
                assert_string_equal(f->err.text, "sending queue is full");
                refused += 7;
            }
        }
        otc_vhost_advance(f->vhost, OTC_SECOND);
        check_law(f);
    }
    assert_int_equal(acknowledged, 400 * 7);
    assert_int_equal(refused, 200 * 7);
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_failed_spans"), refused);
    otc_sink_answer(f->sink, OTC_OK, NULL);
    otc_vhost_advance(f->vhost, 5 * OTC_SECOND);
    assert_int_equal(otc_sink_items(f->sink), acknowledged);
    assert_int_equal(metric(f, "aimon_exporter_dropped_items"), 0);
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), acknowledged);
}

static void
an_outage_loses_nothing_that_was_acknowledged(void **state)
{
    struct fixture *f = *state;

    outage(f, OTC_PENDING);
    assert_int_equal(on_disk(f), 0);
}

static void
nor_does_one_with_the_queue_in_memory(void **state)
{
    struct fixture *f = *state;

    f->queue.storage = NULL;
    outage(f, OTC_OK);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_answer_waits_for_the_disk),
        CASE(a_full_disk_refuses_so_that_the_sender_comes_again),
        CASE(what_a_shutdown_interrupts_comes_again),
        CASE(retries_that_wait_stay_on_the_disk),
        CASE(what_is_rejected_becomes_a_dead_letter),
        CASE(dead_letters_are_the_requests_as_they_came),
        CASE(what_ends_the_process_three_times_is_not_sent_again),
        CASE(poison_without_dead_letters_is_sent_alone),
        CASE(a_damaged_record_makes_room),
        CASE(an_outage_has_no_end_by_default),
        CASE(a_damaged_record_costs_itself),
        CASE(a_long_queue_does_not_stay_in_memory),
        CASE(senders_wait_for_room_and_then_for_the_disk),
        CASE(senders_that_wait_hear_of_a_full_disk),
        CASE(a_request_goes_when_its_last_piece_is_sent),
        CASE(clients_do_not_mix_after_a_restart_either),
        CASE(what_is_not_taken_is_not_marked),
        CASE(the_last_of_two_ends_closes),
        CASE(a_push_that_outlives_the_shutdown_closes),
        CASE(an_outage_loses_nothing_that_was_acknowledged),
        CASE(nor_does_one_with_the_queue_in_memory),
    };

    return cmocka_run_group_tests_name("common/component/exporter_stored", tests, NULL, NULL);
}
