// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_decision.h"

#include "common/analysis/decision.h"
#include "common/base/number.h"

/** A number option in [min, max]; false after printing an error. */
static bool
read_number(const struct otc_command *command, const char *name, struct otc_slice text, const double range[2],
            double *out)
{
    double number;

    if (!otc_parse_double(text, &number) || !(number >= range[0] && number <= range[1])) {
        (void)otc_usage_error(command, "--%s: '%.*s' is not allowed (%g to %g)", name, OTC_SLICE_ARG(text),
                              range[0], range[1]);
        return false;
    }
    *out = number;
    return true;
}

/** "ks=0.1": the smallest effect that counts. */
static bool
read_min_effect(const struct otc_command *command, struct otc_slice item, struct otc_decision *decision)
{
    static const double range[2] = {0, 1e6};
    const uint8_t *equals = memchr(item.data, '=', item.len);
    size_t len = equals ? (size_t)(equals - item.data) : item.len;
    struct otc_slice name = otc_slice_of(item.data, len);

    for (size_t t = 0; equals && t < OTC_N_TESTS; t++) {
        if (otc_slice_equal_str(name, otc_test_name((enum otc_test)t)) ||
            (t == OTC_TEST_CHI_SQUARED && otc_slice_equal_str(name, "total_variation"))) {
            return read_number(command, "min-effect", otc_slice_skip(item, len + 1), range,
                               &decision->min_effect[t]);
        }
    }
    (void)otc_usage_error(command,
                          "--min-effect: '%.*s' is not allowed (ks=, psi=, total_variation=, missing=, "
                          "out_of_range=, unseen=, invalid= or constant=)",
                          OTC_SLICE_ARG(item));
    return false;
}

bool
otc_compare_read_word(const struct otc_command *command, const char *name, const char *text,
                      const char *const *words, unsigned *out)
{
    char allowed[256] = "";
    size_t at = 0;

    *out = 0;
    for (unsigned i = 0; words[i]; i++) {
        if (!text || strcmp(text, words[i]) == 0) {
            *out = i;
            return true;
        }
        at += (size_t)snprintf(allowed + at, at < sizeof(allowed) ? sizeof(allowed) - at : 0, "%s%s",
                               i ? ", " : "", words[i]);
    }
    (void)otc_usage_error(command, "--%s: '%s' is not allowed (%s)", name, text, allowed);
    return false;
}

/** "psi=0.2", one of a list. */
static bool
read_threshold(const struct otc_command *command, struct otc_slice item, struct otc_decision *decision)
{
    struct otc_error err = OTC_ERROR_INIT;
    const uint8_t *equals = memchr(item.data, '=', item.len);
    size_t len = equals ? (size_t)(equals - item.data) : item.len;
    double value = 0;

    if (!equals || !otc_parse_double(otc_slice_skip(item, len + 1), &value)) {
        (void)otc_usage_error(command, "--threshold: '%.*s' is not of the form psi=0.2", OTC_SLICE_ARG(item));
        return false;
    }
    if (otc_decision_set_threshold(decision, otc_slice_of(item.data, len), value, &err) != OTC_OK) {
        (void)otc_usage_error(command, "--threshold: %s", err.text);
        return false;
    }
    return true;
}

static bool
read_rule(const struct otc_command *command, struct otc_compare_options *options)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_decision *decision = &options->decision;
    unsigned rule, correction;

    if (!otc_compare_read_word(command, "rule", options->texts.rule, otc_rule_words, &rule) ||
        !otc_compare_read_word(command, "correction", options->texts.correction, otc_correction_words,
                               &correction)) {
        return false;
    }
    decision->rule = (enum otc_rule)rule;
    decision->correction = (enum otc_correction)correction;
    for (size_t i = 0; i < options->texts.thresholds.n; i++) {
        if (!read_threshold(command, options->texts.thresholds.items[i], decision)) {
            return false;
        }
    }
    if (otc_decision_check_thresholds(decision, &err) != OTC_OK) {
        (void)otc_usage_error(command, "--threshold: %s", err.text);
        return false;
    }
    return true;
}

/** An evaluation comes once a window, whose length is therefore needed. */
static bool
read_false_alarms(const struct otc_command *command, struct otc_compare_options *options)
{
    struct otc_error err = OTC_ERROR_INIT;
    const char *text = options->texts.false_alarms;
    const char *wrong = options->texts.level ? "set it or --level, not both"
                        : options->k == 0 || options->chunk_rule.unit != OTC_CHUNK_DURATION
                            ? "needs windows of one length in time, such as --window 1h"
                            : NULL;

    if (!text) {
        return true;
    }
    if (!wrong && otc_decision_set_false_alarms(&options->decision, text, options->k,
                                                options->chunk_rule.size, &err) != OTC_OK) {
        wrong = err.text;
    }
    if (wrong) {
        (void)otc_usage_error(command, "--false-alarms: %s", wrong);
    }
    return !wrong;
}

/** "clip", "clip=0.001". */
static bool
read_psi_empty(const struct otc_command *command, struct otc_compare_options *options)
{
    struct otc_error err = OTC_ERROR_INIT;
    const char *text = options->texts.psi_empty;
    const char *equals = text ? strchr(text, '=') : NULL;
    size_t len = equals ? (size_t)(equals - text) : text ? strlen(text) : 0;
    char word[16];
    unsigned rule;
    double value = 0;

    if (!text) {
        return true;
    }
    (void)snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word) - 1), text);
    if (!otc_compare_read_word(command, "psi-empty", word, otc_empty_words, &rule)) {
        return false;
    }
    if (equals && (!otc_parse_double(otc_slice_str(equals + 1), &value) || !(value > 0))) {
        (void)otc_usage_error(command, "--psi-empty: '%s' is no number above 0", equals + 1);
        return false;
    }
    if (otc_decision_set_empty(&options->decision, rule, value, &err) != OTC_OK) {
        (void)otc_usage_error(command, "--psi-empty: %s", err.text);
        return false;
    }
    return true;
}

bool
otc_compare_read_decision(const struct otc_command *command, struct otc_compare_options *options)
{
    static const double levels[2] = {0, 1};
    static const double counts[2] = {0, 1e15};
    struct otc_decision *decision = &options->decision;
    double number = 0;

    *decision = OTC_DECISION_DEFAULT;
    if ((options->texts.level &&
         !read_number(command, "level", otc_slice_str(options->texts.level), levels, &decision->level)) ||
        (options->texts.min_observations &&
         !read_number(command, "min-observations", otc_slice_str(options->texts.min_observations), counts,
                      &number))) {
        return false;
    }
    decision->min_observations = (uint64_t)number;
    for (size_t i = 0; i < options->texts.min_effects.n; i++) {
        if (!read_min_effect(command, options->texts.min_effects.items[i], decision)) {
            return false;
        }
    }
    return read_rule(command, options) && read_false_alarms(command, options) &&
           read_psi_empty(command, options);
}
