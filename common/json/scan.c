// SPDX-License-Identifier: Apache-2.0
#include "common/json/scan.h"

#include "common/base/utf8.h"

#include "common/base/number.h"

#include <math.h>
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
    const uint8_t *p, *end;
    size_t depth;
    struct frame frames[OTC_JSON_SCAN_DEPTH];
};

static void
skip_blanks(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t')) {
        s->p++;
    }
}

/* Length of the UTF-8 sequence at `p`, 0 when it is none: no overlong form, no surrogate, nothing above
 * U+10FFFF. */
static size_t
utf8_length(const uint8_t *p, const uint8_t *end)
{
    size_t len = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

    if (len == 0 || (size_t)(end - p) < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return len;
}

/* Four hex digits, or -1. */
static int32_t
hex4(const uint8_t *p, const uint8_t *end)
{
    int32_t code = 0;

    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i], lower = c | 0x20;

        if (c >= '0' && c <= '9') {
            code = code * 16 + (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            code = code * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return code;
}

/* The escape after a backslash at p[-1]: its code point, and the position after it; NULL: bad. */
static const uint8_t *
read_escape(const uint8_t *p, const uint8_t *end, uint32_t *code)
{
    static const char letters[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
    const char *letter = p < end && *p ? strchr(letters, *p) : NULL;
    int32_t high, low;

    if (letter) {
        *code = (uint8_t)meaning[letter - letters];
        return p + 1;
    }
    if (p == end || *p != 'u' || (high = hex4(p + 1, end)) < 0 || (high >= 0xdc00 && high <= 0xdfff)) {
        return NULL;
    }
    p += 5;
    *code = (uint32_t)high;
    if (high < 0xd800 || high > 0xdfff) {
        return p;
    }
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || (low = hex4(p + 2, end)) < 0xdc00 || low > 0xdfff) {
        return NULL;
    }
    *code = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return p + 6;
}

/* A string whose quote is at `p`. `*nul`: it holds an escaped NUL. */
static bool
read_string(struct scanner *s, struct otc_json_view *out, bool *nul)
{
    const uint8_t *p = s->p + 1, *begin = p, *end = s->end;
    uint32_t code;

    out->type = OTC_JSON_STRING;
    out->escaped = false;
    *nul = false;
    while (p < end && *p != '"') {
        size_t len;

        if (*p < 0x20) {
            return false;
        }
        if (*p == '\\') {
            out->escaped = true;
            p = read_escape(p + 1, end, &code);
            if (!p) {
                return false;
            }
            *nul = *nul || code == 0;
        } else if (*p < 0x80) {
            p++;
        } else if ((len = utf8_length(p, end))) {
            p += len;
        } else {
            return false;
        }
    }
    if (p == end) {
        return false;
    }
    out->text = otc_slice_of(begin, (size_t)(p - begin));
    s->p = p + 1;
    return true;
}

static const uint8_t *
skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

static bool
read_number(struct scanner *s, struct otc_json_view *out)
{
    const uint8_t *begin = s->p, *p = begin + (*begin == '-'), *digits = p;
    struct otc_slice text;
    bool whole = true;

    p = skip_digits(p, s->end);
    if (p == digits || (*digits == '0' && p - digits > 1)) {
        return false;
    }
    if (p < s->end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, s->end);
        whole = false;
        if (p == digits) {
            return false;
        }
    }
    if (p < s->end && (*p | 0x20) == 'e') {
        p++;
        p += p < s->end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, s->end);
        whole = false;
        if (p == digits) {
            return false;
        }
    }
    text = otc_slice_of(begin, (size_t)(p - begin));
    s->p = p;
    out->text = text;
    if (whole && otc_parse_int64(text, &out->integer)) {
        out->type = OTC_JSON_INT;
        out->real = (double)out->integer;
        return true;
    }
    out->type = OTC_JSON_REAL;
    return otc_parse_double(text, &out->real) && !isinf(out->real);
}

static bool
read_word(struct scanner *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0) {
        return false;
    }
    s->p += len;
    return true;
}

