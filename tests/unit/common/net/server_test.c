// SPDX-License-Identifier: Apache-2.0
/* The listener over real sockets on 127.0.0.1: every wait is for a condition, with a bound. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/net/loop.h"
#include "common/net/server.h"

#define WAIT_NS (10 * OTC_SECOND)

/* ---- A host with a budget ------------------------------------------------------------------------ */

struct test_host {
    struct otc_host host;
    _Atomic size_t charged;
    size_t limit;
};

static bool
charge(struct otc_host *host, size_t bytes)
{
    struct test_host *self = OTC_CONTAINER(host, test_host, host);

    if (self->charged + bytes > self->limit) {
        return false;
    }
    self->charged += bytes;
    return true;
}

static void
discharge(struct otc_host *host, size_t bytes)
{
    struct test_host *self = OTC_CONTAINER(host, test_host, host);

    assert_true(self->charged >= bytes);
    self->charged -= bytes;
}

/* ---- A handler that echoes ----------------------------------------------------------------------- */

struct fixture {
    struct test_host host;
    struct otc_server *server;
    struct otc_server_options options;
    struct otc_exchange *held; /* of "/hold" */
    _Atomic int requests, aborts;
    _Atomic bool holding;
    pthread_t answerer;
};

static void
on_headers(void *arg, struct otc_exchange *exchange)
{
    (void)arg;
    otc_exchange_limit_body(exchange,
                            otc_slice_equal_str(otc_exchange_path(exchange), "/large") ? 64 << 20 : 1000000);
    if (otc_slice_equal_str(otc_exchange_path(exchange), "/refused")) {
        otc_exchange_respond_text(exchange, 403, "text/plain", otc_slice_str("no"));
    }
}

static void
on_request(void *arg, struct otc_exchange *exchange)
{
    struct fixture *fixture = arg;

    fixture->requests++;
    if (otc_slice_equal_str(otc_exchange_path(exchange), "/hold")) {
        fixture->held = exchange;
        fixture->holding = true;
        return;
    }
    otc_exchange_respond_text(exchange, 200, "text/plain", otc_exchange_body(exchange));
}

static void
on_abort(void *arg, struct otc_exchange *exchange)
{
    struct fixture *fixture = arg;

    (void)exchange;
    fixture->aborts++;
}

static const struct otc_handler echo = {
    .on_headers = on_headers, .on_request = on_request, .on_abort = on_abort};

static void
open_server(struct fixture *fixture)
{
    struct otc_error err = OTC_ERROR_INIT;

    fixture->host.host.charge = charge;
    fixture->host.host.discharge = discharge;
    if (fixture->host.limit == 0) {
        fixture->host.limit = (size_t)64 << 20;
    }
    if (!fixture->options.endpoint) {
        fixture->options.endpoint = "127.0.0.1:0";
    }
    fixture->options.host = &fixture->host.host;
    fixture->options.handler = &echo;
    fixture->options.arg = fixture;
    assert_int_equal(otc_server_open(&fixture->options, &fixture->server, &err), OTC_OK);
}

static void
close_server(struct fixture *fixture)
{
    otc_server_stop(fixture->server, otc_clock_monotonic_ns() + OTC_SECOND);
    otc_server_free(fixture->server);
    assert_int_equal(fixture->host.charged, 0);
}

/* ---- A client ------------------------------------------------------------------------------------ */

static int
dial(const struct fixture *fixture)
{
    const struct timeval bound = {.tv_sec = 10};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(otc_server_port(fixture->server))};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void
