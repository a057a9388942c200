// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/exporters/otlp_grpc/server.h"

#include "common/base/clock.h"
#include "common/net/inflate.h"
#include "common/otlp/json.h"
#include "tests/harness/config.h"
#include "tests/harness/data.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <ftw.h>
#include <libdeflate.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TESTDATA "tests/unit/exporters/otlp_grpc/testdata/"
/* How long a test waits for another thread, in steps of a millisecond. */
#define PATIENCE 10000

extern const struct otc_factory otc_otlp_grpc_exporter_factory;

struct fixture {
    struct test_server *server;
    struct otc_vhost *vhost;
    struct otc_host *host;
    struct otc_config *config;
    struct otc_component *exporter;
    struct otc_error err;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->vhost = otc_vhost_new();
    f->host = otc_vhost_host(f->vhost);
    f->err = OTC_ERROR_INIT;
    f->server = test_server_new(NULL, NULL);
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
    test_server_free(f->server);
    otc_vhost_free(f->vhost);
    free(f);
    return 0;
}

/* Creates and starts an exporter; `settings` follow `endpoint`, and "%d" in it stands for the server's port.
 */
static otc_status
start(struct fixture *f, const char *endpoint, const char *settings)
{
    static const struct otc_pair pairs[] = {
        {OTC_TRACES, OTC_TRACES, 0}, {OTC_METRICS, OTC_METRICS, 0}, {OTC_LOGS, OTC_LOGS, 0}};
    struct otc_settings made = {.abi = OTC_ABI_OF(otc_settings),
                                .id = "otlp_grpc/test",
                                .host = f->host,
                                .pairs = pairs,
                                .n_pairs = 3};
    char yaml[1024];

    snprintf(yaml, sizeof(yaml), "endpoint: %s:%d\n%s\n", endpoint, f->server->port, settings);
    /* Without validation: files may be gone since. */
    assert_int_equal(otc_test_decode(otc_otlp_grpc_exporter_factory.config, yaml, &f->config, &f->err),
                     OTC_OK);
    made.config = otc_config_value(f->config);
    assert_int_equal(otc_otlp_grpc_exporter_factory.create(&made, &f->exporter, &f->err), OTC_OK);
    return f->exporter->ops->start(f->exporter, &f->err);
}

static otc_status
send_parts(struct fixture *f, enum otc_signal signal, const char *a, const char *b)
{
    const struct otc_part parts[] = {{otc_slice_str(a), NULL, NULL}, {otc_slice_str(b), NULL, NULL}};

    return otc_consume(f->exporter->ops->input(f->exporter, signal),
                       otc_batch_new(signal, parts, b ? 2 : 1, 3, NULL), NULL, &f->err);
}

/* Waits until a self-metric has reached `value`. */
static void
wait_metric(struct fixture *f, const char *name, int64_t value)
{
    for (int i = 0; i < PATIENCE && otc_vhost_metric_sum(f->vhost, name) < value; i++) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(otc_vhost_metric_sum(f->vhost, name), value);
}

static void
bytes_arrive_as_they_were(void **state)
{
    static const char *const paths[] = {"/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                                        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
                                        "/opentelemetry.proto.collector.logs.v1.LogsService/Export"};
    static const char *const sent[] = {"otelcol_exporter_sent_spans", "otelcol_exporter_sent_metric_points",
                                       "otelcol_exporter_sent_log_records"};
    struct fixture *f = *state;

    assert_int_equal(start(f, "http://127.0.0.1", "compression: none\nheaders: {X-Tenant: blue}"), OTC_OK);
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        assert_int_equal(send_parts(f, (enum otc_signal)signal, "first part, ", "second part"), OTC_OK);
        wait_metric(f, sent[signal], 3);
        assert_string_equal(test_server_last(f->server)->path, paths[signal]);
        assert_string_equal(test_server_last(f->server)->tenant, "blue");
        assert_false(test_server_last(f->server)->gzip);
        assert_string_equal((const char *)test_server_last(f->server)->message.data,
                            "first part, second part");
    }
    assert_non_null(
        strstr(test_server_last(f->server)->user_agent, "otelcol-aimon/0.0.0-test (linux/amd64)"));
}

