// SPDX-License-Identifier: Apache-2.0
/** @file The walker's own parts, shared between its files. */
#ifndef OTC_OTLP_WALK_IMPL_H
#define OTC_OTLP_WALK_IMPL_H

#include "common/otlp/plain.h"
#include "common/otlp/walk.h"
#include "common/otlp/wire.h"

/** `raw` of otc_wire_tag for a field. */
#define OTC_TAG(field, type) ((uint32_t)(field) << 3 | (uint32_t)(type))
/** A set of field numbers below 64. */
#define OTC_FIELDS(first, last) ((~UINT64_C(0) >> (63 - (last))) & (~UINT64_C(0) << (first)))

/** A wanted key. `tail`: its last eight bytes, or all of a shorter one. */
struct otc_wanted_key {
    uint64_t tail;
    const uint8_t *text;
    uint32_t len;
    uint16_t index;
    /** 1 + the next key of the same slot; 0: none. */
    uint16_t next;
};

#define OTC_KEY_SLOTS_LOG 9
#define OTC_KEY_SLOTS (1u << OTC_KEY_SLOTS_LOG)

/** Wanted keys of one level, hashed. */
struct otc_key_table {
    size_t n;
    /** 1 + the slot's first key; 0: none. */
    uint16_t slots[OTC_KEY_SLOTS];
    struct otc_wanted_key keys[OTC_PROJECTION_MAX];
};

/** A wanted prefix. `head`: its first eight bytes at most, with zeroes where `mask` has them; `tail`: its
 * last eight. */
struct otc_wanted_prefix {
    uint64_t head;
    uint64_t mask;
    uint64_t tail;
    const uint8_t *text;
    uint32_t len;
    uint32_t index;
};

struct otc_projection {
    size_t n;
    /** True when a record's attributes need a look. */
    bool reads_records;
    size_t n_prefixes;
    /** Bit c % 64 of each byte c with which a prefix begins; all of them when one is empty. */
    uint64_t initials;
    /** The same of the eighth bytes; all of them when a prefix is shorter. */
    uint64_t eighths;
    /** By length: bit c % 64 of each byte c with which a record's key ends. */
    uint64_t last_bytes[OTC_PLAIN_MAX];
    struct otc_wanted_prefix prefixes[OTC_PROJECTION_MAX];
    struct otc_key_table record;
    struct otc_key_table scope;
    struct otc_key_table resource;
    char *text;
};

/** One KeyValue. `encoded` is its only AnyValue; `decoded` when the value is known already. */
struct otc_pair_view {
    struct otc_slice key;
    struct otc_slice encoded;
    struct otc_value value;
    bool decoded;
};

/** State of one walk. Large: values and matches lie here, on the stack of the caller. */
struct otc_walk {
    /** Never NULL. */
    const struct otc_projection *projection;
    /** The message that is being read, for the position in an error. */
    struct otc_slice part;
    /** Attributes before it may be plain ones (otc_plain_limit). */
    const uint8_t *plain_limit;
    /** Where reading failed; NULL: nowhere. */
    const uint8_t *bad;
    bool stopped;
    bool out_of_memory;
    size_t n_scopes;
    /** Reads one span, metric or log record. False: `bad` or `stopped` is set. */
    bool (*item)(struct otc_walk *walk, struct otc_slice encoded);
    union {
        otc_span_fn span;
        otc_point_fn point;
        otc_log_fn log;
    } fn;
    void *arg;
    union {
        struct otc_record record;
        struct otc_span span;
        struct otc_point point;
        struct otc_log_record log;
    } show;
    /** Pieces of a resource and of a scope, joined. */
    uint8_t *joined_resource;
    uint8_t *joined_scope;
    /** Which of `values` differ from `base`, the values of resource and scope. */
    uint64_t touched[OTC_PROJECTION_MAX / 64];
    struct otc_value values[OTC_PROJECTION_MAX];
    struct otc_value base[OTC_PROJECTION_MAX];
    struct otc_value of_resource[OTC_PROJECTION_MAX];
    struct otc_match matches[OTC_MATCHES_MAX];
};

/** Runs `walk` (item, fn, arg set) over a request. */
otc_status otc_walk_request(struct otc_walk *walk, const struct otc_projection *projection,
                            struct otc_slice part, struct otc_error *err);
/** A plain attribute whose key may be wanted. False: `bad` is set. */
bool otc_walk_plain(struct otc_walk *walk, struct otc_slice key, struct otc_slice value);
/** Reads the attribute, of any shape, whose length begins at `p`; returns the position after it, or NULL with
 * `bad` set. */
const uint8_t *otc_walk_attribute(struct otc_walk *walk, const uint8_t *p, const uint8_t *end);
/** Sets values and matches back to those of resource and scope. */
void otc_walk_reset(struct otc_walk *walk);

/** Reads an AnyValue into `value`, whose former contents stay where it holds nothing. False: `*bad` is set.
 */
