// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"
#include "common/net/reply.h"

#include <strings.h>

/** What a request costs besides its bytes, for the budget. */
#define EXCHANGE_COST 1024
/** Room made ahead for an announced body. Small enough that it is no mapping of its own: many streams that
 * announce much would use up those of the process. */
#define EXPECT_MAX ((size_t)64 << 10)
/** What came is copied when the buffer grows. Towards an announced length it grows this many times at once,
 * and not more: what the heap hands out may be memory, not only addresses, and a large page is taken whole.
 */
#define EXPECT_GROWTH 4
#define BODY_FIRST 4096

/** Guards `orphan`: the moment when an answer from another thread meets the end of the server.
 */
static pthread_mutex_t fate_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- Life --------------------------------------------------------------------------------------- */

struct otc_exchange *
otc_exchange_new(struct otc_conn *conn, bool http2)
{
    struct otc_exchange *exchange = calloc(1, sizeof(*exchange));

    if (!exchange) {
        return NULL;
    }
    exchange->server = conn->server;
    exchange->conn = conn;
    exchange->loop = conn->server->loop;
    exchange->host = conn->server->host;
    exchange->http2 = http2;
    exchange->content_length = -1;
    exchange->body_limit = conn->server->limits.max_body_bytes;
    exchange->started_ns = conn->now;
    otc_buf_init(&exchange->text, 2 * conn->server->limits.max_header_bytes);
    memcpy(exchange->peer, conn->peer, sizeof(exchange->peer));
    exchange->next = conn->exchanges;
    if (exchange->next) {
        exchange->next->prev = exchange;
    }
    conn->exchanges = exchange;
    conn->n_exchanges++;
    otc_server_sweep_soon(conn->server);
    return exchange;
}

static bool
charge(struct otc_exchange *exchange, size_t bytes)
{
    if (!exchange->host->charge(exchange->host, bytes)) {
        return false;
    }
    exchange->charged += bytes;
    return true;
}

/** The request's memory, once nobody reads it any more. */
static void
drop_request(struct otc_exchange *exchange)
{
    otc_buf_release(&exchange->text);
    free(exchange->lines);
    otc_large_free(&exchange->body);
    exchange->lines = NULL;
    exchange->n_lines = 0;
    if (exchange->charged) {
        exchange->host->discharge(exchange->host, exchange->charged);
        exchange->charged = 0;
    }
}

/** Frees it once both the handler and the connection are through with it. */
static void
settle(struct otc_exchange *exchange)
{
    if (exchange->conn || exchange->state != OTC_EXCHANGE_ANSWERED) {
        return;
    }
    drop_request(exchange);
    otc_reply_free(exchange->reply);
    free(exchange);
}

static void
no_longer_due(struct otc_exchange *exchange)
{
    struct otc_server *server = exchange->server;

    if (!server || exchange->state != OTC_EXCHANGE_WAITING) {
        return;
    }
    if (exchange->prev_due) {
        exchange->prev_due->next_due = exchange->next_due;
    } else {
        server->due = exchange->next_due;
    }
    if (exchange->next_due) {
        exchange->next_due->prev_due = exchange->prev_due;
    }
    exchange->prev_due = exchange->next_due = NULL;
}

void
otc_exchange_detach(struct otc_exchange *exchange)
{
    struct otc_conn *conn = exchange->conn;
    const struct otc_server *server = exchange->server;

    if (exchange->prev) {
        exchange->prev->next = exchange->next;
    } else {
        conn->exchanges = exchange->next;
    }
    if (exchange->next) {
        exchange->next->prev = exchange->prev;
    }
    conn->n_exchanges--;
    conn->idle_since_ns = conn->now;
    otc_reply_uncount(exchange);
    exchange->conn = NULL;
    if (exchange->state != OTC_EXCHANGE_ANSWERED) {
        exchange->aborted = true;
        if (server->handler->on_abort && exchange->state != OTC_EXCHANGE_HEAD) {
            server->handler->on_abort(server->arg, exchange);
        }
        if (exchange->state != OTC_EXCHANGE_WAITING) {
            exchange->state = OTC_EXCHANGE_ANSWERED;
        }
    }
    settle(exchange);
}

