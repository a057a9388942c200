// SPDX-License-Identifier: Apache-2.0
#include "common/base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
compare_orders_like_memcmp_then_by_length(void **state)
{
    (void)state;
    assert_true(otc_slice_compare(otc_slice_str("a"), otc_slice_str("b")) < 0);
    assert_true(otc_slice_compare(otc_slice_str("ab"), otc_slice_str("a")) > 0);
    assert_int_equal(otc_slice_compare(otc_slice_str("ab"), otc_slice_str("ab")), 0);
    assert_true(otc_slice_starts(otc_slice_str("ml.feature.age"), otc_slice_str("ml.feature.")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_orders_like_memcmp_then_by_length),
    };

    return cmocka_run_group_tests_name("common/base/slice", tests, NULL, NULL);
}
