// SPDX-License-Identifier: Apache-2.0
/** @file Doubles compared as doubles: cmocka's assert_float_equal makes floats of them, so that 1e-9 says
 * nothing. */
#ifndef OTC_TESTS_CLOSE_H
#define OTC_TESTS_CLOSE_H

#include <math.h>

/** After cmocka.h. NaN is close to nothing. */
#define assert_close(actual, expected, tolerance)                                                            \
    do {                                                                                                     \
        double close_actual_ = (actual), close_expected_ = (expected);                                       \
        if (!(fabs(close_actual_ - close_expected_) <= (tolerance))) {                                       \
            fail_msg("%.17g is not %.17g", close_actual_, close_expected_);                                  \
        }                                                                                                    \
    } while (0)

#endif