void
otc_exchange_orphan_all(struct otc_server *server)
{
    pthread_mutex_lock(&fate_lock);
    for (struct otc_exchange *exchange = server->due; exchange;) {
        struct otc_exchange *next = exchange->next_due;

        exchange->orphan = true;
        exchange->server = NULL;
        exchange->prev_due = exchange->next_due = NULL;
        exchange = next;
    }
    server->due = NULL;
    pthread_mutex_unlock(&fate_lock);
}

/* ---- Head --------------------------------------------------------------------------------------- */

bool
otc_exchange_put_text(struct otc_exchange *exchange, struct otc_slice text, uint32_t *at, uint32_t *len)
{
    *at = (uint32_t)exchange->text.len;
    *len = (uint32_t)text.len;
    return otc_buf_append_slice(&exchange->text, text);
}

/** False: over the limit of the head (remembered). */
static bool
count_head(struct otc_exchange *exchange, size_t bytes)
{
    exchange->head_bytes += bytes;
    if (exchange->head_bytes > exchange->server->limits.max_header_bytes) {
        exchange->head_too_large = true;
    }
    return !exchange->head_too_large;
}

bool
otc_exchange_add_line(struct otc_exchange *exchange, struct otc_slice name, struct otc_slice value)
{
    struct otc_line *line;

    if (!count_head(exchange, name.len + value.len + 32)) {
        return true;
    }
    if (exchange->n_lines == exchange->lines_capacity) {
        const size_t capacity = exchange->lines_capacity ? exchange->lines_capacity * 2 : 16;
        struct otc_line *lines = reallocarray(exchange->lines, capacity, sizeof(*lines));

        if (!lines) {
            return false;
        }
        exchange->lines = lines;
        exchange->lines_capacity = capacity;
    }
    line = &exchange->lines[exchange->n_lines++];
    return otc_exchange_put_text(exchange, name, &line->name, &line->name_len) &&
           otc_exchange_put_text(exchange, value, &line->value, &line->value_len);
}

bool
otc_exchange_set_target(struct otc_exchange *exchange, struct otc_slice method, struct otc_slice target)
{
    const uint8_t *mark = target.len ? memchr(target.data, '?', target.len) : NULL;
    const size_t path_len = mark ? (size_t)(mark - target.data) : target.len;

    if (!count_head(exchange, method.len + target.len)) {
        return true;
    }
    return otc_exchange_put_text(exchange, method, &exchange->method.value, &exchange->method.value_len) &&
           otc_exchange_put_text(exchange, otc_slice_of(target.data, path_len), &exchange->path.value,
                                 &exchange->path.value_len) &&
           otc_exchange_put_text(exchange, otc_slice_skip(target, path_len + 1), &exchange->query.value,
                                 &exchange->query.value_len);
}

bool
otc_exchange_head_done(struct otc_exchange *exchange)
{
    const struct otc_server *server = exchange->server;
    char text[96];

    exchange->state = OTC_EXCHANGE_BODY;
    exchange->body_ns = exchange->conn->now;
    exchange->is_head = otc_slice_equal_str(otc_exchange_method(exchange), "HEAD");
    if (exchange->head_too_large) {
        otc_exchange_fail(exchange, 431, OTC_RESOURCE_EXHAUSTED, "header list too large");
        return false;
    }
    if (!charge(exchange, exchange->text.len + EXCHANGE_COST)) {
        otc_exchange_fail(exchange, 503, OTC_UNAVAILABLE, "memory budget exhausted");
        return false;
    }
    if (otc_cors_is_preflight(server->limits.cors, exchange)) { /* browsers ask without credentials */
        otc_exchange_respond(exchange, &(struct otc_response){.status = 204});
        return false;
    }
    if (server->authenticator && !otc_exchange_authenticate(exchange)) {
        return false;
    }
    if (server->handler->on_headers) {
        server->handler->on_headers(server->arg, exchange);
    }
    if (exchange->state != OTC_EXCHANGE_ANSWERED && exchange->content_length > 0 &&
        (uint64_t)exchange->content_length > exchange->body_limit) {
        snprintf(text, sizeof(text), "otlp: message of %lld bytes exceeds limit of %zu",
                 (long long)exchange->content_length, exchange->body_limit);
        otc_exchange_fail(exchange, 413, OTC_RESOURCE_EXHAUSTED, text);
        return false;
    }
    if (exchange->state != OTC_EXCHANGE_ANSWERED && exchange->content_length > 0) {
        otc_exchange_expect(exchange, (size_t)exchange->content_length);
    }
    return exchange->state != OTC_EXCHANGE_ANSWERED;
}

