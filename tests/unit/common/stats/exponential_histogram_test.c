// SPDX-License-Identifier: Apache-2.0
#include "common/stats/bins.h"
#include "common/stats/exponential_histogram.h"
#include "tests/harness/data/testdata.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Exact rational arithmetic on real values. */
static void
test_index_exact(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("sketch/exp_histogram_index_exact.json"), *one, *index;
    size_t at;
    const char *scale;

    assert_true(json_array_size(json_object_get(file, "cases")) > 0);
    json_array_foreach(json_object_get(file, "cases"), at, one)
    {
        double value = testdata_member(one, "value");

        json_object_foreach(json_object_get(one, "index"), scale, index) assert_int_equal(
            otc_exp_index(value, (int32_t)strtol(scale, NULL, 10)), json_integer_value(index));
    }
    json_decref(file);
}

static void
test_index_published(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("sketch/exp_histogram_mapping_expohisto.json"), *one;
    size_t at;

    assert_true(json_array_size(json_object_get(file, "cases")) > 0);
    json_array_foreach(json_object_get(file, "cases"), at, one)
    {
        const char *hex = json_string_value(json_object_get(one, "value_hex"));
        double value = hex ? strtod(hex, NULL) : testdata_member(one, "value");
        int32_t scale = (int32_t)testdata_member(one, "scale");

        if (otc_exp_index(value, scale) != (int32_t)testdata_member(one, "index"))
            fail_msg("%a at scale %d: %d, expected %g", value, scale, otc_exp_index(value, scale),
                     testdata_member(one, "index"));
    }
    json_decref(file);
}

static void
assert_buckets(const struct otc_exp_histogram *histogram, const json_t *counts, double offset)
{
    assert_int_equal(histogram->n_buckets, json_array_size(counts));
    assert_int_equal(histogram->offset, (int32_t)offset);
    for (uint32_t i = 0; i < histogram->n_buckets; i++)
        assert_int_equal(histogram->counts[i], json_integer_value(json_array_get(counts, i)));
}

static void
test_otel_go(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("sketch/exp_histogram_otel_go.json"), *one;
    size_t at;

    json_array_foreach(json_object_get(file, "record"), at, one)
    {
        struct otc_exp_histogram histogram;
        size_t n;
        double *values = testdata_numbers(json_object_get(one, "values"), &n);

        otc_exp_histogram_init(&histogram, (int32_t)testdata_member(one, "max_scale"),
                               (uint32_t)testdata_member(one, "max_size"));
        for (size_t i = 0; i < n; i++)
            assert_true(otc_exp_histogram_add(&histogram, values[i]));
        assert_int_equal(histogram.scale, (int32_t)testdata_member(one, "expected_scale"));
        assert_buckets(&histogram, json_object_get(one, "expected_bucket_counts"),
                       testdata_member(one, "expected_offset"));
        otc_exp_histogram_release(&histogram);
        free(values);
    }
    json_array_foreach(json_object_get(file, "downscale"), at, one)
    {
        size_t n;
        double *counts = testdata_numbers(json_object_get(one, "counts"), &n);
        struct otc_exp_histogram histogram;

        otc_exp_histogram_init(&histogram, 10, 64);
        histogram.counts = calloc(n, sizeof(uint64_t));
        histogram.capacity = histogram.n_buckets = (uint32_t)n;
        histogram.offset = (int32_t)testdata_member(one, "start");
        for (size_t i = 0; i < n; i++)
            histogram.counts[i] = (uint64_t)counts[i];
        otc_exp_histogram_downscale(&histogram, (uint32_t)testdata_member(one, "scale_delta"));
        assert_buckets(&histogram, json_object_get(one, "want_counts"), testdata_member(one, "want_start"));
        otc_exp_histogram_release(&histogram);
        free(counts);
    }
    json_decref(file);
}

/* Real series: every quantile lies within the stated error of the exact nearest rank. */
static void
test_percentiles_of_real_series(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("sketch/percentiles_real_data.json"), *one, *exact;
    size_t at, checked = 0;
    const char *q;

    json_array_foreach(json_object_get(file, "cases"), at, one)
    {
        char name[256];
        const char *series = json_string_value(json_object_get(one, "series"));
        const char *column = strchr(series, '#');
        struct otc_exp_histogram histogram;
        size_t n;

        assert_non_null(column);
        snprintf(name, sizeof(name), "%.*s", (int)(column - series), series);

        struct testdata_table table = testdata_csv(name);
        double *values = testdata_column(&table, column + 1, 0, 0, &n);

        assert_true((double)n == testdata_member(one, "n"));
        otc_exp_histogram_init(&histogram, 7, 2048);
        for (size_t i = 0; i < n; i++)
            assert_true(otc_exp_histogram_add(&histogram, values[i]));
        json_object_foreach(json_object_get(one, "exact_quantiles"), q, exact)
        {
            double value = testdata_member(exact, "inverted_cdf");
            double estimate = otc_exp_histogram_quantile(&histogram, strtod(q, NULL));
            double error = otc_exp_histogram_relative_error(&histogram);

            assert_true(error < 0.0028);
            if (!(fabs(estimate - value) <= error * value * (1 + 1e-12)))
                fail_msg("%s q %s: %.17g, exact %.17g, error %g", series, q, estimate, value, error);
            checked++;
        }
        otc_exp_histogram_release(&histogram);
        testdata_table_free(&table);
        free(values);
    }
    assert_true(checked > 20);
    json_decref(file);
}

