// SPDX-License-Identifier: Apache-2.0
/* otel-config-examples/canary.yaml as it stands, on a virtual clock: a slower canary with longer answers is
 * found, an arm that is like the baseline is not. */
#include "tests/scenarios/scenario.h"

static uint64_t random_state = 20261128;

static double
uniform(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 11) / 9007199254740992.0;
}

static const char *
no_environment(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return NULL;
}

static void
open_canary(struct fixture *f)
{
    static const char *const locations[] = {"otel-config-examples/canary.yaml"};
    static struct otc_factory otlp, prometheus;
    static const struct otc_factory *const ends[] = {&otlp, &prometheus, NULL};
    const struct otc_environment env = {.get = no_environment};
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){0};
    otlp = in_place_of(OTC_RECEIVER, "otlp", &otc_test_source_receiver_factory);
    prometheus = in_place_of(OTC_EXPORTER, "prometheus", &otc_test_sink_exporter_factory);
    if (otc_document_load(locations, 1, &env, &f->doc, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    start_service(f, ends);
}

struct arm {
    const char *name, *version;
    double slower; /* factor of the duration */
    double longer; /* factor of the answers' length */
    size_t calls;  /* a minute */
};

/* The arm's calls of the last minute, their resource telling the arm. */
static void
send_minute(struct fixture *f, const struct arm *arm)
{
    struct otc_host *host = otc_vhost_host(f->vhost);
    int64_t now = host->now_ns(host);
    struct otc_buf json = {.limit = 4 << 20}, bytes = {.limit = 4 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch;

    (void)otc_buf_printf(&json,
                         "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
                         "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"assistant\"}},"
                         "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"%s\"}},"
                         "{\"key\":\"feature_flag.result.variant\",\"value\":{\"stringValue\":\"%s\"}}]},"
                         "\"scopeSpans\":[{\"spans\":[",
                         arm->version, arm->name);
    for (size_t i = 0; i < arm->calls; i++) {
        /* By the day's hour the questions change, for everybody alike. */
        double hour = (double)(now / OTC_HOUR % 24);
        int64_t end = now - (int64_t)(uniform() * 59e9);
        int64_t input = (int64_t)(100 + 20 * hour + 400 * uniform());
        int64_t output = (int64_t)(arm->longer * (50 + 600 * uniform() * uniform()));
        int64_t duration = (int64_t)(arm->slower * (0.4 + 2 * uniform() * uniform()) * 1e9);

        (void)otc_buf_printf(
            &json,
            "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f%02x\",\"spanId\":\"01020304050607%02x\","
            "\"name\":\"chat\",\"kind\":3,\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\","
            "\"attributes\":["
            "{\"key\":\"gen_ai.operation.name\",\"value\":{\"stringValue\":\"chat\"}},"
            "{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"m\"}},"
            "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"%lld\"}},"
            "{\"key\":\"gen_ai.usage.output_tokens\",\"value\":{\"intValue\":\"%lld\"}}]}",
            i ? "," : "", (unsigned)i & 255, ((unsigned)i + 1) & 255, (long long)(end - duration),
            (long long)end, (long long)input, (long long)output);
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    if (otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(&json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    batch = otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), arm->calls, NULL);
    if (otc_test_source_send("otlp", batch, NULL, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_buf_release(&json);
    otc_buf_release(&bytes);
}

static double
result(const char *metric, const char *arm, const char *feature)
{
    char sample[512];
    const char *version = strcmp(arm, "canary") == 0 ? "2.1" : "2.0";

    (void)snprintf(
        sample, sizeof(sample),
        "\n%s{ml_drift_arm=\"%s\",ml_drift_window=\"30m\",ml_feature_kind=\"%s\",ml_feature_name=\"%s\","
        "ml_model_name=\"assistant\",ml_model_version=\"%s\"}",
        metric, arm, strcmp(feature, "duration") == 0 ? "latency" : "tokens", feature, version);
    return last_value("prometheus", sample);
}

static void
a_slow_canary_is_found_and_an_equal_arm_is_not(void **state)
{
    const struct arm arms[] = {
        {"stable", "2.0", 1, 1, 60}, {"twin", "2.0", 1, 1, 20}, {"canary", "2.1", 1.5, 1.6, 20}};
    struct fixture f;

    (void)state;
    open_canary(&f);
    for (int minute = 0; minute < 180; minute++) {
        for (size_t i = 0; i < 3; i++) {
            send_minute(&f, &arms[i]);
        }
        otc_vhost_advance(f.vhost, OTC_MINUTE);
        /* At no time. */
        assert_true(result("ml_drift_detected", "twin", "duration") <= 0);
        assert_true(result("ml_drift_detected", "twin", "output_tokens") <= 0);
        assert_true(result("ml_drift_detected", "canary", "input_tokens") <= 0);
    }
    assert_true(result("ml_drift_ks", "canary", "duration") > 0.2);
    assert_true(result("ml_drift_ks", "canary", "output_tokens") > 0.2);
    assert_true(result("ml_drift_detected", "canary", "duration") == 1);
    assert_true(result("ml_drift_detected", "canary", "output_tokens") == 1);
    assert_true(result("ml_drift_detected", "canary", "input_tokens") == 0);
    assert_true(result("ml_drift_detected", "twin", "duration") == 0);
    assert_true(result("ml_drift_detected", "twin", "output_tokens") == 0);
    assert_true(result("ml_drift_window_observations", "twin", "duration") == 600);
    /* The baseline is compared with nothing. */
    assert_true(result("ml_drift_detected", "stable", "duration") == -1);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_canary_is_found_and_an_equal_arm_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
