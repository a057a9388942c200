// SPDX-License-Identifier: Apache-2.0
/* `sending_queue::batch` with `max_size`: requests are put together and cut, and their senders told once. */
#include "common/component/exporter.h"

#include "common/base/clock.h"
#include "common/component/client.h"
#include "common/otlp/split.h"
#include "common/otlp/walk.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
    struct otc_vhost *vhost;
    struct otc_host *host;
    struct otc_sink *sink;
    struct otc_queue_config queue;
    struct otc_queue_batch batch;
    struct otc_retry_config retry;
    struct otc_exporter *exporter;
    struct otc_error err;
    int next; /* number of the next span */
};

static otc_status
push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    return otc_consume(otc_sink_consumer(arg), batch, done, err);
}

static char items[] = "items", bytes[] = "bytes";

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->vhost = otc_vhost_new();
    f->host = otc_vhost_host(f->vhost);
    f->sink = otc_sink_new();
    f->batch = (struct otc_queue_batch){
        .flush_timeout = {200 * OTC_MILLISECOND}, .min_size = 4, .max_size = 5, .sizer = items};
    f->queue = (struct otc_queue_config){.num_consumers = 10, .queue_size = 10, .batch = &f->batch};
    f->retry = (struct otc_retry_config){.enabled = false};
    f->err = OTC_ERROR_INIT;
    *state = f;
    return 0;
}

static void
make(struct fixture *f)
{
    const struct otc_exporter_options options = {f->host,   "otlp_grpc", OTC_TRACES, &f->queue,
                                                 &f->retry, push,        f->sink,    NULL};

    assert_int_equal(otc_exporter_new(&options, &f->exporter, &f->err), OTC_OK);
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    otc_vhost_set_step(f->vhost, OTC_SECOND);
    otc_exporter_shutdown(f->exporter, f->host->monotonic_ns(f->host) + 5 * OTC_SECOND);
    otc_vhost_set_step(f->vhost, 0);
    while (otc_sink_complete(f->sink, OTC_CANCELLED, "cancelled")) {
    }
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_queued_items"), 0);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_in_flight_items"), 0);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_queue_size"), 0);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_enqueued_items"),
                     otc_vhost_metric_sum(f->vhost, "otelcol_exporter_sent_spans") +
                         otc_vhost_metric_sum(f->vhost, "aimon_exporter_dropped_items"));
    otc_exporter_free(f->exporter);
    otc_sink_free(f->sink);
    otc_vhost_free(f->vhost);
    free(f);
    return 0;
}

/* A request of spans that are named by their number. */
static struct otc_batch *
spans(struct fixture *f, size_t n)
{
    struct otc_buf out = {.limit = (size_t)1 << 20};
    size_t resource = otc_wire_begin(&out, 1), scope = otc_wire_begin(&out, 2);
    struct otc_batch *batch;

    for (size_t i = 0; i < n; i++) {
        size_t span = otc_wire_begin(&out, 2);
        char name[16];

        snprintf(name, sizeof(name), "%d", f->next++);
        (void)otc_wire_put_bytes(&out, 5, otc_slice_str(name));
        otc_wire_end(&out, span);
    }
    otc_wire_end(&out, scope);
    otc_wire_end(&out, resource);
    batch = otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&out), n, NULL);
    otc_buf_release(&out);
    return batch;
}

static otc_status
send(struct fixture *f, size_t n, struct otc_test_done *done)
{
    return otc_consume(otc_exporter_consumer(f->exporter), spans(f, n), done ? &done->done : NULL, &f->err);
}

static bool
is_next(void *arg, const struct otc_span *span)
{
    int *expected = arg;
    char name[16];

    snprintf(name, sizeof(name), "%.*s", (int)span->name.len, (const char *)span->name.data);
    assert_int_equal(strtol(name, NULL, 10), (*expected)++);
    return true;
}

/* The batches that came have these sizes, and all spans in order. */
static void
check_sent(struct fixture *f, const size_t *sizes, size_t n)
{
    int expected = 0;

    assert_int_equal(otc_sink_batches(f->sink), n);
    for (size_t i = 0; i < n; i++) {
        struct otc_batch *batch = otc_sink_batch(f->sink, i);
        size_t counted = 0;

        assert_int_equal(otc_batch_items(batch), sizes[i]);
        for (size_t part = 0; part < otc_batch_parts(batch); part++) {
            counted += otc_split_count(OTC_TRACES, otc_batch_part(batch, part));
            assert_int_equal(otc_walk_spans(NULL, otc_batch_part(batch, part), is_next, &expected, &f->err),
                             OTC_OK);
        }
        assert_int_equal(counted, sizes[i]);
    }
}

static void
what_is_too_large_is_cut_and_the_rest_waits(void **state)
{
    struct fixture *f = *state;

    make(f);
    assert_int_equal(send(f, 12, NULL), OTC_OK);
    check_sent(f, (const size_t[]){5, 5}, 2);
    /* The whole request keeps its place in the queue until its last piece is sent. */
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_queue_size"), 1);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_queued_items"), 2);
    assert_int_equal(send(f, 1, NULL), OTC_OK);
    assert_int_equal(send(f, 9, NULL), OTC_OK);
    check_sent(f, (const size_t[]){5, 5, 5, 5}, 4);
    otc_vhost_advance(f->vhost, 200 * OTC_MILLISECOND);
    check_sent(f, (const size_t[]){5, 5, 5, 5, 2}, 5);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_queue_size"), 0);
}

