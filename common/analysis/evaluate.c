// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/evaluate.h"

#include "common/analysis/evaluate_quality.h"
#include "common/stats/bins.h"
#include "common/stats/cells_binned.h"
#include "common/stats/contingency.h"
#include "common/stats/correction.h"
#include "common/stats/location.h"
#include "common/stats/pvalue.h"
#include "common/stats/ranks.h"

#include <math.h>

/** Below this expectation on the current side the decision pools categories (Cochran's rule). */
#define MIN_EXPECTED 5
/** Laplace's half observation in each bin. */
#define LAPLACE 0.5

static const char *const test_names[OTC_N_TESTS] = {"ks",           "psi",    "chi_squared", "missing",
                                                    "out_of_range", "unseen", "invalid",     "constant"};

const char *
otc_test_name(enum otc_test test)
{
    return (unsigned)test < OTC_N_TESTS ? test_names[test] : "unknown";
}

const char *
otc_skip_reason_name(enum otc_skip_reason reason)
{
    switch (reason) {
    case OTC_SKIP_NONE:
        return "none";
    case OTC_SKIP_MIN_OBSERVATIONS:
        return "min_observations";
    case OTC_SKIP_NO_REFERENCE:
        return "no_reference";
    case OTC_SKIP_ONE_BIN:
        return "one_bin";
    case OTC_SKIP_TYPE:
        return "type";
    }
    return "unknown";
}

static void
clear_result(struct otc_feature_result *out)
{
    *out = (struct otc_feature_result){
        .components_moved = NAN,
        .ks = NAN,
        .ks_error = NAN,
        .psi = NAN,
        .wasserstein = NAN,
        .wasserstein_error = NAN,
        .wasserstein_normalized = NAN,
        .jensen_shannon = NAN,
        .hellinger = NAN,
        .chi_squared = NAN,
        .l_infinity = NAN,
        .total_variation = NAN,
        .kullback_leibler = NAN,
        .cramer_von_mises = NAN,
        .cramer_von_mises_p = NAN,
        .auc = NAN,
        .mann_whitney = NAN,
        .mann_whitney_p = NAN,
        .mean_shift = NAN,
        .spread_ratio = NAN,
        .design_effect = 1,
        .missing_share = NAN,
        .reference_missing_share = NAN,
        .invalid_share = NAN,
        .out_of_range_share = NAN,
        .unseen_share = NAN,
        .p_adjusted = NAN,
    };
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        out->tests[t] = (struct otc_test_result){NAN, NAN, NAN, NAN, false};
    }
}

/** What numeric bins and categories have in common: two rows of counts. */
struct binned {
    uint64_t *ref;
    uint64_t *cur;
    size_t bins;
    double n, m;
};

static void
sum_binned(struct binned *binned)
{
    binned->n = 0;
    binned->m = 0;
    for (size_t i = 0; i < binned->bins; i++) {
        binned->n += (double)binned->ref[i];
        binned->m += (double)binned->cur[i];
    }
}

/** The PSI whose law without drift is known. */
static double
psi_of_test(const struct binned *b)
{
    return otc_psi(b->ref, b->cur, b->bins, OTC_EMPTY_LAPLACE, LAPLACE);
}

/** Distances of two binned distributions, with the plain p-values of PSI and chi-squared. */
static void
evaluate_binned(const struct otc_feature_window *window, const struct otc_decision *decision,
                const struct binned *b, struct otc_feature_result *out)
{
    struct otc_chi_squared chi = otc_chi_squared_contingency(b->ref, b->cur, b->bins);

    out->n_moved = otc_evidence_moved(window, b->ref, b->cur, b->bins, out->moved);
    out->bins = b->bins;
    out->chi_squared = chi.statistic;
    out->tests[OTC_TEST_CHI_SQUARED].p_value = chi.p_value;
    out->jensen_shannon = otc_jensen_shannon(b->ref, b->cur, b->bins, 0);
    out->hellinger = otc_hellinger(b->ref, b->cur, b->bins);
    out->total_variation = otc_total_variation(b->ref, b->cur, b->bins);
    out->l_infinity = otc_l_infinity(b->ref, b->cur, b->bins);
    out->kullback_leibler = otc_kullback_leibler(b->ref, b->cur, b->bins, OTC_EMPTY_LAPLACE, LAPLACE);
    if (b->bins >= 2) {
        out->psi = otc_psi(b->ref, b->cur, b->bins, decision->empty, decision->empty_value);
        out->tests[OTC_TEST_PSI].p_value = otc_psi_p_value(psi_of_test(b), b->n, b->m, b->bins);
    }
}

