// SPDX-License-Identifier: Apache-2.0
#include "sidecar/readers.h"

/* What OpenTelemetry's SDKs do when nothing is said. */
#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_OTLP_TIMEOUT_MS 10000

struct pull_exporter {
    struct otc_prometheus_reader *prometheus;
};
struct pull_reader {
    struct pull_exporter exporter;
};
struct reader {
    struct pull_reader *pull;
    struct otc_periodic_reader *periodic;
    const struct otc_node *producers;
};

/* ---- Pull --------------------------------------------------------------------------------------- */

static const struct otc_field resource_labels_fields[] = {
    OTC_FIELD(otc_resource_labels, included, .doc = "Attributes that become labels; none said: all."),
    OTC_FIELD(otc_resource_labels, excluded, .doc = "Attributes that do not."),
    OTC_FIELD_END,
};
static const struct otc_schema resource_labels_schema =
    OTC_SCHEMA(otc_resource_labels, resource_labels_fields, "Resource attributes.");

static const struct otc_field prometheus_fields[] = {
    OTC_FIELD(otc_prometheus_reader, host, .def = "localhost", .doc = "Host to listen on."),
    OTC_FIELD(otc_prometheus_reader, port, .def = "8888", .min = "0", .max = "65535",
              .doc = "Port to listen on."),
    OTC_FIELD(otc_prometheus_reader, without_scope_info, .def = "true", .doc = "No scope labels."),
    OTC_FIELD(otc_prometheus_reader, without_units, .def = "true", .doc = "Names without units."),
    OTC_FIELD(otc_prometheus_reader, without_type_suffix, .def = "true", .doc = "Names without _total."),
    OTC_FIELD_OPTIONAL(otc_prometheus_reader, with_resource_constant_labels, resource_labels_schema,
                       .doc = "Resource attributes that are labels of every series."),
    OTC_FIELD_END,
};
static const struct otc_schema prometheus_schema =
    OTC_SCHEMA(otc_prometheus_reader, prometheus_fields, "The endpoint for the program's own metrics.");

static const struct otc_field pull_exporter_fields[] = {
    OTC_FIELD_OPTIONAL(pull_exporter, prometheus, prometheus_schema, .doc = "Prometheus text over HTTP."),
    OTC_FIELD_END,
};
static const struct otc_schema pull_exporter_schema =
    OTC_SCHEMA(pull_exporter, pull_exporter_fields, "Exporter.");
static const struct otc_field pull_fields[] = {
    OTC_FIELD_STRUCT(pull_reader, exporter, pull_exporter_schema, .doc = "Exporter."),
    OTC_FIELD_END,
};
static const struct otc_schema pull_schema = OTC_SCHEMA(pull_reader, pull_fields, "Pull reader.");

/* ---- Periodic ----------------------------------------------------------------------------------- */

static const char *const compressions[] = {"none", "gzip", NULL};
static const char *const temporalities[] = {"cumulative", "delta", "lowmemory", NULL};
static const char *const aggregations[] = {"explicit_bucket_histogram", "base2_exponential_bucket_histogram",
                                           NULL};

static otc_status
check_otlp(const void *value, struct otc_error *err)
{
    const char *protocol = ((const struct otc_otlp_reader *)value)->protocol;

    if (strcmp(protocol, "grpc") != 0 && strcmp(protocol, "http/protobuf") != 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "protocol: unsupported protocol \"%s\" (allowed: grpc, http/protobuf)", protocol);
    }
    return OTC_OK;
}

