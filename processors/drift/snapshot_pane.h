// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a snapshot holds of a window's pane: the counts of each feature of its binding, raw values among
 * them. Both are called by the window (common/analysis/window_state.h), under the stage's lock.
 */
#ifndef OTC_DRIFT_SNAPSHOT_PANE_H
#define OTC_DRIFT_SNAPSHOT_PANE_H

#include "processors/drift/state.h"

#include "common/base/codec.h"

/** Of the sections that hold what panes counted, or vectors of these panes. 2: sums of gaps, and of
 * components' cells, from their origin (otc_cells_gap_origin). */
#define DRIFT_PANE_LAYOUT 2

/** Appends a struct drift_pane. */
void drift_snapshot_write_pane(const void *payload, struct otc_buf *out);
/** Fills an empty struct drift_pane of the version `owner`. False: not what this stage can have written, or
 * no memory. */
OTC_CHECK bool drift_snapshot_read_pane(void *owner, void *payload, struct otc_reader *in);

#endif
