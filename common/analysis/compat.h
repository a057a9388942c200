// SPDX-License-Identifier: Apache-2.0
/**
 * @file What evidently, NannyML, frouros, popmon and scouter say of two samples: their statistics, bins,
 * defaults and thresholds, so that numbers and verdicts can be compared with theirs. Re-implemented from the
 * definitions; each library's own oddities (bins that move with the window, tests that take the reference as
 * known) included. Pure functions of values, any thread.
 *
 * Read from evidently 0.7, nannyml 0.13, frouros 0.9, popmon 1.4, scouter 0.2; numpy 2, scipy 1.10 and later.
 */
#ifndef OTC_ANALYSIS_COMPAT_H
#define OTC_ANALYSIS_COMPAT_H

#include "common/analysis/reference.h"

enum otc_compat {
    OTC_COMPAT_NONE,
    OTC_COMPAT_EVIDENTLY,
    OTC_COMPAT_NANNYML,
    OTC_COMPAT_FROUROS,
    OTC_COMPAT_POPMON,
    OTC_COMPAT_SCOUTER,
    OTC_N_COMPAT
};
/** "none", "evidently", "nannyml", "frouros", "popmon", "scouter". */
const char *otc_compat_name(enum otc_compat compat);
/** False for a name that is none of them; "none" is one. */
bool otc_compat_parse(struct otc_slice name, enum otc_compat *out);

/** The two samples of one feature. */
struct otc_compat_pair {
    enum otc_feature_type type;
    /** Numeric: finite, ascending. */
    const double *ref, *cur;
    size_t n, m;
    /** Numeric: both columns are of an integer type, as pandas types them: whole numbers, nothing missing. */
    bool integers;
    /** Categorical: counts of each category of the union. */
    const uint64_t *ref_counts, *cur_counts;
    size_t k;
};

/** One method's answer. */
struct otc_compat_result {
    const char *method; /* as the library names it */
    double value;       /* what the library gives as its value or score; NaN: it cannot compute it */
    double p_value;     /* NaN: the method has none */
    double threshold;   /* NaN: the library has none */
    bool decides;       /* the library's own choice for this feature when nobody chooses */
    bool drifted;       /* by the library's rule for this method */
};

#define OTC_COMPAT_RESULTS 16
struct otc_compat_feature {
    struct otc_compat_result results[OTC_COMPAT_RESULTS];
    size_t n;
    bool has_verdict; /* the library has a rule, and what it needs was there */
    bool drifted;     /* a method that decides says so */
};

/**
 * Every method of the library for the feature. A side without values has no results. NannyML's thresholds
 * come from chunks of the reference (otc_compat_chunks): here its distances keep the constant 0.1 it had
 * before it learned thresholds, its other methods none. Fails out of memory alone; O((n + m) log(n + m)) but
 * for the exact p-value of KS.
 */
OTC_CHECK otc_status otc_compat_evaluate(enum otc_compat compat, const struct otc_compat_pair *pair,
                                         struct otc_compat_feature *out, struct otc_error *err);

/** One side of a feature, row by row: numbers, or numbers of categories; NaN: missing or not finite. */
struct otc_compat_column {
    const double *values;
    size_t n;
    /** The chunk of each row; UINT32_MAX: none. NULL: all rows are chunk 0. */
    const uint32_t *chunks;
    size_t n_chunks;
};

/** A feature, row by row on both sides. */
struct otc_compat_series {
    enum otc_feature_type type;
    size_t k; /* categories of the union */
    bool integers;
    struct otc_compat_column ref, cur;
};

/**
 * Every chunk of the current side against all of the reference: `out` holds cur.n_chunks. NannyML: the chunks
 * of the reference against all of it give the thresholds (mean + 3 standard deviations, ddof 0; KS at most
 * 1). popmon: the reference's chunks give the pull (value - mean) / deviation of each distance, red above 7.
 * The others ignore the reference's chunks.
 */
OTC_CHECK otc_status otc_compat_chunks(enum otc_compat compat, const struct otc_compat_series *series,
                                       struct otc_compat_feature *out, struct otc_error *err);

/** The chunk of each of n rows as NannyML's default makes them: n / 10 rows each, and the rest in an
 * eleventh. Returns their number. */
size_t otc_compat_default_chunks(size_t n, uint32_t *chunks);

/** The verdict on all features. */
struct otc_compat_dataset {
    size_t features; /* with a verdict */
    size_t drifted;
    double share;     /* NaN: none has a verdict */
    double threshold; /* share from which the dataset drifts; NaN: the library has no such rule */
    bool detected;
};
/** From the features with a verdict and those of them that drifted. evidently: half of the columns. The
 * others name features alone: any of them. */
struct otc_compat_dataset otc_compat_dataset(enum otc_compat compat, size_t features, size_t drifted);

#endif
