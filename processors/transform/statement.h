// SPDX-License-Identifier: Apache-2.0
/** @file One statement of OTTL: `editor(target, arguments) where condition`, compiled, and done to a request.
 */
#ifndef TRANSFORM_STATEMENT_H
#define TRANSFORM_STATEMENT_H

#include "common/otlp/edit_pairs.h"
#include "common/ottl/paths.h"
#include "common/regex/regex.h"

enum transform_editor {
    TRANSFORM_DELETE_KEY,
    TRANSFORM_DELETE_MATCHING_KEYS,
    TRANSFORM_FLATTEN,
    TRANSFORM_KEEP_KEYS,
    TRANSFORM_KEEP_MATCHING_KEYS,
    TRANSFORM_LIMIT,
    TRANSFORM_MERGE_MAPS,
    TRANSFORM_REPLACE_ALL_MATCHES,
    TRANSFORM_REPLACE_ALL_PATTERNS,
    TRANSFORM_REPLACE_MATCH,
    TRANSFORM_REPLACE_PATTERN,
    TRANSFORM_SET,
    TRANSFORM_TRUNCATE_ALL
};

/** A word that is an argument: of replace_all_patterns what is replaced, of merge_maps what happens to keys.
 */
enum transform_mode {
    TRANSFORM_KEYS,
    TRANSFORM_VALUES,
    TRANSFORM_INSERT,
    TRANSFORM_UPDATE,
    TRANSFORM_UPSERT
};

#define TRANSFORM_ARGUMENTS_MAX 3

/** Immutable once compiled; any thread. */
struct transform_statement {
    enum transform_editor editor;
    struct otc_ottl_target target;
    /** The arguments behind the target. */
    struct otc_ottl_conditions arguments;
    /** None: always. */
    struct otc_ottl_conditions where;
    /** Of a literal pattern, or of one with `*` and `?`. */
    struct otc_regex *regex;
    enum transform_mode mode;
    struct otc_arena texts;
    /** The target as it is written, and the statement's text behind it (borrowed), to see who reads it. */
    const char *path;
    const char *rest;
};

/** Errors "character 12: …". Nothing to release after a failure. */
OTC_CHECK otc_status transform_statement_init(struct transform_statement *statement,
                                              enum otc_ottl_context context, const char *text,
                                              struct otc_error *err);
void transform_statement_release(struct transform_statement *statement);

/** A pattern with `*`, `?`, `[…]`, `{a,b}` (gobwas/glob) for a whole text, as an expression.
 * INVALID_ARGUMENT: it is none. */
OTC_CHECK otc_status transform_glob(struct otc_slice pattern, struct otc_regex **out, struct otc_error *err);

/** So much of the texts is kept from one subject to the next. */
#define TRANSFORM_TEXTS_KEPT ((size_t)64 << 10)

/** A statement on its way through a request. */
struct transform_run {
    const struct transform_statement *statement;
    struct otc_edit *edit;
    struct otc_pairs *pairs;
    /** What is made for a subject; nothing outlives what is written to. */
    struct otc_arena *texts;
    /** What is being written to, until something else is: an outer message may be met again and again. */
    const uint8_t *current;
    struct otc_slice message;
    struct otc_value value;
    /** Bytes of texts that were still needed when those of an outer message were last gone through. */
    size_t shrunk;
    /** How often it failed, and why first. */
    size_t failures;
    char why[160];
};
/** Does it to a subject, where the condition holds. */
void transform_run_on(struct transform_run *run, const struct otc_ottl_subject *subject);
/** Notes the last changes in the edit. */
void transform_run_end(struct transform_run *run);
/** Notes that the statement could not be done. */
void transform_run_failed(struct transform_run *run, const char *why);

/** Does an editor of maps to the pairs of the run; `arguments` are those behind the target. */
void transform_map(struct transform_run *run, const struct otc_value *arguments);
/** Replaces what the statement's expression finds in a text, as Go's ReplaceAllString; `*out` is kept in the
 * run's texts. False: it finds nothing, or that failed and was noted. */
bool transform_replace(struct transform_run *run, struct otc_slice text, struct otc_slice replacement,
                       struct otc_slice *out);

#endif
