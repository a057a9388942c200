// SPDX-License-Identifier: Apache-2.0
/* What evidently, NannyML, frouros, popmon and scouter say, from their own tests and from runs of them. */
#include "common/analysis/compat.h"
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/histogram.h"
#include "common/stats/two_sample.h"
#include "tests/harness/data/testdata.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_CATEGORIES 64

static const char *test_case = "";
static size_t checked;

static void
assert_close(const char *what, double actual, double expected, double tolerance)
{
    checked++;
    if (!testdata_close(actual, expected, tolerance) && !(fabs(actual - expected) <= tolerance * 1e-3))
        fail_msg("%s: %s %.17g, expected %.17g", test_case, what, actual, expected);
}

static struct otc_compat_feature
evaluate(enum otc_compat compat, const struct otc_compat_pair *pair)
{
    struct otc_compat_feature out;
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_compat_evaluate(compat, pair, &out, &err), OTC_OK);
    return out;
}

static const struct otc_compat_result *
find(const struct otc_compat_feature *feature, const char *method)
{
    for (size_t i = 0; i < feature->n; i++)
        if (strcmp(feature->results[i].method, method) == 0)
            return &feature->results[i];
    return NULL;
}

static const struct otc_compat_result *
get(const struct otc_compat_feature *feature, const char *method)
{
    const struct otc_compat_result *result = find(feature, method);

    if (!result)
        fail_msg("%s: no %s", test_case, method);
    return result;
}

static const char *
text(const json_t *one, const char *key)
{
    const char *value = json_string_value(json_object_get(one, key));

    return value ? value : "";
}

/* ---- The oracle: the libraries run on real pairs ------------------------------------------------------- */

static double *
load_side(const json_t *side, size_t *n)
{
    const json_t *rows = json_object_get(side, "rows");
    size_t first = 0, end = 0;

    if (json_is_array(rows)) {
        first = (size_t)json_integer_value(json_array_get(rows, 0));
        end = (size_t)json_integer_value(json_array_get(rows, 1));
    }

    struct testdata_table table = testdata_csv(text(side, "file"));
    double *values = testdata_column(&table, text(side, "column"), first, end, n);

    testdata_table_free(&table);
    testdata_sort(values, *n);
    return values;
}

/* The oracle's name of a library's method, and ours. */
static const char *
method_of(const char *name)
{
    static const char *const names[][2] = {{"KolmogorovSmirnovStatistic", "kolmogorov_smirnov"},
                                           {"ContinuousJensenShannonDistance", "jensen_shannon"},
                                           {"CategoricalJensenShannonDistance", "jensen_shannon"},
                                           {"WassersteinDistance", "wasserstein"},
                                           {"ContinuousHellingerDistance", "hellinger"},
                                           {"CategoricalHellingerDistance", "hellinger"},
                                           {"LInfinityDistance", "l_infinity"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i][0]) == 0)
            return names[i][1];
    return name;
}

static void
check_peer(const struct otc_compat_pair *pair, const char *key, const json_t *value)
{
    const char *dot = strchr(key, '.');
    enum otc_compat compat = OTC_COMPAT_NONE;
    bool flagged = json_is_array(value);
    double expected = testdata_number(flagged ? json_array_get(value, 0) : value);

    assert_true(dot && otc_compat_parse(otc_slice_of(key, (size_t)(dot - key)), &compat));

    struct otc_compat_feature feature = evaluate(compat, pair);
    const struct otc_compat_result *result = get(&feature, method_of(dot + 1));

    /* sqrt(1 - overlap) of equal shares is the root of the overlap's rounding in evidently. */
    if (strcmp(key, "evidently.hellinger") == 0 && expected < 1e-7)
        assert_true(result->value < 1e-7 && ++checked);
    else
        assert_close(key, result->value, expected, 1e-9);
    if (flagged)
        assert_true(result->drifted == json_is_true(json_array_get(value, 1)));
}

