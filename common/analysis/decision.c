// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/decision.h"

#include "common/analysis/budget.h"

const char *const otc_correction_words[] = {"benjamini_hochberg", "benjamini_yekutieli", "bonferroni", "none",
                                            NULL};
const char *const otc_rule_words[] = {"tests", "thresholds", NULL};
const char *const otc_empty_words[] = {"laplace", "clip", "epsilon", NULL};

otc_status
otc_decision_set_threshold(struct otc_decision *decision, struct otc_slice name, double value,
                           struct otc_error *err)
{
    char allowed[256] = "";
    size_t at = 0;

    for (size_t t = 0; t < OTC_N_THRESHOLDS; t++) {
        if (otc_slice_equal_str(name, otc_threshold_names[t])) {
            if (!(value > 0)) {
                return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: must be above 0", otc_threshold_names[t]);
            }
            decision->thresholds[t] = value;
            return OTC_OK;
        }
        at += (size_t)snprintf(allowed + at, at < sizeof(allowed) ? sizeof(allowed) - at : 0, "%s%s",
                               t ? ", " : "", otc_threshold_names[t]);
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT, "'%.*s' is not allowed (%s)", OTC_SLICE_ARG(name), allowed);
}

otc_status
otc_decision_check_thresholds(const struct otc_decision *decision, struct otc_error *err)
{
    bool any = false;

    for (size_t t = 0; t < OTC_N_THRESHOLDS; t++) {
        any = any || decision->thresholds[t] > 0;
    }
    if (decision->rule == OTC_RULE_TESTS && any) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "decide with the rule `thresholds` alone; the rule `tests` takes smallest effects");
    }
    if (decision->rule == OTC_RULE_THRESHOLDS && !any) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "the rule `thresholds` needs one at least, such as psi 0.2 or wasserstein 0.1");
    }
    return OTC_OK;
}

otc_status
otc_decision_set_false_alarms(struct otc_decision *decision, const char *text, unsigned k, int64_t pane_ns,
                              struct otc_error *err)
{
    const char *reason = decision->rule == OTC_RULE_THRESHOLDS         ? "thresholds keep no rate of alarms"
                         : decision->correction == OTC_CORRECTION_NONE ? "needs a correction"
                                                                       : NULL;
    double per_week = 0;
    otc_status status;

    if (reason) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s", reason);
    }
    status = otc_false_alarms_parse(text, &per_week, err);
    if (status == OTC_OK) {
        decision->level = otc_false_alarms_level(per_week, k, pane_ns);
    }
    return status;
}

otc_status
otc_decision_set_empty(struct otc_decision *decision, unsigned word, double value, struct otc_error *err)
{
    static const struct {
        enum otc_empty_bins rule;
        double usual;
    } rules[] = {{OTC_EMPTY_LAPLACE, 0.5}, {OTC_EMPTY_CLIP, 1e-4}, {OTC_EMPTY_EPSILON, 1e-4}};

    if (!(value >= 0 && value <= 1) || word >= sizeof(rules) / sizeof(rules[0])) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%g is not in 0 to 1 (0: the usual value of the rule)",
                        value);
    }
    decision->empty = rules[word].rule;
    decision->empty_value = value > 0 ? value : rules[word].usual;
    return OTC_OK;
}
