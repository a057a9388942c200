// SPDX-License-Identifier: Apache-2.0
/* What paths have for values: conditions and values evaluated over a subject. */
#include "common/ottl/paths_internal.h"

#include "common/base/buf.h"
#include "common/otlp/value_text.h"
#include "common/otlp/wire.h"

#include <stdio.h>

struct reading_state {
    const struct otc_ottl_conditions *conditions;
    const struct otc_ottl_subject *subject;
    struct otc_arena *texts;
    struct otc_condition_reader *reader;
};

static const struct otc_value nil = {.type = OTC_VALUE_ABSENT};

static struct otc_value
text(struct otc_slice slice)
{
    return (struct otc_value){OTC_VALUE_STRING, {.slice = slice}};
}

static struct otc_value
integer(int64_t number)
{
    return (struct otc_value){OTC_VALUE_INT, {.integer = number}};
}

enum otc_metric_type
otc_ottl_metric_data(struct otc_slice metric, struct otc_slice *data)
{
    static const uint8_t types[12] = {[5] = OTC_METRIC_GAUGE,
                                      [7] = OTC_METRIC_SUM,
                                      [9] = OTC_METRIC_HISTOGRAM,
                                      [10] = OTC_METRIC_EXPONENTIAL_HISTOGRAM,
                                      [11] = OTC_METRIC_SUMMARY};
    struct otc_wire wire = otc_wire_of(metric);
    struct otc_wire_field field;
    enum otc_metric_type type = OTC_METRIC_NONE;

    *data = OTC_SLICE_NONE;
    while (otc_wire_next(&wire, &field)) {
        if (field.field < 12 && types[field.field] && field.type == OTC_WIRE_BYTES) {
            type = (enum otc_metric_type)types[field.field];
            *data = field.bytes;
        }
    }
    return type;
}

static struct otc_slice
message_of(const struct otc_ottl_subject *subject, enum place place)
{
    switch (place) {
    case IN_RESOURCE_GROUP:
        return subject->resource_group;
    case IN_RESOURCE:
        return subject->resource;
    case IN_SCOPE_GROUP:
        return subject->scope_group;
    case IN_SCOPE:
        return subject->scope;
    case IN_ITEM:
        return subject->item;
    case IN_EVENT:
        return subject->event;
    case IN_METRIC:
        return subject->metric;
    }
    return OTC_SLICE_NONE;
}

/* An attribute; of a key that is there twice the last one. */
static struct otc_value
attribute(struct otc_slice message, uint32_t number, struct otc_slice key)
{
    struct otc_slice found_key;
    struct otc_value value, found = nil;

    while (otc_attributes_next((enum otc_attributes_of)number, &message, &found_key, &value)) {
        if (otc_slice_equal(found_key, key)) {
            found = value;
        }
    }
    return found;
}

/* The step could not be taken: the condition fails. */
static struct otc_value
wrong_step(const struct reading_state *state, const char *why)
{
    if (!state->reader->failed) {
        (void)snprintf(state->reader->why, sizeof(state->reader->why), "%s", why);
    }
    state->reader->failed = true;
    return nil;
}

/* Into a list or map; what is not there leads nowhere, but a text has no members and a list an end. */
static struct otc_value
take_step(const struct reading_state *state, struct otc_value value, const struct otc_ottl_step *step)
{
    struct otc_slice rest = value.as.slice;
    struct otc_value element;

    if (value.type == OTC_VALUE_ABSENT) {
        return nil;
    }

    if (value.type == OTC_VALUE_KVLIST && step->key.data) {
        return attribute(value.as.slice, OTC_ATTRIBUTES_KVLIST, step->key);
    }
    if (value.type == OTC_VALUE_ARRAY && !step->key.data) {
        for (int64_t i = 0; otc_array_next(&rest, &element); i++) {
            if (i == step->index) {
                return element;
            }
        }
        return wrong_step(state, "index out of bounds");
    }
    return wrong_step(state, step->key.data ? "a value that is no map does not support string indexing"
                                            : "a value that is no list does not support integer indexing");
}

/* The attributes as a map: the bytes of a KeyValueList, made anew. */
static struct otc_value
all_attributes(const struct reading_state *state, struct otc_slice message, uint32_t number)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)16 << 20};
    struct otc_slice pair;

    while (otc_messages_next(&message, number, &pair)) {
        otc_wire_put_bytes(&out, 1, pair);
    }
    return (struct otc_value){OTC_VALUE_KVLIST, {.slice = otc_arena_copy(state->texts, otc_buf_slice(&out))}};
}

static struct otc_value
read_attribute(const struct reading_state *state, const struct otc_ottl_path *path, struct otc_slice message,
               uint32_t number)
{
    struct otc_value value =
        path->key.data ? attribute(message, number, path->key) : all_attributes(state, message, number);

    for (size_t i = 0; i < path->n_steps; i++) {
        value = take_step(state, value, &path->steps[i]);
    }
    return value;
}

