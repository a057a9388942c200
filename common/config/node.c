// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"
#include "common/config/document.h"

#define DOCUMENT_BYTES_MAX ((size_t)64 << 20)

struct otc_document *
otc_document_new(void)
{
    struct otc_document *doc = calloc(1, sizeof(*doc));

    if (doc == NULL) {
        return NULL;
    }
    otc_arena_init(&doc->arena, DOCUMENT_BYTES_MAX);
    doc->root = otc_document_node(doc, OTC_NODE_NULL);
    if (doc->root == NULL) {
        otc_document_free(doc);
        return NULL;
    }
    return doc;
}

void
otc_document_free(struct otc_document *doc)
{
    if (doc != NULL) {
        otc_arena_release(&doc->arena);
        free(doc);
    }
}

const struct otc_node *
otc_document_root(const struct otc_document *doc)
{
    return doc->root;
}

static void
forget_positions(struct otc_node *node)
{
    node->line = 0;
    for (struct otc_node *child = node->first; child != NULL; child = child->next) {
        forget_positions(child);
    }
}

void
otc_document_forget_positions(struct otc_document *doc)
{
    forget_positions(doc->root);
}

static void
take_originals(struct otc_node *node)
{
    const struct otc_node *pair = node->first, *value, *original;

    if (node->kind == OTC_NODE_MAP && node->n == 1 && otc_slice_equal_str(pair->key, "${}") &&
        pair->kind == OTC_NODE_LIST && pair->n == 2 && pair->last->kind == OTC_NODE_STRING) {
        value = pair->first;
        original = pair->last;
        otc_node_assign(node, value);
        node->original = original->text;
        node->has_original = true;
        return;
    }
    for (struct otc_node *child = node->first; child != NULL; child = child->next) {
        take_originals(child);
    }
}

void
otc_document_take_originals(struct otc_document *doc)
{
    take_originals(doc->root);
}

const struct otc_config_note *
otc_document_notes(const struct otc_document *doc)
{
    return doc->notes;
}

bool
otc_node_equal(const struct otc_node *a, const struct otc_node *b)
{
    const struct otc_node *x, *y;

    if (otc_node_is_null(a) || otc_node_is_null(b)) {
        return otc_node_is_null(a) && otc_node_is_null(b);
    }
    if (a->kind != b->kind || a->n != b->n || a->has_original != b->has_original ||
        !otc_slice_equal(a->text, b->text) || !otc_slice_equal(a->original, b->original)) {
        return false;
    }
    for (x = a->first, y = b->first; x != NULL; x = x->next, y = y->next) {
        if (!otc_slice_equal(x->key, y->key) || !otc_node_equal(x, y)) {
            return false;
        }
    }
    return true;
}

otc_status
otc_node_error(const struct otc_node *node, struct otc_error *err)
{
    char position[512];
    size_t len;

    if (err == NULL) {
        return OTC_UNKNOWN;
    }
    otc_node_position(node, position, sizeof(position));
    len = strlen(err->text);
    if (position[0] != '\0') {
        snprintf(err->text + len, sizeof(err->text) - len, " (%s)", position);
    }
    return err->status;
}

void
otc_document_note(struct otc_document *doc, enum otc_log_level level, const char *text, const char *name)
{
    struct otc_config_note *note = otc_arena_alloc(&doc->arena, sizeof(*note));

    if (note == NULL) {
        return;
    }
    *note = (struct otc_config_note){.level = level, .text = text, .name = name};
    if (doc->last_note != NULL) {
        doc->last_note->next = note;
    } else {
        doc->notes = note;
    }
    doc->last_note = note;
}

struct otc_node *
otc_document_node(struct otc_document *doc, enum otc_node_kind kind)
{
    struct otc_node *node = NULL;

    if (doc->n_nodes < OTC_CONFIG_NODES_MAX) {
        node = otc_arena_alloc(&doc->arena, sizeof(*node));
    }
    if (node != NULL) {
        doc->n_nodes++;
        node->kind = kind;
    }
    return node;
}

struct otc_node *
otc_document_string(struct otc_document *doc, struct otc_slice text)
{
    struct otc_node *node = otc_document_node(doc, OTC_NODE_STRING);

    if (node != NULL) {
        node->text = otc_arena_copy(&doc->arena, text);
    }
    return node;
}

struct otc_node *
otc_document_copy(struct otc_document *doc, const struct otc_node *node)
{
    struct otc_node *copy = otc_document_node(doc, node->kind);

    if (copy == NULL) {
        return NULL;
    }
    *copy = *node;
    copy->first = copy->last = copy->next = NULL;
    copy->n = 0;
    for (const struct otc_node *child = node->first; child != NULL; child = child->next) {
        struct otc_node *child_copy = otc_document_copy(doc, child);

        if (child_copy == NULL) {
            return NULL;
        }
        otc_node_append(copy, child_copy);
    }
    return copy;
}

