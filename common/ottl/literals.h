// SPDX-License-Identifier: Apache-2.0
/** @file How values are written: texts, numbers, bytes. Private to this folder. */
#ifndef OTC_OTTL_LITERALS_H
#define OTC_OTTL_LITERALS_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/status.h"
#include "common/otlp/value.h"

/*
 * Each reads what begins at text[*at] and moves `*at` behind it. Errors "character 12: expected …", `*at`
 * there. What has to be kept is put into `texts`.
 */

/** A text in double quotes, with the escapes of Go; one that names a byte (\xe4, \344) is a character here.
 */
OTC_CHECK otc_status otc_ottl_read_text(struct otc_slice text, size_t *at, struct otc_arena *texts,
                                        struct otc_slice *out, struct otc_error *err);
/** 0x0aff */
OTC_CHECK otc_status otc_ottl_read_bytes(struct otc_slice text, size_t *at, struct otc_arena *texts,
                                         struct otc_value *out, struct otc_error *err);
/** An integer, in octal behind a 0, or a double; no sign. */
OTC_CHECK otc_status otc_ottl_read_number(struct otc_slice text, size_t *at, struct otc_value *out,
                                          struct otc_error *err);

/** Appends a value to the bytes of an ArrayValue. */
void otc_ottl_put_element(struct otc_buf *out, const struct otc_value *value);

#endif
