// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/evaluate.h"

#include "tests/unit/common/analysis/oracle.h"

#include <math.h>

/** A reference of one feature and a window's counts against it. */
struct fixture {
    struct otc_reference_builder *builder;
    struct otc_reference *reference;
    struct otc_feature_window window;
    uint64_t *known;
    uint64_t missing, invalid;
};

static void
add_reference_cell(void *arg, const struct otc_cell *cell)
{
    struct fixture *f = arg;

    if (cell->kind == OTC_CELL_NUMBER) {
        assert_true(otc_reference_builder_number(f->builder, 0, cell->number, INT64_MIN));
    } else {
        otc_reference_builder_missing(f->builder, 0);
    }
}

static void
add_number(struct fixture *f, double value)
{
    size_t cell = otc_cells_find(&f->window.reference->cells, value);

    if (cell % 2) {
        f->window.cells.eq[cell / 2]++;
    } else {
        f->window.cells.gap[cell / 2]++;
        f->window.cells.gap_sum[cell / 2] +=
            value - otc_cells_gap_origin(f->window.reference->cells.points, cell / 2);
    }
    f->window.cells.total++;
    f->window.observations++;
}

static void
add_current_cell(void *arg, const struct otc_cell *cell)
{
    struct fixture *f = arg;

    if (cell->kind == OTC_CELL_NUMBER) {
        add_number(f, cell->number);
    } else {
        f->window.missing++;
    }
}

static void
begin(struct fixture *f, enum otc_feature_type type, const struct otc_reference_limits *limits)
{
    *f = (struct fixture){.builder = otc_reference_builder_new(limits, 10)};
    assert_non_null(f->builder);
    assert_int_equal(otc_reference_builder_feature(f->builder, otc_slice_str("x"), type, OTC_KIND_INPUT), 0);
}

static void
freeze(struct fixture *f)
{
    const struct otc_reference_feature *feature;

    assert_int_equal(
        otc_reference_builder_finish(f->builder, otc_slice_str("m"), "x.csv", 0, &f->reference, NULL),
        OTC_OK);
    otc_reference_builder_free(f->builder);
    f->builder = NULL;
    feature = otc_reference_find(f->reference, otc_slice_str("x"));
    assert_non_null(feature);
    f->window.reference = feature;
    f->window.design_effect = 1;
    f->window.cells.eq = calloc(feature->cells.n + 1, sizeof(uint64_t));
    f->window.cells.gap = calloc(feature->cells.n + 1, sizeof(uint64_t));
    f->window.cells.gap_sum = calloc(feature->cells.n + 1, sizeof(double));
    f->known = calloc(feature->n_categories + 1, sizeof(uint64_t));
    f->window.categories.known = f->known;
    assert_true(f->window.cells.eq && f->window.cells.gap && f->window.cells.gap_sum && f->known);
}

static void
end(struct fixture *f)
{
    otc_reference_builder_free(f->builder);
    otc_reference_unref(f->reference);
    free(f->window.cells.eq);
    free(f->window.cells.gap);
    free(f->window.cells.gap_sum);
    free(f->known);
}

static const struct otc_decision any_size = {OTC_CORRECTION_BENJAMINI_HOCHBERG,
                                             0.001,
                                             {0.1, 0.1, 0.1, 0.05},
                                             0,
                                             OTC_RULE_TESTS,
                                             {0},
                                             OTC_EMPTY_LAPLACE,
                                             0.5};

static struct otc_feature_result
evaluate(const struct fixture *f)
{
    struct otc_feature_result result;

    assert_int_equal(otc_evaluate_feature(&f->window, &any_size, &result, NULL), OTC_OK);
    return result;
}

/** D to 1e-12 and p as scipy's ks_2samp(method="auto"). */
static void
check_ks(const struct otc_json *wanted, const struct otc_feature_result *got)
{
    const struct otc_json *exact = otc_json_get(wanted, "p_exact_scipy");

    assert_close(got->ks, oracle_number(wanted, "statistic"), 1e-12);
    assert_near(got->tests[OTC_TEST_KS].p_value,
                oracle_number(wanted, exact ? "p_exact_scipy" : "p_asymp_scipy"), 1e-9);
}

