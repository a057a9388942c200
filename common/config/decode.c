// SPDX-License-Identifier: Apache-2.0
/* Walks a field table and a node together. Every error of the subtree is kept, so that one run shows them
 * all. */
#include "common/config/suggest.h"
#include "common/config/values.h"

#define ERRORS_MAX 4096u
#define CONFIG_BYTES_MAX ((size_t)16 << 20)
#define INVALID_KEYS_MAX 64u

/* Where the walk is; lives on the stack. */
struct place {
    const struct place *parent;
    /** A key, or NULL: an item of a list. */
    const char *key;
    size_t index;
    /** A section that `enabled: false` switches off. */
    bool optional;
};

struct decoder {
    struct otc_config *config;
    const char *path;
    /** Decoding errors ('a.b' …), and validation errors (x::a::b: …). */
    struct otc_buf malformed;
    struct otc_buf invalid;
};

static void decode_struct(struct decoder *d, const struct otc_schema *schema, const struct otc_node *node,
                          void *value, const struct place *place);

static void
dotted(const struct place *place, struct otc_buf *out)
{
    if (place == NULL) {
        return;
    }
    dotted(place->parent, out);
    if (place->key == NULL) {
        otc_buf_printf(out, "[%zu]", place->index);
    } else {
        otc_buf_printf(out, "%s%s", out->len == 0 ? "" : ".", place->key);
    }
}

static void
coloned(const struct place *place, struct otc_buf *out)
{
    if (place == NULL) {
        return;
    }
    coloned(place->parent, out);
    if (out->len > 0) {
        otc_buf_append_str(out, "::");
    }
    if (place->key == NULL) {
        otc_buf_printf(out, "%zu", place->index);
    } else {
        otc_buf_append_str(out, place->key);
    }
}

static void
end_line(struct otc_buf *out, const struct otc_node *node)
{
    char position[512];

    otc_node_position(node, position, sizeof(position));
    if (position[0] != '\0') {
        otc_buf_printf(out, " (%s)", position);
    }
}

static void
malformed(struct decoder *d, const struct place *place, const struct otc_node *node, const char *what)
{
    struct otc_buf path = {.limit = 1024};
    const char *text;

    dotted(place, &path);
    text = otc_buf_cstr(&path);
    otc_buf_printf(&d->malformed, "%s'%s' %s", d->malformed.len > 0 ? "\n" : "", text != NULL ? text : "…",
                   what);
    end_line(&d->malformed, node);
    otc_buf_release(&path);
}

static void
invalid(struct decoder *d, const struct otc_schema *schema, const struct place *place,
        const struct otc_node *node, struct otc_error *err)
{
    struct otc_buf path = {.limit = 1024};
    const char *text;

    node = schema != NULL ? otc_node_nearest(node, err->text) : node;
    otc_buf_append_str(&path, d->path);
    coloned(place, &path);
    text = otc_buf_cstr(&path);
    otc_config_error_path(schema, text != NULL ? text : d->path, err);
    otc_buf_printf(&d->invalid, "%s%s", d->invalid.len > 0 ? "\n" : "", err->text);
    end_line(&d->invalid, node);
    otc_buf_release(&path);
}

static void
note(struct otc_config *config, enum otc_log_level level, const char *text)
{
    struct otc_config_note *entry = otc_config_alloc(config, sizeof(*entry));

    if (entry == NULL) {
        return;
    }
    entry->level = level;
    entry->text = otc_config_strdup(config, otc_slice_str(text));
    if (entry->text == NULL) {
        return;
    }
    if (config->last_note != NULL) {
        config->last_note->next = entry;
    } else {
        config->notes = entry;
    }
    config->last_note = entry;
}

/* A note "a::b: what (position)". */
static void
note_at(struct decoder *d, enum otc_log_level level, const struct place *place, const struct otc_node *node,
        const char *what)
{
    struct otc_buf text = {.limit = 1024};
    const char *line;

    otc_buf_append_str(&text, d->path);
    coloned(place, &text);
    otc_buf_printf(&text, ": %s", what);
    end_line(&text, node);
    line = otc_buf_cstr(&text);
    if (line != NULL) {
        note(d->config, level, line);
    }
    otc_buf_release(&text);
}

