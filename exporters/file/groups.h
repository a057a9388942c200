// SPDX-License-Identifier: Apache-2.0
/** @file A request in files by a resource attribute. One caller at a time. */
#ifndef OTC_FILE_GROUPS_H
#define OTC_FILE_GROUPS_H

#include "exporters/file/record.h"
#include "exporters/file/writers.h"

/** What became of the items of one request. */
struct file_grouped {
    size_t dropped; /* their resource has no such attribute, or no text in it */
    size_t failed;
    bool written; /* something was: all that is not dropped or failed */
};

/** Opaque. */
struct file_groups;

/** The settings and the encoder outlive it. NULL out of memory. */
struct file_groups *file_groups_new(const struct file_writer_settings *base,
                                    const struct file_group_by_config *config, struct file_encoder *encoder);
/** As file_writers_close. NULL is allowed. */
otc_status file_groups_close(struct file_groups *groups, struct otc_error *err);
/**
 * Writes a record a file. A failure before anything was written is as file_writer_append tells it; after that
 * it is permanent, since sending all of it again would write a part twice.
 */
OTC_CHECK otc_status file_groups_write(struct file_groups *groups, enum otc_signal signal,
                                       struct otc_slice request, int64_t now_ns, struct file_grouped *out,
                                       struct otc_error *err);
OTC_CHECK otc_status file_groups_flush(struct file_groups *groups, struct otc_error *err);
/** Its files. */
struct file_writers *file_groups_writers(struct file_groups *groups);

#endif
