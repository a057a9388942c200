// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_json_file/paths.h"

#include "common/base/buf.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES_MAX ((size_t)4096)
/* Folders within folders. */
#define DEPTH_MAX 64

/* ---- Braces ---------------------------------------------------------------------------------------- */

/* The `}` of a `{`; NULL: there is none. */
static const char *
closing(const char *brace)
{
    size_t depth = 0;

    for (const char *at = brace; *at; at++) {
        depth += *at == '{';
        if (*at == '\\' && at[1]) {
            at++;
        } else if (*at == '}' && --depth == 0) {
            return at;
        }
    }
    return NULL;
}

/* The end of the first of several, which are parted by commas. */
static const char *
one_of(const char *from, const char *end)
{
    size_t depth = 0;

    for (; from < end; from++) {
        if (*from == '\\' && from + 1 < end) {
            from++;
        } else if (depth == 0 && *from == ',') {
            return from;
        } else {
            depth += *from == '{';
            depth -= *from == '}';
        }
    }
    return end;
}

/* Whether every `[` has its `]` within the name, and something before that. */
static bool
has_brackets_closed(const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern == '\\' && pattern[1]) {
            pattern++;
        } else if (*pattern == '[') {
            const char *from = pattern + 1 + (pattern[1] == '!' || pattern[1] == '^'), *to = from;

            while (*to && *to != '/' && *to != ']') {
                to += to[0] == '\\' && to[1] ? 2 : 1;
            }
            if (*to != ']' || to == from) {
                return false;
            }
            pattern = to;
        }
    }
    return true;
}

static otc_status
keep_pattern(struct patterns *patterns, const char *pattern, struct otc_error *err)
{
    char **more;

    if (!has_brackets_closed(pattern)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'%s': a [ has no ], or nothing within", pattern);
    }
    more = realloc(patterns->items, (patterns->n + 1) * sizeof(*more));

    if (!more || !(more[patterns->n] = strdup(pattern))) {
        patterns->items = more ? more : patterns->items;
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    patterns->items = more;
    patterns->n++;
    return OTC_OK;
}

static const char *
first_brace(const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern == '\\' && pattern[1]) {
            pattern++;
        } else if (*pattern == '{') {
            return pattern;
        }
    }
    return NULL;
}

otc_status
otlp_json_file_patterns_add(struct patterns *patterns, const char *pattern, struct otc_error *err)
{
    const char *brace = first_brace(pattern), *end = brace ? closing(brace) : NULL;
    otc_status status = OTC_OK;

    if (strlen(pattern) >= PATH_BYTES_MAX || patterns->n >= OTLP_JSON_FILE_PATTERNS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "'%.60s': too long, or too many patterns (at most %zu bytes, and %d of them)",
                        pattern, PATH_BYTES_MAX - 1, OTLP_JSON_FILE_PATTERNS_MAX);
    }
    if (!brace) {
        return keep_pattern(patterns, pattern, err);
    }
    if (!end) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'%s': a { has no }", pattern);
    }
    for (const char *from = brace + 1; status == OTC_OK && from <= end;) {
        OTC_AUTO_BUF struct otc_buf one = {.limit = 2 * PATH_BYTES_MAX};
        const char *to = one_of(from, end);

        (void)otc_buf_append(&one, pattern, (size_t)(brace - pattern));
        (void)otc_buf_append(&one, from, (size_t)(to - from));
        (void)otc_buf_append_str(&one, end + 1);
        status = otc_buf_cstr(&one) ? otlp_json_file_patterns_add(patterns, otc_buf_cstr(&one), err)
                                    : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        from = to + 1;
    }
    return status;
}

void
otlp_json_file_patterns_release(struct patterns *patterns)
{
    for (size_t i = 0; i < patterns->n; i++) {
        free(patterns->items[i]);
    }
    free(patterns->items);
    *patterns = (struct patterns){0};
}

/* ---- Matching -------------------------------------------------------------------------------------- */

static size_t
name_len(const char *path)
{
    return strcspn(path, "/");
}

static const char *
next_name(const char *path)
{
    path += name_len(path);
    return path + strspn(path, "/");
}

/* A name of a path against one of a pattern; both end at a slash. */
static bool
name_matches(const char *pattern, const char *name)
{
    char left[PATH_BYTES_MAX], right[PATH_BYTES_MAX];

    if (name_len(pattern) >= sizeof(left) || name_len(name) >= sizeof(right)) {
        return false;
    }
    *(char *)mempcpy(left, pattern, name_len(pattern)) = '\0';
    *(char *)mempcpy(right, name, name_len(name)) = '\0';
    return fnmatch(left, right, 0) == 0;
}

static bool
is_any_folders(const char *pattern)
{
    return name_len(pattern) == 2 && pattern[0] == '*' && pattern[1] == '*';
}

/* Name by name; a `**` that does not fit takes one name more, the last one alone is tried again. */
static bool
path_matches(const char *pattern, const char *path)
{
    const char *again_pattern = NULL, *again_path = NULL;

    while (*path) {
        if (is_any_folders(pattern)) {
            again_pattern = pattern = next_name(pattern);
            again_path = path;
        } else if (*pattern && name_matches(pattern, path)) {
            pattern = next_name(pattern);
            path = next_name(path);
        } else if (again_pattern) {
            path = again_path = next_name(again_path);
            pattern = again_pattern;
        } else {
            return false;
        }
        if (again_pattern && !*again_pattern) {
            return true; /* a `**` at the end takes all there is */
        }
    }
    return !*pattern || (is_any_folders(pattern) && !*next_name(pattern));
}

