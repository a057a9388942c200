// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp/receiver.h"

#define METADATA_MAX 128
#define AUTH_MAX 8

/** Bytes of a message and what the memory budget holds for them; given back with the last reference to the
 * batch. */
struct owned_bytes {
    struct otc_host *host;
    struct otc_large body; /* as it came, or */
    uint8_t *data;         /* made of it; malloced */
    size_t charged;
};

/** A message on its way. */
struct message {
    struct owned_bytes *owner;
    struct otc_slice bytes; /* of the owner's */
};

/** A request whose result is awaited. */
struct call {
    struct otc_done done;
    struct otlp_request request;
    size_t items;
    int64_t rejected;
    char why[128];
};

void
otlp_refused(struct otlp_listener *listener, enum otlp_reason reason)
{
    const struct otc_count count = {listener->refused[reason], 1};

    otc_meter_add(listener->receiver->host->meter, &count, 1);
}

enum otlp_reason
otlp_reason_of(int http_status)
{
    switch (http_status) {
    case 401:
        return OTLP_AUTH;
    case 408:
        return OTLP_TIMEOUT;
    case 413:
        return OTLP_TOO_LARGE;
    case 417:
    case 431:
        return OTLP_HEADERS;
    case 503:
        return OTLP_MEMORY;
    default:
        return OTLP_MALFORMED;
    }
}

/* ---- Memory ------------------------------------------------------------------------------------- */

static void
release_bytes(void *arg)
{
    struct owned_bytes *owner = arg;

    otc_large_free(&owner->body);
    free(owner->data);
    owner->host->discharge(owner->host, owner->charged);
    free(owner);
}

static bool
charge(void *arg, size_t bytes)
{
    struct owned_bytes *owner = arg;

    if (!owner->host->charge(owner->host, bytes)) {
        return false;
    }
    owner->charged += bytes;
    return true;
}

static otc_status
fail_memory(struct otc_error *err)
{
    err->retry_after_ms = OTLP_RETRY_MS;
    otc_fail(err, OTC_UNAVAILABLE, "otlp: memory budget exhausted");
    return OTC_UNAVAILABLE;
}

/** The received bytes become the message's. */
static otc_status
take_body(const struct otlp_request *request, struct message *message, struct otc_error *err)
{
    struct owned_bytes *owner = calloc(1, sizeof(*owner));
    size_t len;

    if (!owner) {
        return fail_memory(err);
    }
    owner->host = request->listener->receiver->host;
    owner->body = otc_exchange_take_body(request->exchange, &len, &owner->charged);
    message->owner = owner;
    message->bytes = otc_slice_skip(otc_slice_of(owner->body.data, len), request->skip);
    return OTC_OK;
}

/** `out`, with `owner`'s charge, takes the place of the message. */
static void
replace(struct message *message, struct owned_bytes *owner, struct otc_buf *out)
{
    size_t len;

    owner->data = otc_buf_take(out, &len);
    release_bytes(message->owner);
    message->owner = owner;
    message->bytes = otc_slice_of(owner->data, len);
}

static struct owned_bytes *
owned_bytes_new(const struct message *message)
{
    struct owned_bytes *owner = calloc(1, sizeof(*owner));

    if (owner) {
        owner->host = message->owner->host;
    }
    return owner;
}

/* ---- The steps of admission --------------------------------------------------------------------- */

static otc_status
inflate_message(const struct otlp_request *request, struct message *message, struct otc_error *err)
{
    const size_t limit = request->listener->max_message;
    struct otc_buf out = {.limit = limit + 1};
    struct owned_bytes *owner;
    otc_status status;

    if (request->encoding == OTC_ENCODING_IDENTITY || message->bytes.len == 0) {
        return OTC_OK;
    }
    owner = owned_bytes_new(message);
    if (!owner) {
        return fail_memory(err);
    }
    status = otc_inflate(request->encoding, message->bytes, limit, charge, owner, &out, err);
    if (status == OTC_OK) {
        replace(message, owner, &out);
        return OTC_OK;
    }
    otc_buf_release(&out);
    release_bytes(owner);
    return status == OTC_UNAVAILABLE ? fail_memory(err) : status;
}

