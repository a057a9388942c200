// SPDX-License-Identifier: Apache-2.0
/** @file The settings that every HTTP client of the Collector has (`confighttp`). */
#ifndef OTC_NET_HTTP_CLIENT_CONFIG_H
#define OTC_NET_HTTP_CLIENT_CONFIG_H

#include "common/net/auth.h"
#include "common/net/compress.h"
#include "common/net/tls_client.h"

/** `compression_params`. */
struct otc_compression_params {
    int64_t level;
};

/** `cookies`: present, cookies of servers are kept and sent back. */
struct otc_http_cookies {
    bool enabled;
};

struct otc_client_middleware {
    char *id;
};

/**
 * Embed it in a component's struct and put OTC_HTTP_CLIENT_FIELDS(<struct>, <member>, "30s", "gzip") into its
 * field table: the keys then lie on the component's own level.
 */
struct otc_http_client_config {
    char *endpoint;
    char *proxy_url;
    struct otc_tls_client tls;
    otc_duration timeout;
    otc_headers headers;
    otc_choice compression; /* enum otc_compression */
    struct otc_compression_params compression_params;
    int64_t read_buffer_size;
    int64_t write_buffer_size;
    int64_t max_idle_conns;
    int64_t max_idle_conns_per_host;
    int64_t max_conns_per_host;
    otc_duration idle_conn_timeout;
    bool disable_keep_alives;
    otc_duration http2_read_idle_timeout;
    otc_duration http2_ping_timeout;
    bool force_attempt_http2;
    struct otc_http_cookies *cookies;
    struct otc_client_auth *auth;
    otc_list middlewares;
};

extern const struct otc_schema otc_compression_params_schema;
extern const struct otc_schema otc_http_cookies_schema;
extern const struct otc_schema otc_client_middleware_schema;

#define OTC_HTTP_CLIENT_FIELDS(struct_name, member, default_timeout, default_compression)                    \
    OTC_FIELD_AS(struct_name, member.endpoint, "endpoint", .doc = "Where to send: an http or https URL."),   \
        OTC_FIELD_AS(struct_name, member.timeout, "timeout", .def = (default_timeout), .min = "0s",          \
                     .doc = "Limit of one attempt, from connecting to the end of the reply; 0: none."),      \
        OTC_FIELD_AS(struct_name, member.headers, "headers", .doc = "Headers sent with every request."),     \
        OTC_FIELD_AS(struct_name, member.compression, "compression", .def = (default_compression),           \
                     .choices = otc_compressions, .doc = "How requests are compressed."),                    \
        {.key = "compression_params",                                                                        \
         .type = OTC_TYPE_STRUCT,                                                                            \
         .sub = &otc_compression_params_schema,                                                              \
         .offset = offsetof(struct struct_name, member.compression_params),                                  \
         .doc = "How hard it tries."},                                                                       \
        {.key = "tls",                                                                                       \
         .type = OTC_TYPE_STRUCT,                                                                            \
         .sub = &otc_tls_client_schema,                                                                      \
         .offset = offsetof(struct struct_name, member.tls),                                                 \
         .doc = "TLS of the client, for https."},                                                            \
        OTC_FIELD_AS(struct_name, member.proxy_url, "proxy_url", .secret = true,                             \
                     .doc = "Proxy for every request (http, https, socks5); by default HTTP_PROXY, "         \
                            "HTTPS_PROXY and NO_PROXY say."),                                                \
        OTC_FIELD_AS(struct_name, member.max_idle_conns, "max_idle_conns", .def = "100", .min = "0",         \
                     .max = "1000000", .doc = "Connections kept open for later; 0: no limit."),              \
        OTC_FIELD_AS(struct_name, member.max_idle_conns_per_host, "max_idle_conns_per_host", .def = "0",     \
                     .min = "0", .max = "1000000",                                                           \
                     .doc = "The same for one host; 0: `max_idle_conns` alone counts."),                     \
        OTC_FIELD_AS(struct_name, member.max_conns_per_host, "max_conns_per_host", .def = "0", .min = "0",   \
                     .max = "1000000",                                                                       \
                     .doc = "Connections to one host; requests beyond it wait. 0: no limit."),               \
        OTC_FIELD_AS(struct_name, member.idle_conn_timeout, "idle_conn_timeout", .def = "90s", .min = "0s",  \
                     .doc = "A connection that was idle for longer is not used again; 0: it is."),           \
        OTC_FIELD_AS(struct_name, member.disable_keep_alives, "disable_keep_alives", .def = "false",         \
                     .doc = "A new connection for each request."),                                           \
        OTC_FIELD_AS(struct_name, member.force_attempt_http2, "force_attempt_http2", .def = "true",          \
                     .doc = "Offers HTTP/2 to https servers."),                                              \
        OTC_FIELD_AS(struct_name, member.http2_read_idle_timeout, "http2_read_idle_timeout", .def = "0s",    \
                     .min = "0s", .inert = true,                                                             \
                     .doc = "Pings of idle HTTP/2 connections; after an attempt that timed out the next "    \
                            "one takes a new connection."),                                                  \
        OTC_FIELD_AS(struct_name, member.http2_ping_timeout, "http2_ping_timeout", .def = "0s", .min = "0s", \
                     .inert = true, .doc = "The same."),                                                     \
        {.key = "cookies",                                                                                   \
         .type = OTC_TYPE_OPTIONAL,                                                                          \
         .sub = &otc_http_cookies_schema,                                                                    \
         .offset = offsetof(struct struct_name, member.cookies),                                             \
         .doc = "Present: cookies of the server are kept (in memory) and sent back."},                       \
        OTC_FIELD_AS(struct_name, member.read_buffer_size, "read_buffer_size", .def = "0", .min = "0",       \
                     .inert = true, .doc = "Go's read buffer."),                                             \
        OTC_FIELD_AS(struct_name, member.write_buffer_size, "write_buffer_size", .def = "524288",            \
                     .min = "0", .inert = true, .doc = "Go's write buffer."),                                \
        {.key = "auth",                                                                                      \
         .type = OTC_TYPE_OPTIONAL,                                                                          \
         .sub = &otc_client_auth_schema,                                                                     \
         .offset = offsetof(struct struct_name, member.auth),                                                \
         .null_is_absent = true,                                                                             \
         .doc = "Authentication of the client."},                                                            \
        OTC_CLIENT_MIDDLEWARES_FIELD(struct_name, member.middlewares)

/** The field "middlewares" of a client, an otc_list: known, so that it is refused by name. */
#define OTC_CLIENT_MIDDLEWARES_FIELD(struct_name, member)                                                    \
    {                                                                                                        \
        .key = "middlewares", .type = OTC_TYPE_LIST, .sub = &otc_client_middleware_schema,                   \
        .offset = offsetof(struct struct_name, member), .doc = "What requests pass through."                 \
    }

/**
 * For a component's validate: settings that no request could be made with (proxy_url, header names,
 * compression, TLS files). The text begins with the key.
 */
OTC_CHECK otc_status otc_http_client_check(const struct otc_http_client_config *config,
                                           struct otc_error *err);
/**
 * Whether an endpoint is an http or https URL with a host and a sane port ("endpoint: parse \"x\": invalid
 * URI for request …" in the words of Go's url.Parse where it has some). `key` begins the text.
 */
OTC_CHECK otc_status otc_http_url_check(const char *key, const char *url, struct otc_error *err);

#endif
