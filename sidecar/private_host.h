// SPDX-License-Identifier: Apache-2.0
/** @file The program's host as a component of the program itself sees it: with a meter and a log of its own,
 * so that what it does stands in no account of the pipelines. */
#ifndef OTC_SIDECAR_PRIVATE_HOST_H
#define OTC_SIDECAR_PRIVATE_HOST_H

#include "common/component/otc.h"

struct otc_private_host {
    struct otc_host host;
    struct otc_host *outer;
};

/** All but `meter` and `logger`, which are borrowed as `outer` is, comes from `outer`; states that a
 * component reports go nowhere. */
void otc_private_host_init(struct otc_private_host *host, struct otc_host *outer, struct otc_meter *meter,
                           struct otc_logger *logger);

#endif
