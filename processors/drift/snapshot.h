// SPDX-License-Identifier: Apache-2.0
/**
 * @file All that the stage knows, as bytes: models, versions, panes, counters, rings, verdicts, what was
 * learnt. A learned reference itself is stored beside it, under its hash.
 *
 * The bytes are sections (common/base/codec.h) with a version each: a section that the reader does not know,
 * or of another version, is passed over. All of it under the stage's lock.
 */
#ifndef OTC_DRIFT_SNAPSHOT_H
#define OTC_DRIFT_SNAPSHOT_H

#include "processors/drift/state.h"

#include "common/base/codec.h"

/** Appends everything. No model may be FREEZING or busy, no version busy. */
void drift_snapshot_write(const struct drift *drift, struct otc_buf *out);

/** Finds a stored reference by its hash; NULL: it is not there. */
typedef struct otc_reference *(*drift_find_reference)(void *arg, struct otc_slice hash);
/**
 * Fills a stage without models. False: not what this stage can have written, or no memory; the stage is to be
 * emptied then (drift_forget). `err` says what is wrong.
 */
OTC_CHECK bool drift_snapshot_read(struct drift *drift, struct otc_reader in, drift_find_reference find,
                                   void *arg, struct otc_error *err);
/** Forgets all models. */
OTC_CHECK bool drift_forget(struct drift *drift);
/** The monotonic clock has another origin than when the state was written. */
void drift_shift_monotonic(struct drift *drift, int64_t by_ns);

#endif
