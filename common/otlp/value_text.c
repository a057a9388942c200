// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/value_text.h"

#include "common/base/number.h"
#include "common/json/json.h"
#include "common/otlp/walk.h"

#include <math.h>

/** AnyValues below each other; the JSON writer holds as many levels. */
#define DEPTH_MAX 63

struct pair {
    struct otc_slice key;
    struct otc_value value;
    size_t at;
};

static void
append_base64(struct otc_slice bytes, struct otc_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t word = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                        (left > 2 ? bytes.data[i + 2] : 0);

        otc_buf_append_byte(out, (uint8_t)digits[word >> 18]);
        otc_buf_append_byte(out, (uint8_t)digits[word >> 12 & 63]);
        otc_buf_append_byte(out, (uint8_t)(left > 1 ? digits[word >> 6 & 63] : '='));
        otc_buf_append_byte(out, (uint8_t)(left > 2 ? digits[word & 63] : '='));
    }
}

/** A value on its way to JSON. */
struct json_text {
    struct otc_json_writer writer;
    otc_double_text *number;
    /** It has a number that JSON cannot say. */
    bool none;
};

static void write_json(const struct otc_value *value, struct json_text *text, unsigned depth);

static int
compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;

    int order = otc_slice_compare(x->key, y->key);

    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/** The pairs of a list, sorted; the caller frees. NULL when there are none (or no memory). */
static struct pair *
sorted_pairs(struct otc_slice message, size_t *n)
{
    struct otc_slice rest = message;
    struct otc_slice key;
    struct otc_value value;
    struct pair *pairs;
    size_t i = 0;

    for (*n = 0; otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &key, &value);) {
        (*n)++;
    }
    pairs = *n > 0 ? calloc(*n, sizeof(*pairs)) : NULL;
    if (!pairs) {
        *n = 0;
        return NULL;
    }
    rest = message;
    while (i < *n && otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &key, &value)) {
        pairs[i] = (struct pair){key, value, i};
        i++;
    }
    qsort(pairs, *n, sizeof(*pairs), compare_pairs);
    return pairs;
}

static void
write_json_pairs(struct otc_slice message, struct json_text *text, unsigned depth)
{
    size_t n;
    struct pair *pairs = sorted_pairs(message, &n);

    otc_json_begin_object(&text->writer);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && otc_slice_equal(pairs[i].key, pairs[i + 1].key)) {
            continue; /* the last of a name is the one */
        }
        otc_json_key_slice(&text->writer, pairs[i].key);
        write_json(&pairs[i].value, text, depth + 1);
    }
    otc_json_end_object(&text->writer);
    free(pairs);
}

static void
write_json_array(struct otc_slice message, struct json_text *text, unsigned depth)
{
    struct otc_value item;

    otc_json_begin_array(&text->writer);
    while (otc_array_next(&message, &item)) {
        write_json(&item, text, depth + 1);
    }
    otc_json_end_array(&text->writer);
}

static void
write_json_bytes(struct otc_slice bytes, struct otc_json_writer *writer)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = bytes.len / 3 * 4 + 8};

    append_base64(bytes, &text);
    otc_json_write_text(writer, otc_buf_slice(&text));
}

static void
write_json_double(double value, struct json_text *text)
{
    char number[OTC_DOUBLE_TEXT_MAX];

    text->none = text->none || !isfinite(value);
    otc_json_write_raw(&text->writer, number, text->number(value, number));
}

/* Recursion is bounded: admission lets 64 levels in, and deeper ones are cut here. */
static void
write_json(const struct otc_value *value, struct json_text *text, unsigned depth)
{
    if (depth >= DEPTH_MAX) {
        otc_json_write_null(&text->writer);
        return;
    }
    switch (value->type) {
    case OTC_VALUE_STRING:
        otc_json_write_text(&text->writer, value->as.slice);
        break;
    case OTC_VALUE_BOOL:
        otc_json_write_bool(&text->writer, value->as.boolean);
        break;
    case OTC_VALUE_INT:
        otc_json_write_int(&text->writer, value->as.integer);
        break;
    case OTC_VALUE_DOUBLE:
        write_json_double(value->as.real, text);
        break;
    case OTC_VALUE_BYTES:
        write_json_bytes(value->as.slice, &text->writer);
        break;
    case OTC_VALUE_ARRAY:
        write_json_array(value->as.slice, text, depth);
        break;
    case OTC_VALUE_KVLIST:
        write_json_pairs(value->as.slice, text, depth);
        break;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    default:
        otc_json_write_null(&text->writer);
    }
}

/* Nothing where JSON has no number for one, as Go's encoder then gives up. */
static bool
append_json(const struct otc_value *value, otc_double_text *number, struct otc_buf *out)
{
    struct json_text text = {.writer = {.out = out}, .number = number};
    size_t begin = out->len;

    write_json(value, &text, 0);
    if (text.none && !out->failed) {
        out->len = begin;
    }
    return !out->failed;
}

bool
otc_value_text(const struct otc_value *value, struct otc_buf *out)
{
    return otc_value_text_with(value, otc_format_json_double, out);
}

bool
otc_value_text_with(const struct otc_value *value, otc_double_text *double_text, struct otc_buf *out)
{
    char number[OTC_DOUBLE_TEXT_MAX];

    switch (value->type) {
    case OTC_VALUE_STRING:
        return otc_buf_append_slice(out, value->as.slice);
    case OTC_VALUE_BOOL:
        return otc_buf_append_str(out, value->as.boolean ? "true" : "false");
    case OTC_VALUE_INT:
        return otc_buf_append(out, number, otc_format_int64(value->as.integer, number));
    case OTC_VALUE_DOUBLE:
        return otc_buf_append(out, number, double_text(value->as.real, number));
    case OTC_VALUE_BYTES:
        append_base64(value->as.slice, out);
        return !out->failed;
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
        return append_json(value, double_text, out);
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    default:
        return true;
    }
}
