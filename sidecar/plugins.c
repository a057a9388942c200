// SPDX-License-Identifier: Apache-2.0
#include "sidecar/plugins.h"

#include "sidecar/settings.h"

#include <dlfcn.h>

/** Factories of one plug-in, and of all together. */
#define PLUGIN_FACTORIES_MAX 256u
#define FACTORIES_MAX 1024u

static otc_status
refuse(struct otc_error *err, const char *path, const char *why)
{
    return otc_fail(err, OTC_FAILED_PRECONDITION, "service::plugins: \"%s\": %s", path, why);
}

/* ---- One factory -------------------------------------------------------------------------------- */

static otc_status
copy_one(const char *path, const struct otc_factory *theirs, struct otc_arena *arena,
         struct otc_factory **out, struct otc_error *err)
{
    *out = otc_arena_alloc(arena, sizeof(**out));
    if (*out == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    return otc_factory_copy(theirs, *out, err) == OTC_OK
               ? OTC_OK
               : otc_error_prefix(err, "service::plugins: \"%s\"", path);
}

/** The factory and its face, as this program knows factories. */
static otc_status
copy_factory(const char *path, const struct otc_factory *theirs, struct otc_arena *arena,
             const struct otc_factory **out, struct otc_error *err)
{
    struct otc_factory *copy, *face;
    otc_status status = copy_one(path, theirs, arena, &copy, err);

    if (status == OTC_OK && copy->face != NULL) {
        status = copy_one(path, copy->face, arena, &face, err);
        if (status == OTC_OK) {
            face->face = copy;
            copy->face = face;
        }
    }
    if (status == OTC_OK) {
        *out = copy;
    }
    return status;
}

/** Whether a component goes by this name, its present or its former one. */
static bool
is_called(const struct otc_factory *f, const char *name)
{
    return name != NULL && (strcmp(f->type, name) == 0 ||
                            (f->deprecated_type != NULL && strcmp(f->deprecated_type, name) == 0));
}

static otc_status
check_name(const char *path, const struct otc_factory *f, const struct otc_factory *const *list, size_t n,
           struct otc_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct otc_factory *other = otc_factory_as(list[i], f->kind);
        bool type = other != NULL && is_called(other, f->type);

        if (type || (other != NULL && is_called(other, f->deprecated_type))) {
            return otc_fail(err, OTC_FAILED_PRECONDITION,
                            "service::plugins: \"%s\": there is a %s \"%s\" already", path,
                            otc_kind_name(f->kind), type ? f->type : f->deprecated_type);
        }
    }
    return OTC_OK;
}

/** Two components of one kind and type could not be told apart. */
static otc_status
check_unique(const char *path, const struct otc_factory *f, const struct otc_factory *const *list, size_t n,
             struct otc_error *err)
{
    otc_status status = check_name(path, f, list, n, err);

    return status == OTC_OK && f->face != NULL ? check_name(path, f->face, list, n, err) : status;
}

otc_status
otc_plugins_add(const char *path, const struct otc_factory *const *factories, struct otc_arena *arena,
                const struct otc_factory **list, size_t *n, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (size_t i = 0; factories[i] != NULL && status == OTC_OK; i++) {
        if (i == PLUGIN_FACTORIES_MAX || *n == FACTORIES_MAX) {
            return refuse(err, path, "has too many components (256 at most), or no NULL behind the last one");
        }
        status = copy_factory(path, factories[i], arena, &list[*n], err);
        if (status == OTC_OK) {
            status = check_unique(path, list[*n], list, *n, err);
            *n += status == OTC_OK;
        }
    }
    return status;
}

/* ---- Shared objects ----------------------------------------------------------------------------- */

static otc_status
open_object(const char *path, const struct otc_factory *const **out, struct otc_error *err)
{
    const char *why;
    void *object;

    if (strchr(path, '/') == NULL) {
        return refuse(
            err, path,
            "must be a path with a slash (\"./name.so\"), so that no search path decides which file it is");
    }
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) {
        why = dlerror();
        return refuse(err, path, why != NULL ? why : "cannot be loaded");
    }
    *out = dlsym(object, "otc_plugin_factories");
    return *out != NULL
               ? OTC_OK
               : refuse(err, path, "exports no otc_plugin_factories: it is no plug-in of otelcol-aimon");
}

static size_t
count_factories(const struct otc_factory *const *list)
{
    size_t n = 0;

    while (list[n] != NULL) {
        n++;
    }
    return n;
}

otc_status
otc_plugins_load(const otc_strings *paths, const struct otc_factory *const *builtin, struct otc_arena *arena,
                 const struct otc_factory *const **out, size_t *bad, struct otc_error *err)
{
    const struct otc_factory **list;
    size_t n = count_factories(builtin);
    otc_status status = OTC_OK;

    *out = builtin;
    if (paths->n == 0) {
        return OTC_OK;
    }
    list = otc_arena_alloc(arena, (FACTORIES_MAX + 1) * sizeof(struct otc_factory *));
    if (list == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    memcpy(list, builtin, n * sizeof(struct otc_factory *));
    for (*bad = 0; *bad < paths->n && status == OTC_OK; *bad += status == OTC_OK) {
        const struct otc_factory *const *theirs = NULL;

        status = open_object(paths->items[*bad], &theirs, err);
        if (theirs != NULL) {
            status = otc_plugins_add(paths->items[*bad], theirs, arena, list, &n, err);
        }
    }
    list[n] = NULL;
    *out = list;
    return status;
}
