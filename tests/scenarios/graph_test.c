// SPDX-License-Identifier: Apache-2.0
/* A whole configuration on a virtual clock: spans in, the untouched spans and what was learnt from them out.
 */
#include "common/otlp/json.h"
#include "common/prometheus/exposition.h"
#include "sidecar/service.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SPANS_A_MINUTE 60
#define REQUESTS                                                                                             \
    "\nml_inference_requests_total{ml_model_name=\"scorer\",ml_operation_name=\"score\",status=\"ok\"}"

static const char configuration[] =
    "receivers: {test_source: }\n"
    "processors: {memory_limiter: {check_interval: 1s, limit_mib: 4000}}\n"
    "connectors:\n"
    "  drift:\n"
    "    presets: [ml]\n"
    "    reference: {learn: {observations: 300, duration: 5m}}\n"
    "    window: {length: 5m, pane: 1m, allowed_lateness: 1s, min_observations: 100}\n"
    "    dependence: none\n"
    "    decision: {windows: 1 of 1}\n"
    "  latency: {window: {length: 5m, pane: 1m}}\n"
    "exporters: {test_sink/traces: , test_sink/metrics: }\n"
    "service:\n"
    "  pipelines:\n"
    "    traces: {receivers: [test_source], processors: [memory_limiter], "
    "exporters: [drift, latency, test_sink/traces]}\n"
    "    metrics: {receivers: [drift, latency], exporters: [test_sink/metrics]}\n";

/* The registry of the binary, and the ends that a test holds. */
static const struct otc_factory *const *
registry(void)
{
    static const struct otc_factory *all[64];
    size_t n = 0;

    for (; otc_components[n] != NULL; n++) {
        assert_true(n < 60);
        all[n] = otc_components[n];
    }
    all[n++] = &otc_test_source_receiver_factory;
    all[n++] = &otc_test_sink_exporter_factory;
    all[n] = NULL;
    return all;
}

struct fixture {
    struct otc_vhost *vhost;
    struct otc_document *doc;
    struct otc_service_config *config;
    struct otc_service *service;
};