static void
note_field(struct decoder *d, const struct otc_field *field, const struct place *place,
           const struct otc_node *node)
{
    char what[300];

    if (field->inert) {
        note_at(d, OTC_LOG_INFO, place, node, "accepted, without effect here");
        return;
    }
    snprintf(what, sizeof(what), "\"%s\" is deprecated, use \"%s\" instead", field->deprecated_key,
             field->key);
    note_at(d, OTC_LOG_WARN, place, node, what);
}

/* A number without unit is taken as the Collector takes it, which is seldom what was meant. */
static void
note_nanoseconds(struct decoder *d, const struct otc_field *field, const struct place *place,
                 const struct otc_node *node)
{
    char what[120];

    if (field->type != OTC_TYPE_DURATION || node->kind != OTC_NODE_INT || node->integer == 0) {
        return;
    }
    snprintf(what, sizeof(what), "%lld without a unit means nanoseconds; write \"%llds\" for seconds",
             (long long)node->integer, (long long)node->integer);
    note_at(d, OTC_LOG_WARN, place, node, what);
}

/* ---- Unknown keys
 * --------------------------------------------------------------------------------------------- */

static bool
known_key(const struct otc_schema *schema, struct otc_slice key)
{
    for (const struct otc_field *f = schema->fields; f->key != NULL; f++) {
        if (otc_slice_equal_str(key, f->key) ||
            (f->deprecated_key != NULL && otc_slice_equal_str(key, f->deprecated_key))) {
            return true;
        }
    }
    return false;
}

static int
by_key(const void *a, const void *b)
{
    const struct otc_node *const *left = a;
    const struct otc_node *const *right = b;

    return otc_slice_compare((*left)->key, (*right)->key);
}

static void
check_keys(struct decoder *d, const struct otc_schema *schema, const struct otc_node *node,
           const struct place *place)
{
    const bool optional = place != NULL && place->optional;
    const struct otc_node *unknown[INVALID_KEYS_MAX];
    size_t n = 0;
    struct otc_buf text = {.limit = 2048};
    struct otc_suggestion suggestion = {0};

    for (const struct otc_node *m = node->first; m != NULL && n < INVALID_KEYS_MAX; m = m->next) {
        if (!known_key(schema, m->key) && !(optional && otc_slice_equal_str(m->key, "enabled"))) {
            unknown[n++] = m;
        }
    }
    if (n == 0) {
        return;
    }
    qsort(unknown, n, sizeof(const struct otc_node *), by_key);
    otc_buf_append_str(&text, "has invalid keys: ");
    for (size_t i = 0; i < n; i++) {
        otc_buf_printf(&text, "%s%.*s", i == 0 ? "" : ", ", OTC_SLICE_ARG(unknown[i]->key));
    }
    for (const struct otc_field *f = schema->fields; f->key != NULL && n == 1; f++) {
        otc_suggest(&suggestion, unknown[0]->key, f->key);
    }
    if (suggestion.best != NULL) {
        otc_buf_printf(&text, " (did you mean \"%s\"?)", suggestion.best);
    }
    malformed(d, place, unknown[0], otc_buf_cstr(&text) != NULL ? otc_buf_cstr(&text) : "has invalid keys");
    otc_buf_release(&text);
}

/* ---- Fields
 * --------------------------------------------------------------------------------------------------- */

static void
decode_list(struct decoder *d, const struct otc_field *field, const struct otc_node *node, otc_list *out,
            const struct place *place)
{
    char text[80];
    char *item;

    *out = (otc_list){0};
    if (node->kind != OTC_NODE_LIST) {
        snprintf(text, sizeof(text), "source data must be an array or slice, got %s",
                 otc_node_type_name(node));
        malformed(d, place, node, text);
        return;
    }
    item = otc_config_alloc(d->config, node->n * field->sub->size + 1);
    if (item == NULL) {
        malformed(d, place, node, "is too large");
        return;
    }
    out->items = item;
    for (const struct otc_node *n = node->first; n != NULL; n = n->next, item += field->sub->size) {
        struct place at = {.parent = place, .index = out->n++};

        decode_struct(d, field->sub, n, item, &at);
    }
}

