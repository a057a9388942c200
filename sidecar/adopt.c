// SPDX-License-Identifier: Apache-2.0
/* What goes from the components of one service to those of the next. */
#include "sidecar/service_internal.h"

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_pairs(const struct otc_instance *a, const struct otc_instance *b)
{
    for (size_t i = 0; a->n_pairs == b->n_pairs && i < a->n_pairs; i++) {
        if (a->pairs[i].from != b->pairs[i].from || a->pairs[i].to != b->pairs[i].to) {
            return false;
        }
    }
    return a->n_pairs == b->n_pairs;
}

static bool
same(const struct otc_instance *a, const struct otc_instance *b)
{
    return a->component != NULL && b->component != NULL && a->config->factory == b->config->factory &&
           strcmp(a->id, b->id) == 0 &&
           same_text(a->pipeline != NULL ? a->pipeline->id : NULL,
                     b->pipeline != NULL ? b->pipeline->id : NULL) &&
           same_pairs(a, b) && otc_node_equal(a->config->node, b->config->node);
}

void
otc_service_adopt(struct otc_service *service, const struct otc_service *former)
{
    struct otc_graph *graph = &service->graph;
    const struct otc_graph *old = &former->graph;

    if (!otc_node_equal(otc_service_telemetry(graph->config)->resource,
                        otc_service_telemetry(old->config)->resource)) {
        return;
    }
    for (size_t i = 0; i < graph->n_instances; i++) {
        const struct otc_instance *instance = &graph->instances[i];
        const struct otc_component_ops *ops = instance->component->ops;
        /* One that was built for an older interface ends before the member. */
        bool adopts = ops->abi.size >= sizeof(struct otc_component_ops) && ops->adopt != NULL;

        for (size_t k = 0; adopts && k < old->n_instances; k++) {
            if (same(instance, &old->instances[k])) {
                ops->adopt(instance->component, old->instances[k].component);
                break;
            }
        }
    }
}