/** Room for two rows of `bins` counts, zeroed; the caller frees `ref`. */
static bool
binned_new(struct binned *b, size_t bins)
{
    *b = (struct binned){.bins = bins, .ref = calloc(2 * bins, sizeof(uint64_t))};
    b->cur = b->ref ? b->ref + bins : NULL;
    return b->ref != NULL;
}

/** Rank statistics of an exact reference: what a gap of one of quantile points hides would enter them. */
static void
evaluate_ranks(const struct otc_cells *ref, const struct otc_cell_counts *cur, struct otc_feature_result *out)
{
    struct otc_mann_whitney ranks;

    for (size_t i = 0; i <= ref->n; i++) {
        if (ref->gap[i] > 0) {
            return;
        }
    }
    ranks = otc_cells_mann_whitney(ref, cur);
    out->auc = ranks.auc;
    out->mann_whitney = ranks.u;
    out->mann_whitney_p = otc_mann_whitney_p_value(&ranks, OTC_TWO_SIDED, OTC_P_AUTO);
    out->cramer_von_mises = otc_cells_cramer_von_mises(ref, cur);
    out->cramer_von_mises_p =
        otc_cramer_von_mises_p_value(out->cramer_von_mises, ref->total, cur->total, OTC_P_AUTO);
}

/* The squares of what the values of a gap, each taken as their mean, differ by from a mean that the gap's
 * origin differs from by `from_mean`. */
static double
gap_square(const struct otc_cell_counts *cur, size_t gap, double from_mean)
{
    double n = (double)cur->gap[gap], sum = cur->gap_sum[gap] + n * from_mean;

    return cur->gap[gap] > 0 ? sum * sum / n : 0;
}

/**
 * Shift of the mean, in deviations of the reference, and ratio of the deviations. Values in a gap count as
 * their mean: what they differ from it by, half the gap's width at most, is missing from the second.
 */
static void
evaluate_moments(const struct otc_reference_feature *ref, const struct otc_cell_counts *cur,
                 struct otc_feature_result *out)
{
    const double *points = ref->cells.points;
    size_t n = ref->cells.n;
    double sum, squares, shift;

    if (!cur->gap_sum || cur->total == 0 || n == 0 || !(ref->standard_deviation > 0)) {
        return;
    }
    /* All from the first point: what is far from zero would swallow the differences. */
    sum = cur->gap_sum[0] - (double)cur->gap[0] * ref->mean_excess;
    for (size_t i = 0; i < n; i++) {
        double from_mean = points[i] - points[0] - ref->mean_excess;

        sum += cur->gap_sum[i + 1] + (double)(cur->eq[i] + cur->gap[i + 1]) * from_mean;
    }
    shift = sum / (double)cur->total;
    squares = gap_square(cur, 0, -ref->mean_excess - shift);
    for (size_t i = 0; i < n; i++) {
        double from_mean = points[i] - points[0] - ref->mean_excess - shift;

        squares += (double)cur->eq[i] * from_mean * from_mean + gap_square(cur, i + 1, from_mean);
    }
    out->mean_shift = shift / ref->standard_deviation;
    out->spread_ratio = sqrt(squares / (double)cur->total) / ref->standard_deviation;
}

static bool
evaluate_numeric(const struct otc_feature_window *window, const struct otc_decision *decision,
                 struct otc_feature_result *out)
{
    const struct otc_reference_feature *ref = window->reference;
    struct otc_test_result *ks_test = &out->tests[OTC_TEST_KS];
    struct otc_test_result *psi_test = &out->tests[OTC_TEST_PSI];
    struct otc_ks ks = otc_cells_ks(&ref->cells, &window->cells);
    struct binned b;

