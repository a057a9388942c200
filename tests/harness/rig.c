// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/rig.h"

#include <stdio.h>
#include <unistd.h>

otc_status
otc_rig_create_wired(struct otc_rig *rig, const struct otc_factory *factory, const char *yaml,
                     const struct otc_pair *pairs, size_t n_pairs, struct otc_error *err)
{
    otc_status status = otc_test_config(factory, yaml, &rig->config, err);
    struct otc_settings settings;

    if (status != OTC_OK) {
        return status;
    }
    rig->vhost = otc_vhost_new();
    settings = (struct otc_settings){.abi = OTC_ABI_OF(otc_settings),
                                     .id = factory->type,
                                     .host = otc_vhost_host(rig->vhost),
                                     .config = otc_config_value(rig->config),
                                     .pairs = pairs,
                                     .n_pairs = n_pairs};
    return factory->create(&settings, &rig->component, err);
}

otc_status
otc_rig_create(struct otc_rig *rig, const struct otc_factory *factory, const char *yaml,
               struct otc_error *err)
{
    return otc_rig_create_wired(rig, factory, yaml, factory->pairs, factory->n_pairs, err);
}

void
otc_rig_free(struct otc_rig *rig)
{
    if (rig->component) {
        rig->component->ops->free(rig->component);
    }
    otc_vhost_free(rig->vhost);
    otc_config_free(rig->config);
    *rig = (struct otc_rig){0};
}

static char folder[] = "/tmp/otc-test-XXXXXX";
static char path[sizeof(folder) + sizeof("/file")];

int
otc_scratch_setup(void **state)
{
    (void)state;
    return mkdtemp(folder) && snprintf(path, sizeof(path), "%s/file", folder) > 0 ? 0 : -1;
}

int
otc_scratch_teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

const char *
otc_scratch_path(void)
{
    return path;
}
