// SPDX-License-Identifier: Apache-2.0
/* Gzip read piece by piece, whatever the pieces. */
#include "common/net/gunzip.h"

#include "common/base/buf.h"
#include "common/net/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
add_member(struct otc_buf *out, struct otc_slice text)
{
    struct otc_compressor *compressor = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_compressor_new(OTC_COMPRESS_GZIP, 0, &compressor, &err), OTC_OK);
    assert_int_equal(otc_compress(compressor, text, out, &err), OTC_OK);
    otc_compressor_free(compressor);
}

/* Reads all of it, `in` bytes at a time into `out` bytes; the last state. */
static enum otc_gunzip_state
read_all(struct otc_slice packed, size_t in, size_t out, struct otc_buf *text)
{
    struct otc_gunzip *gunzip = otc_gunzip_new();
    enum otc_gunzip_state state = OTC_GUNZIP_MORE;
    uint8_t room[4096];
    size_t n = 1;

    assert_non_null(gunzip);
    while ((packed.len > 0 || n > 0) && state != OTC_GUNZIP_BAD) {
        size_t len = packed.len < in ? packed.len : in;
        struct otc_slice piece = otc_slice_of(packed.data, len);

        state = otc_gunzip_read(gunzip, &piece, room, out, &n);
        assert_true(piece.len <= len && n <= out);
        packed = otc_slice_skip(packed, len - piece.len);
        assert_true(otc_buf_append(text, room, n));
    }
    otc_gunzip_free(gunzip);
    return state;
}

static struct otc_slice
sample(struct otc_buf *text)
{
    for (int i = 0; i < 3000; i++) {
        (void)otc_buf_printf(text, "%d,", i * i);
    }
    return otc_buf_slice(text);
}

static void
pieces_of_any_size(void **state)
{
    static const size_t sizes[] = {1, 2, 7, 100, 4096};
    OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 20}, packed = {.limit = 1 << 20},
                                out = {.limit = 1 << 20};
    struct otc_slice whole = sample(&text);

    (void)state;
    add_member(&packed, whole);
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++) {
            otc_buf_clear(&out);
            assert_int_equal(read_all(otc_buf_slice(&packed), sizes[i], sizes[j], &out), OTC_GUNZIP_BOUNDARY);
            assert_true(otc_slice_equal(otc_buf_slice(&out), whole));
        }
    }
}

static void
members_follow_each_other(void **state)
{
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20}, out = {.limit = 1 << 20};

    (void)state;
    add_member(&packed, otc_slice_str("one "));
    add_member(&packed, OTC_SLICE_NONE);
    add_member(&packed, otc_slice_str("two"));
    assert_int_equal(read_all(otc_buf_slice(&packed), 5, 2, &out), OTC_GUNZIP_BOUNDARY);
    assert_string_equal(otc_buf_cstr(&out), "one two");
}

static void
a_stream_that_ends_early_wants_more(void **state)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 20}, packed = {.limit = 1 << 20},
                                out = {.limit = 1 << 20};
    struct otc_slice whole = sample(&text);

    (void)state;
    add_member(&packed, whole);
    for (size_t cut = 0; cut < packed.len; cut += 97) {
        otc_buf_clear(&out);
        assert_int_equal(read_all(otc_slice_of(packed.data, cut), 50, 300, &out), OTC_GUNZIP_MORE);
        assert_true(otc_slice_equal(otc_buf_slice(&out), otc_slice_of(whole.data, out.len)));
    }
}

static void
what_is_no_gzip(void **state)
{
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20}, out = {.limit = 1 << 20};

    (void)state;
    assert_int_equal(read_all(otc_slice_str("{\"resourceSpans\":[]}"), 5, 100, &out), OTC_GUNZIP_BAD);
    add_member(&packed, otc_slice_str("good"));
    (void)otc_buf_append_str(&packed, "garbage");
    assert_int_equal(read_all(otc_buf_slice(&packed), 100, 100, &out), OTC_GUNZIP_BAD);
    assert_string_equal(otc_buf_cstr(&out), "good");
    packed.len -= strlen("garbage");
    packed.data[packed.len - 6] ^= 1; /* the checksum */
    assert_int_equal(read_all(otc_buf_slice(&packed), 100, 100, &out), OTC_GUNZIP_BAD);
    otc_gunzip_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(a_stream_that_ends_early_wants_more),
        cmocka_unit_test(what_is_no_gzip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
