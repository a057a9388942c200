// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/json.h"

#include "common/base/number.h"
#include "common/json/read.h"
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
    struct otc_json_reader in;
    struct otc_buf *out;
    struct otc_buf plain; /* of the last text with escapes */
    struct otc_error *err;
    uint32_t levels, max_levels; /* of JSON */
    uint32_t depth, max_depth;   /* of AnyValues */
    otc_status status;           /* what went wrong, unless it is a fault of `in` */
};

/* ---- Errors ------------------------------------------------------------------------------------- */

static bool
too_deep(struct translation *t)
{
    t->status = otc_fail(t->err, OTC_INVALID_ARGUMENT, "otlp: attribute nesting exceeds %u", t->max_depth);
    return false;
}

/* ---- Scalars ------------------------------------------------------------------------------------ */

/* A text without its escapes, borrowed until the next one. */
static struct otc_slice
plain_text(struct translation *t, const struct otc_json_view *view)
{
    if (!view->escaped) {
        return view->text;
    }
    otc_buf_clear(&t->plain);
    if (!otc_buf_reserve(&t->plain, view->text.len)) {
        t->out->failed = true;
        return OTC_SLICE_NONE;
    }
    t->plain.len = otc_json_unescape_by_twos(view, t->plain.data);
    return otc_buf_slice(&t->plain);
}

/** Characters of a text that an error quotes. */
#define EXCERPT 40

/** What an error calls a value: its type; a text is quoted instead where `quote` says that its type is right.
 */
static void
describe(struct translation *t, const struct otc_json_view *got, bool quote, char out[EXCERPT + 16])
{
    struct otc_slice text;
    size_t len;

    if (!quote || got->type != OTC_JSON_STRING) {
        (void)snprintf(out, EXCERPT + 16, "%s", otc_json_name_of(got->type));
        return;
    }
    text = plain_text(t, got);
    len = text.len < EXCERPT ? text.len : EXCERPT;
    out[0] = '"';
    for (size_t i = 0; i < len; i++) {
        out[1 + i] =
            (char)(text.data[i] >= ' ' && text.data[i] < 0x7f && text.data[i] != '"' ? text.data[i] : '?');
    }
    (void)snprintf(out + 1 + len, EXCERPT + 16 - 1 - len, "%s\"", len < text.len ? "…" : "");
}

static bool
expected(struct translation *t, const struct place *place, const char *what, const struct otc_json_view *got,
         bool quote)
{
    char value[EXCERPT + 16];
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
    describe(t, got, quote, value);
    t->status = otc_fail(t->err, OTC_INVALID_ARGUMENT, "otlp: %s: expected %s, got %s",
                         otc_buf_cstr(&path) ? (const char *)path.data : "?", what, value);
    return false;
}

