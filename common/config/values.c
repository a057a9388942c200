// SPDX-License-Identifier: Apache-2.0
#include "common/config/values.h"

#include "common/base/number.h"

#include <math.h>
#include <strings.h>

static otc_status
wrong_type(struct otc_error *err, const char *expected, const struct otc_node *node)
{
    return otc_fail(err, OTC_INVALID_ARGUMENT, "expected type '%s', got unconvertible type '%s'", expected,
                    otc_node_type_name(node));
}

static otc_status
out_of_memory(struct otc_error *err)
{
    return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
}

static otc_status
store_text(struct otc_config *owner, struct otc_slice text, char **out, struct otc_error *err)
{
    *out = otc_config_strdup(owner, text);
    return *out != NULL ? OTC_OK : out_of_memory(err);
}

static otc_status
read_int(const struct otc_node *node, int64_t *out, struct otc_error *err)
{
    if (node->kind == OTC_NODE_INT) {
        *out = node->integer;
        return OTC_OK;
    }
    if (node->kind == OTC_NODE_DOUBLE && node->number >= -0x1p63 && node->number < 0x1p63 &&
        floor(node->number) == node->number) {
        *out = (int64_t)node->number;
        return OTC_OK;
    }
    return wrong_type(err, "int", node);
}

static otc_status
read_double(const struct otc_node *node, double *out, struct otc_error *err)
{
    if (node->kind != OTC_NODE_INT && node->kind != OTC_NODE_DOUBLE) {
        return wrong_type(err, "float64", node);
    }
    *out = node->kind == OTC_NODE_INT ? (double)node->integer : node->number;
    return OTC_OK;
}

static otc_status
read_bool(const struct otc_node *node, bool *out, struct otc_error *err)
{
    if (node->kind != OTC_NODE_BOOL) {
        return wrong_type(err, "bool", node);
    }
    *out = node->boolean;
    return OTC_OK;
}

static otc_status
read_string(const struct otc_node *node, char **out, struct otc_config *owner, struct otc_error *err)
{
    struct otc_slice text;

    if (!otc_node_string(node, &text)) {
        return wrong_type(err, "string", node);
    }
    return store_text(owner, text, out, err);
}

/* A bare integer is nanoseconds, as in the Collector. */
static otc_status
read_duration(const struct otc_node *node, otc_duration *out, struct otc_error *err)
{
    if (node->kind == OTC_NODE_STRING) {
        return otc_duration_parse(node->text, out, err);
    }
    return node->kind == OTC_NODE_INT ? read_int(node, &out->ns, err) : wrong_type(err, "duration", node);
}

/* Units of sizes; those that are printed first. Also those of log files' readers in the Collector: 1kb is
 * 1000 bytes, in any case. */
static const struct {
    const char *suffix;
    int64_t bytes;
} byte_units[] = {{"GiB", INT64_C(1) << 30}, {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10},
                  {"GB", 1000000000},        {"MB", 1000000},           {"KB", 1000}};
#define N_PRINTED_UNITS 3

/* The unit that the text ends with, which is cut off; 1 without one. */
static int64_t
take_unit(struct otc_slice *text)
{
    for (size_t i = 0; i < sizeof(byte_units) / sizeof(byte_units[0]); i++) {
        size_t len = strlen(byte_units[i].suffix);

        if (text->len > len &&
            strncasecmp((const char *)text->data + text->len - len, byte_units[i].suffix, len) == 0) {
            text->len -= len;
            return byte_units[i].bytes;
        }
    }
    return 1;
}

static otc_status
read_bytes(const struct otc_node *node, otc_bytes *out, struct otc_error *err)
{
    struct otc_slice text = node->text;
    int64_t n, unit;

    if (node->kind != OTC_NODE_STRING) {
        return read_int(node, &out->n, err);
    }
    unit = take_unit(&text);
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    if (unit == 1 || !otc_parse_int64(text, &n) || n > INT64_MAX / unit || n < -(INT64_MAX / unit)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "invalid size \"%.*s\" (a number of bytes, or with KiB, MiB, GiB, KB, MB, GB)",
                        OTC_SLICE_ARG(node->text));
    }
    out->n = n * unit;
    return OTC_OK;
}

