// SPDX-License-Identifier: Apache-2.0
/* Settings: what is accepted, what is refused and how, what `--explain` tells. */
#include "processors/drift/drift_config.h"
#include "tests/unit/processors/drift/stage.h"

#include <unistd.h>

static void
refused(const char *yaml, const char *part)
{
    char text[4096];
    struct otc_config *config = stage_config(yaml, text, sizeof(text));

    otc_config_free(config);
    if (config) {
        fail_msg("accepted: %s", yaml);
    }
    if (!strstr(text, part)) {
        fail_msg("%s: got: %s\nwithout: %s", yaml, text, part);
    }
}

static struct otc_config *
accepted(const char *yaml)
{
    char text[4096];
    struct otc_config *config = stage_config(yaml, text, sizeof(text));

    if (!config) {
        fail_msg("%s: %s", yaml, text);
    }
    return config;
}

static void
test_defaults(void **state)
{
    struct otc_config *owner = accepted("{}");
    const struct drift_config *config = otc_config_value(owner);
    struct drift_learn_config learning = drift_learning(config);
    struct drift_rule rule;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(config->window.length.ns, OTC_HOUR);
    assert_int_equal(config->window.pane.ns, 5 * OTC_MINUTE);
    assert_int_equal(config->window.allowed_lateness.ns, 30 * OTC_SECOND);
    assert_int_equal(config->window.max_age.ns, OTC_DAY);
    assert_int_equal(config->window.min_observations, 200);
    assert_int_equal(config->presets.n, 2);
    assert_int_equal(config->model.name.n, 8);
    assert_string_equal(config->model.version.items[1], "gen_ai.response.model");
    assert_int_equal(learning.observations, 5000);
    assert_int_equal(learning.duration.ns, OTC_DAY);
    assert_int_equal(config->metrics_flush_interval.ns, 15 * OTC_SECOND);
    assert_int_equal(config->limits.memory.n, 256 << 20);
    assert_int_equal(config->limits.series, 20000);
    assert_int_equal(drift_rule_of(config, &rule, &err), OTC_OK);
    assert_float_equal(rule.decision.level, 0.01, 0);
    assert_float_equal(rule.decision.min_effect[OTC_TEST_KS], 0.08, 0);
    assert_float_equal(rule.decision.min_effect[OTC_TEST_MISSING], 0.05, 0);
    assert_int_equal(rule.k, 4);
    assert_int_equal(rule.n, 6);
    assert_int_equal(drift_statistics(config), 1u << DRIFT_KS | 1u << DRIFT_PSI | 1u << DRIFT_WASSERSTEIN |
                                                   1u << DRIFT_JENSEN_SHANNON | 1u << DRIFT_CHI_SQUARED);
    otc_config_free(owner);
}

static void
test_everything_can_be_set(void **state)
{
    struct otc_config *owner = accepted(
        "reference: {learn: {observations: 100, duration: 1h}}\n"
        "window: {length: 30m, pane: 30m, time: arrival, allowed_lateness: 1m, max_age: 1h, "
        "min_observations: 20}\n"
        "model: {name: [service.name], version: [service.version]}\n"
        "presets: [gen_ai]\n"
        "features:\n"
        "  - {name: age, from: 'attributes[\"ml.feature.age\"]', type: numeric}\n"
        "  - {name: tier, from: 'resource.attributes[\"tier\"]', type: categorical, max_categories: 9}\n"
        "statistics: [ks]\n"
        "psi: {bins: 20, binning: quantile, empty: laplace}\n"
        "dependence: none\n"
        "decision: {correction: bonferroni, level: 0.01, min_effect: {ks: 0.2}, windows: 1 of 1, share: "
        "0.5}\n"
        "emit: {p_value: true, bins: true, histogram: false}\n"
        "limits: {memory: 1MiB, models: 1, versions: 1, features: 10, cells: 100, series: 50}\n"
        "metrics_flush_interval: 1m\nseries_expiration: 1h\n");
    const struct drift_config *config = otc_config_value(owner);
    const struct otc_feature_config *features = config->features.items;
    struct drift_rule rule;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(config->features.n, 2);
    assert_int_equal(features[1].type.index, OTC_CATEGORICAL);
    assert_int_equal(config->window.time.index, OTC_ARRIVAL_TIME);
    assert_int_equal(drift_rule_of(config, &rule, &err), OTC_OK);
    assert_float_equal(rule.decision.min_effect[OTC_TEST_KS], 0.2, 0);
    assert_float_equal(rule.decision.min_effect[OTC_TEST_PSI], 0.05, 0);
    assert_int_equal(rule.decision.correction, OTC_CORRECTION_BONFERRONI);
    assert_int_equal(rule.n, 1);
    otc_config_free(owner);
}

static void
test_short_forms(void **state)
{
    struct otc_config *owner = accepted("window: 2h\n");
    const struct drift_config *config = otc_config_value(owner);

    (void)state;
    assert_int_equal(config->window.length.ns, 2 * OTC_HOUR);
    assert_int_equal(config->window.pane.ns, 5 * OTC_MINUTE);
    otc_config_free(owner);
    otc_config_free(accepted("presets: [gen_ai]\n"));
    otc_config_free(accepted("reference: {learn: }\n"));
}