static bool
read_scalar(struct scanner *s, struct otc_json_view *out)
{
    bool nul;

    switch (*s->p) {
    case '"':
        return read_string(s, out, &nul);
    case 't':
        out->type = OTC_JSON_BOOL;
        out->truth = true;
        return read_word(s, "true");
    case 'f':
        out->type = OTC_JSON_BOOL;
        out->truth = false;
        return read_word(s, "false");
    case 'n':
        out->type = OTC_JSON_NULL;
        return read_word(s, "null");
    default:
        return read_number(s, out);
    }
}

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

    if (s->p == s->end || *s->p != '"' || !read_string(s, &key, &nul) || nul) {
        return false;
    }
    *node = NONE;
    if (parent != NONE && s->paths->nodes[parent].child != NONE && key.text.len <= sizeof(plain)) {
        struct otc_slice name = key.escaped ? otc_slice_of(plain, otc_json_unescape(&key, plain)) : key.text;

        *node = child_by_key(s->paths, parent, name);
    }
    skip_blanks(s);
    return s->p < s->end && *s->p++ == ':';
}

/* Opens the array or object at `p`. `*closed`: it was empty; else `*node` is that of its first value. */
static bool
open_nested(struct scanner *s, uint32_t *node, bool *closed)
{
    bool object = *s->p == '{';

    if (s->depth == OTC_JSON_SCAN_DEPTH) {
        return false;
    }
    s->frames[s->depth++] = (struct frame){s->p++, 0, *node, object};
    skip_blanks(s);
    *closed = s->p < s->end && *s->p == (object ? '}' : ']');
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

        skip_blanks(s);
        if (s->p == s->end) {
            return false;
        }
        if (*s->p == ',') {
            s->p++;
            skip_blanks(s);
            if (frame->object) {
                return read_key(s, frame->node, node);
            }
            *node = child_by_index(s->paths, frame->node, ++frame->index);
            return true;
        }
        if (*s->p++ != (frame->object ? '}' : ']')) {
            return false;
        }
        view.text = otc_slice_of(frame->begin, (size_t)(s->p - frame->begin));
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

        skip_blanks(s);
        if (s->p == s->end) {
            return false;
        }
        if (node != NONE) {
            forget(s, node);
        }
        if (*s->p == '{' || *s->p == '[') {
            ok = open_nested(s, &node, &closed);
        } else {
            struct otc_json_view view = {0};

            ok = read_scalar(s, &view);
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
    s.p = text.data;
    s.end = text.data + text.len;
    s.depth = 0;
    for (uint32_t i = 0; i < paths->n_slots; i++) {
        views[i].type = OTC_JSON_ABSENT;
    }
    ok = text.len > 0 && scan_value(&s);
    if (ok) {
        skip_blanks(&s);
        ok = s.p == s.end;
    }
    for (uint32_t i = 0; !ok && i < paths->n_slots; i++) {
        views[i].type = OTC_JSON_ABSENT;
    }
    return ok;
}

/* ---- What was found ----------------------------------------------------------------------------- */

size_t
otc_json_unescape(const struct otc_json_view *view, uint8_t *out)
{
    const uint8_t *p = view->text.data, *end = p + view->text.len;
    size_t len = 0;

    while (p < end) {
        const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        uint32_t code = 0;

        memcpy(out + len, p, plain);
        len += plain;
        p += plain;
        if (slash) {
            p = read_escape(p + 1, end, &code);
            if (!p) {
                return len; /* no scan found this */
            }
            len += otc_utf8_put(code, out + len);
        }
    }
    return len;
}

/* The paths of who wants one value as it is. */
static struct node whole = {.child = NONE, .sibling = NONE, .slot = 0};
static const struct otc_json_paths whole_paths = {&whole, 1, 1};

/* Begins a scan of the rest of a nested value; false at its end. */
static bool
begin_next(struct scanner *s, struct otc_slice rest, struct otc_json_view *out)
{
    s->paths = &whole_paths;
    s->views = out;
    s->p = rest.data;
    s->end = rest.data + rest.len;
    s->depth = 0;
    if (s->p < s->end) {
        s->p++; /* the opening bracket, or the comma before */
    }
    skip_blanks(s);
    return s->p < s->end && *s->p != ']' && *s->p != '}';
}

static bool
finish_next(struct scanner *s, struct otc_slice *rest)
{
    if (!scan_value(s)) {
        return false;
    }
    skip_blanks(s);
    *rest = otc_slice_of(s->p, (size_t)(s->end - s->p));
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

    if (!begin_next(&s, *rest, out) || *s.p != '"' || !read_string(&s, key, &nul)) {
        return false;
    }
    skip_blanks(&s);
    if (s.p == s.end || *s.p++ != ':') {
        return false;
    }
    return finish_next(&s, rest);
}
