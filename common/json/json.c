// SPDX-License-Identifier: Apache-2.0
#include "common/json/json.h"

#include "common/base/number.h"
#include "common/json/read_impl.h"

#include <jansson.h>

#define DEFAULT_BYTES ((size_t)64 << 20)
#define DEFAULT_MEMORY ((size_t)512 << 20)
#define DEFAULT_DEPTH 256u
/* jansson itself gives up, and recurses, below 2048. */
#define MAX_DEPTH 2000u

/* What jansson 2.14 allocates for a value on a 64-bit machine, rounded up. */
#define OBJECT_BYTES 256
#define ARRAY_BYTES 160
#define SCALAR_BYTES 96

/* ---- Before parsing ----------------------------------------------------------------------------- */

/** One look over the text: what a parser could be made to do with it. */
struct scan {
    const uint8_t *p;
    const uint8_t *end;
    uint32_t depth;
    uint32_t deepest;
    size_t memory;
    /** Integers that int64 cannot hold, and escapes of surrogates: what jansson has to be spared. */
    bool needs_rewrite;
    /** A NUL outside a string, which jansson would take for the end. */
    const uint8_t *nul;
};

static bool
is_number_byte(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' ||
           byte == 'E';
}

/** `*surrogates` becomes true when it has their escapes. */
static const uint8_t *
end_of_string(const uint8_t *p, const uint8_t *end, bool *surrogates)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\') {
            *surrogates = *surrogates || OTC_JSON_IS_SURROGATE(otc__json_unit(p, end));
            p++;
        }
    }
    return p < end ? p + 1 : end;
}

static const uint8_t *
end_of_number(const uint8_t *p, const uint8_t *end)
{
    while (p < end && is_number_byte(*p)) {
        p++;
    }
    return p;
}

/** True for an integer token outside int64, in the form that JSON allows. */
static bool
is_big(const uint8_t *p, const uint8_t *end)
{
    size_t sign = p < end && *p == '-';
    int64_t ignored;

    if ((size_t)(end - p) < 19 + sign || p[sign] == '0') {
        return false;
    }
    for (const uint8_t *q = p + sign; q < end; q++) {
        if (*q < '0' || *q > '9') {
            return false;
        }
    }
    return !otc_parse_int64(otc_slice_of(p, (size_t)(end - p)), &ignored);
}

/** Takes one token of the text. `*big`: it is a big integer. Returns its end. */
static const uint8_t *
scan_token(struct scan *scan, bool *big)
{
    const uint8_t *p = scan->p;
    const uint8_t *next = p + 1;

    *big = false;
    switch (*p) {
    case '"':
        next = end_of_string(p, scan->end, &scan->needs_rewrite);
        scan->memory += SCALAR_BYTES + (size_t)(next - p);
        break;
    case '{':
    case '[':
        scan->memory += *p == '{' ? OBJECT_BYTES : ARRAY_BYTES;
        scan->depth++;
        scan->deepest = scan->depth > scan->deepest ? scan->depth : scan->deepest;
        break;
    case '}':
    case ']':
        scan->depth -= scan->depth > 0;
        break;
    case '\0':
        scan->nul = scan->nul ? scan->nul : p;
        break;
    default:
        if (is_number_byte(*p)) {
            next = end_of_number(p, scan->end);
            *big = is_big(p, next);
            scan->needs_rewrite = scan->needs_rewrite || *big;
            scan->memory += SCALAR_BYTES;
        }
    }
    return next;
}

static struct scan
scan_text(struct otc_slice text)
{
    struct scan scan = {.p = text.data, .end = text.data + text.len};
    bool big;

    while (scan.p < scan.end) {
        scan.p = scan_token(&scan, &big);
    }
    return scan;
}