static otc_status
translate_json(const struct otlp_request *request, struct message *message, struct otc_error *err)
{
    struct otc_buf out = {.limit = request->listener->max_message};
    struct owned_bytes *owner;
    otc_status status;

    if (!request->json) {
        return OTC_OK;
    }
    owner = owned_bytes_new(message);
    if (!owner) {
        return fail_memory(err);
    }
    /* An empty body is an empty request, as it is in protobuf. */
    status = message->bytes.len == 0
                 ? OTC_OK
                 : otc_json_to_protobuf(request->signal, message->bytes, OTLP_MAX_DEPTH, &out, err);
    if (status == OTC_OK && !charge(owner, out.len)) {
        status = fail_memory(err);
    }
    if (status == OTC_OK) {
        replace(message, owner, &out);
        return OTC_OK;
    }
    otc_buf_release(&out);
    release_bytes(owner);
    return status;
}

/** Takes the items out that admission found wrong: the rest is accepted (partial success). */
static otc_status
filter(const struct otlp_request *request, struct message *message, struct otc_error *err)
{
    struct otc_buf out = {0};
    struct owned_bytes *owner = owned_bytes_new(message);
    otc_status status;

    if (!owner || !charge(owner, message->bytes.len)) {
        free(owner);
        return fail_memory(err);
    }
    status = otc_admit_filter(request->signal, message->bytes, &out.data, &out.len, err);
    if (status != OTC_OK) {
        release_bytes(owner);
        return status;
    }
    replace(message, owner, &out);
    return OTC_OK;
}

static otc_status
admit(const struct otlp_request *request, struct message *message, struct otc_admitted *admitted,
      struct otc_error *err)
{
    static const struct otc_admission limits = {.max_depth = OTLP_MAX_DEPTH,
                                                .max_decoded_bytes = OTLP_MAX_DECODED};
    otc_status status = inflate_message(request, message, err);

    if (status == OTC_OK) {
        status = translate_json(request, message, err);
    }
    if (status == OTC_OK) {
        status = otc_admit(request->signal, message->bytes, &limits, admitted, err);
    }
    if (status == OTC_OK && admitted->invalid_ids + admitted->invalid_points > 0) {
        status = filter(request, message, err);
    }
    return status;
}

/* ---- Into the pipeline -------------------------------------------------------------------------- */

static struct otc_client *
client_of(const struct otlp_request *request)
{
    struct otc_client_pair pairs[METADATA_MAX], auth[AUTH_MAX];
    struct otc_field_line line;
    size_t n = 0, n_auth = 0;

    if (request->listener->include_metadata) {
        while (n < METADATA_MAX && otc_exchange_header_at(request->exchange, n, &line)) {
            pairs[n++] = (struct otc_client_pair){line.name, line.value};
        }
    }
    while (n_auth < AUTH_MAX && otc_exchange_auth_at(request->exchange, n_auth, &line)) {
        auth[n_auth++] = (struct otc_client_pair){line.name, line.value};
    }
    return otc_client_new(otc_slice_str(otc_exchange_peer(request->exchange)), pairs, n, auth, n_auth);
}

/** Reason of a refusal by ourselves. */
static enum otlp_reason
reason_of(const struct otc_error *err)
{
    switch ((int)err->status) {
    case OTC_RESOURCE_EXHAUSTED:
        return OTLP_TOO_LARGE;
    case OTC_UNAVAILABLE:
        return OTLP_MEMORY;
    case OTC_UNIMPLEMENTED:
        return OTLP_ENCODING;
    default:
        return strstr(err->text, "nesting") ? OTLP_DEPTH : OTLP_MALFORMED;
    }
}

