// SPDX-License-Identifier: Apache-2.0
/** @file What a server's answer says: status and retry delay. A pure function of untrusted bytes. */
#ifndef OTC_EXPORTERS_OTLP_GRPC_REPLY_H
#define OTC_EXPORTERS_OTLP_GRPC_REPLY_H

#include "common/base/slice.h"
#include "common/base/status.h"

/**
 * The error of a finished call in the words of gRPC's clients: "rpc error: code = Unavailable desc = …".
 * Permanent unless OTLP lets the data be sent again. `details` is the trailer
 * grpc-status-details-bin, in which a retry delay may be. `code` is gRPC's number, unknown ones count as
 * UNKNOWN.
 */
void otlp_grpc_error(int code, struct otc_slice message, struct otc_slice details, struct otc_error *out);

#endif
