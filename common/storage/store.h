// SPDX-License-Identifier: Apache-2.0
/**
 * @file A small durable map from keys to byte strings: one SQLite file, for the state of one component.
 *
 * A batch of changes is all there after a crash or a power cut, or none of it is (WAL, synchronous=FULL: one
 * flush a batch). A file that is damaged is moved aside, to `<path>.corrupt-<time>`, and an empty one begins:
 * damage is told (`moved`), it never keeps a process from starting. Calls block for the disk: not for the
 * path of data. Locked by its owner.
 */
#ifndef OTC_STORAGE_STORE_H
#define OTC_STORAGE_STORE_H

#include "common/base/slice.h"
#include "common/base/status.h"

#define OTC_STORE_PATH_MAX 1024
#define OTC_STORE_KEY_MAX 1024
/** Largest value of one key. */
#define OTC_STORE_VALUE_MAX ((size_t)512 << 20)

struct otc_store_options {
    /** Ceiling of the file, bytes; 0: none. Beyond it a batch fails with RESOURCE_EXHAUSTED. */
    int64_t max_bytes;
    /** How long a lock that another process holds is waited for. */
    int64_t timeout_ns;
    /** Unix time, for the name of a file that is moved aside. */
    int64_t now_ns;
};

/** Where a damaged file went, and what was wrong with it. `path` "": nothing was moved. */
struct otc_store_moved {
    char path[OTC_STORE_PATH_MAX];
    char why[256];
};

/** One change: `delete`, or the new value. */
struct otc_store_change {
    struct otc_slice key;
    struct otc_slice value;
    bool delete;
};

/** Opaque. */
struct otc_store;

/** Opens or makes the file. UNAVAILABLE: another process has it; PERMISSION_DENIED, RESOURCE_EXHAUSTED (disk
 * full, memory), INTERNAL: with the system's reason. */
OTC_CHECK otc_status otc_store_open(const char *path, const struct otc_store_options *options,
                                    struct otc_store_moved *moved, struct otc_store **out,
                                    struct otc_error *err);
/** NULL is allowed. */
void otc_store_close(struct otc_store *store);
/**
 * Calls `fn` with the value, borrowed for the call. NOT_FOUND: no such key. DATA_LOSS: the file is damaged
 * and was moved aside (`moved`, may be NULL); the store is empty now, and usable.
 */
OTC_CHECK otc_status otc_store_get(struct otc_store *store, struct otc_slice key,
                                   void (*fn)(void *arg, struct otc_slice value), void *arg,
                                   struct otc_store_moved *moved, struct otc_error *err);
/**
 * Makes all of the changes or none. RESOURCE_EXHAUSTED: the disk or the limit is full, what was there stays;
 * DATA_LOSS as above; INVALID_ARGUMENT: a key or value is too long.
 */
OTC_CHECK otc_status otc_store_apply(struct otc_store *store, const struct otc_store_change *changes,
                                     size_t n, struct otc_store_moved *moved, struct otc_error *err);

#endif
