// SPDX-License-Identifier: Apache-2.0
/*
 * The Collector's own test configurations (config/ of the verification data), each answered as the Collector
 * answers it: accepted, or refused with the same class of message at the same path. A file that is in no
 * table fails; so does a table's entry without a file. Files of components that are not here are skipped by
 * name and counted. What differs from the Collector on purpose is told in tests/interop/KNOWN.md.
 */
#include "tests/harness/data.h"
#include "tests/harness/vhost.h"
#include "tests/unit/sidecar/nop.h"

#include "sidecar/settings.h"

#include <dirent.h>

#define ENTRIES_MAX 24

/* What a file is. */
enum form {
    WHOLE,     /* a configuration, of components named nop */
    TELEMETRY, /* service::telemetry */
    LOGS,      /* service::telemetry::logs */
    METRICS,   /* service::telemetry::metrics */
    TRACES,    /* service::telemetry::traces */
    BODY,      /* the settings of one component */
    ENTRIES,   /* components by id, or settings by name */
    QUEUE,     /* sending_queue of an exporter */
    CONFMAP    /* values, looked at by a test of their own below */
};

/* One entry of ENTRIES that is refused; all others are accepted. */
struct refused {
    const char *id;
    const char *error;
};

struct golden {
    const char *file;
    enum form form;
    enum otc_kind kind;
    const char *type;
    /** NULL: accepted. */
    const char *error;
    struct refused refused[ENTRIES_MAX];
};

#define IN(form_, file_, ...)                                                                                \
    {                                                                                                        \
        .file = file_, .form = form_, ##__VA_ARGS__                                                          \
    }
#define OF(form_, kind_, type_, file_, ...)                                                                  \
    {                                                                                                        \
        .file = file_, .form = form_, .kind = kind_, .type = type_, ##__VA_ARGS__                            \
    }

#define ABSENT_VIEWS "\"views\" is an OpenTelemetry Collector option that this build does not support"
#define NO_READER "collector telemetry metrics reader should exist when metric level is not none"
#define OTELCONF "service__telemetry__otelconftelemetry__"
#define QUEUEBATCH "exporter__exporterhelper__internal__queuebatch__"
#define E2E "confmap__internal__e2e__"