/* False: the section is switched off by `enabled: false`. */
static bool
section_enabled(struct decoder *d, const struct otc_schema *schema, const struct otc_node *node,
                const struct place *place)
{
    const struct otc_node *enabled = otc_node_get(node, "enabled");
    char text[200];

    if (otc_node_is_null(enabled)) {
        return true;
    }
    if (enabled->kind != OTC_NODE_BOOL && known_key(schema, otc_slice_str("enabled"))) {
        return true; /* its own field says what is wrong */
    }
    if (enabled->kind != OTC_NODE_BOOL) {
        snprintf(text, sizeof(text),
                 "unexpected type %s for 'enabled': got '%.*s' value expected 'true' or 'false'",
                 otc_node_type_name(enabled), OTC_SLICE_ARG(enabled->text));
        malformed(d, place, enabled, text);
        return true;
    }
    return enabled->boolean;
}

static void
decode_optional(struct decoder *d, const struct otc_field *field, const struct otc_node *node, void **out,
                const struct place *place)
{
    const bool absent = field->null_is_absent ? otc_node_is_null(node) : node == NULL;

    *out = NULL;
    if ((absent && !field->on_by_default) || !section_enabled(d, field->sub, node, place)) {
        return;
    }
    *out = otc_config_alloc(d->config, field->sub->size);
    if (*out == NULL) {
        malformed(d, place, node, "is too large");
        return;
    }
    decode_struct(d, field->sub, node, *out, place);
}

static void
decode_value(struct decoder *d, const struct otc_field *field, const struct otc_node *node, void *member,
             const struct place *place)
{
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status;

    if (field->parse == NULL && field->type == OTC_TYPE_LIST) {
        decode_list(d, field, node, member, place);
        status = OTC_OK;
    } else if (field->parse != NULL) {
        status = field->parse(node, member, d->config, &err);
    } else {
        status = otc_value_read(field, node, member, d->config, &err);
    }
    if (status != OTC_OK) {
        malformed(d, place, node, err.text);
    } else if (otc_value_check(field, node, member, &err) != OTC_OK) {
        invalid(d, NULL, place, node, &err);
    } else {
        note_nanoseconds(d, field, place, node);
    }
}

static void
set_default(struct decoder *d, const struct otc_field *field, void *member, const struct place *place)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_node scratch;
    struct otc_document *doc = NULL;
    const struct otc_node *node;

    if (field->def == NULL) {
        return;
    }
    if (otc_value_default(field, &scratch, &doc, &node, &err) == OTC_OK) {
        decode_value(d, field, node, member, place);
    } else {
        malformed(d, place, NULL, err.text);
    }
    otc_document_free(doc);
}

static const struct otc_node *
find_field(struct decoder *d, const struct otc_field *field, const struct otc_node *map,
           const struct place *place)
{
    const struct otc_node *node = otc_node_get(map, field->key);
    const struct otc_node *old =
        field->deprecated_key != NULL ? otc_node_get(map, field->deprecated_key) : NULL;
    char text[300];

    if (node != NULL && old != NULL) {
        snprintf(text, sizeof(text), "is set twice: \"%s\" is the former name of \"%s\"",
                 field->deprecated_key, field->key);
        malformed(d, place, old, text);
    }
    if (old != NULL && node == NULL) {
        note_field(d, field, place, old);
        node = old;
    } else if (node != NULL && field->inert) {
        note_field(d, field, place, node);
    }
    return node;
}

