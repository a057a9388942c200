// SPDX-License-Identifier: Apache-2.0
/* Real pairs of samples against scipy and numpy: every value of stat/oracle that this library computes. */
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/location.h"
#include "common/stats/pvalue.h"
#include "common/stats/ranks.h"
#include "common/stats/two_sample.h"
#include "tests/harness/data/testdata.h"
#include "tests/unit/common/stats/cells_of.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define MAX_BINS 64

static const char *test_case = "";

static void
assert_close(const char *what, double actual, double expected, double tolerance)
{
    if (!testdata_close(actual, expected, tolerance) && !(fabs(actual - expected) <= tolerance * 1e-3))
        fail_msg("%s: %s %.17g, expected %.17g", test_case, what, actual, expected);
}

static void
assert_within(const char *what, double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%s: %s %.17g, expected %.17g", test_case, what, actual, expected);
}

static double *
load_side(const json_t *side, size_t *n)
{
    const json_t *rows = json_object_get(side, "rows");
    size_t first = 0, end = 0;

    if (json_is_array(rows)) {
        first = (size_t)json_integer_value(json_array_get(rows, 0));
        end = (size_t)json_integer_value(json_array_get(rows, 1));
    }

    struct testdata_table table = testdata_csv(json_string_value(json_object_get(side, "file")));
    double *values =
        testdata_column(&table, json_string_value(json_object_get(side, "column")), first, end, n);

    testdata_table_free(&table);
    testdata_sort(values, *n);
    return values;
}

struct pair {
    double *ref;
    double *cur;
    size_t n;
    size_t m;
};

static void
check_ks(const struct pair *pair, const struct counted *counted, const json_t *expected)
{
    struct otc_ks cells = otc_cells_ks(&counted->cells, &counted->counts);
    struct otc_ks samples = otc_samples_ks(pair->ref, pair->n, pair->cur, pair->m);
    double d = testdata_member(expected, "statistic");
    double exact = testdata_member(expected, "p_exact_scipy");
    double limit = testdata_member(expected, "p_kolmogorov_limit_classic");
    double size = (double)pair->n * (double)pair->m / (double)(pair->n + pair->m);

    assert_within("D of the cells", cells.d, d, 1e-12);
    assert_within("D of the samples", samples.d, d, 1e-12);
    assert_true(cells.error == 0);
    assert_within("D greater", cells.d_greater, testdata_member(expected, "D_greater"), 1e-12);
    assert_within("D less", cells.d_less, testdata_member(expected, "D_less"), 1e-12);
    if (d > 0)
        assert_close("location", samples.at, testdata_member(expected, "statistic_location"), 1e-14);
    assert_close("asymptotic p", otc_ks_p_value(d, pair->n, pair->m, OTC_KS_TWO_SIDED, OTC_KS_ASYMPTOTIC),
                 testdata_member(expected, "p_asymp_scipy"), 1e-9);
    if (!isnan(exact))
        assert_close("exact p", otc_ks_p_value(d, pair->n, pair->m, OTC_KS_TWO_SIDED, OTC_KS_EXACT), exact,
                     1e-9);
    assert_close("asymptotic p greater",
                 otc_ks_p_value(cells.d_greater, pair->n, pair->m, OTC_KS_GREATER, OTC_KS_ASYMPTOTIC),
                 testdata_member(expected, "p_asymp_greater"), 1e-9);
    assert_close("asymptotic p less",
                 otc_ks_p_value(cells.d_less, pair->n, pair->m, OTC_KS_LESS, OTC_KS_ASYMPTOTIC),
                 testdata_member(expected, "p_asymp_less"), 1e-9);
    assert_close("limit p", otc_kolmogorov_sf(d * sqrt(size)), limit, 1e-9);
    assert_close("Stephens' p", otc_kolmogorov_sf(d * (sqrt(size) + 0.12 + 0.11 / sqrt(size))),
                 testdata_member(expected, "p_kolmogorov_limit_stephens"), 1e-9);
    if (d > 0)
        assert_true((cells.d_greater >= cells.d_less ? 1 : -1) ==
                    testdata_member(expected, "statistic_sign"));
}