static const struct golden collector[] = {
    IN(WHOLE, "otelcol__otelcol-nop.yaml"),
    IN(WHOLE, "otelcol__otelcol-valid-connector-use.yaml"),
    IN(WHOLE, "otelcol__otelcoltest__config.yaml"),
    IN(WHOLE, "otelcol__otelcol-invalid.yaml",
       .error = "service::pipelines::traces: references processor \"invalid\" which is not configured"),
    IN(WHOLE, "otelcol__otelcol-invalid-connector-unused-exp.yaml",
       .error = "failed to build pipelines: connector \"nop/connector1\" used as receiver in [logs/in2] "
                "pipeline but not used in any supported exporter pipeline"),
    IN(WHOLE, "otelcol__otelcol-statuswatcher.yaml",
       .error = "'processors' unknown type: \"unhealthy\" for id: \"unhealthy\""),
    IN(WHOLE, "otelcol__otelcol-log-to-file.yaml",
       .error = "'extensions' unknown type: \"zpages\" for id: \"zpages\""),
    IN(WHOLE, "otelcol__print_invalid.yaml", .error = "'receivers' unknown type: \"r\" for id: \"r\""),
    IN(WHOLE, "otelcol__print_negative.yaml", .error = "'receivers' unknown type: \"r\" for id: \"r\""),
    IN(WHOLE, "confmap__confmaptest__invalid.yaml", .error = "cannot retrieve the configuration: "),
    IN(WHOLE, "confmap__provider__fileprovider__invalid-yaml.yaml",
       .error = "cannot retrieve the configuration: "),
    IN(WHOLE, E2E "issue-10787-snippet.yaml", .error = "'' has invalid keys: debug"),
    IN(WHOLE, "confmap__internal__config.yaml"),
    IN(WHOLE, "confmap__internal__config2.yaml", .error = "empty configuration file"),
    IN(CONFMAP, "confmap__expand-with-all-env.yaml"),
    IN(CONFMAP, "confmap__expand-with-no-env.yaml"),
    IN(CONFMAP, "confmap__internal__basic_types.yaml"),
    IN(CONFMAP, E2E "indirect-slice-env-var-pipelines.yaml"),
    IN(CONFMAP, E2E "subsection_null.yaml"),
    IN(CONFMAP, E2E "subsection_set_but_empty.yaml"),
    IN(CONFMAP, E2E "subsection_unset.yaml"),
    IN(CONFMAP, E2E "types_complex.yaml"),
    IN(CONFMAP, E2E "types_expand.yaml"),
    IN(CONFMAP, E2E "types_expand_inline.yaml"),
    IN(CONFMAP, E2E "types_map.yaml"),
    IN(TELEMETRY, OTELCONF "config_logs.yaml"),
    IN(TELEMETRY, OTELCONF "config_prometheus_host_only.yaml"),
    IN(TELEMETRY, OTELCONF "config_invalid_metrics_empty_readers.yaml", .error = NO_READER),
    IN(TELEMETRY, OTELCONF "config_invalid_metrics_views_feature_gate.yaml", .error = ABSENT_VIEWS),
    IN(TELEMETRY, OTELCONF "config_invalid_unknown_field.yaml",
       .error = "'service.telemetry.metrics' has invalid keys: unknown"),
    IN(TELEMETRY, OTELCONF "config_deprecated_address_and_readers.yaml",
       .error = "'service.telemetry.metrics.address' is no longer supported"),
    IN(TELEMETRY, OTELCONF "config_invalid_deprecated_address.yaml",
       .error = "'service.telemetry.metrics.address' is no longer supported"),
    IN(LOGS, OTELCONF "internal__migration__v0.2.0_logs.yaml"),
    IN(TRACES, OTELCONF "internal__migration__v0.2.0_traces.yaml"),
    IN(LOGS, OTELCONF "internal__migration__v0.3.0_logs_marshaled.yaml",
       .error = "'service.telemetry.logs.encoding' unknown value \"\""),
    IN(METRICS, OTELCONF "internal__migration__v0.3.0_metrics_marshaled.yaml"),
    OF(BODY, OTC_EXPORTER, "debug", "exporter__debugexporter__config_output_paths_empty.yaml"),
    OF(BODY, OTC_EXPORTER, "debug", "exporter__debugexporter__config_verbosity.yaml"),
    OF(BODY, OTC_EXPORTER, "debug", "exporter__debugexporter__config_verbosity_typo.yaml",
       .error = "'' has invalid keys: verBosity"),
    OF(BODY, OTC_EXPORTER, "otlp", "exporter__otlpexporter__config.yaml", .error = "auth"),
    OF(BODY, OTC_EXPORTER, "otlp", "exporter__otlpexporter__default-batch.yaml"),
    OF(ENTRIES, OTC_EXPORTER, "otlp", "exporter__otlpexporter__invalid_configs.yaml",
       .refused = {{"no_endpoint", "requires a non-empty \"endpoint\""},
                   {"https_endpoint", "requires a non-empty \"endpoint\""},
                   {"http_endpoint", "requires a non-empty \"endpoint\""},
                   {"invalid_timeout", "::timeout: must be at least 0s, got -5s"},
                   {"invalid_retry", "randomization_factor"},
                   {"invalid_tls", "\"asd\""},
                   {"missing_port", "missing port in address"},
                   {"invalid_port", "invalid port \"port\""},
                   {"invalid_unix_socket", "endpoint"}}),
    /* 8192 bytes a batch do not fit into 1000: decoded by the Collector's test, and refused by its check. */
    IN(QUEUE, QUEUEBATCH "batch_set_empty_explicit_sizer.yaml",
       .error = "`min_size` must be less than or equal to `queue_size`"),
    IN(QUEUE, QUEUEBATCH "batch_set_empty_no_explicit_sizer.yaml"),
    IN(QUEUE, QUEUEBATCH "batch_set_nonempty_explicit_sizer.yaml"),
    IN(QUEUE, QUEUEBATCH "batch_set_nonempty_no_explicit_sizer.yaml"),
    IN(QUEUE, QUEUEBATCH "batch_unset.yaml"),
    OF(BODY, OTC_PROCESSOR, "batch", "processor__batchprocessor__config.yaml"),
    OF(BODY, OTC_PROCESSOR, "queuebatch", "processor__queuebatchprocessor__config.yaml"),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__bad_no_proto_config.yaml",
       .error = "must specify at least one protocol when using the OTLP receiver"),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__default.yaml"),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__invalid_logs_path.yaml",
       .error = "::logs_url_path: "),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__invalid_metrics_path.yaml",
       .error = "::metrics_url_path: "),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__invalid_profiles_path.yaml",
       .error = "'protocols.http' has invalid keys: profiles_url_path"),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__only_grpc.yaml"),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__only_http_null.yaml"),
    OF(BODY, OTC_RECEIVER, "otlp", "receiver__otlpreceiver__uds.yaml"),
};

