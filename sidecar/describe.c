// SPDX-License-Identifier: Apache-2.0
/* The decoded configuration as a tree, for print-config. */
#include "common/config/document.h"
#include "sidecar/settings.h"

static struct otc_node *
describe_section(const struct otc_service_config *config, enum otc_kind kind, struct otc_document *doc)
{
    struct otc_node *section = otc_document_node(doc, OTC_NODE_MAP);

    for (size_t i = 0; section != NULL && i < config->n_components; i++) {
        const struct otc_component_config *c = &config->components[i];
        struct otc_node *child;

        if (c->kind != kind || c->config == NULL) {
            continue;
        }
        child = otc_config_describe(c->factory->config, otc_config_value(c->config), c->node, doc);
        if (child == NULL) {
            return NULL;
        }
        child->key = otc_slice_str(c->id);
        otc_node_append(section, child);
    }
    return section;
}

struct otc_node *
otc_service_config_describe(const struct otc_service_config *config, struct otc_document *doc)
{
    struct otc_node *root =
        otc_config_describe(&otc_root_schema, otc_config_value(config->settings), config->root, doc);

    for (size_t kind = 0; root != NULL && kind < sizeof(otc_section_names) / sizeof(otc_section_names[0]);
         kind++) {
        struct otc_node *section = describe_section(config, (enum otc_kind)kind, doc);

        if (section == NULL) {
            return NULL;
        }
        section->key = otc_slice_str(otc_section_names[kind]);
        otc_node_put(root, section);
    }
    return root;
}
