// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

#include <nghttp2/nghttp2.h>

#include "common/base/number.h"

#define STREAM_WINDOW (256 * 1024)
#define CONNECTION_WINDOW (1024 * 1024)
/** Gathered before a write; nghttp2 is asked again only once all of it is gone. */
#define OUTPUT_PIECE ((size_t)64 * 1024)
#define LINGER_BYTES ((size_t)1 << 20)
/** A header list this many times over the limit costs the connection instead of an answer. */
#define HEADER_EXCESS 4

/** Frames that cost us and nothing to the peer: a bucket each, refilled with time. */
enum budget {
    RESETS,
    PINGS,
    SETTINGS,
    PRIORITIES,
    EMPTY_DATA,
    WINDOW_UPDATES,
    OVERSIZE,
    FRAMES,
    WASTE,
    N_BUDGETS
};

/** A frame of this length pays for itself: many small ones cost the loop time that others wait for. */
#define FRAME_FAIR 256.0
#define FRAME_HEAD 9

static const struct {
    double capacity;
    double per_second;
    double per_request; /* given back for each answered request: keepers of the peace may ping */
} budgets[N_BUDGETS] = {
    [RESETS] = {100, 10, 0},
    [PINGS] = {10, 1, 10},
    [SETTINGS] = {10, 1, 0},
    [PRIORITIES] = {100, 10, 1},
    [EMPTY_DATA] = {100, 10, 0},
    [WINDOW_UPDATES] = {1000, 100, 20},
    [OVERSIZE] = {10, 1, 0},
    [FRAMES] = {10000, 1000, 20},
    [WASTE] = {4 << 20, 256 << 10, STREAM_WINDOW}, /* in bytes */
};

struct otc_http2 {
    nghttp2_session *session;
    double tokens[N_BUDGETS];
    int64_t refilled_ns;
    uint64_t received, used; /* bytes: in all, of frames that nghttp2 looked into */
    uint64_t wasted;         /* the largest difference so far */
    bool settled;            /* the peer's SETTINGS came */
    bool calm;               /* told to go away */
};

/* ---- Budgets ------------------------------------------------------------------------------------ */

static void
refill(struct otc_http2 *http2, int64_t now)
{
    const double seconds = (double)(now - http2->refilled_ns) / 1e9;

    http2->refilled_ns = now;
    for (int i = 0; i < N_BUDGETS; i++) {
        http2->tokens[i] += seconds * budgets[i].per_second;
        if (http2->tokens[i] > budgets[i].capacity) {
            http2->tokens[i] = budgets[i].capacity;
        }
    }
}

static void
reward(struct otc_http2 *http2)
{
    for (int i = 0; i < N_BUDGETS; i++) {
        http2->tokens[i] += budgets[i].per_request;
        if (http2->tokens[i] > budgets[i].capacity) {
            http2->tokens[i] = budgets[i].capacity;
        }
    }
}

static void
go_away(struct otc_conn *conn, uint32_t code)
{
    if (!conn->http2->calm) {
        conn->http2->calm = true;
        nghttp2_session_terminate_session(conn->http2->session, code);
        otc_conn_finish(conn, LINGER_BYTES);
    }
}

static void
spend_much(struct otc_conn *conn, enum budget which, double tokens)
{
    struct otc_http2 *http2 = conn->http2;

    refill(http2, conn->now);
    http2->tokens[which] -= tokens;
    if (http2->tokens[which] < 0) {
        go_away(conn, NGHTTP2_ENHANCE_YOUR_CALM);
    }
}

static void
spend(struct otc_conn *conn, enum budget which)
{
    spend_much(conn, which, 1);
}

/** Frames of unknown types and of closed streams are passed over in silence: what was received and never told
 * of. A peer whose request was refused may have a window of it under way. */
static void
spend_waste(struct otc_conn *conn, size_t received)
{
    struct otc_http2 *http2 = conn->http2;

    http2->received += received;
    if (http2->received > http2->used + http2->wasted) {
        spend_much(conn, WASTE, (double)(http2->received - http2->used - http2->wasted));
        http2->wasted = http2->received - http2->used;
    }
}

