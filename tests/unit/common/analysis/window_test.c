// SPDX-License-Identifier: Apache-2.0
/* Panes, watermark and lateness. */
#include "common/analysis/window.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EPOCH (INT64_C(1767225600) * OTC_SECOND) /* a multiple of an hour */
#define MINUTES(n) ((n)*OTC_MINUTE)

struct counter {
    size_t made, freed;
    bool refuse;
};

static void *
make_pane(void *owner)
{
    struct counter *counter = owner;

    if (counter->refuse) {
        return NULL;
    }
    counter->made++;
    return counter;
}

static void
free_pane(void *owner, void *payload)
{
    assert_ptr_equal(owner, payload);
    ((struct counter *)owner)->freed++;
}

static const struct otc_pane_ops ops = {make_pane, free_pane};

static const struct otc_window_config hour = {.length = {OTC_HOUR},
                                              .pane = {5 * OTC_MINUTE},
                                              .allowed_lateness = {30 * OTC_SECOND},
                                              .max_age = {OTC_DAY}};

static void
test_panes_are_aligned_to_the_epoch(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    enum otc_placement placement;
    struct otc_pane *pane;

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    pane = otc_window_place(&window, EPOCH + MINUTES(7), EPOCH + MINUTES(8), &placement);
    assert_non_null(pane);
    assert_int_equal(pane->start_ns, EPOCH + MINUTES(5));
    pane = otc_window_place(&window, EPOCH + MINUTES(10) - 1, EPOCH + MINUTES(8), &placement);
    assert_int_equal(pane->start_ns, EPOCH + MINUTES(5));
    assert_int_equal(pane->records, 2);
    pane = otc_window_place(&window, EPOCH + MINUTES(10), EPOCH + MINUTES(8), &placement);
    assert_int_equal(pane->start_ns, EPOCH + MINUTES(10));
    pane = otc_window_place(&window, EPOCH + MINUTES(1), EPOCH + MINUTES(8), &placement);
    assert_int_equal(pane->start_ns, EPOCH);
    assert_int_equal(counter.made, 3);
    otc_window_release(&window);
    assert_int_equal(counter.freed, 3);
}

static void
test_late_old_and_future_records_are_told_apart(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    enum otc_placement placement;
    int64_t now = EPOCH + MINUTES(20);

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    assert_non_null(otc_window_place(&window, now, now, &placement));
    (void)otc_window_advance(&window, now, 0, true);
    assert_int_equal(otc_window_watermark(&window), now - 30 * OTC_SECOND);
    assert_null(otc_window_place(&window, EPOCH + MINUTES(15) - 1, now, &placement));
    assert_int_equal(placement, OTC_LATE);
    assert_non_null(otc_window_place(&window, EPOCH + MINUTES(15), now, &placement));
    assert_null(otc_window_place(&window, now - OTC_DAY - 1, now, &placement));
    assert_int_equal(placement, OTC_TOO_OLD);
    assert_null(otc_window_place(&window, now + MINUTES(5) + 1, now, &placement));
    assert_int_equal(placement, OTC_FUTURE);
    assert_non_null(otc_window_place(&window, now + MINUTES(5), now, &placement));
    counter.refuse = true;
    assert_null(otc_window_place(&window, now + MINUTES(1) + MINUTES(10), now + MINUTES(10), &placement));
    assert_int_equal(placement, OTC_NO_ROOM);
    otc_window_release(&window);
}

static void
test_a_future_stamp_moves_the_watermark_to_now_at_most(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    enum otc_placement placement;
    int64_t now = EPOCH + MINUTES(20);

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    assert_non_null(otc_window_place(&window, now + MINUTES(4), now, &placement));
    (void)otc_window_advance(&window, now, 0, true);
    assert_int_equal(otc_window_watermark(&window), now - 30 * OTC_SECOND);
    /* A clock that steps back a little does not take the watermark with it. */
    (void)otc_window_advance(&window, now - 20 * OTC_SECOND, 0, true);
    assert_int_equal(otc_window_watermark(&window), now - 30 * OTC_SECOND);
    otc_window_release(&window);
}

