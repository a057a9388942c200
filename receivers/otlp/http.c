// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp/receiver.h"

#include <strings.h>

#define HEADERS_MAX 4

static const char protobuf_type[] = "application/x-protobuf";
static const char json_type[] = "application/json";

/* ---- Answers ------------------------------------------------------------------------------------ */

/** The Collector's map of gRPC codes. */
static int
http_status_of(otc_status status)
{
    switch ((int)status) {
    case OTC_CANCELLED:
    case OTC_DEADLINE_EXCEEDED:
    case OTC_ABORTED:
    case OTC_OUT_OF_RANGE:
    case OTC_UNAVAILABLE:
    case OTC_DATA_LOSS:
        return 503;
    case OTC_RESOURCE_EXHAUSTED:
        return 429;
    case OTC_INVALID_ARGUMENT:
        return 400;
    case OTC_UNAUTHENTICATED:
        return 401;
    case OTC_PERMISSION_DENIED:
        return 403;
    case OTC_UNIMPLEMENTED:
        return 404;
    default:
        return 500;
    }
}

/** Headers of a response. */
struct headers {
    struct otc_field_line lines[HEADERS_MAX];
    size_t n;
    char retry_after[16];
};

static void
add(struct headers *headers, const char *name, struct otc_slice value)
{
    headers->lines[headers->n++] = (struct otc_field_line){otc_slice_str(name), value};
}

static void
respond(struct otc_exchange *exchange, int status, struct headers *headers, struct otc_slice body)
{
    otc_exchange_respond(
        exchange, &(struct otc_response){
                      .status = status, .headers = headers->lines, .n_headers = headers->n, .body = body});
}

/** What no OTLP client asks for is told in plain words, as the Collector does. */
static void
respond_plain(struct otc_exchange *exchange, int status, const struct otc_error *err)
{
    struct headers headers = {.n = 0};

    add(&headers, "content-type", otc_slice_str("text/plain; charset=utf-8"));
    if (status == 405) {
        add(&headers, "allow", otc_slice_str("POST"));
    }
    respond(exchange, status, &headers, otc_slice_str(err->text));
}

/** A google.rpc.Status in the caller's encoding. */
static void
respond_error(struct otc_exchange *exchange, bool json, int status, const struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf body = {.limit = (size_t)16 * 1024};
    struct headers headers = {.n = 0};
    bool ok = json ? otc_rpc_status_json(err, &body) : otc_rpc_status_protobuf(err, &body);

    if (!ok) {
        otc_buf_clear(&body);
        json = otc_buf_append_str(&body, "{\"code\": 13, \"message\": \"failed to marshal error message\"}");
    }
    add(&headers, "content-type", otc_slice_str(json ? json_type : protobuf_type));
    if (status == 401 && otc_exchange_challenge(exchange)) {
        add(&headers, "www-authenticate", otc_slice_str(otc_exchange_challenge(exchange)));
    }
    if (err->retry_after_ms > 0 && (status == 429 || status == 503)) {
        snprintf(headers.retry_after, sizeof(headers.retry_after), "%u", (err->retry_after_ms + 999) / 1000);
        add(&headers, "retry-after", otc_slice_str(headers.retry_after));
    }
    respond(exchange, status, &headers, otc_buf_slice(&body));
}

static void
answer(struct otlp_listener *listener, struct otc_exchange *exchange, enum otc_signal signal, bool json,
       int64_t rejected, const char *message, const struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf body = {.limit = 4096};
    struct headers headers = {.n = 0};

    (void)listener;
    if (err) {
        /* Our own limits are final (413); RESOURCE_EXHAUSTED from the pipeline is a matter of load (429). */
        const bool too_large = err->status == OTC_RESOURCE_EXHAUSTED && err->permanent;

        respond_error(exchange, json, too_large ? 413 : http_status_of(err->status), err);
        return;
    }
    if (json) {
        otc_export_response_json(signal, rejected, message, &body);
    } else {
        otc_export_response_protobuf(signal, rejected, message, &body);
    }
    add(&headers, "content-type", otc_slice_str(json ? json_type : protobuf_type));
    respond(exchange, 200, &headers, otc_buf_slice(&body));
}

/* ---- Heads -------------------------------------------------------------------------------------- */

/** "application/json; charset=utf-8" is application/json. */
static bool
is_type(struct otc_slice value, const char *type)
{
    const size_t len = strlen(type);

    return value.len >= len && strncasecmp((const char *)value.data, type, len) == 0 &&
           (value.len == len || value.data[len] == ';' || value.data[len] == ' ');
}

