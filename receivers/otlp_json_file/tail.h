// SPDX-License-Identifier: Apache-2.0
/**
 * @file Files that match patterns, followed line by line while they grow, are renamed, truncated or replaced.
 *
 * A file is known by its first bytes, not by its name: a renamed file goes on where it was, a copy is not
 * read twice, new contents under an old name are read from their beginning. One thread.
 */
#ifndef OTC_OTLP_JSON_FILE_TAIL_H
#define OTC_OTLP_JSON_FILE_TAIL_H

#include "common/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct tail_settings {
    char *const *include; /* glob(7) patterns */
    size_t n_include;
    char *const *exclude;
    size_t n_exclude;
    /** Files of the first poll are read from their beginning. */
    bool from_beginning;
    /** A file is read again when its end is reached. */
    bool replay;
    size_t fingerprint;
    size_t max_line;
    size_t max_files;
    int64_t flush_ns; /* 0: lines without an end wait */
};

struct tail_calls {
    /** A line without its end, not empty. False: not now; it comes again with the next poll. */
    bool (*line)(void *arg, struct otc_slice line);
    /** What cannot be read, told once a file until it can be. */
    void (*trouble)(void *arg, const char *path, const char *text);
    void *arg;
};

/** Opaque. Settings and what they point to outlive it. NULL out of memory. */
struct tail;
struct tail *otlp_json_file_tail_new(const struct tail_settings *settings, const struct tail_calls *calls);
/** NULL is allowed. */
void otlp_json_file_tail_free(struct tail *tail);
/** Looks at all files and reads what is new, about `bytes` at most. True when there is more to read. */
bool otlp_json_file_tail_poll(struct tail *tail, int64_t monotonic_ns, size_t bytes);

#endif
