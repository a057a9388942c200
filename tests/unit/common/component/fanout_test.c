// SPDX-License-Identifier: Apache-2.0
#include "common/component/fanout.h"

#include "tests/harness/sink.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#define N 3

/* Sinks 0 and 1 forward, sink 2 observes; the observer is given to the fan-out first. */
struct fixture {
    struct otc_sink *sinks[N];
    struct otc_consumer *fanout;
    struct otc_test_done done;
    struct otc_error err;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct otc_consumer *consumers[N];

    for (int i = 0; i < N; i++) {
        f->sinks[i] = otc_sink_new();
        consumers[(i + 1) % N] = otc_sink_consumer(f->sinks[i]);
    }
    otc_sink_consumer(f->sinks[2])->observes_accepted = true;
    f->fanout = otc_fanout_new(consumers, N);
    f->done = OTC_TEST_DONE_INIT;
    f->err = OTC_ERROR_INIT;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    otc_fanout_free(f->fanout);
    for (int i = 0; i < N; i++) {
        otc_sink_free(f->sinks[i]);
    }
    free(f);
    return 0;
}

static otc_status
send(struct fixture *f)
{
    return otc_consume(f->fanout, otc_batch_copy_of(OTC_LOGS, otc_slice_str("x"), 4, NULL), &f->done.done,
                       &f->err);
}

static void
observers_come_last_and_only_after_acceptance(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(send(f), OTC_OK);
    assert_true(otc_sink_last_call(f->sinks[0]) < otc_sink_last_call(f->sinks[1]));
    assert_true(otc_sink_last_call(f->sinks[1]) < otc_sink_last_call(f->sinks[2]));
    assert_int_equal(f->done.calls, 0);
    otc_sink_answer(f->sinks[1], OTC_UNAVAILABLE, "sending queue is full");
    assert_int_equal(send(f), OTC_UNAVAILABLE);
    assert_string_equal(f->err.text, "sending queue is full");
    assert_int_equal(otc_sink_calls(f->sinks[0]), 2);
    assert_int_equal(otc_sink_calls(f->sinks[2]), 1);
}

static void
every_branch_is_called_and_errors_join(void **state)
{
    struct fixture *f = *state;
    struct otc_error bad = OTC_ERROR_INIT, busy = OTC_ERROR_INIT;

    otc_fail(&bad, OTC_INVALID_ARGUMENT, "bad data");
    bad.permanent = true;
    otc_fail(&busy, OTC_UNAVAILABLE, "busy");
    busy.retry_after_ms = 70;
    otc_sink_refuse(f->sinks[0], &bad);
    otc_sink_refuse(f->sinks[1], &busy);
    assert_int_equal(send(f), OTC_INVALID_ARGUMENT);
    assert_string_equal(f->err.text, "bad data; busy");
    assert_true(f->err.permanent);
    assert_int_equal(f->err.retry_after_ms, 0);
    assert_int_equal(otc_sink_calls(f->sinks[1]), 1);
    /* In whichever order they come. */
    otc_sink_refuse(f->sinks[0], &busy);
    otc_sink_refuse(f->sinks[1], &bad);
    assert_int_equal(send(f), OTC_INVALID_ARGUMENT);
    assert_string_equal(f->err.text, "busy; bad data");
    assert_true(f->err.permanent);
    assert_int_equal(f->err.retry_after_ms, 0);
    otc_sink_refuse(f->sinks[1], &busy);
    assert_int_equal(send(f), OTC_UNAVAILABLE);
    assert_false(f->err.permanent);
    assert_int_equal(f->err.retry_after_ms, 70);
    assert_int_equal(otc_sink_calls(f->sinks[2]), 0);
}

static void
pending_branches_are_waited_for(void **state)
{
    struct fixture *f = *state;

    otc_sink_answer(f->sinks[0], OTC_PENDING, NULL);
    otc_sink_answer(f->sinks[1], OTC_PENDING, NULL);
    assert_int_equal(send(f), OTC_PENDING);
    assert_int_equal(otc_sink_calls(f->sinks[2]), 1);
    assert_true(otc_sink_complete(f->sinks[1], OTC_OK, NULL));
    assert_int_equal(f->done.calls, 0);
    assert_true(otc_sink_complete(f->sinks[0], OTC_ABORTED, "lost"));
    assert_int_equal(f->done.calls, 1);
    assert_int_equal(f->done.result.status, OTC_ABORTED);
    assert_string_equal(f->done.result.text, "lost");
}

static void
a_refusal_is_told_at_once_though_others_are_pending(void **state)
{
    struct fixture *f = *state;

    otc_sink_answer(f->sinks[0], OTC_PENDING, NULL);
    otc_sink_answer(f->sinks[1], OTC_UNAVAILABLE, "no room");
    assert_int_equal(send(f), OTC_UNAVAILABLE);
    assert_true(otc_sink_complete(f->sinks[0], OTC_OK, NULL));
    assert_int_equal(f->done.calls, 0);
}