/* What HdrHistogram_c's own test records in case `at` of percentile_cases.json. */
static void
record_hdr_case(struct otc_exp_histogram *histogram, size_t at)
{
    static const double three[] = {100000000, 20000000, 30000000};

    for (size_t i = 0; at == 1 && i < 3; i++)
        assert_true(otc_exp_histogram_add(histogram, three[i]));
    if (at == 2 || at == 3) {
        assert_true(otc_exp_histogram_add_n(histogram, 1000, 10000));
        assert_true(otc_exp_histogram_add(histogram, 100000000));
    }
    /* Corrected for coordinated omission: what an interval of 10000 would have seen meanwhile. */
    for (double missed = 100000000 - 10000; at == 3 && missed >= 10000; missed -= 10000)
        assert_true(otc_exp_histogram_add(histogram, missed));
}

/* The percentiles that HdrHistogram tells are within our stated error and theirs: its rank is floor(p n / 100
 * + 1/2). */
static void
test_hdr_percentiles(void **state)
{
    (void)state;
    if (!testdata_here())
        skip();

    json_t *file = testdata_json("sketch/hdr/percentile_cases.json"), *one, *expected;
    size_t at, checked = 0;
    const char *percentile;

    json_array_foreach(json_object_get(file, "cases"), at, one)
    {
        struct otc_exp_histogram histogram;

        otc_exp_histogram_init(&histogram, 7, 4096);
        record_hdr_case(&histogram, at);
        json_object_foreach(json_object_get(one, "percentiles"), percentile, expected)
        {
            double n = (double)histogram.count, value = json_number_value(expected);
            double rank = fmax(1, floor(nextafter(strtod(percentile, NULL), -1) / 100 * n + 0.5));
            double estimate = otc_exp_histogram_quantile(&histogram, (rank - 0.5) / n);
            double error = otc_exp_histogram_relative_error(&histogram) + 0.001;

            if (!(fabs(estimate - value) <= error * value))
                fail_msg("case %zu, %s %%: %.9g, theirs %.9g", at, percentile, estimate, value);
            checked++;
        }
        if (json_object_get(one, "total"))
            assert_true((double)histogram.count == testdata_member(one, "total"));
        otc_exp_histogram_release(&histogram);
    }
    assert_int_equal(checked, 16);
    json_decref(file);
}

static double
pseudo_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return ldexp((double)(*state >> 11), -53);
}

/* Table and definition agree wherever the definition can be told: base^i < x <= base^(i+1). */
static void
test_index_definition(void **state)
{
    (void)state;
    uint64_t seed = 7;

    for (int i = 0; i < 20000; i++) {
        double value = exp2(pseudo_random(&seed) * 80 - 40);

        for (int32_t scale = -3; scale <= 12; scale += 3) {
            int32_t index = otc_exp_index(value, scale);

            assert_true(otc_exp_boundary(index, scale) <= value * (1 + 1e-14));
            assert_true(otc_exp_boundary(index + 1, scale) >= value * (1 - 1e-14));
        }
    }
    for (int exponent = -1000; exponent < 1000; exponent++) {
        assert_int_equal(otc_exp_index(ldexp(1, exponent), 8), exponent * 256 - 1);
        assert_int_equal(otc_exp_index(ldexp(1, exponent), 20), exponent * (1 << 20) - 1);
        assert_int_equal(otc_exp_index(nextafter(ldexp(1, exponent), INFINITY), 8), exponent * 256);
    }
    assert_int_equal(otc_exp_index(DBL_MIN, 0), -1023);
    assert_int_equal(otc_exp_index(DBL_TRUE_MIN, 0), -1023);
    assert_int_equal(otc_exp_index(DBL_MAX, 0), 1023);
}

