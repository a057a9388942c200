// SPDX-License-Identifier: Apache-2.0
/** @file From the values of a record to the counts of its pane. Under the stage's lock. */
#ifndef OTC_DRIFT_COUNT_H
#define OTC_DRIFT_COUNT_H

#include "processors/drift/state.h"

/** Counts what a record of a bound version showed, `n` values. A feature counts once a record. Numbers may
 * wait for drift_count_waiting. */
void drift_count_record(struct drift_version *version, const struct otc_observed *observed, size_t n,
                        struct drift_pane *pane);
/** Counts the numbers that wait: at the end of a batch, before anything reads a count or lets the lock go. */
void drift_count_waiting(struct drift *drift);
/** A version goes, with what waits: one that had to make room in the middle of a batch. */
void drift_forget_waiting(const struct drift_version *version);
/** Counts a number or a category of a feature (by its index in the binding) in a pane. */
void drift_count_value(struct drift_version *version, size_t index, const struct otc_value *value,
                       struct drift_counts *counts);
/** Remembers a feature that the reference does not have. */
void drift_note_unknown(struct drift_version *version, struct otc_slice name);

#endif