/* ---- Body --------------------------------------------------------------------------------------- */

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/** Towards an announced length in steps: what is not written yet may still be memory, of the heap's or a
 * large page's rest. */
static size_t
capacity_for(const struct otc_exchange *exchange, size_t need)
{
    size_t capacity = exchange->body.capacity ? exchange->body.capacity : BODY_FIRST;

    if (exchange->expected >= need) {
        const size_t more = need * EXPECT_GROWTH;

        /* A mapping is memory only where a page was begun: it is made as long at once as it will be. */
        if (exchange->expected >= OTC_LARGE) {
            return more > OTC_LARGE ? exchange->expected : smaller(more, OTC_LARGE / EXPECT_GROWTH);
        }
        return smaller(more, exchange->expected);
    }
    while (capacity < need) {
        capacity *= 2;
    }
    return capacity;
}

/** Room for `need` bytes, within the budget. */
static bool
make_room(struct otc_exchange *exchange, size_t need)
{
    const size_t wanted =
        need <= exchange->body.capacity ? exchange->body.capacity : capacity_for(exchange, need);
    const size_t taken = otc_large_taken(need, wanted);

    if (taken > exchange->body_charged) {
        if (!charge(exchange, taken - exchange->body_charged)) {
            return false;
        }
        exchange->body_charged = taken;
    }
    /* Addresses can be scarce, too. */
    return otc_large_grow(&exchange->body, exchange->body_len, wanted) ||
           otc_large_grow(&exchange->body, exchange->body_len, smaller(need + need / 2, wanted)) ||
           otc_large_grow(&exchange->body, exchange->body_len, need);
}

void
otc_exchange_expect(struct otc_exchange *exchange, size_t bytes)
{
    const size_t want = bytes < EXPECT_MAX ? bytes : EXPECT_MAX;

    exchange->expected = bytes;
    if (want > exchange->body.capacity) {
        (void)otc_large_grow(&exchange->body, exchange->body_len, want);
    }
}

bool
otc_exchange_feed(struct otc_exchange *exchange, struct otc_slice data)
{
    const struct otc_server *server = exchange->server;
    const size_t need = exchange->body_len + data.len;
    char text[96];

    if (exchange->state != OTC_EXCHANGE_BODY) {
        return false;
    }
    if (need > exchange->body_limit) {
        snprintf(text, sizeof(text), "otlp: message of more than %zu bytes exceeds limit of %zu",
                 exchange->body_limit, exchange->body_limit);
        otc_exchange_fail(exchange, 413, OTC_RESOURCE_EXHAUSTED, text);
        return false;
    }
    if (!make_room(exchange, need)) {
        otc_exchange_fail(exchange, 503, OTC_UNAVAILABLE, "memory budget exhausted");
        return false;
    }
    if (data.len > 0) {
        memcpy(exchange->body.data + exchange->body_len, data.data, data.len);
        exchange->body_len = need;
    }
    if (server->handler->on_data) {
        server->handler->on_data(server->arg, exchange);
    }
    return exchange->state == OTC_EXCHANGE_BODY;
}

void
otc_exchange_complete(struct otc_exchange *exchange)
{
    struct otc_server *server = exchange->server;

    if (exchange->state != OTC_EXCHANGE_BODY) {
        return;
    }
    exchange->state = OTC_EXCHANGE_WAITING;
    exchange->conn->served = true;
    exchange->next_due = server->due;
    if (server->due) {
        server->due->prev_due = exchange;
    }
    server->due = exchange;
    server->handler->on_request(server->arg, exchange);
}

