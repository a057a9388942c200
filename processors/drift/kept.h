// SPDX-License-Identifier: Apache-2.0
/**
 * @file Batches that wait while a learned reference is being frozen: their records are counted when it
 * stands.
 *
 * All of it under the stage's lock but for drift_kept_free.
 */
#ifndef OTC_DRIFT_KEPT_H
#define OTC_DRIFT_KEPT_H

#include "common/component/otc.h"
#include "processors/drift/counts.h"

/** One batch, and when it arrived. */
struct drift_kept {
    struct otc_batch *batch;
    /** The call of consume that brought it; tells batches apart that are sent twice. */
    uint64_t call;
    /** Records of the batch before this one are no business of the list's: they were learned. */
    uint64_t from;
    int64_t now_ns, monotonic_ns;
    /** Records of the batch that came before (`duplicates`), ascending. */
    uint64_t *duplicates;
    size_t n_duplicates, room;
    struct drift_kept *next;
};

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
/** The oldest, given back to the budget; NULL when there is none. Free it with drift_kept_free. */
struct drift_kept *drift_kept_take(struct drift_kept_list *list, struct drift_budget *budget);
/** Lets go of the batch; needs no lock. */
void drift_kept_free(struct drift_kept *kept);

#endif
