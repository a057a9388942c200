// SPDX-License-Identifier: Apache-2.0
/** @file Percent-encoding, as URLs and W3C baggage have it (RFC 3986). */
#ifndef OTC_BASE_PERCENT_H
#define OTC_BASE_PERCENT_H

#include "common/base/buf.h"

/** Appends what `in` stands for. False for a percent sign without two digits behind it; `out` then has what
 * stood before it. Its own failures are kept in `out`. */
bool otc_percent_decode(struct otc_slice in, struct otc_buf *out);

#endif