static void
check_peers(const struct otc_compat_pair *pair, const json_t *peers)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)peers, key, value)
    {
        if (strcmp(key, "evidently.bins") == 0)
            continue; /* an explanation */
        if (strcmp(key, "evidently.n_bins") == 0) {
            double min = fmin(pair->ref[0], pair->cur[0]);
            double max = fmax(pair->ref[pair->n - 1], pair->cur[pair->m - 1]);

            assert_int_equal(otc_bins_sturges(max - min, pair->n + pair->m, false, 100),
                             json_integer_value(value));
            checked++;
            continue;
        }
        check_peer(pair, key, value);
    }
}

static void
test_oracle_pairs(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/oracle/pairs.json"), *one;
    size_t index;

    checked = 0;
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct otc_compat_pair pair = {.type = OTC_NUMERIC};
        double *ref, *cur;

        test_case = text(one, "id");
        pair.ref = ref = load_side(json_object_get(one, "ref"), &pair.n);
        pair.cur = cur = load_side(json_object_get(one, "cur"), &pair.m);
        check_peers(&pair, json_object_get(one, "peers"));
        free(ref);
        free(cur);
    }
    assert_int_equal(index, 18);
    print_message("%zu values of libraries\n", checked);
    json_decref(file);
}

static void
test_oracle_categorical(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/oracle/categorical_pairs.json"), *one;
    size_t index;

    checked = 0;
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        uint64_t ref[MAX_CATEGORIES], cur[MAX_CATEGORIES];
        struct otc_compat_pair pair = {.type = OTC_CATEGORICAL, .ref_counts = ref, .cur_counts = cur};

        test_case = text(one, "id");
        pair.k = json_array_size(json_object_get(one, "ref_counts"));
        assert_true(pair.k <= MAX_CATEGORIES);
        for (size_t i = 0; i < pair.k; i++) {
            ref[i] = (uint64_t)json_integer_value(json_array_get(json_object_get(one, "ref_counts"), i));
            cur[i] = (uint64_t)json_integer_value(json_array_get(json_object_get(one, "cur_counts"), i));
        }
        check_peers(&pair, json_object_get(one, "peers"));
    }
    assert_int_equal(index, 4);
    assert_int_equal(checked, 4 * 8);
    json_decref(file);
}

/* ---- The libraries' own tests -------------------------------------------------------------------------- */

/* A feature out of JSON: numbers sorted, or counts of the distinct values as texts; null and infinity left
 * out. */
struct feature {
    struct otc_compat_pair pair;
    double *ref, *cur;
    uint64_t ref_counts[MAX_CATEGORIES], cur_counts[MAX_CATEGORIES];
    char names[MAX_CATEGORIES][32];
};

static void
count(struct feature *feature, const json_t *values, uint64_t *counts)
{
    size_t index;
    json_t *value;

    json_array_foreach((json_t *)(uintptr_t)values, index, value)
    {
        char name[32];
        size_t k = 0;

        if (json_is_null(value))
            continue;
        if (json_is_string(value))
            snprintf(name, sizeof(name), "%s", json_string_value(value));
        else
            snprintf(name, sizeof(name), "%.17g", json_number_value(value));
        while (k < feature->pair.k && strcmp(feature->names[k], name) != 0)
            k++;
        if (k == feature->pair.k) {
            assert_true(k < MAX_CATEGORIES);
            memcpy(feature->names[feature->pair.k++], name, sizeof(name));
        }
        counts[k]++;
    }
}

static double *
finite_numbers(const json_t *values, size_t *n)
{
    size_t all;
    double *out = testdata_numbers(values, &all);

    *n = 0;
    for (size_t i = 0; i < all; i++)
        if (isfinite(out[i]))
            out[(*n)++] = out[i];
    testdata_sort(out, *n);
    return out;
}

static void
feature_init(struct feature *feature, const json_t *one, bool numeric)
{
    *feature = (struct feature){.pair = {.type = numeric ? OTC_NUMERIC : OTC_CATEGORICAL}};
    if (numeric) {
        feature->ref = finite_numbers(json_object_get(one, "reference"), &feature->pair.n);
        feature->cur = finite_numbers(json_object_get(one, "current"), &feature->pair.m);
    } else {
        count(feature, json_object_get(one, "reference"), feature->ref_counts);
        count(feature, json_object_get(one, "current"), feature->cur_counts);
    }
    feature->pair.ref = feature->ref;
    feature->pair.cur = feature->cur;
    feature->pair.ref_counts = feature->ref_counts;
    feature->pair.cur_counts = feature->cur_counts;
}

