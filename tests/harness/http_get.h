// SPDX-License-Identifier: Apache-2.0
/** @file A blocking HTTP/1.1 exchange over a unix socket, for tests of pages. */
#ifndef OTC_TESTS_HTTP_GET_H
#define OTC_TESTS_HTTP_GET_H

#include "common/base/buf.h"

/**
 * Sends one request (`headers`: whole lines with CRLF, may be "") and reads until the server closes. The
 * answer's status, or 0 when there was none; the whole answer in `out`.
 */
int otc_http_request(const char *socket_path, const char *method, const char *path, const char *headers,
                     struct otc_buf *out);
/** What follows the head of an answer. */
const char *otc_http_body(struct otc_buf *answer);

#endif
