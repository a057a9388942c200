// SPDX-License-Identifier: Apache-2.0
/**
 * @file `compare --compat NAME`: the same two tables as evidently, NannyML, frouros, popmon or scouter would
 * judge them. All values of both sides are kept, 8 bytes each.
 */
#ifndef OTC_SIDECAR_COMPARE_COMPAT_H
#define OTC_SIDECAR_COMPARE_COMPAT_H

#include "common/analysis/compat.h"
#include "sidecar/compare_run.h"

/** One window of a report, or all rows. */
struct otc_compat_window {
    struct otc_chunk chunk;
    uint64_t rows;
    bool of_reference;
    struct otc_compat_feature *features; /* one for each feature of the comparison */
    struct otc_compat_dataset dataset;
};

struct otc_compat_report {
    enum otc_compat compat;
    const struct otc_comparison *comparison; /* features, paths, what was not compared */
    const struct otc_chunk_rule *rule;       /* NULL: no windows, one entry for all rows */
    struct otc_compat_window *windows;       /* the reference's first */
    size_t n_windows;
    /** The thresholds are those of the reference's chunks; else NannyML's constants. */
    bool thresholds_learned;
};

/** Reads both sides of a finished comparison once more. Release also after a failure. */
OTC_CHECK otc_status otc_compat_report_make(struct otc_compare_run *run,
                                            const struct otc_compare_options *options,
                                            struct otc_compat_report *out, struct otc_error *err);
void otc_compat_report_release(struct otc_compat_report *report);
/** Whether the library calls any window of the current side drifted. */
bool otc_compat_report_detected(const struct otc_compat_report *report);

/** For people. False when it could not be written. */
bool otc_compat_report_print(const struct otc_compat_report *report, FILE *to);
/** The same as JSON; NaN is null. */
bool otc_compat_report_print_json(const struct otc_compat_report *report, FILE *to);

/** The command with --compat: its exit code. */
int otc_compare_compat(const struct otc_compare_options *options);

#endif
