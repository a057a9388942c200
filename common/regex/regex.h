// SPDX-License-Identifier: Apache-2.0
/**
 * @file Regular expressions in the dialect of RE2, which the Collector's configurations are written in, by
 * RE2 itself: linear time whatever the text, no lookaround, no backreferences. Matching is on UTF-8; a byte
 * that is none matches nothing.
 */
#ifndef OTC_REGEX_REGEX_H
#define OTC_REGEX_REGEX_H

#include "common/base/buf.h"

/** A compiled expression; immutable, any thread. Opaque. */
struct otc_regex;

/** Longest pattern; capturing groups of one that anybody asks for. */
#define OTC_REGEX_PATTERN_MAX 16384
#define OTC_REGEX_GROUPS_MAX 64

/**
 * INVALID_ARGUMENT in Go's words: "error parsing regexp: missing closing ]: `[a`"; what Perl has and RE2 has
 * not is named.
 */
OTC_CHECK otc_status otc_regex_new(const char *pattern, struct otc_regex **out, struct otc_error *err);
/** NULL is allowed. */
void otc_regex_free(struct otc_regex *regex);
/** Capturing groups, without the whole match. */
size_t otc_regex_groups(const struct otc_regex *regex);
/** Name of the i-th group, from 1; NULL: it has none. */
const char *otc_regex_group_name(const struct otc_regex *regex, size_t i);

/** Whether the expression is found anywhere in the text. */
bool otc_regex_matches(const struct otc_regex *regex, struct otc_slice text);
/**
 * The leftmost match that begins at `from` or later: found[0] is the whole one, found[i] group i (no data:
 * took no part), for i < n, n at most OTC_REGEX_GROUPS_MAX + 1.
 */
bool otc_regex_find(const struct otc_regex *regex, struct otc_slice text, size_t from,
                    struct otc_slice *found, size_t n);
/**
 * Appends the text with every match replaced by what `replace` appends for it; empty matches as Go's
 * ReplaceAll treats them. Returns whether there was a match; nothing is appended when there was none.
 */
bool otc_regex_replace(const struct otc_regex *regex, struct otc_slice text,
                       void (*replace)(void *arg, struct otc_slice match, struct otc_buf *out), void *arg,
                       struct otc_buf *out);

/** A list of expressions; zero-initialised it is empty. */
struct otc_regexes {
    struct otc_regex **items;
    size_t n;
};
/** Compiles `n` patterns; the error begins with the index: "[2]: error parsing regexp: …". */
OTC_CHECK otc_status otc_regexes_new(struct otc_regexes *list, char *const *patterns, size_t n,
                                     struct otc_error *err);
void otc_regexes_release(struct otc_regexes *list);
/** Whether any of them is found in the text. */
bool otc_regexes_match(const struct otc_regexes *list, struct otc_slice text);

#endif
