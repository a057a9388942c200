// SPDX-License-Identifier: Apache-2.0
/**
 * @file One window of one model against its reference: statistics, p-values, effects and the verdict. Pure
 * functions of counts, shared by the drift connector and `compare`.
 */
#ifndef OTC_ANALYSIS_EVALUATE_H
#define OTC_ANALYSIS_EVALUATE_H

#include "common/analysis/evidence.h"
#include "common/analysis/reference.h"
#include "common/stats/bins.h"

/** Current counts of one category, by canonical text; the union with the reference is made in the evaluation.
 */
struct otc_category_counts {
    /** One for each category of the reference, in its order. */
    const uint64_t *known;
    /** Current observations of categories that the reference pooled as `other` cannot be told from unseen
     * ones, so: */
    uint64_t unseen;
    /** Distinct unseen categories with their counts when the caller kept them (bounded); may be NULL. */
    const struct otc_category *unseen_categories;
    size_t n_unseen_categories;
};

/** The current window of one feature. */
struct otc_feature_window {
    const struct otc_reference_feature *reference;
    /** Values counted below; missing and invalid records beside them. */
    uint64_t observations;
    uint64_t missing;
    uint64_t invalid;
    struct otc_cell_counts cells;          /* numeric */
    struct otc_category_counts categories; /* categorical */
    /** Design effect of the window, >= 1: of its panes, and of the windows before it where they are known. */
    double design_effect;
    /** The least and the greatest number, where the caller knows them. */
    bool range_known;
    double min, max;
    /** Nobody wants Mann-Whitney and Cramer-von-Mises, which take as long as all the rest. */
    bool without_ranks;
};

/** The last five are of data quality; see evaluate_quality.c for what each says without drift. */
enum otc_test {
    OTC_TEST_KS,
    OTC_TEST_PSI,
    OTC_TEST_CHI_SQUARED,
    OTC_TEST_MISSING,
    OTC_TEST_OUT_OF_RANGE,
    OTC_TEST_UNSEEN,
    OTC_TEST_INVALID,
    OTC_TEST_CONSTANT,
    OTC_N_TESTS
};
/** "ks", "psi", "chi_squared", "missing", "out_of_range", "unseen", "invalid", "constant". */
const char *otc_test_name(enum otc_test test);

/**
 * Result of one decision test. NaN: does not exist for this feature or window. p_value is also given where a
 * test does not decide (PSI of categories, chi-squared of bins): decision_p is NaN then. Missing: the
 * two-sided z-test of two proportions with pooled variance (statsmodels proportions_ztest, R prop.test
 * without correction), missing + invalid against records; Fisher's test decides, twice the smaller side. It
 * does not exist when neither side misses anything. Invalid: Fisher's one-sided test of invalid records
 * alone. Out of range, unseen: the same against what a reference of its size expects of further values;
 * constant: the share of all ways to draw as many of both sides' values that give one alone. These do not
 * exist in a window that has nothing of the kind.
 */
struct otc_test_result {
    /** The plain library's p-value. */
    double p_value;
    /** With n/phi and m/phi, and pooled cells for chi-squared: what decides. */
    double decision_p;
    double adjusted_p;
    double effect;
    bool rejected;
};

enum otc_skip_reason {
    OTC_SKIP_NONE,
    OTC_SKIP_MIN_OBSERVATIONS,
    OTC_SKIP_NO_REFERENCE,
    OTC_SKIP_ONE_BIN,
    OTC_SKIP_TYPE
};
const char *otc_skip_reason_name(enum otc_skip_reason reason);

/** TESTS: adjusted p-values and effects decide. THRESHOLDS: values alone do, whatever noise they hold. */
enum otc_rule { OTC_RULE_TESTS, OTC_RULE_THRESHOLDS };
/** What a threshold can be set for. */
enum otc_threshold {
    OTC_THRESHOLD_KS,
    OTC_THRESHOLD_PSI,
    OTC_THRESHOLD_WASSERSTEIN, /* over the reference's standard deviation */
    OTC_THRESHOLD_JENSEN_SHANNON,
    OTC_THRESHOLD_HELLINGER,
    OTC_THRESHOLD_TOTAL_VARIATION,
    OTC_THRESHOLD_L_INFINITY,
    OTC_THRESHOLD_MISSING, /* difference of the missing shares */
    OTC_N_THRESHOLDS
};
/** "ks", …, NULL-ended. */
extern const char *const otc_threshold_names[];

/** Statistics of one feature. NaN: not computed. */
struct otc_feature_result {
    enum otc_skip_reason skipped;
    double ks, ks_error, psi, wasserstein, wasserstein_error, wasserstein_normalized;
    double jensen_shannon, hellinger, chi_squared, l_infinity, total_variation, kullback_leibler;
    /** Of an exact reference alone: T, the area under the ROC curve (above 1/2: values rose), p-values as
     * scipy's. */
    double cramer_von_mises, cramer_von_mises_p, auc, mann_whitney, mann_whitney_p;
    double mean_shift;   /* in standard deviations of the reference; needs the sums of the gaps */
    double spread_ratio; /* standard deviation over the reference's, both ddof 0; the same */
    size_t bins;         /* B of the binned statistics */
    /** Embeddings: share of the vectors' components that moved (common/stats/components.h). Evidence alone:
     * at few vectors noise moves components too, and they move together. */
    double components_moved;
    double design_effect;
    /** Of the records; invalid ones count as missing, too. */
    double missing_share, reference_missing_share, invalid_share;
    /** Of the values. */
    double out_of_range_share, unseen_share;
    struct otc_test_result tests[OTC_N_TESTS];
    /** The smallest adjusted p of the feature, the test it belongs to, and whether any test rejects. */
    double p_adjusted;
    bool rejected;
    enum otc_test rejected_by;         /* valid when rejected by a test, else OTC_N_TESTS */
    enum otc_threshold over_threshold; /* the one exceeded most, OTC_RULE_THRESHOLDS when rejected */
    /** The bins or categories that moved most. */
    struct otc_moved moved[OTC_MOVED_MAX];
    size_t n_moved;
};
enum otc_correction {
    OTC_CORRECTION_BENJAMINI_HOCHBERG,
    OTC_CORRECTION_BENJAMINI_YEKUTIELI,
    OTC_CORRECTION_BONFERRONI,
    OTC_CORRECTION_NONE
};