const char *
otc_exchange_overdue(const struct otc_exchange *exchange, int64_t now)
{
    const struct otc_server_options *limits = &exchange->server->limits;
    const int64_t body_time = now - exchange->body_ns;

    switch (exchange->state) {
    case OTC_EXCHANGE_HEAD:
        return now - exchange->started_ns > limits->header_timeout_ns ? "request head not received in time"
                                                                      : NULL;
    case OTC_EXCHANGE_BODY:
        if (now - exchange->started_ns > limits->request_timeout_ns) {
            return "request not received in time";
        }
        return body_time > limits->slow_body_grace_ns &&
                       (double)exchange->body_len < (double)body_time / 1e9 * OTC_MIN_BODY_RATE
                   ? "request body too slow"
                   : NULL;
    case OTC_EXCHANGE_ANSWERED:
        return now - exchange->answered_ns > limits->write_timeout_ns ? "response not taken in time" : NULL;
    case OTC_EXCHANGE_WAITING:
        break;
    }
    return NULL;
}

/* ---- Answering ---------------------------------------------------------------------------------- */

/** On the loop: the reply goes to the connection, if it is still there. */
static void
deliver(void *arg)
{
    struct otc_exchange *exchange = arg;
    struct otc_conn *conn = exchange->conn;

    no_longer_due(exchange);
    exchange->state = OTC_EXCHANGE_ANSWERED;
    if (!conn) {
        settle(exchange);
        return;
    }
    otc_reply_complete(exchange);
    drop_request(exchange);
    exchange->answered_ns = otc_clock_monotonic_ns();
    otc_reply_count(exchange);
    if (!exchange->reply) { /* out of memory: all that can be done */
        otc_conn_close(conn);
        return;
    }
    conn->depth++; /* the protocol may detach the exchange, yet not free the connection */
    conn->protocol->respond(exchange);
    conn->depth--;
    otc_conn_kick(conn);
}

void
otc_exchange_respond(struct otc_exchange *exchange, const struct otc_response *response)
{
    struct otc_reply *reply = otc_reply_new(response);
    bool here = false;
    bool orphan;

    if (!reply) {
        free(response->owned);
    }
    pthread_mutex_lock(&fate_lock);
    exchange->reply = reply;
    orphan = exchange->orphan;
    if (!orphan) {
        here = otc_loop_here(exchange->loop);
        if (!here) {
            exchange->task.fn = deliver;
            exchange->task.arg = exchange;
            otc_loop_post_task(exchange->loop, &exchange->task);
        }
    }
    pthread_mutex_unlock(&fate_lock);
    if (orphan) {
        exchange->state = OTC_EXCHANGE_ANSWERED;
        settle(exchange);
    } else if (here) {
        deliver(exchange);
    }
}

void
otc_exchange_respond_text(struct otc_exchange *exchange, int status, const char *content_type,
                          struct otc_slice body)
{
    const struct otc_field_line headers[] = {{OTC_SLICE_LIT("content-type"), otc_slice_str(content_type)}};

    otc_exchange_respond(
        exchange, &(struct otc_response){.status = status, .headers = headers, .n_headers = 1, .body = body});
}

static void
respond_fault(struct otc_exchange *exchange, int http_status, const char *text)
{
    const char *challenge = http_status == 401 ? otc_exchange_challenge(exchange) : NULL;
    const struct otc_field_line headers[] = {
        {OTC_SLICE_LIT("content-type"), OTC_SLICE_LIT("text/plain; charset=utf-8")},
        {OTC_SLICE_LIT("www-authenticate"), otc_slice_str(challenge)}};

    otc_exchange_respond(exchange, &(struct otc_response){.status = http_status,
                                                          .headers = headers,
                                                          .n_headers = challenge ? 2 : 1,
                                                          .body = otc_slice_str(text)});
}

