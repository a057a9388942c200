// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"
#include "common/net/inflate.h"
#include "common/otlp/json.h"
#include "exporters/otlp_http/config.h"
#include "tests/harness/config.h"
#include "tests/harness/http_peer.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* How long a test waits for another thread, in steps of a millisecond. */
#define PATIENCE 10000

extern const struct otc_factory otc_otlp_http_exporter_factory;

struct fixture {
    struct otc_http_peer *peer;
    struct otc_vhost *vhost;
    struct otc_config *config;
    struct otc_component *exporter;
    struct otc_error err;
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
    otc_http_peer_free(f->peer);
    otc_vhost_free(f->vhost);
    free(f);
    return 0;
}

static const struct otc_pair pairs[] = {
    {OTC_TRACES, OTC_TRACES, 0}, {OTC_METRICS, OTC_METRICS, 0}, {OTC_LOGS, OTC_LOGS, 0}};

/* Creates and starts an exporter to the peer (`path` follows its address). */
static void
start(struct fixture *f, const char *path, const char *settings)
{
    struct otc_settings made = {.abi = OTC_ABI_OF(otc_settings),
                                .id = "otlp_http/test",
                                .host = otc_vhost_host(f->vhost),
                                .pairs = pairs,
                                .n_pairs = 3};
    char yaml[1024];

    snprintf(yaml, sizeof(yaml), "endpoint: http://127.0.0.1:%d%s\n%s\n", otc_http_peer_port(f->peer), path,
             settings);
    if (otc_test_config(&otc_otlp_http_exporter_factory, yaml, &f->config, &f->err) != OTC_OK) {
        fail_msg("%s", f->err.text);
    }
    made.config = otc_config_value(f->config);
    assert_int_equal(otc_otlp_http_exporter_factory.create(&made, &f->exporter, &f->err), OTC_OK);
    assert_int_equal(f->exporter->ops->start(f->exporter, &f->err), OTC_OK);
}

static otc_status
send_parts(struct fixture *f, enum otc_signal signal, struct otc_slice a, struct otc_slice b,
           struct otc_done *done)
{
    const struct otc_part parts[] = {{a, NULL, NULL}, {b, NULL, NULL}};

    return otc_consume(f->exporter->ops->input(f->exporter, signal),
                       otc_batch_new(signal, parts, b.data ? 2 : 1, 3, NULL), done, &f->err);
}

static otc_status
send_text(struct fixture *f, enum otc_signal signal, const char *text)
{
    return send_parts(f, signal, otc_slice_str(text), OTC_SLICE_NONE, NULL);
}

static void
wait_metric(struct fixture *f, const char *name, int64_t value)
{
    for (int i = 0; i < PATIENCE && otc_vhost_metric_sum(f->vhost, name) < value; i++) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(otc_vhost_metric_sum(f->vhost, name), value);
}

static const struct otc_http_seen *
last(struct fixture *f)
{
    return otc_http_peer_request(f->peer, -1);
}

static const char *
text_of(const struct otc_buf *buf)
{
    return otc_buf_cstr((struct otc_buf *)(uintptr_t)buf);
}

/* ---- Requests ------------------------------------------------------------------------------------- */

