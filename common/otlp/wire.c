// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/wire.h"

const uint8_t *
otc_wire_varint_long(const uint8_t *p, const uint8_t *end, uint32_t max_bytes, uint64_t *value)
{
    uint64_t result = 0;

    for (uint32_t i = 0; i < max_bytes && p < end; i++) {
        uint8_t byte = *p++;

        result |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *value = result;
            /* The tenth byte has room for one bit. */
            return i == 9 && byte > 1 ? NULL : p;
        }
    }
    return NULL;
}

static const uint8_t *
skip_scalar(const uint8_t *p, const uint8_t *end, uint32_t type)
{
    uint64_t ignored;
    struct otc_slice bytes;

    switch (type) {
    case OTC_WIRE_VARINT:
        return otc_wire_varint(p, end, &ignored);
    case OTC_WIRE_FIXED64:
        return end - p >= 8 ? p + 8 : NULL;
    case OTC_WIRE_BYTES:
        return otc_wire_bytes(p, end, &bytes);
    case OTC_WIRE_FIXED32:
        return end - p >= 4 ? p + 4 : NULL;
    default:
        return NULL;
    }
}

/* Groups may nest; 32 open ones are more than any writer ever had. */
#define GROUP_DEPTH_MAX 32

static const uint8_t *
skip_group(const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    uint32_t open[GROUP_DEPTH_MAX] = {tag >> 3};
    size_t depth = 1;

    while (depth > 0) {
        p = otc_wire_tag(p, end, &tag);
        if (!p) {
            return NULL;
        }
        if ((tag & 7) == OTC_WIRE_GROUP) {
            if (depth == GROUP_DEPTH_MAX) {
                return NULL;
            }
            open[depth++] = tag >> 3;
        } else if ((tag & 7) == OTC_WIRE_GROUP_END) {
            if (open[--depth] != tag >> 3) {
                return NULL;
            }
        } else {
            p = skip_scalar(p, end, tag & 7);
            if (!p) {
                return NULL;
            }
        }
    }
    return p;
}

const uint8_t *
otc_wire_skip(const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    return (tag & 7) == OTC_WIRE_GROUP ? skip_group(p, end, tag) : skip_scalar(p, end, tag & 7);
}

bool
otc_wire_next(struct otc_wire *wire, struct otc_wire_field *field)
{
    const uint8_t *p;
    uint32_t tag;

    if (wire->p >= wire->end || !(p = otc_wire_tag(wire->p, wire->end, &tag))) {
        return false;
    }
    *field = (struct otc_wire_field){.field = tag >> 3, .type = tag & 7};
    switch (field->type) {
    case OTC_WIRE_VARINT:
        p = otc_wire_varint(p, wire->end, &field->number);
        break;
    case OTC_WIRE_BYTES:
        p = otc_wire_bytes(p, wire->end, &field->bytes);
        break;
    case OTC_WIRE_FIXED64:
        field->number = wire->end - p >= 8 ? otc_wire_load64(p) : 0;
        p = otc_wire_skip(p, wire->end, tag);
        break;
    case OTC_WIRE_FIXED32:
        field->number = wire->end - p >= 4 ? otc_wire_load32(p) : 0;
        p = otc_wire_skip(p, wire->end, tag);
        break;
    default:
        p = otc_wire_skip(p, wire->end, tag);
        break;
    }
    if (!p) {
        return false;
    }
    wire->p = p;
    return true;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

size_t
otc_wire_varint_size(uint64_t value)
{
    return (size_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}

static size_t
encode_varint(uint8_t out[10], uint64_t value)
{
    size_t n = 0;

    while (value >= 0x80) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

bool
otc_wire_put_varint(struct otc_buf *out, uint64_t value)
{
    uint8_t bytes[10];

    return otc_buf_append(out, bytes, encode_varint(bytes, value));
}

/* A tag, and up to ten bytes behind it. */
#define HEAD_MAX 15

static size_t
encode_tag(uint8_t out[HEAD_MAX], uint32_t field, enum otc_wire_type type)
{
    return encode_varint(out, (uint64_t)field << 3 | type);
}

static size_t
encode_number(uint8_t out[HEAD_MAX], uint32_t field, enum otc_wire_type type, uint64_t number)
{
    size_t n = encode_tag(out, field, type);

    return n + encode_varint(out + n, number);
}

bool
otc_wire_put_number(struct otc_buf *out, uint32_t field, uint64_t value)
{
    uint8_t bytes[HEAD_MAX];

    return otc_buf_append(out, bytes, encode_number(bytes, field, OTC_WIRE_VARINT, value));
}

bool
otc_wire_put_fixed64(struct otc_buf *out, uint32_t field, uint64_t bits)
{
    uint8_t bytes[HEAD_MAX];
    size_t n = encode_tag(bytes, field, OTC_WIRE_FIXED64);

    memcpy(bytes + n, &bits, sizeof(bits));
    return otc_buf_append(out, bytes, n + sizeof(bits));
}

bool
otc_wire_put_fixed32(struct otc_buf *out, uint32_t field, uint32_t bits)
{
    uint8_t bytes[HEAD_MAX];
    size_t n = encode_tag(bytes, field, OTC_WIRE_FIXED32);

    memcpy(bytes + n, &bits, sizeof(bits));
    return otc_buf_append(out, bytes, n + sizeof(bits));
}

bool
otc_wire_put_double(struct otc_buf *out, uint32_t field, double value)
{
    return otc_wire_put_fixed64(out, field, otc_wire_double_bits(value));
}

bool
otc_wire_put_length(struct otc_buf *out, uint32_t field, size_t len)
{
    uint8_t bytes[HEAD_MAX];

    return otc_buf_append(out, bytes, encode_number(bytes, field, OTC_WIRE_BYTES, len));
}

bool
otc_wire_put_bytes(struct otc_buf *out, uint32_t field, struct otc_slice bytes)
{
    return otc_wire_put_length(out, field, bytes.len) && otc_buf_append(out, bytes.data, bytes.len);
}

size_t
otc_wire_begin(struct otc_buf *out, uint32_t field)
{
    uint8_t bytes[HEAD_MAX];

    otc_buf_append(out, bytes, encode_number(bytes, field, OTC_WIRE_BYTES, 0));
    return out->len;
}

void
otc_wire_end(struct otc_buf *out, size_t mark)
{
    uint8_t length[10];
    size_t contents, n;

    if (out->failed) {
        return;
    }
    contents = out->len - mark;
    n = encode_varint(length, contents);
    if (n > 1) {
        if (!otc_buf_reserve(out, n - 1)) {
            return;
        }
        memmove(out->data + mark + n - 1, out->data + mark, contents);
        out->len += n - 1;
    }
    memcpy(out->data + mark - 1, length, n);
}
