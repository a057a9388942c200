// SPDX-License-Identifier: Apache-2.0
/**
 * @file Inside common/net: a server's connections and exchanges. Everything here belongs to the loop's
 * thread, but for what says otherwise.
 */
#ifndef OTC_NET_CONN_H
#define OTC_NET_CONN_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/net/loop_event.h"
#include "common/net/server.h"
#include "common/net/tls_session.h"

#define OTC_READ_BUFFER ((size_t)256 * 1024)
/** A body below this many bytes a second (on average, after the grace) is too slow. */
#define OTC_MIN_BODY_RATE 1024

struct event;
struct otc_conn;
struct otc_http1;
struct otc_http2;

/** A response as it waits for the loop and then for the peer: one allocation, `body` apart. */
struct otc_reply {
    int status;
    bool close;
    bool trailers_only;
    const struct otc_field_line *headers;
    size_t n_headers;
    const struct otc_field_line *trailers;
    size_t n_trailers;
    struct otc_slice body;
    size_t body_sent;
    size_t counted; /* bytes in server->reply_bytes */
    uint8_t *owned; /* freed with the reply; NULL: the body lies behind the struct */
};

enum otc_exchange_state {
    OTC_EXCHANGE_HEAD,
    OTC_EXCHANGE_BODY,
    OTC_EXCHANGE_WAITING, /* on_request was called: the handler owes a response */
    OTC_EXCHANGE_ANSWERED
};

struct otc_line {
    uint32_t name, name_len, value, value_len; /* in `text` */
};

/** Attributes of a client that its authenticator may learn; beyond them they are left out. */
#define OTC_AUTH_MAX 8

struct otc_exchange {
    struct otc_server *server; /* NULL once the server is gone */
    struct otc_conn *conn;     /* NULL once the connection is gone */
    struct otc_loop *loop;
    struct otc_host *host;
    struct otc_exchange *prev, *next;         /* of the connection */
    struct otc_exchange *prev_due, *next_due; /* of the server: those in WAITING */
    struct otc_loop_task task;
    enum otc_exchange_state state;
    _Atomic bool aborted;
    bool orphan; /* under the lock of exchange.c: the loop may be gone */
    bool posted; /* under the same lock: a reply is on its way to the loop */
    bool http2;
    bool head_too_large;
    bool is_head; /* HEAD: the answer has no body */
    int32_t stream;
    struct otc_reply *reply;
    void *user;
    char peer[64];

    struct otc_buf text;
    struct otc_line *lines;
    size_t n_lines, lines_capacity;
    size_t head_bytes;
    struct otc_line method, path, query; /* only `value` is used */
    struct otc_line auth[OTC_AUTH_MAX];  /* what the authenticator learnt */
    size_t n_auth;

    struct otc_large body;
    size_t body_len, body_limit;
    size_t body_charged; /* what the body has of the budget, which may be more than came: otc_large_taken */
    size_t expected;     /* bytes of the body, as announced; 0: not known */
    size_t charged;      /* to the budget: body and head */
    int64_t content_length;
    int64_t started_ns;  /* its first byte */
    int64_t body_ns;     /* its head had come */
    int64_t answered_ns; /* the response was given */
};

/** What the two protocols do differently. */
struct otc_protocol {
    /** Takes all of `data`. False: the connection is beyond use; close it. */
    bool (*input)(struct otc_conn *conn, struct otc_slice data);
    /** Puts more into conn->out, which is empty. */
    void (*fill)(struct otc_conn *conn);
    /** exchange->reply is there: sends it. */
    void (*respond)(struct otc_exchange *exchange);
    /** The peer sends no more. False: close. */
    bool (*end)(struct otc_conn *conn);
    /** Looks at the deadlines. False: close. */
    bool (*check)(struct otc_conn *conn, int64_t now);
    /** The server stops: finish what is under way, then close. */
    void (*drain)(struct otc_conn *conn);
    void (*free)(struct otc_conn *conn);
};

struct otc_conn {
    struct otc_server *server;
    struct otc_conn *prev, *next;
    int fd;
    struct ssl_st *ssl;
    struct event *read_event, *write_event;
    struct event *again_event;           /* the rest of a turn that took too long */
    const struct otc_protocol *protocol; /* NULL until the first bytes tell */
    struct otc_http1 *http1;
    struct otc_http2 *http2;
    struct otc_exchange *exchanges;
    size_t n_exchanges;
    struct otc_buf out; /* what the socket did not take yet, from out_sent on */
    size_t out_sent;
    struct otc_slice out_body; /* sent after `out`; borrowed from an answered exchange */
    uint8_t first[24];
    size_t first_len;
    int64_t now;
    int64_t opened_ns, idle_since_ns;
    int64_t write_deadline_ns; /* 0: nothing waits */
    int64_t linger_deadline_ns;
    size_t linger_left;
    size_t read_max;
    int depth; /* event handlers on the stack: freeing waits */
    bool served;
    bool paused;
    bool finishing; /* close once the output is gone, after lingering */
    bool lingering;
    bool draining;
    bool closing;
    char peer[64];
};

