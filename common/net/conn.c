// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/** Reads in a row before others get their turn. */
#define READS_MAX 8
#define LINGER_NS (2 * OTC_SECOND)
/** A connection's turn ends behind the piece with which it took this long: others wait meanwhile. */
#define TURN_NS (250 * OTC_MICROSECOND)

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void on_readable(int fd, short what, void *arg);
static void on_writable(int fd, short what, void *arg);
static void on_again(int fd, short what, void *arg);

/* ---- Life --------------------------------------------------------------------------------------- */

static void
free_conn(struct otc_conn *conn)
{
    while (conn->exchanges) {
        otc_exchange_detach(conn->exchanges);
    }
    if (conn->protocol) {
        conn->protocol->free(conn);
    }
    if (conn->ssl) {
        otc_tls_close(conn->ssl);
        otc_tls_session_free(conn->ssl);
    }
    if (conn->read_event) {
        event_free(conn->read_event);
    }
    if (conn->write_event) {
        event_free(conn->write_event);
    }
    if (conn->again_event) {
        event_free(conn->again_event);
    }
    close(conn->fd);
    otc_buf_release(&conn->out);
    otc_server_conn_gone(conn->server, conn);
    free(conn);
}

struct otc_conn *
otc_conn_new(struct otc_server *server, int fd, const char *peer)
{
    struct otc_conn *conn = calloc(1, sizeof(*conn));
    struct event_base *base = otc_loop_base(server->loop);

    if (!conn) {
        close(fd);
        return NULL;
    }
    conn->server = server;
    conn->fd = fd;
    conn->now = otc_clock_monotonic_ns();
    conn->opened_ns = conn->idle_since_ns = conn->now;
    conn->read_max = OTC_READ_BUFFER;
    otc_buf_init(&conn->out, SIZE_MAX / 2);
    snprintf(conn->peer, sizeof(conn->peer), "%s", peer);
    conn->next = server->conns;
    if (conn->next) {
        conn->next->prev = conn;
    }
    server->conns = conn;
    server->n_conns++;
    conn->ssl = server->tls ? otc_tls_session_new(server->tls, fd) : NULL;
    conn->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    conn->write_event = event_new(base, fd, EV_WRITE, on_writable, conn);
    conn->again_event = event_new(base, -1, 0, on_again, conn);
    if ((server->tls && !conn->ssl) || !conn->read_event || !conn->write_event || !conn->again_event ||
        event_add(conn->read_event, NULL) != 0) {
        free_conn(conn);
        return NULL;
    }
    otc_server_sweep_soon(server);
    return conn;
}

static bool
turn_is_over(const struct otc_conn *conn)
{
    return otc_clock_monotonic_ns() - conn->now > TURN_NS;
}

/** Goes on once all others had their turn (a timer; an event made active runs before sockets are looked at).
 */
static void
go_on_later(struct otc_conn *conn)
{
    static const struct timeval at_once = {0, 0};

    event_add(conn->again_event, &at_once);
}

/** Where event handlers end: the one place that frees. */
static void
leave(struct otc_conn *conn)
{
    if (--conn->depth == 0 && conn->closing) {
        free_conn(conn);
    }
}

void
otc_conn_close(struct otc_conn *conn)
{
    conn->closing = true;
    if (conn->depth == 0) {
        free_conn(conn);
    }
}

bool
otc_conn_is_idle(const struct otc_conn *conn)
{
    return conn->n_exchanges == 0 && !conn->closing;
}

void
otc_conn_pause(struct otc_conn *conn)
{
    if (!conn->paused) {
        conn->paused = true;
        event_del(conn->read_event);
    }
}