static void
check_deciles(const struct otc_json *wanted, const struct fixture *f, const struct otc_feature_result *got)
{
    const struct otc_reference_feature *feature = f->window.reference;
    const struct otc_json *edges = otc_json_get(wanted, "interior_edges");
    const struct otc_json *counts = otc_json_get(wanted, "cur_counts");
    uint64_t bins[32];

    assert_int_equal(feature->n_edges, otc_json_size(edges));
    assert_int_equal(otc_json_size(counts), otc_reference_bins(feature));
    otc_reference_bin_counts(feature, f->window.cells.eq, f->window.cells.gap, bins);
    for (size_t i = 0; i < otc_json_size(counts); i++) {
        double edge = 0;
        int64_t count = -1;

        assert_true(otc_json_int(otc_json_at(counts, i), &count));
        assert_int_equal(bins[i], count);
        if (i < feature->n_edges) {
            assert_true(otc_json_number(otc_json_at(edges, i), &edge));
            /* Interpolated edges differ in the last bits between numpy releases; the counts below must not.
             */
            assert_near(feature->edges[i], edge, 1e-13);
        }
    }
    assert_near(got->psi, oracle_number(wanted, "psi_laplace_0.5"), 1e-9);
    assert_near(got->jensen_shannon, oracle_number(wanted, "js_distance_base_e"), 1e-9);
    assert_near(got->hellinger, oracle_number(wanted, "hellinger"), 1e-9);
    assert_near(got->total_variation, oracle_number(wanted, "tvd"), 1e-9);
    assert_near(got->l_infinity, oracle_number(wanted, "l_infinity"), 1e-9);
    assert_near(got->chi_squared, oracle_number(otc_json_get(wanted, "chi2_contingency"), "statistic"), 1e-9);
}

/** Every shared pair, through builder and evaluation. */
static void
test_pairs(void **state)
{
    struct otc_json *document = oracle_json("stat/oracle/pairs.json");
    const struct otc_json *cases = otc_json_get(document, "cases");
    size_t deciles = 0;

    (void)state;
    assert_int_equal(otc_json_size(cases), 18);
    for (size_t i = 0; i < otc_json_size(cases); i++) {
        const struct otc_json *pair = otc_json_at(cases, i);
        const struct otc_json *binned = otc_json_get(otc_json_get(pair, "binned"), "ref_deciles_type7_dedup");
        struct otc_feature_result result;
        struct fixture f;

        begin(&f, OTC_NUMERIC, &OTC_REFERENCE_LIMITS_DEFAULT);
        oracle_column(otc_json_get(pair, "ref"), add_reference_cell, &f);
        freeze(&f);
        oracle_column(otc_json_get(pair, "cur"), add_current_cell, &f);
        result = evaluate(&f);
        check_ks(otc_json_get(pair, "ks_2samp"), &result);
        assert_near(f.window.reference->standard_deviation,
                    oracle_number(otc_json_get(pair, "ref_summary"), "std_pop"), 1e-9);
        if (binned) {
            check_deciles(binned, &f, &result);
            deciles++;
        }
        end(&f);
    }
    assert_true(deciles >= 17);
    otc_json_free(document);
}

static struct otc_slice
text_at(const struct otc_json *array, size_t i)
{
    return otc_json_text(otc_json_at(array, i));
}

static uint64_t
count_at(const struct otc_json *array, size_t i)
{
    int64_t count = -1;

    assert_true(otc_json_int(otc_json_at(array, i), &count) && count >= 0);
    return (uint64_t)count;
}

/** Splits the current counts into the reference's categories and unseen ones. */
static void
fill_categories(struct fixture *f, const struct otc_json *names, const struct otc_json *counts,
                struct otc_category *unseen)
{
    const struct otc_reference_feature *feature = f->window.reference;

    for (size_t i = 0; i < otc_json_size(names); i++) {
        uint64_t count = count_at(counts, i);
        size_t at = 0;

        while (at < feature->n_categories &&
               !otc_slice_equal(feature->categories[at].name, text_at(names, i))) {
            at++;
        }
        if (at < feature->n_categories) {
            f->known[at] = count;
        } else {
            unseen[f->window.categories.n_unseen_categories++] =
                (struct otc_category){text_at(names, i), count};
            f->window.categories.unseen += count;
        }
        f->window.observations += count;
    }
    f->window.categories.unseen_categories = unseen;
}

