// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/evaluate_quality.h"

#include "common/stats/location.h"

#include <math.h>

/* `x` of `n`: a share on each side. */
struct shares {
    double x1, n1, x2, n2;
};

/*
 * The two-sided z-test of two proportions. With `rise` a share that fell has no effect: there is nothing
 * wrong with fewer unseen categories.
 */
static void
compare_shares(const struct shares *shares, double phi, bool rise, struct otc_test_result *test)
{
    double difference = shares->x2 / shares->n2 - shares->x1 / shares->n1;

    test->effect = rise ? fmax(0, difference) : fabs(difference);
    test->p_value = otc_proportions_z(shares->x1, shares->n1, shares->x2, shares->n2).p_value;
    test->decision_p =
        otc_proportions_z(shares->x1 / phi, shares->n1 / phi, shares->x2 / phi, shares->n2 / phi).p_value;
}

void
otc__evaluate_records(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    const struct otc_reference_feature *ref = window->reference;
    double n1 = (double)ref->values + (double)ref->missing + (double)ref->invalid;
    double n2 = (double)window->observations + (double)window->missing + (double)window->invalid;
    const struct shares invalid = {(double)ref->invalid, n1, (double)window->invalid, n2};
    const struct shares missing = {(double)ref->missing + (double)ref->invalid, n1,
                                   (double)window->missing + (double)window->invalid, n2};

    out->reference_missing_share = n1 > 0 ? missing.x1 / n1 : NAN;
    out->missing_share = n2 > 0 ? missing.x2 / n2 : NAN;
    out->invalid_share = n2 > 0 ? invalid.x2 / n2 : NAN;
    if (n1 > 0 && n2 > 0) {
        compare_shares(&missing, out->design_effect, false, &out->tests[OTC_TEST_MISSING]);
        compare_shares(&invalid, out->design_effect, true, &out->tests[OTC_TEST_INVALID]);
    }
}

/*
 * Numbers outside of the reference's. A further value of the same distribution falls there as often as a
 * value of the reference lies beyond all of its others: twice, below and above.
 */
static void
evaluate_range(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    const struct otc_cells *cells = &window->reference->cells;
    struct shares shares = {2, (double)cells->total, 0, (double)window->observations};

    if (cells->n == 0 || cells->gap[0] > 0 || cells->gap[cells->n] > 0) {
        return; /* buckets and private cells do not tell */
    }
    shares.x2 = (double)window->cells.gap[0] + (double)window->cells.gap[cells->n];
    out->out_of_range_share = shares.x2 / shares.n2;
    if (shares.x2 > 0 && shares.n1 >= 2) {
        compare_shares(&shares, out->design_effect, true, &out->tests[OTC_TEST_OUT_OF_RANGE]);
    }
}

/*
 * Categories that the reference has not. As often as it met a category once it would meet a new one (Good and
 * Turing: Good, "The population frequencies of species", Biometrika 40, 1953).
 */
static void
evaluate_unseen(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    const struct otc_reference_feature *ref = window->reference;
    struct shares shares = {0, (double)ref->observations, (double)window->categories.unseen,
                            (double)window->observations};

    if (ref->other > 0) {
        return; /* what it pooled cannot be told from what it never saw */
    }
    for (size_t i = 0; i < ref->n_categories; i++) {
        shares.x1 += ref->categories[i].count == 1;
    }
    out->unseen_share = shares.x2 / shares.n2;
    if (shares.x2 > 0) {
        compare_shares(&shares, out->design_effect, true, &out->tests[OTC_TEST_UNSEEN]);
    }
}

/* Whether the window holds one value alone. */
static bool
is_constant(const struct otc_feature_window *window)
{
    const struct otc_reference_feature *ref = window->reference;
    const struct otc_category_counts *categories = &window->categories;

    if (ref->type == OTC_NUMERIC) {
        return window->range_known && window->min == window->max;
    }
    for (size_t i = 0; categories->known && i < ref->n_categories; i++) {
        if (categories->known[i] > 0) {
            return categories->known[i] == window->observations;
        }
    }
    return categories->n_unseen_categories == 1 &&
           categories->unseen_categories[0].count == window->observations;
}

/* The reference's values in cell `i`. What lies between two points may be one value, and is taken to be. */
static double
count_in(const struct otc_reference_feature *ref, size_t i)
{
    if (ref->type == OTC_CATEGORICAL) {
        return (double)ref->categories[i].count;
    }
    return (double)(i % 2 ? ref->cells.eq[i / 2] : ref->cells.gap[i / 2]);
}

/*
 * All m values are one: its probability is the sum of share^m over the reference's values. The effect is how
 * much larger the share of the most frequent value has become.
 */
static void
evaluate_constant(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    const struct otc_reference_feature *ref = window->reference;
    struct otc_test_result *test = &out->tests[OTC_TEST_CONSTANT];
    bool numeric = ref->type == OTC_NUMERIC;
    size_t n = numeric ? 2 * ref->cells.n + 1 : ref->n_categories;
    double total = numeric ? (double)ref->cells.total : (double)ref->observations;
    double m = (double)window->observations, largest = 0, p = 0, decision_p = 0;

    if (!is_constant(window) || m < 2) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double share = count_in(ref, i) / total;

        largest = fmax(largest, share);
        p += pow(share, m);
        decision_p += pow(share, fmax(1, m / out->design_effect));
    }
    test->p_value = fmin(1, p);
    test->decision_p = fmin(1, decision_p);
    test->effect = 1 - largest;
}

void
otc__evaluate_values(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    if (window->reference->type == OTC_NUMERIC) {
        evaluate_range(window, out);
    } else {
        evaluate_unseen(window, out);
    }
    evaluate_constant(window, out);
}