/* The decimal digits of a whole number, which may stand in quotes. */
static bool
read_uint64(struct translation *t, const struct otc_json_view *value, uint64_t *out)
{
    struct otc_slice text = OTC_SLICE_NONE;
    uint64_t number = 0;

    if (value->type == OTC_JSON_INT) {
        *out = (uint64_t)value->integer;
        return value->integer >= 0;
    }
    if (value->type == OTC_JSON_STRING) {
        text = plain_text(t, value);
    } else if (value->type == OTC_JSON_REAL) { /* above INT64_MAX, perhaps */
        text = value->text;
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

/* A number with a point or an exponent that is whole and within int64. Digits alone would be INT if they
 * were; what is known of them here is rounded. */
static bool
whole_number(const struct otc_json_view *value, int64_t *out)
{
    bool rounded = true;

    for (size_t i = 0; i < value->text.len; i++) {
        rounded = rounded &&
                  (value->text.data[i] == '-' || (value->text.data[i] >= '0' && value->text.data[i] <= '9'));
    }
    /* 2^63 itself is no int64. */
    if (rounded || !(value->real >= -0x1p63 && value->real < 0x1p63) ||
        (double)(int64_t)value->real != value->real) {
        return false;
    }
    *out = (int64_t)value->real;
    return true;
}

static bool
read_int64(struct translation *t, const struct otc_json_view *value, int64_t *out)
{
    if (value->type == OTC_JSON_INT) {
        *out = value->integer;
        return true;
    }
    return value->type == OTC_JSON_STRING ? otc_parse_int64(plain_text(t, value), out)
                                          : value->type == OTC_JSON_REAL && whole_number(value, out);
}

static bool
read_double(struct translation *t, const struct otc_json_view *value, double *out)
{
    struct otc_slice text;

    if (value->type == OTC_JSON_INT || value->type == OTC_JSON_REAL) {
        *out = value->real;
        return true;
    }
    if (value->type != OTC_JSON_STRING) {
        return false;
    }
    text = plain_text(t, value);
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
read_enum(struct translation *t, const struct otc_json_view *value, const char *const *names, int64_t *out)
{
    struct otc_slice text = value->type == OTC_JSON_STRING ? plain_text(t, value) : OTC_SLICE_NONE;

    for (int64_t i = 0; names && names[i] && text.len > 0; i++) {
        if (otc_slice_equal_str(text, names[i])) {
            *out = i;
            return true;
        }
    }
    return read_int64(t, value, out) && *out >= INT32_MIN && *out <= INT32_MAX;
}

static bool
put_hex(struct otc_buf *out, uint32_t field, struct otc_slice text)
{
    if (text.len % 2 != 0) {
        return false;
    }
    if (text.len == 0) {
        return true;
    }
    if (!otc_wire_put_length(out, field, text.len / 2) || !otc_buf_reserve(out, text.len / 2)) {
        return true; /* `out` knows */
    }
    for (size_t i = 0; i < text.len; i += 2) {
        int high = otc_hex_digit(text.data[i]), low = otc_hex_digit(text.data[i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out->data[out->len++] = (uint8_t)(high << 4 | low);
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
put_base64(struct otc_buf *out, uint32_t field, struct otc_slice text)
{
    uint32_t bits = 0;
    size_t mark;

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
read_integer(struct translation *t, const struct otc_json_field *field, const struct otc_json_view *value,
             uint64_t *bits)
{
    bool is_narrow = field->form == OTC_FORM_UINT32 || field->form == OTC_FORM_FIXED32;
    int64_t integer = 0;

    if (is_unsigned(field->form)) {
        /* 1.5e3 is a whole number, too. */
        if (value->type == OTC_JSON_REAL && whole_number(value, &integer) && integer >= 0) {
            *bits = (uint64_t)integer;
        } else if (!read_uint64(t, value, bits)) {
            return false;
        }
        return !is_narrow || *bits <= UINT32_MAX;
    }
    if (field->form == OTC_FORM_ENUM ? !read_enum(t, value, field->names, &integer)
                                     : !read_int64(t, value, &integer)) {
        return false;
    }
    *bits = field->form == OTC_FORM_SINT32 ? zigzag(integer) : (uint64_t)integer;
    return field->form != OTC_FORM_SINT32 || (integer >= INT32_MIN && integer <= INT32_MAX);
}

static bool
put_integer(struct translation *t, const struct otc_json_field *field, const struct otc_json_view *value)
{
    uint64_t bits = 0;

    if (!read_integer(t, field, value, &bits)) {
        return false;
    }
    if (field->form == OTC_FORM_FIXED64 || field->form == OTC_FORM_SFIXED64) {
        otc_wire_put_fixed64(t->out, field->number, bits);
    } else if (field->form == OTC_FORM_FIXED32) {
        otc_wire_put_fixed32(t->out, field->number, (uint32_t)bits);
    } else {
        otc_wire_put_number(t->out, field->number, bits);
    }
    return true;
}

/* A field that is written as text. */
static bool
put_text(struct translation *t, const struct otc_json_field *field, const struct otc_json_view *value)
{
    struct otc_slice text;

    if (value->type != OTC_JSON_STRING) {
        return false;
    }
    text = plain_text(t, value);
    if (field->form == OTC_FORM_HEX) {
        return put_hex(t->out, field->number, text);
    }
    if (field->form == OTC_FORM_BASE64) {
        return put_base64(t->out, field->number, text);
    }
    otc_wire_put_bytes(t->out, field->number, text);
    return true;
}

/** Writes a scalar; false when the JSON value is none of its kind. */
static bool
put_scalar(struct translation *t, const struct otc_json_field *field, const struct otc_json_view *value)
{
    double real;

    if (field->form == OTC_FORM_STRING || field->form == OTC_FORM_HEX || field->form == OTC_FORM_BASE64) {
        return put_text(t, field, value);
    }
    if (field->form == OTC_FORM_BOOL) {
        otc_wire_put_number(t->out, field->number, value->type == OTC_JSON_BOOL && value->truth);
        return value->type == OTC_JSON_BOOL;
    }
    if (field->form == OTC_FORM_DOUBLE) {
        if (!read_double(t, value, &real)) {
            return false;
        }
        otc_wire_put_double(t->out, field->number, real);
        return true;
    }
    return put_integer(t, field, value);
}

static const char *
form_name(const struct otc_json_field *field)
{
    static const char *const names[] = {
        [OTC_FORM_STRING] = "a string",
        [OTC_FORM_HEX] = "hexadecimal digits",
        [OTC_FORM_BASE64] = "base64",
        [OTC_FORM_BOOL] = "a boolean",
        [OTC_FORM_DOUBLE] = "a number",
        [OTC_FORM_ENUM] = "a number or name of the enumeration",
        [OTC_FORM_UINT32] = "an unsigned 32-bit integer",
        [OTC_FORM_FIXED32] = "an unsigned 32-bit integer",
        [OTC_FORM_SINT32] = "a 32-bit integer",
        [OTC_FORM_INT64] = "a 64-bit integer",
        [OTC_FORM_SFIXED64] = "a 64-bit integer",
        [OTC_FORM_UINT64] = "an unsigned 64-bit integer",
        [OTC_FORM_FIXED64] = "an unsigned 64-bit integer",
        [OTC_FORM_MESSAGE] = "an object",
    };

    return field->form != OTC_FORM_HEX                ? names[field->form]
           : strcmp(field->name, "traceId") == 0      ? "32 hexadecimal digits"
           : strcmp(field->name, "spanId") == 0       ? "16 hexadecimal digits"
           : strcmp(field->name, "parentSpanId") == 0 ? "16 hexadecimal digits"
                                                      : names[field->form];
}

/* ---- Messages ----------------------------------------------------------------------------------- */

/** True when `key` is the field's name in the schema (snake_case), where `camel` is its JSON name. */
static bool
is_snake(struct otc_slice key, const char *camel)
{
    size_t i = 0;

    for (; i < key.len && *camel; i++, camel++) {
        bool boundary = *camel >= 'A' && *camel <= 'Z' && key.data[i] == '_';

        i += boundary;
        if (i == key.len || key.data[i] != (boundary ? *camel - 'A' + 'a' : *camel)) {
            return false;
        }
    }
    return i == key.len && !*camel;
}

/* Index of the field; n_fields: there is none. Keys mostly come in the order of the schema, so that the one
 * after the last is tried first. */
static size_t
field_named(const struct otc_json_message *message, struct otc_slice key, size_t likely)
{
    for (size_t i = 0; i < message->n_fields; i++) {
        size_t at = likely + i < message->n_fields ? likely + i : likely + i - message->n_fields;
        const struct otc_json_field *field = &message->fields[at];

        if (field->name_len == key.len && memcmp(field->name, key.data, key.len) == 0) {
            return at;
        }
    }
    for (size_t i = 0; i < message->n_fields; i++) {
        if (is_snake(key, message->fields[i].name)) {
            return i;
        }
    }
    return message->n_fields;
}

static bool put_message(struct translation *t, const struct place *place,
                        const struct otc_json_message *message, const struct otc_json_view *object);

/* The limit of JSON levels bounds this recursion. */
static bool
put_one(struct translation *t, const struct place *place, const struct otc_json_field *field,
        const struct otc_json_view *value)
{
    size_t mark;

    if (field->form != OTC_FORM_MESSAGE) {
        return put_scalar(t, field, value) ||
               expected(t, place, form_name(field), value, field->form == OTC_FORM_HEX);
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
          const struct otc_json_view *value)
{
    struct place place = {up, field->name, NOT_INDEXED};
    struct otc_json_view element;
    bool first = true;

    if (!field->repeated) {
        return put_one(t, &place, field, value);
    }
    if (value->type != OTC_JSON_ARRAY) {
        return expected(t, &place, "an array", value, false);
    }
    if (t->levels == t->max_levels) {
        return too_deep(t);
    }
    t->levels++;
    for (place.index = 0; otc_json_read_element(&t->in, &first); place.index++) {
        if (!otc_json_read_value(&t->in, &element) || !put_one(t, &place, field, &element)) {
            return false;
        }
    }
    t->levels--;
    return !t->in.fault;
}

static bool
skip(struct translation *t, const struct otc_json_view *value)
{
    bool deep;

    return otc_json_skip_value(&t->in, value, t->max_levels - t->levels, &deep) || (deep && too_deep(t));
}

/* The next member of a message's object: its value, and its field, NULL where it has none to write. */
static bool
next_member(struct translation *t, const struct otc_json_message *message, bool *first, size_t *likely,
            const struct otc_json_field **field, struct otc_json_view *value)
{
    struct otc_json_view key;
    size_t at;

    if (!otc_json_read_member(&t->in, first, &key) || !otc_json_read_value(&t->in, value)) {
        return false;
    }
    at = field_named(message, plain_text(t, &key), *likely);
    *field = at < message->n_fields ? &message->fields[at] : NULL;
    *likely = *field ? at + 1 : *likely;
    return true;
}

/* Members of the same name are written one after another, which in protobuf means that the last scalar counts
 * and that elements add up. */
static bool
put_members(struct translation *t, const struct place *place, const struct otc_json_message *message)
{
    const struct otc_json_field *field;
    struct otc_json_view value;
    size_t likely = 0;
    bool first = true;

    while (next_member(t, message, &first, &likely, &field, &value)) {
        if (!field || value.type == OTC_JSON_NULL ? !skip(t, &value) : !put_field(t, place, field, &value)) {
            return false;
        }
    }
    return !t->in.fault;
}

static bool
put_message(struct translation *t, const struct place *place, const struct otc_json_message *message,
            const struct otc_json_view *object)
{
    if (object->type != OTC_JSON_OBJECT) {
        return expected(t, place, "an object", object, false);
    }
    if (t->levels == t->max_levels || (message->nests && t->depth == t->max_depth)) {
        return too_deep(t);
    }
    t->levels++;
    t->depth += message->nests;
    if (!put_members(t, place, message)) {
        return false;
    }
    t->levels--;
    t->depth -= message->nests;
    return true;
}

static otc_status
bad_json(const struct otc_json_reader *in, struct otc_slice json, struct otc_error *err)
{
    size_t line, column;

    otc_json_where(in, json, &line, &column);
    return otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: bad JSON at line %zu column %zu: %s", line, column,
                    in->fault);
}

static otc_status
translate(struct translation *t, enum otc_signal signal, struct otc_slice json)
{
    const struct place root = {NULL, NULL, NOT_INDEXED};
    struct otc_json_view request;

    if (!otc_json_read_value(&t->in, &request)) {
        return bad_json(&t->in, json, t->err);
    }
    if (request.type != OTC_JSON_OBJECT) {
        return otc_fail(t->err, OTC_INVALID_ARGUMENT, "otlp: expected an object, got %s",
                        otc_json_name_of(request.type));
    }
    if ((!put_message(t, &root, otc_json_request(signal), &request) || !otc_json_read_end(&t->in)) &&
        t->in.fault) {
        return bad_json(&t->in, json, t->err);
    }
    if (t->out->failed) {
        return otc_fail(t->err, OTC_RESOURCE_EXHAUSTED, "otlp: message exceeds limit of %zu", t->out->limit);
    }
    return t->status;
}

otc_status
otc_json_to_protobuf(enum otc_signal signal, struct otc_slice json, uint32_t max_depth, struct otc_buf *out,
                     struct otc_error *err)
{
    struct translation t = {.in = otc_json_reader_of(json),
                            .out = out,
                            .plain = {.limit = json.len},
                            .err = err,
                            .max_levels = LEVELS_AROUND + LEVELS_EACH * max_depth,
                            .max_depth = max_depth,
                            .status = OTC_OK};
    size_t before = out->len;

    t.status = translate(&t, signal, json);
    otc_buf_release(&t.plain);
    if (t.status != OTC_OK) {
        out->len = before;
        if (err) {
            err->permanent = true;
        }
    }
    return t.status;
}
