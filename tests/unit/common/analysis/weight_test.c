// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/weight.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Examples of OTEP 235 and of the specification's page on probability sampling. */
static void
thresholds_become_adjusted_counts(void **state)
{
    static const struct {
        const char *trace_state;
        double weight;
    } cases[] = {
        {"", 1},
        {"ot=th:0", 1},
        {"ot=th:8", 2},
        {"ot=th:c", 4},
        {"ot=th:c;rv:abcdef12345678,vendor=x", 4},
        {"vendor=y, ot=rv:abcdef12345678;th:e", 8},
        {"ot=th:5555", 65536.0 / (65536 - 0x5555)},
        {"ot=th:e6666666666668", 10.000000000000014}, /* 10 % */
        {"ot=th:fd70a3d70a3d71", 100.0},              /* 1 %, as near as 56 bits come */
        {"ot=th:ffffffffffffff", 2147483648.0},       /* the most that is counted */
        {"ot=th:zz", 1},
        {"ot=th:", 1},
        {"ot=th:123456789abcdef", 1},
        {"vendor=x", 1},
        {"=;,=th:8", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double weight = (double)otc_weight_of(otc_slice_str(cases[i].trace_state)) / (double)OTC_WEIGHT_ONE;

        if (fabs(weight - cases[i].weight) > 1e-9 * cases[i].weight) {
            fail_msg("%s: %.17g, not %.17g", cases[i].trace_state, weight, cases[i].weight);
        }
    }
}

static void
sums_are_exact(void **state)
{
    struct otc_weighted_count count = {0}, thirds = {0};
    uint64_t third = otc_weight_of(otc_slice_str("ot=th:aaaaaaaaaaaaaa")), before = 0; /* one of three */

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        otc_weighted_add(&count, OTC_WEIGHT_ONE * 3 / 2);
        otc_weighted_add(&thirds, third);
        assert_true(otc_weighted_value(&thirds) >= before);
        before = otc_weighted_value(&thirds);
    }
    assert_int_equal(otc_weighted_value(&count), 1500000);
    assert_int_equal(otc_weighted_value(&thirds), 3000000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_become_adjusted_counts),
        cmocka_unit_test(sums_are_exact),
    };

    return cmocka_run_group_tests_name("analysis/weight", tests, NULL, NULL);
}
