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
/** Columns of a line of names; more are counted. */
#define OTC_NAME_LINE_COLUMNS 80
/** Names on one line: "a, b, c", and how many did not fit. Begins as {0}. */
struct otc_name_line {
    char text[OTC_NAME_LINE_COLUMNS * 4 + 1];
    char rest[32];
    size_t n, left;
};
void otc_name_line_add(struct otc_name_line *line, struct otc_slice name);
/** " and 12 more", or "". */
const char *otc_name_line_rest(struct otc_name_line *line);
/** Prints all of `text` as it may be shown. */
void otc_screen_print(struct otc_slice text, FILE *to);
/** Columns that tables and what stands below them keep to where they can. */
#define OTC_SCREEN_WIDTH 118
/**
 * Prints UTF-8 text whose first character comes at column `at`, from 0, broken at blanks before column
 * `width`; lines after the first begin with `indent` blanks. Ends the last line.
 */
void otc_screen_wrap(const char *text, size_t at, size_t indent, size_t width, FILE *to);
/** Columns that UTF-8 text takes. */
size_t otc_screen_columns(const char *text);

#endif