static bool
find_signal(const struct otlp_receiver *receiver, struct otc_slice path, enum otc_signal *signal)
{
    const struct otlp_http_config *config = receiver->config->protocols.http;
    const char *const paths[OTC_N_SIGNALS] = {config->traces_url_path, config->metrics_url_path,
                                              config->logs_url_path};

    for (int i = 0; i < OTC_N_SIGNALS; i++) {
        /* A path that was written without its first slash has one all the same. */
        const struct otc_slice asked = paths[i] && *paths[i] != '/' ? otc_slice_skip(path, 1) : path;

        if (receiver->next[i] && paths[i] && otc_slice_equal_str(asked, paths[i])) {
            *signal = (enum otc_signal)i;
            return true;
        }
    }
    return false;
}

static bool
encoding_allowed(const struct otlp_http_config *config, struct otc_slice name)
{
    for (size_t i = 0; i < config->compression_algorithms.n; i++) {
        const struct otc_slice item = otc_slice_str(config->compression_algorithms.items[i]);

        if (item.len == name.len &&
            (item.len == 0 || strncasecmp((const char *)item.data, (const char *)name.data, item.len) == 0)) {
            return true;
        }
    }
    return otc_encoding_of(name) == OTC_ENCODING_IDENTITY;
}

static int
refuse_head(struct otlp_listener *listener, enum otlp_reason reason, int http_status)
{
    otlp_refused(listener, reason);
    return http_status;
}

/** 0, or the HTTP status of the refusal in `err`. */
static int
read_head(struct otlp_listener *listener, struct otc_exchange *exchange, struct otlp_request *request,
          struct otc_error *err)
{
    const struct otlp_receiver *receiver = listener->receiver;
    const struct otc_slice type = otc_exchange_header(exchange, "content-type");
    const struct otc_slice encoding = otc_exchange_header(exchange, "content-encoding");

    *request = (struct otlp_request){.listener = listener, .exchange = exchange, .answer = answer};
    /* Who sends no type that is ours reads JSON more easily than protobuf. */
    request->json = !is_type(type, protobuf_type);
    request->encoding = otc_encoding_of(encoding);
    if (!find_signal(receiver, otc_exchange_path(exchange), &request->signal)) {
        otc_fail(err, OTC_UNIMPLEMENTED, "404 page not found");
        return refuse_head(listener, OTLP_NOT_FOUND, 404);
    }
    if (!otc_slice_equal_str(otc_exchange_method(exchange), "POST")) {
        otc_fail(err, OTC_UNIMPLEMENTED, "405 method not allowed, supported: [POST]");
        return refuse_head(listener, OTLP_METHOD, 405);
    }
    if (request->json && !is_type(type, json_type)) {
        otc_fail(err, OTC_INVALID_ARGUMENT,
                 "415 unsupported media type, supported: [application/json, application/x-protobuf]");
        return refuse_head(listener, OTLP_MEDIA_TYPE, 415);
    }
    if (request->encoding == OTC_ENCODING_UNKNOWN ||
        !encoding_allowed(receiver->config->protocols.http, encoding)) {
        otc_fail(err, OTC_INVALID_ARGUMENT, "unsupported Content-Encoding: %.*s",
                 (int)(encoding.len < 100 ? encoding.len : 100), (const char *)encoding.data);
        return refuse_head(listener, OTLP_ENCODING, 400);
    }
    return 0;
}

/* ---- The handler -------------------------------------------------------------------------------- */

static void
on_headers(void *arg, struct otc_exchange *exchange)
{
    struct otlp_listener *listener = arg;
    struct otc_error err = OTC_ERROR_INIT;
    struct otlp_request request;
    int refused;

    otc_exchange_limit_body(exchange, listener->max_message);
    refused = read_head(listener, exchange, &request, &err);
    if (refused == 400) {
        respond_error(exchange, request.json, refused, &err);
    } else if (refused) {
        respond_plain(exchange, refused, &err);
    }
}

static void
on_request(void *arg, struct otc_exchange *exchange)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otlp_request request;

    if (read_head(arg, exchange, &request, &err) == 0) { /* on_headers saw that it is */
        otlp_request_run(&request);
    }
}

static void
on_fault(void *arg, struct otc_exchange *exchange, int http_status, const struct otc_error *fault)
{
    const bool json = !is_type(otc_exchange_header(exchange, "content-type"), protobuf_type);

    otlp_refused(arg, otlp_reason_of(http_status));
    respond_error(exchange, json, http_status, fault);
}

const struct otc_handler otlp_http_handler = {
    .on_headers = on_headers, .on_request = on_request, .on_fault = on_fault};
