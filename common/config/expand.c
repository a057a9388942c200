// SPDX-License-Identifier: Apache-2.0
/*
 * `${…}` as the Collector expands it: the innermost reference first, again and again until nothing changes,
 * and the
 * `$$` unescaped once at the end. What a reference stands for is read as YAML; a value that is one whole
 * reference takes the YAML value, a string setting takes the text.
 */
#include "common/config/document.h"

#define ROUNDS_MAX 1000u
#define EXPANSIONS_MAX 10000u
#define EXPANDED_BYTES_MAX ((size_t)1 << 20)

struct expander {
    struct otc_document *doc;
    const struct otc_environment *env;
    struct otc_error *err;
    size_t n_expansions;
    /** How deep the walk is within values that came from references. */
    unsigned inside;
};

/* Where the walk is; lives on the stack. */
struct trail {
    const struct trail *above;
    const struct otc_node *node;
    /** Among its siblings. */
    size_t index;
};

/* What a reference gave: the text, and the value that YAML reads in it. */
struct retrieved {
    struct otc_slice text;
    const struct otc_node *value;
};

static otc_status expand_node(struct expander *x, struct otc_node *node, unsigned depth,
                              const struct trail *above, size_t index);

static struct otc_slice
slice_between(struct otc_slice s, size_t from, size_t to)
{
    return otc_slice_of(s.data + from, to - from);
}

/*
 * The first reference that may be expanded: the closest "${" before the first "}", unless an odd number of
 * further
 * `$` directly before it says that it is escaped. Empty when there is none.
 */
static struct otc_slice
find_reference(struct otc_slice input)
{
    while (input.len > 0) {
        const uint8_t *close = memchr(input.data, '}', input.len);
        size_t end, open, dollars = 0;

        if (close == NULL) {
            break;
        }
        end = (size_t)(close - input.data);
        for (open = end; open > 0; open--) {
            if (input.data[open - 1] == '$' && input.data[open] == '{') {
                break;
            }
        }
        if (open > 0) {
            open--;
            while (dollars < open && input.data[open - dollars - 1] == '$') {
                dollars++;
            }
            if (dollars % 2 == 0) {
                return slice_between(input, open, end + 1);
            }
        }
        input = otc_slice_skip(input, end + 1);
    }
    return OTC_SLICE_NONE;
}

bool
otc_environment_name_ok(struct otc_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.len > 0;
}

static size_t
find_text(struct otc_slice haystack, const char *needle)
{
    const uint8_t *at =
        haystack.len == 0 ? NULL : memmem(haystack.data, haystack.len, needle, strlen(needle));

    return at == NULL ? haystack.len : (size_t)(at - haystack.data);
}

static otc_status
retrieve_env(struct expander *x, struct otc_slice name, struct otc_slice *out)
{
    size_t cut = find_text(name, ":-");
    struct otc_slice fallback = otc_slice_skip(name, cut + 2);
    const bool has_fallback = cut < name.len;
    const char *value = NULL;
    char *key;

    name.len = cut;
    if (!otc_environment_name_ok(name)) {
        return otc_fail(
            x->err, OTC_INVALID_ARGUMENT,
            "environment variable \"%.*s\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$",
            OTC_SLICE_ARG(name));
    }
    key = otc_arena_strndup(&x->doc->arena, name.data, name.len);
    if (key == NULL) {
        return otc_document_full(x->err);
    }
    if (x->env != NULL && x->env->get != NULL) {
        value = x->env->get(x->env->arg, key);
    }
    if (value == NULL && has_fallback) {
        *out = fallback;
        return OTC_OK;
    }
    if (value == NULL) {
        otc_document_note(x->doc, OTC_LOG_WARN, "Configuration references unset environment variable", key);
    } else if (*value == '\0') {
        otc_document_note(x->doc, OTC_LOG_INFO, "Configuration references empty environment variable", key);
    }
    *out = otc_arena_copy(&x->doc->arena, otc_slice_str(value != NULL ? value : ""));
    return OTC_OK;
}

static otc_status
retrieve_file(struct expander *x, struct otc_slice path, struct otc_slice *out)
{
    char *text = otc_arena_strndup(&x->doc->arena, path.data, path.len);

    return text != NULL ? otc_document_read_file(x->doc, text, out, x->err) : otc_document_full(x->err);
}

