// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"
#include "common/base/number.h"
#include "common/digest/digest.h"
#include "common/otlp/walk.h"
#include "common/ottl/condition_impl.h"

#include <math.h>

static struct otc_value
boolean(bool truth)
{
    return (struct otc_value){OTC_VALUE_BOOL, {.boolean = truth}};
}

#define ARGUMENTS OTC_OTTL_ARGUMENTS
#define UNUSED (void)node, (void)reader, (void)n

static bool
is_match(ARGUMENTS)
{
    OTC_AUTO_BUF struct otc_buf pattern = {.limit = OTC_REGEX_PATTERN_MAX + 1};
    struct otc_error why = OTC_ERROR_INIT;
    struct otc_regex *regex = NULL;
    struct otc_slice text = OTC_SLICE_NONE;

    (void)n;
    if (otc_ottl_is_nil(&arguments[0])) {
        *out = boolean(false);
        return true;
    }
    if (!otc_ottl_text_of(reader, &arguments[0], &text)) {
        return false;
    }
    if (node->regex) {
        *out = boolean(otc_regex_matches(node->regex, text));
        return true;
    }
    if (arguments[1].type != OTC_VALUE_STRING || !otc_buf_append_slice(&pattern, arguments[1].as.slice) ||
        !otc_buf_cstr(&pattern) || otc_regex_new(otc_buf_cstr(&pattern), &regex, &why) != OTC_OK) {
        return otc_ottl_fail(reader, "IsMatch: the pattern is no expression: %.100s", why.text);
    }
    *out = boolean(otc_regex_matches(regex, text));
    otc_regex_free(regex);
    return true;
}

#define IS_OF_TYPE(name, value_type)                                                                         \
    static bool name(ARGUMENTS)                                                                              \
    {                                                                                                        \
        UNUSED;                                                                                              \
        *out = boolean(arguments[0].type == (value_type));                                                   \
        return true;                                                                                         \
    }
IS_OF_TYPE(is_string, OTC_VALUE_STRING)
IS_OF_TYPE(is_bool, OTC_VALUE_BOOL)
IS_OF_TYPE(is_int, OTC_VALUE_INT)
IS_OF_TYPE(is_double, OTC_VALUE_DOUBLE)
IS_OF_TYPE(is_map, OTC_VALUE_KVLIST)
IS_OF_TYPE(is_list, OTC_VALUE_ARRAY)

static bool
len(ARGUMENTS)
{
    const struct otc_value *value = &arguments[0];
    struct otc_slice rest = value->as.slice, member;
    int64_t count = 0;

    (void)node;
    (void)n;
    if (value->type == OTC_VALUE_STRING || value->type == OTC_VALUE_BYTES) {
        count = (int64_t)value->as.slice.len;
    } else if (value->type == OTC_VALUE_ARRAY || value->type == OTC_VALUE_KVLIST) {
        while (otc_messages_next(&rest, 1, &member)) {
            count++;
        }
    } else {
        return otc_ottl_fail(reader, "Len: neither a text nor a list nor a map");
    }
    *out = (struct otc_value){OTC_VALUE_INT, {.integer = count}};
    return true;
}

/* nil where there is no such number. */
static bool
to_int(ARGUMENTS)
{
    const struct otc_value *value = &arguments[0];

    UNUSED;
    out->type = OTC_VALUE_INT;
    if (value->type == OTC_VALUE_INT) {
        *out = *value;
    } else if (value->type == OTC_VALUE_DOUBLE && value->as.real >= -0x1p63 && value->as.real < 0x1p63) {
        out->as.integer = (int64_t)value->as.real;
    } else if (value->type == OTC_VALUE_BOOL) {
        out->as.integer = value->as.boolean;
    } else if (value->type != OTC_VALUE_STRING || !otc_parse_int64(value->as.slice, &out->as.integer)) {
        out->type = OTC_VALUE_ABSENT;
    }
    return true;
}

static bool
to_double(ARGUMENTS)
{
    const struct otc_value *value = &arguments[0];

    UNUSED;
    out->type = OTC_VALUE_DOUBLE;
    if (value->type == OTC_VALUE_DOUBLE) {
        *out = *value;
    } else if (value->type == OTC_VALUE_INT) {
        out->as.real = (double)value->as.integer;
    } else if (value->type == OTC_VALUE_BOOL) {
        out->as.real = value->as.boolean;
    } else if (value->type != OTC_VALUE_STRING || !otc_parse_double(value->as.slice, &out->as.real)) {
        out->type = OTC_VALUE_ABSENT;
    }
    return true;
}

static bool
to_string(ARGUMENTS)
{
    (void)node;
    (void)n;
    if (otc_ottl_is_nil(&arguments[0])) {
        out->type = OTC_VALUE_ABSENT;
        return true;
    }
    out->type = OTC_VALUE_STRING;
    return otc_ottl_text_of(reader, &arguments[0], &out->as.slice);
}

