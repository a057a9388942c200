// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/ahead.h"
#include "common/otlp/walk_impl.h"

/* ---- Attributes --------------------------------------------------------------------------------- */

static inline bool
decode(struct otc_walk *walk, struct otc_slice encoded, struct otc_value *value)
{
    if (otc_value_decode_plain(encoded, value)) {
        return true;
    }
    value->type = OTC_VALUE_EMPTY;
    return otc_value_decode(encoded, value, &walk->bad);
}

/** The same text, up to their last eight bytes, which were compared. */
static inline bool
same_before_tail(const uint8_t *left, const uint8_t *right, size_t len)
{
    for (size_t i = 0; i + 8 < len; i += 8) {
        if (otc_wire_load64(left + i) != otc_wire_load64(right + i)) {
            return false;
        }
    }
    return true;
}

/** The next key of the table that equals `text`, from `at` on; 0: none. */
static inline uint32_t
next_key(const struct otc_key_table *table, uint32_t at, struct otc_slice text, uint64_t tail)
{
    while (at) {
        const struct otc_wanted_key *key = &table->keys[at - 1];

        if (key->tail == tail && key->len == text.len && same_before_tail(key->text, text.data, text.len)) {
            break;
        }
        at = key->next;
    }
    return at;
}

/**
 * Writes a pair's value to `to`. Each time from the encoded bytes: copying what was just written in pieces
 * would wait for the pieces to reach the cache.
 */
static inline bool
put_value(struct otc_walk *walk, const struct otc_pair_view *pair, struct otc_value *to)
{
    if (pair->decoded) {
        *to = pair->value;
        return true;
    }
    return decode(walk, pair->encoded, to);
}

/** Writes the value wherever the table wants the key. False: it is malformed. */
static inline bool
store(struct otc_walk *walk, const struct otc_key_table *table, const struct otc_pair_view *pair,
      uint64_t tail, struct otc_value *values, uint64_t *touched)
{
    uint32_t at = next_key(table, table->slots[otc_key_slot(tail, pair->key.len)], pair->key, tail);

    while (at) {
        uint32_t index = table->keys[at - 1].index;

        if (!put_value(walk, pair, &values[index])) {
            return false;
        }
        touched[index / 64] |= UINT64_C(1) << (index % 64);
        at = table->keys[at - 1].next;
        at = at ? next_key(table, at, pair->key, tail) : 0;
    }
    return true;
}

static inline bool
starts_with(struct otc_slice text, uint64_t head, const struct otc_wanted_prefix *prefix)
{
    return (head & prefix->mask) == prefix->head && text.len >= prefix->len &&
           (prefix->len <= 8 || (otc_wire_load64(text.data + prefix->len - 8) == prefix->tail &&
                                 same_before_tail(prefix->text + 8, text.data + 8, prefix->len - 8)));
}

/** Notes the prefixes that the key begins with. False: its value is malformed. */
static inline __attribute__((always_inline)) bool
note_matches(struct otc_walk *walk, const struct otc_pair_view *pair, uint64_t tail)
{
    const struct otc_projection *projection = walk->projection;
    struct otc_record *record = &walk->show.record;
    uint64_t head = pair->key.len > 8 ? otc_wire_load64(pair->key.data) : tail;

    for (size_t i = 0; i < projection->n_prefixes; i++) {
        const struct otc_wanted_prefix *prefix = &projection->prefixes[i];
        struct otc_match *match;

        if (!starts_with(pair->key, head, prefix)) {
            continue;
        }
        if (record->n_matches == OTC_MATCHES_MAX) {
            record->matches_lost++;
            continue;
        }
        match = &walk->matches[record->n_matches];
        if (!put_value(walk, pair, &match->value)) {
            return false;
        }
        match->wanted = prefix->index;
        match->rest = otc_slice_skip(pair->key, prefix->len);
        record->n_matches++;
    }
    return true;
}

