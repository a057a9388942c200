// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

#include <http_parser.h>
#include <strings.h>

/** What is read and thrown away behind a refusal, so that the client gets to read the answer. */
#define LINGER_BYTES ((size_t)16 << 20)
/** A chunked body does not say where it ends: what may come behind it stays small. */
#define READ_CHUNKED ((size_t)64 * 1024)
/** Pipelined requests wait in a piece of at most this size. */
#define READ_BETWEEN ((size_t)16 * 1024)

enum http1_state { HEAD, BODY, CHUNKED, ANSWERING };

struct otc_http1 {
    enum http1_state state;
    struct otc_buf in; /* an incomplete head, or what came behind a request that is being answered */
    size_t scanned;
    int64_t head_started_ns; /* 0: not a byte yet */
    struct otc_exchange *exchange;
    uint64_t left;
    struct otc_chunked chunked;
    bool keep_alive;
    bool blank_cr;   /* an empty line before a head has begun */
    bool responding; /* the answer is in the output */
    bool ended;
};

bool
otc_http1_start(struct otc_conn *conn)
{
    conn->http1 = calloc(1, sizeof(*conn->http1));
    if (!conn->http1) {
        return false;
    }
    otc_buf_init(&conn->http1->in, OTC_READ_BUFFER + conn->server->limits.max_header_bytes);
    conn->protocol = &otc_http1_protocol;
    conn->read_max = READ_BETWEEN;
    return true;
}

static void
http1_free(struct otc_conn *conn)
{
    otc_buf_release(&conn->http1->in);
    free(conn->http1);
}

/* ---- Answers ------------------------------------------------------------------------------------ */

static void
put_status(struct otc_buf *out, int status)
{
    otc_buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_status_str((enum http_status)status));
}

static void
put_date(struct otc_buf *out)
{
    const time_t now = (time_t)(otc_clock_unix_ns() / OTC_SECOND);
    struct tm parts;
    char text[48];

    gmtime_r(&now, &parts);
    if (strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts) > 0) {
        otc_buf_append_str(out, text);
    }
}

/** Refuses what never became a request: the handler says it in its own words, and the connection ends. */
static bool
refuse(struct otc_conn *conn, int status, const char *text)
{
    struct otc_http1 *http1 = conn->http1;
    struct otc_exchange *exchange = otc_exchange_new(conn, false);

    if (!exchange) {
        return false;
    }
    exchange->state = OTC_EXCHANGE_BODY;
    exchange->started_ns = exchange->body_ns = conn->now;
    http1->exchange = exchange;
    http1->state = BODY; /* unread, so that the answer is the last */
    otc_exchange_fail(exchange, status,
                      status == 431   ? OTC_RESOURCE_EXHAUSTED
                      : status == 408 ? OTC_DEADLINE_EXCEEDED
                                      : OTC_INVALID_ARGUMENT,
                      text);
    return true;
}

