// SPDX-License-Identifier: Apache-2.0
/** @file The result of a comparison of two tables, and its two printed forms. */
#ifndef OTC_SIDECAR_COMPARE_H
#define OTC_SIDECAR_COMPARE_H

#include "common/analysis/statistics.h"

#include <stdio.h>

/** One feature that both sides have. */
struct otc_compared {
    const struct otc_reference_feature *reference;
    struct otc_feature_result result;
    uint64_t observations;
    uint64_t unseen; /* values of categories that the reference does not list */
};

/** A column that was not compared. Borrowed texts. */
struct otc_not_compared {
    struct otc_slice name;
    const char *reason; /* NULL: it is on one side only */
    bool in_reference, in_current;
};

struct otc_comparison {
    const char *reference_path, *current_path;
    const char *reference_hash;
    uint64_t reference_rows, current_rows;
    struct otc_decision decision;
    otc_statistic_set statistics; /* empty: those of each form when nobody chooses */
    struct otc_compared *features;
    size_t n_features, n_drifted;
    struct otc_not_compared *others;
    size_t n_others;
};

/** A table for people; verdicts in colour when `color`. False when it could not be written. */
bool otc_comparison_print(const struct otc_comparison *comparison, bool color, FILE *to);
/** The document of the design's `compare --format json`; NaN is null. False when it does not fit into memory.
 */
bool otc_comparison_print_json(const struct otc_comparison *comparison, FILE *to);

#endif
