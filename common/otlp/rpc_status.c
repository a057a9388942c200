// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/rpc_status.h"

#include "common/base/clock.h"
#include "common/base/number.h"
#include "common/json/json.h"
#include "common/otlp/wire.h"

#define RETRY_INFO "type.googleapis.com/google.rpc.RetryInfo"
/* A day: no server can hold data up for longer. */
#define MAX_DELAY_MS UINT64_C(86400000)

static void
copy_text(char out[512], struct otc_slice text)
{
    snprintf(out, 512, "%.*s", (int)(text.len < 511 ? text.len : 511),
             text.len > 0 ? (const char *)text.data : "");
}

static uint32_t
to_ms(uint64_t seconds, uint64_t nanos)
{
    uint64_t ms = seconds > MAX_DELAY_MS / 1000 ? MAX_DELAY_MS : seconds * 1000 + (nanos + 999999) / 1000000;

    return ms > 0 ? (uint32_t)ms : 1;
}

/* ---- Protobuf ----------------------------------------------------------------------------------- */

/* google.protobuf.Duration: seconds 1, nanos 2. */
static uint32_t
duration_ms(struct otc_slice duration)
{
    struct otc_wire wire = otc_wire_of(duration);
    struct otc_wire_field field;
    uint64_t seconds = 0, nanos = 0;

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
    return to_ms(seconds, nanos);
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

bool
otc_rpc_status_read(struct otc_slice body, struct otc_rpc_status *out)
{
    struct otc_wire wire = otc_wire_of(body);
    struct otc_wire_field field;
    bool ok = true;

    *out = (struct otc_rpc_status){0};
    while (ok && otc_wire_next(&wire, &field)) {
        if (field.field <= 3 && field.type != (field.field == 1 ? OTC_WIRE_VARINT : OTC_WIRE_BYTES)) {
            ok = false;
        } else if (field.field == 1) {
            out->code = (int)(int32_t)field.number;
        } else if (field.field == 2) {
            copy_text(out->message, field.bytes);
        } else if (field.field == 3) {
            uint32_t delay = out->retry_delay_ms ? 0 : retry_info(field.bytes);

            out->n_details++;
            out->retry_delay_ms = delay ? delay : out->retry_delay_ms;
        }
    }
    if (!ok || wire.p != wire.end) {
        *out = (struct otc_rpc_status){0};
        return false;
    }
    return true;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

/* "1.500s", google.protobuf.Duration's JSON. */
static uint32_t
json_delay(const struct otc_json *detail)
{
    otc_duration delay;

    if (!otc_slice_equal_str(otc_json_text(otc_json_get(detail, "@type")), RETRY_INFO) ||
        otc_duration_parse(otc_json_text(otc_json_get(detail, "retryDelay")), &delay, NULL) != OTC_OK ||
        delay.ns < 0) {
        return 0;
    }
    return to_ms((uint64_t)delay.ns / UINT64_C(1000000000), (uint64_t)delay.ns % UINT64_C(1000000000));
}

bool
otc_rpc_status_read_json(struct otc_slice body, struct otc_rpc_status *out)
{
    const struct otc_json *details;
    struct otc_json *document;
    int64_t code = 0;

    *out = (struct otc_rpc_status){0};
    if (otc_json_parse(body, NULL, &document, NULL) != OTC_OK) {
        return false;
    }
    if (otc_json_type_of(document) != OTC_JSON_OBJECT) {
        otc_json_free(document);
        return false;
    }
    (void)otc_json_int(otc_json_get(document, "code"), &code);
    out->code = code >= 0 && code <= INT32_MAX ? (int)code : 0;
    copy_text(out->message, otc_json_text(otc_json_get(document, "message")));
    details = otc_json_get(document, "details");
    out->n_details = otc_json_size(details);
    for (size_t i = 0; i < out->n_details && out->retry_delay_ms == 0; i++) {
        out->retry_delay_ms = json_delay(otc_json_at(details, i));
    }
    otc_json_free(document);
    return true;
}

bool
otc_export_response_read_json(struct otc_slice response, int64_t *rejected, char message[512])
{
    static const char *const names[] = {"rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"};
    const struct otc_json *partial;
    struct otc_json *document;
    bool ok;

    *rejected = 0;
    message[0] = '\0';
    if (otc_json_parse(response, NULL, &document, NULL) != OTC_OK) {
        return false;
    }
    partial = otc_json_get(document, "partialSuccess");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct otc_json *value = otc_json_get(partial, names[i]);

        if (otc_json_type_of(value) == OTC_JSON_STRING) {
            (void)otc_parse_int64(otc_json_text(value), rejected);
        } else {
            (void)otc_json_int(value, rejected);
        }
    }
    copy_text(message, otc_json_text(otc_json_get(partial, "errorMessage")));
    ok = otc_json_type_of(document) == OTC_JSON_OBJECT;
    otc_json_free(document);
    return ok;
}

const char *
otc_rpc_code_name(int code)
{
    static const char *const names[] = {
        "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
        "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
        "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
        "DataLoss", "Unauthenticated"};

    return code >= 0 && code <= OTC_UNAUTHENTICATED ? names[code] : names[OTC_UNKNOWN];
}