struct otc_server {
    struct otc_loop *loop;
    struct otc_host *host;
    char *component_id;
    const struct otc_handler *handler;
    void *arg;
    struct otc_server_options limits; /* pointers in it are not used */
    struct otc_tls *tls;
    struct otc_authenticator *authenticator; /* NULL: everybody is welcome */
    const struct otc_tls_server *tls_config; /* NULL: not reloaded */
    struct event *reload_event;
    char tls_note[OTC_TLS_NOTE]; /* what was told of the certificate last */
    int fd;
    /** As it was opened. */
    char *endpoint;
    int family;
    uint16_t port;
    size_t fd_limit;
    struct event *accept_event, *rest_event, *sweep_event;
    bool sweeping;
    int64_t last_complaint_ns;
    uint8_t *read_buffer;
    struct otc_conn *conns;
    _Atomic size_t n_conns;
    size_t reply_bytes; /* bodies that wait for their readers */
    struct otc_exchange *due;
    bool draining;
    pthread_mutex_t lock; /* with `settled`: stop waits for the loop */
    pthread_cond_t settled;
    bool task_done;
    struct otc_page_set *pages;
};

/* ---- conn.c ---- */

/** Takes over `fd`; the server counts it. NULL out of memory (fd closed). */
struct otc_conn *otc_conn_new(struct otc_server *server, int fd, const char *peer);
/** Closes at the next chance: what is under way is aborted. */
void otc_conn_close(struct otc_conn *conn);
/** Sends what there is, unless an event handler further up does it anyway. */
void otc_conn_kick(struct otc_conn *conn);
/** Closes once the output is gone, reading and discarding up to `bytes` so that the peer gets to see it. */
void otc_conn_finish(struct otc_conn *conn, size_t bytes);
void otc_conn_pause(struct otc_conn *conn);
void otc_conn_resume(struct otc_conn *conn);
bool otc_conn_is_idle(const struct otc_conn *conn);
/** Deadlines; may free the connection. */
void otc_conn_sweep(struct otc_conn *conn, int64_t now);
void otc_conn_drain(struct otc_conn *conn);

/* ---- server.c ---- */

void otc_server_conn_gone(struct otc_server *server, struct otc_conn *conn);
/** Makes sure that deadlines are looked at. */
void otc_server_sweep_soon(struct otc_server *server);

/* ---- http1.c, http2.c ---- */

extern const struct otc_protocol otc_http1_protocol;
extern const struct otc_protocol otc_http2_protocol;
/** False out of memory. */
bool otc_http1_start(struct otc_conn *conn);
bool otc_http2_start(struct otc_conn *conn);

/* ---- exchange.c ---- */

struct otc_exchange *otc_exchange_new(struct otc_conn *conn, bool http2);
/** Stores a header; beyond the limit it is only counted. False out of memory. */
bool otc_exchange_add_line(struct otc_exchange *exchange, struct otc_slice name, struct otc_slice value);
bool otc_exchange_set_target(struct otc_exchange *exchange, struct otc_slice method, struct otc_slice target);
/** The head is complete: on_headers, or a fault. True while the body is wanted. */
bool otc_exchange_head_done(struct otc_exchange *exchange);
/** True while more is wanted. */
bool otc_exchange_feed(struct otc_exchange *exchange, struct otc_slice data);
void otc_exchange_complete(struct otc_exchange *exchange);
/** Answers through on_fault, or plainly. */
void otc_exchange_fail(struct otc_exchange *exchange, int http_status, otc_status status, const char *text);
/** The connection lets go of it. */
void otc_exchange_detach(struct otc_exchange *exchange);
/** The server goes: the loop may not be there when the answer comes. */
void otc_exchange_orphan_all(struct otc_server *server);
/** Copies text to the request's own. False at its limit. */
bool otc_exchange_put_text(struct otc_exchange *exchange, struct otc_slice text, uint32_t *at, uint32_t *len);
/** NULL: in time. */
const char *otc_exchange_overdue(const struct otc_exchange *exchange, int64_t now);

/* ---- auth.c ---- */

/** Shows the head to the server's authenticator. False: it was refused, and answered. */
bool otc_exchange_authenticate(struct otc_exchange *exchange);

/* ---- http1_head.c: pure ---- */

/** Text of the fault, or NULL: no bare CR or LF, no control bytes; sets `*end` behind the empty line, 0 when
 * it has not come. */
const char *otc_http1_find_head(struct otc_slice data, size_t *scanned, size_t *end);
/** NULL: a head without the ambiguities that http-parser lets pass. `*chunked`, `*length` (-1: none) as it
 * says. */
const char *otc_http1_check_head(struct otc_slice head, bool *chunked, int64_t *length);

/* ---- chunk.c: pure ---- */

struct otc_chunked {
    int state;
    uint64_t left;
    uint32_t digits;
    uint32_t line; /* bytes of extensions and trailers so far */
};

/**
 * Takes the next piece of a chunked body off the front of `*data`: sets `*piece` (may be empty). `*done`
 * behind the last chunk and trailers. False: malformed.
 */
bool otc_chunked_next(struct otc_chunked *chunked, struct otc_slice *data, struct otc_slice *piece,
                      bool *done);

#endif
