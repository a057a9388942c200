// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/net/listen.h"

#define ACCEPTS_MAX 64
/** Descriptors that connections never get: files, exporters and logs need some. */
#define FD_RESERVE 32
#define REST_NS (100 * OTC_MILLISECOND)
#define SWEEP_NS (250 * OTC_MILLISECOND)
#define SWEEP_MIN_NS (5 * OTC_MILLISECOND)

const char *const otc_transport_choices[] = {"tcp", "unix", "tcp4", "tcp6", NULL};

static const struct otc_field middleware_fields[] = {
    OTC_FIELD(otc_server_middleware, id, .doc = "Refused: there are no middlewares here."),
    OTC_FIELD_END,
};

static otc_status
refuse_middleware(const void *value, struct otc_error *err)
{
    const struct otc_server_middleware *middleware = value;

    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "id: middleware \"%s\" is not supported: requests would not pass through it",
                    middleware->id ? middleware->id : "");
}

const struct otc_schema otc_server_middleware_schema =
    OTC_SCHEMA(otc_server_middleware, middleware_fields, "What requests pass through first.",
               .check = refuse_middleware);

static const struct otc_field dialer_fields[] = {
    OTC_FIELD(otc_server_dialer, timeout, .def = "0s", .inert = true, .doc = "A server dials nobody."),
    OTC_FIELD_END,
};
const struct otc_schema otc_server_dialer_schema =
    OTC_SCHEMA(otc_server_dialer, dialer_fields, "Of clients.");

static struct timeval
timeval_of(int64_t ns)
{
    return (struct timeval){.tv_sec = ns / OTC_SECOND, .tv_usec = (ns % OTC_SECOND) / 1000};
}

/* ---- Accepting ---------------------------------------------------------------------------------- */

/** Once a minute: what is short, a flood would otherwise fill the log as well. */
static void
complain(struct otc_server *server, const char *what)
{
    const int64_t now = otc_clock_monotonic_ns();

    if (server->last_complaint_ns == 0 || now - server->last_complaint_ns > OTC_MINUTE) {
        server->last_complaint_ns = now;
        otc_log(server->host->logger, OTC_LOG_WARN, server->component_id, what,
                OTC_FIELD_NUMBER("connections", server->n_conns));
    }
}

/** Closes the connection that was idle for the longest time, one that never served first. False: all are
 * busy. */
static bool
evict(struct otc_server *server)
{
    struct otc_conn *victim = NULL;

    for (struct otc_conn *conn = server->conns; conn; conn = conn->next) {
        if (!otc_conn_is_idle(conn)) {
            continue;
        }
        if (!victim || conn->served < victim->served ||
            (conn->served == victim->served && conn->idle_since_ns < victim->idle_since_ns)) {
            victim = conn;
        }
    }
    if (victim) {
        otc_conn_close(victim);
    }
    return victim != NULL;
}

static void
rest(struct otc_server *server)
{
    const struct timeval delay = timeval_of(REST_NS);

    event_del(server->accept_event);
    event_add(server->rest_event, &delay);
}

static void
on_rest_over(evutil_socket_t fd, short what, void *arg)
{
    struct otc_server *server = arg;

    (void)fd;
    (void)what;
    if (!server->draining) {
        event_add(server->accept_event, NULL);
    }
}

static void
peer_name(const struct sockaddr_storage *from, char out[64])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, 64, "%s:%u", host, ntohs(in->sin_port));
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, 64, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        snprintf(out, 64, "unix");
    }
}

