// SPDX-License-Identifier: Apache-2.0
/** @file Inside common/net: one TLS session over a non-blocking socket. */
#ifndef OTC_NET_TLS_SESSION_H
#define OTC_NET_TLS_SESSION_H

#include <sys/types.h>

#include "common/net/tls.h"

/** OpenSSL's SSL. */
struct ssl_st;

/** What must happen to the socket before the call is tried again; NOTHING with -1: the session is broken. */
enum otc_tls_want { OTC_TLS_NOTHING, OTC_TLS_READ, OTC_TLS_WRITE };

/** A server session; the socket stays the caller's. NULL out of memory. */
struct ssl_st *otc_tls_session_new(const struct otc_tls *tls, int fd);
void otc_tls_session_free(struct ssl_st *session);
/** As read() and write(): 0 is the peer's end; -1 with `*want`. They carry the handshake along. */
ssize_t otc_tls_read(struct ssl_st *session, void *data, size_t len, enum otc_tls_want *want);
ssize_t otc_tls_write(struct ssl_st *session, const void *data, size_t len, enum otc_tls_want *want);
bool otc_tls_established(const struct ssl_st *session);
/** What ALPN agreed on. */
bool otc_tls_is_http2(const struct ssl_st *session);
/** Tells the peer goodbye, once, without waiting. */
void otc_tls_close(struct ssl_st *session);

#endif