static void
http1_respond(struct otc_exchange *exchange)
{
    struct otc_conn *conn = exchange->conn;
    struct otc_http1 *http1 = conn->http1;
    const struct otc_reply *reply = exchange->reply;
    const bool body_allowed = reply->status >= 200 && reply->status != 204 && reply->status != 304;

    if (http1->state != ANSWERING || reply->close || conn->draining) {
        http1->keep_alive = false;
    }
    put_status(&conn->out, reply->status);
    put_date(&conn->out);
    for (size_t i = 0; i < reply->n_headers; i++) {
        otc_buf_append_slice(&conn->out, reply->headers[i].name);
        otc_buf_append_str(&conn->out, ": ");
        otc_buf_append_slice(&conn->out, reply->headers[i].value);
        otc_buf_append_str(&conn->out, "\r\n");
    }
    if (body_allowed) {
        otc_buf_printf(&conn->out, "Content-Length: %zu\r\n", reply->body.len);
    }
    otc_buf_append_str(&conn->out, http1->keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
    if (conn->out.failed) {
        otc_conn_close(conn);
        return;
    }
    if (body_allowed && !exchange->is_head) {
        conn->out_body = reply->body;
    }
    http1->responding = true;
}

/* ---- Heads -------------------------------------------------------------------------------------- */

/** What http-parser tells about one head. */
struct parsed {
    struct otc_exchange *exchange;
    struct otc_slice url;
    struct otc_slice name;
    bool failed;
};

static int
on_url(http_parser *parser, const char *at, size_t len)
{
    struct parsed *parsed = parser->data;

    parsed->url = otc_slice_of(at, len);
    return 0;
}

static int
on_name(http_parser *parser, const char *at, size_t len)
{
    struct parsed *parsed = parser->data;

    parsed->name = otc_slice_of(at, len);
    return 0;
}

static int
on_value(http_parser *parser, const char *at, size_t len)
{
    struct parsed *parsed = parser->data;

    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t')) {
        len--;
    }
    parsed->failed |= !otc_exchange_add_line(parsed->exchange, parsed->name, otc_slice_of(at, len));
    return 0;
}

static int
on_headers_complete(http_parser *parser)
{
    (void)parser;
    return 1; /* the body is ours */
}

/** The path and query of "http://host/path?query" too. */
static struct otc_slice
origin_form(struct otc_slice url)
{
    struct http_parser_url parts;

    http_parser_url_init(&parts);
    if (url.len == 0 || *url.data == '/' ||
        http_parser_parse_url((const char *)url.data, url.len, 0, &parts) != 0) {
        return url;
    }
    return parts.field_set & (1 << UF_PATH) ? otc_slice_skip(url, parts.field_data[UF_PATH].off)
                                            : otc_slice_str("/");
}

/** NULL: the exchange is filled; else what is wrong. */
static const char *
parse_head(struct otc_http1 *http1, struct otc_exchange *exchange, struct otc_slice head)
{
    static const http_parser_settings settings = {.on_url = on_url,
                                                  .on_header_field = on_name,
                                                  .on_header_value = on_value,
                                                  .on_headers_complete = on_headers_complete};
    struct parsed parsed = {.exchange = exchange};
    http_parser parser;

    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &parsed;
    http_parser_execute(&parser, &settings, (const char *)head.data, head.len);
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK) {
        return http_errno_description(HTTP_PARSER_ERRNO(&parser));
    }
    if (parser.http_major != 1 || parsed.failed ||
        !otc_exchange_set_target(exchange, otc_slice_str(http_method_str((enum http_method)parser.method)),
                                 origin_form(parsed.url))) {
        return "malformed request";
    }
    http1->keep_alive = http_should_keep_alive(&parser) && !exchange->server->limits.no_keep_alive;
    return NULL;
}

/** Everything has come: the handler answers, meanwhile nothing more is read. */
static void
complete(struct otc_conn *conn)
{
    conn->http1->state = ANSWERING;
    otc_exchange_complete(conn->http1->exchange);
}