void
otc_exchange_fail(struct otc_exchange *exchange, int http_status, otc_status status, const char *text)
{
    const struct otc_server *server = exchange->server;
    struct otc_error fault = OTC_ERROR_INIT;

    otc_fail(&fault, status, "%s", text);
    fault.permanent = status == OTC_RESOURCE_EXHAUSTED || status == OTC_INVALID_ARGUMENT;
    if (status == OTC_UNAVAILABLE) {
        fault.retry_after_ms = 1000;
    }
    if (server->handler->on_fault) {
        server->handler->on_fault(server->arg, exchange, http_status, &fault);
        return;
    }
    respond_fault(exchange, http_status, text);
}

/* ---- Reading a request -------------------------------------------------------------------------- */

static struct otc_slice
text_at(const struct otc_exchange *exchange, uint32_t at, uint32_t len)
{
    return len ? otc_slice_of(exchange->text.data + at, len) : otc_slice_str("");
}

struct otc_slice
otc_exchange_method(const struct otc_exchange *exchange)
{
    return text_at(exchange, exchange->method.value, exchange->method.value_len);
}

struct otc_slice
otc_exchange_path(const struct otc_exchange *exchange)
{
    return text_at(exchange, exchange->path.value, exchange->path.value_len);
}

struct otc_slice
otc_exchange_query(const struct otc_exchange *exchange)
{
    return text_at(exchange, exchange->query.value, exchange->query.value_len);
}

bool
otc_exchange_header_at(const struct otc_exchange *exchange, size_t index, struct otc_field_line *out)
{
    const struct otc_line *line;

    if (index >= exchange->n_lines) {
        return false;
    }
    line = &exchange->lines[index];
    out->name = text_at(exchange, line->name, line->name_len);
    out->value = text_at(exchange, line->value, line->value_len);
    return true;
}

struct otc_slice
otc_exchange_header(const struct otc_exchange *exchange, const char *name)
{
    const size_t len = strlen(name);
    struct otc_field_line line;

    for (size_t i = 0; otc_exchange_header_at(exchange, i, &line); i++) {
        if (line.name.len == len && strncasecmp((const char *)line.name.data, name, len) == 0) {
            return line.value;
        }
    }
    return OTC_SLICE_NONE;
}

bool
otc_exchange_auth_at(const struct otc_exchange *exchange, size_t index, struct otc_field_line *out)
{
    const struct otc_line *line;

    if (index >= exchange->n_auth) {
        return false;
    }
    line = &exchange->auth[index];
    out->name = text_at(exchange, line->name, line->name_len);
    out->value = text_at(exchange, line->value, line->value_len);
    return true;
}

const char *
otc_exchange_challenge(const struct otc_exchange *exchange)
{
    const struct otc_server *server = exchange->server;

    return server && server->authenticator ? server->authenticator->challenge : NULL;
}

const char *
otc_exchange_peer(const struct otc_exchange *exchange)
{
    return exchange->peer;
}

bool
otc_exchange_is_http2(const struct otc_exchange *exchange)
{
    return exchange->http2;
}

int64_t
otc_exchange_content_length(const struct otc_exchange *exchange)
{
    return exchange->content_length;
}

int64_t
otc_exchange_age_ns(const struct otc_exchange *exchange)
{
    return otc_clock_monotonic_ns() - exchange->body_ns;
}

void
otc_exchange_limit_body(struct otc_exchange *exchange, size_t bytes)
{
    exchange->body_limit = bytes;
}

struct otc_slice
otc_exchange_body(const struct otc_exchange *exchange)
{
    return otc_slice_of(exchange->body.data, exchange->body_len);
}

struct otc_large
otc_exchange_take_body(struct otc_exchange *exchange, size_t *len, size_t *charged)
{
    struct otc_large body = {0};

    *len = exchange->body_len;
    *charged = 0;
    if (exchange->body_len > 0) {
        body = exchange->body;
        *charged = exchange->body_charged;
        exchange->charged -= exchange->body_charged;
        exchange->body = (struct otc_large){0};
        exchange->body_len = exchange->body_charged = 0;
    }
    return body;
}

void
otc_exchange_set_user(struct otc_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *
otc_exchange_user(const struct otc_exchange *exchange)
{
    return exchange->user;
}

bool
otc_exchange_aborted(const struct otc_exchange *exchange)
{
    return exchange->aborted;
}