static void
bytes_arrive_as_they_were(void **state)
{
    static const char *const paths[] = {"/otlp/v1/traces", "/otlp/v1/metrics", "/otlp/v1/logs"};
    static const char *const sent[] = {"otelcol_exporter_sent_spans", "otelcol_exporter_sent_metric_points",
                                       "otelcol_exporter_sent_log_records"};
    struct fixture *f = *state;

    start(f, "/otlp/", "compression: none\nheaders: [{name: X-Tenant, value: blue}]");
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        assert_int_equal(send_parts(f, (enum otc_signal)signal, otc_slice_str("first part, "),
                                    otc_slice_str("second part"), NULL),
                         OTC_OK);
        wait_metric(f, sent[signal], 3);
        assert_string_equal(last(f)->path, paths[signal]);
        assert_string_equal(text_of(&last(f)->body), "first part, second part");
    }
    assert_string_equal(otc_http_seen_header(last(f), "content-type"), "application/x-protobuf");
    assert_string_equal(otc_http_seen_header(last(f), "content-encoding"), "");
    assert_string_equal(otc_http_seen_header(last(f), "x-tenant"), "blue");
    assert_string_equal(otc_http_seen_header(last(f), "user-agent"),
                        "otelcol-aimon/0.0.0-test (linux/amd64)");
    /* An empty request is a request; a single part is not copied, but arrives all the same. */
    assert_int_equal(send_text(f, OTC_LOGS, ""), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_log_records", 6);
    assert_int_equal(send_text(f, OTC_LOGS, "one part"), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_log_records", 9);
    assert_string_equal(text_of(&last(f)->body), "one part");
}

static void
compression_is_said_and_done(void **state)
{
    static const struct {
        const char *name;
        enum otc_encoding encoding;
    } cases[] = {{"gzip", OTC_ENCODING_GZIP},
                 {"zstd", OTC_ENCODING_ZSTD},
                 {"deflate", OTC_ENCODING_ZLIB},
                 {"lz4", OTC_ENCODING_LZ4},
                 {"x-snappy-framed", OTC_ENCODING_SNAPPY_FRAMED}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OTC_AUTO_BUF struct otc_buf plain = {.limit = 1 << 20};
        char yaml[64];

        snprintf(yaml, sizeof(yaml), "compression: %s", cases[i].name);
        start(f, "", i == 0 ? "" : yaml); /* gzip is the default */
        assert_int_equal(
            send_parts(f, OTC_TRACES, otc_slice_str("first part, "), otc_slice_str("second part"), NULL),
            OTC_OK);
        wait_metric(f, "otelcol_exporter_sent_spans", 3 * ((int64_t)i + 1));
        assert_string_equal(otc_http_seen_header(last(f), "content-encoding"), cases[i].name);
        assert_int_equal(
            otc_inflate(cases[i].encoding, otc_buf_slice(&last(f)->body), 1 << 20, NULL, NULL, &plain, NULL),
            OTC_OK);
        assert_string_equal(otc_buf_cstr(&plain), "first part, second part");
        stop(f);
    }
}

/* A log record "hi" of a service. */
static const char log_json[] =
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
    "\"s\"}}]},\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\",\"body\":{\"stringValue\":\"hi\"},"
    "\"traceId\":\"000102030405060708090a0b0c0d0e0f\"}]}]}]}";

static void
json_is_what_came_translated(void **state)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 4096}, plain = {.limit = 4096};
    struct fixture *f = *state;

    assert_int_equal(otc_json_to_protobuf(OTC_LOGS, otc_slice_str(log_json), 64, &request, NULL), OTC_OK);
    start(f, "", "encoding: json\ncompression: none");
    assert_int_equal(send_parts(f, OTC_LOGS, otc_buf_slice(&request), OTC_SLICE_NONE, NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_log_records", 3);
    assert_string_equal(otc_http_seen_header(last(f), "content-type"), "application/json");
    assert_string_equal(text_of(&last(f)->body), log_json);
    stop(f);
    start(f, "", "encoding: json");
    assert_int_equal(send_parts(f, OTC_LOGS, otc_buf_slice(&request), OTC_SLICE_NONE, NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_log_records", 6);
    assert_int_equal(
        otc_inflate(OTC_ENCODING_GZIP, otc_buf_slice(&last(f)->body), 1 << 20, NULL, NULL, &plain, NULL),
        OTC_OK);
    assert_string_equal(otc_buf_cstr(&plain), log_json);
    /* What is no protobuf cannot become JSON, however often it is tried. */
    assert_int_equal(send_text(f, OTC_TRACES, "no protobuf"), OTC_OK);
    wait_metric(f, "otelcol_exporter_send_failed_spans", 3);
}

static void
own_endpoints_are_used_as_they_are(void **state)
{
    struct fixture *f = *state;
    char yaml[256];

    snprintf(yaml, sizeof(yaml), "traces_endpoint: http://127.0.0.1:%d/ingest?key=1",
             otc_http_peer_port(f->peer));
    start(f, "", yaml);
    assert_int_equal(send_text(f, OTC_TRACES, "x"), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_spans", 3);
    assert_string_equal(last(f)->path, "/ingest");
    assert_int_equal(send_text(f, OTC_LOGS, "x"), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_log_records", 3);
    assert_string_equal(last(f)->path, "/v1/logs");
}

/* A sender that waits for its result. */
struct waiter {
    struct otc_done done;
    pthread_mutex_t lock;
    pthread_cond_t told;
    int calls;
    struct otc_error result;
};

static void
on_done(struct otc_done *self, const struct otc_error *result)
{
    struct waiter *waiter = OTC_CONTAINER(self, waiter, done);

    pthread_mutex_lock(&waiter->lock);
    waiter->calls++;
    waiter->result = *result;
    pthread_cond_signal(&waiter->told);
    pthread_mutex_unlock(&waiter->lock);
}

/* ---- Answers -------------------------------------------------------------------------------------- */

/* Each status without a queue: what the sender is told. The codes are those of the Collector's own tests of
 * error propagation (internal/e2e). */
static void
codes_are_told_as_the_collector_does(void **state)
{
    static const struct {
        int http;
        otc_status status;
        bool retryable;
    } cases[] = {
        {400, OTC_INVALID_ARGUMENT, false},  {401, OTC_UNAUTHENTICATED, false},
        {403, OTC_PERMISSION_DENIED, false}, {404, OTC_UNIMPLEMENTED, false},
        {405, OTC_UNKNOWN, false},           {413, OTC_UNKNOWN, false},
        {429, OTC_RESOURCE_EXHAUSTED, true}, {500, OTC_UNKNOWN, false},
        {501, OTC_UNKNOWN, false},           {502, OTC_UNAVAILABLE, true},
        {503, OTC_UNAVAILABLE, true},        {504, OTC_UNAVAILABLE, true},
        {304, OTC_UNKNOWN, false},
    };
    struct fixture *f = *state;

    start(f, "", "sending_queue: {enabled: false}\nretry_on_failure: {enabled: false}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otc_http_answer answer = {.status = cases[i].http};
        struct waiter done = {.done = {OTC_ABI_OF(otc_done), on_done},
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .told = PTHREAD_COND_INITIALIZER};
        char expected[256];

        otc_http_peer_answer(f->peer, &answer, 1);
        assert_int_equal(send_parts(f, OTC_TRACES, otc_slice_str("x"), OTC_SLICE_NONE, &done.done),
                         OTC_PENDING);
        pthread_mutex_lock(&done.lock);
        while (done.calls == 0) {
            pthread_cond_wait(&done.told, &done.lock);
        }
        pthread_mutex_unlock(&done.lock);
        assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_send_failed_spans"),
                         3 * ((int64_t)i + 1));
        assert_int_equal(done.result.status, cases[i].status);
        if (otc_error_retryable(&done.result) != cases[i].retryable) {
            fail_msg("%d: %s", cases[i].http, done.result.text);
        }
        snprintf(
            expected, sizeof(expected),
            "error exporting items, request to http://127.0.0.1:%d/v1/traces responded with HTTP Status Code "
            "%d",
            otc_http_peer_port(f->peer), cases[i].http);
        assert_non_null(strstr(done.result.text, expected));
    }
}

static void
a_retry_delay_of_the_server_is_kept(void **state)
{
    static const struct otc_http_answer answers[] = {{.status = 503, .headers = "retry-after: 45"},
                                                     {.status = 429},
                                                     {.status = 502, .headers = "retry-after: 45"},
                                                     {.status = 200}};
    static const int64_t least[] = {45, 5, 7}, most[] = {45, 12, 18};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, answers, 4);
    start(f, "", "");
    assert_int_equal(send_text(f, OTC_TRACES, "again"), OTC_OK);
    for (size_t i = 0; i < 3; i++) {
        int64_t wait;

        for (int k = 0; k < PATIENCE && otc_vhost_logged(f->vhost, "Exporting failed. Will retry") <= i;
             k++) {
            poll(NULL, 0, 1);
        }
        for (int k = 0; k < PATIENCE && otc_vhost_next_timer(f->vhost) < 0; k++) {
            poll(NULL, 0, 1);
        }
        wait = otc_vhost_next_timer(f->vhost);
        /* 5 s, then 7.5 s, then 11.25 s, times 0.5 to 1.5: what 502 says counts no more than in the
         * Collector. */
        assert_true(wait >= least[i] * OTC_SECOND / (i ? 2 : 1) && wait <= most[i] * OTC_SECOND);
        otc_vhost_advance(f->vhost, wait);
    }
    wait_metric(f, "otelcol_exporter_sent_spans", 3);
    assert_int_equal(otc_http_peer_requests(f->peer), 4);
    assert_string_equal(otc_http_peer_request(f->peer, 0)->peer, otc_http_peer_request(f->peer, 3)->peer);
}

static void
error_bodies_are_read(void **state)
{
    OTC_AUTO_BUF struct otc_buf protobuf = {.limit = 4096}, json = {.limit = 4096};
    struct otc_error bad = OTC_ERROR_INIT;
    struct fixture *f = *state;
    char expected[512];

    otc_fail(&bad, OTC_INVALID_ARGUMENT, "bad span");
    assert_true(otc_rpc_status_protobuf(&bad, &protobuf));
    assert_true(otc_rpc_status_json(&bad, &json));
    const struct otc_http_answer answers[] = {
        {.status = 400, .headers = "content-type: application/x-protobuf", .body = otc_buf_slice(&protobuf)},
        {.status = 400, .headers = "content-type: application/json", .body = otc_buf_slice(&json)},
        {.status = 400,
         .headers = "content-type: text/plain; charset=utf-8",
         .body = otc_slice_str("bad span\n")},
        {.status = 400, .headers = "content-type: text/html", .body = otc_slice_str("<html>")}};

    otc_http_peer_answer(f->peer, answers, 4);
    start(f, "", "");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(send_text(f, OTC_TRACES, "x"), OTC_OK);
        wait_metric(f, "otelcol_exporter_send_failed_spans", INT64_C(3) * (i + 1));
        for (int k = 0; k < PATIENCE && otc_vhost_logs(f->vhost) <= (size_t)i; k++) {
            poll(NULL, 0, 1);
        }
        snprintf(
            expected, sizeof(expected),
            "error=not retryable error: Permanent error: rpc error: code = InvalidArgument desc = error "
            "exporting items, request to http://127.0.0.1:%d/v1/traces responded with HTTP Status Code 400%s "
            "dropped_items=3",
            otc_http_peer_port(f->peer), i < 3 ? ", Message=bad span, Details=[]" : "");
        assert_string_equal(otc_vhost_log(f->vhost, (size_t)i).fields, expected);
    }
}

static void
partial_success_is_told_and_not_repeated(void **state)
{
    OTC_AUTO_BUF struct otc_buf protobuf = {.limit = 4096}, json = {.limit = 4096};
    struct fixture *f = *state;

    assert_true(otc_export_response_protobuf(OTC_METRICS, 2, "too old", &protobuf));
    assert_true(otc_export_response_json(OTC_METRICS, 2, "too old", &json));
    const struct otc_http_answer answers[] = {
        {.status = 200, .headers = "content-type: application/x-protobuf", .body = otc_buf_slice(&protobuf)},
        {.status = 202, .headers = "content-type: application/json", .body = otc_buf_slice(&json)},
        {.status = 200, .headers = "content-type: application/x-protobuf", .body = otc_slice_str("hello")},
        {.status = 200, .headers = "content-type: text/plain", .body = otc_slice_str("hello")}};

    otc_http_peer_answer(f->peer, answers, 4);
    start(f, "", "");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(send_text(f, OTC_METRICS, "x"), OTC_OK);
        wait_metric(f, "otelcol_exporter_sent_metric_points", INT64_C(3) * (i + 1));
    }
    assert_int_equal(otc_vhost_logs(f->vhost), 3);
    assert_string_equal(otc_vhost_log(f->vhost, 0).fields, "message=too old dropped_data_points=2");
    assert_string_equal(otc_vhost_log(f->vhost, 1).fields, "message=too old dropped_data_points=2");
    assert_string_equal(otc_vhost_log(f->vhost, 2).message,
                        "The server accepted the data with a reply that cannot be read");
    assert_int_equal(otc_http_peer_requests(f->peer), 4);
}

static void
nobody_there_is_tried_again(void **state)
{
    struct fixture *f = *state;
    char yaml[128];

    snprintf(yaml, sizeof(yaml), "traces_endpoint: http://127.0.0.1:1/v1/traces");
    start(f, "", yaml);
    assert_int_equal(send_text(f, OTC_TRACES, "x"), OTC_OK);
    for (int i = 0; i < PATIENCE && otc_vhost_logs(f->vhost) == 0; i++) {
        poll(NULL, 0, 1);
    }
    assert_string_equal(otc_vhost_log(f->vhost, 0).message,
                        "Exporting failed. Will retry the request after interval.");
    assert_non_null(
        strstr(otc_vhost_log(f->vhost, 0).fields,
               "error=failed to make an HTTP request: Post \"http://127.0.0.1:1/v1/traces\": dial tcp "
               "127.0.0.1:1: connect: connection refused"));
}

static void
a_silent_server_costs_the_timeout(void **state)
{
    static const struct otc_http_answer silent = {.silent = true};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, &silent, 1);
    start(f, "", "timeout: 30ms\nretry_on_failure: {enabled: false}");
    assert_int_equal(send_text(f, OTC_TRACES, "x"), OTC_OK);
    wait_metric(f, "otelcol_exporter_send_failed_spans", 3);
    assert_non_null(strstr(otc_vhost_log(f->vhost, 0).fields, "context deadline exceeded"));
}

