// SPDX-License-Identifier: Apache-2.0
#include "common/base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
escapes_become_bytes(void **state)
{
    /* NULL: refused. */
    static const char *const texts[][2] = {
        {"", ""},       {"a b+c", "a b+c"},     {"a%20b%2c%2C", "a b,,"},
        {"%25", "%"},   {"%C3%a9", "\xc3\xa9"}, {"%", NULL},
        {"a%2", NULL},  {"%2g", NULL},          {"%g2", NULL},
        {"%%20", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 100};

        assert_int_equal(otc_percent_decode(otc_slice_str(texts[i][0]), &out), texts[i][1] != NULL);
        if (texts[i][1]) {
            assert_true(otc_slice_equal_str(otc_buf_slice(&out), texts[i][1]));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(escapes_become_bytes)};

    return cmocka_run_group_tests_name("common/base/percent", tests, NULL, NULL);
}
