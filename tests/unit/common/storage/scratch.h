// SPDX-License-Identifier: Apache-2.0
/** @file A folder for the files of a test, removed with all that is in it. */
#ifndef OTC_TESTS_STORAGE_SCRATCH_H
#define OTC_TESTS_STORAGE_SCRATCH_H

#include "common/base/buf.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char scratch[] = "/tmp/otc-storage-XXXXXX";

/** "<folder>/<name>", valid until the next call but three. */
static inline const char *
scratch_path(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    (void)snprintf(path, 512, "%s/%s", scratch, name);
    return path;
}

/** Files whose name holds `part`. */
static inline size_t
scratch_count(const char *part)
{
    DIR *folder = opendir(scratch);
    const struct dirent *entry;
    size_t n = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        n += entry->d_name[0] != '.' && strstr(entry->d_name, part) != NULL;
    }
    closedir(folder);
    return n;
}

static inline void
scratch_clear(void)
{
    DIR *folder = opendir(scratch);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        (void)unlink(scratch_path(entry->d_name));
    }
    if (folder) {
        closedir(folder);
    }
}

static inline int
scratch_setup(void **state)
{
    (void)state;
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int
scratch_teardown(void **state)
{
    (void)state;
    scratch_clear();
    return rmdir(scratch);
}

/** Turns the bits of one byte of a file. */
static inline void
scratch_damage(const char *path, long at)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (uint8_t)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static inline long
scratch_size(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 ? (long)found.st_size : -1;
}

#endif