static void
decode_field(struct decoder *d, const struct otc_field *field, const struct otc_node *map, void *value,
             const struct place *parent)
{
    struct place place = {.parent = parent, .key = field->key, .optional = field->type == OTC_TYPE_OPTIONAL};
    void *member = (char *)value + field->offset;
    const struct otc_node *node = find_field(d, field, map, &place);

    if (field->type == OTC_TYPE_STRUCT && field->parse == NULL) {
        decode_struct(d, field->sub, node, member, &place);
        return;
    }
    if (field->type == OTC_TYPE_OPTIONAL && field->parse == NULL) {
        decode_optional(d, field, node, member, &place);
        return;
    }
    /* A null keeps the default; only for text an unset variable is the empty text. */
    if (!otc_node_is_null(node) || (node != NULL && node->has_original &&
                                    (field->type == OTC_TYPE_STRING || field->type == OTC_TYPE_SECRET))) {
        decode_value(d, field, node, member, &place);
        if (field->set_at > 0) {
            *(bool *)((char *)value + field->set_at) = true;
        }
        return;
    }
    set_default(d, field, member, &place);
}

static bool
may_be_empty(enum otc_field_type type)
{
    return type == OTC_TYPE_STRING || type == OTC_TYPE_SECRET || type == OTC_TYPE_STRINGS ||
           type == OTC_TYPE_LIST || type == OTC_TYPE_HEADERS || type == OTC_TYPE_NUMBERS ||
           type == OTC_TYPE_OPTIONAL;
}

/* Texts, lists and sections by what they came to; of other types every value, zero too, may be meant: those
 * are set where the user set them. */
static bool
field_is_set(const struct otc_field *field, const void *value, const struct otc_node *node)
{
    const void *member = (const char *)value + field->offset;

    switch (field->type) {
    case OTC_TYPE_STRING:
    case OTC_TYPE_SECRET: {
        const char *text = *(const char *const *)member;

        return text != NULL && text[0] != '\0';
    }
    case OTC_TYPE_STRINGS:
        return ((const otc_strings *)member)->n > 0;
    case OTC_TYPE_LIST:
        return ((const otc_list *)member)->n > 0;
    case OTC_TYPE_OPTIONAL:
        return *(const void *const *)member != NULL;
    case OTC_TYPE_HEADERS:
        return ((const otc_headers *)member)->n > 0;
    case OTC_TYPE_NUMBERS:
        return ((const otc_numbers *)member)->n > 0;
    case OTC_TYPE_STRUCT:
        return true;
    case OTC_TYPE_INT:
    case OTC_TYPE_DURATION:
    case OTC_TYPE_BOOL:
    case OTC_TYPE_DOUBLE:
    case OTC_TYPE_BYTES:
    case OTC_TYPE_CHOICE:
        break;
    }
    return !otc_node_is_null(otc_node_get(node, field->key)) ||
           (field->deprecated_key != NULL && !otc_node_is_null(otc_node_get(node, field->deprecated_key)));
}

static void
check_struct(struct decoder *d, const struct otc_schema *schema, const struct otc_node *node,
             const void *value, const struct place *place)
{
    struct otc_error err = OTC_ERROR_INIT;

    for (const struct otc_field *f = schema->fields; f->key != NULL; f++) {
        if (f->required && f->parse == NULL && !field_is_set(f, value, node)) {
            otc_fail(&err, OTC_FAILED_PRECONDITION, "requires %s\"%s\"",
                     may_be_empty(f->type) ? "a non-empty " : "", f->key);
            invalid(d, NULL, place, node, &err);
            return;
        }
    }
    if (schema->check != NULL && schema->check(value, &err) != OTC_OK) {
        invalid(d, schema, place, node, &err);
    }
}

/* `node` unless it is the short form, then a made-up map with the one key that is meant. */
static const struct otc_node *
long_form(const struct otc_schema *schema, const struct otc_node *node, struct otc_node *map,
          struct otc_node *item)
{
    if (otc_node_is_null(node) || node->kind == OTC_NODE_MAP || schema->scalar_key == NULL) {
        return node;
    }
    *item = *node;
    item->next = NULL;
    item->key = otc_slice_str(schema->scalar_key);
    *map = (struct otc_node){
        .kind = OTC_NODE_MAP, .file = node->file, .line = node->line, .column = node->column};
    otc_node_append(map, item);
    return map;
}

