// SPDX-License-Identifier: Apache-2.0
/* What cannot be compared: counted under a reason that tells records from values, and told in the log once.
 */
#include "common/analysis/reference.h"
#include "processors/drift/notices.h"
#include "tests/unit/processors/drift/stage.h"

#include <unistd.h>

#define OTHER_MODEL "A model has no reference"
#define IS_AN_INPUT "comes as a prediction and is an input in the reference"
#define IS_A_PREDICTION "comes as an input and is a prediction in the reference"
#define UNKNOWN "A feature has no reference"
#define TOO_OLD "longer ago than window::max_age"
#define FUTURE "after this machine's time"

/* Replaces the file by a reference of two inputs, `age` and `score`, and a prediction, `land`. */
static void
write_reference(const char *path, const char *model, double first)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 3);
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference;
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)otc_reference_builder_feature(builder, otc_slice_str("age"), OTC_NUMERIC, OTC_KIND_INPUT);
    (void)otc_reference_builder_feature(builder, otc_slice_str("score"), OTC_NUMERIC, OTC_KIND_INPUT);
    (void)otc_reference_builder_feature(builder, otc_slice_str("land"), OTC_NUMERIC, OTC_KIND_PREDICTION);
    for (size_t i = 0; i < 150; i++) {
        assert_true(otc_reference_builder_number(builder, i % 3, first + (double)i, INT64_MIN));
    }
    assert_int_equal(otc_reference_builder_finish(builder, otc_slice_str(model), "t", 0, &reference, &err),
                     OTC_OK);
    otc_reference_builder_free(builder);
    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    otc_buf_release(&text);
    otc_reference_unref(reference);
}

struct fixture {
    char path[32];
    struct stage *stage;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char yaml[256];
    int file;

    assert_non_null(f);
    (void)snprintf(f->path, sizeof(f->path), "/tmp/drift-notices-XXXXXX");
    file = mkstemp(f->path);
    assert_true(file >= 0);
    (void)close(file);
    write_reference(f->path, "credit", 0);
    (void)snprintf(yaml, sizeof(yaml),
                   "presets: [ml]\nreference: {file: %s}\n"
                   "window: {length: 1m, pane: 10s, allowed_lateness: 0s, min_observations: 1}\n",
                   f->path);
    f->stage = stage_new(yaml);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    stage_free(f->stage);
    (void)unlink(f->path);
    free(f);
    return 0;
}

static double
excluded(struct stage *stage, const char *reason)
{
    return look(stage, "ml.drift.observations.excluded", ATTRIBUTES("reason", reason)).value;
}

/* `n` records of these fields, then a flush. */
static void
deliver(struct stage *stage, const struct field *fields, size_t n_fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        record(stage, stage_now(stage), fields, n_fields);
    }
    send(stage);
    otc_sink_clear(stage->sink);
    otc_vhost_advance(stage->vhost, 15 * OTC_SECOND);
}

static bool
told(struct stage *stage, enum otc_log_level level, const char *message, const char *fields)
{
    for (size_t i = 0; i < otc_vhost_logs(stage->vhost); i++) {
        struct otc_vhost_log log = otc_vhost_log(stage->vhost, i);

        if (log.level == level && strstr(log.message, message) && strstr(log.fields, fields)) {
            return true;
        }
    }
    return false;
}

static void
test_features_without_a_reference_are_no_records_without_one(void **state)
{
    struct fixture *f = *state;
    const struct field fields[] = {NUMBER("ml.feature.age", 3), NUMBER("ml.feature.weight", 3)};

    deliver(f->stage, fields, 2, 7);
    assert_float_equal(excluded(f->stage, "unknown_feature"), 7, 0);
    assert_float_equal(excluded(f->stage, "no_reference"), 0, 0);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, UNKNOWN), 1);
    assert_true(
        told(f->stage, OTC_LOG_INFO, UNKNOWN, "model=credit feature=weight file=/tmp/drift-notices-"));
    f->stage->version = "2";
    deliver(f->stage, fields, 2, 7);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, UNKNOWN), 1);
}

static void
test_a_feature_of_the_other_kind_is_told(void **state)
{
    struct fixture *f = *state;
    const struct field fields[] = {NUMBER("ml.feature.age", 3), NUMBER("ml.prediction.score", 3),
                                   NUMBER("ml.feature.land", 3)};

    deliver(f->stage, fields, 3, 5);
    deliver(f->stage, fields, 3, 5);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, IS_AN_INPUT), 1);
    assert_true(told(f->stage, OTC_LOG_WARN, IS_AN_INPUT, "model=credit feature=score"));
    assert_int_equal(otc_vhost_logged(f->stage->vhost, IS_A_PREDICTION), 1);
    assert_true(told(f->stage, OTC_LOG_WARN, IS_A_PREDICTION, "model=credit feature=land"));
    assert_int_equal(otc_vhost_logged(f->stage->vhost, UNKNOWN), 0);
    assert_float_equal(of_feature(f->stage, "ml.feature.missing", "score"), 10, 0);
}

