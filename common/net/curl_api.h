// SPDX-License-Identifier: Apache-2.0
/**
 * @file Inside common/net: libcurl, loaded when the first HTTP client asks for it.
 *
 * Debian's libcurl brings 28 libraries of its own (LDAP, Kerberos, SSH, GnuTLS …): 3.7 MB resident and 10 ms
 * at each start, in a process that may have no HTTP client. Here they come with the first one. Include this
 * instead of <curl/curl.h>; functions that are not in the list below don't link.
 */
#ifndef OTC_NET_CURL_API_H
#define OTC_NET_CURL_API_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "common/base/status.h"

#define OTC_CURL_FUNCTIONS(X)                                                                                \
    X(global_init)                                                                                           \
    X(easy_init)                                                                                             \
    X(easy_cleanup)                                                                                          \
    X(easy_reset)                                                                                            \
    X(easy_setopt)                                                                                           \
    X(easy_getinfo)                                                                                          \
    X(easy_strerror)                                                                                         \
    X(easy_header)                                                                                           \
    X(multi_init)                                                                                            \
    X(multi_cleanup)                                                                                         \
    X(multi_setopt)                                                                                          \
    X(multi_add_handle)                                                                                      \
    X(multi_remove_handle)                                                                                   \
    X(multi_socket_action)                                                                                   \
    X(multi_info_read)                                                                                       \
    X(multi_assign)                                                                                          \
    X(slist_append)                                                                                          \
    X(slist_free_all)                                                                                        \
    X(share_init)                                                                                            \
    X(share_setopt)                                                                                          \
    X(share_cleanup)                                                                                         \
    X(url)                                                                                                   \
    X(url_set)                                                                                               \
    X(url_get)                                                                                               \
    X(url_cleanup)                                                                                           \
    X(free)

/** Written once, by the first otc_curl_load; read after it alone. */
struct otc_curl {
#define OTC_CURL_MEMBER(name) __typeof__(curl_##name) *name;
    OTC_CURL_FUNCTIONS(OTC_CURL_MEMBER)
#undef OTC_CURL_MEMBER
};
extern struct otc_curl otc_curl;

/** Loads libcurl and prepares it. Any thread. FAILED_PRECONDITION when it is not there or lacks a function.
 */
OTC_CHECK otc_status otc_curl_load(struct otc_error *err);

#endif
