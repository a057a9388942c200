// SPDX-License-Identifier: Apache-2.0
/**
 * @file Files that match patterns, followed line by line while they grow, are renamed, compressed, truncated
 * or replaced.
 *
 * A file is known by its first bytes, not by its name: a renamed file goes on where it was, so does one that
 * was compressed, a copy is not read twice, new contents under an old name are read from their beginning. One
 * thread.
 */
#ifndef OTC_OTLP_JSON_FILE_TAIL_H
#define OTC_OTLP_JSON_FILE_TAIL_H

#include "common/base/buf.h"

enum tail_compression { TAIL_PLAIN, TAIL_GZIP, TAIL_AUTO };
/** What to do with a file that became shorter but begins as before. */
enum tail_truncated { TAIL_READ_WHOLE_FILE, TAIL_READ_NEW, TAIL_IGNORE };

struct tail_settings {
    char *const *include; /* patterns, see paths.h */
    size_t n_include;
    char *const *exclude;
    size_t n_exclude;
    int64_t older_ns; /* files that did not change for longer are passed over; 0: none */
    /** Files of the first poll are read from their beginning. */
    bool from_beginning;
    /** A file is read again when its end is reached. */
    bool replay;
    /** A file is removed when its end is reached. */
    bool remove;
    /** A file that somebody has locked (flock) is left for now. */
    bool lock;
    enum tail_compression compression;
    enum tail_truncated truncated;
    size_t fingerprint;
    size_t max_line;
    size_t max_files;
    int64_t flush_ns; /* 0: lines without an end wait */
};

struct tail_calls {
    /** A line without its end, not empty. False: not now; it comes again with the next poll, and then with
     * `*done` as it was left. 0 when it comes first. */
    bool (*line)(void *arg, struct otc_slice line, unsigned *done);
    /** What cannot be read, told once a file until it can be. */
    void (*trouble)(void *arg, const char *path, const char *text);
    void *arg;
};

/** Opaque. Settings and what they point to outlive it. NULL out of memory. */
struct tail;
struct tail *otlp_json_file_tail_new(const struct tail_settings *settings, const struct tail_calls *calls);
/** NULL is allowed. */
void otlp_json_file_tail_free(struct tail *tail);
/** Looks at all files and reads what is new, about `bytes` at most. True when there is more to read. Where
 * files whose lines are refused use the bytes up, the next poll begins behind them. `unix_ns` is held against
 * the files' times of change. */
bool otlp_json_file_tail_poll(struct tail *tail, int64_t monotonic_ns, int64_t unix_ns, size_t bytes);

/**
 * Appends where reading stands, of all files or of those that moved since the last time and those that are
 * gone; nothing when nothing moved. False: `out` has failed, and nothing counts as written. Any
 * number of polls may lie between two calls.
 */
bool otlp_json_file_tail_write(struct tail *tail, bool all, struct otc_buf *out);
/**
 * Takes over what was written, record by record in the same order, before the first poll. Files that are not
 * among them are read from their beginning. False: not all of it could be read.
 */
bool otlp_json_file_tail_read(struct tail *tail, struct otc_slice written);

#endif