/** A record's attribute: its value goes wherever its key is wanted. False (and `bad`): it is malformed. */
static inline bool
take(struct otc_walk *walk, const struct otc_pair_view *pair)
{
    const struct otc_projection *projection = walk->projection;
    uint64_t tail = otc_key_tail(pair->key.data, pair->key.len);

    return store(walk, &projection->record, pair, tail, walk->values, walk->touched) &&
           (projection->n_prefixes == 0 || note_matches(walk, pair, tail));
}

static __attribute__((noinline)) bool
take_unusual(struct otc_walk *walk, struct otc_slice encoded)
{
    struct otc_pair_view pair;

    return otc_pair_read(encoded, &pair, &walk->bad) && take(walk, &pair);
}

static __attribute__((noinline)) bool
take_plain(struct otc_walk *walk, struct otc_slice key, struct otc_slice value)
{
    struct otc_pair_view pair;

    pair.key = key;
    pair.encoded = value;
    pair.decoded = false;
    return take(walk, &pair);
}

bool
otc_walk_plain(struct otc_walk *walk, struct otc_slice key, struct otc_slice value)
{
    const struct otc_projection *projection = walk->projection;
    const struct otc_wanted_key *wanted;
    uint32_t at, index;
    uint64_t tail;

    /* The usual case: a key of eight bytes or more that no prefix begins, and that has its slot to itself. */
    if (key.len < 8 || (projection->n_prefixes > 0 && otc_may_match(projection, key.data))) {
        return take_plain(walk, key, value);
    }
    tail = otc_wire_load64(key.data + key.len - 8);
    at = projection->record.slots[otc_key_slot(tail, key.len)];
    if (at == 0) {
        return true;
    }
    wanted = &projection->record.keys[at - 1];
    index = wanted->index;
    if (wanted->next != 0 || wanted->tail != tail || wanted->len != key.len ||
        !same_before_tail(wanted->text, key.data, key.len) ||
        !otc_value_decode_plain(value, &walk->values[index])) {
        return take_plain(walk, key, value);
    }
    walk->touched[index / 64] |= UINT64_C(1) << (index % 64);
    return true;
}

const uint8_t *
otc_walk_attribute(struct otc_walk *walk, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;
    struct otc_slice encoded;

    p = otc_wire_bytes(p, end, &encoded);
    if (!p) {
        walk->bad = start;
        return NULL;
    }
    return !walk->projection->reads_records || take_unusual(walk, encoded) ? p : NULL;
}

void
otc_walk_reset(struct otc_walk *walk)
{
    size_t n = (walk->projection->n + 63) / 64;

    for (size_t word = 0; word < n; word++) {
        for (uint64_t bits = walk->touched[word]; bits; bits &= bits - 1) {
            size_t i = word * 64 + (size_t)__builtin_ctzll(bits);

            walk->values[i] = walk->base[i];
        }
        walk->touched[word] = 0;
    }
    walk->show.record.n_matches = 0;
    walk->show.record.matches_lost = 0;
}

/** Stores the attributes (field `field`) of a resource or scope. */
static bool
store_head(struct otc_walk *walk, const struct otc_key_table *table, struct otc_slice head, uint32_t field,
           struct otc_value *values)
{
    struct otc_wire wire = otc_wire_of(head);
    struct otc_wire_field at;
    uint64_t touched[OTC_PROJECTION_MAX / 64] = {0};

    while (table->n > 0 && otc_wire_next(&wire, &at)) {
        struct otc_pair_view pair;

        if (at.field == field &&
            (!otc_pair_read(at.bytes, &pair, &walk->bad) ||
             !store(walk, table, &pair, otc_key_tail(pair.key.data, pair.key.len), values, touched))) {
            return false;
        }
    }
    return true;
}

/* ---- Resource and scope ------------------------------------------------------------------------- */

/** A ResourceSpans or ScopeSpans: field 1 its head (resource or scope), 2 its members, 3 the schema's URL. */
struct group {
    struct otc_slice head;
    size_t n_heads;
    size_t head_bytes;
    struct otc_slice schema_url;
};

static bool
fail_at(struct otc_walk *walk, const uint8_t *p)
{
    walk->bad = p;
    return false;
}