/** Sends "100 Continue" when it is waited for. */
static void
meet_expectation(struct otc_conn *conn)
{
    struct otc_exchange *exchange = conn->http1->exchange;
    const struct otc_slice expect = otc_exchange_header(exchange, "expect");

    if (!expect.data) {
        return;
    }
    if (expect.len != 12 || strncasecmp((const char *)expect.data, "100-continue", 12) != 0) {
        otc_exchange_fail(exchange, 417, OTC_INVALID_ARGUMENT, "only Expect: 100-continue is known");
        return;
    }
    otc_buf_append_str(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static bool
start_request(struct otc_conn *conn, struct otc_slice head)
{
    struct otc_http1 *http1 = conn->http1;
    bool chunked = false;
    int64_t length = -1;
    const char *fault = otc_http1_check_head(head, &chunked, &length);
    struct otc_exchange *exchange = fault ? NULL : otc_exchange_new(conn, false);

    if (!fault && !exchange) {
        return false;
    }
    fault = fault ? fault : parse_head(http1, exchange, head);
    if (fault) {
        if (exchange) {
            otc_exchange_detach(exchange);
        }
        return refuse(conn, 400, fault);
    }
    exchange->started_ns = http1->head_started_ns;
    exchange->content_length = length;
    http1->exchange = exchange;
    http1->head_started_ns = 0;
    http1->scanned = 0;
    http1->left = length > 0 ? (uint64_t)length : 0;
    http1->chunked = (struct otc_chunked){0};
    http1->state = chunked ? CHUNKED : BODY;
    if (http1->left == 0 && !chunked) {
        http1->state = ANSWERING; /* a refusal then needs no close */
    }
    if (!otc_exchange_head_done(exchange)) {
        return true;
    }
    if (http1->state == ANSWERING) {
        complete(conn);
    } else {
        meet_expectation(conn);
    }
    return true;
}

/** Takes a head, or a piece of one, off the front of `*data`. */
static bool
take_head(struct otc_conn *conn, struct otc_slice *data)
{
    struct otc_http1 *http1 = conn->http1;
    const size_t limit = conn->server->limits.max_header_bytes;
    const size_t before = http1->in.len;
    const size_t room = limit + 1 - before;
    const size_t take = data->len < room ? data->len : room;
    struct otc_slice head = otc_slice_of(data->data, take);
    const char *fault;
    size_t end;
    bool ok;

    if (http1->head_started_ns == 0) {
        http1->head_started_ns = conn->now;
        otc_server_sweep_soon(conn->server);
    }
    if (before == 0 && http1->blank_cr == (*data->data == '\n') &&
        (*data->data == '\r' || *data->data == '\n')) {
        http1->blank_cr = *data->data == '\r'; /* empty lines before a request, RFC 9112 2.2 */
        *data = otc_slice_skip(*data, 1);
        return true;
    }
    if (before == 0 && http1->blank_cr) {
        return refuse(conn, 400, "bare CR or LF in the request head");
    }
    if (before > 0) {
        otc_buf_append_slice(&http1->in, head);
        head = otc_buf_slice(&http1->in);
    }
    fault = otc_http1_find_head(head, &http1->scanned, &end);
    if (fault || (end == 0 && head.len > limit)) {
        return refuse(conn, fault ? 400 : 431, fault ? fault : "header list too large");
    }
    if (end == 0) {
        *data = otc_slice_skip(*data, take);
        return before > 0 || otc_buf_append_slice(&http1->in, head);
    }
    *data = otc_slice_skip(*data, end - before);
    ok = start_request(conn, otc_slice_of(head.data, end));
    if (before > 0) {
        otc_buf_clear(&http1->in);
    }
    return ok;
}

/* ---- Bodies ------------------------------------------------------------------------------------- */

static void
take_body(struct otc_conn *conn, struct otc_slice *data)
{
    struct otc_http1 *http1 = conn->http1;
    const size_t take = http1->left < data->len ? (size_t)http1->left : data->len;
    const struct otc_slice piece = otc_slice_of(data->data, take);

    *data = otc_slice_skip(*data, take);
    http1->left -= take;
    if (otc_exchange_feed(http1->exchange, piece) && http1->left == 0) {
        complete(conn);
    }
}

static void
take_chunks(struct otc_conn *conn, struct otc_slice *data)
{
    struct otc_http1 *http1 = conn->http1;
    struct otc_slice piece;
    bool done;

    if (!otc_chunked_next(&http1->chunked, data, &piece, &done)) {
        otc_exchange_fail(http1->exchange, 400, OTC_INVALID_ARGUMENT, "ambiguous length: malformed chunk");
    } else if ((piece.len == 0 || otc_exchange_feed(http1->exchange, piece)) && done) {
        complete(conn);
    }
}

/** How much may be read at once, so that little of the next request is. */
static size_t
read_max(const struct otc_http1 *http1)
{
    if (http1->state == CHUNKED) {
        return READ_CHUNKED;
    }
    return http1->state != BODY            ? READ_BETWEEN
           : http1->left < OTC_READ_BUFFER ? (size_t)http1->left
                                           : OTC_READ_BUFFER;
}

static bool
take_all(struct otc_conn *conn, struct otc_slice data)
{
    struct otc_http1 *http1 = conn->http1;

    while (data.len > 0 && !conn->finishing) {
        if (http1->exchange && http1->exchange->state == OTC_EXCHANGE_ANSWERED && http1->state != ANSWERING) {
            return true; /* refused: the rest of the body is not read */
        }
        switch (http1->state) {
        case HEAD:
            if (!take_head(conn, &data)) {
                return false;
            }
            break;
        case BODY:
            take_body(conn, &data);
            break;
        case CHUNKED:
            take_chunks(conn, &data);
            break;
        case ANSWERING:
            otc_conn_pause(conn);
            return otc_buf_append_slice(&http1->in, data);
        }
    }
    return true;
}

static bool
http1_input(struct otc_conn *conn, struct otc_slice data)
{
    const bool ok = take_all(conn, data);

    conn->read_max = read_max(conn->http1);
    if (conn->read_max == 0) {
        conn->read_max = READ_BETWEEN;
    }
    return ok;
}

/** Behind an answer: the next request, which may have come already. */
static bool
next_request(struct otc_conn *conn)
{
    struct otc_http1 *http1 = conn->http1;
    struct otc_buf pending = http1->in;
    bool ok;

    otc_buf_init(&http1->in, pending.limit);
    http1->state = HEAD;
    ok = pending.len == 0 || http1_input(conn, otc_buf_slice(&pending));
    otc_buf_release(&pending);
    if (http1->state != ANSWERING && !conn->finishing) {
        if (http1->ended) {
            otc_conn_finish(conn, 0);
        } else {
            otc_conn_resume(conn);
        }
    }
    return ok;
}

static void
http1_fill(struct otc_conn *conn)
{
    struct otc_http1 *http1 = conn->http1;
    const bool unread = http1->state != ANSWERING;

    if (!http1->responding) {
        return;
    }
    http1->responding = false;
    otc_exchange_detach(http1->exchange);
    http1->exchange = NULL;
    if (!http1->keep_alive) {
        otc_conn_finish(conn, unread ? LINGER_BYTES : 0);
        return;
    }
    if (!next_request(conn)) {
        otc_conn_close(conn);
    }
}

/* ---- Ends --------------------------------------------------------------------------------------- */

static bool
http1_end(struct otc_conn *conn)
{
    struct otc_http1 *http1 = conn->http1;

    http1->ended = true;
    /* Half-closed behind a whole request is fine (`nc`): it is answered first. */
    return http1->state == ANSWERING;
}

static bool
http1_check(struct otc_conn *conn, int64_t now)
{
    struct otc_http1 *http1 = conn->http1;
    const char *late;

    if (http1->state == HEAD) {
        if (http1->head_started_ns != 0 && !conn->finishing &&
            now - http1->head_started_ns > conn->server->limits.header_timeout_ns) {
            return refuse(conn, 408, "request head not received in time");
        }
        return true;
    }
    late = http1->exchange ? otc_exchange_overdue(http1->exchange, now) : NULL;
    if (late && http1->exchange->state == OTC_EXCHANGE_BODY) {
        otc_exchange_fail(http1->exchange, 408, OTC_DEADLINE_EXCEEDED, late);
        return true;
    }
    return !late;
}

static void
http1_drain(struct otc_conn *conn)
{
    conn->http1->keep_alive = false;
    if (!conn->http1->exchange) {
        otc_conn_finish(conn, 0);
    }
}

const struct otc_protocol otc_http1_protocol = {
    .input = http1_input,
    .fill = http1_fill,
    .respond = http1_respond,
    .end = http1_end,
    .check = http1_check,
    .drain = http1_drain,
    .free = http1_free,
};