/* Concat([…], "delimiter"): of values, or of a list in the data; nil is "<nil>", as Go prints it. */
static bool
concat(ARGUMENTS)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = OTC_OTTL_MADE_MAX};
    struct otc_slice rest = arguments[0].as.slice;
    struct otc_value element;
    struct otc_slice piece;

    (void)node;
    (void)n;
    if (arguments[0].type != OTC_VALUE_ARRAY || arguments[1].type != OTC_VALUE_STRING) {
        return otc_ottl_fail(reader, "Concat takes a list and a text");
    }
    for (bool first = true; otc_array_next(&rest, &element); first = false) {
        if (!first) {
            otc_buf_append_slice(&text, arguments[1].as.slice);
        }
        piece = otc_slice_str("<nil>");
        if (!otc_ottl_is_nil(&element) && !otc_ottl_text_of(reader, &element, &piece)) {
            return false;
        }
        otc_buf_append_slice(&text, piece);
    }
    return otc_ottl_keep(reader, &text, OTC_VALUE_STRING, out);
}

static bool
substring(ARGUMENTS)
{
    int64_t from = arguments[1].as.integer, count = arguments[2].as.integer;

    (void)node;
    (void)n;
    if (arguments[0].type != OTC_VALUE_STRING || arguments[1].type != OTC_VALUE_INT ||
        arguments[2].type != OTC_VALUE_INT) {
        return otc_ottl_fail(reader, "Substring takes a text, a start and a length");
    }
    if (from < 0 || count <= 0 || (uint64_t)from > arguments[0].as.slice.len ||
        (uint64_t)count > arguments[0].as.slice.len - (uint64_t)from) {
        return otc_ottl_fail(reader, "Substring: invalid range of %lld from %lld", (long long)count,
                             (long long)from);
    }
    *out = (struct otc_value){OTC_VALUE_STRING,
                              {.slice = otc_slice_of(arguments[0].as.slice.data + from, (size_t)count)}};
    return true;
}

/* MD5, SHA1, SHA256, SHA512: lower-case hex. */
static bool
digest(ARGUMENTS)
{
    static const struct {
        const char *name;
        enum otc_digest digest;
    } digests[] = {{"MD5", OTC_DIGEST_MD5},
                   {"SHA1", OTC_DIGEST_SHA1},
                   {"SHA256", OTC_DIGEST_SHA256},
                   {"SHA512", OTC_DIGEST_SHA512}};
    OTC_AUTO_BUF struct otc_buf text = {.limit = OTC_DIGEST_TEXT_MAX};
    char hex[OTC_DIGEST_TEXT_MAX];
    size_t which = 0, len;

    (void)n;
    while (strcmp(digests[which].name, node->function->name) != 0) {
        which++;
    }
    if (arguments[0].type != OTC_VALUE_STRING) {
        return otc_ottl_fail(reader, "%s takes a text", node->function->name);
    }
    len = otc_digest_hex(digests[which].digest, OTC_SLICE_NONE, arguments[0].as.slice, hex);
    if (len == 0) {
        return otc_ottl_fail(reader, "%s: the library refuses it", node->function->name);
    }
    otc_buf_append(&text, hex, len);
    return otc_ottl_keep(reader, &text, OTC_VALUE_STRING, out);
}

static bool
has_prefix(ARGUMENTS)
{
    (void)node;
    (void)n;
    if (arguments[0].type != OTC_VALUE_STRING || arguments[1].type != OTC_VALUE_STRING) {
        return otc_ottl_fail(reader, "HasPrefix takes two texts");
    }
    *out = boolean(otc_slice_starts(arguments[0].as.slice, arguments[1].as.slice));
    return true;
}

static bool
has_suffix(ARGUMENTS)
{
    struct otc_slice text = arguments[0].as.slice, end = arguments[1].as.slice;

    (void)node;
    (void)n;
    if (arguments[0].type != OTC_VALUE_STRING || arguments[1].type != OTC_VALUE_STRING) {
        return otc_ottl_fail(reader, "HasSuffix takes two texts");
    }
    *out = boolean(text.len >= end.len && otc_slice_equal(otc_slice_skip(text, text.len - end.len), end));
    return true;
}

/* In nanoseconds, as times are. */
static bool
duration(ARGUMENTS)
{
    otc_duration parsed;

    (void)node;
    (void)n;
    if (arguments[0].type != OTC_VALUE_STRING ||
        otc_duration_parse(arguments[0].as.slice, &parsed, NULL) != OTC_OK) {
        return otc_ottl_fail(reader, "Duration takes a text such as \"1m30s\"");
    }
    *out = (struct otc_value){OTC_VALUE_INT, {.integer = parsed.ns}};
    return true;
}

