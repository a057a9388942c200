// SPDX-License-Identifier: Apache-2.0
/** @file A table of short texts on a screen: columns as wide as their widest cell, two blanks between. */
#ifndef OTC_SIDECAR_TEXT_TABLE_H
#define OTC_SIDECAR_TEXT_TABLE_H

#include "sidecar/screen.h"

#include <stdio.h>

#define OTC_TEXT_COLUMNS 80
/** Bytes of a cell: OTC_SCREEN_NAME_COLUMNS characters. */
#define OTC_TEXT_CELL OTC_SCREEN_NAME_BYTES

/** Row 0 has the headings. Owned by one thread. */
struct otc_text_table {
    size_t rows, columns;
    char (*cells)[OTC_TEXT_CELL];
    /** Columns that begin at the left; the others end at the right. */
    bool left[OTC_TEXT_COLUMNS];
};

/** Empty cells; columns at most OTC_TEXT_COLUMNS. False out of memory (release is allowed). */
bool otc_text_table_init(struct otc_text_table *table, size_t rows, size_t columns);
void otc_text_table_release(struct otc_text_table *table);
/** OTC_TEXT_CELL bytes to write a text into. */
char *otc_text_cell(struct otc_text_table *table, size_t row, size_t column);
/** Columns that the whole table takes. */
size_t otc_text_table_width(const struct otc_text_table *table);
/**
 * Prints it; `paint(arg, row)` gives the escape sequence of a row's last cell, "" for none. NULL: no colours.
 */
void otc_text_table_print(const struct otc_text_table *table,
                          const char *(*paint)(const void *arg, size_t row), const void *arg, FILE *to);

#endif
