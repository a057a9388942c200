// SPDX-License-Identifier: Apache-2.0
/* Expressions over metrics: what is read, what is refused and how, and which points they are about. */
#include "common/analysis/features.h"
#include "common/analysis/metric_presets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct otc_metric_set *
set_of(const char *from)
{
    struct otc_feature_config config = {.name = (char *)(uintptr_t) "x", .from = (char *)(uintptr_t)from};
    const otc_list list = {.items = &config, .n = 1};
    struct otc_metric_set *set = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_metric_set_new(NULL, &list, &set, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_non_null(set);
    return set;
}

static void
refused(const char *from, const char *part)
{
    struct otc_feature_config config = {.name = (char *)(uintptr_t) "x", .from = (char *)(uintptr_t)from};
    const otc_list list = {.items = &config, .n = 1};
    struct otc_metric_set *set = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_metric_set_new(NULL, &list, &set, &err), OTC_INVALID_ARGUMENT);
    assert_null(set);
    if (!strstr(err.text, part) || !strstr(err.text, "features::from")) {
        fail_msg("%s: got: %s", from, err.text);
    }
}

static void
test_forms(void **state)
{
    static const struct {
        const char *from;
        enum otc_metric_reading reading;
        double factor;
        const char *first, *second, *below;
    } cases[] = {
        {"metric[\"a:b\"]", OTC_METRIC_AS_IS, 1, "a:b", NULL, NULL},
        {" metric[ \"a\" , \"b\" ] ", OTC_METRIC_AS_IS, 1, "a", "b", NULL},
        {"rate(metric[\"a\"])", OTC_METRIC_RATE, 1, "a", NULL, NULL},
        {"increase(metric[\"a\", \"b\"]) * 2.5", OTC_METRIC_INCREASE, 2.5, "a", "b", NULL},
        {"metric[\"a\"] / metric[\"c\"] * 1e-6", OTC_METRIC_RATIO, 1e-6, "a", NULL, "c"},
        {"rate(metric[\"a\"])/rate(metric[\"c\"])", OTC_METRIC_RATIO, 1, "a", NULL, "c"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_metric_set *set = set_of(cases[i].from);
        const struct otc_metric_feature *feature = otc_metric_set_at(set, 0);

        assert_int_equal(feature->reading, cases[i].reading);
        assert_true(feature->factor == cases[i].factor);
        assert_int_equal(otc_metric_set_find(set, otc_slice_str(cases[i].first))->rank, 0);
        if (cases[i].second) {
            assert_int_equal(otc_metric_set_find(set, otc_slice_str(cases[i].second))->rank, 1);
        }
        if (cases[i].below) {
            assert_int_equal(otc_metric_set_find(set, otc_slice_str(cases[i].below))->part, 1);
        }
        assert_null(otc_metric_set_find(set, otc_slice_str("other")));
        assert_int_equal(feature->alternatives, cases[i].second != NULL);
        otc_metric_set_free(set);
    }
}

static void
test_mistakes_teach(void **state)
{
    (void)state;
    refused("metric[]", "expected a text in double quotes at ']'");
    refused("metric['a']", "expected a text in double quotes at ''a']'");
    refused("metric[\"\"]", "expected a text in double quotes");
    refused("metric[\"a\"", "expected `]` or");
    refused("rate(metric[\"a\"]", "expected `)`");
    refused("metric[\"a\"] / 5", "expected metric[\"name\"] at '5'");
    refused("metric[\"a\"] * -1", "expected a number above 0 at '-1'");
    refused("metric[\"a\"] * ten", "expected a number above 0 at 'ten'");
    refused("metric[\"a\"] {x=\"y\"}", "expected `/`, `*`, `where` or the end at '{x=\"y\"}'");
    refused("metric[\"a\"] where x == \"y\"", "expected attributes[\"key\"], resource.attributes[\"key\"]");
    refused("metric[\"a\"] where attributes[\"x\"] = \"y\"", "expected `==` or `!=` at '= \"y\"'");
    refused("metric[\"a\"] where attributes[\"x\"] == \"y\" xor", "expected `and`, `or` or the end at 'xor'");
}

/* Whether a point with these attributes ("" : none) of x and, of the resource, y is the feature's. */
static bool
applies(const struct otc_metric_set *set, const char *x, const char *y)
{
    struct otc_wanted wanted[8];
    struct otc_value values[8] = {0};
    size_t n = otc_metric_set_wanted(set, wanted);

    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++) {
        const char *text = strcmp(wanted[i].key, "x") == 0 ? x : y;

        assert_int_equal(wanted[i].level, text == x ? OTC_AT_RECORD : OTC_AT_RESOURCE);
        if (*text) {
            values[i] = (struct otc_value){OTC_VALUE_STRING, {.slice = otc_slice_str(text)}};
        }
    }
    return otc_metric_feature_applies(otc_metric_set_at(set, 0), values);
}

