// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/reply.h"

#include "common/otlp/wire.h"

#include <stdio.h>

#define RETRY_INFO "type.googleapis.com/google.rpc.RetryInfo"
/* A day: no server can hold data up for longer. */
#define MAX_DELAY_MS UINT64_C(86400000)

/* google.protobuf.Duration: seconds 1, nanos 2. */
static uint32_t
duration_ms(struct otc_slice duration)
{
    struct otc_wire wire = otc_wire_of(duration);
    struct otc_wire_field field;
    uint64_t seconds = 0, nanos = 0, ms;

    while (otc_wire_next(&wire, &field)) {
        if (field.type == OTC_WIRE_VARINT && field.field == 1) {
            seconds = field.number;
        } else if (field.type == OTC_WIRE_VARINT && field.field == 2) {
            nanos = field.number;
        }
    }
    if (wire.p != wire.end || (int64_t)seconds < 0 || nanos > UINT64_C(999999999)) {
        return 1;
    }
    ms = seconds > MAX_DELAY_MS / 1000 ? MAX_DELAY_MS : seconds * 1000 + (nanos + 999999) / 1000000;
    return ms > 0 ? (uint32_t)ms : 1;
}

/* google.protobuf.Any: type_url 1, value 2; RetryInfo: retry_delay 1. */
static uint32_t
retry_info(struct otc_slice any)
{
    struct otc_wire wire = otc_wire_of(any);
    struct otc_wire_field field;
    struct otc_slice type = OTC_SLICE_NONE, value = OTC_SLICE_NONE, delay = OTC_SLICE_NONE;

    while (otc_wire_next(&wire, &field)) {
        if (field.type == OTC_WIRE_BYTES && field.field == 1) {
            type = field.bytes;
        } else if (field.type == OTC_WIRE_BYTES && field.field == 2) {
            value = field.bytes;
        }
    }
    if (wire.p != wire.end || !otc_slice_equal_str(type, RETRY_INFO)) {
        return 0;
    }
    wire = otc_wire_of(value);
    while (otc_wire_next(&wire, &field)) {
        if (field.type == OTC_WIRE_BYTES && field.field == 1) {
            delay = field.bytes;
        }
    }
    return wire.p == wire.end ? duration_ms(delay) : 0;
}

uint32_t
otlp_grpc_retry_delay(struct otc_slice details)
{
    struct otc_wire wire = otc_wire_of(details);
    struct otc_wire_field field;
    uint32_t delay = 0;

    while (otc_wire_next(&wire, &field)) {
        if (field.type == OTC_WIRE_BYTES && field.field == 3 && delay == 0) {
            delay = retry_info(field.bytes);
        }
    }
    return wire.p == wire.end ? delay : 0;
}

/* As Go's clients spell the codes. */
static const char *
code_name(int code)
{
    static const char *const names[] = {
        "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
        "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
        "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
        "DataLoss", "Unauthenticated"};

    return names[code];
}

void
otlp_grpc_error(int code, struct otc_slice message, struct otc_slice details, struct otc_error *out)
{
    int known = code < 0 || code > OTC_UNAUTHENTICATED ? (int)OTC_UNKNOWN : code;

    *out = OTC_ERROR_INIT;
    out->status = (otc_status)known;
    out->retry_after_ms = known == OTC_OK ? 0 : otlp_grpc_retry_delay(details);
    if (known != OTC_OK) {
        snprintf(out->text, sizeof(out->text), "rpc error: code = %s desc = %.*s", code_name(known),
                 (int)(message.len < 900 ? message.len : 900),
                 message.len > 0 ? (const char *)message.data : "");
    }
    out->permanent = known != OTC_OK && !otc_error_retryable(out);
}