static void
test_what_is_not_there_yet_is_refused_by_name(void **state)
{
    static const char *const later[] = {"emit: {histogram: true}"};

    (void)state;
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        refused(later[i], "not supported yet");
    }
}

static void
test_mistakes_are_explained(void **state)
{
    (void)state;
    refused("window: {length: 1h, pane: 7m}", "no multiple of the pane");
    refused("presets: [nonsense]",
            "unknown preset 'nonsense'; allowed are ml, gen_ai, openinference, openllmetry, mlflow, kserve");
    refused("presets: [ml, ml]", "named twice");
    refused("presets: []", "nothing to watch");
    refused("features: [{name: e, from: 'attributes[\"a.*.b.*.c\"]', type: embedding}]",
            "features::from: 'attributes[\"a.*.b.*.c\"]' (feature 'e'): a * stands for the numbers in an "
            "attribute of the span or log record itself, once");
    refused("features: [{name: e, from: 'json(attributes[\"a.*.b\"]).c', type: numeric}]", "a * stands for");
    refused("features: [{name: e, from: 'resource.attributes[\"a.*\"]', type: numeric}]", "a * stands for");
    refused("reference: {file: /nonexistent/credit.json}",
            "/nonexistent/credit.json does not exist; make it with `otelcol-aimon reference build");
    refused("reference: {file: a.json, learn: {duration: 1h}}", "name one of file, learn, trailing");
    refused("reference: {trailing: {}, arm: {baseline: y}}", "not 2");
    refused("reference: {trailing: {offset: 30m}}",
            "reference::trailing::offset: 30m0s is less than the window");
    refused("reference: {trailing: {offset: 7201s}}", "no multiple of window::pane, 5m0s");
    refused("reference: {hour_of_week: {}}\nwindow: {length: 2h, pane: 40m}", "divides an hour");
    refused("reference: {hour_of_week: {weeks: 0}}", "weeks");
    refused("reference: {arm: {attribute: x}}", "baseline");
    refused("reference: {arm: {attribute: '', baseline: y}}", "must not be empty");
    refused("reference: {learn: {trim: 0.5}}", "trim");
    refused("reference: {trailing: {offset: 366d}}\nwindow: {length: 10s, pane: 1s}",
            "limits::memory: reference::trailing keeps 31708811 spans of closed panes, at least");
    refused("decision: {windows: 4 of 3}", "k of n");
    refused("decision: {windows: some}", "k of n");
    refused("decision: {windows: 2 of 33}", "k of n");
    refused("decision: {level: 0}", "level");
    refused("decision: {level: 0.01, false_alarms: 1/week}", "not both");
    refused("decision: {false_alarms: 1/year}", "day, week or month");
    refused("decision: {false_alarms: 1/week, correction: none}", "correction");
    refused("decision: {rule: thresholds}", "needs one at least");
    refused("decision: {rule: thresholds, thresholds: {psi: 0}}", "above 0");
    refused("decision: {rule: thresholds, thresholds: {psi: 0.2}, false_alarms: 1/week}", "no rate");
    refused("psi: {empty_value: 1.5}", "1.5");
    refused("psi: {empty: fill}", "clip");
    refused("decision: {thresholds: {psi: 0.2}}", "the rule `thresholds`");
    refused("decision: {min_effect: {ks: -1}}", "min_effect");
    refused("decision: {min_effect: {wasserstein: 1}}", "wasserstein");
    refused("statistics: [nonsense]", "nonsense");
    refused("features: [{name: age, from: age}]",
            "features::from: 'age' (feature 'age'): character 1: expected a place; a place is attributes");
    refused("features: [{name: age, from: 'attributes[\"\"]'}]", "character 12: expected a key of 1 to 256");
    refused("presets: []\nfeatures: [{name: d, from: duration}]", "say under `select` which of them count");
    refused("select: 'kind = \"server\"'", "select: 'kind = \"server\"': character 6: expected ==, !=");
    refused("features: [{from: 'attributes[\"a\"]'}]", "name");
    refused("features: [{name: a, from: 'metric[a]'}]", "expected a text in double quotes at 'a]'");
    refused("features: [{name: a, from: 'metric[\"a\"]', type: categorical}]", "leave `type` out");
    refused("presets: [vllm, vllm]", "'vllm' is named twice");
    refused("presets: [triton, tgi]", "two of them have a feature 'request_duration'");
    refused("features: [{name: a, from: 'attributes[\"a\"]'}, {name: a, from: 'attributes[\"b\"]'}]",
            "named twice");
    refused("dependance: none", "dependance");
}

struct lines {
    char text[8192];
};

static void
add_line(void *arg, const char *text)
{
    struct lines *lines = arg;
    size_t at = strlen(lines->text);

    (void)snprintf(lines->text + at, sizeof(lines->text) - at, "%s\n", text);
}