void
otc_node_append(struct otc_node *parent, struct otc_node *child)
{
    child->next = NULL;
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
    parent->n++;
}

struct otc_node *
otc_node_find(const struct otc_node *map, struct otc_slice key)
{
    if (map == NULL || map->kind != OTC_NODE_MAP) {
        return NULL;
    }
    for (struct otc_node *child = map->first; child != NULL; child = child->next) {
        if (otc_slice_equal(child->key, key)) {
            return child;
        }
    }
    return NULL;
}

const struct otc_node *
otc_node_get(const struct otc_node *map, const char *key)
{
    return otc_node_find(map, otc_slice_str(key));
}

void
otc_node_assign(struct otc_node *node, const struct otc_node *value)
{
    struct otc_node kept = *node;

    *node = *value;
    node->key = kept.key;
    node->next = kept.next;
    node->file = kept.file;
    node->line = kept.line;
    node->column = kept.column;
}

void
otc_node_put(struct otc_node *map, struct otc_node *child)
{
    struct otc_node *old = otc_node_find(map, child->key);

    if (old == NULL) {
        otc_node_append(map, child);
    } else {
        struct otc_node *next = old->next;

        *old = *child;
        old->next = next;
    }
}

bool
otc_node_is_null(const struct otc_node *node)
{
    return node == NULL || node->kind == OTC_NODE_NULL;
}

bool
otc_node_string(const struct otc_node *node, struct otc_slice *out)
{
    if (node->has_original) {
        *out = node->original;
        return true;
    }
    if (node->kind == OTC_NODE_STRING) {
        *out = node->text;
        return true;
    }
    return false;
}

const char *
otc_node_type_name(const struct otc_node *node)
{
    static const char *const names[] = {
        [OTC_NODE_NULL] = "<nil>",     [OTC_NODE_BOOL] = "bool",     [OTC_NODE_INT] = "int",
        [OTC_NODE_DOUBLE] = "float64", [OTC_NODE_STRING] = "string", [OTC_NODE_LIST] = "slice",
        [OTC_NODE_MAP] = "map",
    };

    return names[node == NULL ? OTC_NODE_NULL : node->kind];
}

void
otc_node_position(const struct otc_node *node, char *out, size_t size)
{
    if (node == NULL || node->line == 0 || node->file == NULL) {
        snprintf(out, size, "%s", "");
    } else {
        snprintf(out, size, "%s:%u:%u", node->file, node->line, node->column);
    }
}

/* The child of one step of a path: a key, or the number of an item. */
static const struct otc_node *
step_down(const struct otc_node *node, struct otc_slice step)
{
    const struct otc_node *child =
        node->kind == OTC_NODE_MAP || node->kind == OTC_NODE_LIST ? node->first : NULL;
    int64_t index;

    if (node->kind == OTC_NODE_MAP) {
        while (child != NULL && !otc_slice_equal(child->key, step)) {
            child = child->next;
        }
        return child;
    }
    if (!otc_parse_int64(step, &index) || index < 0) {
        return NULL;
    }
    for (; child != NULL && index > 0; index--) {
        child = child->next;
    }
    return child;
}

const struct otc_node *
otc_node_nearest(const struct otc_node *node, const char *path)
{
    while (node != NULL && *path != '\0') {
        size_t len = strcspn(path, ":[]");
        const struct otc_node *child = step_down(node, otc_slice_of(path, len));

        if (child == NULL) {
            break;
        }
        node = child;
        path += len;
        path += *path == ']';
        if (*path == '[') {
            path++;
        } else if (strncmp(path, "::", 2) == 0) {
            path += 2;
        } else {
            break;
        }
    }
    return node;
}

struct otc_node *
otc_node_merge(struct otc_node *base, struct otc_node *over)
{
    if (base == NULL || base->kind != OTC_NODE_MAP || over->kind != OTC_NODE_MAP) {
        return over;
    }
    for (struct otc_node *child = over->first, *next; child != NULL; child = next) {
        struct otc_node *old = otc_node_find(base, child->key);

        next = child->next;
        if (old == NULL) {
            otc_node_append(base, child);
        } else if (old->kind == OTC_NODE_MAP && child->kind == OTC_NODE_MAP) {
            otc_node_merge(old, child);
        } else {
            otc_node_put(base, child);
        }
    }
    return base;
}
