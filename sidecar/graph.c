// SPDX-License-Identifier: Apache-2.0
/* Instances are made of the ids in use, then each output is connected to the entries of what it feeds. */
#include "sidecar/graph.h"

#include "common/component/fanout.h"
#include "sidecar/graph_count.h"

/* Longest chain of extensions that name another one. */
#define EXTENSIONS_DEEP 16u
#define GRAPH_BYTES_MAX ((size_t)16 << 20)

static otc_status
out_of_memory(struct otc_error *err)
{
    (void)otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the graph");
    return OTC_RESOURCE_EXHAUSTED;
}

/* ---- Instances
 * -------------------------------------------------------------------------------------------------- */

static struct otc_instance *
find_instance(const struct otc_graph *graph, const struct otc_component_config *config,
              const struct otc_pipeline_config *pipeline)
{
    for (size_t i = 0; i < graph->n_instances; i++) {
        struct otc_instance *instance = &graph->instances[i];

        if (instance->config == config && (config->kind != OTC_PROCESSOR || instance->pipeline == pipeline)) {
            return instance;
        }
    }
    return NULL;
}

/* What an id in a pipeline's list names: `kind` itself or a connector. */
static const struct otc_component_config *
resolve(const struct otc_graph *graph, enum otc_kind kind, const char *id)
{
    const struct otc_component_config *c = otc_service_component(graph->config, kind, id);

    return c != NULL || kind == OTC_PROCESSOR ? c : otc_service_component(graph->config, OTC_CONNECTOR, id);
}

static otc_status
add_pair(struct otc_instance *instance, enum otc_signal from, enum otc_signal to, struct otc_error *err)
{
    const struct otc_factory *factory = instance->config->factory;

    for (size_t i = 0; i < instance->n_pairs; i++) {
        if (instance->pairs[i].from == from && instance->pairs[i].to == to) {
            return OTC_OK;
        }
    }
    for (size_t i = 0; i < factory->n_pairs; i++) {
        if (factory->pairs[i].from == from && factory->pairs[i].to == to) {
            instance->pairs[instance->n_pairs++] = factory->pairs[i];
            return OTC_OK;
        }
    }
    return otc_fail(err, OTC_FAILED_PRECONDITION,
                    "failed to create \"%s\" %s for data type \"%s\": telemetry type is not supported",
                    instance->config->id, otc_kind_name(factory->kind), otc_signal_name(from));
}

static otc_status
add_instance(struct otc_graph *graph, const struct otc_component_config *config,
             const struct otc_pipeline_config *pipeline, struct otc_instance **out, struct otc_error *err)
{
    struct otc_instance *instance = find_instance(graph, config, pipeline);

    if (instance == NULL) {
        instance = &graph->instances[graph->n_instances];
        *instance = (struct otc_instance){.config = config,
                                          .pipeline = config->kind == OTC_PROCESSOR ? pipeline : NULL};
        instance->pairs =
            otc_arena_alloc(&graph->arena, (config->factory->n_pairs + 1) * sizeof(struct otc_pair));
        instance->id = otc_arena_strndup(&graph->arena, config->id, strlen(config->id));
        if (instance->pairs == NULL || instance->id == NULL) {
            return out_of_memory(err);
        }
        graph->n_instances++;
    }
    *out = instance;
    return OTC_OK;
}

static otc_status
add_list(struct otc_graph *graph, const struct otc_pipeline_config *p, enum otc_kind kind,
         const otc_strings *ids, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (size_t i = 0; i < ids->n && status == OTC_OK; i++) {
        const struct otc_component_config *c = resolve(graph, kind, ids->items[i]);
        struct otc_instance *instance;

        if (c == NULL) {
            return otc_fail(err, OTC_FAILED_PRECONDITION,
                            "service::pipelines::%s: references %s \"%s\" which is not configured", p->id,
                            otc_kind_name(kind), ids->items[i]);
        }
        status = add_instance(graph, c, p, &instance, err);
        if (status == OTC_OK && c->kind != OTC_CONNECTOR) {
            status = add_pair(instance, p->signal, p->signal, err);
            if (status != OTC_OK) {
                otc_node_error(otc_pipeline_item(p, kind, i), err);
            }
        }
    }
    return status;
}