void
otc_bytes_format(otc_bytes bytes, char out[32])
{
    for (size_t i = 0; i < N_PRINTED_UNITS; i++) {
        int64_t unit = byte_units[i].bytes;

        if (bytes.n != 0 && bytes.n % unit == 0) {
            snprintf(out, 32, "%lld%s", (long long)(bytes.n / unit), byte_units[i].suffix);
            return;
        }
    }
    snprintf(out, 32, "%lld", (long long)bytes.n);
}

static otc_status
unknown_choice(const char *const *choices, struct otc_slice text, struct otc_error *err)
{
    struct otc_buf list = {.limit = 600};

    for (size_t i = 0; choices[i] != NULL; i++) {
        otc_buf_printf(&list, "%s%s", i == 0 ? "" : " ", choices[i]);
    }
    otc_fail(err, OTC_INVALID_ARGUMENT, "unknown value \"%.*s\" (valid values: [%s])", OTC_SLICE_ARG(text),
             otc_buf_cstr(&list) != NULL ? otc_buf_cstr(&list) : "");
    otc_buf_release(&list);
    return OTC_INVALID_ARGUMENT;
}

static int
find_choice(const char *const *choices, struct otc_slice text)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (strlen(choices[i]) == text.len &&
            strncasecmp(choices[i], (const char *)text.data, text.len) == 0) {
            return i;
        }
    }
    return -1;
}

static otc_status
check_choice(const char *const *choices, struct otc_slice text, struct otc_error *err)
{
    return choices == NULL || find_choice(choices, text) >= 0 ? OTC_OK : unknown_choice(choices, text, err);
}

static otc_status
read_choice(const struct otc_field *field, const struct otc_node *node, otc_choice *out,
            struct otc_error *err)
{
    struct otc_slice text = node->text;

    if (node->kind == OTC_NODE_MAP || node->kind == OTC_NODE_LIST) {
        return wrong_type(err, "string", node);
    }
    out->index = find_choice(field->choices, text);
    return out->index >= 0 ? OTC_OK : unknown_choice(field->choices, text, err);
}

static otc_status
add_string(const struct otc_field *field, struct otc_slice text, otc_strings *out, struct otc_config *owner,
           struct otc_error *err)
{
    otc_status status = check_choice(field->choices, text, err);

    return status == OTC_OK ? store_text(owner, text, &out->items[out->n++], err) : status;
}

/* "a,b" for a list is split at the commas. */
static otc_status
split_strings(const struct otc_field *field, struct otc_slice text, otc_strings *out,
              struct otc_config *owner, struct otc_error *err)
{
    size_t n = 1;
    otc_status status = OTC_OK;

    if (text.len == 0) {
        return OTC_OK;
    }
    for (size_t i = 0; i < text.len; i++) {
        n += text.data[i] == ',';
    }
    out->items = otc_config_alloc(owner, n * sizeof(char *));
    if (out->items == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < n && status == OTC_OK; i++) {
        const uint8_t *comma = text.len > 0 ? memchr(text.data, ',', text.len) : NULL;
        size_t len = comma != NULL ? (size_t)(comma - text.data) : text.len;

        status = add_string(field, otc_slice_of(text.data, len), out, owner, err);
        text = otc_slice_skip(text, len + 1);
    }
    return status;
}

static otc_status
read_strings(const struct otc_field *field, const struct otc_node *node, otc_strings *out,
             struct otc_config *owner, struct otc_error *err)
{
    size_t index = 0;
    otc_status status = OTC_OK;