    out->ks = ks.d;
    out->ks_error = ks.error;
    ks_test->effect = ks.d;
    ks_test->p_value =
        otc_ks_p_value(ks.d, ref->cells.total, window->cells.total, OTC_KS_TWO_SIDED, OTC_KS_AUTO);
    ks_test->decision_p =
        out->design_effect > 1
            ? fmax(ks_test->p_value,
                   otc_ks_p_value_effective(ks.d, ref->cells.total, window->cells.total, out->design_effect))
            : ks_test->p_value;
    if (ref->binned == OTC_NOT_BINNED) {
        if (!window->without_ranks) {
            evaluate_ranks(&ref->cells, &window->cells, out);
        }
        evaluate_moments(ref, &window->cells, out);
    }
    if (ref->binned != OTC_NOT_BINNED) {
        out->wasserstein = otc_cells_binned_wasserstein(&ref->cells, &window->cells, &out->wasserstein_error);
        out->wasserstein_normalized =
            ref->standard_deviation > 0 ? out->wasserstein / ref->standard_deviation : NAN;
    } else if (window->cells.gap_sum) {
        out->wasserstein = otc_cells_wasserstein(&ref->cells, &window->cells, &out->wasserstein_error);
        out->wasserstein_normalized =
            ref->standard_deviation > 0 ? out->wasserstein / ref->standard_deviation : NAN;
    }
    if (!binned_new(&b, otc_reference_bins(ref))) {
        return false;
    }
    otc_reference_bin_counts(ref, ref->cells.eq, ref->cells.gap, b.ref);
    otc_reference_bin_counts(ref, window->cells.eq, window->cells.gap, b.cur);
    sum_binned(&b);
    out->bins = b.bins;
    if (b.bins >= 2) {
        evaluate_binned(window, decision, &b, out);
        double psi = psi_of_test(&b);

        psi_test->effect = otc_psi_excess(psi, b.n, b.m, b.bins);
        psi_test->decision_p =
            isnan(psi_test->p_value)
                ? NAN
                : otc_chi_squared_sf(psi / (out->design_effect * (1 / b.n + 1 / b.m)), (double)(b.bins - 1));
    }
    free(b.ref);
    return true;
}

/**
 * The union of both sides' categories: the reference's own, then what the reference pooled or never saw. When
 * the reference pooled, new categories cannot be told from pooled ones and stay one cell.
 */
static bool
category_union(const struct otc_feature_window *window, struct binned *b)
{
    const struct otc_reference_feature *ref = window->reference;
    const struct otc_category_counts *cur = &window->categories;
    size_t unseen = ref->other == 0 && cur->unseen_categories ? cur->n_unseen_categories : 0;
    uint64_t rest = cur->unseen;
    size_t at = ref->n_categories;

    if (!binned_new(b, ref->n_categories + unseen + 1)) {
        return false;
    }
    for (size_t i = 0; i < ref->n_categories; i++) {
        b->ref[i] = ref->categories[i].count;
        b->cur[i] = cur->known ? cur->known[i] : 0;
    }
    for (size_t i = 0; i < unseen; i++) {
        uint64_t count = cur->unseen_categories[i].count < rest ? cur->unseen_categories[i].count : rest;

        b->cur[at++] = count;
        rest -= count;
    }
    b->ref[at] = ref->other;
    b->cur[at] = rest;
    b->bins = ref->other > 0 || rest > 0 ? at + 1 : at;
    sum_binned(b);
    return true;
}

/**
 * Yates' 2x2 test of the reference's most frequent category against all the rest, for tables that pooling
 * leaves with nothing to test: a category that nobody saw before must not hide because the reference is
 * large.
 */
static double
largest_against_rest_p(const struct binned *b, double phi)
{
    size_t largest = 0;
    double n = b->n / phi;
    double m = b->m / phi;
    double top_n, top_m, distance, columns;

    for (size_t i = 1; i < b->bins; i++) {
        largest = b->ref[i] > b->ref[largest] ? i : largest;
    }
    top_n = (double)b->ref[largest] / phi;
    top_m = (double)b->cur[largest] / phi;
    columns = (top_n + top_m) * (n + m - top_n - top_m);
    distance = fmax(0, fabs(top_n * (m - top_m) - top_m * (n - top_n)) - (n + m) / 2);
    return columns > 0 ? otc_chi_squared_sf((n + m) * distance * distance / (n * m * columns), 1) : NAN;
}

static bool
evaluate_categorical(const struct otc_feature_window *window, const struct otc_decision *decision,
                     struct otc_feature_result *out)
{
    struct otc_test_result *test = &out->tests[OTC_TEST_CHI_SQUARED];
    struct binned b;

    if (!category_union(window, &b)) {
        return false;
    }
    evaluate_binned(window, decision, &b, out);
    test->effect = out->total_variation;
    test->decision_p = otc_chi_squared_pooled(b.ref, b.cur, b.bins, MIN_EXPECTED, out->design_effect).p_value;
    if (isnan(test->decision_p)) {
        test->decision_p = largest_against_rest_p(&b, out->design_effect);
    }
    free(b.ref);
    return true;
}

