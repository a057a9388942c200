// SPDX-License-Identifier: Apache-2.0
#include "common/base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool
otc_base64_encode(struct otc_slice in, bool padded, struct otc_buf *out)
{
    for (size_t i = 0; i < in.len; i += 3) {
        const size_t left = in.len - i;
        const uint32_t word = (uint32_t)in.data[i] << 16 | (left > 1 ? (uint32_t)in.data[i + 1] << 8 : 0) |
                              (left > 2 ? in.data[i + 2] : 0);

        for (size_t k = 0; k < 4; k++) {
            if (k <= left) {
                otc_buf_append_byte(out, (uint8_t)digits[word >> (18 - 6 * k) & 63]);
            } else if (padded) {
                otc_buf_append_byte(out, '=');
            }
        }
    }
    return !out->failed;
}

bool
otc_base64_decode(struct otc_slice text, struct otc_buf *out)
{
    const bool padded = text.len > 0 && text.len % 4 == 0;
    uint32_t word = 0;
    size_t n = 0;

    for (int i = 0; i < 2 && padded && text.data[text.len - 1] == '='; i++) {
        text.len--;
    }
    if (text.len % 4 == 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.data[i] ? strchr(digits, text.data[i]) : NULL;

        if (!digit) {
            return false;
        }
        word = word << 6 | (uint32_t)(digit - digits);
        if (++n == 4) {
            otc_buf_append_byte(out, (uint8_t)(word >> 16));
            otc_buf_append_byte(out, (uint8_t)(word >> 8));
            otc_buf_append_byte(out, (uint8_t)word);
            n = 0;
        }
    }
    if (n >= 2) {
        word <<= 6 * (4 - n);
        otc_buf_append_byte(out, (uint8_t)(word >> 16));
    }
    if (n == 3) {
        otc_buf_append_byte(out, (uint8_t)(word >> 8));
    }
    return !out->failed;
}
