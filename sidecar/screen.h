// SPDX-License-Identifier: Apache-2.0
/** @file Foreign text in a table on a screen: nothing in it moves the cursor, and its width is known. */
#ifndef OTC_SIDECAR_SCREEN_H
#define OTC_SIDECAR_SCREEN_H

#include "common/base/slice.h"

#include <stdio.h>

/** Columns that a name may take in a table; longer ones end in an ellipsis. */
#define OTC_SCREEN_NAME_COLUMNS 40
/** Bytes of OTC_SCREEN_NAME_COLUMNS characters, with the NUL. */
#define OTC_SCREEN_NAME_BYTES (OTC_SCREEN_NAME_COLUMNS * 4 + 1)

/**
 * Writes `name` for a screen: control characters and bytes that are no UTF-8 become '?', what does not fit
 * ends in an ellipsis. Returns the columns it takes (East Asian wide characters take two).
 */
size_t otc_screen_name(struct otc_slice name, char out[OTC_SCREEN_NAME_BYTES]);
/**
 * Takes the next character of `rest`, which is not empty, as it may be shown: what has no place on a screen
 * becomes '?'. Writes at most 4 bytes, no NUL; returns how many.
 */
size_t otc_screen_next(struct otc_slice *rest, char out[4]);
/** Prints all of `text` as it may be shown. */
void otc_screen_print(struct otc_slice text, FILE *to);
/** Columns that UTF-8 text takes. */
size_t otc_screen_columns(const char *text);

#endif
