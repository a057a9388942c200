// SPDX-License-Identifier: Apache-2.0
#include "processors/redaction/rules.h"

#include "common/base/map.h"
#include "common/config/refused.h"

/* ---- Settings ----------------------------------------------------------------------------------- */

static const char *const hash_functions[] = {"", "md5", "sha1", "sha3", "hmac-sha256", "hmac-sha512", NULL};
static const char *const summaries[] = {"", "silent", "info", "debug", NULL};

static const struct otc_field fields[] = {
    OTC_FIELD(redaction_config, allow_all_keys, .def = "false",
              .doc = "Keep all keys; otherwise those that are not allowed are removed with their values."),
    OTC_FIELD(redaction_config, allowed_keys,
              .doc = "Keys that stay (unless `allow_all_keys`). None: everything is removed."),
    OTC_FIELD(redaction_config, ignored_keys, .doc = "Keys that pass, whatever their values are."),
    OTC_FIELD(redaction_config, ignored_key_patterns, .doc = "The same by RE2 expressions."),
    OTC_FIELD(redaction_config, blocked_key_patterns,
              .doc = "RE2 expressions; the values of keys in which one is found are masked."),
    OTC_FIELD(redaction_config, blocked_values,
              .doc = "RE2 expressions; what they find in values is masked, wherever the key is allowed."),
    OTC_FIELD(redaction_config, allowed_values,
              .doc = "RE2 expressions; values in which one is found are not masked."),
    OTC_FIELD(redaction_config, redact_all_types, .def = "false",
              .doc = "Look at numbers, booleans, bytes, lists and maps as text, too."),
    OTC_FIELD(redaction_config, hash_function, .def = "", .choices = hash_functions,
              .doc = "Masked is replaced by its hash in hex instead of `****`. `sha3` is SHA3-256."),
    OTC_FIELD(redaction_config, hmac_key,
              .doc = "The key of `hmac-sha256` (at least 32 bytes) and `hmac-sha512` (at least 64)."),
    OTC_FIELD(redaction_config, summary, .def = "", .choices = summaries,
              .doc = "What is added about it: `debug` keys and numbers, `info` numbers, `silent` nothing."),
    OTC_FIELD(redaction_config, url_sanitizer, .parse = otc_parse_refused,
              .doc = "Not supported: refused unless `enabled: false`. Mask with `blocked_values`."),
    OTC_FIELD(redaction_config, db_sanitizer, .parse = otc_parse_refused,
              .doc = "Not supported: refused unless `enabled: false`. Mask with `blocked_values`."),
    OTC_FIELD_END,
};

const struct otc_schema redaction_schema =
    OTC_SCHEMA(redaction_config, fields, "Removes and masks what must not be told.");

static otc_status
check_key(const struct redaction_config *config, struct otc_error *err)
{
    const char *name = hash_functions[config->hash_function.index];
    size_t least = strcmp(name, "hmac-sha256") == 0 ? 32 : strcmp(name, "hmac-sha512") == 0 ? 64 : 0;
    size_t len = config->hmac_key.text ? strlen(config->hmac_key.text) : 0;

    return len >= least ? OTC_OK
                        : otc_fail(err, OTC_INVALID_ARGUMENT,
                                   "hmac_key: must be at least %zu bytes long for hash_function %s, got %zu",
                                   least, name, len);
}

otc_status
redaction_validate(const void *settings, struct otc_error *err)
{
    struct redaction_rules rules = {0};
    otc_status status = check_key(settings, err);

    if (status == OTC_OK) {
        status = redaction_rules_init(&rules, settings, err);
    }
    if (status == OTC_OK) {
        redaction_rules_release(&rules);
    }
    return status;
}

/* ---- Compiling ---------------------------------------------------------------------------------- */

/* What the processor writes itself is allowed: data may pass two of them. */
static const char *const own_keys[] = {
    "redaction.redacted.keys",      "redaction.redacted.count",     "redaction.masked.keys",
    "redaction.masked.count",       "redaction.allowed.keys",       "redaction.allowed.count",
    "redaction.ignored.count",      "redaction.body.redacted.keys", "redaction.body.redacted.count",
    "redaction.body.masked.keys",   "redaction.body.masked.count",  "redaction.body.allowed.keys",
    "redaction.body.allowed.count", "redaction.body.ignored.count",
};
#define N_OWN_KEYS (sizeof(own_keys) / sizeof(own_keys[0]))

