// SPDX-License-Identifier: Apache-2.0
/* Where configurations come from: files, variables and inline YAML, merged in the order given. */
#include "common/config/document.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static otc_status
read_all(struct otc_document *doc, int fd, const char *path, struct otc_slice *out, struct otc_error *err)
{
    /* One byte more than allowed tells a file that is too long from one that just fits. */
    const size_t room = (size_t)OTC_CONFIG_FILE_MAX + 1;
    uint8_t *data = malloc(room);
    size_t len = 0;
    ssize_t got = 1;

    if (data == NULL) {
        return otc_document_full(err);
    }
    while (len < room && got > 0) {
        got = read(fd, data + len, room - len);
        if (got > 0) {
            len += (size_t)got;
        } else if (got < 0 && errno == EINTR) {
            got = 1;
        }
    }
    if (got >= 0 && len < room) {
        *out = otc_arena_copy(&doc->arena, otc_slice_of(data, len));
    }
    free(data);
    if (got < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "unable to read the file file:%s: %s", path,
                        strerror(errno));
    }
    if (len == room) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "unable to read the file file:%s: it has more than %u bytes", path,
                        OTC_CONFIG_FILE_MAX);
    }
    return out->data != NULL || len == 0 ? OTC_OK : otc_document_full(err);
}

otc_status
otc_document_read_file(struct otc_document *doc, const char *path, struct otc_slice *out,
                       struct otc_error *err)
{
    struct stat info;
    otc_status status;
    /* Non-blocking, so that a FIFO is refused rather than waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "unable to read the file file:%s: open %s: %s", path, path,
                        strerror(errno));
    }
    *out = OTC_SLICE_NONE;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        status =
            otc_fail(err, OTC_INVALID_ARGUMENT, "unable to read the file file:%s: not a regular file", path);
    } else {
        status = read_all(doc, fd, path, out, err);
    }
    close(fd);
    return status;
}

/* The value of `env:NAME`; nothing when it is not set. */
static otc_status
env_text(struct otc_document *doc, const char *variable, const struct otc_environment *env,
         struct otc_slice *text, struct otc_error *err)
{
    const char *value = NULL;

    if (!otc_environment_name_ok(otc_slice_str(variable))) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "environment variable \"%s\" has invalid name: must match regex "
                        "^[a-zA-Z_][a-zA-Z0-9_]*$",
                        variable);
    }
    if (env != NULL && env->get != NULL) {
        value = env->get(env->arg, variable);
    }
    *text = otc_arena_copy(&doc->arena, otc_slice_str(value != NULL ? value : ""));
    return OTC_OK;
}

static otc_status
location_text(struct otc_document *doc, const char *location, const struct otc_environment *env,
              struct otc_slice *text, const char **name, struct otc_error *err)
{
    const struct otc_slice scheme =
        otc_slice_of(location, otc_scheme_len(otc_slice_of(location, strlen(location))));
    const char *rest = scheme.len > 0 ? location + scheme.len + 1 : location;

    *name = location;
    if (otc_slice_equal_str(scheme, "yaml")) {
        *text = otc_slice_str(rest);
        *name = "yaml";
        return OTC_OK;
    }
    if (otc_slice_equal_str(scheme, "env")) {
        return env_text(doc, rest, env, text, err);
    }
    if (scheme.len > 0 && !otc_slice_equal_str(scheme, "file")) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "scheme \"%.*s\" is not supported for uri \"%s\" (this build reads file:, env: and yaml:)",
            OTC_SLICE_ARG(scheme), location);
    }
    *name = rest;
    return otc_document_read_file(doc, *name, text, err);
}

/* Where the last "::" of a key begins, or 0. */
static size_t
last_separator(struct otc_slice key)
{
    for (size_t i = key.len; i > 2; i--) {
        if (key.data[i - 1] == ':' && key.data[i - 2] == ':') {
            return i - 2;
        }
    }
    return 0;
}

