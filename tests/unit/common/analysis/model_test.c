// SPDX-License-Identifier: Apache-2.0
/* The registry of models and versions. */
#include "common/analysis/model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct owner {
    size_t models, versions;
    bool refuse;
};

static void *
model_new(void *owner, const struct otc_model *model)
{
    (void)model;
    ((struct owner *)owner)->models++;
    return owner;
}

static void
model_free(void *owner, void *state)
{
    (void)state;
    ((struct owner *)owner)->models--;
}

static void *
version_new(void *owner, const struct otc_model_version *version)
{
    assert_non_null(version->model);
    if (((struct owner *)owner)->refuse) {
        return NULL;
    }
    ((struct owner *)owner)->versions++;
    return owner;
}

static void
version_free(void *owner, void *state)
{
    (void)state;
    ((struct owner *)owner)->versions--;
}

static const struct otc_model_ops ops = {model_new, model_free, version_new, version_free};

static struct otc_model_version *
get(struct otc_models *models, const char *name, const char *version, int64_t now)
{
    const struct otc_model_key key = {.name = otc_slice_str(name), .version = otc_slice_str(version)};

    return otc_models_get(models, &key, now);
}

/* Arms of one version are kept apart, and count as versions. */
static void
test_arms_have_a_state_each(void **state)
{
    struct owner owner = {0};
    const struct otc_models_limits limits = {10, 2, 1000};
    struct otc_models *models = otc_models_new(&limits, &ops, &owner);
    struct otc_model_key key = {.name = OTC_SLICE_LIT("credit"), .version = OTC_SLICE_LIT("1")};
    const struct otc_value arms[] = {{.type = OTC_VALUE_STRING, .as.slice = OTC_SLICE_LIT("control")},
                                     {.type = OTC_VALUE_BOOL, .as.boolean = true},
                                     {.type = OTC_VALUE_ABSENT}};
    struct otc_model_version *version[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        otc_model_arm(&key, &arms[i]);
        version[i] = otc_models_get(models, &key, (int64_t)i + 1);
        assert_non_null(version[i]);
        assert_ptr_equal(otc_models_find(models, &key), version[i]);
    }
    assert_true(otc_slice_equal_str(version[1]->arm, "true"));
    assert_int_equal(version[2]->arm.len, 0);
    assert_int_equal(owner.versions, 2);
    otc_model_arm(&key, &arms[0]);
    assert_null(otc_models_find(models, &key));
    otc_models_free(models);
}

static void
test_models_and_versions_are_kept_apart(void **state)
{
    struct owner owner = {0};
    const struct otc_models_limits limits = {10, 3, 1000};
    struct otc_models *models = otc_models_new(&limits, &ops, &owner);
    struct otc_model_version *first = get(models, "credit", "1", 1);

    (void)state;
    assert_non_null(first);
    assert_ptr_equal(get(models, "credit", "1", 2), first);
    assert_ptr_not_equal(get(models, "credit", "2", 3), first);
    assert_ptr_not_equal(get(models, "fraud", "1", 4), first);
    assert_non_null(get(models, "", "", 5));
    assert_int_equal(otc_models_count(models), 3);
    assert_int_equal(owner.versions, 4);
    assert_true(otc_slice_equal_str(otc_models_at(models, 0)->name, "credit"));
    otc_models_free(models);
    assert_int_equal(owner.versions + owner.models, 0);
}

static void
test_the_least_recently_seen_version_goes(void **state)
{
    struct owner owner = {0};
    const struct otc_models_limits limits = {10, 2, 1000};
    struct otc_models *models = otc_models_new(&limits, &ops, &owner);

    (void)state;
    (void)get(models, "credit", "1", 1);
    (void)get(models, "credit", "2", 2);
    (void)get(models, "credit", "1", 3);
    (void)get(models, "credit", "3", 4);
    assert_int_equal(owner.versions, 2);
    assert_int_equal(otc_models_forgotten(models), 1);
    assert_true(otc_slice_equal_str(otc_models_at(models, 0)->versions[0]->version, "1"));
    assert_true(otc_slice_equal_str(otc_models_at(models, 0)->versions[1]->version, "3"));
    otc_models_free(models);
    assert_int_equal(owner.versions, 0);
}