    *out = (otc_strings){0};
    if (node->kind == OTC_NODE_STRING) {
        return split_strings(field, node->text, out, owner, err);
    }
    if (node->kind != OTC_NODE_LIST) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "source data must be an array or slice, got %s",
                        otc_node_type_name(node));
    }
    out->items = otc_config_alloc(owner, (node->n + 1) * sizeof(char *));
    if (out->items == NULL) {
        return out_of_memory(err);
    }
    for (const struct otc_node *item = node->first; item != NULL && status == OTC_OK; item = item->next) {
        struct otc_slice text;

        if (otc_node_string(item, &text)) {
            status = add_string(field, text, out, owner, err);
        } else {
            status = wrong_type(err, "string", item);
        }
        if (status != OTC_OK) {
            otc_error_prefix(err, "item %zu", index);
        }
        index++;
    }
    return status;
}

static otc_status
add_header(struct otc_slice name, const struct otc_node *value, otc_headers *out, struct otc_config *owner,
           struct otc_error *err)
{
    struct otc_header *header = &out->items[out->n];
    struct otc_slice text;

    if (otc_node_is_null(value)) {
        text = otc_slice_str("");
    } else if (!otc_node_string(value, &text)) {
        wrong_type(err, "string", value);
        return otc_error_prefix(err, "%.*s", OTC_SLICE_ARG(name));
    }
    for (size_t i = 0; i < out->n; i++) {
        if (otc_slice_equal_str(name, out->items[i].name)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "duplicate keys in map-style list: [%.*s]",
                            OTC_SLICE_ARG(name));
        }
    }
    header->name = otc_config_strdup(owner, name);
    header->value = otc_config_strdup(owner, text);
    if (header->name == NULL || header->value == NULL) {
        return out_of_memory(err);
    }
    out->n++;
    return OTC_OK;
}

static otc_status
add_header_pair(const struct otc_node *item, otc_headers *out, struct otc_config *owner,
                struct otc_error *err)
{
    const struct otc_node *name = otc_node_get(item, "name");
    struct otc_slice text;

    if (item->kind != OTC_NODE_MAP || name == NULL || !otc_node_string(name, &text)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "each item must be {name: …, value: …}");
    }
    for (const struct otc_node *member = item->first; member != NULL; member = member->next) {
        if (!otc_slice_equal_str(member->key, "name") && !otc_slice_equal_str(member->key, "value")) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "has invalid keys: %.*s", OTC_SLICE_ARG(member->key));
        }
    }
    return add_header(text, otc_node_get(item, "value"), out, owner, err);
}

static otc_status
read_headers(const struct otc_node *node, otc_headers *out, struct otc_config *owner, struct otc_error *err)
{
    otc_status status = OTC_OK;

    *out = (otc_headers){0};
    if (node->kind != OTC_NODE_MAP && node->kind != OTC_NODE_LIST) {
        return wrong_type(err, "map[string]string", node);
    }
    out->items = otc_config_alloc(owner, (node->n + 1) * sizeof(struct otc_header));
    if (out->items == NULL) {
        return out_of_memory(err);
    }
    for (const struct otc_node *item = node->first; item != NULL && status == OTC_OK; item = item->next) {
        status = node->kind == OTC_NODE_MAP ? add_header(item->key, item, out, owner, err)
                                            : add_header_pair(item, out, owner, err);
    }
    return status;
}

static otc_status
read_numbers(const struct otc_field *field, const struct otc_node *node, otc_numbers *out,
             struct otc_config *owner, struct otc_error *err)
{
    otc_status status = OTC_OK;

