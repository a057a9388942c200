// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter.h"
#include "common/component/target.h"

#include "common/base/clock.h"
#include "common/component/client.h"
#include "common/component/meter.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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
    struct otc_test_done done;
    struct otc_error err;
    const struct otc_target *target;
    int refusals; /* attempts that end with `refusal` before the sink is asked */
    struct otc_error refusal;
};

static otc_status
push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct fixture *f = arg;

    if (f->refusals > 0) {
        f->refusals--;
        *err = f->refusal;
        otc_batch_unref(batch);
        return err->status;
    }
    return otc_consume(otc_sink_consumer(f->sink), batch, done, err);
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->vhost = otc_vhost_new();
    f->host = otc_vhost_host(f->vhost);
    f->sink = otc_sink_new();
    f->queue = (struct otc_queue_config){.num_consumers = 2, .queue_size = 4};
    f->batch = (struct otc_queue_batch){.flush_timeout = {200 * OTC_MILLISECOND}, .min_size = 10};
    f->retry =
        (struct otc_retry_config){true, {5 * OTC_SECOND}, 0, 1.5, {10 * OTC_SECOND}, {40 * OTC_SECOND}, true};
    f->done = OTC_TEST_DONE_INIT;
    f->err = OTC_ERROR_INIT;
    *state = f;
    return 0;
}

static void
make(struct fixture *f, bool with_queue)
{
    const struct otc_exporter_options options = {
        f->host, "otlp_grpc", OTC_TRACES, with_queue ? &f->queue : NULL, &f->retry, push, f, f->target};

    assert_int_equal(otc_exporter_new(&options, &f->exporter, &f->err), OTC_OK);
}

static int64_t
metric(struct fixture *f, const char *name)
{
    return otc_vhost_metric_sum(f->vhost, name);
}

static int64_t
dropped(struct fixture *f, const char *reason)
{
    char labels[128];

    snprintf(labels, sizeof(labels), "exporter=otlp_grpc,data_type=traces,reason=%s", reason);
    return otc_vhost_metric(f->vhost, "aimon_exporter_dropped_items", labels);
}

static void
balance(void *arg, const struct otc_instrument *instrument, const struct otc_label *labels, size_t n,
        int64_t value)
{
    static const char *const out[] = {"otelcol_exporter_sent_spans", "aimon_exporter_dropped_items",
                                      "aimon_exporter_queued_items", "aimon_exporter_in_flight_items"};
    int64_t *sum = arg;

    (void)labels;
    (void)n;
    *sum += strcmp(instrument->name, "aimon_exporter_enqueued_items") == 0 ? value : 0;
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        *sum -= strcmp(instrument->name, out[i]) == 0 ? value : 0;
    }
}

/* Law 4, in one scrape: enqueued = sent + dropped + queued + in flight. */
static void
check_law(struct fixture *f)
{
    int64_t sum = 0;

    assert_true(otc_meter_visit(f->host->meter, balance, &sum));
    assert_int_equal(sum, 0);
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    if (f->exporter) {
        otc_vhost_set_step(f->vhost, OTC_SECOND);
        otc_exporter_shutdown(f->exporter, f->host->monotonic_ns(f->host) + 5 * OTC_SECOND);
        otc_vhost_set_step(f->vhost, 0);
        while (otc_sink_complete(f->sink, OTC_CANCELLED, "cancelled")) {
        }
        check_law(f);
        assert_int_equal(metric(f, "aimon_exporter_queued_items"), 0);
        assert_int_equal(metric(f, "aimon_exporter_in_flight_items"), 0);
        assert_int_equal(otc_exporter_pending(f->exporter), 0);
        otc_exporter_free(f->exporter);
    }
    otc_sink_free(f->sink);
    otc_vhost_free(f->vhost);
    free(f);
    return 0;
}

static otc_status
send(struct fixture *f, size_t items)
{
    otc_status status = otc_consume(otc_exporter_consumer(f->exporter),
                                    otc_batch_copy_of(OTC_TRACES, otc_slice_str("0123456789"), items, NULL),
                                    &f->done.done, &f->err);

    check_law(f);
    return status;
}

static void
what_is_accepted_is_sent(void **state)
{
    struct fixture *f = *state;

    make(f, true);
    assert_int_equal(send(f, 3), OTC_OK);
    assert_int_equal(otc_sink_items(f->sink), 3);
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), 3);
    assert_int_equal(metric(f, "otelcol_exporter_queue_capacity"), 4);
    assert_int_equal(metric(f, "otelcol_exporter_queue_size"), 0);
    assert_int_equal(f->done.calls, 0);
}

