// SPDX-License-Identifier: Apache-2.0
/** @file Where a command writes: standard output, or a file that nobody sees half. */
#ifndef OTC_SIDECAR_OUTPUT_H
#define OTC_SIDECAR_OUTPUT_H

#include "common/base/status.h"

#include <stdio.h>

/** Open between otc_output_open and otc_output_close. */
struct otc_output {
    FILE *file;
    const char *path;     /* borrowed; NULL or "-": standard output */
    char temporary[4096]; /* beside the target; "": none */
};

/** INVALID_ARGUMENT, with what to do, when the file cannot be made. */
OTC_CHECK otc_status otc_output_open(struct otc_output *output, const char *path, struct otc_error *err);
/** With `keep` the file takes its place, else it is thrown away. UNAVAILABLE when it could not be written. */
OTC_CHECK otc_status otc_output_close(struct otc_output *output, bool keep, struct otc_error *err);

#endif
