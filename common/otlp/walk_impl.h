// SPDX-License-Identifier: Apache-2.0
/** @file The walker's own parts, shared between its files. */
#ifndef OTC_OTLP_WALK_IMPL_H
#define OTC_OTLP_WALK_IMPL_H

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
    uint32_t index;
};

#define OTC_KEY_BUCKETS 64

/** Wanted keys of one level by length; the last bucket holds 63 bytes and more. */
struct otc_key_table {
    /** Bit of each bucket that is not empty. */
    uint64_t lengths;
    uint16_t first[OTC_KEY_BUCKETS + 1];
    struct otc_wanted_key keys[OTC_PROJECTION_MAX];
};

struct otc_projection {
    size_t n;
    struct otc_key_table record;
    struct otc_key_table scope;
    struct otc_key_table resource;
    /** Prefixes: `tail` unused. */
    size_t n_prefixes;
    struct otc_wanted_key prefixes[OTC_PROJECTION_MAX];
    /** Bit of each byte with which a prefix begins; all of them when one is empty. */
    uint64_t initials[4];
    /** True when a record's attributes need a look. */
    bool reads_records;
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
    const struct otc_projection *projection;
    /** The message that is being read, for the position in an error. */
    struct otc_slice part;
    /** Where reading failed; NULL: nowhere. */
    const uint8_t *bad;
    bool stopped;
    bool out_of_memory;
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
/** Reads the attribute whose length begins at `p`; returns the position after it, or NULL with `bad` set. */
const uint8_t *otc_walk_attribute(struct otc_walk *walk, const uint8_t *p, const uint8_t *end);
/** Sets values and matches back to those of resource and scope. */
void otc_walk_reset(struct otc_walk *walk);

/** Reads an AnyValue into `value`, whose former contents stay where it holds nothing. False: `*bad` is set.
 */
bool otc_value_decode(struct otc_slice encoded, struct otc_value *value, const uint8_t **bad);
/** Reads a KeyValue. False: `*bad` is set. */
bool otc_pair_read(struct otc_slice encoded, struct otc_pair_view *pair, const uint8_t **bad);

/**
 * True for a pair in the usual shape (key, then value, nothing else) whose key nobody can want: no wanted key
 * of its length, no prefix that begins as it does.
 */
static inline bool
otc_pair_is_dull(const struct otc_projection *projection, struct otc_slice pair)
{
    const uint8_t *p = pair.data;
    size_t len, rest;

    if (pair.len < 4 || p[0] != OTC_TAG(1, OTC_WIRE_BYTES) || p[1] >= OTC_KEY_BUCKETS - 1) {
        return false;
    }
    len = p[1];
    if (len == 0 || len + 4 > pair.len || projection->record.lengths >> len & 1 ||
        projection->initials[p[2] / 64] >> (p[2] % 64) & 1) {
        return false;
    }
    /* One byte of length for the value, and nothing after it. */
    rest = pair.len - len - 4;
    return p[2 + len] == OTC_TAG(2, OTC_WIRE_BYTES) && p[3 + len] == rest && rest < 0x80;
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
