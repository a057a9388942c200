// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the connector tells at each flush, from the whole to the feature:
 * results.c (models), results_version.c (a version), results_feature.c (a feature), results_gauges.c (the
 * table of a feature's gauges). All under the stage's lock.
 */
#ifndef OTC_DRIFT_RESULTS_H
#define OTC_DRIFT_RESULTS_H

#include "processors/drift/state.h"

/** What one emission of a version carries along. */
struct drift_telling {
    struct otc_emitter *emitter;
    struct drift *drift;
    struct drift_version *version;
    bool stale; /* no record for `length`: the gauges end */
};

/* ---- Attributes ----------------------------------------------------------------------------------- */

/** Model, version, arm, feature name and kind, window, and more of a gauge or counter. */
#define DRIFT_ATTRIBUTES_MAX 9

struct drift_attributes {
    struct otc_attribute items[DRIFT_ATTRIBUTES_MAX];
    size_t n;
};
/** Adds an attribute unless its text is empty. The texts are borrowed. */
void drift_attribute(struct drift_attributes *attributes, const char *key, struct otc_slice text);
void drift_attribute_str(struct drift_attributes *attributes, const char *key, const char *text);

/* ---- Gauges --------------------------------------------------------------------------------------- */

/** Types of features, as bits. */
#define DRIFT_OF_NUMERIC 1u
#define DRIFT_OF_CATEGORICAL 2u
#define DRIFT_OF_ANY (DRIFT_OF_NUMERIC | DRIFT_OF_CATEGORICAL)

/** A gauge of a feature: a row of the table in results_gauges.c. */
struct drift_gauge {
    struct otc_metric metric;
    /** Told when `statistics` names this one; DRIFT_N_STATISTICS: always. */
    enum drift_statistic statistic;
    /** Types of features that have it as a rule, DRIFT_OF_…: what `validate --explain` counts. */
    unsigned usual;
    /** Its value; NaN is not told. NULL: the double at `offset` of the feature's result. */
    double (*value)(const struct drift_feature *feature);
    size_t offset;
};
extern const struct drift_gauge drift_gauges[];
extern const size_t drift_n_gauges;
/** Whether a gauge is told: `statistics` as of drift_statistics(). */
bool drift_gauge_asked(const struct drift_gauge *gauge, unsigned statistics);

/** A gauge that every decision test has, told apart by `ml.drift.test`. */
struct drift_test_gauge {
    struct otc_metric metric;
    /** Whether the configuration asks for it; NULL: always. */
    bool (*wanted)(const struct drift_config *config);
    /** Its value for a feature that was tested; NaN is not told. */
    double (*value)(const struct otc_test_result *test);
};
extern const struct drift_test_gauge drift_test_gauges[];
extern const size_t drift_n_test_gauges;

/**
 * Shows the gauge of this number, or ends one that was shown and has no value (NaN) any more. `gauge` is
 * below DRIFT_SHOWN_MAX and the same at each emission.
 */
void drift_show(const struct drift_telling *telling, struct drift_shown *shown, size_t gauge,
                const struct otc_metric *metric, const struct drift_attributes *attributes, double value);

/* ---- The parts ------------------------------------------------------------------------------------ */

/** Records or values that no window could use; {reason}. */
extern const struct otc_metric drift_excluded_metric;

/** Tells a version; `attributes` name its model and version. The gauges of a silent one end. */
void drift_tell_version(struct drift *drift, struct otc_emitter *emitter, struct drift_version *version,
                        const struct drift_attributes *attributes);
void drift_tell_feature(const struct drift_telling *telling, size_t index,
                        struct drift_attributes attributes);

#endif