static void
check_distances(const struct pair *pair, const struct counted *counted, const json_t *expected)
{
    double error, wasserstein = testdata_member(expected, "wasserstein_distance");
    double lower = otc_cells_wasserstein(&counted->cells, &counted->counts, &error);
    double t = testdata_member(expected, "cramervonmises_2samp_asymp.statistic");

    assert_close("Wasserstein", otc_samples_wasserstein(pair->ref, pair->n, pair->cur, pair->m), wasserstein,
                 1e-9);
    assert_true(lower <= wasserstein * (1 + 1e-9) + 1e-12);
    assert_true(lower + error >= wasserstein * (1 - 1e-9));
    assert_close("Cramer-von-Mises", otc_samples_cramer_von_mises(pair->ref, pair->n, pair->cur, pair->m), t,
                 1e-9);
}

static void
check_ranks(const struct pair *pair, const struct counted *counted, const json_t *expected)
{
    struct otc_mann_whitney samples = otc_samples_mann_whitney(pair->ref, pair->n, pair->cur, pair->m);
    struct otc_mann_whitney cells = otc_cells_mann_whitney(&counted->cells, &counted->counts);
    double t = testdata_member(expected, "cramervonmises_2samp_asymp.statistic");
    double u = testdata_member(expected, "mannwhitneyu_asymp.U");

    assert_true(samples.u == u);
    assert_true(cells.u == u);
    assert_close("AUC", samples.auc, 1 - u / ((double)pair->n * (double)pair->m), 1e-12);
    assert_close("Mann-Whitney p", otc_mann_whitney_p_value(&samples, OTC_TWO_SIDED, OTC_P_ASYMPTOTIC),
                 testdata_member(expected, "mannwhitneyu_asymp.pvalue"), 1e-9);
    assert_close("Cramer-von-Mises p", otc_cramer_von_mises_p_value(t, pair->n, pair->m, OTC_P_ASYMPTOTIC),
                 testdata_member(expected, "cramervonmises_2samp_asymp.pvalue"), 1e-9);
    assert_close("energy", otc_samples_energy(pair->ref, pair->n, pair->cur, pair->m),
                 testdata_member(expected, "energy_distance"), 1e-9);
}

static void
check_shift(const struct pair *pair, const json_t *expected)
{
    struct otc_moments ref = {0}, cur = {0};

    for (size_t i = 0; i < pair->n; i++)
        otc_moments_add(&ref, pair->ref[i]);
    for (size_t i = 0; i < pair->m; i++)
        otc_moments_add(&cur, pair->cur[i]);

    struct otc_shift shift = otc_shift_of(&ref, &cur, false);

    /* Equal columns with a mean that rounding alone moves: t is 0 but for that. */
    assert_close("Welch's t", shift.t, testdata_member(expected, "welch_t.t"), 1e-9);
    assert_close("Welch's p", shift.p_value, testdata_member(expected, "welch_t.pvalue"), 1e-9);
    if (testdata_member(expected, "ref_summary.std_pop") > 0)
        assert_close(
            "mean shift", shift.mean,
            (testdata_member(expected, "cur_summary.mean") - testdata_member(expected, "ref_summary.mean")) /
                testdata_member(expected, "ref_summary.std_pop"),
            1e-9);
}

