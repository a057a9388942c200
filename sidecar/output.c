// SPDX-License-Identifier: Apache-2.0
#include "sidecar/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Why the file could not be made: a folder that is not there is what a first run meets. */
static otc_status
cannot_write(const struct otc_output *output, struct otc_error *err)
{
    const char *path = output->path;
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) : 0;

    if (errno == ENOENT && len > 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "--output: there is no folder '%.*s' for %s: make it first (mkdir -p '%.*s')", len,
                        path, slash + 1, len, path);
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: cannot be written beside itself as %s: %s", path,
                    output->temporary, strerrordesc_np(errno));
}

otc_status
otc_output_open(struct otc_output *output, const char *path, struct otc_error *err)
{
    *output = (struct otc_output){.file = stdout, .path = path};
    if (!path || strcmp(path, "-") == 0) {
        return OTC_OK;
    }
    output->file = NULL;
    if ((size_t)snprintf(output->temporary, sizeof(output->temporary), "%s.new", path) >=
        sizeof(output->temporary)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the path is too long", path);
    }
    output->file = fopen(output->temporary, "wbe");
    return output->file ? OTC_OK : cannot_write(output, err);
}

otc_status
otc_output_close(struct otc_output *output, bool keep, struct otc_error *err)
{
    FILE *file = output->file;
    bool written;

    output->file = NULL;
    if (!file) {
        return OTC_OK;
    }
    written = fflush(file) == 0 && !ferror(file);
    if (file == stdout) {
        return written || !keep
                   ? OTC_OK
                   : otc_fail(err, OTC_UNAVAILABLE, "standard output: %s", strerrordesc_np(errno));
    }
    written = written && fsync(fileno(file)) == 0;
    written = fclose(file) == 0 && written && (!keep || rename(output->temporary, output->path) == 0);
    if (!written && keep) {
        (void)otc_fail(err, OTC_UNAVAILABLE, "%s: %s", output->path, strerrordesc_np(errno));
    }
    if (!written || !keep) {
        (void)unlink(output->temporary);
    }
    return written || !keep ? OTC_OK : OTC_UNAVAILABLE;
}
