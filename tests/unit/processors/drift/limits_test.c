// SPDX-License-Identifier: Apache-2.0
/* Ceilings: memory, models, versions, features, series; and counts in their two forms. */
#include "processors/drift/counts.h"
#include "processors/drift/state.h"
#include "tests/harness/flood.h"
#include "tests/unit/processors/drift/stage.h"

#include <malloc.h>

#define LEARNING                                                                                             \
    "presets: [ml]\nreference: {learn: {observations: 200, duration: 0s}}\n"                                 \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n"

static void
traffic(struct stage *stage, int seconds, uint64_t *i)
{
    for (int s = 0; s < seconds; s++) {
        otc_sink_clear(stage->sink);
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 20; k++, ++*i) {
            const struct field fields[] = {NUMBER("ml.feature.age", (double)(*i * 7919 % 1000)),
                                           TEXT("ml.feature.country", *i % 3 ? "DE" : "FR")};

            record(stage, stage_now(stage), fields, 2);
        }
        send(stage);
    }
}

static void
test_counts_are_the_same_sparse_and_dense(void **state)
{
    static double points[1000];
    const struct drift_shape shape = {2001, points};
    struct drift_budget budget = {0, 1 << 20};
    struct drift_counts counts = {0};
    uint64_t expected[2001] = {0}, got[2001] = {0};
    double sums[1001] = {0}, expected_sums[1001] = {0};
    uint64_t random = 1;
    bool was_sparse = false;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        points[i] = i + 0.5;
    }
    for (int i = 0; i < 5000; i++) {
        uint32_t cell;

        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        cell = (uint32_t)(random >> 40) % 2001;
        assert_true(drift_counts_add(&counts, shape, cell, cell, &budget));
        was_sparse = was_sparse || (counts.table && counts.used > 100);
        expected[cell]++;
        expected_sums[cell / 2] += cell % 2 == 0 ? cell - (cell < 2 ? 0.5 : cell / 2 - 0.5) : 0;
        if (i == 300) {
            drift_counts_sum(&counts, shape, got, sums);
            assert_memory_equal(got, expected, sizeof(got));
            memset(got, 0, sizeof(got));
            memset(sums, 0, sizeof(sums));
        }
    }
    assert_true(was_sparse);
    assert_non_null(counts.counts);
    drift_counts_sum(&counts, shape, got, sums);
    assert_memory_equal(got, expected, sizeof(got));
    for (int i = 0; i < 1001; i++) {
        assert_float_equal(sums[i], expected_sums[i], 1e-9);
    }
    assert_int_equal(budget.used, 2001 * 4 + 1001 * 8);
    drift_counts_release(&counts, shape, &budget);
    assert_int_equal(budget.used, 0);
}

static void
test_counts_refuse_what_the_budget_does_not_hold(void **state)
{
    const struct drift_shape shape = {100000, NULL};
    struct drift_budget budget = {0, 1024};
    struct drift_counts counts = {0};
    uint32_t held = 0;
    uint64_t *got = calloc(100000, sizeof(*got));

    (void)state;
    assert_non_null(got);
    for (uint32_t cell = 0; cell < 1000; cell++) {
        held += drift_counts_add(&counts, shape, cell, 0, &budget);
    }
    assert_true(held > 0 && held < 64);
    /* What is there is still counted. */
    assert_true(drift_counts_add(&counts, shape, 0, 0, &budget));
    drift_counts_sum(&counts, shape, got, NULL);
    assert_int_equal(got[0], 2);
    assert_true(budget.used <= budget.limit);
    drift_counts_release(&counts, shape, &budget);
    assert_int_equal(budget.used, 0);
    free(got);
}

