// SPDX-License-Identifier: Apache-2.0
#include "common/net/listen.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511

/* ---- Sockets that are kept --------------------------------------------------------------------- */

#define KEPT_MAX 64

struct kept {
    char *endpoint;
    int family;
    int fd;
};

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept kept_sockets[KEPT_MAX];
static size_t n_kept;
static bool keeping;

static void
close_socket(int fd, const char *endpoint, int family)
{
    close(fd);
    if (family == AF_UNIX) {
        unlink(endpoint);
    }
}

void
otc_listen_keep(bool keep)
{
    pthread_mutex_lock(&kept_lock);
    keeping = keep;
    while (!keep && n_kept > 0) {
        struct kept *kept = &kept_sockets[--n_kept];

        close_socket(kept->fd, kept->endpoint, kept->family);
        free(kept->endpoint);
    }
    pthread_mutex_unlock(&kept_lock);
}

void
otc_listen_close(int fd, const char *endpoint, int family)
{
    char *copy = NULL;

    pthread_mutex_lock(&kept_lock);
    if (keeping && n_kept < KEPT_MAX) {
        copy = strdup(endpoint);
    }
    if (copy) {
        kept_sockets[n_kept++] = (struct kept){copy, family, fd};
    } else {
        close_socket(fd, endpoint, family);
    }
    pthread_mutex_unlock(&kept_lock);
}

/** The kept socket of this endpoint, or -1. */
static int
take_kept(const char *endpoint, int family)
{
    int fd = -1;

    pthread_mutex_lock(&kept_lock);
    for (size_t i = 0; i < n_kept && fd < 0; i++) {
        if (kept_sockets[i].family == family && strcmp(kept_sockets[i].endpoint, endpoint) == 0) {
            fd = kept_sockets[i].fd;
            free(kept_sockets[i].endpoint);
            kept_sockets[i] = kept_sockets[--n_kept];
        }
    }
    pthread_mutex_unlock(&kept_lock);
    return fd;
}

/* ---- Addresses ---------------------------------------------------------------------------------- */

/** Go writes "address already in use" where C writes "Address already in use". */
static otc_status
fail_listen(struct otc_error *err, const char *network, const char *address, const char *call, int number)
{
    char text[128];

    snprintf(text, sizeof(text), "%s", strerror(number));
    text[0] = (char)tolower((unsigned char)text[0]);
    return otc_fail(err, OTC_UNAVAILABLE, "listen %s %s: %s: %s", network, address, call, text);
}

/* Digits up to 65535 (nothing: any port), or the name of a service. getaddrinfo() would cut a larger number
 * off and take a sign. */
static bool
port_ok(const char *port)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    if (strspn(port, "0123456789") == strlen(port)) {
        return strtol(port, NULL, 10) <= UINT16_MAX;
    }
    if (!isalpha((unsigned char)*port) || getaddrinfo(NULL, port, &hints, &list) != 0) {
        return false;
    }
    freeaddrinfo(list);
    return true;
}

static otc_status
split_endpoint(const char *endpoint, char host[256], char port[16], struct otc_error *err)
{
    const char *colon = strrchr(endpoint, ':');
    const char *start = endpoint;
    size_t len;

    if (!colon) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "address %s: missing port in address", endpoint);
    }
    len = (size_t)(colon - endpoint);
    if (len >= 2 && *start == '[' && start[len - 1] == ']') {
        start++;
        len -= 2;
    } else if (memchr(start, ':', len)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "address %s: too many colons in address", endpoint);
    }
    if (len >= 256 || strlen(colon + 1) >= 16) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "address %s: too long", endpoint);
    }
    memcpy(host, start, len);
    host[len] = '\0';
    snprintf(port, 16, "%s", colon + 1);
    if (!port_ok(port)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "address %s: invalid port (allowed: 0 to 65535)",
                        endpoint);
    }
    return OTC_OK;
}

otc_status
otc_listen_check(const char *endpoint, struct otc_error *err)
{
    char host[256], port[16];

    return split_endpoint(endpoint, host, port, err);
}

