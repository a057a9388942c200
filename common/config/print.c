// SPDX-License-Identifier: Apache-2.0
/* Trees as YAML or JSON text, and decoded structs as trees. */
#include "common/base/number.h"
#include "common/config/values.h"

/* ---- Text
 * ----------------------------------------------------------------------------------------------------- */

/*
 * What YAML does not take as it is, or takes as the end of a line, among characters of two and three bytes:
 * U+0080 to U+009F, U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF. Its code, or 0; the text is valid UTF-8.
 */
static unsigned
unprintable(struct otc_slice text, size_t at)
{
    const uint8_t *c = text.data + at;
    unsigned code;

    if (text.len - at >= 2 && c[0] == 0xc2 && c[1] < 0xa0) {
        return c[1];
    }
    if (text.len - at < 3 || (c[0] != 0xe2 && c[0] != 0xef)) {
        return 0;
    }
    code = (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
    return code == 0x2028 || code == 0x2029 || code == 0xfeff || code == 0xfffe || code == 0xffff ? code : 0;
}

/* JSON's quoting is also YAML's. */
static void
print_quoted(struct otc_slice text, struct otc_buf *out)
{
    otc_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        unsigned code = unprintable(text, i);

        if (code > 0) {
            otc_buf_printf(out, "\\u%04x", code);
            i += code > 0x7ff ? 2 : 1;
        } else if (c == '"' || c == '\\') {
            otc_buf_printf(out, "\\%c", c);
        } else if (c == '\n') {
            otc_buf_append_str(out, "\\n");
        } else if (c < 0x20 || c == 0x7f) {
            otc_buf_printf(out, "\\u%04x", c);
        } else {
            otc_buf_append_byte(out, c);
        }
    }
    otc_buf_append_byte(out, '"');
}

/* Plain YAML where the text reads back as the same string. */
static bool
plain_enough(struct otc_slice text)
{
    struct otc_node node = {.text = text};

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!word && strchr(i == 0 ? "_/." : "_/.-+:", c) == NULL) {
            return false;
        }
    }
    if (text.len == 0 || text.data[text.len - 1] == ':') {
        return false;
    }
    otc_scalar_resolve(&node);
    return node.kind == OTC_NODE_STRING;
}

static void
print_double(double value, enum otc_config_format format, struct otc_buf *out)
{
    char text[OTC_DOUBLE_TEXT_MAX];

    otc_format_double(value, text);
    if (value != value) {
        otc_buf_append_str(out, format == OTC_CONFIG_JSON ? "null" : ".nan");
    } else if (text[0] == '+' || text[1] == 'I') {
        otc_buf_append_str(out, format == OTC_CONFIG_JSON ? "null" : value > 0 ? ".inf" : "-.inf");
    } else {
        otc_buf_append_str(out, text);
    }
}

static void
print_scalar(const struct otc_node *node, enum otc_config_format format, struct otc_buf *out)
{
    switch (node->kind) {
    case OTC_NODE_NULL:
        otc_buf_append_str(out, "null");
        break;
    case OTC_NODE_BOOL:
        otc_buf_append_str(out, node->boolean ? "true" : "false");
        break;
    case OTC_NODE_INT:
        otc_buf_printf(out, "%lld", (long long)node->integer);
        break;
    case OTC_NODE_DOUBLE:
        print_double(node->number, format, out);
        break;
    case OTC_NODE_LIST:
        otc_buf_append_str(out, "[]");
        break;
    case OTC_NODE_MAP:
        otc_buf_append_str(out, "{}");
        break;
    case OTC_NODE_STRING:
        if (format == OTC_CONFIG_YAML && plain_enough(node->text)) {
            otc_buf_append_slice(out, node->text);
        } else {
            print_quoted(node->text, out);
        }
        break;
    }
}

static void
indent(struct otc_buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        otc_buf_append_str(out, "    ");
    }
}

static void
print_yaml(const struct otc_node *node, unsigned depth, struct otc_buf *out)
{
    bool first = true;

    for (const struct otc_node *child = node->first; child != NULL; child = child->next) {
        bool in_list = node->kind == OTC_NODE_LIST;

        indent(out, depth);
        if (in_list) {
            otc_buf_append_byte(out, '-');
        } else {
            print_scalar(&(struct otc_node){.kind = OTC_NODE_STRING, .text = child->key}, OTC_CONFIG_YAML,
                         out);
            otc_buf_append_byte(out, ':');
        }
        if (child->n > 0) {
            otc_buf_append_byte(out, '\n');
            print_yaml(child, depth + 1, out);
        } else {
            otc_buf_append_byte(out, ' ');
            print_scalar(child, OTC_CONFIG_YAML, out);
            otc_buf_append_byte(out, '\n');
        }
        first = false;
    }
    if (first && depth == 0) {
        print_scalar(node, OTC_CONFIG_YAML, out);
        otc_buf_append_byte(out, '\n');
    }
}

