// SPDX-License-Identifier: Apache-2.0
/*
 * Inference requests and answers of KServe: V1 {"instances": […]}, {"predictions": […]}, and V2 (Open
 * Inference Protocol) {"inputs": [{"name", "shape", "datatype", "data"}]}, {"outputs": […]}. An instance is a
 * record.
 */
#include "common/analysis/features_internal.h"

#include <stdio.h>

static struct otc_slice
plain_text(struct otc_feature_reader *reader, const struct otc_json_view *view)
{
    struct otc_value value = otc_feature_reader_json(reader, view);

    return value.type == OTC_VALUE_STRING ? value.as.slice : OTC_SLICE_NONE;
}

static struct otc_tensor_column *
add_column(struct otc_feature_reader *reader, struct otc_slice name, enum otc_feature_kind kind,
           struct otc_slice values)
{
    struct otc_tensor_column *column = &reader->columns[reader->n_columns];

    if (reader->n_columns == OTC_TENSORS_MAX) {
        reader->lost++;
        return NULL;
    }
    reader->n_columns++;
    column->name = name;
    column->kind = kind;
    column->instances = false;
    column->width = 1;
    column->depth = 0;
    column->rest[0] = values;
    return column;
}

/* V1: a list with an instance an element. */
static size_t
begin_instances(struct otc_feature_reader *reader, size_t place, const char *name, enum otc_feature_kind kind)
{
    struct otc_json_view list = otc_feature_reader_view(reader, place), element;
    struct otc_tensor_column *column;
    struct otc_slice rest = list.text;
    size_t n = 0;

    if (list.type != OTC_JSON_ARRAY) {
        return 0;
    }
    while (otc_json_next_element(&rest, &element)) {
        n++;
    }
    column = n > 0 ? add_column(reader, otc_slice_str(name), kind, list.text) : NULL;
    if (column) {
        column->instances = true;
    }
    return column ? n : 0;
}

/* Records of a tensor of this shape, and values of each; false when it is no shape. */
static bool
read_shape(const struct otc_json_view *shape, size_t *records, size_t *width)
{
    struct otc_slice rest = shape->text;
    struct otc_json_view size;
    size_t n = 0;

    *records = *width = 1;
    while (shape->type == OTC_JSON_ARRAY && otc_json_next_element(&rest, &size)) {
        size_t *factor = n++ == 0 ? records : width;

        if (size.type != OTC_JSON_INT || size.integer < 1 || size.integer > INT32_MAX ||
            *factor > INT32_MAX / (size_t)size.integer) {
            return false;
        }
        *factor *= (size_t)size.integer;
    }
    return n > 0;
}

/* The next value of a tensor, nested lists flattened. */
static bool
next_value(struct otc_tensor_column *column, struct otc_json_view *out)
{
    for (;;) {
        if (!otc_json_next_element(&column->rest[column->depth], out)) {
            if (column->depth == 0) {
                return false;
            }
            column->depth--;
        } else if (out->type == OTC_JSON_ARRAY && column->depth + 1 < OTC_TENSOR_DEPTH) {
            column->rest[++column->depth] = out->text;
        } else {
            return true;
        }
    }
}

static size_t
count_values(struct otc_slice data)
{
    struct otc_tensor_column column = {.rest = {data}};
    struct otc_json_view value;
    size_t n = 0;

    while (next_value(&column, &value)) {
        n++;
    }
    return n;
}

/* V2: one tensor. Its data may be elsewhere (the binary extension); then its features are missing. */
static size_t
begin_tensor(struct otc_feature_reader *reader, struct otc_slice object, enum otc_feature_kind kind)
{
    struct otc_json_view key, value, shape = {0}, data = {0}, name = {0};
    struct otc_tensor_column *column;
    size_t records, width;

    while (otc_json_next_member(&object, &key, &value)) {
        if (otc_slice_equal_str(key.text, "name")) {
            name = value;
        } else if (otc_slice_equal_str(key.text, "shape")) {
            shape = value;
        } else if (otc_slice_equal_str(key.text, "data")) {
            data = value;
        }
    }
    if (name.type != OTC_JSON_STRING || data.type != OTC_JSON_ARRAY) {
        return 0;
    }
    if (!read_shape(&shape, &records, &width) || count_values(data.text) != records * width) {
        static const struct otc_value unusable = {.type = OTC_VALUE_BYTES};

        otc_feature_reader_discover(reader, plain_text(reader, &name), kind, &unusable);
        reader->shared = reader->n;
        return 1;
    }
    column = add_column(reader, plain_text(reader, &name), kind, data.text);
    if (column) {
        column->width = width;
    }
    return column ? records : 0;
}