static void
test_categorical_pairs(void **state)
{
    struct otc_json *document = oracle_json("stat/oracle/categorical_pairs.json");
    const struct otc_json *cases = otc_json_get(document, "cases");

    (void)state;
    assert_true(otc_json_size(cases) > 0);
    for (size_t i = 0; i < otc_json_size(cases); i++) {
        const struct otc_json *pair = otc_json_at(cases, i);
        const struct otc_json *names = otc_json_get(pair, "categories");
        const struct otc_json *chi = otc_json_get(pair, "chi2_contingency");
        struct otc_category unseen[64];
        struct otc_feature_result result;
        struct fixture f;

        begin(&f, OTC_CATEGORICAL, &OTC_REFERENCE_LIMITS_DEFAULT);
        for (size_t c = 0; c < otc_json_size(names); c++) {
            for (uint64_t n = count_at(otc_json_get(pair, "ref_counts"), c); n > 0; n--) {
                assert_true(otc_reference_builder_text(f.builder, 0, text_at(names, c), INT64_MIN));
            }
        }
        freeze(&f);
        fill_categories(&f, names, otc_json_get(pair, "cur_counts"), unseen);
        result = evaluate(&f);
        assert_near(result.total_variation, oracle_number(pair, "tvd"), 1e-9);
        assert_near(result.hellinger, oracle_number(pair, "hellinger"), 1e-9);
        assert_near(result.l_infinity, oracle_number(pair, "l_infinity"), 1e-9);
        if (otc_json_size(names) > 2) { /* of 2x2 tables the oracle gives the one without Yates */
            assert_near(result.chi_squared, oracle_number(chi, "statistic"), 1e-9);
            assert_near(result.tests[OTC_TEST_CHI_SQUARED].p_value, oracle_number(chi, "pvalue"), 1e-9);
        }
        end(&f);
    }
    otc_json_free(document);
}

/** scipy.stats.chi2_contingency([[314, 577], [152, 266]]), Yates' correction included. */
static void
test_two_categories(void **state)
{
    struct otc_feature_result result;
    struct fixture f;

    (void)state;
    begin(&f, OTC_CATEGORICAL, &OTC_REFERENCE_LIMITS_DEFAULT);
    for (int i = 0; i < 891; i++) {
        assert_true(
            otc_reference_builder_text(f.builder, 0, otc_slice_str(i < 314 ? "female" : "male"), INT64_MIN));
    }
    freeze(&f);
    assert_true(otc_slice_equal_str(f.window.reference->categories[0].name, "male"));
    f.known[0] = 266;
    f.known[1] = 152;
    f.window.observations = 418;
    result = evaluate(&f);
    assert_near(result.chi_squared, .111202258413833, 1e-9);
    assert_near(result.tests[OTC_TEST_CHI_SQUARED].p_value, .7387795114785529, 1e-9);
    assert_near(result.total_variation, .011223344556677922, 1e-9);
    end(&f);
}

/** A reference 1 ... 1000 without missing values. */
static void
begin_ladder(struct fixture *f)
{
    begin(f, OTC_NUMERIC, &OTC_REFERENCE_LIMITS_DEFAULT);
    for (int i = 1; i <= 1000; i++) {
        assert_true(otc_reference_builder_number(f->builder, 0, i, INT64_MIN));
    }
    freeze(f);
}

/** A feature that vanishes has no values to test, but its absence is a finding. */
static void
test_vanished_feature(void **state)
{
    struct otc_feature_result result;
    struct fixture f;

    (void)state;
    begin_ladder(&f);
    f.window.missing = 300;
    result = evaluate(&f);
    assert_int_equal(result.skipped, OTC_SKIP_NONE);
    assert_true(isnan(result.tests[OTC_TEST_KS].decision_p));
    assert_close(result.tests[OTC_TEST_MISSING].effect, 1, 0);
    assert_int_equal(otc_evaluate_family(&any_size, &result, 1, NULL), OTC_OK);
    assert_true(result.rejected);
    assert_int_equal(result.rejected_by, OTC_TEST_MISSING);
    end(&f);
}

/** statsmodels.stats.proportion.proportions_ztest([10, 30], [1010, 330]): z = -7.5527..., from its formula.
 */
static void
test_missing_p(void **state)
{
    struct otc_feature_result result;
    struct fixture f;
    double pooled = 40.0 / 1340;
    double z;

    (void)state;
    begin(&f, OTC_NUMERIC, &OTC_REFERENCE_LIMITS_DEFAULT);
    for (int i = 1; i <= 1000; i++) {
        assert_true(otc_reference_builder_number(f.builder, 0, i, INT64_MIN));
    }
    for (int i = 0; i < 10; i++) {
        otc_reference_builder_invalid(f.builder, 0);
    }
    freeze(&f);
    for (int i = 1; i <= 300; i++) {
        add_number(&f, i);
    }
    f.window.missing = 30;
    result = evaluate(&f);
    z = (30.0 / 330 - 10.0 / 1010) / sqrt(pooled * (1 - pooled) * (1.0 / 1010 + 1.0 / 330));
    assert_near(result.tests[OTC_TEST_MISSING].p_value, erfc(z / sqrt(2)), 1e-9);
    assert_near(result.tests[OTC_TEST_MISSING].effect, 30.0 / 330 - 10.0 / 1010, 1e-12);
    end(&f);
}

