// SPDX-License-Identifier: Apache-2.0
/** @file A setting of any type, as an attribute value: `value: 12`, `value: [a, b]`. */
#ifndef OTC_TRANSFORM_VALUE_SETTING_H
#define OTC_TRANSFORM_VALUE_SETTING_H

#include "common/config/schema.h"
#include "common/otlp/value.h"

/** ABSENT: not set (or null). Lives as long as the configuration. */
struct otc_value_setting {
    struct otc_value value;
};

/** A field parser (otc_field.parse). */
otc_status otc_value_setting_parse(const struct otc_node *node, void *member, struct otc_config *owner,
                                   struct otc_error *err);
/** Such a field. */
#define OTC_FIELD_VALUE(struct_name, member, ...)                                                            \
    {                                                                                                        \
        .key = #member, .type = OTC_TYPE_STRING, .offset = offsetof(struct struct_name, member),             \
        .parse = otc_value_setting_parse, __VA_ARGS__                                                        \
    }

#endif