static void
gzip_is_the_default_and_inflates_to_the_same_bytes(void **state)
{
    OTC_AUTO_BUF struct otc_buf plain = {.limit = 1 << 20};
    struct fixture *f = *state;

    assert_int_equal(start(f, "127.0.0.1", "tls: {insecure: true}"), OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "first part, ", "second part"), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_spans", 3);
    assert_true(test_server_last(f->server)->gzip);
    assert_int_equal(otc_inflate(OTC_ENCODING_GZIP, otc_buf_slice(&test_server_last(f->server)->message),
                                 1 << 20, NULL, NULL, &plain, NULL),
                     OTC_OK);
    assert_string_equal(otc_buf_cstr(&plain), "first part, second part");
    /* An empty request is a request. */
    assert_int_equal(send_parts(f, OTC_LOGS, "", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_log_records", 3);
}

static void
a_retry_delay_of_the_server_is_kept(void **state)
{
    OTC_AUTO_BUF struct otc_buf details = {.limit = 4096};
    struct fixture *f = *state;
    struct otc_error busy = OTC_ERROR_INIT;
    struct test_answer answer = {.status = 8, .text = "slow down"};

    busy.status = OTC_RESOURCE_EXHAUSTED;
    busy.retry_after_ms = 45000;
    assert_true(otc_rpc_status_protobuf(&busy, &details));
    answer.details = otc_buf_slice(&details);
    test_server_answer(f->server, &answer);
    assert_int_equal(start(f, "http://127.0.0.1", ""), OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    for (int i = 0; i < PATIENCE && otc_vhost_next_timer(f->vhost) < 0; i++) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(otc_vhost_next_timer(f->vhost), 45 * OTC_SECOND);
    test_server_answer(f->server, &(struct test_answer){.status = 0});
    otc_vhost_advance(f->vhost, 45 * OTC_SECOND);
    wait_metric(f, "otelcol_exporter_sent_spans", 3);
    assert_int_equal(test_server_requests(f->server), 2);
    assert_int_equal(otc_vhost_logged(f->vhost, "Exporting failed. Will retry the request after interval."),
                     1);
}

static void
permanent_refusals_drop_and_say_why(void **state)
{
    struct fixture *f = *state;

    test_server_answer(f->server, &(struct test_answer){.status = 3, .text = "bad span"});
    assert_int_equal(start(f, "http://127.0.0.1", ""), OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_send_failed_spans", 3);
    assert_string_equal(
        otc_vhost_log(f->vhost, 0).fields,
        "error=not retryable error: Permanent error: rpc error: code = InvalidArgument desc = bad span "
        "dropped_items=3");
}

static void
partial_success_is_told_and_not_repeated(void **state)
{
    OTC_AUTO_BUF struct otc_buf reply = {.limit = 4096};
    uint8_t gzip[512];
    struct fixture *f = *state;
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    struct test_answer answer = {.status = 0, .gzip = true};

    assert_true(otc_export_response_protobuf(OTC_METRICS, 2, "too old", &reply));
    answer.reply =
        otc_slice_of(gzip, libdeflate_gzip_compress(compressor, reply.data, reply.len, gzip, sizeof(gzip)));
    libdeflate_free_compressor(compressor);
    test_server_answer(f->server, &answer);
    assert_int_equal(start(f, "http://127.0.0.1", ""), OTC_OK);
    assert_int_equal(send_parts(f, OTC_METRICS, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_metric_points", 3);
    assert_int_equal(otc_vhost_logged(f->vhost, "Partial success response"), 1);
    assert_string_equal(otc_vhost_log(f->vhost, 0).fields, "message=too old dropped_data_points=2");
    assert_int_equal(test_server_requests(f->server), 1);
}

/* As gzip 8 kB and then, by far, too much: the data was accepted all the same. */
static void
a_reply_that_explodes_is_not_inflated(void **state)
{
    struct fixture *f = *state;
    char *big = calloc(1, 8 << 20);

    test_server_answer(f->server, &(struct test_answer){.status = 0, .reply = otc_slice_of(big, 8 << 20)});
    assert_int_equal(start(f, "http://127.0.0.1", ""), OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_spans", 3);
    assert_int_equal(otc_vhost_logs(f->vhost), 0);
    stop(f);
    free(big);
}

static void
a_reply_of_8_mib_is_not_read(void **state)
{
    struct fixture *f = *state;
    uint32_t *big = calloc(2 << 20, sizeof(*big));
    uint32_t noise = 1;

    for (size_t i = 0; i < 2 << 20; i++) {
        big[i] = noise = noise * 1664525 + 1013904223;
    }
    test_server_answer(f->server, &(struct test_answer){.status = 0, .reply = otc_slice_of(big, 8 << 20)});
    assert_int_equal(start(f, "http://127.0.0.1", ""), OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_send_failed_spans", 3);
    assert_non_null(strstr(otc_vhost_log(f->vhost, 0).fields, "code = ResourceExhausted"));
    stop(f);
    free(big);
}

static void
a_silent_server_costs_the_timeout(void **state)
{
    struct fixture *f = *state;

    test_server_answer(f->server, &(struct test_answer){.silent = true});
    assert_int_equal(start(f, "http://127.0.0.1", "timeout: 100ms\nretry_on_failure: {enabled: false}"),
                     OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_send_failed_spans", 3);
    assert_non_null(strstr(otc_vhost_log(f->vhost, 0).fields, "code = DeadlineExceeded"));
}

static void
shutdown_cancels_what_hangs(void **state)
{
    struct fixture *f = *state;

    test_server_answer(f->server, &(struct test_answer){.silent = true});
    assert_int_equal(start(f, "http://127.0.0.1", "timeout: 0s"), OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    for (int i = 0; i < PATIENCE && test_server_requests(f->server) == 0; i++) {
        poll(NULL, 0, 1);
    }
    stop(f);
    assert_int_equal(otc_vhost_metric(f->vhost, "aimon_exporter_dropped_items",
                                      "exporter=otlp_grpc/test,data_type=traces,reason=shutdown"),
                     3);
    assert_int_equal(otc_vhost_metric_sum(f->vhost, "aimon_exporter_in_flight_items"), 0);
}

static void
a_backend_that_is_not_there_is_tried_again(void **state)
{
    struct fixture *f = *state;
    int port = f->server->port;

    test_server_free(f->server);
    f->server = test_server_new(NULL, NULL);
    f->server->port = port;
    assert_int_equal(start(f, "http://127.0.0.1", ""), OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    for (int i = 0; i < PATIENCE && otc_vhost_next_timer(f->vhost) < 0; i++) {
        poll(NULL, 0, 1);
    }
    assert_in_range(otc_vhost_next_timer(f->vhost), 2500 * OTC_MILLISECOND, 7500 * OTC_MILLISECOND);
    assert_non_null(strstr(otc_vhost_log(f->vhost, 0).fields, "code = Unavailable"));
}

static void
tls_verifies_unless_told_not_to(void **state)
{
    static const struct {
        const char *settings;
        bool works;
    } cases[] = {
        {"tls: {ca_file: " TESTDATA "server_cert.pem, server_name_override: localhost}", true},
        {"tls: {ca_file: " TESTDATA "server_cert.pem, server_name_override: elsewhere}", false},
        {"tls: {server_name_override: localhost}", false},
        {"tls: {insecure_skip_verify: true}", true},
    };
    OTC_AUTO_BUF struct otc_buf cert = {.limit = 65536}, key = {.limit = 65536};
    struct fixture *f = *state;

    assert_true(otc_test_read(TESTDATA "server_cert.pem", &cert));
    assert_true(otc_test_read(TESTDATA "server_key.pem", &key));
    test_server_free(f->server);
    f->server = test_server_new(otc_buf_cstr(&cert), otc_buf_cstr(&key));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t sent = otc_vhost_metric_sum(f->vhost, "otelcol_exporter_sent_spans");
        int64_t failed = otc_vhost_metric_sum(f->vhost, "otelcol_exporter_send_failed_spans");
        char settings[512];

        snprintf(settings, sizeof(settings), "%s\nretry_on_failure: {enabled: false}", cases[i].settings);
        assert_int_equal(start(f, "https://127.0.0.1", settings), OTC_OK);
        assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
        if (cases[i].works) {
            wait_metric(f, "otelcol_exporter_sent_spans", sent + 3);
        } else {
            wait_metric(f, "otelcol_exporter_send_failed_spans", failed + 3);
        }
        stop(f);
    }
}

static void
certificates_that_cannot_be_read_fail_the_start(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start(f, "https://127.0.0.1", "tls: {ca_file: /nonexistent/ca.pem}"),
                     OTC_FAILED_PRECONDITION);
    assert_string_equal(
        f->err.text,
        "ca_file: failed to load TLS config: failed to load CA CertPool file /nonexistent/ca.pem: "
        "No such file or directory");
}

/* ---- Authentication ------------------------------------------------------------------------------- */

/* Gives each request a number; refuses when it has none. */
struct ticket_office {
    struct otc_component component;
    struct otc_authenticator authenticator;
    int tickets;
};

static otc_status
give_ticket(struct otc_authenticator *self, struct otc_auth_sink *sink, struct otc_error *err)
{
    struct ticket_office *office = OTC_CONTAINER(self, ticket_office, authenticator);
    char text[32];

    if (office->tickets == 0) {
        return otc_fail(err, OTC_UNAVAILABLE, "sold out");
    }
    snprintf(text, sizeof(text), "ticket %d", office->tickets--);
    sink->put(sink, otc_slice_str("X-Tenant"), otc_slice_str(text));
    sink->put(sink, otc_slice_str("X-Other"),
              otc_slice_str("a value that is longer than what a slice holds"));
    return OTC_OK;
}

static struct otc_authenticator *
office_authenticator(struct otc_component *component)
{
    return &OTC_CONTAINER(component, ticket_office, component)->authenticator;
}

static void
each_request_gets_its_credentials(void **state)
{
    static const struct otc_component_ops ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                 .authenticator = office_authenticator};
    struct ticket_office office = {
        {OTC_ABI_OF(otc_component), &ops}, {.abi = OTC_ABI_OF(otc_authenticator), .headers = give_ticket}, 2};
    OTC_AUTO_BUF struct otc_buf cert = {.limit = 65536}, key = {.limit = 65536};
    struct fixture *f = *state;

    assert_true(otc_test_read(TESTDATA "server_cert.pem", &cert));
    assert_true(otc_test_read(TESTDATA "server_key.pem", &key));
    test_server_free(f->server);
    f->server = test_server_new(otc_buf_cstr(&cert), otc_buf_cstr(&key));
    otc_vhost_add_extension(f->vhost, "office/1", &office.component);
    assert_int_equal(start(f, "https://127.0.0.1",
                           "tls: {insecure_skip_verify: true}\nauth: {authenticator: office/1}\n"
                           "headers: {x-tenant: nobody}\nretry_on_failure: {enabled: false}"),
                     OTC_OK);
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_spans", 3);
    assert_string_equal(test_server_last(f->server)->tenant, "ticket 2");
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_sent_spans", 6);
    assert_string_equal(test_server_last(f->server)->tenant, "ticket 1");
    assert_int_equal(send_parts(f, OTC_TRACES, "x", NULL), OTC_OK);
    wait_metric(f, "otelcol_exporter_send_failed_spans", 3);
    stop(f);
}

static void
an_authenticator_must_be_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start(f, "https://127.0.0.1", "auth: {authenticator: gone}"), OTC_FAILED_PRECONDITION);
    assert_string_equal(f->err.text, "failed to resolve authenticator \"gone\": authenticator not found");
}

/* ---- Real requests
 * ----------------------------------------------------------------------------------------------- */

static struct fixture *forwarding;
static size_t forwarded;

/* Sends one file of the verification data and compares what arrived. */
static int
forward_file(const char *path, const struct stat *info, int type, struct FTW *where)
{
    OTC_AUTO_BUF struct otc_buf file = {.limit = 16 << 20};
    const char *end = strrchr(path, '.');
    const struct test_request *last;

    (void)info;
    (void)where;
    if (type != FTW_F || !end || strcmp(end, ".pb") != 0) {
        return 0;
    }
    assert_true(otc_test_read(path, &file));
    assert_int_equal(otc_consume(forwarding->exporter->ops->input(forwarding->exporter, OTC_TRACES),
                                 otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&file), 1, NULL), NULL, NULL),
                     OTC_OK);
    wait_metric(forwarding, "otelcol_exporter_sent_spans", (int64_t)++forwarded);
    last = test_server_last(forwarding->server);
    assert_true(otc_slice_equal(otc_buf_slice(&last->message), otc_buf_slice(&file)));
    return 0;
}

static void
real_requests_are_forwarded_untouched(void **state)
{
    char root[1024];

    if (!otc_test_data_path("otlp/pb", root)) {
        print_message("skipped: no verification data\n");
        skip();
    }
    forwarding = *state;
    forwarded = 0;
    assert_int_equal(start(forwarding, "http://127.0.0.1", "compression: none"), OTC_OK);
    assert_int_equal(nftw(root, forward_file, 8, FTW_PHYS), 0);
    assert_true(forwarded > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_arrive_as_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(real_requests_are_forwarded_untouched, setup, teardown),
        cmocka_unit_test_setup_teardown(gzip_is_the_default_and_inflates_to_the_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_retry_delay_of_the_server_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(permanent_refusals_drop_and_say_why, setup, teardown),
        cmocka_unit_test_setup_teardown(partial_success_is_told_and_not_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_that_explodes_is_not_inflated, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_of_8_mib_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_server_costs_the_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(shutdown_cancels_what_hangs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backend_that_is_not_there_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_verifies_unless_told_not_to, setup, teardown),
        cmocka_unit_test_setup_teardown(each_request_gets_its_credentials, setup, teardown),
        cmocka_unit_test_setup_teardown(an_authenticator_must_be_there, setup, teardown),
        cmocka_unit_test_setup_teardown(certificates_that_cannot_be_read_fail_the_start, setup, teardown),
    };

    return cmocka_run_group_tests_name("exporters/otlp_grpc", tests, NULL, NULL);
}
