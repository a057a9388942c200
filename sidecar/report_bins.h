// SPDX-License-Identifier: Apache-2.0
/** @file What a chart of the report draws of a feature: shares of both sides, in few bins or categories. */
#ifndef OTC_SIDECAR_REPORT_BINS_H
#define OTC_SIDECAR_REPORT_BINS_H

#include "common/analysis/sample.h"

/** Bins of numbers, at most; categories, "other" and "unseen" among them. */
#define OTC_REPORT_MAX_BINS 48
#define OTC_REPORT_MAX_CATEGORIES 22
/** Bytes of a label. */
#define OTC_REPORT_LABEL 64
/** Bins that are told in words: those that moved most. */
#define OTC_REPORT_MOVED 3

struct otc_report_bins {
    bool categories; /* else numbers between edges */
    bool logarithmic;
    bool rest; /* the last of the categories stands for all others */
    size_t n;
    double edges[OTC_REPORT_MAX_BINS + 1];
    char labels[OTC_REPORT_MAX_CATEGORIES][OTC_REPORT_LABEL]; /* may be cut: not escaped */
    double reference[OTC_REPORT_MAX_BINS], current[OTC_REPORT_MAX_BINS];
    /** Shares that lie beyond the edges. */
    double reference_outside, current_outside;
    /** Of the current side: numbers beyond the reference's, categories it has not (of the values), and what
     * is neither (of the records). */
    double out_of_range, unseen, invalid;
};

/** The bins of one feature. False out of memory. */
bool otc_report_bins_make(const struct otc_sample *sample, struct otc_report_bins *out);
/** The same of a numeric reference that has values, alone. */
void otc_report_bins_of_reference(const struct otc_reference_feature *feature, struct otc_report_bins *out);
/** The bins that moved most, by falling difference of their shares; returns how many. */
size_t otc_report_bins_moved(const struct otc_report_bins *bins, size_t out[OTC_REPORT_MOVED]);

#endif