void
otc_conn_resume(struct otc_conn *conn)
{
    if (conn->paused) {
        conn->paused = false;
        event_add(conn->read_event, NULL);
        if (conn->ssl) { /* bytes may wait inside the session */
            go_on_later(conn);
        }
    }
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static bool
has_output(const struct otc_conn *conn)
{
    return conn->out_sent < conn->out.len || conn->out_body.len > 0;
}

/** As write(): -1 with `*blocked` when the socket is full. */
static ssize_t
write_some(struct otc_conn *conn, bool *blocked)
{
    const size_t head = conn->out.len - conn->out_sent;
    struct iovec vectors[2] = {{conn->out.data + conn->out_sent, head},
                               {(void *)(uintptr_t)conn->out_body.data, conn->out_body.len}};
    const struct msghdr message = {.msg_iov = head ? vectors : vectors + 1,
                                   .msg_iovlen = (head ? 1u : 0u) + (conn->out_body.len ? 1u : 0u)};
    enum otc_tls_want want;
    ssize_t n;

    if (conn->ssl) {
        n = head ? otc_tls_write(conn->ssl, vectors[0].iov_base, head, &want)
                 : otc_tls_write(conn->ssl, conn->out_body.data, conn->out_body.len, &want);
        *blocked = n < 0 && want != OTC_TLS_NOTHING;
        return n > 0 ? n : -1;
    }
    do {
        n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    *blocked = n < 0 && errno == EAGAIN;
    return n;
}

static void
advance(struct otc_conn *conn, size_t n)
{
    const size_t head = conn->out.len - conn->out_sent;

    if (n < head) {
        conn->out_sent += n;
        return;
    }
    conn->out_body = otc_slice_skip(conn->out_body, n - head);
    otc_buf_clear(&conn->out);
    conn->out_sent = 0;
}

static void
start_linger(struct otc_conn *conn)
{
    if (conn->linger_left == 0) {
        conn->closing = true;
        return;
    }
    conn->lingering = true;
    conn->linger_deadline_ns = otc_clock_monotonic_ns() + LINGER_NS;
    if (conn->ssl) {
        otc_tls_close(conn->ssl);
    }
    shutdown(conn->fd, SHUT_WR);
    otc_conn_resume(conn);
}

static void
wait_for_room(struct otc_conn *conn)
{
    if (conn->write_deadline_ns == 0) {
        conn->write_deadline_ns = otc_clock_monotonic_ns() + conn->server->limits.write_timeout_ns;
    }
    event_add(conn->write_event, NULL);
}

static void
flush(struct otc_conn *conn)
{
    bool blocked = false;

    while (!conn->closing && !conn->lingering) {
        ssize_t n;

        if (!has_output(conn) && conn->protocol) {
            if (turn_is_over(conn)) { /* pipelined requests, say */
                go_on_later(conn);
                return;
            }
            conn->protocol->fill(conn);
        }
        if (!has_output(conn)) {
            conn->write_deadline_ns = 0;
            if (conn->finishing) {
                start_linger(conn);
            }
            return;
        }
        n = write_some(conn, &blocked);
        if (n < 0) {
            if (blocked) {
                wait_for_room(conn);
            } else {
                conn->closing = true;
            }
            return;
        }
        advance(conn, (size_t)n);
    }
}

void
otc_conn_kick(struct otc_conn *conn)
{
    if (conn->depth == 0) {
        conn->depth++;
        conn->now = otc_clock_monotonic_ns();
        flush(conn);
        leave(conn);
    }
}

void
otc_conn_finish(struct otc_conn *conn, size_t bytes)
{
    conn->finishing = true;
    conn->linger_left = bytes;
    otc_conn_pause(conn); /* first what we have to say goes out, then the rest is discarded */
}

/* ---- Reading ------------------------------------------------------------------------------------ */

/** The first bytes tell the protocol. False: none of ours. */
static bool
choose_protocol(struct otc_conn *conn, bool http2)
{
    const unsigned allowed = conn->server->limits.protocols;

    if (http2) {
        return (allowed & OTC_HTTP2) && otc_http2_start(conn);
    }
    return (allowed & OTC_HTTP1) && otc_http1_start(conn);
}

static bool
sniff(struct otc_conn *conn, struct otc_slice data)
{
    static const char only_http2[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 28\r\n"
        "Connection: close\r\n\r\nthis port speaks HTTP/2 only";
    size_t take = sizeof(preface) - 1 - conn->first_len;

    take = take < data.len ? take : data.len;
    memcpy(conn->first + conn->first_len, data.data, take);
    conn->first_len += take;
    if (memcmp(conn->first, preface, conn->first_len) == 0) {
        if (conn->first_len < sizeof(preface) - 1) {
            return true;
        }
        if (!choose_protocol(conn, true)) {
            return false;
        }
    } else if (!choose_protocol(conn, false)) {
        if (conn->first[0] < 'A' || conn->first[0] > 'Z') {
            return false; /* TLS on a plain port, or noise */
        }
        otc_buf_append_str(&conn->out, only_http2);
        otc_conn_finish(conn, OTC_READ_BUFFER);
        return true;
    }
    return conn->protocol->input(conn, otc_slice_of(conn->first, conn->first_len)) &&
           (data.len == take || conn->protocol->input(conn, otc_slice_skip(data, take)));
}

static bool
take_input(struct otc_conn *conn, struct otc_slice data)
{
    if (conn->lingering || conn->finishing) {
        if (data.len >= conn->linger_left) {
            return false;
        }
        conn->linger_left -= data.len;
        return true;
    }
    return conn->protocol ? conn->protocol->input(conn, data) : sniff(conn, data);
}

/** As read(): 0 at the end, -1 with `*wait` when there is nothing now. */
static ssize_t
read_some(struct otc_conn *conn, bool *wait)
{
    uint8_t *buffer = conn->server->read_buffer;
    enum otc_tls_want want;
    ssize_t n;

    if (!conn->ssl) {
        do {
            n = recv(conn->fd, buffer, conn->read_max, 0);
        } while (n < 0 && errno == EINTR);
        *wait = n < 0 && errno == EAGAIN;
        return n;
    }
    n = otc_tls_read(conn->ssl, buffer, conn->read_max, &want);
    *wait = n < 0 && want != OTC_TLS_NOTHING;
    if (want == OTC_TLS_WRITE) {
        event_add(conn->write_event, NULL);
    }
    if (n > 0 && !conn->protocol && otc_tls_is_http2(conn->ssl) && !choose_protocol(conn, true)) {
        return -1;
    }
    return n;
}

static void
read_all(struct otc_conn *conn)
{
    for (int i = 0; i < READS_MAX && !conn->closing && !conn->paused; i++) {
        bool wait;
        const size_t asked = conn->read_max;
        const ssize_t n = read_some(conn, &wait);

        if (n < 0) {
            conn->closing = conn->closing || !wait;
            return;
        }
        if (n == 0) {
            event_del(conn->read_event);
            conn->closing =
                conn->lingering || conn->finishing || !conn->protocol || !conn->protocol->end(conn);
            return;
        }
        if (!take_input(conn, otc_slice_of(conn->server->read_buffer, (size_t)n))) {
            conn->closing = true;
            return;
        }
        if (!conn->ssl && (size_t)n < asked) {
            return;
        }
        if (turn_is_over(conn)) {
            break;
        }
    }
    if (conn->ssl && !conn->paused && !conn->closing) {
        go_on_later(conn);
    }
}

static void
on_readable(int fd, short what, void *arg)
{
    struct otc_conn *conn = arg;

    (void)fd;
    (void)what;
    conn->depth++;
    conn->now = otc_clock_monotonic_ns();
    read_all(conn);
    flush(conn);
    leave(conn);
}

static void
on_writable(int fd, short what, void *arg)
{
    struct otc_conn *conn = arg;

    if (conn->ssl && !otc_tls_established(conn->ssl)) {
        on_readable(fd, what, arg); /* the handshake wanted to write */
        return;
    }
    otc_conn_kick(conn);
}

static void
on_again(int fd, short what, void *arg)
{
    on_readable(fd, what, arg); /* reads nothing while paused, and sends what waits */
}

/* ---- Deadlines ---------------------------------------------------------------------------------- */

static bool
in_time(struct otc_conn *conn, int64_t now)
{
    const struct otc_server_options *limits = &conn->server->limits;

    if (conn->lingering) {
        return now < conn->linger_deadline_ns;
    }
    if (conn->write_deadline_ns != 0 && now > conn->write_deadline_ns) {
        return false;
    }
    if (!conn->protocol) {
        return now - conn->opened_ns <= limits->header_timeout_ns;
    }
    if (limits->max_age_ns > 0 && now - conn->opened_ns > limits->max_age_ns) {
        otc_conn_drain(conn);
        if (limits->max_age_grace_ns > 0 &&
            now - conn->opened_ns - limits->max_age_ns > limits->max_age_grace_ns) {
            return false;
        }
    }
    if (conn->n_exchanges == 0 && now - conn->idle_since_ns > limits->idle_timeout_ns) {
        otc_conn_drain(conn);
        return now - conn->idle_since_ns <= limits->idle_timeout_ns + limits->write_timeout_ns;
    }
    return conn->protocol->check(conn, now);
}

void
otc_conn_sweep(struct otc_conn *conn, int64_t now)
{
    conn->depth++;
    conn->now = now;
    if (!in_time(conn, now)) {
        conn->closing = true;
    }
    flush(conn);
    leave(conn);
}

void
otc_conn_drain(struct otc_conn *conn)
{
    if (conn->draining) {
        return;
    }
    conn->draining = true;
    if (!conn->protocol) {
        conn->closing = true;
        return;
    }
    conn->protocol->drain(conn);
}
