// SPDX-License-Identifier: Apache-2.0
/** @file A folder that one process owns while it runs. */
#ifndef OTC_STORAGE_DIRECTORY_H
#define OTC_STORAGE_DIRECTORY_H

#include "common/base/status.h"

#include <sys/types.h>

/** True when it exists and is a folder. NOT_FOUND "must exist: …" and FAILED_PRECONDITION otherwise. */
OTC_CHECK otc_status otc_directory_check(const char *path, struct otc_error *err);
/** Makes the folder and those above it, with these permissions; one that is there stays as it is. */
OTC_CHECK otc_status otc_directory_make(const char *path, mode_t mode, struct otc_error *err);
/**
 * Takes the folder for this holder (a lock on the file `.lock` in it; it goes with the process), waiting up
 * to `timeout_ns` of real time. `*lock` is for otc_directory_unlock. UNAVAILABLE: somebody else has it.
 */
OTC_CHECK otc_status otc_directory_lock(const char *path, int64_t timeout_ns, int *lock,
                                        struct otc_error *err);
/** -1 is allowed. */
void otc_directory_unlock(int lock);

#endif