size_t
otc_scheme_len(struct otc_slice uri)
{
    for (size_t i = 0; i < uri.len; i++) {
        uint8_t c = uri.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (c == ':') {
            return i >= 2 ? i : 0;
        }
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-'))) {
            return 0;
        }
    }
    return 0;
}

static otc_status
retrieve_uri(struct expander *x, struct otc_slice uri, struct otc_slice *out)
{
    size_t colon = find_text(uri, ":");
    struct otc_slice scheme = slice_between(uri, 0, colon);
    struct otc_slice rest = otc_slice_skip(uri, colon + 1);

    if (colon == uri.len) {
        scheme = otc_slice_str("env");
        rest = uri;
    } else if (otc_scheme_len(uri) == 0) {
        return otc_fail(x->err, OTC_INVALID_ARGUMENT, "invalid uri: \"%.*s\"", OTC_SLICE_ARG(uri));
    }
    if (rest.len > 0 && memchr(rest.data, '$', rest.len) != NULL) {
        return otc_fail(x->err, OTC_INVALID_ARGUMENT,
                        "the uri \"%.*s:%.*s\" contains unsupported characters ('$')", OTC_SLICE_ARG(scheme),
                        OTC_SLICE_ARG(rest));
    }
    if (otc_slice_equal_str(scheme, "env")) {
        return retrieve_env(x, rest, out);
    }
    if (otc_slice_equal_str(scheme, "file")) {
        return retrieve_file(x, rest, out);
    }
    if (otc_slice_equal_str(scheme, "yaml")) {
        *out = rest;
        return OTC_OK;
    }
    return otc_fail(x->err, OTC_INVALID_ARGUMENT, "scheme \"%.*s\" is not supported for uri \"%.*s\"",
                    OTC_SLICE_ARG(scheme), OTC_SLICE_ARG(uri));
}

/* Text that is no YAML stands for itself; so does a YAML string, quotes and all. */
static otc_status
retrieve(struct expander *x, struct otc_slice reference, const char *file, struct retrieved *out)
{
    struct otc_node *value = NULL;
    otc_status status;

    if (++x->n_expansions > EXPANSIONS_MAX) {
        return otc_fail(x->err, OTC_RESOURCE_EXHAUSTED, "too many expansions (at most %u)", EXPANSIONS_MAX);
    }
    status = retrieve_uri(x, slice_between(reference, 2, reference.len - 1), &out->text);
    if (status != OTC_OK) {
        return status;
    }
    status = otc_yaml_read(x->doc, out->text, file, &value, NULL);
    if (status == OTC_RESOURCE_EXHAUSTED) {
        return otc_document_full(x->err);
    }
    if (status != OTC_OK || value->kind == OTC_NODE_STRING) {
        value = otc_document_string(x->doc, out->text);
    }
    out->value = value;
    return value != NULL ? OTC_OK : otc_document_full(x->err);
}

/* Every occurrence of `what` in `in` replaced. */
static otc_status
replace_all(struct expander *x, struct otc_slice in, struct otc_slice what, struct otc_slice with,
            struct otc_slice *out)
{
    struct otc_buf buf = {.limit = EXPANDED_BYTES_MAX};
    otc_status status = OTC_OK;

    while (in.len > 0) {
        const uint8_t *at = memmem(in.data, in.len, what.data, what.len);
        size_t before = at == NULL ? in.len : (size_t)(at - in.data);

        otc_buf_append(&buf, in.data, before);
        if (at != NULL) {
            otc_buf_append_slice(&buf, with);
        }
        in = otc_slice_skip(in, before + (at == NULL ? 0 : what.len));
    }
    if (buf.failed) {
        status = otc_fail(x->err, OTC_RESOURCE_EXHAUSTED, "an expanded value is longer than %zu bytes",
                          EXPANDED_BYTES_MAX);
    } else {
        *out = otc_arena_copy(&x->doc->arena, otc_buf_slice(&buf));
        if (out->data == NULL && buf.len > 0) {
            status = otc_document_full(x->err);
        }
    }
    otc_buf_release(&buf);
    return status;
}

/* Expands all references of a text that stays text. */
static otc_status
expand_text(struct expander *x, struct otc_slice *text, const char *file)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct otc_slice reference = find_reference(*text);
        struct retrieved got = {.value = NULL};
        otc_status status;

        if (reference.len == 0) {
            return OTC_OK;
        }
        status = retrieve(x, reference, file, &got);
        if (status == OTC_OK) {
            status = replace_all(x, *text, reference, got.text, text);
        }
        if (status != OTC_OK) {
            return status;
        }
    }
    return otc_fail(x->err, OTC_INVALID_ARGUMENT, "too many recursive expansions");
}

