// SPDX-License-Identifier: Apache-2.0
/** @file Connections of a running OTLP receiver, over unix sockets: whatever a peer sends, the connection
 * ends when the peer has ended, and not a byte stays charged to the memory budget. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/config/node.h"
#include "common/config/schema.h"
#include "common/net/loop.h"
#include "receivers/otlp/receiver.h"
#include "tests/fuzz/fuzz.h"
#include "tests/harness/vhost.h"

extern const struct otc_factory otc_otlp_receiver_factory;

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define PREFACE_LEN 33
#define FRAME_HEAD 9
#define END_STREAM 1
#define END_HEADERS 4
/** How long the server may take to let go. */
#define PATIENCE_S 20

/* :method POST, :scheme http, :path, content-type, as literals without indexing. */
static const char call_head[] = "\x83\x86\x04\x3d/opentelemetry.proto.collector.trace.v1.TraceService/Export"
                                "\x0f\x10\x10"
                                "application/grpc";

enum { HTTP1, RAW_HTTP2, FRAMES, CALL, CHUNKED, N_MODES };

static struct {
    struct otc_vhost *vhost;
    char paths[2][64]; /* gRPC, HTTP */
} fixture;

static otc_status
consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    (void)self;
    (void)done;
    (void)err;
    otc_batch_unref(batch);
    return OTC_OK;
}

static struct otc_consumer consumer = {.abi = OTC_ABI_OF(otc_consumer), .consume = consume};

/** The settings live as long as the process. */
static const void *
make_config(void)
{
    static struct otc_document *document;
    static struct otc_config *config;
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             "protocols: {grpc: {endpoint: '%s', transport: unix}, http: {endpoint: '%s', transport: unix}}",
             fixture.paths[0], fixture.paths[1]);
    if (otc_document_parse(otc_slice_str(yaml), "fuzz.yaml", &document, &err) != OTC_OK ||
        otc_config_decode(otc_otlp_receiver_factory.config, otc_document_root(document), "receivers::otlp",
                          &config, &err) != OTC_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return otc_config_value(config);
}

/** Once a process; the receiver lives until its end. */
static void
start(void)
{
    static struct otc_component *component;
    struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings), .id = "otlp"};
    struct otc_error err = OTC_ERROR_INIT;

    fixture.vhost = otc_vhost_new();
    for (int i = 0; i < 2; i++) {
        snprintf(fixture.paths[i], sizeof(fixture.paths[i]), "/tmp/otc_net_fuzz_%ld_%d", (long)getpid(), i);
    }
    settings.host = otc_vhost_host(fixture.vhost);
    settings.config = make_config();
    if (otc_otlp_receiver_factory.create(&settings, &component, &err) != OTC_OK) {
        abort();
    }
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        if (component->ops->connect(component, (enum otc_signal)signal, &consumer, &err) != OTC_OK) {
            abort();
        }
    }
    if (component->ops->start(component, &err) != OTC_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

static void
remove_sockets(void)
{
    unlink(fixture.paths[0]);
    unlink(fixture.paths[1]);
}

static int
dial(const char *path)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        perror(path);
        abort();
    }
    return fd;
}

static void
put(int fd, const void *data, size_t len)
{
    (void)!send(fd, data, len, MSG_NOSIGNAL); /* the server may have had enough */
}

static void
put_frame(int fd, uint8_t type, uint8_t flags, uint8_t stream, struct otc_slice payload)
{
    const uint8_t head[FRAME_HEAD] = {
        0, (uint8_t)(payload.len >> 8), (uint8_t)payload.len, type, flags, 0, 0, 0, stream};

    put(fd, head, sizeof(head));
    put(fd, payload.data, payload.len);
}

/** Type, flags, stream and two bytes of length before each payload. */
static void
put_frames(int fd, struct otc_slice data)
{
    put(fd, PREFACE, PREFACE_LEN);
    while (data.len > 5) {
        size_t len = (size_t)data.data[3] << 8 | data.data[4];
        const uint8_t *head = data.data;

        data = otc_slice_skip(data, 5);
        len = len < data.len ? len : data.len;
        put_frame(fd, head[0] % 11, head[1], head[2] & 15, otc_slice_of(data.data, len));
        data = otc_slice_skip(data, len);
    }
}

/** A good head, the body in DATA frames of one size. */
static void
put_call(int fd, struct otc_slice data)
{
    const size_t step = data.len ? 1 + (size_t)data.data[0] * 4 : 1;

    data = otc_slice_skip(data, 1);
    put(fd, PREFACE, PREFACE_LEN);
    put_frame(fd, 1, END_HEADERS, 1, otc_slice_of(call_head, sizeof(call_head) - 1));
    do {
        const size_t len = data.len < step ? data.len : step;

        put_frame(fd, 0, len == data.len ? END_STREAM : 0, 1, otc_slice_of(data.data, len));
        data = otc_slice_skip(data, len);
    } while (data.len > 0);
}

static void
put_chunked(int fd, struct otc_slice data)
{
    static const char *const heads[] = {"json", "json\r\nContent-Encoding: gzip", "x-protobuf",
                                        "x-protobuf\r\nContent-Encoding: zstd"};
    char head[256];
    const int len = snprintf(
        head, sizeof(head),
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/"
        "%s\r\n\r\n",
        heads[data.len ? data.data[0] % 4 : 0]);

    put(fd, head, (size_t)len);
    data = otc_slice_skip(data, 1);
    put(fd, data.data, data.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int mode = size ? data[0] % N_MODES : 0;
    const struct otc_slice rest = otc_slice_skip(otc_slice_of(data, size), 1);
    const int64_t until = otc_clock_monotonic_ns() + PATIENCE_S * OTC_SECOND;
    char answer[4096];
    ssize_t n;
    int fd;

    if (!fixture.vhost) {
        start();
        atexit(remove_sockets);
    }
    fd = dial(fixture.paths[mode == HTTP1 || mode == CHUNKED]);
    if (mode == FRAMES) {
        put_frames(fd, rest);
    } else if (mode == CALL) {
        put_call(fd, rest);
    } else if (mode == CHUNKED) {
        put_chunked(fd, rest);
    } else {
        put(fd, rest.data, rest.len);
    }
    shutdown(fd, SHUT_WR);
    do {
        n = recv(fd, answer, sizeof(answer), 0);
    } while (n > 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        fprintf(stderr, "the connection is still open\n");
        abort();
    }
    close(fd);
    /* A connection that lingers has said its last word before it lets go of its requests. */
    while (otc_vhost_charged(fixture.vhost) != 0 && otc_clock_monotonic_ns() < until) {
        sched_yield();
    }
    if (otc_vhost_charged(fixture.vhost) != 0) {
        fprintf(stderr, "%zu bytes are still charged\n", otc_vhost_charged(fixture.vhost));
        abort();
    }
    return 0;
}
