// SPDX-License-Identifier: Apache-2.0
/* Rates with their intervals, incidents at other levels, and what is suggested. */
#include "common/analysis/calibrate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* statsmodels.stats.proportion.proportion_confint(x, n, method="wilson") */
static void
test_wilson(void **state)
{
    (void)state;
    struct otc_alarm_rate rate = otc_alarm_rate_of(5, 50);

    assert_true(rate.rate == 0.1);
    assert_float_equal(rate.lower, 0.04347522, 1e-6);
    assert_float_equal(rate.upper, 0.21360222, 1e-6);
    rate = otc_alarm_rate_of(0, 45);
    assert_float_equal(rate.lower, 0, 1e-15);
    assert_true(fabs(rate.upper - 3.841458820694124 / (45 + 3.841458820694124)) < 1e-12);
    assert_true(isnan(otc_alarm_rate_of(0, 0).rate));
}

/* Enters a window of two features: the first has this p and effect, the second was not tested. */
static void
enter(struct otc_calibration *calibration, double p, double effect)
{
    struct otc_feature_result results[2];

    memset(results, 0, sizeof(results));
    for (size_t f = 0; f < 2; f++) {
        for (size_t t = 0; t < OTC_N_TESTS; t++) {
            results[f].tests[t] = (struct otc_test_result){NAN, NAN, NAN, NAN, false};
        }
    }
    results[0].tests[OTC_TEST_KS].adjusted_p = p;
    results[0].tests[OTC_TEST_KS].effect = effect;
    results[0].rejected = p <= 0.01 && effect >= 0.08;
    results[1].skipped = OTC_SKIP_ONE_BIN;
    assert_int_equal(otc_calibration_add(calibration, results, NULL), OTC_OK);
}

static void
test_incidents_and_suggestion(void **state)
{
    (void)state;
    const struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_calibration *calibration = otc_calibration_new(&decision, 2, 2, 3);
    struct otc_suggestion suggestion;

    assert_non_null(calibration);
    /* One incident of two windows; then one window each on both sides of a break, which are none. */
    enter(calibration, 0.004, 0.1);
    enter(calibration, 0.0004, 0.1);
    for (int i = 0; i < 3; i++) {
        enter(calibration, 0.5, 0.01);
    }
    enter(calibration, 0.001, 0.1);
    otc_calibration_break(calibration);
    enter(calibration, 0.001, 0.1);
    assert_int_equal(otc_calibration_rate(calibration, 0).alarms, 4);
    assert_int_equal(otc_calibration_rate(calibration, 0).windows, 7);
    assert_int_equal(otc_calibration_rate(calibration, 1).windows, 0);
    assert_int_equal(otc_calibration_rate(calibration, SIZE_MAX).alarms, 4);
    assert_int_equal(otc_calibration_incidents(calibration, 0.01, 1), 1);
    assert_int_equal(otc_calibration_incidents(calibration, 0.004, 1), 1);
    assert_int_equal(otc_calibration_incidents(calibration, 0.003, 1), 0);
    assert_int_equal(otc_calibration_incidents(calibration, 0.01, 1.3), 0);
    suggestion = otc_calibration_suggest(calibration, 1);
    assert_true(suggestion.found && suggestion.level == 0.01 && suggestion.scale == 1);
    suggestion = otc_calibration_suggest(calibration, 0.5);
    assert_true(suggestion.found && suggestion.incidents == 0 && suggestion.scale == 1);
    assert_true(fabs(suggestion.level - 0.002) < 1e-15);
    for (int i = 0; i < 3; i++) {
        enter(calibration, 0, 1);
    }
    assert_false(otc_calibration_suggest(calibration, 0).found);
    otc_calibration_free(calibration);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_incidents_and_suggestion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
