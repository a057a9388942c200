// SPDX-License-Identifier: Apache-2.0
/* The Collector's own test configurations, answered as the Collector answers them. */
#include "tests/harness/data.h"
#include "tests/harness/vhost.h"
#include "tests/unit/sidecar/nop.h"

#include "sidecar/settings.h"

/* Null: accepted. Names as in config/collector. */
static const struct {
    const char *name;
    const char *error;
} whole[] = {
    {"otelcol__otelcol-nop.yaml", NULL},
    {"otelcol__otelcol-valid-connector-use.yaml", NULL},
    {"otelcol__otelcoltest__config.yaml", NULL},
    {"otelcol__otelcol-invalid.yaml",
     "service::pipelines::traces: references processor \"invalid\" which is not configured"},
    {"otelcol__otelcol-invalid-connector-unused-exp.yaml",
     "failed to build pipelines: connector \"nop/connector1\" used as receiver in [logs/in2] pipeline but "
     "not used in "
     "any supported exporter pipeline"},
    {"otelcol__otelcol-statuswatcher.yaml", "'processors' unknown type: \"unhealthy\" for id: \"unhealthy\""},
    {"otelcol__otelcol-log-to-file.yaml", "'extensions' unknown type: \"zpages\" for id: \"zpages\""},
    {"otelcol__print_invalid.yaml", "'receivers' unknown type: \"r\" for id: \"r\""},
    {"confmap__confmaptest__invalid.yaml", "cannot retrieve the configuration: "},
    {"confmap__internal__e2e__issue-10787-snippet.yaml", "'' has invalid keys: debug"},
};

/* Fragments that belong under service::telemetry. */
static const struct {
    const char *name;
    const char *error;
} telemetry[] = {
    {"service__telemetry__otelconftelemetry__config_logs.yaml", NULL},
    {"service__telemetry__otelconftelemetry__config_prometheus_host_only.yaml", NULL},
    {"service__telemetry__otelconftelemetry__config_invalid_metrics_empty_readers.yaml",
     "collector telemetry metrics reader should exist when metric level is not none"},
    {"service__telemetry__otelconftelemetry__config_invalid_unknown_field.yaml",
     "'service.telemetry.metrics' has invalid keys: unknown"},
    {"service__telemetry__otelconftelemetry__config_deprecated_address_and_readers.yaml",
     "'service.telemetry.metrics.address' is no longer supported"},
    {"service__telemetry__otelconftelemetry__config_invalid_deprecated_address.yaml",
     "'service.telemetry.metrics.address' is no longer supported"},
};

static otc_status
load(const char *const *locations, size_t n, struct otc_vhost *vhost, struct otc_error *err)
{
    struct otc_document *doc = NULL;
    otc_status status = otc_document_load(locations, n, NULL, &doc, err);

    return status == OTC_OK ? nop_build(doc, vhost, err) : status;
}

static void
check(const char *name, otc_status status, const struct otc_error *err, const char *expected)
{
    if (expected == NULL && status != OTC_OK) {
        fail_msg("%s: %s", name, err->text);
    }
    if (expected != NULL && (status == OTC_OK || strstr(err->text, expected) == NULL)) {
        fail_msg("%s: expected \"%s\", got \"%s\"", name, expected, status == OTC_OK ? "ok" : err->text);
    }
}

static void
whole_configurations(void **state)
{
    struct otc_vhost *vhost;

    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        char relative[256], path[1024];
        const char *location = path;

        snprintf(relative, sizeof(relative), "config/collector/%s", whole[i].name);
        if (!otc_test_data_path(relative, path)) {
            print_message("skipped: no verification data\n");
            skip();
        }
        vhost = otc_vhost_new();
        check(whole[i].name, load(&location, 1, vhost, &err), &err, whole[i].error);
        otc_vhost_free(vhost);
    }
}

/* The indentation that puts a file under service::telemetry. */
static void
nest(const char *path, struct otc_buf *out)
{
    struct otc_buf text = {.limit = 1 << 16};
    struct otc_slice rest;

    assert_true(otc_test_read(path, &text));
    otc_buf_append_str(out, "yaml:service:\n  telemetry:\n");
    rest = otc_buf_slice(&text);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.data) : rest.len;

        otc_buf_printf(out, "    %.*s\n", (int)len, (const char *)rest.data);
        rest = otc_slice_skip(rest, len + 1);
    }
    otc_buf_release(&text);
}

static void
telemetry_sections(void **state)
{
    static const char base[] =
        "yaml:{receivers: {nop: }, exporters: {nop: }, service: {pipelines: {traces: {receivers: "
        "[nop], exporters: [nop]}}}}";

    (void)state;
    for (size_t i = 0; i < sizeof(telemetry) / sizeof(telemetry[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_buf nested = {.limit = 1 << 17};
        struct otc_vhost *vhost;
        char relative[256], path[1024];

        snprintf(relative, sizeof(relative), "config/collector/%s", telemetry[i].name);
        if (!otc_test_data_path(relative, path)) {
            print_message("skipped: no verification data\n");
            skip();
        }
        nest(path, &nested);
        vhost = otc_vhost_new();
        check(telemetry[i].name, load((const char *[]){base, otc_buf_cstr(&nested)}, 2, vhost, &err), &err,
              telemetry[i].error);
        otc_vhost_free(vhost);
        otc_buf_release(&nested);
    }
}

static void
a_reader_that_only_sets_its_host_keeps_the_other_defaults(void **state)
{
    static const char text[] =
        "service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: "
        "\"::0\"}}}}]}}}\nreceivers: {nop: }\nexporters: {nop: }\n";
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    struct otc_service_config *config = NULL;
    const struct otc_prometheus_reader *reader;

    (void)state;
    assert_int_equal(otc_document_parse(otc_slice_str(text), "t", &doc, &err), OTC_OK);
    assert_int_equal(otc_service_config_new(otc_document_root(doc), nop_registry, &config, &err), OTC_OK);
    reader = otc_service_reader(config);
    assert_string_equal(reader->host, "::0");
    assert_int_equal(reader->port, 8888);
    assert_true(reader->without_units && reader->without_type_suffix && reader->without_scope_info);
    otc_service_config_free(config);
    otc_document_free(doc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_configurations),
        cmocka_unit_test(telemetry_sections),
        cmocka_unit_test(a_reader_that_only_sets_its_host_keeps_the_other_defaults),
    };

    return cmocka_run_group_tests_name("sidecar/collector_data", tests, NULL, NULL);
}
