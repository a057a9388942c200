// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a snapshot holds of embedding vectors: their components in a version's open panes, and in the
 * closed panes that references which move are made of. Sections of their own beside those of the counts, so
 * that a release which knows nothing of them passes them over. All of it under the stage's lock.
 */
#ifndef OTC_DRIFT_SNAPSHOT_VECTORS_H
#define OTC_DRIFT_SNAPSHOT_VECTORS_H

#include "processors/drift/state.h"

#include "common/base/codec.h"

/** Appends the section of a window whose panes are all of `binding`; nothing when there are no vectors. */
void drift_snapshot_write_vectors(const struct drift_binding *binding, const struct otc_window *window,
                                  struct otc_buf *out);
/** Takes it, after the window itself. False: not what this stage can have written, or no memory. */
OTC_CHECK bool drift_snapshot_read_vectors(struct drift_version *version, struct otc_reader *body);

/** The same of a model's history. What has no room is left out, as ever (history.h). */
void drift_snapshot_write_history_vectors(const struct drift_model *model, struct otc_buf *out);
OTC_CHECK bool drift_snapshot_read_history_vectors(struct drift_model *model, struct otc_reader *body);

#endif
