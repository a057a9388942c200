// SPDX-License-Identifier: Apache-2.0
/** @file The splitter against protobuf-c. The first byte chooses signal and unit, the next two the room. */
#include "common/otlp/admit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/oracle/split_oracle.h"

#include <stdio.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otc_admitted admitted;
    struct otc_slice request;
    enum otc_signal signal;
    size_t room;
    char why[256];

    if (size < 3) {
        return 0;
    }
    signal = (enum otc_signal)(data[0] % OTC_N_SIGNALS);
    room = (size_t)data[1] << 8 | data[2];
    request = otc_slice_of(data + 3, size - 3);
    if (otc_admit(signal, request, NULL, &admitted, NULL) != OTC_OK) {
        /* It may fail, but not read beyond the bytes. */
        (void)otc_split_count(signal, request);
        (void)otc_split_oracle_check(signal, request, OTC_SPLIT_ITEMS, room + 1, NULL, why);
        return 0;
    }
    if (otc_split_count(signal, request) != admitted.items ||
        !otc_split_oracle_check(signal, request, (enum otc_split_unit)(data[0] / OTC_N_SIGNALS % 2), room + 1,
                                NULL, why)) {
        fprintf(stderr, "%s\n", otc_split_count(signal, request) != admitted.items ? "count" : why);
        abort();
    }
    return 0;
}
