// SPDX-License-Identifier: Apache-2.0
/** @file What `compare` is asked: its command line, read and checked. */
#ifndef OTC_SIDECAR_COMPARE_OPTIONS_H
#define OTC_SIDECAR_COMPARE_OPTIONS_H

#include "common/analysis/chunk.h"
#include "common/analysis/compat.h"
#include "common/analysis/statistics.h"
#include "sidecar/compare_detect.h"
#include "sidecar/input.h"
#include "sidecar/options.h"

/** In the order of the words that --format takes. */
enum otc_compare_format { OTC_COMPARE_TABLE, OTC_COMPARE_JSON, OTC_COMPARE_HTML };

/** All texts are borrowed from argv. */
struct otc_compare_options {
    struct otc_input_options input;
    const char *reference, *current;
    const char *calibrate; /* in place of both: tell the false alarms of this table */
    const char *output;    /* NULL, "-": standard output */
    enum otc_compare_format format;
    struct otc_decision decision;
    otc_statistic_set statistics; /* empty: nobody chose */
    bool independent;             /* --dependence none: no row resembles its neighbours */
    bool fail_on_drift;
    struct otc_detect_rules detectors; /* --detector */
    enum otc_compat compat;            /* judge as that library does */
    /** --window, and k of n over its windows; k = 0: not given. */
    struct otc_chunk_rule chunk_rule;
    unsigned k, n;
    enum otc_incomplete incomplete;
    bool reference_windows; /* the reference's rows too */
    /** As written, before they are checked. */
    struct {
        const char *format, *level, *min_observations, *dependence, *window, *windows, *incomplete, *compat;
        const char *rule, *correction, *false_alarms, *psi_empty;
        struct otc_option_list min_effects, thresholds, statistics, detectors;
    } texts;
};

/** Reads argv[1…]. False: end with `*exit_code`, help or the error has been printed. */
bool otc_compare_options_read(struct otc_compare_options *options, int argc, char **argv, int *exit_code);

#endif
