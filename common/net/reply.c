// SPDX-License-Identifier: Apache-2.0
#include "common/net/reply.h"

#define REPLIES_MAX ((size_t)64 << 20)

void
otc_reply_free(struct otc_reply *reply)
{
    if (reply) {
        free(reply->owned);
        free(reply);
    }
}

static size_t
lines_size(const struct otc_field_line *lines, size_t n)
{
    size_t size = n * sizeof(*lines);

    for (size_t i = 0; i < n; i++) {
        size += lines[i].name.len + lines[i].value.len;
    }
    return size;
}

static struct otc_slice
copy_slice(char **to, struct otc_slice from)
{
    const struct otc_slice copy = otc_slice_of(*to, from.len);

    if (from.len > 0) {
        memcpy(*to, from.data, from.len);
    }
    *to += from.len;
    return copy;
}

static const struct otc_field_line *
copy_lines(struct otc_field_line *to, char **text, const struct otc_field_line *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i].name = copy_slice(text, from[i].name);
        to[i].value = copy_slice(text, from[i].value);
    }
    return to;
}

struct otc_reply *
otc_reply_new(const struct otc_response *response)
{
    const size_t body = response->owned ? 0 : response->body.len;
    struct otc_reply *reply = malloc(sizeof(*reply) + lines_size(response->headers, response->n_headers) +
                                     lines_size(response->trailers, response->n_trailers) + body);
    struct otc_field_line *lines;
    char *text;

    if (!reply) {
        return NULL;
    }
    lines = (struct otc_field_line *)(reply + 1);
    text = (char *)(lines + response->n_headers + response->n_trailers);
    *reply = (struct otc_reply){
        .status = response->status,
        .close = response->close,
        .trailers_only = response->trailers_only,
        .headers = copy_lines(lines, &text, response->headers, response->n_headers),
        .n_headers = response->n_headers,
        .trailers = copy_lines(lines + response->n_headers, &text, response->trailers, response->n_trailers),
        .n_trailers = response->n_trailers,
        .owned = response->owned,
    };
    reply->body = response->owned ? response->body : copy_slice(&text, response->body);
    return reply;
}

void
otc_reply_uncount(struct otc_exchange *exchange)
{
    if (exchange->reply && exchange->server) {
        exchange->server->reply_bytes -= exchange->reply->counted;
        exchange->reply->counted = 0;
    }
}

bool
otc_replies_full(const struct otc_exchange *exchange)
{
    return exchange->server->reply_bytes >= REPLIES_MAX;
}

void
otc_reply_count(struct otc_exchange *exchange)
{
    static const struct otc_field_line headers[] = {
        {OTC_SLICE_LIT("content-type"), OTC_SLICE_LIT("text/plain; charset=utf-8")},
        {OTC_SLICE_LIT("retry-after"), OTC_SLICE_LIT("1")}};
    static const struct otc_response full = {.status = 503,
                                             .headers = headers,
                                             .n_headers = 2,
                                             .body =
                                                 OTC_SLICE_LIT("too many answers wait for their readers\n")};

    if (!exchange->reply) {
        return;
    }
    if (exchange->reply->owned && otc_replies_full(exchange)) {
        otc_reply_free(exchange->reply);
        exchange->reply = otc_reply_new(&full);
        return;
    }
    exchange->reply->counted = exchange->reply->body.len;
    exchange->server->reply_bytes += exchange->reply->counted;
}

/** Names as HTTP/2 wants them, from a line on; they lie in the reply. */
static void
lower_names(struct otc_reply *reply, size_t from)
{
    for (size_t i = from; i < reply->n_headers; i++) {
        char *name = (char *)(uintptr_t)reply->headers[i].name.data;

        for (size_t k = 0; k < reply->headers[i].name.len; k++) {
            name[k] = (char)(name[k] >= 'A' && name[k] <= 'Z' ? name[k] + ('a' - 'A') : name[k]);
        }
    }
}

void
otc_reply_complete(struct otc_exchange *exchange)
{
    const struct otc_server_options *limits = &exchange->server->limits;
    const otc_headers *more = limits->response_headers;
    struct otc_reply *reply = exchange->reply, *full = NULL;
    OTC_AUTO_BUF struct otc_buf text = {.limit = OTC_CORS_TEXT};
    struct otc_field_line *lines;
    size_t n;

    if (!reply || (!limits->cors && (!more || more->n == 0))) {
        return;
    }
    lines = calloc(OTC_CORS_LINES + reply->n_headers + (more ? more->n : 0), sizeof(*lines));
    if (lines) {
        n = otc_cors_lines(limits->cors, exchange, lines, &text);
        for (size_t i = 0; i < reply->n_headers; i++) {
            lines[n++] = reply->headers[i];
        }
        for (size_t i = 0; more && i < more->n; i++) {
            lines[n++] = (struct otc_field_line){otc_slice_str(more->items[i].name),
                                                 otc_slice_str(more->items[i].value)};
        }
        full = otc_reply_new(&(struct otc_response){.status = reply->status,
                                                    .headers = lines,
                                                    .n_headers = n,
                                                    .body = reply->body,
                                                    .owned = reply->owned,
                                                    .trailers = reply->trailers,
                                                    .n_trailers = reply->n_trailers,
                                                    .trailers_only = reply->trailers_only,
                                                    .close = reply->close});
        free(lines);
    }
    if (full) {
        reply->owned = NULL;
        lower_names(full, full->n_headers - (more ? more->n : 0));
    }
    otc_reply_free(reply);
    exchange->reply = full;
}
