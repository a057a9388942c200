// SPDX-License-Identifier: Apache-2.0
/** @file Sequential detectors over the rows of the current table, in their order (`compare --detector`). */
#ifndef OTC_SIDECAR_COMPARE_DETECT_H
#define OTC_SIDECAR_COMPARE_DETECT_H

#include "common/analysis/table.h"
#include "common/stats/detector.h"

/** Changes of one feature and detector that are listed; all are counted. */
#define OTC_DETECT_LISTED 1000
/** Most detectors of a comparison. */
#define OTC_DETECT_MAX 16

/** A detector as asked for. */
struct otc_detect_rule {
    enum otc_detector_type type;
    double parameters[OTC_DETECTOR_PARAMETERS_MAX];
};
struct otc_detect_rules {
    struct otc_detect_rule items[OTC_DETECT_MAX];
    size_t n;
};
/** Adds "adwin" or "page_hinkley:threshold=20:delta=0.1". INVALID_ARGUMENT says what is allowed. */
OTC_CHECK otc_status otc_detect_rule_add(struct otc_detect_rules *rules, struct otc_slice text,
                                         struct otc_error *err);

/** Where a change was found. */
struct otc_detected {
    uint64_t row; /* from 1 */
    int64_t time_ns;
};
/** What one detector found in one feature. */
struct otc_detections {
    struct otc_detector *detector;
    uint64_t observations, changes;
    struct otc_detected *listed; /* the first of them, malloced */
    size_t n_listed;
};

/** All detectors of all features: `all[feature * rules.n + rule]`. */
struct otc_detect {
    struct otc_detect_rules rules;
    struct otc_detections *all;
    size_t n_features;
    uint64_t row; /* of the value at hand, from 1 */
};
/** False out of memory; release also then. */
bool otc_detect_init(struct otc_detect *detect, const struct otc_detect_rules *rules, size_t n_features);
void otc_detect_release(struct otc_detect *detect);
/** Feeds a value: numbers, and true and false as 1 and 0. False out of memory. */
bool otc_detect_add(struct otc_detect *detect, size_t feature, const struct otc_use *use, int64_t time_ns);
const struct otc_detections *otc_detect_of(const struct otc_detect *detect, size_t feature, size_t rule);

#endif
