// SPDX-License-Identifier: Apache-2.0
#include "common/base/base64.h"
#include "receivers/otlp/receiver.h"

/** A message's head: one byte of flags, four of length, big-endian. */
#define PREFIX 5
#define COMPRESSED 1
#define MESSAGE_TEXT_MAX 2048

static const char service_prefix[] = "/opentelemetry.proto.collector.";
static const char *const methods[OTC_N_SIGNALS] = {
    "trace.v1.TraceService/Export", "metrics.v1.MetricsService/Export", "logs.v1.LogsService/Export"};
static const char accepted_encodings[] = "identity,gzip,zstd,snappy,deflate";

/* ---- Answers ------------------------------------------------------------------------------------ */

/** gRPC's percent-encoding of grpc-message: bytes outside 0x20 to 0x7e, and '%'. */
static struct otc_slice
encode_message(const char *text, char out[MESSAGE_TEXT_MAX])
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;

    for (const uint8_t *at = (const uint8_t *)text; *at && n + 3 < MESSAGE_TEXT_MAX; at++) {
        if (*at >= 0x20 && *at <= 0x7e && *at != '%') {
            out[n++] = (char)*at;
        } else {
            out[n++] = '%';
            out[n++] = hex[*at >> 4];
            out[n++] = hex[*at & 15];
        }
    }
    return otc_slice_of(out, n);
}

static void
respond_error(struct otc_exchange *exchange, const struct otc_error *err)
{
    char message[MESSAGE_TEXT_MAX];
    char code[16];
    OTC_AUTO_BUF struct otc_buf details = {.limit = 4096};
    OTC_AUTO_BUF struct otc_buf encoded = {.limit = 8192};
    static const struct otc_field_line headers[] = {
        {OTC_SLICE_LIT("content-type"), OTC_SLICE_LIT("application/grpc")},
        {OTC_SLICE_LIT("grpc-accept-encoding"), OTC_SLICE_LIT(accepted_encodings)}};
    struct otc_field_line trailers[3] = {
        {OTC_SLICE_LIT("grpc-status"), OTC_SLICE_NONE},
        {OTC_SLICE_LIT("grpc-message"), encode_message(err->text, message)},
    };
    size_t n = 2;

    snprintf(code, sizeof(code), "%d", (int)err->status);
    trailers[0].value = otc_slice_str(code);
    if (err->retry_after_ms > 0 && otc_rpc_status_protobuf(err, &details) &&
        otc_base64_encode(otc_buf_slice(&details), false, &encoded)) {
        trailers[n++] =
            (struct otc_field_line){OTC_SLICE_LIT("grpc-status-details-bin"), otc_buf_slice(&encoded)};
    }
    otc_exchange_respond(exchange, &(struct otc_response){.status = 200,
                                                          .headers = headers,
                                                          .n_headers = 2,
                                                          .trailers = trailers,
                                                          .n_trailers = n,
                                                          .trailers_only = true});
}

static void
answer(struct otlp_listener *listener, struct otc_exchange *exchange, enum otc_signal signal, bool json,
       int64_t rejected, const char *message, const struct otc_error *err)
{
    static const struct otc_field_line headers[] = {
        {OTC_SLICE_LIT("content-type"), OTC_SLICE_LIT("application/grpc")}};
    static const struct otc_field_line trailers[] = {{OTC_SLICE_LIT("grpc-status"), OTC_SLICE_LIT("0")}};
    OTC_AUTO_BUF struct otc_buf body = {.limit = 4096};

    (void)listener;
    (void)json;
    if (err) {
        respond_error(exchange, err);
        return;
    }
    otc_buf_append(&body, "\0\0\0\0\0", PREFIX);
    otc_export_response_protobuf(signal, rejected, message, &body);
    body.data[3] = (uint8_t)((body.len - PREFIX) >> 8);
    body.data[4] = (uint8_t)(body.len - PREFIX);
    otc_exchange_respond(exchange, &(struct otc_response){.status = 200,
                                                          .headers = headers,
                                                          .n_headers = 1,
                                                          .body = otc_buf_slice(&body),
                                                          .trailers = trailers,
                                                          .n_trailers = 1});
}

