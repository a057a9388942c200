// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/record.h"

#include "common/analysis/embedding.h"
#include "common/analysis/vocabulary.h"
#include "processors/drift/learn.h"
#include "processors/drift/points.h"

/* Of everything below but points; a journal of another number is not replayed. */
#define FORMAT 1

/* Values that mean something to their feature alone, beside enum otc_value_type: the words of a text, a
 * vector. */
#define TYPE_WORDS 64u
#define TYPE_VECTOR 65u

static uint64_t
format_of(uint64_t kind)
{
    return kind == DRIFT_ENTRY_POINTS ? DRIFT_POINTS_LAYOUT : FORMAT;
}

void
drift_entry_write(struct otc_buf *out, const struct drift_entry *entry)
{
    otc_put_u64(out, format_of(entry->kind));
    otc_put_u64(out, entry->kind);
    otc_put_i64(out, entry->now_ns);
    otc_put_i64(out, entry->monotonic_ns);
    otc_put_i64(out, entry->extra);
}

bool
drift_entry_read(struct otc_reader *in, struct drift_entry *entry)
{
    uint64_t format = otc_take_u64(in), kind = otc_take_u64(in);

    entry->kind = (enum drift_entry_kind)kind;
    entry->now_ns = otc_take_i64(in);
    entry->monotonic_ns = otc_take_i64(in);
    entry->extra = otc_take_i64(in);
    return !in->failed && format == format_of(kind) && kind >= DRIFT_ENTRY_BATCH && kind <= DRIFT_ENTRY_TOLD;
}

/* Texts beyond what counts are told by their length alone. */
static struct otc_slice
cut(struct otc_slice text)
{
    text.len = text.len > DRIFT_CATEGORY_TEXT_MAX + 1 ? DRIFT_CATEGORY_TEXT_MAX + 1 : text.len;
    return text;
}

static void
write_value(struct otc_buf *out, const struct otc_value *value)
{
    otc_put_u64(out, value->type);
    switch (value->type) {
    case OTC_VALUE_STRING:
        otc_put_bytes(out, cut(value->as.slice));
        break;
    case OTC_VALUE_BOOL:
        otc_put_bool(out, value->as.boolean);
        break;
    case OTC_VALUE_INT:
        otc_put_i64(out, value->as.integer);
        break;
    case OTC_VALUE_DOUBLE:
        otc_put_f64(out, value->as.real);
        break;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break; /* of no use as a value: its type says all */
    }
}

/* Room for the length of what follows: a varint. */
#define LENGTH_ROOM 10u

/* Hashes of a text's words; without any it is missing, as an empty one. */
static void
write_words(struct otc_buf *out, struct otc_slice text)
{
    static const uint8_t room[LENGTH_ROOM] = {0};
    size_t at = out->len, len;

    (void)otc_buf_append_byte(out, TYPE_WORDS);
    (void)otc_buf_append(out, room, sizeof(room));
    if (!otc_words_append(text, out)) {
        return;
    }
    len = out->len - at - 1 - sizeof(room);
    out->len = at;
    if (len == 0) {
        otc_put_u64(out, OTC_VALUE_EMPTY);
        return;
    }
    otc_put_u64(out, TYPE_WORDS);
    otc_put_u64(out, len);
    memmove(out->data + out->len, out->data + at + 1 + sizeof(room), len);
    out->len += len;
}

/* True when that was all of it. */
static bool
write_special(struct otc_buf *out, const struct otc_observed *observed, const struct otc_feature_set *set)
{
    const struct otc_value *value = &observed->value;
    const struct otc_feature *feature;
    bool bytes = value->type == OTC_VALUE_BYTES && value->as.slice.len > 0;

    if (observed->feature == OTC_FEATURE_DISCOVERED) {
        return false;
    }
    feature = otc_feature_set_at(set, observed->feature);
    if (feature->vocabulary && value->type == OTC_VALUE_STRING) {
        write_words(out, value->as.slice);
        return true;
    }
    if (!bytes || (!feature->vocabulary && !feature->embedding)) {
        return false;
    }
    otc_put_u64(out, feature->vocabulary ? TYPE_WORDS : TYPE_VECTOR);
    otc_put_bytes(out, value->as.slice);
    return true;
}

