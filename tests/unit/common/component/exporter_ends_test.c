// SPDX-License-Identifier: Apache-2.0
/* Attempts of an exporter with a queue on disk that end after the shutdown: one closes the storage. */
#include "tests/unit/common/component/exporter_stored.h"

#include <pthread.h>
#include <unistd.h>

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

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_last_of_two_ends_closes),
        CASE(a_push_that_outlives_the_shutdown_closes),
    };

    return cmocka_run_group_tests_name("common/component exporter ends", tests, NULL, NULL);
}
