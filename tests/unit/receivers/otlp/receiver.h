// SPDX-License-Identifier: Apache-2.0
/** @file A receiver over real sockets on 127.0.0.1 with a virtual host and a sink behind it, and clients. */
#ifndef OTC_TESTS_OTLP_RECEIVER_H
#define OTC_TESTS_OTLP_RECEIVER_H

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/config/node.h"
#include "common/config/schema.h"
#include "common/net/loop.h"
#include "receivers/otlp/receiver.h"
#include "tests/harness/http_get.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

extern const struct otc_factory otc_otlp_receiver_factory;

/* resource_spans { scope_spans { spans { trace_id, span_id, name "a" } } } */
#define SPAN                                                                                                 \
    "\x0a\x23\x12\x21\x12\x1f\x0a\x10"                                                                       \
    "0123456789abcdef"                                                                                       \
    "\x12\x08"                                                                                               \
    "01234567"                                                                                               \
    "\x2a\x01"                                                                                               \
    "a"
#define SPAN_LEN 37
/* The same with a span_id of 3 bytes. */
#define BAD_SPAN                                                                                             \
    "\x0a\x1e\x12\x1c\x12\x1a\x0a\x10"                                                                       \
    "0123456789abcdef"                                                                                       \
    "\x12\x03"                                                                                               \
    "012"                                                                                                    \
    "\x2a\x01"                                                                                               \
    "a"
#define BAD_SPAN_LEN 32

/* ---- A running receiver --------------------------------------------------------------------------- */

struct fixture {
    struct otc_vhost *vhost;
    struct otc_sink *sink;
    struct otc_document *document;
    struct otc_config *config;
    struct otc_component *component;
    struct otlp_receiver *receiver;
    /** What `auth: {authenticator: door}` names; NULL: nothing. */
    struct otc_component *door;
};

static inline void
start(struct fixture *fixture, const char *yaml)
{
    const struct otc_factory *factory = &otc_otlp_receiver_factory;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings), .id = "otlp"};
    const struct otc_node *root = NULL;

    fixture->vhost = otc_vhost_new();
    fixture->sink = otc_sink_new();
    assert_int_equal(otc_document_parse(otc_slice_str(yaml), "test.yaml", &fixture->document, &err), OTC_OK);
    root = otc_document_root(fixture->document);
    if (otc_config_decode(factory->config, root, "receivers::otlp", &fixture->config, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    if (fixture->door) {
        otc_vhost_add_extension(fixture->vhost, "door", fixture->door);
    }
    settings.config = otc_config_value(fixture->config);
    settings.host = otc_vhost_host(fixture->vhost);
    assert_int_equal(factory->validate(settings.config, &err), OTC_OK);
    assert_int_equal(factory->create(&settings, &fixture->component, &err), OTC_OK);
    fixture->receiver = OTC_CONTAINER(fixture->component, otlp_receiver, component);
    assert_int_equal(fixture->component->ops->connect(fixture->component, OTC_TRACES,
                                                      otc_sink_consumer(fixture->sink), &err),
                     OTC_OK);
    if (fixture->component->ops->start(fixture->component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static inline void
stop(struct fixture *fixture)
{
    struct otc_host *host = otc_vhost_host(fixture->vhost);
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(
        fixture->component->ops->shutdown(fixture->component, host->monotonic_ns(host) + OTC_SECOND, &err),
        OTC_OK);
    otc_sink_free(fixture->sink);
    fixture->component->ops->free(fixture->component);
    otc_config_free(fixture->config);
    otc_document_free(fixture->document);
    otc_vhost_free(fixture->vhost);
}

static const char both[] = "protocols: {grpc: {endpoint: '127.0.0.1:0', max_recv_msg_size_mib: 1}, "
                           "http: {endpoint: '127.0.0.1:0', max_request_body_size: 100000}}";

static inline int
dial(const struct otlp_listener *listener)
{
    const struct timeval bound = {.tv_sec = 10};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(otc_server_port(listener->server))};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* ---- HTTP ------------------------------------------------------------------------------------------ */

struct answer {
    int status;
    char text[8192];
    const char *body;
};

static inline struct answer *
http(const struct fixture *fixture, const char *head, const void *body, size_t len)
{
    static struct answer answer;
    const int fd = dial(&fixture->receiver->http);
    char request[1024];
    size_t have = 0;
    ssize_t n;

    snprintf(request, sizeof(request), "%s\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
             head, len);
    send(fd, request, strlen(request), MSG_NOSIGNAL);
    send(fd, body, len, MSG_NOSIGNAL);
    while ((n = recv(fd, answer.text + have, sizeof(answer.text) - 1 - have, 0)) > 0) {
        have += (size_t)n;
    }
    close(fd);
    memset(answer.text + have, 0, sizeof(answer.text) - have);
    answer.body = strstr(answer.text, "\r\n\r\n");
    answer.status = have > 12 ? (int)strtol(answer.text + 9, NULL, 10) : 0;
    answer.body = answer.body ? answer.body + 4 : "";
    return &answer;
}

#define POST_PROTO "POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf"
#define POST_JSON "POST /v1/traces HTTP/1.1\r\nContent-Type: application/json; charset=utf-8"

static inline size_t
gzip(const void *data, size_t len, uint8_t *out, size_t room)
{
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)room};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return room - stream.avail_out;
}

/* ---- gRPC ------------------------------------------------------------------------------------------ */

/** One call on a connection of its own. */
struct call {
    int fd;
    const uint8_t *body;
    size_t len, sent;
    bool hold_end; /* the client never ends its stream */
    bool closed;
    char status[16], message[512], details[512], accept[64], http[8];
    uint8_t reply[512];
    size_t reply_len;
};

static inline ssize_t
send_some(nghttp2_session *session, const uint8_t *data, size_t len, int flags, void *arg)
{
    const struct call *call = arg;

    (void)session;
    (void)flags;
    return send(call->fd, data, len, MSG_NOSIGNAL);
}

static inline ssize_t
read_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
             nghttp2_data_source *source, void *arg)
{
    struct call *call = arg;
    const size_t n = call->len - call->sent < room ? call->len - call->sent : room;

    (void)session;
    (void)stream;
    (void)source;
    if (n == 0 && call->hold_end) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(to, call->body + call->sent, n);
    call->sent += n;
    *flags |= call->sent == call->len && !call->hold_end ? NGHTTP2_DATA_FLAG_EOF : 0;
    return (ssize_t)n;
}

static inline int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
          const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct call *call = arg;
    const struct {
        const char *name;
        char *to;
        size_t size;
    } wanted[] = {{":status", call->http, sizeof(call->http)},
                  {"grpc-status", call->status, sizeof(call->status)},
                  {"grpc-message", call->message, sizeof(call->message)},
                  {"grpc-accept-encoding", call->accept, sizeof(call->accept)},
                  {"grpc-status-details-bin", call->details, sizeof(call->details)}};

    (void)session;
    (void)frame;
    (void)flags;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (otc_slice_equal_str(otc_slice_of(name, name_len), wanted[i].name)) {
            snprintf(wanted[i].to, wanted[i].size, "%.*s", (int)value_len, (const char *)value);
        }
    }
    return 0;
}