/* Words are four bytes each, components eight. */
static void
read_special(struct otc_reader *in, uint64_t type, struct otc_value *value)
{
    size_t unit = type == TYPE_WORDS ? sizeof(uint32_t) : sizeof(double);
    size_t most = type == TYPE_WORDS ? OTC_VOCABULARY_TEXT_WORDS : OTC_EMBEDDING_MAX;

    value->type = OTC_VALUE_BYTES;
    value->as.slice = otc_take_bytes(in);
    in->failed |=
        value->as.slice.len == 0 || value->as.slice.len % unit != 0 || value->as.slice.len / unit > most;
}

static void
read_value(struct otc_reader *in, struct otc_value *value)
{
    uint64_t type = otc_take_u64(in);

    if (type == TYPE_WORDS || type == TYPE_VECTOR) {
        read_special(in, type, value);
        return;
    }
    *value = (struct otc_value){.type = (enum otc_value_type)type};
    switch (value->type) {
    case OTC_VALUE_STRING:
        value->as.slice = otc_take_bytes(in);
        break;
    case OTC_VALUE_BOOL:
        value->as.boolean = otc_take_bool(in);
        break;
    case OTC_VALUE_INT:
        value->as.integer = otc_take_i64(in);
        break;
    case OTC_VALUE_DOUBLE:
        value->as.real = otc_take_f64(in);
        break;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break;
    default:
        in->failed = true;
        break;
    }
}

void
drift_record_write(struct otc_buf *out, const struct drift_record *record,
                   const struct otc_observed *observed, const struct otc_feature_set *set)
{
    otc_put_bytes(out, record->key.name);
    otc_put_bytes(out, record->key.version);
    otc_put_bytes(out, record->key.arm);
    otc_put_i64(out, record->event_ns);
    otc_put_u64(out, record->weight);
    otc_put_u64(out,
                record->further + 2 * record->has_id + 4 * record->bad_trace_state + 8 * record->duplicate);
    otc_put_u64(out, record->id);
    otc_put_u64(out, record->lost);
    otc_put_u64(out, record->n);
    for (size_t i = 0; i < record->n; i++) {
        bool discovered = observed[i].feature == OTC_FEATURE_DISCOVERED;

        otc_put_u64(out, discovered ? 0 : observed[i].feature + 1);
        otc_put_u64(out, observed[i].kind);
        otc_put_bytes(out, cut(observed[i].name));
        if (!write_special(out, &observed[i], set)) {
            write_value(out, &observed[i].value);
        }
    }
}

bool
drift_record_read(struct otc_reader *in, struct drift_record *record, struct otc_observed *observed,
                  size_t max, size_t known_features)
{
    uint64_t flags;

    if (in->failed || in->rest.len == 0) {
        return false;
    }
    *record = (struct drift_record){.key = {.name = otc_take_bytes(in)}};
    record->key.version = otc_take_bytes(in);
    record->key.arm = otc_take_bytes(in);
    record->event_ns = otc_take_i64(in);
    record->weight = otc_take_u64(in);
    flags = otc_take_u64(in);
    record->further = flags & 1;
    record->has_id = flags & 2;
    record->bad_trace_state = flags & 4;
    record->duplicate = flags & 8;
    record->id = otc_take_u64(in);
    record->lost = otc_take_u64(in);
    record->n = otc_take_count(in, 4);
    in->failed |= record->n > max;
    for (size_t i = 0; i < record->n && !in->failed; i++) {
        uint64_t feature = otc_take_u64(in);

        in->failed |= feature > known_features;
        observed[i].feature = feature ? feature - 1 : OTC_FEATURE_DISCOVERED;
        observed[i].kind = (enum otc_feature_kind)otc_take_u64(in);
        observed[i].name = otc_take_bytes(in);
        read_value(in, &observed[i].value);
    }
    return !in->failed;
}
