// SPDX-License-Identifier: Apache-2.0
/** @file Inside common/net: listening sockets. */
#ifndef OTC_NET_LISTEN_H
#define OTC_NET_LISTEN_H

#include "common/base/status.h"

/** Whether otc_listen_tcp() could take it, as far as the text tells: no name is looked up. */
OTC_CHECK otc_status otc_listen_check(const char *endpoint, struct otc_error *err);
/**
 * "host:port"; an empty host is every address. `family`: AF_UNSPEC, AF_INET, or AF_INET6 (of that alone).
 * Non-blocking. Errors read as Go's net.Listen.
 */
OTC_CHECK otc_status otc_listen_tcp(const char *endpoint, int family, int *fd, uint16_t *port,
                                    struct otc_error *err);
/** Replaces a socket file that nobody listens on. */
OTC_CHECK otc_status otc_listen_unix(const char *path, int *fd, struct otc_error *err);

#endif
