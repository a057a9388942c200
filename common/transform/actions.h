// SPDX-License-Identifier: Apache-2.0
/**
 * @file The actions on attributes of the Collector's `attributes` and `resource` processors: insert, update,
 * upsert, delete, hash, extract, convert; one after another on the same list.
 */
#ifndef OTC_TRANSFORM_ACTIONS_H
#define OTC_TRANSFORM_ACTIONS_H

#include "common/component/otc.h"
#include "common/otlp/edit_pairs.h"
#include "common/transform/value_setting.h"

/** One action as it is configured. */
struct otc_action_settings {
    char *key;
    char *action;
    struct otc_value_setting value;
    struct otc_value_setting default_value;
    char *from_attribute;
    char *from_context;
    char *pattern;
    char *converted_type;
};
/** For a list of them. */
extern const struct otc_schema otc_action_schema;

/** Compiled actions; immutable, any thread. They borrow from the settings. Opaque. */
struct otc_actions;

/** INVALID_ARGUMENT in the Collector's words. */
OTC_CHECK otc_status otc_actions_new(const otc_list *settings, struct otc_actions **out,
                                     struct otc_error *err);
void otc_actions_free(struct otc_actions *actions);

/** The actions at work on the data of one client. */
struct otc_actions_call {
    const struct otc_actions *actions;
    /** What the context gives, by action. */
    const struct otc_value *contexts;
};
/** `edit` has begun: what is read of the client lives until its next begin. False: out of memory. */
bool otc_actions_begin(struct otc_actions_call *call, const struct otc_actions *actions,
                       struct otc_edit *edit, const struct otc_client *client);
void otc_actions_run(const struct otc_actions_call *call, struct otc_pairs *pairs);

#endif
