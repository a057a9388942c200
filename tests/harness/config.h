// SPDX-License-Identifier: Apache-2.0
/** @file A component's settings from YAML text, for tests. */
#ifndef OTC_TESTS_CONFIG_H
#define OTC_TESTS_CONFIG_H

#include "common/component/otc.h"
#include "common/config/schema.h"

/**
 * Decodes `yaml` (the section of one component; "" for all defaults) with the factory's field table and asks
 * its validate(). On success `*out` owns the struct; free it with otc_config_free.
 */
OTC_CHECK otc_status otc_test_config(const struct otc_factory *factory, const char *yaml,
                                     struct otc_config **out, struct otc_error *err);
/** The same for a schema alone. */
OTC_CHECK otc_status otc_test_decode(const struct otc_schema *schema, const char *yaml,
                                     struct otc_config **out, struct otc_error *err);

/** True when the settings are refused and the error says `part`. */
bool otc_test_refuses(const struct otc_factory *factory, const char *yaml, const char *part,
                      struct otc_error *err);

#endif