static void
check_summary(const double *values, size_t n, const json_t *expected)
{
    struct otc_moments moments = {0};
    size_t distinct = 0;
    const char *q;
    json_t *quantile;

    for (size_t i = 0; i < n; i++)
        otc_moments_add(&moments, values[i]);
    for (size_t i = 0; i < n; i++)
        distinct += i == 0 || values[i] != values[i - 1];
    assert_true((double)n == testdata_member(expected, "n"));
    assert_true((double)distinct == testdata_member(expected, "distinct"));
    assert_close("minimum", values[0], testdata_member(expected, "min"), 1e-14);
    assert_close("maximum", values[n - 1], testdata_member(expected, "max"), 1e-14);
    assert_close("sum", moments.mean * (double)n, testdata_member(expected, "sum"), 1e-12);
    assert_close("mean", moments.mean, testdata_member(expected, "mean"), 1e-12);
    assert_close("deviation", sqrt(otc_moments_variance(&moments)), testdata_member(expected, "std_pop"),
                 1e-9);
    assert_close("deviation", sqrt(otc_moments_sample_variance(&moments)),
                 testdata_member(expected, "std_sample"), 1e-9);
    json_object_foreach(json_object_get(expected, "quantiles"), q, quantile)
    {
        double share = strtod(q, NULL);

        /* The oracle read its files with a parser that is at times one unit in the last place off. */

        assert_close("quantile", otc_quantile_linear(values, n, share),
                     testdata_member(quantile, "type7_linear"), 1e-14);
        assert_close("nearest rank", otc_quantile_nearest(values, n, share),
                     testdata_member(quantile, "inverted_cdf_nearest_rank"), 1e-14);
    }
}

/* The statistics of two rows of counts, whatever keys the case has. */
static void
check_counts(const uint64_t *ref, const uint64_t *cur, size_t bins, const json_t *expected)
{
    struct {
        const char *name;
        double value;
    } checks[] = {
        {"psi_laplace_0.5", otc_psi(ref, cur, bins, OTC_EMPTY_LAPLACE, 0.5)},
        {"psi_floor_1e-4", otc_psi(ref, cur, bins, OTC_EMPTY_CLIP, 1e-4)},
        {"psi_floor_1e_4", otc_psi(ref, cur, bins, OTC_EMPTY_CLIP, 1e-4)},
        {"psi_floor_1e-4_renormalised", otc_psi(ref, cur, bins, OTC_EMPTY_CLIP_RENORMALIZED, 1e-4)},
        {"psi_add_1e-5_popmon", otc_psi(ref, cur, bins, OTC_EMPTY_EPSILON, 1e-5)},
        {"psi_add_1e_5", otc_psi(ref, cur, bins, OTC_EMPTY_EPSILON, 1e-5)},
        {"js_distance_base_e", otc_jensen_shannon(ref, cur, bins, 0)},
        {"js_distance_base_2", otc_jensen_shannon(ref, cur, bins, 2)},
        {"js_divergence_base_2", pow(otc_jensen_shannon(ref, cur, bins, 2), 2)},
        {"tvd", otc_total_variation(ref, cur, bins)},
        {"l_infinity", otc_l_infinity(ref, cur, bins)},
        {"hellinger", otc_hellinger(ref, cur, bins)},
    };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (json_object_get(expected, checks[i].name))
            assert_close(checks[i].name, checks[i].value,
                         testdata_number(json_object_get(expected, checks[i].name)), 1e-9);

    struct otc_chi_squared plain = otc_chi_squared_uncorrected(ref, cur, bins);

    if (!json_is_object(json_object_get(expected, "chi2_contingency")))
        return;
    assert_close("chi2", plain.statistic, testdata_member(expected, "chi2_contingency.statistic"), 1e-9);
    assert_close("chi2 p", plain.p_value, testdata_member(expected, "chi2_contingency.pvalue"), 1e-9);
    assert_true((double)plain.dof == testdata_member(expected, "chi2_contingency.dof"));
}

static size_t
edges_of(const struct pair *pair, const char *binning, double *out)
{
    double min = pair->ref[0], max = pair->ref[pair->n - 1];

    if (strcmp(binning, "ref_deciles_type7_dedup") == 0)
        return otc_edges_quantile(pair->ref, pair->n, 10, out);
    if (strcmp(binning, "ref_equal_width_10") == 0)
        return otc_edges_equal_width(min, max, 10, out);
    if (strcmp(binning, "ref_equal_width_20") == 0)
        return otc_edges_equal_width(min, max, 20, out);
    fail_msg("%s: unknown binning %s", test_case, binning);
    return 0;
}

