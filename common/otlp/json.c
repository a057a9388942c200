// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/json.h"

#include "common/base/number.h"
#include "common/json/json.h"
#include "common/otlp/json_schema.h"
#include "common/otlp/wire.h"

/* JSON levels around an attribute, and for each AnyValue in one: object, kvlistValue, values, entry. */
#define LEVELS_AROUND 24
#define LEVELS_EACH 4
/* Longest path in an error. */
#define PATH_MAX_FRAMES 64

#define NOT_INDEXED SIZE_MAX

/** Where the translation stands, from leaf to root. */
struct place {
    const struct place *up;
    const char *name;
    size_t index;
};

struct translation {
    struct otc_buf *out;
    struct otc_error *err;
    uint32_t depth;
    uint32_t max_depth;
    otc_status status;
};

/* ---- Errors ------------------------------------------------------------------------------------- */

static bool
expected(struct translation *t, const struct place *place, const char *what, const struct otc_json *got)
{
    const struct place *frames[PATH_MAX_FRAMES];
    OTC_AUTO_BUF struct otc_buf path = {.limit = 512};
    size_t n = 0;

    for (; place && n < PATH_MAX_FRAMES; place = place->up) {
        if (place->name) {
            frames[n++] = place;
        }
    }
    while (n-- > 0) {
        otc_buf_printf(&path, "%s%s", path.len ? "." : "", frames[n]->name);
        if (frames[n]->index != NOT_INDEXED) {
            otc_buf_printf(&path, "[%zu]", frames[n]->index);
        }
    }
    t->status = otc_fail(t->err, OTC_INVALID_ARGUMENT, "otlp: %s: expected %s, got %s",
                         otc_buf_cstr(&path) ? (const char *)path.data : "?", what, otc_json_type_name(got));
    return false;
}

/* ---- Scalars ------------------------------------------------------------------------------------ */

static bool
read_uint64(const struct otc_json *value, uint64_t *out)
{
    struct otc_slice text = otc_json_text(value);
    uint64_t number = 0;
    int64_t integer;

    if (otc_json_type_of(value) != OTC_JSON_STRING) {
        if (!otc_json_int(value, &integer) || integer < 0) {
            return false;
        }
        *out = (uint64_t)integer;
        return true;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text.data[i] - '0'), &number)) {
            return false;
        }
    }
    *out = number;
    return text.len > 0;
}

static bool
read_int64(const struct otc_json *value, int64_t *out)
{
    return otc_json_type_of(value) == OTC_JSON_STRING ? otc_parse_int64(otc_json_text(value), out)
                                                      : otc_json_int(value, out);
}

static bool
read_double(const struct otc_json *value, double *out)
{
    struct otc_slice text = otc_json_text(value);

    if (otc_json_type_of(value) != OTC_JSON_STRING) {
        return otc_json_number(value, out);
    }
    if (otc_slice_equal_str(text, "Infinity") || otc_slice_equal_str(text, "-Infinity")) {
        *out = text.data[0] == '-' ? -__builtin_inf() : __builtin_inf();
        return true;
    }
    if (otc_slice_equal_str(text, "NaN")) {
        *out = __builtin_nan("");
        return true;
    }
    return otc_parse_double(text, out);
}

static bool
read_enum(const struct otc_json *value, const char *const *names, int64_t *out)
{
    if (otc_json_type_of(value) == OTC_JSON_STRING) {
        for (int64_t i = 0; names && names[i]; i++) {
            if (otc_slice_equal_str(otc_json_text(value), names[i])) {
                *out = i;
                return true;
            }
        }
    }
    return read_int64(value, out) && *out >= INT32_MIN && *out <= INT32_MAX;
}

static bool
put_hex(struct otc_buf *out, uint32_t field, const struct otc_json *value)
{
    struct otc_slice text = otc_json_text(value);

    if (otc_json_type_of(value) != OTC_JSON_STRING || text.len % 2 != 0) {
        return false;
    }
    if (text.len == 0) {
        return true;
    }
    otc_wire_put_length(out, field, text.len / 2);
    for (size_t i = 0; i < text.len; i += 2) {
        int high = otc_hex_digit(text.data[i]), low = otc_hex_digit(text.data[i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        otc_buf_append_byte(out, (uint8_t)(high << 4 | low));
    }
    return true;
}

static int
base64_digit(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z'   ? byte - 'A'
           : byte >= 'a' && byte <= 'z' ? byte - 'a' + 26
           : byte >= '0' && byte <= '9' ? byte - '0' + 52
           : byte == '+' || byte == '-' ? 62
           : byte == '/' || byte == '_' ? 63
                                        : -1;
}

/** Standard or URL alphabet, with or without padding. */
static bool
put_base64(struct otc_buf *out, uint32_t field, const struct otc_json *value)
{
    struct otc_slice text = otc_json_text(value);
    uint32_t bits = 0;
    size_t mark;

    if (otc_json_type_of(value) != OTC_JSON_STRING) {
        return false;
    }
    for (int pad = 0; pad < 2 && text.len > 0 && text.data[text.len - 1] == '='; pad++) {
        text.len--;
    }
    if (text.len % 4 == 1) {
        return false;
    }
    mark = otc_wire_begin(out, field);
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.data[i]);

        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 > 0) {
            otc_buf_append_byte(out, (uint8_t)(bits >> (6 - 2 * (i % 4))));
        }
    }
    otc_wire_end(out, mark);
    return true;
}

