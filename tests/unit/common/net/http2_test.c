// SPDX-License-Identifier: Apache-2.0
/* HTTP/2 by hand-made frames: what a peer may not do, and what it is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/loop.h"
#include "common/net/server.h"

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };

#define END_STREAM 1
#define END_HEADERS 4
#define CALM 11
/* :method POST, :scheme http, :path /x, :authority h as literals without indexing. */
#define HEAD "\x83\x86\x04\x02/x\x01\x01h"
#define HEAD_LEN 9

struct fixture {
    struct otc_host host;
    _Atomic size_t charged;
    struct otc_server *server;
    struct otc_server_options options;
    _Atomic int aborts;
    int fd;
};

static bool
charge(struct otc_host *host, size_t bytes)
{
    OTC_CONTAINER(host, fixture, host)->charged += bytes;
    return true;
}

static void
discharge(struct otc_host *host, size_t bytes)
{
    OTC_CONTAINER(host, fixture, host)->charged -= bytes;
}

static void
on_request(void *arg, struct otc_exchange *exchange)
{
    static const struct otc_field_line trailers[] = {{OTC_SLICE_LIT("grpc-status"), OTC_SLICE_LIT("0")}};

    (void)arg;
    otc_exchange_respond(exchange, &(struct otc_response){.status = 200,
                                                          .body = otc_exchange_body(exchange),
                                                          .trailers = trailers,
                                                          .n_trailers = 1});
}

static void
on_abort(void *arg, struct otc_exchange *exchange)
{
    struct fixture *fixture = arg;

    (void)exchange;
    fixture->aborts++;
}

static const struct otc_handler handler = {.on_request = on_request, .on_abort = on_abort};

