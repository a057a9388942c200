// SPDX-License-Identifier: Apache-2.0
/* The exporter against a receiver: the MUSTs of the remote-write sender's compliance tests (headers, retries,
 * fallback), batches in several requests, counters. */
#include "common/base/clock.h"
#include "common/component/client.h"
#include "common/otlp/json.h"
#include "tests/harness/config.h"
#include "tests/harness/http_peer.h"
#include "tests/harness/vhost.h"
#include "tests/unit/exporters/prometheus_remote_write/dump.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* How long a test waits for another thread, in steps of a millisecond. */
#define PATIENCE 10000
#define V2 "protobuf_message: io.prometheus.write.v2.Request\n"

extern const struct otc_factory otc_prometheus_remote_write_exporter_factory;

struct fixture {
    struct otc_http_peer *peer;
    struct otc_vhost *vhost;
    struct otc_config *config;
    struct otc_component *exporter;
    struct otc_error err;
    struct otc_buf text;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->vhost = otc_vhost_new();
    f->err = OTC_ERROR_INIT;
    f->peer = otc_http_peer_new(NULL);
    *state = f;
    return 0;
}

static void
stop(struct fixture *f)
{
    if (f->exporter) {
        assert_int_equal(f->exporter->ops->shutdown(f->exporter, 0, &f->err), OTC_OK);
        f->exporter->ops->free(f->exporter);
        otc_config_free(f->config);
        f->exporter = NULL;
    }
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    stop(f);
    otc_buf_release(&f->text);
    otc_http_peer_free(f->peer);
    otc_vhost_free(f->vhost);
    free(f);
    return 0;
}

static void
start(struct fixture *f, const char *settings)
{
    static const struct otc_pair pairs[] = {{OTC_METRICS, OTC_METRICS, 0}};
    struct otc_settings made = {.abi = OTC_ABI_OF(otc_settings),
                                .id = "prometheus_remote_write/test",
                                .host = otc_vhost_host(f->vhost),
                                .pairs = pairs,
                                .n_pairs = 1};
    char yaml[1024];

    snprintf(yaml, sizeof(yaml), "endpoint: http://127.0.0.1:%d/api/v1/write\n%s\n",
             otc_http_peer_port(f->peer), settings);
    if (otc_test_config(&otc_prometheus_remote_write_exporter_factory, yaml, &f->config, &f->err) != OTC_OK) {
        fail_msg("%s", f->err.text);
    }
    made.config = otc_config_value(f->config);
    assert_int_equal(otc_prometheus_remote_write_exporter_factory.create(&made, &f->exporter, &f->err),
                     OTC_OK);
    assert_int_equal(f->exporter->ops->start(f->exporter, &f->err), OTC_OK);
}

/* Gauges m0, m1 …, one point each at `second`. */
static void
send_gauges(struct fixture *f, int n, int second)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20}, request = {.limit = 1 << 20};

    otc_buf_append_str(&json, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[");
    for (int i = 0; i < n; i++) {
        otc_buf_printf(
            &json,
            "%s{\"name\":\"m%d\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"%d000000000\",\"asInt\":"
            "\"%d\"}]}}",
            i ? "," : "", i, second, i);
    }
    otc_buf_append_str(&json, "]}]}]}");
    assert_int_equal(otc_json_to_protobuf(OTC_METRICS, otc_buf_slice(&json), 64, &request, NULL), OTC_OK);
    assert_int_equal(otc_consume(f->exporter->ops->input(f->exporter, OTC_METRICS),
                                 otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), (size_t)n, NULL),
                                 NULL, &f->err),
                     OTC_OK);
}

static void
wait_metric(struct fixture *f, const char *name, int64_t value)
{
    for (int i = 0; i < PATIENCE && otc_vhost_metric_sum(f->vhost, name) < value; i++) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(otc_vhost_metric_sum(f->vhost, name), value);
}

/* Waits for the n-th message that a request is tried again, and lets the time pass until it is. */
static void
let_retry(struct fixture *f, size_t n)
{
    for (int i = 0; i < PATIENCE && otc_vhost_logged(f->vhost, "Will retry the request") < n; i++) {
        poll(NULL, 0, 1);
    }
    for (int i = 0; i < PATIENCE && otc_vhost_next_timer(f->vhost) < 0; i++) {
        poll(NULL, 0, 1);
    }
    otc_vhost_advance(f->vhost, otc_vhost_next_timer(f->vhost));
}

static const char *
sent_text(struct fixture *f, int i, bool v2)
{
    otc_buf_release(&f->text);
    otc_buf_init(&f->text, 1 << 20);
    dump_sent(&f->text, otc_buf_slice(&otc_http_peer_request(f->peer, i)->body), v2);
    return otc_buf_cstr(&f->text);
}