/* A reference that was made again and still lacks it is told of again. */
static void
test_a_reloaded_reference_is_looked_at_anew(void **state)
{
    struct fixture *f = *state;
    const struct field fields[] = {NUMBER("ml.feature.age", 3), NUMBER("ml.prediction.score", 3)};

    deliver(f->stage, fields, 2, 5);
    write_reference(f->path, "credit", 1);
    otc_vhost_advance(f->stage->vhost, 2 * OTC_MINUTE);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, "Reference reloaded"), 1);
    for (int i = 0; i < 12; i++) {
        deliver(f->stage, fields, 2, 5);
    }
    assert_int_equal(otc_vhost_logged(f->stage->vhost, IS_AN_INPUT), 2);
}

static void
test_so_many_names_and_no_more(void **state)
{
    struct fixture *f = *state;
    size_t names = 3 * DRIFT_NAMED_MAX;

    for (size_t i = 0; i < names; i++) {
        char name[32];
        struct field field;

        (void)snprintf(name, sizeof(name), "ml.feature.f%zu", i);
        field = NUMBER(name, 3);
        deliver(f->stage, &field, 1, 1);
    }
    assert_int_equal(otc_vhost_logged(f->stage->vhost, UNKNOWN), DRIFT_NAMED_MAX);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, "More features have no reference"), 1);
    assert_float_equal(excluded(f->stage, "unknown_feature"), (double)names, 0);
}

static void
test_a_model_that_the_file_is_not_of(void **state)
{
    struct fixture *f = *state;
    const struct field fields[] = {NUMBER("ml.feature.age", 3), NUMBER("ml.feature.weight", 3)};

    f->stage->model = "Credit";
    deliver(f->stage, fields, 2, 5);
    deliver(f->stage, fields, 2, 5);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, OTHER_MODEL), 1);
    assert_true(told(f->stage, OTC_LOG_WARN, OTHER_MODEL, "model=Credit file=/tmp/drift-notices-"));
    assert_true(told(f->stage, OTC_LOG_WARN, OTHER_MODEL, "model_of_file=credit"));
    assert_float_equal(excluded(f->stage, "no_reference"), 10, 0);
    assert_float_equal(excluded(f->stage, "unknown_feature"), 0, 0);
    assert_int_equal(look(f->stage, "ml.drift.features.monitored", NULL).found, 1);
    assert_float_equal(of_model(f->stage, "ml.drift.features.monitored"), 0, 0);
    /* It falls silent: the gauge ends once, as those of other models. */
    otc_sink_clear(f->stage->sink);
    otc_vhost_advance(f->stage->vhost, 10 * OTC_MINUTE);
    assert_true(look(f->stage, "ml.drift.features.monitored", NULL).stale);
    otc_sink_clear(f->stage->sink);
    otc_vhost_advance(f->stage->vhost, OTC_MINUTE);
    assert_int_equal(look(f->stage, "ml.drift.features.monitored", NULL).found, 0);
}

static void
test_times_that_no_window_takes(void **state)
{
    struct fixture *f = *state;
    const struct field age = NUMBER("ml.feature.age", 3);
    const int64_t times[] = {-25 * OTC_HOUR, -30 * OTC_HOUR, 6 * OTC_MINUTE};

    deliver(f->stage, &age, 1, 1);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, TOO_OLD), 0);
    assert_int_equal(otc_vhost_logged(f->stage->vhost, FUTURE), 0);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < 3; i++) {
            record(f->stage, stage_now(f->stage) + times[i], &age, 1);
        }
        deliver(f->stage, &age, 1, 1);
    }
    assert_int_equal(otc_vhost_logged(f->stage->vhost, TOO_OLD), 1);
    assert_true(told(f->stage, OTC_LOG_WARN, TOO_OLD, "model=credit excluded=2 max_age_seconds=86400"));
    assert_int_equal(otc_vhost_logged(f->stage->vhost, FUTURE), 1);
    assert_true(told(f->stage, OTC_LOG_WARN, FUTURE, "model=credit excluded=1"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_features_without_a_reference_are_no_records_without_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_feature_of_the_other_kind_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reloaded_reference_is_looked_at_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_so_many_names_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_model_that_the_file_is_not_of, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times_that_no_window_takes, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