struct otc_decision {
    enum otc_correction correction;
    double level; /* 0.01 */
    /** ks 0.08, psi 0.05 (excess), chi_squared (total variation) 0.1; a difference of shares 0.05 for the
     * rest
     */
    double min_effect[OTC_N_TESTS];
    uint64_t min_observations; /* 200; 0: any */
    enum otc_rule rule;
    double thresholds[OTC_N_THRESHOLDS]; /* a value from this on rejects; 0: none */
    /** Empty bins in the PSI that is told and that a threshold is for. Its test, which knows the law without
     * drift, is Laplace's with 1/2 whatever this says. */
    enum otc_empty_bins empty;
    double empty_value;
};
/** Chosen by simulation so that 4 of 6 evaluations of hourly windows give at most one false incident a week
 * and a shift of 0.3 standard deviations is found in 500 rows: docs/drift-simulations.md. */
#define OTC_DECISION_DEFAULT                                                                                 \
    ((struct otc_decision){OTC_CORRECTION_BENJAMINI_HOCHBERG,                                                \
                           0.01,                                                                             \
                           {0.08, 0.05, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05},                                  \
                           200,                                                                              \
                           OTC_RULE_TESTS,                                                                   \
                           {0},                                                                              \
                           OTC_EMPTY_LAPLACE,                                                                \
                           0.5})

/** The test that rejected, or the one nearest to it (the smallest adjusted p); OTC_N_TESTS: none decides. */
enum otc_test otc_deciding_test(const struct otc_feature_result *result);
/** "ks", "psi", …: the test or the threshold that a rejected feature was rejected by. */
const char *otc_rejected_by(const struct otc_decision *decision, const struct otc_feature_result *result);
/** The value that the threshold is compared with; NaN: the feature has none. */
double otc_threshold_value(const struct otc_feature_result *result, enum otc_threshold threshold);

/**
 * Statistics and plain and decision p-values of one feature (adjusted_p and rejected are left to the family).
 * Below min_observations values the distribution is not tested; the missing test still is when the records
 * are enough, so that a feature that vanishes is found. `skipped` is set when no decision test exists. Fails
 * out of memory alone.
 */
OTC_CHECK otc_status otc_evaluate_feature(const struct otc_feature_window *window,
                                          const struct otc_decision *decision, struct otc_feature_result *out,
                                          struct otc_error *err);
/** Adjusts over every decision p that exists in `results` (one model, version, window) and decides. */
OTC_CHECK otc_status otc_evaluate_family(const struct otc_decision *decision,
                                         struct otc_feature_result *results, size_t n, struct otc_error *err);

/**
 * Design effect of a window from its panes alone (dependence.h): phi = max(1, sum_p m_p (u_p - u)^2 / (P - 1)
 * / s^2), where u is the mean mid-rank in the reference; 1 with fewer than 6 panes of 10 observations.
 * mean[p], m[p] per pane; s2: variance of the mid-rank of single observations over the window.
 */
double otc_design_effect(const double *mean, const uint64_t *m, size_t panes, double s2);
/**
 * The same for categories: Pearson's chi-squared of the panes against each other over its degrees of freedom
 * (first-order Rao-Scott). counts[p * k + c]: observations of category c in pane p. 1 with fewer than 6 panes
 * of 10 observations.
 */
double otc_design_effect_categorical(const uint64_t *counts, size_t panes, size_t k);
/** Mid-rank (F(x-) + F(x)) / 2 of every cell of a reference, 2n + 1 of them, for the sums above. */
void otc_mid_ranks(const struct otc_cells *cells, double *out);
/** Reckons n ranks from that of `cell`: with the first one that has a count, the variance of values that are
 * all in one cell is 0 and not what rounding leaves. */
void otc_ranks_from(double *ranks, size_t n, size_t cell);

/** Private to the folder: the verdict of OTC_RULE_THRESHOLDS. */
void otc__decide_by_thresholds(const struct otc_decision *decision, struct otc_feature_result *result);

/** k of n: a ring of the last n evaluations of a feature. Zero-initialised is empty. n <= 32. */
struct otc_k_of_n {
    uint32_t bits;
    uint8_t filled;
    bool detected;
};
/** "2 of 3": 1 <= k <= n <= 32. INVALID_ARGUMENT: "'x' is not of the form …". */
OTC_CHECK otc_status otc_k_of_n_parse(const char *text, unsigned *k, unsigned *n, struct otc_error *err);
/** Enters an evaluation that was not skipped; returns `detected` afterwards. */
bool otc_k_of_n_add(struct otc_k_of_n *ring, unsigned k, unsigned n, bool rejected);

#endif