put(int fd, const char *text)
{
    const size_t len = strlen(text);

    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/** All that comes until the peer closes; a reset ends it too. */
static const char *
read_to_end(int fd, struct otc_buf *out)
{
    char piece[4096];
    ssize_t n;

    while ((n = recv(fd, piece, sizeof(piece), 0)) > 0) {
        otc_buf_append(out, piece, (size_t)n);
    }
    return otc_buf_cstr(out);
}

/** Until `text` has come `times` times. */
static const char *
read_until(int fd, const char *text, int times, struct otc_buf *out)
{
    char byte;

    for (;;) {
        const char *all = otc_buf_cstr(out);
        int seen = 0;

        for (const char *at = all; (at = strstr(at, text)) != NULL; at++) {
            seen++;
        }
        if (seen >= times || recv(fd, &byte, 1, 0) <= 0) {
            assert_true(seen >= times);
            return all;
        }
        otc_buf_append_byte(out, (uint8_t)byte);
    }
}

static bool
wait_for(const _Atomic int *value, int wanted)
{
    const int64_t until = otc_clock_monotonic_ns() + WAIT_NS;

    while (*value < wanted && otc_clock_monotonic_ns() < until) {
        poll(NULL, 0, 1);
    }
    return *value >= wanted;
}

/** One request, everything that comes back until the server closes. */
static void
exchange_text(const struct fixture *fixture, const char *request, struct otc_buf *out)
{
    const int fd = dial(fixture);

    put(fd, request);
    read_to_end(fd, out);
    close(fd);
}

/* ---- HTTP/1.1 ------------------------------------------------------------------------------------ */

static void
keeps_alive_and_pipelines(void **state)
{
    struct fixture fixture = {0};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};
    const char *text;
    int fd;

    (void)state;
    open_server(&fixture);
    fd = dial(&fixture);
    put(fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloPOST /b HTTP/1.1\r\nHost: x\r\n"
            "Transfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n3;x=y\r\nbar\r\n0\r\nTrailer: 1\r\n\r\n"
            "HEAD /c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    text = read_to_end(fd, &out);
    assert_non_null(strstr(text, "\r\n\r\nhelloHTTP/1.1 200 OK"));
    assert_non_null(strstr(text, "\r\n\r\nfoobarHTTP/1.1 200 OK"));
    assert_non_null(strstr(text, "Content-Length: 3\r\nConnection: close\r\n\r\n"));
    assert_string_equal(text + out.len - 4, "\r\n\r\n");
    assert_int_equal(fixture.requests, 3);
    close(fd);
    close_server(&fixture);
}

static void
waits_for_a_head_in_pieces(void **state)
{
    static const char request[] = "POST /x?q=1 HTTP/1.0\r\nContent-Length: 2\r\n\r\nok";
    struct fixture fixture = {0};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};
    int fd;

    (void)state;
    open_server(&fixture);
    fd = dial(&fixture);
    for (const char *at = request; *at; at++) {
        assert_int_equal(send(fd, at, 1, MSG_NOSIGNAL), 1);
    }
    assert_non_null(strstr(read_to_end(fd, &out), "Connection: close\r\n\r\nok"));
    close(fd);
    close_server(&fixture);
}

static void
answers_expectations(void **state)
{
    struct fixture fixture = {0};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf other = {.limit = 1 << 20};
    int fd;

    (void)state;
    open_server(&fixture);
    fd = dial(&fixture);
    put(fd, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    read_until(fd, "HTTP/1.1 100 Continue\r\n\r\n", 1, &out);
    put(fd, "ok");
    read_until(fd, "\r\n\r\nok", 1, &out);
    close(fd);
    exchange_text(&fixture, "POST / HTTP/1.1\r\nHost: x\r\nExpect: much\r\nContent-Length: 2\r\n\r\nok",
                  &other);
    assert_non_null(strstr(otc_buf_cstr(&other), "HTTP/1.1 417 "));
    close_server(&fixture);
}

static void
refuses_ambiguous_requests(void **state)
{
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\naa",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\naaaaa",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\nHost: x\nContent-Length: 1\n\na",
        "POST / HTTP/1.1\r\nHost: x\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\rContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\n Host: x\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabX0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "POST / HTTP/3.1\r\nHost: x\r\n\r\n",
        "POST  / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
        "POST\t/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1 \r\nHost: x\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.9\r\nContent-Length: 1\r\n\r\na",
        "\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
        "\r\n\rPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
        "GET / HTTP/1.1\r\nHost: x\r\nX: \001\r\n\r\n",
    };
    struct fixture fixture = {0};

    (void)state;
    open_server(&fixture);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};

        exchange_text(&fixture, heads[i], &out);
        if (strncmp(otc_buf_cstr(&out), "HTTP/1.1 400 ", 13) != 0) {
            fail_msg("%s\nwas answered with\n%s", heads[i], otc_buf_cstr(&out));
        }
        assert_non_null(strstr(otc_buf_cstr(&out), "Connection: close"));
    }
    assert_int_equal(fixture.requests, 0);
    close_server(&fixture);
}

