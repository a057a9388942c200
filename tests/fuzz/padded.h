// SPDX-License-Identifier: Apache-2.0
/** @file A request that says the same with its end further away. */
#ifndef OTC_TESTS_FUZZ_PADDED_H
#define OTC_TESTS_FUZZ_PADDED_H

#include "common/otlp/plain.h"

/**
 * The request and behind it a field that nobody knows. Inputs are short, and attributes near the end are not
 * read as plain ones: here all of them may be. The caller releases it.
 */
static inline struct otc_buf
padded_request(struct otc_slice request)
{
    static const uint8_t padding[OTC_PLAIN_REACH];
    struct otc_buf out = {.limit = SIZE_MAX / 2};

    otc_buf_append(&out, request.data, request.len);
    otc_wire_put_bytes(&out, 15, otc_slice_of(padding, sizeof(padding)));
    return out;
}

#endif
