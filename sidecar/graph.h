// SPDX-License-Identifier: Apache-2.0
/** @file The graph of a service: which instances there are and who feeds whom. Private to the sidecar. */
#ifndef OTC_SIDECAR_GRAPH_H
#define OTC_SIDECAR_GRAPH_H

#include "sidecar/settings.h"

/** One component: shared by all pipelines of its id, but a processor stands in one pipeline alone. */
struct otc_instance {
    const struct otc_component_config *config;
    /** The configured id at an address of its own, which tells the instance to the log. */
    const char *id;
    /** Processors: where it stands. */
    const struct otc_pipeline_config *pipeline;
    struct otc_component *component;
    struct otc_pair *pairs;
    size_t n_pairs;
    bool started;
    /** Taken up into the start order. */
    bool ordered;
};

struct otc_graph {
    const struct otc_service_config *config;
    struct otc_host *host;
    struct otc_arena arena;
    struct otc_instance *instances;
    size_t n_instances;
    /** Indexes of pipelines, those that feed others first. */
    size_t *pipeline_order;
    /** Instances in the order of their start. */
    struct otc_instance **start_order;
    size_t n_start_order;
    struct otc_consumer **fanouts;
    size_t n_fanouts;
};

/** An empty graph; ended with otc_graph_release. */
void otc_graph_init(struct otc_graph *graph, const struct otc_service_config *config, struct otc_host *host);
/** Frees fan-outs, components and memory. Components must be shut down. */
void otc_graph_release(struct otc_graph *graph);

/**
 * Checks what a configuration says about connectors: each use has a counterpart of a supported pair, and no
 * cycle. Fills `pipeline_order`.
 */
OTC_CHECK otc_status otc_graph_check(struct otc_graph *graph, struct otc_error *err);
/** Finds the instances, their directions and the order of their start; after otc_graph_check. */
OTC_CHECK otc_status otc_graph_plan(struct otc_graph *graph, struct otc_error *err);
/** Creates and connects all components; after otc_graph_plan. */
OTC_CHECK otc_status otc_graph_build(struct otc_graph *graph, struct otc_error *err);

/** Where the item `index` of one of a pipeline's lists stands. */
const struct otc_node *otc_pipeline_item(const struct otc_pipeline_config *p, enum otc_kind list,
                                         size_t index);
/** Where `id` stands in it. */
const struct otc_node *otc_pipeline_use(const struct otc_pipeline_config *p, enum otc_kind list,
                                        const char *id);
bool otc_strings_contain(const otc_strings *strings, const char *text);
bool otc_factory_supports(const struct otc_factory *factory, enum otc_signal from, enum otc_signal to);
/** True when pipeline `from` feeds pipeline `to` through this connector. */
bool otc_pipelines_connected(const struct otc_pipeline_config *from, const struct otc_pipeline_config *to,
                             const struct otc_component_config *connector);

#endif
