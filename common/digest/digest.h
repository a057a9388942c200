// SPDX-License-Identifier: Apache-2.0
/** @file Cryptographic hashes of texts, as hex: for values that must not be read but may be compared. */
#ifndef OTC_DIGEST_DIGEST_H
#define OTC_DIGEST_DIGEST_H

#include "common/base/slice.h"

enum otc_digest {
    OTC_DIGEST_MD5,
    OTC_DIGEST_SHA1,
    OTC_DIGEST_SHA256,
    OTC_DIGEST_SHA512,
    OTC_DIGEST_SHA3_256,
    OTC_DIGEST_HMAC_SHA256,
    OTC_DIGEST_HMAC_SHA512
};

/** Longest result; there is no NUL. */
#define OTC_DIGEST_TEXT_MAX 128

/**
 * Lower-case hex of the hash; `key` is used by the HMACs alone. Returns its length, 0 when the library has no
 * such hash (MD5 under FIPS rules) or memory. Any thread.
 */
size_t otc_digest_hex(enum otc_digest digest, struct otc_slice key, struct otc_slice text,
                      char out[OTC_DIGEST_TEXT_MAX]);

#endif
