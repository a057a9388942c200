// SPDX-License-Identifier: Apache-2.0
/** @file Bounded decompression of request bodies and messages. */
#ifndef OTC_NET_INFLATE_H
#define OTC_NET_INFLATE_H

#include "common/base/buf.h"

enum otc_encoding {
    OTC_ENCODING_IDENTITY,
    OTC_ENCODING_GZIP,
    OTC_ENCODING_ZLIB, /* also sent as "deflate": zlib-wrapped or raw */
    OTC_ENCODING_ZSTD,
    OTC_ENCODING_SNAPPY, /* a block, or frames */
    OTC_ENCODING_SNAPPY_FRAMED,
    OTC_ENCODING_LZ4, /* frames */
    OTC_ENCODING_UNKNOWN
};

/** By its Content-Encoding or grpc-encoding name, whatever the case; empty: identity. "x-gzip" is gzip. */
enum otc_encoding otc_encoding_of(struct otc_slice name);
/** "gzip", …; "unknown". */
const char *otc_encoding_name(enum otc_encoding encoding);

/** Asks whether `bytes` more may be held; false: stop. */
typedef bool (*otc_inflate_room_fn)(void *arg, size_t bytes);

/**
 * Decompresses all of `in` and appends to `out`, never producing more than `limit` bytes (work stops there: a
 * bomb costs at most limit + 256 KiB). Gzip may hold several members, zstd several frames; anything else
 * after the end is an error. `room` (may be NULL) is asked before the buffer grows. Errors, all permanent but
 * the last: RESOURCE_EXHAUSTED "otlp: decompressed size exceeds <limit> bytes", INVALID_ARGUMENT "otlp: bad
 * gzip stream" (zlib, zstd), UNIMPLEMENTED for IDENTITY and UNKNOWN, UNAVAILABLE when `room` refused or
 * memory is out.
 */
OTC_CHECK otc_status otc_inflate(enum otc_encoding encoding, struct otc_slice in, size_t limit,
                                 otc_inflate_room_fn room, void *arg, struct otc_buf *out,
                                 struct otc_error *err);

#endif
