// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/walk_impl.h"

/* ---- Attributes --------------------------------------------------------------------------------- */

/** The bucket of a key's length. */
static inline uint32_t
bucket_of(size_t len)
{
    return len < OTC_KEY_BUCKETS - 1 ? (uint32_t)len : OTC_KEY_BUCKETS - 1;
}

/** Decodes a pair's value at its first use. */
static inline bool
pair_value(struct otc_walk *walk, struct otc_pair_view *pair)
{
    if (pair->decoded) {
        return true;
    }
    pair->decoded = true;
    return otc_value_decode(pair->encoded, &pair->value, &walk->bad);
}

/**
 * Writes the value wherever the table wants the key, whose bucket is not empty. False (and `bad`): the value
 * is malformed.
 */
static bool
store(struct otc_walk *walk, const struct otc_key_table *table, struct otc_pair_view *pair,
      struct otc_value *values, uint64_t *touched)
{
    size_t len = pair->key.len;
    uint32_t bucket = bucket_of(len);
    uint64_t tail;

    /* Tags and lengths of the messages around a key always precede it, so that eight bytes up to its end are
     * ours. */
    tail = len == 0 ? 0 : otc_wire_load64(pair->key.data + len - 8);
    if (len > 0 && len < 8) {
        tail >>= 64 - 8 * len;
    }
    for (uint32_t i = table->first[bucket]; i < table->first[bucket + 1]; i++) {
        const struct otc_wanted_key *key = &table->keys[i];

        if (key->tail != tail || key->len != len ||
            (len > 8 && memcmp(key->text, pair->key.data, len - 8) != 0)) {
            continue;
        }
        if (!pair_value(walk, pair)) {
            return false;
        }
        values[key->index] = pair->value;
        touched[key->index / 64] |= UINT64_C(1) << (key->index % 64);
    }
    return true;
}

static bool
store_prefixed(struct otc_walk *walk, struct otc_pair_view *pair)
{
    const struct otc_projection *projection = walk->projection;
    struct otc_record *record = &walk->show.record;

    for (size_t i = 0; i < projection->n_prefixes; i++) {
        const struct otc_wanted_key *prefix = &projection->prefixes[i];

        if (pair->key.len < prefix->len || memcmp(pair->key.data, prefix->text, prefix->len) != 0) {
            continue;
        }
        if (!pair_value(walk, pair)) {
            return false;
        }
        if (record->n_matches == OTC_MATCHES_MAX) {
            record->matches_lost++;
            continue;
        }
        walk->matches[record->n_matches++] =
            (struct otc_match){prefix->index, otc_slice_skip(pair->key, prefix->len), pair->value};
    }
    return true;
}

/** An attribute whose key may be wanted, or that is not in the usual shape. */
static __attribute__((noinline)) bool
take_pair(struct otc_walk *walk, const uint8_t *data, size_t len)
{
    const struct otc_projection *projection = walk->projection;
    struct otc_pair_view pair;

    if (!otc_pair_read(otc_slice_of(data, len), &pair, &walk->bad)) {
        return false;
    }
    if (projection->record.lengths >> bucket_of(pair.key.len) & 1 &&
        !store(walk, &projection->record, &pair, walk->values, walk->touched)) {
        return false;
    }
    return projection->n_prefixes == 0 || store_prefixed(walk, &pair);
}

const uint8_t *
otc_walk_attribute(struct otc_walk *walk, const uint8_t *p, const uint8_t *end)
{
    const struct otc_projection *projection = walk->projection;
    const uint8_t *start = p;
    struct otc_slice pair;

    p = otc_wire_bytes(p, end, &pair);
    if (!p) {
        walk->bad = start;
        return NULL;
    }
    if (!projection || !projection->reads_records || otc_pair_is_dull(projection, pair)) {
        return p;
    }
    return take_pair(walk, pair.data, pair.len) ? p : NULL;
}

