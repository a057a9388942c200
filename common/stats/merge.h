// SPDX-License-Identifier: Apache-2.0
/** @file Two sorted samples walked together, value by value. Of use inside common/stats alone. */
#ifndef OTC_STATS_MERGE_H
#define OTC_STATS_MERGE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/** Steps through the distinct values of both samples in order. Zero-initialised but for the samples. */
struct otc_merge {
    const double *ref;
    const double *cur;
    size_t n;
    size_t m;
    size_t i; /* values of ref passed */
    size_t j;
    double at;
    size_t ref_here; /* copies of `at` */
    size_t cur_here;
};

static inline size_t
otc_merge_run(const double *values, size_t from, size_t n, double value)
{
    size_t k = from;

    while (k < n && values[k] == value) {
        k++;
    }
    return k - from;
}

/** The next distinct value and how often each side has it; false at the end. */
static inline bool
otc_merge_next(struct otc_merge *merge)
{
    merge->i += merge->ref_here;
    merge->j += merge->cur_here;
    if (merge->i == merge->n && merge->j == merge->m) {
        return false;
    }
    if (merge->i == merge->n) {
        merge->at = merge->cur[merge->j];
    } else if (merge->j == merge->m) {
        merge->at = merge->ref[merge->i];
    } else {
        merge->at = fmin(merge->ref[merge->i], merge->cur[merge->j]);
    }
    merge->ref_here = otc_merge_run(merge->ref, merge->i, merge->n, merge->at);
    merge->cur_here = otc_merge_run(merge->cur, merge->j, merge->m, merge->at);
    return true;
}

#endif
