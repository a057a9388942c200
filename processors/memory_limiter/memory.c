// SPDX-License-Identifier: Apache-2.0
#include "processors/memory_limiter/memory.h"

#include "common/base/number.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

/** The first bytes of a small file of the system, NUL-terminated. */
static bool
read_small(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (!file) {
        return false;
    }
    len = fread(out, 1, size - 1, file);
    fclose(file);
    out[len] = '\0';
    return len > 0;
}

static bool
system_usage(void *arg, uint64_t *bytes)
{
    char text[256];
    char *end;
    unsigned long long resident;
    unsigned long long shared;
    long page = sysconf(_SC_PAGESIZE);

    (void)arg;
    if (page <= 0 || !read_small("/proc/self/statm", text, sizeof(text))) {
        return false;
    }
    /* "size resident shared …", in pages. */
    strtoull(text, &end, 10);
    resident = strtoull(end, &end, 10);
    shared = strtoull(end, &end, 10);
    if (resident == 0) {
        return false;
    }
    *bytes = (resident > shared ? resident - shared : 0) * (uint64_t)page;
    return true;
}

static bool
system_total(void *arg, uint64_t *bytes)
{
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);

    (void)arg;
    if (pages <= 0 || page <= 0) {
        return false;
    }
    *bytes = (uint64_t)pages * (uint64_t)page;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        char text[64];
        int64_t limit;

        if (!read_small(limits[i], text, sizeof(text))) {
            continue;
        }
        text[strcspn(text, "\n")] = '\0';
        /* "max", and v1's huge number, mean the machine's. */
        if (otc_parse_int64(otc_slice_str(text), &limit) && limit > 0 && (uint64_t)limit < *bytes) {
            *bytes = (uint64_t)limit;
        }
        return true;
    }
    return true;
}

static void
system_trim(void *arg)
{
    (void)arg;
    malloc_trim(0);
}

const struct memory_limiter_reader memory_limiter_system = {system_usage, system_total, system_trim, NULL};
