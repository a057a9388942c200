// SPDX-License-Identifier: Apache-2.0
/* Requests of more than a large page: forwarded whole, over both protocols, compressed or not; charged while
 * their batch lives, and not after (the virtual host fails with what is still charged). */
#include "tests/unit/receivers/otlp/receiver.h"

#include "common/base/large.h"

#define SPANS 90000
#define LEN ((size_t)SPANS * SPAN_LEN)

static const char roomy[] = "protocols: {grpc: {endpoint: '127.0.0.1:0', max_recv_msg_size_mib: 4}, "
                            "http: {endpoint: '127.0.0.1:0', max_request_body_size: 4000000}}";

/* The head of a gRPC message, then that many spans. */
static uint8_t *
make_message(void)
{
    uint8_t *message = malloc(5 + LEN);

    assert_non_null(message);
    memcpy(message, (uint8_t[]){0, LEN >> 24, LEN >> 16 & 0xff, LEN >> 8 & 0xff, LEN & 0xff}, 5);
    for (size_t i = 0; i < SPANS; i++) {
        memcpy(message + 5 + i * SPAN_LEN, SPAN, SPAN_LEN);
    }
    return message;
}

static void
check_batches(struct fixture *fixture, const uint8_t *message, size_t n, size_t charged)
{
    assert_int_equal(otc_sink_batches(fixture->sink), n);
    for (size_t i = 0; i < n; i++) {
        const struct otc_slice part = otc_batch_part(otc_sink_batch(fixture->sink, i), 0);

        assert_int_equal(otc_batch_items(otc_sink_batch(fixture->sink, i)), SPANS);
        assert_int_equal(part.len, LEN);
        assert_memory_equal(part.data, message + 5, LEN);
    }
    assert_true(otc_vhost_charged(fixture->vhost) >= charged);
    otc_sink_clear(fixture->sink);
}

static void
http_takes_large_requests(void **state)
{
    struct fixture fixture = {0};
    uint8_t *message = make_message(), packed[100000];
    size_t len = gzip(message + 5, LEN, packed, sizeof(packed));

    (void)state;
    start(&fixture, roomy);
    assert_int_equal(http(&fixture, POST_PROTO, message + 5, LEN)->status, 200);
    check_batches(&fixture, message, 1, 2 * OTC_LARGE);
    assert_int_equal(http(&fixture, POST_PROTO "\r\nContent-Encoding: gzip", packed, len)->status, 200);
    check_batches(&fixture, message, 1, LEN);
    stop(&fixture);
    free(message);
}

static void
grpc_takes_large_requests(void **state)
{
    struct fixture fixture = {0};
    uint8_t *message = make_message();
    struct call call;

    (void)state;
    start(&fixture, roomy);
    for (int i = 0; i < 2; i++) {
        call = export_message(&fixture, "x", "y", message, 5 + LEN);
        assert_string_equal(call.status, "0");
    }
    check_batches(&fixture, message, 2, 4 * OTC_LARGE);
    stop(&fixture);
    free(message);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_takes_large_requests),
        cmocka_unit_test(grpc_takes_large_requests),
    };

    return cmocka_run_group_tests_name("receivers/otlp/large", tests, NULL, NULL);
}
