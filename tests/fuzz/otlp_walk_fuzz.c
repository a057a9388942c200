// SPDX-License-Identifier: Apache-2.0
/** @file The walker against protobuf-c. The first byte of an input chooses the signal. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/oracle/otlp_oracle.h"

#include <stdio.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[256];

    if (size == 0) {
        return 0;
    }
    if (otc_oracle_check((enum otc_signal)(data[0] % OTC_N_SIGNALS), otc_slice_of(data + 1, size - 1), NULL,
                         why) == OTC_ORACLE_DISAGREES) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    return 0;
}
