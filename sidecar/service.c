// SPDX-License-Identifier: Apache-2.0
#include "sidecar/service.h"

#include "sidecar/log.h"
#include "sidecar/service_internal.h"

static otc_status
plan(struct otc_graph *graph, struct otc_error *err)
{
    otc_status status = otc_graph_check(graph, err);

    return status == OTC_OK ? otc_graph_plan(graph, err) : status;
}

otc_status
otc_service_config_check_graph(const struct otc_service_config *config, struct otc_error *err)
{
    struct otc_graph graph;
    otc_status status;

    otc_graph_init(&graph, config, NULL);
    status = plan(&graph, err);
    otc_graph_release(&graph);
    return status == OTC_OK ? OTC_OK : otc_error_prefix(err, "failed to build pipelines");
}

otc_status
otc_service_new(const struct otc_service_config *config, struct otc_host *host, struct otc_service **out,
                struct otc_error *err)
{
    struct otc_service *service = calloc(1, sizeof(*service));
    otc_status status;

    if (service == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the graph");
    }
    otc_graph_init(&service->graph, config, host);
    status = plan(&service->graph, err);
    if (status == OTC_OK) {
        status = otc_graph_build(&service->graph, err);
    }
    if (status != OTC_OK) {
        otc_service_free(service);
        return otc_error_prefix(err, "failed to build pipelines");
    }
    *out = service;
    return OTC_OK;
}

void
otc_service_free(struct otc_service *service)
{
    if (service != NULL) {
        otc_graph_release(&service->graph);
        free(service);
    }
}

/* The instance that gave this id away; of a copy of it, the only one of that name. */
static const struct otc_instance *
find_speaker(const struct otc_graph *graph, const char *component)
{
    const struct otc_instance *only = NULL;
    size_t same = 0;

    for (size_t i = 0; i < graph->n_instances; i++) {
        if (graph->instances[i].id == component) {
            return &graph->instances[i];
        }
        if (strcmp(graph->instances[i].id, component) == 0) {
            only = &graph->instances[i];
            same++;
        }
    }
    return same == 1 ? only : NULL;
}

void
otc_service_scope(const void *service, const char *component, struct otc_log_scope *out)
{
    const struct otc_instance *instance =
        find_speaker(&((const struct otc_service *)service)->graph, component);
    const struct otc_pair *only = instance != NULL && instance->n_pairs == 1 ? &instance->pairs[0] : NULL;

    if (instance == NULL) {
        return;
    }
    out->kind = otc_kind_name(instance->config->kind);
    out->pipeline = instance->pipeline != NULL ? instance->pipeline->id : NULL;
    out->signal = only != NULL ? otc_signal_name(only->from) : NULL;
    out->output = only != NULL && instance->config->kind == OTC_CONNECTOR ? otc_signal_name(only->to) : NULL;
}

static void
log_component(struct otc_service *service, const struct otc_instance *instance, const char *message)
{
    otc_log(service->graph.host->logger, OTC_LOG_DEBUG, instance->id, message);
}

static otc_status
start_instance(struct otc_service *service, struct otc_instance *instance, struct otc_error *err)
{
    const struct otc_component_ops *ops = instance->component->ops;
    struct otc_host *host = service->graph.host;
    const char *id = instance->id;
    otc_status status;

    host->report(host, id, OTC_STATE_STARTING, NULL);
    log_component(service, instance, "Starting component");
    status = ops->start != NULL ? ops->start(instance->component, err) : OTC_OK;
    /* Also after a failure: shutdown must be safe then, and cleans up what a failed start left. */
    instance->started = true;
    if (status == OTC_OK) {
        host->report(host, id, OTC_STATE_OK, NULL);
        return OTC_OK;
    }
    if (instance->config->kind == OTC_EXTENSION) {
        return otc_error_prefix(err, "failed to start extensions: failed to start extension \"%s\"", id);
    }
    return otc_error_prefix(err, "cannot start pipelines: failed to start \"%s\" %s", id,
                            otc_kind_name(instance->config->kind));
}

otc_status
otc_service_start(struct otc_service *service, struct otc_error *err)
{
    struct otc_graph *graph = &service->graph;

    for (size_t i = 0; i < graph->n_start_order; i++) {
        otc_status status = start_instance(service, graph->start_order[i], err);

        if (status != OTC_OK) {
            int64_t now = graph->host->monotonic_ns(graph->host);

            otc_service_shutdown(service, now, NULL);
            return status;
        }
    }
    return OTC_OK;
}

static otc_status
shutdown_instance(struct otc_service *service, struct otc_instance *instance, int64_t deadline_ns,
                  struct otc_error *err)
{
    const struct otc_component_ops *ops = instance->component->ops;
    struct otc_host *host = service->graph.host;
    const char *id = instance->id;
    otc_status status = OTC_OK;

    host->report(host, id, OTC_STATE_STOPPING, NULL);
    log_component(service, instance, "Stopping component");
    if (ops->shutdown != NULL) {
        status = ops->shutdown(instance->component, deadline_ns, err);
    }
    instance->started = false;
    if (status == OTC_OK) {
        host->report(host, id, OTC_STATE_STOPPED, NULL);
        return OTC_OK;
    }
    return otc_error_prefix(err, "failed to shutdown \"%s\" %s", id, otc_kind_name(instance->config->kind));
}

static void
drain_all(struct otc_graph *graph)
{
    for (size_t i = graph->n_start_order; i > 0; i--) {
        struct otc_instance *instance = graph->start_order[i - 1];
        const struct otc_component_ops *ops = instance->component->ops;

        /* One that was built for an older interface ends before the member. */
        if (instance->started && ops->abi.size >= sizeof(*ops) && ops->drain != NULL) {
            ops->drain(instance->component);
        }
    }
}

otc_status
otc_service_shutdown(struct otc_service *service, int64_t deadline_ns, struct otc_error *err)
{
    struct otc_graph *graph = &service->graph;
    int64_t now = graph->host->monotonic_ns(graph->host);
    /* Senders may wait for answers that will not come: that must not cost the queues their time. */
    int64_t receivers_ns = deadline_ns > now ? now + (deadline_ns - now) / 2 : deadline_ns;
    otc_status first = OTC_OK;

    drain_all(graph);
    for (size_t i = graph->n_start_order; i > 0; i--) {
        struct otc_instance *instance = graph->start_order[i - 1];
        bool receives = instance->config->kind == OTC_RECEIVER;
        struct otc_error *into = first == OTC_OK ? err : NULL;
        otc_status status = OTC_OK;

        if (instance->started) {
            status = shutdown_instance(service, instance, receives ? receivers_ns : deadline_ns, into);
        }
        first = first == OTC_OK ? status : first;
    }
    return first;
}

struct otc_component *
otc_service_extension(const struct otc_service *service, const char *id)
{
    const struct otc_graph *graph = &service->graph;

    for (size_t i = 0; i < graph->n_instances; i++) {
        if (graph->instances[i].config->kind == OTC_EXTENSION &&
            strcmp(graph->instances[i].config->id, id) == 0) {
            return graph->instances[i].component;
        }
    }
    return NULL;
}
