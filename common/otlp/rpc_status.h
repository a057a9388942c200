// SPDX-License-Identifier: Apache-2.0
/** @file What servers answered, read: google.rpc.Status and Export…ServiceResponse, as protobuf or JSON. */
#ifndef OTC_OTLP_RPC_STATUS_H
#define OTC_OTLP_RPC_STATUS_H

#include "common/base/buf.h"
#include "common/component/otc.h"

/** A google.rpc.Status, read. */
struct otc_rpc_status {
    int code;
    /** Of RetryInfo among the details; 0: none, at least 1 where there is one, at most a day. */
    uint32_t retry_delay_ms;
    /** Details of any kind. */
    size_t n_details;
    char message[512];
};

/** False when `body` is none; `out` is then empty. */
bool otc_rpc_status_read(struct otc_slice body, struct otc_rpc_status *out);
bool otc_rpc_status_read_json(struct otc_slice body, struct otc_rpc_status *out);

/** An Export…ServiceResponse as JSON; `message` gets at most 511 bytes. False when malformed. */
bool otc_export_response_read_json(struct otc_slice response, int64_t *rejected, char message[512]);

/** A code as Go's clients spell it: "Unavailable", "InvalidArgument"; "Unknown" for a number that is none. */
const char *otc_rpc_code_name(int code);

#endif
