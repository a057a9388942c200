// SPDX-License-Identifier: Apache-2.0
/** @file Digests of pieces of text, by OpenSSL. */
#ifndef OTC_NET_DIGEST_H
#define OTC_NET_DIGEST_H

#include "common/base/slice.h"

enum otc_digest_kind { OTC_MD5, OTC_SHA1, OTC_SHA256 };
#define OTC_DIGEST_MAX 32

/** The digest of the pieces one after the other. Its bytes, or 0 when the library refused (out of memory). */
size_t otc_digest(enum otc_digest_kind kind, const struct otc_slice *pieces, size_t n,
                  uint8_t out[OTC_DIGEST_MAX]);
/** Random bytes for salts; false when there are none. */
bool otc_random(void *out, size_t len);
/** Overwrites a secret in a way that compilers keep. */
void otc_wipe(void *data, size_t len);

#endif
