// SPDX-License-Identifier: Apache-2.0
/** @file The files of groups, a limited number open at a time. One caller at a time. */
#ifndef OTC_FILE_WRITERS_H
#define OTC_FILE_WRITERS_H

#include "common/base/codec.h"
#include "exporters/file/writer.h"

/** Opaque. */
struct file_writers;

/** `base`: settings of every file but for its path; its `path` has the `*`. Outlives it. NULL out of memory.
 */
struct file_writers *file_writers_new(const struct file_writer_settings *base, size_t max_open);
/** Closes each as file_writer_close does; the error is that of the first that could not be written. NULL is
 * allowed. */
otc_status file_writers_close(struct file_writers *writers, struct otc_error *err);
/**
 * The file of a segment, until the next call; the one that was not used for longest is closed where too many
 * are open. A file that this process had open before goes on. UNAVAILABLE: that one cannot be written, and
 * stays. Others: the file cannot be opened.
 */
OTC_CHECK otc_status file_writers_get(struct file_writers *writers, struct otc_slice segment,
                                      struct file_writer **out, struct otc_error *err);
/** Flushes each; the error is that of the first that failed. */
OTC_CHECK otc_status file_writers_flush(struct file_writers *writers, struct otc_error *err);
/** Appends the paths that it has had open, for file_writers_take. */
void file_writers_leave(const struct file_writers *writers, struct otc_buf *out);
/** These paths it had open too; stops where they are damaged. */
void file_writers_take(struct file_writers *writers, struct otc_reader *reader);

#endif