static uint64_t
zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? ~UINT64_C(0) : 0);
}

static bool
is_unsigned(enum otc_json_form form)
{
    return form == OTC_FORM_UINT32 || form == OTC_FORM_FIXED32 || form == OTC_FORM_UINT64 ||
           form == OTC_FORM_FIXED64;
}

/** Reads an integer within the field's range, as the bits that go on the wire. */
static bool
read_integer(const struct otc_json_field *field, const struct otc_json *value, uint64_t *bits)
{
    bool is_narrow = field->form == OTC_FORM_UINT32 || field->form == OTC_FORM_FIXED32;
    int64_t integer = 0;

    if (is_unsigned(field->form)) {
        return read_uint64(value, bits) && (!is_narrow || *bits <= UINT32_MAX);
    }
    if (field->form == OTC_FORM_ENUM ? !read_enum(value, field->names, &integer)
                                     : !read_int64(value, &integer)) {
        return false;
    }
    *bits = field->form == OTC_FORM_SINT32 ? zigzag(integer) : (uint64_t)integer;
    return field->form != OTC_FORM_SINT32 || (integer >= INT32_MIN && integer <= INT32_MAX);
}

static bool
put_integer(struct otc_buf *out, const struct otc_json_field *field, const struct otc_json *value)
{
    uint64_t bits = 0;

    if (!read_integer(field, value, &bits)) {
        return false;
    }
    if (field->form == OTC_FORM_FIXED64 || field->form == OTC_FORM_SFIXED64) {
        otc_wire_put_fixed64(out, field->number, bits);
    } else if (field->form == OTC_FORM_FIXED32) {
        otc_wire_put_fixed32(out, field->number, (uint32_t)bits);
    } else {
        otc_wire_put_number(out, field->number, bits);
    }
    return true;
}

static bool
put_string(struct otc_buf *out, uint32_t field, const struct otc_json *value)
{
    if (otc_json_type_of(value) != OTC_JSON_STRING) {
        return false;
    }
    otc_wire_put_bytes(out, field, otc_json_text(value));
    return true;
}

/** Writes a scalar; false when the JSON value is none of its kind. */
static bool
put_scalar(struct otc_buf *out, const struct otc_json_field *field, const struct otc_json *value)
{
    double real;
    bool truth;

    if (field->form == OTC_FORM_STRING) {
        return put_string(out, field->number, value);
    }
    if (field->form == OTC_FORM_HEX) {
        return put_hex(out, field->number, value);
    }
    if (field->form == OTC_FORM_BASE64) {
        return put_base64(out, field->number, value);
    }
    if (field->form == OTC_FORM_BOOL) {
        if (!otc_json_bool(value, &truth)) {
            return false;
        }
        otc_wire_put_number(out, field->number, truth);
        return true;
    }
    if (field->form == OTC_FORM_DOUBLE) {
        if (!read_double(value, &real)) {
            return false;
        }
        otc_wire_put_double(out, field->number, real);
        return true;
    }
    return put_integer(out, field, value);
}

static const char *
form_name(enum otc_json_form form)
{
    static const char *const names[] = {
        [OTC_FORM_STRING] = "a string",
        [OTC_FORM_HEX] = "hexadecimal digits",
        [OTC_FORM_BASE64] = "base64",
        [OTC_FORM_BOOL] = "a boolean",
        [OTC_FORM_DOUBLE] = "a number",
        [OTC_FORM_ENUM] = "a number or name of the enumeration",
        [OTC_FORM_UINT32] = "an unsigned 32-bit number",
        [OTC_FORM_FIXED32] = "an unsigned 32-bit number",
        [OTC_FORM_SINT32] = "a 32-bit number",
        [OTC_FORM_INT64] = "a 64-bit number",
        [OTC_FORM_SFIXED64] = "a 64-bit number",
        [OTC_FORM_UINT64] = "an unsigned 64-bit number",
        [OTC_FORM_FIXED64] = "an unsigned 64-bit number",
        [OTC_FORM_MESSAGE] = "an object",
    };

    return names[form];
}

