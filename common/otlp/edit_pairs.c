// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/edit_pairs.h"

#include "common/otlp/build_attributes.h"
#include "common/otlp/walk_impl.h"

#include <stdlib.h>

void
otc_pairs_release(struct otc_pairs *pairs)
{
    free(pairs->items);
    memset(pairs, 0, sizeof(*pairs));
}

static struct otc_pair_edit *
add(struct otc_pairs *pairs)
{
    if (pairs->n == pairs->capacity) {
        size_t capacity = pairs->capacity == 0 ? 64 : pairs->capacity * 2;
        struct otc_pair_edit *grown = reallocarray(pairs->items, capacity, sizeof(*grown));

        if (!grown) {
            pairs->edit->failed = true;
            return NULL;
        }
        pairs->items = grown;
        pairs->capacity = capacity;
    }
    return &pairs->items[pairs->n++];
}

static void
begin(struct otc_pairs *pairs, struct otc_edit *edit, enum otc_attributes_of of)
{
    pairs->edit = edit;
    pairs->n = 0;
    pairs->field = (uint32_t)of;
    pairs->wrap = 0;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

/* As load_pair, for an attribute as SDKs write it. False: its value has another shape; nothing is loaded. */
static inline bool
load_plain(struct otc_pairs *pairs, struct otc_slice message, const uint8_t *p, const struct otc_plain *plain)
{
    const struct otc_slice encoded = {plain->value, (size_t)(plain->end - plain->value)};
    struct otc_value value;
    struct otc_pair_edit *pair;

    if (!otc_value_decode_plain(encoded, &value)) {
        return false;
    }
    pair = add(pairs);
    if (pair) {
        pair->key = (struct otc_slice){plain->key, plain->key_len};
        pair->value = value;
        pair->state = OTC_PAIR_KEPT;
        pair->encoded = (struct otc_slice){p + 2, (size_t)(plain->end - p) - 2};
        pair->field = (struct otc_slice){p, (size_t)(plain->end - p)};
        pair->message = message;
    }
    return true;
}

static void
load_pair(struct otc_pairs *pairs, struct otc_slice message, struct otc_slice field, struct otc_slice encoded)
{
    struct otc_pair_view view;
    struct otc_pair_edit *pair;
    const uint8_t *bad;

    if (!otc_pair_read(encoded, &view, &bad) ||
        (!view.decoded && !otc_value_decode(view.encoded, &view.value, &bad))) {
        return; /* no admitted part has one */
    }
    pair = add(pairs);
    if (pair) {
        *pair = (struct otc_pair_edit){view.key,           view.value,     OTC_PAIR_KEPT,
                                       .encoded = encoded, .field = field, .message = message};
    }
}

/* Reads a message, or one more piece of it; new pairs go behind the last one. */
static void
load(struct otc_pairs *pairs, struct otc_slice message)
{
    const uint8_t *p = message.data, *end = p + message.len, *home = end;
    const uint8_t *limit = otc_plain_limit(pairs->edit->part);
    const uint32_t tag = OTC_TAG(pairs->field, OTC_WIRE_BYTES);

    while (p < end) {
        const uint8_t *start = p;
        struct otc_slice encoded;
        struct otc_plain plain;
        uint32_t found;

        if (p < limit && otc_plain_read(p, end, tag, &plain) && load_plain(pairs, message, p, &plain)) {
            p = home = plain.end;
            continue;
        }
        p = otc_wire_tag(p, end, &found);
        if (p && found == tag) {
            p = otc_wire_bytes(p, end, &encoded);
        } else if (p) {
            p = otc_wire_skip(p, end, found);
        }
        if (!p) {
            break;
        }
        if (found == tag) {
            load_pair(pairs, message, otc_slice_of(start, (size_t)(p - start)), encoded);
            home = p;
        }
    }
    pairs->home = message;
    pairs->at = otc_slice_of(home, 0);
}

void
otc_pairs_load(struct otc_pairs *pairs, struct otc_edit *edit, enum otc_attributes_of of,
               struct otc_slice message)
{
    begin(pairs, edit, of);
    load(pairs, message);
}

/* The head (field 1) of a group: a resource or a scope. */
static void
load_head(struct otc_pairs *pairs, struct otc_edit *edit, struct otc_slice group, enum otc_attributes_of of)
{
    struct otc_slice rest = group, piece;

    begin(pairs, edit, of);
    pairs->home = group;
    pairs->at = otc_slice_of(group.data, 0);
    pairs->wrap = 1;
    while (otc_messages_next(&rest, 1, &piece)) {
        load(pairs, piece);
        pairs->wrap = 0;
    }
}

void
otc_pairs_load_resource(struct otc_pairs *pairs, struct otc_edit *edit, struct otc_slice group)
{
    load_head(pairs, edit, group, OTC_ATTRIBUTES_RESOURCE);
}

void
otc_pairs_load_scope(struct otc_pairs *pairs, struct otc_edit *edit, struct otc_slice group)
{
    load_head(pairs, edit, group, OTC_ATTRIBUTES_SCOPE);
}

bool
otc_pairs_get(const struct otc_pairs *pairs, struct otc_slice key, struct otc_value *value)
{
    for (size_t i = pairs->n; i-- > 0;) {
        const struct otc_pair_edit *pair = &pairs->items[i];

        if (pair->state != OTC_PAIR_REMOVED && otc_slice_equal(pair->key, key)) {
            *value = pair->value;
            return true;
        }
    }
    return false;
}

/* ---- Changing ----------------------------------------------------------------------------------- */

static bool
same_value(const struct otc_value *a, const struct otc_value *b)
{
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case OTC_VALUE_BOOL:
        return a->as.boolean == b->as.boolean;
    case OTC_VALUE_INT:
        return a->as.integer == b->as.integer;
    case OTC_VALUE_DOUBLE:
        return otc_wire_double_bits(a->as.real) == otc_wire_double_bits(b->as.real);
    case OTC_VALUE_STRING:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        return otc_slice_equal(a->as.slice, b->as.slice);
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
        break;
    }
    return true;
}

