// SPDX-License-Identifier: Apache-2.0
/* libyaml's events become nodes. Aliases are copied against a budget, so that no tree is a graph or a bomb.
 */
#include "common/config/document.h"

#include <yaml.h>

#define ANCHORS_MAX 1000u

struct anchor {
    struct otc_slice name;
    struct otc_node *node;
    bool complete;
    struct anchor *next;
};

struct reader {
    yaml_parser_t parser;
    struct otc_document *doc;
    const char *file;
    struct otc_slice text;
    struct anchor *anchors;
    size_t n_anchors;
    size_t alias_nodes;
    struct otc_error *err;
};

static otc_status read_node(struct reader *r, yaml_event_t *event, unsigned depth, struct otc_node **out);

static otc_status
fail_at(struct reader *r, yaml_mark_t mark, const char *what)
{
    return otc_fail(r->err, OTC_INVALID_ARGUMENT, "%s:%zu:%zu: %s", r->file, mark.line + 1, mark.column + 1,
                    what);
}

/* Takes the next event; the caller deletes it. */
static otc_status
next_event(struct reader *r, yaml_event_t *event)
{
    const yaml_parser_t *p = &r->parser;

    if (yaml_parser_parse(&r->parser, event)) {
        return OTC_OK;
    }
    if (p->error == YAML_READER_ERROR) {
        size_t line = 1, column = 1;

        for (size_t i = 0; i < p->problem_offset && i < r->text.len; i++) {
            column = r->text.data[i] == '\n' ? 1 : column + 1;
            line += r->text.data[i] == '\n';
        }
        return otc_fail(r->err, OTC_INVALID_ARGUMENT, "%s:%zu:%zu: %s", r->file, line, column,
                        p->problem ? p->problem : "unreadable");
    }
    if (p->context != NULL) {
        return otc_fail(r->err, OTC_INVALID_ARGUMENT, "%s:%zu:%zu: %s, %s", r->file, p->problem_mark.line + 1,
                        p->problem_mark.column + 1, p->context, p->problem ? p->problem : "invalid YAML");
    }
    return fail_at(r, p->problem_mark, p->problem ? p->problem : "invalid YAML");
}

static otc_status
remember_anchor(struct reader *r, const yaml_event_t *event, const yaml_char_t *name, struct otc_node *node,
                struct anchor **out)
{
    struct anchor *anchor;

    *out = NULL;
    if (name == NULL) {
        return OTC_OK;
    }
    if (++r->n_anchors > ANCHORS_MAX) {
        return fail_at(r, event->start_mark, "too many anchors (at most 1000)");
    }
    anchor = otc_arena_alloc(&r->doc->arena, sizeof(*anchor));
    if (anchor == NULL) {
        return otc_document_full(r->err);
    }
    anchor->name = otc_arena_copy(&r->doc->arena, otc_slice_str((const char *)name));
    anchor->node = node;
    anchor->next = r->anchors;
    r->anchors = anchor;
    *out = anchor;
    return OTC_OK;
}

static otc_status
copy_counted(struct reader *r, yaml_mark_t mark, const struct otc_node *node, struct otc_node **out)
{
    size_t before = r->doc->n_nodes;

    *out = otc_document_copy(r->doc, node);
    r->alias_nodes += r->doc->n_nodes - before;
    if (r->alias_nodes > OTC_CONFIG_ALIAS_NODES_MAX) {
        return fail_at(r, mark, "document contains excessive aliasing");
    }
    return *out != NULL ? OTC_OK : otc_document_full(r->err);
}

static otc_status
read_alias(struct reader *r, const yaml_event_t *event, struct otc_node **out)
{
    struct otc_slice name = otc_slice_str((const char *)event->data.alias.anchor);
    const struct anchor *anchor = r->anchors;

    while (anchor != NULL && !otc_slice_equal(anchor->name, name)) {
        anchor = anchor->next;
    }
    if (anchor == NULL) {
        return fail_at(r, event->start_mark, "unknown anchor referenced");
    }
    if (!anchor->complete) {
        return fail_at(r, event->start_mark, "anchor value contains itself");
    }
    return copy_counted(r, event->start_mark, anchor->node, out);
}

