// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/rpc_status.h"

#include "common/otlp/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint32_t
delay_of(struct otc_slice body)
{
    struct otc_rpc_status status;

    (void)otc_rpc_status_read(body, &status);
    return status.retry_delay_ms;
}

static void
what_we_write_is_read(void **state)
{
    OTC_AUTO_BUF struct otc_buf protobuf = {.limit = 4096}, json = {.limit = 4096};
    struct otc_error busy = OTC_ERROR_INIT;
    struct otc_rpc_status read[2];

    (void)state;
    otc_fail(&busy, OTC_UNAVAILABLE, "slow down");
    busy.retry_after_ms = 61500;
    assert_true(otc_rpc_status_protobuf(&busy, &protobuf));
    assert_true(otc_rpc_status_json(&busy, &json));
    assert_true(otc_rpc_status_read(otc_buf_slice(&protobuf), &read[0]));
    assert_true(otc_rpc_status_read_json(otc_buf_slice(&json), &read[1]));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read[i].code, OTC_UNAVAILABLE);
        assert_string_equal(read[i].message, "slow down");
        assert_int_equal(read[i].retry_delay_ms, 61500);
        assert_int_equal(read[i].n_details, 1);
    }
}

static void
malformed_details_are_no_delay(void **state)
{
    OTC_AUTO_BUF struct otc_buf buf = {.limit = 4096};
    struct otc_error busy = OTC_ERROR_INIT;

    (void)state;
    busy.status = OTC_UNAVAILABLE;
    busy.retry_after_ms = 1000;
    assert_true(otc_rpc_status_protobuf(&busy, &buf));
    for (size_t n = 0; n < buf.len; n++) {
        assert_true(delay_of(otc_slice_of(buf.data, n)) <= 1000);
    }
    assert_int_equal(delay_of(otc_slice_of(buf.data, buf.len - 1)), 0);
    assert_int_equal(delay_of(otc_slice_str("\xff\xff\xff\xff\xff\xff")), 0);
    /* Another detail: a type that is not RetryInfo. */
    assert_int_equal(delay_of(otc_slice_str("\x1a\x05\x0a\x03"
                                            "abc")),
                     0);
    /* A RetryInfo without a delay: "retry with backoff". */
    assert_int_equal(delay_of(otc_slice_str("\x1a\x2a\x0a\x28"
                                            "type.googleapis.com/google.rpc.RetryInfo")),
                     1);
}

static void
what_is_no_status_is_refused(void **state)
{
    static const char *const bad[] = {"", "[]", "upstream connect error", "{\"code\": 1", "7"};
    struct otc_rpc_status status;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(otc_rpc_status_read_json(otc_slice_str(bad[i]), &status));
    }
    assert_false(otc_rpc_status_read(otc_slice_str("<html>"), &status));
    assert_string_equal(status.message, "");
    assert_true(otc_rpc_status_read_json(otc_slice_str("{\"code\": 99999999999, \"details\": {}}"), &status));
    assert_int_equal(status.code, 0);
    assert_string_equal(otc_rpc_code_name(14), "Unavailable");
    assert_string_equal(otc_rpc_code_name(17), "Unknown");
    assert_string_equal(otc_rpc_code_name(-1), "Unknown");
}

static void
partial_success_is_read_from_json(void **state)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 4096};
    char message[512];
    int64_t rejected;

    (void)state;
    assert_true(otc_export_response_json(OTC_LOGS, INT64_C(9007199254740993), "too old", &json));
    assert_true(otc_export_response_read_json(otc_buf_slice(&json), &rejected, message));
    assert_true(rejected == INT64_C(9007199254740993));
    assert_string_equal(message, "too old");
    assert_true(otc_export_response_read_json(otc_slice_str("{\"partialSuccess\":{\"rejectedSpans\":3}}"),
                                              &rejected, message));
    assert_int_equal(rejected, 3);
    assert_true(otc_export_response_read_json(otc_slice_str("{\"partialSuccess\":{}}"), &rejected, message));
    assert_int_equal(rejected, 0);
    assert_false(otc_export_response_read_json(otc_slice_str("OK"), &rejected, message));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_write_is_read),
        cmocka_unit_test(malformed_details_are_no_delay),
        cmocka_unit_test(what_is_no_status_is_refused),
        cmocka_unit_test(partial_success_is_read_from_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
