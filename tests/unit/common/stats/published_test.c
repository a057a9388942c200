// SPDX-License-Identifier: Apache-2.0
/* Values printed in the tests of scipy, popmon, frouros, evidently and NannyML. */
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/pvalue.h"
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

        assert_true(json_array_size(json_object_get(file, "cases")) > 0);
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
    size_t index, checked = 0;

    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        double *u = NULL, *v = NULL;
        size_t n, m;

        if (strcmp(text(one, "statistic"), "wasserstein_distance") != 0)
            continue;
        if (repeated(one, "u", "u_weights", &u, &n) && repeated(one, "v", "v_weights", &v, &m)) {
            double w = otc_samples_wasserstein(u, n, v, m);

            if (!(fabs(w - testdata_member(one, "expected")) < 1e-12))
                fail_msg("%s: %.17g", text(one, "id"), w);
            checked++;
        }
        free(u);
        free(v);
    }
    assert_true(checked >= 6);
    json_decref(file);
}

static void
test_popmon(void **state)
{
    (void)state;
    /* popmon's kl2 and psi1: shares .85 .05 .05 .05 and .25 four times, each + 1e-5. */
    static const uint64_t p[] = {85, 5, 5, 5}, q[] = {25, 25, 25, 25};

    assert_true(testdata_close(otc_psi(p, q, 4, OTC_EMPTY_EPSILON, 1e-5), 1.699815077214137, 1e-12));
    assert_true(
        testdata_close(otc_kullback_leibler(p, q, 4, OTC_EMPTY_EPSILON, 1e-5), 0.7987573868892602, 1e-4));
    assert_true(testdata_close(otc_kolmogorov_sf(0.1), 1, 1e-9));
}

/* frouros: equal width over the union's range, the last bin closed, empty shares DBL_MIN. */
static void
check_frouros(const json_t *one)
{
    size_t n, m;
    double *ref = sorted(one, "reference", &n), *cur = sorted(one, "current", &m);
    const char *statistic = text(one, "statistic");
    double expected = testdata_member(one, "local"), actual = NAN;
    size_t bins = strstr(statistic, "20bins") ? 20 : 10;
    uint64_t ref_counts[20] = {0}, cur_counts[20] = {0};
    double edges[20];
    size_t n_edges = otc_edges_equal_width(fmin(ref[0], cur[0]), fmax(ref[n - 1], cur[m - 1]), bins, edges);

    for (size_t i = 0; i < n; i++)
        ref_counts[otc_bin_of(edges, n_edges, ref[i])]++;
    for (size_t i = 0; i < m; i++)
        cur_counts[otc_bin_of(edges, n_edges, cur[i])]++;
    if (strcmp(statistic, "wasserstein_distance") == 0)
        actual = otc_samples_wasserstein(ref, n, cur, m);
    else if (strncmp(statistic, "psi_equalwidth", 14) == 0)
        actual = otc_psi(ref_counts, cur_counts, bins, OTC_EMPTY_FILL, DBL_MIN);
    else if (strncmp(statistic, "hellinger", 9) == 0)
        actual = otc_hellinger(ref_counts, cur_counts, bins);
    if (!isnan(actual) && !testdata_close(actual, expected, 1e-9))
        fail_msg("%s: %.17g, expected %.17g", text(one, "id"), actual, expected);
    free(ref);
    free(cur);
}

static void
test_frouros(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/distances_frouros.json"), *one;
    size_t index;

    json_array_foreach(json_object_get(file, "cases"), index, one) check_frouros(one);
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