static void
limits_heads_and_bodies(void **state)
{
    struct fixture fixture = {.options = {.max_header_bytes = 1000}};
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 21};
    OTC_AUTO_BUF struct otc_buf head = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf body = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf chunks = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf early = {.limit = 1 << 20};

    (void)state;
    open_server(&fixture);
    otc_buf_printf(&request, "GET / HTTP/1.1\r\nHost: x\r\nX: %01200d\r\n\r\n", 0);
    exchange_text(&fixture, otc_buf_cstr(&request), &head);
    assert_non_null(strstr(otc_buf_cstr(&head), "HTTP/1.1 431 "));
    exchange_text(&fixture, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n", &body);
    assert_non_null(strstr(otc_buf_cstr(&body), "HTTP/1.1 413 "));
    assert_non_null(strstr(otc_buf_cstr(&body), "otlp: message of 1000001 bytes exceeds limit of 1000000"));
    otc_buf_clear(&request);
    otc_buf_printf(&request,
                   "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nf4250\r\n%01000016d\r\n",
                   0);
    exchange_text(&fixture, otc_buf_cstr(&request), &chunks);
    assert_non_null(strstr(otc_buf_cstr(&chunks), "HTTP/1.1 413 "));
    exchange_text(&fixture, "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc", &early);
    assert_non_null(strstr(otc_buf_cstr(&early), "HTTP/1.1 403 "));
    close_server(&fixture);
}

static void
a_full_budget_is_503(void **state)
{
    struct fixture fixture = {.host = {.limit = 3000}};
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};

    (void)state;
    open_server(&fixture);
    otc_buf_printf(&request, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n%04000d", 0);
    exchange_text(&fixture, otc_buf_cstr(&request), &out);
    assert_non_null(strstr(otc_buf_cstr(&out), "HTTP/1.1 503 "));
    close_server(&fixture);
}

static void
send_all(int fd, const char *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        const ssize_t n = send(fd, data + at, len - at, MSG_NOSIGNAL);

        assert_true(n > 0);
        at += (size_t)n;
    }
}

static bool
charged_at_least(struct fixture *fixture, size_t bytes)
{
    const int64_t until = otc_clock_monotonic_ns() + WAIT_NS;

    while (fixture->host.charged < bytes && otc_clock_monotonic_ns() < until) {
        poll(NULL, 0, 1);
    }
    return fixture->host.charged >= bytes;
}

/* A body of megabytes has its memory in large pages, and pays for one as soon as it begins it, not for all
 * that it announces. */
static void
a_large_body_pays_by_the_page(void **state)
{
    enum { LEN = 8000000 };
    struct fixture fixture = {0};
    OTC_AUTO_BUF struct otc_buf body = {.limit = LEN};
    OTC_AUTO_BUF struct otc_buf out = {.limit = LEN + 1000};
    const char *answer;
    int fd;

    (void)state;
    for (uint32_t i = 0; body.len < LEN; i++) {
        assert_true(otc_buf_append_byte(&body, (uint8_t)('a' + i * i % 23)));
    }
    open_server(&fixture);
    fd = dial(&fixture);
    put(fd, "POST /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8000000\r\n\r\n");
    send_all(fd, (const char *)body.data, 100000);
    assert_true(charged_at_least(&fixture, 100000));
    assert_true(fixture.host.charged < 110000);
    send_all(fd, (const char *)body.data + 100000, 1000000);
    assert_true(charged_at_least(&fixture, OTC_LARGE));
    assert_true(fixture.host.charged < OTC_LARGE + 10000);
    send_all(fd, (const char *)body.data + 1100000, 2000000);
    assert_true(charged_at_least(&fixture, 2 * OTC_LARGE));
    assert_true(fixture.host.charged < 2 * OTC_LARGE + 10000);
    send_all(fd, (const char *)body.data + 3100000, LEN - 3100000);
    answer = strstr(read_to_end(fd, &out), "\r\n\r\n");
    assert_non_null(answer);
    assert_int_equal(out.len - (size_t)(answer + 4 - (const char *)out.data), LEN);
    assert_memory_equal(answer + 4, body.data, LEN);
    close(fd);
    close_server(&fixture);
}

