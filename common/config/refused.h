// SPDX-License-Identifier: Apache-2.0
/** @file Options of the Collector that this build does not have: refused, so that nobody believes them
 * active. */
#ifndef OTC_CONFIG_REFUSED_H
#define OTC_CONFIG_REFUSED_H

#include "common/config/schema.h"

/**
 * A field's `parse` (schema.h): what turns the option off passes (nothing, an empty list or map, `false`,
 * `enabled: false`), and the member stays as it is. Everything else is OTC_INVALID_ARGUMENT.
 */
otc_status otc_parse_refused(const struct otc_node *node, void *member, struct otc_config *owner,
                             struct otc_error *err);

#endif
