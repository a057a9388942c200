// SPDX-License-Identifier: Apache-2.0
/** @file One component on a virtual host, made of YAML settings, for the unit tests of component folders. */
#ifndef OTC_TESTS_RIG_H
#define OTC_TESTS_RIG_H

#include "tests/harness/config.h"
#include "tests/harness/vhost.h"

/** Begins as {0}; ends with otc_rig_free. */
struct otc_rig {
    struct otc_vhost *vhost;
    struct otc_config *config;
    struct otc_component *component;
};

/** Configures and creates a component with the id of its type, wired in all the directions it has. */
OTC_CHECK otc_status otc_rig_create(struct otc_rig *rig, const struct otc_factory *factory, const char *yaml,
                                    struct otc_error *err);
/** The same wired in these directions alone. */
OTC_CHECK otc_status otc_rig_create_wired(struct otc_rig *rig, const struct otc_factory *factory,
                                          const char *yaml, const struct otc_pair *pairs, size_t n_pairs,
                                          struct otc_error *err);
void otc_rig_free(struct otc_rig *rig);

/** A folder of the process's own with room for one file or socket: for cmocka's group setup and teardown. */
int otc_scratch_setup(void **state);
int otc_scratch_teardown(void **state);
/** The file's path; it need not exist. */
const char *otc_scratch_path(void);

#endif