/** Nothing is tested below min_observations; with nothing at all nothing fails. */
static void
test_small_windows(void **state)
{
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result result;
    struct fixture f;

    (void)state;
    begin_ladder(&f);
    result = evaluate(&f);
    assert_int_equal(result.skipped, OTC_SKIP_MIN_OBSERVATIONS);
    for (int i = 0; i < 199; i++) {
        add_number(&f, 2000);
    }
    assert_int_equal(otc_evaluate_feature(&f.window, &decision, &result, NULL), OTC_OK);
    assert_int_equal(result.skipped, OTC_SKIP_MIN_OBSERVATIONS);
    assert_int_equal(otc_evaluate_family(&decision, &result, 1, NULL), OTC_OK);
    assert_false(result.rejected);
    assert_true(isnan(result.p_adjusted));
    add_number(&f, 2000);
    assert_int_equal(otc_evaluate_feature(&f.window, &decision, &result, NULL), OTC_OK);
    assert_int_equal(result.skipped, OTC_SKIP_NONE);
    assert_close(result.ks, 1, 0);
    f.window.reference = NULL;
    assert_int_equal(otc_evaluate_feature(&f.window, &decision, &result, NULL), OTC_OK);
    assert_int_equal(result.skipped, OTC_SKIP_NO_REFERENCE);
    end(&f);
}

/** A significant but tiny difference is not drift, and a large one in few observations is not either. */
static void
test_effect_and_evidence(void **state)
{
    struct otc_feature_result result[2];
    struct fixture f;

    (void)state;
    begin_ladder(&f);
    for (int i = 0; i < 20; i++) {
        add_number(&f, 600 + i);
    }
    result[0] = evaluate(&f);
    assert_true(result[0].ks > 0.3);
    f.window.design_effect = 20; /* as if 1 independent observation */
    result[1] = evaluate(&f);
    assert_true(result[1].tests[OTC_TEST_KS].decision_p > result[0].tests[OTC_TEST_KS].decision_p);
    assert_close(result[1].tests[OTC_TEST_KS].p_value, result[0].tests[OTC_TEST_KS].p_value, 0);
    assert_int_equal(otc_evaluate_family(&any_size, result, 2, NULL), OTC_OK);
    assert_true(result[0].rejected);
    assert_false(result[1].rejected);
    end(&f);
}

/** A category nobody saw before is found however large the reference is. */
static void
test_new_category_against_large_reference(void **state)
{
    struct otc_feature_result result;
    struct fixture f;

    (void)state;
    begin(&f, OTC_CATEGORICAL, &OTC_REFERENCE_LIMITS_DEFAULT);
    for (int i = 0; i < 100000; i++) {
        assert_true(otc_reference_builder_text(f.builder, 0, otc_slice_str("stop"), INT64_MIN));
    }
    freeze(&f);
    f.known[0] = 150;
    f.window.categories.unseen = 50;
    f.window.observations = 200;
    result = evaluate(&f);
    assert_int_equal(otc_evaluate_family(&any_size, &result, 1, NULL), OTC_OK);
    assert_true(result.rejected);
    assert_int_equal(result.rejected_by, OTC_TEST_CHI_SQUARED);
    assert_near(result.total_variation, 0.25, 1e-12);
    end(&f);
}

/** A constant column has a bin for its value and one for all others. */
static void
test_constant_reference(void **state)
{
    struct otc_feature_result result;
    struct fixture f;

    (void)state;
    begin(&f, OTC_NUMERIC, &OTC_REFERENCE_LIMITS_DEFAULT);
    for (int i = 0; i < 500; i++) {
        assert_true(otc_reference_builder_number(f.builder, 0, 7, INT64_MIN));
    }
    freeze(&f);
    for (int i = 0; i < 500; i++) {
        add_number(&f, i % 2 ? 7 : 8);
    }
    result = evaluate(&f);
    assert_int_equal(result.bins, 2);
    assert_near(result.total_variation, 0.5, 1e-12);
    assert_true(isnan(result.wasserstein_normalized));
    end(&f);
}