static void
test_windows_slide_pane_by_pane(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    struct otc_window_view view;
    enum otc_placement placement;
    size_t closed = 0;

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    for (int minute = 0; minute < 180; minute++) {
        int64_t now = EPOCH + MINUTES(minute);

        assert_non_null(otc_window_place(&window, now, now, &placement));
        (void)otc_window_advance(&window, now, MINUTES(minute), true);
        while (otc_window_closing(&window, &view)) {
            closed++;
            assert_int_equal(view.end_ns, EPOCH + MINUTES(5) * (int64_t)closed);
            assert_int_equal(view.end_ns - view.start_ns, OTC_HOUR);
            assert_int_equal(view.n_panes, closed < 12 ? closed : 12);
            assert_int_equal(view.records, view.n_panes * 5);
            assert_float_equal(view.coverage, (double)view.n_panes / 12, 1e-12);
            otc_window_closed(&window);
        }
    }
    assert_int_equal(closed, 35);
    assert_true(counter.made - counter.freed <= 13);
    otc_window_release(&window);
    assert_int_equal(counter.made, counter.freed);
}

static void
test_tumbling_windows_share_nothing(void **state)
{
    const struct otc_window_config config = {
        .length = {5 * OTC_MINUTE}, .pane = {5 * OTC_MINUTE}, .max_age = {OTC_DAY}};
    struct counter counter = {0};
    struct otc_window window;
    struct otc_window_view view;
    enum otc_placement placement;

    (void)state;
    otc_window_init(&window, &config, &ops, &counter);
    for (int minute = 0; minute <= 10; minute++) {
        assert_non_null(
            otc_window_place(&window, EPOCH + MINUTES(minute), EPOCH + MINUTES(minute), &placement));
    }
    assert_true(otc_window_advance(&window, EPOCH + MINUTES(10), 0, true));
    for (int i = 0; i < 2; i++) {
        assert_true(otc_window_closing(&window, &view));
        assert_int_equal(view.n_panes, 1);
        assert_int_equal(view.records, 5);
        assert_float_equal(view.coverage, 1, 0);
        otc_window_closed(&window);
        assert_int_equal(counter.freed, i + 1);
    }
    assert_false(otc_window_closing(&window, &view));
    otc_window_release(&window);
}

static void
test_a_silent_window_closes_by_the_clock(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    struct otc_window_view view;
    enum otc_placement placement;

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    assert_non_null(otc_window_place(&window, EPOCH + OTC_SECOND, EPOCH + OTC_SECOND, &placement));
    (void)otc_window_advance(&window, EPOCH + OTC_SECOND, OTC_SECOND, true);
    assert_false(otc_window_advance(&window, EPOCH + MINUTES(1), MINUTES(1), false));
    assert_false(otc_window_advance(&window, EPOCH + MINUTES(5), MINUTES(5), false));
    assert_true(otc_window_advance(&window, EPOCH + MINUTES(5) + 30 * OTC_SECOND,
                                   MINUTES(5) + 30 * OTC_SECOND, false));
    assert_true(otc_window_closing(&window, &view));
    assert_int_equal(view.end_ns, EPOCH + MINUTES(5));
    otc_window_closed(&window);
    otc_window_release(&window);
}

static void
test_a_gap_of_hours_does_not_count_empty_panes(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    struct otc_window_view view;
    enum otc_placement placement;
    const int64_t later = EPOCH + 10 * OTC_HOUR;

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    assert_non_null(otc_window_place(&window, EPOCH, EPOCH, &placement));
    assert_non_null(otc_window_place(&window, later, later, &placement));
    assert_true(otc_window_advance(&window, later + MINUTES(6), 0, true));
    assert_true(otc_window_closing(&window, &view));
    assert_int_equal(view.end_ns, EPOCH + MINUTES(5));
    otc_window_closed(&window);
    assert_false(otc_window_closing(&window, &view));
    assert_non_null(otc_window_place(&window, later + MINUTES(6), later + MINUTES(6), &placement));
    assert_true(otc_window_advance(&window, later + MINUTES(6), 0, true));
    assert_true(otc_window_closing(&window, &view));
    assert_int_equal(view.end_ns, later + MINUTES(5));
    assert_int_equal(view.n_panes, 1);
    assert_float_equal(view.coverage, 1.0 / 12, 1e-12);
    otc_window_closed(&window);
    assert_int_equal(counter.freed, 1);
    otc_window_release(&window);
}

