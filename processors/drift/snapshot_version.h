// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a snapshot holds of a version: its counters, features, detectors, ids, window and last results.
 * Under the stage's lock.
 */
#ifndef OTC_DRIFT_SNAPSHOT_VERSION_H
#define OTC_DRIFT_SNAPSHOT_VERSION_H

#include "processors/drift/snapshot_reference.h"

/** Appends the version, its key first. */
void drift_snapshot_write_version(const struct otc_model_version *entry, struct otc_buf *out);
/** Fills a version that was made for the key that stands before it. False: not what this stage can have
 * written, or no memory. */
OTC_CHECK bool drift_snapshot_read_version(struct drift_snapshot_reading *reading,
                                           struct otc_model_version *entry, struct otc_reader *in);

#endif