/* The node's own position is where it was written, which for an alias is not where it is used. */
static void
place(struct reader *r, struct otc_node *node, yaml_mark_t mark)
{
    node->file = r->file;
    node->line = (uint32_t)mark.line + 1;
    node->column = (uint32_t)mark.column + 1;
}

static otc_status
apply_tag(struct reader *r, const yaml_event_t *event, struct otc_node *node)
{
    static const struct {
        const char *tag;
        enum otc_node_kind kind;
    } tags[] = {
        {YAML_NULL_TAG, OTC_NODE_NULL},  {YAML_BOOL_TAG, OTC_NODE_BOOL},    {YAML_INT_TAG, OTC_NODE_INT},
        {YAML_STR_TAG, OTC_NODE_STRING}, {YAML_FLOAT_TAG, OTC_NODE_DOUBLE},
    };
    const char *tag = (const char *)event->data.scalar.tag;

    if (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0) {
        node->kind = OTC_NODE_STRING;
        return OTC_OK;
    }
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (strcmp(tag, tags[i].tag) != 0) {
            continue;
        }
        otc_scalar_resolve(node);
        if (node->kind == OTC_NODE_INT && tags[i].kind == OTC_NODE_DOUBLE) {
            node->kind = OTC_NODE_DOUBLE;
            node->number = (double)node->integer;
        }
        if (node->kind != tags[i].kind) {
            return fail_at(r, event->start_mark, "the value is not what its tag says");
        }
        return OTC_OK;
    }
    return fail_at(r, event->start_mark,
                   "this tag is not supported (allowed: !!str !!int !!float !!bool !!null "
                   "!!seq !!map)");
}

static otc_status
read_scalar(struct reader *r, const yaml_event_t *event, struct otc_node **out)
{
    const bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct otc_slice text = otc_slice_of(event->data.scalar.value, event->data.scalar.length);
    struct otc_node *node = otc_document_string(r->doc, text);
    struct anchor *anchor;
    otc_status status = OTC_OK;

    if (node == NULL) {
        return otc_document_full(r->err);
    }
    if (memchr(text.data, 0, text.len) != NULL) {
        return fail_at(r, event->start_mark, "a value must not contain a NUL byte");
    }
    place(r, node, event->start_mark);
    node->plain = plain && event->data.scalar.tag == NULL;
    if (event->data.scalar.tag != NULL) {
        status = apply_tag(r, event, node);
    } else if (plain) {
        otc_scalar_resolve(node);
    }
    if (status == OTC_OK) {
        status = remember_anchor(r, event, event->data.scalar.anchor, node, &anchor);
    }
    if (status == OTC_OK) {
        *out = node;
        if (anchor != NULL) {
            anchor->complete = true;
        }
    }
    return status;
}

static otc_status
check_collection_tag(struct reader *r, const yaml_event_t *event, const yaml_char_t *tag, const char *own)
{
    if (tag == NULL || strcmp((const char *)tag, own) == 0 || strcmp((const char *)tag, "!") == 0) {
        return OTC_OK;
    }
    return fail_at(r, event->start_mark,
                   "this tag is not supported (allowed: !!str !!int !!float !!bool !!null "
                   "!!seq !!map)");
}

static otc_status
read_list(struct reader *r, const yaml_event_t *start, unsigned depth, struct otc_node **out)
{
    struct otc_node *list = otc_document_node(r->doc, OTC_NODE_LIST);
    struct anchor *anchor = NULL;
    otc_status status;

    if (list == NULL) {
        return otc_document_full(r->err);
    }
    place(r, list, start->start_mark);
    status = check_collection_tag(r, start, start->data.sequence_start.tag, YAML_SEQ_TAG);
    if (status == OTC_OK) {
        status = remember_anchor(r, start, start->data.sequence_start.anchor, list, &anchor);
    }
    while (status == OTC_OK) {
        yaml_event_t event;
        struct otc_node *item = NULL;
        bool end;

        status = next_event(r, &event);
        if (status != OTC_OK) {
            break;
        }
        end = event.type == YAML_SEQUENCE_END_EVENT;
        status = end ? OTC_OK : read_node(r, &event, depth + 1, &item);
        yaml_event_delete(&event);
        if (end) {
            break;
        }
        if (status == OTC_OK) {
            otc_node_append(list, item);
        }
    }
    if (anchor != NULL) {
        anchor->complete = true;
    }
    *out = list;
    return status;
}