static void
a_full_queue_refuses(void **state)
{
    struct fixture *f = *state;

    make(f, true);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(send(f, 5), OTC_OK);
    }
    assert_int_equal(otc_sink_pending(f->sink), 2);
    assert_int_equal(metric(f, "otelcol_exporter_in_flight_requests"), 2);
    assert_int_equal(metric(f, "aimon_exporter_queued_items"), 10);
    assert_int_equal(metric(f, "otelcol_exporter_queue_size"), 4);
    assert_int_equal(send(f, 7), OTC_UNAVAILABLE);
    assert_string_equal(f->err.text, "sending queue is full");
    assert_true(otc_error_retryable(&f->err));
    assert_int_equal(f->err.retry_after_ms, 1000);
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_failed_spans"), 7);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(otc_sink_pending(f->sink), 2);
    assert_int_equal(send(f, 1), OTC_OK);
}

/* It never will: a sender that came again would do so for ever. */
static void
what_no_queue_could_hold_is_refused_for_good(void **state)
{
    struct fixture *f = *state;

    f->queue.sizer.index = OTC_SIZER_ITEMS;
    make(f, true);
    assert_int_equal(send(f, 4), OTC_OK);
    assert_int_equal(send(f, 5), OTC_INVALID_ARGUMENT);
    assert_string_equal(f->err.text,
                        "element size too large: 5 items, the queue takes 4 (sending_queue::queue_size)");
    assert_true(f->err.permanent);
    assert_int_equal(f->err.retry_after_ms, 0);
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_failed_spans"), 5);
}

static void
retries_keep_the_schedule(void **state)
{
    /* 5 s, 7.5 s, then 10 s each; after 32.5 s another 10 s would pass 40 s. */
    static const int64_t waits[] = {5000, 7500, 10000, 10000};
    struct fixture *f = *state;

    make(f, true);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "backend down");
    assert_int_equal(send(f, 3), OTC_OK);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_int_equal(otc_sink_calls(f->sink), i + 1);
        assert_int_equal(otc_vhost_next_timer(f->vhost), waits[i] * OTC_MILLISECOND);
        assert_int_equal(metric(f, "aimon_exporter_in_flight_items"), 3);
        otc_vhost_advance(f->vhost, waits[i] * OTC_MILLISECOND - 1);
        assert_int_equal(otc_sink_calls(f->sink), i + 1);
        otc_vhost_advance(f->vhost, 1);
    }
    assert_int_equal(otc_sink_calls(f->sink), 5);
    assert_int_equal(dropped(f, "retries_exhausted"), 3);
    assert_int_equal(metric(f, "otelcol_exporter_send_failed_spans"), 3);
    assert_int_equal(otc_vhost_next_timer(f->vhost), -1);
    assert_int_equal(otc_vhost_logged(f->vhost, "Exporting failed. Will retry the request after interval."),
                     4);
    assert_string_equal(otc_vhost_log(f->vhost, 0).fields, "error=backend down interval=5s");
    assert_string_equal(otc_vhost_log(f->vhost, 4).message, "Exporting failed. Dropping data.");
    assert_string_equal(otc_vhost_log(f->vhost, 4).fields,
                        "error=no more retries left: backend down dropped_items=3");
}

static void
jitter_stays_within_its_factor(void **state)
{
    struct fixture *f = *state;
    int64_t least = INT64_MAX, most = 0;

    f->retry.randomization_factor = 0.5;
    f->retry.multiplier = 1;
    f->retry.max_elapsed_time.ns = 0;
    make(f, true);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "backend down");
    assert_int_equal(send(f, 1), OTC_OK);
    for (int i = 0; i < 200; i++) {
        int64_t wait = otc_vhost_next_timer(f->vhost);

        assert_in_range(wait, 2500 * OTC_MILLISECOND, 7500 * OTC_MILLISECOND);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
        otc_vhost_advance(f->vhost, wait);
    }
    assert_true(least < 3 * OTC_SECOND && most > 7 * OTC_SECOND);
}

