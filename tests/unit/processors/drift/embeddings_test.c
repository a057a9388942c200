// SPDX-License-Identifier: Apache-2.0
/* Embeddings against references that move: the share of their components that moved. */
#include "common/analysis/reference.h"
#include "tests/harness/close.h"
#include "tests/unit/processors/drift/stage.h"

#include <unistd.h>

/* Of every 60 vectors each component takes the same 60 values, evenly spread over [1, 2), in an order of its
 * own: two windows of whole rounds have the same distribution, and a shift is its distance. */
#define ROUND 60
#define COMPONENTS 6
static const unsigned steps[COMPONENTS] = {1, 7, 11, 13, 17, 19};
static unsigned counter;

/* The standard deviation of these values. */
static double
deviation(void)
{
    return sqrt((ROUND * ROUND - 1) / 12.0) / ROUND;
}

/* In standard deviations: three of them are 0.1 or more. */
static const double shifts[COMPONENTS] = {0, 0.095, 0.105, 1, 0.05, -0.3};
static const double none[COMPONENTS] = {0};

static void
vector(struct stage *stage, const char *arm, const double *shift)
{
    char text[256];
    int len = snprintf(text, sizeof(text), "{\"v\":[");

    for (size_t i = 0; i < COMPONENTS; i++) {
        double value = 1 + ((counter * steps[i]) % ROUND + 0.5) / ROUND + shift[i] * deviation();

        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%.17g", i ? "," : "", value);
    }
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "]}");
    record(stage, stage_now(stage), (struct field[]){TEXT("out", text), TEXT("arm", arm)}, 2);
}

/* Ten vectors of each arm a second. What the last seconds told is kept. */
static void
go_on(struct stage *stage, int seconds, const double *stable, const double *canary)
{
    for (int s = 0; s < seconds; s++) {
        if (s < seconds - 15) {
            otc_sink_clear(stage->sink);
        }
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 10; k++, counter++) {
            vector(stage, "stable", stable);
            if (canary) {
                vector(stage, "canary", canary);
            }
        }
        send(stage);
    }
}

static double
moved(struct stage *stage)
{
    return of_feature(stage, "ml.drift.embedding.components_drifted", "e.cosine_distance");
}

#define MOVES                                                                                                \
    "window: {length: 1m, pane: 10s, allowed_lateness: 0s, max_age: 2m, min_observations: 100}\n"            \
    "dependence: none\ndecision: {windows: 1 of 1}\npresets: []\n"                                           \
    "features: [{name: e, from: 'json(attributes[\"out\"]).v', type: embedding}]\n"

static void
test_components_against_the_window_before(void **state)
{
    struct stage *stage = stage_new("reference: {trailing: {offset: 2m}, grid_observations: 300}\n" MOVES);

    (void)state;
    go_on(stage, 240, none, NULL);
    assert_close(moved(stage), 0, 0);
    assert_close(of_feature(stage, "ml.drift.reference.observations", "e.cosine_distance"), 600, 0);
    /* Soon all of the window is new, and all of the reference old. */
    go_on(stage, 90, shifts, NULL);
    assert_close(moved(stage), 0.5, 1e-12);
    assert_close(of_feature(stage, "ml.drift.window.observations", "e.cosine_distance"), 600, 0);
    /* And later that is what it always was. */
    go_on(stage, 120, shifts, NULL);
    assert_close(moved(stage), 0, 0);
    stage_free(stage);
}

static void
test_components_against_the_baseline_arm(void **state)
{
    struct stage *stage =
        stage_new("reference: {arm: {attribute: arm, baseline: stable}, grid_observations: 300}\n" MOVES);

    (void)state;
    go_on(stage, 180, none, shifts);
    assert_close(moved(stage), 0.5, 1e-12);
    go_on(stage, 120, shifts, shifts);
    assert_close(moved(stage), 0, 0);
    stage_free(stage);
}

