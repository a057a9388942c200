// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/config.h"

#include "exporters/otlp_grpc/channel.h"

#include <grpc/grpc.h>

#include <ctype.h>
#include <strings.h>

static const char *const compressions[] = {"gzip", "none", "snappy", "zstd", NULL};
const char *const otlp_grpc_balancers[] = {"round_robin", "pick_first", NULL};

/* What gRPC's core does not let its users choose would be weaker than the words say. */
static otc_status
check_tls(const struct otc_tls_client *tls, struct otc_error *err)
{
    const char *unsupported = tls->cipher_suites.n > 0       ? "cipher_suites"
                              : tls->curve_preferences.n > 0 ? "curve_preferences"
                                                             : NULL;

    if (tls->min_version.index == 2 || tls->max_version.index == 1) {
        return otc_fail(err, OTC_UNIMPLEMENTED,
                        "tls::min_version, max_version: gRPC's C library always offers TLS 1.2 and 1.3 and "
                        "has no setting for it; leave them out, or use otlp_http");
    }
    if (unsupported) {
        return otc_fail(err, OTC_UNIMPLEMENTED,
                        "tls::%s: gRPC's C library has no setting for it; leave it out, or use otlp_http",
                        unsupported);
    }
    if (tls->reload_interval.ns > 0 && (tls->ca_file || tls->cert_file) &&
        (tls->ca_pem || tls->cert_pem || tls->key_pem.text)) {
        return otc_fail(err, OTC_UNIMPLEMENTED,
                        "tls::reload_interval: give certificates and key as files alone, or as text alone");
    }
    if (tls->reload_interval.ns > 0 && tls->ca_file && tls->include_system_ca_certs_pool) {
        return otc_fail(err, OTC_UNIMPLEMENTED,
                        "tls::reload_interval: not together with include_system_ca_certs_pool");
    }
    return OTC_OK;
}

static const struct otc_field keepalive_fields[] = {
    OTC_FIELD(otlp_grpc_keepalive, time, .def = "10s", .min = "10s",
              .doc = "Pings a silent server after this long."),
    OTC_FIELD(otlp_grpc_keepalive, timeout, .def = "10s", .min = "1ms",
              .doc = "Closes the connection when the ping is not answered within this time."),
    OTC_FIELD(otlp_grpc_keepalive, permit_without_stream, .def = "false",
              .doc = "Pings also while nothing is sent."),
    OTC_FIELD_END,
};
static const struct otc_schema keepalive_schema =
    OTC_SCHEMA(otlp_grpc_keepalive, keepalive_fields, "Pings that find dead connections.");

static const struct otc_field fields[] = {
    OTC_FIELD(
        otlp_grpc_config, endpoint,
        .doc =
            "Where to send: `host:port`, also with `http://` (plain text), `https://`, `dns://`, `unix://`."),
    OTC_FIELD_STRUCT(otlp_grpc_config, tls, otc_tls_client_schema, .doc = "TLS of the client."),
    OTC_FIELD(otlp_grpc_config, compression, .def = "gzip", .choices = compressions,
              .doc =
                  "`gzip` or `none`; `snappy` and `zstd` are refused: gRPC's C library cannot name them to "
                  "a server (`otlp_http` can)."),
    OTC_FIELD(otlp_grpc_config, headers, .doc = "Metadata sent with every request."),
    OTC_FIELD_OPTIONAL(otlp_grpc_config, keepalive, keepalive_schema,
                       .doc = "Pings that find dead connections."),
    OTC_FIELD(otlp_grpc_config, read_buffer_size, .def = "0", .min = "0", .inert = true,
              .doc = "Go's read buffer."),
    OTC_FIELD(otlp_grpc_config, write_buffer_size, .def = "524288", .min = "0", .inert = true,
              .doc = "Go's write buffer."),
    OTC_FIELD(otlp_grpc_config, wait_for_ready, .def = "false",
              .doc = "Waits (up to `timeout`) for a connection instead of failing at once."),
    OTC_FIELD(otlp_grpc_config, balancer_name, .def = "round_robin", .choices = otlp_grpc_balancers,
              .doc = "How requests are spread over the endpoint's addresses."),
    OTC_FIELD(otlp_grpc_config, authority, .doc = "Value of the :authority header."),
    OTC_FIELD(otlp_grpc_config, user_agent, .doc = "Product name in the user-agent header."),
    OTC_CLIENT_AUTH_FIELD(otlp_grpc_config),
    OTC_CLIENT_MIDDLEWARES_FIELD(otlp_grpc_config, middlewares),
    OTC_FIELD(otlp_grpc_config, timeout, .def = "5s", .min = "0s", .doc = "Limit of one attempt; 0: none."),
    OTC_EXPORTER_FIELDS(otlp_grpc_config),
    OTC_FIELD_END,
};
const struct otc_schema otlp_grpc_schema =
    OTC_SCHEMA(otlp_grpc_config, fields, "Sends OTLP over gRPC, byte for byte as it was received.");