void
otc_walk_reset(struct otc_walk *walk)
{
    size_t n = walk->projection ? (walk->projection->n + 63) / 64 : 0;

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

    if (table->lengths == 0) {
        return true;
    }
    while (otc_wire_next(&wire, &at)) {
        struct otc_pair_view pair;

        if (at.field == field &&
            (!otc_pair_read(at.bytes, &pair, &walk->bad) || (table->lengths >> bucket_of(pair.key.len) & 1 &&
                                                             !store(walk, table, &pair, values, touched)))) {
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

    *group = (struct group){0};
    while (p < end) {
        const uint8_t *start = p;
        uint32_t tag;

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
    if (projection) {
        memcpy(walk->base, walk->of_resource, projection->n * sizeof(walk->base[0]));
        if (!store_head(walk, &projection->scope, group.head, 3, walk->base)) {
            return false;
        }
        memcpy(walk->values, walk->base, projection->n * sizeof(walk->values[0]));
    }
    while (otc_messages_next(&encoded, 2, &member)) {
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
    if (walk->projection) {
        memset(walk->of_resource, 0, walk->projection->n * sizeof(walk->of_resource[0]));
        if (!store_head(walk, &walk->projection->resource, group.head, 1, walk->of_resource)) {
            return false;
        }
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
    otc_status status = OTC_OK;

    walk->projection = projection;
    walk->part = part;
    walk->bad = NULL;
    walk->stopped = walk->out_of_memory = false;
    walk->joined_resource = walk->joined_scope = NULL;
    memset(walk->touched, 0, sizeof(walk->touched));
    memset(&walk->show, 0, sizeof(walk->show));
    walk->show.record.values = walk->values;
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

/** A field of a span beyond its attributes. Returns the position after it; NULL: malformed. */
static inline const uint8_t *
read_span_field(struct otc_walk *walk, const uint8_t *p, const uint8_t *end, uint32_t tag)
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
    case OTC_TAG(10, OTC_WIRE_VARINT):
    case OTC_TAG(12, OTC_WIRE_VARINT):
    case OTC_TAG(14, OTC_WIRE_VARINT):
        return otc_wire_varint32(p, end, &number);
    case OTC_TAG(11, OTC_WIRE_BYTES):
    case OTC_TAG(13, OTC_WIRE_BYTES):
        return otc_wire_bytes(p, end, &bytes);
    case OTC_TAG(15, OTC_WIRE_BYTES):
        p = otc_wire_bytes(p, end, &bytes);
        return p && read_status(walk, bytes, span) ? p : NULL;
    case OTC_TAG(16, OTC_WIRE_FIXED32):
        return otc_wire_fixed32(p, end, &span->flags);
    default:
        return otc_walk_unknown(p, end, tag, OTC_FIELDS(1, 16));
    }
}

static bool
walk_span(struct otc_walk *walk, struct otc_slice encoded)
{
    const uint8_t *p = encoded.data, *end = p + encoded.len;
    struct otc_span *span = &walk->show.span;
    bool reads = walk->projection && walk->projection->reads_records;

    memset((uint8_t *)span + sizeof(span->record), 0, sizeof(*span) - sizeof(span->record));
    span->encoded = encoded;
    otc_walk_reset(walk);
    while (p < end) {
        const uint8_t *start = p;
        uint32_t tag;

        /* Most of a span is attributes that nobody wants. */
        if (*p == OTC_TAG(9, OTC_WIRE_BYTES) && end - p >= 2 && p[1] < 0x80 && p[1] <= end - p - 2 &&
            (!reads || otc_pair_is_dull(walk->projection, otc_slice_of(p + 2, p[1])))) {
            p += 2 + p[1];
            continue;
        }
        p = otc_wire_tag(p, end, &tag);
        if (p) {
            p = tag == OTC_TAG(9, OTC_WIRE_BYTES) ? otc_walk_attribute(walk, p, end)
                                                  : read_span_field(walk, p, end, tag);
        }
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
        const uint8_t *start = p;
        uint32_t tag;

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