static void
open_service(struct fixture *f, const char *text)
{
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){.vhost = otc_vhost_new()};
    if (otc_document_parse(otc_slice_str(text), "scenario.yaml", &f->doc, &err) != OTC_OK ||
        otc_service_config_new(otc_document_root(f->doc), registry(), &f->config, &err) != OTC_OK ||
        otc_service_config_validate(f->config, &err) != OTC_OK ||
        otc_service_new(f->config, otc_vhost_host(f->vhost), &f->service, &err) != OTC_OK ||
        otc_service_start(f->service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
close_service(struct fixture *f)
{
    struct otc_host *host = otc_vhost_host(f->vhost);

    assert_int_equal(otc_service_shutdown(f->service, host->monotonic_ns(host) + OTC_SECOND, NULL), OTC_OK);
    otc_service_free(f->service);
    otc_service_config_free(f->config);
    otc_document_free(f->doc);
    otc_vhost_free(f->vhost);
}

/* One request of scoring spans that end now; ages run through 60 years from `youngest`. */
static struct otc_batch *
spans(struct fixture *f, int youngest)
{
    struct otc_host *host = otc_vhost_host(f->vhost);
    long long now = host->now_ns(host);
    struct otc_buf json = {.limit = 1 << 20};
    struct otc_buf bytes = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch;

    otc_buf_append_str(
        &json, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
               "{\"stringValue\":\"scorer\"}}]},\"scopeSpans\":[{\"spans\":[");
    for (int i = 0; i < SPANS_A_MINUTE; i++) {
        otc_buf_printf(
            &json,
            "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f%02x\",\"spanId\":\"01020304050607%02x\","
            "\"name\":\"score\",\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\","
            "\"attributes\":[{\"key\":\"ml.feature.age\",\"value\":{\"doubleValue\":%d.5}}]}",
            i == 0 ? "" : ",", i, i + 1, now - 10 * OTC_MILLISECOND, now, youngest + i);
    }
    otc_buf_append_str(&json, "]}]}]}");
    if (otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(&json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    batch = otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), SPANS_A_MINUTE, NULL);
    otc_buf_release(&json);
    otc_buf_release(&bytes);
    return batch;
}

static void
send_minutes(struct fixture *f, int minutes, int youngest)
{
    for (int i = 0; i < minutes; i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_test_source_send("test_source", spans(f, youngest), NULL, &err) != OTC_OK) {
            fail_msg("%s", err.text);
        }
        otc_vhost_advance(f->vhost, OTC_MINUTE);
    }
}

/* The last value of a sample in what reached the metrics sink, -1 when it never came. */
static double
last_value(const char *sample)
{
    struct otc_sink *sink = otc_test_sink_find("test_sink/metrics");
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_exposition_type type = otc_exposition_negotiate(OTC_SLICE_NONE, false);
    double value = -1;

    options.without_target = true;
    options.without_scope_info = true;
    for (size_t i = otc_sink_batches(sink); i > 0 && value < 0; i--) {
        struct otc_buf page = {.limit = 8 << 20};
        struct otc_slice bytes = otc_batch_part(otc_sink_batch(sink, i - 1), 0);
        const char *at;

        assert_int_equal(otc_exposition_of_requests(&options, type, &bytes, 1, &page, NULL, NULL), OTC_OK);
        at = strstr(otc_buf_cstr(&page), sample);
        if (at != NULL) {
            value = strtod(at + strcspn(at, "}") + 1, NULL);
        }
        otc_buf_release(&page);
    }
    return value;
}

static void
drift_is_reported_once_shifted_data_fills_the_window(void **state)
{
    struct fixture f;
    struct otc_sink *traces;
    struct otc_batch *sent;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_service(&f, configuration);
    traces = otc_test_sink_find("test_sink/traces");
    assert_non_null(traces);

    /* Ages 20 to 79: learnt, then compared with themselves. */
    send_minutes(&f, 15, 20);
    assert_int_equal(otc_sink_items(traces), 15 * SPANS_A_MINUTE);
    assert_true(last_value("\nml_drift_reference_observations{") >= 300);
    assert_true(last_value("\nml_drift_ks{") >= 0);
    assert_true(last_value("\nml_drift_ks{") < 0.05);
    assert_true(last_value("\nml_drift_detected{") == 0);
    assert_true(last_value(REQUESTS) >= 14 * SPANS_A_MINUTE);

    /* Ages 50 to 109: half of them are new. */
    send_minutes(&f, 7, 50);
    assert_true(last_value("\nml_drift_ks{") > 0.45);
    assert_true(last_value("\nml_drift_ks{") < 0.55);
    assert_true(last_value("\nml_drift_detected{") == 1);

    /* What comes out on the other side is what went in, byte by byte. */
    sent = spans(&f, 20);
    otc_batch_ref(sent);
    assert_int_equal(otc_test_source_send("test_source", sent, NULL, &err), OTC_OK);
    assert_true(otc_slice_equal(otc_batch_part(otc_sink_batch(traces, otc_sink_batches(traces) - 1), 0),
                                otc_batch_part(sent, 0)));
    otc_batch_unref(sent);
    close_service(&f);
}

static void
what_the_exporter_refuses_is_not_counted(void **state)
{
    struct fixture f;
    struct otc_sink *traces;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_service(&f, configuration);
    traces = otc_test_sink_find("test_sink/traces");
    otc_sink_answer(traces, OTC_UNAVAILABLE, "backend is away");
    assert_int_equal(otc_test_source_send("test_source", spans(&f, 20), NULL, &err), OTC_UNAVAILABLE);
    assert_non_null(strstr(err.text, "backend is away"));
    otc_sink_answer(traces, OTC_OK, NULL);
    assert_int_equal(otc_test_source_send("test_source", spans(&f, 20), NULL, &err), OTC_OK);
    otc_vhost_advance(f.vhost, 5 * OTC_MINUTE);
    assert_true(last_value(REQUESTS) == SPANS_A_MINUTE);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drift_is_reported_once_shifted_data_fills_the_window),
        cmocka_unit_test(what_the_exporter_refuses_is_not_counted),
    };

    return cmocka_run_group_tests_name("scenarios/graph", tests, NULL, NULL);
}
