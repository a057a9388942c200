// SPDX-License-Identifier: Apache-2.0
/** @file A small file of settings or secrets that is read again when it changes. */
#ifndef OTC_COMPONENT_FILE_WATCH_H
#define OTC_COMPONENT_FILE_WATCH_H

#include "common/base/buf.h"
#include "common/component/otc.h"

/** Whether the file changed is looked at this often. */
#define OTC_FILE_WATCH_INTERVAL OTC_SECOND
/** Largest file. */
#define OTC_FILE_WATCH_MAX ((size_t)1 << 20)

struct otc_file_watch;

/**
 * What became of the file: its contents, borrowed; or `err`, why it cannot be read (told once, until it can
 * be again). On the control loop.
 */
typedef void (*otc_file_watch_fn)(void *arg, struct otc_slice contents, const struct otc_error *err);

/** Reads a file of at most OTC_FILE_WATCH_MAX bytes. FAILED_PRECONDITION: "open <path>: no such file". */
OTC_CHECK otc_status otc_file_read(const char *path, struct otc_buf *out, struct otc_error *err);
/**
 * Reads the file into `first` and watches it from now on, by its time, size and inode: also one that is moved
 * into its place, or behind a link that is. `path` is borrowed. FAILED_PRECONDITION when it cannot be read;
 * with `may_be_missing` it is then watched all the same, and `first` is empty.
 */
OTC_CHECK otc_status otc_file_watch_new(struct otc_host *host, const char *path, bool may_be_missing,
                                        otc_file_watch_fn fn, void *arg, struct otc_buf *first,
                                        struct otc_file_watch **out, struct otc_error *err);
/** NULL is allowed. */
void otc_file_watch_free(struct otc_file_watch *watch);

#endif
