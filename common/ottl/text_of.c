// SPDX-License-Identifier: Apache-2.0
/* Values as texts: the Collector's StringLikeGetter, which marshals with Go's json-iterator. */
#include "common/base/number.h"
#include "common/otlp/value_text.h"
#include "common/otlp/walk.h"
#include "common/ottl/condition_impl.h"

#include <math.h>

/* Levels of lists and maps; admission lets 64 in, and the writer of JSON cuts what is below. */
#define DEPTH_MAX 64

/* JSON has no NaN and no infinity. */
static bool
has_no_json(const struct otc_value *value, unsigned depth)
{
    struct otc_slice rest = value->as.slice, key;
    struct otc_value member;

    if (value->type == OTC_VALUE_DOUBLE) {
        return !isfinite(value->as.real);
    }
    if (value->type != OTC_VALUE_ARRAY && value->type != OTC_VALUE_KVLIST) {
        return false;
    }
    while (depth < DEPTH_MAX && (value->type == OTC_VALUE_ARRAY
                                     ? otc_array_next(&rest, &member)
                                     : otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &key, &member))) {
        if (has_no_json(&member, depth + 1)) {
            return true;
        }
    }
    return false;
}

static void
append_hex(struct otc_slice bytes, struct otc_buf *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        otc_buf_append_byte(out, (uint8_t)digits[bytes.data[i] >> 4]);
        otc_buf_append_byte(out, (uint8_t)digits[bytes.data[i] & 15]);
    }
}

/* JSON with what HTML would read otherwise as escapes: it stands within texts alone. */
static void
append_escaped(struct otc_slice json, struct otc_buf *out)
{
    for (size_t i = 0; i < json.len; i++) {
        uint8_t c = json.data[i];

        if (c == '<' || c == '>' || c == '&') {
            otc_buf_printf(out, "\\u%04x", c);
        } else {
            otc_buf_append_byte(out, c);
        }
    }
}

bool
otc_ottl_text_of(struct otc_condition_reader *reader, const struct otc_value *value, struct otc_slice *out)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = OTC_OTTL_MADE_MAX};
    OTC_AUTO_BUF struct otc_buf json = {.limit = OTC_OTTL_MADE_MAX};
    struct otc_value made = {.type = OTC_VALUE_STRING};

    if (value->type == OTC_VALUE_STRING) {
        *out = value->as.slice;
        return true;
    }
    if (has_no_json(value, 0)) {
        return otc_ottl_fail(reader, "NaN and infinity have no text");
    }
    if (value->type == OTC_VALUE_BYTES) {
        append_hex(value->as.slice, &text);
    } else if (value->type == OTC_VALUE_ARRAY || value->type == OTC_VALUE_KVLIST) {
        (void)otc_value_text_with(value, otc_format_jsoniter_double, &json);
        append_escaped(otc_buf_slice(&json), &text);
        text.failed = text.failed || json.failed;
    } else {
        (void)otc_value_text_with(value, otc_format_jsoniter_double, &text);
    }
    if (!otc_ottl_keep(reader, &text, OTC_VALUE_STRING, &made)) {
        return false;
    }
    *out = made.as.slice;
    return true;
}