static bool
scan_group(struct otc_walk *walk, struct otc_slice encoded, struct group *group)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;
    struct otc_slice ignored;
    bool is_long = encoded.len > OTC_AHEAD_MIN;
    size_t n = 0;

    *group = (struct group){0};
    while (p < end) {
        const uint8_t *start = p;
        uint32_t tag;

        /* Most of a group is members. */
        if (*p == OTC_TAG(2, OTC_WIRE_BYTES)) {
            if (!(p = otc_wire_bytes(p + 1, end, &ignored))) {
                return fail_at(walk, start);
            }
            if (is_long) {
                otc_ahead_fetch(encoded.data, p, end, ++n);
            }
            continue;
        }
        if (!(p = otc_wire_tag(p, end, &tag))) {
            return fail_at(walk, start);
        }
        switch (tag) {
        case OTC_TAG(2, OTC_WIRE_BYTES):
            p = otc_wire_bytes(p, end, &ignored);
            break;
        case OTC_TAG(1, OTC_WIRE_BYTES):
            p = otc_wire_bytes(p, end, &group->head);
            group->n_heads++;
            group->head_bytes += p ? group->head.len : 0;
            break;
        case OTC_TAG(3, OTC_WIRE_BYTES):
            p = otc_wire_bytes(p, end, &group->schema_url);
            break;
        default:
            p = otc_walk_unknown(p, end, tag, OTC_FIELDS(1, 3));
        }
        if (!p) {
            return fail_at(walk, start);
        }
    }
    return true;
}

/* The eight bytes before a joined head that store() may read. */
#define JOIN_MARGIN 8

/** Makes one message of the pieces of a head, in `*joined`. */
static bool
join_heads(struct otc_walk *walk, struct otc_slice encoded, struct group *group, uint8_t **joined)
{
    struct otc_slice rest = encoded, piece;
    size_t at = JOIN_MARGIN;

    free(*joined);
    *joined = calloc(1, JOIN_MARGIN + group->head_bytes);
    if (!*joined) {
        walk->out_of_memory = true;
        return false;
    }
    while (otc_messages_next(&rest, 1, &piece)) {
        memcpy(*joined + at, piece.data, piece.len);
        at += piece.len;
    }
    group->head = otc_slice_of(*joined + JOIN_MARGIN, group->head_bytes);
    return true;
}

/** Checks the framing of a Resource (fields: attributes, dropped count, entities). */
static bool
check_resource(struct otc_walk *walk, struct otc_slice resource)
{
    struct otc_wire wire = otc_wire_of(resource);
    struct otc_wire_field at;

    while (otc_wire_next(&wire, &at)) {
        if ((at.field == 1 || at.field == 3) ? at.type != OTC_WIRE_BYTES
                                             : at.field == 2 && at.type != OTC_WIRE_VARINT) {
            return fail_at(walk, wire.p);
        }
    }
    return wire.p == wire.end || fail_at(walk, wire.p);
}

static bool
read_scope(struct otc_walk *walk, struct otc_slice scope)
{
    struct otc_record *record = &walk->show.record;
    struct otc_wire wire = otc_wire_of(scope);
    struct otc_wire_field at;

    record->scope = scope;
    record->scope_name = record->scope_version = OTC_SLICE_NONE;
    while (otc_wire_next(&wire, &at)) {
        if (at.field <= 4 && at.type != (at.field == 4 ? OTC_WIRE_VARINT : OTC_WIRE_BYTES)) {
            return fail_at(walk, wire.p);
        }
        if (at.field == 1) {
            record->scope_name = at.bytes;
        } else if (at.field == 2) {
            record->scope_version = at.bytes;
        }
    }
    return wire.p == wire.end || fail_at(walk, wire.p);
}

/** The next member of a group that scan_group found sound. */
static inline bool
next_member(struct otc_slice *rest, struct otc_slice *member)
{
    if (rest->len > 0 && rest->data[0] == OTC_TAG(2, OTC_WIRE_BYTES)) {
        const uint8_t *end = rest->data + rest->len, *p = otc_wire_bytes(rest->data + 1, end, member);

        *rest = (struct otc_slice){p, (size_t)(end - p)};
        return true;
    }
    return otc_messages_next(rest, 2, member);
}