#define SIGNAL_TO_METRICS "connector__signaltometricsconnector__configs__"
#define FILTER "processor__filterprocessor__config_"
#define TRANSFORM_METRICS "processor__metricstransformprocessor__config_"
#define NO_SCHEME                                                                                            \
    "endpoint: must be an http or https URL" /* the Collector takes it and cannot send: KNOWN.md */
#define PROMETHEUS "receiver__prometheusreceiver__"

static const struct golden contrib[] = {
    OF(ENTRIES, OTC_CONNECTOR, "signaltometrics", SIGNAL_TO_METRICS "duplicate_attributes.yaml"),
    OF(ENTRIES, OTC_CONNECTOR, "signaltometrics", SIGNAL_TO_METRICS "invalid_ottl_value_expression.yaml"),
    OF(ENTRIES, OTC_CONNECTOR, "signaltometrics", SIGNAL_TO_METRICS "invalid_sum.yaml"),
    OF(ENTRIES, OTC_CONNECTOR, "signaltometrics", SIGNAL_TO_METRICS "valid_full.yaml"),
    OF(ENTRIES, OTC_CONNECTOR, "signaltometrics", SIGNAL_TO_METRICS "without_name.yaml"),
    OF(ENTRIES, OTC_CONNECTOR, "spanmetrics", "connector__spanmetricsconnector__config.yaml",
       .refused = {{"spanmetrics/exponential_and_explicit_histogram",
                    "use either `explicit` or `exponential` buckets histogram"},
                   {"spanmetrics/invalid_histogram_unit", "'histogram.unit' unknown value \"h\""},
                   {"spanmetrics/invalid_metrics_expiration", "::metrics_expiration: must be between"},
                   {"spanmetrics/invalid_delta_timestamp_cache_size", "metric_timestamp_cache_size"}}),
    OF(ENTRIES, OTC_EXPORTER, "prometheus", "exporter__prometheusexporter__config.yaml",
       .refused = {{"prometheus", "::endpoint: expecting a non-blank address"}, {"prometheus/2", "certs/"}}),
    OF(ENTRIES, OTC_EXPORTER, "prometheusremotewrite", "exporter__prometheusremotewriteexporter__config.yaml",
       .refused = {{"prometheusremotewrite", "endpoint"},
                   {"prometheusremotewrite/2", NO_SCHEME},
                   {"prometheusremotewrite/disabled_target_info", NO_SCHEME},
                   {"prometheusremotewrite/disabled_queue", NO_SCHEME},
                   {"prometheusremotewrite/negative_queue_size", "queue_size"},
                   {"prometheusremotewrite/negative_num_consumers", "num_consumers"},
                   {"prometheusremotewrite/less_than_1_max_batch_request_parallelism",
                    "max_batch_request_parallelism"}}),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "invalid.yaml",
       .refused = {{"filter/include", "error parsing regexp"}, {"filter/exclude", "error parsing regexp"}}),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "logs_body_regexp.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "logs_min_severity.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "logs_record_attributes_strict.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "logs_regexp.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "logs_severity_regexp.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "ottl.yaml",
       .refused = {{"filter/spans_mix_config", "cannot use"},
                   {"filter/metrics_mix_config", "cannot use"},
                   {"filter/logs_mix_config", "cannot use"},
                   {"filter/bad_syntax_span", "attributes[test]"},
                   {"filter/bad_syntax_spanevent", "attributes[test]"},
                   {"filter/bad_syntax_metric", "attributes[test]"},
                   {"filter/bad_syntax_datapoint", "attributes"},
                   {"filter/bad_syntax_log", "attributes"}}),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "strict.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "traces.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "filter", FILTER "traces_invalid.yaml",
       .refused = {{"filter/spans", "spans"}}),
    OF(ENTRIES, OTC_PROCESSOR, "resource", "processor__resourceprocessor__config.yaml",
       .refused = {{"resource/empty", "missing required field \"attributes\""}}),
    OF(ENTRIES, OTC_PROCESSOR, "redaction", "processor__redactionprocessor__config.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "transform", "processor__transformprocessor__config.yaml",
       .refused = {{"transform/bad_syntax_log", "log_statements"},
                   {"transform/bad_syntax_metric", "metric_statements"},
                   {"transform/bad_syntax_trace", "trace_statements"},
                   {"transform/bad_syntax_multi_signal", "_statements"},
                   {"transform/unknown_function_log", "not_a_function"},
                   {"transform/unknown_function_metric", "not_a_function"},
                   {"transform/unknown_function_trace", "not_a_function"},
                   {"transform/unknown_context", "context"},
                   {"transform/unknown_error_mode", "error_mode"},
                   {"transform/with_shared_cache_key", "has invalid keys: shared_cache"}}),
    OF(ENTRIES, OTC_PROCESSOR, "tail_sampling",
       "processor__tailsamplingprocessor__tail_sampling_config.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "metricstransform", TRANSFORM_METRICS "full.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "metricstransform", TRANSFORM_METRICS "invalid_include.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "metricstransform", TRANSFORM_METRICS "invalid_include_and_metricname.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "metricstransform", TRANSFORM_METRICS "invalid_label.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "metricstransform",
       TRANSFORM_METRICS "invalid_operation_aggregationtype.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "metricstransform", TRANSFORM_METRICS "invalid_regexp.yaml"),
    OF(ENTRIES, OTC_PROCESSOR, "metricstransform", TRANSFORM_METRICS "invalid_scale.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "config.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "config_k8s.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "config_prometheus_api_server.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "config_scrape_config_files.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "config_sd.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "config_target_allocator.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus",
       PROMETHEUS "invalid-config-prometheus-cert-file-without-key-file.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus",
       PROMETHEUS "invalid-config-prometheus-key-file-without-cert-file.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "invalid-config-prometheus-kubernetes-sd-config.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus",
       PROMETHEUS "invalid-config-prometheus-nonexistent-auth-credentials-file.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus",
       PROMETHEUS "invalid-config-prometheus-nonexistent-cert-file.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus",
       PROMETHEUS "invalid-config-prometheus-nonexistent-scrape-config.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "invalid-config-prometheus-section.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "invalid-config-prometheus-target-allocator.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "invalid-config-prometheus-unsupported-features.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "invalid-config-section.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "scrape-config.yaml"),
    OF(ENTRIES, OTC_RECEIVER, "prometheus", PROMETHEUS "warning-config-prometheus-relabel.yaml"),
};

/*
 * Components that are not here, with the number of their files. When one comes, take its line out: its files
 * are then tested by the tables above (say there what is refused), and out of tests/interop/KNOWN.md.
 */
static const struct {
    enum otc_kind kind;
    const char *type;
    size_t files;
} absent[] = {
    {OTC_PROCESSOR, "queuebatch", 1},    {OTC_CONNECTOR, "signaltometrics", 5},
    {OTC_PROCESSOR, "tail_sampling", 1}, {OTC_PROCESSOR, "metricstransform", 7},
    {OTC_RECEIVER, "prometheus", 18},
};
/* Components that may come any day; absent ones are skipped by name. */
static const struct {
    enum otc_kind kind;
    const char *type;
} coming[] = {
    {OTC_PROCESSOR, "filter"},
};

/* ---- Judging ------------------------------------------------------------------------------------ */

static void
check(const char *what, otc_status status, const struct otc_error *err, const char *expected)
{
    if (expected == NULL && status != OTC_OK) {
        fail_msg("%s: %s", what, err->text);
    }
    if (expected != NULL && (status == OTC_OK || strstr(err->text, expected) == NULL)) {
        fail_msg("%s: expected \"%s\", got \"%s\"", what, expected, status == OTC_OK ? "ok" : err->text);
    }
}

/* With components named nop, built. */
static void
check_nop(const char *file, const char *const *locations, size_t n, const char *error)
{
    struct otc_vhost *vhost = otc_vhost_new();
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    otc_status status = otc_document_load(locations, n, NULL, &doc, &err);

    status = status == OTC_OK ? nop_build(doc, vhost, &err) : status;
    check(file, status, &err, error);
    otc_vhost_free(vhost);
}

/* With the binary's components: settings of one, decoded and validated with all that they name. */
static void
check_settings(const char *what, enum otc_kind kind, const char *id, const char *settings, const char *error)
{
    struct otc_buf text = {.limit = 1 << 17};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    struct otc_service_config *config = NULL;
    const char *locations[2];
    otc_status status;

    otc_buf_printf(&text, "yaml:%s:\n  %s:\n%s", otc_section_names[kind], id, settings);
    locations[0] = "yaml:{receivers: {nop/base: }, exporters: {nop/base: }, service: {pipelines: {traces: "
                   "{receivers: [nop/base], exporters: [nop/base]}}}}";
    locations[1] = otc_buf_cstr(&text);
    status = otc_document_load(locations, 2, NULL, &doc, &err);
    if (status == OTC_OK) {
        status = otc_service_config_new(otc_document_root(doc), otc_components, &config, &err);
    }
    if (status == OTC_OK) {
        status = otc_service_config_validate(config, &err);
    }
    check(what, status, &err, error);
    otc_service_config_free(config);
    otc_document_free(doc);
    otc_buf_release(&text);
}

static void
indent(struct otc_slice text, unsigned columns, struct otc_buf *out)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

        otc_buf_printf(out, "%*s%.*s\n", (int)columns, "", (int)len, (const char *)text.data);
        text = otc_slice_skip(text, len + 1);
    }
}

