// SPDX-License-Identifier: Apache-2.0
/* Emission: resource, stamps, limits, and what happens when the next component refuses. */
#include "common/analysis/emit.h"
#include "common/base/clock.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct otc_metric gauge = OTC_GAUGE_METRIC("test.gauge", "", "A gauge.");
static const struct otc_metric counter = OTC_COUNTER_METRIC("test.counter", "{thing}", "A counter.");

struct stage {
    size_t gauges;
    bool nan, stale;
    size_t collections;
};

static void
collect(void *arg, struct otc_emitter *emitter)
{
    struct stage *stage = arg;
    char number[32];

    stage->collections++;
    for (size_t i = 0; i < stage->gauges; i++) {
        struct otc_attribute attribute;

        (void)snprintf(number, sizeof(number), "%zu", i);
        attribute = OTC_ATTR_STR("i", number);
        if (stage->stale) {
            otc_emit_stale(emitter, &gauge, &attribute, 1);
        } else {
            otc_emit_gauge(emitter, &gauge, &attribute, 1, stage->nan ? (double)NAN : (double)i);
        }
    }
    otc_emit_counter(emitter, &counter, NULL, 0, OTC_VHOST_EPOCH_NS, 7);
}

struct fixture {
    struct otc_vhost *vhost;
    struct otc_sink *sink;
    struct otc_emitter *emitter;
    struct stage stage;
};

static void
fixture_init(struct fixture *fixture, size_t series)
{
    struct otc_emitter_settings settings = {.scope = "otelcol-aimon/test",
                                            .component_id = "test",
                                            .flush_interval_ns = 15 * OTC_SECOND,
                                            .series = series,
                                            .collect = collect,
                                            .stage = &fixture->stage};
    struct otc_error err = OTC_ERROR_INIT;

    *fixture = (struct fixture){.vhost = otc_vhost_new(), .sink = otc_sink_new()};
    settings.host = otc_vhost_host(fixture->vhost);
    fixture->emitter = otc_emitter_new(&settings);
    assert_non_null(fixture->emitter);
    assert_int_equal(otc_emitter_start(fixture->emitter, &err), OTC_FAILED_PRECONDITION);
    otc_emitter_connect(fixture->emitter, otc_sink_consumer(fixture->sink));
    assert_int_equal(otc_emitter_start(fixture->emitter, &err), OTC_OK);
}

static void
fixture_release(struct fixture *fixture)
{
    otc_emitter_stop(fixture->emitter);
    otc_emitter_stop(fixture->emitter);
    otc_emitter_free(fixture->emitter);
    otc_sink_free(fixture->sink);
    otc_vhost_free(fixture->vhost);
}

struct seen {
    size_t gauges, counters, stale;
    uint64_t time;
    bool service;
};

static bool
see(void *arg, const struct otc_point *point)
{
    struct seen *seen = arg;
    struct otc_slice rest = point->record.resource, key;
    struct otc_value value;

    seen->time = point->time_unix_nano;
    seen->stale += point->flags == OTC_POINT_NO_RECORDED_VALUE;
    assert_true(otc_slice_equal_str(point->record.scope_name, "otelcol-aimon/test"));
    if (point->type == OTC_METRIC_SUM) {
        seen->counters++;
        assert_true(point->monotonic);
        assert_int_equal(point->temporality, OTC_TEMPORALITY_CUMULATIVE);
        assert_int_equal(point->start_unix_nano, OTC_VHOST_EPOCH_NS);
        assert_int_equal(point->value.as.integer, 7);
    } else {
        seen->gauges++;
    }
    while (otc_attributes_next(OTC_ATTRIBUTES_RESOURCE, &rest, &key, &value)) {
        seen->service = seen->service || otc_slice_equal_str(key, "service.name");
    }
    return true;
}

static struct seen
look(struct fixture *fixture)
{
    struct seen seen = {0};
    struct otc_error err = OTC_ERROR_INIT;

    for (size_t i = 0; i < otc_sink_batches(fixture->sink); i++) {
        struct otc_batch *batch = otc_sink_batch(fixture->sink, i);

        assert_int_equal(otc_walk_points(NULL, otc_batch_part(batch, 0), see, &seen, &err), OTC_OK);
    }
    return seen;
}

static void
test_each_flush_tells_everything_again(void **state)
{
    struct fixture fixture;
    struct seen seen;

    (void)state;
    fixture_init(&fixture, 100);
    fixture.stage.gauges = 3;
    for (int i = 1; i <= 3; i++) {
        otc_sink_clear(fixture.sink);
        otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
        seen = look(&fixture);
        assert_int_equal(seen.gauges, 3);
        assert_int_equal(seen.counters, 1);
        assert_true(seen.service);
        assert_int_equal(seen.time, OTC_VHOST_EPOCH_NS + 15 * OTC_SECOND * i);
    }
    assert_int_equal(otc_sink_items(fixture.sink), 4);
    fixture_release(&fixture);
}