/* Six panes make one hour's slot. */
static void
test_components_against_the_same_hour_of_the_week(void **state)
{
    struct stage *stage = stage_new("reference: {hour_of_week: {weeks: 1}, grid_observations: 300}\n" MOVES);
    int64_t began = stage_now(stage);

    (void)state;
    go_on(stage, 180, none, NULL);
    assert_true(isnan(moved(stage)));
    otc_vhost_set_now(stage->vhost, began + 7 * OTC_DAY);
    go_on(stage, 180, shifts, NULL);
    assert_close(moved(stage), 0.5, 1e-12);
    stage_free(stage);
}

/* What the past's components may take is half of the memory; without them everything else is told. */
static void
test_components_are_left_out_first(void **state)
{
    struct stage *stage = stage_new("reference: {trailing: {offset: 40m}, grid_observations: 300}\n"
                                    "limits: {memory: 512KiB, cells: 100}\n" MOVES);

    (void)state;
    go_on(stage, 2300, none, NULL);
    assert_true(isnan(moved(stage)));
    go_on(stage, 600, none, NULL);
    assert_close(moved(stage), 0, 0);
    go_on(stage, 1600, shifts, NULL);
    assert_true(of_feature(stage, "ml.drift.ks", "e.cosine_distance") > 0.1);
    assert_true(isnan(moved(stage)));
    assert_close(
        look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", "reference_memory")).value, 0, 0);
    stage_free(stage);
}

/* A reference file of `rows` distances, the same values however many, to a mean that lies along one axis. */
static void
write_reference(const char *path, size_t rows, size_t axis)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 2);
    double center[COMPONENTS] = {0};
    OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 20};
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    FILE *file = fopen(path, "wbe");

    center[axis] = 1;
    (void)otc_reference_builder_feature(builder, otc_slice_str("e.cosine_distance"), OTC_NUMERIC,
                                        OTC_KIND_INPUT);
    for (size_t i = 0; i < rows; i++) {
        assert_true(otc_reference_builder_number(builder, 0, (double)(i % 100) / 100, INT64_MIN));
    }
    assert_true(otc_reference_builder_center(builder, 0, center, COMPONENTS));
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "t", 0, &reference, &err), OTC_OK);
    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    otc_reference_unref(reference);
    otc_reference_builder_free(builder);
}

/* Distances to one mean are no distances to another, though they be counted in the same cells: after a reload
 * the open window is compared whole, with the old one. */
static void
test_a_new_mean_does_not_take_over_an_open_window(void **state)
{
    char path[] = "/tmp/drift-embeddings-XXXXXX", yaml[1024];
    int file = mkstemp(path);
    struct stage *stage;

    (void)state;
    assert_true(file >= 0);
    (void)close(file);
    write_reference(path, 500, 0);
    (void)snprintf(yaml, sizeof(yaml), "reference: {file: %s}\n%s", path, MOVES);
    stage = stage_new(yaml);
    go_on(stage, 120, none, NULL);
    assert_close(of_feature(stage, "ml.drift.reference.observations", "e.cosine_distance"), 500, 0);
    write_reference(path, 1000, 1);
    go_on(stage, 60, none, NULL);
    assert_int_equal(otc_vhost_logged(stage->vhost, "Reference reloaded"), 1);
    assert_close(of_feature(stage, "ml.drift.reference.observations", "e.cosine_distance"), 500, 0);
    go_on(stage, 90, none, NULL);
    assert_close(of_feature(stage, "ml.drift.reference.observations", "e.cosine_distance"), 1000, 0);
    assert_close(of_feature(stage, "ml.drift.window.observations", "e.cosine_distance"), 600, 0);
    stage_free(stage);
    (void)unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_components_against_the_window_before),
        cmocka_unit_test(test_components_against_the_baseline_arm),
        cmocka_unit_test(test_components_against_the_same_hour_of_the_week),
        cmocka_unit_test(test_components_are_left_out_first),
        cmocka_unit_test(test_a_new_mean_does_not_take_over_an_open_window),
    };

    return cmocka_run_group_tests_name("drift/embeddings", tests, NULL, NULL);
}
