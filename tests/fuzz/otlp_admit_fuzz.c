// SPDX-License-Identifier: Apache-2.0
/** @file Admission and its filter: what is left has the remaining items, all of them valid. */
#include "common/otlp/admit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/padded.h"

#include <stdlib.h>

/* What follows a sound request changes nothing of what was found in it. */
static void
check_padded(enum otc_signal signal, struct otc_slice request, const struct otc_admitted *found)
{
    OTC_AUTO_BUF struct otc_buf padded = padded_request(request);
    struct otc_admitted again;

    if (otc_admit(signal, otc_buf_slice(&padded), NULL, &again, NULL) != OTC_OK ||
        memcmp(&again, found, sizeof(again)) != 0) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otc_admitted before, after;
    uint8_t *rest = NULL;
    size_t len = 0, invalid;
    enum otc_signal signal;

    if (size == 0) {
        return 0;
    }
    signal = (enum otc_signal)(data[0] % OTC_N_SIGNALS);
    if (otc_admit(signal, otc_slice_of(data + 1, size - 1), NULL, &before, NULL) != OTC_OK) {
        return 0;
    }
    check_padded(signal, otc_slice_of(data + 1, size - 1), &before);
    invalid = before.invalid_ids + before.invalid_points;
    if ((invalid > 0) != (before.why[0] != '\0') ||
        otc_admit_filter(signal, otc_slice_of(data + 1, size - 1), &rest, &len, NULL) != OTC_OK ||
        len > size) {
        abort();
    }
    if (otc_admit(signal, otc_slice_of(rest, len), NULL, &after, NULL) != OTC_OK ||
        after.items != before.items - invalid || after.invalid_ids + after.invalid_points > 0) {
        abort();
    }
    free(rest);
    return 0;
}
