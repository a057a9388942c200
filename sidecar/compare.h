// SPDX-License-Identifier: Apache-2.0
/** @file The result of a comparison of two tables, and its two printed forms. */
#ifndef OTC_SIDECAR_COMPARE_H
#define OTC_SIDECAR_COMPARE_H

#include "common/analysis/chunk.h"
#include "common/analysis/sample.h"
#include "common/analysis/statistics.h"
#include "sidecar/compare_detect.h"
#include "sidecar/report_bins.h"

#include <stdio.h>

/** One feature that both sides have, all rows together. */
struct otc_compared {
    const struct otc_reference_feature *reference;
    struct otc_feature_result result;
    uint64_t observations;
    uint64_t unseen;               /* values of categories that the reference does not list */
    struct otc_report_bins *chart; /* of an HTML report, malloced; else NULL */
};

/** One feature of one window. */
struct otc_compared_feature {
    struct otc_feature_result result;
    uint64_t observations;
    uint64_t unseen;
    bool detected; /* k of the last n windows */
};

/** A window of rows: in rows from 0, or in unix nanoseconds. */
struct otc_compared_window {
    struct otc_chunk chunk;
    uint64_t rows;
    bool incomplete;   /* the last one, which the rows do not fill */
    bool of_reference; /* of the reference's own rows */
    struct otc_compared_feature *features;
};

/** A column that was not compared. Borrowed texts. */
struct otc_not_compared {
    struct otc_slice name;
    const char *reason; /* NULL: it is on one side only */
    bool in_reference, in_current;
};

struct otc_comparison {
    const char *reference_path, *current_path; /* without a reference there are detectors alone */
    const char *reference_hash;
    uint64_t reference_rows, current_rows;
    struct otc_decision decision;
    otc_statistic_set statistics; /* empty: those of each form when nobody chooses */
    struct otc_compared *features;
    size_t n_features, n_drifted;
    struct otc_not_compared *others;
    size_t n_others;
    /** What a user should know of columns that do not count as they look, malloced. */
    char **notes;
    size_t n_notes;
    /** With --window: in order of time, those of the reference first. k = 0: nobody asked for windows. */
    struct otc_chunk_rule chunk_rule;
    unsigned k, n;
    struct otc_compared_window *windows;
    size_t n_windows;
    uint64_t rows_without_time, rows_dropped;
    /** With --detector: without rules when nobody asked. */
    struct otc_detect detect;
};

/** Whether a row of otc_statistics has a column in the table of all rows. */
bool otc_comparison_shows(const struct otc_comparison *comparison, size_t row);
/** "only in the reference", "timestamps" …. */
const char *otc_not_compared_reason(const struct otc_not_compared *other);
/** "Benjamini-Hochberg" …. */
const char *otc_correction_name(enum otc_correction correction);
/** "level 0.01, Benjamini-Hochberg", "thresholds psi 0.2, ks 0.1": what decides. NUL-terminated, cut at
 * `size`. */
void otc_comparison_rule_text(const struct otc_comparison *comparison, char *out, size_t size);
/** Features that drifted: with windows those that any window of the current side detects. */
size_t otc_comparison_drifted(const struct otc_comparison *comparison);
/** How far a result is beyond the smallest effect that counts, or beyond its threshold (1: there), of what is
 * farthest. */
double otc_comparison_severity(const struct otc_comparison *comparison,
                               const struct otc_feature_result *result);

/** Evaluates one sample a feature as one family. Writes one entry a feature. */
OTC_CHECK otc_status otc_compared_evaluate(const struct otc_comparison *comparison,
                                           struct otc_sample **samples, struct otc_compared_feature *out,
                                           struct otc_error *err);

/** A table for people; verdicts in colour when `color`. False when it could not be written. */
bool otc_comparison_print(const struct otc_comparison *comparison, bool color, FILE *to);
/** The document of the design's `compare --format json`; NaN is null. False when it does not fit into memory.
 */
bool otc_comparison_print_json(const struct otc_comparison *comparison, FILE *to);

#endif
