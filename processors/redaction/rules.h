// SPDX-License-Identifier: Apache-2.0
/** @file What the settings say of a key and of a text. */
#ifndef REDACTION_RULES_H
#define REDACTION_RULES_H

#include "common/config/schema.h"
#include "common/digest/digest.h"
#include "common/regex/regex.h"

struct redaction_config {
    bool allow_all_keys;
    otc_strings allowed_keys;
    otc_strings ignored_keys;
    otc_strings ignored_key_patterns;
    otc_strings blocked_key_patterns;
    otc_strings blocked_values;
    otc_strings allowed_values;
    bool redact_all_types;
    otc_choice hash_function;
    otc_secret hmac_key;
    otc_choice summary;
    bool url_sanitizer, db_sanitizer; /* refused unless they are off */
};

extern const struct otc_schema redaction_schema;
otc_status redaction_validate(const void *settings, struct otc_error *err);

enum redaction_summary { REDACTION_SILENT, REDACTION_SILENT_TOO, REDACTION_INFO, REDACTION_DEBUG };

/** What is to be done with an attribute because of its key. */
enum redaction_fate {
    REDACTION_PASS, /* its value decides */
    REDACTION_IGNORE,
    REDACTION_REMOVE,
    REDACTION_MASK
};

/** Compiled; immutable, any thread. */
struct redaction_rules {
    const struct redaction_config *config;
    struct otc_map *allowed_keys;
    struct otc_map *ignored_keys;
    struct otc_regexes ignored_key_patterns;
    struct otc_regexes blocked_key_patterns;
    struct otc_regexes blocked_values;
    struct otc_regexes allowed_values;
    /** All blocked values in one expression, NULL where that is too large: nothing of what it does not find
     * is found by one of them. */
    struct otc_regex *any_blocked;
    /** Whether an empty text, which values that are no texts count as, is allowed, or blocked. */
    bool allows_empty, blocks_empty;
    /** A whole line. */
    struct otc_regex *line;
};

/** Zeroed rules from settings that outlive them. On failure there is nothing to release. */
OTC_CHECK otc_status redaction_rules_init(struct redaction_rules *rules,
                                          const struct redaction_config *config, struct otc_error *err);
void redaction_rules_release(struct redaction_rules *rules);

enum redaction_fate redaction_fate_of(const struct redaction_rules *rules, struct otc_slice key);
/** Whether a value may stay whatever else is said of it. */
bool redaction_allows(const struct redaction_rules *rules, struct otc_slice text);
/** Appends the whole text masked: every line of it. */
void redaction_mask_all(const struct redaction_rules *rules, struct otc_slice text, struct otc_buf *out);
/** Appends the text with what is blocked masked. False: nothing is, and nothing was appended. `spare` is
 * working memory. */
bool redaction_mask_blocked(const struct redaction_rules *rules, struct otc_slice text, struct otc_buf *out,
                            struct otc_buf *spare);

#endif