/* ---- Messages ----------------------------------------------------------------------------------- */

/** True when `key` is the field's JSON name, or its name in the schema (snake_case). */
static bool
is_name(const char *key, const char *camel)
{
    for (; *key && *camel; key++, camel++) {
        bool boundary = *camel >= 'A' && *camel <= 'Z' && *key == '_';

        if (boundary) {
            key++;
        }
        if (*key != (boundary ? *camel - 'A' + 'a' : *camel)) {
            return false;
        }
    }
    return *key == *camel;
}

static const struct otc_json_field *
field_named(const struct otc_json_message *message, const char *key)
{
    for (size_t i = 0; i < message->n_fields; i++) {
        if (is_name(key, message->fields[i].name)) {
            return &message->fields[i];
        }
    }
    return NULL;
}

static bool put_message(struct translation *t, const struct place *place,
                        const struct otc_json_message *message, const struct otc_json *object);

/* The JSON's own depth limit bounds this recursion. */
static bool
put_one(struct translation *t, const struct place *place, const struct otc_json_field *field,
        const struct otc_json *value)
{
    size_t mark;

    if (field->form != OTC_FORM_MESSAGE) {
        return put_scalar(t->out, field, value) || expected(t, place, form_name(field->form), value);
    }
    mark = otc_wire_begin(t->out, field->number);
    if (!put_message(t, place, field->message, value)) {
        return false;
    }
    otc_wire_end(t->out, mark);
    return true;
}

static bool
put_field(struct translation *t, const struct place *up, const struct otc_json_field *field,
          const struct otc_json *value)
{
    struct place place = {up, field->name, NOT_INDEXED};

    if (!field->repeated) {
        return put_one(t, &place, field, value);
    }
    if (otc_json_type_of(value) != OTC_JSON_ARRAY) {
        return expected(t, &place, "an array", value);
    }
    for (place.index = 0; place.index < otc_json_size(value); place.index++) {
        if (!put_one(t, &place, field, otc_json_at(value, place.index))) {
            return false;
        }
    }
    return true;
}

static bool
put_message(struct translation *t, const struct place *place, const struct otc_json_message *message,
            const struct otc_json *object)
{
    const struct otc_json *value;
    void *cursor = NULL;
    const char *key;

    if (otc_json_type_of(object) != OTC_JSON_OBJECT) {
        return expected(t, place, "an object", object);
    }
    if (message->nests && ++t->depth > t->max_depth) {
        t->status =
            otc_fail(t->err, OTC_INVALID_ARGUMENT, "otlp: attribute nesting exceeds %u", t->max_depth);
        return false;
    }
    while (otc_json_next(object, &cursor, &key, &value)) {
        const struct otc_json_field *field = field_named(message, key);

        if (field && otc_json_type_of(value) != OTC_JSON_NULL && !put_field(t, place, field, value)) {
            return false;
        }
    }
    t->depth -= message->nests;
    return true;
}

otc_status
otc_json_to_protobuf(enum otc_signal signal, struct otc_slice json, uint32_t max_depth, struct otc_buf *out,
                     struct otc_error *err)
{
    struct otc_json_limits limits = {.max_bytes = SIZE_MAX / 2,
                                     .max_depth = LEVELS_AROUND + LEVELS_EACH * max_depth,
                                     .big_integers_as_text = true};
    struct place root = {NULL, NULL, NOT_INDEXED};
    struct translation t = {.out = out, .err = err, .max_depth = max_depth, .status = OTC_OK};
    struct otc_json *document = NULL;
    size_t before = out->len;

    t.status = otc_json_parse(json, &limits, &document, err);
    if (t.status == OTC_OUT_OF_RANGE) {
        t.status = otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: attribute nesting exceeds %u", max_depth);
    } else if (t.status != OTC_OK) {
        otc_error_prefix(err, "otlp");
    } else if (otc_json_type_of(document) != OTC_JSON_OBJECT) {
        t.status = otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: expected an object, got %s",
                            otc_json_type_name(document));
    } else if (put_message(&t, &root, otc_json_request(signal), document) && out->failed) {
        t.status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "otlp: message exceeds limit of %zu", out->limit);
    }
    otc_json_free(document);
    if (t.status != OTC_OK) {
        out->len = before;
        if (err) {
            err->permanent = true;
        }
    }
    return t.status;
}