static void
test_models_beyond_the_limit_are_counted(void **state)
{
    struct stage *stage = stage_new(LEARNING "limits: {models: 2}\n");
    const struct field fields[] = {NUMBER("ml.feature.age", 1)};
    char name[32];

    (void)state;
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "model-%d", i);
        stage->model = name;
        record(stage, stage_now(stage), fields, 1);
    }
    send(stage);
    flush(stage);
    assert_float_equal(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "models")).value,
                       48, 0);
    assert_int_equal(look(stage, "ml.inference.records", NULL).found, 2);
    stage_free(stage);
}

static void
test_features_beyond_the_limit_are_counted(void **state)
{
    struct stage *stage = stage_new(LEARNING "limits: {features: 3}\n");
    char names[8][32];
    struct field fields[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "ml.feature.f%d", i);
        fields[i] = NUMBER(names[i], i);
    }
    record(stage, stage_now(stage), fields, 8);
    send(stage);
    flush(stage);
    assert_float_equal(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "features")).value,
                       5, 0);
    stage_free(stage);
}

static void
test_series_beyond_the_limit_are_left_out(void **state)
{
    struct stage *stage = stage_new(LEARNING "limits: {series: 12}\n");
    uint64_t i = 0;
    size_t items;

    (void)state;
    traffic(stage, 60, &i);
    flush(stage);
    items = otc_sink_items(stage->sink);
    assert_int_equal(items, 12);
    assert_true(otc_vhost_metric_sum(stage->vhost, "aimon_emit_series_dropped") > 10);
    stage_free(stage);
}

static void
test_memory_has_a_ceiling(void **state)
{
    /* Room for the version and little more: values are counted as overflow, nothing fails. */
    struct stage *stage = stage_new(LEARNING "limits: {memory: 64KiB}\n");
    uint64_t i = 0;

    (void)state;
    for (int version = 0; version < 3; version++) {
        static const char *const versions[] = {"1", "2", "3"};

        stage->version = versions[version];
        traffic(stage, 60, &i);
    }
    flush(stage);
    assert_true(look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "memory")).value > 0 ||
                look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "models")).value > 0 ||
                look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "features")).value > 0);
    stage_free(stage);
}

