// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "common/net/inflate.h"

#define LIMIT ((size_t)100000)

/** Compresses with zlib: 31 gzip, 15 zlib, -15 raw. */
static struct otc_slice
deflated(const void *data, size_t len, int window_bits, struct otc_buf *out)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
    const size_t start = out->len;

    assert_true(otc_buf_reserve(out, len + 1000));
    stream.next_out = out->data + start;
    stream.avail_out = (uInt)(len + 1000);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len += stream.total_out;
    deflateEnd(&stream);
    return otc_slice_of(out->data + start, stream.total_out);
}

static otc_status
inflated(enum otc_encoding encoding, struct otc_slice in, struct otc_buf *out, struct otc_error *err)
{
    *err = OTC_ERROR_INIT;
    otc_buf_clear(out);
    out->limit = LIMIT + 1;
    return otc_inflate(encoding, in, LIMIT, NULL, NULL, out, err);
}

static void
encodings_have_names(void **state)
{
    (void)state;
    assert_int_equal(otc_encoding_of(OTC_SLICE_NONE), OTC_ENCODING_IDENTITY);
    assert_int_equal(otc_encoding_of(otc_slice_str("GZip")), OTC_ENCODING_GZIP);
    assert_int_equal(otc_encoding_of(otc_slice_str("x-gzip")), OTC_ENCODING_GZIP);
    assert_int_equal(otc_encoding_of(otc_slice_str("deflate")), OTC_ENCODING_ZLIB);
    assert_int_equal(otc_encoding_of(otc_slice_str("zstd")), OTC_ENCODING_ZSTD);
    assert_int_equal(otc_encoding_of(otc_slice_str("gzip, gzip")), OTC_ENCODING_UNKNOWN);
    assert_string_equal(otc_encoding_name(OTC_ENCODING_GZIP), "gzip");
    assert_string_equal(otc_encoding_name(OTC_ENCODING_UNKNOWN), "unknown");
}

static void
round_trips(void **state)
{
    static const struct {
        enum otc_encoding encoding;
        int window_bits;
    } ways[] = {{OTC_ENCODING_GZIP, 31}, {OTC_ENCODING_ZLIB, 15}, {OTC_ENCODING_ZLIB, -15}};
    static const size_t sizes[] = {0, 1, 1000, LIMIT - 1, LIMIT};
    static uint8_t text[LIMIT];
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err;

    (void)state;
    for (size_t i = 0; i < LIMIT; i++) {
        text[i] = (uint8_t)(i * i >> 7);
    }
    for (size_t way = 0; way < 3; way++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            otc_buf_clear(&packed);
            assert_int_equal(inflated(ways[way].encoding,
                                      deflated(text, sizes[i], ways[way].window_bits, &packed), &out, &err),
                             OTC_OK);
            assert_true(otc_slice_equal(otc_buf_slice(&out), otc_slice_of(text, sizes[i])));
        }
    }
    otc_buf_clear(&packed);
    assert_true(otc_buf_reserve(&packed, ZSTD_compressBound(LIMIT)));
    packed.len = ZSTD_compress(packed.data, packed.capacity, text, LIMIT, 3);
    assert_int_equal(inflated(OTC_ENCODING_ZSTD, otc_buf_slice(&packed), &out, &err), OTC_OK);
    assert_true(otc_slice_equal(otc_buf_slice(&out), otc_slice_of(text, LIMIT)));
}

static void
members_follow_each_other(void **state)
{
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err;

    (void)state;
    deflated("hello ", 6, 31, &packed);
    deflated("", 0, 31, &packed);
    deflated("world", 5, 31, &packed);
    assert_int_equal(inflated(OTC_ENCODING_GZIP, otc_buf_slice(&packed), &out, &err), OTC_OK);
    assert_true(otc_slice_equal_str(otc_buf_slice(&out), "hello world"));
    deflated("", 0, 15, &packed);
    assert_int_equal(inflated(OTC_ENCODING_GZIP, otc_buf_slice(&packed), &out, &err), OTC_INVALID_ARGUMENT);
}

