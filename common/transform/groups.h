// SPDX-License-Identifier: Apache-2.0
/** @file Lists of statements or conditions in a configuration: texts alone, or groups of them. */
#ifndef OTC_TRANSFORM_GROUPS_H
#define OTC_TRANSFORM_GROUPS_H

#include "common/component/otc.h"
#include "common/config/schema.h"

/** What happens when an evaluation fails; in the order of the choices. */
enum otc_ottl_error_mode { OTC_OTTL_PROPAGATE, OTC_OTTL_IGNORE, OTC_OTTL_SILENT, OTC_N_OTTL_ERROR_MODES };
/** The choices of a field: "propagate", "ignore", "silent"; NULL ends. */
extern const char *const otc_ottl_error_modes[];

/** One group; a text alone is one without context and error mode, which are then "". */
struct otc_ottl_group {
    char *context;
    char *error_mode;
    otc_strings conditions;
    otc_strings statements;
};
/** Of groups with and without statements, for the tables of settings. */
extern const struct otc_schema otc_ottl_statements_schema;
extern const struct otc_schema otc_ottl_conditions_schema;

/** Parsers of fields: an otc_list of groups, in which a text is a statement, or a condition. */
OTC_CHECK otc_status otc_ottl_read_statements(const struct otc_node *node, void *member,
                                              struct otc_config *owner, struct otc_error *err);
OTC_CHECK otc_status otc_ottl_read_conditions(const struct otc_node *node, void *member,
                                              struct otc_config *owner, struct otc_error *err);

/** Whether a path of the text begins with this ("span."): otc_ottl_names. */
typedef bool otc_ottl_names_fn(const char *text, const char *prefix);
/** The name of the context that a group says, or of the innermost that its texts name. Static. */
OTC_CHECK otc_status otc_ottl_group_context(const struct otc_ottl_group *config, enum otc_signal signal,
                                            otc_ottl_names_fn *names, const char **out,
                                            struct otc_error *err);
/** The error mode that a group says, or the inherited one. */
OTC_CHECK otc_status otc_ottl_group_error_mode(const struct otc_ottl_group *config,
                                               enum otc_ottl_error_mode inherited,
                                               enum otc_ottl_error_mode *out, struct otc_error *err);

#endif
