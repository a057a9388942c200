// SPDX-License-Identifier: Apache-2.0
/**
 * @file A listener for HTTP/1.1 and HTTP/2, plain or TLS, with limits on everything a peer can make it do.
 *
 * A server runs on the process's listener loop (otc_loop_shared_acquire). Callbacks run on that loop's thread
 * and must not block. Each request is an *exchange*: the handler answers it exactly once with
 * otc_exchange_respond(), from any thread, then or later.
 *
 *     on_headers  after the request's head (optional); may respond (refusal; the body is not waited for) or
 * limit the body on_data     after each arrival of body bytes (optional); may respond on_request  the whole
 * body is there; must respond, now or later, even if the client is gone by then on_fault    instead of
 * on_request: a limit was broken, at times before on_headers (optional); must respond, at once on_abort the
 * client is gone (optional). After on_request: the answer is still due and then dropped; before: nothing is
 * due, and the exchange must not be touched any more
 *
 * After its response nothing is called for an exchange, and the handler must not touch it.
 */
#ifndef OTC_NET_SERVER_H
#define OTC_NET_SERVER_H

#include "common/base/buf.h"
#include "common/base/large.h"
#include "common/component/otc.h"
#include "common/net/auth.h"
#include "common/net/cors.h"
#include "common/net/tls.h"

struct otc_server;
struct otc_exchange;

#define OTC_HTTP1 1u
#define OTC_HTTP2 2u

/* ---- Configuration ------------------------------------------------------------------------------ */

/** Known, so that they are refused by name instead of being left out: who asks for them would be open to all.
 */
struct otc_server_middleware {
    char *id;
};
extern const struct otc_schema otc_server_middleware_schema;

/** Of clients: known, so that it is accepted. */
struct otc_server_dialer {
    otc_duration timeout;
};
extern const struct otc_schema otc_server_dialer_schema;

/** Of the Collector's HTTP servers too, but without meaning where nothing is received. */
struct otc_http_page_config {
    bool include_metadata;
    int64_t max_request_body_size;
    otc_strings compression_algorithms;
};

/**
 * The settings every HTTP server of the Collector has. Embed it in a component's struct and put
 * OTC_HTTP_SERVER_FIELDS(<struct>, <member>, "localhost:1234") into its field table: the keys then lie on the
 * component's own level (endpoint, transport, tls, read_timeout …).
 */
struct otc_http_server_config {
    struct otc_server_auth *auth;
    struct otc_cors *cors;
    otc_headers response_headers;
    struct otc_http_page_config page;
    otc_list middlewares;
    struct otc_server_dialer dialer;
    char *endpoint;
    otc_choice transport; /* OTC_TRANSPORT_… */
    struct otc_tls_server *tls;
    otc_duration read_timeout;
    otc_duration read_header_timeout;
    otc_duration write_timeout;
    otc_duration idle_timeout;
    bool keep_alives_enabled;
    int64_t max_connections;
};

enum { OTC_TRANSPORT_TCP, OTC_TRANSPORT_UNIX, OTC_TRANSPORT_TCP4, OTC_TRANSPORT_TCP6 };
extern const char *const otc_transport_choices[];

#define OTC_LISTENER_FIELDS(struct_name, member, default_endpoint)                                           \
    OTC_FIELD_AS(struct_name, member.endpoint, "endpoint", .def = (default_endpoint),                        \
                 .doc = "Address to listen on: `host:port`, or a path with `transport: unix`."),             \
        OTC_FIELD_AS(struct_name, member.transport, "transport", .def = "tcp",                               \
                     .choices = otc_transport_choices,                                                       \
                     .doc = "`tcp`, `tcp4` (IPv4 alone), `tcp6` (IPv6 alone) or `unix`."),                   \
    {                                                                                                        \
        .key = "tls", .type = OTC_TYPE_OPTIONAL, .sub = &otc_tls_server_schema,                              \
        .offset = offsetof(struct struct_name, member.tls), .null_is_absent = true,                          \
        .doc = "TLS of the server; absent: plain text."                                                      \
    }