/* Of unknown length: copied as it grows, from the heap into large pages. */
static void
a_large_body_may_come_in_chunks(void **state)
{
    struct fixture fixture = {0};
    OTC_AUTO_BUF struct otc_buf request = {.limit = (size_t)8 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)8 << 20};
    const char *answer;
    int fd;

    (void)state;
    otc_buf_append_str(
        &request,
        "POST /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5000; i++) {
        otc_buf_printf(&request, "3e8\r\n%01000d\r\n", i);
    }
    otc_buf_append_str(&request, "0\r\n\r\n");
    open_server(&fixture);
    fd = dial(&fixture);
    send_all(fd, (const char *)request.data, request.len);
    answer = strstr(read_to_end(fd, &out), "\r\n\r\n");
    assert_non_null(answer);
    assert_int_equal(strlen(answer + 4), 5000 * 1000);
    for (int i = 0; i < 5000; i++) {
        char expected[1001];

        (void)snprintf(expected, sizeof(expected), "%01000d", i);
        assert_memory_equal(answer + 4 + (size_t)i * 1000, expected, 1000);
    }
    close(fd);
    close_server(&fixture);
}

static void
a_large_body_without_room_for_a_page_is_503(void **state)
{
    struct fixture fixture = {.host = {.limit = OTC_LARGE / 4 * 3}};
    OTC_AUTO_BUF struct otc_buf body = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};
    int fd;

    (void)state;
    otc_buf_printf(&body, "%0540000d", 0);
    open_server(&fixture);
    fd = dial(&fixture);
    put(fd, "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n");
    send_all(fd, otc_buf_cstr(&body), 510000);
    assert_true(charged_at_least(&fixture, 510000));
    send_all(fd, otc_buf_cstr(&body), 30000);
    assert_non_null(strstr(read_to_end(fd, &out), "HTTP/1.1 503 "));
    close(fd);
    close_server(&fixture);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

static void
slow_peers_are_cut_off(void **state)
{
    struct fixture fixture = {.options = {.header_timeout_ns = 100 * OTC_MILLISECOND,
                                          .request_timeout_ns = 300 * OTC_MILLISECOND,
                                          .idle_timeout_ns = 200 * OTC_MILLISECOND}};
    const char *const starts[] = {"", "PRI * HT", "GET / HTTP/1.1\r\nHost:",
                                  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
                                  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};

    (void)state;
    open_server(&fixture);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};
        const int64_t begin = otc_clock_monotonic_ns();

        exchange_text(&fixture, starts[i], &out);
        assert_true(otc_clock_monotonic_ns() - begin < WAIT_NS);
        assert_true(i < 2 || i == 4 || strstr(otc_buf_cstr(&out), "HTTP/1.1 408 "));
    }
    close_server(&fixture);
}

static void
idle_connections_make_room(void **state)
{
    struct fixture fixture = {.options = {.max_connections = 4}};
    int idle[12];
    int fd;
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};

    (void)state;
    open_server(&fixture);
    for (size_t i = 0; i < 12; i++) {
        idle[i] = dial(&fixture);
    }
    fd = dial(&fixture);
    put(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    assert_non_null(strstr(read_to_end(fd, &out), "\r\n\r\nhi"));
    assert_true(otc_server_connections(fixture.server) <= 4);
    for (size_t i = 0; i < 12; i++) {
        close(idle[i]);
    }
    close(fd);
    close_server(&fixture);
}

/* ---- Answers from elsewhere ------------------------------------------------------------------------ */

static void *
answer(void *arg)
{
    struct fixture *fixture = arg;
    const int64_t until = otc_clock_monotonic_ns() + WAIT_NS;

    while (!fixture->holding && otc_clock_monotonic_ns() < until) {
        poll(NULL, 0, 1);
    }
    otc_exchange_respond_text(fixture->held, 200, "text/plain", otc_slice_str("late"));
    return NULL;
}

static void
another_thread_may_answer(void **state)
{
    struct fixture fixture = {0};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};

    (void)state;
    open_server(&fixture);
    pthread_create(&fixture.answerer, NULL, answer, &fixture);
    exchange_text(&fixture, "POST /hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &out);
    pthread_join(fixture.answerer, NULL);
    assert_non_null(strstr(otc_buf_cstr(&out), "\r\n\r\nlate"));
    close_server(&fixture);
}

