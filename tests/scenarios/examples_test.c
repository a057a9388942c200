// SPDX-License-Identifier: Apache-2.0
/* The example configurations at work: traffic as it was, then traffic that drifts. */
#include "sidecar/commands.h"
#include "tests/scenarios/example.h"

#include <math.h>
#include <unistd.h>

/* ---- A stream of numbers ------------------------------------------------------------------------ */

static uint64_t random_state;

/* Uniform in [0, 1). */
static double
uniform(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 11) * 0x1p-53;
}

/* Standard normal (Box and Muller). */
static double
normal(void)
{
    return sqrt(-2 * log(1 - uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

static double
lognormal(double median, double sigma)
{
    return median * exp(sigma * normal());
}

/* ---- llm.yaml ----------------------------------------------------------------------------------- */

#define CALLS 25

struct traffic {
    double input_tokens; /* medians */
    double output_tokens;
    double first_chunk_s;
    int words;
};

/* One request of calls of a chat model, as the gen_ai conventions write them. */
static void
send_calls(struct fixture *f, const struct traffic *traffic)
{
    long long now = otc_vhost_host(f->vhost)->now_ns(otc_vhost_host(f->vhost));
    struct otc_buf json = {.limit = 1 << 20};

    (void)otc_buf_append_str(&json, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[");
    for (int i = 0; i < CALLS; i++) {
        int words = traffic->words / 2 + (int)(uniform() * traffic->words);

        (void)otc_buf_printf(
            &json,
            "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\",\"name\":"
            "\"chat "
            "m\",\"kind\":3,\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",\"attributes\":["
            "{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"m\"}},"
            "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"%d\"}},"
            "{\"key\":\"gen_ai.usage.output_tokens\",\"value\":{\"intValue\":\"%d\"}},"
            "{\"key\":\"gen_ai.response.time_to_first_chunk\",\"value\":{\"doubleValue\":%.9g}},"
            "{\"key\":\"gen_ai.response.finish_reasons\",\"value\":{\"arrayValue\":{\"values\":[{"
            "\"stringValue\":"
            "\"stop\"}]}}},"
            "{\"key\":\"gen_ai.input.messages\",\"value\":{\"stringValue\":\"[{\\\"role\\\":\\\"user\\\","
            "\\\"parts\\\":"
            "[{\\\"type\\\":\\\"text\\\",\\\"content\\\":\\\"",
            i == 0 ? "" : ",", now - (long long)(lognormal(2, 0.5) * 1e9), now,
            (int)lognormal(traffic->input_tokens, 0.6), (int)lognormal(traffic->output_tokens, 0.6),
            lognormal(traffic->first_chunk_s, 0.4));
        for (int w = 0; w <= words; w++) {
            (void)otc_buf_append_str(&json, uniform() < 0.5 ? "why " : "drift? ");
        }
        (void)otc_buf_append_str(&json, "\\\"}]}]\"}}]}");
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    send_json(f, &json, CALLS, 5 * OTC_MINUTE);
    otc_buf_release(&json);
}

static double
detected(const char *feature)
{
    char label[128];

    (void)snprintf(label, sizeof(label), "ml_feature_name=\"%s\"", feature);
    return last_labelled("ml_drift_detected", LABELS(label, "ml_model_name=\"m\""));
}

static void
an_llm_service_that_drifts(void **state)
{
    const struct traffic usual = {300, 150, 0.4, 20}, longer = {600, 150, 0.4, 60};
    struct fixture f;

    (void)state;
    random_state = 7;
    open_example(&f, "llm.yaml", NULL);
    for (int pane = 0; pane < 24 * 12 + 2; pane++) {
        send_calls(&f, &usual);
    }
    assert_true(last_labelled("ml_drift_reference_progress_ratio", LABELS("ml_model_name=\"m\"")) == 1);
    /* Six hours like the day before. */
    for (int pane = 0; pane < 6 * 12; pane++) {
        send_calls(&f, &usual);
        assert_true(last_labelled("ml_drift_model_detected", LABELS("ml_model_name=\"m\"")) <= 0);
    }
    assert_true(detected("input_tokens") == 0 && detected("prompt.length") == 0);
    /* Prompts become longer: tokens and texts say so, answers and times do not. */
    for (int pane = 0; pane < 15; pane++) {
        send_calls(&f, &longer);
    }
    assert_true(detected("input_tokens") == 1);
    assert_true(detected("token_ratio") == 1);
    assert_true(detected("prompt.length") == 1);
    assert_true(detected("prompt.words") == 1);
    assert_true(detected("output_tokens") == 0);
    assert_true(detected("time_to_first_chunk") == 0);
    assert_true(detected("duration") == 0);
    assert_true(detected("finish_reasons") <= 0); /* always the same: nothing to test */
    assert_true(last_labelled("ml_drift_model_detected", LABELS("ml_model_name=\"m\"")) == 1);
    close_service(&f);
}

/* ---- scorer.yaml -------------------------------------------------------------------------------- */

static char reference_path[] = "/tmp/aimon-scenario-reference-XXXXXX";

static const char *
get(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "AIMON_REFERENCE") == 0 ? reference_path : NULL;
}

static const struct otc_environment environment = {get, NULL};

static const char *
country(double share_of_fr)
{
    return uniform() < share_of_fr ? "fr" : "de";
}

/* Builds the reference that the example names, with the command of its first lines. */
static void
build_reference(void)
{
    char rows[] = "/tmp/aimon-scenario-rows-XXXXXX";
    char reference[] = "reference", build[] = "build", input[] = "--input", output[] = "--output";
    char prediction[] = "--prediction", score[] = "score";
    char *argv[] = {reference, build, input, rows, output, reference_path, prediction, score, NULL};
    int fd = mkstemp(rows);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    int made = mkstemp(reference_path);

    assert_true(file != NULL && made >= 0);
    close(made);
    fputs("age,country,score\n", file);
    for (int i = 0; i < 5000; i++) {
        fprintf(file, "%.6g,%s,%.6g\n", 40 + 12 * normal(), country(0.3), uniform());
    }
    (void)fclose(file);
    assert_int_equal(otc_cmd_reference(8, argv), 0);
    unlink(rows);
}

static void
send_scores(struct fixture *f, double age, double share_of_fr)
{
    long long now = otc_vhost_host(f->vhost)->now_ns(otc_vhost_host(f->vhost));
    struct otc_buf json = {.limit = 1 << 20};

    (void)otc_buf_append_str(&json,
                             "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
                             "\"value\":{\"stringValue\":\"credit\"}}]},\"scopeSpans\":[{\"spans\":[");
    for (int i = 0; i < 50; i++) {
        (void)otc_buf_printf(&json,
                             "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"
                             "\"0102030405060708\",\"name\":\"score\","
                             "\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",\"attributes\":[{"
                             "\"key\":\"ml.feature.age\","
                             "\"value\":{\"doubleValue\":%.9g}},{\"key\":\"ml.feature.country\",\"value\":{"
                             "\"stringValue\":\"%s\"}},"
                             "{\"key\":\"ml.prediction.score\",\"value\":{\"doubleValue\":%.9g}}]}",
                             i == 0 ? "" : ",", now - 5000000, now, age + 12 * normal(), country(share_of_fr),
                             uniform());
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    send_json(f, &json, 50, 5 * OTC_MINUTE);
    otc_buf_release(&json);
}

static double
of_scorer(const char *metric, const char *feature)
{
    char label[128];

    (void)snprintf(label, sizeof(label), "ml_feature_name=\"%s\"", feature);
    return last_labelled(metric, LABELS(label, "ml_model_name=\"credit\""));
}

static void
a_scorer_that_drifts(void **state)
{
    struct fixture f;

    (void)state;
    random_state = 11;
    build_reference();
    open_example(&f, "scorer.yaml", &environment);
    for (int pane = 0; pane < 6 * 12; pane++) {
        send_scores(&f, 40, 0.3);
        assert_true(last_labelled("ml_drift_model_detected", LABELS("ml_model_name=\"credit\"")) <= 0);
    }
    assert_true(of_scorer("ml_drift_detected", "age") == 0);
    /* Customers grow older and come from elsewhere; what the model answers stays. */
    for (int pane = 0; pane < 15; pane++) {
        send_scores(&f, 48, 0.6);
    }
    assert_true(of_scorer("ml_drift_detected", "age") == 1);
    assert_true(of_scorer("ml_drift_detected", "country") == 1);
    assert_true(of_scorer("ml_drift_detected", "score") == 0);
    /* KS of N(40, 12) and N(48, 12) is 2 Phi(1/3) - 1 = 0.261. */
    assert_true(fabs(of_scorer("ml_drift_ks", "age") - 0.261) < 0.06);
    assert_true(last_labelled("ml_drift_model_detected", LABELS("ml_model_name=\"credit\"")) == 1);
    close_service(&f);
    unlink(reference_path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_llm_service_that_drifts),
        cmocka_unit_test(a_scorer_that_drifts),
    };

    return cmocka_run_group_tests_name("scenarios/examples", tests, NULL, NULL);
}