/* The directions in which connectors are wired. */
static otc_status
add_connector_pairs(struct otc_graph *graph, struct otc_instance *instance, struct otc_error *err)
{
    const struct otc_service_config *config = graph->config;
    otc_status status = OTC_OK;

    for (size_t from = 0; from < config->n_pipelines; from++) {
        for (size_t to = 0; to < config->n_pipelines && status == OTC_OK; to++) {
            if (otc_pipelines_connected(&config->pipelines[from], &config->pipelines[to], instance->config)) {
                status =
                    add_pair(instance, config->pipelines[from].signal, config->pipelines[to].signal, err);
            }
        }
    }
    return status;
}

/* Extensions that an extension names start before it, and stop after it. */
struct needs {
    struct otc_graph *graph;
    unsigned depth;
    otc_status status;
    struct otc_error *err;
};

static otc_status add_extension(struct otc_graph *graph, const char *id, unsigned depth,
                                struct otc_error *err);

static void
add_need(void *arg, const char *path, const char *id, unsigned offers)
{
    struct needs *needs = arg;

    (void)path;
    (void)offers;
    if (needs->status == OTC_OK && otc_strings_contain(&needs->graph->config->extensions, id)) {
        needs->status = add_extension(needs->graph, id, needs->depth + 1, needs->err);
    }
}

static otc_status
add_extension(struct otc_graph *graph, const char *id, unsigned depth, struct otc_error *err)
{
    const struct otc_component_config *c = otc_service_component(graph->config, OTC_EXTENSION, id);
    struct needs needs = {graph, depth, OTC_OK, err};
    struct otc_instance *instance;

    if (c == NULL || find_instance(graph, c, NULL) != NULL) {
        return OTC_OK;
    }
    if (depth > EXTENSIONS_DEEP) {
        otc_fail(err, OTC_FAILED_PRECONDITION,
                 "unable to order extensions by dependencies, cycle found: \"%s\" names itself, or one that "
                 "names it",
                 id);
        otc_node_error(c->node, err);
        return OTC_FAILED_PRECONDITION;
    }
    if (c->config != NULL && c->factory->config != NULL) {
        otc_config_extensions(c->factory->config, otc_config_value(c->config), add_need, &needs);
    }
    return needs.status == OTC_OK ? add_instance(graph, c, NULL, &instance, err) : needs.status;
}

static otc_status
collect_instances(struct otc_graph *graph, struct otc_error *err)
{
    const struct otc_service_config *config = graph->config;
    size_t most = config->n_components;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < config->n_pipelines; i++) {
        most += config->pipelines[i].processors.n;
    }
    graph->instances = otc_arena_alloc(&graph->arena, (most + 1) * sizeof(struct otc_instance));
    graph->start_order = otc_arena_alloc(&graph->arena, (most + 1) * sizeof(struct otc_instance *));
    if (graph->instances == NULL || graph->start_order == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < config->extensions.n && status == OTC_OK; i++) {
        status = add_extension(graph, config->extensions.items[i], 0, err);
    }
    for (size_t i = 0; i < config->n_pipelines && status == OTC_OK; i++) {
        const struct otc_pipeline_config *p = &config->pipelines[i];

        status = add_list(graph, p, OTC_RECEIVER, &p->receivers, err);
        status = status == OTC_OK ? add_list(graph, p, OTC_PROCESSOR, &p->processors, err) : status;
        status = status == OTC_OK ? add_list(graph, p, OTC_EXPORTER, &p->exporters, err) : status;
    }
    for (size_t i = 0; i < graph->n_instances && status == OTC_OK; i++) {
        if (graph->instances[i].config->kind == OTC_CONNECTOR) {
            status = add_connector_pairs(graph, &graph->instances[i], err);
        }
    }
    return status;
}