static void
check_telemetry(const struct golden *g, struct otc_slice text)
{
    static const char base[] =
        "yaml:{receivers: {nop: }, exporters: {nop: }, service: {pipelines: {traces: {receivers: "
        "[nop], exporters: [nop]}}}}";
    struct otc_buf nested = {.limit = 1 << 17};

    otc_buf_append_str(&nested, "yaml:service:\n  telemetry:\n");
    if (g->form != TELEMETRY) {
        otc_buf_printf(&nested, "    %s:\n",
                       g->form == LOGS      ? "logs"
                       : g->form == METRICS ? "metrics"
                                            : "traces");
    }
    indent(text, g->form == TELEMETRY ? 4 : 6, &nested);
    check_nop(g->file, (const char *[]){base, otc_buf_cstr(&nested)}, 2, g->error);
    otc_buf_release(&nested);
}

static void
check_body(const struct golden *g, struct otc_slice text)
{
    struct otc_buf body = {.limit = 1 << 17};

    if (g->form == QUEUE) {
        otc_buf_append_str(&body, "    endpoint: localhost:4317\n    sending_queue:\n");
        indent(text, 6, &body);
        check_settings(g->file, OTC_EXPORTER, "otlp_grpc", otc_buf_cstr(&body), g->error);
    } else {
        indent(text, 4, &body);
        check_settings(g->file, g->kind, g->type, otc_buf_cstr(&body), g->error);
    }
    otc_buf_release(&body);
}