/* A time or duration in another unit: the Collector's Hours, Minutes and Seconds are doubles, the others
 * integers. */
static bool
in_unit(ARGUMENTS)
{
    static const struct {
        const char *name;
        int64_t ns;
        bool is_double;
    } units[] = {{"Nanoseconds", 1, false},        {"Microseconds", 1000, false},
                 {"Milliseconds", 1000000, false}, {"Seconds", OTC_SECOND, true},
                 {"Minutes", OTC_MINUTE, true},    {"Hours", 60 * OTC_MINUTE, true},
                 {"UnixNano", 1, false},           {"UnixMicro", 1000, false},
                 {"UnixMilli", 1000000, false},    {"UnixSeconds", OTC_SECOND, false}};
    size_t unit = 0;

    (void)n;
    while (strcmp(units[unit].name, node->function->name) != 0) {
        unit++;
    }
    if (arguments[0].type != OTC_VALUE_INT) {
        return otc_ottl_fail(reader, "%s takes a time or a duration", node->function->name);
    }
    if (units[unit].is_double) {
        *out = (struct otc_value){OTC_VALUE_DOUBLE,
                                  {.real = (double)arguments[0].as.integer / (double)units[unit].ns}};
    } else {
        *out = (struct otc_value){OTC_VALUE_INT, {.integer = arguments[0].as.integer / units[unit].ns}};
    }
    return true;
}

/* TraceID(0x…), SpanID(0x…): the bytes themselves. */
static bool
identifier(ARGUMENTS)
{
    size_t wanted = node->function->name[0] == 'T' ? 16 : 8;

    (void)n;
    if (arguments[0].type != OTC_VALUE_BYTES || arguments[0].as.slice.len != wanted) {
        return otc_ottl_fail(reader, "%s takes %zu bytes, 0x and %zu digits", node->function->name, wanted,
                             2 * wanted);
    }
    *out = arguments[0];
    return true;
}

static const struct otc_ottl_function functions[] = {
    {"Concat", 2, 2, .call = concat},
    {"Double", 1, 1, .call = to_double},
    {"Duration", 1, 1, .call = duration},
    {"FNV", 1, 1, .call = otc_ottl_fnv},
    {"HasPrefix", 2, 2, .call = has_prefix},
    {"HasSuffix", 2, 2, .call = has_suffix},
    {"Hours", 1, 1, .call = in_unit},
    {"Int", 1, 1, .call = to_int},
    {"IsBool", 1, 1, .call = is_bool},
    {"IsDouble", 1, 1, .call = is_double},
    {"IsInt", 1, 1, .call = is_int},
    {"IsList", 1, 1, .call = is_list},
    {"IsMap", 1, 1, .call = is_map},
    {"IsMatch", 2, 2, .call = is_match, .takes_pattern = true},
    {"IsString", 1, 1, .call = is_string},
    {"Len", 1, 1, .call = len},
    {"MD5", 1, 1, .call = digest},
    {"Microseconds", 1, 1, .call = in_unit},
    {"Milliseconds", 1, 1, .call = in_unit},
    {"Minutes", 1, 1, .call = in_unit},
    {"Nanoseconds", 1, 1, .call = in_unit},
    {"ParseJSON", 1, 1, .call = otc_ottl_parse_json},
    {"SHA1", 1, 1, .call = digest},
    {"SHA256", 1, 1, .call = digest},
    {"SHA512", 1, 1, .call = digest},
    {"Seconds", 1, 1, .call = in_unit},
    {"SpanID", 1, 1, .call = identifier, .gives_id = true},
    {"Split", 2, 2, .call = otc_ottl_split},
    {"String", 1, 1, .call = to_string},
    {"Substring", 3, 3, .call = substring},
    {"ToLowerCase", 1, 1, .call = otc_ottl_to_case},
    {"ToUpperCase", 1, 1, .call = otc_ottl_to_case},
    {"TraceID", 1, 1, .call = identifier, .gives_id = true},
    {"Trim", 1, 2, .call = otc_ottl_trim},
    {"TrimPrefix", 2, 2, .call = otc_ottl_trim_end},
    {"TrimSuffix", 2, 2, .call = otc_ottl_trim_end},
    {"UnixMicro", 1, 1, .call = in_unit},
    {"UnixMilli", 1, 1, .call = in_unit},
    {"UnixNano", 1, 1, .call = in_unit},
    {"UnixSeconds", 1, 1, .call = in_unit},
};
#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

const struct otc_ottl_function *
otc_ottl_function_find(struct otc_slice name)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        if (otc_slice_equal_str(name, functions[i].name)) {
            return &functions[i];
        }
    }
    return NULL;
}

void
otc_ottl_function_names(struct otc_buf *out)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        otc_buf_printf(out, "%s%s", i > 0 ? ", " : "", functions[i].name);
    }
}