/** Takes the connection in, at another's cost if need be. False: no room at all. */
static bool
admit(struct otc_server *server, int fd, const struct sockaddr_storage *from)
{
    const int one = 1;
    const bool few_fds = (size_t)fd + FD_RESERVE >= server->fd_limit;
    char peer[64];

    if (few_fds || server->n_conns >= server->limits.max_connections) {
        complain(server, few_fds ? "accept: out of descriptors" : "accept: too many connections");
        if (!evict(server)) {
            close(fd);
            return false;
        }
    }
    if (from->ss_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    peer_name(from, peer);
    otc_conn_new(server, fd, peer);
    return true;
}

static void
on_acceptable(evutil_socket_t listener, short what, void *arg)
{
    struct otc_server *server = arg;

    (void)what;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);
        const int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            if (admit(server, fd, &from)) {
                continue;
            }
            rest(server);
            return;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            complain(server, "accept: out of descriptors");
            if (!evict(server)) {
                rest(server);
                return;
            }
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ---- Deadlines ---------------------------------------------------------------------------------- */

static int64_t
smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** Deadlines are met to within an eighth of the shortest, at best 5 ms. */
static int64_t
sweep_interval(const struct otc_server_options *limits)
{
    int64_t shortest = smaller(limits->header_timeout_ns, limits->request_timeout_ns);

    shortest = smaller(shortest, smaller(limits->write_timeout_ns, limits->idle_timeout_ns));
    shortest = smaller(shortest, limits->slow_body_grace_ns) / 8;
    return shortest < SWEEP_MIN_NS ? SWEEP_MIN_NS : smaller(shortest, SWEEP_NS);
}

void
otc_server_sweep_soon(struct otc_server *server)
{
    if (!server->sweeping) {
        const struct timeval delay = timeval_of(sweep_interval(&server->limits));

        server->sweeping = true;
        event_add(server->sweep_event, &delay);
    }
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct otc_server *server = arg;
    const int64_t now = otc_clock_monotonic_ns();

    (void)fd;
    (void)what;
    server->sweeping = false;
    for (struct otc_conn *conn = server->conns; conn;) {
        struct otc_conn *next = conn->next;

        otc_conn_sweep(conn, now);
        conn = next;
    }
    if (server->conns) {
        otc_server_sweep_soon(server);
    }
}

/* ---- Certificates -------------------------------------------------------------------------------- */

/* Says once of a certificate that clients will refuse it. */
static void
tell_validity(struct otc_server *server)
{
    char note[OTC_TLS_NOTE] = "";

    if (otc_tls_server_note(server->tls, note) && strcmp(note, server->tls_note) != 0) {
        otc_log(server->host->logger, OTC_LOG_WARN, server->component_id,
                "Clients will refuse this server's certificate", OTC_FIELD_TEXT("error", note));
    }
    memcpy(server->tls_note, note, sizeof(note));
}

static void
on_reload(evutil_socket_t fd, short what, void *arg)
{
    struct otc_server *server = arg;
    struct otc_error err = OTC_ERROR_INIT;

    (void)fd;
    (void)what;
    if (otc_tls_server_reload(server->tls, server->tls_config, &err) != OTC_OK) {
        otc_log(server->host->logger, OTC_LOG_ERROR, server->component_id,
                "certificates not reloaded, those in use stay", OTC_FIELD_TEXT("error", err.text));
    } else {
        tell_validity(server);
    }
}

static bool
start_reloading(struct otc_server *server, const struct otc_tls_server *config)
{
    const int64_t interval = config ? otc_tls_reload_interval(config) : 0;
    const struct timeval every = timeval_of(interval);

    if (interval <= 0) {
        return true;
    }
    server->tls_config = config;
    server->reload_event = event_new(otc_loop_base(server->loop), -1, EV_PERSIST, on_reload, server);
    return server->reload_event && event_add(server->reload_event, &every) == 0;
}

/* ---- Opening ------------------------------------------------------------------------------------ */

static void
set_default(int64_t *value, int64_t fallback)
{
    *value = *value > 0 ? *value : fallback;
}

static void
set_limits(struct otc_server *server, const struct otc_server_options *options)
{
    struct otc_server_options *limits = &server->limits;
    struct rlimit files;

    *limits = *options;
    limits->protocols = limits->protocols ? limits->protocols : OTC_HTTP1 | OTC_HTTP2;
    limits->max_connections = limits->max_connections ? limits->max_connections : 1024;
    limits->max_concurrent_streams = limits->max_concurrent_streams ? limits->max_concurrent_streams : 100;
    limits->max_header_bytes = limits->max_header_bytes ? limits->max_header_bytes : (size_t)16 * 1024;
    limits->max_body_bytes = limits->max_body_bytes ? limits->max_body_bytes : (size_t)64 * 1024;
    set_default(&limits->header_timeout_ns, 10 * OTC_SECOND);
    set_default(&limits->request_timeout_ns, 60 * OTC_SECOND);
    set_default(&limits->write_timeout_ns, 30 * OTC_SECOND);
    set_default(&limits->idle_timeout_ns, 60 * OTC_SECOND);
    set_default(&limits->slow_body_grace_ns, 10 * OTC_SECOND);
    server->fd_limit = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : 1024;
}

static bool
make_events(struct otc_server *server)
{
    struct event_base *base = otc_loop_base(server->loop);

    server->read_buffer = malloc(OTC_READ_BUFFER);
    server->accept_event = event_new(base, server->fd, EV_READ | EV_PERSIST, on_acceptable, server);
    server->rest_event = event_new(base, -1, 0, on_rest_over, server);
    server->sweep_event = event_new(base, -1, 0, on_sweep, server);
    return server->read_buffer && server->accept_event && server->rest_event && server->sweep_event;
}

/** Before the port is open: a server that was to ask is never open to all. */
static otc_status
find_authenticator(struct otc_server *server, const struct otc_server_auth *auth, struct otc_error *err)
{
    if (!auth) {
        return OTC_OK;
    }
    return otc_authenticator_find(server->host, auth->authenticator, OTC_OFFERS_SERVER_AUTH,
                                  &server->authenticator, err);
}

static otc_status
prepare(struct otc_server *server, const struct otc_server_options *options, struct otc_error *err)
{
    otc_status status = otc_loop_shared_acquire(&server->loop, err);

    if (status == OTC_OK) {
        status = find_authenticator(server, options->auth, err);
    }
    if (status == OTC_OK && options->tls) {
        status = otc_tls_server_new(options->tls, server->limits.protocols & OTC_HTTP1,
                                    server->limits.protocols & OTC_HTTP2, &server->tls, err);
    }
    if (status != OTC_OK) {
        return status;
    }
    server->endpoint = strdup(options->endpoint);
    server->family = options->unix_socket ? AF_UNIX : options->family;
    if (!server->endpoint) {
        return otc_fail(err, OTC_INTERNAL, "listen %s: out of memory", options->endpoint);
    }
    status = options->unix_socket
                 ? otc_listen_unix(options->endpoint, &server->fd, err)
                 : otc_listen_tcp(options->endpoint, options->family, &server->fd, &server->port, err);
    if (status != OTC_OK) {
        return status;
    }
    server->component_id = strdup(options->component_id ? options->component_id : "");
    if (!server->component_id || !make_events(server) || !start_reloading(server, options->tls) ||
        event_add(server->accept_event, NULL) != 0) {
        return otc_fail(err, OTC_INTERNAL, "listen %s: out of memory", options->endpoint);
    }
    return OTC_OK;
}

otc_status
otc_server_open(const struct otc_server_options *options, struct otc_server **out, struct otc_error *err)
{
    struct otc_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t monotonic;
    otc_status status;

    *out = NULL;
    if (!server) {
        return otc_fail(err, OTC_INTERNAL, "listen %s: out of memory", options->endpoint);
    }
    server->fd = -1;
    server->host = options->host;
    server->handler = options->handler;
    server->arg = options->arg;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->settled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    set_limits(server, options);
    status = prepare(server, options, err);
    if (status == OTC_OK && options->cors && options->cors->allowed_origins.n == 0 &&
        options->cors->allowed_headers.n > 0) {
        otc_log(server->host->logger, OTC_LOG_WARN, server->component_id,
                "The CORS configuration specifies allowed headers but no allowed origins, and is therefore "
                "ignored.");
    }
    if (status != OTC_OK) {
        otc_server_free(server);
        return status;
    }
    if (server->tls) {
        tell_validity(server);
    }
    *out = server;
    return OTC_OK;
}

otc_status
otc_http_server_check(const struct otc_http_server_config *config, struct otc_error *err)
{
    struct otc_tls *tls = NULL;

    if (config->transport.index != OTC_TRANSPORT_UNIX &&
        otc_listen_check(config->endpoint ? config->endpoint : "", err) != OTC_OK) {
        return otc_error_prefix(err, "endpoint");
    }
    if (config->tls && otc_tls_server_new(config->tls, true, true, &tls, err) != OTC_OK) {
        return otc_error_prefix(err, "tls");
    }
    otc_tls_free(tls);
    return otc_response_headers_check(&config->response_headers, err);
}

void
otc_http_server_options(const struct otc_http_server_config *config, struct otc_server_options *options)
{
    options->endpoint = config->endpoint;
    options->unix_socket = config->transport.index == OTC_TRANSPORT_UNIX;
    options->family = config->transport.index == OTC_TRANSPORT_TCP4   ? AF_INET
                      : config->transport.index == OTC_TRANSPORT_TCP6 ? AF_INET6
                                                                      : AF_UNSPEC;
    options->tls = config->tls;
    options->auth = config->auth;
    options->cors = config->cors;
    options->response_headers = &config->response_headers;
    options->max_connections = (size_t)config->max_connections;
    options->no_keep_alive = !config->keep_alives_enabled;
    options->header_timeout_ns = config->read_header_timeout.ns;
    options->request_timeout_ns = config->read_timeout.ns;
    options->write_timeout_ns = config->write_timeout.ns;
    options->idle_timeout_ns = config->idle_timeout.ns;
}

uint16_t
otc_server_port(const struct otc_server *server)
{
    return server->port;
}

size_t
otc_server_connections(const struct otc_server *server)
{
    return server->n_conns;
}

/* ---- Closing ------------------------------------------------------------------------------------ */

void
otc_server_conn_gone(struct otc_server *server, struct otc_conn *conn)
{
    if (conn->prev) {
        conn->prev->next = conn->next;
    } else {
        server->conns = conn->next;
    }
    if (conn->next) {
        conn->next->prev = conn->prev;
    }
    pthread_mutex_lock(&server->lock);
    server->n_conns--;
    pthread_cond_broadcast(&server->settled);
    pthread_mutex_unlock(&server->lock);
}

static void
stop_listening(struct otc_server *server)
{
    if (server->fd < 0) {
        return;
    }
    event_del(server->accept_event);
    event_del(server->rest_event);
    otc_listen_close(server->fd, server->endpoint, server->family);
    server->fd = -1;
}

static void
begin_drain(void *arg)
{
    struct otc_server *server = arg;

    server->draining = true;
    stop_listening(server);
    for (struct otc_conn *conn = server->conns; conn;) {
        struct otc_conn *next = conn->next;

        conn->depth++;
        otc_conn_drain(conn);
        conn->depth--;
        otc_conn_kick(conn);
        conn = next;
    }
}

static void
close_all(void *arg)
{
    struct otc_server *server = arg;

    begin_drain(server);
    while (server->conns) {
        otc_conn_close(server->conns);
    }
    event_del(server->sweep_event);
    if (server->reload_event) {
        event_del(server->reload_event);
    }
    otc_exchange_orphan_all(server);
    pthread_mutex_lock(&server->lock);
    server->task_done = true;
    pthread_cond_broadcast(&server->settled);
    pthread_mutex_unlock(&server->lock);
}

/** Runs `fn` on the loop; the task lies on this stack until close_all said that it is done. */
static void
close_and_wait(struct otc_server *server)
{
    struct otc_loop_task task = {.fn = close_all, .arg = server};

    otc_loop_post_task(server->loop, &task);
    pthread_mutex_lock(&server->lock);
    while (!server->task_done) {
        pthread_cond_wait(&server->settled, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

void
otc_server_stop(struct otc_server *server, int64_t deadline_ns)
{
    const struct timespec until = {.tv_sec = deadline_ns / OTC_SECOND, .tv_nsec = deadline_ns % OTC_SECOND};
    int failure = 0;

    if (server->task_done || !server->accept_event) {
        return;
    }
    if (deadline_ns > otc_clock_monotonic_ns() && otc_loop_post(server->loop, begin_drain, server)) {
        pthread_mutex_lock(&server->lock);
        while (server->n_conns > 0 && failure == 0) {
            failure = pthread_cond_timedwait(&server->settled, &server->lock, &until);
        }
        pthread_mutex_unlock(&server->lock);
    }
    close_and_wait(server);
}

static void
free_event(struct event *event)
{
    if (event) {
        event_free(event);
    }
}

void
otc_server_free(struct otc_server *server)
{
    if (!server) {
        return;
    }
    if (server->sweep_event) {
        otc_server_stop(server, 0);
    } else if (server->fd >= 0) {
        otc_listen_close(server->fd, server->endpoint, server->family);
    }
    free_event(server->accept_event);
    free_event(server->rest_event);
    free_event(server->sweep_event);
    free_event(server->reload_event);
    otc_loop_shared_release(server->loop); /* after this no task of ours is left */
    otc_tls_free(server->tls);
    free(server->pages);
    free(server->read_buffer);
    free(server->component_id);
    free(server->endpoint);
    pthread_cond_destroy(&server->settled);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
