// SPDX-License-Identifier: Apache-2.0
/** @file One component on a virtual host, made of YAML settings, for the unit tests of component folders. */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include "common/config/node.h"
#include "common/config/schema.h"
#include "tests/harness/vhost.h"

struct rig {
    struct otc_vhost *vhost;
    struct otc_document *document;
    struct otc_config *config;
    struct otc_component *component;
};

/** Decodes and validates; the status and the error of whichever refused. */
static inline otc_status
rig_configure(struct rig *rig, const struct otc_factory *factory, const char *yaml, struct otc_error *err)
{
    otc_status status = otc_document_parse(otc_slice_str(yaml), "test.yaml", &rig->document, err);

    if (status == OTC_OK) {
        status = otc_config_decode(factory->config, otc_document_root(rig->document), factory->type,
                                   &rig->config, err);
    }
    if (status == OTC_OK && factory->validate) {
        status = factory->validate(otc_config_value(rig->config), err);
    }
    return status;
}

/** Configures and creates a component with the id of its type, wired in all the directions it has. */
static inline otc_status
rig_create(struct rig *rig, const struct otc_factory *factory, const char *yaml, struct otc_error *err)
{
    otc_status status = rig_configure(rig, factory, yaml, err);
    struct otc_settings settings;

    if (status != OTC_OK) {
        return status;
    }
    rig->vhost = otc_vhost_new();
    settings = (struct otc_settings){.abi = OTC_ABI_OF(otc_settings),
                                     .id = factory->type,
                                     .host = otc_vhost_host(rig->vhost),
                                     .config = otc_config_value(rig->config),
                                     .pairs = factory->pairs,
                                     .n_pairs = factory->n_pairs};
    return factory->create(&settings, &rig->component, err);
}

static inline void
rig_free(struct rig *rig)
{
    if (rig->component) {
        rig->component->ops->free(rig->component);
    }
    otc_vhost_free(rig->vhost);
    otc_config_free(rig->config);
    otc_document_free(rig->document);
    *rig = (struct rig){.vhost = NULL};
}

#endif
