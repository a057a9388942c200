// SPDX-License-Identifier: Apache-2.0
/** @file What the visitors of spans, log records and data points share: one batch while the lock is held. */
#ifndef OTC_DRIFT_OBSERVE_H
#define OTC_DRIFT_OBSERVE_H

#include "processors/drift/record.h"
#include "processors/drift/state.h"

struct visit {
    struct drift *drift;
    int64_t now_ns;
    int64_t monotonic_ns;
    struct otc_batch *batch;
    uint64_t record; /* records walked */
    /* Counting a batch that was kept: only records of this model, those kept. NULL: a new batch. */
    const struct drift_model *only;
    const struct drift_kept *kept;
    bool due;
    bool duplicate; /* the record at hand came before */
    /* Of spans and log records: the one at hand, its model, and that model's version; NULL: to be looked for.
     */
    struct drift_record seen;
    struct otc_model_memo model;
    struct drift_version *version;
};

/** Why a record that was not placed is excluded. */
enum drift_excluded drift_placement_reason(enum otc_placement placement);
/** The batch of this record waits for the model's reference. */
void drift_keep_record(struct visit *visit, struct drift_version *version);
/** The version of a record that is counted from a kept batch; NULL: it is none of that model's, or was
 * counted. */
struct drift_version *drift_kept_version(const struct visit *visit, const struct otc_model_key *key);
/** The same of a new batch, made at its first record and counted there; NULL: overflow. */
struct drift_version *drift_seen_version(struct visit *visit, const struct otc_model_key *key,
                                         int64_t event_ns, uint64_t weight);

#endif
