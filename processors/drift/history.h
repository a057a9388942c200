// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a model remembers of closed panes for its dynamic references: one slot of packed counts for each
 * span of time (a pane; an hour of week references), all versions of the model (all versions of its baseline
 * arm) together.
 *
 * Plain data: a slot is identified by its start alone, its cells by the model's binding. Under the stage's
 * lock, but for reading slots that are referenced.
 */
#ifndef OTC_DRIFT_HISTORY_H
#define OTC_DRIFT_HISTORY_H

#include "processors/drift/binding.h"
#include "processors/drift/packed.h"

struct drift_slot {
    int64_t start_ns;
    struct drift_packed *packed;
};

/** Zero-initialised but for the first two is empty. */
struct drift_history {
    int64_t slot_ns;
    /** Slots are forgotten once they end this long before the newest pane. */
    int64_t keep_ns;
    struct drift_slot *slots; /* by start */
    size_t n, capacity;
    /** Start of the first slot ever and end of the newest pane; equal while there was none. */
    int64_t first_ns, newest_ns;
};

/**
 * Adds a closed pane to its slot and forgets what is too old; takes the pane's packed counts over. False when
 * memory or the budget does not allow it: nothing has changed then but that old slots are gone.
 */
bool drift_history_add(struct drift_history *history, const struct drift_binding *binding, int64_t start_ns,
                       int64_t end_ns, struct drift_packed *pane, struct drift_budget *budget);
/** Appends the slots that start in [from_ns, to_ns), each with a reference; returns how many, at most `max`.
 */
size_t drift_history_take(const struct drift_history *history, int64_t from_ns, int64_t to_ns,
                          struct drift_packed **out, size_t max);
/** How many drift_history_take would append. */
size_t drift_history_count(const struct drift_history *history, int64_t from_ns, int64_t to_ns);
/** Takes over a slot that a former process kept, later than all there are. False: it is not later, or no
 * memory; it is freed then. */
bool drift_history_restore(struct drift_history *history, int64_t start_ns, struct drift_packed *packed,
                           struct drift_budget *budget);
/** Gives a slot that was restored the components of a feature, which are taken over; without memory it goes
 * without them. */
void drift_history_restore_components(struct drift_packed *packed, size_t feature,
                                      struct drift_packed_components *components,
                                      struct drift_budget *budget);
/** Gives a reference back. */
void drift_history_give(struct drift_packed *packed, struct drift_budget *budget);
void drift_history_release(struct drift_history *history, struct drift_budget *budget);

#endif
