// SPDX-License-Identifier: Apache-2.0
#include "common/net/auth.h"

#include <openssl/crypto.h>

#include <strings.h>

#include "common/net/conn.h"

/** Longest value of a request parameter. */
#define PARAM_MAX 4096

/* ---- Settings ----------------------------------------------------------------------------------- */

static otc_status
check_named(const char *authenticator, struct otc_error *err)
{
    if (!authenticator || !*authenticator) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "authenticator: must name an extension");
    }
    return OTC_OK;
}

static otc_status
check_server(const void *value, struct otc_error *err)
{
    return check_named(((const struct otc_server_auth *)value)->authenticator, err);
}

static otc_status
check_client(const void *value, struct otc_error *err)
{
    return check_named(((const struct otc_client_auth *)value)->authenticator, err);
}

static const struct otc_field server_fields[] = {
    OTC_FIELD(otc_server_auth, authenticator, .names_extension = OTC_OFFERS_SERVER_AUTH,
              .doc = "Extension that every request is shown to first: `bearer_token_auth`, `basic_auth`."),
    OTC_FIELD(otc_server_auth, request_params,
              .doc = "Parameters of the query (HTTP) that stand for headers of the same name."),
    OTC_FIELD_END,
};
const struct otc_schema otc_server_auth_schema =
    OTC_SCHEMA(otc_server_auth, server_fields, "Authentication of clients.", .check = check_server);

static const struct otc_field client_fields[] = {
    OTC_FIELD(otc_client_auth, authenticator, .names_extension = OTC_OFFERS_CLIENT_AUTH,
              .doc = "Extension that gives each request its credentials: `bearer_token_auth`, `basic_auth`."),
    OTC_FIELD_END,
};
const struct otc_schema otc_client_auth_schema =
    OTC_SCHEMA(otc_client_auth, client_fields, "Authentication of the client.", .check = check_client);

/* ---- Finding ------------------------------------------------------------------------------------ */

otc_status
otc_authenticator_find(struct otc_host *host, const char *id, unsigned offers, struct otc_authenticator **out,
                       struct otc_error *err)
{
    struct otc_component *extension = host->extension(host, id);
    const bool server = offers == OTC_OFFERS_SERVER_AUTH;
    /* One that was built for an older interface ends before the member. */
    const bool knows = extension && extension->ops->abi.size >= sizeof(struct otc_component_ops) &&
                       extension->ops->authenticator;
    struct otc_authenticator *found = knows ? extension->ops->authenticator(extension) : NULL;

    *out = NULL;
    if (!extension) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "failed to resolve authenticator \"%s\": authenticator not found", id);
    }
    if (!found || (server ? !found->check : !found->headers)) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "failed to resolve authenticator \"%s\": requested authenticator is not a %s "
                        "authenticator",
                        id, server ? "server" : "client");
    }
    *out = found;
    return OTC_OK;
}

bool
otc_equal_in_constant_time(struct otc_slice a, struct otc_slice b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

/* ---- Requests ----------------------------------------------------------------------------------- */

struct request {
    struct otc_auth_request request;
    const struct otc_exchange *exchange;
    const otc_strings *params;
    struct otc_buf *param; /* the value of the parameter that was asked for last */
};

static int
digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/** Percent-encoding undone, '+' as a space. */
static void
decode(struct otc_slice text, struct otc_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        const bool escape = text.data[i] == '%' && i + 2 < text.len && digit(text.data[i + 1]) >= 0 &&
                            digit(text.data[i + 2]) >= 0;

        if (escape) {
            otc_buf_append_byte(out, (uint8_t)(digit(text.data[i + 1]) * 16 + digit(text.data[i + 2])));
            i += 2;
        } else {
            otc_buf_append_byte(out, text.data[i] == '+' ? ' ' : text.data[i]);
        }
    }
}

