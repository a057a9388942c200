// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a snapshot holds of references that move: the slots of closed panes, the cells of categories
 * that the grid lacks, and the records that wait for a grid. Sections of a model's part; all of it under the
 * stage's lock.
 */
#ifndef OTC_DRIFT_SNAPSHOT_DYNAMIC_H
#define OTC_DRIFT_SNAPSHOT_DYNAMIC_H

#include "processors/drift/state.h"

/** Appends what the model has of them. */
void drift_snapshot_write_dynamic(const struct drift_model *model, struct otc_buf *out);
/**
 * Takes a section of a model whose binding, if any, stands and was prepared (drift_dynamic_bind). Sections of
 * other names are passed over. False: not what this stage can have written, or no memory.
 */
OTC_CHECK bool drift_snapshot_read_dynamic(struct drift_model *model, struct otc_slice name, uint64_t version,
                                           struct otc_reader *body);

#endif
