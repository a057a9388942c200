// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/walk_impl.h"

static const uint8_t *
decode_member(const uint8_t *p, const uint8_t *end, uint32_t tag, struct otc_value *value)
{
    uint64_t number = 0;

    switch (tag) {
    case OTC_TAG(1, OTC_WIRE_BYTES):
        value->type = OTC_VALUE_STRING;
        return otc_wire_bytes(p, end, &value->as.slice);
    case OTC_TAG(2, OTC_WIRE_VARINT):
        p = otc_wire_varint(p, end, &number);
        value->type = OTC_VALUE_BOOL;
        value->as.boolean = number != 0;
        return p;
    case OTC_TAG(3, OTC_WIRE_VARINT):
        p = otc_wire_varint(p, end, &number);
        value->type = OTC_VALUE_INT;
        value->as.integer = (int64_t)number;
        return p;
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        p = otc_wire_fixed64(p, end, &number);
        value->type = OTC_VALUE_DOUBLE;
        value->as.real = otc_wire_bits_double(number);
        return p;
    case OTC_TAG(5, OTC_WIRE_BYTES):
        value->type = OTC_VALUE_ARRAY;
        return otc_wire_bytes(p, end, &value->as.slice);
    case OTC_TAG(6, OTC_WIRE_BYTES):
        value->type = OTC_VALUE_KVLIST;
        return otc_wire_bytes(p, end, &value->as.slice);
    case OTC_TAG(7, OTC_WIRE_BYTES):
        value->type = OTC_VALUE_BYTES;
        return otc_wire_bytes(p, end, &value->as.slice);
    case OTC_TAG(8, OTC_WIRE_VARINT):
        value->type = OTC_VALUE_EMPTY;
        return otc_wire_varint(p, end, &number);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(1, 8));
    }
}

bool
otc_value_decode(struct otc_slice encoded, struct otc_value *value, const uint8_t **bad)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;

    while (p < end) {
        const uint8_t *start = p;
        uint32_t tag;

        p = otc_wire_tag(p, end, &tag);
        p = p ? decode_member(p, end, tag, value) : NULL;
        if (!p) {
            *bad = start;
            return false;
        }
    }
    return true;
}

/** A KeyValue in any shape: pieces of a value are decoded one after another. */
static bool
read_pair_slowly(struct otc_slice encoded, struct otc_pair_view *pair, const uint8_t **bad)
{
    struct otc_wire wire = otc_wire_of(encoded);
    struct otc_wire_field at;

    *pair =
        (struct otc_pair_view){.key = {encoded.data, 0}, .value = {.type = OTC_VALUE_EMPTY}, .decoded = true};
    while (otc_wire_next(&wire, &at)) {
        if (at.field <= 3 && at.type != (at.field == 3 ? OTC_WIRE_VARINT : OTC_WIRE_BYTES)) {
            *bad = wire.p;
            return false;
        }
        if (at.field == 1) {
            pair->key = at.bytes;
        } else if (at.field == 2 && !otc_value_decode(at.bytes, &pair->value, bad)) {
            return false;
        }
    }
    if (wire.p != wire.end) {
        *bad = wire.p;
        return false;
    }
    return true;
}

bool
otc_pair_read(struct otc_slice encoded, struct otc_pair_view *pair, const uint8_t **bad)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len, *value;

    /* As every SDK writes it: the key, then the value, nothing else. */
    if (encoded.len >= 4 && p[0] == OTC_TAG(1, OTC_WIRE_BYTES) && p[1] < 0x80 &&
        (size_t)p[1] + 4 <= encoded.len && p[2 + p[1]] == OTC_TAG(2, OTC_WIRE_BYTES)) {
        value = otc_wire_bytes(p + 3 + p[1], end, &pair->encoded);
        if (value == end) {
            pair->key = otc_slice_of(p + 2, p[1]);
            pair->value.type = OTC_VALUE_EMPTY;
            pair->decoded = false;
            return true;
        }
    }
    return read_pair_slowly(encoded, pair, bad);
}

/* ---- Cursors ------------------------------------------------------------------------------------ */

/** The next length-delimited field `field` in `*rest`. */
bool
otc_messages_next(struct otc_slice *rest, uint32_t field, struct otc_slice *message)
{
    const uint8_t *p = rest->data, *end = rest->len ? p + rest->len : p;

    while (p && p < end) {
        uint32_t tag;

        p = otc_wire_tag(p, end, &tag);
        if (p && tag == OTC_TAG(field, OTC_WIRE_BYTES)) {
            p = otc_wire_bytes(p, end, message);
            *rest = p ? otc_slice_of(p, (size_t)(end - p)) : OTC_SLICE_NONE;
            return p != NULL;
        }
        p = p ? otc_wire_skip(p, end, tag) : NULL;
    }
    *rest = OTC_SLICE_NONE;
    return false;
}