static otc_status
create_instance(struct otc_graph *graph, struct otc_instance *instance, struct otc_error *err)
{
    const struct otc_factory *factory = instance->config->factory;
    const struct otc_settings settings = {
        .abi = OTC_ABI_OF(otc_settings),
        .id = instance->id,
        .pipeline = instance->pipeline != NULL ? instance->pipeline->id : NULL,
        .host = graph->host,
        .config = instance->config->config != NULL ? otc_config_value(instance->config->config) : NULL,
        .pairs = instance->pairs,
        .n_pairs = instance->n_pairs,
    };
    otc_status status;

    if (instance->config->invalid != NULL) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "%s", instance->config->invalid);
    }
    status = factory->create(&settings, &instance->component, err);
    if (status == OTC_OK) {
        return OTC_OK;
    }
    instance->component = NULL;
    if (instance->n_pairs == 0) {
        return otc_error_prefix(err, "failed to create \"%s\" %s", settings.id, otc_kind_name(factory->kind));
    }
    return otc_error_prefix(err, "failed to create \"%s\" %s for data type \"%s\"", settings.id,
                            otc_kind_name(factory->kind), otc_signal_name(instance->pairs[0].from));
}

/* ---- Connections
 * ------------------------------------------------------------------------------------------------ */

/* One consumer for several: the one itself, or a fan-out. */
static otc_status
join(struct otc_graph *graph, struct otc_consumer **consumers, size_t n, struct otc_consumer **out,
     struct otc_error *err)
{
    *out = consumers[0];
    if (n > 1) {
        *out = otc_fanout_new(consumers, n);
        if (*out == NULL) {
            return out_of_memory(err);
        }
        graph->fanouts[graph->n_fanouts++] = *out;
    }
    return OTC_OK;
}

static otc_status
input_of(const struct otc_instance *instance, enum otc_signal signal, struct otc_consumer **out,
         struct otc_error *err)
{
    const struct otc_component_ops *ops = instance->component->ops;

    *out = ops->input != NULL ? ops->input(instance->component, signal) : NULL;
    if (*out == NULL) {
        return otc_fail(err, OTC_INTERNAL, "%s \"%s\" takes no %s", otc_kind_name(instance->config->kind),
                        instance->config->id, otc_signal_name(signal));
    }
    return OTC_OK;
}

static otc_status
connect_to(struct otc_instance *instance, enum otc_signal to, struct otc_consumer *next,
           struct otc_error *err)
{
    const struct otc_component_ops *ops = instance->component->ops;

    if (ops->connect == NULL) {
        return otc_fail(err, OTC_INTERNAL, "%s \"%s\" has no output", otc_kind_name(instance->config->kind),
                        instance->config->id);
    }
    return ops->connect(instance->component, to, next, err);
}

/* Puts a processor before what `*entry` is so far, with a counter on either side. */
static otc_status
connect_processor(struct otc_graph *graph, const struct otc_pipeline_config *p, const char *id,
                  struct otc_consumer **entry, struct otc_error *err)
{
    struct otc_instance *instance = find_instance(graph, resolve(graph, OTC_PROCESSOR, id), p);
    const struct otc_counted counted = {graph->host, instance->config->id, instance, p->signal};
    struct otc_consumer *next = *entry, *input = NULL;
    otc_status status;

    if (!otc_graph_count(&graph->arena, &counted, OTC_COUNT_OUTGOING, &next)) {
        return out_of_memory(err);
    }
    status = connect_to(instance, p->signal, next, err);
    if (status == OTC_OK) {
        status = input_of(instance, p->signal, &input, err);
    }
    if (status != OTC_OK || input == NULL) {
        return status;
    }
    input->holds = input->holds || next->holds;
    *entry = input;
    return otc_graph_count(&graph->arena, &counted, OTC_COUNT_INCOMING, entry) ? OTC_OK : out_of_memory(err);
}

