// SPDX-License-Identifier: Apache-2.0
/* Values as numbers and categories. */
#include "common/analysis/features.h"
#include "common/base/number.h"

#include <math.h>
#include <stdio.h>

enum otc_value_class
otc__value_number(const struct otc_value *value, double *out)
{
    switch (value->type) {
    case OTC_VALUE_INT:
        *out = (double)value->as.integer;
        return OTC_CLASS_VALUE;
    case OTC_VALUE_DOUBLE:
        if (isnan(value->as.real)) {
            return OTC_CLASS_MISSING;
        }
        *out = value->as.real;
        return isinf(value->as.real) ? OTC_CLASS_INVALID : OTC_CLASS_VALUE;
    case OTC_VALUE_STRING:
        return value->as.slice.len == 0 ? OTC_CLASS_MISSING : OTC_CLASS_INVALID;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
        return OTC_CLASS_MISSING;
    case OTC_VALUE_BOOL:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break;
    }
    return OTC_CLASS_INVALID;
}

enum otc_value_class
otc__value_category(const struct otc_value *value, char scratch[32], struct otc_slice *out)
{
    switch (value->type) {
    case OTC_VALUE_STRING:
        *out = value->as.slice;
        return out->len == 0 ? OTC_CLASS_MISSING : OTC_CLASS_VALUE;
    case OTC_VALUE_BOOL:
        *out = otc_slice_str(value->as.boolean ? "true" : "false");
        return OTC_CLASS_VALUE;
    case OTC_VALUE_INT:
        *out = otc_slice_of(scratch, (size_t)snprintf(scratch, 32, "%lld", (long long)value->as.integer));
        return OTC_CLASS_VALUE;
    case OTC_VALUE_DOUBLE:
        if (isnan(value->as.real)) {
            return OTC_CLASS_MISSING;
        }
        if (isinf(value->as.real)) {
            return OTC_CLASS_INVALID;
        }
        *out = otc_slice_of(scratch, otc_canonical_number(value->as.real, scratch));
        return OTC_CLASS_VALUE;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
        return OTC_CLASS_MISSING;
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break;
    }
    return OTC_CLASS_INVALID;
}