    *out = (otc_numbers){0};
    if (node->kind != OTC_NODE_MAP) {
        return wrong_type(err, "map[string]float64", node);
    }
    out->items = otc_config_alloc(owner, (node->n + 1) * sizeof(struct otc_number_entry));
    if (out->items == NULL) {
        return out_of_memory(err);
    }
    for (const struct otc_node *item = node->first; item != NULL && status == OTC_OK; item = item->next) {
        struct otc_number_entry *entry = &out->items[out->n++];

        status = check_choice(field->choices, item->key, err);
        if (status == OTC_OK) {
            status = read_double(item, &entry->value, err);
        }
        if (status == OTC_OK) {
            status = store_text(owner, item->key, &entry->key, err);
        } else {
            otc_error_prefix(err, "%.*s", OTC_SLICE_ARG(item->key));
        }
    }
    return status;
}

otc_status
otc_value_read(const struct otc_field *field, const struct otc_node *node, void *member,
               struct otc_config *owner, struct otc_error *err)
{
    switch (field->type) {
    case OTC_TYPE_BOOL:
        return read_bool(node, member, err);
    case OTC_TYPE_INT:
        return read_int(node, member, err);
    case OTC_TYPE_DOUBLE:
        return read_double(node, member, err);
    case OTC_TYPE_STRING:
        return read_string(node, member, owner, err);
    case OTC_TYPE_DURATION:
        return read_duration(node, member, err);
    case OTC_TYPE_BYTES:
        return read_bytes(node, member, err);
    case OTC_TYPE_CHOICE:
        return read_choice(field, node, member, err);
    case OTC_TYPE_SECRET:
        return read_string(node, &((otc_secret *)member)->text, owner, err);
    case OTC_TYPE_STRINGS:
        return read_strings(field, node, member, owner, err);
    case OTC_TYPE_HEADERS:
        return read_headers(node, member, owner, err);
    case OTC_TYPE_NUMBERS:
        return read_numbers(field, node, member, owner, err);
    case OTC_TYPE_LIST:
    case OTC_TYPE_STRUCT:
    case OTC_TYPE_OPTIONAL:
        break;
    }
    return otc_fail(err, OTC_INTERNAL, "no value of this type");
}

/* ---- Limits
 * --------------------------------------------------------------------------------------------------- */

/* long double holds every int64 and every double. */
static bool
value_magnitude(const struct otc_field *field, const void *member, long double *out)
{
    switch (field->type) {
    case OTC_TYPE_INT:
        *out = *(const int64_t *)member;
        return true;
    case OTC_TYPE_DOUBLE:
        *out = *(const double *)member;
        return true;
    case OTC_TYPE_DURATION:
        *out = ((const otc_duration *)member)->ns;
        return true;
    case OTC_TYPE_BYTES:
        *out = ((const otc_bytes *)member)->n;
        return true;
    case OTC_TYPE_STRINGS:
        *out = ((const otc_strings *)member)->n;
        return true;
    case OTC_TYPE_LIST:
        *out = ((const otc_list *)member)->n;
        return true;
    case OTC_TYPE_BOOL:
    case OTC_TYPE_STRING:
    case OTC_TYPE_CHOICE:
    case OTC_TYPE_SECRET:
    case OTC_TYPE_HEADERS:
    case OTC_TYPE_NUMBERS:
    case OTC_TYPE_STRUCT:
    case OTC_TYPE_OPTIONAL:
        break;
    }
    return false;
}

static bool
limit_magnitude(const struct otc_field *field, const char *text, long double *out)
{
    struct otc_node node = {.text = otc_slice_str(text), .kind = OTC_NODE_STRING};
    union {
        int64_t integer;
        double number;
        otc_duration duration;
        otc_bytes bytes;
        otc_strings strings;
        otc_list list;
    } value = {.strings = {NULL, 0}};

    if (text == NULL) {
        return false;
    }
    if (field->type == OTC_TYPE_STRINGS || field->type == OTC_TYPE_LIST) {
        bool ok = otc_parse_int64(node.text, &value.integer);

        *out = value.integer;
        return ok;
    }
    if (field->type != OTC_TYPE_DURATION) {
        otc_scalar_resolve(&node);
    }
    return otc_value_read(field, &node, &value, NULL, NULL) == OTC_OK && value_magnitude(field, &value, out);
}