/** In a string: the escape of a lone surrogate becomes that of U+FFFD, which is as long. */
static void
replace_lone_surrogates(uint8_t *p, const uint8_t *end)
{
    static const uint8_t replacement[OTC_JSON_UNIT_BYTES] = {'\\', 'u', 'f', 'f', 'f', 'd'};

    while (p < end) {
        int32_t unit = otc__json_unit(p, end);

        if (!OTC_JSON_IS_SURROGATE(unit)) {
            p += 1 + (*p == '\\');
        } else if (otc__json_pair(unit, otc__json_unit(p + OTC_JSON_UNIT_BYTES, end))) {
            p += (ptrdiff_t)2 * OTC_JSON_UNIT_BYTES;
        } else {
            memcpy(p, replacement, sizeof(replacement));
            p += OTC_JSON_UNIT_BYTES;
        }
    }
}

/** A copy of the text in which big integers are reals, and lone surrogates U+FFFD. */
static bool
rewrite(struct otc_slice text, struct otc_buf *out)
{
    struct scan scan = {.p = text.data, .end = text.data + text.len};

    while (scan.p < scan.end) {
        bool big;
        const uint8_t *next = scan_token(&scan, &big);
        size_t begin = out->len;

        otc_buf_append(out, scan.p, (size_t)(next - scan.p));
        if (*scan.p == '"' && !out->failed) {
            replace_lone_surrogates(out->data + begin, out->data + out->len);
        }
        otc_buf_append_str(out, big ? "e0" : "");
        scan.p = next;
    }
    return !out->failed;
}

/* ---- Parsing ------------------------------------------------------------------------------------ */

static otc_status
refuse_nul(struct otc_slice text, const uint8_t *nul, struct otc_error *err)
{
    int line = 1, column = 1;

    for (const uint8_t *p = text.data; p < nul; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT, "bad JSON at line %d column %d: NUL", line, column);
}

static otc_status
check_limits(struct otc_slice text, const struct otc_json_limits *limits, struct scan *scan,
             struct otc_error *err)
{
    size_t max_bytes = limits && limits->max_bytes ? limits->max_bytes : DEFAULT_BYTES;
    size_t max_memory = limits && limits->max_memory ? limits->max_memory : DEFAULT_MEMORY;
    uint32_t max_depth = limits && limits->max_depth ? limits->max_depth : DEFAULT_DEPTH;

    if (max_depth > MAX_DEPTH) {
        max_depth = MAX_DEPTH;
    }
    if (text.len > max_bytes) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "JSON of %zu bytes exceeds the limit of %zu", text.len,
                        max_bytes);
    }
    *scan = scan_text(text);
    if (scan->deepest > max_depth) {
        return otc_fail(err, OTC_OUT_OF_RANGE, "JSON nests deeper than %u", max_depth);
    }
    if (scan->memory > max_memory) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "JSON would take more than %zu bytes of memory",
                        max_memory);
    }
    if (scan->nul) {
        return refuse_nul(text, scan->nul, err);
    }
    return OTC_OK;
}

otc_status
otc_json_parse(struct otc_slice text, const struct otc_json_limits *limits, struct otc_json **out,
               struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf copy = {.limit = SIZE_MAX / 2};
    struct scan scan = {0};
    json_error_t error;
    json_t *tree;
    otc_status status = check_limits(text, limits, &scan, err);

    if (status != OTC_OK) {
        return status;
    }
    if (scan.needs_rewrite) {
        if (!rewrite(text, &copy)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        text = otc_buf_slice(&copy);
    }
    tree = json_loadb(text.len ? (const char *)text.data : "", text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL,
                      &error);
    if (!tree) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        return otc_fail(err, OTC_INVALID_ARGUMENT, "bad JSON at line %d column %d: %s", error.line,
                        error.column, error.text);
    }
    *out = (struct otc_json *)(void *)tree;
    return OTC_OK;
}

static json_t *
tree_of(const struct otc_json *value)
{
    union {
        const struct otc_json *from;
        json_t *to;
    } cast = {.from = value};

    return cast.to;
}

static const struct otc_json *
value_of(const json_t *tree)
{
    return (const struct otc_json *)(const void *)tree;
}

