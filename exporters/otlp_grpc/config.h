// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the otlp_grpc exporter. */
#ifndef OTC_EXPORTERS_OTLP_GRPC_CONFIG_H
#define OTC_EXPORTERS_OTLP_GRPC_CONFIG_H

#include "common/component/exporter_config.h"
#include "common/net/auth.h"
#include "common/net/http_client_config.h"

struct otlp_grpc_keepalive {
    otc_duration time;
    otc_duration timeout;
    bool permit_without_stream;
};

struct otlp_grpc_config {
    char *endpoint;
    struct otc_tls_client tls;
    otc_choice compression; /* enum otlp_grpc_compression */
    otc_headers headers;
    struct otlp_grpc_keepalive *keepalive;
    int64_t read_buffer_size;
    int64_t write_buffer_size;
    bool wait_for_ready;
    otc_choice balancer_name;
    char *authority;
    char *user_agent;
    struct otc_client_auth *auth;
    otc_list middlewares;
    otc_duration timeout;
    struct otc_queue_config *sending_queue;
    struct otc_retry_config retry_on_failure;
};

enum otlp_grpc_compression { OTLP_GRPC_GZIP, OTLP_GRPC_NONE, OTLP_GRPC_SNAPPY, OTLP_GRPC_ZSTD };

extern const struct otc_schema otlp_grpc_schema;
/** Names of `balancer_name`, by index. */
extern const char *const otlp_grpc_balancers[];

otc_status otlp_grpc_validate(const void *value, struct otc_error *err);

/** Where to connect: the target in gRPC's spelling and whether the scheme decides about TLS. */
struct otlp_grpc_target {
    char name[512];
    /** http:// or unix: no TLS; https://: TLS; else what `tls::insecure` says. */
    bool plaintext;
};
/**
 * Reads an endpoint: host:port, http://, https://, dns:, unix:, passthrough:. INVALID_ARGUMENT in the
 * Collector's words.
 */
otc_status otlp_grpc_target(const struct otlp_grpc_config *config, struct otlp_grpc_target *out,
                            struct otc_error *err);

#endif