/* One histogram of everything equals the merge of parts, whatever their scales. */
static void
test_merge(void **state)
{
    (void)state;
    struct otc_exp_histogram whole, parts[4], merged;
    uint64_t seed = 11;

    otc_exp_histogram_init(&whole, 8, 160);
    otc_exp_histogram_init(&merged, 8, 160);
    for (int p = 0; p < 4; p++)
        otc_exp_histogram_init(&parts[p], 8, 160);
    for (int i = 0; i < 4000; i++) {
        int part = i % 4;
        double value = exp2(pseudo_random(&seed) * (part + 1) * 4 - 6) * (i % 97 != 0);

        assert_true(otc_exp_histogram_add(&whole, value));
        assert_true(otc_exp_histogram_add(&parts[part], value));
    }
    for (int p = 0; p < 4; p++)
        assert_true(otc_exp_histogram_merge(&merged, &parts[p]));
    assert_int_equal(merged.scale, whole.scale);
    assert_int_equal(merged.offset, whole.offset);
    assert_int_equal(merged.n_buckets, whole.n_buckets);
    assert_memory_equal(merged.counts, whole.counts, whole.n_buckets * sizeof(uint64_t));
    assert_true(merged.count == whole.count && merged.zero_count == whole.zero_count);
    assert_true(merged.min == whole.min && merged.max == whole.max);
    assert_true(fabs(merged.sum - whole.sum) < 1e-9 * whole.sum);

    struct otc_exp_histogram small;

    assert_true(otc_exp_histogram_copy(&whole, 20, &small));
    assert_true(small.n_buckets <= 20 && small.scale < whole.scale && small.count == whole.count);
    otc_exp_histogram_release(&small);
    for (int p = 0; p < 4; p++)
        otc_exp_histogram_release(&parts[p]);
    otc_exp_histogram_release(&whole);
    otc_exp_histogram_release(&merged);
}

static void
test_edges(void **state)
{
    (void)state;
    struct otc_exp_histogram histogram;

    otc_exp_histogram_init(&histogram, 99, 0);
    assert_int_equal(histogram.scale, OTC_EXP_SCALE_MAX);
    assert_true(isnan(otc_exp_histogram_quantile(&histogram, 0.5)));
    assert_false(otc_exp_histogram_add(&histogram, -1e-9));
    assert_false(otc_exp_histogram_add(&histogram, NAN));
    assert_false(otc_exp_histogram_add(&histogram, INFINITY));
    assert_true(histogram.count == 0);
    assert_true(otc_exp_histogram_add(&histogram, 0));
    assert_true(otc_exp_histogram_quantile(&histogram, 1) == 0);
    assert_true(otc_exp_histogram_add(&histogram, DBL_TRUE_MIN));
    assert_true(otc_exp_histogram_add(&histogram, DBL_MAX));
    assert_true(histogram.n_buckets == 2 && histogram.scale == OTC_EXP_SCALE_MIN);
    assert_true(otc_exp_histogram_quantile(&histogram, 0) == 0);
    assert_true(otc_exp_histogram_quantile(&histogram, 1) <= DBL_MAX);
    otc_exp_histogram_clear(&histogram);
    assert_true(histogram.count == 0 && histogram.scale == OTC_EXP_SCALE_MAX);
    assert_true(otc_exp_histogram_add_n(&histogram, 3, 5));
    assert_true(otc_exp_histogram_quantile(&histogram, 0.5) == 3); /* min == max */
    otc_exp_histogram_release(&histogram);
    otc_exp_histogram_init(&histogram, 5, 160);
    assert_true(otc_exp_histogram_add_n(&histogram, 1e308, 9)); /* twice as much is no double */
    assert_true(otc_exp_histogram_add(&histogram, 1.7e308));
    assert_true(fabs(otc_exp_histogram_quantile(&histogram, 0.5) - 1e308) <= 0.0109 * 1e308);
    assert_true(otc_exp_histogram_quantile(&histogram, 1) <= 1.7e308);
    otc_exp_histogram_release(&histogram);
}

static void
test_explicit(void **state)
{
    (void)state;
    static const double bounds[] = {-1, 0, 1, 2, 4, 8};
    static const uint64_t expected[] = {0, 2, 1, 1, 0, 3, 1};
    struct otc_exp_histogram histogram;
    uint64_t counts[7];

    otc_exp_histogram_init(&histogram, 5, 160);
    assert_true(otc_exp_histogram_add_n(&histogram, 0, 2));
    assert_true(otc_exp_histogram_add(&histogram, 1)); /* upper bounds belong to the bucket below */
    assert_true(otc_exp_histogram_add(&histogram, 1.5));
    assert_true(otc_exp_histogram_add_n(&histogram, 5, 3));
    assert_true(otc_exp_histogram_add(&histogram, 100));
    otc_exp_histogram_explicit(&histogram, bounds, 6, counts);
    assert_memory_equal(counts, expected, sizeof(counts));
    otc_exp_histogram_explicit(&histogram, NULL, 0, counts);
    assert_true(counts[0] == 8);
    otc_exp_histogram_release(&histogram);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_exact),     cmocka_unit_test(test_index_published),
        cmocka_unit_test(test_otel_go),         cmocka_unit_test(test_percentiles_of_real_series),
        cmocka_unit_test(test_hdr_percentiles), cmocka_unit_test(test_index_definition),
        cmocka_unit_test(test_merge),           cmocka_unit_test(test_edges),
        cmocka_unit_test(test_explicit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
