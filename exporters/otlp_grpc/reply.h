// SPDX-License-Identifier: Apache-2.0
/** @file What a server's answer says: status, retry delay, partial success. Pure functions of untrusted
 * bytes. */
#ifndef OTC_EXPORTERS_OTLP_GRPC_REPLY_H
#define OTC_EXPORTERS_OTLP_GRPC_REPLY_H

#include "common/base/slice.h"
#include "common/base/status.h"

/**
 * The delay of the RetryInfo in a serialized google.rpc.Status (trailer grpc-status-details-bin), in
 * milliseconds, rounded up; at least 1 when a RetryInfo is there at all, 0 when none is or the bytes are
 * malformed.
 */
uint32_t otlp_grpc_retry_delay(struct otc_slice details);

/**
 * The error of a finished call in the words of gRPC's clients: "rpc error: code = Unavailable desc = …".
 * Permanent unless OTLP lets the data be sent again. `code` is gRPC's number, unknown ones count as UNKNOWN.
 */
void otlp_grpc_error(int code, struct otc_slice message, struct otc_slice details, struct otc_error *out);

#endif
