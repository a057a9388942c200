// SPDX-License-Identifier: Apache-2.0
/** @file Records that come again (`duplicates:`): a retry that was counted twice, a replayed queue, a feed
 * that is stuck. Under the stage's lock. */
#ifndef OTC_DRIFT_DUPLICATES_H
#define OTC_DRIFT_DUPLICATES_H

#include "common/config/schema.h"
#include "common/otlp/walk.h"

struct drift_duplicates_config {
    otc_strings id;
    int64_t remember;
    double max_share;
};
extern const struct otc_schema drift_duplicates_schema;

/** Entries it adds to a projection: config->id.n of them. */
size_t drift_duplicates_wanted(const struct drift_duplicates_config *config, struct otc_wanted *out);
/** The key of a record from its first id attribute that is there; false without one. `values` begin with the
 * entries above. */
bool drift_duplicates_key(const struct drift_duplicates_config *config, const struct otc_value *values,
                          uint64_t *key);

struct drift_telling;
struct drift_attributes;
/** Tells a version's; `attributes` name its model and version. */
void drift_tell_duplicates(const struct drift_telling *telling, const struct drift_attributes *attributes);
/** Series of a version. */
#define DRIFT_DUPLICATES_SERIES 3

#endif