static void
a_throttle_delay_longer_than_the_interval_holds(void **state)
{
    struct fixture *f = *state;
    struct otc_error busy = OTC_ERROR_INIT;

    make(f, true);
    otc_fail(&busy, OTC_RESOURCE_EXHAUSTED, "slow down");
    busy.retry_after_ms = 9000;
    otc_sink_refuse(f->sink, &busy);
    assert_int_equal(send(f, 1), OTC_OK);
    assert_int_equal(otc_vhost_next_timer(f->vhost), 9 * OTC_SECOND);
    otc_sink_answer(f->sink, OTC_OK, NULL);
    otc_vhost_advance(f->vhost, 9 * OTC_SECOND);
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), 1);
}

static void
an_interval_of_0_does_not_spin(void **state)
{
    struct fixture *f = *state;

    f->retry.initial_interval.ns = 0;
    f->retry.max_interval.ns = 0;
    make(f, true);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    assert_int_equal(send(f, 1), OTC_OK);
    assert_int_equal(otc_sink_calls(f->sink), 1);
    assert_int_equal(otc_vhost_next_timer(f->vhost), 10 * OTC_MILLISECOND);
}

/* A push may compress: after an outage a sender's thread must not work off the whole queue. */
static void
a_sender_starts_a_few_and_the_timer_the_rest(void **state)
{
    struct fixture *f = *state;

    f->queue.num_consumers = 10;
    f->queue.queue_size = 10;
    make(f, true);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    for (int i = 0; i < 9; i++) {
        assert_int_equal(send(f, 1), OTC_OK);
    }
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    otc_vhost_set_step(f->vhost, 6 * OTC_SECOND); /* all of them are due, but no timer has fired */
    assert_int_equal(send(f, 1), OTC_OK);
    otc_vhost_set_step(f->vhost, 0);
    assert_int_equal(otc_sink_pending(f->sink), 4);
    otc_vhost_advance(f->vhost, 0);
    assert_int_equal(otc_sink_pending(f->sink), 10);
}

static void
permanent_errors_are_not_retried(void **state)
{
    struct fixture *f = *state;

    make(f, true);
    otc_sink_answer(f->sink, OTC_INVALID_ARGUMENT, "bad data");
    assert_int_equal(send(f, 2), OTC_OK);
    assert_int_equal(otc_vhost_next_timer(f->vhost), -1);
    assert_int_equal(dropped(f, "not_retryable"), 2);
    assert_string_equal(otc_vhost_log(f->vhost, 0).fields,
                        "error=not retryable error: Permanent error: bad data dropped_items=2");
}

static void
nothing_is_retried_when_told_so(void **state)
{
    struct fixture *f = *state;

    f->retry.enabled = false;
    make(f, true);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    assert_int_equal(send(f, 1), OTC_OK);
    assert_int_equal(dropped(f, "retry_disabled"), 1);
}

static void
the_sender_waits_for_the_result_when_told_to(void **state)
{
    struct fixture *f = *state;

    f->queue.wait_for_result = true;
    make(f, true);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    assert_int_equal(send(f, 1), OTC_PENDING);
    assert_int_equal(f->done.calls, 0);
    assert_true(otc_sink_complete(f->sink, OTC_INVALID_ARGUMENT, "bad data"));
    assert_int_equal(f->done.calls, 1);
    assert_int_equal(f->done.result.status, OTC_INVALID_ARGUMENT);
    assert_true(f->done.result.permanent);
    assert_string_equal(f->done.result.text, "not retryable error: Permanent error: bad data");
}

static void
without_a_queue_the_sender_waits(void **state)
{
    struct fixture *f = *state;

    make(f, false);
    assert_int_equal(send(f, 1), OTC_PENDING);
    assert_int_equal(f->done.calls, 1);
    assert_int_equal(f->done.result.status, OTC_OK);
    assert_int_equal(
        otc_vhost_metric(f->vhost, "otelcol_exporter_queue_size", "exporter=otlp_grpc,data_type=traces"), -1);
}

static void
senders_wait_for_room_when_told_to(void **state)
{
    struct fixture *f = *state;

    f->queue.block_on_overflow = true;
    f->queue.queue_size = 1;
    make(f, true);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    assert_int_equal(send(f, 1), OTC_OK);
    assert_int_equal(send(f, 2), OTC_PENDING);
    assert_int_equal(f->done.calls, 0);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(f->done.calls, 1);
    assert_int_equal(f->done.result.status, OTC_OK);
    assert_int_equal(otc_sink_pending(f->sink), 1);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(send(f, 1), OTC_PENDING);
    }
    assert_int_equal(send(f, 1), OTC_UNAVAILABLE);
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_failed_spans"), 1);
}