static const char *
error_of(const struct golden *g, struct otc_slice id)
{
    for (size_t i = 0; i < ENTRIES_MAX && g->refused[i].id != NULL; i++) {
        if (otc_slice_equal_str(id, g->refused[i].id)) {
            return g->refused[i].error;
        }
    }
    return NULL;
}

/* Each entry by itself: one that is refused must not hide another. */
static void
check_entries(const struct golden *g, const char *path, struct otc_slice text)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    size_t n = 0;

    (void)path;
    if (otc_document_parse(text, g->file, &doc, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    for (const struct otc_node *e = otc_document_root(doc)->first; e != NULL; e = e->next) {
        struct otc_buf settings = {.limit = 1 << 17}, body = {.limit = 1 << 17};
        char id[256], what[600];

        snprintf(id, sizeof(id), "%.*s", OTC_SLICE_ARG(e->key));
        if (strncmp(id, g->type, strlen(g->type)) != 0) {
            snprintf(id, sizeof(id), "%s/%.*s", g->type, OTC_SLICE_ARG(e->key));
        }
        snprintf(what, sizeof(what), "%s: %s", g->file, id);
        assert_true(e->n == 0 || otc_node_print(e, OTC_CONFIG_YAML, &settings));
        indent(otc_buf_slice(&settings), 4, &body);
        check_settings(what, g->kind, id, body.len > 0 ? otc_buf_cstr(&body) : "", error_of(g, e->key));
        otc_buf_release(&settings);
        otc_buf_release(&body);
        n++;
    }
    assert_true(n > 0);
    otc_document_free(doc);
}

static bool
is_here(enum otc_kind kind, const char *type)
{
    return type == NULL || otc_registry_find(otc_components, kind, type) != NULL;
}

/* ---- Tables ------------------------------------------------------------------------------------- */

static const struct golden *
find(const struct golden *table, size_t n, const char *file)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].file, file) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static void
check_file(const struct golden *g, const char *path)
{
    struct otc_buf text = {.limit = 1 << 17};
    const char *location = path;

    assert_true(otc_test_read(path, &text));
    switch (g->form) {
    case WHOLE:
        check_nop(g->file, &location, 1, g->error);
        break;
    case TELEMETRY:
    case LOGS:
    case METRICS:
    case TRACES:
        check_telemetry(g, otc_buf_slice(&text));
        break;
    case BODY:
    case QUEUE:
        check_body(g, otc_buf_slice(&text));
        break;
    case ENTRIES:
        check_entries(g, path, otc_buf_slice(&text));
        break;
    case CONFMAP:
        break;
    }
    otc_buf_release(&text);
}

