// SPDX-License-Identifier: Apache-2.0
/** @file The editor against protobuf-c. The first byte of an input chooses the signal, and how it is edited.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/oracle/edit_oracle.h"

#include <stdio.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[256];

    if (size == 0) {
        return 0;
    }
    if (otc_edit_oracle_check((enum otc_signal)(data[0] % OTC_N_SIGNALS), otc_slice_of(data + 1, size - 1),
                              data[0], NULL, why) == OTC_ORACLE_DISAGREES) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    return 0;
}