static void
feature_release(struct feature *feature)
{
    free(feature->ref);
    free(feature->cur);
}

static void
test_evidently_stattests(void **state)
{
    (void)state;
    static const char *const methods[][2] = {{"hellinger", "hellinger"},
                                             {"anderson_ksamp_pvalue", "anderson"},
                                             {"g_test_pvalue", "g_test"},
                                             {"cramer_von_mises_pvalue", "cramer_von_mises"},
                                             {"mannwhitneyu_less_pvalue", "mannw"},
                                             {"energy_distance", "ed"},
                                             {"fisher_exact_pvalue", "fisher_exact"}};
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/stattests_evidently.json"), *one;
    size_t index;

    checked = 0;
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct feature feature;
        const char *method = NULL;

        test_case = text(one, "id");
        feature_init(&feature, one, strcmp(text(one, "feature"), "num") == 0);
        for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
            if (strcmp(text(one, "statistic"), methods[i][0]) == 0)
                method = methods[i][1];
        if (method) {
            struct otc_compat_feature out = evaluate(OTC_COMPAT_EVIDENTLY, &feature.pair);
            double value = get(&out, method)->value;

            if (!(fabs(value - testdata_member(one, "expected")) <= testdata_member(one, "atol")))
                fail_msg("%s: %.17g", test_case, value);
            if (json_object_get(one, "local"))
                assert_close(method, value, testdata_member(one, "local"), 1e-9);
            checked += !json_object_get(one, "local");
        } else {
            /* Its p-value is that of a random permutation; the distance is the largest there is. */
            assert_string_equal(test_case, "tvd_2");
            assert_true(otc_total_variation(feature.ref_counts, feature.cur_counts, feature.pair.k) > 0.8);
        }
        feature_release(&feature);
    }
    assert_int_equal(index, 10);
    assert_int_equal(checked, 9);
    json_decref(file);
}

static void
test_evidently_results(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/drift_results_evidently.json"), *one;
    size_t index;

    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct feature feature;

        test_case = text(one, "id");
        feature_init(&feature, one, strcmp(text(one, "feature"), "num") == 0);

        struct otc_compat_feature out = evaluate(OTC_COMPAT_EVIDENTLY, &feature.pair);
        const struct otc_compat_result *result = get(&out, text(one, "test"));

        assert_true(result->decides);
        assert_true(fabs(result->value - testdata_member(one, "expected")) <= 1e-9);
        assert_true((result->value < testdata_member(one, "threshold")) ==
                    json_is_true(json_object_get(one, "drift")));
        feature_release(&feature);
    }
    assert_int_equal(index, 4);
    json_array_foreach(json_object_get(file, "default_test_choice"), index, one)
    {
        const char *reference = text(one, "reference");
        double first = 1, last = 1;
        int times = 1;
        double *values;
        size_t n = 0;

        /* "1.0 x 10", "1..11 x 1000": a value or a range, so many times. */
        if (sscanf(reference, "%lf..%lf", &first, &last) < 2)
            last = first = strtod(reference, NULL);
        if (strstr(reference, ".."))
            last = strtod(strstr(reference, "..") + 2, NULL);
        if (strstr(reference, " x "))
            times = (int)strtol(strstr(reference, " x ") + 3, NULL, 10);
        values = calloc((size_t)((last - first + 1) * times), sizeof(double));
        for (double value = first; value <= last; value++)
            for (int i = 0; i < times; i++)
                values[n++] = value;

        struct otc_compat_pair pair = {.type = OTC_NUMERIC, .ref = values, .n = n, .cur = values, .m = n};
        struct otc_compat_feature out = evaluate(OTC_COMPAT_EVIDENTLY, &pair);

        test_case = reference;
        assert_true(get(&out, text(one, "test"))->decides);
        assert_false(out.drifted);
        free(values);
    }
    assert_int_equal(index, 4);
    json_decref(file);
}

