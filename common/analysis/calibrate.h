// SPDX-License-Identifier: Apache-2.0
/**
 * @file How often a decision raises false alarms on rows in which nothing drifted: windows of held-out rows
 * are entered one by one, in order, and counted. Owned by one thread.
 */
#ifndef OTC_ANALYSIS_CALIBRATE_H
#define OTC_ANALYSIS_CALIBRATE_H

#include "common/analysis/evaluate.h"

/** Windows times features that are kept. */
#define OTC_CALIBRATION_MAX 1000000

/** Opaque. */
struct otc_calibration;

/** `k` of `n` makes an incident. NULL out of memory. */
struct otc_calibration *otc_calibration_new(const struct otc_decision *decision, size_t n_features,
                                            unsigned k, unsigned n);
/** NULL is allowed. */
void otc_calibration_free(struct otc_calibration *calibration);
/** The next window does not follow the one before it: no run of evaluations goes on. */
void otc_calibration_break(struct otc_calibration *calibration);
/** Enters a window that was evaluated as one family. RESOURCE_EXHAUSTED beyond OTC_CALIBRATION_MAX. */
OTC_CHECK otc_status otc_calibration_add(struct otc_calibration *calibration,
                                         const struct otc_feature_result *results, struct otc_error *err);

/** `alarms` of `windows`, with Wilson's 95 % interval of the rate. NaN without a window. */
struct otc_alarm_rate {
    uint64_t alarms, windows;
    double rate, lower, upper;
};
/** Wilson's score interval (1927) at 95 %, as statsmodels' proportion_confint(method='wilson'). */
struct otc_alarm_rate otc_alarm_rate_of(uint64_t alarms, uint64_t windows);

/** Windows in which any feature rejects; SIZE_MAX for `feature`. Else of those in which it was tested. */
struct otc_alarm_rate otc_calibration_rate(const struct otc_calibration *calibration, size_t feature);
/** Incidents (off to on, all features) if the level were `level` and effects had to be `scale` times the
 * decision's. */
uint64_t otc_calibration_incidents(const struct otc_calibration *calibration, double level, double scale);

/** The mildest of a ladder of decisions that keeps to `most` incidents. */
struct otc_suggestion {
    bool found;
    double level, scale; /* scale: of min_effect */
    uint64_t incidents;
};
/** Levels from the decision's down to 1e-8 first, then effects up to three times. */
struct otc_suggestion otc_calibration_suggest(const struct otc_calibration *calibration, double most);

#endif
