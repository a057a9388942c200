// SPDX-License-Identifier: Apache-2.0
#include "common/json/json.h"
#include "common/otlp/json.h"
#include "common/otlp/wire.h"

#include <inttypes.h>

#define RETRY_INFO "type.googleapis.com/google.rpc.RetryInfo"

bool
otc_rpc_status_protobuf(const struct otc_error *error, struct otc_buf *out)
{
    size_t detail, info, delay;

    if (error->status != OTC_OK) {
        otc_wire_put_number(out, 1, (uint64_t)error->status);
    }
    otc_wire_put_bytes(out, 2, otc_slice_str(error->text));
    if (error->retry_after_ms > 0) {
        detail = otc_wire_begin(out, 3);
        otc_wire_put_bytes(out, 1, otc_slice_str(RETRY_INFO));
        info = otc_wire_begin(out, 2);
        delay = otc_wire_begin(out, 1);
        otc_wire_put_number(out, 1, error->retry_after_ms / 1000);
        otc_wire_put_number(out, 2, error->retry_after_ms % 1000 * UINT64_C(1000000));
        otc_wire_end(out, delay);
        otc_wire_end(out, info);
        otc_wire_end(out, detail);
    }
    return !out->failed;
}

bool
otc_rpc_status_json(const struct otc_error *error, struct otc_buf *out)
{
    struct otc_json_writer writer = {.out = out};

    otc_json_begin_object(&writer);
    otc_json_key(&writer, "code");
    otc_json_write_int(&writer, error->status);
    otc_json_key(&writer, "message");
    otc_json_write_str(&writer, error->text);
    if (error->retry_after_ms > 0) {
        char delay[32];

        snprintf(delay, sizeof(delay), "%u.%03us", error->retry_after_ms / 1000,
                 error->retry_after_ms % 1000);
        otc_json_key(&writer, "details");
        otc_json_begin_array(&writer);
        otc_json_begin_object(&writer);
        otc_json_key(&writer, "@type");
        otc_json_write_str(&writer, RETRY_INFO);
        otc_json_key(&writer, "retryDelay");
        otc_json_write_str(&writer, delay);
        otc_json_end_object(&writer);
        otc_json_end_array(&writer);
    }
    otc_json_end_object(&writer);
    return otc_json_writer_ok(&writer);
}

static bool
is_partial(int64_t rejected, const char *message)
{
    return rejected > 0 || (message && *message);
}

bool
otc_export_response_protobuf(enum otc_signal signal, int64_t rejected, const char *message,
                             struct otc_buf *out)
{
    (void)signal; /* the three messages differ in the name of a field alone */
    if (is_partial(rejected, message)) {
        size_t mark = otc_wire_begin(out, 1);

        if (rejected > 0) {
            otc_wire_put_number(out, 1, (uint64_t)rejected);
        }
        if (message && *message) {
            otc_wire_put_bytes(out, 2, otc_slice_str(message));
        }
        otc_wire_end(out, mark);
    }
    return !out->failed;
}

bool
otc_export_response_json(enum otc_signal signal, int64_t rejected, const char *message, struct otc_buf *out)
{
    static const char *const names[] = {[OTC_TRACES] = "rejectedSpans",
                                        [OTC_METRICS] = "rejectedDataPoints",
                                        [OTC_LOGS] = "rejectedLogRecords"};
    struct otc_json_writer writer = {.out = out};

    otc_json_begin_object(&writer);
    if (is_partial(rejected, message)) {
        otc_json_key(&writer, "partialSuccess");
        otc_json_begin_object(&writer);
        if (rejected > 0) {
            char text[24];

            snprintf(text, sizeof(text), "%" PRId64, rejected);
            otc_json_key(&writer, names[signal]);
            otc_json_write_str(&writer, text);
        }
        if (message && *message) {
            otc_json_key(&writer, "errorMessage");
            otc_json_write_str(&writer, message);
        }
        otc_json_end_object(&writer);
    }
    otc_json_end_object(&writer);
    return otc_json_writer_ok(&writer);
}

static bool
read_partial(struct otc_slice encoded, int64_t *rejected, struct otc_slice *message)
{
    struct otc_wire wire = otc_wire_of(encoded);
    struct otc_wire_field at;

    while (otc_wire_next(&wire, &at)) {
        if ((at.field == 1 && at.type != OTC_WIRE_VARINT) || (at.field == 2 && at.type != OTC_WIRE_BYTES)) {
            return false;
        }
        if (at.field == 1) {
            *rejected = (int64_t)at.number;
        } else if (at.field == 2) {
            *message = at.bytes;
        }
    }
    return wire.p == wire.end;
}

bool
otc_export_response_read(struct otc_slice response, int64_t *rejected, struct otc_slice *message)
{
    struct otc_wire wire = otc_wire_of(response);
    struct otc_wire_field at;

    *rejected = 0;
    *message = OTC_SLICE_NONE;
    while (otc_wire_next(&wire, &at)) {
        if (at.field == 1 && (at.type != OTC_WIRE_BYTES || !read_partial(at.bytes, rejected, message))) {
            return false;
        }
    }
    return wire.p == wire.end;
}