static void
decode_struct(struct decoder *d, const struct otc_schema *schema, const struct otc_node *node, void *value,
              const struct place *place)
{
    struct otc_node map, item;
    size_t errors = d->malformed.len + d->invalid.len;
    char text[80];

    node = long_form(schema, node, &map, &item);
    if (!otc_node_is_null(node) && node->kind != OTC_NODE_MAP) {
        if (place == NULL) {
            snprintf(text, sizeof(text),
                     "expected type 'map[string]interface {}', got unconvertible type '%s'",
                     otc_node_type_name(node));
        } else {
            snprintf(text, sizeof(text), "expected a map or struct, got \"%s\"", otc_node_type_name(node));
        }
        malformed(d, place, node, text);
        return;
    }
    if (node != NULL) {
        check_keys(d, schema, node, place);
    }
    for (const struct otc_field *f = schema->fields; f->key != NULL; f++) {
        decode_field(d, f, node, value, place);
    }
    if (errors == d->malformed.len + d->invalid.len) {
        check_struct(d, schema, node, value, place);
    }
}

/* ---- The configuration
 * ---------------------------------------------------------------------------------------- */

static otc_status
report(struct decoder *d, struct otc_error *err)
{
    if (d->malformed.len > 0) {
        const char *text = otc_buf_cstr(&d->malformed);

        return otc_fail(err, OTC_INVALID_ARGUMENT, "decoding failed due to the following error(s):\n\n%s",
                        text != NULL ? text : "too many errors");
    }
    if (d->invalid.len > 0) {
        const char *text = otc_buf_cstr(&d->invalid);

        return otc_fail(err, OTC_FAILED_PRECONDITION, "%s", text != NULL ? text : "too many errors");
    }
    return OTC_OK;
}

otc_status
otc_config_decode(const struct otc_schema *schema, const struct otc_node *node, const char *path,
                  struct otc_config **out, struct otc_error *err)
{
    struct otc_config *config = calloc(1, sizeof(*config));
    struct decoder d = {config, path, {.limit = ERRORS_MAX}, {.limit = ERRORS_MAX}};
    otc_status status;

    if (config == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    otc_arena_init(&config->arena, CONFIG_BYTES_MAX);
    config->value = otc_config_alloc(config, schema->size > 0 ? schema->size : 1);
    if (config->value == NULL) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    } else {
        decode_struct(&d, schema, node, config->value, NULL);
        status = report(&d, err);
    }
    otc_buf_release(&d.malformed);
    otc_buf_release(&d.invalid);
    if (status != OTC_OK) {
        otc_config_free(config);
        return status;
    }
    *out = config;
    return OTC_OK;
}

const void *
otc_config_value(const struct otc_config *config)
{
    return config->value;
}

const struct otc_config_note *
otc_config_notes(const struct otc_config *config)
{
    return config->notes;
}

void
otc_config_free(struct otc_config *config)
{
    if (config != NULL) {
        otc_arena_release(&config->arena);
        free(config);
    }
}

char *
otc_config_strdup(struct otc_config *config, struct otc_slice text)
{
    return otc_arena_strndup(&config->arena, text.data != NULL ? text.data : (const uint8_t *)"", text.len);
}

void *
otc_config_alloc(struct otc_config *config, size_t size)
{
    return otc_arena_alloc(&config->arena, size);
}

otc_status
otc_config_error_path(const struct otc_schema *schema, const char *path, struct otc_error *err)
{
    size_t len = strcspn(err->text, ":");
    bool begins_with_key =
        schema != NULL && err->text[len] == ':' && known_key(schema, otc_slice_of(err->text, len));
    char tail[OTC_ERROR_TEXT_MAX];

    if (path[0] == '\0') {
        return err->status;
    }
    if (!begins_with_key) {
        return otc_error_prefix(err, "%s", path);
    }
    memcpy(tail, err->text, sizeof(tail));
    return otc_fail(err, err->status, "%s::%s", path, tail);
}
