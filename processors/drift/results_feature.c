// SPDX-License-Identifier: Apache-2.0
/* What is told of one feature of a version: counters, gauges, bins. */
#include "processors/drift/results.h"

#include <math.h>

static const struct otc_metric missing_metric = OTC_COUNTER_METRIC(
    "ml.feature.missing", "{record}", "Records without the feature, or with an empty value or NaN.");

static const struct otc_metric invalid_metric = OTC_COUNTER_METRIC(
    "ml.feature.invalid", "{record}", "Records with infinity or a value of the wrong type.");

static const struct otc_metric unseen_metric =
    OTC_COUNTER_METRIC("ml.feature.unseen", "{record}", "Categories that the reference does not have.");

static const struct otc_metric overflow_metric =
    OTC_COUNTER_METRIC("ml.feature.overflow", "{record}",
                       "Values of categories beyond max_categories, which are counted together.");

static const struct otc_metric range_metric = OTC_COUNTER_METRIC(
    "ml.feature.out_of_range", "{record}", "Numbers below the reference's minimum or above its maximum.");

static const struct otc_metric bins_metric =
    OTC_COUNTER_METRIC("ml.feature.bin.observations", "{observation}",
                       "Observations of closed panes in each bin of the reference.");

static const struct otc_metric bin_reference_metric =
    OTC_GAUGE_METRIC("ml.feature.bin.reference", "1", "The reference's share of each bin.");
static const struct otc_metric reference_metric =
    OTC_GAUGE_METRIC("ml.drift.reference.observations", "{observation}", "Values in the reference.");

static void
tell_counters(const struct drift_telling *telling, const struct drift_feature *feature,
              const struct drift_bound *bound, const struct drift_attributes *attributes)
{
    const struct drift_version *version = telling->version;
    struct otc_emitter *emitter = telling->emitter;
    uint64_t carried = feature->values + feature->invalid + feature->overflow;
    bool numeric = bound->reference->type == OTC_NUMERIC;

    otc_emit_counter(emitter, &missing_metric, attributes->items, attributes->n, version->start_ns,
                     bound->apart ? feature->missing
                                  : version->bound_records - feature->records_before - carried);
    otc_emit_counter(emitter, &invalid_metric, attributes->items, attributes->n, version->start_ns,
                     feature->invalid);
    otc_emit_counter(emitter, numeric ? &range_metric : &unseen_metric, attributes->items, attributes->n,
                     version->start_ns, numeric ? feature->out_of_range : feature->unseen);
    if (!numeric) {
        otc_emit_counter(emitter, &overflow_metric, attributes->items, attributes->n, version->start_ns,
                         feature->pooled);
    }
}

/* Upper end of a bin, or its category. */
static struct otc_slice
bin_upper(const struct drift_bound *bound, size_t bin, char scratch[32])
{
    const struct otc_reference_feature *reference = bound->reference;

    if (reference->type == OTC_CATEGORICAL) {
        return bin < reference->n_categories ? reference->categories[bin].name : otc_slice_str("other");
    }
    if (bin >= reference->n_edges) {
        return otc_slice_str(reference->value_bins ? "other" : "+Inf");
    }
    return otc_slice_of(scratch, otc_canonical_number(reference->edges[bin], scratch));
}

static void
reference_bins(const struct drift_feature *feature, const struct drift_bound *bound, uint64_t *out)
{
    const struct otc_reference_feature *reference = bound->reference;

    if (feature->reference_bins) {
        memcpy(out, feature->reference_bins, feature->n_bins * sizeof(*out));
        return;
    }
    if (reference->type == OTC_NUMERIC) {
        otc_reference_bin_counts(reference, reference->cells.eq, reference->cells.gap, out);
        return;
    }
    for (size_t i = 0; i < reference->n_categories; i++) {
        out[i] = reference->categories[i].count;
    }
    out[reference->n_categories] = reference->other;
}

/* Values in what the last window was compared with. */
static double
reference_observations(const struct drift_telling *telling, const struct drift_feature *feature,
                       const struct drift_bound *bound)
{
    bool evaluated = telling->version->verdict.exists || drift_is_dynamic(telling->drift->config);

    return (double)(evaluated ? feature->reference_observations : bound->reference->observations);
}

