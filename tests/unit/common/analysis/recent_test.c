// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Against the definition: a list of the last n different keys. */
static void
test_as_defined(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 7, 100};

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        size_t n = sizes[s], held = 0;
        struct otc_recent *recent = otc_recent_new(n);
        uint64_t *list = calloc(n, sizeof(*list));
        uint64_t random = s;

        assert_non_null(recent);
        for (int i = 0; i < 50000; i++) {
            uint64_t key;
            bool again = false;

            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            /* Many keys share their low bits, so that slots collide. */
            key = (random >> 33) % (2 * n + 1) * 64;
            for (size_t k = 0; k < held; k++) {
                again |= list[k] == key;
            }
            assert_int_equal(otc_recent_add(recent, key), again);
            if (!again) {
                for (size_t k = held < n ? held++ : n - 1; k > 0; k--) {
                    list[k] = list[k - 1];
                }
                list[0] = key;
            }
        }
        free(list);
        otc_recent_free(recent);
    }
}

static void
test_bytes(void **state)
{
    (void)state;
    assert_true(otc_recent_bytes(10000) <= 10000 * 24 + 64);
    otc_recent_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_defined), cmocka_unit_test(test_bytes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