static void
explained(const char *yaml, const char *const *parts)
{
    struct otc_config *owner = accepted(yaml);
    struct otc_error err = OTC_ERROR_INIT;
    struct lines lines = {""};

    assert_int_equal(otc_drift_processor_factory.explain(otc_config_value(owner), add_line, &lines, &err),
                     OTC_OK);
    for (; *parts; parts++) {
        if (!strstr(lines.text, *parts)) {
            fail_msg("without: %s\n%s", *parts, lines.text);
        }
    }
    otc_config_free(owner);
}

static void
write_text(const char *text, char path[64])
{
    int file;

    (void)snprintf(path, 64, "/tmp/drift-config-XXXXXX");
    file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(file);
}

static struct otc_reference *
make_reference(enum otc_feature_type type)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 10);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference = NULL;
    size_t age = otc_reference_builder_feature(builder, otc_slice_str("age"), type, OTC_KIND_INPUT);

    for (int i = 0; i < 1000; i++) {
        assert_true(otc_reference_builder_number(builder, age, 20 + i % 50, INT64_MIN));
    }
    assert_int_equal(
        otc_reference_builder_finish(builder, otc_slice_str("credit"), "train.csv", 0, &reference, &err),
        OTC_OK);
    otc_reference_builder_free(builder);
    return reference;
}

static void
write_reference(enum otc_feature_type type, char path[64])
{
    struct otc_reference *reference = make_reference(type);
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    write_text(otc_buf_cstr(&text), path);
    otc_buf_release(&text);
    otc_reference_unref(reference);
}

static void
test_explanations(void **state)
{
    char path[64], yaml[256];

    (void)state;
    explained(
        "presets: [openinference, kserve]\nfeatures:\n"
        "  - {name: q, from: 'json(attributes[\"input.value\"]).question', type: text}\n"
        "  - {name: e, from: 'attributes[\"v\"]', type: embedding}\n",
        (const char *const[]){
            "feature q.length: input, numeric, from length of json(attributes[\"input.value\"]).question",
            "feature q.vocabulary_share: input, numeric", "feature e.norm: input, numeric, from length of",
            "feature e.cosine_distance: input, numeric, from distance to the reference's mean of",
            "feature input_tokens: tokens, numeric, from attributes[\"llm.token_count.prompt\"]",
            "feature time_to_first_chunk: latency, numeric, from events[\"First Token",
            "features: every column of inference requests and answers", NULL});
    explained("features: [{name: e, from: 'attributes[\"v\"]', type: embedding}, "
              "{name: q, from: 'attributes[\"q\"]', type: text}]",
              (const char *const[]){"texts: 1088 KiB of limits::memory each",
                                    "embeddings: 192 bytes of limits::memory a component", NULL});
    explained("storage: s\nreference: {trailing: {}}\n"
              "features: [{name: e, from: 'attributes[\"v\"]', type: embedding}]",
              (const char *const[]){"embeddings: 200 bytes", "(1536 components: 300 KiB)",
                                    "storage: keeps embeddings as they are", NULL});
    explained("presets: [gen_ai]",
              (const char *const[]){"learned for each model from its first 5000 records",
                                    "feature input_tokens: tokens", "feature finish_reasons",
                                    "feature tool_calls", "window: 1h0m0s, sliding", "series: up to ", NULL});
    explained("reference: {learn: {duration: 1h}}\nwindow: {length: 5m}",
              (const char *const[]){"less than 24h", "tumbling", "ml.feature.<name>", NULL});
    write_reference(OTC_NUMERIC, path);
    (void)snprintf(yaml, sizeof(yaml), "reference: {file: %s}", path);
    explained(yaml,
              (const char *const[]){path, "1000 rows", "model credit", "feature age: input, numeric",
                                    " points, 10 bins", "feature input_tokens: not in the reference", NULL});
    (void)unlink(path);
}

static void
test_a_reference_file_that_does_not_fit_is_refused(void **state)
{
    char path[64], yaml[512];

    (void)state;
    write_reference(OTC_CATEGORICAL, path);
    (void)snprintf(
        yaml, sizeof(yaml),
        "reference: {file: %s}\nfeatures: [{name: age, from: 'attributes[\"age\"]', type: numeric}]", path);
    refused(yaml, "'age' is numeric here and categorical in the reference");
    (void)snprintf(yaml, sizeof(yaml), "reference: {file: %s}\npresets: [gen_ai]", path);
    refused(yaml, "is watched");
    (void)snprintf(yaml, sizeof(yaml), "reference: {file: %s}\npsi: {bins: 20}", path);
    refused(yaml, "brings its own");
    (void)unlink(path);
    write_reference(OTC_NUMERIC, path);
    (void)snprintf(yaml, sizeof(yaml), "reference: {file: %s}\nlimits: {cells: 20}", path);
    refused(yaml, "reference build");
    (void)unlink(path);
    write_text("{\"format\": 1, \"features\": ", path);
    (void)snprintf(yaml, sizeof(yaml), "reference: {file: %s}", path);
    refused(yaml, "reference::file");
    (void)unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_can_be_set),
        cmocka_unit_test(test_short_forms),
        cmocka_unit_test(test_what_is_not_there_yet_is_refused_by_name),
        cmocka_unit_test(test_mistakes_are_explained),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_a_reference_file_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