/** False once the server has enough, which is at times the point. */
static bool
send_frame(const struct fixture *fixture, int type, int flags, uint32_t stream, const void *payload,
           size_t len)
{
    uint8_t frame[9 + 16384] = {(uint8_t)(len >> 16),    (uint8_t)(len >> 8),    (uint8_t)len,
                                (uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
                                (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};

    if (len > 0) {
        memcpy(frame + 9, payload, len);
    }
    return send(fixture->fd, frame, 9 + len, MSG_NOSIGNAL) > 0;
}

/** Many empty-handed frames (a payload of zeros) in few calls, faster than any budget refills. False as
 * above. */
static bool
send_flood(const struct fixture *fixture, int type, int flags, uint32_t stream, size_t len, int times)
{
    static uint8_t bulk[65536];
    const uint8_t head[9] = {(uint8_t)(len >> 16),    (uint8_t)(len >> 8),    (uint8_t)len,
                             (uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
                             (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    const size_t one = sizeof(head) + len;
    const size_t fit = sizeof(bulk) / one;

    memset(bulk, 0, sizeof(bulk));
    for (size_t i = 0; i < fit; i++) {
        memcpy(bulk + i * one, head, sizeof(head));
    }
    for (size_t left = (size_t)times; left > 0;) {
        const size_t now = (left < fit ? left : fit) * one;
        size_t sent = 0;

        while (sent < now) {
            const ssize_t n = send(fixture->fd, bulk + sent, now - sent, MSG_NOSIGNAL);

            if (n <= 0) {
                return false;
            }
            sent += (size_t)n;
        }
        left -= now / one;
    }
    return true;
}

static void
open_connection(struct fixture *fixture)
{
    const struct timeval bound = {.tv_sec = 10};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(otc_server_port(fixture->server))};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fixture->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fixture->fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    setsockopt(fixture->fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
    assert_int_equal(connect(fixture->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fixture->fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, MSG_NOSIGNAL), 24);
    send_frame(fixture, SETTINGS, 0, 0, NULL, 0);
}

static void
set_up(struct fixture *fixture)
{
    struct otc_error err = OTC_ERROR_INIT;

    fixture->host.charge = charge;
    fixture->host.discharge = discharge;
    fixture->options.endpoint = "127.0.0.1:0";
    fixture->options.protocols = OTC_HTTP2;
    fixture->options.host = &fixture->host;
    fixture->options.handler = &handler;
    fixture->options.arg = fixture;
    assert_int_equal(otc_server_open(&fixture->options, &fixture->server, &err), OTC_OK);
    open_connection(fixture);
}

static void
tear_down(struct fixture *fixture)
{
    close(fixture->fd);
    otc_server_stop(fixture->server, otc_clock_monotonic_ns() + OTC_SECOND);
    otc_server_free(fixture->server);
    assert_int_equal(fixture->charged, 0);
}

static bool
receive(int fd, uint8_t *to, size_t len)
{
    for (size_t have = 0; have < len;) {
        const ssize_t n = recv(fd, to + have, len - have, 0);

        if (n <= 0) {
            return false;
        }
        have += (size_t)n;
    }
    return true;
}

/** Reads until a frame of this type on this stream; its flags (or for RST and GOAWAY the error code), -1 at
 * the end. */
static int
wait_for(const struct fixture *fixture, int type, uint32_t stream)
{
    uint8_t head[9];
    uint8_t payload[16384];

    while (receive(fixture->fd, head, sizeof(head))) {
        const size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        const uint32_t at =
            (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];

        if (len > sizeof(payload) || !receive(fixture->fd, payload, len)) {
            return -1;
        }
        if (head[3] == type && at == stream) {
            return type == RST ? payload[3] : type == GOAWAY ? payload[7] : head[4];
        }
    }
    return -1;
}

static void
answers_with_trailers(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    set_up(&fixture);
    send_frame(&fixture, HEADERS, END_HEADERS, 1, HEAD, HEAD_LEN);
    send_frame(&fixture, DATA, END_STREAM, 1, "hello", 5);
    assert_int_equal(wait_for(&fixture, HEADERS, 1), END_HEADERS);
    assert_int_equal(wait_for(&fixture, DATA, 1), 0);
    assert_int_equal(wait_for(&fixture, HEADERS, 1), END_HEADERS | END_STREAM);
    send_frame(&fixture, PING, 0, 0, "12345678", 8);
    assert_int_equal(wait_for(&fixture, PING, 0), 1);
    tear_down(&fixture);
}

static void
floods_end_in_goaway(void **state)
{
    static const uint8_t cancel[4] = {0, 0, 0, 8};
    static const struct {
        int type;
        size_t len;
        int times;
    } floods[] = {{SETTINGS, 0, 30},        {PING, 8, 30}, {PRIORITY, 5, 300}, {DATA, 0, 300},
                  {WINDOW_UPDATE, 4, 3000}, {RST, 4, 300}};
    static const uint8_t payload[8] = {0, 0, 0, 3, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct fixture fixture = {0};
        const bool on_stream = floods[i].type == PRIORITY || floods[i].type == DATA;

        set_up(&fixture);
        if (floods[i].type == DATA) {
            send_frame(&fixture, HEADERS, END_HEADERS, 1, HEAD, HEAD_LEN);
        }
        for (int n = 0; n < floods[i].times; n++) {
            if (floods[i].type == RST) {
                send_frame(&fixture, HEADERS, END_HEADERS, (uint32_t)n * 2 + 1, HEAD, HEAD_LEN);
                send_frame(&fixture, RST, 0, (uint32_t)n * 2 + 1, cancel, 4);
            } else {
                send_frame(&fixture, floods[i].type, 0, on_stream, payload, floods[i].len);
            }
        }
        if (wait_for(&fixture, GOAWAY, 0) != CALM) {
            fail_msg("flood %zu", i);
        }
        tear_down(&fixture);
    }
}

/** Floods that nghttp2 itself does not mind: the turn of others must come, so they end too. */
static void
frames_of_no_use_end_in_goaway(void **state)
{
    enum { UNKNOWN = 0xbb };
    static const struct {
        int type, flags;
        size_t len;
        int times;
        bool closed;
    } floods[] = {{UNKNOWN, 0, 16000, 400, false},
                  {PING, 1, 8, 12000, false},
                  {DATA, 0, 1, 12000, false},
                  {UNKNOWN, 0, 200, 30000, false},
                  {DATA, 0, 0, 600000, true}};
    (void)state;
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct fixture fixture = {.options = {.max_body_bytes = 100000}};
        bool sent, reset;

        set_up(&fixture);
        send_frame(&fixture, HEADERS, END_HEADERS | (floods[i].closed ? END_STREAM : 0), 1, HEAD, HEAD_LEN);
        if (floods[i].closed) {
            assert_true(wait_for(&fixture, HEADERS, 1) >= 0);
            assert_true(wait_for(&fixture, HEADERS, 1) >= 0);
        }
        sent = send_flood(&fixture, floods[i].type, floods[i].flags, floods[i].type == DATA, floods[i].len,
                          floods[i].times);
        /* Who still sends when the server closes is reset, and may lose the GOAWAY that went before. */
        reset = !sent && (errno == EPIPE || errno == ECONNRESET);
        if (wait_for(&fixture, GOAWAY, 0) != CALM && !reset) {
            fail_msg("flood %zu", i);
        }
        tear_down(&fixture);
    }
}

/** Trailers that name one long entry of the dynamic table again and again. */
static void
trailers_are_counted(void **state)
{
    struct fixture fixture = {0};
    static uint8_t block[16000];
    uint8_t entry[3100];

    (void)state;
    memcpy(entry, "\x40\x01x\x7f\xb9\x16", 6); /* "x", a value of 3000 bytes */
    memset(entry + 6, 'y', 3000);
    memset(block, 0xbe, sizeof(block));
    set_up(&fixture);
    for (uint32_t stream = 1; stream < 60; stream += 2) {
        send_frame(&fixture, HEADERS, END_HEADERS, stream, HEAD, HEAD_LEN);
        send_frame(&fixture, HEADERS, END_STREAM, stream, entry, stream == 1 ? 3006 : 0);
        send_frame(&fixture, CONTINUATION, END_HEADERS, stream, block, sizeof(block));
    }
    assert_int_equal(wait_for(&fixture, GOAWAY, 0), CALM);
    tear_down(&fixture);
}

static void
old_connections_are_asked_to_go(void **state)
{
    struct fixture fixture = {.options = {.max_age_ns = 50 * OTC_MILLISECOND,
                                          .max_age_grace_ns = 50 * OTC_MILLISECOND,
                                          .header_timeout_ns = 80 * OTC_MILLISECOND}};

    (void)state;
    set_up(&fixture);
    assert_int_equal(wait_for(&fixture, GOAWAY, 0), 0);
    close(fixture.fd);
    open_connection(&fixture);
    send_frame(&fixture, HEADERS, END_HEADERS, 1, HEAD, HEAD_LEN);
    assert_int_equal(wait_for(&fixture, GOAWAY, 0), 0);
    assert_int_equal(wait_for(&fixture, HEADERS, 1), -1); /* a request under way has the grace alone */
    tear_down(&fixture);
}

static void
endless_headers_end_the_connection(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    set_up(&fixture);
    send_frame(&fixture, HEADERS, 0, 1, HEAD, HEAD_LEN);
    for (int n = 0; n < 100; n++) {
        send_frame(&fixture, CONTINUATION, 0, 1,
                   "\x00\x01"
                   "a\x01"
                   "b",
                   5);
    }
    assert_int_equal(wait_for(&fixture, HEADERS, 1), -1);
    assert_int_equal(fixture.aborts, 0); /* it never became a request */
    tear_down(&fixture);
}

static void
unfinished_requests_run_out_of_time(void **state)
{
    struct fixture fixture = {.options = {.header_timeout_ns = 50 * OTC_MILLISECOND,
                                          .request_timeout_ns = 100 * OTC_MILLISECOND,
                                          .write_timeout_ns = 100 * OTC_MILLISECOND,
                                          .idle_timeout_ns = 300 * OTC_MILLISECOND}};
    static const uint8_t no_window[6] = {0, 4};

    (void)state;
    set_up(&fixture);
    send_frame(&fixture, HEADERS, END_HEADERS, 1, HEAD, HEAD_LEN);
    send_frame(&fixture, DATA, 0, 1, "hel", 3);
    assert_true(wait_for(&fixture, HEADERS, 1) >= 0); /* 408 */
    send_frame(&fixture, SETTINGS, 0, 0, no_window, sizeof(no_window));
    send_frame(&fixture, HEADERS, END_HEADERS, 3, HEAD, HEAD_LEN);
    send_frame(&fixture, DATA, END_STREAM, 3, "hello", 5);
    assert_int_equal(wait_for(&fixture, RST, 3), 8);    /* the answer was not taken */
    assert_int_equal(wait_for(&fixture, GOAWAY, 0), 0); /* idle */
    close(fixture.fd);
    open_connection(&fixture);
    send_frame(&fixture, HEADERS, 0, 1, HEAD, HEAD_LEN);
    assert_int_equal(wait_for(&fixture, HEADERS, 1), -1);
    tear_down(&fixture);
}

static void
long_heads_and_bodies_are_refused(void **state)
{
    struct fixture fixture = {.options = {.max_header_bytes = 300, .max_body_bytes = 4}};
    uint8_t head[200] = HEAD;

    (void)state;
    set_up(&fixture);
    memcpy(head + HEAD_LEN, "\x00\x01x\x7f\x00", 5); /* a value of 127 bytes */
    memset(head + HEAD_LEN + 5, 'y', 127);
    send_frame(&fixture, HEADERS, END_HEADERS, 1, head, HEAD_LEN + 5 + 127);
    assert_true(wait_for(&fixture, HEADERS, 1) >= 0);
    assert_int_equal(wait_for(&fixture, RST, 1), 0); /* NO_ERROR: the body is not wanted */
    send_frame(&fixture, HEADERS, END_HEADERS, 3, HEAD, HEAD_LEN);
    send_frame(&fixture, DATA, 0, 3, "hello", 5);
    assert_true(wait_for(&fixture, HEADERS, 3) >= 0);
    assert_int_equal(wait_for(&fixture, RST, 3), 0);
    send_frame(&fixture, HEADERS, END_HEADERS, 5, HEAD, HEAD_LEN);
    send_frame(&fixture, DATA, END_STREAM, 5, "ok", 2);
    assert_int_equal(wait_for(&fixture, DATA, 5), 0);
    tear_down(&fixture);
}

static void
a_vanished_client_is_told_to_the_handler(void **state)
{
    struct fixture fixture = {0};
    const int64_t until = otc_clock_monotonic_ns() + 10 * OTC_SECOND;
    static const uint8_t cancel[4] = {0, 0, 0, 8};

    (void)state;
    set_up(&fixture);
    send_frame(&fixture, HEADERS, END_HEADERS, 1, HEAD, HEAD_LEN);
    send_frame(&fixture, DATA, 0, 1, "hel", 3);
    send_frame(&fixture, RST, 0, 1, cancel, 4);
    send_frame(&fixture, PING, 0, 0, "12345678", 8);
    assert_int_equal(wait_for(&fixture, PING, 0), 1);
    assert_int_equal(fixture.aborts, 1);
    send_frame(&fixture, HEADERS, END_HEADERS, 3, HEAD, HEAD_LEN);
    send_frame(&fixture, PING, 0, 0, "12345678", 8);
    assert_int_equal(wait_for(&fixture, PING, 0), 1);
    shutdown(fixture.fd, SHUT_RDWR);
    while (otc_server_connections(fixture.server) > 0 && otc_clock_monotonic_ns() < until) {
        recv(fixture.fd, (char[1]){0}, 1, 0);
    }
    assert_int_equal(fixture.aborts, 2);
    tear_down(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_with_trailers),
        cmocka_unit_test(floods_end_in_goaway),
        cmocka_unit_test(frames_of_no_use_end_in_goaway),
        cmocka_unit_test(trailers_are_counted),
        cmocka_unit_test(old_connections_are_asked_to_go),
        cmocka_unit_test(endless_headers_end_the_connection),
        cmocka_unit_test(unfinished_requests_run_out_of_time),
        cmocka_unit_test(long_heads_and_bodies_are_refused),
        cmocka_unit_test(a_vanished_client_is_told_to_the_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
