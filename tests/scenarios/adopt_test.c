// SPDX-License-Identifier: Apache-2.0
/* A reload on a virtual clock: what the stages without storage know goes on in the components of the new
 * service. */
#include "tests/scenarios/scenario.h"

#define CONFIGURATION(latency, resource)                                                                     \
    "receivers: {test_source: }\n"                                                                           \
    "connectors: {span_metrics: {exemplars: {enabled: true}}, latency: {" latency "}}\n"                     \
    "exporters: {test_sink/metrics: }\n"                                                                     \
    "service:\n"                                                                                             \
    "  telemetry: {resource: {" resource "}}\n"                                                              \
    "  pipelines:\n"                                                                                         \
    "    traces: {receivers: [test_source], exporters: [span_metrics, latency]}\n"                           \
    "    metrics: {receivers: [span_metrics, latency], exporters: [test_sink/metrics]}\n"
#define WINDOW "window: {length: 5m, pane: 1m}, slo: {threshold: 1s}, drift: {observations: 200}"
#define CALLS "\ntraces_span_metrics_calls_total{"
#define REQUESTS                                                                                             \
    "\nml_inference_requests_total{ml_model_name=\"scorer\",ml_operation_name=\"score\",status=\"ok\"}"

static const struct otc_factory *const ends[] = {&otc_test_source_receiver_factory,
                                                 &otc_test_sink_exporter_factory, NULL};

static void
open_service(struct fixture *f, const char *text)
{
    *f = (struct fixture){0};
    assert_int_equal(otc_document_parse(otc_slice_str(text), "scenario.yaml", &f->doc, NULL), OTC_OK);
    start_service(f, ends);
}

/* As the program does it; nothing of the former configuration is left behind. */
static void
reload(struct fixture *f, const char *text)
{
    struct otc_host *host = otc_vhost_host(f->vhost);
    struct fixture former = *f;
    struct otc_error err = OTC_ERROR_INIT;

    f->doc = NULL;
    assert_int_equal(otc_service_shutdown(former.service, host->monotonic_ns(host) + OTC_SECOND, NULL),
                     OTC_OK);
    if (otc_document_parse(otc_slice_str(text), "scenario.yaml", &f->doc, &err) != OTC_OK ||
        otc_service_config_new(otc_document_root(f->doc), registry(ends), &f->config, &err) != OTC_OK ||
        otc_service_new(f->config, host, &f->service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_service_adopt(f->service, former.service);
    otc_service_free(former.service);
    otc_service_config_free(former.config);
    otc_document_free(former.doc);
    if (otc_service_start(f->service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
send_minutes(struct fixture *f, int minutes)
{
    for (int i = 0; i < minutes; i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_test_source_send("test_source", make_spans(f, 60, 20, 10 * OTC_MILLISECOND), NULL, &err) !=
            OTC_OK) {
            fail_msg("%s", err.text);
        }
        otc_vhost_advance(f->vhost, OTC_MINUTE);
    }
}

static int
last(const char *sample)
{
    return (int)last_value("test_sink/metrics", sample);
}

static void
counters_windows_and_references_go_on(void **state)
{
    static const char text[] = CONFIGURATION(WINDOW, "");
    struct fixture f;

    (void)state;
    open_service(&f, text);
    send_minutes(&f, 3);
    assert_int_equal(last(CALLS), 180);
    assert_int_equal(last(REQUESTS), 180);
    for (int i = 1; i <= 3; i++) {
        reload(&f, text);
        send_minutes(&f, 1);
        assert_int_equal(last(CALLS), 180 + 60 * i);
        assert_int_equal(last(REQUESTS), 180 + 60 * i);
        assert_true(last_value("test_sink/metrics", "\nml_inference_duration_quantile_seconds{") > 0.009);
    }
    close_service(&f);
}

static void
other_settings_begin_anew_by_themselves(void **state)
{
    struct fixture f;

    (void)state;
    open_service(&f, CONFIGURATION(WINDOW, ""));
    send_minutes(&f, 2);
    reload(&f, CONFIGURATION("window: 10m", ""));
    send_minutes(&f, 1);
    assert_int_equal(last(CALLS), 180);
    assert_int_equal(last(REQUESTS), 60);
    /* What comes out says who made it: with another resource nothing goes on. */
    reload(&f, CONFIGURATION("window: 10m", "service.instance.id: other"));
    send_minutes(&f, 2);
    assert_int_equal(last(CALLS), 120);
    assert_int_equal(last(REQUESTS), 120);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_windows_and_references_go_on),
        cmocka_unit_test(other_settings_begin_anew_by_themselves),
    };

    return cmocka_run_group_tests_name("scenarios/adopt", tests, NULL, NULL);
}
