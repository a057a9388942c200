// SPDX-License-Identifier: Apache-2.0
/**
 * @file Sequential detectors (`detectors:`) on features of each version of a model, record by record in the
 * order of arrival: no window, no reference, also while one is learned. All of it under the stage's lock but
 * for drift_watch_new and _free.
 */
#ifndef OTC_DRIFT_WATCH_H
#define OTC_DRIFT_WATCH_H

#include "common/analysis/features.h"
#include "processors/drift/counts.h"

/** Most entries of `detectors:`. */
#define DRIFT_DETECTORS_MAX 1000

/** What of a feature a detector is fed. */
enum drift_series {
    DRIFT_SERIES_VALUE,   /* its number, true 1, false 0; with `equals`: 1 where its text is that, else 0 */
    DRIFT_SERIES_PRESENT, /* 1 for a record with the feature, 0 for one without */
    DRIFT_SERIES_MISSING  /* the other way round */
};

/** One entry of `detectors:`. */
struct drift_detector_config {
    char *feature;
    otc_choice type;   /* enum otc_detector_type */
    otc_choice series; /* enum drift_series */
    char *equals;
    otc_numbers parameters;
};
extern const struct otc_schema drift_detector_schema;

/** `detectors:` made ready; immutable. Opaque. */
struct drift_watch;
/** Errors begin with "detectors::". `configs` and `set` outlive it. */
OTC_CHECK otc_status drift_watch_new(const otc_list *configs, const struct otc_feature_set *set,
                                     struct drift_watch **out, struct otc_error *err);
void drift_watch_free(struct drift_watch *watch);
size_t drift_watch_count(const struct drift_watch *watch);
const struct drift_detector_config *drift_watch_at(const struct drift_watch *watch, size_t index);
/** "adwin", and "value", "present", "missing" or what `equals` says. */
const char *drift_watch_type(const struct drift_watch *watch, size_t index);
const char *drift_watch_series(const struct drift_watch *watch, size_t index);
/** What `validate --explain` says of an entry. */
void drift_watch_explain(const struct drift_watch *watch, size_t index, char *out, size_t size);
/** Series that each entry has in a version. */
#define DRIFT_WATCH_SERIES 4

/** One detector of a version. */
struct drift_watched {
    struct otc_detector *detector;
    uint64_t observations, changes;
    bool warning;
    int64_t changed_ns; /* arrival of the value that showed the last change; 0: none */
};

/** A fresh detector for each entry, paid for from the budget; NULL without memory. */
struct drift_watched *drift_watched_new(const struct drift_watch *watch, struct drift_budget *budget);
/** NULL is allowed. */
void drift_watched_free(const struct drift_watch *watch, struct drift_watched *watched,
                        struct drift_budget *budget);
/** Feeds what a record shows. */
void drift_watched_add(const struct drift_watch *watch, struct drift_watched *watched,
                       const struct otc_observed *observed, size_t n, int64_t now_ns);

/** All detectors of a version as bytes, for a restart; load: into fresh ones of the same entries. */
void drift_watched_save(const struct drift_watch *watch, const struct drift_watched *watched,
                        struct otc_buf *out);
struct otc_reader;
OTC_CHECK bool drift_watched_load(const struct drift_watch *watch, struct drift_watched *watched,
                                  struct otc_reader *in);

struct drift_telling;
struct drift_attributes;
/** Tells the detectors of a version; `attributes` name its model and version. */
void drift_tell_watched(const struct drift_telling *telling, const struct drift_attributes *attributes);

#endif
