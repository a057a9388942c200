// SPDX-License-Identifier: Apache-2.0
/**
 * @file Records that wait while a learned reference is being frozen, or a grid learned from them: they are
 * counted when it stands. Without a storage they wait in their batches, which costs next to nothing; with one
 * as the journal has them (record.h), so that a snapshot can hold them and a replay, which has no batch, can
 * keep them.
 *
 * All of it under the stage's lock but for drift_kept_free.
 */
#ifndef OTC_DRIFT_KEPT_H
#define OTC_DRIFT_KEPT_H

#include "common/component/otc.h"
#include "processors/drift/counts.h"
#include "processors/drift/points.h"
#include "processors/drift/record.h"

/** What waits of one batch, and when that arrived. */
struct drift_kept {
    struct otc_batch *batch; /* NULL: the records alone */
    struct otc_buf records;
    bool points; /* they are data points (points.h) */
    /** The call of consume that brought it; tells batches apart that are sent twice. */
    uint64_t call;
    /** Records of the batch before this one are no business of the list's: they were learned. */
    uint64_t from;
    int64_t now_ns, monotonic_ns;
    /** Records of the batch that came before (`duplicates`), ascending. */
    uint64_t *duplicates;
    size_t n_duplicates, room;
    size_t charged;
    struct drift_kept *next;
};
/** The call of what a former process kept. */
#define DRIFT_KEPT_FORMERLY UINT64_MAX

/** First in, first out; zero-initialised is empty. */
struct drift_kept_list {
    struct drift_kept *first, *last;
};

/**
 * Keeps a reference of the batch, paid for from the budget, unless this call's batch is the last one kept.
 * False without memory for it.
 */
bool drift_kept_add(struct drift_kept_list *list, const struct drift_kept *kept, struct drift_budget *budget);
/** Remembers that a record of the last batch kept is a duplicate; records come in order. Without memory for
 * it the record counts as none. */
void drift_kept_duplicate(struct drift_kept_list *list, uint64_t record, struct drift_budget *budget);
/** Whether it was remembered. */
bool drift_kept_is_duplicate(const struct drift_kept *kept, uint64_t record);
/** Keeps one record, behind those of the same call, paid for from the budget. `kept` has no batch. False
 * without memory for it. */
bool drift_kept_add_record(struct drift_kept_list *list, const struct drift_kept *kept,
                           const struct drift_record *record, const struct otc_observed *observed,
                           const struct otc_feature_set *set, struct drift_budget *budget);
/** The same of a data point. */
bool drift_kept_add_point(struct drift_kept_list *list, const struct drift_kept *kept,
                          const struct drift_point *point, struct drift_budget *budget);
/** Keeps records of a former process. False without memory for them. */
bool drift_kept_add_records(struct drift_kept_list *list, const struct drift_kept *kept,
                            struct otc_slice records, struct drift_budget *budget);
/** The oldest, given back to the budget; NULL when there is none. Free it with drift_kept_free. */
struct drift_kept *drift_kept_take(struct drift_kept_list *list, struct drift_budget *budget);
/** The monotonic clock has another origin than when they came. */
void drift_kept_shift_monotonic(struct drift_kept_list *list, int64_t by_ns);
/** Lets go of the batch; needs no lock. */
void drift_kept_free(struct drift_kept *kept);

#endif
