// SPDX-License-Identifier: Apache-2.0
/** @file Inside receivers/otlp: cross-origin requests of browsers, as the Collector answers them. */
#ifndef OTC_OTLP_CORS_H
#define OTC_OTLP_CORS_H

#include "common/net/server.h"

struct otlp_cors_config {
    otc_strings allowed_origins;
    otc_strings allowed_headers;
    otc_strings exposed_headers;
    int64_t max_age;
};

extern const struct otc_schema otlp_cors_schema;

/** Most lines that one answer gets, and the room for their texts. */
#define OTLP_CORS_LINES 6
#define OTLP_CORS_TEXT ((size_t)4096)

/** Header lines for an answer; their texts lie in `text`. Begins as {.text = {.limit = OTLP_CORS_TEXT}}. */
struct otlp_cors_lines {
    struct otc_field_line items[OTLP_CORS_LINES];
    size_t n;
    struct otc_buf text;
};

/** True for the question that a browser asks before it sends. `cors` may be NULL: never. */
bool otlp_cors_is_preflight(const struct otlp_cors_config *cors, const struct otc_exchange *exchange);
/** What the answer to it says: permissions, or none for an origin, method or header that is not allowed. */
void otlp_cors_preflight(const struct otlp_cors_config *cors, const struct otc_exchange *exchange,
                         struct otlp_cors_lines *out);
/** What any other answer says. `cors` may be NULL: nothing. */
void otlp_cors_answer(const struct otlp_cors_config *cors, const struct otc_exchange *exchange,
                      struct otlp_cors_lines *out);

#endif
