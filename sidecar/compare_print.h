// SPDX-License-Identifier: Apache-2.0
/** @file What the two tables of `compare`, of all rows and of windows, have in common. */
#ifndef OTC_SIDECAR_COMPARE_PRINT_H
#define OTC_SIDECAR_COMPARE_PRINT_H

#include "sidecar/compare.h"
#include "sidecar/text_table.h"

/** The statistics that have a column, in order: rows of otc_statistics. */
struct otc_compare_columns {
    size_t rows[64];
    size_t n;
};

/** Those that were chosen, else those that tables show. */
void otc_compare_columns_choose(const struct otc_comparison *comparison, struct otc_compare_columns *out);
/** A number in a cell; "-" when it is none. `format` takes one double. */
void otc_compare_put_number(char cell[OTC_TEXT_CELL], const char *format, double value);
/** "skipped: …", "DRIFT by …", "stable". */
void otc_compare_put_verdict(char cell[OTC_TEXT_CELL], const struct otc_decision *decision,
                             const struct otc_feature_result *result);
/** What was not compared, what the p-values allow for, and how many drifted. */
void otc_compare_print_foot(const struct otc_comparison *comparison, FILE *to);
/** The table of windows. False out of memory. */
bool otc_compare_print_windows(const struct otc_comparison *comparison, bool color, FILE *to);

#endif
