// SPDX-License-Identifier: Apache-2.0
/**
 * @file HTTP requests to others: libcurl's multi interface on one loop for all clients of the process.
 *
 * A client is a pool of connections with one configuration (TLS, proxy, limits). Requests are sent from any
 * thread and never block; their results come on the clients' loop, whose thread nobody else runs code on, so
 * that `done` must not block either.
 *
 * HTTP/1.1 connections are kept and used again; https servers are offered HTTP/2, on which requests share a
 * connection. Redirects are followed as Go's client does (9 at most; 307 and 308 send the body again).
 * Replies may be compressed with gzip.
 */
#ifndef OTC_NET_HTTP_CLIENT_H
#define OTC_NET_HTTP_CLIENT_H

#include "common/component/otc.h"
#include "common/net/http_client_config.h"

/** Opaque. */
struct otc_http_client;

/** Bytes of a reply's body that are kept unless the request says otherwise: what Go's exporters read. */
#define OTC_HTTP_REPLY_MAX ((size_t)64 * 1024)

/** What came back. Borrowed for the call of `done` alone. */
struct otc_http_reply {
    /**
     * 0: no reply, and `error` says why: CANCELLED when the client was freed, DEADLINE_EXCEEDED after the
     * timeout, else UNAVAILABLE; `error.text` reads `Post "http://host/path": <reason>`, without passwords.
     */
    int status;
    struct otc_error error;
    /** At most `max_reply` bytes; what is beyond was dropped (`truncated`). */
    struct otc_slice body;
    bool truncated;
    /** Of the reply's head; "" when it has none. */
    const char *content_type;
    /** Retry-After, as seconds or as a date; 0: none. */
    uint32_t retry_after_ms;
    /** For otc_http_reply_header. */
    void *transfer;
};

/** A header of the reply, NULL: none. Borrowed like the reply. */
const char *otc_http_reply_header(const struct otc_http_reply *reply, const char *name);

/** A URL as it may be shown: without the password in it, as Go shows it. Cut at 511 bytes. */
void otc_http_show_url(const char *url, char out[512]);

/** One request; everything but `body` is copied. */
struct otc_http_request {
    /** "POST", "GET", … */
    const char *method;
    const char *url;
    /** Sent before the configuration's headers, of which one of the same name wins unless `fixed` says that
     * this one must. */
    const struct otc_header *headers;
    size_t n_headers;
    bool fixed;
    /** Sent unless one of this name comes from elsewhere: what a client of ours sent along. */
    const struct otc_header *forwarded;
    size_t n_forwarded;
    /** Stays where it is until `done`; `release(release_arg)` (may be NULL) runs once, behind it. */
    struct otc_slice body;
    void (*release)(void *arg);
    void *release_arg;
    /** 0: OTC_HTTP_REPLY_MAX. */
    size_t max_reply;
    /** Runs exactly once after otc_http_send answered OK, on the clients' loop or in otc_http_client_free. */
    void (*done)(void *arg, const struct otc_http_reply *reply);
    void *arg;
};

/**
 * `config` and `host` (its logger is told of certificates that cannot be read again, as `component_id`) are
 * borrowed for the client's life, `user_agent` is copied (may be NULL; a header of the configuration wins).
 * Reads TLS files and the proxy variables, and finds the authenticator. FAILED_PRECONDITION: one of those;
 * UNAVAILABLE: memory, threads.
 */
OTC_CHECK otc_status otc_http_client_new(const struct otc_http_client_config *config, struct otc_host *host,
                                         const char *component_id, const char *user_agent,
                                         struct otc_http_client **out, struct otc_error *err);
/**
 * Cancels what is under way (each `done` runs with CANCELLED before this returns) and closes the connections.
 * Nobody sends any more. Not on the clients' loop. NULL is allowed.
 */
void otc_http_client_free(struct otc_http_client *client);
/**
 * Begins a request. OK: `done` will run. UNAVAILABLE out of memory: neither `done` nor `release` will run.
 * Any thread.
 */
OTC_CHECK otc_status otc_http_send(struct otc_http_client *client, const struct otc_http_request *request,
                                   struct otc_error *err);

#endif
