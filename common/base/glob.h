// SPDX-License-Identifier: Apache-2.0
/**
 * @file Glob patterns with `.` as separator, as the Collector's span_metrics takes them (gobwas/glob): `*`
 * any characters but `.`, `**` any characters, `?` one character but `.`, `[abc]`, `[a-z]`, `[!a-z]`,
 * `{one,two}`,
 * `\\` before a character meant literally. Bytes, not characters of UTF-8.
 */
#ifndef OTC_BASE_GLOB_H
#define OTC_BASE_GLOB_H

#include "common/base/slice.h"
#include "common/base/status.h"

/** Longest pattern, and wildcards (stars and alternatives) of one. */
#define OTC_GLOB_MAX 256
#define OTC_GLOB_WILDCARDS_MAX 16

/** INVALID_ARGUMENT "unexpected end of input" and its like where the pattern is none. */
OTC_CHECK otc_status otc_glob_check(const char *pattern, struct otc_error *err);
/** Whether the whole text matches a checked pattern. Bounded work: too costly a match (a hostile text) is
 * none.
 */
bool otc_glob_match(const char *pattern, struct otc_slice text);

#endif