static bool
has_decision(const struct otc_feature_result *out)
{
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        if (!isnan(out->tests[t].decision_p)) {
            return true;
        }
    }
    return false;
}

otc_status
otc_evaluate_feature(const struct otc_feature_window *window, const struct otc_decision *decision,
                     struct otc_feature_result *out, struct otc_error *err)
{
    const struct otc_reference_feature *ref = window->reference;
    uint64_t records = window->observations + window->missing + window->invalid;
    bool done = true;

    clear_result(out);
    if (!ref) {
        out->skipped = OTC_SKIP_NO_REFERENCE;
        return OTC_OK;
    }
    out->design_effect = fmax(1, fmax(window->design_effect, ref->design_effect));
    if (records == 0 || records < decision->min_observations) {
        out->skipped = OTC_SKIP_MIN_OBSERVATIONS;
        return OTC_OK;
    }
    otc__evaluate_records(window, out);
    if (ref->observations > 0 && window->observations > 0 &&
        window->observations >= decision->min_observations) {
        done = ref->type == OTC_NUMERIC ? evaluate_numeric(window, decision, out)
                                        : evaluate_categorical(window, decision, out);
        otc__evaluate_values(window, out);
    }
    if (!done) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (!has_decision(out)) {
        out->skipped = ref->observations == 0                              ? OTC_SKIP_NO_REFERENCE
                       : window->observations < decision->min_observations ? OTC_SKIP_MIN_OBSERVATIONS
                                                                           : OTC_SKIP_ONE_BIN;
    }
    return OTC_OK;
}

/** Writes the adjusted p-values back and lets each feature decide. */
static void
decide(const struct otc_decision *decision, struct otc_feature_result *result, const double *adjusted)
{
    double best_p = INFINITY;

    result->p_adjusted = NAN;
    result->rejected = false;
    result->rejected_by = OTC_N_TESTS;
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        struct otc_test_result *test = &result->tests[t];

        test->adjusted_p = adjusted[t];
        test->rejected = decision->rule == OTC_RULE_TESTS && test->adjusted_p <= decision->level &&
                         test->effect >= decision->min_effect[t];
        result->p_adjusted = fmin(result->p_adjusted, test->adjusted_p);
        if (test->rejected && test->adjusted_p < best_p) {
            best_p = test->adjusted_p;
            result->rejected_by = (enum otc_test)t;
            result->rejected = true;
        }
    }
    if (decision->rule == OTC_RULE_THRESHOLDS) {
        otc__decide_by_thresholds(decision, result);
    }
}

enum otc_test
otc_deciding_test(const struct otc_feature_result *result)
{
    enum otc_test best = OTC_N_TESTS;

    if (result->rejected && result->rejected_by != OTC_N_TESTS) {
        return result->rejected_by;
    }
    for (enum otc_test t = 0; t < OTC_N_TESTS; t++) {
        if (!isnan(result->tests[t].adjusted_p) &&
            (best == OTC_N_TESTS || result->tests[t].adjusted_p < result->tests[best].adjusted_p)) {
            best = t;
        }
    }
    return best;
}

otc_status
otc_evaluate_family(const struct otc_decision *decision, struct otc_feature_result *results, size_t n,
                    struct otc_error *err)
{
    double *p = calloc(n ? n * OTC_N_TESTS : 1, sizeof(*p));
    bool adjusted = p != NULL;

    for (size_t i = 0; p && i < n * OTC_N_TESTS; i++) {
        p[i] = results[i / OTC_N_TESTS].tests[i % OTC_N_TESTS].decision_p;
    }
    if (p && decision->correction == OTC_CORRECTION_BENJAMINI_HOCHBERG) {
        adjusted = otc_adjust_benjamini_hochberg(p, n * OTC_N_TESTS, p);
    } else if (p && decision->correction == OTC_CORRECTION_BENJAMINI_YEKUTIELI) {
        adjusted = otc_adjust_benjamini_yekutieli(p, n * OTC_N_TESTS, p);
    } else if (p && decision->correction == OTC_CORRECTION_BONFERRONI) {
        otc_adjust_bonferroni(p, n * OTC_N_TESTS, p);
    }
    for (size_t i = 0; adjusted && i < n; i++) {
        decide(decision, &results[i], p + i * OTC_N_TESTS);
    }
    free(p);
    return adjusted ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}
