// SPDX-License-Identifier: Apache-2.0
/** @file Whether a reference file is still the one that was read. */
#ifndef OTC_ANALYSIS_REFERENCE_WATCH_H
#define OTC_ANALYSIS_REFERENCE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/** What tells one state of a file from another without reading it. Zero-initialised: no file. */
struct otc_file_mark {
    uint64_t device, inode;
    int64_t size;
    int64_t modified_ns;
};

/** The file as it is now; no file when it is not there. */
struct otc_file_mark otc_file_mark_of(const char *path);
bool otc_file_mark_equal(const struct otc_file_mark *a, const struct otc_file_mark *b);

#endif
