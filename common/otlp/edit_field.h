// SPDX-License-Identifier: Apache-2.0
/** @file Edits of single fields of a message. */
#ifndef OTC_OTLP_EDIT_FIELD_H
#define OTC_OTLP_EDIT_FIELD_H

#include "common/otlp/edit.h"

/** Sets a text, bytes or message field of a message of the edit's part: of several the last, which is the one
 * that counts; where there is none it is added at the end. */
void otc_edit_set_bytes(struct otc_edit *edit, struct otc_slice message, uint32_t field,
                        struct otc_slice bytes);

#endif
