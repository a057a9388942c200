// SPDX-License-Identifier: Apache-2.0
/** @file The presets' metrics: expressions as data. */
#ifndef OTC_ANALYSIS_METRIC_PRESETS_H
#define OTC_ANALYSIS_METRIC_PRESETS_H

#include "common/analysis/reference.h"

struct otc_metric_preset_feature {
    const char *preset;
    const char *name;
    enum otc_feature_kind kind;
    const char *from;
};
/** Ended by a NULL preset; a preset's entries stand together. */
extern const struct otc_metric_preset_feature otc_metric_preset_features[];

/**
 * Attributes that tell the model and its version on points of metrics, beside those of `model:`. NULL-ended.
 */
extern const char *const otc_metric_model_names[];
extern const char *const otc_metric_model_versions[];

#endif
