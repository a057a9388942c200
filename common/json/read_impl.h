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

/** A string whose quote is at `in->p`. `*nul`: it holds an escaped NUL. */
bool otc__json_string(struct otc_json_reader *in, struct otc_json_view *out, bool *nul);
/** Any value but an array or object. */
bool otc__json_scalar(struct otc_json_reader *in, struct otc_json_view *out);

#endif
