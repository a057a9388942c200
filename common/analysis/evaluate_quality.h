// SPDX-License-Identifier: Apache-2.0
/** @file Data quality of a window, as decision tests. Of use inside common/analysis alone. */
#ifndef OTC_ANALYSIS_EVALUATE_QUALITY_H
#define OTC_ANALYSIS_EVALUATE_QUALITY_H

#include "common/analysis/evaluate.h"

/** Missing and invalid records: shares, and the tests OTC_TEST_MISSING and OTC_TEST_INVALID. */
void otc__evaluate_records(const struct otc_feature_window *window, struct otc_feature_result *out);
/** What the values show: OTC_TEST_OUT_OF_RANGE, OTC_TEST_UNSEEN and OTC_TEST_CONSTANT. */
void otc__evaluate_values(const struct otc_feature_window *window, struct otc_feature_result *out);

#endif
