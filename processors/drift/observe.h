// SPDX-License-Identifier: Apache-2.0
/** @file What the visitors of spans, log records and data points share: one batch while the lock is held. */
#ifndef OTC_DRIFT_OBSERVE_H
#define OTC_DRIFT_OBSERVE_H

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
/** Counts a number or a category of a feature (by its index in the binding) in a pane. */
void drift_count_value(struct drift_version *version, size_t index, const struct otc_value *value,
                       struct drift_counts *counts);
/** Remembers a feature that the reference does not have. */
void drift_note_unknown(struct drift_version *version, struct otc_slice name);

#endif
