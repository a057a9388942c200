// SPDX-License-Identifier: Apache-2.0
/** @file One setting's value: from a node into a struct member, and its type in words. Private to the folder.
 */
#ifndef OTC_CONFIG_VALUES_H
#define OTC_CONFIG_VALUES_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/config/document.h"
#include "common/config/schema.h"

/** Owns the arena behind a decoded struct. */
struct otc_config {
    struct otc_arena arena;
    void *value;
    struct otc_config_note *notes;
    struct otc_config_note *last_note;
};

/** Reads any type but STRUCT, OPTIONAL and LIST. The error says what is wrong with the value, without path.
 */
OTC_CHECK otc_status otc_value_read(const struct otc_field *field, const struct otc_node *node, void *member,
                                    struct otc_config *owner, struct otc_error *err);
/** INVALID "must be …, got …" where the value is outside the field's limits (of a list: its number of items).
 */
OTC_CHECK otc_status otc_value_check(const struct otc_field *field, const struct otc_node *node,
                                     const void *member, struct otc_error *err);
/**
 * The default of a field as a node; `*doc` owns what it points to and is freed by the caller (NULL where
 * `scratch` suffices). A default that cannot be read is a programming error and reported as one.
 */
OTC_CHECK otc_status otc_value_default(const struct otc_field *field, struct otc_node *scratch,
                                       struct otc_document **doc, const struct otc_node **out,
                                       struct otc_error *err);
/** True for the types whose default text is read as YAML. */
bool otc_value_is_compound(const struct otc_field *field);
/** "duration", "bool", "list of strings" … for the README. */
const char *otc_value_type_name(const struct otc_field *field);
/** "%lldKiB" and so on, the largest unit that divides it. */
void otc_bytes_format(otc_bytes bytes, char out[32]);

#endif