/* `<<`: what the map does not say itself comes from the merged map, the first of several winning. */
static otc_status
merge_into(struct reader *r, yaml_mark_t mark, struct otc_node *map, const struct otc_node *value)
{
    if (value->kind == OTC_NODE_LIST) {
        otc_status status = OTC_OK;

        for (const struct otc_node *v = value->first; v != NULL && status == OTC_OK; v = v->next) {
            if (v->kind != OTC_NODE_MAP) {
                return fail_at(r, mark, "map merge requires map or sequence of maps as the value");
            }
            status = merge_into(r, mark, map, v);
        }
        return status;
    }
    if (value->kind != OTC_NODE_MAP) {
        return fail_at(r, mark, "map merge requires map or sequence of maps as the value");
    }
    for (const struct otc_node *child = value->first; child != NULL; child = child->next) {
        struct otc_node *copy;
        otc_status status;

        if (otc_node_find(map, child->key) != NULL) {
            continue;
        }
        status = copy_counted(r, mark, child, &copy);
        if (status != OTC_OK) {
            return status;
        }
        otc_node_append(map, copy);
    }
    return OTC_OK;
}

static int
compare_keys(const void *a, const void *b)
{
    const struct otc_node *const *left = a;
    const struct otc_node *const *right = b;

    return otc_slice_compare((*left)->key, (*right)->key);
}

static otc_status
check_duplicates(struct reader *r, const struct otc_node *map)
{
    const struct otc_node **sorted;
    const struct otc_node *child = map->first;
    otc_status status = OTC_OK;

    if (map->n < 2) {
        return OTC_OK;
    }
    sorted = malloc(map->n * sizeof(const struct otc_node *));
    if (sorted == NULL) {
        return otc_document_full(r->err);
    }
    for (size_t i = 0; i < map->n; i++, child = child->next) {
        sorted[i] = child;
    }
    qsort(sorted, map->n, sizeof(const struct otc_node *), compare_keys);
    for (size_t i = 1; i < map->n && status == OTC_OK; i++) {
        const struct otc_node *a = sorted[i - 1];
        const struct otc_node *b = sorted[i];

        if (otc_slice_equal(a->key, b->key)) {
            const struct otc_node *later = a->line > b->line ? a : b;

            status = otc_fail(r->err, OTC_INVALID_ARGUMENT,
                              "%s:%u:%u: mapping key \"%.*s\" already defined at line %u", r->file,
                              later->line, later->column, OTC_SLICE_ARG(a->key), (later == a ? b : a)->line);
        }
    }
    free(sorted);
    return status;
}

/* One key with its value. Keys must be scalars; what they look like does not matter, their text is the key.
 */
static otc_status
read_pair(struct reader *r, yaml_event_t *key_event, unsigned depth, struct otc_node *map,
          struct otc_node *merges)
{
    struct otc_node *key = NULL;
    struct otc_node *value = NULL;
    yaml_event_t event;
    otc_status status = read_node(r, key_event, depth + 1, &key);

    if (status != OTC_OK) {
        return status;
    }
    if (key->kind == OTC_NODE_LIST || key->kind == OTC_NODE_MAP) {
        return fail_at(r, key_event->start_mark, "a key must be a scalar");
    }
    status = next_event(r, &event);
    if (status != OTC_OK) {
        return status;
    }
    status = read_node(r, &event, depth + 1, &value);
    yaml_event_delete(&event);
    if (status != OTC_OK) {
        return status;
    }
    if (key->plain && otc_slice_equal_str(key->text, "<<")) {
        otc_node_append(merges, value);
        return OTC_OK;
    }
    value->key = key->text;
    place(r, value, key_event->start_mark);
    otc_node_append(map, value);
    return OTC_OK;
}

