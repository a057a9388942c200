// SPDX-License-Identifier: Apache-2.0
/** @file The level of a decision from how often it may be wrong. */
#ifndef OTC_ANALYSIS_BUDGET_H
#define OTC_ANALYSIS_BUDGET_H

#include "common/base/status.h"

/** "1/week", "0.5/day", "2/month" (of 30 days): false incidents of a model that are accepted, here a week. */
OTC_CHECK otc_status otc_false_alarms_parse(const char *text, double *per_week, struct otc_error *err);

/**
 * The level of each evaluation that keeps the expected number of false incidents of a model at `per_week` or
 * below: per_week * k * pane / week, at most 1. An evaluation comes once a pane. When nothing drifts,
 * features reject falsely at most `level` times an evaluation on average (Bonferroni; Benjamini-Hochberg up
 * to a factor 1 / (1 - level)^2; independent or positively dependent tests), and an incident of `k of n`
 * takes k rejections of one feature, none of which counts for another incident. No assumption on how windows
 * overlap is needed, so the true number is lower: docs/drift-simulations.md.
 */
double otc_false_alarms_level(double per_week, unsigned k, int64_t pane_ns);

#endif
