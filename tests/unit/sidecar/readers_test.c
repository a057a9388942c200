// SPDX-License-Identifier: Apache-2.0
/* What the exporter behind a periodic reader is told. */
#include "sidecar/settings.h"

#include "exporters/otlp_grpc/config.h"
#include "exporters/otlp_http/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
    struct otc_document *doc;
    struct otc_service_config *config;
};

/* A service with these metrics of its own. */
static void
load(struct fixture *f, const char *metrics)
{
    struct otc_error err = OTC_ERROR_INIT;
    char text[2000];

    *f = (struct fixture){0};
    snprintf(
        text, sizeof(text),
        "receivers: {nop: }\nexporters: {nop: }\nservice: {telemetry: {metrics: %s}, pipelines: {traces: "
        "{receivers: [nop], exporters: [nop]}}}\n",
        metrics);
    if (otc_document_parse(otc_slice_str(text), "c.yaml", &f->doc, &err) != OTC_OK ||
        otc_service_config_new(otc_document_root(f->doc), otc_components, &f->config, &err) != OTC_OK ||
        otc_service_config_validate(f->config, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
unload(struct fixture *f)
{
    otc_service_config_free(f->config);
    otc_document_free(f->doc);
}

/* Loads one reader of OTLP. */
static const void *
load_otlp(struct fixture *f, const char *otlp)
{
    char metrics[1000];

    snprintf(metrics, sizeof(metrics), "{readers: [{periodic: {exporter: {otlp: %s}}}]}", otlp);
    load(f, metrics);
    assert_int_equal(f->config->n_readers, 1);
    assert_null(f->config->readers[0].pull);
    return otc_config_value(f->config->readers[0].exporter);
}

static void
grpc_is_told_where_to_send(void **state)
{
    static const char *const endpoints[][2] = {
        {"http://backend:4317", "http://backend:4317"},
        {"HTTPS://backend:4317", "https://backend:4317"},
        {"https://backend:4317/", "https://backend:4317"},
        {"http://backend:4317/v1/metrics?a=b", "http://backend:4317"},
        {"backend:4317", "https://backend:4317"},
        {"backend:4317, insecure: true", "http://backend:4317"},
        {"https://backend:4317, insecure: true", "https://backend:4317"},
        {"http://[::1]:4317", "http://[::1]:4317"},
        {"", "https://localhost:4317"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        struct fixture f;
        char otlp[300];
        const struct otlp_grpc_config *config;

        snprintf(otlp, sizeof(otlp), "{protocol: grpc, endpoint: %s}", endpoints[i][0]);
        if (strchr(endpoints[i][0], '[')) {
            snprintf(otlp, sizeof(otlp), "{protocol: grpc, endpoint: '%s'}", endpoints[i][0]);
        }
        config = load_otlp(&f, otlp);
        assert_string_equal(config->endpoint, endpoints[i][1]);
        assert_string_equal(f.config->readers[0].factory->type, "otlp_grpc");
        unload(&f);
    }
}

static void
http_is_told_the_whole_url(void **state)
{
    static const char *const endpoints[][2] = {
        {"http://backend:4318", "http://backend:4318/v1/metrics"},
        {"https://backend:4318/", "https://backend:4318/"},
        {"http://backend:4318/own/path", "http://backend:4318/own/path"},
        {"backend:4318", "https://backend:4318/v1/metrics"},
        {"backend:4318, insecure: true", "http://backend:4318/v1/metrics"},
        {"", "https://localhost:4318/v1/metrics"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        struct fixture f;
        char otlp[300];
        const struct otlp_http_config *config;

        snprintf(otlp, sizeof(otlp), "{protocol: http/protobuf, endpoint: %s}", endpoints[i][0]);
        config = load_otlp(&f, otlp);
        assert_string_equal(config->metrics_endpoint, endpoints[i][1]);
        assert_string_equal(f.config->readers[0].factory->type, "otlp_http");
        assert_int_equal(config->encoding.index, OTLP_HTTP_PROTO);
        unload(&f);
    }
}

static void
headers_come_before_the_list_of_them(void **state)
{
    static const char *const told[][2] = {
        {"api-key", "first"}, {"empty", ""}, {"tenant", "a b,c"}, {"last", "x=y"}};
    struct fixture f;
    const struct otlp_grpc_config *config =
        load_otlp(&f, "{protocol: grpc, headers: [{name: api-key, value: first}, {name: empty, value: }], "
                      "headers_list: 'tenant=a%20b%2cc;property=1 , API-Key=second,last=x=y,last=z'}");

    (void)state;
    assert_int_equal(config->headers.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(config->headers.items[i].name, told[i][0]);
        assert_string_equal(config->headers.items[i].value, told[i][1]);
    }
    unload(&f);
}

static void
a_reader_is_its_own_queue(void **state)
{
    struct fixture f;
    const struct otlp_grpc_config *config =
        load_otlp(&f, "{protocol: grpc, timeout: 2500, compression: gzip, headers: {a: b}}");

    (void)state;
    assert_null(config->sending_queue);
    assert_int_equal(config->compression.index, OTLP_GRPC_GZIP);
    assert_int_equal(config->timeout.ns, 2500 * OTC_MILLISECOND);
    assert_true(config->retry_on_failure.enabled);
    assert_int_equal(config->retry_on_failure.max_elapsed_time.ns, 2500 * OTC_MILLISECOND);
    assert_int_equal(config->retry_on_failure.max_interval.ns, 2500 * OTC_MILLISECOND);
    unload(&f);
    config = load_otlp(&f, "{protocol: grpc}");
    assert_int_equal(config->compression.index, OTLP_GRPC_NONE);
    assert_int_equal(config->timeout.ns, 10 * OTC_SECOND);
    assert_int_equal(config->retry_on_failure.initial_interval.ns, 5 * OTC_SECOND);
    assert_false(config->tls.insecure);
    unload(&f);
}

static void
there_may_be_several_readers(void **state)
{
    struct fixture f;

    (void)state;
    load(&f,
         "{readers: [{pull: {exporter: {prometheus: {port: 1}}}}, {periodic: {exporter: {otlp: {protocol: "
         "grpc}}}}, {pull: {exporter: {prometheus: {port: 2}}}}]}");
    assert_int_equal(f.config->n_readers, 3);
    assert_int_equal(f.config->readers[0].pull->port, 1);
    assert_non_null(f.config->readers[1].periodic);
    assert_int_equal(f.config->readers[2].pull->port, 2);
    unload(&f);
    load(&f, "{}");
    assert_int_equal(f.config->n_readers, 1);
    assert_int_equal(f.config->readers[0].pull->port, 8888);
    unload(&f);
    load(&f, "{level: none, readers: [{pull: {exporter: {prometheus: }}}]}");
    assert_int_equal(f.config->n_readers, 0);
    unload(&f);
}

static void
count_note(void *arg, const struct otc_config_note *note)
{
    *(size_t *)arg += strstr(note->text, "default_histogram_aggregation") != NULL;
}

static void
what_has_no_effect_is_noted(void **state)
{
    struct fixture f;
    size_t notes = 0;

    (void)state;
    load_otlp(&f, "{protocol: grpc, default_histogram_aggregation: base2_exponential_bucket_histogram}");
    otc_service_config_notes(f.config, count_note, &notes);
    assert_int_equal(notes, 1);
    unload(&f);
}

static void
secrets_are_not_printed(void **state)
{
    struct fixture f;
    struct otc_document *doc = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};

    (void)state;
    load_otlp(&f, "{protocol: grpc, headers: {a: hidden1}, headers_list: 'b=hidden2'}");
    assert_int_equal(otc_document_parse(otc_slice_str("{}"), "d", &doc, &err), OTC_OK);
    assert_true(otc_node_print(otc_service_config_describe(f.config, doc), OTC_CONFIG_JSON, &out));
    assert_null(strstr(otc_buf_cstr(&out), "hidden"));
    assert_non_null(strstr(otc_buf_cstr(&out), "\"headers_list\": \"[REDACTED]\""));
    otc_document_free(doc);
    unload(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grpc_is_told_where_to_send),
        cmocka_unit_test(http_is_told_the_whole_url),
        cmocka_unit_test(headers_come_before_the_list_of_them),
        cmocka_unit_test(a_reader_is_its_own_queue),
        cmocka_unit_test(there_may_be_several_readers),
        cmocka_unit_test(what_has_no_effect_is_noted),
        cmocka_unit_test(secrets_are_not_printed),
    };

    return cmocka_run_group_tests_name("sidecar/readers", tests, NULL, NULL);
}
