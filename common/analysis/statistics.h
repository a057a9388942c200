// SPDX-License-Identifier: Apache-2.0
/**
 * @file The statistics of a comparison as rows: what each is called and where its value lies, so that whoever
 * prints, lists or selects them need not know them one by one. A new statistic is a row here.
 */
#ifndef OTC_ANALYSIS_STATISTICS_H
#define OTC_ANALYSIS_STATISTICS_H

#include "common/analysis/evaluate.h"

/** Most numbers that belong to a statistic beside its value. */
#define OTC_STATISTIC_DETAILS 3

/** A number beside the value: its p-value, the bound of its error. */
struct otc_statistic_detail {
    const char *key; /* NULL: none, the last */
    size_t at;       /* offset of a double in struct otc_feature_result, or of a size_t */
    bool whole;
};

struct otc_statistic {
    const char *name;    /* as in `statistics:`, `--statistic` and JSON */
    const char *heading; /* of its column in a table; NULL: it has none */
    const char *format;  /* of that column */
    size_t column;       /* offset of the double that the column shows */
    size_t value;        /* offset of the double in struct otc_feature_result */
    struct otc_statistic_detail details[OTC_STATISTIC_DETAILS];
    bool numeric;      /* categories have none */
    bool in_tables;    /* when nobody chose */
    bool in_windows;   /* the same, in a table of windows, which is narrower */
    bool not_selected; /* told whatever was chosen: no distance */
};

/** Rows that exist, at most 64. */
extern const struct otc_statistic otc_statistics[];
extern const size_t otc_n_statistics;

/** A set of rows: bit i is row i. */
typedef uint64_t otc_statistic_set;

/** Adds the statistic of this name; false when there is none. */
bool otc_statistic_set_add(otc_statistic_set *set, struct otc_slice name);
/** "ks, psi, …": the names that can be chosen. NUL-terminated, cut at `size`. */
void otc_statistic_names(char *out, size_t size);
/** Whether row `i` is told: it is in the set, or the set is empty. */
bool otc_statistic_is_in(otc_statistic_set set, size_t i);
/** The double at an offset of a result. */
double otc_statistic_number(const struct otc_feature_result *result, size_t at);

#endif
