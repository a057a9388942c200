// SPDX-License-Identifier: Apache-2.0
#include "common/net/inflate_target.h"

#include <endian.h>
#include <libdeflate.h>
#include <limits.h>
#include <lz4frame.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

/** Work is done in pieces of this size: what a bomb can cost beyond the limit. */
#define PIECE ((size_t)64 * 1024)
/** Deflate cannot do better than this. */
#define DEFLATE_RATIO_MAX 1032
/** Windows above 8 MiB are refused, as RFC 8878 recommends. */
#define ZSTD_WINDOW_LOG 23

enum otc_encoding
otc_encoding_of(struct otc_slice name)
{
    static const struct {
        const char *name;
        enum otc_encoding encoding;
    } known[] = {
        {"", OTC_ENCODING_IDENTITY},
        {"identity", OTC_ENCODING_IDENTITY},
        {"gzip", OTC_ENCODING_GZIP},
        {"x-gzip", OTC_ENCODING_GZIP},
        {"zlib", OTC_ENCODING_ZLIB},
        {"deflate", OTC_ENCODING_ZLIB},
        {"zstd", OTC_ENCODING_ZSTD},
        {"snappy", OTC_ENCODING_SNAPPY},
        {"x-snappy-framed", OTC_ENCODING_SNAPPY_FRAMED},
        {"lz4", OTC_ENCODING_LZ4},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (name.len == strlen(known[i].name) &&
            (name.len == 0 || strncasecmp((const char *)name.data, known[i].name, name.len) == 0)) {
            return known[i].encoding;
        }
    }
    return OTC_ENCODING_UNKNOWN;
}

const char *
otc_encoding_name(enum otc_encoding encoding)
{
    switch (encoding) {
    case OTC_ENCODING_IDENTITY:
        return "identity";
    case OTC_ENCODING_GZIP:
        return "gzip";
    case OTC_ENCODING_ZLIB:
        return "deflate";
    case OTC_ENCODING_ZSTD:
        return "zstd";
    case OTC_ENCODING_SNAPPY:
        return "snappy";
    case OTC_ENCODING_SNAPPY_FRAMED:
        return "x-snappy-framed";
    case OTC_ENCODING_LZ4:
        return "lz4";
    case OTC_ENCODING_UNKNOWN:
        break;
    }
    return "unknown";
}

static otc_status
permanently(struct otc_inflate_target *target, otc_status status)
{
    if (target->err) {
        target->err->permanent = true;
    }
    return status;
}

otc_status
otc_inflate_bad(struct otc_inflate_target *target)
{
    return permanently(target,
                       otc_fail(target->err, OTC_INVALID_ARGUMENT, "otlp: bad %s stream", target->name));
}

static otc_status
fail_room(struct otc_inflate_target *target)
{
    return otc_fail(target->err, OTC_UNAVAILABLE, "otlp: no memory left to decompress the request");
}

/** Makes sure that `want` bytes more may be written. */
static bool
reserve(struct otc_inflate_target *target, size_t want)
{
    const size_t need = target->out->len - target->start + want;

    if (need > target->granted) {
        if (target->room && !target->room(target->arg, need - target->granted)) {
            return false;
        }
        target->granted = need;
    }
    return otc_buf_reserve(target->out, want);
}

/** Room for at least one more byte, at most `want`, never beyond one byte over the limit. */
static otc_status
make_room(struct otc_inflate_target *target, size_t want, size_t *room)
{
    const size_t done = target->out->len - target->start;
    const size_t left = target->limit + 1 - done;

    *room = want < left ? want : left;
    if (done > target->limit) {
        return permanently(target, otc_fail(target->err, OTC_RESOURCE_EXHAUSTED,
                                            "otlp: decompressed size exceeds %zu bytes", target->limit));
    }
    return reserve(target, *room) ? OTC_OK : fail_room(target);
}

/* What has come out may be more than the limit by what one step gives. */
static otc_status
check_limit(struct otc_inflate_target *target)
{
    size_t room;

    return target->out->len - target->start > target->limit ? make_room(target, 1, &room) : OTC_OK;
}

otc_status
otc_inflate_reserve(struct otc_inflate_target *target, size_t want)
{
    const size_t done = target->out->len - target->start;

    if (want > target->limit - done) {
        return permanently(target, otc_fail(target->err, OTC_RESOURCE_EXHAUSTED,
                                            "otlp: decompressed size exceeds %zu bytes", target->limit));
    }
    return reserve(target, want) ? OTC_OK : fail_room(target);
}

/** How much to ask for at once: a guess of the whole at first, then doubling. */
static size_t
next_piece(const struct otc_inflate_target *target, size_t in_len)
{
    const size_t done = target->out->len - target->start;
    const size_t guess = done ? done : in_len * 4;

    return guess < PIECE ? PIECE : guess > 16 * PIECE ? 16 * PIECE : guess;
}

static otc_status
inflate_members(z_stream *stream, struct otc_inflate_target *target, size_t in_len, bool members)
{
    for (;;) {
        size_t room;
        otc_status status = make_room(target, next_piece(target, in_len), &room);
        int result;

        if (status != OTC_OK) {
            return status;
        }
        stream->next_out = target->out->data + target->out->len;
        stream->avail_out = (uInt)room;
        result = inflate(stream, Z_NO_FLUSH);
        target->out->len += room - stream->avail_out;
        if (result == Z_STREAM_END) {
            if (stream->avail_in == 0) {
                return check_limit(target);
            }
            if (!members || inflateReset(stream) != Z_OK) {
                return otc_inflate_bad(target);
            }
        } else if (result == Z_MEM_ERROR) {
            return fail_room(target);
        } else if (result != Z_OK || (stream->avail_in == 0 && stream->avail_out > 0)) {
            return otc_inflate_bad(target); /* damaged, or cut short */
        }
    }
}

