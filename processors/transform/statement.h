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
    TRANSFORM_KEEP_KEYS,
    TRANSFORM_LIMIT,
    TRANSFORM_REPLACE_PATTERN,
    TRANSFORM_SET,
    TRANSFORM_TRUNCATE_ALL
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
    /** Of a literal pattern. */
    struct otc_regex *regex;
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

/** A statement on its way through a request. */
struct transform_run {
    const struct transform_statement *statement;
    struct otc_edit *edit;
    struct otc_pairs *pairs;
    struct otc_arena *texts;
    /** What is being written to, until something else is: an outer message may be met again and again. */
    const uint8_t *current;
    struct otc_slice message;
    struct otc_value value;
    /** How often it failed, and why first. */
    size_t failures;
    char why[160];
};
/** Does it to a subject, where the condition holds. */
void transform_run_on(struct transform_run *run, const struct otc_ottl_subject *subject);
/** Notes the last changes in the edit. */
void transform_run_end(struct transform_run *run);

#endif