static void
got_text(const struct otc_field *field, const struct otc_node *node, long double value, char out[64])
{
    char duration[32];

    if (field->type == OTC_TYPE_DURATION) {
        otc_duration_format((otc_duration){(int64_t)value}, duration);
        snprintf(out, 64, "%s", duration);
    } else if (node->kind == OTC_NODE_LIST) {
        snprintf(out, 64, "%lld items", (long long)value);
    } else {
        snprintf(out, 64, "%.*s", OTC_SLICE_ARG(node->text));
    }
}

otc_status
otc_value_check(const struct otc_field *field, const struct otc_node *node, const void *member,
                struct otc_error *err)
{
    long double value, min, max;
    char got[64];
    bool has_min, has_max;

    if ((field->min == NULL && field->max == NULL) || !value_magnitude(field, member, &value)) {
        return OTC_OK;
    }
    has_min = limit_magnitude(field, field->min, &min);
    has_max = limit_magnitude(field, field->max, &max);
    /* NaN is outside of any limits. */
    if ((!has_min || value >= min) && (!has_max || value <= max)) {
        return OTC_OK;
    }
    got_text(field, node, value, got);
    if (has_min && has_max) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "must be between %s and %s, got %s", field->min,
                        field->max, got);
    }
    return otc_fail(err, OTC_FAILED_PRECONDITION, "must be at %s %s, got %s", has_min ? "least" : "most",
                    has_min ? field->min : field->max, got);
}

/* ---- Defaults
 * ------------------------------------------------------------------------------------------------- */

bool
otc_value_is_compound(const struct otc_field *field)
{
    return field->parse != NULL || field->type == OTC_TYPE_LIST || field->type == OTC_TYPE_HEADERS ||
           field->type == OTC_TYPE_NUMBERS || (field->type == OTC_TYPE_STRINGS && field->def[0] == '[');
}

otc_status
otc_value_default(const struct otc_field *field, struct otc_node *scratch, struct otc_document **doc,
                  const struct otc_node **out, struct otc_error *err)
{
    *doc = NULL;
    *out = scratch;
    *scratch = (struct otc_node){.kind = OTC_NODE_STRING, .text = otc_slice_str(field->def)};
    if (otc_value_is_compound(field)) {
        otc_status status = otc_document_parse(scratch->text, "default", doc, err);

        *out = status == OTC_OK ? otc_document_root(*doc) : NULL;
        return status;
    }
    if (field->type == OTC_TYPE_BOOL || field->type == OTC_TYPE_INT || field->type == OTC_TYPE_DOUBLE ||
        field->type == OTC_TYPE_BYTES) {
        otc_scalar_resolve(scratch);
    }
    return OTC_OK;
}

const char *
otc_value_type_name(const struct otc_field *field)
{
    static const char *const names[] = {
        [OTC_TYPE_BOOL] = "bool",
        [OTC_TYPE_INT] = "int",
        [OTC_TYPE_DOUBLE] = "number",
        [OTC_TYPE_STRING] = "string",
        [OTC_TYPE_DURATION] = "duration",
        [OTC_TYPE_BYTES] = "bytes",
        [OTC_TYPE_CHOICE] = "choice",
        [OTC_TYPE_SECRET] = "secret string",
        [OTC_TYPE_STRINGS] = "list of strings",
        [OTC_TYPE_HEADERS] = "map of secret strings",
        [OTC_TYPE_NUMBERS] = "map of numbers",
        [OTC_TYPE_LIST] = "list",
        [OTC_TYPE_STRUCT] = "section",
        [OTC_TYPE_OPTIONAL] = "section",
    };

    if (field->secret) {
        return field->type == OTC_TYPE_STRINGS ? "list of secret strings" : "secret string";
    }
    return names[field->type];
}