void
otc_json_free(struct otc_json *document)
{
    json_decref(tree_of(document));
}

/* ---- Reading ------------------------------------------------------------------------------------ */

enum otc_json_type
otc_json_type_of(const struct otc_json *value)
{
    if (!value) {
        return OTC_JSON_ABSENT;
    }
    switch (json_typeof(tree_of(value))) {
    case JSON_OBJECT:
        return OTC_JSON_OBJECT;
    case JSON_ARRAY:
        return OTC_JSON_ARRAY;
    case JSON_STRING:
        return OTC_JSON_STRING;
    case JSON_INTEGER:
        return OTC_JSON_INT;
    case JSON_REAL:
        return OTC_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return OTC_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return OTC_JSON_NULL;
}

const char *
otc_json_name_of(enum otc_json_type type)
{
    static const char *const names[] = {
        [OTC_JSON_ABSENT] = "nothing", [OTC_JSON_NULL] = "null",       [OTC_JSON_BOOL] = "a boolean",
        [OTC_JSON_INT] = "a number",   [OTC_JSON_REAL] = "a number",   [OTC_JSON_STRING] = "a string",
        [OTC_JSON_ARRAY] = "an array", [OTC_JSON_OBJECT] = "an object"};

    return names[type];
}

const char *
otc_json_type_name(const struct otc_json *value)
{
    return otc_json_name_of(otc_json_type_of(value));
}

const struct otc_json *
otc_json_get(const struct otc_json *object, const char *key)
{
    return value_of(json_object_get(tree_of(object), key));
}

size_t
otc_json_size(const struct otc_json *value)
{
    switch (otc_json_type_of(value)) {
    case OTC_JSON_ARRAY:
        return json_array_size(tree_of(value));
    case OTC_JSON_OBJECT:
        return json_object_size(tree_of(value));
    case OTC_JSON_ABSENT:
    case OTC_JSON_NULL:
    case OTC_JSON_BOOL:
    case OTC_JSON_INT:
    case OTC_JSON_REAL:
    case OTC_JSON_STRING:
        break;
    }
    return 0;
}

const struct otc_json *
otc_json_at(const struct otc_json *array, size_t index)
{
    return value_of(json_array_get(tree_of(array), index));
}

bool
otc_json_next(const struct otc_json *object, void **cursor, const char **key, const struct otc_json **value)
{
    json_t *tree = tree_of(object);

    *cursor = *cursor ? json_object_iter_next(tree, *cursor) : json_object_iter(tree);
    if (!*cursor) {
        return false;
    }
    *key = json_object_iter_key(*cursor);
    *value = value_of(json_object_iter_value(*cursor));
    return true;
}

struct otc_slice
otc_json_text(const struct otc_json *value)
{
    return otc_slice_of(json_string_value(tree_of(value)), json_string_length(tree_of(value)));
}

bool
otc_json_int(const struct otc_json *value, int64_t *out)
{
    enum otc_json_type type = otc_json_type_of(value);

    if (type == OTC_JSON_INT) {
        *out = json_integer_value(tree_of(value));
        return true;
    }
    if (type == OTC_JSON_REAL) {
        double real = json_real_value(tree_of(value));

        /* 2^63 itself is no int64. */
        if (real >= -0x1p63 && real < 0x1p63 && (double)(int64_t)real == real) {
            *out = (int64_t)real;
            return true;
        }
    }
    return false;
}

bool
otc_json_number(const struct otc_json *value, double *out)
{
    enum otc_json_type type = otc_json_type_of(value);

    if (type != OTC_JSON_INT && type != OTC_JSON_REAL) {
        return false;
    }
    *out = json_number_value(tree_of(value));
    return true;
}

bool
otc_json_bool(const struct otc_json *value, bool *out)
{
    if (otc_json_type_of(value) != OTC_JSON_BOOL) {
        return false;
    }
    *out = json_is_true(tree_of(value));
    return true;
}
