// SPDX-License-Identifier: Apache-2.0
/**
 * @file The protobuf wire format: reading with bounds, writing into a buffer. For this folder and its tests.
 *
 * Accepted as protobuf-c accepts them: tags and lengths of at most 5 bytes (a length at most INT32_MAX),
 * varints of at most 10 and 64 bits.
 */
#ifndef OTC_OTLP_WIRE_H
#define OTC_OTLP_WIRE_H

#include "common/base/buf.h"
#include "common/base/slice.h"

enum otc_wire_type {
    OTC_WIRE_VARINT = 0,
    OTC_WIRE_FIXED64 = 1,
    OTC_WIRE_BYTES = 2,
    OTC_WIRE_GROUP = 3,
    OTC_WIRE_GROUP_END = 4,
    OTC_WIRE_FIXED32 = 5
};

/** What lies between `p` and `end`. A failing read leaves `p` at the offending field. */
struct otc_wire {
    const uint8_t *p;
    const uint8_t *end;
};

/** One field: varints and fixed numbers in `number`, length-delimited contents in `bytes`. */
struct otc_wire_field {
    uint32_t field;
    uint32_t type;
    uint64_t number;
    struct otc_slice bytes;
};

static inline struct otc_wire
otc_wire_of(struct otc_slice bytes)
{
    return (struct otc_wire){bytes.data, bytes.len ? bytes.data + bytes.len : bytes.data};
}

static inline uint64_t
otc_wire_load64(const uint8_t *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

static inline uint32_t
otc_wire_load32(const uint8_t *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

/** The slow half of otc_wire_varint: more than one byte. NULL when it runs out of bytes or is too long. */
const uint8_t *otc_wire_varint_long(const uint8_t *p, const uint8_t *end, uint32_t max_bytes,
                                    uint64_t *value);

static inline const uint8_t *
otc_wire_varint(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
    if (__builtin_expect(p < end && *p < 0x80, 1)) {
        *value = *p;
        return p + 1;
    }
    return otc_wire_varint_long(p, end, 10, value);
}

/** A tag: the raw number (field << 3 | type). NULL for field 0, more than 32 bits or no bytes. */
static inline const uint8_t *
otc_wire_tag(const uint8_t *p, const uint8_t *end, uint32_t *tag)
{
    uint64_t raw;

    if (__builtin_expect(p < end && *p < 0x80, 1)) {
        *tag = *p;
        return *p < 8 ? NULL : p + 1;
    }
    if (end - p >= 2 && p[1] < 0x80) {
        *tag = (uint32_t)(p[0] & 0x7f) | (uint32_t)p[1] << 7;
        return *tag < 8 ? NULL : p + 2;
    }
    p = otc_wire_varint_long(p, end, 5, &raw);
    if (!p || raw > UINT32_MAX || raw < 8) {
        return NULL;
    }
    *tag = (uint32_t)raw;
    return p;
}

/** A length and its contents; returns the position after them, or NULL. */
static inline const uint8_t *
otc_wire_bytes(const uint8_t *p, const uint8_t *end, struct otc_slice *bytes)
{
    uint64_t len;

    if (__builtin_expect(p < end && *p < 0x80, 1)) {
        len = *p++;
    } else if (end - p >= 2 && p[1] < 0x80) {
        len = (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
        p += 2;
    } else {
        p = otc_wire_varint_long(p, end, 5, &len);
        if (!p || len > INT32_MAX) {
            return NULL;
        }
    }
    if (__builtin_expect(len > (uint64_t)(end - p), 0)) {
        return NULL;
    }
    *bytes = (struct otc_slice){p, (size_t)len};
    return p + len;
}

/** Skips the value of a field whose tag was just read; a group to its balanced end. NULL when malformed. */
const uint8_t *otc_wire_skip(const uint8_t *p, const uint8_t *end, uint32_t tag);

/**
 * Reads the next field; groups are skipped and shown as type GROUP without contents. False at the end (p ==
 * end) and when malformed (p < end).
 */
bool otc_wire_next(struct otc_wire *wire, struct otc_wire_field *field);

/* ---- Writing ------------------------------------------------------------------------------------ */

bool otc_wire_put_varint(struct otc_buf *out, uint64_t value);
bool otc_wire_put_number(struct otc_buf *out, uint32_t field, uint64_t value);
bool otc_wire_put_fixed64(struct otc_buf *out, uint32_t field, uint64_t bits);
bool otc_wire_put_fixed32(struct otc_buf *out, uint32_t field, uint32_t bits);
bool otc_wire_put_double(struct otc_buf *out, uint32_t field, double value);
bool otc_wire_put_bytes(struct otc_buf *out, uint32_t field, struct otc_slice bytes);
/** A tag and the length of contents that the caller appends. */
bool otc_wire_put_length(struct otc_buf *out, uint32_t field, size_t len);
/** Bytes that `value` takes as a varint. */
size_t otc_wire_varint_size(uint64_t value);
/** Opens a nested message: what is appended until otc_wire_end belongs to it. Returns the mark for
 * otc_wire_end. */
size_t otc_wire_begin(struct otc_buf *out, uint32_t field);
/** Writes the length, moving the contents when it needs more than one byte. */
void otc_wire_end(struct otc_buf *out, size_t mark);

static inline uint64_t
otc_wire_double_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline double
otc_wire_bits_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

#endif
