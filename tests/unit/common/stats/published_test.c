// SPDX-License-Identifier: Apache-2.0
/* Values printed in the tests of scipy, popmon, frouros, evidently and NannyML. */
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/histogram.h"
#include "common/stats/location.h"
#include "common/stats/pvalue.h"
#include "common/stats/ranks.h"
#include "common/stats/two_sample.h"
#include "tests/harness/data/testdata.h"
#include "tests/unit/common/stats/cells_of.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char *
text(const json_t *one, const char *key)
{
    const char *value = json_string_value(json_object_get(one, key));

    return value ? value : "";
}

static double *
sorted(const json_t *one, const char *key, size_t *n)
{
    double *values = testdata_numbers(json_object_get(one, key), n);

    testdata_sort(values, *n);
    return values;
}

static void
check_ks(const json_t *one)
{
    size_t n, m;
    double *x = sorted(one, "x", &n), *y = sorted(one, "y", &m);
    struct counted counted = counted_new(x, n, NULL, 0, y, m);
    struct otc_ks ks = otc_cells_ks(&counted.cells, &counted.counts);
    const char *side = text(one, "alternative");
    enum otc_ks_alternative alternative = strcmp(side, "greater") == 0 ? OTC_KS_GREATER
                                          : strcmp(side, "less") == 0  ? OTC_KS_LESS
                                                                       : OTC_KS_TWO_SIDED;
    double d = alternative == OTC_KS_GREATER ? ks.d_greater : alternative == OTC_KS_LESS ? ks.d_less : ks.d;
    double p = otc_ks_p_value(d, n, m, alternative,
                              strcmp(text(one, "method"), "asymp") == 0 ? OTC_KS_ASYMPTOTIC : OTC_KS_AUTO);

    if (!(fabs(d - testdata_member(one, "expected_statistic")) <= testdata_member(one, "tol_stat")))
        fail_msg("%s: D %.17g", text(one, "id"), d);
    if (!testdata_close(p, testdata_member(one, "local_pvalue"), 1e-9))
        fail_msg("%s: p %.17g, expected %.17g", text(one, "id"), p, testdata_member(one, "local_pvalue"));
    if (!(fabs(p - testdata_member(one, "expected_pvalue")) <=
          testdata_member(one, "tol_p_abs") + testdata_member(one, "tol_p_rel") * p))
        fail_msg("%s: p %.17g beyond the published tolerance", text(one, "id"), p);
    counted_free(&counted);
    free(x);
    free(y);
}

static void
test_ks_2samp(void **state)
{
    (void)state;
    static const char *const files[] = {"stat/published/ks_2samp_scipy.json",
                                        "stat/published/ks_2samp_scipy_large.json"};
    size_t index;
    json_t *one;

    if (!testdata_here())
        skip();
    for (size_t i = 0; i < 2; i++) {
        json_t *file = testdata_json(files[i]);

        assert_int_equal(json_array_size(json_object_get(file, "cases")), i == 0 ? 21 : 2);
        json_array_foreach(json_object_get(file, "cases"), index, one) check_ks(one);
        json_decref(file);
    }
}

static void
test_ks_location(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/ks_location_sign_scipy.json"), *one;
    size_t index;

    assert_int_equal(json_array_size(json_object_get(file, "cases")), 4);
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        double x[10], y[10];

        for (int i = 0; i < 10; i++)
            x[i] = y[i] = i;
        x[6] = testdata_member(one, "x6");
        testdata_sort(x, 10);

        struct counted counted = counted_new(x, 10, y, 10, y, 10);
        struct otc_ks ks = otc_cells_ks(&counted.cells, &counted.counts);
        double location = testdata_member(one, "expected_location");
        bool positive = testdata_member(one, "expected_sign") > 0;

        assert_true(fabs(ks.d - testdata_member(one, "expected_statistic")) < 1e-12);
        assert_true(ks.at == location);
        assert_true(otc_samples_ks(x, 10, y, 10).at == location);
        assert_true(positive ? ks.d_greater == ks.d : ks.d_less == ks.d);
        counted_free(&counted);
    }
    json_decref(file);
}

