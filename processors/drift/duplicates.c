// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/duplicates.h"

#include "common/analysis/features.h"
#include "common/base/hash.h"
#include "processors/drift/results.h"

#include <math.h>

static const struct otc_field duplicates_fields[] = {
    OTC_FIELD(
        drift_duplicates_config, id, .required = true,
        .doc = "Attributes of the record, its scope or its resource that tell one record from another; the "
               "first one present counts."),
    OTC_FIELD(drift_duplicates_config, remember, .def = "10000", .min = "1", .max = "10000000",
              .doc =
                  "Ids of a model's version to remember, about 20 bytes each: what comes again later is not "
                  "noticed."),
    OTC_FIELD(drift_duplicates_config, max_share, .def = "0.01", .min = "0", .max = "1",
              .doc =
                  "`ml.inference.duplicates.detected` is 1 when more of a window's records are duplicates."),
    OTC_FIELD_END,
};

static otc_status
check(const void *value, struct otc_error *err)
{
    const struct drift_duplicates_config *config = value;

    if (config->id.n > 16) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "id: at most 16 attributes, got %zu", config->id.n);
    }
    for (size_t i = 0; i < config->id.n; i++) {
        if (!config->id.items[i] || !config->id.items[i][0]) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "id: an attribute's key must not be empty");
        }
    }
    return OTC_OK;
}

const struct otc_schema drift_duplicates_schema = {.size = sizeof(struct drift_duplicates_config),
                                                   .fields = duplicates_fields,
                                                   .doc = "Records that come again.",
                                                   .check = check};

size_t
drift_duplicates_wanted(const struct drift_duplicates_config *config, struct otc_wanted *out)
{
    for (size_t i = 0; i < config->id.n; i++) {
        out[i] = (struct otc_wanted){.key = config->id.items[i], .level = OTC_AT_ANY};
    }
    return config->id.n;
}

bool
drift_duplicates_key(const struct drift_duplicates_config *config, const struct otc_value *values,
                     uint64_t *key)
{
    for (size_t i = 0; i < config->id.n; i++) {
        char scratch[32];
        struct otc_slice text;

        if (values[i].type != OTC_VALUE_ABSENT &&
            otc_value_category(&values[i], scratch, &text) == OTC_CLASS_VALUE) {
            *key = otc_hash64(text, 0);
            return true;
        }
    }
    return false;
}

/* ---- Results -------------------------------------------------------------------------------------- */

static const struct otc_metric duplicates_metric = OTC_COUNTER_METRIC(
    "ml.inference.duplicates", "{record}", "Records whose id is among the last ones of the model's version.");
static const struct otc_metric share_metric =
    OTC_GAUGE_METRIC("ml.inference.duplicates.share", "1", "Duplicates of the window, over its records.");
static const struct otc_metric detected_metric =
    OTC_GAUGE_METRIC("ml.inference.duplicates.detected", "", "1 when the share is above the one allowed.");

void
drift_tell_duplicates(const struct drift_telling *telling, const struct drift_attributes *attributes)
{
    const struct drift_duplicates_config *config = telling->drift->config->duplicates;
    const struct drift_version *version = telling->version;
    const struct drift_verdict *verdict = &version->verdict;
    struct drift_attributes all = *attributes;
    double share = verdict->exists && verdict->records >= telling->drift->rule.decision.min_observations
                       ? (double)verdict->duplicates / (double)verdict->records
                       : NAN;

    if (!config) {
        return;
    }
    otc_emit_counter(telling->emitter, &duplicates_metric, all.items, all.n, version->start_ns,
                     version->duplicates);
    drift_attribute_str(&all, "ml.drift.window", telling->drift->window_label);
    otc_emit_gauge(telling->emitter, &share_metric, all.items, all.n, share);
    otc_emit_gauge(telling->emitter, &detected_metric, all.items, all.n,
                   isnan(share) ? (double)NAN : (double)(share > config->max_share));
}
