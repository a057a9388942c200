// SPDX-License-Identifier: Apache-2.0
/** @file A keeper, shared between the files that write the journal, take snapshots, and restore them. */
#ifndef OTC_DRIFT_KEEPER_INTERNAL_H
#define OTC_DRIFT_KEEPER_INTERNAL_H

#include "processors/drift/keeper.h"

#include "common/component/storage.h"

#define DRIFT_SNAPSHOT_BYTES_MAX ((size_t)500 << 20)
#define DRIFT_REFERENCE_PREFIX "reference/"
#define DRIFT_SNAPSHOT_KEY "snapshot"
/** What a snapshot begins with; its length counts without the NUL. */
#define DRIFT_SNAPSHOT_MAGIC "aimon drift state 1"

struct drift_keeper {
    struct drift *drift;
    struct otc_storage *storage;
    struct otc_timer *timer;
    struct otc_buf batch; /* room for a head, then records, or points */
    bool points;          /* it holds points */
    uint64_t generation;  /* of the journal that is written */
    int64_t journaled;    /* bytes since the last snapshot */
    int64_t journal_limit;
    int64_t emitted_ns;
    bool asked;   /* for a snapshot before its time */
    bool gap;     /* the journal takes nothing: logged */
    bool failing; /* the last snapshot could not be stored: logged */
    bool told;    /* of either, and not of its end yet */
    bool stopped;
    struct otc_map *stored; /* hashes of references in the store */
    struct otc_series *snapshots, *failed, *bytes, *replayed, *incomplete, *discarded;
};

static inline struct otc_logger *
drift_keeper_logger(const struct drift_keeper *keeper)
{
    return keeper->drift->host->logger;
}
void drift_keeper_count(const struct drift_keeper *keeper, struct otc_series *series, int64_t delta);
/** Says, once, that a gap or a failure told before has ended. */
void drift_keeper_tell_recovery(struct drift_keeper *keeper);

/** Takes a snapshot and stores it; on the control loop. False when the stage is in the middle of something.
 */
bool drift_keeper_snapshot(struct drift_keeper *keeper);
/** The sections of a snapshot that is exactly what was written; false: it is not. */
bool drift_keeper_open_snapshot(const struct otc_buf *bytes, struct otc_reader *out);
/** Fills the stage with what is stored. Fails only when there is no memory to go on with. */
OTC_CHECK otc_status drift_keeper_restore(struct drift_keeper *keeper, struct otc_error *err);

#endif