static void
an_answer_may_outlive_the_server(void **state)
{
    struct fixture fixture = {0};
    int fd;

    (void)state;
    open_server(&fixture);
    fd = dial(&fixture);
    put(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert_true(wait_for(&fixture.requests, 1));
    otc_server_stop(fixture.server, otc_clock_monotonic_ns() + 20 * OTC_MILLISECOND);
    assert_int_equal(fixture.aborts, 1);
    otc_server_free(fixture.server);
    assert_true(otc_exchange_aborted(fixture.held));
    otc_exchange_respond_text(fixture.held, 200, "text/plain", otc_slice_str("nobody listens"));
    assert_int_equal(fixture.host.charged, 0);
    close(fd);
}

static void
a_stopping_server_finishes_what_it_began(void **state)
{
    struct fixture fixture = {0};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};
    int fd;

    (void)state;
    open_server(&fixture);
    fd = dial(&fixture);
    put(fd, "POST /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(wait_for(&fixture.requests, 1));
    pthread_create(&fixture.answerer, NULL, answer, &fixture);
    otc_server_stop(fixture.server, otc_clock_monotonic_ns() + WAIT_NS);
    pthread_join(fixture.answerer, NULL);
    assert_non_null(strstr(read_to_end(fd, &out), "\r\n\r\nlate"));
    close(fd);
    close_server(&fixture);
}

/* ---- Opening --------------------------------------------------------------------------------------- */

static void
a_port_in_use_fails_at_start(void **state)
{
    struct fixture fixture = {0};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_server *other;
    char endpoint[32];

    (void)state;
    open_server(&fixture);
    snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", otc_server_port(fixture.server));
    fixture.options.endpoint = endpoint;
    assert_int_equal(otc_server_open(&fixture.options, &other, &err), OTC_UNAVAILABLE);
    assert_non_null(strstr(err.text, "bind: address already in use"));
    fixture.options.endpoint = "no-port";
    assert_int_equal(otc_server_open(&fixture.options, &other, &err), OTC_INVALID_ARGUMENT);
    fixture.options.endpoint = "1:2:3";
    assert_int_equal(otc_server_open(&fixture.options, &other, &err), OTC_INVALID_ARGUMENT);
    fixture.options.endpoint = "127.0.0.1:99999";
    assert_int_equal(otc_server_open(&fixture.options, &other, &err), OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "listen tcp: address 127.0.0.1:99999: invalid port (allowed: 0 to 65535)");
    close_server(&fixture);
}

static void
serves_unix_sockets(void **state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct fixture fixture = {.options = {.unix_socket = true}};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    snprintf(to.sun_path, sizeof(to.sun_path), "/tmp/otc_net_test_%d.sock", (int)getpid());
    fixture.options.endpoint = to.sun_path;
    open_server(&fixture);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    put(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nu");
    assert_non_null(strstr(read_to_end(fd, &out), "\r\n\r\nu"));
    close(fd);
    close_server(&fixture);
    assert_int_not_equal(access(to.sun_path, F_OK), 0);
}

/* ---- Pages ------------------------------------------------------------------------------------------ */

static void
serve(void *arg, struct otc_exchange *exchange)
{
    otc_exchange_respond_text(exchange, 200, "text/plain", otc_slice_str(arg));
}

static void
serves_pages(void **state)
{
    static const struct otc_page pages[] = {{"/metrics", serve}};
    static char text[] = "a 1\n";
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET /metrics?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK"},
        {"HEAD http://h/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK"},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 Not Found"},
        {"DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 405 Method Not Allowed"},
    };
    struct fixture fixture = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    fixture.host = (struct test_host){.host = {.charge = charge, .discharge = discharge}, .limit = 1 << 20};
    fixture.options = (struct otc_server_options){
        .endpoint = "127.0.0.1:0", .host = &fixture.host.host, .arg = text, .component_id = "pages"};
    assert_int_equal(otc_pages_open(&fixture.options, pages, 1, &fixture.server, &err), OTC_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};

        exchange_text(&fixture, cases[i].request, &out);
        assert_memory_equal(otc_buf_cstr(&out), cases[i].status, strlen(cases[i].status));
        assert_int_equal(strstr(otc_buf_cstr(&out), "a 1\n") != NULL, i == 0);
    }
    close_server(&fixture);
}

#define PAGE_BYTES ((size_t)8 << 20)

static void
serve_much(void *arg, struct otc_exchange *exchange)
{
    uint8_t *page = calloc(1, PAGE_BYTES);

    (void)arg;
    assert_non_null(page);
    otc_exchange_respond(exchange, &(struct otc_response){
                                       .status = 200, .body = otc_slice_of(page, PAGE_BYTES), .owned = page});
}