static void
test_design_effect(void **state)
{
    double mean[8] = {0.4, 0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.6};
    uint64_t m[8] = {10, 10, 10, 10, 10, 10, 10, 10};
    uint64_t split[12] = {100, 0, 0, 100, 100, 0, 0, 100, 100, 0, 0, 100};

    (void)state;
    /* 80 * 0.01 / 7 over 1/12 */
    assert_near(otc_design_effect(mean, m, 8, 1.0 / 12), 80 * 0.01 / 7 * 12, 1e-12);
    assert_close(otc_design_effect(mean, m, 5, 1.0 / 12), 1, 0);
    assert_close(otc_design_effect(mean, m, 8, 0), 1, 0);
    m[0] = m[1] = m[2] = 9;
    assert_close(otc_design_effect(mean, m, 8, 1.0 / 12), 1, 0);
    /* Six panes of one category each: chi-squared 600 on 5 degrees of freedom. */
    assert_near(otc_design_effect_categorical(split, 6, 2), 600.0 / 5, 1e-12);
    assert_close(otc_design_effect_categorical(split, 5, 2), 1, 0);
}

static void
test_k_of_n(void **state)
{
    struct otc_k_of_n ring = {0};

    (void)state;
    assert_false(otc_k_of_n_add(&ring, 2, 3, true));
    assert_false(otc_k_of_n_add(&ring, 2, 3, false));
    assert_true(otc_k_of_n_add(&ring, 2, 3, true));  /* 1 0 1 */
    assert_true(otc_k_of_n_add(&ring, 2, 3, false)); /* still on: not all clear */
    assert_true(otc_k_of_n_add(&ring, 2, 3, false));
    assert_false(otc_k_of_n_add(&ring, 2, 3, false)); /* none of the last 3 */
    assert_false(otc_k_of_n_add(&ring, 2, 3, true));
}

/** Shift and spread from the cells: exact where values equal points, within a gap's width elsewhere. */
static void
test_shift_and_spread(void **state)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    double deviation = sqrt((1000.0 * 1000 - 1) / 12);

    (void)state;
    for (int between = 0; between < 2; between++) {
        struct fixture f;
        struct otc_feature_result result;

        begin(&f, OTC_NUMERIC, &limits);
        for (int i = 0; i < 1000; i++) {
            assert_true(otc_reference_builder_number(f.builder, 0, i, INT64_MIN));
        }
        freeze(&f);
        for (int i = 100; i < 600; i++) {
            add_number(&f, i + 0.3 * between);
        }
        result = evaluate(&f);
        assert_near(result.mean_shift, (349.5 + 0.3 * between - 499.5) / deviation, 1e-12);
        assert_near(result.spread_ratio, sqrt((500.0 * 500 - 1) / 12) / deviation, 1e-12);
        end(&f);
    }
}

/* Where a double's last digit is 2: the mean lies between two of them, and a shift is still told by the
 * digits of the values. */
static void
test_shift_far_from_zero(void **state)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;

    (void)state;
    for (int round = 0; round < 2; round++) {
        double distinct = round ? 2 : 11, deviation = sqrt((distinct * distinct - 1) / 12);
        struct fixture f;
        struct otc_feature_result result;

        begin(&f, OTC_NUMERIC, &limits);
        for (int i = 0; i < 1100; i++) {
            assert_true(
                otc_reference_builder_number(f.builder, 0, 0x1p53 + 2 * fmod(i, distinct), INT64_MIN));
        }
        freeze(&f);
        for (int i = 0; i < 1100; i++) {
            add_number(&f, 0x1p53 + 2 * fmod(i, distinct) + 2 * (i < 550));
        }
        result = evaluate(&f);
        assert_near(f.window.reference->standard_deviation, 2 * deviation, 1e-12);
        assert_near(result.mean_shift, 0.5 / deviation, 1e-12);
        end(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shift_and_spread),
        cmocka_unit_test(test_shift_far_from_zero),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_categorical_pairs),
        cmocka_unit_test(test_two_categories),
        cmocka_unit_test(test_vanished_feature),
        cmocka_unit_test(test_missing_p),
        cmocka_unit_test(test_small_windows),
        cmocka_unit_test(test_effect_and_evidence),
        cmocka_unit_test(test_new_category_against_large_reference),
        cmocka_unit_test(test_constant_reference),
        cmocka_unit_test(test_design_effect),
        cmocka_unit_test(test_k_of_n),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
