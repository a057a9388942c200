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
/** The same digits as Go's encoding/json places them: without an exponent from 1e-6 to below 1e21, else
 * "1e-7", "1e+21". "NaN", "Infinity", "-Infinity", as the Collector names what JSON has no number for. */
size_t otc_format_json_double(double value, char out[OTC_DOUBLE_TEXT_MAX]);
/** As that, but with two digits of the exponent at least ("1e-07"): Go's json-iterator. */
size_t otc_format_jsoniter_double(double value, char out[OTC_DOUBLE_TEXT_MAX]);
/** Longest text of otc_format_plain_double, with its NUL. */
#define OTC_PLAIN_DOUBLE_TEXT_MAX 352
/** The same digits and never an exponent, as Go's FormatFloat(v, 'f', -1); "NaN", "+Inf", "-Inf". */
size_t otc_format_plain_double(double value, char out[OTC_PLAIN_DOUBLE_TEXT_MAX]);
/** Longest text of otc_format_int64, which has no NUL. */
#define OTC_INT64_TEXT_MAX 20
/** As printf's %d, in a tenth of its time. Returns the length. */
size_t otc_format_int64(int64_t value, char out[OTC_INT64_TEXT_MAX]);
/** strtod for a slice in the C locale; the whole slice must be a number (nan, inf accepted). False otherwise.
 */
bool otc_parse_double(struct otc_slice text, double *out);
/** As Go's ParseFloat: hexadecimal with its exponent ("0x1p4") and underscores between digits too; false for
 * what is too large for a double. At most 400 bytes. */
bool otc_parse_go_double(struct otc_slice text, double *out);
/** Decimal digits with an optional sign, the whole slice, no overflow. */
bool otc_parse_int64(struct otc_slice text, int64_t *out);

#endif
