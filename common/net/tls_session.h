// SPDX-License-Identifier: Apache-2.0
/** @file Inside common/net: one TLS session over a non-blocking socket. */
#ifndef OTC_NET_TLS_SESSION_H
#define OTC_NET_TLS_SESSION_H

#include <sys/types.h>

#include "common/net/tls.h"

/** OpenSSL's SSL. */
struct ssl_st;

#define OTC_TLS_NAMES_MAX 2048
#define OTC_TLS_CURVES_MAX 64

/** What servers' and clients' `tls:` blocks have in common. */
extern const struct otc_schema otc_tls_tpm_schema;
/** Names of `curve_preferences`, as Go has them. */
extern const char *const otc_tls_curves[];
/** The suites of TLS 1.2 in OpenSSL's spelling, "" for its own choice. Those of 1.3 cannot be chosen, as in
 * Go. INVALID_ARGUMENT for a name that is none. */
OTC_CHECK otc_status otc_tls_cipher_names(const otc_strings *suites, char out[OTC_TLS_NAMES_MAX],
                                          struct otc_error *err);
/** Curves in OpenSSL's spelling; returns the length, 0 for its own choice. */
size_t otc_tls_curve_names(const otc_strings *names, char out[OTC_TLS_CURVES_MAX]);

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