/* Where evidently raises an error, nothing is computed. */
static void
test_evidently_edges(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/drift_edge_behaviour_evidently.json"), *one;
    size_t index;

    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct feature feature;

        feature_init(&feature, one, true);

        struct otc_compat_feature out = evaluate(OTC_COMPAT_EVIDENTLY, &feature.pair);

        assert_true(out.n == 0 && !out.has_verdict && !out.drifted);
        feature_release(&feature);
    }
    assert_int_equal(index, 3);
    json_decref(file);
}

static void
test_nannyml_univariate(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/univariate_nannyml.json"), *one;
    size_t index;

    checked = 0;
    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct feature feature;
        const char *method = text(one, "method");

        test_case = text(one, "id");
        feature_init(&feature, one, strncmp(method, "Continuous", 10) == 0);

        struct otc_compat_feature out = evaluate(OTC_COMPAT_NANNYML, &feature.pair);

        assert_close(method, get(&out, method_of(method))->value, testdata_member(one, "local"), 1e-9);
        feature_release(&feature);
    }
    assert_int_equal(checked, 4);
    json_decref(file);
}

/* frouros' documentation: N(0, 1) and N(1, 1), 100 each, numpy's seed 31; what the other libraries say of it.
 */
static void
test_seed_31(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("stat/published/distances_frouros.json"), *one;
    size_t index;
    bool found = false;

    json_array_foreach(json_object_get(file, "cases"), index, one)
    {
        struct feature feature;
        uint64_t ref[10], cur[10];

        if (strcmp(text(one, "id"), "docstring_PSI20") != 0)
            continue;
        found = true;
        test_case = "seed 31";
        feature_init(&feature, one, true);

        struct otc_compat_feature frouros = evaluate(OTC_COMPAT_FROUROS, &feature.pair);
        struct otc_compat_feature popmon = evaluate(OTC_COMPAT_POPMON, &feature.pair);
        struct otc_compat_feature evidently = evaluate(OTC_COMPAT_EVIDENTLY, &feature.pair);

        assert_close("evidently", get(&evidently, "psi")->value, 1.6197121870389612, 1e-10);
        assert_close("frouros", get(&frouros, "PSI(num_bins=20)")->value, 134.95409065116183, 1e-10);
        assert_close("frouros", get(&frouros, "PSI")->value, 134.9974770627882, 1e-10);
        assert_close("popmon", get(&popmon, "psi(shares)")->value, 1.8049521800077308, 1e-10);
        /* popmon 1.4.12 itself in 20 bins, which takes entries for shares. */
        assert_close("popmon", get(&popmon, "psi")->value, 392.7372645750429, 1e-9);
        assert_close("popmon", get(&popmon, "jsd")->value, 20.47828710252229, 1e-9);
        assert_close("popmon", get(&popmon, "max_prob_diff")->value, 0.09, 1e-9);
        assert_close("popmon", get(&popmon, "ks")->value, 3.747665940288702, 1e-9);
        assert_close("popmon", get(&popmon, "ks_zscore")->value, 7.001757439491039, 1e-6);
        assert_close("popmon", get(&popmon, "chi2")->value, 69.48444104914694, 1e-9);
        assert_close("popmon", get(&popmon, "chi2_zscore")->value, 3.971856494428802, 1e-9);
        assert_true(popmon.has_verdict);
        assert_close("frouros", get(&frouros, "KSTest")->value, 0.55, 1e-12);
        assert_close("frouros", get(&frouros, "KSTest")->p_value, 3.0406585087050305e-14, 1e-9);
        assert_close("frouros", get(&frouros, "EMD")->value, 1.0686078744674332, 1e-10);
        assert_close("frouros", get(&frouros, "EnergyDistance")->value, 0.8359206395514527, 1e-10);
        assert_true(get(&frouros, "MannWhitneyUTest")->value == 2139);
        assert_true(fabs(get(&frouros, "WelchTTest")->value + 7.6513) < 1e-4);
        assert_true(fabs(get(&frouros, "WelchTTest")->p_value - 8.685e-13) < 1e-16);
        assert_true(fabs(get(&frouros, "CVMTest")->value - 5.3317) < 1e-4);
        assert_true(fabs(get(&frouros, "CVMTest")->p_value - 1.77e-10) < 1e-12);
        assert_false(frouros.has_verdict);

        /* Ten quantile bins of the reference, shares clipped at 1e-4. */
        double edges[11];
        size_t n_edges = otc_edges_quantile(feature.ref, feature.pair.n, 10, edges + 1);

        edges[0] = -INFINITY;
        edges[n_edges + 1] = INFINITY;
        (void)otc_histogram_counts(feature.ref, feature.pair.n, edges, n_edges + 2, ref);
        (void)otc_histogram_counts(feature.cur, feature.pair.m, edges, n_edges + 2, cur);
        assert_close("clip", otc_psi(ref, cur, n_edges + 1, OTC_EMPTY_CLIP, 1e-4), 1.8562192945919676, 1e-10);
        assert_close("clip", otc_psi(ref, cur, n_edges + 1, OTC_EMPTY_CLIP, 1e-6), 2.31741557579321, 1e-10);
        assert_close("Laplace", otc_psi(ref, cur, n_edges + 1, OTC_EMPTY_LAPLACE, 0.5), 1.3297581027138128,
                     1e-10);
        feature_release(&feature);
    }
    assert_true(found);
    json_decref(file);
}

