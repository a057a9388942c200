// SPDX-License-Identifier: Apache-2.0
/**
 * @file State across restarts, with `storage:`: a snapshot every 10 s, when the journal gets long, and at the
 * end; beside it a journal of each batch's observations, written before the batch is answered. A start reads
 * the snapshot and replays the journal, so that nothing tells the restart from none. What cannot be read is
 * refused whole and logged; it never keeps the stage from starting. docs/decisions/0002-state.md has the why.
 */
#ifndef OTC_DRIFT_KEEPER_H
#define OTC_DRIFT_KEEPER_H

#include "processors/drift/points.h"
#include "processors/drift/record.h"
#include "processors/drift/state.h"

/** Opaque; NULL (everywhere below) is a stage without storage. */
struct drift_keeper;

/**
 * At start, before the first record: opens the storage that the settings name and restores what it holds.
 * Without one: takes over what the stage before a reload left.
 */
OTC_CHECK otc_status drift_keeper_start(struct drift *drift, struct otc_error *err);
/** At the end, after the last record and emission: one more snapshot. */
void drift_keeper_stop(struct drift_keeper *keeper);
/** At the end of a stage without storage, during a reload: leaves its state for the stage that follows. */
void drift_keeper_leave(struct drift *drift);
/** Lets go as it is: after this a start finds what it would find after a kill. */
void drift_keeper_free(struct drift_keeper *keeper);

/** A record of the batch under way, before it is applied. Under the stage's lock, as the following. */
void drift_journal_record(struct drift_keeper *keeper, const struct drift_record *record,
                          const struct otc_observed *observed);
/** The same of a data point: a batch has either. */
void drift_journal_point(struct drift_keeper *keeper, const struct drift_point *point);
/** The batch is over: its records go to the journal. */
void drift_journal_batch(struct drift_keeper *keeper, int64_t now_ns, int64_t monotonic_ns, size_t malformed);
/** Events were sent, all that there were. */
void drift_journal_told(struct drift_keeper *keeper, int64_t now_ns, int64_t monotonic_ns);
/** Time went on, and results are being told with this stamp. */
void drift_journal_tick(struct drift_keeper *keeper, int64_t now_ns, int64_t monotonic_ns,
                        int64_t emitted_ns);
/** The stored state belongs to what is no more: a snapshot soon. */
void drift_keeper_hurry(struct drift_keeper *keeper);

#endif