static otc_status
make_set(const otc_strings *keys, size_t more, struct otc_map **out, struct otc_error *err)
{
    static char present;

    *out = otc_map_new(keys->n + more + 1);
    for (size_t i = 0; *out && i < keys->n; i++) {
        if (!otc_map_put(*out, otc_slice_str(keys->items[i]), &present)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    for (size_t i = 0; *out && i < more; i++) {
        if (!otc_map_put(*out, otc_slice_str(own_keys[i]), &present)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    return *out ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/* One expression of all that are blocked; without it every one is tried. */
static void
join_blocked(struct redaction_rules *rules, const otc_strings *patterns)
{
    OTC_AUTO_BUF struct otc_buf joined = {.limit = OTC_REGEX_PATTERN_MAX};

    for (size_t i = 0; i < patterns->n; i++) {
        otc_buf_printf(&joined, "%s(?:%s)", i > 0 ? "|" : "", patterns->items[i]);
    }
    if (patterns->n < 2 || !otc_buf_cstr(&joined) ||
        otc_regex_new(otc_buf_cstr(&joined), &rules->any_blocked, NULL) != OTC_OK) {
        rules->any_blocked = NULL;
    }
}

static otc_status
compile(struct redaction_rules *rules, struct otc_error *err)
{
    const struct redaction_config *config = rules->config;
    const struct {
        const otc_strings *patterns;
        struct otc_regexes *out;
        const char *name;
    } lists[] = {{&config->ignored_key_patterns, &rules->ignored_key_patterns, "ignored_key_patterns"},
                 {&config->blocked_key_patterns, &rules->blocked_key_patterns, "blocked_key_patterns"},
                 {&config->blocked_values, &rules->blocked_values, "blocked_values"},
                 {&config->allowed_values, &rules->allowed_values, "allowed_values"}};
    otc_status status = make_set(&config->allowed_keys, N_OWN_KEYS, &rules->allowed_keys, err);

    if (status == OTC_OK) {
        status = make_set(&config->ignored_keys, 0, &rules->ignored_keys, err);
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && status == OTC_OK; i++) {
        status = otc_regexes_new(lists[i].out, lists[i].patterns->items, lists[i].patterns->n, err);
        if (status != OTC_OK) {
            return otc_error_prefix(err, "%s", lists[i].name);
        }
    }
    if (status == OTC_OK) {
        join_blocked(rules, &config->blocked_values);
        rules->allows_empty = otc_regexes_match(&rules->allowed_values, OTC_SLICE_NONE);
        rules->blocks_empty = otc_regexes_match(&rules->blocked_values, OTC_SLICE_NONE);
        status = otc_regex_new(".*", &rules->line, err);
    }
    return status;
}

otc_status
redaction_rules_init(struct redaction_rules *rules, const struct redaction_config *config,
                     struct otc_error *err)
{
    otc_status status;

    rules->config = config;
    status = compile(rules, err);
    if (status != OTC_OK) {
        redaction_rules_release(rules);
    }
    return status;
}

void
redaction_rules_release(struct redaction_rules *rules)
{
    otc_map_free(rules->allowed_keys, NULL);
    otc_map_free(rules->ignored_keys, NULL);
    otc_regexes_release(&rules->ignored_key_patterns);
    otc_regexes_release(&rules->blocked_key_patterns);
    otc_regexes_release(&rules->blocked_values);
    otc_regexes_release(&rules->allowed_values);
    otc_regex_free(rules->any_blocked);
    otc_regex_free(rules->line);
    *rules = (struct redaction_rules){0};
}

/* ---- Asking ------------------------------------------------------------------------------------- */

enum redaction_fate
redaction_fate_of(const struct redaction_rules *rules, struct otc_slice key)
{
    if (otc_map_get(rules->ignored_keys, key) || otc_regexes_match(&rules->ignored_key_patterns, key)) {
        return REDACTION_IGNORE;
    }
    if (!rules->config->allow_all_keys && !otc_map_get(rules->allowed_keys, key)) {
        return REDACTION_REMOVE;
    }
    return otc_regexes_match(&rules->blocked_key_patterns, key) ? REDACTION_MASK : REDACTION_PASS;
}

bool
redaction_allows(const struct redaction_rules *rules, struct otc_slice text)
{
    return text.len == 0 ? rules->allows_empty : otc_regexes_match(&rules->allowed_values, text);
}

/* For the callback, which takes no constants. */
struct masking {
    const struct redaction_config *config;
};

/* What stands for a text that must not be read. */
static void
mask(void *arg, struct otc_slice match, struct otc_buf *out)
{
    static const enum otc_digest digests[] = {OTC_DIGEST_MD5,         OTC_DIGEST_MD5,
                                              OTC_DIGEST_SHA1,        OTC_DIGEST_SHA3_256,
                                              OTC_DIGEST_HMAC_SHA256, OTC_DIGEST_HMAC_SHA512};
    const struct redaction_config *config = ((const struct masking *)arg)->config;
    char hex[OTC_DIGEST_TEXT_MAX];
    size_t len = 0;

    if (config->hash_function.index > 0) {
        len = otc_digest_hex(digests[config->hash_function.index], otc_slice_str(config->hmac_key.text),
                             match, hex);
    }
    /* A hash that the library refuses must not let the text through. */
    otc_buf_append_slice(out, len > 0 ? otc_slice_of(hex, len) : otc_slice_str("****"));
}

void
redaction_mask_all(const struct redaction_rules *rules, struct otc_slice text, struct otc_buf *out)
{
    struct masking masking = {rules->config};

    (void)otc_regex_replace(rules->line, text, mask, &masking, out);
}

bool
redaction_mask_blocked(const struct redaction_rules *rules, struct otc_slice text, struct otc_buf *out,
                       struct otc_buf *spare)
{
    struct masking masking = {rules->config};
    bool found = false;

    if ((text.len == 0 && !rules->blocks_empty) ||
        (rules->any_blocked && !otc_regex_matches(rules->any_blocked, text))) {
        return false;
    }
    for (size_t i = 0; i < rules->blocked_values.n; i++) {
        struct otc_buf masked;

        otc_buf_clear(spare);
        if (!otc_regex_replace(rules->blocked_values.items[i], text, mask, &masking, spare)) {
            continue;
        }
        masked = *spare;
        *spare = *out;
        *out = masked;
        text = otc_buf_slice(out);
        found = true;
    }
    return found;
}
