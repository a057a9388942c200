// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/net/loop.h"

struct record {
    struct otc_loop *loop;
    char order[32];
    size_t n;
    _Atomic int calls;
};

struct step {
    struct record *record;
    char letter;
};

static void
note(void *arg)
{
    struct step *step = arg;

    assert_true(otc_loop_here(step->record->loop));
    step->record->order[step->record->n++] = step->letter;
}

static void
stop(void *arg)
{
    otc_loop_stop(arg);
}

static struct otc_loop *
new_loop(void)
{
    struct otc_loop *loop;

    assert_int_equal(otc_loop_new(&loop, NULL), OTC_OK);
    assert_false(otc_loop_here(loop));
    return loop;
}

static void
posts_run_in_order(void **state)
{
    struct record record = {.loop = new_loop()};
    struct step steps[] = {{&record, 'a'}, {&record, 'b'}, {&record, 'c'}, {&record, 'd'}};
    struct otc_loop_task task = {.fn = note, .arg = &steps[1]};

    (void)state;
    assert_true(otc_loop_post(record.loop, note, &steps[0]));
    otc_loop_post_task(record.loop, &task);
    assert_true(otc_loop_post(record.loop, note, &steps[2]));
    otc_loop_stop(record.loop);
    assert_false(otc_loop_post(record.loop, note, &steps[3]));
    otc_loop_run(record.loop);
    assert_string_equal(record.order, "abc");
    assert_true(otc_loop_post(record.loop, note, &steps[3]));
    otc_loop_stop(record.loop);
    otc_loop_run(record.loop);
    assert_string_equal(record.order, "abcd");
    assert_true(otc_loop_post(record.loop, note, &steps[0])); /* dropped with the loop */
    otc_loop_free(record.loop);
}

static void
timers_run_by_time(void **state)
{
    struct record record = {.loop = new_loop()};
    struct step steps[] = {{&record, 'a'}, {&record, 'b'}, {&record, 'c'}};
    struct otc_loop_timer *timers[3];
    struct otc_loop_timer *end = otc_loop_timer_new(record.loop, stop, record.loop);

    (void)state;
    for (int i = 0; i < 3; i++) {
        timers[i] = otc_loop_timer_new(record.loop, note, &steps[i]);
        assert_non_null(timers[i]);
    }
    otc_loop_timer_arm(timers[0], 20 * OTC_MILLISECOND);
    otc_loop_timer_arm(timers[1], -1);
    otc_loop_timer_arm(timers[2], 5 * OTC_MILLISECOND);
    otc_loop_timer_disarm(timers[2]);
    otc_loop_timer_arm(end, 30 * OTC_MILLISECOND);
    otc_loop_run(record.loop);
    assert_string_equal(record.order, "ba");
    for (int i = 0; i < 3; i++) {
        otc_loop_timer_free(timers[i]);
    }
    otc_loop_timer_free(end);
    otc_loop_timer_free(NULL);
    otc_loop_free(record.loop);
}

static void
on_signal(void *arg, int signo)
{
    struct record *record = arg;

    assert_int_equal(signo, SIGHUP);
    record->calls++;
    otc_loop_stop(record->loop);
}

static void
signals_reach_the_loop(void **state)
{
    struct record record = {.loop = new_loop()};
    struct otc_loop_signal *signal = otc_loop_signal_new(record.loop, SIGHUP, on_signal, &record);

    (void)state;
    assert_non_null(signal);
    kill(getpid(), SIGHUP);
    otc_loop_run(record.loop);
    assert_int_equal(record.calls, 1);
    otc_loop_signal_free(signal);
    otc_loop_free(record.loop);
}

#define POSTS 2000

static void
count(void *arg)
{
    struct record *record = arg;

    record->calls++;
}

static void *
post_many(void *arg)
{
    struct record *record = arg;

    for (int i = 0; i < POSTS; i++) {
        otc_loop_post(record->loop, count, record);
    }
    return NULL;
}

static void
every_thread_may_post(void **state)
{
    struct record record = {0};
    struct otc_loop *again;
    pthread_t threads[4];

    (void)state;
    assert_int_equal(otc_loop_shared_acquire(&record.loop, NULL), OTC_OK);
    assert_int_equal(otc_loop_shared_acquire(&again, NULL), OTC_OK);
    assert_ptr_equal(record.loop, again);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &record), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    otc_loop_shared_release(again);
    otc_loop_shared_release(record.loop); /* the last one waits for what was posted */
    assert_int_equal(record.calls, 4 * POSTS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_run_in_order),
        cmocka_unit_test(timers_run_by_time),
        cmocka_unit_test(signals_reach_the_loop),
        cmocka_unit_test(every_thread_may_post),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
