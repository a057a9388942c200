// SPDX-License-Identifier: Apache-2.0
/* What is told of `compat`: a value, p-value and threshold for each method, and the library's verdict. */
#include "processors/drift/compat.h"
#include "processors/drift/results.h"

#include <math.h>

static const struct otc_metric value_metric = OTC_GAUGE_METRIC(
    "ml.drift.compat.value", "", "What the library `ml.drift.compat` gives as its method's value.");
static const struct otc_metric p_value_metric =
    OTC_GAUGE_METRIC("ml.drift.compat.p_value", "", "The method's p-value.");
static const struct otc_metric threshold_metric =
    OTC_GAUGE_METRIC("ml.drift.compat.threshold", "", "The library's threshold for the method.");
static const struct otc_metric detected_metric = OTC_GAUGE_METRIC(
    "ml.drift.compat.detected", "", "1 while the library's own choice of a method calls it drift.");
static const struct otc_metric observations_metric = OTC_GAUGE_METRIC(
    "ml.drift.compat.observations", "{observation}", "Values of the window that were kept and compared.");
static const struct otc_metric model_metric =
    OTC_GAUGE_METRIC("ml.drift.compat.model.detected", "", "1 while the library calls the data set drifted.");

static bool
is_told(const struct drift_telling *telling)
{
    return telling->version->compat && telling->version->verdict.exists;
}

/* What the last evaluation gave, or its end. */
static void
tell(const struct drift_telling *telling, const struct otc_metric *metric,
     const struct drift_attributes *attributes, double value)
{
    if (telling->stale && !isnan(value)) {
        otc_emit_stale(telling->emitter, metric, attributes->items, attributes->n);
    } else if (!telling->stale) {
        otc_emit_gauge(telling->emitter, metric, attributes->items, attributes->n, value);
    }
}

void
drift_tell_compat(const struct drift_telling *telling, size_t index, struct drift_attributes attributes)
{
    const struct drift_compat_result *result;
    size_t n;

    if (!is_told(telling)) {
        return;
    }
    result = &telling->version->compat[index];
    drift_attribute_str(&attributes, "ml.drift.window", telling->drift->window_label);
    drift_attribute_str(&attributes, "ml.drift.compat",
                        otc_compat_name((enum otc_compat)telling->drift->config->compat.index));
    n = attributes.n;
    tell(telling, &observations_metric, &attributes, (double)result->observations);
    tell(telling, &detected_metric, &attributes,
         result->feature.has_verdict ? (double)result->feature.drifted : (double)NAN);
    for (size_t i = 0; i < result->feature.n; i++) {
        const struct otc_compat_result *one = &result->feature.results[i];

        attributes.n = n;
        drift_attribute_str(&attributes, "ml.drift.method", one->method);
        tell(telling, &value_metric, &attributes, one->value);
        tell(telling, &p_value_metric, &attributes, one->p_value);
        tell(telling, &threshold_metric, &attributes, one->threshold);
    }
}

void
drift_tell_compat_model(const struct drift_telling *telling, struct drift_attributes attributes)
{
    const struct drift_version *version = telling->version;
    enum otc_compat compat = (enum otc_compat)telling->drift->config->compat.index;
    struct otc_compat_dataset all;

    if (!is_told(telling)) {
        return;
    }
    all = (struct otc_compat_dataset){.features = 0};
    for (size_t i = 0; i < version->binding->n; i++) {
        all.features += version->compat[i].feature.has_verdict;
        all.drifted += version->compat[i].feature.has_verdict && version->compat[i].feature.drifted;
    }
    all = otc_compat_dataset(compat, all.features, all.drifted);
    drift_attribute_str(&attributes, "ml.drift.window", telling->drift->window_label);
    drift_attribute_str(&attributes, "ml.drift.compat", otc_compat_name(compat));
    tell(telling, &model_metric, &attributes, all.features > 0 ? (double)all.detected : (double)NAN);
}