static void
requests_are_sent_together_by_size_and_by_time(void **state)
{
    struct fixture *f = *state;

    f->queue.queue_size = 100;
    f->queue.batch = &f->batch;
    make(f, true);
    assert_int_equal(send(f, 4), OTC_OK);
    assert_int_equal(send(f, 4), OTC_OK);
    assert_int_equal(otc_sink_calls(f->sink), 0);
    assert_int_equal(send(f, 4), OTC_OK);
    assert_int_equal(otc_sink_calls(f->sink), 1);
    assert_int_equal(otc_batch_parts(otc_sink_batch(f->sink, 0)), 3);
    assert_int_equal(otc_batch_items(otc_sink_batch(f->sink, 0)), 12);
    assert_int_equal(otc_batch_bytes(otc_sink_batch(f->sink, 0)), 30);
    assert_int_equal(send(f, 1), OTC_OK);
    otc_vhost_advance(f->vhost, 200 * OTC_MILLISECOND - 1);
    assert_int_equal(otc_sink_calls(f->sink), 1);
    otc_vhost_advance(f->vhost, 1);
    assert_int_equal(otc_sink_calls(f->sink), 2);
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), 13);
}

static void
requests_of_other_clients_are_sent_apart(void **state)
{
    const struct otc_client_pair auth[] = {{OTC_SLICE_LIT("subject"), OTC_SLICE_LIT("alice")}};
    const struct otc_client_pair tenant[] = {{OTC_SLICE_LIT("tenant"), OTC_SLICE_LIT("t1")}};
    struct otc_client *clients[] = {NULL, otc_client_new(OTC_SLICE_NONE, NULL, 0, auth, 1),
                                    otc_client_new(OTC_SLICE_NONE, tenant, 1, auth, 1)};
    static char key[] = "Tenant";
    char *keys[] = {key};
    struct fixture *f = *state;

    f->queue.batch = &f->batch;
    f->batch.partition.metadata_keys = (otc_strings){keys, 1};
    make(f, true);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(otc_consume(otc_exporter_consumer(f->exporter),
                                     otc_batch_copy_of(OTC_TRACES, otc_slice_str("x"), 4, clients[i]), NULL,
                                     NULL),
                         OTC_OK);
    }
    otc_vhost_advance(f->vhost, OTC_SECOND);
    assert_int_equal(otc_sink_calls(f->sink), 3);
    otc_client_unref(clients[1]);
    otc_client_unref(clients[2]);
}

/* All that a shutdown dropped is in one line, and no other line tells of it. */
static void
check_shutdown_line(struct fixture *f, const char *fields)
{
    struct otc_vhost_log last = otc_vhost_log(f->vhost, otc_vhost_logs(f->vhost) - 1);

    assert_int_equal(otc_vhost_logged(f->vhost, "Dropping data"), 0);
    assert_int_equal(otc_vhost_logged(f->vhost, "Dropped on shutdown"), 1);
    assert_string_equal(last.message, "Dropped on shutdown");
    assert_string_equal(last.component, "otlp_grpc");
    assert_string_equal(last.fields, fields);
}

static void
shutdown_gives_what_waits_one_attempt(void **state)
{
    struct fixture *f = *state;

    f->queue.queue_size = 100;
    f->queue.batch = &f->batch;
    make(f, true);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "down");
    assert_int_equal(send(f, 10), OTC_OK);
    assert_int_equal(send(f, 2), OTC_OK);
    assert_int_equal(otc_sink_calls(f->sink), 1);
    otc_exporter_shutdown(f->exporter, f->host->monotonic_ns(f->host) + OTC_SECOND);
    assert_int_equal(otc_sink_calls(f->sink), 3);
    assert_int_equal(dropped(f, "shutdown"), 12);
    check_shutdown_line(f, "data_type=traces dropped_items=12 dropped_requests=2");
    assert_int_equal(send(f, 1), OTC_UNAVAILABLE);
    assert_string_equal(f->err.text, "the exporter is shutting down");
}

