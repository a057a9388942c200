// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference_watch.h"

#include <sys/stat.h>

struct otc_file_mark
otc_file_mark_of(const char *path)
{
    struct stat now;

    if (stat(path, &now) != 0) {
        return (struct otc_file_mark){0};
    }
    return (struct otc_file_mark){.device = now.st_dev,
                                  .inode = now.st_ino,
                                  .size = now.st_size,
                                  .modified_ns =
                                      (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec};
}

bool
otc_file_mark_equal(const struct otc_file_mark *a, const struct otc_file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns;
}