/* What stands before a consumer holds its answers if that does. */
static void
pass_holds(struct otc_consumer *to, bool holds)
{
    if (to != NULL && holds) {
        to->holds = true;
    }
}

static bool
holds(const struct otc_consumer *consumer)
{
    return consumer != NULL && consumer->holds;
}

/* A connector that passes data on to a pipeline that keeps it on a disk holds its answers as that does. */
static bool
holds_behind(const struct otc_graph *graph, const char *connector, enum otc_signal signal,
             struct otc_consumer *const *entries)
{
    const struct otc_service_config *config = graph->config;

    for (size_t i = 0; i < config->n_pipelines; i++) {
        if (config->pipelines[i].signal == signal && holds(entries[i]) &&
            otc_strings_contain(&config->pipelines[i].receivers, connector)) {
            return true;
        }
    }
    return false;
}

/* Connects the inside of a pipeline from its end; its place in `entries` is where batches enter it. Those
 * that it feeds are connected. */
static otc_status
connect_pipeline(struct otc_graph *graph, size_t index, struct otc_consumer **entries, struct otc_error *err)
{
    const struct otc_pipeline_config *p = &graph->config->pipelines[index];
    struct otc_consumer **entry = &entries[index];
    struct otc_consumer **exits =
        otc_arena_alloc(&graph->arena, (p->exporters.n + 1) * sizeof(struct otc_consumer *));
    otc_status status = exits != NULL ? OTC_OK : out_of_memory(err);

    for (size_t i = 0; i < p->exporters.n && status == OTC_OK; i++) {
        const struct otc_component_config *c = resolve(graph, OTC_EXPORTER, p->exporters.items[i]);

        status = input_of(find_instance(graph, c, p), p->signal, &exits[i], err);
        if (status == OTC_OK && c->kind == OTC_CONNECTOR) {
            pass_holds(exits[i], holds_behind(graph, c->id, p->signal, entries));
        }
    }
    if (status == OTC_OK) {
        status = join(graph, exits, p->exporters.n, entry, err);
    }
    for (size_t i = p->processors.n; i > 0 && status == OTC_OK; i--) {
        status = connect_processor(graph, p, p->processors.items[i - 1], entry, err);
    }
    return status;
}

/* A receiver's or connector's output of one signal goes to every pipeline of that signal that names it. */
static otc_status
connect_source(struct otc_graph *graph, struct otc_instance *instance, enum otc_signal signal,
               struct otc_consumer *const *entries, struct otc_error *err)
{
    const struct otc_service_config *config = graph->config;
    struct otc_consumer **targets =
        otc_arena_alloc(&graph->arena, (config->n_pipelines + 1) * sizeof(struct otc_consumer *));
    struct otc_consumer *next;
    size_t n = 0;
    otc_status status;

    if (targets == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < config->n_pipelines; i++) {
        const struct otc_pipeline_config *p = &config->pipelines[i];

        if (p->signal == signal && otc_strings_contain(&p->receivers, instance->config->id)) {
            targets[n++] = entries[i];
        }
    }
    if (n == 0) {
        return OTC_OK;
    }
    status = join(graph, targets, n, &next, err);
    return status == OTC_OK ? connect_to(instance, signal, next, err) : status;
}

static otc_status
connect_sources(struct otc_graph *graph, struct otc_consumer *const *entries, struct otc_error *err)
{
    static const enum otc_signal signals[] = {OTC_TRACES, OTC_METRICS, OTC_LOGS};
    otc_status status = OTC_OK;

    for (size_t i = 0; i < graph->n_instances; i++) {
        struct otc_instance *instance = &graph->instances[i];
        bool source = instance->config->kind == OTC_RECEIVER || instance->config->kind == OTC_CONNECTOR;

        for (size_t s = 0; source && s < OTC_N_SIGNALS && status == OTC_OK; s++) {
            status = connect_source(graph, instance, signals[s], entries, err);
        }
    }
    return status;
}

