// SPDX-License-Identifier: Apache-2.0
/* sampled.yaml as it stands: metrics of all spans, a tenth of the traces. */
#include "tests/scenarios/example.h"

#define TRACES 2000

static void
open_sampled(struct fixture *f)
{
    static const struct otc_factory *const ends[] = {&otc_test_source_receiver_factory,
                                                     &otc_test_sink_exporter_factory, NULL};
    static const char *const locations[] = {
        "otel-config-examples/sampled.yaml",
        "yaml:receivers::test_source: {}",
        "yaml:exporters::test_sink/metrics: {}",
        "yaml:exporters::test_sink/traces: {}",
        "yaml:service::pipelines::traces::receivers: [test_source]",
        "yaml:service::pipelines::traces/sampled::receivers: [test_source]",
        "yaml:service::pipelines::traces/sampled::exporters: [test_sink/traces]",
        "yaml:service::pipelines::metrics::exporters: [test_sink/metrics]"};
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){0};
    if (otc_document_load(locations, sizeof(locations) / sizeof(locations[0]), NULL, &f->doc, &err) !=
        OTC_OK) {
        fail_msg("%s", err.text);
    }
    start_service(f, ends);
}

/* Two spans of each trace, in one request. */
static void
send_traces(struct fixture *f)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20};
    uint64_t random = 1;

    otc_buf_append_str(
        &json, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
               "\"stringValue\":\"app\"}}]},\"scopeSpans\":[{\"spans\":[");
    for (int i = 0; i < 2 * TRACES; i++) {
        if (i % 2 == 0) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        }
        otc_buf_printf(
            &json,
            "%s{\"traceId\":\"%016llx%014llx01\",\"spanId\":\"%016x\",\"name\":\"s\",\"startTimeUnixNano\":"
            "\"1\",\"endTimeUnixNano\":\"2\"}",
            i == 0 ? "" : ",", (unsigned long long)random, (unsigned long long)random >> 8, (unsigned)i + 1);
    }
    otc_buf_append_str(&json, "]}]}]}");
    send_json(f, &json, (size_t)2 * TRACES, 15 * OTC_SECOND);
}

struct seen {
    size_t spans;
    size_t pairs;
    uint8_t last[16];
};

static bool
look(void *arg, const struct otc_span *span)
{
    struct seen *seen = arg;

    assert_true(otc_slice_equal_str(span->trace_state, "ot=th:e666"));
    seen->pairs += seen->spans > 0 && memcmp(seen->last, span->trace_id.data, sizeof(seen->last)) == 0;
    memcpy(seen->last, span->trace_id.data, sizeof(seen->last));
    seen->spans++;
    return true;
}

static void
a_tenth_of_the_traces_goes_on_whole(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_sink *kept;
    struct fixture f;
    struct seen seen = {0};

    (void)state;
    open_sampled(&f);
    kept = otc_test_sink_find("test_sink/traces");
    send_traces(&f);
    otc_sink_clear(kept);
    send_traces(&f);
    assert_int_equal(otc_sink_batches(kept), 1);
    assert_int_equal(otc_walk_spans(NULL, otc_batch_part(otc_sink_batch(kept, 0), 0), look, &seen, &err),
                     OTC_OK);
    /* 200 expected, deviation 13. */
    assert_in_range(seen.pairs, 150, 250);
    assert_int_equal(seen.spans, 2 * seen.pairs);
    assert_true(last_labelled("traces_span_metrics_calls_total", LABELS("span_name=\"s\"")) == 4 * TRACES);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_tenth_of_the_traces_goes_on_whole)};

    return cmocka_run_group_tests_name("scenarios/sampled", tests, NULL, NULL);
}
