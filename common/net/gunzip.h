// SPDX-License-Identifier: Apache-2.0
/** @file Gzip read piece by piece: files that are larger than memory should hold. */
#ifndef OTC_NET_GUNZIP_H
#define OTC_NET_GUNZIP_H

#include "common/base/slice.h"

/** A stream of members, one behind the other. 40 KiB. Owned by one thread at a time. */
struct otc_gunzip;

enum otc_gunzip_state {
    /** More input is wanted, or there is more to come out. */
    OTC_GUNZIP_MORE,
    /** A member has ended and all of it is out: the stream may end here, or go on with another one. */
    OTC_GUNZIP_BOUNDARY,
    /** No gzip. Nothing more comes out. */
    OTC_GUNZIP_BAD
};

/** Before its first byte. NULL out of memory. */
struct otc_gunzip *otc_gunzip_new(void);
/** NULL is allowed. */
void otc_gunzip_free(struct otc_gunzip *gunzip);
/**
 * Decompresses until `*in` is used up, which moves on, or `room` bytes are written to `out`; `*written` says
 * how many. With `*in` empty what is held inside comes out.
 */
enum otc_gunzip_state otc_gunzip_read(struct otc_gunzip *gunzip, struct otc_slice *in, uint8_t *out,
                                      size_t room, size_t *written);

#endif