static bool
walk_scope(struct otc_walk *walk, struct otc_slice encoded)
{
    const struct otc_projection *projection = walk->projection;
    struct otc_slice member;
    struct group group;

    if (!scan_group(walk, encoded, &group) ||
        (group.n_heads > 1 && !join_heads(walk, encoded, &group, &walk->joined_scope)) ||
        !read_scope(walk, group.head)) {
        return false;
    }
    walk->show.record.scope_schema_url = group.schema_url;
    walk->show.record.scope_index = walk->n_scopes++;
    memcpy(walk->base, walk->of_resource, projection->n * sizeof(walk->base[0]));
    if (!store_head(walk, &projection->scope, group.head, 3, walk->base)) {
        return false;
    }
    memcpy(walk->values, walk->base, projection->n * sizeof(walk->values[0]));
    while (next_member(&encoded, &member)) {
        if (!walk->item(walk, member)) {
            return false;
        }
    }
    return true;
}

static bool
walk_resource(struct otc_walk *walk, struct otc_slice encoded)
{
    struct otc_slice rest = encoded, member;
    struct group group;

    if (!scan_group(walk, encoded, &group) ||
        (group.n_heads > 1 && !join_heads(walk, encoded, &group, &walk->joined_resource)) ||
        !check_resource(walk, group.head)) {
        return false;
    }
    walk->show.record.resource = group.head;
    walk->show.record.resource_schema_url = group.schema_url;
    memset(walk->of_resource, 0, walk->projection->n * sizeof(walk->of_resource[0]));
    if (!store_head(walk, &walk->projection->resource, group.head, 1, walk->of_resource)) {
        return false;
    }
    while (otc_messages_next(&rest, 2, &member)) {
        if (!walk_scope(walk, member)) {
            return false;
        }
    }
    return true;
}

static bool
walk_resources(struct otc_walk *walk)
{
    const uint8_t *p = walk->part.data, *end = walk->part.len ? p + walk->part.len : p;

    for (size_t index = 0; p < end;) {
        const uint8_t *start = p;
        struct otc_slice member;
        uint32_t tag;

        if (!(p = otc_wire_tag(p, end, &tag))) {
            return fail_at(walk, start);
        }
        if (tag != OTC_TAG(1, OTC_WIRE_BYTES)) {
            if (!(p = otc_walk_unknown(p, end, tag, OTC_FIELDS(1, 1)))) {
                return fail_at(walk, start);
            }
            continue;
        }
        if (!(p = otc_wire_bytes(p, end, &member))) {
            return fail_at(walk, start);
        }
        walk->show.record.resource_index = index++;
        if (!walk_resource(walk, member)) {
            return false;
        }
    }
    return true;
}

otc_status
otc_walk_request(struct otc_walk *walk, const struct otc_projection *projection, struct otc_slice part,
                 struct otc_error *err)
{
    static const struct otc_projection nothing;
    otc_status status = OTC_OK;

    walk->projection = projection ? projection : &nothing;
    walk->part = part;
    walk->plain_limit = otc_plain_limit(part);
    walk->bad = NULL;
    walk->stopped = walk->out_of_memory = false;
    walk->n_scopes = 0;
    walk->joined_resource = walk->joined_scope = NULL;
    memset(walk->touched, 0, sizeof(walk->touched));
    memset(&walk->show, 0, sizeof(walk->show));
    walk->show.record.values = walk->values;
    walk->show.record.own = walk->touched;
    walk->show.record.matches = walk->matches;
    if (!walk_resources(walk) && !walk->stopped) {
        /* Pieces that were joined lie elsewhere: then the part's start must do for a position. */
        bool inside = walk->bad >= part.data && walk->bad <= part.data + part.len;

        if (walk->out_of_memory) {
            status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "otlp: out of memory");
        } else {
            status = otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: malformed protobuf at byte %zu",
                              inside ? (size_t)(walk->bad - part.data) : 0);
            if (err) {
                err->permanent = true;
            }
        }
    }
    free(walk->joined_resource);
    free(walk->joined_scope);
    return status;
}

