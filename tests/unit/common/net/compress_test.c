// SPDX-License-Identifier: Apache-2.0
/* What is compressed comes back by the server's inflater (gzip, zlib, zstd) and by snappy itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <snappy-c.h>

#include "common/net/compress.h"
#include "common/net/inflate.h"

static void
expand(enum otc_compression compression, struct otc_slice in, struct otc_buf *out)
{
    char text[200000];
    size_t n = sizeof(text);

    if (compression == OTC_COMPRESS_SNAPPY) {
        assert_int_equal(snappy_uncompress((const char *)in.data, in.len, text, &n), SNAPPY_OK);
        assert_true(otc_buf_append(out, text, n));
    } else if (compression == OTC_COMPRESS_NONE || compression == OTC_COMPRESS_EMPTY) {
        assert_null(otc_compression_name(compression));
        assert_true(otc_buf_append_slice(out, in));
    } else {
        assert_int_equal(otc_inflate(otc_encoding_of(otc_slice_str(otc_compression_name(compression))), in,
                                     1 << 20, NULL, NULL, out, NULL),
                         OTC_OK);
    }
}

static void
every_format_comes_back(void **state)
{
    static const enum otc_compression formats[] = {
        OTC_COMPRESS_GZIP,   OTC_COMPRESS_NONE,          OTC_COMPRESS_ZSTD,
        OTC_COMPRESS_SNAPPY, OTC_COMPRESS_ZLIB,          OTC_COMPRESS_DEFLATE,
        OTC_COMPRESS_EMPTY,  OTC_COMPRESS_SNAPPY_FRAMED, OTC_COMPRESS_LZ4};
    static const size_t sizes[] = {0, 1, 100, 65536, 65537, 150000};
    static uint8_t data[150000];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * i >> 7 & 63);
    }
    /* Nothing to be saved: snappy's frames hold it as it is. */
    for (uint32_t i = 70000, random = 1; i < 140000; i++) {
        random = random * 1664525 + 1013904223;
        data[i] = (uint8_t)(random >> 24);
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct otc_compressor *compressor;

        assert_int_equal(otc_compressor_new(formats[i], 0, &compressor, NULL), OTC_OK);
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            OTC_AUTO_BUF struct otc_buf packed = {.limit = 1 << 20}, back = {.limit = 1 << 20};

            assert_int_equal(otc_compress(compressor, otc_slice_of(data, sizes[k]), &packed, NULL), OTC_OK);
            expand(formats[i], otc_buf_slice(&packed), &back);
            assert_int_equal(back.len, sizes[k]);
            assert_memory_equal(back.data ? back.data : data, data, sizes[k]);
        }
        otc_compressor_free(compressor);
    }
}

static void
levels_are_checked(void **state)
{
    static const struct {
        int64_t level;
        enum otc_compression compression;
        otc_status status;
    } cases[] = {
        {9, OTC_COMPRESS_GZIP, OTC_OK},
        {10, OTC_COMPRESS_GZIP, OTC_INVALID_ARGUMENT},
        {-1, OTC_COMPRESS_GZIP, OTC_OK},
        {-2, OTC_COMPRESS_ZLIB, OTC_OK},
        {-3, OTC_COMPRESS_DEFLATE, OTC_INVALID_ARGUMENT},
        {11, OTC_COMPRESS_ZSTD, OTC_OK},
        {22, OTC_COMPRESS_ZSTD, OTC_OK},
        {-7, OTC_COMPRESS_ZSTD, OTC_OK},
        {1, OTC_COMPRESS_SNAPPY, OTC_INVALID_ARGUMENT},
        {0, OTC_COMPRESS_LZ4, OTC_OK},
        {1, OTC_COMPRESS_LZ4, OTC_INVALID_ARGUMENT},
        {1, OTC_COMPRESS_SNAPPY_FRAMED, OTC_INVALID_ARGUMENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_compressor *compressor;

        assert_int_equal(otc_compressor_new(cases[i].compression, cases[i].level, &compressor, &err),
                         cases[i].status);
        assert_int_equal(compressor != NULL, cases[i].status == OTC_OK);
        otc_compressor_free(compressor);
    }
}

static void
a_full_buffer_is_no_request(void **state)
{
    OTC_AUTO_BUF struct otc_buf small = {.limit = 10};
    struct otc_compressor *compressor;

    (void)state;
    assert_int_equal(otc_compressor_new(OTC_COMPRESS_GZIP, 0, &compressor, NULL), OTC_OK);
    assert_int_equal(otc_compress(compressor, otc_slice_str("telemetry"), &small, NULL), OTC_UNAVAILABLE);
    otc_compressor_free(compressor);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_comes_back),
        cmocka_unit_test(levels_are_checked),
        cmocka_unit_test(a_full_buffer_is_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
