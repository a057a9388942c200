// SPDX-License-Identifier: Apache-2.0
#include "common/net/cors.h"

#include <strings.h>

#include "common/net/server.h"

static const struct otc_field cors_fields[] = {
    OTC_FIELD(otc_cors, allowed_origins,
              .doc = "Origins whose pages may send; `*` stands for any characters."),
    OTC_FIELD(otc_cors, allowed_headers,
              .doc = "Headers they may send beyond the simple ones and Content-Encoding; `*`: any. Empty: "
                     "X-Requested-With."),
    OTC_FIELD(otc_cors, exposed_headers, .doc = "Response headers they may read."),
    OTC_FIELD(otc_cors, max_age, .def = "0", .min = "0",
              .doc = "Seconds for which a browser may remember the answer to a preflight."),
    OTC_FIELD_END,
};
const struct otc_schema otc_cors_schema =
    OTC_SCHEMA(otc_cors, cors_fields, "Cross-origin requests from browsers.");

/* ---- What is allowed ----------------------------------------------------------------------------- */

static bool
equal(const char *text, struct otc_slice slice)
{
    return slice.len == strlen(text) &&
           (slice.len == 0 || strncasecmp(text, (const char *)slice.data, slice.len) == 0);
}

/** The first `*` in a pattern stands for any characters. */
static bool
matches(const char *pattern, struct otc_slice text)
{
    const char *star = strchr(pattern, '*');
    const size_t head = star ? (size_t)(star - pattern) : strlen(pattern);
    const size_t tail = star ? strlen(star + 1) : 0;

    if (!star) {
        return equal(pattern, text);
    }
    return text.len >= head + tail && strncasecmp(pattern, (const char *)text.data, head) == 0 &&
           strncasecmp(star + 1, (const char *)text.data + text.len - tail, tail) == 0;
}

static bool
origin_allowed(const struct otc_cors *cors, struct otc_slice origin)
{
    for (size_t i = 0; origin.data && origin.len > 0 && i < cors->allowed_origins.n; i++) {
        if (matches(cors->allowed_origins.items[i], origin)) {
            return true;
        }
    }
    return false;
}

static bool
any_origin(const struct otc_cors *cors)
{
    for (size_t i = 0; i < cors->allowed_origins.n; i++) {
        if (strcmp(cors->allowed_origins.items[i], "*") == 0) {
            return true;
        }
    }
    return false;
}