/* A log record's body. Its AnyValue is read as the one element of an array. */
static struct otc_value
read_body(const struct reading_state *state, const struct otc_ottl_path *path, struct otc_slice message)
{
    OTC_AUTO_BUF struct otc_buf made = {.limit = (size_t)16 << 20};
    struct otc_slice rest, body = otc_message_bytes(message, 5);
    struct otc_value value = nil;

    if (!body.data) {
        return nil;
    }
    otc_wire_put_bytes(&made, 1, body);
    rest = otc_arena_copy(state->texts, otc_buf_slice(&made));
    (void)otc_array_next(&rest, &value);
    for (size_t i = 0; i < path->n_steps; i++) {
        value = take_step(state, value, &path->steps[i]);
    }
    return value;
}

static struct otc_value
value_text(const struct reading_state *state, const struct otc_value *value)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)16 << 20};

    if (value->type == OTC_VALUE_STRING) {
        return *value;
    }
    (void)otc_value_text(value, &out);
    return text(otc_arena_copy(state->texts, otc_buf_slice(&out)));
}

/* An unset id is all zeroes. */
static struct otc_value
read_id(const struct reading_state *state, const struct otc_ottl_field *field, struct otc_slice id)
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t zeroes[16];
    uint8_t *hex;

    if (id.len != field->extra) {
        id = otc_slice_of(zeroes, field->extra);
    }
    if (field->reading == READ_ID) {
        return (struct otc_value){OTC_VALUE_BYTES, {.slice = id}};
    }
    hex = otc_arena_alloc(state->texts, 2 * id.len);
    for (size_t i = 0; hex && i < id.len; i++) {
        hex[2 * i] = (uint8_t)digits[id.data[i] >> 4];
        hex[2 * i + 1] = (uint8_t)digits[id.data[i] & 15];
    }
    return text(otc_slice_of(hex, hex ? 2 * id.len : 0));
}

static struct otc_value
read_kind(const struct otc_ottl_field *field, uint64_t kind)
{
    static const char *const names[2][6] = {
        {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"},
        {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT",
         "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"}};

    return text(otc_slice_str(kind < 6 ? names[field->extra][kind] : ""));
}

static struct otc_value
read_double(struct otc_slice message, uint32_t number)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field field;
    struct otc_value value = {OTC_VALUE_DOUBLE, {.real = 0}};

    while (otc_wire_next(&wire, &field)) {
        if (field.field == number && field.type == OTC_WIRE_FIXED64) {
            value.as.real = otc_wire_bits_double(field.number);
        }
    }
    return value;
}

/* Of a number point, whichever it holds; 0 of the kind that it has not. */
static struct otc_value
read_point_value(const struct otc_ottl_subject *subject, const struct otc_ottl_field *field)
{
    struct otc_wire wire = otc_wire_of(subject->item);
    struct otc_wire_field at;
    struct otc_value value = {.type = field->reading == READ_VALUE_INT ? OTC_VALUE_INT : OTC_VALUE_DOUBLE};

    if (subject->metric_type != OTC_METRIC_GAUGE && subject->metric_type != OTC_METRIC_SUM) {
        return nil;
    }
    while (otc_wire_next(&wire, &at)) {
        if (at.type != OTC_WIRE_FIXED64 || (at.field != 4 && at.field != 6)) {
            continue;
        }
        value.as.integer = 0; /* the zero of a double, too */
        if (at.field == field->number && value.type == OTC_VALUE_INT) {
            value.as.integer = (int64_t)at.number;
        } else if (at.field == field->number) {
            value.as.real = otc_wire_bits_double(at.number);
        }
    }
    return value;
}

/* HasAttrKeyOnDatapoint, HasAttrOnDatapoint */
static bool
has_attribute(const struct otc_ottl_path *path, struct otc_slice metric)
{
    struct otc_slice data, point;
    enum otc_metric_type type = otc_ottl_metric_data(metric, &data);

    while (otc_messages_next(&data, 1, &point)) {
        struct otc_value value =
            attribute(point, otc_ottl_point_field(POINT_ATTRIBUTES, type).number, path->key);

        if (value.type != OTC_VALUE_ABSENT &&
            (path->wanted.type == OTC_VALUE_ABSENT ||
             (value.type == OTC_VALUE_STRING && otc_slice_equal(value.as.slice, path->wanted.as.slice)))) {
            return true;
        }
    }
    return false;
}

static struct otc_value read_field(const struct reading_state *state, const struct otc_ottl_path *path,
                                   const struct otc_ottl_field *field);

/* A field of a data point whose number depends on the metric's type. */
static struct otc_value
read_of_point(const struct reading_state *state, const struct otc_ottl_path *path,
              const struct otc_ottl_field *field)
{
    const struct otc_ottl_field real =
        otc_ottl_point_field((enum otc_ottl_point_field)field->number, state->subject->metric_type);

    return real.number == 0 ? nil : read_field(state, path, &real);
}