static otc_status
connect_all(struct otc_graph *graph, struct otc_error *err)
{
    const struct otc_service_config *config = graph->config;
    struct otc_consumer **entries =
        otc_arena_alloc(&graph->arena, (config->n_pipelines + 1) * sizeof(struct otc_consumer *));
    size_t most = config->n_pipelines + OTC_N_SIGNALS * graph->n_instances;
    otc_status status = OTC_OK;

    graph->fanouts = otc_arena_alloc(&graph->arena, (most + 1) * sizeof(struct otc_consumer *));
    if (entries == NULL || graph->fanouts == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = config->n_pipelines; i > 0 && status == OTC_OK; i--) {
        status = connect_pipeline(graph, graph->pipeline_order[i - 1], entries, err);
    }
    return status == OTC_OK ? connect_sources(graph, entries, err) : status;
}

/* ---- Order
 * ------------------------------------------------------------------------------------------------------ */

static void
order(struct otc_graph *graph, struct otc_instance *instance)
{
    if (instance != NULL && !instance->ordered) {
        instance->ordered = true;
        graph->start_order[graph->n_start_order++] = instance;
    }
}

/*
 * Extensions as listed; then pipeline by pipeline from those that feed nobody: exporters (and the connectors
 * in their place, whose own pipelines are already there), processors from the last to the first; receivers in
 * the end.
 */
static void
find_start_order(struct otc_graph *graph)
{
    const struct otc_service_config *config = graph->config;

    for (size_t i = 0; i < graph->n_instances; i++) {
        if (graph->instances[i].config->kind == OTC_EXTENSION) {
            order(graph, &graph->instances[i]);
        }
    }
    for (size_t i = config->n_pipelines; i > 0; i--) {
        const struct otc_pipeline_config *p = &config->pipelines[graph->pipeline_order[i - 1]];

        for (size_t k = 0; k < p->exporters.n; k++) {
            order(graph, find_instance(graph, resolve(graph, OTC_EXPORTER, p->exporters.items[k]), p));
        }
        for (size_t k = p->processors.n; k > 0; k--) {
            order(graph, find_instance(graph, resolve(graph, OTC_PROCESSOR, p->processors.items[k - 1]), p));
        }
    }
    for (size_t i = 0; i < graph->n_instances; i++) {
        order(graph, &graph->instances[i]);
    }
}

/* ---- The whole
 * -------------------------------------------------------------------------------------------------- */

void
otc_graph_init(struct otc_graph *graph, const struct otc_service_config *config, struct otc_host *host)
{
    *graph = (struct otc_graph){.config = config, .host = host};
    otc_arena_init(&graph->arena, GRAPH_BYTES_MAX);
}

otc_status
otc_graph_plan(struct otc_graph *graph, struct otc_error *err)
{
    otc_status status = collect_instances(graph, err);

    if (status == OTC_OK) {
        find_start_order(graph);
    }
    return status;
}

otc_status
otc_graph_build(struct otc_graph *graph, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (size_t i = 0; i < graph->n_start_order && status == OTC_OK; i++) {
        status = create_instance(graph, graph->start_order[i], err);
    }
    return status == OTC_OK ? connect_all(graph, err) : status;
}

void
otc_graph_release(struct otc_graph *graph)
{
    /* Receivers go first: nobody sends any more when what they feed goes. */
    for (size_t i = graph->n_start_order; i > 0; i--) {
        struct otc_instance *instance = graph->start_order[i - 1];

        if (instance->component != NULL) {
            instance->component->ops->free(instance->component);
        }
    }
    for (size_t i = 0; i < graph->n_fanouts; i++) {
        otc_fanout_free(graph->fanouts[i]);
    }
    otc_arena_release(&graph->arena);
}