/* Requests under way at the end of the grace are cancelled and counted; nothing is lost without a word. */
static void
shutdown_ends_what_is_under_way(void **state)
{
    static const struct otc_http_answer silent = {.silent = true};
    struct fixture *f = *state;

    otc_http_peer_answer(f->peer, &silent, 1);
    start(f, "", "timeout: 0s");
    for (int i = 0; i < 30; i++) {
        assert_int_equal(send_text(f, OTC_TRACES, "x"), OTC_OK);
    }
    stop(f);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "otelcol_exporter_sent_spans"), 0);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_dropped_items"), 90);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_in_flight_items"), 0);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_queued_items"), 0);
}

/* ---- Settings ------------------------------------------------------------------------------------- */

static void
defaults_are_the_collectors(void **state)
{
    const struct otlp_http_config *config;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_config *owner;

    (void)state;
    assert_int_equal(
        otc_test_config(&otc_otlp_http_exporter_factory, "endpoint: https://x:4318", &owner, &err), OTC_OK);
    config = otc_config_value(owner);
    assert_int_equal(config->http.timeout.ns, 30 * OTC_SECOND);
    assert_int_equal(config->http.compression.index, OTC_COMPRESS_GZIP);
    assert_int_equal(config->encoding.index, OTLP_HTTP_PROTO);
    assert_int_equal(config->http.max_idle_conns, 100);
    assert_int_equal(config->http.idle_conn_timeout.ns, 90 * OTC_SECOND);
    assert_int_equal(config->http.write_buffer_size, 524288);
    assert_true(config->http.force_attempt_http2);
    assert_null(config->http.cookies);
    assert_non_null(config->sending_queue);
    assert_true(config->retry_on_failure.enabled);
    otc_config_free(owner);
}

