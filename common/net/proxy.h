// SPDX-License-Identifier: Apache-2.0
/** @file Which proxy a request goes through, by the environment's variables as Go's programs read them. */
#ifndef OTC_NET_PROXY_H
#define OTC_NET_PROXY_H

#include "common/base/slice.h"

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or the same in lower case when those are empty. NULL: not set. */
struct otc_proxy_env {
    const char *http_proxy;
    const char *https_proxy;
    const char *no_proxy;
};

/** Of this process. The texts are the environment's own: to be read at start alone. */
struct otc_proxy_env otc_proxy_env_get(void);

/**
 * The proxy for a URL, or NULL: none. The rules are those of golang.org/x/net/http/httpproxy: localhost and
 * loopback addresses go direct; NO_PROXY is a list, separated by commas, of host names (which stand for their
 * subdomains too; with a leading '.' or "*." for the subdomains alone), addresses, networks (10.0.0.0/8),
 * each but the last with an optional port, or "*" for everything.
 */
const char *otc_proxy_for(const struct otc_proxy_env *env, const char *url);

#endif