static void
test_arrival_time_ignores_stamps(void **state)
{
    struct otc_window_config config = hour;
    struct counter counter = {0};
    struct otc_window window;
    enum otc_placement placement;
    struct otc_pane *pane;

    (void)state;
    config.time.index = OTC_ARRIVAL_TIME;
    otc_window_init(&window, &config, &ops, &counter);
    pane = otc_window_place(&window, 1, EPOCH, &placement);
    assert_non_null(pane);
    assert_int_equal(pane->start_ns, EPOCH);
    otc_window_release(&window);
    /* So does event time for a record without one. */
    otc_window_init(&window, &hour, &ops, &counter);
    pane = otc_window_place(&window, 0, EPOCH, &placement);
    assert_non_null(pane);
    assert_int_equal(pane->start_ns, EPOCH);
    otc_window_release(&window);
}

static void
test_labels(void **state)
{
    struct otc_window_config config = hour;
    char text[32];

    (void)state;
    otc_window_label(&config, text);
    assert_string_equal(text, "1h");
    config.length.ns = 90 * OTC_SECOND;
    otc_window_label(&config, text);
    assert_string_equal(text, "1m30s");
    config.length.ns = 7 * OTC_DAY;
    otc_window_label(&config, text);
    assert_string_equal(text, "168h");
}

static void
test_settings_that_do_not_fit_are_refused(void **state)
{
    struct otc_window_config config = hour;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_window_schema.check(&config, &err), OTC_OK);
    config.pane.ns = 7 * OTC_MINUTE;
    assert_int_equal(otc_window_schema.check(&config, &err), OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "no multiple of the pane"));
    config.pane.ns = OTC_SECOND;
    assert_int_equal(otc_window_schema.check(&config, &err), OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "more than 1440 panes"));
}

/* The clock of this machine and of its senders was an hour ahead, and is set right. */
static void
test_a_clock_that_goes_back_begins_anew(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    struct otc_window_view view;
    enum otc_placement placement;
    int64_t now = EPOCH + MINUTES(20), wrong = now + OTC_HOUR;
    struct otc_pane *pane;

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    assert_non_null(otc_window_place(&window, now, now, &placement));
    (void)otc_window_advance(&window, now, 0, true);
    assert_non_null(otc_window_place(&window, wrong - MINUTES(6), wrong, &placement));
    assert_non_null(otc_window_place(&window, wrong, wrong, &placement));
    assert_true(otc_window_advance(&window, wrong, 1, true));
    while (otc_window_closing(&window, &view)) {
        assert_null(otc_window_place(&window, now, now, &placement)); /* not while panes are read */
        otc_window_closed(&window);
    }
    /* An hour of being late would be an hour of blindness. */
    now += OTC_SECOND;
    assert_non_null(otc_window_place(&window, now, now, &placement));
    (void)otc_window_advance(&window, now, 2, true);
    assert_int_equal(otc_window_watermark(&window), now - 30 * OTC_SECOND);
    assert_false(otc_window_closing(&window, &view));
    /* A pane of the wrong hour that was evaluated gets true records, and is evaluated once more with all of
     * them; one that gets none is not. */
    now = wrong - MINUTES(6);
    pane = otc_window_place(&window, now, now, &placement);
    assert_non_null(pane);
    assert_int_equal(pane->records, 2);
    (void)otc_window_advance(&window, wrong + MINUTES(10), 3, true);
    (void)otc_window_advance(&window, wrong + MINUTES(10), 3 + OTC_WINDOW_IDLE_NS, false);
    assert_true(otc_window_closing(&window, &view));
    assert_int_equal(view.end_ns, EPOCH + MINUTES(25)); /* what came after the step */
    otc_window_closed(&window);
    assert_true(otc_window_closing(&window, &view));
    assert_int_equal(view.end_ns, EPOCH + MINUTES(75));
    assert_int_equal(view.panes[view.n_panes - 1].records, 2);
    otc_window_closed(&window);
    assert_true(otc_window_closing(&window, &view));
    assert_int_equal(view.end_ns, EPOCH + MINUTES(85));
    otc_window_closed(&window);
    assert_false(otc_window_closing(&window, &view));
    otc_window_release(&window);
    assert_int_equal(counter.made, counter.freed);
}

