// SPDX-License-Identifier: Apache-2.0
#include "common/config/refused.h"

#include "common/config/node.h"

static bool
is_off(const struct otc_node *node)
{
    const struct otc_node *enabled;

    if (otc_node_is_null(node)) {
        return true;
    }
    if (node->kind == OTC_NODE_BOOL) {
        return !node->boolean;
    }
    if (node->kind == OTC_NODE_LIST) {
        return node->n == 0;
    }
    if (node->kind != OTC_NODE_MAP) {
        return false;
    }
    enabled = otc_node_get(node, "enabled");
    return node->n == 0 || (enabled && enabled->kind == OTC_NODE_BOOL && !enabled->boolean);
}

otc_status
otc_parse_refused(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)member;
    (void)owner;
    return is_off(node) ? OTC_OK
                        : otc_fail(err, OTC_INVALID_ARGUMENT,
                                   "is an OpenTelemetry Collector option that this build does not support; "
                                   "leave it out");
}