/* ---- Heads -------------------------------------------------------------------------------------- */

/** "Service/Method" of the path: UNIMPLEMENTED in gRPC's words unless it is a wired Export. */
static otc_status
find_signal(const struct otlp_receiver *receiver, struct otc_slice path, enum otc_signal *signal,
            struct otc_error *err)
{
    const struct otc_slice prefix = otc_slice_str(service_prefix);
    struct otc_slice name = otc_slice_skip(path, 1);
    const uint8_t *slash;

    if (otc_slice_starts(path, prefix)) {
        for (int i = 0; i < OTC_N_SIGNALS; i++) {
            if (receiver->next[i] && otc_slice_equal_str(otc_slice_skip(path, prefix.len), methods[i])) {
                *signal = (enum otc_signal)i;
                return OTC_OK;
            }
        }
    }
    slash = name.len ? memchr(name.data, '/', name.len) : NULL;
    name.len = slash ? (size_t)(slash - name.data) : name.len;
    name.len = name.len > 200 ? 200 : name.len;
    return otc_fail(err, OTC_UNIMPLEMENTED, "unknown service %.*s", OTC_SLICE_ARG(name));
}

/** The Timeout of gRPC's HTTP/2 mapping: up to 8 digits and a unit. 0: none. */
static otc_status
parse_timeout(struct otc_slice text, int64_t *ns, struct otc_error *err)
{
    static const char units[] = "HMSmun";
    static const int64_t unit_ns[] = {OTC_HOUR, OTC_MINUTE, OTC_SECOND, OTC_MILLISECOND, OTC_MICROSECOND, 1};
    const char *unit =
        text.len >= 2 && text.data[text.len - 1] ? strchr(units, text.data[text.len - 1]) : NULL;
    int64_t value = 0;

    *ns = 0;
    if (!text.data) {
        return OTC_OK;
    }
    for (size_t i = 0; unit && i + 1 < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || text.len > 9) {
            unit = NULL;
            break;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    if (!unit) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "malformed grpc-timeout");
    }
    *ns = value > INT64_MAX / unit_ns[unit - units] ? INT64_MAX : value * unit_ns[unit - units];
    *ns = *ns ? *ns : 1;
    return OTC_OK;
}

static bool
is_grpc(struct otc_slice type)
{
    const struct otc_slice prefix = otc_slice_str("application/grpc");
    const struct otc_slice rest = otc_slice_skip(type, prefix.len);

    return otc_slice_starts(type, prefix) &&
           (rest.len == 0 || *rest.data == ';' || otc_slice_equal_str(rest, "+proto"));
}

/** What the head says; a refusal counts its reason. */
static otc_status
read_head(struct otlp_listener *listener, struct otc_exchange *exchange, struct otlp_request *request,
          int64_t *timeout_ns, struct otc_error *err)
{
    const struct otc_slice encoding = otc_exchange_header(exchange, "grpc-encoding");
    otc_status status;

    *request =
        (struct otlp_request){.listener = listener, .exchange = exchange, .skip = PREFIX, .answer = answer};
    status = find_signal(listener->receiver, otc_exchange_path(exchange), &request->signal, err);
    if (status != OTC_OK) {
        otlp_refused(listener, OTLP_NOT_FOUND);
        return status;
    }
    request->encoding = otc_encoding_of(encoding);
    if (request->encoding == OTC_ENCODING_UNKNOWN) {
        otlp_refused(listener, OTLP_ENCODING);
        return otc_fail(err, OTC_UNIMPLEMENTED, "unsupported encoding: %.*s",
                        (int)(encoding.len < 100 ? encoding.len : 100), (const char *)encoding.data);
    }
    status = parse_timeout(otc_exchange_header(exchange, "grpc-timeout"), timeout_ns, err);
    if (status != OTC_OK) {
        otlp_refused(listener, OTLP_HEADERS);
    }
    return status;
}

