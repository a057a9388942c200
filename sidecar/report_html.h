// SPDX-License-Identifier: Apache-2.0
/** @file Writing HTML: foreign text never becomes markup, numbers are short. */
#ifndef OTC_SIDECAR_REPORT_HTML_H
#define OTC_SIDECAR_REPORT_HTML_H

#include "common/base/buf.h"

/** Foreign text as text, also within attributes: & < > " ' escaped, controls shown as '?', at most 200
 * characters. */
void otc_html_text(struct otc_buf *out, struct otc_slice text);
void otc_html_str(struct otc_buf *out, const char *text);
/** A number with `digits` significant ones; "–" for NaN. */
void otc_html_number(struct otc_buf *out, double value, int digits);
/** "12.3 %". */
void otc_html_percent(struct otc_buf *out, double share);
/** A p-value: "0.03", "2e-16", "< 1e-300". */
void otc_html_p(struct otc_buf *out, double p);
/** "19,366". */
void otc_html_count(struct otc_buf *out, uint64_t count);

#endif