void
otc_pairs_set(struct otc_pairs *pairs, size_t i, const struct otc_value *value)
{
    struct otc_pair_edit *pair = &pairs->items[i];

    if (!same_value(&pair->value, value)) {
        pair->value = *value;
        pair->state = OTC_PAIR_CHANGED;
    }
}

void
otc_pairs_remove(struct otc_pairs *pairs, size_t i)
{
    pairs->items[i].state = OTC_PAIR_REMOVED;
}

bool
otc_pairs_update(struct otc_pairs *pairs, struct otc_slice key, const struct otc_value *value)
{
    bool found = false;

    for (size_t i = 0; i < pairs->n; i++) {
        if (pairs->items[i].state != OTC_PAIR_REMOVED && otc_slice_equal(pairs->items[i].key, key)) {
            otc_pairs_set(pairs, i, value);
            found = true;
        }
    }
    return found;
}

void
otc_pairs_append(struct otc_pairs *pairs, struct otc_slice key, const struct otc_value *value)
{
    struct otc_pair_edit *pair = add(pairs);

    if (pair) {
        *pair = (struct otc_pair_edit){.key = key, .value = *value, .state = OTC_PAIR_CHANGED};
    }
}

void
otc_pairs_put(struct otc_pairs *pairs, struct otc_slice key, const struct otc_value *value)
{
    if (!otc_pairs_update(pairs, key, value)) {
        otc_pairs_append(pairs, key, value);
    }
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static void
write_pair(const struct otc_pairs *pairs, const struct otc_pair_edit *pair)
{
    struct otc_attribute attribute = {pair->key, pair->value};

    otc_wire_put_attributes(&pairs->edit->bytes, pairs->field, &attribute, 1);
}

/* New pairs of a message that is not there: one field that holds them all. */
static void
commit_wrapped(struct otc_pairs *pairs)
{
    struct otc_buf *bytes = &pairs->edit->bytes;
    size_t start = bytes->len, mark = otc_wire_begin(bytes, pairs->wrap);

    for (size_t i = 0; i < pairs->n; i++) {
        if (pairs->items[i].state == OTC_PAIR_CHANGED) {
            write_pair(pairs, &pairs->items[i]);
        }
    }
    if (bytes->len == mark) {
        bytes->len = start;
        return;
    }
    otc_wire_end(bytes, mark);
    otc_edit_splice_since(pairs->edit, pairs->home, pairs->at, start);
}

void
otc_pairs_commit(struct otc_pairs *pairs)
{
    if (pairs->wrap != 0) {
        commit_wrapped(pairs);
        return;
    }
    for (size_t i = 0; i < pairs->n; i++) {
        const struct otc_pair_edit *pair = &pairs->items[i];
        size_t mark = pairs->edit->bytes.len;
        bool is_new = !pair->field.data;

        if (pair->state == OTC_PAIR_CHANGED) {
            write_pair(pairs, pair);
        } else if (pair->state == OTC_PAIR_KEPT || is_new) {
            continue;
        }
        otc_edit_splice_since(pairs->edit, is_new ? pairs->home : pair->message,
                              is_new ? pairs->at : pair->field, mark);
    }
}
