// SPDX-License-Identifier: Apache-2.0
#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/large.h"
#include "common/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
a_buffer_grows_to_its_limit_and_no_further(void **state)
{
    OTC_AUTO_BUF struct otc_buf buf = {.limit = 1000};
    char big[600];

    (void)state;
    memset(big, 'x', sizeof(big));
    assert_true(otc_buf_append(&buf, big, sizeof(big)));
    assert_true(otc_buf_printf(&buf, "%0399d", 7));
    assert_true(otc_buf_append_byte(&buf, '!'));
    assert_int_equal(buf.len, 1000);
    assert_non_null(otc_buf_cstr(&buf));
    assert_int_equal(strlen(otc_buf_cstr(&buf)), 1000);
    assert_false(otc_buf_append_byte(&buf, '!'));
    assert_true(buf.failed);
    assert_false(otc_buf_append(&buf, "", 0));
    assert_null(otc_buf_cstr(&buf));
    otc_buf_clear(&buf);
    assert_true(otc_buf_append_str(&buf, "again"));
    assert_string_equal(otc_buf_cstr(&buf), "again");
    assert_false(otc_buf_printf(&buf, "%01000d", 7));
    assert_int_equal(buf.len, 5);
}

static void
a_cleared_buffer_keeps_what_is_not_large(void **state)
{
    OTC_AUTO_BUF struct otc_buf buf = {.limit = 5000};
    const uint8_t *kept;

    (void)state;
    assert_true(otc_buf_printf(&buf, "%01000d", 7));
    kept = buf.data;
    otc_buf_clear_large(&buf, buf.capacity);
    assert_int_equal(buf.len, 0);
    assert_ptr_equal(buf.data, kept);
    assert_false(otc_buf_printf(&buf, "%06000d", 7));
    otc_buf_clear_large(&buf, buf.capacity - 1);
    assert_null(buf.data);
    assert_int_equal(buf.capacity, 0);
    assert_true(otc_buf_printf(&buf, "%04000d", 7));
    assert_int_equal(buf.len, 4000);
}

static void
a_taken_buffer_is_the_callers(void **state)
{
    struct otc_buf buf;
    uint8_t *data;
    size_t len;

    (void)state;
    otc_buf_init(&buf, 100);
    assert_true(otc_buf_append_str(&buf, "mine"));
    data = otc_buf_take(&buf, &len);
    assert_int_equal(len, 4);
    assert_memory_equal(data, "mine", 4);
    free(data);
    assert_int_equal(buf.len, 0);
    otc_buf_release(&buf);
    otc_buf_release(NULL);
}

/* Kept whole through every growth; what of it is taken is never less than what is written, nor a large page
 * more. */
static void
large_memory_grows_and_keeps_what_it_holds(void **state)
{
    static const size_t sizes[] = {
        1, OTC_LARGE - 1, OTC_LARGE, OTC_LARGE + 1, OTC_LARGE * 5 / 2 - 1, OTC_LARGE * 5 / 2, OTC_LARGE * 7};
    struct otc_large memory = {0};
    size_t used = 0;

    (void)state;
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        const size_t whole = (sizes[k] + OTC_LARGE / 2) / OTC_LARGE * OTC_LARGE;

        assert_true(otc_large_grow(&memory, used, sizes[k]));
        assert_int_equal(memory.capacity, sizes[k]);
        for (size_t i = 0; i < used; i += 4099) {
            assert_int_equal(memory.data[i], (uint8_t)(i / 7));
        }
        for (used = 0; used < sizes[k]; used++) {
            memory.data[used] = (uint8_t)(used / 7);
        }
        for (size_t written = 0; written <= sizes[k]; written += 1 + sizes[k] / 13) {
            const size_t taken = otc_large_taken(written, sizes[k]);

            assert_true(taken >= written);
            assert_true(taken < written + OTC_LARGE);
            assert_true(sizes[k] >= OTC_LARGE || taken == written);
            assert_true(taken % OTC_LARGE == 0 || written >= whole || sizes[k] < OTC_LARGE);
        }
    }
    assert_false(otc_large_grow(&memory, used, SIZE_MAX));
    assert_int_equal(memory.data[used - 1], (uint8_t)((used - 1) / 7));
    otc_large_free(&memory);
    assert_null(memory.data);
    otc_large_free(&memory);
}

static void
an_arena_gives_aligned_zeroed_memory_up_to_its_limit(void **state)
{
    OTC_AUTO_ARENA struct otc_arena arena;
    uint8_t *p;

    (void)state;
    otc_arena_init(&arena, 20000);
    for (size_t size = 1; size < 100; size++) {
        p = otc_arena_alloc(&arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xff, size);
    }
    assert_non_null(otc_arena_alloc(&arena, 10000));
    assert_null(otc_arena_alloc(&arena, 10000));
    assert_null(otc_arena_alloc(&arena, SIZE_MAX));
    assert_string_equal(otc_arena_strndup(&arena, "copy me", 4), "copy");
    assert_true(otc_slice_equal_str(otc_arena_copy(&arena, otc_slice_str("x")), "x"));
    otc_arena_release(&arena);
    assert_non_null(otc_arena_alloc(&arena, 20000));
}

static void
errors_carry_code_and_context(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    char longer[2 * OTC_ERROR_TEXT_MAX];

    (void)state;
    assert_int_equal(otc_fail(&err, OTC_INVALID_ARGUMENT, "bins: %d is below %d", 1, 2),
                     OTC_INVALID_ARGUMENT);
    assert_int_equal(otc_error_prefix(&err, "connectors::%s", "drift"), OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "connectors::drift: bins: 1 is below 2");
    assert_int_equal(otc_fail(NULL, OTC_NOT_FOUND, "nobody listens"), OTC_NOT_FOUND);
    memset(longer, 'y', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(otc_error_prefix(&err, "%s", longer), OTC_INVALID_ARGUMENT);
    assert_int_equal(strlen(err.text), OTC_ERROR_TEXT_MAX - 1);
    assert_string_equal(otc_status_name(OTC_RESOURCE_EXHAUSTED), "RESOURCE_EXHAUSTED");
    assert_string_equal(otc_status_text((otc_status)77), "unknown error");
}

static void
only_otlps_retryable_codes_are_retried(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    err.status = OTC_UNAVAILABLE;
    assert_true(otc_error_retryable(&err));
    err.permanent = true;
    assert_false(otc_error_retryable(&err));
    err.permanent = false;
    err.status = OTC_RESOURCE_EXHAUSTED;
    assert_false(otc_error_retryable(&err));
    err.retry_after_ms = 5;
    assert_true(otc_error_retryable(&err));
    err.status = OTC_INVALID_ARGUMENT;
    assert_false(otc_error_retryable(&err));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_to_its_limit_and_no_further),
        cmocka_unit_test(a_cleared_buffer_keeps_what_is_not_large),
        cmocka_unit_test(a_taken_buffer_is_the_callers),
        cmocka_unit_test(large_memory_grows_and_keeps_what_it_holds),
        cmocka_unit_test(an_arena_gives_aligned_zeroed_memory_up_to_its_limit),
        cmocka_unit_test(errors_carry_code_and_context),
        cmocka_unit_test(only_otlps_retryable_codes_are_retried),
    };

    return cmocka_run_group_tests_name("common/base/memory", tests, NULL, NULL);
}
