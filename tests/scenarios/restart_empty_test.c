// SPDX-License-Identifier: Apache-2.0
/* A number that had no valid value while the reference was learned, over a restart. */
#include "tests/scenarios/lives.h"

#define REST                                                                                                 \
    "window: {length: 1m, pane: 10s, min_observations: 50}, limits: {memory: 256MiB}, presets: [ml], "       \
    "emit: {bins: true, p_value: true}, statistics: [ks, psi, wasserstein, mean_shift, spread_ratio], "      \
    "features: [{name: n, from: 'attributes[\"n\"]'}]"

static struct lines *
run(const char *yaml, bool kills)
{
    struct lives *lives = lives_new(yaml, true);

    for (int s = 0; s < 400; s++) {
        for (int i = 0; i < 10; i++) {
            const struct field fields[] = {NUMBER("ml.feature.age", 20 + (s * 7 + i * 13) % 60),
                                           s < 100 ? TEXT("n", "none yet") : NUMBER("n", s + i),
                                           NUMBER("ml.feature.b", (s + i) % 17),
                                           NUMBER("ml.feature.c", (s * i) % 17)};

            record(&lives->stage, stage_now(&lives->stage), fields, 4);
        }
        send(&lives->stage);
        otc_vhost_advance(lives->stage.vhost, OTC_SECOND);
        if (kills && s % 17 == 16) {
            kill_now(lives);
            begin_life(lives);
        }
    }
    return last_results(lives);
}

static void
numbers_that_came_later_last(void **state)
{
    static const char *const settings[] = {
        "reference: {learn: {observations: 300, duration: 10s}}, " REST,
        "reference: {trailing: {offset: 2m}, grid_observations: 300}, " REST};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct lines *whole = run(settings[i], false), *killed = run(settings[i], true);

        assert_same(whole, killed);
        assert_true(count_of(whole, "ml.feature.name=n ") > 0);
        free_lines(whole);
        free_lines(killed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_that_came_later_last)};

    return cmocka_run_group_tests_name("restart_empty", tests, scratch_setup, scratch_teardown);
}