/* Edges of our own, counts from the cells, against the case's edges and counts. */
static void
check_binning(const struct pair *pair, const char *binning, const json_t *expected)
{
    double edges[MAX_BINS];
    uint64_t ref[MAX_BINS], cur[MAX_BINS];
    size_t n_edges = edges_of(pair, binning, edges);
    const json_t *wanted = json_object_get(expected, "interior_edges");

    assert_int_equal(n_edges, json_array_size(wanted));
    for (size_t i = 0; i < n_edges; i++)
        assert_close("edge", edges[i], testdata_number(json_array_get(wanted, i)), 1e-14);

    struct counted counted = counted_new(pair->ref, pair->n, edges, n_edges, pair->cur, pair->m);

    otc_cells_bin(&counted.cells, counted.cells.eq, counted.cells.gap, edges, n_edges, ref);
    otc_cells_bin(&counted.cells, counted.counts.eq, counted.counts.gap, edges, n_edges, cur);
    for (size_t i = 0; i <= n_edges; i++) {
        assert_int_equal(ref[i],
                         json_integer_value(json_array_get(json_object_get(expected, "ref_counts"), i)));
        assert_int_equal(cur[i],
                         json_integer_value(json_array_get(json_object_get(expected, "cur_counts"), i)));
    }
    check_counts(ref, cur, n_edges + 1, expected);
    counted_free(&counted);
}

static void
test_pairs(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/oracle/pairs.json"), *one;
    size_t index;

    assert_int_equal(json_array_size(json_object_get(file, "cases")), 18);
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct pair pair = {0};
        const char *binning;
        json_t *expected;

        test_case = json_string_value(json_object_get(one, "id"));
        pair.ref = load_side(json_object_get(one, "ref"), &pair.n);
        pair.cur = load_side(json_object_get(one, "cur"), &pair.m);

        struct counted counted = counted_new(pair.ref, pair.n, NULL, 0, pair.cur, pair.m);

        check_summary(pair.ref, pair.n, json_object_get(one, "ref_summary"));
        check_summary(pair.cur, pair.m, json_object_get(one, "cur_summary"));
        check_ks(&pair, &counted, json_object_get(one, "ks_2samp"));
        check_distances(&pair, &counted, one);
        check_ranks(&pair, &counted, one);
        check_shift(&pair, one);
        json_object_foreach(json_object_get(one, "binned"), binning, expected)
            check_binning(&pair, binning, expected);
        counted_free(&counted);
        free(pair.ref);
        free(pair.cur);
    }
    json_decref(file);
}

static void
test_categorical_pairs(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/oracle/categorical_pairs.json"), *one;
    size_t index;

    assert_int_equal(json_array_size(json_object_get(file, "cases")), 4);
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        uint64_t ref[MAX_BINS], cur[MAX_BINS];
        const json_t *ref_counts = json_object_get(one, "ref_counts");
        const json_t *cur_counts = json_object_get(one, "cur_counts");
        size_t n = json_array_size(ref_counts);

        test_case = json_string_value(json_object_get(one, "id"));
        assert_true(n > 0 && n <= MAX_BINS && json_array_size(cur_counts) == n);
        for (size_t i = 0; i < n; i++) {
            ref[i] = (uint64_t)json_integer_value(json_array_get(ref_counts, i));
            cur[i] = (uint64_t)json_integer_value(json_array_get(cur_counts, i));
        }
        check_counts(ref, cur, n, one);
    }
    json_decref(file);
}

/* ---- Token lengths of production services, as distributions a window ------------------------------------
 */

/* A distribution as counts: probabilities of 2^52 parts. */
struct mass {
    double *values;
    double *shares;
    size_t n;
};