/** Readers that do not read hold a bounded number of pages; once they are gone, pages are served again. */
static void
slow_readers_hold_little(void **state)
{
    static const struct otc_page pages[] = {{"/", serve_much}};
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const int64_t until = otc_clock_monotonic_ns() + WAIT_NS;
    struct fixture fixture = {0};
    struct otc_error err = OTC_ERROR_INIT;
    int readers[20];
    char first[13] = "";

    (void)state;
    fixture.host = (struct test_host){.host = {.charge = charge, .discharge = discharge}, .limit = 1 << 20};
    fixture.options = (struct otc_server_options){
        .endpoint = "127.0.0.1:0", .host = &fixture.host.host, .component_id = "pages"};
    assert_int_equal(otc_pages_open(&fixture.options, pages, 1, &fixture.server, &err), OTC_OK);
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        readers[i] = dial(&fixture);
        put(readers[i], request);
        assert_int_equal(recv(readers[i], first, 12, MSG_WAITALL), 12);
        assert_string_equal(first, i < 8 ? "HTTP/1.1 200" : "HTTP/1.1 503");
    }
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        close(readers[i]);
    }
    do {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 2 * PAGE_BYTES};

        exchange_text(&fixture, request, &out);
        memcpy(first, out.data, 12);
        assert_true(otc_clock_monotonic_ns() < until);
    } while (strcmp(first, "HTTP/1.1 200") != 0);
    close_server(&fixture);
}

static void
bad_settings_are_told_before_anything_listens(void **state)
{
    static const struct {
        const char *endpoint, *text; /* NULL: fine */
    } cases[] = {
        {"localhost:65536", "endpoint: address localhost:65536: invalid port (allowed: 0 to 65535)"},
        {"localhost:-1", "endpoint: address localhost:-1: invalid port"},
        {"localhost:+1", "endpoint: address localhost:+1: invalid port"},
        {"localhost:no such service", "invalid port"},
        {"localhost", "endpoint: address localhost: missing port in address"},
        {"::1", "too many colons in address"},
        {"", "missing port in address"},
        {":65535", NULL},
        {"[::1]:0", NULL},
        {"no.such.host.invalid:4317", NULL},
    };
    char missing[] = "/nonexistent/ca.pem";
    struct otc_tls_server tls = {.client_ca_file = missing, .cert_file = missing, .key_file = missing};
    struct otc_http_server_config config = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char endpoint[64];

        snprintf(endpoint, sizeof(endpoint), "%s", cases[i].endpoint);
        config.endpoint = endpoint;
        if (cases[i].text == NULL) {
            assert_int_equal(otc_http_server_check(&config, &err), OTC_OK);
            config.tls = &tls;
            assert_int_equal(otc_http_server_check(&config, &err), OTC_FAILED_PRECONDITION);
            assert_non_null(strstr(err.text, "tls: failed to load TLS config: "));
            assert_non_null(strstr(err.text, missing));
            config.tls = NULL;
        } else {
            assert_int_equal(otc_http_server_check(&config, &err), OTC_INVALID_ARGUMENT);
            assert_non_null(strstr(err.text, cases[i].text));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_settings_are_told_before_anything_listens),
        cmocka_unit_test(keeps_alive_and_pipelines),
        cmocka_unit_test(waits_for_a_head_in_pieces),
        cmocka_unit_test(answers_expectations),
        cmocka_unit_test(refuses_ambiguous_requests),
        cmocka_unit_test(limits_heads_and_bodies),
        cmocka_unit_test(a_full_budget_is_503),
        cmocka_unit_test(a_large_body_pays_by_the_page),
        cmocka_unit_test(a_large_body_may_come_in_chunks),
        cmocka_unit_test(a_large_body_without_room_for_a_page_is_503),
        cmocka_unit_test(slow_peers_are_cut_off),
        cmocka_unit_test(idle_connections_make_room),
        cmocka_unit_test(another_thread_may_answer),
        cmocka_unit_test(an_answer_may_outlive_the_server),
        cmocka_unit_test(a_stopping_server_finishes_what_it_began),
        cmocka_unit_test(a_port_in_use_fails_at_start),
        cmocka_unit_test(serves_unix_sockets),
        cmocka_unit_test(serves_pages),
        cmocka_unit_test(slow_readers_hold_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
