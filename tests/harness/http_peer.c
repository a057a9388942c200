// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/http_peer.h"

#include "common/net/loop.h"

#include <ctype.h>
#include <pthread.h>

#define MAX_SEEN 256
#define MAX_SILENT 64

struct otc_http_peer {
    struct otc_host host;
    struct otc_handler handler;
    struct otc_server *server;
    pthread_mutex_t lock; /* guards all below */
    const struct otc_http_answer *answers;
    size_t n_answers, next_answer;
    struct otc_http_seen seen[MAX_SEEN];
    size_t n_seen;
    struct otc_exchange *silent[MAX_SILENT];
    size_t n_silent;
    struct otc_http_seen shown; /* the test's own */
};

static bool
charge(struct otc_host *host, size_t bytes)
{
    (void)host;
    (void)bytes;
    return true;
}

static void
discharge(struct otc_host *host, size_t bytes)
{
    (void)host;
    (void)bytes;
}

static void
remember(struct otc_http_peer *peer, struct otc_exchange *exchange)
{
    struct otc_http_seen *seen = &peer->seen[peer->n_seen++ % MAX_SEEN];
    struct otc_slice method = otc_exchange_method(exchange), path = otc_exchange_path(exchange);
    struct otc_field_line line;

    otc_buf_release(&seen->headers);
    otc_buf_release(&seen->body);
    otc_buf_init(&seen->headers, 1 << 20);
    otc_buf_init(&seen->body, 64 << 20);
    snprintf(seen->method, sizeof(seen->method), "%.*s", OTC_SLICE_ARG(method));
    snprintf(seen->path, sizeof(seen->path), "%.*s", OTC_SLICE_ARG(path));
    snprintf(seen->peer, sizeof(seen->peer), "%s", otc_exchange_peer(exchange));
    seen->http2 = otc_exchange_is_http2(exchange);
    for (size_t i = 0; otc_exchange_header_at(exchange, i, &line); i++) {
        size_t at = seen->headers.len;

        otc_buf_printf(&seen->headers, "%.*s: %.*s\n", OTC_SLICE_ARG(line.name), OTC_SLICE_ARG(line.value));
        for (size_t k = at; k < at + line.name.len; k++) {
            seen->headers.data[k] = (uint8_t)tolower(seen->headers.data[k]);
        }
    }
    otc_buf_append_slice(&seen->body, otc_exchange_body(exchange));
}

static void
respond(struct otc_exchange *exchange, const struct otc_http_answer *answer)
{
    struct otc_field_line lines[16];
    size_t n = 0;
    const char *rest = answer->headers ? answer->headers : "";

    while (*rest && n < 16) {
        size_t len = strcspn(rest, "\n"), name = strcspn(rest, ":");

        lines[n++] =
            (struct otc_field_line){otc_slice_of(rest, name), otc_slice_of(rest + name + 2, len - name - 2)};
        rest += len + (rest[len] != '\0');
    }
    otc_exchange_respond(
        exchange, &(struct otc_response){
                      .status = answer->status, .headers = lines, .n_headers = n, .body = answer->body});
}

static void
on_request(void *arg, struct otc_exchange *exchange)
{
    static const struct otc_http_answer ok = {.status = 200};
    struct otc_http_peer *peer = arg;
    const struct otc_http_answer *answer = &ok;

    pthread_mutex_lock(&peer->lock);
    remember(peer, exchange);
    if (peer->n_answers > 0) {
        answer = &peer->answers[peer->next_answer];
        peer->next_answer += peer->next_answer + 1 < peer->n_answers;
    }
    if (answer->silent && peer->n_silent < MAX_SILENT) {
        peer->silent[peer->n_silent++] = exchange;
    } else {
        respond(exchange, answer);
    }
    pthread_mutex_unlock(&peer->lock);
}

static void
on_headers(void *arg, struct otc_exchange *exchange)
{
    (void)arg;
    otc_exchange_limit_body(exchange, 64 << 20);
}

struct otc_http_peer *
otc_http_peer_new(const struct otc_tls_server *tls)
{
    struct otc_http_peer *peer = calloc(1, sizeof(*peer));
    struct otc_server_options options = {.endpoint = "127.0.0.1:0", .tls = tls};
    struct otc_error err = OTC_ERROR_INIT;

    peer->host = (struct otc_host){.charge = charge, .discharge = discharge};
    peer->handler = (struct otc_handler){.on_headers = on_headers, .on_request = on_request};
    pthread_mutex_init(&peer->lock, NULL);
    options.host = &peer->host;
    options.component_id = "http_peer";
    options.handler = &peer->handler;
    options.arg = peer;
    if (otc_server_open(&options, &peer->server, &err) != OTC_OK) {
        fprintf(stderr, "http_peer: %s\n", err.text);
        abort();
    }
    return peer;
}

void
otc_http_peer_free(struct otc_http_peer *peer)
{
    static const struct otc_http_answer gone = {.status = 503};

    pthread_mutex_lock(&peer->lock);
    for (size_t i = 0; i < peer->n_silent; i++) {
        respond(peer->silent[i], &gone);
    }
    pthread_mutex_unlock(&peer->lock);
    otc_server_stop(peer->server, otc_clock_monotonic_ns());
    otc_server_free(peer->server);
    for (size_t i = 0; i < MAX_SEEN; i++) {
        otc_buf_release(&peer->seen[i].headers);
        otc_buf_release(&peer->seen[i].body);
    }
    otc_buf_release(&peer->shown.headers);
    otc_buf_release(&peer->shown.body);
    pthread_mutex_destroy(&peer->lock);
    free(peer);
}

int
otc_http_peer_port(const struct otc_http_peer *peer)
{
    return otc_server_port(peer->server);
}

void
otc_http_peer_answer(struct otc_http_peer *peer, const struct otc_http_answer *answers, size_t n)
{
    pthread_mutex_lock(&peer->lock);
    peer->answers = answers;
    peer->n_answers = n;
    peer->next_answer = 0;
    pthread_mutex_unlock(&peer->lock);
}

size_t
otc_http_peer_requests(struct otc_http_peer *peer)
{
    size_t n;

    pthread_mutex_lock(&peer->lock);
    n = peer->n_seen;
    pthread_mutex_unlock(&peer->lock);
    return n;
}

const struct otc_http_seen *
otc_http_peer_request(struct otc_http_peer *peer, int i)
{
    const struct otc_http_seen *seen;

    otc_buf_release(&peer->shown.headers);
    otc_buf_release(&peer->shown.body);
    pthread_mutex_lock(&peer->lock);
    seen = &peer->seen[(i < 0 ? peer->n_seen + (size_t)i : (size_t)i) % MAX_SEEN];
    peer->shown = *seen;
    otc_buf_init(&peer->shown.headers, 1 << 20);
    otc_buf_init(&peer->shown.body, 64 << 20);
    otc_buf_append_slice(&peer->shown.headers, otc_buf_slice(&seen->headers));
    otc_buf_append_slice(&peer->shown.body, otc_buf_slice(&seen->body));
    pthread_mutex_unlock(&peer->lock);
    return &peer->shown;
}

const char *
otc_http_seen_header(const struct otc_http_seen *seen, const char *name)
{
    static char value[1024];
    struct otc_slice rest = otc_buf_slice(&seen->headers);
    size_t len = strlen(name);

    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.len);
        size_t line = (size_t)(end - rest.data);

        if (line > len + 1 && memcmp(rest.data, name, len) == 0 && rest.data[len] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)(line - len - 2), (const char *)rest.data + len + 2);
            return value;
        }
        rest = otc_slice_skip(rest, line + 1);
    }
    return "";
}