static void
shutdown_ends_at_its_deadline(void **state)
{
    struct fixture *f = *state;

    f->queue.wait_for_result = true;
    make(f, true);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(send(f, 1), OTC_PENDING);
    }
    otc_vhost_set_step(f->vhost, OTC_SECOND);
    otc_exporter_shutdown(f->exporter, f->host->monotonic_ns(f->host) + 3 * OTC_SECOND);
    otc_vhost_set_step(f->vhost, 0);
    assert_int_equal(dropped(f, "shutdown"), 2);
    assert_int_equal(f->done.calls, 2);
    assert_int_equal(otc_exporter_pending(f->exporter), 2);
    assert_true(otc_sink_complete(f->sink, OTC_CANCELLED, "cancelled"));
    assert_int_equal(otc_vhost_logged(f->vhost, "Dropped on shutdown"), 0);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(dropped(f, "shutdown"), 3);
    check_shutdown_line(f, "data_type=traces dropped_items=3 dropped_requests=3");
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), 1);
    assert_int_equal(f->done.calls, 4);
}

static void
shutdown_heeds_a_throttle(void **state)
{
    struct fixture *f = *state;
    struct otc_error busy = OTC_ERROR_INIT;

    f->retry.max_elapsed_time.ns = 0;
    make(f, true);
    otc_fail(&busy, OTC_UNAVAILABLE, "slow down");
    busy.retry_after_ms = 60000;
    otc_sink_refuse(f->sink, &busy);
    assert_int_equal(send(f, 5), OTC_OK);
    otc_exporter_shutdown(f->exporter, f->host->monotonic_ns(f->host) + OTC_SECOND);
    assert_int_equal(otc_sink_calls(f->sink), 1);
    assert_int_equal(dropped(f, "shutdown"), 5);
    check_shutdown_line(f, "data_type=traces dropped_items=5 dropped_requests=1");
}

/* A destination that is busy for a while gets what it refused, as long as the time for it comes before the
 * end. Repetitions that it did not ask for have half of the time, and then one that is down holds nobody up.
 */
static void
shutdown_waits_for_repetitions(void **state)
{
    static const struct {
        uint32_t asked_ms;
        int64_t interval_ms;
        int refusals;
        bool sent;
    } cases[] = {
        {1000, 5000, 1, true}, {1000, 500, 4, true}, {4500, 5000, 1, true},  {0, 500, 1, true},
        {0, 500, 2, true},     {0, 50, 1000, false}, {60000, 500, 1, false}, {4000, 500, 2, false},
        {0, 5000, 1, true},    {0, 5000, 2, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture *f;
        int64_t begin, took;

        assert_int_equal(setup(state), 0);
        f = *state;
        f->retry.initial_interval.ns = cases[i].interval_ms * OTC_MILLISECOND;
        f->retry.multiplier = 1;
        f->refusals = cases[i].refusals;
        otc_fail(&f->refusal, OTC_UNAVAILABLE, "slow down");
        f->refusal.retry_after_ms = cases[i].asked_ms;
        make(f, true);
        assert_int_equal(send(f, 5), OTC_OK);
        begin = f->host->monotonic_ns(f->host);
        otc_vhost_set_step(f->vhost, 20 * OTC_MILLISECOND);
        otc_exporter_shutdown(f->exporter, begin + 5 * OTC_SECOND);
        otc_vhost_set_step(f->vhost, 0);
        took = f->host->monotonic_ns(f->host) - begin;
        assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), cases[i].sent ? 5 : 0);
        assert_int_equal(metric(f, "aimon_exporter_dropped_items"), cases[i].sent ? 0 : 5);
        assert_true(took < (cases[i].asked_ms > 0 ? 5 : 3) * OTC_SECOND);
        assert_int_equal(teardown(state), 0);
    }
}

/* Many senders, results told by another thread: the books must balance at any moment. */
struct crowd {
    struct fixture *f;
    atomic_int running;
};

static void *
send_many(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < 2000; i++) {
        (void)!otc_consume(otc_exporter_consumer(crowd->f->exporter),
                           otc_batch_copy_of(OTC_TRACES, OTC_SLICE_NONE, 1, NULL), NULL, NULL);
    }
    atomic_fetch_sub(&crowd->running, 1);
    return NULL;
}

static void
threads_do_not_lose_anything(void **state)
{
    struct fixture *f = *state;
    struct crowd crowd = {.f = f, .running = 3};
    pthread_t threads[3];

    make(f, true);
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &crowd), 0);
    }
    while (atomic_load(&crowd.running) > 0) {
        otc_sink_complete(f->sink, OTC_OK, NULL);
        otc_sink_clear(f->sink);
        check_law(f);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    while (otc_sink_complete(f->sink, OTC_OK, NULL)) {
    }
    check_law(f);
    assert_int_equal(metric(f, "aimon_exporter_enqueued_items") +
                         metric(f, "otelcol_exporter_enqueue_failed_spans"),
                     6000);
    assert_int_equal(metric(f, "otelcol_exporter_sent_spans"), metric(f, "aimon_exporter_enqueued_items"));
}