static const char *
header(struct fixture *f, int i, const char *name)
{
    return otc_http_seen_header(otc_http_peer_request(f->peer, i), name);
}

/* ---- Requests ------------------------------------------------------------------------------------- */

static void
a_request_has_the_protocols_headers(void **state)
{
    struct fixture *f = *state;

    start(f,
          "headers: {X-Scope-OrgID: tenant, Content-Type: wrong, content-encoding: wrong, User-Agent: wrong, "
          "x-prometheus-remote-write-version: wrong}");
    send_gauges(f, 1, 1);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 1);
    assert_string_equal(otc_http_peer_request(f->peer, 0)->method, "POST");
    assert_string_equal(otc_http_peer_request(f->peer, 0)->path, "/api/v1/write");
    assert_string_equal(header(f, 0, "content-type"), "application/x-protobuf");
    assert_string_equal(header(f, 0, "content-encoding"), "snappy");
    assert_string_equal(header(f, 0, "x-prometheus-remote-write-version"), "0.1.0");
    assert_string_equal(header(f, 0, "user-agent"), "otelcol-aimon/0.0.0-test");
    assert_string_equal(header(f, 0, "x-scope-orgid"), "tenant");
    assert_string_equal(header(f, 0, "retry-attempt"), "");
    assert_string_equal(sent_text(f, 0, false), "__name__=m0 0@1000\n");
    stop(f);
    start(f, V2);
    send_gauges(f, 1, 1);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 2);
    assert_string_equal(header(f, 1, "content-type"),
                        "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    assert_string_equal(header(f, 1, "x-prometheus-remote-write-version"), "2.0.0");
    assert_string_equal(sent_text(f, 1, true), "__name__=m0 0@1000 | type 2\n");
}

/* As the Collector's: of each key every value; what the configuration says of a header wins. */
static void
metadata_of_the_client_is_forwarded(void **state)
{
    static const struct otc_client_pair metadata[] = {{OTC_SLICE_LIT("x-scope-orgid"), OTC_SLICE_LIT("t1")},
                                                      {OTC_SLICE_LIT("region"), OTC_SLICE_LIT("eu")},
                                                      {OTC_SLICE_LIT("other"), OTC_SLICE_LIT("x")},
                                                      {OTC_SLICE_LIT("own"), OTC_SLICE_LIT("theirs")},
                                                      {OTC_SLICE_LIT("bad"), OTC_SLICE_LIT("a\r\nb: c")}};
    static const char gauge[] = "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\","
                                "\"gauge\":{\"dataPoints\":[{\"asInt\":\"1\"}]}}]}]}]}";
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    struct otc_client *client = otc_client_new(otc_slice_str("127.0.0.1:1"), metadata, 5, NULL, 0);
    struct fixture *f = *state;

    start(f, "headers: {own: ours}\ninclude_metadata_keys: [X-Scope-OrgID, region, own, bad, missing]");
    assert_int_equal(otc_json_to_protobuf(OTC_METRICS, otc_slice_str(gauge), 64, &request, NULL), OTC_OK);
    assert_int_equal(otc_consume(f->exporter->ops->input(f->exporter, OTC_METRICS),
                                 otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), 1, client), NULL,
                                 &f->err),
                     OTC_OK);
    otc_client_unref(client);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 1);
    assert_string_equal(header(f, 0, "x-scope-orgid"), "t1");
    assert_string_equal(header(f, 0, "region"), "eu");
    assert_string_equal(header(f, 0, "own"), "ours");
    assert_string_equal(header(f, 0, "other"), "");
    assert_string_equal(header(f, 0, "bad"), "");
    assert_string_equal(header(f, 0, "b"), "");
}

/* The client's settings in a section of their own. */
static void
the_http_section_counts(void **state)
{
    struct fixture *f = *state;
    char settings[256];

    snprintf(settings, sizeof(settings),
             "headers: {a: flat}\nhttp: {endpoint: \"http://127.0.0.1:%d/nested\", headers: {b: nested}}",
             otc_http_peer_port(f->peer));
    start(f, settings);
    send_gauges(f, 1, 1);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 1);
    assert_string_equal(otc_http_peer_request(f->peer, 0)->path, "/nested");
    assert_string_equal(header(f, 0, "b"), "nested");
    assert_string_equal(header(f, 0, "a"), "");
}

