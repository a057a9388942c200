// SPDX-License-Identifier: Apache-2.0
#include "common/net/compress.h"

#include "common/net/snappy_frames.h"

#include <libdeflate.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zstd.h>

/* zstd's own default; its level 1 is as fast on small requests and larger. */
#define ZSTD_FASTEST 1
#define DEFLATE_FASTEST 1
#define DEFLATE_BEST 9
/* zstd takes every level there, and means the nearest it has; what lies above costs seconds a MiB. */
#define ZSTD_BEST 11

const char *const otc_compressions[] = {
    "gzip", "none", "zstd", "snappy", "zlib", "deflate", "", "x-snappy-framed", "lz4", NULL};

struct otc_compressor {
    enum otc_compression compression;
    int level;
    struct libdeflate_compressor *deflate;
    ZSTD_CCtx *zstd;
};

const char *
otc_compression_name(enum otc_compression compression)
{
    return compression == OTC_COMPRESS_NONE || compression == OTC_COMPRESS_EMPTY
               ? NULL
               : otc_compressions[compression];
}

static bool
is_deflate(enum otc_compression compression)
{
    return compression == OTC_COMPRESS_GZIP || compression == OTC_COMPRESS_ZLIB ||
           compression == OTC_COMPRESS_DEFLATE;
}

static otc_status
check(enum otc_compression compression, int64_t level, struct otc_error *err)
{
    /* -1 is Go's word for the default, -2 for its Huffman codes alone. */
    int64_t lowest = is_deflate(compression) ? -2 : 0, highest = is_deflate(compression) ? DEFLATE_BEST : 0;

    if (otc_compression_name(compression) && compression != OTC_COMPRESS_ZSTD &&
        (level < lowest || level > highest)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "compression_params::level: unsupported parameters {Level:%lld} for compression type "
                        "\"%s\" (allowed: %lld to %lld)",
                        (long long)level, otc_compressions[compression], (long long)lowest,
                        (long long)highest);
    }
    return OTC_OK;
}

otc_status
otc_compressor_new(enum otc_compression compression, int64_t level, struct otc_compressor **out,
                   struct otc_error *err)
{
    struct otc_compressor *compressor;
    otc_status status = check(compression, level, err);

    *out = NULL;
    if (status != OTC_OK) {
        return status;
    }
    compressor = calloc(1, sizeof(*compressor));
    if (compressor && is_deflate(compression)) {
        compressor->deflate = libdeflate_alloc_compressor(level > 0 ? (int)level : DEFLATE_FASTEST);
    } else if (compressor && compression == OTC_COMPRESS_ZSTD) {
        compressor->zstd = ZSTD_createCCtx();
    }
    if (!compressor || (is_deflate(compression) && !compressor->deflate) ||
        (compression == OTC_COMPRESS_ZSTD && !compressor->zstd)) {
        otc_compressor_free(compressor);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    compressor->compression = compression;
    compressor->level = level > ZSTD_BEST ? ZSTD_BEST : level > 0 ? (int)level : ZSTD_FASTEST;
    *out = compressor;
    return OTC_OK;
}

void
otc_compressor_free(struct otc_compressor *compressor)
{
    if (!compressor) {
        return;
    }
    if (compressor->deflate) {
        libdeflate_free_compressor(compressor->deflate);
    }
    ZSTD_freeCCtx(compressor->zstd);
    free(compressor);
}

static size_t
bound(const struct otc_compressor *compressor, size_t len)
{
    switch (compressor->compression) {
    case OTC_COMPRESS_GZIP:
        return libdeflate_gzip_compress_bound(compressor->deflate, len);
    case OTC_COMPRESS_ZLIB:
    case OTC_COMPRESS_DEFLATE:
        return libdeflate_zlib_compress_bound(compressor->deflate, len);
    case OTC_COMPRESS_ZSTD:
        return ZSTD_compressBound(len);
    case OTC_COMPRESS_SNAPPY:
        return snappy_max_compressed_length(len);
    case OTC_COMPRESS_SNAPPY_FRAMED:
        return otc_snappy_frames_bound(len);
    case OTC_COMPRESS_LZ4:
        return LZ4F_compressFrameBound(len, NULL);
    case OTC_COMPRESS_NONE:
    case OTC_COMPRESS_EMPTY:
        break;
    }
    return len;
}

/* Returns the length of what it wrote to `to`; 0 is a failure. */
static size_t
write_to(struct otc_compressor *compressor, const uint8_t *from, size_t len, uint8_t *to, size_t room)
{
    size_t n = room;

    switch (compressor->compression) {
    case OTC_COMPRESS_GZIP:
        return libdeflate_gzip_compress(compressor->deflate, from, len, to, room);
    case OTC_COMPRESS_ZLIB:
    case OTC_COMPRESS_DEFLATE:
        return libdeflate_zlib_compress(compressor->deflate, from, len, to, room);
    case OTC_COMPRESS_ZSTD:
        n = ZSTD_compressCCtx(compressor->zstd, to, room, from, len, compressor->level);
        return ZSTD_isError(n) ? 0 : n;
    case OTC_COMPRESS_SNAPPY:
        return snappy_compress((const char *)from, len, (char *)to, &n) == SNAPPY_OK ? n : 0;
    case OTC_COMPRESS_SNAPPY_FRAMED:
        return otc_snappy_frames(otc_slice_of(from, len), to);
    case OTC_COMPRESS_LZ4:
        n = LZ4F_compressFrame(to, room, from, len, NULL);
        return LZ4F_isError(n) ? 0 : n;
    case OTC_COMPRESS_NONE:
    case OTC_COMPRESS_EMPTY:
        break;
    }
    return 0;
}

otc_status
otc_compress(struct otc_compressor *compressor, struct otc_slice in, struct otc_buf *out,
             struct otc_error *err)
{
    static const uint8_t nothing[1] = {0};
    size_t room = bound(compressor, in.len), n = 0;
    bool ok;

    if (!otc_compression_name(compressor->compression)) {
        ok = otc_buf_append_slice(out, in);
    } else {
        ok = otc_buf_reserve(out, room);
        n = ok ? write_to(compressor, in.data ? in.data : nothing, in.len, out->data + out->len, room) : 0;
        ok = n > 0;
        out->len += n;
    }
    return ok ? OTC_OK
              : otc_fail(err, OTC_UNAVAILABLE, "out of memory for a compressed request of %zu bytes", in.len);
}
