// SPDX-License-Identifier: Apache-2.0
/** @file What a remote-write receiver's answer means. */
#ifndef OTC_EXPORTERS_PRW_REPLY_H
#define OTC_EXPORTERS_PRW_REPLY_H

#include "common/net/http_client.h"

/** What the receiver says it wrote; -1: it does not say. */
struct prw_written {
    int64_t samples, histograms, exemplars;
};

/**
 * 2xx: OK, whatever the body says. 5xx, 429 and no answer: UNAVAILABLE, to be sent again, after Retry-After
 * where there is one. Everything else is permanent: INVALID_ARGUMENT "remote write returned HTTP status 400
 * Bad Request: out of order sample" with the server's own words.
 */
void prometheus_remote_write_judge(const struct otc_http_reply *reply, struct otc_error *out,
                                   struct prw_written *written);

#endif