static const struct otc_field otlp_fields[] = {
    OTC_FIELD(otc_otlp_reader, protocol, .required = true, .doc = "`grpc` or `http/protobuf`."),
    OTC_FIELD(
        otc_otlp_reader, endpoint,
        .doc = "Where to send: a URL, or `host:port` for TLS (`insecure`: without it); over HTTP without a "
               "path: `/v1/metrics`. By default localhost."),
    OTC_FIELD(otc_otlp_reader, headers, .doc = "Headers of every request."),
    OTC_FIELD(otc_otlp_reader, headers_list,
              .doc = "The same as `name=value,name=value`, values percent-encoded; `headers` come first."),
    OTC_FIELD(otc_otlp_reader, insecure, .doc = "No TLS, where the endpoint does not say."),
    OTC_FIELD(otc_otlp_reader, certificate, .doc = "Certificates of the authority, a file."),
    OTC_FIELD(otc_otlp_reader, client_certificate, .doc = "The own certificate, a file."),
    OTC_FIELD(otc_otlp_reader, client_key, .doc = "The key to it, a file."),
    OTC_FIELD(otc_otlp_reader, compression, .def = "none", .choices = compressions,
              .doc = "`none` or `gzip`."),
    OTC_FIELD(otc_otlp_reader, timeout, .def = "0", .min = "0", .max = "2147483647",
              .doc = "Milliseconds that an export may take; 0: 10000."),
    OTC_FIELD(otc_otlp_reader, temporality_preference, .def = "cumulative", .choices = temporalities,
              .doc = "What counters and histograms tell: sums, or differences."),
    OTC_FIELD(otc_otlp_reader, default_histogram_aggregation, .def = "explicit_bucket_histogram",
              .choices = aggregations, .inert = true, .doc = "Histograms have explicit buckets."),
    OTC_FIELD_END,
};
static const struct otc_schema otlp_schema =
    OTC_SCHEMA(otc_otlp_reader, otlp_fields, "OTLP.", .check = check_otlp);

/* The SDK's own format, which has no specification. */
static otc_status
refuse_console(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)node;
    (void)member;
    (void)owner;
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "\"console\" is an OpenTelemetry Collector option that this build does not support");
}

/* Sources of metrics for SDKs: of no effect in the Collector either. */
static otc_status
ignore(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)owner;
    (void)err;
    *(const struct otc_node **)member = node;
    return OTC_OK;
}

#define NODE_FIELD(struct_name, member, parser, ...)                                                         \
    {                                                                                                        \
        .key = #member, .type = OTC_TYPE_STRING, .offset = offsetof(struct struct_name, member),             \
        .parse = (parser), __VA_ARGS__                                                                       \
    }

static const struct otc_field push_exporter_fields[] = {
    OTC_FIELD_OPTIONAL(otc_push_exporter, otlp, otlp_schema, .doc = "OTLP."),
    NODE_FIELD(otc_push_exporter, console, refuse_console, .doc = "Standard output; refused."),
    OTC_FIELD_END,
};
static const struct otc_schema push_exporter_schema =
    OTC_SCHEMA(otc_push_exporter, push_exporter_fields, "Exporter.");

static const struct otc_field periodic_fields[] = {
    OTC_FIELD(otc_periodic_reader, interval, .def = "0", .min = "0", .max = "2147483647",
              .doc = "Milliseconds from one export to the next; 0: 60000."),
    OTC_FIELD(otc_periodic_reader, timeout, .def = "0", .min = "0", .max = "2147483647",
              .doc = "Milliseconds that one may take; 0: 30000."),
    OTC_FIELD_STRUCT(otc_periodic_reader, exporter, push_exporter_schema, .doc = "Exporter."),
    OTC_FIELD_END,
};
static const struct otc_schema periodic_schema =
    OTC_SCHEMA(otc_periodic_reader, periodic_fields, "Periodic reader.");

int64_t
otc_periodic_timeout_ms(const struct otc_periodic_reader *periodic)
{
    int64_t whole = periodic->timeout > 0 ? periodic->timeout : DEFAULT_TIMEOUT_MS;
    int64_t one =
        periodic->exporter.otlp->timeout > 0 ? periodic->exporter.otlp->timeout : DEFAULT_OTLP_TIMEOUT_MS;

    return one < whole ? one : whole;
}

