// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/attempt.h"

#include "common/component/push.h"
#include "common/net/inflate.h"
#include "common/otlp/json.h"
#include "exporters/otlp_grpc/channel.h"
#include "exporters/otlp_grpc/reply.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include <ctype.h>

#define N_OPS 6
/* Headers that an authenticator may add. */
#define MAX_CREDENTIALS 8

struct otlp_grpc_attempt {
    void *owner;
    struct otc_done *done;
    grpc_call *call;
    grpc_byte_buffer *request;
    grpc_byte_buffer *reply;
    grpc_metadata *headers; /* with those of the authenticator; NULL: the method's alone */
    size_t n_headers;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
    const char *error_text;
};

static void
unref_batch(void *batch)
{
    otc_batch_unref(batch);
}

/* The parts by reference; each slice holds the batch. */
static grpc_byte_buffer *
plain_message(struct otc_batch *batch)
{
    size_t n = otc_batch_parts(batch);
    grpc_slice *slices = calloc(n > 0 ? n : 1, sizeof(*slices));
    grpc_byte_buffer *message;

    if (!slices) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        struct otc_slice part = otc_batch_part(batch, i);

        slices[i] = part.len == 0 ? grpc_empty_slice()
                                  : grpc_slice_new_with_user_data((void *)(uintptr_t)part.data, part.len,
                                                                  unref_batch, otc_batch_ref(batch));
    }
    message = grpc_raw_byte_buffer_create(slices, n);
    for (size_t i = 0; i < n; i++) {
        grpc_slice_unref(slices[i]);
    }
    free(slices);
    return message;
}

/* One gzip member, which gRPC passes on as it is. */
static grpc_byte_buffer *
compressed_message(struct otc_compressor *compressor, const struct otc_batch *batch)
{
    struct otc_buf out = {.limit = SIZE_MAX / 2};
    grpc_byte_buffer *message = NULL;
    struct otc_slice in;
    uint8_t *copy;
    grpc_slice slice;

    if (otc_batch_joined(batch, &copy, &in) && otc_compress(compressor, in, &out, NULL) == OTC_OK) {
        size_t n;
        uint8_t *bytes = otc_buf_take(&out, &n);

        slice = grpc_slice_new(bytes, n, free);
        message = grpc_raw_compressed_byte_buffer_create(&slice, 1, GRPC_COMPRESS_GZIP);
        grpc_slice_unref(slice);
    }
    otc_buf_release(&out);
    free(copy);
    return message;
}

static void
fill_ops(const struct otlp_grpc_method *method, struct otlp_grpc_attempt *attempt, grpc_op ops[N_OPS])
{
    memset(ops, 0, N_OPS * sizeof(*ops));
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[0].flags = method->wait_for_ready ? GRPC_INITIAL_METADATA_WAIT_FOR_READY |
                                                GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET
                                          : 0;
    ops[0].data.send_initial_metadata.metadata =
        attempt->headers ? attempt->headers : (grpc_metadata *)(uintptr_t)method->headers;
    ops[0].data.send_initial_metadata.count = attempt->headers ? attempt->n_headers : method->n_headers;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = attempt->request;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &attempt->initial;
    ops[4].op = GRPC_OP_RECV_MESSAGE;
    ops[4].data.recv_message.recv_message = &attempt->reply;
    ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[5].data.recv_status_on_client.trailing_metadata = &attempt->trailing;
    ops[5].data.recv_status_on_client.status = &attempt->status;
    ops[5].data.recv_status_on_client.status_details = &attempt->details;
    ops[5].data.recv_status_on_client.error_string = &attempt->error_text;
}

/* ---- Headers of an authenticator ---------------------------------------------------------------- */

struct credentials {
    struct otc_auth_sink sink;
    struct otlp_grpc_attempt *attempt;
    size_t room;
    bool failed;
};

static void
drop_header(struct otlp_grpc_attempt *attempt, size_t i)
{
    grpc_slice_unref(attempt->headers[i].key);
    grpc_slice_unref(attempt->headers[i].value);
}