static struct otc_value
read_metric(const struct otc_ottl_subject *subject, const struct otc_ottl_field *field)
{
    struct otc_slice data;
    enum otc_metric_type type = otc_ottl_metric_data(subject->metric, &data);

    if (field->reading == READ_METRIC_TYPE) {
        return integer((int64_t)type);
    }
    if (field->reading == READ_METRIC_BOOL) {
        return type == OTC_METRIC_SUM
                   ? (struct otc_value){OTC_VALUE_BOOL,
                                        {.boolean = otc_message_scalar(data, field->extra, 0) != 0}}
                   : nil;
    }
    return type == OTC_METRIC_SUM || type == OTC_METRIC_HISTOGRAM || type == OTC_METRIC_EXPONENTIAL_HISTOGRAM
               ? integer((int64_t)otc_message_scalar(data, field->extra, 0))
               : nil;
}

static struct otc_value
read_field(const struct reading_state *state, const struct otc_ottl_path *path,
           const struct otc_ottl_field *field)
{
    struct otc_slice message = message_of(state->subject, field->place);
    struct otc_value body;
    uint64_t number;

    switch (field->reading) {
    case READ_TEXT:
        return text(otc_message_bytes(message, field->number));
    case READ_INT:
    case READ_FIXED:
    case READ_FIXED32:
        return integer((int64_t)otc_message_scalar(message, field->number, 0));
    case READ_INT32:
        return integer((int32_t)otc_message_scalar(message, field->number, 0));
    case READ_ZIGZAG:
        number = otc_message_scalar(message, field->number, 0);
        return integer((int64_t)(number >> 1) ^ -(int64_t)(number & 1));
    case READ_DOUBLE:
        return read_double(message, field->number);
    case READ_BOOL:
        return (struct otc_value){OTC_VALUE_BOOL,
                                  {.boolean = otc_message_scalar(message, field->number, 0) != 0}};
    case READ_ATTRIBUTES:
        return read_attribute(state, path, message, field->number);
    case READ_ID:
    case READ_ID_TEXT:
        return read_id(state, field, otc_message_bytes(message, field->number));
    case READ_BODY:
        return read_body(state, path, message);
    case READ_BODY_TEXT:
        body = read_body(state, path, message);
        return value_text(state, &body);
    case READ_KIND:
        return read_kind(field, otc_message_scalar(message, field->number, 0));
    case READ_INSIDE:
        return integer(
            (int32_t)otc_message_scalar(otc_message_bytes(message, field->number), field->extra, 0));
    case READ_INSIDE_TEXT:
        return text(otc_message_bytes(otc_message_bytes(message, field->number), field->extra));
    case READ_EVENT_INDEX:
        return integer(state->subject->event_index);
    case READ_METRIC_TYPE:
    case READ_METRIC_INT:
    case READ_METRIC_BOOL:
        return read_metric(state->subject, field);
    case READ_VALUE_DOUBLE:
    case READ_VALUE_INT:
        return read_point_value(state->subject, field);
    case READ_OF_POINT:
        return read_of_point(state, path, field);
    case READ_ROOT_SPAN:
        return (struct otc_value){OTC_VALUE_BOOL,
                                  {.boolean = otc_message_bytes(state->subject->item, 4).len == 0}};
    case READ_HAS_ATTRIBUTE:
        return (struct otc_value){OTC_VALUE_BOOL, {.boolean = has_attribute(path, message)}};
    }
    return nil;
}

static struct otc_value
read_path(void *arg, size_t index)
{
    const struct reading_state *state = arg;
    const struct otc_ottl_path *path = &state->conditions->paths[index];

    return read_field(state, path, path->field ? path->field : &path->own);
}

enum otc_ottl_answer
otc_ottl_any_holds(const struct otc_ottl_conditions *conditions, const struct otc_ottl_subject *subject,
                   struct otc_arena *texts, char why[160])
{
    struct reading_state state = {conditions, subject, texts, NULL};
    struct otc_condition_reader reader = {.read = read_path, .arg = &state, .texts = texts};
    enum otc_ottl_answer answer = OTC_OTTL_NONE_HOLDS;

    state.reader = &reader;
    for (size_t i = 0; i < conditions->n; i++) {
        if (otc_condition_holds(conditions->items[i], &reader)) {
            return OTC_OTTL_ONE_HOLDS;
        }
        if (reader.failed) {
            (void)snprintf(why, 160, "%s", reader.why);
            answer = OTC_OTTL_FAILED;
        }
    }
    return answer;
}

bool
otc_ottl_is_literal(const struct otc_ottl_conditions *values, size_t i)
{
    return otc_condition_is_literal(values->items[i]);
}

bool
otc_ottl_value(const struct otc_ottl_conditions *values, size_t i, const struct otc_ottl_subject *subject,
               struct otc_arena *texts, struct otc_value *out, char why[160])
{
    struct reading_state state = {values, subject, texts, NULL};
    struct otc_condition_reader reader = {.read = read_path, .arg = &state, .texts = texts};

    state.reader = &reader;
    if (!otc_condition_value(values->items[i], &reader, out)) {
        (void)snprintf(why, 160, "%s", reader.why);
        return false;
    }
    return true;
}
