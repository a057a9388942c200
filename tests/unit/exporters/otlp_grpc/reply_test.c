// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/reply.h"

#include "common/otlp/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
the_retry_delay_is_what_the_server_wrote(void **state)
{
    OTC_AUTO_BUF struct otc_buf buf = {.limit = 4096};
    struct otc_error busy = OTC_ERROR_INIT, out;

    (void)state;
    otc_fail(&busy, OTC_RESOURCE_EXHAUSTED, "slow down");
    busy.retry_after_ms = 61500;
    assert_true(otc_rpc_status_protobuf(&busy, &buf));
    otlp_grpc_error(8, otc_slice_str("slow down"), otc_buf_slice(&buf), &out);
    assert_int_equal(out.status, OTC_RESOURCE_EXHAUSTED);
    assert_int_equal(out.retry_after_ms, 61500);
    assert_false(out.permanent);
    assert_string_equal(out.text, "rpc error: code = ResourceExhausted desc = slow down");
}

static void
codes_are_retryable_as_otlp_says(void **state)
{
    static const int retryable[] = {1, 4, 10, 11, 14, 15};
    struct otc_error out;
    size_t next = 0;

    (void)state;
    for (int code = 1; code <= 16; code++) {
        bool expected = next < sizeof(retryable) / sizeof(retryable[0]) && retryable[next] == code;

        otlp_grpc_error(code, OTC_SLICE_NONE, OTC_SLICE_NONE, &out);
        assert_int_equal(out.status, code);
        assert_int_equal(out.permanent, !expected);
        next += expected;
    }
    otlp_grpc_error(99, otc_slice_str("?"), OTC_SLICE_NONE, &out);
    assert_int_equal(out.status, OTC_UNKNOWN);
    assert_true(out.permanent);
    otlp_grpc_error(0, OTC_SLICE_NONE, OTC_SLICE_NONE, &out);
    assert_int_equal(out.status, OTC_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_retry_delay_is_what_the_server_wrote),
        cmocka_unit_test(codes_are_retryable_as_otlp_says),
    };

    return cmocka_run_group_tests_name("exporters/otlp_grpc/reply", tests, NULL, NULL);
}