#define OTC_HTTP_SERVER_FIELDS(struct_name, member, default_endpoint)                                        \
    OTC_LISTENER_FIELDS(struct_name, member, default_endpoint),                                              \
        OTC_FIELD_AS(struct_name, member.read_timeout, "read_timeout", .def = "0s", .min = "0s",             \
                     .doc = "Longest time to receive a request; 0: 60 s."),                                  \
        OTC_FIELD_AS(struct_name, member.read_header_timeout, "read_header_timeout", .def = "0s",            \
                     .min = "0s", .doc = "Longest time to receive a request's head; 0: 10 s."),              \
        OTC_FIELD_AS(struct_name, member.write_timeout, "write_timeout", .def = "0s", .min = "0s",           \
                     .doc = "Longest time to send a response; 0: 30 s."),                                    \
        OTC_FIELD_AS(struct_name, member.idle_timeout, "idle_timeout", .def = "0s", .min = "0s",             \
                     .doc = "A connection without requests is closed after this long; 0: 60 s."),            \
        OTC_FIELD_AS(struct_name, member.keep_alives_enabled, "keep_alives_enabled", .def = "true",          \
                     .doc = "Keep HTTP/1.1 connections open between requests."),                             \
        OTC_FIELD_AS(struct_name, member.max_connections, "max_connections", .def = "1024", .min = "1",      \
                     .max = "100000",                                                                        \
                     .doc = "Open connections; at the limit the longest idle one is closed."),               \
        {.key = "auth",                                                                                      \
         .type = OTC_TYPE_OPTIONAL,                                                                          \
         .sub = &otc_server_auth_schema,                                                                     \
         .offset = offsetof(struct struct_name, member.auth),                                                \
         .null_is_absent = true,                                                                             \
         .doc = "Authentication of clients."},                                                               \
        {.key = "middlewares",                                                                               \
         .type = OTC_TYPE_LIST,                                                                              \
         .sub = &otc_server_middleware_schema,                                                               \
         .offset = offsetof(struct struct_name, member.middlewares),                                         \
         .doc = "What requests pass through first."},                                                        \
    {                                                                                                        \
        .key = "dialer", .type = OTC_TYPE_STRUCT, .sub = &otc_server_dialer_schema,                          \
        .offset = offsetof(struct struct_name, member.dialer), .doc = "Of clients."                          \
    }

/** What HTTP servers have besides, and gRPC's have not. */
#define OTC_HTTP_ANSWER_FIELDS(struct_name, member)                                                          \
    OTC_FIELD_AS(struct_name, member.response_headers, "response_headers",                                   \
                 .doc = "Headers added to every response."),                                                 \
    {                                                                                                        \
        .key = "cors", .type = OTC_TYPE_OPTIONAL, .sub = &otc_cors_schema,                                   \
        .offset = offsetof(struct struct_name, member.cors), .null_is_absent = true,                         \
        .doc = "Cross-origin requests; absent: browsers are refused."                                        \
    }

/** The same for servers of pages, with the keys that only receivers have a use for. */
#define OTC_HTTP_PAGE_FIELDS(struct_name, member)                                                            \
    OTC_HTTP_ANSWER_FIELDS(struct_name, member),                                                             \
        OTC_FIELD_AS(struct_name, member.page.include_metadata, "include_metadata", .def = "false",          \
                     .inert = true, .doc = "Nothing is received here."),                                     \
        OTC_FIELD_AS(struct_name, member.page.max_request_body_size, "max_request_body_size", .def = "0",    \
                     .inert = true, .doc = "Nothing is received here."),                                     \
        OTC_FIELD_AS(struct_name, member.page.compression_algorithms, "compression_algorithms",              \
                     .inert = true, .doc = "Nothing is received here.")

/* ---- Server ------------------------------------------------------------------------------------- */

struct otc_handler {
    void (*on_headers)(void *arg, struct otc_exchange *exchange);
    void (*on_data)(void *arg, struct otc_exchange *exchange);
    void (*on_request)(void *arg, struct otc_exchange *exchange);
    /** `http_status`: 400, 401, 408, 413, 417, 431 or 503; `fault` has the gRPC status and the text. */
    void (*on_fault)(void *arg, struct otc_exchange *exchange, int http_status,
                     const struct otc_error *fault);
    void (*on_abort)(void *arg, struct otc_exchange *exchange);
};

