// SPDX-License-Identifier: Apache-2.0
/* The verdict's rules at their edges: thresholds that count when they are just met, and what the design
 * effect divides. */
#include "common/analysis/budget.h"
#include "common/analysis/decision.h"
#include "common/analysis/evaluate.h"
#include "common/base/clock.h"
#include "common/stats/contingency.h"
#include "common/stats/pvalue.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
assert_close(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-12 * fabs(wanted))) {
        fail_msg("%.17g, not %.17g", got, wanted);
    }
}

/* Four values of 25 each with their bins, and a window of two of them. */
struct numbers {
    double points[4], edges[4];
    uint64_t eq[4], gap[5], window_eq[4], window_gap[5];
    struct otc_reference_feature reference;
    struct otc_feature_window window;
};

static void
fill(struct numbers *n, uint64_t each)
{
    *n = (struct numbers){.points = {1, 2, 3, 4}, .edges = {1, 2, 3, 4}};
    for (int i = 0; i < 4; i++) {
        n->eq[i] = each;
        n->window_eq[i] = i < 2 ? 2 * each : each / 5;
    }
    n->reference = (struct otc_reference_feature){
        .type = OTC_NUMERIC,
        .observations = 4 * each,
        .values = 4 * each,
        .cells = {.points = n->points, .eq = n->eq, .gap = n->gap, .n = 4, .total = 4 * each},
        .edges = n->edges,
        .n_edges = 4,
        .value_bins = true,
        .design_effect = 1};
    n->window = (struct otc_feature_window){
        .reference = &n->reference, .cells = {.eq = n->window_eq, .gap = n->window_gap}, .design_effect = 1};
    for (int i = 0; i < 4; i++) {
        n->window.cells.total += n->window_eq[i];
    }
    n->window.observations = n->window.cells.total;
}

static struct otc_feature_result
evaluate(const struct otc_feature_window *window, uint64_t min_observations)
{
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result result;

    decision.min_observations = min_observations;
    assert_int_equal(otc_evaluate_feature(window, &decision, &result, NULL), OTC_OK);
    return result;
}

static struct otc_feature_result
no_result(void)
{
    struct otc_feature_result result = {.skipped = OTC_SKIP_NONE};

    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        result.tests[t] = (struct otc_test_result){NAN, NAN, NAN, NAN, false};
    }
    return result;
}

/* p = level and effect = minimum reject; a hair beyond either does not. */
static void
test_thresholds_are_met(void **state)
{
    (void)state;
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result results[3] = {no_result(), no_result(), no_result()};

    decision.correction = OTC_CORRECTION_NONE;
    for (int i = 0; i < 3; i++) {
        results[i].tests[OTC_TEST_KS].decision_p = decision.level;
        results[i].tests[OTC_TEST_KS].effect = decision.min_effect[OTC_TEST_KS];
    }
    results[1].tests[OTC_TEST_KS].decision_p = nextafter(decision.level, 1);
    results[2].tests[OTC_TEST_KS].effect = nextafter(decision.min_effect[OTC_TEST_KS], 0);
    assert_int_equal(otc_evaluate_family(&decision, results, 3, NULL), OTC_OK);
    assert_true(results[0].rejected && !results[1].rejected && !results[2].rejected);
}

/* The test that is named is the one with the smallest p of those that reject. */
static void
test_the_strongest_is_named(void **state)
{
    (void)state;
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result results[3] = {no_result(), no_result(), no_result()};
    static const double p[3][2] = {{1e-5, 1e-9}, {1e-9, 1e-5}, {1e-5, 1e-9}};

    decision.correction = OTC_CORRECTION_NONE;
    for (int i = 0; i < 3; i++) {
        results[i].tests[OTC_TEST_KS].decision_p = p[i][0];
        results[i].tests[OTC_TEST_KS].effect = 1;
        results[i].tests[OTC_TEST_MISSING].decision_p = p[i][1];
        results[i].tests[OTC_TEST_MISSING].effect = i == 2 ? 0 : 1;
    }
    assert_int_equal(otc_evaluate_family(&decision, results, 3, NULL), OTC_OK);
    assert_int_equal(results[0].rejected_by, OTC_TEST_MISSING);
    assert_int_equal(results[1].rejected_by, OTC_TEST_KS);
    assert_int_equal(results[2].rejected_by, OTC_TEST_KS);
    assert_true(results[2].p_adjusted == 1e-9); /* the smallest of all, also of those without effect */
}

