// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/reply.h"

#include "common/otlp/rpc_status.h"

#include <stdio.h>

void
otlp_grpc_error(int code, struct otc_slice message, struct otc_slice details, struct otc_error *out)
{
    int known = code < 0 || code > OTC_UNAUTHENTICATED ? (int)OTC_UNKNOWN : code;
    struct otc_rpc_status status;

    *out = OTC_ERROR_INIT;
    out->status = (otc_status)known;
    if (known != OTC_OK) {
        (void)otc_rpc_status_read(details, &status);
        out->retry_after_ms = status.retry_delay_ms;
        snprintf(out->text, sizeof(out->text), "rpc error: code = %s desc = %.*s", otc_rpc_code_name(known),
                 (int)(message.len < 900 ? message.len : 900),
                 message.len > 0 ? (const char *)message.data : "");
    }
    out->permanent = known != OTC_OK && !otc_error_retryable(out);
}