/* ---- Readers ------------------------------------------------------------------------------------ */

static const struct otc_field reader_fields[] = {
    OTC_FIELD_OPTIONAL(reader, pull, pull_schema, .doc = "Read by a scraper."),
    OTC_FIELD_OPTIONAL(reader, periodic, periodic_schema, .doc = "Pushed."),
    NODE_FIELD(reader, producers, ignore, .inert = true, .doc = "Further sources."),
    OTC_FIELD_END,
};
static const struct otc_schema reader_schema = OTC_SCHEMA(reader, reader_fields, "Reader.");

/* What is read when nobody says otherwise. */
static otc_status
decode_default(struct otc_reader *out, struct otc_error *err)
{
    struct otc_document *doc = NULL;
    otc_status status =
        otc_document_parse(otc_slice_str("pull: {exporter: {prometheus: }}"), "default", &doc, err);

    if (status == OTC_OK) {
        status = otc_config_decode(&reader_schema, otc_document_root(doc), "", &out->config, err);
    }
    otc_document_free(doc);
    return status;
}

/* What the tables do not say: a reader is of one kind and has an exporter. */
static otc_status
check(const struct reader *reader, struct otc_error *err)
{
    if (reader->pull != NULL && reader->periodic != NULL) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "must not specify multiple metric reader type");
    }
    if (reader->pull == NULL && reader->periodic == NULL) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "no valid metric reader (allowed: pull, periodic)");
    }
    if (reader->pull != NULL && reader->pull->exporter.prometheus == NULL) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "pull::exporter: no valid metric exporter (allowed: prometheus)");
    }
    if (reader->periodic != NULL && reader->periodic->exporter.otlp == NULL) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "periodic::exporter: no valid metric exporter (allowed: otlp)");
    }
    return OTC_OK;
}

/* Full path and position of what was found wrong below `node`. */
static otc_status
complete(const struct otc_node *node, const char *path, const char *below, struct otc_error *err)
{
    char text[OTC_ERROR_TEXT_MAX];
    bool key =
        below[0] != '\0' || strncmp(err->text, "pull::", 6) == 0 || strncmp(err->text, "periodic::", 10) == 0;

    snprintf(text, sizeof(text), "%s%.*s", below, (int)(sizeof(text) - 64), err->text);
    otc_fail(err, OTC_FAILED_PRECONDITION, "%s%s%.*s", path, key ? "::" : ": ", (int)(sizeof(text) - 128),
             text);
    otc_node_error(otc_node_nearest(node, text), err);
    return OTC_FAILED_PRECONDITION;
}

otc_status
otc_reader_decode(const struct otc_node *node, size_t index, const struct otc_factory *const *registry,
                  struct otc_reader *out, struct otc_error *err)
{
    const struct reader *reader;
    char path[64];
    otc_status status;

    *out = (struct otc_reader){0};
    snprintf(path, sizeof(path), "service::telemetry::metrics::readers::%zu", index);
    snprintf(out->id, sizeof(out->id), "%s", path);
    status = node == NULL ? decode_default(out, err)
                          : otc_config_decode(&reader_schema, node, path, &out->config, err);
    if (status != OTC_OK) {
        return status;
    }
    reader = otc_config_value(out->config);
    if (check(reader, err) != OTC_OK) {
        return complete(node, path, "", err);
    }
    out->pull = reader->pull != NULL ? reader->pull->exporter.prometheus : NULL;
    out->periodic = reader->periodic;
    if (out->periodic != NULL && otc_reader_exporter(out->periodic, registry, out, err) != OTC_OK) {
        return complete(node, path, "periodic::exporter::otlp::", err);
    }
    return OTC_OK;
}

void
otc_reader_release(struct otc_reader *reader)
{
    otc_config_free(reader->exporter);
    otc_config_free(reader->config);
    *reader = (struct otc_reader){0};
}
