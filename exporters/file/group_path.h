// SPDX-License-Identifier: Apache-2.0
/** @file The path of a group's file: the Collector's rules, which keep it below the folder of `path`. */
#ifndef OTC_FILE_GROUP_PATH_H
#define OTC_FILE_GROUP_PATH_H

#include "common/base/buf.h"

/**
 * Puts the path into `out`: `pattern` (with one `*`, not at its start) where `segment` takes the place of the
 * `*`. What would lead out of what stands before the `*` is made to stay within. INVALID_ARGUMENT: the
 * segment is no part of a path (a NUL, or too long).
 */
OTC_CHECK otc_status file_group_path(const char *pattern, struct otc_slice segment, struct otc_buf *out,
                                     struct otc_error *err);

#endif
