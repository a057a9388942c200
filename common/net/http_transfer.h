// SPDX-License-Identifier: Apache-2.0
/** @file Inside common/net: what libcurl is told of a request, and what came of it. */
#ifndef OTC_NET_HTTP_TRANSFER_H
#define OTC_NET_HTTP_TRANSFER_H

#include "common/net/curl_api.h"
#include "common/net/http_client.h"
#include "common/net/proxy.h"

/** What all requests of a client share. All but init and release belongs to the loop's thread. */
struct otc_http_setup {
    const struct otc_http_client_config *config;
    struct otc_host *host;
    const char *component_id;
    char *user_agent;
    /** NULL: none is named. */
    struct otc_authenticator *authenticator;
    struct otc_tls_client_pems pems;
    int64_t pems_read_ns;
    char ciphers[2048];
    char curves[64];
    /** Copies of the environment's. */
    struct otc_proxy_env proxy;
    char *ca_file, *ca_path;
    CURLSH *cookies;
    /** The last attempt timed out: the next one does not trust the connections that are open. */
    bool fresh;
};

otc_status otc_http_setup_init(struct otc_http_setup *setup, const struct otc_http_client_config *config,
                               struct otc_host *host, const char *component_id, const char *user_agent,
                               struct otc_error *err);
void otc_http_setup_release(struct otc_http_setup *setup);

/** One request. */
struct otc_http_transfer {
    char *method;
    char *url;
    struct curl_slist *headers;
    struct otc_slice body;
    struct otc_buf reply;
    size_t dropped;
    char error[CURL_ERROR_SIZE];
};

/** Copies what a request says, and asks the authenticator for its headers. After a failure release it too.
 * Any thread. */
otc_status otc_http_transfer_init(struct otc_http_transfer *transfer, const struct otc_http_setup *setup,
                                  const struct otc_http_request *request, struct otc_error *err);
void otc_http_transfer_release(struct otc_http_transfer *transfer);
/** Sets every option. False out of memory. */
bool otc_http_transfer_set_up(struct otc_http_transfer *transfer, struct otc_http_setup *setup, CURL *easy);
/** What the end of a transfer means. */
void otc_http_transfer_reply(struct otc_http_transfer *transfer, struct otc_http_setup *setup, CURL *easy,
                             CURLcode result, struct otc_http_reply *out);
/** `Post "http://host/path": <text>`, without the URL's password. */
void otc_http_transfer_error(const struct otc_http_transfer *transfer, otc_status status, const char *text,
                             struct otc_error *out);

#endif
