// SPDX-License-Identifier: Apache-2.0
/** @file service::telemetry::resource, in both of the Collector's forms. */
#ifndef OTC_SIDECAR_RESOURCE_H
#define OTC_SIDECAR_RESOURCE_H

#include "common/config/node.h"

#define OTC_RESOURCE_MAX 64u

/**
 * Calls `put` (may be NULL: checks alone) for each attribute of `{key: value}` or of
 * `{schema_url, attributes: [{name, value}]}`; a null value drops what the key stood for. Ends at the first
 * that is refused. FAILED_PRECONDITION with path and position: an attribute that is no scalar or has no name,
 * a key of the second form that is not supported, too many. `resource` may be NULL.
 */
OTC_CHECK otc_status otc_resource_read(const struct otc_node *resource,
                                       otc_status (*put)(void *arg, struct otc_slice key,
                                                         const struct otc_node *value, struct otc_error *err),
                                       void *arg, struct otc_error *err);

#endif
