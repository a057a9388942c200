// SPDX-License-Identifier: Apache-2.0
/** @file The tokens of JSON, for the readers of this folder. `in->p` is before `in->end`. */
#ifndef OTC_JSON_READ_IMPL_H
#define OTC_JSON_READ_IMPL_H

#include "common/json/read.h"

static inline void
otc__json_blanks(struct otc_json_reader *in)
{
    while (in->p < in->end && (*in->p == ' ' || *in->p == '\n' || *in->p == '\r' || *in->p == '\t')) {
        in->p++;
    }
}

/** Bytes of the escape "\uXXXX". */
#define OTC_JSON_UNIT_BYTES 6
#define OTC_JSON_IS_SURROGATE(code) ((code) >= 0xd800 && (code) <= 0xdfff)

/** The UTF-16 unit that the escape "\uXXXX" at `p` says; -1: there is none. */
int32_t otc__json_unit(const uint8_t *p, const uint8_t *end);
/** Whether two units make one character: a high surrogate and a low one. */
bool otc__json_pair(int32_t high, int32_t low);
/** A string whose quote is at `in->p`. `*nul`: it holds an escaped NUL. */
bool otc__json_string(struct otc_json_reader *in, struct otc_json_view *out, bool *nul);
/** Any value but an array or object. */
bool otc__json_scalar(struct otc_json_reader *in, struct otc_json_view *out);

#endif
