// SPDX-License-Identifier: Apache-2.0
/** @file What a user should know of columns that do not count as they look: told below tables, in no verdict.
 */
#ifndef OTC_SIDECAR_COLUMN_NOTES_H
#define OTC_SIDECAR_COLUMN_NOTES_H

#include "sidecar/input.h"
#include "sidecar/screen.h"

/** Bytes of a note with the NUL; longer ones are cut. */
#define OTC_COLUMN_NOTE 512
/** Bytes of an example with the NUL. */
#define OTC_COLUMN_EXAMPLE (OTC_SCREEN_NAME_BYTES + 40)

/** Whether most values are numbers and some are not, so that all count as categories. */
bool otc_column_is_mixed(const struct otc_column *column);
/** Writes `("unknown", row 2)`: the first value of a column that is no number, an array as
 * `(row 2)`. */
void otc_column_example(const struct otc_column *column, char out[OTC_COLUMN_EXAMPLE]);
/** Writes why a column of `otc_column_is_mixed` counts as categories; `values` are "values", "reference
 * values". */
void otc_column_mixed_note(const struct otc_column *column, struct otc_slice name, const char *values,
                           char out[OTC_COLUMN_NOTE]);
/** Prints the notes of a table's features, one a line, except on those that `categorical` names. */
void otc_input_print_notes(const struct otc_input *input, const struct otc_option_list *categorical,
                           const char *label, FILE *to);

#endif
