// SPDX-License-Identifier: Apache-2.0
/* Fixed thresholds: what decides where users want a value alone to decide. */
#include "common/analysis/evaluate.h"

#include <math.h>

const char *const otc_threshold_names[] = {
    "ks",         "psi",     "wasserstein", "jensen_shannon", "hellinger", "total_variation",
    "l_infinity", "missing", NULL};

double
otc_threshold_value(const struct otc_feature_result *result, enum otc_threshold threshold)
{
    const double values[OTC_N_THRESHOLDS] = {
        [OTC_THRESHOLD_KS] = result->ks,
        [OTC_THRESHOLD_PSI] = result->psi,
        [OTC_THRESHOLD_WASSERSTEIN] = result->wasserstein_normalized,
        [OTC_THRESHOLD_JENSEN_SHANNON] = result->jensen_shannon,
        [OTC_THRESHOLD_HELLINGER] = result->hellinger,
        [OTC_THRESHOLD_TOTAL_VARIATION] = result->total_variation,
        [OTC_THRESHOLD_L_INFINITY] = result->l_infinity,
        [OTC_THRESHOLD_MISSING] = fabs(result->missing_share - result->reference_missing_share),
    };

    return (unsigned)threshold < OTC_N_THRESHOLDS ? values[threshold] : (double)NAN;
}

void
otc__decide_by_thresholds(const struct otc_decision *decision, struct otc_feature_result *result)
{
    double most = 0;

    result->rejected = false;
    for (enum otc_threshold t = 0; t < OTC_N_THRESHOLDS; t++) {
        double limit = decision->thresholds[t], value = otc_threshold_value(result, t);

        if (limit > 0 && value >= limit && value / limit > most) {
            most = value / limit;
            result->rejected = true;
            result->over_threshold = t;
        }
    }
}

const char *
otc_rejected_by(const struct otc_decision *decision, const struct otc_feature_result *result)
{
    return decision->rule == OTC_RULE_THRESHOLDS ? otc_threshold_names[result->over_threshold]
                                                 : otc_test_name(result->rejected_by);
}
