// SPDX-License-Identifier: Apache-2.0
#include "common/json/scan.h"

#include "common/json/read_impl.h"

#include <stdlib.h>

#define NONE UINT32_MAX

/* ---- Paths -------------------------------------------------------------------------------------- */

/* A step of one or more paths. Node 0 is the whole text. */
struct node {
    struct otc_slice key; /* malloced */
    size_t index;
    bool is_index;
    uint32_t child, sibling; /* NONE: none */
    uint32_t slot;           /* NONE: no path ends here */
};

struct otc_json_paths {
    struct node *nodes;
    uint32_t n, n_slots;
};

static uint32_t
add_node(struct otc_json_paths *paths, const struct otc_json_step *step)
{
    struct node *grown = reallocarray(paths->nodes, paths->n + 1, sizeof(*grown));
    struct node node = {.child = NONE, .sibling = NONE, .slot = NONE};

    if (!grown) {
        return NONE;
    }
    paths->nodes = grown;
    if (step) {
        char *key = strndup(step->is_index ? "" : (const char *)step->key.data, step->key.len);

        if (!key) {
            return NONE;
        }
        node.key = otc_slice_of(key, step->is_index ? 0 : step->key.len);
        node.index = step->index;
        node.is_index = step->is_index;
    }
    paths->nodes[paths->n] = node;
    return paths->n++;
}

struct otc_json_paths *
otc_json_paths_new(void)
{
    struct otc_json_paths *paths = calloc(1, sizeof(*paths));

    if (paths && add_node(paths, NULL) == NONE) {
        free(paths);
        return NULL;
    }
    return paths;
}

void
otc_json_paths_free(struct otc_json_paths *paths)
{
    for (uint32_t i = 0; paths && i < paths->n; i++) {
        free((void *)(uintptr_t)paths->nodes[i].key.data);
    }
    if (paths) {
        free(paths->nodes);
    }
    free(paths);
}

static uint32_t
child_by_key(const struct otc_json_paths *paths, uint32_t parent, struct otc_slice key)
{
    uint32_t at = parent == NONE ? NONE : paths->nodes[parent].child;

    while (at != NONE && (paths->nodes[at].is_index || !otc_slice_equal(paths->nodes[at].key, key))) {
        at = paths->nodes[at].sibling;
    }
    return at;
}

static uint32_t
child_by_index(const struct otc_json_paths *paths, uint32_t parent, size_t index)
{
    uint32_t at = parent == NONE ? NONE : paths->nodes[parent].child;

    while (at != NONE && !(paths->nodes[at].is_index && paths->nodes[at].index == index)) {
        at = paths->nodes[at].sibling;
    }
    return at;
}

bool
otc_json_paths_add(struct otc_json_paths *paths, const struct otc_json_step *steps, size_t n, size_t *slot)
{
    uint32_t at = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t next = steps[i].is_index ? child_by_index(paths, at, steps[i].index)
                                          : child_by_key(paths, at, steps[i].key);

        if (next == NONE) {
            next = add_node(paths, &steps[i]);
            if (next == NONE) {
                return false;
            }
            paths->nodes[next].sibling = paths->nodes[at].child;
            paths->nodes[at].child = next;
        }
        at = next;
    }
    if (paths->nodes[at].slot == NONE) {
        paths->nodes[at].slot = paths->n_slots++;
    }
    *slot = paths->nodes[at].slot;
    return true;
}

size_t
otc_json_paths_count(const struct otc_json_paths *paths)
{
    return paths->n_slots;
}

/* ---- Scanning ----------------------------------------------------------------------------------- */

/* An open array or object. */
struct frame {
    const uint8_t *begin;
    size_t index;
    uint32_t node; /* NONE: no path leads here */
    bool object;
};

struct scanner {
    const struct otc_json_paths *paths;
    struct otc_json_view *views;
    struct otc_json_reader in;
    size_t depth;
    struct frame frames[OTC_JSON_SCAN_DEPTH];
};

/* Forgets what an earlier member of the same name had at and below a node. */
static void
forget(struct scanner *s, uint32_t node)
{
    const struct node *at = &s->paths->nodes[node];

    if (at->slot != NONE) {
        s->views[at->slot].type = OTC_JSON_ABSENT;
    }
    for (uint32_t child = at->child; child != NONE; child = s->paths->nodes[child].sibling) {
        forget(s, child);
    }
}

static void
keep(struct scanner *s, uint32_t node, const struct otc_json_view *view)
{
    if (node != NONE && s->paths->nodes[node].slot != NONE) {
        s->views[s->paths->nodes[node].slot] = *view;
    }
}

/* The member's name at `p`, and its colon. `*node` becomes that of its value. */
static bool
read_key(struct scanner *s, uint32_t parent, uint32_t *node)
{
    struct otc_json_view key;
    uint8_t plain[OTC_JSON_KEY_MAX * 6];
    bool nul;

    if (s->in.p == s->in.end || *s->in.p != '"' || !otc__json_string(&s->in, &key, &nul) || nul) {
        return false;
    }
    *node = NONE;
    if (parent != NONE && s->paths->nodes[parent].child != NONE && key.text.len <= sizeof(plain)) {
        struct otc_slice name = key.escaped ? otc_slice_of(plain, otc_json_unescape(&key, plain)) : key.text;

        *node = child_by_key(s->paths, parent, name);
    }
    otc__json_blanks(&s->in);
    return s->in.p < s->in.end && *s->in.p++ == ':';
}

