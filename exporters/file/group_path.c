// SPDX-License-Identifier: Apache-2.0
#include "exporters/file/group_path.h"

#define PATH_BYTES_MAX ((size_t)4096)

/* Takes the last name away that is in `out` behind `root`; false: there is none but `..`. */
static bool
take_back(struct otc_buf *out, size_t root)
{
    size_t at = out->len;

    if (out->len == root) {
        return false;
    }
    while (at > root && out->data[at - 1] != '/') {
        at--;
    }
    if (out->len - at == 2 && memcmp(out->data + at, "..", 2) == 0) {
        return false;
    }
    out->len = at > root ? at - 1 : root;
    return true;
}

/* The shortest path that means the same, as Go's path.Clean makes it. */
static void
clean(struct otc_slice path, struct otc_buf *out)
{
    bool rooted = path.len > 0 && path.data[0] == '/';
    size_t root;

    otc_buf_clear(out);
    (void)otc_buf_append_str(out, rooted ? "/" : "");
    root = out->len;
    for (size_t at = 0; at < path.len;) {
        struct otc_slice rest = otc_slice_skip(path, at);
        const uint8_t *slash = memchr(rest.data, '/', rest.len);
        struct otc_slice name = otc_slice_of(rest.data, slash ? (size_t)(slash - rest.data) : rest.len);

        at += name.len + 1;
        if (name.len == 0 || otc_slice_equal_str(name, ".") ||
            (otc_slice_equal_str(name, "..") && (take_back(out, root) || rooted))) {
            continue;
        }
        (void)otc_buf_append_str(out, out->len > root ? "/" : "");
        (void)otc_buf_append_slice(out, name);
    }
    if (out->len == 0) {
        (void)otc_buf_append_str(out, ".");
    }
}

/* What stands before the `*`; a slash at its end stays. */
static void
clean_prefix(const char *pattern, size_t len, struct otc_buf *out)
{
    clean(otc_slice_of(pattern, len), out);
    if (pattern[len - 1] == '/' && out->len > 0 && out->data[out->len - 1] != '/') {
        (void)otc_buf_append_byte(out, '/');
    }
}

/* The folders that a clean path goes up: names `..`, which are its first ones. */
static size_t
ups(struct otc_slice path)
{
    size_t n = 0;

    while (otc_slice_starts(path, otc_slice_str("../"))) {
        path = otc_slice_skip(path, 3);
        n++;
    }
    return n + otc_slice_equal_str(path, "..");
}

/* Both are clean: the path begins with the prefix, and goes no further up. */
static bool
is_within(struct otc_slice path, struct otc_slice prefix)
{
    return otc_slice_starts(path, prefix) && ups(path) <= ups(prefix);
}

static void
join(struct otc_buf *out, struct otc_slice a, const char *between, struct otc_slice b, const char *end)
{
    otc_buf_clear(out);
    (void)otc_buf_append_slice(out, a);
    (void)otc_buf_append_str(out, between);
    (void)otc_buf_append_slice(out, b);
    (void)otc_buf_append_str(out, end);
}

otc_status
file_group_path(const char *pattern, struct otc_slice segment, struct otc_buf *out, struct otc_error *err)
{
    size_t star = strcspn(pattern, "*");
    const char *suffix = pattern + star + (pattern[star] == '*');
    OTC_AUTO_BUF struct otc_buf prefix = {.limit = 2 * PATH_BYTES_MAX}, whole = {.limit = 4 * PATH_BYTES_MAX},
                                inner = {.limit = 4 * PATH_BYTES_MAX};

    if (segment.len >= PATH_BYTES_MAX || (segment.len > 0 && memchr(segment.data, 0, segment.len))) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "a path segment has a NUL, or %zu bytes or more",
                        PATH_BYTES_MAX);
    }
    if (otc_slice_starts(segment, otc_slice_str("./"))) {
        segment = otc_slice_skip(segment, 1);
    } else if (otc_slice_starts(segment, otc_slice_str("../"))) {
        segment = otc_slice_skip(segment, 2);
    }
    clean_prefix(pattern, star, &prefix);
    join(&whole, otc_buf_slice(&prefix), "", segment, suffix);
    clean(otc_buf_slice(&whole), out);
    if (!is_within(otc_buf_slice(out), otc_buf_slice(&prefix))) {
        join(&whole, otc_slice_str("/"), "", segment, suffix);
        clean(otc_buf_slice(&whole), &inner);
        join(&whole, otc_buf_slice(&prefix), "/", otc_buf_slice(&inner), "");
        clean(otc_buf_slice(&whole), out);
    }
    return otc_buf_cstr(out) && !whole.failed && !prefix.failed
               ? OTC_OK
               : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}
