// SPDX-License-Identifier: Apache-2.0
/* Events: sent once, tried again when refused, counted when lost. */
#include "common/analysis/emit_logs.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
    struct otc_vhost *vhost;
    struct otc_sink *sink;
    struct otc_events *events;
};

static void
fixture_init(struct fixture *f)
{
    *f = (struct fixture){.vhost = otc_vhost_new(), .sink = otc_sink_new()};
    f->events = otc_events_new(otc_vhost_host(f->vhost), "otelcol-aimon/test", "test");
    assert_non_null(f->events);
}

static void
fixture_release(struct fixture *f)
{
    otc_events_free(f->events);
    otc_sink_free(f->sink);
    otc_vhost_free(f->vhost);
}

static void
tell(struct fixture *f)
{
    const struct otc_log_head head = {
        .time_unix_nano = 1, .severity = OTC_SEVERITY_WARN, .event_name = OTC_SLICE_LIT("test.event")};

    otc_events_add(f->events, &head);
}

static void
test_one_batch_a_flush(void **state)
{
    (void)state;
    struct fixture f;

    fixture_init(&f);
    tell(&f); /* nobody takes it */
    otc_events_connect(f.events, otc_sink_consumer(f.sink));
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_calls(f.sink), 0);
    tell(&f);
    tell(&f);
    otc_events_flush(f.events);
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_batches(f.sink), 1);
    assert_int_equal(otc_sink_items(f.sink), 2);
    fixture_release(&f);
}

static void
test_refused_batches_are_tried_again(void **state)
{
    (void)state;
    struct fixture f;

    fixture_init(&f);
    otc_events_connect(f.events, otc_sink_consumer(f.sink));
    otc_sink_answer(f.sink, OTC_UNAVAILABLE, "full");
    tell(&f);
    otc_events_flush(f.events);
    tell(&f);
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_calls(f.sink), 3);
    assert_int_equal(otc_sink_items(f.sink), 0);
    otc_sink_answer(f.sink, OTC_OK, NULL);
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_batches(f.sink), 2);
    assert_int_equal(otc_sink_items(f.sink), 2);
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_calls(f.sink), 5);
    fixture_release(&f);
}

static void
test_tries_and_room_are_limited(void **state)
{
    (void)state;
    struct otc_error never = {.status = OTC_INVALID_ARGUMENT, .permanent = true, .text = "no"};
    struct fixture f;

    fixture_init(&f);
    otc_events_connect(f.events, otc_sink_consumer(f.sink));
    otc_sink_refuse(f.sink, &never);
    tell(&f);
    otc_events_flush(f.events);
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_calls(f.sink), 1);
    otc_sink_answer(f.sink, OTC_UNAVAILABLE, "full");
    tell(&f);
    for (int i = 0; i < 2 * OTC_EVENTS_TRIES; i++) {
        otc_events_flush(f.events);
    }
    assert_int_equal(otc_sink_calls(f.sink), 1 + OTC_EVENTS_TRIES);
    /* One more batch than may wait: the oldest is lost. */
    for (int i = 0; i < OTC_EVENTS_WAITING_MAX + 1; i++) {
        tell(&f);
        otc_events_flush(f.events);
    }
    otc_sink_answer(f.sink, OTC_OK, NULL);
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_items(f.sink), OTC_EVENTS_WAITING_MAX);
    /* More records than one batch may hold are lost. */
    otc_sink_clear(f.sink);
    for (int i = 0; i < OTC_EVENTS_PENDING_MAX + 5; i++) {
        tell(&f);
    }
    otc_events_flush(f.events);
    assert_int_equal(otc_sink_batches(f.sink), 1);
    assert_int_equal(otc_batch_items(otc_sink_batch(f.sink, 0)), OTC_EVENTS_PENDING_MAX);
    fixture_release(&f);
}

static void
test_held_events_wait_and_can_be_forgotten(void **state)
{
    (void)state;
    struct fixture f;

    fixture_init(&f);
    otc_events_connect(f.events, otc_sink_consumer(f.sink));
    otc_events_hold(f.events, true);
    tell(&f);
    tell(&f);
    assert_false(otc_events_flush(f.events));
    otc_events_forget(f.events); /* these were told before */
    tell(&f);
    assert_false(otc_events_flush(f.events));
    assert_int_equal(otc_sink_calls(f.sink), 0);
    otc_events_hold(f.events, false);
    assert_true(otc_events_flush(f.events));
    assert_int_equal(otc_sink_batches(f.sink), 1);
    assert_int_equal(otc_sink_items(f.sink), 1);
    otc_events_forget(f.events); /* of nothing */
    assert_false(otc_events_flush(f.events));
    fixture_release(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_batch_a_flush),
        cmocka_unit_test(test_refused_batches_are_tried_again),
        cmocka_unit_test(test_tries_and_room_are_limited),
        cmocka_unit_test(test_held_events_wait_and_can_be_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