static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *arg)
{
    struct otc_conn *conn = arg;
    struct otc_http2 *http2 = conn->http2;
    const double worth = (double)head->length / FRAME_FAIR;

    (void)session;
    http2->used += FRAME_HEAD + head->length;
    if (worth < 1) {
        spend(conn, FRAMES);
    }
    http2->tokens[FRAMES] += worth < 1 ? worth : 1;
    return 0;
}

/* ---- Requests ----------------------------------------------------------------------------------- */

static struct otc_exchange *
exchange_of(struct otc_conn *conn, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(conn->http2->session, stream);
}

static void
reset(struct otc_conn *conn, int32_t stream, uint32_t code)
{
    nghttp2_submit_rst_stream(conn->http2->session, NGHTTP2_FLAG_NONE, stream, code);
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct otc_conn *conn = arg;
    struct otc_exchange *exchange;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    exchange = otc_exchange_new(conn, true);
    if (!exchange) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    exchange->stream = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, exchange);
    return 0;
}

static bool
add_header(struct otc_exchange *exchange, struct otc_slice name, struct otc_slice value)
{
    if (otc_slice_equal_str(name, ":authority")) {
        return otc_exchange_add_line(exchange, otc_slice_str("host"), value);
    }
    return otc_exchange_add_line(exchange, name, value);
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
          const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct otc_conn *conn = arg;
    struct otc_exchange *exchange = exchange_of(conn, frame->hd.stream_id);

    (void)session;
    (void)flags;
    if (!exchange) {
        return 0;
    }
    if (exchange->state != OTC_EXCHANGE_HEAD) {
        exchange->head_bytes += name_len + value_len; /* trailers mean nothing to us, but cost time */
    } else if (!add_header(exchange, otc_slice_of(name, name_len), otc_slice_of(value, value_len))) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (exchange->head_bytes > HEADER_EXCESS * conn->server->limits.max_header_bytes) {
        spend(conn, OVERSIZE);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return 0;
}

/** Pseudo-headers are no headers: the handler does not get to see them. */
static void
drop_pseudo_headers(struct otc_exchange *exchange)
{
    size_t kept = 0;

    for (size_t i = 0; i < exchange->n_lines; i++) {
        if (exchange->text.data[exchange->lines[i].name] != ':') {
            exchange->lines[kept++] = exchange->lines[i];
        }
    }
    exchange->n_lines = kept;
}

static bool
set_target(struct otc_exchange *exchange)
{
    size_t need = otc_exchange_header(exchange, ":method").len + otc_exchange_header(exchange, ":path").len;

    return otc_buf_reserve(&exchange->text, need) && /* so that the text does not move meanwhile */
           otc_exchange_set_target(exchange, otc_exchange_header(exchange, ":method"),
                                   otc_exchange_header(exchange, ":path"));
}

static void
finish_head(struct otc_conn *conn, struct otc_exchange *exchange)
{
    const struct otc_slice length = otc_exchange_header(exchange, "content-length");

    if (length.data && !otc_parse_int64(length, &exchange->content_length)) {
        exchange->content_length = INT64_MAX; /* beyond any limit; nghttp2 saw that it is a number */
    }
    if (exchange->head_too_large) {
        spend(conn, OVERSIZE);
    } else if (!set_target(exchange)) {
        reset(conn, exchange->stream, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    drop_pseudo_headers(exchange);
    otc_exchange_head_done(exchange);
}

static void
on_headers_end(struct otc_conn *conn, const nghttp2_frame *frame)
{
    struct otc_exchange *exchange = exchange_of(conn, frame->hd.stream_id);

    if (exchange && exchange->state == OTC_EXCHANGE_HEAD) {
        finish_head(conn, exchange);
    }
}

static void
on_stream_end(struct otc_conn *conn, const nghttp2_frame *frame)
{
    struct otc_exchange *exchange = exchange_of(conn, frame->hd.stream_id);

    if (exchange && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        otc_exchange_complete(exchange);
    }
}

static int
on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct otc_conn *conn = arg;

    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers_end(conn, frame);
        on_stream_end(conn, frame);
        break;
    case NGHTTP2_DATA:
        if (frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
            spend(conn, EMPTY_DATA);
        }
        on_stream_end(conn, frame);
        break;
    case NGHTTP2_SETTINGS:
        conn->http2->settled = true;
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
            spend(conn, SETTINGS);
        }
        break;
    case NGHTTP2_PING:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
            spend(conn, PINGS);
        }
        break;
    case NGHTTP2_PRIORITY:
        spend(conn, PRIORITIES);
        break;
    case NGHTTP2_RST_STREAM:
        spend(conn, RESETS);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        spend(conn, WINDOW_UPDATES);
        break;
    default:
        break;
    }
    return 0;
}