/** `window_bits` as zlib's inflateInit2. */
static otc_status
inflate_zlib(struct otc_slice in, int window_bits, bool members, struct otc_inflate_target *target)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)in.data, .avail_in = (uInt)in.len};
    otc_status status;

    if (in.len > UINT_MAX) {
        return otc_inflate_bad(target);
    }
    if (inflateInit2(&stream, window_bits) != Z_OK) {
        return fail_room(target);
    }
    status = inflate_members(&stream, target, in.len, members);
    inflateEnd(&stream);
    return status;
}

/**
 * The usual case, a single member that says its size in its last four bytes, in one go (libdeflate takes half
 * of zlib's time). False: not that case; nothing was written and the stream way decides.
 */
static bool
inflate_single(struct otc_slice in, struct otc_inflate_target *target)
{
    struct libdeflate_decompressor *decompressor;
    size_t used = 0;
    size_t size;
    uint32_t says;
    enum libdeflate_result result;

    if (in.len < 18) {
        return false;
    }
    memcpy(&says, in.data + in.len - 4, sizeof(says));
    size = le32toh(says);
    if (size == 0 || size > target->limit || size / DEFLATE_RATIO_MAX > in.len || !reserve(target, size)) {
        return false;
    }
    decompressor = libdeflate_alloc_decompressor();
    if (!decompressor) {
        return false;
    }
    result = libdeflate_gzip_decompress_ex(decompressor, in.data, in.len,
                                           target->out->data + target->out->len, size, &used, &size);
    libdeflate_free_decompressor(decompressor);
    if (result != LIBDEFLATE_SUCCESS || used != in.len) {
        return false;
    }
    target->out->len += size;
    return true;
}

/** "deflate" means a zlib stream, yet some clients send it bare. The two-byte header tells. */
static bool
has_zlib_header(struct otc_slice in)
{
    return in.len >= 2 && (in.data[0] & 0x0f) == 8 && ((in.data[0] << 8) + in.data[1]) % 31 == 0;
}

static otc_status
inflate_zstd(struct otc_slice in, struct otc_inflate_target *target)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer input = {.src = in.data, .size = in.len, .pos = 0};
    size_t hint = 1;
    otc_status status = OTC_OK;

    if (!stream || ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG))) {
        ZSTD_freeDStream(stream);
        return fail_room(target);
    }
    while (status == OTC_OK) {
        size_t room;

        status = make_room(target, next_piece(target, in.len), &room);
        if (status == OTC_OK) {
            ZSTD_outBuffer output = {.dst = target->out->data + target->out->len, .size = room, .pos = 0};

            hint = ZSTD_decompressStream(stream, &output, &input);
            target->out->len += output.pos;
            if (ZSTD_isError(hint)) {
                status = otc_inflate_bad(target);
            } else if (input.pos == input.size && (hint == 0 || output.pos < output.size)) {
                break; /* beyond a frame's end it would ask for the next one */
            }
        }
    }
    ZSTD_freeDStream(stream);
    if (status == OTC_OK) {
        status = check_limit(target);
    }
    return status != OTC_OK ? status : hint != 0 ? otc_inflate_bad(target) : OTC_OK;
}

/** One frame after the other. */
static otc_status
inflate_lz4(struct otc_slice in, struct otc_inflate_target *target)
{
    LZ4F_dctx *context = NULL;
    otc_status status = OTC_OK;
    size_t hint = 1, at = 0;
    bool more = true;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) {
        return fail_room(target);
    }
    while (status == OTC_OK && more) {
        size_t room, read = in.len - at;

        status = make_room(target, next_piece(target, in.len), &room);
        if (status == OTC_OK) {
            size_t written = room;

            hint = LZ4F_decompress(context, target->out->data + target->out->len, &written, in.data + at,
                                   &read, NULL);
            if (LZ4F_isError(hint)) {
                status = otc_inflate_bad(target);
                break;
            }
            target->out->len += written;
            at += read;
            more = at < in.len || (written == room && hint != 0);
        }
    }
    LZ4F_freeDecompressionContext(context);
    if (status == OTC_OK) {
        status = check_limit(target);
    }
    return status != OTC_OK ? status : hint != 0 ? otc_inflate_bad(target) : OTC_OK;
}

otc_status
otc_inflate(enum otc_encoding encoding, struct otc_slice in, size_t limit, otc_inflate_room_fn room,
            void *arg, struct otc_buf *out, struct otc_error *err)
{
    struct otc_inflate_target target = {out, out->len, limit, room, arg, 0, otc_encoding_name(encoding), err};

    switch (encoding) {
    case OTC_ENCODING_GZIP:
        return inflate_single(in, &target) ? OTC_OK : inflate_zlib(in, 15 + 16, true, &target);
    case OTC_ENCODING_ZLIB:
        return inflate_zlib(in, has_zlib_header(in) ? 15 : -15, false, &target);
    case OTC_ENCODING_ZSTD:
        return inflate_zstd(in, &target);
    case OTC_ENCODING_SNAPPY: /* either form goes by this name */
        return otc_snappy_is_framed(in) ? otc_inflate_snappy_framed(in, &target)
                                        : otc_inflate_snappy_block(in, SIZE_MAX, &target);
    case OTC_ENCODING_SNAPPY_FRAMED:
        return otc_inflate_snappy_framed(in, &target);
    case OTC_ENCODING_LZ4:
        return inflate_lz4(in, &target);
    case OTC_ENCODING_IDENTITY:
    case OTC_ENCODING_UNKNOWN:
        break;
    }
    return permanently(&target,
                       otc_fail(err, OTC_UNIMPLEMENTED, "otlp: unsupported encoding: %s", target.name));
}
