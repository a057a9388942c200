// SPDX-License-Identifier: Apache-2.0
/**
 * @file A decision from what users write, in a configuration as on a command line. Errors say what is wrong
 * and what is allowed; the caller prefixes them with the key or the option.
 */
#ifndef OTC_ANALYSIS_DECISION_H
#define OTC_ANALYSIS_DECISION_H

#include "common/analysis/evaluate.h"

/** NULL-ended, in the order of enum otc_correction, of enum otc_rule. */
extern const char *const otc_correction_words[];
extern const char *const otc_rule_words[];
/** "laplace", "clip", "epsilon". */
extern const char *const otc_empty_words[];

/** A threshold of this name (otc_threshold_names) from `value` > 0 on. */
OTC_CHECK otc_status otc_decision_set_threshold(struct otc_decision *decision, struct otc_slice name,
                                                double value, struct otc_error *err);
/** Thresholds with OTC_RULE_TESTS are refused, and OTC_RULE_THRESHOLDS without one. */
OTC_CHECK otc_status otc_decision_check_thresholds(const struct otc_decision *decision,
                                                   struct otc_error *err);
/** The level that keeps "1/week" (budget.h) with `k` of n evaluations, one each `pane_ns`. */
OTC_CHECK otc_status otc_decision_set_false_alarms(struct otc_decision *decision, const char *text,
                                                   unsigned k, int64_t pane_ns, struct otc_error *err);
/** otc_empty_words[word] with its constant in (0, 1]; 0: the usual one, 0.5, 0.0001 and 0.0001. */
OTC_CHECK otc_status otc_decision_set_empty(struct otc_decision *decision, unsigned word, double value,
                                            struct otc_error *err);

#endif