/** Credit goes back only for bytes that the budget took, or that nobody keeps. */
static int
on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *arg)
{
    struct otc_conn *conn = arg;
    struct otc_exchange *exchange = exchange_of(conn, stream);

    (void)flags;
    if (exchange && otc_exchange_feed(exchange, otc_slice_of(data, len))) {
        nghttp2_session_consume(session, stream, len);
    } else {
        nghttp2_session_consume_connection(session, len);
    }
    return 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
    struct otc_conn *conn = arg;
    struct otc_exchange *exchange = exchange_of(conn, stream);

    (void)code;
    if (exchange) {
        nghttp2_session_set_stream_user_data(session, stream, NULL);
        otc_exchange_detach(exchange);
    }
    return 0;
}

/** A peer that keeps breaking the rules in ways that cost it only a stream spends the same budget as resets.
 */
static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
    (void)session;
    (void)frame;
    (void)error;
    spend(arg, RESETS);
    return 0;
}

/* ---- Answers ------------------------------------------------------------------------------------ */

static nghttp2_nv
name_value(struct otc_slice name, struct otc_slice value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.data, (uint8_t *)(uintptr_t)value.data, name.len,
                        value.len, NGHTTP2_NV_FLAG_NONE};
}

#define LINES_MAX 24

static size_t
put_lines(nghttp2_nv *to, size_t n, const struct otc_field_line *lines, size_t n_lines)
{
    for (size_t i = 0; i < n_lines && n < LINES_MAX; i++) {
        to[n++] = name_value(lines[i].name, lines[i].value);
    }
    return n;
}

static ssize_t
read_body(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
          nghttp2_data_source *source, void *arg)
{
    const struct otc_exchange *exchange = source->ptr;
    struct otc_reply *reply = exchange->reply;
    const struct otc_slice rest = otc_slice_skip(reply->body, reply->body_sent);
    const size_t take = rest.len < room ? rest.len : room;
    nghttp2_nv lines[LINES_MAX];

    (void)arg;
    if (take > 0) {
        memcpy(to, rest.data, take);
        reply->body_sent += take;
    }
    if (take == rest.len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (reply->n_trailers > 0) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            nghttp2_submit_trailer(session, stream, lines,
                                   put_lines(lines, 0, reply->trailers, reply->n_trailers));
        }
    }
    return (ssize_t)take;
}

static void
http2_respond(struct otc_exchange *exchange)
{
    struct otc_conn *conn = exchange->conn;
    const struct otc_reply *reply = exchange->reply;
    const nghttp2_data_provider provider = {.source = {.ptr = exchange}, .read_callback = read_body};
    nghttp2_nv lines[LINES_MAX];
    char status[16];
    char length[24];
    const bool no_data =
        reply->trailers_only || exchange->is_head || (reply->body.len == 0 && reply->n_trailers == 0);
    size_t n = 0;

    reward(conn->http2);
    snprintf(status, sizeof(status), "%d", reply->status);
    lines[n++] = name_value(otc_slice_str(":status"), otc_slice_str(status));
    n = put_lines(lines, n, reply->headers, reply->n_headers);
    if (reply->n_trailers == 0 && n < LINES_MAX) {
        snprintf(length, sizeof(length), "%zu", reply->body.len);
        lines[n++] = name_value(otc_slice_str("content-length"), otc_slice_str(length));
    }
    if (reply->trailers_only) {
        n = put_lines(lines, n, reply->trailers, reply->n_trailers);
    }
    if (nghttp2_submit_response(conn->http2->session, exchange->stream, lines, n,
                                no_data ? NULL : &provider) != 0) {
        reset(conn, exchange->stream, NGHTTP2_INTERNAL_ERROR);
    }
    if (reply->close) {
        nghttp2_submit_goaway(conn->http2->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(conn->http2->session), NGHTTP2_NO_ERROR,
                              NULL, 0);
    }
}