/* Takes the place of a configured header of this name. */
static void
put_credential(struct otc_auth_sink *self, struct otc_slice name, struct otc_slice value)
{
    struct credentials *credentials = OTC_CONTAINER(self, credentials, sink);
    struct otlp_grpc_attempt *attempt = credentials->attempt;
    grpc_metadata header = {.key = grpc_slice_from_copied_buffer((const char *)name.data, name.len),
                            .value = grpc_slice_from_copied_buffer((const char *)value.data, value.len)};
    uint8_t *key = GRPC_SLICE_START_PTR(header.key);
    size_t i = 0;

    for (size_t k = 0; k < name.len; k++) {
        key[k] = (uint8_t)tolower(key[k]);
    }
    while (i < attempt->n_headers && !grpc_slice_eq(attempt->headers[i].key, header.key)) {
        i++;
    }
    if (i == credentials->room || !grpc_header_key_is_legal(header.key) ||
        !grpc_header_nonbin_value_is_legal(header.value)) {
        credentials->failed = true;
        grpc_slice_unref(header.key);
        grpc_slice_unref(header.value);
        return;
    }
    if (i < attempt->n_headers) {
        drop_header(attempt, i);
    } else {
        attempt->n_headers++;
    }
    attempt->headers[i] = header;
}

static otc_status
add_credentials(struct otlp_grpc_attempt *attempt, const struct otlp_grpc_method *method,
                struct otc_error *err)
{
    struct credentials credentials = {.sink = {OTC_ABI_OF(otc_auth_sink), put_credential},
                                      .attempt = attempt,
                                      .room = method->n_headers + MAX_CREDENTIALS};
    otc_status status;

    attempt->headers = calloc(credentials.room, sizeof(*attempt->headers));
    if (!attempt->headers) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    for (; attempt->n_headers < method->n_headers; attempt->n_headers++) {
        attempt->headers[attempt->n_headers].key = grpc_slice_ref(method->headers[attempt->n_headers].key);
        attempt->headers[attempt->n_headers].value =
            grpc_slice_ref(method->headers[attempt->n_headers].value);
    }
    status = method->authenticator->headers(method->authenticator, &credentials.sink, err);
    if (status == OTC_OK && credentials.failed) {
        status =
            otc_fail(err, OTC_INVALID_ARGUMENT, "auth: the authenticator's headers cannot be sent over gRPC");
    }
    return status;
}

static gpr_timespec
deadline_of(const struct otlp_grpc_method *method)
{
    if (method->timeout_ns == 0) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(method->timeout_ns, GPR_TIMESPAN));
}

struct otlp_grpc_attempt *
otlp_grpc_attempt_new(const struct otlp_grpc_method *method, struct otc_batch *batch, void *owner,
                      struct otc_done *done)
{
    struct otlp_grpc_attempt *attempt = calloc(1, sizeof(*attempt));

    if (attempt) {
        attempt->owner = owner;
        attempt->done = done;
        attempt->details = grpc_empty_slice();
        grpc_metadata_array_init(&attempt->initial);
        grpc_metadata_array_init(&attempt->trailing);
        attempt->request =
            method->compressor ? compressed_message(method->compressor, batch) : plain_message(batch);
    }
    otc_batch_unref(batch);
    if (attempt && !attempt->request) {
        otlp_grpc_attempt_free(attempt);
        return NULL;
    }
    return attempt;
}

otc_status
otlp_grpc_attempt_start(struct otlp_grpc_attempt *attempt, const struct otlp_grpc_method *method,
                        struct otc_error *err)
{
    grpc_op ops[N_OPS];
    grpc_call_error error;
    otc_status status = method->authenticator ? add_credentials(attempt, method, err) : OTC_OK;

    if (status != OTC_OK) {
        return status;
    }
    attempt->call =
        grpc_channel_create_registered_call(method->channel, NULL, GRPC_PROPAGATE_DEFAULTS, method->queue,
                                            method->method, deadline_of(method), NULL);
    fill_ops(method, attempt, ops);
    error = grpc_call_start_batch(attempt->call, ops, N_OPS, attempt, NULL);
    if (error != GRPC_CALL_OK) {
        return otc_fail(err, OTC_INTERNAL, "gRPC refused the call: %s", grpc_call_error_to_string(error));
    }
    return OTC_PENDING;
}

