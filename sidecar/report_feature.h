// SPDX-License-Identifier: Apache-2.0
/** @file The parts of the report that are about one feature. */
#ifndef OTC_SIDECAR_REPORT_FEATURE_H
#define OTC_SIDECAR_REPORT_FEATURE_H

#include "common/base/buf.h"
#include "sidecar/compare.h"

/** A feature's verdict over all that was compared. */
enum otc_report_verdict { OTC_REPORT_UNTESTED, OTC_REPORT_STABLE, OTC_REPORT_ONCE, OTC_REPORT_DRIFT };

/** With windows: drift is what a window detects, "once" a window that drifted alone. */
enum otc_report_verdict otc_report_verdict(const struct otc_comparison *comparison, size_t feature);
/** "Drift", "Stable" … as a chip. */
void otc_report_chip(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature);
/** The feature's line of the table; `linked` when it has a card. */
void otc_report_line(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature,
                     bool linked);
/** The card: distributions, what moved, statistics, data quality, over time. */
void otc_report_card(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature);

#endif