bool
otlp_json_file_patterns_match(const struct patterns *patterns, const char *path)
{
    for (size_t i = 0; i < patterns->n; i++) {
        const char *pattern = patterns->items[i];

        if ((*pattern == '/') == (*path == '/') &&
            path_matches(pattern + strspn(pattern, "/"), path + strspn(path, "/"))) {
            return true;
        }
    }
    return false;
}

/* ---- Finding --------------------------------------------------------------------------------------- */

struct search {
    const struct patterns *exclude;
    struct paths *out;
    size_t max;
    struct otc_buf path; /* as far as it is known */
    bool no_memory;
};

static void look(struct search *search, const char *pattern, unsigned depth);

static void
keep_path(struct search *search, const char *path)
{
    struct paths *out = search->out;

    if (out->n >= search->max || otlp_json_file_patterns_match(search->exclude, path)) {
        return;
    }
    if (out->n == out->capacity) {
        size_t capacity = out->capacity ? 2 * out->capacity : 64;
        char **more = realloc(out->items, capacity * sizeof(*more));

        if (!more) {
            search->no_memory = true;
            return;
        }
        out->items = more;
        out->capacity = capacity;
    }
    out->items[out->n] = strdup(path);
    search->no_memory = search->no_memory || !out->items[out->n];
    out->n += out->items[out->n] != NULL;
}

/* Goes on with a name behind the path. `rest`: the pattern from there on. */
static void
enter(struct search *search, const char *name, size_t len, const char *rest, unsigned depth)
{
    size_t before = search->path.len;
    struct stat stat_of;
    const char *path;

    (void)otc_buf_append(&search->path, name, len);
    path = otc_buf_cstr(&search->path);
    if (!path) {
        search->no_memory = search->no_memory || search->path.failed;
        search->path.failed = false;
    } else if (*rest) {
        (void)otc_buf_append_str(&search->path, "/");
        look(search, rest, depth + 1);
    } else if (stat(path, &stat_of) == 0 && !S_ISDIR(stat_of.st_mode)) {
        keep_path(search, path);
    }
    search->path.len = before;
}

static bool
is_folder(const struct search *search, const struct dirent *entry)
{
    char path[PATH_BYTES_MAX];
    struct stat stat_of;

    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_DIR;
    }
    return snprintf(path, sizeof(path), "%.*s%s", OTC_SLICE_ARG(otc_buf_slice(&search->path)),
                    entry->d_name) < (int)sizeof(path) &&
           lstat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
}

static DIR *
open_folder(struct search *search)
{
    const char *path = otc_buf_cstr(&search->path);

    return !path ? NULL : opendir(*path ? path : ".");
}

/* Every name of the folder that `pattern`, up to its slash, means. */
static void
look_into(struct search *search, const char *pattern, const char *rest, unsigned depth)
{
    DIR *folder = open_folder(search);
    struct dirent *entry;

    while (folder && search->out->n < search->max && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            name_matches(pattern, entry->d_name)) {
            enter(search, entry->d_name, strlen(entry->d_name), rest, depth);
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
}

/* `**`: what is behind it here, and in every folder. A `**` at the end means every file. */
static void
look_everywhere(struct search *search, const char *pattern, const char *rest, unsigned depth)
{
    DIR *folder;
    struct dirent *entry;

    while (is_any_folders(rest)) {
        rest = next_name(rest);
    }
    look(search, *rest ? rest : "*", depth + 1);
    folder = open_folder(search);
    while (folder && search->out->n < search->max && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && is_folder(search, entry)) {
            enter(search, entry->d_name, strlen(entry->d_name), pattern, depth);
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
}

static void
look(struct search *search, const char *pattern, unsigned depth)
{
    size_t len = name_len(pattern);
    const char *rest = next_name(pattern);

    if (depth > DEPTH_MAX || search->path.len + len >= PATH_BYTES_MAX) {
        return;
    }
    if (is_any_folders(pattern)) {
        look_everywhere(search, pattern, rest, depth);
    } else if (memchr(pattern, '*', len) || memchr(pattern, '?', len) || memchr(pattern, '[', len) ||
               memchr(pattern, '\\', len)) {
        look_into(search, pattern, rest, depth);
    } else {
        enter(search, pattern, len, rest, depth);
    }
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order, each once. */
static void
tidy(struct paths *paths)
{
    size_t n = 0;

    if (paths->n > 0) {
        qsort(paths->items, paths->n, sizeof(char *), by_name);
    }
    for (size_t i = 0; i < paths->n; i++) {
        if (n > 0 && strcmp(paths->items[n - 1], paths->items[i]) == 0) {
            free(paths->items[i]);
        } else {
            paths->items[n++] = paths->items[i];
        }
    }
    paths->n = n;
}

bool
otlp_json_file_paths_find(const struct patterns *include, const struct patterns *exclude, size_t max,
                          struct paths *out)
{
    struct search search = {
        .exclude = exclude, .out = out, .max = max, .path = {.limit = 2 * PATH_BYTES_MAX}};

    *out = (struct paths){0};
    for (size_t i = 0; i < include->n; i++) {
        const char *pattern = include->items[i];

        search.path.len = 0;
        (void)otc_buf_append_str(&search.path, *pattern == '/' ? "/" : "");
        look(&search, pattern + strspn(pattern, "/"), 0);
    }
    otc_buf_release(&search.path);
    tidy(out);
    return !search.no_memory;
}

void
otlp_json_file_paths_release(struct paths *paths)
{
    for (size_t i = 0; i < paths->n; i++) {
        free(paths->items[i]);
    }
    free(paths->items);
    *paths = (struct paths){0};
}