static bool
header_allowed(const struct otc_cors *cors, struct otc_slice name)
{
    static const char *const always[] = {"accept", "accept-language", "content-type", "content-language",
                                         "content-encoding"};

    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (equal(always[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < cors->allowed_headers.n; i++) {
        if (strcmp(cors->allowed_headers.items[i], "*") == 0 || equal(cors->allowed_headers.items[i], name)) {
            return true;
        }
    }
    return cors->allowed_headers.n == 0 && equal("x-requested-with", name);
}

/** All names of a comma-separated list. */
static bool
headers_allowed(const struct otc_cors *cors, struct otc_slice list)
{
    while (list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        struct otc_slice name = otc_slice_of(list.data, comma ? (size_t)(comma - list.data) : list.len);

        list = otc_slice_skip(list, name.len + 1);
        while (name.len > 0 && (name.data[0] == ' ' || name.data[0] == '\t')) {
            name = otc_slice_skip(name, 1);
        }
        while (name.len > 0 && (name.data[name.len - 1] == ' ' || name.data[name.len - 1] == '\t')) {
            name.len--;
        }
        if (name.len > 0 && !header_allowed(cors, name)) {
            return false;
        }
    }
    return true;
}

static bool
method_allowed(struct otc_slice method)
{
    return otc_slice_equal_str(method, "POST") || otc_slice_equal_str(method, "GET") ||
           otc_slice_equal_str(method, "HEAD");
}

/* ---- Lines --------------------------------------------------------------------------------------- */

struct lines {
    struct otc_field_line *items;
    size_t n;
    struct otc_buf *text;
};

static void
add(struct lines *out, const char *name, struct otc_slice value)
{
    out->items[out->n++] = (struct otc_field_line){otc_slice_str(name), value};
}

static void
add_origin(const struct otc_cors *cors, struct otc_slice origin, struct lines *out)
{
    add(out, "access-control-allow-origin", any_origin(cors) ? otc_slice_str("*") : origin);
    add(out, "access-control-allow-credentials", otc_slice_str("true"));
}

bool
otc_cors_is_preflight(const struct otc_cors *cors, const struct otc_exchange *exchange)
{
    return cors && cors->allowed_origins.n > 0 &&
           otc_slice_equal_str(otc_exchange_method(exchange), "OPTIONS") &&
           otc_exchange_header(exchange, "access-control-request-method").data;
}

static void
add_preflight(const struct otc_cors *cors, const struct otc_exchange *exchange, struct lines *out)
{
    const struct otc_slice origin = otc_exchange_header(exchange, "origin");
    const struct otc_slice method = otc_exchange_header(exchange, "access-control-request-method");
    const struct otc_slice headers = otc_exchange_header(exchange, "access-control-request-headers");

    add(out, "vary", otc_slice_str("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    if (!origin_allowed(cors, origin) || !method_allowed(method) || !headers_allowed(cors, headers)) {
        return;
    }
    add_origin(cors, origin, out);
    add(out, "access-control-allow-methods", method);
    if (headers.len > 0) {
        add(out, "access-control-allow-headers", headers);
    }
    if (cors->max_age > 0 && otc_buf_printf(out->text, "%lld", (long long)cors->max_age)) {
        add(out, "access-control-max-age", otc_buf_slice(out->text));
    }
}

static void
add_answer(const struct otc_cors *cors, const struct otc_exchange *exchange, struct lines *out)
{
    const struct otc_slice origin = otc_exchange_header(exchange, "origin");

    add(out, "vary", otc_slice_str("Origin"));
    if (!origin_allowed(cors, origin)) {
        return;
    }
    add_origin(cors, origin, out);
    for (size_t i = 0; i < cors->exposed_headers.n; i++) {
        otc_buf_append_str(out->text, i ? ", " : "");
        otc_buf_append_str(out->text, cors->exposed_headers.items[i]);
    }
    if (out->text->len > 0 && !out->text->failed) {
        add(out, "access-control-expose-headers", otc_buf_slice(out->text));
    }
}

size_t
otc_cors_lines(const struct otc_cors *cors, const struct otc_exchange *exchange, struct otc_field_line *lines,
               struct otc_buf *text)
{
    struct lines out = {lines, 0, text};

    if (otc_cors_is_preflight(cors, exchange)) {
        add_preflight(cors, exchange, &out);
    } else if (cors && cors->allowed_origins.n > 0) {
        add_answer(cors, exchange, &out);
    }
    return out.n;
}

/* ---- Headers of every answer --------------------------------------------------------------------- */

otc_status
otc_response_headers_check(const otc_headers *headers, struct otc_error *err)
{
    if (headers->n > OTC_RESPONSE_HEADERS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "response_headers: at most %d", OTC_RESPONSE_HEADERS_MAX);
    }
    for (size_t i = 0; i < headers->n; i++) {
        const char *name = headers->items[i].name;
        const char *value = headers->items[i].value ? headers->items[i].value : "";

        if (*name == '\0' || name[strspn(name, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                               "abcdefghijklmnopqrstuvwxyz")] != '\0') {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "response_headers: \"%s\" is no name of a header",
                            name);
        }
        for (; *value; value++) {
            if ((unsigned char)*value < 0x20 || *value == 0x7f) {
                return otc_fail(err, OTC_INVALID_ARGUMENT,
                                "response_headers: the value of %s holds control characters", name);
            }
        }
    }
    return OTC_OK;
}