bool otc_value_decode(struct otc_slice encoded, struct otc_value *value, const uint8_t **bad);
/** Decodes a text, integer or double that is alone in its AnyValue. False: `value` is untouched. */
static inline bool
otc_value_decode_plain(struct otc_slice encoded, struct otc_value *value)
{
    const uint8_t *p = encoded.data;
    uint64_t bytes;

    if (encoded.len < 2) {
        return false;
    }
    switch (p[0]) {
    case OTC_TAG(1, OTC_WIRE_BYTES):
        if (p[1] != encoded.len - 2 || p[1] >= 0x80) {
            return false;
        }
        value->type = OTC_VALUE_STRING;
        value->as.slice = (struct otc_slice){p + 2, encoded.len - 2};
        return true;
    case OTC_TAG(3, OTC_WIRE_VARINT):
        if (!otc_plain_is_varint(p + encoded.len, encoded.len - 1, &bytes)) {
            return false;
        }
        value->type = OTC_VALUE_INT;
        value->as.integer = (int64_t)otc_plain_varint(bytes);
        return true;
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        if (encoded.len != 9) {
            return false;
        }
        value->type = OTC_VALUE_DOUBLE;
        value->as.real = otc_wire_bits_double(otc_wire_load64(p + 1));
        return true;
    default:
        return false;
    }
}

/** Reads a KeyValue. False: `*bad` is set. */
bool otc_pair_read(struct otc_slice encoded, struct otc_pair_view *pair, const uint8_t **bad);

/**
 * The last eight bytes of a key, or all of a shorter one. Tags and lengths of the messages around a key
 * always precede it, so that eight bytes up to its end are ours.
 */
static inline uint64_t
otc_key_tail(const uint8_t *key, size_t len)
{
    uint64_t tail;

    if (len == 0) {
        return 0;
    }
    tail = otc_wire_load64(key + len - 8);
    return len < 8 ? tail >> (64 - 8 * len) : tail;
}

static inline uint32_t
otc_key_slot(uint64_t tail, size_t len)
{
    return (uint32_t)((tail ^ len << 56) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - OTC_KEY_SLOTS_LOG));
}

/** Whether byte c % 64 is in the set. (Compilers make one instruction of it, written like this.) */
static inline bool
otc_in_set(uint64_t set, uint8_t c)
{
    return (set & UINT64_C(1) << (c % 64)) != 0;
}

/** Keys that cannot begin with a prefix are told by two bytes. Of a key that is too short they are others,
 * but then it matters to nobody, or both sets are full. */
static inline bool
otc_may_match(const struct otc_projection *projection, const uint8_t *key)
{
    return otc_in_set(projection->initials, key[0]) && otc_in_set(projection->eighths, key[7]);
}

/** Keys that nobody can want are told by length and last byte, and by what prefixes begin with. Of an empty
 * key the former are its length and the value's tag; last_bytes is all or nothing for it. */
static inline bool
otc_walk_may_want(const struct otc_projection *projection, const struct otc_plain *plain)
{
    return otc_in_set(projection->last_bytes[plain->key_len], plain->key[(size_t)plain->key_len - 1]) ||
           otc_may_match(projection, plain->key);
}

/**
 * Passes over the plain attributes that follow each other from `p` on; returns where something else begins,
 * or NULL with `bad` set.
 */
static inline __attribute__((always_inline)) const uint8_t *
otc_walk_row(struct otc_walk *walk, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    const struct otc_projection *projection = walk->projection;
    const uint8_t *limit = end < walk->plain_limit ? end : walk->plain_limit;
    struct otc_plain plain;

    while (p < limit && otc_plain_read(p, end, tag, &plain)) {
        if (otc_walk_may_want(projection, &plain) &&
            !otc_walk_plain(walk, (struct otc_slice){plain.key, plain.key_len},
                            (struct otc_slice){plain.value, (size_t)(plain.end - plain.value)})) {
            return NULL;
        }
        p = plain.end;
    }
    return p;
}

/** Skips the value after `tag`. NULL when malformed or one of the `known` fields (it then has a wrong type).
 */
static inline const uint8_t *
otc_walk_unknown(const uint8_t *p, const uint8_t *end, uint32_t tag, uint64_t known)
{
    if (tag >> 3 < 64 && (known >> (tag >> 3) & 1)) {
        return NULL;
    }
    return otc_wire_skip(p, end, tag);
}

/** A fixed 64-bit number, or NULL when it is cut. */
static inline const uint8_t *
otc_wire_fixed64(const uint8_t *p, const uint8_t *end, uint64_t *bits)
{
    if (end - p < 8) {
        return NULL;
    }
    *bits = otc_wire_load64(p);
    return p + 8;
}

static inline const uint8_t *
otc_wire_fixed32(const uint8_t *p, const uint8_t *end, uint32_t *bits)
{
    if (end - p < 4) {
        return NULL;
    }
    *bits = otc_wire_load32(p);
    return p + 4;
}

static inline const uint8_t *
otc_wire_varint32(const uint8_t *p, const uint8_t *end, uint32_t *value)
{
    uint64_t wide = 0;

    p = otc_wire_varint(p, end, &wide);
    *value = (uint32_t)wide;
    return p;
}

#endif
