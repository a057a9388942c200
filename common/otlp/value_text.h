// SPDX-License-Identifier: Apache-2.0
/** @file An attribute value as text, as the Collector's AsString writes it. */
#ifndef OTC_OTLP_VALUE_TEXT_H
#define OTC_OTLP_VALUE_TEXT_H

#include "common/base/buf.h"
#include "common/otlp/value.h"

/**
 * Appends the value: strings as they are, `true`, integers, doubles as otc_format_json_double(), bytes in
 * base64, arrays and lists of pairs as JSON with sorted keys, of each the last, nothing for an empty value,
 * nor for an array or list with a double that is not finite. Nesting beyond 64 is cut to null. False when
 * `out` is full.
 */
bool otc_value_text(const struct otc_value *value, struct otc_buf *out);
/** Writes a double, without more than OTC_DOUBLE_TEXT_MAX bytes; returns the length. */
typedef size_t otc_double_text(double value, char *out);
/** The same with doubles as `double_text` writes them. */
bool otc_value_text_with(const struct otc_value *value, otc_double_text *double_text, struct otc_buf *out);

#endif
