// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/vhost.h"

#include "common/base/clock.h"
#include "tests/harness/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct seen {
    struct otc_vhost *vhost;
    struct otc_timer *timer;
    int64_t at[8];
    int n;
};

static void
note(void *arg)
{
    struct seen *seen = arg;
    struct otc_host *host = otc_vhost_host(seen->vhost);

    seen->at[seen->n++] = host->now_ns(host) - OTC_VHOST_EPOCH_NS;
}

static void
note_and_rearm(void *arg)
{
    struct seen *seen = arg;
    struct otc_host *host = otc_vhost_host(seen->vhost);

    note(seen);
    host->timer_arm(host, seen->timer, 10);
}

static void
timers_fire_at_their_time_and_in_order(void **state)
{
    struct otc_vhost *vhost = otc_vhost_new();
    struct otc_host *host = otc_vhost_host(vhost);
    struct seen periodic = {.vhost = vhost}, once = {.vhost = vhost};
    struct otc_timer *late = host->timer_new(host, note, &once);

    (void)state;
    periodic.timer = host->timer_new(host, note_and_rearm, &periodic);
    host->timer_arm(host, periodic.timer, 10);
    host->timer_arm(host, late, 25);
    assert_int_equal(otc_vhost_next_timer(vhost), 10);
    otc_vhost_advance(vhost, 30);
    assert_int_equal(periodic.n, 3);
    assert_int_equal(periodic.at[2], 30);
    assert_int_equal(once.n, 1);
    assert_int_equal(once.at[0], 25);
    host->timer_disarm(host, periodic.timer);
    otc_vhost_advance(vhost, OTC_HOUR);
    assert_int_equal(periodic.n, 3);
    host->timer_free(host, periodic.timer);
    host->timer_free(host, late);
    otc_vhost_free(vhost);
}

static void
posts_run_when_the_loop_runs(void **state)
{
    struct otc_vhost *vhost = otc_vhost_new();
    struct otc_host *host = otc_vhost_host(vhost);
    struct seen seen = {.vhost = vhost};

    (void)state;
    assert_true(host->post(host, note, &seen));
    assert_int_equal(seen.n, 0);
    otc_vhost_run(vhost);
    assert_int_equal(seen.n, 1);
    otc_vhost_refuse_posts(vhost);
    assert_false(host->post(host, note, &seen));
    otc_vhost_free(vhost);
}

static void
logs_reports_memory_and_metrics_are_seen(void **state)
{
    static const struct otc_instrument counter = {"aimon_test", "{item}", "A count.", OTC_COUNTER};
    const struct otc_label labels[] = {{"a", "1"}, {"b", "x,y"}};
    struct otc_vhost *vhost = otc_vhost_new();
    struct otc_host *host = otc_vhost_host(vhost);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_count count;

    (void)state;
    otc_log(host->logger, OTC_LOG_WARN, "drift", "Window closed", OTC_FIELD_NUMBER("n", 3),
            OTC_FIELD_TEXT("model", "m"));
    otc_log(host->logger, OTC_LOG_INFO, NULL, "Bare");
    assert_int_equal(otc_vhost_logged(vhost, "Window"), 1);
    assert_string_equal(otc_vhost_log(vhost, 0).fields, "n=3 model=m");
    assert_string_equal(otc_vhost_log(vhost, 1).component, "");
    otc_fail(&err, OTC_UNAVAILABLE, "backend down");
    host->report(host, "otlp_grpc", OTC_STATE_RECOVERABLE_ERROR, &err);
    assert_int_equal(otc_vhost_state(vhost, "otlp_grpc"), OTC_STATE_RECOVERABLE_ERROR);
    assert_string_equal(otc_vhost_state_text(vhost, "otlp_grpc"), "backend down");
    otc_vhost_set_memory_limit(vhost, 100);
    assert_true(host->charge(host, 60));
    assert_false(host->charge(host, 41));
    assert_int_equal(otc_vhost_charged(vhost), 60);
    host->discharge(host, 60);
    count = (struct otc_count){otc_meter_series(host->meter, &counter, labels, 2), 5};
    otc_meter_add(host->meter, &count, 1);
    assert_int_equal(otc_vhost_metric_sum(vhost, "aimon_test"), 5);
    assert_int_equal(otc_vhost_metric(vhost, "aimon_test", "a=1"), -1);
    otc_vhost_free(vhost);
}

static void
a_sink_keeps_refuses_and_completes(void **state)
{
    struct otc_sink *sink = otc_sink_new();
    struct otc_test_done done = OTC_TEST_DONE_INIT;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    otc_sink_answer(sink, OTC_UNAVAILABLE, "no room");
    assert_int_equal(otc_consume(otc_sink_consumer(sink),
                                 otc_batch_copy_of(OTC_TRACES, OTC_SLICE_NONE, 3, NULL), &done.done, &err),
                     OTC_UNAVAILABLE);
    assert_string_equal(err.text, "no room");
    otc_sink_answer(sink, OTC_PENDING, NULL);
    assert_int_equal(otc_consume(otc_sink_consumer(sink),
                                 otc_batch_copy_of(OTC_TRACES, OTC_SLICE_NONE, 3, NULL), &done.done, &err),
                     OTC_PENDING);
    assert_int_equal(done.calls, 0);
    assert_true(otc_sink_complete(sink, OTC_OK, NULL));
    assert_false(otc_sink_complete(sink, OTC_OK, NULL));
    assert_int_equal(done.calls, 1);
    assert_int_equal(otc_sink_items(sink), 3);
    assert_int_equal(otc_sink_calls(sink), 2);
    otc_sink_free(sink);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_at_their_time_and_in_order),
        cmocka_unit_test(posts_run_when_the_loop_runs),
        cmocka_unit_test(logs_reports_memory_and_metrics_are_seen),
        cmocka_unit_test(a_sink_keeps_refuses_and_completes),
    };

    return cmocka_run_group_tests_name("tests/harness/vhost", tests, NULL, NULL);
}