static void
nothing_to_send_is_no_request(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 4096};
    struct fixture *f = *state;
    static const char delta[] =
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"d\",\"sum\":{"
        "\"aggregationTemporality\":1,\"isMonotonic\":true,\"dataPoints\":[{\"asInt\":\"1\"}]}}]}]}]}";

    start(f, "");
    assert_int_equal(otc_json_to_protobuf(OTC_METRICS, otc_slice_str(delta), 64, &request, NULL), OTC_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(otc_consume(f->exporter->ops->input(f->exporter, OTC_METRICS),
                                     otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), 1, NULL), NULL,
                                     &f->err),
                         OTC_OK);
    }
    wait_metric(f, "aimon_prometheus_remote_write_dropped_points", 2);
    wait_metric(f, "otelcol_exporter_prometheusremotewrite_failed_translations", 2);
    assert_int_equal(otc_http_peer_requests(f->peer), 0);
    assert_int_equal(otc_vhost_logged(f->vhost, "Data points that have no form in remote write were dropped"),
                     1);
    assert_string_equal(otc_vhost_log(f->vhost, 0).fields,
                        "invalid_names=0 invalid_values=0 deltas_or_unsupported=1 duplicates=0");
}

static void
what_another_metric_has_is_counted(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 4096};
    struct fixture *f = *state;
    static const char two[] = "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":["
                              "{\"name\":\"a.b\",\"gauge\":{\"dataPoints\":[{\"asInt\":\"1\"}]}},"
                              "{\"name\":\"a_b\",\"gauge\":{\"dataPoints\":[{\"asInt\":\"2\"}]}}]}]}]}";

    start(f, "");
    assert_int_equal(otc_json_to_protobuf(OTC_METRICS, otc_slice_str(two), 64, &request, NULL), OTC_OK);
    assert_int_equal(otc_consume(f->exporter->ops->input(f->exporter, OTC_METRICS),
                                 otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), 2, NULL), NULL,
                                 &f->err),
                     OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 2);
    assert_string_equal(sent_text(f, 0, false), "__name__=a_b 1@0\n");
    assert_int_equal(otc_vhost_metric(f->vhost, "aimon_prometheus_remote_write_dropped_points",
                                      "exporter=prometheus_remote_write/test,reason=duplicate"),
                     1);
    assert_string_equal(otc_vhost_log(f->vhost, 0).fields,
                        "invalid_names=0 invalid_values=0 deltas_or_unsupported=0 duplicates=1");
}

/* ---- Answers -------------------------------------------------------------------------------------- */

static void
some_codes_are_tried_again(void **state)
{
    static const struct otc_http_answer answers[] = {{.status = 500}, {.status = 503}, {.status = 502},
                                                     {.status = 504}, {.status = 429}, {.status = 204}};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, answers, 6);
    start(f, "");
    send_gauges(f, 1, 1);
    for (size_t i = 1; i < 6; i++) {
        let_retry(f, i);
    }
    wait_metric(f, "otelcol_exporter_sent_metric_points", 1);
    assert_int_equal(otc_http_peer_requests(f->peer), 6);
    for (int i = 0; i < 6; i++) {
        char attempt[8];

        snprintf(attempt, sizeof(attempt), "%d", i);
        assert_string_equal(header(f, i, "retry-attempt"), i ? attempt : "");
        assert_string_equal(sent_text(f, i, false), "__name__=m0 0@1000\n");
    }
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_prometheusremotewrite_sent_batches"),
                     6);
    assert_int_equal(
        otc_vhost_metric_sum(f->vhost, "otelcol_exporter_prometheusremotewrite_translated_time_series"), 1);
}

static void
other_codes_are_final(void **state)
{
    static const struct {
        int status;
        const char *text;
    } cases[] = {{400, "400 Bad Request: out of order sample"},
                 {401, "401 Unauthorized: out of order sample"},
                 {404, "404 Not Found: out of order sample"},
                 {413, "413 Request Entity Too Large: out of order sample"},
                 {304, "304: out of order sample"}};
    struct fixture *f = *state;

    start(f, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otc_http_answer answer = {.status = cases[i].status,
                                               .body = otc_slice_str("out of order sample\n")};
        char expected[256];

        otc_http_peer_answer(f->peer, &answer, 1);
        send_gauges(f, 1, (int)i);
        wait_metric(f, "otelcol_exporter_send_failed_metric_points", (int64_t)i + 1);
        for (int k = 0; k < PATIENCE && otc_vhost_logs(f->vhost) <= i; k++) {
            poll(NULL, 0, 1);
        }
        snprintf(expected, sizeof(expected),
                 "error=not retryable error: Permanent error: remote write returned HTTP status %s "
                 "dropped_items=1",
                 cases[i].status == 304 ? "304" : cases[i].text);
        assert_string_equal(otc_vhost_log(f->vhost, i).fields, expected);
    }
    assert_int_equal(otc_http_peer_requests(f->peer), 5);
}

static void
a_receiver_of_version_1_is_remembered(void **state)
{
    static const struct otc_http_answer answers[] = {{.status = 415}, {.status = 200}};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, answers, 2);
    start(f, V2);
    send_gauges(f, 1, 1);
    let_retry(f, 1);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 1);
    assert_string_equal(header(f, 1, "x-prometheus-remote-write-version"), "0.1.0");
    assert_string_equal(sent_text(f, 1, false), "__name__=m0 0@1000\n");
    send_gauges(f, 1, 2);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 2);
    assert_string_equal(header(f, 2, "content-type"), "application/x-protobuf");
    assert_int_equal(otc_vhost_logged(f->vhost, "The receiver does not know remote write 2.0"), 1);
}

