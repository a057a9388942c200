// SPDX-License-Identifier: Apache-2.0
/** @file Compiled actions, shared between the files that make them and run them. */
#ifndef OTC_TRANSFORM_ACTIONS_IMPL_H
#define OTC_TRANSFORM_ACTIONS_IMPL_H

#include "common/regex/regex.h"
#include "common/transform/actions.h"

/** X(number, word) */
#define OTC_ACTION_MAP(X)                                                                                    \
    X(INSERT, "insert")                                                                                      \
    X(UPDATE, "update")                                                                                      \
    X(UPSERT, "upsert")                                                                                      \
    X(DELETE, "delete")                                                                                      \
    X(HASH, "hash")                                                                                          \
    X(EXTRACT, "extract")                                                                                    \
    X(CONVERT, "convert")

enum otc_action_kind {
#define OTC_ACTION_ENUM(name, word) OTC_ACTION_##name,
    OTC_ACTION_MAP(OTC_ACTION_ENUM)
#undef OTC_ACTION_ENUM
        OTC_N_ACTIONS
};

enum otc_action_target { OTC_TO_STRING, OTC_TO_INT, OTC_TO_DOUBLE };

struct otc_action {
    enum otc_action_kind kind;
    /** No data: none. */
    struct otc_slice key;
    /** Where a value comes from: the settings, an attribute, the context. ABSENT and no data: not there. */
    struct otc_value value;
    /** Where these have none. ABSENT: nothing is done. */
    struct otc_value default_value;
    struct otc_slice from_attribute;
    struct otc_slice from_context;
    struct otc_regex *regex;
    enum otc_action_target target;
};

struct otc_actions {
    size_t n;
    struct otc_action items[];
};

#endif
