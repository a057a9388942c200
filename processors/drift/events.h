// SPDX-License-Identifier: Apache-2.0
/** @file Detections as log records: ml.drift.detected and ml.drift.resolved with their evidence. */
#ifndef OTC_DRIFT_EVENTS_H
#define OTC_DRIFT_EVENTS_H

#include "processors/drift/state.h"

/** Whose verdict turned, and the window that turned it. */
struct drift_turn {
    struct drift_version *version;
    struct otc_slice version_name;
    const struct drift_binding *binding;
    int64_t end_ns;
    bool detected; /* else resolved */
};

/** Tells that a feature's verdict turned, with its last result as evidence. Under the lock, on the control
 * loop; it leaves with the next otc_events_flush(). */
void drift_event_feature(const struct drift_turn *turn, size_t index);
/** The same of the model's verdict. */
void drift_event_model(const struct drift_turn *turn, const struct drift_verdict *verdict);

#endif
