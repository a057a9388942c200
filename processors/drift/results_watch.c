// SPDX-License-Identifier: Apache-2.0
/* What is told of the sequential detectors of a version. */
#include "processors/drift/results.h"

#include <math.h>

static const struct otc_metric observations_metric =
    OTC_COUNTER_METRIC("ml.drift.detector.observations", "{observation}", "Values a detector was fed.");
static const struct otc_metric changes_metric =
    OTC_COUNTER_METRIC("ml.drift.detector.changes", "{change}", "Changes a detector found.");
static const struct otc_metric warning_metric =
    OTC_GAUGE_METRIC("ml.drift.detector.warning", "", "1 while a detector warns of a change.");
static const struct otc_metric last_change_metric =
    OTC_GAUGE_METRIC("ml.drift.detector.last_change", "s", "When the last change was found, unix time.");

void
drift_tell_watched(const struct drift_telling *telling, const struct drift_attributes *attributes)
{
    const struct drift_version *version = telling->version;
    struct otc_emitter *emitter = telling->emitter;

    for (size_t i = 0; i < drift_watch_count(telling->drift->watch); i++) {
        const struct drift_detector_config *config = drift_watch_at(telling->drift->watch, i);
        const struct drift_watched *watched = &version->watched[i];
        struct drift_attributes all = *attributes;

        drift_attribute_str(&all, "ml.feature.name", config->feature);
        drift_attribute_str(&all, "ml.drift.detector", drift_watch_type(telling->drift->watch, i));
        drift_attribute_str(&all, "ml.drift.detector.series", drift_watch_series(telling->drift->watch, i));
        otc_emit_counter(emitter, &observations_metric, all.items, all.n, version->start_ns,
                         watched->observations);
        otc_emit_counter(emitter, &changes_metric, all.items, all.n, version->start_ns, watched->changes);
        otc_emit_gauge(emitter, &warning_metric, all.items, all.n, watched->warning);
        otc_emit_gauge(emitter, &last_change_metric, all.items, all.n,
                       watched->changed_ns ? (double)watched->changed_ns / 1e9 : NAN);
    }
}
