// SPDX-License-Identifier: Apache-2.0
#include "common/net/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

size_t
otc_digest(enum otc_digest_kind kind, const struct otc_slice *pieces, size_t n, uint8_t out[OTC_DIGEST_MAX])
{
    const EVP_MD *type = kind == OTC_MD5 ? EVP_md5() : kind == OTC_SHA1 ? EVP_sha1() : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestInit_ex(context, type, NULL) == 1;
    unsigned len = 0;

    for (size_t i = 0; i < n && ok; i++) {
        ok = EVP_DigestUpdate(context, pieces[i].data, pieces[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(context, out, &len) == 1;
    EVP_MD_CTX_free(context);
    return ok ? len : 0;
}

bool
otc_random(void *out, size_t len)
{
    return RAND_bytes(out, (int)len) == 1;
}

void
otc_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}