void
otlp_grpc_attempt_cancel(struct otlp_grpc_attempt *attempt)
{
    grpc_call_cancel(attempt->call, NULL);
}

static struct otc_slice
view(const grpc_slice *slice)
{
    return otc_slice_of(GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice));
}

/* The value of the trailer in which servers tell a retry delay. */
static struct otc_slice
status_details(const struct otlp_grpc_attempt *attempt)
{
    for (size_t i = 0; i < attempt->trailing.count; i++) {
        if (otc_slice_equal_str(view(&attempt->trailing.metadata[i].key), "grpc-status-details-bin")) {
            return view(&attempt->trailing.metadata[i].value);
        }
    }
    return OTC_SLICE_NONE;
}

/* The reply's bytes, inflated when the server compressed them. False when that failed. */
static bool
read_reply(const struct otlp_grpc_attempt *attempt, struct otc_buf *out)
{
    grpc_compression_algorithm algorithm = attempt->reply->data.raw.compression;
    grpc_byte_buffer_reader reader;
    grpc_slice whole;
    bool ok = true;

    if (!grpc_byte_buffer_reader_init(&reader, attempt->reply)) {
        return false;
    }
    whole = grpc_byte_buffer_reader_readall(&reader);
    if (algorithm == GRPC_COMPRESS_NONE) {
        ok = otc_buf_append_slice(out, view(&whole));
    } else {
        ok = otc_inflate(algorithm == GRPC_COMPRESS_GZIP ? OTC_ENCODING_GZIP : OTC_ENCODING_ZLIB,
                         view(&whole), OTLP_GRPC_MAX_REPLY, NULL, NULL, out, NULL) == OTC_OK;
    }
    grpc_slice_unref(whole);
    grpc_byte_buffer_reader_destroy(&reader);
    return ok;
}

void
otlp_grpc_attempt_result(struct otlp_grpc_attempt *attempt, struct otlp_grpc_result *out)
{
    OTC_AUTO_BUF struct otc_buf reply = {.limit = OTLP_GRPC_MAX_REPLY};
    struct otc_slice message = OTC_SLICE_NONE;

    out->rejected = 0;
    out->message[0] = '\0';
    otlp_grpc_error((int)attempt->status, view(&attempt->details), status_details(attempt), &out->error);
    if (out->error.status != OTC_OK || !attempt->reply) {
        return;
    }
    /* A server that answered OK has the data, whatever it wrote besides. */
    if (read_reply(attempt, &reply) &&
        otc_export_response_read(otc_buf_slice(&reply), &out->rejected, &message)) {
        snprintf(out->message, sizeof(out->message), "%.*s", (int)(message.len < 500 ? message.len : 500),
                 message.len > 0 ? (const char *)message.data : "");
    }
}

void *
otlp_grpc_attempt_owner(const struct otlp_grpc_attempt *attempt)
{
    return attempt->owner;
}

struct otc_done *
otlp_grpc_attempt_done(const struct otlp_grpc_attempt *attempt)
{
    return attempt->done;
}

void
otlp_grpc_attempt_free(struct otlp_grpc_attempt *attempt)
{
    if (attempt->call) {
        grpc_call_unref(attempt->call);
    }
    if (attempt->request) {
        grpc_byte_buffer_destroy(attempt->request);
    }
    if (attempt->reply) {
        grpc_byte_buffer_destroy(attempt->reply);
    }
    for (size_t i = 0; i < attempt->n_headers; i++) {
        drop_header(attempt, i);
    }
    free(attempt->headers);
    grpc_metadata_array_destroy(&attempt->initial);
    grpc_metadata_array_destroy(&attempt->trailing);
    grpc_slice_unref(attempt->details);
    gpr_free((void *)(uintptr_t)attempt->error_text);
    free(attempt);
}