/** What a server is made of; borrowed for the call alone, but `host`, `component_id`, `handler`, `arg`, and
 * `tls` where it asks for reloading.
 * Zero: the default. */
struct otc_server_options {
    const char *endpoint; /* "localhost:4317", "127.0.0.1:0", "[::]:80", ":80", a path */
    bool unix_socket;
    int family;                       /* of TCP: AF_UNSPEC (0), AF_INET, AF_INET6 */
    const struct otc_tls_server *tls; /* NULL: plain */
    /** Borrowed for the server's life. Set: every request is shown to the authenticator before its handler
     * sees it; one that is refused reaches on_fault alone. */
    const struct otc_server_auth *auth;
    /** Borrowed for the server's life; NULL: none. Preflights are answered by the server, before all else. */
    const struct otc_cors *cors;
    const otc_headers *response_headers; /* as `cors`; of every answer */
    unsigned protocols;                  /* OTC_HTTP1 | OTC_HTTP2; 0: both */
    size_t max_connections;              /* 1024 */
    uint32_t max_concurrent_streams;     /* 100, of one HTTP/2 connection */
    size_t max_header_bytes;             /* 16 KiB */
    size_t max_body_bytes;               /* 64 KiB; on_headers may set another */
    bool no_keep_alive;
    int64_t header_timeout_ns;  /* 10 s */
    int64_t request_timeout_ns; /* 60 s */
    int64_t write_timeout_ns;   /* 30 s */
    int64_t idle_timeout_ns;    /* 60 s */
    int64_t max_age_ns;         /* of a connection, then it is asked to go away; 0: no limit */
    int64_t max_age_grace_ns;   /* for requests under way beyond that; 0: no limit */
    int64_t slow_body_grace_ns; /* 10 s; afterwards a body must keep 1 KiB/s on average */
    struct otc_host *host;      /* logger and memory budget */
    const char *component_id;   /* for the log */
    const struct otc_handler *handler;
    void *arg;
};

/**
 * For a component's validate: an endpoint nobody can listen on, response headers that are none, or TLS files
 * that cannot be read or do not fit
 * ("endpoint: address localhost: missing port in address", "tls: failed to load TLS config: …").
 */
OTC_CHECK otc_status otc_http_server_check(const struct otc_http_server_config *config,
                                           struct otc_error *err);
/** Copies what `config` says into `options` (endpoint, transport, tls, auth, cors, response headers,
 * timeouts, max_connections, keep-alive). */
void otc_http_server_options(const struct otc_http_server_config *config, struct otc_server_options *options);

/**
 * Binds, listens and serves. A port in use fails here: "listen tcp 127.0.0.1:4317: bind: address already in
 * use" (UNAVAILABLE). A stale unix socket nobody listens on is replaced.
 */
OTC_CHECK otc_status otc_server_open(const struct otc_server_options *options, struct otc_server **out,
                                     struct otc_error *err);
/** The bound TCP port (useful after ":0"); 0 for unix sockets. Any thread. */
uint16_t otc_server_port(const struct otc_server *server);
/** Connections open now. Any thread. */
size_t otc_server_connections(const struct otc_server *server);
/**
 * Stops accepting, lets exchanges that are under way finish until `deadline_ns` (otc_clock_monotonic_ns),
 * then closes what is left (on_abort). Twice is allowed. Not on the loop's thread.
 */
void otc_server_stop(struct otc_server *server, int64_t deadline_ns);
/** Stops at once if need be and frees. Exchanges not yet answered may still be answered afterwards. NULL is
 * allowed. */
void otc_server_free(struct otc_server *server);

/* ---- Exchanges ---------------------------------------------------------------------------------- */

struct otc_field_line {
    struct otc_slice name; /* lower case */
    struct otc_slice value;
};

