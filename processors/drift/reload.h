// SPDX-License-Identifier: Apache-2.0
/**
 * @file A reference file that changes while the connector runs.
 *
 * A good new file becomes the reference of its models at once for versions that begin later. A version that
 * has an open window counts its records twice from then on: for the old reference, against which its windows
 * are evaluated until none of their panes is older than the reload, and in a *successor* for the new one,
 * which then takes over with a whole window. Nothing is lost and nothing is estimated (docs/decisions/0004).
 * Where both references have the same cells (only counts changed), the open window carries over as it is, at
 * once.
 */
#ifndef OTC_DRIFT_RELOAD_H
#define OTC_DRIFT_RELOAD_H

#include "processors/drift/state.h"

/** The stage's timer: looks at the file, loads and applies it when it changed. `arg` is the struct drift. */
void drift_reload_check(void *arg);

/** Under the lock: moves the watermarks of a version and its successor; true when a window is due. */
bool drift_version_advance(struct drift_version *version, int64_t now_ns, int64_t monotonic_ns, bool arrived);
/** Under the lock: lets the successor take over when the version's next window is whole in it. */
void drift_reload_switch(struct drift_version *version);
/** Under the lock: the version's window that ends here was evaluated; the successor lets go of what it needs
 * no more. */
void drift_reload_follow(struct drift_version *version, int64_t end_ns);
/** Under the lock: frees the predecessor, whose last features have been told as ended. */
void drift_reload_forget(struct drift_version *version);

#endif
