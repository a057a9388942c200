// SPDX-License-Identifier: Apache-2.0
/**
 * @file An HTTP server for tests of what sends: it answers as told and remembers what came. Real sockets on
 * the process's listener loop; any port of 127.0.0.1.
 */
#ifndef OTC_TESTS_HTTP_PEER_H
#define OTC_TESTS_HTTP_PEER_H

#include "common/base/buf.h"
#include "common/net/server.h"

struct otc_http_peer;

/** One answer; borrowed until the next otc_http_peer_answer. */
struct otc_http_answer {
    int status;
    /** "name: value" lines, each with an '\n'; may be NULL. */
    const char *headers;
    struct otc_slice body;
    /** Answers nothing until the peer is freed. */
    bool silent;
};

/** A request as it came. */
struct otc_http_seen {
    char method[16];
    char path[256];
    /** The client's address, which tells connections apart. */
    char peer[64];
    bool http2;
    /** "name: value" lines in lower-case names. */
    struct otc_buf headers;
    struct otc_buf body;
};

/** `tls` may be NULL; it is borrowed for the peer's life. Answers 200 without a body. Fails the test when it
 * cannot listen. */
struct otc_http_peer *otc_http_peer_new(const struct otc_tls_server *tls);
void otc_http_peer_free(struct otc_http_peer *peer);
int otc_http_peer_port(const struct otc_http_peer *peer);
/** The next request gets the first answer, …, all further ones the last. */
void otc_http_peer_answer(struct otc_http_peer *peer, const struct otc_http_answer *answers, size_t n);
size_t otc_http_peer_requests(struct otc_http_peer *peer);
/** The i-th request (negative: from the end, -1 is the last one), a copy that lives until the next call. */
const struct otc_http_seen *otc_http_peer_request(struct otc_http_peer *peer, int i);
/** The value of a header (lower case) of that copy, "" without it; until the next call. */
const char *otc_http_seen_header(const struct otc_http_seen *seen, const char *name);

#endif