struct otc_response {
    int status;
    /** Copied. Content-Length, Date and Connection are the server's. A `content-type` belongs here. */
    const struct otc_field_line *headers;
    size_t n_headers;
    struct otc_slice body; /* copied, unless `owned` */
    /** malloc'ed; then `body` lies in it, the server frees it, and nothing is copied. */
    uint8_t *owned;
    /** HTTP/2 only (gRPC). With `trailers_only` no body follows and the trailers go out with the headers. */
    const struct otc_field_line *trailers;
    size_t n_trailers;
    bool trailers_only;
    /** Close an HTTP/1.1 connection after it; on HTTP/2 ask the client to go away. */
    bool close;
};

/** Borrowed while the exchange is unanswered. The method and path ("/v1/traces", without query) of the
 * request. */
struct otc_slice otc_exchange_method(const struct otc_exchange *exchange);
struct otc_slice otc_exchange_path(const struct otc_exchange *exchange);
/** After the '?', empty if none. */
struct otc_slice otc_exchange_query(const struct otc_exchange *exchange);
/** The first value of this header, whatever the case of its name; data NULL if there is none. */
struct otc_slice otc_exchange_header(const struct otc_exchange *exchange, const char *name);
/** All headers in order (pseudo-headers left out; "host" also for :authority); `index` from 0. False at the
 * end. */
bool otc_exchange_header_at(const struct otc_exchange *exchange, size_t index, struct otc_field_line *out);
/** What the authenticator learnt of the client, `index` from 0 ("username", "raw"). False at the end. */
bool otc_exchange_auth_at(const struct otc_exchange *exchange, size_t index, struct otc_field_line *out);
/** What a 401 has to say in WWW-Authenticate, or NULL. */
const char *otc_exchange_challenge(const struct otc_exchange *exchange);
/** "10.0.0.7:49152", "unix". */
const char *otc_exchange_peer(const struct otc_exchange *exchange);
bool otc_exchange_is_http2(const struct otc_exchange *exchange);
/** The Content-Length, or -1. */
int64_t otc_exchange_content_length(const struct otc_exchange *exchange);
/** Nanoseconds since its head had come. */
int64_t otc_exchange_age_ns(const struct otc_exchange *exchange);

/** In on_headers: the largest body; beyond it on_fault is called with RESOURCE_EXHAUSTED. */
void otc_exchange_limit_body(struct otc_exchange *exchange, size_t bytes);
/** In on_data: the body will be this long in all; makes room ahead (within reason). */
void otc_exchange_expect(struct otc_exchange *exchange, size_t bytes);
/** What came of the body so far. */
struct otc_slice otc_exchange_body(const struct otc_exchange *exchange);
/**
 * Moves the body, of `*len` bytes, to the caller, who frees it with otc_large_free() and gives `*charged`
 * bytes back with host->discharge(). In on_request only. An empty body has no memory.
 */
struct otc_large otc_exchange_take_body(struct otc_exchange *exchange, size_t *len, size_t *charged);
/** Handler's own pointer. */
void otc_exchange_set_user(struct otc_exchange *exchange, void *user);
void *otc_exchange_user(const struct otc_exchange *exchange);
/** True once the client is gone. Any thread. */
bool otc_exchange_aborted(const struct otc_exchange *exchange);

/** Answers. Exactly once, any thread; the exchange is not to be touched afterwards. */
void otc_exchange_respond(struct otc_exchange *exchange, const struct otc_response *response);
/** The short form: status, content type and a copied body. */
void otc_exchange_respond_text(struct otc_exchange *exchange, int status, const char *content_type,
                               struct otc_slice body);

/* ---- Pages: small servers ------------------------------------------------------------------------ */

/** One GET (and HEAD) page; `path` NULL: every path. `serve` responds. */
struct otc_page {
    const char *path;
    void (*serve)(void *arg, struct otc_exchange *exchange);
};

/**
 * A server of pages: others are 404, other methods 405 with Allow. options->handler is ignored, options->arg
 * goes to `serve`; the `pages` array must outlive the server.
 */
OTC_CHECK otc_status otc_pages_open(const struct otc_server_options *options, const struct otc_page *pages,
                                    size_t n_pages, struct otc_server **out, struct otc_error *err);

#endif
