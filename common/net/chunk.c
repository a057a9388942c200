// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

/** Bytes of chunk extensions and trailers in one body. */
#define LINES_MAX 4096
/** Hexadecimal digits of a size: less than 2^48. */
#define DIGITS_MAX 12

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER_START, TRAILER, TRAILER_LF, END_LF };

static bool
size_byte(struct otc_chunked *chunked, uint8_t byte)
{
    const int digit = otc_hex_digit(byte);

    if (digit >= 0) {
        chunked->left = chunked->left * 16 + (uint64_t)digit;
        return ++chunked->digits <= DIGITS_MAX;
    }
    chunked->state = byte == '\r' ? SIZE_LF : EXTENSION;
    return chunked->digits > 0 && (byte == '\r' || byte == ';');
}

/** A byte of an extension or trailer line; CR leads to `after`. */
static bool
line_byte(struct otc_chunked *chunked, uint8_t byte, int inside, int after)
{
    chunked->state = byte == '\r' ? after : inside;
    return ++chunked->line <= LINES_MAX && (byte >= 0x20 || byte == '\t' || byte == '\r') && byte != 0x7f;
}

static bool
expect(struct otc_chunked *chunked, uint8_t byte, uint8_t wanted, int next)
{
    chunked->state = next;
    return byte == wanted;
}

static bool
framing_byte(struct otc_chunked *chunked, uint8_t byte, bool *done)
{
    switch (chunked->state) {
    case SIZE:
        return size_byte(chunked, byte);
    case EXTENSION:
        return line_byte(chunked, byte, EXTENSION, SIZE_LF);
    case SIZE_LF:
        chunked->digits = 0;
        return expect(chunked, byte, '\n', chunked->left ? DATA : TRAILER_START);
    case DATA_CR:
        return expect(chunked, byte, '\r', DATA_LF);
    case DATA_LF:
        return expect(chunked, byte, '\n', SIZE);
    case TRAILER_START:
        return byte != ' ' && byte != '\t' && line_byte(chunked, byte, TRAILER, END_LF);
    case TRAILER:
        return line_byte(chunked, byte, TRAILER, TRAILER_LF);
    case TRAILER_LF:
        return expect(chunked, byte, '\n', TRAILER_START);
    default: /* END_LF */
        *done = byte == '\n';
        return *done;
    }
}

bool
otc_chunked_next(struct otc_chunked *chunked, struct otc_slice *data, struct otc_slice *piece, bool *done)
{
    *piece = OTC_SLICE_NONE;
    *done = false;
    while (data->len > 0 && !*done) {
        if (chunked->state == DATA) {
            const size_t take = chunked->left < data->len ? (size_t)chunked->left : data->len;

            *piece = otc_slice_of(data->data, take);
            *data = otc_slice_skip(*data, take);
            chunked->left -= take;
            if (chunked->left == 0) {
                chunked->state = DATA_CR;
            }
            return true;
        }
        if (!framing_byte(chunked, *data->data, done)) {
            return false;
        }
        *data = otc_slice_skip(*data, 1);
    }
    return true;
}
