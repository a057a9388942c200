// SPDX-License-Identifier: Apache-2.0
/** @file A gRPC client channel made from the exporter's settings. */
#ifndef OTC_EXPORTERS_OTLP_GRPC_CHANNEL_H
#define OTC_EXPORTERS_OTLP_GRPC_CHANNEL_H

#include "exporters/otlp_grpc/config.h"

#include <grpc/grpc.h>

/** Largest reply that is read, compressed or not. */
#define OTLP_GRPC_MAX_REPLY (4 << 20)

/**
 * A channel that connects at the first call. grpc_init() must have been called. FAILED_PRECONDITION for
 * certificate files that cannot be read. `user_agent`: used unless the configuration has one.
 */
otc_status otlp_grpc_channel_new(const struct otlp_grpc_config *config, const char *user_agent,
                                 grpc_channel **out, struct otc_error *err);

#endif
