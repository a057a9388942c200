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
        bool malformed;
    } cases[] = {
        {"", 1, false},
        {"ot=th:0", 1, false},
        {"ot=th:8", 2, false},
        {"ot=th:c", 4, false},
        {"ot=th:c;rv:abcdef12345678,vendor=x", 4, false},
        {"vendor=y, ot=rv:abcdef12345678;th:e", 8, false},
        {"ot=th:5555", 65536.0 / (65536 - 0x5555), false},
        {"ot=th:e6666666666668", 10.000000000000014, false}, /* 10 % */
        {"ot=th:fd70a3d70a3d71", 100.0, false},              /* 1 %, as near as 56 bits come */
        {"ot=th:ffffffffffffff", 2147483648.0, false},       /* the most that is counted */
        {"ot=th:zz", 1, true},
        {"ot=th:", 1, true},
        {"ot=th:123456789abcdef", 1, true},
        {"vendor=x", 1, false},
        {"=;,=th:8", 1, true},
        /* OTEP 168 */
        {"ot=p:0", 1, false},
        {"ot=p:3;r:12", 8, false},
        {"ot=r:62;p:10,vendor=x", 1024, false},
        {"ot=p:62", 2147483648.0, false},
        {"ot=p:63", 1, false},
        {"ot=p:x", 1, false},
        {"ot=p:", 1, false},
        {"ot=p:100", 1, false},
        {"ot=p:8;th:c", 4, false},
        {"ot=p:3,noequal", 1, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t fixed = 0;
        bool valid = otc_weight_of(otc_slice_str(cases[i].trace_state), &fixed);
        double weight = (double)fixed / (double)OTC_WEIGHT_ONE;

        if (fabs(weight - cases[i].weight) > 1e-9 * cases[i].weight) {
            fail_msg("%s: %.17g, not %.17g", cases[i].trace_state, weight, cases[i].weight);
        }
        if (valid == cases[i].malformed) {
            fail_msg("%s: %s", cases[i].trace_state, valid ? "valid" : "malformed");
        }
    }
}

static void
sums_are_exact(void **state)
{
    struct otc_weighted_count count = {0}, thirds = {0};
    uint64_t third, before = 0;

    (void)state;
    assert_true(otc_weight_of(otc_slice_str("ot=th:aaaaaaaaaaaaaa"), &third)); /* one of three */
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