/* Every file of the folder is in the table, and the other way round. */
static void
check_folder(const char *name, const struct golden *table, size_t n)
{
    char relative[128], folder[1024], path[1400];
    const struct dirent *entry;
    size_t files = 0, skipped = 0;
    DIR *dir;

    snprintf(relative, sizeof(relative), "config/%s", name);
    if (!otc_test_data_path(relative, folder)) {
        print_message("skipped: no verification data\n");
        skip();
    }
    dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        const struct golden *g = find(table, n, entry->d_name);

        if (entry->d_name[0] == '.') {
            continue;
        }
        if (g == NULL) {
            fail_msg("%s/%s: in no table", name, entry->d_name);
        }
        files++;
        if (is_here(g->kind, g->type)) {
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            check_file(g, path);
        } else {
            print_message("no %s \"%s\": %s\n", otc_kind_name(g->kind), g->type, entry->d_name);
            skipped++;
        }
    }
    closedir(dir);
    print_message("%s: %zu files, %zu of components that are not here\n", name, files, skipped);
    assert_int_equal(files, n);
}

static void
the_collectors_files(void **state)
{
    (void)state;
    check_folder("collector", collector, sizeof(collector) / sizeof(collector[0]));
}

static void
contribs_files(void **state)
{
    (void)state;
    check_folder("contrib", contrib, sizeof(contrib) / sizeof(contrib[0]));
}

static size_t
files_of(const struct golden *table, size_t n, enum otc_kind kind, const char *type)
{
    size_t files = 0;

    for (size_t i = 0; i < n; i++) {
        files += table[i].type != NULL && table[i].kind == kind && strcmp(table[i].type, type) == 0;
    }
    return files;
}

/* Nothing is skipped that is not on the list, and nothing is on the list that is here. */
static void
what_is_skipped_is_known(void **state)
{
    size_t skipped = 0, known = 0, may_come = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(collector) / sizeof(collector[0]); i++) {
        skipped += !is_here(collector[i].kind, collector[i].type);
    }
    for (size_t i = 0; i < sizeof(contrib) / sizeof(contrib[0]); i++) {
        skipped += !is_here(contrib[i].kind, contrib[i].type);
    }
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        if (is_here(absent[i].kind, absent[i].type)) {
            fail_msg("%s \"%s\" is here now: take it off `absent` and tests/interop/KNOWN.md",
                     otc_kind_name(absent[i].kind), absent[i].type);
        }
        assert_int_equal(
            files_of(collector, sizeof(collector) / sizeof(collector[0]), absent[i].kind, absent[i].type) +
                files_of(contrib, sizeof(contrib) / sizeof(contrib[0]), absent[i].kind, absent[i].type),
            absent[i].files);
        known += absent[i].files;
    }
    for (size_t i = 0; i < sizeof(coming) / sizeof(coming[0]); i++) {
        if (!is_here(coming[i].kind, coming[i].type)) {
            may_come +=
                files_of(collector, sizeof(collector) / sizeof(collector[0]), coming[i].kind,
                         coming[i].type) +
                files_of(contrib, sizeof(contrib) / sizeof(contrib[0]), coming[i].kind, coming[i].type);
        }
    }
    assert_int_equal(skipped, known + may_come);
}

/* ---- Values ------------------------------------------------------------------------------------- */

