// SPDX-License-Identifier: Apache-2.0
#include "common/regex/regex.h"

#include "common/regex/re2.h"

#include <ctype.h>
#include <stdlib.h>

/* RE2's program and its cache of states. */
#define RE2_BYTES_MAX (2L << 20)

struct otc_regex {
    struct otc_re2 *re;
};

/* ---- Compiling ---------------------------------------------------------------------------------- */

/* Whether a group with a name in Go's newer spelling begins here: `(?<name>`, which this RE2 writes `(?P<`.
 */
static bool
names_group(const char *p)
{
    return strncmp(p, "(?<", 3) == 0 && p[3] != '=' && p[3] != '!';
}

/* The end of the character class that begins here. */
static const char *
skip_class(const char *p)
{
    p++;
    p += *p == '^';
    p += *p == ']';
    while (*p && *p != ']') {
        if (*p == '\\' && p[1]) {
            p++;
        } else if (*p == '[' && p[1] == ':' && strstr(p, ":]")) {
            p = strstr(p, ":]") + 1;
        }
        p++;
    }
    return *p ? p + 1 : p;
}

/* The next piece of a pattern: an escape, a quoted text, a class or a byte. */
static const char *
skip_piece(const char *p)
{
    const char *end;

    if (*p == '[') {
        return skip_class(p);
    }
    if (*p != '\\' || !p[1]) {
        return p + 1;
    }
    end = p[1] == 'Q' ? strstr(p, "\\E") : NULL;
    return end ? end + 2 : p[1] == 'Q' ? p + strlen(p) : p + 2;
}

static void
respell(const char *pattern, struct otc_buf *out)
{
    while (*pattern) {
        const char *next = skip_piece(pattern);

        if (names_group(pattern)) {
            otc_buf_append_str(out, "(?P<");
            next = pattern + 3;
        } else {
            otc_buf_append(out, pattern, (size_t)(next - pattern));
        }
        pattern = next;
    }
}

/* What a user of Perl's dialect misses. */
static const char *
missing_feature(struct otc_re2_span argument)
{
    const char *text = argument.text;

    if (argument.len >= 3 && text[0] == '(' && text[1] == '?' && strchr("=!<", text[2])) {
        return " (RE2 has no lookaround)";
    }
    if (argument.len >= 2 && text[0] == '\\' && (isdigit((unsigned char)text[1]) || strchr("kg", text[1]))) {
        return " (RE2 has no backreferences)";
    }
    return "";
}

static otc_status
check(const struct otc_re2 *re, struct otc_error *err)
{
    struct otc_re2_span argument;
    const char *wrong = otc_re2_error(re, &argument);

    return wrong ? otc_fail(err, OTC_INVALID_ARGUMENT, "error parsing regexp: %s: `%.*s`%s", wrong,
                            (int)argument.len, argument.text, missing_feature(argument))
                 : OTC_OK;
}

otc_status
otc_regex_new(const char *pattern, struct otc_regex **out, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)2 * OTC_REGEX_PATTERN_MAX};
    struct otc_regex *regex;
    otc_status status;

    if (strlen(pattern) > OTC_REGEX_PATTERN_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "error parsing regexp: it is longer than %d bytes",
                        OTC_REGEX_PATTERN_MAX);
    }
    respell(pattern, &text);
    regex = calloc(1, sizeof(*regex));
    if (regex && !text.failed) {
        regex->re = otc_re2_new((const char *)text.data, text.len, RE2_BYTES_MAX);
    }
    if (!regex || !regex->re) {
        free(regex);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a regular expression");
    }
    status = check(regex->re, err);
    if (status != OTC_OK) {
        otc_regex_free(regex);
        return status;
    }
    *out = regex;
    return OTC_OK;
}

void
otc_regex_free(struct otc_regex *regex)
{
    if (regex) {
        otc_re2_free(regex->re);
        free(regex);
    }
}

size_t
otc_regex_groups(const struct otc_regex *regex)
{
    return otc_re2_groups(regex->re);
}

const char *
otc_regex_group_name(const struct otc_regex *regex, size_t i)
{
    return otc_re2_group_name(regex->re, i);
}

/* ---- Matching ----------------------------------------------------------------------------------- */

bool
otc_regex_matches(const struct otc_regex *regex, struct otc_slice text)
{
    return otc_re2_find(regex->re, (const char *)text.data, text.len, 0, NULL, 0);
}

bool
otc_regex_find(const struct otc_regex *regex, struct otc_slice text, size_t from, struct otc_slice *found,
               size_t n)
{
    struct otc_re2_span spans[OTC_REGEX_GROUPS_MAX + 1];

    if (n > OTC_REGEX_GROUPS_MAX + 1 ||
        !otc_re2_find(regex->re, (const char *)text.data, text.len, from, spans, n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        found[i] = otc_slice_of(spans[i].text, spans[i].len);
    }
    return true;
}

/* Bytes of the character at `at`; a byte that is none counts as one. */
static size_t
character(struct otc_slice text, size_t at)
{
    uint8_t first = text.data[at];
    size_t len = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    return len < text.len - at ? len : text.len - at;
}

bool
otc_regex_replace(const struct otc_regex *regex, struct otc_slice text,
                  void (*replace)(void *arg, struct otc_slice match, struct otc_buf *out), void *arg,
                  struct otc_buf *out)
{
    size_t copied = 0, from = 0;
    struct otc_slice match;
    bool found = false;

    if (text.len == 0) {
        text = otc_slice_of("", 0);
    }
    while (from <= text.len && otc_regex_find(regex, text, from, &match, 1)) {
        size_t begin = (size_t)(match.data - text.data), end = begin + match.len;

        found = true;
        otc_buf_append(out, text.data + copied, begin - copied);
        /* An empty match right behind another one is none. */
        if (end > copied || begin == 0) {
            replace(arg, match, out);
        }
        copied = end;
        if (end > from) {
            from = end;
        } else {
            from += from < text.len ? character(text, from) : 1;
        }
    }
    if (found) {
        otc_buf_append(out, text.data + copied, text.len - copied);
    }
    return found;
}

/* ---- Lists -------------------------------------------------------------------------------------- */

otc_status
otc_regexes_new(struct otc_regexes *list, char *const *patterns, size_t n, struct otc_error *err)
{
    list->items = calloc(n > 0 ? n : 1, sizeof(struct otc_regex *));
    if (!list->items) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for regular expressions");
    }
    for (size_t i = 0; i < n; i++) {
        otc_status status = otc_regex_new(patterns[i], &list->items[i], err);

        if (status != OTC_OK) {
            otc_regexes_release(list);
            return otc_error_prefix(err, "[%zu]", i);
        }
        list->n++;
    }
    return OTC_OK;
}

void
otc_regexes_release(struct otc_regexes *list)
{
    for (size_t i = 0; i < list->n; i++) {
        otc_regex_free(list->items[i]);
    }
    free(list->items);
    *list = (struct otc_regexes){0};
}

bool
otc_regexes_match(const struct otc_regexes *list, struct otc_slice text)
{
    for (size_t i = 0; i < list->n; i++) {
        if (otc_regex_matches(list->items[i], text)) {
            return true;
        }
    }
    return false;
}
