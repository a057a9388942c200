// SPDX-License-Identifier: Apache-2.0
#include "common/base/glob.h"

/* Characters looked at in one match, at most. */
#define STEPS_MAX 100000
#define NESTING_MAX 8

/* ---- Patterns -------------------------------------------------------------------------------------- */

/* The `]` or `}` that ends what opens at `p`; NULL: it never ends. */
static const char *
closing(const char *p)
{
    bool class = *p == '[';
    int depth = 0;

    for (; *p; p++) {
        if (*p == '\\') {
            p++;
            if (!*p) {
                return NULL;
            }
        } else if (class) {
            if (*p == ']') {
                return p;
            }
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && --depth == 0) {
            return p;
        }
    }
    return NULL;
}

otc_status
otc_glob_check(const char *pattern, struct otc_error *err)
{
    size_t wildcards = 0, depth = 0;

    if (strlen(pattern) > OTC_GLOB_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "longer than %d characters", OTC_GLOB_MAX);
    }
    for (const char *p = pattern; *p; p++) {
        const char *end = p;

        if (*p == '\\' && !*++p) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "unexpected end of input");
        }
        if (*end == '\\') {
            continue;
        }
        if (*p == '[' || *p == '{') {
            end = closing(p);
        }
        if (!end) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "unexpected end of input");
        }
        if (*p == '[' && end - p < 2) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "an empty class []");
        }
        depth += *p == '{';
        if (*p == '}' && depth-- == 0) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "a } without {");
        }
        wildcards += *p == '*' || *p == '{';
        if (wildcards > OTC_GLOB_WILDCARDS_MAX || depth > NESTING_MAX) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "more than %d wildcards", OTC_GLOB_WILDCARDS_MAX);
        }
        p = *p == '[' ? end : p;
    }
    return OTC_OK;
}

/* ---- Matching -------------------------------------------------------------------------------------- */

/* What follows an alternative. */
struct rest {
    const char *from, *to;
    const struct rest *next;
};

struct match {
    const uint8_t *end;
    size_t steps;
};

static bool match_at(struct match *match, const char *p, const char *to, const struct rest *rest,
                     const uint8_t *text);

/* Whether the class from `p` (after [) to `to` (its ]) holds the character. */
static bool
in_class(const char *p, const char *to, uint8_t c)
{
    bool negated = *p == '!', found = false;

    for (p += negated; p < to; p++) {
        uint8_t low, high;

        p += *p == '\\';
        low = high = (uint8_t)*p;
        if (p + 2 < to && p[1] == '-') {
            high = (uint8_t)p[2];
            p += 2;
        }
        found = found || (c >= low && c <= high);
    }
    return found != negated;
}

static bool
match_star(struct match *match, const char *p, const char *to, const struct rest *rest, const uint8_t *text)
{
    bool all = false;

    for (p++; p < to && *p == '*'; p++) {
        all = true;
    }
    for (;; text++) {
        if (match_at(match, p, to, rest, text)) {
            return true;
        }
        if (text == match->end || (*text == '.' && !all) || match->steps == 0) {
            return false;
        }
    }
}

static bool
match_alternatives(struct match *match, const char *p, const char *to, const struct rest *rest,
                   const uint8_t *text)
{
    const char *end = closing(p), *from = p + 1;
    const struct rest after = {end ? end + 1 : to, to, rest};
    int depth = 0;

    for (const char *at = from; end && at <= end; at++) { /* a checked group ends */
        if ((*at == ',' && depth == 0) || at == end) {
            if (match_at(match, from, at, &after, text)) {
                return true;
            }
            from = at + 1;
        }
        depth += (*at == '{') - (*at == '}');
        at += *at == '\\';
    }
    return false;
}

/* Recursion is bounded by the wildcards of a checked pattern. */
static bool
match_at(struct match *match, const char *p, const char *to, const struct rest *rest, const uint8_t *text)
{
    for (; p < to; p++, text++) {
        if (match->steps == 0) {
            return false;
        }
        match->steps--;
        if (*p == '*') {
            return match_star(match, p, to, rest, text);
        }
        if (*p == '{') {
            return match_alternatives(match, p, to, rest, text);
        }
        if (text == match->end) {
            return false;
        }
        if (*p == '[') {
            const char *end = closing(p);

            if (!end || !in_class(p + 1, end, *text)) { /* a checked class ends */
                return false;
            }
            p = end;
        } else if (*p == '?') {
            if (*text == '.') {
                return false;
            }
        } else {
            p += *p == '\\';
            if ((uint8_t)*p != *text) {
                return false;
            }
        }
    }
    return rest ? match_at(match, rest->from, rest->to, rest->next, text) : text == match->end;
}

bool
otc_glob_match(const char *pattern, struct otc_slice text)
{
    static const uint8_t none;
    const uint8_t *begin = text.data ? text.data : &none;
    struct match match = {begin + text.len, STEPS_MAX};

    return match_at(&match, pattern, pattern + strlen(pattern), NULL, begin);
}