static void
on_headers(void *arg, struct otc_exchange *exchange)
{
    struct otlp_listener *listener = arg;
    struct otc_error err = OTC_ERROR_INIT;
    struct otlp_request request;
    int64_t timeout_ns;

    otc_exchange_limit_body(exchange, listener->max_message + PREFIX);
    if (!otc_slice_equal_str(otc_exchange_method(exchange), "POST")) {
        otlp_refused(listener, OTLP_METHOD);
        otc_exchange_respond_text(exchange, 405, "text/plain", otc_slice_str("gRPC needs POST"));
    } else if (!is_grpc(otc_exchange_header(exchange, "content-type"))) {
        otlp_refused(listener, OTLP_MEDIA_TYPE);
        otc_exchange_respond_text(exchange, 415, "text/plain",
                                  otc_slice_str("gRPC needs content-type application/grpc"));
    } else if (read_head(listener, exchange, &request, &timeout_ns, &err) != OTC_OK) {
        respond_error(exchange, &err);
    }
}

/* ---- Messages ----------------------------------------------------------------------------------- */

static size_t
announced(struct otc_slice body)
{
    return (size_t)body.data[1] << 24 | (size_t)body.data[2] << 16 | (size_t)body.data[3] << 8 | body.data[4];
}

/** Looks at the prefix as soon as it is there: an announced 4 GiB is refused before they come. */
static void
on_data(void *arg, struct otc_exchange *exchange)
{
    struct otlp_listener *listener = arg;
    const struct otc_slice body = otc_exchange_body(exchange);
    struct otc_error err = OTC_ERROR_INIT;
    size_t size;

    if (body.len < PREFIX) {
        return;
    }
    size = announced(body);
    if (size > listener->max_message) {
        otlp_refused(listener, OTLP_TOO_LARGE);
        otc_fail(&err, OTC_RESOURCE_EXHAUSTED, "otlp: message of %zu bytes exceeds limit of %zu", size,
                 listener->max_message);
        respond_error(exchange, &err);
        return;
    }
    otc_exchange_expect(exchange, size + PREFIX);
}

static otc_status
check_message(struct otc_slice body, struct otlp_request *request, struct otc_error *err)
{
    if (body.len < PREFIX || announced(body) != body.len - PREFIX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: the call does not hold exactly one whole message");
    }
    if (body.data[0] > COMPRESSED) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: bad flags %u of a gRPC message", body.data[0]);
    }
    if (body.data[0] == COMPRESSED && request->encoding == OTC_ENCODING_IDENTITY) {
        return otc_fail(err, OTC_INTERNAL, "otlp: compressed flag set with identity or empty encoding");
    }
    if (body.data[0] != COMPRESSED) {
        request->encoding = OTC_ENCODING_IDENTITY;
    }
    return OTC_OK;
}

static void
on_request(void *arg, struct otc_exchange *exchange)
{
    struct otlp_listener *listener = arg;
    struct otc_error err = OTC_ERROR_INIT;
    struct otlp_request request;
    int64_t timeout_ns = 0;
    otc_status status = read_head(listener, exchange, &request, &timeout_ns, &err);

    if (status == OTC_OK) {
        status = check_message(otc_exchange_body(exchange), &request, &err);
        if (status != OTC_OK) {
            otlp_refused(listener, OTLP_MALFORMED);
        }
    }
    if (status == OTC_OK && timeout_ns && otc_exchange_age_ns(exchange) >= timeout_ns) {
        otlp_refused(listener, OTLP_DEADLINE);
        status = otc_fail(&err, OTC_DEADLINE_EXCEEDED,
                          "otlp: the call's deadline passed before its data was accepted");
    }
    if (status != OTC_OK) {
        otc_receiver_count(&listener->counters[request.signal], 0, status);
        respond_error(exchange, &err);
        return;
    }
    otlp_request_run(&request);
}

static void
on_fault(void *arg, struct otc_exchange *exchange, int http_status, const struct otc_error *fault)
{
    otlp_refused(arg, otlp_reason_of(http_status));
    respond_error(exchange, fault);
}

const struct otc_handler otlp_grpc_handler = {
    .on_headers = on_headers, .on_data = on_data, .on_request = on_request, .on_fault = on_fault};
