// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool
otc_test_read(const char *path, struct otc_buf *out)
{
    FILE *file = fopen(path, "rb");
    char chunk[16384];
    bool ok = file != NULL;
    size_t n;

    while (ok && (n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        ok = otc_buf_append(out, chunk, n);
    }
    if (file) {
        ok = ok && !ferror(file);
        fclose(file);
    }
    return ok;
}

bool
otc_test_data_path(const char *relative, char out[1024])
{
    const char *root = getenv("AIMON_TESTDATA");
    int n = snprintf(out, 1024, "%s/%s", root && *root ? root : "../shared/data", relative);

    return n > 0 && n < 1024 && access(out, R_OK) == 0;
}
