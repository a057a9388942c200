// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/json_encode.h"

#include "common/base/number.h"
#include "common/json/json.h"
#include "common/otlp/json_schema.h"
#include "common/otlp/wire.h"

#include <math.h>

/* Messages in each other: what admission lets in, and the levels around it. */
#define MAX_DEPTH 320

struct encoder {
    struct otc_buf *out;
    uint32_t depth;
    bool malformed;
};

/* ---- Scalars ------------------------------------------------------------------------------------ */

static void
put_text(struct encoder *e, struct otc_slice text)
{
    struct otc_json_writer writer = {.out = e->out};

    otc_json_write_text(&writer, text);
}

static void
put_hex(struct encoder *e, struct otc_slice bytes)
{
    static const char digits[] = "0123456789abcdef";

    if (bytes.len > SIZE_MAX / 2 - 1 || !otc_buf_reserve(e->out, 2 * bytes.len + 2)) {
        return;
    }
    otc_buf_append_byte(e->out, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        e->out->data[e->out->len++] = (uint8_t)digits[bytes.data[i] >> 4];
        e->out->data[e->out->len++] = (uint8_t)digits[bytes.data[i] & 15];
    }
    otc_buf_append_byte(e->out, '"');
}

static void
put_base64(struct encoder *e, struct otc_slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

    otc_buf_append_byte(e->out, '"');
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t word = (uint32_t)bytes.data[i] << 16 | (n > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                        (n > 2 ? bytes.data[i + 2] : 0);
        const char group[4] = {digits[word >> 18], digits[word >> 12 & 63],
                               digits[n > 1 ? word >> 6 & 63 : 64], digits[n > 2 ? word & 63 : 64]};

        otc_buf_append(e->out, group, 4);
    }
    otc_buf_append_byte(e->out, '"');
}

