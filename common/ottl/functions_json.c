// SPDX-License-Identifier: Apache-2.0
/* ParseJSON: a map or list of a text. */
#include "common/json/json.h"
#include "common/otlp/wire.h"
#include "common/ottl/condition_impl.h"

#define BYTES_MAX ((size_t)16 << 20)
/* Below the nesting that OTLP's receivers take. */
#define DEPTH_MAX 60

static void put_members(struct otc_buf *out, const struct otc_json *value);

/* The contents of an AnyValue; every number is a double, as the Collector has it. */
static void
put_value(struct otc_buf *out, const struct otc_json *value)
{
    double number = 0;
    bool truth = false;
    size_t inner;

    switch (otc_json_type_of(value)) {
    case OTC_JSON_STRING:
        (void)otc_wire_put_bytes(out, 1, otc_json_text(value));
        break;
    case OTC_JSON_BOOL:
        (void)otc_json_bool(value, &truth);
        (void)otc_wire_put_number(out, 2, truth);
        break;
    case OTC_JSON_INT:
    case OTC_JSON_REAL:
        (void)otc_json_number(value, &number);
        (void)otc_wire_put_double(out, 4, number);
        break;
    case OTC_JSON_ARRAY:
    case OTC_JSON_OBJECT:
        inner = otc_wire_begin(out, otc_json_type_of(value) == OTC_JSON_ARRAY ? 5 : 6);
        put_members(out, value);
        otc_wire_end(out, inner);
        break;
    case OTC_JSON_ABSENT:
    case OTC_JSON_NULL:
        break;
    }
}

/* The contents of an ArrayValue or KeyValueList. */
static void
put_members(struct otc_buf *out, const struct otc_json *value)
{
    void *cursor = NULL;
    const char *key;
    const struct otc_json *member;
    size_t pair, inner;

    for (size_t i = 0; otc_json_type_of(value) == OTC_JSON_ARRAY && i < otc_json_size(value); i++) {
        inner = otc_wire_begin(out, 1);
        put_value(out, otc_json_at(value, i));
        otc_wire_end(out, inner);
    }
    while (otc_json_type_of(value) == OTC_JSON_OBJECT && otc_json_next(value, &cursor, &key, &member)) {
        pair = otc_wire_begin(out, 1);
        (void)otc_wire_put_bytes(out, 1, otc_slice_str(key));
        inner = otc_wire_begin(out, 2);
        put_value(out, member);
        otc_wire_end(out, inner);
        otc_wire_end(out, pair);
    }
}

bool
otc_ottl_parse_json(OTC_OTTL_ARGUMENTS)
{
    static const struct otc_json_limits limits = {
        .max_bytes = BYTES_MAX, .max_depth = DEPTH_MAX, .max_memory = (size_t)256 << 20};
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = BYTES_MAX};
    struct otc_error why = OTC_ERROR_INIT;
    struct otc_json *document = NULL;
    enum otc_json_type type;

    (void)n;
    (void)node;
    if (arguments[0].type != OTC_VALUE_STRING) {
        return otc_ottl_fail(reader, "ParseJSON takes a text");
    }
    if (otc_json_parse(arguments[0].as.slice, &limits, &document, &why) != OTC_OK) {
        return otc_ottl_fail(reader, "ParseJSON: %.120s", why.text);
    }
    type = otc_json_type_of(document);
    put_members(&bytes, document);
    otc_json_free(document);
    if (type != OTC_JSON_ARRAY && type != OTC_JSON_OBJECT) {
        return otc_ottl_fail(reader, "ParseJSON: neither an object nor a list");
    }
    return otc_ottl_keep(reader, &bytes, type == OTC_JSON_ARRAY ? OTC_VALUE_ARRAY : OTC_VALUE_KVLIST, out);
}