/* ---- The table of goldens: scipy 1.10.1, numpy 1.24.2 on public data ----------------------------------- */

static void
test_golden_table(void **state)
{
    (void)state;
    static const char *const elec2 = "series/streaming/elec2.csv";
    static const char *const conversation = "series/azure_llm_2023/AzureLLMInferenceTrace_conv.csv";
    static const char *const code = "series/azure_llm_2023/AzureLLMInferenceTrace_code.csv";
    static const struct {
        const char *ref, *cur, *column;
        size_t rows[4];
        /* KS D, W1, W1 / deviation, evidently's PSI, quantile PSI with 1e-4, JS (ln), JS (log2), Hellinger */
        double expected[8];
    } cases[] = {
        {elec2,
         elec2,
         "nswprice",
         {0, 22656, 22656, 0},
         {0.451227048, 0.01859167925, 0.71459429, 0.2737836465, 1.095765994, 0.185677084, 0.4212887556,
          0.371965023}},
        {elec2,
         elec2,
         "nswdemand",
         {0, 22656, 22656, 0},
         {0.02582097458, 0.006096517744, 0.037128199, 0.011442552, 0.004309742604, 0.03861452899,
          0.04779731742, 0.04101022399}},
        {elec2,
         elec2,
         "vicprice",
         {0, 22656, 22656, 0},
         {0.542858404, 0.001665953125, 1.6659531, 0.01188856245, 1.420359378, 0.02213052793, 0.5948561837,
          0.5091786701}},
        {elec2,
         elec2,
         "vicdemand",
         {0, 22656, 22656, 0},
         {0.4293343927, 0.100468684, 1.3930117, 2.483307507, 2.258612514, 0.521836502, 0.6631511689,
          0.5751704121}},
        {elec2,
         elec2,
         "transfer",
         {0, 22656, 22656, 0},
         {0.5696062853, 0.151183768, 1.6326999, 2.622202924, 1.644131335, 0.5318146895, 0.6654214219,
          0.5773099272}},
        {elec2,
         elec2,
         "nswprice",
         {0, 5000, 20000, 21000},
         {0.5752, 0.0308101872, 0.90671333, 2.352741662, 2.934013814, 0.4666125594, 0.6544138561,
          0.6282226352}},
        {elec2,
         elec2,
         "nswdemand",
         {0, 5000, 20000, 21000},
         {0.2842, 0.0814046814, 0.51164574, 0.4655295193, 0.4130432557, 0.2314864316, 0.2857015328,
          0.2426024482}},
        {elec2,
         elec2,
         "transfer",
         {0, 5000, 20000, 21000},
         {0.863, 0.197117739, 197.11774, 9.050430913, NAN, 0.8282098606, 0.06333709768, 0.06330902117}},
        {conversation,
         code,
         "ContextTokens",
         {0, 0, 0, 0},
         {0.3460237727, 924.8460876, 0.83410096, 0.873190094, 0.8939045777, 0.2876756426, 0.377366586,
          0.3295542841}},
        {conversation,
         conversation,
         "ContextTokens",
         {0, 9683, 9683, 0},
         {0.08261902303, 184.6923474, 0.15821421, 0.09401663475, 0.1372212688, 0.10662503, 0.1451946265,
          0.1227012194}},
        {conversation,
         code,
         "GeneratedTokens",
         {0, 0, 0, 0},
         {0.809685941, 183.5098861, 1.1267519, 2.263527328, 4.15494512, 0.4268531791, 0.7494596944,
          0.6716383045}},
        {conversation,
         conversation,
         "GeneratedTokens",
         {0, 9683, 9683, 0},
         {0.08220592791, 27.47423319, 0.16210248, 0.08594108881, 0.09167416338, 0.1036608916, 0.1278896728,
          0.1069806475}},
    };
    if (!testdata_here())
        skip();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct testdata_table first = testdata_csv(cases[i].ref), second = testdata_csv(cases[i].cur);
        struct otc_compat_pair pair = {.type = OTC_NUMERIC};
        const size_t *rows = cases[i].rows;
        const double *expected = cases[i].expected;
        double *ref = testdata_column(&first, cases[i].column, rows[0], rows[1], &pair.n), edges[11];
        double *cur =
            testdata_column(&second, cases[i].column, rows[2], rows[3] ? rows[3] : second.rows, &pair.m);
        uint64_t ref_counts[10], cur_counts[10];

        testdata_sort(ref, pair.n);
        testdata_sort(cur, pair.m);
        pair.ref = ref;
        pair.cur = cur;
        test_case = cases[i].column;

        struct otc_compat_feature evidently = evaluate(OTC_COMPAT_EVIDENTLY, &pair);
        struct otc_compat_feature nannyml = evaluate(OTC_COMPAT_NANNYML, &pair);
        struct otc_compat_feature frouros = evaluate(OTC_COMPAT_FROUROS, &pair);
        size_t n_edges = otc_edges_quantile(ref, pair.n, 10, edges + 1);

        edges[0] = -INFINITY;
        edges[n_edges + 1] = INFINITY;
        (void)otc_histogram_counts(ref, pair.n, edges, n_edges + 2, ref_counts);
        (void)otc_histogram_counts(cur, pair.m, edges, n_edges + 2, cur_counts);
        assert_close("KS", get(&frouros, "KSTest")->value, expected[0], 1e-9);
        assert_close("W1", get(&frouros, "EMD")->value, expected[1], 1e-9);
        assert_close("W1 / deviation", get(&evidently, "wasserstein")->value, expected[2], 1e-7);
        assert_close("evidently's PSI", get(&evidently, "psi")->value, expected[3], 1e-9);
        if (!isnan(expected[4])) /* NAN: a reference that is constant has one bin */
            assert_close("PSI", otc_psi(ref_counts, cur_counts, n_edges + 1, OTC_EMPTY_CLIP, 1e-4),
                         expected[4], 1e-9);
        assert_close("JS ln", get(&evidently, "jensenshannon")->value, expected[5], 1e-9);
        assert_close("JS log2", get(&nannyml, "jensen_shannon")->value, expected[6], 1e-9);
        assert_close("Hellinger", get(&nannyml, "hellinger")->value, expected[7], 1e-9);
        free(ref);
        free(cur);
        testdata_table_free(&first);
        testdata_table_free(&second);
    }
}

