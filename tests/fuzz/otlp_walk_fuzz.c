// SPDX-License-Identifier: Apache-2.0
/** @file The walker against protobuf-c, and what is admitted as JSON and back. The first byte chooses the
 * signal. */
#include "common/otlp/admit.h"
#include "common/otlp/json.h"
#include "common/otlp/json_encode.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/oracle/otlp_oracle.h"
#include "tests/fuzz/padded.h"

#include <stdio.h>
#include <stdlib.h>

static void
check(bool ok, const char *what, const struct otc_error *err)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, err->text);
        abort();
    }
}

/* The JSON of what the JSON of a request says. */
static void
through_json(enum otc_signal signal, struct otc_slice request, struct otc_buf *out)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = (size_t)1 << 26}, back = {.limit = (size_t)1 << 26};
    struct otc_error err = OTC_ERROR_INIT;

    check(otc_protobuf_to_json(signal, request, &json, &err) == OTC_OK, "to JSON", &err);
    check(otc_json_to_protobuf(signal, otc_buf_slice(&json), 64, &back, &err) == OTC_OK, "from JSON", &err);
    check(otc_protobuf_to_json(signal, otc_buf_slice(&back), out, &err) == OTC_OK, "to JSON again", &err);
}

/* What comes out once comes out again: after the first time empty and unknown fields are gone. */
static void
check_json(enum otc_signal signal, struct otc_slice request)
{
    OTC_AUTO_BUF struct otc_buf first = {.limit = (size_t)1 << 26}, back = {.limit = (size_t)1 << 26},
                                second = {.limit = (size_t)1 << 26};
    struct otc_error err = OTC_ERROR_INIT;

    through_json(signal, request, &first);
    check(otc_json_to_protobuf(signal, otc_buf_slice(&first), 64, &back, &err) == OTC_OK, "from JSON", &err);
    through_json(signal, otc_buf_slice(&back), &second);
    check(otc_slice_equal(otc_buf_slice(&first), otc_buf_slice(&second)), "JSON differs", &err);
}

static void
check_walk(enum otc_signal signal, struct otc_slice request)
{
    struct otc_error err = OTC_ERROR_INIT;

    check(otc_oracle_check(signal, request, NULL, err.text) != OTC_ORACLE_DISAGREES, "walk", &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otc_admitted admitted;
    enum otc_signal signal;
    struct otc_slice request;

    if (size == 0) {
        return 0;
    }
    signal = (enum otc_signal)(data[0] % OTC_N_SIGNALS);
    request = otc_slice_of(data + 1, size - 1);
    OTC_AUTO_BUF struct otc_buf padded = padded_request(request);

    check_walk(signal, request);
    check_walk(signal, otc_buf_slice(&padded));
    if (otc_admit(signal, request, NULL, &admitted, NULL) == OTC_OK) {
        check_json(signal, request);
    }
    return 0;
}