static void
what_the_receiver_wrote_is_counted(void **state)
{
    static const struct otc_http_answer answer = {
        .status = 200,
        .headers =
            "x-prometheus-remote-write-samples-written: 3\nx-prometheus-remote-write-histograms-written: 0\n"
            "x-prometheus-remote-write-exemplars-written: -1"};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, &answer, 1);
    start(f, V2);
    send_gauges(f, 3, 1);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 3);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_prometheusremotewrite_written_samples"),
                     3);
    assert_int_equal(
        otc_vhost_metric_sum(f->vhost, "otelcol_exporter_prometheusremotewrite_written_exemplars"), 0);
}

/* ---- Batches in several requests ------------------------------------------------------------------ */

/* Only the request that failed is sent again, in its own words. */
static void
only_what_failed_is_sent_again(void **state)
{
    static const struct otc_http_answer answers[] = {
        {.status = 200}, {.status = 503}, {.status = 200}, {.status = 200}, {.status = 200}};
    struct fixture *f = *state;
    char failed[256];

    otc_http_peer_answer(f->peer, answers, 5);
    start(f, "max_batch_size_bytes: 1\nmax_batch_request_parallelism: 1");
    send_gauges(f, 4, 1);
    send_gauges(f, 1, 2); /* waits for the first batch: samples stay in order */
    let_retry(f, 1);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 5);
    assert_int_equal(otc_http_peer_requests(f->peer), 6);
    snprintf(failed, sizeof(failed), "%s", sent_text(f, 1, false));
    assert_string_equal(failed, "__name__=m1 1@1000\n");
    assert_string_equal(sent_text(f, 4, false), failed);
    assert_string_equal(header(f, 4, "retry-attempt"), "1");
    assert_string_equal(sent_text(f, 5, false), "__name__=m0 0@2000\n");
}

static void
one_refusal_among_several_is_told(void **state)
{
    static const struct otc_http_answer answers[] = {
        {.status = 200}, {.status = 400, .body = OTC_SLICE_LIT("bad")}, {.status = 500}, {.status = 200}};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, answers, 4);
    start(f, "max_batch_size_bytes: 1\nmax_batch_request_parallelism: 1");
    send_gauges(f, 3, 1);
    let_retry(f, 1);
    wait_metric(f, "otelcol_exporter_send_failed_metric_points", 3);
    for (int k = 0; k < PATIENCE && otc_vhost_logs(f->vhost) < 2; k++) {
        poll(NULL, 0, 1);
    }
    assert_string_equal(
        otc_vhost_log(f->vhost, 1).fields,
        "error=not retryable error: Permanent error: 1 of 3 requests: remote write returned HTTP "
        "status 400 Bad Request: bad dropped_items=3");
    assert_int_equal(otc_http_peer_requests(f->peer), 4);
}

static void
several_are_under_way_at_once(void **state)
{
    static const struct otc_http_answer silent = {.silent = true};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, &silent, 1);
    start(f, "max_batch_size_bytes: 1\nremote_write_queue: {num_consumers: 3}");
    send_gauges(f, 10, 1);
    for (int i = 0; i < PATIENCE && otc_http_peer_requests(f->peer) < 3; i++) {
        poll(NULL, 0, 1);
    }
    poll(NULL, 0, 5);
    assert_int_equal(otc_http_peer_requests(f->peer), 3);
    stop(f); /* cancels them; nothing is lost without a word */
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_dropped_items"), 10);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_in_flight_items"), 0);
}

/* Without a queue the sender waits for the answer. */
static void
without_a_queue_batches_are_sent_at_once(void **state)
{
    struct fixture *f = *state;

    start(f, "remote_write_queue: {enabled: false}");
    for (int i = 0; i < 20; i++) {
        send_gauges(f, 2, i);
    }
    wait_metric(f, "otelcol_exporter_sent_metric_points", 40);
    assert_int_equal(otc_http_peer_requests(f->peer), 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_has_the_protocols_headers),
        TEST(metadata_of_the_client_is_forwarded),
        TEST(the_http_section_counts),
        TEST(nothing_to_send_is_no_request),
        TEST(what_another_metric_has_is_counted),
        TEST(some_codes_are_tried_again),
        TEST(other_codes_are_final),
        TEST(a_receiver_of_version_1_is_remembered),
        TEST(what_the_receiver_wrote_is_counted),
        TEST(only_what_failed_is_sent_again),
        TEST(one_refusal_among_several_is_told),
        TEST(several_are_under_way_at_once),
        TEST(without_a_queue_batches_are_sent_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