/** Finds `name=value` in a query. */
static bool
query_value(struct otc_slice query, const char *name, struct otc_buf *out)
{
    const size_t name_len = strlen(name);

    while (query.len > 0) {
        const uint8_t *end = memchr(query.data, '&', query.len);
        const struct otc_slice pair = otc_slice_of(query.data, end ? (size_t)(end - query.data) : query.len);

        if (pair.len > name_len && pair.data[name_len] == '=' && memcmp(pair.data, name, name_len) == 0) {
            otc_buf_clear(out);
            decode(otc_slice_skip(pair, name_len + 1), out);
            return !out->failed;
        }
        query = otc_slice_skip(query, pair.len + 1);
    }
    return false;
}

static struct otc_slice
header(const struct otc_auth_request *self, const char *name)
{
    const struct request *request = (const struct request *)(const void *)self; /* its first member */
    const struct otc_slice query = otc_exchange_query(request->exchange);

    for (size_t i = 0; i < request->params->n; i++) {
        const char *param = request->params->items[i];

        if (strcasecmp(param, name) == 0 && query_value(query, param, request->param)) {
            return otc_slice_of(request->param->data ? request->param->data : (const uint8_t *)"",
                                request->param->len);
        }
    }
    return otc_exchange_header(request->exchange, name);
}

/** What is learnt is copied apart at first: it may lie in the head, whose texts move when one is added. */
struct sink {
    struct otc_auth_sink sink;
    struct otc_buf text;
    struct otc_line lines[OTC_AUTH_MAX];
    size_t n;
};

static void
keep(struct otc_auth_sink *self, struct otc_slice name, struct otc_slice value)
{
    struct sink *sink = OTC_CONTAINER(self, sink, sink);

    if (sink->n < OTC_AUTH_MAX) {
        sink->lines[sink->n++] =
            (struct otc_line){(uint32_t)sink->text.len, (uint32_t)name.len,
                              (uint32_t)(sink->text.len + name.len), (uint32_t)value.len};
        otc_buf_append_slice(&sink->text, name);
        otc_buf_append_slice(&sink->text, value);
    }
}

static otc_status
take_learnt(struct otc_exchange *exchange, const struct sink *sink, struct otc_error *err)
{
    const uint8_t *text = sink->text.data;
    bool ok = !sink->text.failed;

    for (size_t i = 0; i < sink->n && ok; i++) {
        const struct otc_line *from = &sink->lines[i];
        struct otc_line *to = &exchange->auth[i];

        ok = otc_exchange_put_text(exchange, otc_slice_of(text + from->name, from->name_len), &to->name,
                                   &to->name_len) &&
             otc_exchange_put_text(exchange, otc_slice_of(text + from->value, from->value_len), &to->value,
                                   &to->value_len);
        exchange->n_auth += ok;
    }
    return ok ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "header list too large");
}

bool
otc_exchange_authenticate(struct otc_exchange *exchange)
{
    const struct otc_server *server = exchange->server;
    OTC_AUTO_BUF struct otc_buf param = {.limit = PARAM_MAX};
    struct request request = {.request = {OTC_ABI_OF(otc_auth_request), header},
                              .exchange = exchange,
                              .params = &server->limits.auth->request_params,
                              .param = &param};
    struct sink learnt = {.sink = {OTC_ABI_OF(otc_auth_sink), keep},
                          .text = {.limit = server->limits.max_header_bytes}};
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status;

    status = server->authenticator->check(server->authenticator, &request.request, &learnt.sink, &err);
    if (status == OTC_OK) {
        status = take_learnt(exchange, &learnt, &err);
    }
    otc_buf_release(&learnt.text);
    if (status != OTC_OK) {
        otc_exchange_fail(exchange,
                          status == OTC_UNAVAILABLE          ? 503
                          : status == OTC_RESOURCE_EXHAUSTED ? 431
                                                             : 401,
                          status, err.text);
        return false;
    }
    return true;
}
