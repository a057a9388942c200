// SPDX-License-Identifier: Apache-2.0
#include "common/digest/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *
method(enum otc_digest digest)
{
    switch (digest) {
    case OTC_DIGEST_MD5:
        return EVP_md5();
    case OTC_DIGEST_SHA1:
        return EVP_sha1();
    case OTC_DIGEST_SHA256:
    case OTC_DIGEST_HMAC_SHA256:
        return EVP_sha256();
    case OTC_DIGEST_SHA3_256:
        return EVP_sha3_256();
    case OTC_DIGEST_SHA512:
    case OTC_DIGEST_HMAC_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

size_t
otc_digest_hex(enum otc_digest digest, struct otc_slice key, struct otc_slice text,
               char out[OTC_DIGEST_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    bool keyed = digest == OTC_DIGEST_HMAC_SHA256 || digest == OTC_DIGEST_HMAC_SHA512;
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool done = keyed ? HMAC(method(digest), key.data, (int)key.len, text.data, text.len, bytes, &len) != NULL
                      : EVP_Digest(text.data, text.len, bytes, &len, method(digest), NULL) == 1;

    for (size_t i = 0; done && i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return done ? (size_t)2 * len : 0;
}