static void
test_chi2_contingency(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/chi2_contingency_scipy.json"), *one;
    size_t index;

    assert_int_equal(json_array_size(json_object_get(file, "cases")), 3);
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        uint64_t rows[2][2];

        for (size_t i = 0; i < 4; i++)
            rows[i / 2][i % 2] = (uint64_t)json_integer_value(
                json_array_get(json_array_get(json_object_get(one, "observed"), i / 2), i % 2));

        bool yates = json_is_true(json_object_get(one, "correction"));
        struct otc_chi_squared out = yates ? otc_chi_squared_contingency(rows[0], rows[1], 2)
                                           : otc_chi_squared_uncorrected(rows[0], rows[1], 2);

        if (strcmp(text(one, "expect"), "error") == 0) {
            /* What scipy refuses, a union of categories cannot have: the empty column is left out. */
            assert_true(out.dof == 0 && out.p_value == 1);
            continue;
        }
        assert_true(testdata_close(out.p_value, testdata_member(one, "expected_p"), 1e-12));
        if (json_object_get(one, "expected_chi2"))
            assert_true(fabs(out.statistic - testdata_member(one, "expected_chi2")) < 1e-12);
    }
    json_decref(file);
}

/* A sample with integral weights as a sorted sample with repetitions; false when a weight is not integral. */
static bool
repeated(const json_t *one, const char *values_key, const char *weights_key, double **out, size_t *n)
{
    size_t given;
    const json_t *weights = json_object_get(one, weights_key);
    double *values = testdata_numbers(json_object_get(one, values_key), &given);

    *n = 0;
    *out = calloc(given * 32 + 1, sizeof(double));
    for (size_t i = 0; i < given; i++) {
        double weight = json_is_array(weights) ? testdata_number(json_array_get(weights, i)) : 1;

        assert_true(weight >= 0 && weight <= 32);
        if (weight != floor(weight)) {
            free(values);
            return false;
        }
        for (double k = 0; k < weight; k++)
            (*out)[(*n)++] = values[i];
    }
    testdata_sort(*out, *n);
    free(values);
    return true;
}

static void
test_wasserstein(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/wasserstein_energy_scipy.json"), *one;
    size_t index;

    assert_int_equal(json_array_size(json_object_get(file, "cases")), 11);
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        double *u = NULL, *v = NULL;
        size_t n, m;
        bool energy = strcmp(text(one, "statistic"), "energy_distance") == 0;

        assert_true(repeated(one, "u", "u_weights", &u, &n) && repeated(one, "v", "v_weights", &v, &m));

        double actual = energy ? otc_samples_energy(u, n, v, m) : otc_samples_wasserstein(u, n, v, m);

        if (!(fabs(actual - testdata_member(one, "expected")) < 1e-12))
            fail_msg("%s: %.17g", text(one, "id"), actual);
        free(u);
        free(v);
    }
    json_decref(file);
}

/* Shares of a published case as counts: all are hundredths. */
static void
hundredths(const json_t *one, const char *key, uint64_t counts[4])
{
    for (size_t i = 0; i < 4; i++)
        counts[i] = (uint64_t)lround(100 * testdata_number(json_array_get(json_object_get(one, key), i)));
}

