// SPDX-License-Identifier: Apache-2.0
/**
 * @file Plain attributes: fewer than 128 bytes, key then value and nothing else, as SDKs write nearly all of
 * them. Their heads are compared as one word instead of byte by byte; whoever finds another shape reads it
 * with otc_pair_read. Bounds hold all the same: nothing beyond the message around it is taken, and nothing
 * beyond OTC_PLAIN_REACH is looked at.
 */
#ifndef OTC_OTLP_PLAIN_H
#define OTC_OTLP_PLAIN_H

#include "common/otlp/wire.h"

/** So many bytes from an attribute's tag on must be readable: two heads of two bytes, 127 of a key, and the
 * value's head. */
#define OTC_PLAIN_REACH 136
/** Keys and values of plain attributes are shorter. */
#define OTC_PLAIN_MAX 128

struct otc_plain {
    const uint8_t *key;
    /** Behind the key, an encoded AnyValue. */
    const uint8_t *value;
    /** Behind the value, which is the end of the attribute. */
    const uint8_t *end;
    uint32_t key_len;
};

/** Where in a buffer that ends at `end` attributes may begin to be read as plain ones. */
static inline const uint8_t *
otc_plain_limit(struct otc_slice buffer)
{
    return buffer.len > OTC_PLAIN_REACH ? buffer.data + buffer.len - OTC_PLAIN_REACH : buffer.data;
}

/**
 * Reads the attribute at `p`, whose tag is the byte `tag`, in a message that ends at `end`. False: no plain
 * one is there.
 */
static inline __attribute__((always_inline)) bool
otc_plain_read(const uint8_t *p, const uint8_t *end, uint32_t tag, struct otc_plain *plain)
{
    /* Tag, length below 128, the key's tag, its length below 128. */
    const uint32_t head = otc_wire_load32(p);
    uint32_t len, key_len;
    uint16_t value_head;

    if ((head & 0x80ff80ff) != (tag | (1 << 3 | OTC_WIRE_BYTES) << 16)) {
        return false;
    }
    len = head >> 8 & 0xff;
    key_len = head >> 24;
    memcpy(&value_head, p + 4 + key_len, sizeof(value_head));
    plain->key = p + 4;
    plain->key_len = key_len;
    plain->value = p + 6 + key_len;
    plain->end = p + 2 + len;
    /* The value's tag, and as its length what is left. (A key too long makes that huge.) */
    return value_head == ((len - key_len - 4) << 8) + (2 << 3 | OTC_WIRE_BYTES) && plain->end <= end;
}

/* The bits that say of each byte of a varint that another one follows. */
#define OTC_PLAIN_GO_ON UINT64_C(0x8080808080808080)

/**
 * Whether the `len` bytes before `end`, at most eight, are one varint; `*bytes` are they. Eight bytes before
 * `end` must be readable.
 */
static inline bool
otc_plain_is_varint(const uint8_t *end, size_t len, uint64_t *bytes)
{
    if (len - 1 >= 8) {
        return false;
    }
    *bytes = otc_wire_load64(end - 8) >> (64 - 8 * len);
    return (*bytes & OTC_PLAIN_GO_ON) == OTC_PLAIN_GO_ON >> 8 >> (64 - 8 * len);
}

/** The number that they are. */
static inline uint64_t
otc_plain_varint(uint64_t bytes)
{
    /* Groups of 7 bits become groups of 14, of 28, of 56. */
    bytes &= ~OTC_PLAIN_GO_ON;
    bytes = (bytes & UINT64_C(0x007f007f007f007f)) | (bytes & UINT64_C(0x7f007f007f007f00)) >> 1;
    bytes = (bytes & UINT64_C(0x00003fff00003fff)) | (bytes & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (bytes & UINT64_C(0x0fffffff)) | (bytes & UINT64_C(0x0fffffff00000000)) >> 4;
}

#endif
