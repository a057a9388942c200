// SPDX-License-Identifier: Apache-2.0
/* `sending_queue::storage`: what the exporter does with a queue on disk, on a virtual clock and a disk of the
 * test's own. What the disk itself does is tests/unit/common/storage/log_test.c. */
#include "tests/unit/common/component/exporter_stored.h"

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
    assert_int_equal(f->err.retry_after_ms, OTC_REFUSED_RETRY_MS);
    f->disk.full = false;
    f->disk.fails = true;
    assert_int_equal(send_as(f, 4, NULL, &done), OTC_PENDING);
    assert_int_equal(done.calls, 1);
    assert_int_equal(done.result.status, OTC_UNAVAILABLE);
    assert_true(otc_error_retryable(&done.result));
    assert_int_equal(done.result.retry_after_ms, OTC_REFUSED_RETRY_MS);
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

        f->disk.letters_left = 0;
        f->disk.queue.letters_off = off;
        start(f);
        assert_int_equal(send_as(f, 4, NULL, NULL), OTC_PENDING);
        assert_int_equal(send_as(f, 1, NULL, NULL), OTC_PENDING);
        assert_int_equal(send_as(f, 2, NULL, NULL), OTC_PENDING);
        stop(f);
        assert_int_equal(on_disk(f), 3);
        f->disk.records[3 * off].crashes = 3;
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
        CASE(an_outage_loses_nothing_that_was_acknowledged),
        CASE(nor_does_one_with_the_queue_in_memory),
    };

    return cmocka_run_group_tests_name("common/component/exporter_stored", tests, NULL, NULL);
}
