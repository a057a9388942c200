// SPDX-License-Identifier: Apache-2.0
/* Connectors: every use needs its counterpart, and data must not go round in circles. */
#include "sidecar/graph.h"

bool
otc_strings_contain(const otc_strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->n; i++) {
        if (strcmp(strings->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static const otc_strings *
list_of(const struct otc_pipeline_config *p, enum otc_kind list)
{
    return list == OTC_RECEIVER ? &p->receivers : list == OTC_PROCESSOR ? &p->processors : &p->exporters;
}

const struct otc_node *
otc_pipeline_item(const struct otc_pipeline_config *p, enum otc_kind list, size_t index)
{
    char path[64];

    snprintf(path, sizeof(path), "%s::%zu", otc_section_names[list], index);
    return otc_node_nearest(p->node, path);
}

const struct otc_node *
otc_pipeline_use(const struct otc_pipeline_config *p, enum otc_kind list, const char *id)
{
    const otc_strings *ids = list_of(p, list);
    size_t i = 0;

    while (i < ids->n && strcmp(ids->items[i], id) != 0) {
        i++;
    }
    return otc_pipeline_item(p, list, i);
}

bool
otc_factory_supports(const struct otc_factory *factory, enum otc_signal from, enum otc_signal to)
{
    for (size_t i = 0; i < factory->n_pairs; i++) {
        if (factory->pairs[i].from == from && factory->pairs[i].to == to) {
            return true;
        }
    }
    return false;
}

bool
otc_pipelines_connected(const struct otc_pipeline_config *from, const struct otc_pipeline_config *to,
                        const struct otc_component_config *connector)
{
    return otc_strings_contain(&from->exporters, connector->id) &&
           otc_strings_contain(&to->receivers, connector->id) &&
           otc_factory_supports(connector->factory, from->signal, to->signal);
}

/* ---- Uses
 * ------------------------------------------------------------------------------------------------------- */

/* Whether pipeline `p`'s use of the connector on one side has a counterpart on the other. */
static bool
has_counterpart(const struct otc_service_config *config, const struct otc_component_config *connector,
                const struct otc_pipeline_config *p, bool as_exporter)
{
    for (size_t i = 0; i < config->n_pipelines; i++) {
        const struct otc_pipeline_config *other = &config->pipelines[i];

        if (as_exporter ? otc_pipelines_connected(p, other, connector)
                        : otc_pipelines_connected(other, p, connector)) {
            return true;
        }
    }
    return false;
}

/* Signals that the connector takes (gives) in no pair, with the pairs it has: "…; metrics in is not supported
 * yet by this release (it has traces to metrics)". Nothing when all are in some pair. */
static void
append_missing_pair(const struct otc_component_config *connector, enum otc_signal signal, bool as_exporter,
                    struct otc_buf *out)
{
    const struct otc_factory *factory = connector->factory;

    for (size_t i = 0; i < factory->n_pairs; i++) {
        if ((as_exporter ? factory->pairs[i].from : factory->pairs[i].to) == signal) {
            return;
        }
    }
    otc_buf_printf(out, "; %s %s is not supported yet by this release (it has", otc_signal_name(signal),
                   as_exporter ? "in" : "out");
    for (size_t i = 0; i < factory->n_pairs; i++) {
        otc_buf_printf(out, "%s %s to %s", i > 0 ? "," : "", otc_signal_name(factory->pairs[i].from),
                       otc_signal_name(factory->pairs[i].to));
    }
    otc_buf_append_str(out, ")");
}

static otc_status
check_side(const struct otc_service_config *config, const struct otc_component_config *connector,
           bool as_exporter, struct otc_error *err)
{
    struct otc_buf lonely = {.limit = 700}, missing = {.limit = 200};
    const enum otc_kind list = as_exporter ? OTC_EXPORTER : OTC_RECEIVER;
    const struct otc_node *use = NULL;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < config->n_pipelines; i++) {
        const struct otc_pipeline_config *p = &config->pipelines[i];

        if (otc_strings_contain(list_of(p, list), connector->id) &&
            !has_counterpart(config, connector, p, as_exporter)) {
            otc_buf_printf(&lonely, "%s%s", lonely.len > 0 ? " " : "", p->id);
            use = use == NULL ? otc_pipeline_use(p, list, connector->id) : use;
            if (missing.len == 0) {
                append_missing_pair(connector, p->signal, as_exporter, &missing);
            }
        }
    }
    if (lonely.len > 0) {
        const char *text = otc_buf_cstr(&lonely);
        const char *why = otc_buf_cstr(&missing);

        status = otc_fail(
            err, OTC_FAILED_PRECONDITION,
            "connector \"%s\" used as %s in [%s] pipeline but not used in any supported %s pipeline%s",
            connector->id, otc_kind_name(list), text != NULL ? text : "…",
            otc_kind_name(as_exporter ? OTC_RECEIVER : OTC_EXPORTER), why != NULL ? why : "");
        otc_node_error(use, err);
    }
    otc_buf_release(&lonely);
    otc_buf_release(&missing);
    return status;
}

/* ---- Cycles
 * ----------------------------------------------------------------------------------------------------- */

enum colour { UNSEEN, ON_PATH, DONE };

struct search {
    struct otc_graph *graph;
    enum colour *colours;
    /** The path: pipelines, and the connector that led to each. */
    size_t *path;
    const struct otc_component_config **through;
    size_t depth;
    size_t n_done;
    struct otc_error *err;
};

static void
name_connector(const struct search *s, const struct otc_component_config *connector, size_t from, size_t to,
               struct otc_buf *out)
{
    const struct otc_pipeline_config *pipelines = s->graph->config->pipelines;

    otc_buf_printf(out, "connector \"%s\" (%s to %s)", connector->id, otc_signal_name(pipelines[from].signal),
                   otc_signal_name(pipelines[to].signal));
}

/* The path from where `again` stands in it, closed by `last`. */
static otc_status
report_cycle(struct search *s, size_t again, const struct otc_component_config *last)
{
    const struct otc_pipeline_config *pipelines = s->graph->config->pipelines;
    struct otc_buf out = {.limit = 900};
    size_t start = 0;
    const char *text;

    while (s->path[start] != again) {
        start++;
    }
    name_connector(s, last, s->path[s->depth - 1], again, &out);
    for (size_t i = start; i < s->depth; i++) {
        const struct otc_pipeline_config *p = &pipelines[s->path[i]];
        bool end = i + 1 == s->depth;

        for (size_t k = 0; k < p->processors.n; k++) {
            otc_buf_printf(&out, " -> processor \"%s\" in pipeline \"%s\"", p->processors.items[k], p->id);
        }
        otc_buf_append_str(&out, " -> ");
        name_connector(s, end ? last : s->through[i + 1], s->path[i], end ? again : s->path[i + 1], &out);
    }
    text = otc_buf_cstr(&out);
    otc_fail(s->err, OTC_FAILED_PRECONDITION, "cycle detected: %s", text != NULL ? text : "(long)");
    otc_node_error(otc_pipeline_use(&pipelines[s->path[s->depth - 1]], OTC_EXPORTER, last->id), s->err);
    otc_buf_release(&out);
    return OTC_FAILED_PRECONDITION;
}

static otc_status
visit(struct search *s, size_t pipeline, const struct otc_component_config *through)
{
    const struct otc_service_config *config = s->graph->config;
    otc_status status = OTC_OK;

    s->colours[pipeline] = ON_PATH;
    s->path[s->depth] = pipeline;
    s->through[s->depth++] = through;
    for (size_t c = 0; c < config->n_components && status == OTC_OK; c++) {
        const struct otc_component_config *connector = &config->components[c];

        for (size_t to = 0; connector->kind == OTC_CONNECTOR && to < config->n_pipelines && status == OTC_OK;
             to++) {
            if (!otc_pipelines_connected(&config->pipelines[pipeline], &config->pipelines[to], connector)) {
                continue;
            }
            if (s->colours[to] == ON_PATH) {
                status = report_cycle(s, to, connector);
            } else if (s->colours[to] == UNSEEN) {
                status = visit(s, to, connector);
            }
        }
    }
    s->depth--;
    s->colours[pipeline] = DONE;
    s->graph->pipeline_order[config->n_pipelines - ++s->n_done] = pipeline;
    return status;
}

static otc_status
find_order(struct otc_graph *graph, struct otc_error *err)
{
    size_t n = graph->config->n_pipelines;
    struct search s = {.graph = graph, .err = err};
    otc_status status = OTC_OK;

    s.colours = otc_arena_alloc(&graph->arena, (n + 1) * sizeof(enum colour));
    s.path = otc_arena_alloc(&graph->arena, (n + 1) * sizeof(size_t));
    s.through = otc_arena_alloc(&graph->arena, (n + 1) * sizeof(struct otc_component_config *));
    graph->pipeline_order = otc_arena_alloc(&graph->arena, (n + 1) * sizeof(size_t));
    if (s.colours == NULL || s.path == NULL || s.through == NULL || graph->pipeline_order == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the graph");
    }
    for (size_t i = 0; i < n && status == OTC_OK; i++) {
        if (s.colours[i] == UNSEEN) {
            status = visit(&s, i, NULL);
        }
    }
    return status;
}

/* An id that tells results stands in one pipeline only. */
static otc_status
check_one_pipeline(const struct otc_service_config *config, const struct otc_component_config *processor,
                   struct otc_error *err)
{
    const struct otc_pipeline_config *first = NULL;

    for (size_t i = 0; processor->factory->one_pipeline && i < config->n_pipelines; i++) {
        const struct otc_pipeline_config *p = &config->pipelines[i];

        if (!otc_strings_contain(&p->processors, processor->id)) {
            continue;
        }
        if (first != NULL) {
            otc_fail(err, OTC_FAILED_PRECONDITION,
                     "processor \"%s\" stands in the pipelines %s and %s: what it tells of them could not "
                     "be told apart; give each an id of its own (%s/a, %s/b) that differs in `model`",
                     processor->id, first->id, p->id, processor->factory->type, processor->factory->type);
            otc_node_error(otc_pipeline_use(p, OTC_PROCESSOR, processor->id), err);
            return OTC_FAILED_PRECONDITION;
        }
        first = p;
    }
    return OTC_OK;
}

otc_status
otc_graph_check(struct otc_graph *graph, struct otc_error *err)
{
    const struct otc_service_config *config = graph->config;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < config->n_components && status == OTC_OK; i++) {
        if (config->components[i].kind == OTC_PROCESSOR) {
            status = check_one_pipeline(config, &config->components[i], err);
        }
        if (config->components[i].kind == OTC_CONNECTOR) {
            status = check_side(config, &config->components[i], true, err);
        }
        if (config->components[i].kind == OTC_CONNECTOR && status == OTC_OK) {
            status = check_side(config, &config->components[i], false, err);
        }
    }
    return status == OTC_OK ? find_order(graph, err) : status;
}