static struct mass
mass_of(const struct testdata_table *table, const char *field, double start)
{
    struct mass out = {calloc(table->rows + 1, sizeof(double)), calloc(table->rows + 1, sizeof(double)), 0};
    double sum = 0;

    for (size_t row = 0; row < table->rows; row++) {
        if (testdata_cell_number(table, row, "window_start_s") != start ||
            strcmp(testdata_cell(table, row, "field"), field) != 0)
            continue;
        out.values[out.n] = testdata_cell_number(table, row, "value");
        out.shares[out.n] = testdata_cell_number(table, row, "probability");
        assert_true(out.n == 0 || out.values[out.n] > out.values[out.n - 1]);
        sum += out.shares[out.n++];
    }
    for (size_t i = 0; i < out.n; i++)
        out.shares[i] /= sum;
    return out;
}

static void
mass_free(struct mass *mass)
{
    free(mass->values);
    free(mass->shares);
}

static uint64_t
take(const struct mass *mass, size_t *at, double value)
{
    if (*at == mass->n || mass->values[*at] != value)
        return 0;
    return (uint64_t)llround(mass->shares[(*at)++] * 0x1p52);
}

/* Both over the union of their values. */
static void
check_masses(const struct mass *ref, const struct mass *cur, const json_t *expected)
{
    size_t room = ref->n + cur->n, n = 0, i = 0, j = 0;
    double *points = calloc(room + 1, sizeof(double)), *sums = calloc(room + 1, sizeof(double)), error;
    uint64_t *p = calloc(room + 1, sizeof(uint64_t)), *q = calloc(room + 1, sizeof(uint64_t));
    uint64_t *gaps = calloc(room + 1, sizeof(uint64_t));
    struct otc_cells cells = {.points = points, .eq = p, .gap = gaps};
    struct otc_cell_counts counts = {.eq = q, .gap = gaps, .gap_sum = sums};

    while (i < ref->n || j < cur->n) {
        points[n] =
            j == cur->n || (i < ref->n && ref->values[i] <= cur->values[j]) ? ref->values[i] : cur->values[j];
        p[n] = take(ref, &i, points[n]);
        q[n] = take(cur, &j, points[n]);
        cells.total += p[n];
        counts.total += q[n++];
    }
    cells.n = n;
    assert_within("D", otc_cells_ks(&cells, &counts).d, testdata_member(expected, "ks_D"), 1e-12);
    assert_close("Wasserstein", otc_cells_wasserstein(&cells, &counts, &error),
                 testdata_member(expected, "wasserstein"), 1e-9);
    assert_within("Wasserstein's error", error, 0, 0);
    assert_close("Jensen-Shannon", otc_jensen_shannon(p, q, n, 2),
                 testdata_member(expected, "js_distance_base_2"), 1e-9);
    assert_close("total variation", otc_total_variation(p, q, n), testdata_member(expected, "tvd"), 1e-9);
    free(points);
    free(sums);
    free(p);
    free(q);
    free(gaps);
}

static void
test_servegen_windows(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/oracle/servegen_windows.json"), *one, *window;
    size_t index, w, checked = 0;

    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct testdata_table table = testdata_csv(json_string_value(json_object_get(one, "file")));
        const char *field = json_string_value(json_object_get(one, "field"));
        struct mass ref = mass_of(&table, field, testdata_member(one, "baseline_window"));

        test_case = field;
        json_array_foreach(json_object_get(one, "windows"), w, window)
        {
            struct mass cur = mass_of(&table, field, testdata_member(window, "window_start_s"));

            assert_true((double)cur.n == testdata_member(window, "support"));
            check_masses(&ref, &cur, window);
            mass_free(&cur);
            checked++;
        }
        mass_free(&ref);
        testdata_table_free(&table);
    }
    assert_int_equal(index, 13);
    assert_int_equal(checked, 154);
    json_decref(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_categorical_pairs),
        cmocka_unit_test(test_servegen_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