/* The time of the next points after the clock was set to something. */
static uint64_t
stamp_after(struct fixture *fixture, int64_t now_ns)
{
    otc_vhost_set_now(fixture->vhost, now_ns);
    otc_sink_clear(fixture->sink);
    otc_vhost_advance(fixture->vhost, 15 * OTC_SECOND);
    return look(fixture).time;
}

static void
test_stamps_go_on_through_small_steps_and_follow_large_ones(void **state)
{
    struct fixture fixture;
    uint64_t before;
    int64_t ahead = OTC_VHOST_EPOCH_NS + OTC_DAY;

    (void)state;
    fixture_init(&fixture, 100);
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    before = look(&fixture).time;
    assert_int_equal(stamp_after(&fixture, (int64_t)before - 30 * OTC_SECOND), before + 1);
    assert_int_equal(stamp_after(&fixture, (int64_t)before - OTC_SECOND), before + 14 * (uint64_t)OTC_SECOND);
    /* A day ahead for one flush: the next one is of today again. */
    assert_int_equal(stamp_after(&fixture, ahead), ahead + 15 * OTC_SECOND);
    assert_int_equal(stamp_after(&fixture, OTC_VHOST_EPOCH_NS + OTC_HOUR),
                     OTC_VHOST_EPOCH_NS + OTC_HOUR + 15 * OTC_SECOND);
    assert_int_equal(stamp_after(&fixture, OTC_VHOST_EPOCH_NS), OTC_VHOST_EPOCH_NS + 15 * OTC_SECOND);
    fixture_release(&fixture);
}

static void
test_nan_is_left_out_and_ends_are_flagged(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 100);
    fixture.stage.gauges = 2;
    fixture.stage.nan = true;
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    assert_int_equal(look(&fixture).gauges, 0);
    fixture.stage.stale = true;
    otc_sink_clear(fixture.sink);
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    assert_int_equal(look(&fixture).stale, 2);
    fixture_release(&fixture);
}

static void
test_the_series_limit_cuts_and_counts(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 5);
    fixture.stage.gauges = 20;
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    assert_int_equal(look(&fixture).gauges, 5);
    assert_int_equal(otc_vhost_metric_sum(fixture.vhost, "aimon_emit_series_dropped"), 16);
    fixture.stage.gauges = 2;
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    assert_int_equal(otc_vhost_metric_sum(fixture.vhost, "aimon_emit_series_dropped"), 0);
    fixture_release(&fixture);
}

static void
test_many_points_leave_in_several_batches(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 100000);
    fixture.stage.gauges = 20000;
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    assert_int_equal(otc_sink_batches(fixture.sink), 3);
    assert_int_equal(otc_sink_items(fixture.sink), 20001);
    assert_int_equal(look(&fixture).gauges, 20000);
    fixture_release(&fixture);
}

static void
test_a_refusal_is_counted_and_the_next_flush_goes_on(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 100);
    fixture.stage.gauges = 3;
    otc_sink_answer(fixture.sink, OTC_UNAVAILABLE, "full");
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    assert_int_equal(otc_vhost_metric_sum(fixture.vhost, "aimon_emit_points_refused"), 4);
    otc_sink_answer(fixture.sink, OTC_OK, NULL);
    otc_vhost_advance(fixture.vhost, 15 * OTC_SECOND);
    assert_int_equal(look(&fixture).gauges, 3);
    fixture_release(&fixture);
}

static void
test_the_end_flushes_once_more(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, 100);
    otc_emitter_stop(fixture.emitter);
    assert_int_equal(fixture.stage.collections, 1);
    otc_vhost_advance(fixture.vhost, OTC_HOUR);
    assert_int_equal(fixture.stage.collections, 1);
    fixture_release(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_flush_tells_everything_again),
        cmocka_unit_test(test_stamps_go_on_through_small_steps_and_follow_large_ones),
        cmocka_unit_test(test_nan_is_left_out_and_ends_are_flagged),
        cmocka_unit_test(test_the_series_limit_cuts_and_counts),
        cmocka_unit_test(test_many_points_leave_in_several_batches),
        cmocka_unit_test(test_a_refusal_is_counted_and_the_next_flush_goes_on),
        cmocka_unit_test(test_the_end_flushes_once_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