static void
between_min_and_max_nothing_is_cut(void **state)
{
    struct fixture *f = *state;

    f->batch.max_size = 8;
    make(f);
    assert_int_equal(send(f, 3, NULL), OTC_OK);
    assert_int_equal(send(f, 4, NULL), OTC_OK);
    check_sent(f, (const size_t[]){7}, 1);
    assert_int_equal(otc_batch_parts(otc_sink_batch(f->sink, 0)), 2);
}

static void
bytes_are_limited_too(void **state)
{
    struct fixture *f = *state;

    f->batch.sizer = bytes;
    f->batch.min_size = 40;
    f->batch.max_size = 60;
    f->queue.sizer.index = OTC_SIZER_BYTES;
    f->queue.queue_size = 100000;
    make(f);
    assert_int_equal(send(f, 200, NULL), OTC_OK);
    otc_vhost_advance(f->vhost, 200 * OTC_MILLISECOND);
    assert_int_equal(otc_sink_items(f->sink), 200);
    assert_true(otc_sink_batches(f->sink) >= 1200 / 60);
    for (size_t i = 0; i < otc_sink_batches(f->sink); i++) {
        assert_true(otc_batch_bytes(otc_sink_batch(f->sink, i)) <= 60);
    }
}

static void
a_sender_hears_once_when_all_pieces_are_told(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done = OTC_TEST_DONE_INIT;

    f->queue.wait_for_result = true;
    make(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    assert_int_equal(send(f, 14, &done), OTC_PENDING);
    assert_int_equal(otc_sink_pending(f->sink), 3);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(done.calls, 0);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_queue_size"), 1);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result.status, OTC_OK);
}

static void
a_piece_that_failed_fails_its_request(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done = OTC_TEST_DONE_INIT, other = OTC_TEST_DONE_INIT;

    f->queue.wait_for_result = true;
    make(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    assert_int_equal(send(f, 7, &done), OTC_PENDING);
    assert_int_equal(send(f, 3, &other), OTC_PENDING);
    assert_int_equal(otc_sink_pending(f->sink), 2);
    assert_true(otc_sink_complete(f->sink, OTC_INVALID_ARGUMENT, "bad"));
    assert_int_equal(done.calls + other.calls, 0);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result.status, OTC_INVALID_ARGUMENT);
    assert_true(done.result.permanent);
    assert_int_equal(other.calls, 1);
    assert_int_equal(other.result.status, OTC_OK);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_dropped_items"), 5);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_sent_spans"), 5);
}

static void
a_shutdown_in_the_middle_of_a_request_counts_each_item_once(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done = OTC_TEST_DONE_INIT;

    f->queue.wait_for_result = true;
    f->queue.num_consumers = 1;
    make(f);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    assert_int_equal(send(f, 13, &done), OTC_PENDING);
    assert_int_equal(otc_sink_pending(f->sink), 1);
    otc_vhost_set_step(f->vhost, OTC_SECOND);
    otc_exporter_shutdown(f->exporter, f->host->monotonic_ns(f->host) + 5 * OTC_SECOND);
    otc_vhost_set_step(f->vhost, 0);
    assert_int_equal(done.calls, 0);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result.status, OTC_UNAVAILABLE);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_dropped_items"), 8);
}

/* Clients are told apart by authentication and the partition's keys; what they do not share is not sent. */
static void
several_clients_share_what_they_have_in_common(void **state)
{
    struct fixture *f = *state;
    char *keys[] = {(char[]){"Tenant"}};
    const struct otc_client_pair alice[] = {{otc_slice_str("tenant"), otc_slice_str("a")},
                                            {otc_slice_str("user"), otc_slice_str("1")}},
                                 bob[] = {{otc_slice_str("tenant"), otc_slice_str("a")},
                                          {otc_slice_str("user"), otc_slice_str("2")}};
    struct otc_client *clients[] = {otc_client_new(OTC_SLICE_NONE, alice, 2, NULL, 0),
                                    otc_client_new(OTC_SLICE_NONE, bob, 2, NULL, 0)};
    struct otc_slice value;

    f->batch.partition.metadata_keys = (otc_strings){keys, 1};
    make(f);
    for (size_t i = 0; i < 2; i++) {
        struct otc_batch *batch = otc_batch_copy_of(OTC_TRACES, otc_slice_str(""), 2, clients[i]);

        assert_int_equal(otc_consume(otc_exporter_consumer(f->exporter), batch, NULL, &f->err), OTC_OK);
        otc_client_unref(clients[i]);
    }
    assert_int_equal(otc_sink_batches(f->sink), 1);
    const struct otc_client *sent = otc_batch_client(otc_sink_batch(f->sink, 0));
    assert_true(otc_client_metadata(sent, otc_slice_str("tenant"), 0, &value));
    assert_true(otc_slice_equal(value, otc_slice_str("a")));
    assert_false(otc_client_metadata(sent, otc_slice_str("user"), 0, &value));
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_is_too_large_is_cut_and_the_rest_waits),
        CASE(between_min_and_max_nothing_is_cut),
        CASE(bytes_are_limited_too),
        CASE(a_sender_hears_once_when_all_pieces_are_told),
        CASE(a_piece_that_failed_fails_its_request),
        CASE(a_shutdown_in_the_middle_of_a_request_counts_each_item_once),
        CASE(several_clients_share_what_they_have_in_common),
    };

    return cmocka_run_group_tests_name("common/component/exporter_cut", tests, NULL, NULL);
}