static void
bombs_stop_at_the_limit(void **state)
{
    static const uint8_t zeros[LIMIT + 1];
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err;

    (void)state;
    deflated(zeros, LIMIT + 1, 31, &packed);
    assert_int_equal(inflated(OTC_ENCODING_GZIP, otc_buf_slice(&packed), &out, &err), OTC_RESOURCE_EXHAUSTED);
    assert_string_equal(err.text, "otlp: decompressed size exceeds 100000 bytes");
    assert_true(err.permanent);
    assert_true(out.len <= LIMIT + 1);
    otc_buf_clear(&packed);
    for (int i = 0; i < 50; i++) {
        deflated(zeros, LIMIT / 10, 31, &packed);
    }
    assert_int_equal(inflated(OTC_ENCODING_GZIP, otc_buf_slice(&packed), &out, &err), OTC_RESOURCE_EXHAUSTED);
    packed.len = ZSTD_compress(packed.data, packed.capacity, zeros, LIMIT + 1, 3);
    assert_int_equal(inflated(OTC_ENCODING_ZSTD, otc_buf_slice(&packed), &out, &err), OTC_RESOURCE_EXHAUSTED);
}

static void
damage_is_found(void **state)
{
    static const char text[] = "some text that is long enough to be cut";
    int padding = 0;
    static const uint8_t huge_window[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00};
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err;

    (void)state;
    deflated(text, strlen(text), 31, &packed);
    for (size_t len = 0; len < packed.len; len++) {
        assert_int_equal(inflated(OTC_ENCODING_GZIP, otc_slice_of(packed.data, len), &out, &err),
                         OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text, "otlp: bad gzip stream");
    }
    for (size_t at = 10; at < packed.len;
         at++) { /* the checksum or the size tell, or it was a bit of padding */
        packed.data[at] ^= 0x40;
        if (inflated(OTC_ENCODING_GZIP, otc_buf_slice(&packed), &out, &err) == OTC_OK) {
            assert_true(otc_slice_equal_str(otc_buf_slice(&out), text));
            padding++;
        }
        packed.data[at] ^= 0x40;
    }
    assert_true(padding <= 1);
    otc_buf_append_byte(&packed, 'x');
    assert_int_equal(inflated(OTC_ENCODING_GZIP, otc_buf_slice(&packed), &out, &err), OTC_INVALID_ARGUMENT);
    assert_int_equal(inflated(OTC_ENCODING_ZSTD, otc_slice_of(huge_window, sizeof(huge_window)), &out, &err),
                     OTC_INVALID_ARGUMENT);
    assert_int_equal(inflated(OTC_ENCODING_UNKNOWN, otc_buf_slice(&packed), &out, &err), OTC_UNIMPLEMENTED);
}

static bool
no_room(void *arg, size_t bytes)
{
    size_t *left = arg;

    if (bytes > *left) {
        return false;
    }
    *left -= bytes;
    return true;
}

static void
room_is_asked_for(void **state)
{
    static const uint8_t zeros[LIMIT];
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err = OTC_ERROR_INIT;
    const struct otc_slice in = deflated(zeros, LIMIT, 31, &packed);
    size_t left = 10;

    (void)state;
    assert_int_equal(otc_inflate(OTC_ENCODING_GZIP, in, LIMIT, no_room, &left, &out, &err), OTC_UNAVAILABLE);
    assert_false(err.permanent);
    left = LIMIT;
    otc_buf_clear(&out);
    assert_int_equal(otc_inflate(OTC_ENCODING_GZIP, in, LIMIT, no_room, &left, &out, &err), OTC_OK);
    assert_int_equal(left, 0);
}

/* ---- Snappy and LZ4 -------------------------------------------------------------------------------- */

/* Made by github.com/golang/snappy: Encode, and a BufferedWriter that was flushed once. */
#define HELLO "hello, snappy world "
#define BLOCK "\xa0\x01\x4chello, snappy world \xfe\x14\x00\xfe\x14\x00\x2e\x14\x00"
#define FRAMES                                                                                               \
    "\xff\x06\x00\x00sNaPpY\x00\x24\x00\x00\x46\xcf\xe5\x23" BLOCK "\x01\x0e\x00\x00\x18\x45\xcb\x99\x00"    \
    "\x91\xff random"

