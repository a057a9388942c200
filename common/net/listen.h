// SPDX-License-Identifier: Apache-2.0
/** @file Listening sockets, and how they go from one configuration to the next. */
#ifndef OTC_NET_LISTEN_H
#define OTC_NET_LISTEN_H

#include "common/base/status.h"

/** Whether otc_listen_tcp() could take it, as far as the text tells: no name is looked up. */
OTC_CHECK otc_status otc_listen_check(const char *endpoint, struct otc_error *err);
/**
 * True: from now on a socket that is given back with otc_listen_close stays open, so that its clients wait
 * instead of being refused, and the next otc_listen_tcp or otc_listen_unix of the same text takes it over.
 * False: those that nobody took are closed. For the time of a reload. Any thread.
 */
void otc_listen_keep(bool keep);
/**
 * Closes a socket, or keeps it. `endpoint` and `family` (AF_UNIX: of otc_listen_unix): as it was opened. The
 * file of a unix socket goes with it.
 */
void otc_listen_close(int fd, const char *endpoint, int family);

/**
 * "host:port"; an empty host is every address. `family`: AF_UNSPEC, AF_INET, or AF_INET6 (of that alone).
 * Non-blocking. Errors read as Go's net.Listen.
 */
OTC_CHECK otc_status otc_listen_tcp(const char *endpoint, int family, int *fd, uint16_t *port,
                                    struct otc_error *err);
/** Replaces a socket file that nobody listens on. */
OTC_CHECK otc_status otc_listen_unix(const char *path, int *fd, struct otc_error *err);

#endif
