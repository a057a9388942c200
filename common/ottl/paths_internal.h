// SPDX-License-Identifier: Apache-2.0
/** @file A parsed path. Private to this folder. */
#ifndef OTC_OTTL_PATHS_INTERNAL_H
#define OTC_OTTL_PATHS_INTERNAL_H

#include "common/ottl/fields.h"

#define OTC_OTTL_STEPS_MAX 16

/** A step into a list or map. */
struct otc_ottl_step {
    struct otc_slice key; /* no data: the index */
    int64_t index;
};

struct otc_ottl_path {
    const struct otc_ottl_field *field;
    struct otc_ottl_field own; /* of a function */
    struct otc_slice key;      /* of an attribute; no data: all of them */
    struct otc_value wanted;   /* of HasAttrOnDatapoint */
    struct otc_ottl_step steps[OTC_OTTL_STEPS_MAX];
    size_t n_steps;
};

#endif
