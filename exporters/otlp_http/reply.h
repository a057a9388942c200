// SPDX-License-Identifier: Apache-2.0
/** @file What a server's answer means. A pure function of untrusted bytes. */
#ifndef OTC_EXPORTERS_OTLP_HTTP_REPLY_H
#define OTC_EXPORTERS_OTLP_HTTP_REPLY_H

#include "common/net/http_client.h"

struct otlp_http_result {
    /** OTC_OK: accepted. */
    struct otc_error error;
    /** Partial success: items the server rejected, and its message ("" when none). */
    int64_t rejected;
    char message[512];
    /** The data was accepted, but what the server wrote about it cannot be read. */
    bool unreadable;
};

/**
 * 2xx: accepted. 429, 502, 503, 504 and requests without an answer may be sent again, after Retry-After where
 * there is one (429, 503) or the delay of RetryInfo; everything else is permanent. Texts are the Collector's:
 * `error exporting items, request to URL responded with HTTP Status Code 503, Message=…, Details=[]`, behind
 * the gRPC code that the Collector makes of the status. `url` is shown without its password.
 */
void otlp_http_judge(const struct otc_http_reply *reply, const char *url, struct otlp_http_result *out);

#endif