static otc_status
finish_map(struct reader *r, yaml_mark_t mark, struct otc_node *map, const struct otc_node *merges)
{
    otc_status status = check_duplicates(r, map);

    for (const struct otc_node *m = merges->first; m != NULL && status == OTC_OK; m = m->next) {
        status = merge_into(r, mark, map, m);
    }
    return status;
}

static otc_status
read_map(struct reader *r, const yaml_event_t *start, unsigned depth, struct otc_node **out)
{
    struct otc_node *map = otc_document_node(r->doc, OTC_NODE_MAP);
    struct otc_node *merges = otc_document_node(r->doc, OTC_NODE_LIST);
    struct anchor *anchor = NULL;
    otc_status status;

    if (map == NULL || merges == NULL) {
        return otc_document_full(r->err);
    }
    place(r, map, start->start_mark);
    status = check_collection_tag(r, start, start->data.mapping_start.tag, YAML_MAP_TAG);
    if (status == OTC_OK) {
        status = remember_anchor(r, start, start->data.mapping_start.anchor, map, &anchor);
    }
    while (status == OTC_OK) {
        yaml_event_t event;
        bool end;

        status = next_event(r, &event);
        if (status != OTC_OK) {
            break;
        }
        end = event.type == YAML_MAPPING_END_EVENT;
        status = end ? OTC_OK : read_pair(r, &event, depth, map, merges);
        yaml_event_delete(&event);
        if (end) {
            break;
        }
    }
    if (status == OTC_OK) {
        status = finish_map(r, start->start_mark, map, merges);
    }
    if (anchor != NULL) {
        anchor->complete = true;
    }
    *out = map;
    return status;
}

static otc_status
read_node(struct reader *r, yaml_event_t *event, unsigned depth, struct otc_node **out)
{
    if (depth > OTC_CONFIG_DEPTH_MAX) {
        return fail_at(r, event->start_mark, "values are nested too deeply (at most 64 levels)");
    }
    if (event->type == YAML_ALIAS_EVENT) {
        return read_alias(r, event, out);
    }
    if (event->type == YAML_SCALAR_EVENT) {
        return read_scalar(r, event, out);
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        return read_list(r, event, depth, out);
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        return read_map(r, event, depth, out);
    }
    return fail_at(r, event->start_mark, "invalid YAML");
}

/* A further document is not read: the Collector reads the first alone. */
static otc_status
read_stream(struct reader *r, struct otc_node **out)
{
    otc_status status = OTC_OK;
    bool first = true;

    for (bool end = false; status == OTC_OK && !end;) {
        yaml_event_t event;

        status = next_event(r, &event);
        if (status != OTC_OK) {
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT || (!first && event.type == YAML_DOCUMENT_END_EVENT);
        if (first && event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT &&
            !end) {
            status = read_node(r, &event, 0, out);
            first = false;
        }
        yaml_event_delete(&event);
    }
    return status;
}

otc_status
otc_yaml_read(struct otc_document *doc, struct otc_slice text, const char *file, struct otc_node **out,
              struct otc_error *err)
{
    struct reader reader = {.doc = doc, .file = file, .text = text, .err = err};
    struct otc_node *root;
    otc_status status;

    if (text.len > OTC_CONFIG_FILE_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the file has %zu bytes, at most %u are allowed", file,
                        text.len, OTC_CONFIG_FILE_MAX);
    }
    root = otc_document_node(doc, OTC_NODE_NULL);
    if (root == NULL || !yaml_parser_initialize(&reader.parser)) {
        return otc_document_full(err);
    }
    yaml_parser_set_input_string(&reader.parser, text.data != NULL ? text.data : (const uint8_t *)"",
                                 text.len);
    status = read_stream(&reader, &root);
    yaml_parser_delete(&reader.parser);
    if (status == OTC_OK) {
        *out = root;
    }
    return status;
}
