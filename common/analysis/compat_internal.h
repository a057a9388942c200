// SPDX-License-Identifier: Apache-2.0
/** @file What the files of compat share. */
#ifndef OTC_ANALYSIS_COMPAT_INTERNAL_H
#define OTC_ANALYSIS_COMPAT_INTERNAL_H

#include "common/analysis/compat.h"

/** More bins than any rule here makes of less than 2^64 values. */
#define OTC_COMPAT_BINS 128

/** Two rows of counts; `ref` owns both. */
struct otc_compat_counts {
    uint64_t *ref, *cur;
    size_t k;
};
/** Counts of every distinct value of both sides, ascending; of categories the pair's own. False out of
 * memory. */
bool otc_compat_values(const struct otc_compat_pair *pair, struct otc_compat_counts *out);
/** Counts in numpy.histogram's bins of these edges. False out of memory. */
bool otc_compat_histogram(const struct otc_compat_pair *pair, const double *edges, size_t n_edges,
                          struct otc_compat_counts *out);
void otc_compat_counts_release(struct otc_compat_counts *counts);

/** Distinct values of an ascending sample. */
size_t otc_compat_distinct(const double *sorted, size_t n);
/** numpy.std, ddof 0. */
double otc_compat_deviation(const double *values, size_t n);
double otc_compat_min(const struct otc_compat_pair *pair);
double otc_compat_max(const struct otc_compat_pair *pair);

/** Adds a result whose verdict is not known yet. */
struct otc_compat_result *otc_compat_add(struct otc_compat_feature *out, const char *method, double value,
                                         double p_value, double threshold);

/* False out of memory. The pair has values on both sides. */
bool otc_compat_evidently(const struct otc_compat_pair *pair, struct otc_compat_feature *out);
bool otc_compat_nannyml(const struct otc_compat_pair *pair, struct otc_compat_feature *out);
bool otc_compat_frouros(const struct otc_compat_pair *pair, struct otc_compat_feature *out);
bool otc_compat_popmon(const struct otc_compat_pair *pair, struct otc_compat_feature *out);
bool otc_compat_scouter(const struct otc_compat_pair *pair, struct otc_compat_feature *out);

#endif
