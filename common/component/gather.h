// SPDX-License-Identifier: Apache-2.0
/**
 * @file Batches that wait, put together and cut to size: what a sending queue and the batch processor share.
 *
 * An *entry* is one consume call. What is sent as one consists of *shares*: each is a whole entry, or a piece
 * of one. An entry is at its end when all of it was taken and every share of it was told. The owner locks,
 * unless a function says otherwise.
 */
#ifndef OTC_COMPONENT_GATHER_H
#define OTC_COMPONENT_GATHER_H

#include "common/base/hash.h"
#include "common/component/exporter_config.h"
#include "common/component/otc.h"

/** Where the cutting of an entry stands. */
struct otc_cut;

struct otc_entry {
    struct otc_entry *next;
    struct otc_batch *batch; /* NULL: on the disk alone */
    struct otc_done *done;   /* NULL: nobody waits */
    size_t items;
    int64_t size; /* what it takes of the owner's queue */
    int64_t left; /* what was not taken yet, in the unit of gathering */
    int64_t arrived;
    /** What tells clients apart that must not mix, where the client itself may be unknown (after a restart).
     */
    struct otc_hash128 mix;
    /** For the owner of a queue on disk: the record; whether at the end of the entry it stays there, or goes
     * to the dead letters; whether a former process left it, and it is marked; and the bytes that are counted
     * as held in memory too. */
    struct otc_stored *stored;
    bool keep;
    bool dead;
    bool found;
    bool marked;
    bool alone; /* it is never taken together with others */
    size_t resident;
    /** Private. */
    struct otc_cut *cut;
    size_t untold;
    struct otc_error *error;
};

/** First in, first out. Zero-initialised is empty. */
struct otc_entries {
    struct otc_entry *first, *last;
    size_t n;
};

struct otc_share {
    struct otc_share *next;
    struct otc_entry *entry;
    struct otc_batch *batch; /* NULL: it could not be cut */
    size_t items;
    int64_t left; /* by how much the entry's `left` fell */
};

/** What is sent as one. Zero-initialised is empty. */
struct otc_shares {
    struct otc_share *first, *last;
    size_t n;
    size_t items;
    int64_t size; /* in the unit of gathering */
};

int64_t otc_size_of(const struct otc_batch *batch, enum otc_sizer sizer);

/** An entry that owns `batch`. `unit`: of gathering. NULL out of memory: the batch stays the caller's. */
struct otc_entry *otc_entry_new(struct otc_batch *batch, struct otc_done *done, enum otc_sizer unit,
                                int64_t arrived);
/** Tells who waits the result of the shares, or `error` unless that is NULL, and frees the entry. Not under
 * the lock. */
void otc_entry_end(struct otc_entry *entry, const struct otc_error *error);

void otc_entries_append(struct otc_entries *list, struct otc_entry *entry);
/** NULL when empty. */
struct otc_entry *otc_entries_take(struct otc_entries *list);
/** Takes one out, wherever it stands. */
void otc_entries_unlink(struct otc_entries *list, struct otc_entry *entry);
/** Ends all of them with this result. Not under the lock. */
void otc_entries_end(struct otc_entries *list, const struct otc_error *result);

/** How much is taken at once. */
struct otc_gather {
    enum otc_sizer unit; /* items or bytes */
    /** Takes entries until there is so much. */
    int64_t enough;
    /** Never more (but for one item that is larger on its own): cuts what would be. 0: no limit. */
    int64_t max;
    /** Clients whose values of these metadata keys differ are not mixed, nor are authentications. */
    const otc_strings *metadata_keys;
};

/**
 * Takes shares from the head of `list`, which is not empty and whose entries have batches as far as they are
 * taken. Entries of which all was taken leave the list. At least one share is taken; none only out of memory.
 */
void otc_gather_take(const struct otc_gather *gather, struct otc_entries *list, struct otc_shares *out);
/** How many entries at the head of `list` otc_gather_take would take shares of; where pieces are cut by
 * bytes, one more perhaps. */
size_t otc_gather_reach(const struct otc_gather *gather, const struct otc_entries *list);
/** Whether two batches may be sent as one. */
bool otc_gather_mixes(const struct otc_gather *gather, const struct otc_batch *a, const struct otc_batch *b);
/**
 * A reference to one batch with the parts of all shares (not empty). Of several clients it carries what they
 * have in common: the authentication and the metadata of `metadata_keys`. NULL out of memory, or when a share
 * could not be cut (`*broken`). Needs no lock: the shares are the caller's.
 */
struct otc_batch *otc_shares_merge(const struct otc_shares *shares, const otc_strings *metadata_keys,
                                   bool *broken);
/** Tells the shares their result and frees them. Entries that are at their end are appended to `ended`. */
void otc_shares_tell(struct otc_shares *shares, const struct otc_error *result, struct otc_entries *ended);
/** Nothing more of an entry that was taken off its list will be sent. True: it is at its end. */
bool otc_entry_give_up(struct otc_entry *entry, const struct otc_error *error);

#endif