/* True and the rest when `text` begins with `prefix`, whatever the case. */
static bool
strip(const char **text, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncasecmp(*text, prefix, len) != 0) {
        return false;
    }
    *text += len;
    return true;
}

static otc_status
check_port(const char *address, struct otc_error *err)
{
    const char *colon = strrchr(address, ':'), *bracket = strrchr(address, ']');
    long port = 0;

    if (!colon || (bracket && bracket > colon)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "endpoint: address %s: missing port in address", address);
    }
    for (const char *p = colon + 1; *p && port <= 65535; p++) {
        port = isdigit((unsigned char)*p) ? port * 10 + (*p - '0') : 65536;
    }
    if (port > 65535 || colon[1] == '\0') {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "endpoint: invalid port \"%s\" (allowed: 0 to 65535)",
                        colon + 1);
    }
    return OTC_OK;
}

otc_status
otlp_grpc_target(const struct otlp_grpc_config *config, struct otlp_grpc_target *out, struct otc_error *err)
{
    const char *rest = config->endpoint ? config->endpoint : "", *scheme = "dns:///";
    bool plaintext = config->tls.insecure, is_unix = false;
    otc_status status;
    int n;

    if (strip(&rest, "http://")) {
        plaintext = true;
    } else if (strip(&rest, "https://")) {
        plaintext = false;
    } else if (strip(&rest, "unix://") || strip(&rest, "unix:")) {
        scheme = "unix:";
        is_unix = true;
    } else if (strip(&rest, "dns://")) {
        scheme = "dns://";
    } else if (!strip(&rest, "dns:")) {
        (void)(strip(&rest, "passthrough:///") || strip(&rest, "passthrough:"));
    }
    if (*rest == '\0') {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "requires a non-empty \"endpoint\"");
    }
    status = is_unix ? OTC_OK : check_port(rest, err);
    if (status != OTC_OK) {
        return status;
    }
    n = snprintf(out->name, sizeof(out->name), "%s%s", scheme, rest);
    out->plaintext = plaintext;
    if (n < 0 || (size_t)n >= sizeof(out->name)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "endpoint: longer than %zu bytes", sizeof(out->name) - 1);
    }
    return OTC_OK;
}

static otc_status
check_headers(const otc_headers *headers, struct otc_error *err)
{
    for (size_t i = 0; i < headers->n; i++) {
        const struct otc_header *header = &headers->items[i];
        char lower[256];
        size_t n = strlen(header->name);
        grpc_slice key, value;
        bool ok;

        if (n == 0 || n >= sizeof(lower)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "headers: a name has 1 to 255 characters");
        }
        for (size_t j = 0; j <= n; j++) {
            lower[j] = (char)tolower((unsigned char)header->name[j]);
        }
        key = grpc_slice_from_static_buffer(lower, n);
        value = grpc_slice_from_static_string(header->value ? header->value : "");
        ok = grpc_header_key_is_legal(key) && strncmp(lower, "grpc-", 5) != 0;
        if (!ok) {
            return otc_fail(
                err, OTC_INVALID_ARGUMENT,
                "headers::%s: not a name that gRPC sends (letters, digits, '-', '_', '.', not grpc-…)",
                header->name);
        }
        if (!grpc_is_binary_header(key) && !grpc_header_nonbin_value_is_legal(value)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "headers::%s: the value has characters other than printable ASCII", header->name);
        }
    }
    return OTC_OK;
}

otc_status
otlp_grpc_validate(const void *value, struct otc_error *err)
{
    const struct otlp_grpc_config *config = value;
    struct otlp_grpc_target target = {0};
    otc_status status = otlp_grpc_target(config, &target, err);

    if (status != OTC_OK) {
        return status;
    }
    if (config->auth && target.plaintext) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "auth: the credentials require transport level security: use TLS instead of "
                        "tls::insecure, http:// or unix:");
    }
    if (config->compression.index > OTLP_GRPC_NONE) {
        return otc_fail(
            err, OTC_UNIMPLEMENTED,
            "compression: \"%s\" is an OpenTelemetry Collector option that this build does not support: "
            "gRPC's C library names no other encoding to a server than gzip and deflate; take "
            "gzip or none, or otlp_http, which has it",
            compressions[config->compression.index]);
    }
    status = check_tls(&config->tls, err);
    if (status == OTC_OK && !target.plaintext) {
        status = otc_tls_client_check(&config->tls, err);
    }
    return status == OTC_OK ? check_headers(&config->headers, err) : status;
}