/* ---- Spans -------------------------------------------------------------------------------------- */

static bool
read_status(struct otc_walk *walk, struct otc_slice encoded, struct otc_span *span)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;

    while (p < end) {
        const uint8_t *start = p;
        uint32_t tag, code;

        if (!(p = otc_wire_tag(p, end, &tag))) {
            return fail_at(walk, start);
        }
        switch (tag) {
        case OTC_TAG(2, OTC_WIRE_BYTES):
            p = otc_wire_bytes(p, end, &span->status_message);
            break;
        case OTC_TAG(3, OTC_WIRE_VARINT):
            p = otc_wire_varint32(p, end, &code);
            span->status_code = (int32_t)code;
            break;
        default:
            p = otc_walk_unknown(p, end, tag, OTC_FIELDS(2, 3));
        }
        if (!p) {
            return fail_at(walk, start);
        }
    }
    return true;
}

/** The attributes from `start` on, the first of whose lengths begins at `p`. */
static inline __attribute__((always_inline)) const uint8_t *
read_attributes(struct otc_walk *walk, const uint8_t *start, const uint8_t *p, const uint8_t *end,
                uint32_t tag)
{
    const uint8_t *after = otc_walk_row(walk, start, end, tag);

    return after != start ? after : otc_walk_attribute(walk, p, end);
}

/** A field of a span, whose tag from `start` to `p` was read. Returns the position after it; NULL:
 * malformed. */
static inline const uint8_t *
read_span_field(struct otc_walk *walk, const uint8_t *start, const uint8_t *p, const uint8_t *end,
                uint32_t tag)
{
    struct otc_span *span = &walk->show.span;
    struct otc_slice bytes;
    uint32_t number;

    switch (tag) {
    case OTC_TAG(1, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &span->trace_id);
    case OTC_TAG(2, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &span->span_id);
    case OTC_TAG(3, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &span->trace_state);
    case OTC_TAG(4, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &span->parent_span_id);
    case OTC_TAG(5, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &span->name);
    case OTC_TAG(6, OTC_WIRE_VARINT):
        p = otc_wire_varint32(p, end, &number);
        span->kind = (int32_t)number;
        return p;
    case OTC_TAG(7, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &span->start_unix_nano);
    case OTC_TAG(8, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &span->end_unix_nano);
    case OTC_TAG(9, OTC_WIRE_BYTES):
        return read_attributes(walk, start, p, end, OTC_TAG(9, OTC_WIRE_BYTES));
    case OTC_TAG(10, OTC_WIRE_VARINT):
    case OTC_TAG(12, OTC_WIRE_VARINT):
    case OTC_TAG(14, OTC_WIRE_VARINT):
        return otc_wire_varint32(p, end, &number);
    case OTC_TAG(11, OTC_WIRE_BYTES):
        if (span->events.len == 0) {
            span->events = otc_slice_of(start, (size_t)(end - start));
        }
        return otc_wire_bytes(p, end, &bytes);
    case OTC_TAG(13, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &bytes);
    case OTC_TAG(15, OTC_WIRE_BYTES):
        p = otc_wire_bytes(p, end, &bytes);
        return p && read_status(walk, bytes, span) ? p : NULL;
    case OTC_TAG(16, OTC_WIRE_FIXED32):
        return otc_wire_fixed32(p, end, &span->flags);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(0, 16));
    }
}

/** All but the record. Field by field, as compilers make a slow instruction of a memset of this size. */
static inline void
clear_span(struct otc_span *span)
{
    span->trace_id = OTC_SLICE_NONE;
    span->span_id = OTC_SLICE_NONE;
    span->parent_span_id = OTC_SLICE_NONE;
    span->trace_state = OTC_SLICE_NONE;
    span->name = OTC_SLICE_NONE;
    span->status_message = OTC_SLICE_NONE;
    span->events = OTC_SLICE_NONE;
    span->start_unix_nano = span->end_unix_nano = 0;
    span->flags = 0;
    span->kind = span->status_code = 0;
}