static void
test_a_flood_of_names_is_overflow(void **state)
{
    struct owner owner = {0};
    const struct otc_models_limits limits = {2, 2, 1000};
    struct otc_models *models = otc_models_new(&limits, &ops, &owner);
    char name[32];

    (void)state;
    (void)get(models, "credit", "1", 1);
    (void)get(models, "fraud", "1", 1);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "made-up-%d", i);
        assert_null(get(models, name, "1", 2));
    }
    assert_int_equal(otc_models_overflow(models), 100);
    assert_non_null(get(models, "credit", "1", 900));
    /* Only a model that was silent long enough makes room. */
    assert_non_null(get(models, "new", "1", 1500));
    assert_int_equal(otc_models_count(models), 2);
    assert_null(get(models, "fraud", "1", 1500));
    otc_models_free(models);
    assert_int_equal(owner.models, 0);
}

static void
test_silence_forgets(void **state)
{
    struct owner owner = {0};
    const struct otc_models_limits limits = {10, 3, 1000};
    struct otc_models *models = otc_models_new(&limits, &ops, &owner);

    (void)state;
    (void)get(models, "credit", "1", 1);
    (void)get(models, "credit", "2", 50);
    (void)get(models, "fraud", "1", 2);
    otc_models_expire(models, 10);
    assert_int_equal(otc_models_count(models), 1);
    assert_int_equal(owner.versions, 1);
    assert_non_null(get(models, "fraud", "1", 60));
    otc_models_free(models);
}

static void
test_a_refused_state_is_overflow(void **state)
{
    struct owner owner = {.refuse = true};
    const struct otc_models_limits limits = {10, 3, 1000};
    struct otc_models *models = otc_models_new(&limits, &ops, &owner);

    (void)state;
    assert_null(get(models, "credit", "1", 1));
    assert_int_equal(otc_models_overflow(models), 1);
    otc_models_free(models);
    assert_int_equal(owner.models, 0);
}

static void
test_the_first_attribute_present_names_the_model(void **state)
{
    char ml_name[] = "ml.model.name", gen_ai_name[] = "gen_ai.request.model",
         ml_version[] = "ml.model.version";
    char *names[] = {ml_name, gen_ai_name};
    char *versions[] = {ml_version};
    const struct otc_model_config config = {{names, 2}, {versions, 1}};
    struct otc_value values[3] = {{.type = OTC_VALUE_ABSENT},
                                  {.type = OTC_VALUE_STRING, .as.slice = OTC_SLICE_LIT("gpt")},
                                  {.type = OTC_VALUE_INT, .as.integer = 7}};
    struct otc_wanted wanted[3];
    struct otc_model_key key;
    uint8_t *text = calloc(1000, 1);

    (void)state;
    assert_non_null(text);
    assert_int_equal(otc_model_wanted(&config, wanted), 3);
    assert_string_equal(wanted[2].key, "ml.model.version");
    assert_int_equal(wanted[0].level, OTC_AT_ANY);
    otc_model_key_of(&config, values, &key);
    assert_true(otc_slice_equal_str(key.name, "gpt"));
    assert_true(otc_slice_equal_str(key.version, "7"));
    /* Empty is as good as absent; long names are cut. */
    values[0] = (struct otc_value){.type = OTC_VALUE_STRING, .as.slice = {text, 0}};
    values[1] = (struct otc_value){.type = OTC_VALUE_STRING, .as.slice = {text, 1000}};
    values[2] = (struct otc_value){.type = OTC_VALUE_ABSENT};
    otc_model_key_of(&config, values, &key);
    assert_int_equal(key.name.len, OTC_MODEL_TEXT_MAX);
    assert_int_equal(key.version.len, 0);
    /* "ä" is two bytes, the 256th and the 257th: neither is left. */
    memset(text, 'm', 1000);
    text[255] = 0xc3;
    text[256] = 0xa4;
    otc_model_key_of(&config, values, &key);
    assert_int_equal(key.name.len, 255);
    text[254] = 0xc3;
    text[255] = 0xa4;
    text[256] = 'm';
    otc_model_key_of(&config, values, &key);
    assert_int_equal(key.name.len, 256);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_and_versions_are_kept_apart),
        cmocka_unit_test(test_arms_have_a_state_each),
        cmocka_unit_test(test_the_least_recently_seen_version_goes),
        cmocka_unit_test(test_a_flood_of_names_is_overflow),
        cmocka_unit_test(test_silence_forgets),
        cmocka_unit_test(test_a_refused_state_is_overflow),
        cmocka_unit_test(test_the_first_attribute_present_names_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