static void
test_golden_categories(void **state)
{
    (void)state;
    /* chi2, p, dof, evidently's chi-squared p, PSI, JS log2, JS ln, L-infinity, total variation */
    static const struct {
        size_t k;
        uint64_t ref[6], cur[6];
        double expected[9];
    } cases[] = {
        {2,
         {314, 577},
         {152, 266},
         {.111202258413833, .7387795114785529, 1, .6309961428368815, .0005480751140788299,
          .009941584736734451, .008276912214783255, .01122334455667795, .011223344556677922}},
        {3,
         {216, 184, 491},
         {107, 93, 218},
         {1.0134212156403517, .6024740965496366, 2, .47346568378430576, .0035554608018, .0253195087487,
          .0210798737610, .0295351172544, .0295351172544}},
        {3,
         {168, 77, 644},
         {102, 46, 270},
         {8.332684717891361, .015508882433837417, 2, .0015764108504478977, .028679704193389544,
          .07184583130167813, .05981557814267018, .07847643446483066, .0784764344648307}},
        {6,
         {16, 18, 16, 14, 12, 12},
         {16, 16, 16, 16, 16, 8},
         {1.622409, .898526, 5, .6730876, .0372183816, .0817342133, .0680481962, 0.045454545454545456,
          0.06818181818181818}},
    };
    static const double tolerance[] = {1e-9, 1e-9, 1e-9, 1e-6};

    for (size_t i = 0; i < 4; i++) {
        struct otc_compat_pair pair = {
            .type = OTC_CATEGORICAL, .ref_counts = cases[i].ref, .cur_counts = cases[i].cur, .k = cases[i].k};
        struct otc_compat_feature evidently = evaluate(OTC_COMPAT_EVIDENTLY, &pair);
        struct otc_compat_feature nannyml = evaluate(OTC_COMPAT_NANNYML, &pair);
        struct otc_chi_squared chi = otc_chi_squared_contingency(cases[i].ref, cases[i].cur, cases[i].k);
        const double *expected = cases[i].expected;

        test_case = "categories";
        assert_close("chi2", get(&nannyml, "chi2")->value, expected[0], tolerance[i]);
        assert_close("p", get(&nannyml, "chi2")->p_value, expected[1], tolerance[i]);
        assert_true((double)chi.dof == expected[2]);
        assert_close("evidently's p", get(&evidently, "chisquare")->value, expected[3], tolerance[i]);
        assert_close("PSI", get(&evidently, "psi")->value, expected[4], i == 1 ? 1e-9 : tolerance[i]);
        assert_close("JS log2", get(&nannyml, "jensen_shannon")->value, expected[5], tolerance[i]);
        assert_close("JS ln", get(&evidently, "jensenshannon")->value, expected[6], tolerance[i]);
        assert_close("L-infinity", get(&nannyml, "l_infinity")->value, expected[7], tolerance[i]);
        assert_close("TV", otc_total_variation(cases[i].ref, cases[i].cur, cases[i].k), expected[8],
                     tolerance[i]);
    }
}

