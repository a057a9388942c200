// SPDX-License-Identifier: Apache-2.0
/**
 * @file A file that records are appended to, through a buffer, and that is renamed when it has its size. One
 * caller at a time.
 */
#ifndef OTC_FILE_WRITER_H
#define OTC_FILE_WRITER_H

#include "common/base/slice.h"
#include "common/base/status.h"

/** Most memory that a buffer keeps from one record to the next. */
#define FILE_KEPT_BYTES ((size_t)1 << 20)

struct file_writer_settings {
    const char *path;
    /** Go on behind what is there; else, and without max_bytes, the first flush empties the file. */
    bool append;
    /** Folders of the path are made with these permissions; 0: they must be there. */
    unsigned directory_permissions;
    /** 0: never renamed. */
    int64_t max_bytes;
    int64_t max_age_ns; /* of renamed files; 0: any */
    size_t max_backups; /* 0: any */
    bool local_time;
};

/** Opaque. `settings` and what they point to outlive it. */
struct file_writer;
/** FAILED_PRECONDITION: the file cannot be opened. */
OTC_CHECK otc_status file_writer_open(const struct file_writer_settings *settings, struct file_writer **out,
                                      struct otc_error *err);
/** Writes what is held and closes; the error is that of the writing. A file that was to be emptied, and was
 * not flushed before, stays as it was, with what was held behind it. NULL is allowed. */
otc_status file_writer_close(struct file_writer *writer, struct otc_error *err);
/**
 * Appends a record; `now_ns` (unix) names the file that it may fill. UNAVAILABLE: earlier records cannot be
 * written (a full disk): this one was not taken, and may come again.
 */
OTC_CHECK otc_status file_writer_append(struct file_writer *writer, struct otc_slice head,
                                        struct otc_slice record, struct otc_slice tail, int64_t now_ns,
                                        struct otc_error *err);
/** Empties the file where it is to be, and writes what is held. After a failure it is still held. */
OTC_CHECK otc_status file_writer_flush(struct file_writer *writer, struct otc_error *err);

#endif