static void
test_a_forgotten_version_gives_its_memory_back(void **state)
{
    struct stage *stage = stage_new(LEARNING "limits: {versions: 2}\n");
    char version[16];
    uint64_t i = 0;

    (void)state;
    for (int v = 0; v < 20; v++) {
        (void)snprintf(version, sizeof(version), "v%d", v);
        stage->version = version;
        traffic(stage, 20, &i);
    }
    flush(stage);
    assert_int_equal(look(stage, "ml.inference.records", ATTRIBUTES("ml.model.version", "v19")).found, 1);
    assert_int_equal(look(stage, "ml.inference.records", ATTRIBUTES("ml.model.version", "v0")).found, 0);
    assert_int_equal(look(stage, "ml.inference.records", NULL).found, 2);
    stage_free(stage);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Beyond max_categories: counted together, and told. The reference pools what it cannot keep; a live window
 * has as many cells again for what is new. */
static void
test_categories_beyond_the_limit_are_counted(void **state)
{
    struct stage *stage =
        stage_new("presets: []\nfeatures: [{name: country, from: 'attributes[\"c\"]', type: categorical, "
                  "max_categories: 5}]\n"
                  "reference: {learn: {observations: 100, duration: 0s}}\n"
                  "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 20}\n");
    const struct drift *drift = OTC_CONTAINER(stage->component, drift, component);
    char text[32];
    size_t used;

    (void)state;
    for (int i = 0; i < 100; i++) {
        const struct field fields[] = {TEXT("c", i % 2 ? "DE" : "FR")};

        record(stage, stage_now(stage), fields, 1);
    }
    send(stage);
    flush(stage);
    for (int i = 0; i < 60; i++) {
        const struct field fields[] = {TEXT("c", text)};

        (void)snprintf(text, sizeof(text), "country-%d", i % 20);
        record(stage, stage_now(stage), fields, 1);
    }
    send(stage);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.feature.unseen", "country"), 60, 0);
    /* 20 new ones, 5 of which have a cell. */
    assert_float_equal(of_feature(stage, "ml.feature.overflow", "country"), 45, 0);
    used = drift->budget.used;
    for (int i = 0; i < 5000; i++) {
        const struct field fields[] = {TEXT("c", text)};

        (void)snprintf(text, sizeof(text), "another-%d", i);
        record(stage, stage_now(stage), fields, 1);
    }
    send(stage);
    flush(stage);
    assert_float_equal(of_feature(stage, "ml.feature.overflow", "country"), 5045, 0);
    assert_true(drift->budget.used <= used + 1024); /* a pane and its cells */
    stage_free(stage);
}

/* Texts without end do not use the budget up: a category that has no cell costs nothing. */
static void
test_the_account_is_flat_under_a_flood(void **state)
{
    static const char *const references[] = {"{learn: {observations: 500, duration: 0s}}",
                                             "{trailing: {offset: 1m}, grid_observations: 200}",
                                             "{arm: {baseline: control}, grid_observations: 200}"};

    (void)state;
    for (size_t r = 0; r < 3; r++) {
        struct otc_flood flood = {.random = 1, .calm = 3000};
        struct otc_buf bytes = {.limit = (size_t)32 << 20};
        const struct drift *drift;
        struct stage *stage;
        size_t after = 0, most = 0;
        char yaml[512];

        (void)snprintf(
            yaml, sizeof(yaml),
            "presets: [ml]\nwindow: {length: 20s, pane: 5s, allowed_lateness: 5s, max_age: 1m}\n"
            "limits: {memory: 16MiB, models: 8, versions: 4, features: 10, series: 2000}\nreference: %s\n",
            references[r]);
        stage = stage_new(yaml);
        drift = OTC_CONTAINER(stage->component, drift, component);
        for (int request = 0; request < 1200; request++) {
            struct otc_error err = OTC_ERROR_INIT;

            otc_buf_clear(&bytes);
            otc_flood_request(&flood, stage_now(stage), 20, &bytes);
            assert_int_equal(otc_consume(stage->component->ops->input(stage->component, OTC_TRACES),
                                         otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), 20, NULL), NULL,
                                         &err),
                             OTC_OK);
            otc_vhost_advance(stage->vhost, OTC_SECOND / 2);
            otc_sink_clear(stage->sink);
            if (request >= 600) {
                after = request == 600 ? drift->budget.used : after;
                most = drift->budget.used > most ? drift->budget.used : most;
            }
        }
        assert_true(after > 0 && most <= drift->budget.limit);
        if (most > after + (after / 3)) {
            fail_msg("%s: %zu bytes after the warm-up, later %zu", references[r], after, most);
        }
        otc_buf_release(&bytes);
        stage_free(stage);
    }
}

static void
test_memory_is_flat_however_much_comes(void **state)
{
    struct stage *stage = stage_new(LEARNING);
    uint64_t i = 0;
    size_t before;

    (void)state;
    traffic(stage, 300, &i);
    otc_sink_clear(stage->sink);
    before = mallinfo2().uordblks;
    traffic(stage, 1200, &i);
    otc_sink_clear(stage->sink);
    assert_true(mallinfo2().uordblks <= before + 65536);
    stage_free(stage);
}
#endif

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_are_the_same_sparse_and_dense),
        cmocka_unit_test(test_counts_refuse_what_the_budget_does_not_hold),
        cmocka_unit_test(test_models_beyond_the_limit_are_counted),
        cmocka_unit_test(test_features_beyond_the_limit_are_counted),
        cmocka_unit_test(test_series_beyond_the_limit_are_left_out),
        cmocka_unit_test(test_memory_has_a_ceiling),
        cmocka_unit_test(test_a_forgotten_version_gives_its_memory_back),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(test_categories_beyond_the_limit_are_counted),
        cmocka_unit_test(test_the_account_is_flat_under_a_flood),
        cmocka_unit_test(test_memory_is_flat_however_much_comes),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