static void
snappy_is_what_others_write(void **state)
{
    static const char hello[] = HELLO HELLO HELLO HELLO HELLO HELLO HELLO HELLO;
    static const char whole[] = HELLO HELLO HELLO HELLO HELLO HELLO HELLO HELLO "\x00\x91\xff random";
    const struct otc_slice block = otc_slice_of(BLOCK, sizeof(BLOCK) - 1);
    const struct otc_slice frames = otc_slice_of(FRAMES, sizeof(FRAMES) - 1);
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err;

    (void)state;
    assert_int_equal(inflated(OTC_ENCODING_SNAPPY, block, &out, &err), OTC_OK);
    assert_true(otc_slice_equal(otc_buf_slice(&out), otc_slice_str(hello)));
    assert_int_equal(inflated(OTC_ENCODING_SNAPPY_FRAMED, block, &out, &err), OTC_INVALID_ARGUMENT);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(inflated(i ? OTC_ENCODING_SNAPPY : OTC_ENCODING_SNAPPY_FRAMED, frames, &out, &err),
                         OTC_OK);
        assert_true(otc_slice_equal(otc_buf_slice(&out), otc_slice_of(whole, sizeof(whole) - 1)));
    }
}

static void
snappy_damage_is_found(void **state)
{
    uint8_t frames[] = FRAMES;
    const size_t len = sizeof(frames) - 1;
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err;

    (void)state;
    for (size_t at = 10; at < len; at++) {
        const bool type = at == 10 || at == 50; /* another one may be skipped */

        frames[at] ^= 0x41;
        assert_true(type || inflated(OTC_ENCODING_SNAPPY, otc_slice_of(frames, len), &out, &err) ==
                                OTC_INVALID_ARGUMENT);
        frames[at] ^= 0x41;
    }
    for (size_t cut = 1; cut < len; cut++) {
        if (cut != 10 && cut != 50) {
            assert_int_equal(inflated(OTC_ENCODING_SNAPPY_FRAMED, otc_slice_of(frames, cut), &out, &err),
                             OTC_INVALID_ARGUMENT);
        }
    }
    frames[10] = 0x80; /* may be skipped */
    assert_int_equal(inflated(OTC_ENCODING_SNAPPY, otc_slice_of(frames, len), &out, &err), OTC_OK);
    assert_int_equal(out.len, 10);
    frames[10] = 2; /* must not */
    assert_int_equal(inflated(OTC_ENCODING_SNAPPY, otc_slice_of(frames, len), &out, &err),
                     OTC_INVALID_ARGUMENT);
    /* Promises that cannot be kept hold no memory. */
    assert_int_equal(inflated(OTC_ENCODING_SNAPPY, otc_slice_of("\xff\xff\x03\x00z", 5), &out, &err),
                     OTC_INVALID_ARGUMENT);
    assert_int_equal(inflated(OTC_ENCODING_SNAPPY, otc_slice_of("\xff\xff\xff\xff\xff", 5), &out, &err),
                     OTC_INVALID_ARGUMENT);
}

static void
snappy_and_lz4_keep_the_limit(void **state)
{
    static uint8_t text[LIMIT + 1];
    static const size_t sizes[] = {0, 1, 1000, 70000, LIMIT, LIMIT + 1};
    OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf out = {.limit = LIMIT + 1};
    struct otc_error err;

    (void)state;
    assert_true(otc_buf_reserve(&packed, 300000));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const otc_status expected = sizes[i] > LIMIT ? OTC_RESOURCE_EXHAUSTED : OTC_OK;
        size_t len = packed.capacity;

        assert_int_equal(snappy_compress((const char *)text, sizes[i], (char *)packed.data, &len), SNAPPY_OK);
        assert_int_equal(inflated(OTC_ENCODING_SNAPPY, otc_slice_of(packed.data, len), &out, &err), expected);
        assert_true(expected != OTC_OK || otc_slice_equal(otc_buf_slice(&out), otc_slice_of(text, sizes[i])));
        len = LZ4F_compressFrame(packed.data, packed.capacity, text, sizes[i], NULL);
        assert_false(LZ4F_isError(len));
        assert_int_equal(inflated(OTC_ENCODING_LZ4, otc_slice_of(packed.data, len), &out, &err), expected);
        assert_true(expected != OTC_OK || otc_slice_equal(otc_buf_slice(&out), otc_slice_of(text, sizes[i])));
        assert_int_equal(inflated(OTC_ENCODING_LZ4, otc_slice_of(packed.data, len - 1), &out, &err),
                         expected == OTC_OK ? OTC_INVALID_ARGUMENT : expected);
    }
    assert_int_equal(inflated(OTC_ENCODING_LZ4, otc_slice_str("no lz4"), &out, &err), OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "otlp: bad lz4 stream");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_have_names),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(bombs_stop_at_the_limit),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(room_is_asked_for),
        cmocka_unit_test(snappy_is_what_others_write),
        cmocka_unit_test(snappy_damage_is_found),
        cmocka_unit_test(snappy_and_lz4_keep_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