static void
print_json(const struct otc_node *node, unsigned depth, struct otc_buf *out)
{
    bool is_map = node->kind == OTC_NODE_MAP;

    if (node->n == 0) {
        print_scalar(node, OTC_CONFIG_JSON, out);
        return;
    }
    otc_buf_append_str(out, is_map ? "{\n" : "[\n");
    for (const struct otc_node *child = node->first; child != NULL; child = child->next) {
        indent(out, depth + 1);
        if (is_map) {
            print_quoted(child->key, out);
            otc_buf_append_str(out, ": ");
        }
        print_json(child, depth + 1, out);
        otc_buf_append_str(out, child->next != NULL ? ",\n" : "\n");
    }
    indent(out, depth);
    otc_buf_append_byte(out, is_map ? '}' : ']');
}

bool
otc_node_print(const struct otc_node *node, enum otc_config_format format, struct otc_buf *out)
{
    if (format == OTC_CONFIG_YAML) {
        print_yaml(node, 0, out);
    } else {
        print_json(node, 0, out);
        otc_buf_append_byte(out, '\n');
    }
    return !out->failed;
}

/* ---- Decoded structs
 * ------------------------------------------------------------------------------------------ */

static struct otc_node *
text_node(struct otc_document *doc, const char *text)
{
    return text == NULL ? otc_document_node(doc, OTC_NODE_NULL)
                        : otc_document_string(doc, otc_slice_str(text));
}

static struct otc_node *
strings_node(struct otc_document *doc, const struct otc_field *field, const otc_strings *value)
{
    struct otc_node *list = otc_document_node(doc, OTC_NODE_LIST);

    for (size_t i = 0; list != NULL && i < value->n; i++) {
        struct otc_node *item = text_node(doc, field->secret ? "[REDACTED]" : value->items[i]);

        if (item == NULL) {
            return NULL;
        }
        otc_node_append(list, item);
    }
    return list;
}

static struct otc_node *
headers_node(struct otc_document *doc, const otc_headers *value)
{
    struct otc_node *map = otc_document_node(doc, OTC_NODE_MAP);

    for (size_t i = 0; map != NULL && i < value->n; i++) {
        struct otc_node *item = text_node(doc, "[REDACTED]");

        if (item == NULL) {
            return NULL;
        }
        item->key = otc_arena_copy(&doc->arena, otc_slice_str(value->items[i].name));
        otc_node_append(map, item);
    }
    return map;
}

static struct otc_node *
numbers_node(struct otc_document *doc, const otc_numbers *value)
{
    struct otc_node *map = otc_document_node(doc, OTC_NODE_MAP);

    for (size_t i = 0; map != NULL && i < value->n; i++) {
        struct otc_node *item = otc_document_node(doc, OTC_NODE_DOUBLE);

        if (item == NULL) {
            return NULL;
        }
        item->number = value->items[i].value;
        item->key = otc_arena_copy(&doc->arena, otc_slice_str(value->items[i].key));
        otc_node_append(map, item);
    }
    return map;
}

static struct otc_node *
number_node(struct otc_document *doc, const struct otc_field *field, const void *member)
{
    enum otc_node_kind kind = field->type == OTC_TYPE_BOOL     ? OTC_NODE_BOOL
                              : field->type == OTC_TYPE_DOUBLE ? OTC_NODE_DOUBLE
                                                               : OTC_NODE_INT;
    struct otc_node *node = otc_document_node(doc, kind);

    if (node == NULL) {
        return NULL;
    }
    if (kind == OTC_NODE_BOOL) {
        node->boolean = *(const bool *)member;
    } else if (kind == OTC_NODE_DOUBLE) {
        node->number = *(const double *)member;
    } else {
        node->integer = *(const int64_t *)member;
    }
    return node;
}

static struct otc_node *
value_node(struct otc_document *doc, const struct otc_field *field, const void *member)
{
    const char *value;
    char text[32];
    int index;

    switch (field->type) {
    case OTC_TYPE_BOOL:
    case OTC_TYPE_INT:
    case OTC_TYPE_DOUBLE:
        return number_node(doc, field, member);
    case OTC_TYPE_STRING:
        value = *(char *const *)member != NULL ? *(char *const *)member : "";
        return text_node(doc, field->secret && *value != '\0' ? "[REDACTED]" : value);
    case OTC_TYPE_DURATION:
        otc_duration_format(*(const otc_duration *)member, text);
        return text_node(doc, text);
    case OTC_TYPE_BYTES:
        otc_bytes_format(*(const otc_bytes *)member, text);
        return text_node(doc, text);
    case OTC_TYPE_CHOICE:
        index = ((const otc_choice *)member)->index;
        return text_node(doc, field->choices[index]);
    case OTC_TYPE_SECRET:
        return text_node(doc, ((const otc_secret *)member)->text != NULL ? "[REDACTED]" : "");
    case OTC_TYPE_STRINGS:
        return strings_node(doc, field, member);
    case OTC_TYPE_HEADERS:
        return headers_node(doc, member);
    case OTC_TYPE_NUMBERS:
        return numbers_node(doc, member);
    case OTC_TYPE_LIST:
    case OTC_TYPE_STRUCT:
    case OTC_TYPE_OPTIONAL:
        break;
    }
    return NULL;
}