/* With fixed thresholds the value alone decides; the one exceeded most is named. */
static void
test_thresholds_alone_decide(void **state)
{
    (void)state;
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result results[4] = {no_result(), no_result(), no_result(), no_result()};

    decision.rule = OTC_RULE_THRESHOLDS;
    decision.thresholds[OTC_THRESHOLD_PSI] = 0.2;
    decision.thresholds[OTC_THRESHOLD_WASSERSTEIN] = 0.1;
    for (int i = 0; i < 4; i++) {
        results[i].psi = results[i].wasserstein_normalized = results[i].ks = NAN;
        results[i].tests[OTC_TEST_KS].decision_p = i == 3 ? 0 : 1;
        results[i].tests[OTC_TEST_KS].effect = 1;
    }
    results[0].psi = 0.2;
    results[1].psi = nextafter(0.2, 0);
    results[1].wasserstein_normalized = 9;
    results[2].psi = nextafter(0.2, 0);
    results[3].ks = 1; /* no threshold for it */
    assert_int_equal(otc_evaluate_family(&decision, results, 4, NULL), OTC_OK);
    assert_true(results[0].rejected && results[1].rejected && !results[2].rejected && !results[3].rejected);
    assert_string_equal(otc_rejected_by(&decision, &results[0]), "psi");
    assert_string_equal(otc_rejected_by(&decision, &results[1]), "wasserstein");
    assert_false(results[3].tests[OTC_TEST_KS].rejected);
}

/* 2016 evaluations a week of five-minute panes: an incident takes four of them. */
static void
test_false_alarms_set_the_level(void **state)
{
    (void)state;
    struct otc_error err = OTC_ERROR_INIT;
    double per_week = 0;

    assert_int_equal(otc_false_alarms_parse("1/week", &per_week, &err), OTC_OK);
    assert_close(otc_false_alarms_level(per_week, 4, 5 * OTC_MINUTE), 4.0 / 2016);
    assert_int_equal(otc_false_alarms_parse("0.5/day", &per_week, &err), OTC_OK);
    assert_close(per_week, 3.5);
    assert_int_equal(otc_false_alarms_parse("3/month", &per_week, &err), OTC_OK);
    assert_close(per_week, 0.7);
    assert_close(otc_false_alarms_level(1000, 1, 7 * OTC_DAY), 1);
    for (size_t i = 0; i < 6; i++) {
        static const char *const wrong[] = {"", "1", "1/year", "-1/week", "0/day", "x/week"};

        assert_int_equal(otc_false_alarms_parse(wrong[i], &per_week, &err), OTC_INVALID_ARGUMENT);
    }
}

static void
test_the_larger_design_effect_counts(void **state)
{
    (void)state;
    struct numbers n;

    fill(&n, 100);
    assert_true(evaluate(&n.window, 0).design_effect == 1);
    n.reference.design_effect = 4;
    assert_true(evaluate(&n.window, 0).design_effect == 4);
    n.window.design_effect = 6;
    assert_true(evaluate(&n.window, 0).design_effect == 6);
}

/* With design effect 4 the tests decide as on a quarter of the records with the same shares. */
static void
test_design_effect_divides_records(void **state)
{
    (void)state;
    struct numbers whole, quarter;

    fill(&whole, 400);
    fill(&quarter, 100);
    whole.reference.missing = 160, whole.window.missing = 400, whole.window.design_effect = 4;
    quarter.reference.missing = 40, quarter.window.missing = 100;

    struct otc_feature_result got = evaluate(&whole.window, 0), wanted = evaluate(&quarter.window, 0);
    double n = 1600, m = (double)whole.window.observations;

    assert_close(got.tests[OTC_TEST_MISSING].decision_p, wanted.tests[OTC_TEST_MISSING].decision_p);
    assert_true(got.tests[OTC_TEST_MISSING].p_value < got.tests[OTC_TEST_MISSING].decision_p);
    assert_close(got.tests[OTC_TEST_PSI].decision_p, otc_chi_squared_sf(got.psi / (4 / n + 4 / m), 4));
    assert_close(got.tests[OTC_TEST_KS].decision_p,
                 otc_kstwo_sf((uint64_t)nearbyint(n * m / (n + m) / 4), got.ks));
}

