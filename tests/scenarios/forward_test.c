// SPDX-License-Identifier: Apache-2.0
/* Pipelines behind pipelines: `forward`, `nop` and the fan-out, whole graphs on a virtual clock. */
#include "tests/scenarios/scenario.h"

static const struct otc_factory *const ends[] = {&otc_test_source_receiver_factory,
                                                 &otc_test_sink_exporter_factory, NULL};

static void
open_service(struct fixture *f, const char *configuration)
{
    *f = (struct fixture){0};
    assert_int_equal(otc_document_parse(otc_slice_str(configuration), "scenario.yaml", &f->doc, NULL),
                     OTC_OK);
    start_service(f, ends);
}

static otc_status
send(enum otc_signal signal, struct otc_batch **sent, struct otc_error *err)
{
    struct otc_batch *batch = otc_batch_copy_of(signal, OTC_SLICE_NONE, 3, NULL);

    *sent = batch;
    return otc_test_source_send("test_source", batch, NULL, err);
}

/* Of every signal: `in` feeds two pipelines through the connector, one of which feeds a third. */
#define PIPELINES(signal)                                                                                    \
#signal "/in: {receivers: [test_source], exporters: [forward]}, " #signal                                \
            "/a: {receivers: [forward], exporters: [test_sink/a, nop]}, " #signal                            \
            "/b: {receivers: [forward], exporters: [forward/2]}, " #signal                                   \
            "/c: {receivers: [forward/2, nop], exporters: [test_sink/c]}"

static const char split[] =
    "receivers: {test_source: , nop: }\n"
    "connectors: {forward: , forward/2: }\n"
    "exporters: {test_sink/a: , test_sink/c: , nop: }\n"
    "service: {pipelines: {" PIPELINES(traces) ", " PIPELINES(metrics) ", " PIPELINES(logs) "}}\n";

static void
batches_of_each_signal_reach_every_pipeline_as_they_are(void **state)
{
    static const enum otc_signal signals[] = {OTC_TRACES, OTC_METRICS, OTC_LOGS};
    struct otc_sink *a, *c;
    struct fixture f;

    (void)state;
    open_service(&f, split);
    a = otc_test_sink_find("test_sink/a");
    c = otc_test_sink_find("test_sink/c");
    for (size_t i = 0; i < 3; i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_batch *sent;

        assert_int_equal(send(signals[i], &sent, &err), OTC_OK);
        assert_int_equal(otc_sink_batches(a), i + 1);
        assert_int_equal(otc_sink_batches(c), i + 1);
        assert_ptr_equal(otc_sink_batch(a, i), sent);
        assert_ptr_equal(otc_sink_batch(c, i), sent);
        assert_int_equal(otc_batch_signal(otc_sink_batch(c, i)), signals[i]);
    }
    close_service(&f);
}

static void
the_answer_is_that_of_the_pipelines_behind(void **state)
{
    struct otc_error err = OTC_ERROR_INIT, busy = OTC_ERROR_INIT, never = OTC_ERROR_INIT;
    struct otc_batch *sent;
    struct otc_sink *a, *c;
    struct fixture f;

    (void)state;
    open_service(&f, split);
    a = otc_test_sink_find("test_sink/a");
    c = otc_test_sink_find("test_sink/c");
    otc_fail(&busy, OTC_UNAVAILABLE, "busy");
    busy.retry_after_ms = 1000;
    otc_fail(&never, OTC_INTERNAL, "never");
    never.permanent = true;

    otc_sink_refuse(a, &busy);
    assert_int_equal(send(OTC_TRACES, &sent, &err), OTC_UNAVAILABLE);
    assert_false(err.permanent);
    assert_int_equal(err.retry_after_ms, 1000);
    /* One exporter that fails does not keep the other from its data. */
    assert_int_equal(otc_sink_batches(c), 1);

    /* One that will never take it makes the whole permanent: nobody is to send again to all. */
    otc_sink_refuse(c, &never);
    assert_int_equal(send(OTC_TRACES, &sent, &err), OTC_INTERNAL);
    assert_true(err.permanent);
    assert_int_equal(err.retry_after_ms, 0);
    assert_string_equal(err.text, "busy; never");
    assert_int_equal(otc_sink_calls(a), 2);
    assert_int_equal(otc_sink_calls(c), 2);
    close_service(&f);
}

static void
pipelines_that_feed_each_other_are_refused(void **state)
{
    static const char circle[] =
        "receivers: {nop: }\nconnectors: {forward: , forward/2: }\nexporters: {nop: }\n"
        "service: {pipelines: {logs/a: {receivers: [nop, forward/2], exporters: [forward]}, "
        "logs/b: {receivers: [forward], exporters: [nop, forward/2]}}}\n";
    struct otc_error err = OTC_ERROR_INIT;
    struct fixture f = {0};

    (void)state;
    assert_int_equal(otc_document_parse(otc_slice_str(circle), "scenario.yaml", &f.doc, &err), OTC_OK);
    assert_int_equal(otc_service_config_new(otc_document_root(f.doc), registry(ends), &f.config, &err),
                     OTC_OK);
    assert_int_not_equal(otc_service_config_check_graph(f.config, &err), OTC_OK);
    assert_non_null(strstr(err.text, "cycle detected: connector \"forward/2\" (logs to logs) -> connector "
                                     "\"forward\" (logs to logs) -> connector \"forward/2\" (logs to logs)"));
    otc_service_config_free(f.config);
    otc_document_free(f.doc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_of_each_signal_reach_every_pipeline_as_they_are),
        cmocka_unit_test(the_answer_is_that_of_the_pipelines_behind),
        cmocka_unit_test(pipelines_that_feed_each_other_are_refused),
    };

    return cmocka_run_group_tests_name("scenarios/forward", tests, NULL, NULL);
}
