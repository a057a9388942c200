// SPDX-License-Identifier: Apache-2.0
/**
 * @file References that move: a trailing window, the same hours of the weeks before, the baseline arm. A
 * model first learns a grid; what its windows are compared with is then counted in the same cells, so that it
 * is an integer sum of closed panes. docs/decisions/0003 says why.
 *
 * Everything under the stage's lock unless told otherwise; nothing of it for other kinds of reference.
 */
#ifndef OTC_DRIFT_DYNAMIC_H
#define OTC_DRIFT_DYNAMIC_H

#include "processors/drift/against.h"
#include "processors/drift/state.h"

/** Slots that a model's history holds at most, and the least memory that they take with so many features. */
size_t drift_dynamic_slots(const struct drift_config *config);
double drift_dynamic_least_bytes(const struct drift_config *config, size_t features);

/** Empties a new model's history. */
void drift_dynamic_init(struct drift_model *model);
/** What a model needs once its grid stands; false without memory. */
bool drift_dynamic_bind(struct drift_model *model);
void drift_dynamic_release(struct drift_model *model);

/** How far back the reference reaches of what it is to reach, 0 to 1. */
double drift_dynamic_progress(const struct drift_model *model);

/** True while an arm's next window waits for its baseline to close the same panes. */
bool drift_dynamic_waits(const struct drift_version *version, const struct otc_model *entry);
/** What the window is compared with; NULL out of memory. */
struct drift_against *drift_dynamic_take(const struct drift_version *version,
                                         const struct otc_window_view *view);
/** The pane that ends the window, packed; NULL out of memory. Without the lock. */
struct drift_packed *drift_dynamic_pack(const struct drift_binding *binding,
                                        const struct otc_window_view *view);
/** The window was evaluated: its last pane becomes part of the past. Takes `packed` over, which may be NULL.
 */
void drift_dynamic_closed(struct drift_version *version, const struct otc_window_view *view,
                          struct drift_packed *packed);

#endif
