// SPDX-License-Identifier: Apache-2.0
/* Of "abc", as FIPS 180, FIPS 202 and RFC 1321 print them; HMACs of RFC 4231, case 2. */
#include "common/digest/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
hashes_are_those_of_the_standards(void **state)
{
    static const struct {
        enum otc_digest digest;
        const char *key, *text, *hex;
    } cases[] = {
        {OTC_DIGEST_MD5, "", "abc", "900150983cd24fb0d6963f7d28e17f72"},
        {OTC_DIGEST_SHA1, "", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {OTC_DIGEST_SHA256, "", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {OTC_DIGEST_SHA3_256, "", "abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
        {OTC_DIGEST_HMAC_SHA256, "Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {OTC_DIGEST_HMAC_SHA512, "Jefe", "what do ya want for nothing?",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcae"
         "ab1a34d"
         "4a6b4b636e070a38bce737"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char hex[OTC_DIGEST_TEXT_MAX];
        size_t len =
            otc_digest_hex(cases[i].digest, otc_slice_str(cases[i].key), otc_slice_str(cases[i].text), hex);

        assert_int_equal(len, strlen(cases[i].hex));
        assert_memory_equal(hex, cases[i].hex, len);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hashes_are_those_of_the_standards)};

    return cmocka_run_group_tests_name("common/digest/digest", tests, NULL, NULL);
}