static void
what_an_observer_answers_does_not_count(void **state)
{
    struct fixture *f = *state;

    otc_sink_answer(f->sinks[2], OTC_RESOURCE_EXHAUSTED, "too many models");
    assert_int_equal(send(f), OTC_OK);
    otc_sink_answer(f->sinks[2], OTC_PENDING, NULL);
    assert_int_equal(send(f), OTC_OK);
    assert_int_equal(f->done.calls, 0);
}

static void
observers_alone_answer_for_themselves(void **state)
{
    struct fixture *f = *state;
    struct otc_consumer *only = otc_sink_consumer(f->sinks[2]);
    struct otc_consumer *fanout = otc_fanout_new(&only, 1);

    assert_true(fanout->observes_accepted);
    otc_sink_answer(f->sinks[2], OTC_UNAVAILABLE, "not now");
    assert_int_equal(otc_consume(fanout, otc_batch_copy_of(OTC_LOGS, OTC_SLICE_NONE, 1, NULL), NULL, &f->err),
                     OTC_UNAVAILABLE);
    otc_fanout_free(fanout);
}

/* A branch that tells its result before it returns. */
static otc_status
hasty_consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done,
              struct otc_error *err)
{
    const struct otc_error ok = OTC_ERROR_INIT;

    (void)self;
    (void)err;
    otc_batch_unref(batch);
    if (done) {
        done->fn(done, &ok);
    }
    return OTC_PENDING;
}

static void
a_result_that_comes_before_the_call_returns_is_not_lost(void **state)
{
    struct fixture *f = *state;
    struct otc_consumer hasty = {.abi = OTC_ABI_OF(otc_consumer), .consume = hasty_consume};
    struct otc_consumer *both[] = {&hasty, otc_sink_consumer(f->sinks[0])};
    struct otc_consumer *fanout = otc_fanout_new(both, 2);
    otc_status status =
        otc_consume(fanout, otc_batch_copy_of(OTC_LOGS, OTC_SLICE_NONE, 1, NULL), &f->done.done, &f->err);

    /* Either the answer is OK, or it is PENDING and the result came: never both, never neither. */
    assert_int_equal(f->done.calls, status == OTC_PENDING);
    assert_int_equal(otc_consume(fanout, otc_batch_copy_of(OTC_LOGS, OTC_SLICE_NONE, 1, NULL), NULL, &f->err),
                     OTC_PENDING);
    otc_fanout_free(fanout);
}

/* ---- Results from other threads
 * ----------------------------------------------------------------------------------- */

#define ROUNDS 3000

struct counted {
    struct otc_done done;
    atomic_int *told;
};

static void
count_done(struct otc_done *self, const struct otc_error *result)
{
    struct counted *counted = OTC_CONTAINER(self, counted, done);

    assert_int_equal(result->status, OTC_OK);
    atomic_fetch_add(counted->told, 1);
    free(counted);
}

static void *
complete_all(void *arg)
{
    for (int left = ROUNDS; left > 0;) {
        left -= otc_sink_complete(arg, OTC_OK, NULL);
        otc_sink_clear(arg);
        sched_yield();
    }
    return NULL;
}

static void
every_result_is_told_once_whoever_is_last(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[2];
    atomic_int told = 0;

    for (int i = 0; i < 2; i++) {
        otc_sink_answer(f->sinks[i], OTC_PENDING, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, complete_all, f->sinks[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct counted *counted = calloc(1, sizeof(*counted));
        otc_status status;

        *counted = (struct counted){{OTC_ABI_OF(otc_done), count_done}, &told};
        status = otc_consume(f->fanout, otc_batch_copy_of(OTC_LOGS, OTC_SLICE_NONE, 1, NULL), &counted->done,
                             NULL);
        if (status == OTC_OK) {
            count_done(&counted->done, &f->err);
        } else {
            assert_int_equal(status, OTC_PENDING);
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&told), ROUNDS);
    assert_int_equal(otc_sink_calls(f->sinks[2]), ROUNDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(observers_come_last_and_only_after_acceptance, setup, teardown),
        cmocka_unit_test_setup_teardown(every_branch_is_called_and_errors_join, setup, teardown),
        cmocka_unit_test_setup_teardown(pending_branches_are_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_is_told_at_once_though_others_are_pending, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_observer_answers_does_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(observers_alone_answer_for_themselves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_result_that_comes_before_the_call_returns_is_not_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_result_is_told_once_whoever_is_last, setup, teardown),
    };

    return cmocka_run_group_tests_name("common/component/fanout", tests, NULL, NULL);
}
