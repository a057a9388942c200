// SPDX-License-Identifier: Apache-2.0
/**
 * @file What came after a snapshot: an append-only log of records, in files `<base>.<generation>.journal`.
 *
 * A record that was appended survives the end of the process (SIGKILL too): it is in the system's page cache.
 * It is not flushed to the disk, so a power cut may lose the newest ones, and this is detected: a reader is
 * told `complete = false`, never handed damaged bytes. A snapshot names the generation that begins with it;
 * older files are dropped once it is stored.
 *
 * File: a header of 64 bytes (magic, status, generation, the boot of the machine that wrote it), then records
 * of length (4 bytes), a check of it (4), XXH3-64 of the content (8), content; both are seeded with
 * generation and place, so that nothing from elsewhere looks right.
 *
 * otc_journal_append costs one system call, never waits for the disk (but for what the system's limit on
 * dirty pages makes a writer wait) and allocates nothing. Locked by its owner.
 */
#ifndef OTC_STORAGE_JOURNAL_H
#define OTC_STORAGE_JOURNAL_H

#include "common/base/slice.h"
#include "common/base/status.h"

/** Opaque. */
struct otc_journal;

/** Largest record. */
#define OTC_JOURNAL_RECORD_MAX ((size_t)256 << 20)

/**
 * The journal `base` of a folder: what is there already may be replayed, nothing is written yet. `max_bytes`:
 * ceiling of all generations together.
 */
OTC_CHECK otc_status otc_journal_open(const char *directory, const char *base, int64_t max_bytes,
                                      struct otc_journal **out, struct otc_error *err);
/** Ends without ceremony, as a killed process would. NULL is allowed. */
void otc_journal_close(struct otc_journal *journal);

struct otc_journal_replayed {
    uint64_t records;
    uint64_t bytes;
    /** False: records may be missing at the end of what was replayed, for the reason `why`. */
    bool complete;
    char why[160];
};
/**
 * Calls `fn` for each record of generation `from` and the later ones, oldest first; content is borrowed for
 * the call. `fn` returns false for content it cannot use: that ends the replay as incomplete, and so does
 * what the disk does not give back, or has no room in memory.
 */
void otc_journal_replay(const struct otc_journal *journal, uint64_t from,
                        bool (*fn)(void *arg, struct otc_slice record), void *arg,
                        struct otc_journal_replayed *out);
/**
 * Begins a new file; further records go there. Its generation is above all that were. Not flushed. The last
 * file is removed when it stands behind one with a gap, where no replay comes to it: rolls whose snapshots
 * could not be stored, however many, take no more room.
 */
OTC_CHECK otc_status otc_journal_roll(struct otc_journal *journal, uint64_t *generation,
                                      struct otc_error *err);
/**
 * Appends to the file of the last roll. RESOURCE_EXHAUSTED at the ceiling or with a full disk. After any
 * failure the file counts as incomplete and everything is refused until the next roll, so that no record can
 * be missing between two that are there.
 */
OTC_CHECK otc_status otc_journal_append(struct otc_journal *journal, struct otc_slice record,
                                        struct otc_error *err);
/** Removes the generations before this one. */
void otc_journal_drop(struct otc_journal *journal, uint64_t before);
/** Flushes the last file and notes that it ends where it should: no power cut can have shortened it. */
OTC_CHECK otc_status otc_journal_seal(struct otc_journal *journal, struct otc_error *err);
/** Bytes of all generations. */
int64_t otc_journal_bytes(const struct otc_journal *journal);

#endif
