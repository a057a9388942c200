// SPDX-License-Identifier: Apache-2.0
/**
 * @file Cross-origin requests of browsers (the Collector's `cors:` block) and headers that every answer of a
 * server gets. Handlers need not know of either.
 */
#ifndef OTC_NET_CORS_H
#define OTC_NET_CORS_H

#include "common/base/buf.h"
#include "common/config/schema.h"

struct otc_cors {
    otc_strings allowed_origins;
    otc_strings allowed_headers;
    otc_strings exposed_headers;
    int64_t max_age;
};

extern const struct otc_schema otc_cors_schema;

/** Most `response_headers` of a server. */
#define OTC_RESPONSE_HEADERS_MAX 32
/** For a schema's check: INVALID_ARGUMENT "response_headers: …" for what is no header. */
OTC_CHECK otc_status otc_response_headers_check(const otc_headers *headers, struct otc_error *err);

struct otc_exchange;
struct otc_field_line;

/** Most lines that one answer gets, and the room for their texts. */
#define OTC_CORS_LINES 6
#define OTC_CORS_TEXT ((size_t)4096)

/** True for the question that a browser asks before it sends. `cors` may be NULL: never. */
bool otc_cors_is_preflight(const struct otc_cors *cors, const struct otc_exchange *exchange);
/**
 * Header lines for the answer to an exchange, at most OTC_CORS_LINES; texts of them lie in `text` (limit
 * OTC_CORS_TEXT). For a preflight: what is permitted, or nothing for an origin, method or header that is not
 * allowed. `cors` may be NULL: none.
 */
size_t otc_cors_lines(const struct otc_cors *cors, const struct otc_exchange *exchange,
                      struct otc_field_line *lines, struct otc_buf *text);

#endif
