// SPDX-License-Identifier: Apache-2.0
/** @file OTLP/JSON: what is translated must be admitted, and walked as protobuf-c decodes it. */
#include "common/otlp/admit.h"
#include "common/otlp/json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/oracle/otlp_oracle.h"

#include <stdio.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)1 << 24};
    struct otc_error err = OTC_ERROR_INIT;
    enum otc_oracle_answer answer;
    enum otc_signal signal;
    char why[256];

    if (size == 0) {
        return 0;
    }
    signal = (enum otc_signal)(data[0] % OTC_N_SIGNALS);
    if (otc_json_to_protobuf(signal, otc_slice_of(data + 1, size - 1), 64, &out, &err) != OTC_OK) {
        if (err.text[0] == '\0' || !err.permanent || out.len != 0) {
            abort();
        }
        return 0;
    }
    answer = otc_oracle_check(signal, otc_buf_slice(&out), NULL, why);
    if (answer == OTC_ORACLE_DISAGREES || answer == OTC_ORACLE_REFUSED) {
        fprintf(stderr, "translated, but: %s\n", why);
        abort();
    }
    return 0;
}
