// SPDX-License-Identifier: Apache-2.0
/** @file RE2 as C sees it: what regex.c needs of it, and the only user of C++. */
#ifndef OTC_REGEX_RE2_H
#define OTC_REGEX_RE2_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A match or group; no text: it took no part. */
struct otc_re2_span {
    const char *text;
    size_t len;
};

struct otc_re2;

/** A compiled pattern, to be looked at with otc_re2_error; NULL out of memory. */
struct otc_re2 *otc_re2_new(const char *pattern, size_t len, long max_bytes);
void otc_re2_free(struct otc_re2 *re);
/** What is wrong with the pattern in Go's words, or NULL; `*argument`: the piece of it, borrowed. */
const char *otc_re2_error(const struct otc_re2 *re, struct otc_re2_span *argument);
size_t otc_re2_groups(const struct otc_re2 *re);
/** Name of a group, or NULL. Borrowed. */
const char *otc_re2_group_name(const struct otc_re2 *re, size_t i);
/** The leftmost match from `from` on. */
bool otc_re2_find(const struct otc_re2 *re, const char *text, size_t len, size_t from,
                  struct otc_re2_span *found, size_t n);

#ifdef __cplusplus
}
#endif

#endif
