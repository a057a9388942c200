// SPDX-License-Identifier: Apache-2.0
/**
 * @file Patterns of paths: `*`, `?` and `[…]` within a name, `**` for any number of folders, `{a,b}` for one
 * of several. Names that begin with a dot match like others.
 */
#ifndef OTC_OTLP_JSON_FILE_PATHS_H
#define OTC_OTLP_JSON_FILE_PATHS_H

#include "common/base/status.h"

#include <stddef.h>

/** Patterns of a configuration come to this many at most once their braces are written out. */
#define OTLP_JSON_FILE_PATTERNS_MAX 1000

/** Patterns without braces; owned. */
struct patterns {
    char **items;
    size_t n;
};

/** Adds what a pattern means. INVALID_ARGUMENT: braces or brackets that do not end, or too many. */
OTC_CHECK otc_status otlp_json_file_patterns_add(struct patterns *patterns, const char *pattern,
                                                 struct otc_error *err);
void otlp_json_file_patterns_release(struct patterns *patterns);
/** Whether a path is meant by one of them. */
bool otlp_json_file_patterns_match(const struct patterns *patterns, const char *path);

/** Paths of files, sorted, none twice. */
struct paths {
    char **items;
    size_t n, capacity;
};

/**
 * Files that are there and meant by `include` and not by `exclude`, `max` of them at most. Folders behind
 * symbolic links are looked into where a pattern names them, not for `**`. False out of memory.
 */
bool otlp_json_file_paths_find(const struct patterns *include, const struct patterns *exclude, size_t max,
                               struct paths *out);
void otlp_json_file_paths_release(struct paths *paths);

#endif
