// SPDX-License-Identifier: Apache-2.0
/** @file Base64 (RFC 4648, section 4). */
#ifndef OTC_BASE_BASE64_H
#define OTC_BASE_BASE64_H

#include "common/base/buf.h"

/** Appends `in` in base64; `padded`: with '=' at its end. False when the buffer failed. */
bool otc_base64_encode(struct otc_slice in, bool padded, struct otc_buf *out);
/** Appends what the text stands for; its padding may be missing. False: it is no base64, or the buffer
 * failed. */
bool otc_base64_decode(struct otc_slice text, struct otc_buf *out);

#endif