/* Ranges at both ends of what a double holds: each library's bins end, in time and in memory. */
static void
test_ends_of_a_double(void **state)
{
    static const double values[][4] = {{0, 0, 5e-324, 5e-324},
                                       {-1.7e308, -1.7e308, 1.7e308, 1.7e308},
                                       {-1.7e308, 0, 5e-324, 1.7e308},
                                       {1.7e308, 1.7e308, 1.7e308, 1.7e308},
                                       {-1, 0, 1, 2}};
    const size_t n = sizeof(values) / sizeof(values[0]);

    (void)state;
    (void)alarm(60); /* popmon's bins of such ranges had no end */
    for (size_t i = 0; i < n * n; i++) {
        for (int compat = OTC_COMPAT_NONE + 1; compat < OTC_N_COMPAT; compat++) {
            struct otc_compat_pair pair = {.type = OTC_NUMERIC,
                                           .ref = values[i / n],
                                           .cur = values[i % n],
                                           .n = 4,
                                           .m = 4,
                                           .integers = i % 2 == 0};

            assert_true(evaluate((enum otc_compat)compat, &pair).n > 0);
        }
    }
    (void)alarm(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_pairs),
        cmocka_unit_test(test_oracle_categorical),
        cmocka_unit_test(test_evidently_stattests),
        cmocka_unit_test(test_evidently_results),
        cmocka_unit_test(test_evidently_edges),
        cmocka_unit_test(test_nannyml_univariate),
        cmocka_unit_test(test_seed_31),
        cmocka_unit_test(test_golden_table),
        cmocka_unit_test(test_golden_categories),
        cmocka_unit_test(test_ends_of_a_double),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
