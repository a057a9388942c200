// SPDX-License-Identifier: Apache-2.0
#include "common/base/codec.h"

#define SECTION_LENGTH_BYTES 8u

void
otc_put_u64(struct otc_buf *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    while (value >= 128) {
        bytes[n++] = (uint8_t)(value | 128);
        value >>= 7;
    }
    bytes[n++] = (uint8_t)value;
    (void)otc_buf_append(out, bytes, n);
}

void
otc_put_i64(struct otc_buf *out, int64_t value)
{
    otc_put_u64(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static void
put_fixed(uint8_t out[8], uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t
fixed_of(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

void
otc_put_f64(struct otc_buf *out, double value)
{
    uint8_t bytes[8];
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_fixed(bytes, bits);
    (void)otc_buf_append(out, bytes, sizeof(bytes));
}

void
otc_put_bool(struct otc_buf *out, bool value)
{
    (void)otc_buf_append_byte(out, value);
}

void
otc_put_bytes(struct otc_buf *out, struct otc_slice value)
{
    otc_put_u64(out, value.len);
    (void)otc_buf_append_slice(out, value);
}

size_t
otc_put_section(struct otc_buf *out, const char *name, uint64_t version)
{
    static const uint8_t length[SECTION_LENGTH_BYTES] = {0};

    otc_put_bytes(out, otc_slice_str(name));
    otc_put_u64(out, version);
    (void)otc_buf_append(out, length, sizeof(length));
    return out->len;
}

void
otc_end_section(struct otc_buf *out, size_t place)
{
    if (!out->failed) {
        put_fixed(out->data + place - SECTION_LENGTH_BYTES, out->len - place);
    }
}

/* The next `n` bytes; NULL, and failed, when there are fewer. */
static const uint8_t *
take(struct otc_reader *reader, size_t n)
{
    const uint8_t *at = reader->rest.data;

    if (reader->failed || n > reader->rest.len) {
        reader->failed = true;
        return NULL;
    }
    reader->rest = otc_slice_skip(reader->rest, n);
    return at;
}

uint64_t
otc_take_u64(struct otc_reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *byte = take(reader, 1);

        if (!byte) {
            return 0;
        }
        value |= (uint64_t)(*byte & 127) << shift;
        if (*byte < 128) {
            return value;
        }
    }
    reader->failed = true;
    return 0;
}

int64_t
otc_take_i64(struct otc_reader *reader)
{
    uint64_t value = otc_take_u64(reader);

    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

double
otc_take_f64(struct otc_reader *reader)
{
    const uint8_t *bytes = take(reader, 8);
    uint64_t bits = bytes ? fixed_of(bytes) : 0;
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

bool
otc_take_bool(struct otc_reader *reader)
{
    const uint8_t *byte = take(reader, 1);

    return byte && *byte;
}

static struct otc_slice
take_slice(struct otc_reader *reader, uint64_t len)
{
    const uint8_t *bytes = take(reader, len > SIZE_MAX ? SIZE_MAX : (size_t)len);

    return bytes ? otc_slice_of(bytes, (size_t)len) : OTC_SLICE_NONE;
}

struct otc_slice
otc_take_bytes(struct otc_reader *reader)
{
    uint64_t len = otc_take_u64(reader);

    return len ? take_slice(reader, len) : OTC_SLICE_NONE;
}

size_t
otc_take_count(struct otc_reader *reader, size_t least)
{
    uint64_t n = otc_take_u64(reader);

    if (n > reader->rest.len / least) {
        reader->failed = true;
        return 0;
    }
    return (size_t)n;
}

bool
otc_take_section(struct otc_reader *reader, struct otc_slice *name, uint64_t *version,
                 struct otc_reader *body)
{
    const uint8_t *length;

    if (reader->failed || reader->rest.len == 0) {
        return false;
    }
    *name = otc_take_bytes(reader);
    *version = otc_take_u64(reader);
    length = take(reader, SECTION_LENGTH_BYTES);
    *body = otc_reader_of(length ? take_slice(reader, fixed_of(length)) : OTC_SLICE_NONE);
    return !reader->failed;
}
