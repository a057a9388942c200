// SPDX-License-Identifier: Apache-2.0
/** @file Inside receivers/otlp: the settings, the receiver and the way of one request through it. */
#ifndef OTC_OTLP_RECEIVER_H
#define OTC_OTLP_RECEIVER_H

#include <stdatomic.h>

#include "common/component/client.h"
#include "common/component/counters.h"
#include "common/net/inflate.h"
#include "common/net/server.h"
#include "common/otlp/admit.h"
#include "common/otlp/json.h"

/** AnyValue nesting, and what decoding one request may cost. */
#define OTLP_MAX_DEPTH 64
#define OTLP_MAX_DECODED ((size_t)256 << 20)
/** What a client is told to wait when our memory budget is exhausted. */
#define OTLP_RETRY_MS 1000

/* ---- Settings ----------------------------------------------------------------------------------- */

struct otlp_server_parameters {
    otc_duration max_connection_idle;
    otc_duration max_connection_age;
    otc_duration max_connection_age_grace;
    otc_duration time;
    otc_duration timeout;
};

struct otlp_enforcement_policy {
    otc_duration min_time;
    bool permit_without_stream;
};

struct otlp_keepalive {
    struct otlp_server_parameters server_parameters;
    struct otlp_enforcement_policy enforcement_policy;
};

struct otlp_grpc_config {
    struct otlp_keepalive keepalive;
    struct otc_http_server_config server;
    int64_t max_recv_msg_size_mib;
    int64_t max_concurrent_streams;
    int64_t read_buffer_size;
    int64_t write_buffer_size;
    bool include_metadata;
};

struct otlp_http_config {
    struct otc_http_server_config server;
    int64_t max_request_body_size;
    bool include_metadata;
    otc_strings compression_algorithms;
    char *traces_url_path;
    char *metrics_url_path;
    char *logs_url_path;
};

struct otlp_protocols_config {
    struct otlp_grpc_config *grpc;
    struct otlp_http_config *http;
};

struct otlp_config {
    struct otlp_protocols_config protocols;
};

extern const struct otc_schema otlp_schema;
otc_status otlp_validate(const void *config, struct otc_error *err);

/* ---- The receiver ------------------------------------------------------------------------------- */

/** Why a request was refused, as aimon_receiver_refused_requests{reason} counts it. */
#define OTLP_REASON_MAP(X)                                                                                   \
    X(NOT_FOUND, "not_found")                                                                                \
    X(METHOD, "method")                                                                                      \
    X(MEDIA_TYPE, "media_type")                                                                              \
    X(ENCODING, "encoding")                                                                                  \
    X(TOO_LARGE, "too_large")                                                                                \
    X(AUTH, "auth")                                                                                          \
    X(HEADERS, "headers")                                                                                    \
    X(MALFORMED, "malformed")                                                                                \
    X(DEPTH, "depth")                                                                                        \
    X(MEMORY, "memory")                                                                                      \
    X(TIMEOUT, "timeout")                                                                                    \
    X(DEADLINE, "deadline")                                                                                  \
    X(PIPELINE, "pipeline")

enum otlp_reason {
#define OTLP_REASON_ENUM(name, text) OTLP_##name,
    OTLP_REASON_MAP(OTLP_REASON_ENUM)
#undef OTLP_REASON_ENUM
        OTLP_N_REASONS
};

struct otlp_receiver;

/** One protocol of a receiver: its listener, limits and counters. */
struct otlp_listener {
    struct otlp_receiver *receiver;
    const char *transport; /* "grpc", "http" */
    struct otc_server *server;
    size_t max_message;
    bool include_metadata;
    struct otc_receiver_counters counters[OTC_N_SIGNALS];
    struct otc_series *refused[OTLP_N_REASONS];
};

struct otlp_receiver {
    struct otc_component component;
    /** The component and each request under way hold one. */
    _Atomic size_t references;
    struct otc_host *host;
    char *id;
    const struct otlp_config *config;
    struct otc_consumer *next[OTC_N_SIGNALS]; /* NULL: not wired */
    struct otlp_listener grpc;
    struct otlp_listener http;
};

void otlp_receiver_unref(struct otlp_receiver *receiver);

/* ---- One request -------------------------------------------------------------------------------- */

/** How a result becomes a response: the only thing in which the protocols differ behind the head. */
typedef void (*otlp_answer_fn)(struct otlp_listener *listener, struct otc_exchange *exchange,
                               enum otc_signal signal, bool json, int64_t rejected, const char *message,
                               const struct otc_error *err);

struct otlp_request {
    struct otlp_listener *listener;
    struct otc_exchange *exchange;
    enum otc_signal signal;
    enum otc_encoding encoding;
    bool json;
    size_t skip; /* bytes before the message in the body: gRPC's prefix */
    otlp_answer_fn answer;
};

/**
 * Takes the body of a complete request through inflation, translation and admission into the pipeline. The
 * answer is given exactly once, now or later.
 */
void otlp_request_run(const struct otlp_request *request);
void otlp_refused(struct otlp_listener *listener, enum otlp_reason reason);
/** Of a fault that common/net found. */
enum otlp_reason otlp_reason_of(int http_status);

extern const struct otc_handler otlp_grpc_handler;
extern const struct otc_handler otlp_http_handler;

#endif
