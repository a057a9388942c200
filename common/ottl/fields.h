// SPDX-License-Identifier: Apache-2.0
/** @file The fields that the paths of OTTL name: how each is read, and where it lies in OTLP. Private to this
 * folder. */
#ifndef OTC_OTTL_FIELDS_H
#define OTC_OTTL_FIELDS_H

#include "common/ottl/paths.h"

/** How a field becomes a value. */
enum reading {
    READ_TEXT,
    READ_INT,   /* varint, as it is */
    READ_INT32, /* varint of an enum or uint32 */
    READ_ZIGZAG,
    READ_FIXED, /* fixed64 as an integer */
    READ_FIXED32,
    READ_DOUBLE, /* of fixed64; absent: 0 */
    READ_BOOL,
    READ_ATTRIBUTES,
    READ_ID, /* of `extra` bytes */
    READ_ID_TEXT,
    READ_BODY,
    READ_BODY_TEXT,
    READ_KIND,   /* the kind's name; `extra` 1: the deprecated one */
    READ_INSIDE, /* a varint, `extra` in the message; 0: not there */
    READ_INSIDE_TEXT,
    READ_EVENT_INDEX,
    READ_METRIC_TYPE,
    READ_METRIC_INT,  /* of the metric's data, field `extra` */
    READ_METRIC_BOOL, /* the same */
    READ_VALUE_DOUBLE,
    READ_VALUE_INT,
    READ_OF_POINT, /* a field whose number depends on the type: see otc_ottl_point_field */
    READ_ROOT_SPAN,
    READ_HAS_ATTRIBUTE
};

/** The message in which a field lies. */
enum place { IN_RESOURCE_GROUP, IN_RESOURCE, IN_SCOPE_GROUP, IN_SCOPE, IN_ITEM, IN_EVENT, IN_METRIC };

struct otc_ottl_field {
    const char *name;
    enum reading reading;
    enum place place;
    uint32_t number;
    uint32_t extra;
};

/** The field of a name, which may begin with a context; NULL: this context has none. */
const struct otc_ottl_field *otc_ottl_field_find(enum otc_ottl_context context, struct otc_slice name);

/** What READ_OF_POINT has as `number`. */
enum otc_ottl_point_field {
    POINT_FLAGS,
    POINT_COUNT,
    POINT_SUM,
    POINT_SCALE,
    POINT_ZERO_COUNT,
    POINT_ATTRIBUTES
};
/** The field in the data points of a type; its number is 0 where they have none. */
struct otc_ottl_field otc_ottl_point_field(enum otc_ottl_point_field field, enum otc_metric_type type);

#endif
