// SPDX-License-Identifier: Apache-2.0
#include "common/base/codec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
values_come_back(void **state)
{
    static const uint64_t words[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    static const int64_t integers[] = {0, -1, 1, 63, -64, 64, INT64_MAX, INT64_MIN};
    const double reals[] = {0, -0.0, 1.5, INFINITY, -INFINITY, NAN, 5e-324};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    struct otc_reader in;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        otc_put_u64(&out, words[i]);
        otc_put_i64(&out, integers[i]);
    }
    for (size_t i = 0; i < 7; i++) {
        otc_put_f64(&out, reals[i]);
    }
    otc_put_bool(&out, true);
    otc_put_bytes(&out, otc_slice_str("text"));
    otc_put_bytes(&out, OTC_SLICE_NONE);
    in = otc_reader_of(otc_buf_slice(&out));
    for (size_t i = 0; i < 8; i++) {
        assert_true(otc_take_u64(&in) == words[i]);
        assert_true(otc_take_i64(&in) == integers[i]);
    }
    for (size_t i = 0; i < 7; i++) {
        double value = otc_take_f64(&in);

        assert_memory_equal(&value, &reals[i], sizeof(value));
    }
    assert_true(otc_take_bool(&in));
    assert_true(otc_slice_equal_str(otc_take_bytes(&in), "text"));
    assert_int_equal(otc_take_bytes(&in).len, 0);
    assert_false(in.failed);
    assert_int_equal(in.rest.len, 0);
    assert_int_equal(otc_take_u64(&in), 0);
    assert_true(in.failed);
}

/* A reader passes over sections that it does not know, and over the rest of those that have grown. */
static void
sections_are_passed_over(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    struct otc_reader in, body;
    struct otc_slice name;
    uint64_t version;
    size_t outer, inner;

    (void)state;
    outer = otc_put_section(&out, "models", 3);
    inner = otc_put_section(&out, "learner", 1);
    otc_put_u64(&out, 77);
    otc_end_section(&out, inner);
    otc_put_u64(&out, 99);
    otc_end_section(&out, outer);
    otc_end_section(&out, otc_put_section(&out, "empty", 0));
    in = otc_reader_of(otc_buf_slice(&out));
    assert_true(otc_take_section(&in, &name, &version, &body));
    assert_true(otc_slice_equal_str(name, "models"));
    assert_int_equal(version, 3);
    assert_true(otc_take_section(&in, &name, &version, &body));
    assert_true(otc_slice_equal_str(name, "empty"));
    assert_int_equal(body.rest.len, 0);
    assert_false(otc_take_section(&in, &name, &version, &body));
    assert_false(in.failed);
}

/* Whatever is cut off or bent: no read beyond the end, and it is told. */
static void
damage_is_told(void **state)
{
    static const uint8_t endless[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    struct otc_reader in = otc_reader_of(otc_slice_of(endless, sizeof(endless)));
    struct otc_reader body;
    struct otc_slice name;
    uint64_t version;
    size_t place;

    (void)state;
    assert_int_equal(otc_take_u64(&in), 0);
    assert_true(in.failed);
    place = otc_put_section(&out, "s", 1);
    otc_put_bytes(&out, otc_slice_str("0123456789"));
    otc_end_section(&out, place);
    for (size_t len = 1; len < out.len; len++) {
        in = otc_reader_of(otc_slice_of(out.data, len));
        assert_false(otc_take_section(&in, &name, &version, &body));
        assert_true(in.failed);
    }
    otc_buf_clear(&out);
    otc_put_u64(&out, 1000000);
    in = otc_reader_of(otc_buf_slice(&out));
    assert_int_equal(otc_take_count(&in, 8), 0);
    assert_true(in.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(sections_are_passed_over),
        cmocka_unit_test(damage_is_told),
    };

    return cmocka_run_group_tests_name("base/codec", tests, NULL, NULL);
}
