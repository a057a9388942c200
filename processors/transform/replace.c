// SPDX-License-Identifier: Apache-2.0
/* Replacing as Go's package regexp does it, and patterns with wildcards as expressions. */
#include "common/base/glob.h"
#include "common/base/number.h"
#include "processors/transform/statement.h"

#include <ctype.h>
#include <string.h>

#define TEXT_MAX ((size_t)16 << 20)

struct replacing {
    const struct otc_regex *regex;
    struct otc_slice text;
    struct otc_slice replacement;
};

/* The group of a name or number; no data: none. */
static struct otc_slice
group_of(const struct replacing *replacing, const struct otc_slice *found, struct otc_slice name)
{
    size_t n = otc_regex_groups(replacing->regex);
    int64_t number;

    if (isdigit(name.data[0])) {
        return otc_parse_int64(name, &number) && (uint64_t)number <= n ? found[number] : OTC_SLICE_NONE;
    }
    for (size_t i = 1; i <= n; i++) {
        const char *known = otc_regex_group_name(replacing->regex, i);

        if (known && otc_slice_equal_str(name, known)) {
            return found[i];
        }
    }
    return OTC_SLICE_NONE;
}

/* The name behind a dollar sign, `${name}` or the longest run of letters, digits and underscores; moves `*at`
 * behind it. Empty: there is none. */
static struct otc_slice
template_name(struct otc_slice text, size_t *at)
{
    bool braces = *at < text.len && text.data[*at] == '{';
    size_t start = *at + braces, end = start;
    struct otc_slice name;

    while (end < text.len && (isalnum(text.data[end]) || text.data[end] == '_')) {
        end++;
    }
    name = otc_slice_of(text.data + start, end - start);
    if (name.len == 0 || (braces && (end == text.len || text.data[end] != '}'))) {
        return OTC_SLICE_NONE;
    }
    *at = end + braces;
    return name;
}

/* Go's Expand. */
static void
expand(void *arg, struct otc_slice match, struct otc_buf *out)
{
    const struct replacing *replacing = arg;
    struct otc_slice found[OTC_REGEX_GROUPS_MAX + 1] = {{0}}, text = replacing->replacement;

    (void)otc_regex_find(replacing->regex, replacing->text, (size_t)(match.data - replacing->text.data),
                         found, otc_regex_groups(replacing->regex) + 1);
    for (size_t at = 0; at < text.len;) {
        struct otc_slice name;

        if (text.data[at] != '$') {
            otc_buf_append_byte(out, text.data[at++]);
            continue;
        }
        at++;
        if (at < text.len && text.data[at] == '$') {
            otc_buf_append_byte(out, text.data[at++]);
            continue;
        }
        name = template_name(text, &at);
        if (name.len == 0) {
            otc_buf_append_byte(out, '$');
        } else {
            otc_buf_append_slice(out, group_of(replacing, found, name));
        }
    }
}

bool
transform_replace(struct transform_run *run, struct otc_slice text, struct otc_slice replacement,
                  struct otc_slice *out)
{
    OTC_AUTO_BUF struct otc_buf made = {.limit = TEXT_MAX};
    struct replacing replacing = {run->statement->regex, text, replacement};

    if (!otc_regex_replace(replacing.regex, replacing.text, expand, &replacing, &made)) {
        return false;
    }
    *out = otc_arena_copy(run->texts, otc_buf_slice(&made));
    if (made.failed || (made.len > 0 && !out->data)) {
        transform_run_failed(run, "out of memory for a text");
        return false;
    }
    return true;
}

/* ---- Wildcards ---------------------------------------------------------------------------------- */

/* One character, meant literally. */
static const char *
put_literal(struct otc_buf *out, const char *p)
{
    if (ispunct((unsigned char)*p)) {
        (void)otc_buf_append_byte(out, '\\');
    }
    (void)otc_buf_append_byte(out, (uint8_t)*p);
    return p + 1;
}

/* `[…]`, to behind its end. */
static const char *
put_class(struct otc_buf *out, const char *p)
{
    p++;
    (void)otc_buf_append_str(out, *p == '!' ? "[^" : "[");
    p += *p == '!';
    while (*p && *p != ']') {
        p += *p == '\\';
        p = put_literal(out, p);
        if (*p == '-' && p[1] && p[1] != ']') {
            (void)otc_buf_append_byte(out, '-');
            p = put_literal(out, p + 1);
        }
    }
    (void)otc_buf_append_byte(out, ']');
    return p + (*p == ']');
}

otc_status
transform_glob(struct otc_slice pattern, struct otc_regex **out, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = OTC_GLOB_MAX + 1}, made = {.limit = OTC_REGEX_PATTERN_MAX};
    size_t depth = 0;
    otc_status status;

    if (!otc_buf_append_slice(&text, pattern) || !otc_buf_cstr(&text)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "a pattern of more than %d bytes", OTC_GLOB_MAX);
    }
    status = otc_glob_check(otc_buf_cstr(&text), err);
    if (status != OTC_OK) {
        return status;
    }
    (void)otc_buf_append_str(&made, "(?s)\\A(?:");
    for (const char *p = otc_buf_cstr(&text); *p;) {
        if (*p == '[') {
            p = put_class(&made, p);
            continue;
        }
        if (*p == '\\') {
            p = put_literal(&made, p + 1); /* a checked pattern does not end here */
            continue;
        }
        if (!strchr("*?{}", *p) && (*p != ',' || depth == 0)) {
            p = put_literal(&made, p);
            continue;
        }
        depth += *p == '{';
        depth -= *p == '}';
        (void)otc_buf_append_str(&made, *p == '*'   ? ".*"
                                        : *p == '?' ? "."
                                        : *p == '{' ? "(?:"
                                        : *p == '}' ? ")"
                                                    : "|");
        p++;
    }
    (void)otc_buf_append_str(&made, ")\\z");
    return otc_buf_cstr(&made) ? otc_regex_new(otc_buf_cstr(&made), out, err)
                               : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}