static inline int
on_reply(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *arg)
{
    struct call *call = arg;

    (void)session;
    (void)flags;
    (void)stream;
    assert_true(call->reply_len + len <= sizeof(call->reply));
    memcpy(call->reply + call->reply_len, data, len);
    call->reply_len += len;
    return 0;
}

static inline int
on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
    struct call *call = arg;

    (void)session;
    (void)stream;
    (void)code;
    call->closed = true;
    return 0;
}

#define NV(name, value)                                                                                      \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value),            \
            NGHTTP2_NV_FLAG_NONE                                                                             \
    }

static inline void
run_session(struct call *call, nghttp2_session *session)
{
    uint8_t data[16384];
    ssize_t n;

    do {
        assert_int_equal(nghttp2_session_send(session), 0);
        n = call->closed ? 0 : recv(call->fd, data, sizeof(data), 0);
    } while (n > 0 && nghttp2_session_mem_recv(session, data, (size_t)n) >= 0);
    assert_true(call->closed);
}

#define TRACES "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

static inline void
grpc(const struct fixture *fixture, const char *path, const char *extra_name, const char *extra_value,
     struct call *call)
{
    const nghttp2_nv head[] = {NV(":method", "POST"),
                               NV(":scheme", "http"),
                               NV(":path", path),
                               NV(":authority", "x"),
                               NV("content-type", "application/grpc"),
                               NV("te", "trailers"),
                               NV(extra_name, extra_value)};
    const nghttp2_data_provider provider = {.read_callback = read_request};
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;

    call->fd = dial(&fixture->receiver->grpc);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_send_callback(callbacks, send_some);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_reply);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    assert_int_equal(nghttp2_session_client_new(&session, callbacks, call), 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0);
    assert_true(nghttp2_submit_request(session, NULL, head, sizeof(head) / sizeof(head[0]), &provider, NULL) >
                0);
    run_session(call, session);
    nghttp2_session_del(session);
    close(call->fd);
}

static inline struct call
export_message(const struct fixture *fixture, const char *name, const char *value, const void *body,
               size_t len)
{
    struct call call = {.body = body, .len = len};

    grpc(fixture, TRACES, name, value, &call);
    return call;
}

#endif
