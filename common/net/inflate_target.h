// SPDX-License-Identifier: Apache-2.0
/** @file Inside common/net: where decompressed bytes go, within their limit. */
#ifndef OTC_NET_INFLATE_TARGET_H
#define OTC_NET_INFLATE_TARGET_H

#include "common/net/inflate.h"

struct otc_inflate_target {
    struct otc_buf *out;
    size_t start;
    size_t limit;
    otc_inflate_room_fn room;
    void *arg;
    size_t granted; /* bytes `room` said yes to */
    const char *name;
    struct otc_error *err;
};

/** INVALID_ARGUMENT, permanent: "otlp: bad snappy stream". */
otc_status otc_inflate_bad(struct otc_inflate_target *target);
/** Room for `want` bytes more: RESOURCE_EXHAUSTED beyond the limit, UNAVAILABLE when there is no memory. */
otc_status otc_inflate_reserve(struct otc_inflate_target *target, size_t want);

/** A block that becomes at most `size_max` bytes. */
otc_status otc_inflate_snappy_block(struct otc_slice in, size_t size_max, struct otc_inflate_target *target);
otc_status otc_inflate_snappy_framed(struct otc_slice in, struct otc_inflate_target *target);
bool otc_snappy_is_framed(struct otc_slice in);

#endif
