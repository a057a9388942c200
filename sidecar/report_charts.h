// SPDX-License-Identifier: Apache-2.0
/**
 * @file The charts of the report: SVG that is part of the document. Colours are classes of the document's
 * style, "ref" and "cur", so that they follow light and dark.
 */
#ifndef OTC_SIDECAR_REPORT_CHARTS_H
#define OTC_SIDECAR_REPORT_CHARTS_H

#include "common/base/buf.h"
#include "sidecar/compare.h"

/** A chart of a line of the table: shapes alone. */
void otc_chart_small(struct otc_buf *out, const struct otc_report_bins *bins);
/** The whole chart: axes, shares, a hint for each bin. */
void otc_chart_large(struct otc_buf *out, const struct otc_report_bins *bins);
/** "0.3 to 0.5", a category: what a bin is called. Escaped. */
void otc_chart_bin_name(struct otc_buf *out, const struct otc_report_bins *bins, size_t bin);

/** A feature over the windows. */
struct otc_chart_series {
    const struct otc_comparison *comparison;
    size_t feature;
    const char *name; /* of the statistic */
    size_t value;     /* its offset in struct otc_feature_result */
    double threshold; /* NaN: none */
};
/** A line over time: the threshold, windows that drifted, spans that were detected. */
void otc_chart_over_time(struct otc_buf *out, const struct otc_chart_series *series);
/** A feature's verdicts as a strip of cells, one a window. */
void otc_chart_strip(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature);

#endif
