// SPDX-License-Identifier: Apache-2.0
/** @file Numbers as text, independent of the locale. */
#ifndef OTC_BASE_NUMBER_H
#define OTC_BASE_NUMBER_H

#include "common/base/slice.h"

/** Longest text of otc_format_double, with its NUL. */
#define OTC_DOUBLE_TEXT_MAX 32

/**
 * The shortest text that reads back to the same double, as Go's FormatFloat(v, 'g', -1) with its exponent
 * form
 * ("1e-07", "1e+21"); "NaN", "+Inf", "-Inf". Integral values below 1e21 have no point. Returns the length.
 */
size_t otc_format_double(double value, char out[OTC_DOUBLE_TEXT_MAX]);
/** Longest text of otc_format_int64, which has no NUL. */
#define OTC_INT64_TEXT_MAX 20
/** As printf's %d, in a tenth of its time. Returns the length. */
size_t otc_format_int64(int64_t value, char out[OTC_INT64_TEXT_MAX]);
/** strtod for a slice in the C locale; the whole slice must be a number (nan, inf accepted). False otherwise.
 */
bool otc_parse_double(struct otc_slice text, double *out);
/** Decimal digits with an optional sign, the whole slice, no overflow. */
bool otc_parse_int64(struct otc_slice text, int64_t *out);

#endif
