// SPDX-License-Identifier: Apache-2.0
/** @file Bytes of the text formats: numbers, escapes, UTF-8. Private to common/prometheus. */
#ifndef OTC_PROMETHEUS_TEXT_H
#define OTC_PROMETHEUS_TEXT_H

#include "common/base/buf.h"

/** As Go's FormatFloat(v, 'g', -1, 64): "1e+06", "0.25", "NaN", "+Inf". With `point` integral values get
 * ".0". */
void otc_prom_put_number(struct otc_buf *out, double value, bool point);
/** Nanoseconds as decimal seconds without a needless fraction ("1581452773.000000789"). */
void otc_prom_put_seconds(struct otc_buf *out, uint64_t ns);
/** Appends `text` with everything that is no UTF-8 replaced by U+FFFD. */
void otc_prom_put_utf8(struct otc_buf *out, struct otc_slice text);
/** Appends with \\ and \n escaped, and \" when `quotes`. */
void otc_prom_put_escaped(struct otc_buf *out, struct otc_slice text, bool quotes);
/** True for names of the classic set: [a-zA-Z_:][a-zA-Z0-9_:]*; labels have no colon. */
bool otc_prom_is_classic(struct otc_slice name, bool label);
/** The name as it is when classic, else with each foreign byte as an underscore. */
void otc_prom_put_classic(struct otc_buf *out, struct otc_slice name, bool label);
/** True when both are the same label name then. */
bool otc_prom_is_same_classic(struct otc_slice a, struct otc_slice b);
/** Length of the longest prefix of at most `max` bytes that ends between UTF-8 characters. */
size_t otc_prom_utf8_cut(struct otc_slice text, size_t max);

#endif