static void
put_double(struct encoder *e, uint64_t bits)
{
    double value = otc_wire_bits_double(bits);
    char text[OTC_DOUBLE_TEXT_MAX];

    if (isnan(value)) {
        otc_buf_append_str(e->out, "\"NaN\"");
    } else if (isinf(value)) {
        otc_buf_append_str(e->out, value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    } else {
        otc_buf_append(e->out, text, otc_format_double(value, text));
    }
}

static void
put_int(struct encoder *e, int64_t value, bool quoted)
{
    char text[1 + OTC_INT64_TEXT_MAX + 1] = "\"";
    size_t n = 1 + otc_format_int64(value, text + 1);

    text[n] = '"';
    otc_buf_append(e->out, quoted ? text : text + 1, quoted ? n + 1 : n - 1);
}

static void
put_uint64(struct encoder *e, uint64_t value)
{
    if (value <= INT64_MAX) {
        put_int(e, (int64_t)value, true);
    } else {
        otc_buf_printf(e->out, "\"%llu\"", (unsigned long long)value);
    }
}

static int32_t
zigzag(uint64_t number)
{
    uint32_t n = (uint32_t)number;

    return (int32_t)(n >> 1 ^ (0 - (n & 1)));
}

/* The wire type of one value of a form. */
static uint32_t
wire_type(enum otc_json_form form)
{
    switch (form) {
    case OTC_FORM_STRING:
    case OTC_FORM_HEX:
    case OTC_FORM_BASE64:
    case OTC_FORM_MESSAGE:
        return OTC_WIRE_BYTES;
    case OTC_FORM_DOUBLE:
    case OTC_FORM_SFIXED64:
    case OTC_FORM_FIXED64:
        return OTC_WIRE_FIXED64;
    case OTC_FORM_FIXED32:
        return OTC_WIRE_FIXED32;
    case OTC_FORM_BOOL:
    case OTC_FORM_ENUM:
    case OTC_FORM_UINT32:
    case OTC_FORM_SINT32:
    case OTC_FORM_INT64:
    case OTC_FORM_UINT64:
        break;
    }
    return OTC_WIRE_VARINT;
}

static void
put_number(struct encoder *e, enum otc_json_form form, uint64_t number)
{
    switch (form) {
    case OTC_FORM_BOOL:
        otc_buf_append_str(e->out, number ? "true" : "false");
        break;
    case OTC_FORM_DOUBLE:
        put_double(e, number);
        break;
    case OTC_FORM_ENUM:
        put_int(e, (int32_t)number, false);
        break;
    case OTC_FORM_UINT32:
    case OTC_FORM_FIXED32:
        put_int(e, (uint32_t)number, false);
        break;
    case OTC_FORM_SINT32:
        put_int(e, zigzag(number), false);
        break;
    case OTC_FORM_INT64:
    case OTC_FORM_SFIXED64:
        put_int(e, (int64_t)number, true);
        break;
    case OTC_FORM_UINT64:
    case OTC_FORM_FIXED64:
        put_uint64(e, number);
        break;
    case OTC_FORM_STRING:
    case OTC_FORM_HEX:
    case OTC_FORM_BASE64:
    case OTC_FORM_MESSAGE:
        break;
    }
}

/* ---- Messages ----------------------------------------------------------------------------------- */

static void put_message(struct encoder *e, const struct otc_json_message *message, struct otc_slice bytes);

static void
put_value(struct encoder *e, const struct otc_json_field *field, const struct otc_wire_field *at)
{
    switch (field->form) {
    case OTC_FORM_STRING:
        put_text(e, at->bytes);
        break;
    case OTC_FORM_HEX:
        put_hex(e, at->bytes);
        break;
    case OTC_FORM_BASE64:
        put_base64(e, at->bytes);
        break;
    case OTC_FORM_MESSAGE:
        put_message(e, field->message, at->bytes);
        break;
    case OTC_FORM_BOOL:
    case OTC_FORM_DOUBLE:
    case OTC_FORM_ENUM:
    case OTC_FORM_UINT32:
    case OTC_FORM_FIXED32:
    case OTC_FORM_SINT32:
    case OTC_FORM_INT64:
    case OTC_FORM_SFIXED64:
    case OTC_FORM_UINT64:
    case OTC_FORM_FIXED64:
        put_number(e, field->form, at->number);
        break;
    }
}

/* The numbers of a packed run. */
static void
put_packed(struct encoder *e, const struct otc_json_field *field, struct otc_slice run, bool *first)
{
    const uint8_t *p = run.data, *end = run.data + run.len;
    uint32_t type = wire_type(field->form);

    while (p && p < end) {
        uint64_t number = 0;

        if (type == OTC_WIRE_VARINT) {
            p = otc_wire_varint(p, end, &number);
        } else if ((size_t)(end - p) < (type == OTC_WIRE_FIXED64 ? 8u : 4u)) {
            p = NULL;
        } else if (type == OTC_WIRE_FIXED64) {
            number = otc_wire_load64(p);
            p += 8;
        } else {
            number = otc_wire_load32(p);
            p += 4;
        }
        if (!p) {
            e->malformed = true;
            return;
        }
        if (!*first) {
            otc_buf_append_byte(e->out, ',');
        }
        *first = false;
        put_number(e, field->form, number);
    }
}

/* Every value of a repeated field, as an array. */
static void
put_array(struct encoder *e, const struct otc_json_field *field, struct otc_slice bytes)
{
    struct otc_wire wire = otc_wire_of(bytes);
    struct otc_wire_field at;
    bool first = true;

    otc_buf_append_byte(e->out, '[');
    while (!e->malformed && otc_wire_next(&wire, &at)) {
        if (at.field != field->number) {
            continue;
        }
        if (at.type == OTC_WIRE_BYTES && wire_type(field->form) != OTC_WIRE_BYTES) {
            put_packed(e, field, at.bytes, &first);
            continue;
        }
        if (!first) {
            otc_buf_append_byte(e->out, ',');
        }
        first = false;
        put_value(e, field, &at);
    }
    otc_buf_append_byte(e->out, ']');
}

/* A message that came in pieces: as protobuf says, their fields one after another. */
static void
put_pieces(struct encoder *e, const struct otc_json_field *field, struct otc_slice bytes)
{
    OTC_AUTO_BUF struct otc_buf whole = {.limit = bytes.len};
    struct otc_wire wire = otc_wire_of(bytes);
    struct otc_wire_field at;

    while (otc_wire_next(&wire, &at)) {
        if (at.field == field->number) {
            otc_buf_append_slice(&whole, at.bytes);
        }
    }
    e->malformed = e->malformed || whole.failed;
    put_message(e, field->message, otc_buf_slice(&whole));
}

/* What a message holds of each field of its schema. */
struct found {
    uint32_t times;
    struct otc_wire_field last;
};

#define MAX_FIELDS 20

static const struct otc_json_field *
field_of(const struct otc_json_message *message, const struct otc_wire_field *at, size_t *index)
{
    for (size_t i = 0; i < message->n_fields; i++) {
        if (message->fields[i].number == at->field) {
            *index = i;
            return &message->fields[i];
        }
    }
    return NULL;
}

/* Of a oneof only the last member counts. */
static void
forget_others(const struct otc_json_message *message, size_t kept, struct found found[MAX_FIELDS])
{
    if (!(message->oneof >> message->fields[kept].number & 1)) {
        return;
    }
    for (size_t i = 0; i < message->n_fields; i++) {
        if (i != kept && message->oneof >> message->fields[i].number & 1) {
            found[i].times = 0;
        }
    }
}

static bool
look(const struct otc_json_message *message, struct otc_slice bytes, struct found found[MAX_FIELDS])
{
    struct otc_wire wire = otc_wire_of(bytes);
    struct otc_wire_field at;

    while (otc_wire_next(&wire, &at)) {
        size_t i = 0;
        const struct otc_json_field *field = field_of(message, &at, &i);
        bool packed = field && field->repeated && at.type == OTC_WIRE_BYTES;

        if (!field) {
            continue;
        }
        if (at.type != wire_type(field->form) && !packed) {
            return false;
        }
        found[i].times++;
        found[i].last = at;
        forget_others(message, i, found);
    }
    return wire.p == wire.end;
}

/* The names of fields need no escapes. */
static void
put_name(struct encoder *e, const struct otc_json_field *field)
{
    size_t len = field->name_len + 3;
    uint8_t *at;

    if (!otc_buf_reserve(e->out, len)) {
        return;
    }
    at = e->out->data + e->out->len;
    at[0] = '"';
    memcpy(at + 1, field->name, field->name_len);
    at[len - 2] = '"';
    at[len - 1] = ':';
    e->out->len += len;
}

static void
put_field(struct encoder *e, const struct otc_json_field *field, const struct found *found,
          struct otc_slice bytes)
{
    put_name(e, field);
    if (field->repeated) {
        put_array(e, field, bytes);
    } else if (field->form == OTC_FORM_MESSAGE && found->times > 1) {
        put_pieces(e, field, bytes);
    } else {
        put_value(e, field, &found->last);
    }
}

static void
put_message(struct encoder *e, const struct otc_json_message *message, struct otc_slice bytes)
{
    struct found found[MAX_FIELDS];
    bool first = true;

    for (size_t i = 0; i < message->n_fields; i++) {
        found[i].times = 0;
    }
    if (e->malformed || ++e->depth > MAX_DEPTH || !look(message, bytes, found)) {
        e->malformed = true;
        return;
    }
    otc_buf_append_byte(e->out, '{');
    for (size_t i = 0; i < message->n_fields && !e->malformed; i++) {
        if (found[i].times == 0) {
            continue;
        }
        if (!first) {
            otc_buf_append_byte(e->out, ',');
        }
        first = false;
        put_field(e, &message->fields[i], &found[i], bytes);
    }
    otc_buf_append_byte(e->out, '}');
    e->depth--;
}

otc_status
otc_protobuf_to_json(enum otc_signal signal, struct otc_slice request, struct otc_buf *out,
                     struct otc_error *err)
{
    struct encoder e = {.out = out};

    put_message(&e, otc_json_request(signal), request);
    if (e.malformed) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: malformed protobuf, or values nested too deep");
    }
    return out->failed ? otc_fail(err, OTC_UNAVAILABLE, "out of memory for a request as JSON") : OTC_OK;
}