static void
test_conditions(void **state)
{
    static const struct {
        const char *where;
        const char *x, *y;
        bool applies;
    } cases[] = {
        {"attributes[\"x\"] == \"1\"", "1", "", true},
        {"attributes[\"x\"] == \"1\"", "2", "", false},
        {"attributes[\"x\"] == \"1\"", "", "", false},
        {"attributes[\"x\"] != \"1\"", "", "", true},
        {"attributes[\"x\"] == nil", "", "", true},
        {"attributes[\"x\"] != nil", "", "", false},
        {"datapoint.attributes[\"x\"] == \"1\" and resource.attributes[\"y\"] == \"2\"", "1", "2", true},
        {"attributes[\"x\"] == \"1\" and resource.attributes[\"y\"] == \"2\"", "1", "3", false},
        {"attributes[\"x\"] == \"1\" or attributes[\"x\"] == \"2\"", "2", "", true},
        {"attributes[\"x\"] == \"1\" or attributes[\"x\"] == \"2\"", "3", "", false},
        {"attributes[\"x\"] == \"1\" and resource.attributes[\"y\"] == \"2\" or attributes[\"x\"] == \"5\"",
         "5", "", true},
        {"attributes[\"x\"] == \"1\" or attributes[\"x\"] == \"5\" and resource.attributes[\"y\"] == \"2\"",
         "5", "", false},
        {"attributes[\"x\"] == \"1\" or attributes[\"x\"] == \"5\" and resource.attributes[\"y\"] == \"2\"",
         "1", "", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char from[256];
        struct otc_metric_set *set;

        (void)snprintf(from, sizeof(from), "metric[\"m\"] where %s", cases[i].where);
        set = set_of(from);
        if (applies(set, cases[i].x, cases[i].y) != cases[i].applies) {
            fail_msg("%s with x='%s' y='%s'", cases[i].where, cases[i].x, cases[i].y);
        }
        otc_metric_set_free(set);
    }
}

static otc_status
presets(char **names, size_t n, const otc_list *features, struct otc_metric_set **set, struct otc_error *err)
{
    const otc_strings strings = {names, n};

    return otc_metric_set_new(&strings, features, set, err);
}

static void
test_presets(void **state)
{
    char *vllm = (char *)(uintptr_t) "vllm", *triton = (char *)(uintptr_t) "triton";
    char *tgi = (char *)(uintptr_t) "tgi", *ml = (char *)(uintptr_t) "ml";
    char *all[] = {vllm, triton}, *clash[] = {triton, tgi}, *twice[] = {vllm, vllm}, *none[] = {ml};
    struct otc_feature_config config = {.name = (char *)(uintptr_t) "e2e_request_latency",
                                        .from = (char *)(uintptr_t) "metric[\"mine\"]"};
    const otc_list list = {.items = &config, .n = 1};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_metric_set *set = NULL;
    const struct otc_metric_use *use;

    (void)state;
    for (const struct otc_metric_preset_feature *f = otc_metric_preset_features; f->preset; f++) {
        char *one[] = {(char *)(uintptr_t)f->preset};

        assert_int_equal(presets(one, 1, NULL, &set, &err), OTC_OK);
        assert_true(otc_is_metric_preset(f->preset));
        otc_metric_set_free(set);
    }
    assert_int_equal(presets(all, 2, &list, &set, &err), OTC_OK);
    use = otc_metric_set_find(set, otc_slice_str("vllm:time_per_output_token_seconds"));
    assert_non_null(use);
    assert_int_equal(use->rank, 1);
    /* The counter of requests stands below every duration. */
    use = otc_metric_set_find(set, otc_slice_str("nv_inference_request_success"));
    for (int i = 0; i < 5; i++, use = use->next) {
        assert_non_null(use);
        assert_int_equal(use->part, 1);
    }
    assert_null(use);
    /* An entry of `features:` stands for the preset's feature. */
    assert_null(otc_metric_set_find(set, otc_slice_str("vllm:e2e_request_latency_seconds")));
    assert_non_null(otc_metric_set_find(set, otc_slice_str("mine")));
    otc_metric_set_free(set);
    assert_int_equal(presets(none, 1, NULL, &set, &err), OTC_OK);
    assert_null(set);
    assert_int_equal(presets(clash, 2, NULL, &set, &err), OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "two of them have a feature 'request_duration'"));
    assert_int_equal(presets(twice, 2, NULL, &set, &err), OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "'vllm' is named twice"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_mistakes_teach),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_presets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