static struct otc_node *
list_node(struct otc_document *doc, const struct otc_field *field, const otc_list *value,
          const struct otc_node *node)
{
    struct otc_node *list = otc_document_node(doc, OTC_NODE_LIST);
    const struct otc_node *written = node != NULL && node->kind == OTC_NODE_LIST ? node->first : NULL;

    for (size_t i = 0; list != NULL && i < value->n; i++) {
        struct otc_node *item =
            otc_config_describe(field->sub, (const char *)value->items + i * field->sub->size, written, doc);

        if (item == NULL) {
            return NULL;
        }
        otc_node_append(list, item);
        written = written != NULL ? written->next : NULL;
    }
    return list;
}

static void
redact_scalar(struct otc_node *node)
{
    if (node->kind != OTC_NODE_NULL && node->kind != OTC_NODE_MAP && node->kind != OTC_NODE_LIST) {
        node->kind = OTC_NODE_STRING;
        node->text = otc_slice_str("[REDACTED]");
        node->has_original = false;
    }
}

/* Of headers: the values of a map, or those of a list of {name, value}. */
static void
redact_headers(struct otc_node *headers)
{
    for (struct otc_node *item = headers->first; item != NULL; item = item->next) {
        redact_scalar(item);
        for (struct otc_node *member = item->first; member != NULL; member = member->next) {
            if (!otc_slice_equal_str(member->key, "name")) {
                redact_scalar(member);
            }
        }
    }
}

/* What was kept as written has no types that say what is secret: names do. */
static void
redact_by_name(struct otc_node *node)
{
    static const char *const names[] = {"password", "token",   "client_secret", "access_token",
                                        "api_key",  "key_pem", "hmac_key",      "headers_list"};

    for (struct otc_node *child = node->first; child != NULL; child = child->next) {
        if (otc_slice_equal_str(child->key, "headers")) {
            redact_headers(child);
        }
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (otc_slice_equal_str(child->key, names[i])) {
                redact_scalar(child);
            }
        }
        redact_by_name(child);
    }
}

/* A setting with a parser of its own, as written or by its default. */
static struct otc_node *
own_node(struct otc_document *doc, const struct otc_field *field, const struct otc_node *node)
{
    struct otc_node *copy = otc_document_node(doc, OTC_NODE_NULL);

    if (node != NULL) {
        copy = otc_document_copy(doc, node);
        if (copy != NULL) {
            redact_by_name(copy);
        }
        return copy;
    }
    if (copy != NULL && field->def != NULL &&
        otc_yaml_read(doc, otc_slice_str(field->def), "default", &copy, NULL) != OTC_OK) {
        return NULL;
    }
    return copy;
}

static struct otc_node *
disabled_node(struct otc_document *doc)
{
    struct otc_node *map = otc_document_node(doc, OTC_NODE_MAP);
    struct otc_node *enabled = otc_document_node(doc, OTC_NODE_BOOL);

    if (map == NULL || enabled == NULL) {
        return NULL;
    }
    enabled->key = otc_slice_str("enabled");
    otc_node_append(map, enabled);
    return map;
}

/* The key alone would switch a section on, so one that is off by default and in fact is not shown. */
static bool
shown(const struct otc_field *field, const void *value)
{
    return field->type != OTC_TYPE_OPTIONAL || field->parse != NULL || field->on_by_default ||
           *(const void *const *)(const void *)((const char *)value + field->offset) != NULL;
}

static struct otc_node *
field_node(struct otc_document *doc, const struct otc_field *field, const void *value,
           const struct otc_node *map)
{
    const void *member = (const char *)value + field->offset;
    const struct otc_node *node = otc_node_get(map, field->key);

    if (node == NULL && field->deprecated_key != NULL) {
        node = otc_node_get(map, field->deprecated_key);
    }
    if (field->parse != NULL) {
        return own_node(doc, field, node);
    }
    if (field->type == OTC_TYPE_STRUCT) {
        return otc_config_describe(field->sub, member, node, doc);
    }
    if (field->type == OTC_TYPE_OPTIONAL) {
        const void *section = *(const void *const *)member;

        return section != NULL ? otc_config_describe(field->sub, section, node, doc) : disabled_node(doc);
    }
    if (field->type == OTC_TYPE_LIST) {
        return list_node(doc, field, member, node);
    }
    return value_node(doc, field, member);
}

struct otc_node *
otc_config_describe(const struct otc_schema *schema, const void *value, const struct otc_node *node,
                    struct otc_document *doc)
{
    struct otc_node *map = otc_document_node(doc, OTC_NODE_MAP);

    for (const struct otc_field *f = schema->fields; map != NULL && f->key != NULL; f++) {
        struct otc_node *child;

        if (!shown(f, value)) {
            continue;
        }
        child = field_node(doc, f, value, node);
        if (child == NULL) {
            return NULL;
        }
        child->key = otc_slice_str(f->key);
        otc_node_append(map, child);
    }
    return map;
}