bool
otc_attributes_next(enum otc_attributes_of of, struct otc_slice *rest, struct otc_slice *key,
                    struct otc_value *value)
{
    struct otc_slice encoded;
    struct otc_pair_view pair;
    const uint8_t *bad;

    if (!otc_messages_next(rest, (uint32_t)of, &encoded) || !otc_pair_read(encoded, &pair, &bad) ||
        (!pair.decoded && !otc_value_decode(pair.encoded, &pair.value, &bad))) {
        return false;
    }
    *key = pair.key;
    *value = pair.value;
    return true;
}

bool
otc_array_next(struct otc_slice *rest, struct otc_value *value)
{
    struct otc_slice encoded;
    const uint8_t *bad;

    if (!otc_messages_next(rest, 1, &encoded)) {
        return false;
    }
    value->type = OTC_VALUE_EMPTY;
    return otc_value_decode(encoded, value, &bad);
}

uint64_t
otc_message_scalar(struct otc_slice message, uint32_t field, uint64_t fallback)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field at;

    while (otc_wire_next(&wire, &at)) {
        if (at.field == field && at.type != OTC_WIRE_BYTES && at.type != OTC_WIRE_GROUP) {
            fallback = at.number;
        }
    }
    return fallback;
}

struct otc_slice
otc_message_bytes(struct otc_slice message, uint32_t field)
{
    struct otc_slice found = OTC_SLICE_NONE, next;

    while (otc_messages_next(&message, field, &next)) {
        found = next;
    }
    return found;
}

uint64_t
otc_words_get(const struct otc_words *words, size_t i)
{
    struct otc_wire wire = otc_wire_of(words->message);
    struct otc_wire_field at;

    if (i >= words->n) {
        return 0;
    }
    if (words->runs == 1) {
        return otc_wire_load64(words->packed.data + i * 8);
    }
    while (otc_wire_next(&wire, &at)) {
        size_t run = at.type == OTC_WIRE_BYTES ? at.bytes.len / 8 : 1;

        if (at.field != words->field) {
            continue;
        }
        if (i < run) {
            return at.type == OTC_WIRE_BYTES ? otc_wire_load64(at.bytes.data + i * 8) : at.number;
        }
        i -= run;
    }
    return 0;
}

double
otc_words_double(const struct otc_words *words, size_t i)
{
    return otc_wire_bits_double(otc_words_get(words, i));
}

bool
otc_words_next(const struct otc_words *words, struct otc_words_cursor *cursor, uint64_t *bits)
{
    if (!cursor->started) {
        cursor->started = true;
        cursor->run = words->runs == 1 ? words->packed : OTC_SLICE_NONE;
        cursor->rest = words->runs == 1 ? OTC_SLICE_NONE : words->message;
    }
    while (cursor->run.len < 8) {
        struct otc_wire wire = otc_wire_of(cursor->rest);
        struct otc_wire_field at;

        if (!otc_wire_next(&wire, &at)) {
            return false;
        }
        cursor->rest = otc_slice_of(wire.p, (size_t)(wire.end - wire.p));
        if (at.field != words->field) {
            continue;
        }
        if (at.type != OTC_WIRE_BYTES) {
            *bits = at.number;
            return true;
        }
        cursor->run = at.bytes;
    }
    *bits = otc_wire_load64(cursor->run.data);
    cursor->run = otc_slice_skip(cursor->run, 8);
    return true;
}

/** The next count of one Buckets message: from the packed run, or an unpacked field. */
static bool
next_in_message(struct otc_varint_cursor *cursor, uint64_t *count)
{
    struct otc_wire wire = otc_wire_of(cursor->message);
    struct otc_wire_field at;

    for (;;) {
        if (cursor->run.len > 0) {
            const uint8_t *end = cursor->run.data + cursor->run.len;
            const uint8_t *p = otc_wire_varint(cursor->run.data, end, count);

            cursor->run = p ? otc_slice_of(p, (size_t)(end - p)) : OTC_SLICE_NONE;
            return p != NULL;
        }
        if (!otc_wire_next(&wire, &at)) {
            return false;
        }
        cursor->message = otc_slice_of(wire.p, (size_t)(wire.end - wire.p));
        if (at.field == 2 && at.type == OTC_WIRE_BYTES) {
            cursor->run = at.bytes;
        } else if (at.field == 2) {
            *count = at.number;
            return true;
        }
    }
}

bool
otc_exp_buckets_next(const struct otc_exp_buckets *buckets, struct otc_varint_cursor *cursor, uint64_t *count)
{
    if (!cursor->started) {
        cursor->started = true;
        cursor->point = buckets->point;
    }
    while (!next_in_message(cursor, count)) {
        if (!otc_messages_next(&cursor->point, buckets->field, &cursor->message)) {
            return false;
        }
    }
    return true;
}
