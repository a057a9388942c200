// SPDX-License-Identifier: Apache-2.0
#include "common/base/percent.h"

bool
otc_percent_decode(struct otc_slice in, struct otc_buf *out)
{
    for (size_t i = 0; i < in.len; i++) {
        uint8_t byte = in.data[i];

        if (byte == '%') {
            int high = i + 2 < in.len ? otc_hex_digit(in.data[i + 1]) : -1;
            int low = i + 2 < in.len ? otc_hex_digit(in.data[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return false;
            }
            byte = (uint8_t)(high * 16 + low);
            i += 2;
        }
        otc_buf_append_byte(out, byte);
    }
    return true;
}
