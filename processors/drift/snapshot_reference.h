// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a snapshot says of references that are stored beside it: their hash, and which of their features
 * are not compared. Under the stage's lock.
 */
#ifndef OTC_DRIFT_SNAPSHOT_REFERENCE_H
#define OTC_DRIFT_SNAPSHOT_REFERENCE_H

#include "processors/drift/snapshot.h"

/** A snapshot as it is read. */
struct drift_snapshot_reading {
    struct drift *drift;
    drift_find_reference find;
    void *arg;
    /** The last one that a version was bound to formerly, or NULL: others mostly have the same. */
    struct drift_binding *formerly;
};

/** Appends which reference it is. */
void drift_snapshot_write_reference(const struct drift_binding *binding, struct otc_buf *out);
/** A binding of the reference that the bytes name, the caller's; NULL: it is not there, or no memory. */
struct drift_binding *drift_snapshot_read_reference(const struct drift_snapshot_reading *reading,
                                                    struct otc_reader *in);

#endif