static void
tell_bins(const struct drift_telling *telling, const struct drift_feature *feature,
          const struct drift_bound *bound, struct drift_attributes attributes)
{
    uint64_t *shares = calloc(feature->n_bins + 1, sizeof(*shares));
    double total =
        (double)(feature->reference_bins ? feature->reference_observations : bound->reference->observations);
    size_t n;

    drift_attribute(&attributes, "ml.drift.reference",
                    otc_slice_of(telling->version->binding->reference->hash, 8));
    n = attributes.n;
    if (shares) {
        reference_bins(feature, bound, shares);
    }
    for (size_t b = 0; shares && b < feature->n_bins; b++) {
        char number[24], upper[32];

        attributes.n = n;
        (void)snprintf(number, sizeof(number), "%03zu", b);
        drift_attribute_str(&attributes, "ml.feature.bin", number);
        drift_attribute(&attributes, "ml.feature.bin.upper", bin_upper(bound, b, upper));
        otc_emit_counter(telling->emitter, &bins_metric, attributes.items, attributes.n,
                         telling->version->start_ns, feature->bins[b]);
        otc_emit_gauge(telling->emitter, &bin_reference_metric, attributes.items, attributes.n,
                       total > 0 ? (double)shares[b] / total : NAN);
    }
    free(shares);
}

/* The value of a gauge after an evaluation; NaN when it is not asked for. */
static double
gauge_value(const struct drift *drift, const struct drift_feature *feature, const struct drift_gauge *gauge)
{
    const char *result = (const char *)&feature->result;
    double value;

    if (!drift_gauge_asked(gauge, drift->statistics)) {
        return NAN;
    }
    if (gauge->value) {
        return gauge->value(feature);
    }
    memcpy(&value, result + gauge->offset, sizeof(value));
    return value;
}

static double
test_value(const struct drift *drift, const struct drift_feature *feature,
           const struct drift_test_gauge *gauge, enum otc_test test)
{
    bool told = feature->result.skipped == OTC_SKIP_NONE && (!gauge->wanted || gauge->wanted(drift->config));

    return told ? gauge->value(&feature->result.tests[test]) : NAN;
}

static void
tell_gauges(const struct drift_telling *telling, struct drift_feature *feature,
            struct drift_attributes attributes)
{
    const struct drift *drift = telling->drift;
    bool exists = telling->version->verdict.exists;
    size_t n, number = 0;

    drift_attribute_str(&attributes, "ml.drift.window", drift->window_label);
    n = attributes.n;
    for (size_t i = 0; i < drift_n_gauges; i++) {
        drift_show(telling, &feature->shown, number++, &drift_gauges[i].metric, &attributes,
                   exists ? gauge_value(drift, feature, &drift_gauges[i]) : NAN);
    }
    for (size_t i = 0; i < drift_n_test_gauges; i++) {
        for (enum otc_test test = 0; test < OTC_N_TESTS; test++) {
            attributes.n = n;
            drift_attribute_str(&attributes, "ml.drift.test", otc_test_name(test));
            drift_show(telling, &feature->shown, number++, &drift_test_gauges[i].metric, &attributes,
                       exists ? test_value(drift, feature, &drift_test_gauges[i], test) : NAN);
        }
    }
}

void
drift_tell_feature(const struct drift_telling *telling, size_t index, struct drift_attributes attributes)
{
    const struct drift_bound *bound = &telling->version->binding->features[index];
    struct drift_feature *feature = &telling->version->features[index];

    drift_attribute(&attributes, "ml.feature.name", bound->reference->name);
    drift_attribute_str(&attributes, "ml.feature.kind", otc_feature_kind_name(bound->kind));
    tell_counters(telling, feature, bound, &attributes);
    otc_emit_gauge(telling->emitter, &reference_metric, attributes.items, attributes.n,
                   reference_observations(telling, feature, bound));
    tell_gauges(telling, feature, attributes);
    drift_tell_compat(telling, index, attributes);
    if (feature->bins) {
        tell_bins(telling, feature, bound, attributes);
    }
}
