// SPDX-License-Identifier: Apache-2.0
/**
 * @file `compare --format html`: a document of one file that shows a comparison. It loads nothing, runs
 * nothing and works from a disk; names and categories in it are text, whatever they hold.
 */
#ifndef OTC_SIDECAR_REPORT_H
#define OTC_SIDECAR_REPORT_H

#include "sidecar/compare.h"

/** Features that are drawn; the others have a line in the table. */
#define OTC_REPORT_MAX_CHARTS 50

/** Writes the document; `now_ns` is told in it. False when it could not be written. */
bool otc_report_write(const struct otc_comparison *comparison, int64_t now_ns, FILE *to);

/** The style sheet of the document, in order. */
extern const char otc__report_colors[], otc__report_page[], otc__report_layout[], otc__report_parts[];

#endif