/* A step back within the allowed lateness is waited out: nothing closes twice, nothing is late for it. */
static void
test_a_small_step_back_changes_nothing(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    enum otc_placement placement;
    int64_t now = EPOCH + MINUTES(20), mark;

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    assert_non_null(otc_window_place(&window, now, now, &placement));
    (void)otc_window_advance(&window, now, 0, true);
    mark = otc_window_watermark(&window);
    now -= 30 * OTC_SECOND;
    assert_non_null(otc_window_place(&window, now, now, &placement));
    (void)otc_window_advance(&window, now, 1, true);
    assert_int_equal(otc_window_watermark(&window), mark);
    otc_window_release(&window);
}

/* Stamps up to five minutes ahead count, but as now: one of them, in a stream that is ten minutes behind,
 * closes what ended before now, and does not run on with the clock. */
static void
test_one_stamp_ahead_does_not_run_on(void **state)
{
    struct counter counter = {0};
    struct otc_window window;
    enum otc_placement placement;
    int64_t now = EPOCH + MINUTES(20), mark;

    (void)state;
    otc_window_init(&window, &hour, &ops, &counter);
    assert_non_null(otc_window_place(&window, now + MINUTES(4), now, &placement));
    (void)otc_window_advance(&window, now, 0, true);
    mark = otc_window_watermark(&window);
    assert_int_equal(mark, now - 30 * OTC_SECOND);
    now += MINUTES(3);
    assert_non_null(otc_window_place(&window, now - MINUTES(3), now, &placement));
    (void)otc_window_advance(&window, now, OTC_SECOND, true);
    assert_int_equal(otc_window_watermark(&window), mark);
    /* Far ahead: told, and without any effect. */
    assert_null(otc_window_place(&window, now + OTC_DAY, now, &placement));
    assert_int_equal(placement, OTC_FUTURE);
    (void)otc_window_advance(&window, now, OTC_SECOND, true);
    assert_int_equal(otc_window_watermark(&window), mark);
    otc_window_release(&window);
}

/* Clocks at both ends of what 64 bits of nanoseconds hold. */
static void
test_the_ends_of_time(void **state)
{
    static const int64_t nows[] = {0, 1, OTC_HOUR, INT64_MAX - OTC_DAY, INT64_MAX};
    static const int64_t events[] = {1, OTC_HOUR, EPOCH, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(nows) / sizeof(nows[0]); i++) {
        struct counter counter = {0};
        struct otc_window window;
        enum otc_placement placement;

        otc_window_init(&window, &hour, &ops, &counter);
        for (size_t k = 0; k < sizeof(events) / sizeof(events[0]); k++) {
            (void)otc_window_place(&window, events[k], nows[i], &placement);
            (void)otc_window_advance(&window, nows[i], (int64_t)k, true);
        }
        assert_non_null(otc_window_place(&window, 0, nows[i], &placement)); /* without a time: now */
        otc_window_release(&window);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clock_that_goes_back_begins_anew),
        cmocka_unit_test(test_a_small_step_back_changes_nothing),
        cmocka_unit_test(test_one_stamp_ahead_does_not_run_on),
        cmocka_unit_test(test_the_ends_of_time),
        cmocka_unit_test(test_panes_are_aligned_to_the_epoch),
        cmocka_unit_test(test_late_old_and_future_records_are_told_apart),
        cmocka_unit_test(test_a_future_stamp_moves_the_watermark_to_now_at_most),
        cmocka_unit_test(test_windows_slide_pane_by_pane),
        cmocka_unit_test(test_tumbling_windows_share_nothing),
        cmocka_unit_test(test_a_silent_window_closes_by_the_clock),
        cmocka_unit_test(test_a_gap_of_hours_does_not_count_empty_panes),
        cmocka_unit_test(test_arrival_time_ignores_stamps),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_settings_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
