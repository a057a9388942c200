// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/evaluate_quality.h"

#include "common/stats/location.h"
#include "common/stats/proportions.h"

#include <math.h>

/* `x` of `n`: a share on each side. */
struct shares {
    double x1, n1, x2, n2;
};

/*
 * Fisher's test that the share rose, of as many observations as those that resemble their neighbours are
 * worth: events are rounded down on the side that has more, up on the other.
 */
static double
rise_p(double x1, double n1, double x2, double n2, double phi)
{
    double n = fmax(1, round(n1 / phi)), m = fmax(1, round(n2 / phi));

    return otc_share_rise_p_value(fmin(n, ceil(x1 / phi)), n, fmin(m, floor(x2 / phi)), m);
}

/* There is nothing wrong with fewer events: a share that fell has no effect. */
static void
test_rise(const struct shares *shares, double phi, struct otc_test_result *test)
{
    if (shares->x2 > 0) {
        test->effect = fmax(0, shares->x2 / shares->n2 - shares->x1 / shares->n1);
        test->p_value = rise_p(shares->x1, shares->n1, shares->x2, shares->n2, 1);
        test->decision_p = rise_p(shares->x1, shares->n1, shares->x2, shares->n2, phi);
    }
}

/*
 * A rise or a fall. The plain p-value is the z-test's that everybody knows; it is far too small for a handful
 * of events, so that the exact tests of both directions decide.
 */
static void
test_change(const struct shares *shares, double phi, struct otc_test_result *test)
{
    test->effect = fabs(shares->x2 / shares->n2 - shares->x1 / shares->n1);
    test->p_value = otc_proportions_z(shares->x1, shares->n1, shares->x2, shares->n2).p_value;
    if (!isnan(test->p_value)) {
        double rise = rise_p(shares->x1, shares->n1, shares->x2, shares->n2, phi);
        double fall = rise_p(shares->x2, shares->n2, shares->x1, shares->n1, phi);

        test->decision_p = fmin(1, 2 * fmin(rise, fall));
    }
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
        test_change(&missing, out->design_effect, &out->tests[OTC_TEST_MISSING]);
        test_rise(&invalid, out->design_effect, &out->tests[OTC_TEST_INVALID]);
    }
}

/*
 * Numbers outside of the reference's. How many of m further values of the same distribution fall there is
 * known whatever the distribution (exceedances: Gumbel and von Schelling, "The distribution of the number of
 * exceedances", Annals of Mathematical Statistics 21, 1950): k or more when at most one of the reference's
 * values is among the k + 1 outermost of all, Fisher's test against 1 of n. Ties make it rarer.
 */
static void
evaluate_range(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    const struct otc_cells *cells = &window->reference->cells;
    struct otc_test_result *test = &out->tests[OTC_TEST_OUT_OF_RANGE];
    struct shares shares = {1, (double)cells->total, 0, (double)window->observations};

    if (cells->n == 0 || cells->gap[0] > 0 || cells->gap[cells->n] > 0) {
        return; /* buckets and private cells do not tell */
    }
    shares.x2 = (double)window->cells.gap[0] + (double)window->cells.gap[cells->n];
    out->out_of_range_share = shares.x2 / shares.n2;
    if (shares.n1 >= 2 && shares.x2 > 0) {
        test_rise(&shares, out->design_effect, test);
        test->effect = fmax(0, out->out_of_range_share - 2 / shares.n1); /* as many are expected */
    }
}

/*
 * Categories that the reference has not. As often as it met a category once it would meet a new one (Good and
 * Turing: Good, "The population frequencies of species", Biometrika 40, 1953). That estimate varies more than
 * a count of events does, by those met twice (Esty, "A normal limit law for a nonparametric estimator of the
 * coverage of a random sample", Annals of Statistics 11, 1983): with Poisson counts the variance of the
 * difference of shares is N1 / n (1 / m + 1 / n) + 2 N2 / n^2, here as a design effect on the first term.
 */
static void
evaluate_unseen(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    const struct otc_reference_feature *ref = window->reference;
    struct shares shares = {0, (double)ref->observations, (double)window->categories.unseen,
                            (double)window->observations};
    double twice = 0;

    if (ref->other > 0) {
        return; /* what it pooled cannot be told from what it never saw */
    }
    for (size_t i = 0; i < ref->n_categories; i++) {
        shares.x1 += ref->categories[i].count == 1;
        twice += ref->categories[i].count == 2;
    }
    out->unseen_share = shares.x2 / shares.n2;
    test_rise(&shares,
              out->design_effect * (1 + 2 * twice / (shares.x1 + 1) * shares.n2 / (shares.n1 + shares.n2)),
              &out->tests[OTC_TEST_UNSEEN]);
}

/* The window holds more than one value. */
#define NOT_CONSTANT SIZE_MAX

/* The cell or category that holds all of the window; one past the reference's for a value that it has not. */
static size_t
constant_place(const struct otc_feature_window *window)
{
    const struct otc_reference_feature *ref = window->reference;
    const struct otc_category_counts *categories = &window->categories;

    if (ref->type == OTC_NUMERIC) {
        const struct otc_cells *cells = &ref->cells;

        if (!window->range_known || window->min != window->max) {
            return NOT_CONSTANT;
        }
        for (size_t i = 0; i <= 2 * cells->n; i++) {
            if ((i % 2 ? window->cells.eq[i / 2] : window->cells.gap[i / 2]) > 0) {
                return i % 2 || cells->gap[i / 2] > 0 ? i : 2 * cells->n + 1;
            }
        }
        return NOT_CONSTANT;
    }
    for (size_t i = 0; categories->known && i < ref->n_categories; i++) {
        if (categories->known[i] > 0) {
            return categories->known[i] == window->observations ? i : NOT_CONSTANT;
        }
    }
    return categories->n_unseen_categories == 1 &&
                   categories->unseen_categories[0].count == window->observations
               ? ref->n_categories
               : NOT_CONSTANT;
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
 * All m values are one: the share of all ways to draw m of both sides' values that give one value alone. The
 * effect is how much larger the share of the most frequent value has become.
 */
static void
evaluate_constant(const struct otc_feature_window *window, struct otc_feature_result *out)
{
    const struct otc_reference_feature *ref = window->reference;
    struct otc_test_result *test = &out->tests[OTC_TEST_CONSTANT];
    bool numeric = ref->type == OTC_NUMERIC;
    size_t n = numeric ? 2 * ref->cells.n + 1 : ref->n_categories, own = constant_place(window);
    double total = numeric ? (double)ref->cells.total : (double)ref->observations;
    double m = (double)window->observations, largest = 0, p = 0, decision_p = 0, phi = out->design_effect;

    if (own == NOT_CONSTANT || m < 2) {
        return;
    }
    for (size_t i = 0; i <= n; i++) {
        double count = i < n ? count_in(ref, i) : 0;
        double others = total - count + (i == own ? 0 : m);

        largest = fmax(largest, count / total);
        p += otc_draw_without(others, total, m);
        decision_p += otc_draw_without(others / phi, total / phi, fmax(1, m / phi));
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
