// SPDX-License-Identifier: Apache-2.0
/** @file Compression of what clients send. */
#ifndef OTC_NET_COMPRESS_H
#define OTC_NET_COMPRESS_H

#include "common/base/buf.h"

/** The index of a `compression` setting whose choices are otc_compressions. */
enum otc_compression {
    OTC_COMPRESS_GZIP,
    OTC_COMPRESS_NONE, /* also the empty word */
    OTC_COMPRESS_ZSTD,
    OTC_COMPRESS_SNAPPY, /* block format, as remote write wants it */
    OTC_COMPRESS_ZLIB,
    OTC_COMPRESS_DEFLATE, /* zlib too, under the name that HTTP has for it */
    OTC_COMPRESS_EMPTY,
    OTC_COMPRESS_SNAPPY_FRAMED,
    OTC_COMPRESS_LZ4 /* frames */
};
/** "gzip", "none" …, NULL-ended. */
extern const char *const otc_compressions[];

/** The Content-Encoding; NULL for NONE and EMPTY. */
const char *otc_compression_name(enum otc_compression compression);

/** A compressor and its memory. Owned by one thread at a time. */
struct otc_compressor;

/**
 * `level` 0: the fastest of the format, which on telemetry is within some percent of the others' size at a
 * fraction of their time. gzip, zlib and deflate know 1 to 9, and -1 and -2, words of Go's, which mean the
 * fastest too; zstd takes any number and means the nearest of 1 to 11; others have none. INVALID_ARGUMENT for
 * a level that is none ("compression_params::level: …"), UNAVAILABLE out of memory. For NONE and EMPTY too.
 */
OTC_CHECK otc_status otc_compressor_new(enum otc_compression compression, int64_t level,
                                        struct otc_compressor **out, struct otc_error *err);
/** NULL is allowed. */
void otc_compressor_free(struct otc_compressor *compressor);
/** Appends all of `in`, compressed, to `out`. UNAVAILABLE out of memory or at the buffer's limit. */
OTC_CHECK otc_status otc_compress(struct otc_compressor *compressor, struct otc_slice in, struct otc_buf *out,
                                  struct otc_error *err);

#endif