/* `a::b: x` at the top means {a: {b: x}}. */
static otc_status
nest_key(struct otc_document *doc, struct otc_node **child, struct otc_error *err)
{
    size_t cut;

    while ((cut = last_separator((*child)->key)) > 0) {
        struct otc_node *inner = *child;
        struct otc_node *outer = otc_document_node(doc, OTC_NODE_MAP);

        if (outer == NULL) {
            return otc_document_full(err);
        }
        outer->key = otc_slice_of(inner->key.data, cut);
        outer->file = inner->file;
        outer->line = inner->line;
        outer->column = inner->column;
        inner->key = otc_slice_skip(inner->key, cut + 2);
        otc_node_append(outer, inner);
        *child = outer;
    }
    return OTC_OK;
}

static otc_status
merge_root(struct otc_document *doc, struct otc_node *root, struct otc_error *err)
{
    doc->root->kind = OTC_NODE_MAP;
    for (struct otc_node *child = root->first, *next; child != NULL; child = next) {
        struct otc_node *top = child;
        otc_status status;

        next = child->next;
        status = nest_key(doc, &top, err);
        if (status != OTC_OK) {
            return status;
        }
        top->next = NULL;
        otc_node_merge(doc->root,
                       &(struct otc_node){.kind = OTC_NODE_MAP, .first = top, .last = top, .n = 1});
    }
    return OTC_OK;
}

static otc_status
load_location(struct otc_document *doc, const char *location, const struct otc_environment *env,
              struct otc_error *err)
{
    struct otc_slice text = OTC_SLICE_NONE;
    struct otc_node *root = NULL;
    const char *name;
    otc_status status = location_text(doc, location, env, &text, &name, err);

    if (status == OTC_OK) {
        name = otc_arena_strndup(&doc->arena, name, strlen(name));
        status = name != NULL ? otc_yaml_read(doc, text, name, &root, err) : otc_document_full(err);
    }
    if (status != OTC_OK) {
        return otc_error_prefix(err, "cannot retrieve the configuration");
    }
    if (doc->root->file == NULL) {
        doc->root->file = name;
        doc->root->line = doc->root->column = 1;
    }
    if (root->kind == OTC_NODE_NULL) {
        return OTC_OK;
    }
    if (root->kind != OTC_NODE_MAP) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "cannot retrieve the configuration: %s:%u:%u: retrieved value (type=%s) cannot be used as a Conf",
            name, root->line, root->column, otc_node_type_name(root));
    }
    return merge_root(doc, root, err);
}

otc_status
otc_document_load(const char *const *locations, size_t n_locations, const struct otc_environment *env,
                  struct otc_document **out, struct otc_error *err)
{
    struct otc_document *doc = otc_document_new();
    otc_status status = doc != NULL ? OTC_OK : otc_document_full(err);

    for (size_t i = 0; i < n_locations && status == OTC_OK; i++) {
        status = load_location(doc, locations[i], env, err);
    }
    if (status == OTC_OK) {
        status = otc_node_expand(doc, env, doc->root, err);
    }
    if (status != OTC_OK) {
        otc_document_free(doc);
        return status;
    }
    *out = doc;
    return OTC_OK;
}

otc_status
otc_document_parse(struct otc_slice text, const char *name, struct otc_document **out, struct otc_error *err)
{
    struct otc_document *doc = otc_document_new();
    const char *file = doc != NULL ? otc_arena_strndup(&doc->arena, name, strlen(name)) : NULL;
    otc_status status =
        file != NULL ? otc_yaml_read(doc, text, file, &doc->root, err) : otc_document_full(err);

    if (status != OTC_OK) {
        otc_document_free(doc);
        return status;
    }
    *out = doc;
    return OTC_OK;
}

otc_status
otc_document_expand(struct otc_document *doc, const struct otc_environment *env, struct otc_error *err)
{
    return otc_node_expand(doc, env, doc->root, err);
}

otc_status
otc_config_set_location(const char *argument, struct otc_buf *out, struct otc_error *err)
{
    const char *equal = strchr(argument, '=');

    if (equal == NULL) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "missing equal sign");
    }
    otc_buf_append_str(out, "yaml:");
    for (const char *c = argument; c < equal; c++) {
        otc_buf_append_str(out, *c == '.' ? "::" : (char[]){*c, '\0'});
    }
    otc_buf_append_str(out, ": ");
    otc_buf_append_str(out, equal + 1);
    return otc_buf_cstr(out) != NULL
               ? OTC_OK
               : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the argument of --set is too long");
}
