// SPDX-License-Identifier: Apache-2.0
/* span-metrics.yaml and latency.yaml as they stand, fed with a day of calls. */
#include "tests/scenarios/example.h"

#include <math.h>

#define CALLS 20

static uint64_t random_state;

static double
uniform(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 11) * 0x1p-53;
}

/* One request of calls whose durations have this median; every `failing`-th fails (0: none). */
static void
send_calls(struct fixture *f, double median_s, int failing, int64_t then_ns)
{
    long long now = otc_vhost_host(f->vhost)->now_ns(otc_vhost_host(f->vhost));
    struct otc_buf json = {.limit = 1 << 20};

    (void)otc_buf_append_str(&json,
                             "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
                             "\"value\":{\"stringValue\":\"app\"}}]},\"scopeSpans\":[{\"spans\":[");
    for (int i = 0; i < CALLS; i++) {
        double normal = sqrt(-2 * log(1 - uniform())) * cos(2 * 3.14159265358979323846 * uniform());

        (void)otc_buf_printf(
            &json,
            "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f%02x\",\"spanId\":\"01020304050607%02x\","
            "\"name\":\"chat\","
            "\"kind\":3,\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",\"status\":{\"code\":%d},"
            "\"attributes\":[{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"m\"}},{\"key\":"
            "\"gen_ai.operation.name\",\"value\":{\"stringValue\":\"chat\"}}]}",
            i == 0 ? "" : ",", (unsigned)i, (unsigned)i + 1,
            now - (long long)(median_s * exp(0.4 * normal) * 1e9), now,
            failing > 0 && i % failing == 0 ? 2 : 0);
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    send_json(f, &json, CALLS, then_ns);
    otc_buf_release(&json);
}

static void
span_metrics_as_the_collector_tells_them(void **state)
{
    struct fixture f;

    (void)state;
    random_state = 1;
    open_example(&f, "span-metrics.yaml", NULL);
    send_calls(&f, 0.3, 0, 15 * OTC_SECOND); /* a new count begins at 0 */
    assert_true(last_labelled("traces_span_metrics_calls_total", LABELS("span_name=\"chat\"")) == 0);
    send_calls(&f, 0.3, 4, 30 * OTC_SECOND);
    assert_true(last_labelled("traces_span_metrics_calls_total",
                              LABELS("service_name=\"app\"", "span_kind=\"SPAN_KIND_CLIENT\"",
                                     "status_code=\"STATUS_CODE_UNSET\"", "gen_ai_request_model=\"m\"",
                                     "gen_ai_operation_name=\"chat\"")) == 35);
    assert_true(
        last_labelled("traces_span_metrics_calls_total", LABELS("status_code=\"STATUS_CODE_ERROR\"")) == 5);
    assert_true(last_labelled("traces_span_metrics_duration_seconds_count",
                              LABELS("status_code=\"STATUS_CODE_UNSET\"")) == 35);
    close_service(&f);
}

static double
of_chat(const char *metric)
{
    return last_labelled(metric, LABELS("ml_model_name=\"m\"", "ml_operation_name=\"chat\""));
}

/* A day of calls around 300 ms, then calls half as slow again, then failures. */
static void
latency_of_a_day(void **state)
{
    struct fixture f;

    (void)state;
    random_state = 2;
    open_example(&f, "latency.yaml", NULL);
    for (int i = 0; i < 25 * 120; i++) {
        send_calls(&f, 0.3, 0, 30 * OTC_SECOND);
        assert_true(of_chat("ml_drift_detected") <= 0);
    }
    assert_true(of_chat("ml_drift_reference_progress_ratio") == 1);
    assert_true(of_chat("ml_drift_detected") == 0);
    /* P(lognormal(0.3, 0.4) <= 0.5 s) = 0.899, and nearly all within 2 s. */
    assert_true(fabs(of_chat("ml_inference_apdex") - 0.95) < 0.04);
    assert_true(of_chat("ml_inference_slo_error_budget_ratio") > 0.9);
    assert_true(fabs(last_labelled("ml_inference_duration_quantile_seconds", LABELS("quantile=\"0.5\"")) -
                     0.3) < 0.04);
    for (int i = 0; i < 20; i++) {
        send_calls(&f, 0.45, 0, 30 * OTC_SECOND);
    }
    assert_true(of_chat("ml_drift_detected") == 1);
    assert_true(of_chat("ml_drift_ks") > 0.25);
    assert_true(last_labelled("ml_inference_slo_burn_rate", LABELS("ml_slo_window=\"5m\"")) < 14.4);
    for (int i = 0; i < 10; i++) {
        send_calls(&f, 0.3, 10, 30 * OTC_SECOND); /* a tenth fails: burns a hundred times too fast */
    }
    assert_true(fabs(last_labelled("ml_inference_slo_burn_rate", LABELS("ml_slo_window=\"5m\"")) - 100) < 10);
    assert_true(last_labelled("ml_inference_slo_bad_total", LABELS("ml_operation_name=\"chat\"")) >= 20);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(span_metrics_as_the_collector_tells_them),
                                       cmocka_unit_test(latency_of_a_day)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
