// SPDX-License-Identifier: Apache-2.0
/* Receivers send from their threads while the control loop learns, evaluates and forgets. */
#include "tests/unit/processors/drift/stage.h"

#include <pthread.h>

#define THREADS 2
#define ROUNDS 400

struct sender {
    pthread_t thread;
    struct otc_consumer *consumer;
    struct otc_batch *batches[3];
};

static void *
send_all(void *arg)
{
    struct sender *sender = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_consume(sender->consumer, otc_batch_ref(sender->batches[i % 3]), NULL, &err) != OTC_OK) {
            return arg;
        }
    }
    return NULL;
}

static struct otc_batch *
make_batch(struct stage *stage, const char *version)
{
    struct otc_buf scope = {.limit = 1 << 20}, request = {.limit = 1 << 20};
    struct otc_batch *batch;

    stage->version = version;
    for (int i = 0; i < 20; i++) {
        const struct field fields[] = {NUMBER("ml.feature.age", i % 7),
                                       TEXT("ml.feature.country", i % 3 ? "DE" : "FR")};

        record(stage, 0, fields, 2); /* no stamp: its arrival counts, so that windows close all the time */
    }
    put_bytes(&scope, 2, stage->records.data, stage->records.len);
    put_message(&request, 1, &scope);
    batch = otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&request), 20, NULL);
    otc_buf_release(&request);
    otc_buf_clear(&stage->records);
    stage->n_records = 0;
    assert_non_null(batch);
    return batch;
}

static void
test_senders_and_the_control_loop(void **state)
{
    static const char *const versions[] = {"1", "2", "3"};
    /* Two versions of three fit: they are forgotten while they are being evaluated, too. */
    struct stage *stage =
        stage_new("presets: [ml]\nreference: {learn: {observations: 100, duration: 0s}}\n"
                  "window: {length: 6s, pane: 1s, allowed_lateness: 0s, min_observations: 20}\n"
                  "limits: {versions: 2}\nmetrics_flush_interval: 1s\n");
    struct sender senders[THREADS];

    (void)state;
    for (int t = 0; t < THREADS; t++) {
        senders[t].consumer = stage->component->ops->input(stage->component, OTC_TRACES);
        for (int b = 0; b < 3; b++) {
            senders[t].batches[b] = make_batch(stage, versions[b]);
        }
        assert_int_equal(pthread_create(&senders[t].thread, NULL, send_all, &senders[t]), 0);
    }
    for (int i = 0; i < 200; i++) {
        otc_vhost_advance(stage->vhost, 300 * OTC_MILLISECOND);
        otc_sink_clear(stage->sink);
    }
    for (int t = 0; t < THREADS; t++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(senders[t].thread, &failed), 0);
        assert_null(failed);
        for (int b = 0; b < 3; b++) {
            otc_batch_unref(senders[t].batches[b]);
        }
    }
    otc_vhost_advance(stage->vhost, 2 * OTC_SECOND);
    assert_int_equal(otc_vhost_logged(stage->vhost, "Reference learned"), 1);
    assert_int_equal(look(stage, "ml.inference.records", ATTRIBUTES("ml.model.version", "1")).found +
                         look(stage, "ml.inference.records", ATTRIBUTES("ml.model.version", "2")).found +
                         look(stage, "ml.inference.records", ATTRIBUTES("ml.model.version", "3")).found,
                     2 * otc_sink_batches(stage->sink));
    stage_free(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_senders_and_the_control_loop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