/** An answer that ended before its request: the rest is not wanted (RFC 9113 8.1). */
static int
on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    const int32_t stream = frame->hd.stream_id;

    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
        nghttp2_session_get_stream_remote_close(session, stream) == 0) {
        reset(arg, stream, NGHTTP2_NO_ERROR);
    }
    return 0;
}

/* ---- The session -------------------------------------------------------------------------------- */

static nghttp2_session *
session_new(struct otc_conn *conn)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_session *session = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_outbound_ack(option, 64);
        nghttp2_option_set_max_continuations(option, 8);
        nghttp2_option_set_max_send_header_block_length(option, OUTPUT_PIECE);
        nghttp2_session_server_new2(&session, callbacks, conn, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

bool
otc_http2_start(struct otc_conn *conn)
{
    const struct otc_server_options *limits = &conn->server->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->max_concurrent_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->max_header_bytes},
    };
    struct otc_http2 *http2 = calloc(1, sizeof(*http2));

    if (!http2) {
        return false;
    }
    http2->session = session_new(conn);
    http2->refilled_ns = conn->now;
    for (int i = 0; i < N_BUDGETS; i++) {
        http2->tokens[i] = budgets[i].capacity;
    }
    if (!http2->session ||
        nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof(settings) / sizeof(settings[0])) != 0 ||
        nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) != 0) {
        nghttp2_session_del(http2->session);
        free(http2);
        return false;
    }
    conn->http2 = http2;
    conn->protocol = &otc_http2_protocol;
    return true;
}

static void
http2_free(struct otc_conn *conn)
{
    nghttp2_session_del(conn->http2->session);
    free(conn->http2);
}

static bool
http2_input(struct otc_conn *conn, struct otc_slice data)
{
    const ssize_t n = nghttp2_session_mem_recv(conn->http2->session, data.data, data.len);

    if (n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
        go_away(conn, NGHTTP2_ENHANCE_YOUR_CALM);
        return true;
    }
    spend_waste(conn, data.len);
    return n >= 0;
}

static void
http2_fill(struct otc_conn *conn)
{
    nghttp2_session *session = conn->http2->session;

    if (conn->draining && conn->n_exchanges == 0) {
        go_away(conn, NGHTTP2_NO_ERROR);
    }
    while (conn->out.len < OUTPUT_PIECE) {
        const uint8_t *data;
        const ssize_t n = nghttp2_session_mem_send(session, &data);

        if (n < 0 || !otc_buf_append(&conn->out, data, n > 0 ? (size_t)n : 0)) {
            otc_conn_close(conn);
            return;
        }
        if (n == 0) {
            break;
        }
    }
    if (conn->out.len == 0 && !nghttp2_session_want_read(session) && !nghttp2_session_want_write(session) &&
        !conn->finishing) {
        otc_conn_finish(conn, LINGER_BYTES);
    }
}

static bool
http2_end(struct otc_conn *conn)
{
    (void)conn;
    return false;
}

static bool
http2_check(struct otc_conn *conn, int64_t now)
{
    if (!conn->http2->settled && now - conn->opened_ns > conn->server->limits.header_timeout_ns) {
        return false;
    }
    for (struct otc_exchange *exchange = conn->exchanges; exchange;) {
        struct otc_exchange *next = exchange->next;
        const char *late = otc_exchange_overdue(exchange, now);

        if (late && exchange->state == OTC_EXCHANGE_HEAD) {
            return false; /* in the middle of a header block nothing can be said */
        }
        if (late && exchange->state == OTC_EXCHANGE_BODY) {
            otc_exchange_fail(exchange, 408, OTC_DEADLINE_EXCEEDED, late);
        } else if (late) {
            reset(conn, exchange->stream, NGHTTP2_CANCEL);
        }
        exchange = next;
    }
    return true;
}

static void
http2_drain(struct otc_conn *conn)
{
    nghttp2_session *session = conn->http2->session;

    nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session),
                          NGHTTP2_NO_ERROR, NULL, 0);
    if (conn->n_exchanges == 0) {
        go_away(conn, NGHTTP2_NO_ERROR);
    }
}

const struct otc_protocol otc_http2_protocol = {
    .input = http2_input,
    .fill = http2_fill,
    .respond = http2_respond,
    .end = http2_end,
    .check = http2_check,
    .drain = http2_drain,
    .free = http2_free,
};