static double
popmon_value(const json_t *one, const json_t *expected)
{
    uint64_t p[4] = {0}, q[4] = {0};
    const char *statistic = text(one, "statistic");

    if (strcmp(statistic, "ks_prob") == 0)
        return otc_kolmogorov_sf(testdata_member(one, "z"));
    if (json_object_get(one, "p")) {
        hundredths(one, "p", p);
        hundredths(one, "q", q);
        return strcmp(statistic, "psi") == 0 ? otc_psi(p, q, 4, OTC_EMPTY_EPSILON, 1e-5)
                                             : otc_kullback_leibler(p, q, 4, OTC_EMPTY_EPSILON, 1e-5);
    }

    size_t bins = json_array_size(json_object_get(one, "n"));

    for (size_t i = 0; i < bins; i++) {
        p[i] = (uint64_t)json_integer_value(json_array_get(json_object_get(one, "n"), i));
        q[i] = (uint64_t)json_integer_value(json_array_get(json_object_get(one, "m"), i));
    }
    if (strcmp(statistic, "ks_hist_scaled") == 0) {
        double points[4] = {0, 1, 2, 3};
        uint64_t gaps[5] = {0};
        struct otc_cells cells = {.points = points, .eq = p, .gap = gaps, .n = bins, .total = p[0] + p[1]};
        struct otc_cell_counts counts = {.eq = q, .gap = gaps, .total = q[0] + q[1]};
        double n = (double)cells.total, m = (double)counts.total;

        return otc_cells_ks(&cells, &counts).d * sqrt(n * m / (n + m));
    }

    struct otc_chi_squared chi = otc_chi_squared_uncorrected(p, q, bins);

    assert_true(fabs(chi.p_value - testdata_member(expected, "p")) < 1e-4);
    assert_true(fabs(chi.statistic / (double)chi.dof - testdata_member(expected, "chi2_norm")) < 1e-4);
    return chi.statistic;
}

static void
test_popmon(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/hist_comparisons_popmon.json"), *one;
    size_t index;

    assert_int_equal(json_array_size(json_object_get(file, "cases")), 5);
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        const json_t *expected = json_object_get(one, "expected");
        double tolerance = pow(10, -testdata_member(one, "decimals"));
        double wanted =
            json_is_object(expected) ? testdata_member(expected, "chi2") : testdata_number(expected);
        double actual = popmon_value(one, expected);

        if (!(fabs(actual - wanted) <= tolerance))
            fail_msg("%s: %.17g, expected %.17g", text(one, "id"), actual, wanted);
        if (json_object_get(one, "local"))
            assert_true(testdata_close(actual, testdata_member(one, "local"), 1e-9));
    }
    json_decref(file);
}

/* frouros: equal width over the union's range, the last bin closed, empty shares DBL_MIN. */
static double
frouros_value(const char *statistic, const double *ref, size_t n, const double *cur, size_t m)
{
    size_t bins = strstr(statistic, "20bins") ? 20 : 10;
    uint64_t p[20], q[20];
    double edges[21];

    otc_histogram_edges(fmin(ref[0], cur[0]), fmax(ref[n - 1], cur[m - 1]), bins, edges);
    assert_int_equal(otc_histogram_counts(ref, n, edges, bins + 1, p), n);
    assert_int_equal(otc_histogram_counts(cur, m, edges, bins + 1, q), m);
    if (strcmp(statistic, "wasserstein_distance") == 0)
        return otc_samples_wasserstein(ref, n, cur, m);
    if (strcmp(statistic, "energy_distance") == 0)
        return otc_samples_energy(ref, n, cur, m);
    if (strncmp(statistic, "psi_equalwidth", 14) == 0)
        return otc_psi(p, q, bins, OTC_EMPTY_FILL, DBL_MIN);
    if (strncmp(statistic, "hellinger", 9) == 0)
        return otc_hellinger(p, q, bins);
    if (strncmp(statistic, "bhattacharyya", 13) == 0)
        return otc_bhattacharyya(p, q, bins, DBL_EPSILON);
    fail_msg("unknown statistic %s", statistic);
    return NAN;
}

static void
test_frouros(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/distances_frouros.json"), *one;
    size_t index;

    assert_int_equal(json_array_size(json_object_get(file, "cases")), 7);
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        size_t n, m;
        double *ref = sorted(one, "reference", &n), *cur = sorted(one, "current", &m);
        double actual = frouros_value(text(one, "statistic"), ref, n, cur, m);

        if (!testdata_close(actual, testdata_member(one, "local"), 1e-9))
            fail_msg("%s: %.17g, expected %.17g", text(one, "id"), actual, testdata_member(one, "local"));
        free(ref);
        free(cur);
    }
    json_decref(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ks_2samp),         cmocka_unit_test(test_ks_location),
        cmocka_unit_test(test_chi2_contingency), cmocka_unit_test(test_wasserstein),
        cmocka_unit_test(test_popmon),           cmocka_unit_test(test_frouros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
