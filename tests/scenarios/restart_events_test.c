// SPDX-License-Identifier: Apache-2.0
/* Detections as log records, told once each across processes that are killed. */
#include "tests/scenarios/lives.h"

/* When lives end: never; right after each batch, before what it brought is told; every four seconds, in which
 * the start's snapshot is the only one, so that what was told stands in the journal alone. */
enum ends { NEVER, AFTER_BATCHES, AFTER_TELLING };

static void
second(struct lives *lives, int s, enum ends ends)
{
    for (int i = 0; i < 20; i++) {
        const struct field field = NUMBER("ml.feature.age", 20 + (s * 7 + i * 13) % 60 + (s > 150 ? 30 : 0));

        record(&lives->stage, stage_now(&lives->stage), &field, 1);
    }
    send(&lives->stage);
    if (ends == AFTER_BATCHES) {
        kill_now(lives);
        begin_life(lives);
    }
    otc_vhost_advance(lives->stage.vhost, OTC_SECOND);
    if (ends == AFTER_TELLING && s % 4 == 3) {
        kill_now(lives);
        begin_life(lives);
    }
}

static bool
count_log(void *arg, const struct otc_log_record *log)
{
    size_t *n = arg;

    (void)log;
    ++*n;
    return true;
}

static size_t
events(enum ends ends)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct lives *lives;
    size_t n = 0;

    log_sink = otc_sink_new();
    lives =
        lives_new("reference: {learn: {observations: 1000, duration: 60s}}, window: {length: 1m, pane: 10s, "
                  "min_observations: 50, allowed_lateness: 0s}, decision: {windows: 1 of 1}, presets: [ml]",
                  true);
    for (int s = 0; s < 240; s++) {
        second(lives, s, ends);
    }
    for (size_t i = 0; i < otc_sink_batches(log_sink); i++) {
        struct otc_batch *batch = otc_sink_batch(log_sink, i);

        for (size_t p = 0; p < otc_batch_parts(batch); p++) {
            assert_int_equal(otc_walk_logs(NULL, otc_batch_part(batch, p), count_log, &n, &err), OTC_OK);
        }
    }
    lives_free(lives);
    otc_sink_free(log_sink);
    log_sink = NULL;
    return n;
}

static void
detections_outlast_a_kill(void **state)
{
    size_t whole = events(NEVER);

    (void)state;
    assert_true(whole > 0);
    assert_int_equal(events(AFTER_BATCHES), whole);
    assert_int_equal(events(AFTER_TELLING), whole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(detections_outlast_a_kill)};

    return cmocka_run_group_tests_name("restart_events", tests, scratch_setup, scratch_teardown);
}