/* The PSI that is told, by hand; its test stays Laplace's. */
static void
test_empty_bins(void **state)
{
    static const double usual[] = {0.5, 1e-4, 1e-4};
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct numbers n;

    (void)state;
    fill(&n, 100);
    n.window.observations -= n.window_eq[2];
    n.window.cells.total = n.window.observations;
    n.window_eq[2] = 0;

    struct otc_feature_result laplace = evaluate(&n.window, 0);

    for (unsigned word = 0; otc_empty_words[word]; word++) {
        struct otc_feature_result result;

        for (int own = 0; own < 2; own++) {
            double value = own ? 0.01 : usual[word], psi = 0;

            assert_int_equal(otc_decision_set_empty(&decision, word, own ? 0.01 : 0, NULL), OTC_OK);
            for (int i = 0; i < 5; i++) { /* the last: any other value */
                double ref = i < 4 ? (double)n.eq[i] : 0, cur = i < 4 ? (double)n.window_eq[i] : 0;
                double total = (double)n.reference.cells.total, live = (double)n.window.cells.total;
                double p = ref / total, q = cur / live;

                p = word == 0 ? (ref + value) / (total + 5 * value) : word == 1 ? fmax(p, value) : p + value;
                q = word == 0 ? (cur + value) / (live + 5 * value) : word == 1 ? fmax(q, value) : q + value;
                psi += (q - p) * log(q / p);
            }
            assert_int_equal(otc_evaluate_feature(&n.window, &decision, &result, NULL), OTC_OK);
            assert_close(result.psi, psi);
            assert_close(result.tests[OTC_TEST_PSI].p_value, laplace.tests[OTC_TEST_PSI].p_value);
            assert_close(result.tests[OTC_TEST_PSI].decision_p, laplace.tests[OTC_TEST_PSI].decision_p);
            assert_close(result.tests[OTC_TEST_PSI].effect, laplace.tests[OTC_TEST_PSI].effect);
        }
    }
    assert_int_equal(otc_decision_set_empty(&decision, 1, 1.5, NULL), OTC_INVALID_ARGUMENT);
}

/* Too few values among enough records: what is missing is judged, what is there is not. */
static void
test_few_values_in_many_records(void **state)
{
    (void)state;
    struct numbers n;

    fill(&n, 20);
    n.window.missing = 300;
    assert_true(n.window.observations < 200);

    struct otc_feature_result result = evaluate(&n.window, 200);

    assert_int_equal(result.skipped, OTC_SKIP_NONE);
    assert_true(isnan(result.ks) && isnan(result.tests[OTC_TEST_KS].decision_p));
    assert_true(result.tests[OTC_TEST_MISSING].decision_p < 1e-6);
    assert_true(!isnan(evaluate(&n.window, n.window.observations).ks));
}

/* Unseen categories whose names are known count one by one, the others together. */
static void
test_unseen_categories(void **state)
{
    (void)state;
    struct otc_category known[2] = {{otc_slice_str("a"), 50}, {otc_slice_str("b"), 50}};
    struct otc_category unseen[1] = {{otc_slice_str("w"), 40}};
    static const uint64_t counts[2] = {30, 30};
    static const uint64_t ref[4] = {50, 50, 0, 0}, named[3] = {30, 30, 40}, rest[4] = {30, 30, 25, 15};
    struct otc_reference_feature reference = {.type = OTC_CATEGORICAL,
                                              .observations = 100,
                                              .values = 100,
                                              .categories = known,
                                              .n_categories = 2,
                                              .design_effect = 1};
    struct otc_feature_window window = {.reference = &reference,
                                        .observations = 100,
                                        .categories = {counts, 40, unseen, 1},
                                        .design_effect = 1};
    struct otc_feature_result result = evaluate(&window, 0);

    assert_int_equal(result.bins, 3);
    assert_close(result.chi_squared, otc_chi_squared_contingency(ref, named, 3).statistic);
    assert_close(result.total_variation, 0.4);
    unseen[0].count = 25;
    result = evaluate(&window, 0);
    assert_int_equal(result.bins, 4);
    assert_close(result.chi_squared, otc_chi_squared_contingency(ref, rest, 4).statistic);
}

/* (F(x-) + F(x)) / 2: half of what stands at a cell and all below. */
static void
test_mid_ranks(void **state)
{
    (void)state;
    double points[2] = {1, 2};
    uint64_t eq[2] = {2, 2}, gap[3] = {2, 0, 4};
    struct otc_cells cells = {.points = points, .eq = eq, .gap = gap, .n = 2, .total = 10};
    static const double wanted[5] = {0.1, 0.3, 0.4, 0.5, 0.8};
    double ranks[5];

    otc_mid_ranks(&cells, ranks);
    for (int i = 0; i < 5; i++) {
        assert_close(ranks[i], wanted[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_are_met),
        cmocka_unit_test(test_the_strongest_is_named),
        cmocka_unit_test(test_thresholds_alone_decide),
        cmocka_unit_test(test_false_alarms_set_the_level),
        cmocka_unit_test(test_the_larger_design_effect_counts),
        cmocka_unit_test(test_design_effect_divides_records),
        cmocka_unit_test(test_empty_bins),
        cmocka_unit_test(test_few_values_in_many_records),
        cmocka_unit_test(test_unseen_categories),
        cmocka_unit_test(test_mid_ranks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
