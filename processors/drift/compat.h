// SPDX-License-Identifier: Apache-2.0
/** @file `compat`: each window as evidently, NannyML, frouros, popmon or scouter would judge it, beside the
 * connector's own verdict. */
#ifndef OTC_DRIFT_COMPAT_H
#define OTC_DRIFT_COMPAT_H

#include "common/analysis/compat.h"
#include "common/analysis/window.h"
#include "processors/drift/binding.h"

/** Words of `compat`, in the order of enum otc_compat. */
extern const char *const drift_compat_words[];

/** One feature of the last window. */
struct drift_compat_result {
    struct otc_compat_feature feature;
    uint64_t observations; /* values of the window that were compared */
};

/**
 * Every feature of a window, on the control loop without the lock; `*out` gets one entry a feature of the
 * binding, malloced. A feature has no result when its reference does not have every value: one of quantile
 * points, one with pooled categories.
 */
OTC_CHECK otc_status drift_compat_evaluate(enum otc_compat compat, const struct drift_binding *binding,
                                           const struct otc_window_view *view,
                                           struct drift_compat_result **out, struct otc_error *err);

struct drift_telling;
struct drift_attributes;
/** Tells one feature's, and the model's; `attributes` name it. */
void drift_tell_compat(const struct drift_telling *telling, size_t index, struct drift_attributes attributes);
void drift_tell_compat_model(const struct drift_telling *telling, struct drift_attributes attributes);
/** Most series of a feature. */
#define DRIFT_COMPAT_SERIES (3 * OTC_COMPAT_RESULTS + 2)

#endif