static bool
walk_span(struct otc_walk *walk, struct otc_slice encoded)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;
    struct otc_span *span = &walk->show.span;

    clear_span(span);
    span->encoded = encoded;
    otc_walk_reset(walk);
    while (p < end) {
        const uint8_t *start = p;
        uint32_t tag = *p;

        /* Field 0 is refused by read_span_field. */
        p = tag < 0x80 ? p + 1 : otc_wire_tag(p, end, &tag);
        p = p ? read_span_field(walk, start, p, end, tag) : NULL;
        if (!p) {
            return walk->bad ? false : fail_at(walk, start);
        }
    }
    if (!walk->fn.span(walk->arg, span)) {
        walk->stopped = true;
        return false;
    }
    return true;
}

otc_status
otc_walk_spans(const struct otc_projection *projection, struct otc_slice part, otc_span_fn fn, void *arg,
               struct otc_error *err)
{
    struct otc_walk walk;

    walk.item = walk_span;
    walk.fn.span = fn;
    walk.arg = arg;
    return otc_walk_request(&walk, projection, part, err);
}

/* ---- Log records -------------------------------------------------------------------------------- */

static const uint8_t *
read_body(struct otc_walk *walk, const uint8_t *p, const uint8_t *end)
{
    struct otc_value *body = &walk->show.log.body;
    struct otc_slice encoded;

    p = otc_wire_bytes(p, end, &encoded);
    if (!p) {
        return NULL;
    }
    if (body->type == OTC_VALUE_ABSENT) {
        body->type = OTC_VALUE_EMPTY;
    }
    return otc_value_decode(encoded, body, &walk->bad) ? p : NULL;
}

static const uint8_t *
read_log_field(struct otc_walk *walk, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    struct otc_log_record *log = &walk->show.log;
    uint32_t number;

    switch (tag) {
    case OTC_TAG(1, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &log->time_unix_nano);
    case OTC_TAG(2, OTC_WIRE_VARINT):
        p = otc_wire_varint32(p, end, &number);
        log->severity_number = (int32_t)number;
        return p;
    case OTC_TAG(3, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &log->severity_text);
    case OTC_TAG(5, OTC_WIRE_BYTES):
        return read_body(walk, p, end);
    case OTC_TAG(6, OTC_WIRE_BYTES):
        return otc_walk_attribute(walk, p, end);
    case OTC_TAG(7, OTC_WIRE_VARINT):
        return otc_wire_varint32(p, end, &number);
    case OTC_TAG(8, OTC_WIRE_FIXED32):
        return otc_wire_fixed32(p, end, &log->flags);
    case OTC_TAG(9, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &log->trace_id);
    case OTC_TAG(10, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &log->span_id);
    case OTC_TAG(11, OTC_WIRE_FIXED64):
        return otc_wire_fixed64(p, end, &log->observed_unix_nano);
    case OTC_TAG(12, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &log->event_name);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(1, 3) | OTC_FIELDS(5, 12));
    }
}

static bool
walk_log(struct otc_walk *walk, struct otc_slice encoded)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;
    struct otc_log_record *log = &walk->show.log;

    memset((uint8_t *)log + sizeof(log->record), 0, sizeof(*log) - sizeof(log->record));
    log->encoded = encoded;
    otc_walk_reset(walk);
    while (p < end) {
        const uint8_t *start;
        uint32_t tag;

        p = otc_walk_row(walk, p, end, OTC_TAG(6, OTC_WIRE_BYTES));
        if (!p) {
            return false;
        }
        if (p == end) {
            break;
        }
        start = p;
        p = otc_wire_tag(p, end, &tag);
        p = p ? read_log_field(walk, p, end, tag) : NULL;
        if (!p) {
            return walk->bad ? false : fail_at(walk, start);
        }
    }
    if (!walk->fn.log(walk->arg, log)) {
        walk->stopped = true;
        return false;
    }
    return true;
}

otc_status
otc_walk_logs(const struct otc_projection *projection, struct otc_slice part, otc_log_fn fn, void *arg,
              struct otc_error *err)
{
    struct otc_walk walk;

    walk.item = walk_log;
    walk.fn.log = fn;
    walk.arg = arg;
    return otc_walk_request(&walk, projection, part, err);
}
