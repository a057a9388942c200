// SPDX-License-Identifier: Apache-2.0
/** @file Where an exporter sends, as labels of what it sent: server.address, server.port and url.path, as the
 * Collector has them. */
#ifndef OTC_COMPONENT_TARGET_H
#define OTC_COMPONENT_TARGET_H

#include "common/component/otc.h"

#define OTC_TARGET_LABELS 3u

/** Zeroed: nothing is known. */
struct otc_target {
    struct otc_label labels[OTC_TARGET_LABELS];
    size_t n;
    char *text; /* what they refer to */
};

/** Of a URL: no port and no path where it has none; a user and a query are not told. False out of memory. */
bool otc_target_of_url(struct otc_target *target, const char *url);
/** Of an endpoint of gRPC: `host:port`, or a URL without its path; a socket's address is "unix", and other
 * schemes are told as they are. False out of memory. */
bool otc_target_of_endpoint(struct otc_target *target, const char *endpoint);
void otc_target_release(struct otc_target *target);

#endif
