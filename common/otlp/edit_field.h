// SPDX-License-Identifier: Apache-2.0
/** @file Edits of single fields of a message: of several in one place the last, which is the one that
 * counts, is replaced; where there is none it is added at the end. */
#ifndef OTC_OTLP_EDIT_FIELD_H
#define OTC_OTLP_EDIT_FIELD_H

#include "common/otlp/edit.h"
#include "common/otlp/value.h"

/** A text, bytes or message. */
void otc_edit_set_bytes(struct otc_edit *edit, struct otc_slice message, uint32_t field,
                        struct otc_slice bytes);
void otc_edit_set_varint(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint64_t number);
void otc_edit_set_fixed64(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint64_t bits);
void otc_edit_set_fixed32(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint32_t bits);
/** Fields `inner` of the message in a field, which is made when there is none. */
void otc_edit_set_inner_bytes(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint32_t inner,
                              struct otc_slice bytes);
void otc_edit_set_inner_varint(struct otc_edit *edit, struct otc_slice message, uint32_t field,
                               uint32_t inner, uint64_t number);
/** An AnyValue. */
void otc_edit_set_value(struct otc_edit *edit, struct otc_slice message, uint32_t field,
                        const struct otc_value *value);

#endif
