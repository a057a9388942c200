// SPDX-License-Identifier: Apache-2.0
/** @file One attribute value as it lies in the request: a borrowed view of an AnyValue. */
#ifndef OTC_OTLP_VALUE_H
#define OTC_OTLP_VALUE_H

#include "common/base/slice.h"

enum otc_value_type {
    /** The key was not there. */
    OTC_VALUE_ABSENT,
    /** The key was there with an AnyValue that holds nothing (or a string_value_strindex, which only profiles
       know). */
    OTC_VALUE_EMPTY,
    OTC_VALUE_STRING,
    OTC_VALUE_BOOL,
    OTC_VALUE_INT,
    OTC_VALUE_DOUBLE,
    OTC_VALUE_ARRAY,
    OTC_VALUE_KVLIST,
    OTC_VALUE_BYTES
};

/** Borrows from the walked request. STRING and BYTES: the contents; ARRAY, KVLIST: the encoded message. */
struct otc_value {
    enum otc_value_type type;
    union {
        struct otc_slice slice;
        bool boolean;
        int64_t integer;
        double real;
    } as;
};

#endif
