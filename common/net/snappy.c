// SPDX-License-Identifier: Apache-2.0
/* Snappy, as a block or in frames (https://github.com/google/snappy/blob/main/framing_format.txt). */
#include "common/net/inflate_target.h"
#include "common/net/snappy_frames.h"

#include <snappy-c.h>

/** No block is smaller than this part of what it becomes: a copy of 64 bytes takes 3. */
#define RATIO_MAX 22
#define CHUNK_MAX ((size_t)65536)

static const uint8_t identifier[] = {0xff, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y'};

bool
otc_snappy_is_framed(struct otc_slice in)
{
    return otc_slice_starts(in, otc_slice_of(identifier, sizeof(identifier)));
}

/** CRC-32C, masked as the frames have it. */
static uint32_t
masked_crc(struct otc_slice bytes)
{
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                       0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

otc_status
otc_inflate_snappy_block(struct otc_slice in, size_t size_max, struct otc_inflate_target *target)
{
    size_t size;
    otc_status status;

    if (snappy_uncompressed_length((const char *)in.data, in.len, &size) != SNAPPY_OK || size > size_max ||
        size / RATIO_MAX > in.len) {
        return otc_inflate_bad(target);
    }
    status = otc_inflate_reserve(target, size);
    if (status != OTC_OK || size == 0) {
        return status;
    }
    if (snappy_uncompress((const char *)in.data, in.len, (char *)target->out->data + target->out->len,
                          &size) != SNAPPY_OK) {
        return otc_inflate_bad(target);
    }
    target->out->len += size;
    return OTC_OK;
}

/** A chunk of data: its checksum, and a block or plain bytes. */
static otc_status
inflate_chunk(struct otc_slice chunk, bool plain, struct otc_inflate_target *target)
{
    const struct otc_slice bytes = otc_slice_skip(chunk, 4);
    const size_t before = target->out->len;
    otc_status status;
    uint32_t crc;

    if (chunk.len < 4 || (plain && bytes.len > CHUNK_MAX)) {
        return otc_inflate_bad(target);
    }
    crc = (uint32_t)chunk.data[0] | (uint32_t)chunk.data[1] << 8 | (uint32_t)chunk.data[2] << 16 |
          (uint32_t)chunk.data[3] << 24;
    if (plain) {
        status = otc_inflate_reserve(target, bytes.len);
        if (status == OTC_OK) {
            otc_buf_append_slice(target->out, bytes);
        }
    } else {
        status = otc_inflate_snappy_block(bytes, CHUNK_MAX, target);
    }
    if (status == OTC_OK &&
        masked_crc(otc_slice_of(target->out->data + before, target->out->len - before)) != crc) {
        status = otc_inflate_bad(target);
    }
    return status;
}

otc_status
otc_inflate_snappy_framed(struct otc_slice in, struct otc_inflate_target *target)
{
    otc_status status = otc_snappy_is_framed(in) ? OTC_OK : otc_inflate_bad(target);

    while (status == OTC_OK && in.len > 0) {
        const uint8_t type = in.data[0];
        size_t len;

        if (in.len < 4) {
            return otc_inflate_bad(target);
        }
        len = (size_t)in.data[1] | (size_t)in.data[2] << 8 | (size_t)in.data[3] << 16;
        in = otc_slice_skip(in, 4);
        if (len > in.len) {
            return otc_inflate_bad(target);
        }
        if (type <= 1) {
            status = inflate_chunk(otc_slice_of(in.data, len), type == 1, target);
        } else if (type < 0x80 || (type == 0xff && (len != 6 || memcmp(in.data, identifier + 4, 6) != 0))) {
            return otc_inflate_bad(target); /* 2 to 0x7f must not be skipped */
        }
        in = otc_slice_skip(in, len);
    }
    return status;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

/* Of a chunk: type, length, checksum. */
#define HEAD 8u

size_t
otc_snappy_frames_bound(size_t len)
{
    size_t chunks = len / CHUNK_MAX + 1;

    return sizeof(identifier) + chunks * (HEAD + snappy_max_compressed_length(CHUNK_MAX));
}

/* Compressed where that makes it an eighth smaller at least, as snappy's authors do it. */
static size_t
put_chunk(struct otc_slice in, uint8_t *to)
{
    const uint32_t crc = masked_crc(in);
    size_t n = snappy_max_compressed_length(in.len);
    bool plain;

    if (snappy_compress((const char *)in.data, in.len, (char *)to + HEAD, &n) != SNAPPY_OK) {
        return 0;
    }
    plain = n >= in.len - in.len / 8;
    if (plain) {
        memcpy(to + HEAD, in.data, in.len);
        n = in.len;
    }
    to[0] = plain;
    for (size_t i = 0; i < 3; i++) {
        to[1 + i] = (uint8_t)((n + 4) >> (8 * i));
    }
    for (size_t i = 0; i < 4; i++) {
        to[4 + i] = (uint8_t)(crc >> (8 * i));
    }
    return HEAD + n;
}

size_t
otc_snappy_frames(struct otc_slice in, uint8_t *to)
{
    size_t len = sizeof(identifier);

    memcpy(to, identifier, sizeof(identifier));
    while (in.len > 0) {
        const size_t part = in.len < CHUNK_MAX ? in.len : CHUNK_MAX;
        const size_t n = put_chunk(otc_slice_of(in.data, part), to + len);

        if (n == 0) {
            return 0;
        }
        len += n;
        in = otc_slice_skip(in, part);
    }
    return len;
}
