// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the log tells of a model whose records cannot be compared as they are sent: another model's
 * reference, features that the reference lacks or has as the other kind, times that no window takes. Each is
 * told once a model and process, at the flush after it was met, so that a batch pays nothing for it.
 */
#ifndef OTC_DRIFT_NOTICES_H
#define OTC_DRIFT_NOTICES_H

#include "common/base/map.h"

/** Features without a reference that are told by name, a model and reference. */
#define DRIFT_NAMED_MAX 16

/** What was told of a model. Zero-initialised: nothing. Guarded by the stage's lock. */
struct drift_notices {
    bool unreferenced, too_old, future;
    bool more;             /* that there are more features than are named */
    struct otc_map *named; /* names of features */
};
void drift_notices_release(struct drift_notices *notices);
/** The reference is another one: features are told anew. */
void drift_notices_renew(struct drift_notices *notices);

struct drift;
/** Tells what is new. On the control loop, under the lock. */
void drift_notices_tell(const struct drift *drift);

#endif
