// SPDX-License-Identifier: Apache-2.0
/** @file A request resource by resource, told apart by one attribute. */
#ifndef OTC_OTLP_BY_RESOURCE_H
#define OTC_OTLP_BY_RESOURCE_H

#include "common/component/otc.h"
#include "common/otlp/value.h"

/** What belongs to one resource; borrowed. */
struct otc_resource_piece {
    /** A request of its own. Several, one behind the other, are one too. */
    struct otc_slice request;
    /** The resource's attribute; of several with this key the first. */
    struct otc_value value;
};

/** False ends it. */
typedef bool (*otc_resource_fn)(void *arg, const struct otc_resource_piece *piece);

/** Calls `fn` for each ResourceSpans (…Metrics, …Logs) of an admitted request, in order. INVALID_ARGUMENT: it
 * is no sound request. */
OTC_CHECK otc_status otc_each_resource(struct otc_slice request, struct otc_slice key, otc_resource_fn fn,
                                       void *arg, struct otc_error *err);

#endif