/*
 * The text form of a value that came whole from a reference. Where it cannot be expanded, the value has none:
 * a string setting is then refused by its type, as the Collector does.
 */
static void
expand_original(struct expander *x, struct otc_node *node)
{
    struct otc_error *err = x->err;

    x->err = NULL;
    node->has_original = expand_text(x, &node->original, node->file) == OTC_OK;
    x->err = err;
}

static otc_status
expand_string(struct expander *x, struct otc_node *node, unsigned depth)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct otc_slice reference = find_reference(node->text);
        struct retrieved got = {.value = NULL};
        otc_status status;

        if (reference.len == 0) {
            return OTC_OK;
        }
        status = retrieve(x, reference, node->file, &got);
        if (status != OTC_OK) {
            return status;
        }
        if (reference.len < node->text.len) {
            status = replace_all(x, node->text, reference, got.text, &node->text);
            if (status != OTC_OK) {
                return status;
            }
            continue;
        }
        otc_node_assign(node, got.value);
        if (node->kind != OTC_NODE_STRING) {
            node->original = got.text;
            status = expand_node(x, node, depth + 1, NULL, 0);
            expand_original(x, node);
            return status;
        }
    }
    return otc_fail(x->err, OTC_INVALID_ARGUMENT, "too many recursive expansions");
}

/* "receivers::otlp::protocols" */
static void
append_path(const struct trail *trail, struct otc_buf *out)
{
    if (trail == NULL || trail->above == NULL) {
        return; /* the root has no key */
    }
    append_path(trail->above, out);
    if (out->len > 0) {
        otc_buf_append_str(out, "::");
    }
    if (trail->above->node->kind == OTC_NODE_LIST) {
        otc_buf_printf(out, "%zu", trail->index);
    } else {
        otc_buf_append_slice(out, trail->node->key);
    }
}

/* Says which value of the file it was. */
static void
complete_error(const struct expander *x, const struct trail *trail)
{
    struct otc_buf path = {.limit = 1024};
    const char *text;
    char position[512];

    otc_node_position(trail->node, position, sizeof(position));
    append_path(trail, &path);
    text = otc_buf_cstr(&path);
    otc_error_prefix(x->err, "%s%s%s", position, position[0] != '\0' ? ": " : "", text != NULL ? text : "…");
    otc_buf_release(&path);
}

static otc_status
expand_node(struct expander *x, struct otc_node *node, unsigned depth, const struct trail *above,
            size_t index)
{
    const struct trail trail = {above, node, index};
    otc_status status = OTC_OK;
    size_t n = 0;

    if (depth > 2 * OTC_CONFIG_DEPTH_MAX) {
        return otc_fail(x->err, OTC_INVALID_ARGUMENT, "too many recursive expansions");
    }
    if (node->kind == OTC_NODE_STRING) {
        x->inside++;
        status = expand_string(x, node, depth);
        x->inside--;
        if (status != OTC_OK && x->inside == 0) {
            complete_error(x, &trail);
        }
        return status;
    }
    for (struct otc_node *child = node->first; child != NULL && status == OTC_OK; child = child->next) {
        status = expand_node(x, child, depth + 1, &trail, n++);
    }
    return status;
}

static otc_status
unescape_text(struct expander *x, struct otc_slice *text)
{
    if (text->len < 2 || memmem(text->data, text->len, "$$", 2) == NULL) {
        return OTC_OK;
    }
    return replace_all(x, *text, otc_slice_str("$$"), otc_slice_str("$"), text);
}

static otc_status
unescape(struct expander *x, struct otc_node *node)
{
    otc_status status = OTC_OK;

    if (node->kind == OTC_NODE_STRING) {
        status = unescape_text(x, &node->text);
    }
    if (status == OTC_OK && node->has_original) {
        status = unescape_text(x, &node->original);
    }
    for (struct otc_node *child = node->first; child != NULL && status == OTC_OK; child = child->next) {
        status = unescape(x, child);
    }
    return status;
}

otc_status
otc_node_expand(struct otc_document *doc, const struct otc_environment *env, struct otc_node *root,
                struct otc_error *err)
{
    struct expander x = {.doc = doc, .env = env, .err = err};
    otc_status status = expand_node(&x, root, 0, NULL, 0);

    return status == OTC_OK ? unescape(&x, root) : status;
}