/** The one answer, and the one count, of a request. `err` NULL: accepted. */
static void
conclude(const struct call *call, const struct otc_error *err)
{
    const struct otlp_request *request = &call->request;
    const struct otc_receiver_counters *counters = &request->listener->counters[request->signal];
    const struct otc_count rejected = {counters->failed, call->rejected};

    otc_receiver_count(counters, call->items, err ? err->status : OTC_OK);
    if (call->rejected) {
        otc_meter_add(counters->meter, &rejected, 1);
    }
    request->answer(request->listener, request->exchange, request->signal, request->json,
                    err ? 0 : call->rejected, err || !call->rejected ? NULL : call->why, err);
}

/**
 * A pipeline's error in the Collector's codes: one without a code of its own is UNAVAILABLE, or INTERNAL when
 * permanent. A backend's UNKNOWN is final and stays what it is. What is exhausted in the pipeline is no limit
 * of ours: the client hears 429, not 413.
 */
static void
conclude_pipeline(const struct call *call, const struct otc_error *result)
{
    struct otc_error err = *result;

    if (result->status == OTC_OK) {
        conclude(call, NULL);
        return;
    }
    if (err.status == OTC_PENDING || (err.status == OTC_UNKNOWN && !err.permanent)) {
        err.status = err.permanent ? OTC_INTERNAL : OTC_UNAVAILABLE;
    }
    if (err.status == OTC_RESOURCE_EXHAUSTED) {
        err.permanent = false;
    }
    otlp_refused(call->request.listener, OTLP_PIPELINE);
    conclude(call, &err);
}

static void
on_done(struct otc_done *done, const struct otc_error *result)
{
    struct call *call = OTC_CONTAINER(done, call, done);
    struct otlp_receiver *receiver = call->request.listener->receiver;

    conclude_pipeline(call, result);
    free(call);
    otlp_receiver_unref(receiver);
}

/** Takes over the call and the message. */
static void
forward(struct call *call, struct message *message)
{
    const struct otlp_request *request = &call->request;
    struct otlp_receiver *receiver = request->listener->receiver;
    const struct otc_part part = {message->bytes, release_bytes, message->owner};
    struct otc_client *client = client_of(request);
    struct otc_batch *batch = otc_batch_new(request->signal, &part, 1, call->items, client);
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status;

    otc_client_unref(client);
    atomic_fetch_add(&receiver->references, 1);
    if (!batch) {
        fail_memory(&err);
        on_done(&call->done, &err);
        return;
    }
    status = otc_consume(receiver->next[request->signal], batch, &call->done, &err);
    if (status != OTC_PENDING) { /* else on_done may have freed the call already */
        err.status = status;
        on_done(&call->done, &err);
    }
}

void
otlp_request_run(const struct otlp_request *request)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_admitted admitted = {0};
    struct message message = {0};
    struct call local = {.request = *request};
    struct call *call;
    otc_status status = take_body(request, &message, &err);

    if (status == OTC_OK) {
        status = admit(request, &message, &admitted, &err);
    }
    local.rejected = (int64_t)(admitted.invalid_ids + admitted.invalid_points);
    local.items = admitted.items - (size_t)local.rejected;
    memcpy(local.why, admitted.why, sizeof(local.why));
    call = status == OTC_OK && local.items > 0 ? malloc(sizeof(*call)) : NULL;
    if (status == OTC_OK && local.items > 0 && !call) {
        status = fail_memory(&err);
    }
    if (call) {
        *call = local;
        call->done = (struct otc_done){OTC_ABI_OF(otc_done), on_done};
        forward(call, &message);
        return;
    }
    if (message.owner) {
        release_bytes(message.owner);
    }
    if (status != OTC_OK) {
        otlp_refused(request->listener, reason_of(&err));
        local.items = 0; /* nobody counted them to the end */
        local.rejected = 0;
    }
    conclude(&local, status == OTC_OK ? NULL : &err);
}