/* Opens the array or object at `p`. `*closed`: it was empty; else `*node` is that of its first value. */
static bool
open_nested(struct scanner *s, uint32_t *node, bool *closed)
{
    bool object = *s->in.p == '{';

    if (s->depth == OTC_JSON_SCAN_DEPTH) {
        return false;
    }
    s->frames[s->depth++] = (struct frame){s->in.p++, 0, *node, object};
    otc__json_blanks(&s->in);
    *closed = s->in.p < s->in.end && *s->in.p == (object ? '}' : ']');
    if (*closed) {
        return true;
    }
    if (object) {
        return read_key(s, *node, node);
    }
    *node = child_by_index(s->paths, *node, 0);
    return true;
}

/* After a value: closes what ends there. `*done`: the outermost value ended; else `*node` is that of the next
 * value. */
static bool
after_value(struct scanner *s, uint32_t *node, bool *done)
{
    while (s->depth > 0) {
        struct frame *frame = &s->frames[s->depth - 1];
        struct otc_json_view view = {.type = frame->object ? OTC_JSON_OBJECT : OTC_JSON_ARRAY};

        otc__json_blanks(&s->in);
        if (s->in.p == s->in.end) {
            return false;
        }
        if (*s->in.p == ',') {
            s->in.p++;
            otc__json_blanks(&s->in);
            if (frame->object) {
                return read_key(s, frame->node, node);
            }
            *node = child_by_index(s->paths, frame->node, ++frame->index);
            return true;
        }
        if (*s->in.p++ != (frame->object ? '}' : ']')) {
            return false;
        }
        view.text = otc_slice_of(frame->begin, (size_t)(s->in.p - frame->begin));
        keep(s, frame->node, &view);
        s->depth--;
    }
    *done = true;
    return true;
}

/* One whole value. */
static bool
scan_value(struct scanner *s)
{
    uint32_t node = 0;
    bool done = false, ok = true;

    while (ok && !done) {
        bool closed = true;

        otc__json_blanks(&s->in);
        if (s->in.p == s->in.end) {
            return false;
        }
        if (node != NONE) {
            forget(s, node);
        }
        if (*s->in.p == '{' || *s->in.p == '[') {
            ok = open_nested(s, &node, &closed);
        } else {
            struct otc_json_view view = {0};

            ok = otc__json_scalar(&s->in, &view);
            keep(s, node, &view);
        }
        if (ok && closed) {
            ok = after_value(s, &node, &done);
        }
    }
    return ok;
}

bool
otc_json_scan(const struct otc_json_paths *paths, struct otc_slice text, struct otc_json_view *views)
{
    struct scanner s;
    bool ok;

    s.paths = paths;
    s.views = views;
    s.in.p = text.data;
    s.in.end = text.data + text.len;
    s.depth = 0;
    for (uint32_t i = 0; i < paths->n_slots; i++) {
        views[i].type = OTC_JSON_ABSENT;
    }
    ok = text.len > 0 && scan_value(&s);
    if (ok) {
        otc__json_blanks(&s.in);
        ok = s.in.p == s.in.end;
    }
    for (uint32_t i = 0; !ok && i < paths->n_slots; i++) {
        views[i].type = OTC_JSON_ABSENT;
    }
    return ok;
}

/* ---- What was found ----------------------------------------------------------------------------- */

/* The paths of who wants one value as it is. */
static struct node whole = {.child = NONE, .sibling = NONE, .slot = 0};
static const struct otc_json_paths whole_paths = {&whole, 1, 1};

/* Begins a scan of the rest of a nested value; false at its end. */
static bool
begin_next(struct scanner *s, struct otc_slice rest, struct otc_json_view *out)
{
    s->paths = &whole_paths;
    s->views = out;
    s->in.p = rest.data;
    s->in.end = rest.data + rest.len;
    s->depth = 0;
    if (s->in.p < s->in.end) {
        s->in.p++; /* the opening bracket, or the comma before */
    }
    otc__json_blanks(&s->in);
    return s->in.p < s->in.end && *s->in.p != ']' && *s->in.p != '}';
}

static bool
finish_next(struct scanner *s, struct otc_slice *rest)
{
    if (!scan_value(s)) {
        return false;
    }
    otc__json_blanks(&s->in);
    *rest = otc_slice_of(s->in.p, (size_t)(s->in.end - s->in.p));
    return true;
}

bool
otc_json_next_element(struct otc_slice *rest, struct otc_json_view *out)
{
    struct scanner s;

    return begin_next(&s, *rest, out) && finish_next(&s, rest);
}

bool
otc_json_next_member(struct otc_slice *rest, struct otc_json_view *key, struct otc_json_view *out)
{
    struct scanner s;
    bool nul;

    if (!begin_next(&s, *rest, out) || *s.in.p != '"' || !otc__json_string(&s.in, key, &nul)) {
        return false;
    }
    otc__json_blanks(&s.in);
    if (s.in.p == s.in.end || *s.in.p++ != ':') {
        return false;
    }
    return finish_next(&s, rest);
}