static otc_status
bind_socket(int fd, const struct addrinfo *to, int family, const char *endpoint, struct otc_error *err)
{
    const int one = 1;
    const int v6_only = family == AF_INET6;

    /* Without this a restart fails for a minute while old connections fade away. No port is shared by it. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (to->ai_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    }
    if (bind(fd, to->ai_addr, to->ai_addrlen) != 0) {
        return fail_listen(err, "tcp", endpoint, "bind", errno);
    }
    if (listen(fd, BACKLOG) != 0) {
        return fail_listen(err, "tcp", endpoint, "listen", errno);
    }
    return OTC_OK;
}

static uint16_t
bound_port(int fd)
{
    struct sockaddr_in6 bound = {0}; /* an IPv4 address is shorter and has its port at the same place */
    socklen_t len = sizeof(bound);

    return getsockname(fd, (struct sockaddr *)&bound, &len) == 0 ? ntohs(bound.sin6_port) : 0;
}

/** IPv4 first, as Go's "localhost"; every address: the IPv6 one that takes both. */
static const struct addrinfo *
preferred(const struct addrinfo *list, int family)
{
    for (const struct addrinfo *info = list; info; info = info->ai_next) {
        if (info->ai_family == family) {
            return info;
        }
    }
    return list;
}

static otc_status
open_tcp(const struct addrinfo *to, int family, const char *endpoint, int *fd, struct otc_error *err)
{
    otc_status status;

    *fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return fail_listen(err, "tcp", endpoint, "socket", errno);
    }
    status = bind_socket(*fd, to, family, endpoint, err);
    if (status != OTC_OK) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

otc_status
otc_listen_tcp(const char *endpoint, int family, int *fd, uint16_t *port, struct otc_error *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_family = family, .ai_socktype = SOCK_STREAM};
    char host[256] = "";
    char service[16] = "";
    struct addrinfo *list = NULL;
    const struct addrinfo *first;
    otc_status status = split_endpoint(endpoint, host, service, err);
    int failure;

    *fd = status == OTC_OK ? take_kept(endpoint, family) : -1;
    if (*fd >= 0) {
        *port = bound_port(*fd);
        return OTC_OK;
    }
    if (status != OTC_OK) {
        return otc_error_prefix(err, "listen tcp");
    }
    failure = getaddrinfo(*host ? host : NULL, service, &hints, &list);
    if (failure) {
        return otc_fail(err, OTC_UNAVAILABLE, "listen tcp: lookup %s: %s", endpoint, gai_strerror(failure));
    }
    first = preferred(list, *host ? AF_INET : AF_INET6);
    status = open_tcp(first, family, endpoint, fd, err);
    if (status != OTC_OK && !*host && family == AF_UNSPEC &&
        first->ai_family == AF_INET6) { /* a host without IPv6 */
        status = open_tcp(preferred(list, AF_INET), family, endpoint, fd, err);
    }
    freeaddrinfo(list);
    if (status == OTC_OK) {
        *port = bound_port(*fd);
    }
    return status;
}

/** A socket file outlives its process; only a connection attempt tells whether somebody is behind it. */
static void
remove_stale(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno == ECONNREFUSED) {
            unlink(address->sun_path);
        }
        close(fd);
    }
}

otc_status
otc_listen_unix(const char *path, int *fd, struct otc_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int failure;

    *fd = take_kept(path, AF_UNIX);
    if (*fd >= 0) {
        return OTC_OK;
    }
    if (strlen(path) >= sizeof(address.sun_path)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "listen unix %s: path longer than %zu bytes", path,
                        sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    remove_stale(&address);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return fail_listen(err, "unix", path, "socket", errno);
    }
    if (bind(*fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(*fd, BACKLOG) != 0) {
        failure = errno;
        close(*fd);
        *fd = -1;
        return fail_listen(err, "unix", path, "bind", failure);
    }
    return OTC_OK;
}