static size_t
begin_tensors(struct otc_feature_reader *reader, size_t place, enum otc_feature_kind kind)
{
    struct otc_json_view list = otc_feature_reader_view(reader, place), element;
    struct otc_slice rest = list.text;
    size_t most = 0;

    while (list.type == OTC_JSON_ARRAY && otc_json_next_element(&rest, &element)) {
        size_t n = element.type == OTC_JSON_OBJECT ? begin_tensor(reader, element.text, kind) : 0;

        most = n > most ? n : most;
    }
    return most;
}

size_t
otc_tensors_begin(struct otc_feature_reader *reader)
{
    size_t most = 0;

    for (size_t i = 0; i < reader->set->n_tensors; i++) {
        const struct otc_tensor_source *source = &reader->set->tensors[i];
        const size_t counts[] = {
            begin_instances(reader, source->instances, "instance", OTC_KIND_INPUT),
            begin_instances(reader, source->predictions, "prediction", OTC_KIND_PREDICTION),
            begin_tensors(reader, source->inputs, OTC_KIND_INPUT),
            begin_tensors(reader, source->outputs, OTC_KIND_PREDICTION)};

        for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
            most = counts[k] > most ? counts[k] : most;
        }
    }
    return most;
}

/* <name>.<index>, in the scratch; empty when there is no room. */
static struct otc_slice
numbered(struct otc_feature_reader *reader, struct otc_slice name, size_t index)
{
    char digits[24];
    size_t n = (size_t)snprintf(digits, sizeof(digits), ".%zu", index);
    uint8_t *room = otc_feature_reader_room(reader, name.len + n);

    if (!room) {
        return OTC_SLICE_NONE;
    }
    memcpy(room, name.data, name.len);
    memcpy(room + name.len, digits, n);
    return otc_slice_of(room, name.len + n);
}

static void
show(struct otc_feature_reader *reader, const struct otc_tensor_column *column, struct otc_slice name,
     const struct otc_json_view *view)
{
    const struct otc_value value = otc_feature_reader_json(reader, view);

    if (name.len) {
        otc_feature_reader_discover(reader, name, column->kind, &value);
    } else {
        reader->lost++;
    }
}

static void
next_instance(struct otc_feature_reader *reader, struct otc_tensor_column *column)
{
    struct otc_json_view instance, key, value;
    struct otc_slice rest;
    size_t index = 0;

    if (!otc_json_next_element(&column->rest[0], &instance)) {
        return;
    }
    rest = instance.text;
    if (instance.type == OTC_JSON_OBJECT) {
        while (otc_json_next_member(&rest, &key, &value)) {
            show(reader, column, plain_text(reader, &key), &value);
        }
    } else if (instance.type == OTC_JSON_ARRAY) {
        while (otc_json_next_element(&rest, &value)) {
            show(reader, column, numbered(reader, column->name, index++), &value);
        }
    } else {
        show(reader, column, column->name, &instance);
    }
}

void
otc_tensors_next(struct otc_feature_reader *reader)
{
    for (size_t i = 0; i < reader->n_columns; i++) {
        struct otc_tensor_column *column = &reader->columns[i];
        struct otc_json_view value;

        if (column->instances) {
            next_instance(reader, column);
            continue;
        }
        for (size_t k = 0; k < column->width && next_value(column, &value); k++) {
            show(reader, column, column->width == 1 ? column->name : numbered(reader, column->name, k),
                 &value);
        }
    }
}