static const char *
get_value(void *arg, const char *name)
{
    static const struct {
        const char *name;
        const char *value;
    } values[] = {
        {"EXTRA", "some string"},
        {"EXTRA_MAP_VALUE_1", "some map value_1"},
        {"EXTRA_MAP_VALUE_2", "some map value_2"},
        {"EXTRA_LIST_MAP_VALUE_1", "some list map value_1"},
        {"EXTRA_LIST_MAP_VALUE_2", "some list map value_2"},
        {"EXTRA_LIST_VALUE_1", "some list value_1"},
        {"EXTRA_LIST_VALUE_2", "some list value_2"},
        {"OTEL_LOGS_RECEIVER", "[nop, otlp]"},
        {"OTEL_LOGS_EXPORTER", "[otlp, nop]"},
        {"VALUE", "not_supported"},
        {"ENV", "0123"},
    };

    (void)arg;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strcmp(values[i].name, name) == 0) {
            return values[i].value;
        }
    }
    return NULL;
}

/* The tree of a file of CONFMAP, as JSON. */
static char *
confmap(const char *file)
{
    static const struct otc_environment environment = {get_value, NULL};
    struct otc_buf out = {.limit = 1 << 16};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    char relative[256], path[1024];
    const char *location = path;

    snprintf(relative, sizeof(relative), "config/collector/%s", file);
    if (!otc_test_data_path(relative, path)) {
        print_message("skipped: no verification data\n");
        skip();
    }
    if (otc_document_load(&location, 1, &environment, &doc, &err) != OTC_OK) {
        fail_msg("%s: %s", file, err.text);
    }
    assert_true(otc_node_print(otc_document_root(doc), OTC_CONFIG_JSON, &out));
    otc_document_free(doc);
    assert_non_null(otc_buf_cstr(&out));
    return (char *)otc_buf_take(&out, NULL);
}

static void
values_are_the_collectors(void **state)
{
    static const struct {
        const char *file;
        const char *tree;
    } trees[] = {
        {"confmap__internal__basic_types.yaml",
         "{\n    \"typed.options\": {\n        \"floating.point.example\": 3.14,\n        "
         "\"integer.example\": "
         "1234,\n        \"bool.example\": false,\n        \"string.example\": \"this is a string\",\n       "
         " "
         "\"nil.example\": null\n    }\n}\n"},
        {E2E "indirect-slice-env-var-pipelines.yaml",
         "{\n    \"logs\": {\n        \"receivers\": [\n            \"nop\",\n            \"otlp\"\n        "
         "],\n   "
         "     \"exporters\": [\n            \"otlp\",\n            \"nop\"\n        ]\n    }\n}\n"},
        {E2E "subsection_null.yaml", "{\n    \"field\": {\n        \"key\": null\n    }\n}\n"},
        {E2E "subsection_set_but_empty.yaml", "{\n    \"field\": {\n        \"key\": null\n    }\n}\n"},
        {E2E "subsection_unset.yaml", "{\n    \"field\": null\n}\n"},
        {E2E "types_complex.yaml", "{\n    \"field\": [\n        {\n            \"key\": [\n                "
                                   "\"not_supported\"\n            "
                                   "]\n        }\n    ]\n}\n"},
        {E2E "types_expand.yaml", "{\n    \"field\": 83\n}\n"},
        {E2E "types_expand_inline.yaml", "{\n    \"field\": \"inline field with 0123 expansion\"\n}\n"},
        {E2E "types_map.yaml", "{\n    \"field\": {\n        \"key\": \"not_supported\"\n    }\n}\n"},
    };
    char *with, *without;

    (void)state;
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
        char *tree = confmap(trees[i].file);

        if (strcmp(tree, trees[i].tree) != 0) {
            fail_msg("%s: %s", trees[i].file, tree);
        }
        free(tree);
    }
    with = confmap("confmap__expand-with-all-env.yaml");
    without = confmap("confmap__expand-with-no-env.yaml");
    assert_string_equal(with, without);
    free(with);
    free(without);
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
    assert_int_equal(config->n_readers, 1);
    reader = config->readers[0].pull;
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
        cmocka_unit_test(the_collectors_files),
        cmocka_unit_test(contribs_files),
        cmocka_unit_test(what_is_skipped_is_known),
        cmocka_unit_test(values_are_the_collectors),
        cmocka_unit_test(a_reader_that_only_sets_its_host_keeps_the_other_defaults),
    };

    return cmocka_run_group_tests_name("sidecar/collector_data", tests, NULL, NULL);
}
