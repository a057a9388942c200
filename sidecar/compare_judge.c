// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare.h"

#include <math.h>

static bool
is_detected(const struct otc_comparison *comparison, size_t feature)
{
    for (size_t w = 0; w < comparison->n_windows; w++) {
        const struct otc_compared_window *window = &comparison->windows[w];

        if (!window->of_reference && window->features[feature].detected) {
            return true;
        }
    }
    return false;
}

size_t
otc_comparison_drifted(const struct otc_comparison *comparison)
{
    size_t drifted = 0;

    for (size_t i = 0; comparison->k > 0 && i < comparison->n_features; i++) {
        drifted += is_detected(comparison, i);
    }
    return comparison->k > 0 ? drifted : comparison->n_drifted;
}

double
otc_comparison_severity(const struct otc_comparison *comparison, const struct otc_feature_result *result)
{
    bool by_tests = comparison->decision.rule == OTC_RULE_TESTS;
    double severity = 0;

    for (enum otc_threshold t = 0; !by_tests && t < OTC_N_THRESHOLDS; t++) {
        double limit = comparison->decision.thresholds[t];

        severity = fmax(severity, limit > 0 ? otc_threshold_value(result, t) / limit : 0); /* NaN: no value */
    }
    for (size_t t = 0; by_tests && t < OTC_N_TESTS; t++) {
        double least = comparison->decision.min_effect[t];
        double effect = result->tests[t].effect;

        if (!isnan(result->tests[t].decision_p) && effect > 0) {
            severity = fmax(severity, effect / fmax(least, 1e-9));
        }
    }
    return severity;
}

void
otc_comparison_rule_text(const struct otc_comparison *comparison, char *out, size_t size)
{
    const struct otc_decision *decision = &comparison->decision;
    size_t at = 0;

    if (decision->rule == OTC_RULE_TESTS) {
        (void)snprintf(out, size, "level %g, %s", decision->level, otc_correction_name(decision->correction));
        return;
    }
    for (size_t t = 0; t < OTC_N_THRESHOLDS && at < size; t++) {
        if (decision->thresholds[t] > 0) {
            at += (size_t)snprintf(out + at, size - at, "%s%s %g", at ? ", " : "thresholds ",
                                   otc_threshold_names[t], decision->thresholds[t]);
        }
    }
}

bool
otc_comparison_shows(const struct otc_comparison *comparison, size_t row)
{
    const struct otc_statistic *statistic = &otc_statistics[row];

    return statistic->heading &&
           (comparison->statistics ? otc_statistic_is_in(comparison->statistics, row) : statistic->in_tables);
}

const char *
otc_not_compared_reason(const struct otc_not_compared *other)
{
    return other->reason         ? other->reason
           : other->in_reference ? "only in the reference"
                                 : "only in the current data";
}

const char *
otc_correction_name(enum otc_correction correction)
{
    return correction == OTC_CORRECTION_BONFERRONI            ? "Bonferroni"
           : correction == OTC_CORRECTION_BENJAMINI_HOCHBERG  ? "Benjamini-Hochberg"
           : correction == OTC_CORRECTION_BENJAMINI_YEKUTIELI ? "Benjamini-Yekutieli"
                                                              : "no correction";
}