/* At level detailed: what came and what was sent by size, and failures by type. */
static void
details_are_told_where_asked_for(void **state)
{
    struct fixture *f = *state;
    struct otc_error refusal = OTC_ERROR_INIT;

    otc_meter_set_detailed(f->host->meter, true);
    f->queue.batch = &f->batch;
    f->queue.queue_size = 30;
    f->retry.enabled = false;
    make(f, true);
    (void)otc_fail(&refusal, OTC_INVALID_ARGUMENT, "no");
    refusal.permanent = true;
    otc_sink_refuse(f->sink, &refusal);
    send(f, 4);
    send(f, 8);
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_size"), 12);
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_size_bytes"), 20);
    assert_int_equal(metric(f, "otelcol_exporter_queue_batch_send_size"), 12);
    assert_int_equal(metric(f, "otelcol_exporter_queue_batch_send_size_bytes"), 20);
    assert_int_equal(otc_vhost_metric(f->vhost, "otelcol_exporter_send_failed_spans",
                                      "exporter=otlp_grpc,error.type=InvalidArgument,error.permanent=true"),
                     12);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "later");
    send(f, 10);
    assert_int_equal(otc_vhost_metric(f->vhost, "otelcol_exporter_send_failed_spans",
                                      "exporter=otlp_grpc,error.type=Unavailable,error.permanent=false"),
                     10);
    assert_int_equal(otc_vhost_metric(f->vhost, "otelcol_exporter_send_failed_spans", "exporter=otlp_grpc"),
                     0);
}

/* Where it goes is a label of what was sent and of what failed, and of nothing else. */
static void
what_was_sent_says_where(void **state)
{
    static const struct otc_target target = {
        {{"server.address", "backend"}, {"server.port", "4317"}}, 2, NULL};
    struct fixture *f = *state;

    f->target = &target;
    f->retry.enabled = false;
    make(f, true);
    send(f, 4);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "later");
    send(f, 8);
    assert_int_equal(otc_vhost_metric(f->vhost, "otelcol_exporter_sent_spans",
                                      "exporter=otlp_grpc,server.address=backend,server.port=4317"),
                     4);
    assert_int_equal(otc_vhost_metric(f->vhost, "otelcol_exporter_send_failed_spans",
                                      "exporter=otlp_grpc,server.address=backend,server.port=4317"),
                     8);
    assert_int_equal(
        otc_vhost_metric(f->vhost, "otelcol_exporter_enqueue_failed_spans", "exporter=otlp_grpc"), 0);
}

static void
details_are_not_told_unasked(void **state)
{
    struct fixture *f = *state;

    f->queue.batch = &f->batch;
    f->retry.enabled = false;
    make(f, true);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "later");
    send(f, 10);
    assert_int_equal(metric(f, "otelcol_exporter_enqueue_size"), 0);
    assert_int_equal(metric(f, "otelcol_exporter_queue_batch_send_size"), 0);
    assert_int_equal(otc_vhost_metric(f->vhost, "otelcol_exporter_send_failed_spans", "exporter=otlp_grpc"),
                     10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_accepted_is_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_queue_could_hold_is_refused_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(retries_keep_the_schedule, setup, teardown),
        cmocka_unit_test_setup_teardown(jitter_stays_within_its_factor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_throttle_delay_longer_than_the_interval_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interval_of_0_does_not_spin, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sender_starts_a_few_and_the_timer_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(permanent_errors_are_not_retried, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_retried_when_told_so, setup, teardown),
        cmocka_unit_test_setup_teardown(the_sender_waits_for_the_result_when_told_to, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_queue_the_sender_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(senders_wait_for_room_when_told_to, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_are_sent_together_by_size_and_by_time, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_of_other_clients_are_sent_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(shutdown_gives_what_waits_one_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(shutdown_ends_at_its_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(shutdown_heeds_a_throttle, setup, teardown),
        cmocka_unit_test(shutdown_waits_for_repetitions),
        cmocka_unit_test_setup_teardown(threads_do_not_lose_anything, setup, teardown),
        cmocka_unit_test_setup_teardown(details_are_told_where_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_sent_says_where, setup, teardown),
        cmocka_unit_test_setup_teardown(details_are_not_told_unasked, setup, teardown),
    };

    return cmocka_run_group_tests_name("common/component/exporter", tests, NULL, NULL);
}