static void
bad_settings_are_named(void **state)
{
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"", "at least one endpoint must be specified"},
        {"endpoint: localhost:4318", "endpoint: "},
        {"logs_endpoint: 'ftp://x'", "logs_endpoint: unsupported protocol scheme \"ftp\""},
        {"endpoint: http://x\nencoding: yaml", "encoding"},
        {"endpoint: http://x\ncompression: lz4\ncompression_params: {level: 1}",
         "compression_params::level: unsupported parameters {Level:1} for compression type \"lz4\""},
        {"endpoint: http://x\ntls: {cert_file: a}", "for auth via TLS, provide both certificate and key"},
        {"endpoint: http://x\nauth: {}", "authenticator: must name an extension"},
        {"endpoint: http://x\nsending_queue: {num_consumers: 0}", "`num_consumers` must be positive"},
    };
    struct otc_settings made = {
        .abi = OTC_ABI_OF(otc_settings), .id = "otlp_http", .pairs = pairs, .n_pairs = 3};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_component *component;
    struct otc_config *owner;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!otc_test_refuses(&otc_otlp_http_exporter_factory, cases[i].yaml, cases[i].error, &err)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
    /* A signal that is wired but has no endpoint. */
    made.host = otc_vhost_host(((struct fixture *)*state)->vhost);
    assert_int_equal(
        otc_test_config(&otc_otlp_http_exporter_factory, "traces_endpoint: http://x", &owner, &err), OTC_OK);
    made.config = otc_config_value(owner);
    assert_int_equal(otc_otlp_http_exporter_factory.create(&made, &component, &err), OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "either endpoint or metrics_endpoint must be specified");
    otc_config_free(owner);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_arrive_as_they_were),
        TEST(compression_is_said_and_done),
        TEST(json_is_what_came_translated),
        TEST(own_endpoints_are_used_as_they_are),
        TEST(codes_are_told_as_the_collector_does),
        TEST(a_retry_delay_of_the_server_is_kept),
        TEST(error_bodies_are_read),
        TEST(partial_success_is_told_and_not_repeated),
        TEST(nobody_there_is_tried_again),
        TEST(a_silent_server_costs_the_timeout),
        TEST(shutdown_ends_what_is_under_way),
        TEST(defaults_are_the_collectors),
        TEST(bad_settings_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
