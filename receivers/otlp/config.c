// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp/receiver.h"

#include <ctype.h>

static const char *const encodings[] = {
    "", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed", NULL};

static const struct otc_field parameter_fields[] = {
    OTC_FIELD(otlp_server_parameters, max_connection_idle, .def = "0s", .min = "0s",
              .doc = "As `idle_timeout`, which it overrides; 0: `idle_timeout`."),
    OTC_FIELD(otlp_server_parameters, max_connection_age, .def = "0s", .min = "0s",
              .doc = "A connection this old is asked to go away, so that clients spread again; 0: never."),
    OTC_FIELD(otlp_server_parameters, max_connection_age_grace, .def = "0s", .min = "0s",
              .doc = "For calls under way beyond that; 0: no limit."),
    OTC_FIELD(otlp_server_parameters, time, .def = "0s", .min = "0s", .inert = true,
              .doc = "Silent connections are closed, not asked."),
    OTC_FIELD(otlp_server_parameters, timeout, .def = "0s", .min = "0s", .inert = true,
              .doc = "Silent connections are closed, not asked."),
    OTC_FIELD_END,
};
static const struct otc_schema parameter_schema =
    OTC_SCHEMA(otlp_server_parameters, parameter_fields, "How long connections live.");

static const struct otc_field policy_fields[] = {
    OTC_FIELD(otlp_enforcement_policy, min_time, .def = "0s", .min = "0s", .inert = true,
              .doc = "10 pings, 1 a second more, and 10 for each call, are always allowed."),
    OTC_FIELD(otlp_enforcement_policy, permit_without_stream, .def = "false", .inert = true,
              .doc = "Pings without calls are allowed."),
    OTC_FIELD_END,
};
static const struct otc_schema policy_schema =
    OTC_SCHEMA(otlp_enforcement_policy, policy_fields, "What clients' keepalive may do.");

static const struct otc_field keepalive_fields[] = {
    OTC_FIELD_STRUCT(otlp_keepalive, server_parameters, parameter_schema,
                     .doc = "How long connections live."),
    OTC_FIELD_STRUCT(otlp_keepalive, enforcement_policy, policy_schema,
                     .doc = "What clients' keepalive may do."),
    OTC_FIELD_END,
};
static const struct otc_schema keepalive_schema =
    OTC_SCHEMA(otlp_keepalive, keepalive_fields, "Life of connections.");

static const struct otc_field grpc_fields[] = {
    OTC_HTTP_SERVER_FIELDS(otlp_grpc_config, server, "localhost:4317"),
    OTC_FIELD(otlp_grpc_config, max_recv_msg_size_mib, .def = "0", .min = "0", .max = "2047",
              .doc = "Largest message in MiB, compressed or not; 0: 4 MiB."),
    OTC_FIELD(otlp_grpc_config, max_concurrent_streams, .def = "0", .min = "0", .max = "100000",
              .doc = "Calls at a time on one connection; 0: 100."),
    OTC_FIELD(otlp_grpc_config, read_buffer_size, .def = "524288", .min = "0", .inert = true,
              .doc = "Buffers are sized by the listener."),
    OTC_FIELD(otlp_grpc_config, write_buffer_size, .def = "0", .min = "0", .inert = true,
              .doc = "Buffers are sized by the listener."),
    OTC_FIELD(otlp_grpc_config, include_metadata, .def = "false",
              .doc = "Keep the client's metadata with its data."),
    OTC_FIELD_STRUCT(otlp_grpc_config, keepalive, keepalive_schema, .doc = "Life of connections."),
    OTC_FIELD_END,
};

static otc_status
grpc_check(const void *value, struct otc_error *err)
{
    const struct otlp_grpc_config *config = value;

    return otc_http_server_check(&config->server, err);
}

static const struct otc_schema grpc_schema =
    OTC_SCHEMA(otlp_grpc_config, grpc_fields, "OTLP/gRPC.", .check = grpc_check);

/** What Go's URL parser says of a path that is none. */
static const char *
path_fault(const char *path)
{
    if (*path == ':') {
        return "missing protocol scheme";
    }
    for (const char *at = path; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return "invalid control character in URL";
        }
        if (*at == '%' && (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))) {
            return "invalid URL escape";
        }
        if (*at == '?' || *at == '#') {
            return "a path has no query and no fragment";
        }
    }
    return NULL;
}

static otc_status
check_path(const char *key, const char *path, struct otc_error *err)
{
    const char *fault = path ? path_fault(path) : NULL;

    if (fault) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "%s: invalid HTTP URL path set for signal: parse \"%s\": %s", key, path, fault);
    }
    return OTC_OK;
}

static otc_status
http_check(const void *value, struct otc_error *err)
{
    const struct otlp_http_config *config = value;
    otc_status status = otc_http_server_check(&config->server, err);

    if (status == OTC_OK) {
        status = check_path("traces_url_path", config->traces_url_path, err);
    }
    if (status == OTC_OK) {
        status = check_path("metrics_url_path", config->metrics_url_path, err);
    }
    return status == OTC_OK ? check_path("logs_url_path", config->logs_url_path, err) : status;
}

static const struct otc_field http_fields[] = {
    OTC_HTTP_SERVER_FIELDS(otlp_http_config, server, "localhost:4318"),
    OTC_HTTP_ANSWER_FIELDS(otlp_http_config, server),
    OTC_FIELD(otlp_http_config, max_request_body_size, .def = "20971520", .min = "0",
              .doc = "Largest body in bytes, before and after decompression; 0: 20971520."),
    OTC_FIELD(otlp_http_config, include_metadata, .def = "false",
              .doc = "Keep the client's headers with its data."),
    OTC_FIELD(otlp_http_config, compression_algorithms,
              .def = "[\"\", gzip, zstd, zlib, snappy, deflate, lz4, x-snappy-framed]", .choices = encodings,
              .doc = "Content encodings accepted."),
    OTC_FIELD(otlp_http_config, traces_url_path, .def = "/v1/traces",
              .doc = "Path of traces; a leading `/` may be missing."),
    OTC_FIELD(otlp_http_config, metrics_url_path, .def = "/v1/metrics", .doc = "Path of metrics."),
    OTC_FIELD(otlp_http_config, logs_url_path, .def = "/v1/logs", .doc = "Path of logs."),
    OTC_FIELD_END,
};
static const struct otc_schema http_schema =
    OTC_SCHEMA(otlp_http_config, http_fields, "OTLP/HTTP, binary and JSON.", .check = http_check);

static const struct otc_field protocols_fields[] = {
    OTC_FIELD_OPTIONAL(otlp_protocols_config, grpc, grpc_schema, .doc = "OTLP/gRPC; absent: off."),
    OTC_FIELD_OPTIONAL(otlp_protocols_config, http, http_schema, .doc = "OTLP/HTTP; absent: off."),
    OTC_FIELD_END,
};
static const struct otc_schema protocols_schema =
    OTC_SCHEMA(otlp_protocols_config, protocols_fields, "The protocols that are served.");

static const struct otc_field otlp_fields[] = {
    OTC_FIELD_STRUCT(otlp_config, protocols, protocols_schema, .doc = "The protocols that are served."),
    OTC_FIELD_END,
};
const struct otc_schema otlp_schema =
    OTC_SCHEMA(otlp_config, otlp_fields, "Receives traces, metrics and logs over OTLP.");

otc_status
otlp_validate(const void *config, struct otc_error *err)
{
    const struct otlp_config *otlp = config;

    if (!otlp->protocols.grpc && !otlp->protocols.http) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "must specify at least one protocol when using the OTLP receiver");
    }
    return OTC_OK;
}
