// SPDX-License-Identifier: Apache-2.0
/* From a page that Prometheus scrapes to the trace behind it: exemplars of latency and span_metrics. */
#include "common/otlp/walk.h"
#include "tests/harness/http_get.h"
#include "tests/harness/rig.h"
#include "tests/scenarios/scenario.h"

#define SPANS 100
#define SLOW 57 /* the slow span among them */
#define OPENMETRICS "Accept: application/openmetrics-text; version=1.0.0\r\n"
#define SLOW_TRACE "0102030405060708090a0b0c0d0e0f39"
#define LINK " # {trace_id=\"" SLOW_TRACE "\",span_id=\"010203040506073a\"} "

static const struct otc_factory *const ends[] = {&otc_test_source_receiver_factory,
                                                 &otc_test_sink_exporter_factory, NULL};

static void
open_service(struct fixture *f)
{
    struct otc_buf yaml = {.limit = 1 << 16};

    *f = (struct fixture){0};
    (void)otc_buf_printf(
        &yaml,
        "receivers: {test_source: }\n"
        "connectors:\n"
        "  latency:\n"
        "    window: {length: 5m, pane: 10s, time: arrival, allowed_lateness: 0s}\n"
        "    metrics_flush_interval: 10s\n"
        "  span_metrics: {exemplars: {enabled: true, max_per_data_point: 100}, metrics_flush_interval: 10s}\n"
        "exporters:\n"
        "  prometheus: {endpoint: %s, transport: unix, enable_open_metrics: true}\n"
        "  test_sink/metrics:\n"
        "service:\n"
        "  pipelines:\n"
        "    traces: {receivers: [test_source], exporters: [latency, span_metrics]}\n"
        "    metrics: {receivers: [latency, span_metrics], exporters: [prometheus, test_sink/metrics]}\n",
        otc_scratch_path());
    assert_int_equal(otc_document_parse(otc_buf_slice(&yaml), "scenario.yaml", &f->doc, NULL), OTC_OK);
    otc_buf_release(&yaml);
    start_service(f, ends);
}

/* Spans of 10 ms, one of 3 s, that end now. */
static void
send_spans(struct fixture *f)
{
    long long now = otc_vhost_host(f->vhost)->now_ns(otc_vhost_host(f->vhost));
    struct otc_buf json = {.limit = 1 << 20}, bytes = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    (void)otc_buf_append_str(&json,
                             "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
                             "\"value\":{\"stringValue\":\"app\"}}]},\"scopeSpans\":[{\"spans\":[");
    for (unsigned i = 0; i < SPANS; i++) {
        (void)otc_buf_printf(&json,
                             "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f%02x\",\"spanId\":"
                             "\"01020304050607%02x\",\"name\":\"op\",\"startTimeUnixNano\":\"%lld\","
                             "\"endTimeUnixNano\":\"%lld\"}",
                             i == 0 ? "" : ",", i, i + 1, now - (i == SLOW ? 3000 : 10) * 1000000LL, now);
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    if (otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(&json), 64, &bytes, &err) != OTC_OK ||
        otc_test_source_send("test_source", otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), SPANS, NULL),
                             NULL, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_buf_release(&json);
    otc_buf_release(&bytes);
}

static const char *
scrape(const char *headers, struct otc_buf *answer)
{
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/metrics", headers, answer), 200);
    return otc_http_body(answer);
}

/* The line of this metric's lowest bucket that holds the slow span; "": none. */
static void
find_bucket(const char *page, const char *metric, double slow, char line[1024])
{
    for (; *page; page += strcspn(page, "\n"), page += *page == '\n') {
        const char *le;

        (void)snprintf(line, 1024, "%.*s", (int)strcspn(page, "\n"), page);
        le = strstr(line, "le=\"");
        if (strncmp(line, metric, strlen(metric)) == 0 && le && strtod(le + 4, NULL) >= slow) {
            return;
        }
    }
    line[0] = '\0';
}

static void
the_page_links_slow_buckets_to_their_traces(void **state)
{
    static const struct {
        const char *metric;
        double slow;
    } metrics[] = {{"ml_inference_duration_seconds_bucket{", 3},
                   {"traces_span_metrics_duration_milliseconds_bucket{", 3000}};
    struct fixture f;

    (void)state;
    open_service(&f);
    send_spans(&f);
    otc_vhost_advance(f.vhost, 10 * OTC_SECOND);
    for (size_t i = 0; i < 2; i++) {
        struct otc_buf answer = {.limit = 1 << 22};
        char line[1024];
        const char *link;

        find_bucket(scrape(OPENMETRICS, &answer), metrics[i].metric, metrics[i].slow, line);
        link = strstr(line, LINK);
        if (!link) {
            fail_msg("%s: \"%s\" in\n%s", metrics[i].metric, line, otc_http_body(&answer));
        }
        assert_true(link && strtod(link + strlen(LINK), NULL) == metrics[i].slow);
        otc_buf_release(&answer);
        assert_null(strstr(scrape("", &answer), "trace_id")); /* the text format has no exemplars */
        otc_buf_release(&answer);
    }
    close_service(&f);
}

/* How many points of the highest quantile link where. */
struct links {
    size_t slow, others, none;
};

static bool
count_links(void *arg, const struct otc_point *point)
{
    static const uint8_t slow[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, SLOW};
    struct links *links = arg;
    struct otc_slice rest = point->encoded, key, exemplar;
    struct otc_value value;
    bool highest = false;

    while (otc_attributes_next(otc_point_attributes(point->type), &rest, &key, &value)) {
        highest = highest || (otc_slice_equal_str(key, "quantile") && value.type == OTC_VALUE_STRING &&
                              otc_slice_equal_str(value.as.slice, "0.999"));
    }
    rest = point->encoded;
    if (!highest || !otc_slice_equal_str(point->name, "ml.inference.duration.quantile")) {
        return true;
    }
    if (!otc_messages_next(&rest, 5, &exemplar)) {
        links->none++;
    } else if (otc_slice_equal(otc_message_bytes(exemplar, 5), otc_slice_of(slow, sizeof(slow)))) {
        links->slow++;
    } else {
        links->others++;
    }
    return true;
}

static void
the_highest_quantile_links_to_the_slow_trace(void **state)
{
    struct links links = {0};
    struct otc_sink *sink;
    struct fixture f;

    (void)state;
    open_service(&f);
    send_spans(&f);
    otc_vhost_advance(f.vhost, 90 * OTC_SECOND); /* idle: the pane closes */
    sink = otc_test_sink_find("test_sink/metrics");
    for (size_t i = 0; i < otc_sink_batches(sink); i++) {
        assert_int_equal(
            otc_walk_points(NULL, otc_batch_part(otc_sink_batch(sink, i), 0), count_links, &links, NULL),
            OTC_OK);
    }
    assert_true(links.slow > 0);
    assert_int_equal(links.others + links.none, 0);
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_links_slow_buckets_to_their_traces),
                                       cmocka_unit_test(the_highest_quantile_links_to_the_slow_trace)};

    return cmocka_run_group_tests(tests, otc_scratch_setup, otc_scratch_teardown);
}
