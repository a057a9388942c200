// SPDX-License-Identifier: Apache-2.0
/* References and windows of values that arrive binned, against numpy and scipy on the same counts. */
#include "common/analysis/evaluate.h"
#include "common/analysis/metric_buckets.h"
#include "common/base/codec.h"
#include "common/stats/cells_binned.h"
#include "common/stats/exponential_histogram.h"
#include "tests/harness/vllm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* In double precision, which assert_float_equal has not. */
static void
near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static struct otc_reference_builder *
builder_new(void)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 10);

    assert_non_null(builder);
    assert_int_equal(
        otc_reference_builder_feature(builder, otc_slice_str("ttft"), OTC_NUMERIC, OTC_KIND_LATENCY), 0);
    return builder;
}

static struct otc_reference *
finish(struct otc_reference_builder *builder)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference = NULL;

    if (otc_reference_builder_finish(builder, OTC_SLICE_NONE, "learned", 0, &reference, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_reference_builder_free(builder);
    return reference;
}

/* Counts of the load test at a scale in vLLM's buckets. */
static size_t
read_counts(int scale, uint64_t counts[VLLM_TTFT_BOUNDS + 1])
{
    double times[500];
    size_t n = vllm_first_chunk_times(scale, times);

    memset(counts, 0, (VLLM_TTFT_BOUNDS + 1) * sizeof(*counts));
    for (size_t i = 0; i < n; i++) {
        counts[vllm_bucket(times[i])]++;
    }
    return n;
}

static struct otc_buckets
explicit_buckets(uint64_t *counts, uint64_t total)
{
    return (struct otc_buckets){.kind = OTC_BUCKETS_EXPLICIT,
                                .bounds = (double *)(uintptr_t)vllm_ttft_bounds,
                                .counts = counts,
                                .n = VLLM_TTFT_BOUNDS + 1,
                                .total = total};
}

/* What scipy 1.14.1 and numpy 2.1.3 give for the two load tests of 500 requests, each value replaced by its
 * bucket: ks_2samp, PSI with half an observation in each of the bins between `edges`, jensenshannon,
 * chi2_contingency; the Wasserstein distance of values spread evenly in their buckets by integrating the two
 * piecewise linear CDFs; and ks_2samp and wasserstein_distance of the values themselves. */
static const struct {
    int scale;
    double ks, p, psi, jensen_shannon, hellinger, chi_squared, wasserstein, wasserstein_error;
    double true_ks, true_wasserstein;
} oracle[] = {{2000, 0.734, 5.059109905639432e-131, 3.3262533014307483, 0.5800315302534449,
               0.6112322640447493, 572.341693242307, 19.516370000000002, 6.400430000000002, 0.744,
               16.412130982995034},
              {300, 0.376, 7.362581987607782e-32, 1.039030505173408, 0.3370309886026517, 0.34895777799089633,
               202.6788627247933, 1.1288100000000005, 0.40765000000000007, 0.39, 1.035374226663262}};

static void
test_real_latencies_in_vllms_buckets(void **state)
{
    static const double edges[] = {0.02, 0.04, 0.06, 0.08, 0.1, 0.25};
    struct otc_reference_builder *builder = builder_new();
    uint64_t counts[VLLM_TTFT_BOUNDS + 1], eq[VLLM_TTFT_BOUNDS] = {0};
    size_t n = read_counts(100, counts);
    struct otc_buckets buckets = explicit_buckets(counts, n);
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_feature_result result;
    struct otc_reference *reference;

    (void)state;
    if (n == 0) {
        print_message("skipped: no verification data\n");
        otc_reference_builder_free(builder);
        skip();
    }
    assert_true(otc_reference_builder_buckets(builder, 0, &buckets, 0));
    reference = finish(builder);
    assert_int_equal(reference->features[0].n_edges, COUNT(edges));
    assert_memory_equal(reference->features[0].edges, edges, sizeof(edges));
    for (size_t i = 0; i < COUNT(oracle); i++) {
        struct otc_feature_window window = {.reference = &reference->features[0], .design_effect = 1};

        window.observations = read_counts(oracle[i].scale, counts);
        window.cells = (struct otc_cell_counts){eq, counts, NULL, window.observations};
        assert_int_equal(otc_evaluate_feature(&window, &decision, &result, &err), OTC_OK);
        near(result.ks, oracle[i].ks, 1e-15);
        assert_true(fabs(result.tests[OTC_TEST_KS].p_value / oracle[i].p - 1) < 1e-9);
        near(result.psi, oracle[i].psi, 1e-12);
        near(result.jensen_shannon, oracle[i].jensen_shannon, 1e-12);
        near(result.hellinger, oracle[i].hellinger, 1e-12);
        near(result.chi_squared, oracle[i].chi_squared, 1e-9);
        near(result.wasserstein, oracle[i].wasserstein, 1e-12);
        near(result.wasserstein_error, oracle[i].wasserstein_error, 1e-12);
        /* What the buckets hide is within what is said of it. */
        assert_true(oracle[i].true_ks >= result.ks && oracle[i].true_ks <= result.ks + result.ks_error);
        assert_true(fabs(oracle[i].true_wasserstein - result.wasserstein) <= result.wasserstein_error);
    }
    otc_reference_unref(reference);
}

static void
test_what_lies_beyond_the_last_bound_has_no_bounded_distance(void **state)
{
    const double points[] = {1, 2};
    const uint64_t eq[] = {0, 0}, gap[] = {5, 5, 0};
    uint64_t current[] = {5, 4, 1}, none[] = {0, 0};
    const struct otc_cells cells = {.points = points, .eq = eq, .gap = gap, .n = 2, .total = 10};
    const struct otc_cell_counts counts = {none, current, NULL, 10};
    double error = 0, mean, deviation, low, high;

    (void)state;
    /* Between the CDFs: nothing up to 1, then 0 to 0.1 over a width of 1. */
    near(otc_cells_binned_wasserstein(&cells, &counts, &error), 0.05, 1e-15);
    assert_true(isinf(error));
    otc_cells_binned_moments(&cells, &mean, &deviation);
    near(mean, 1, 1e-15); /* uniform on 0 to 2 */
    near(deviation, 2 / sqrt(12), 1e-15);
    otc_cells_binned_range(&cells, &low, &high);
    near(low, 0, 0);
    near(high, 2, 0);
}

static void
test_edges_are_bounds_near_the_quantiles(void **state)
{
    const double points[] = {1, 2, 3, 4};
    const uint64_t eq[4] = {0}, even[] = {10, 10, 10, 10, 0}, one[] = {0, 40, 0, 0, 0},
                   heavy[] = {1, 0, 37, 2, 0};
    struct otc_cells cells = {.points = points, .eq = eq, .gap = even, .n = 4, .total = 40};
    double edges[9];

    (void)state;
    assert_int_equal(otc_edges_binned(&cells, 4, edges), 3);
    near(edges[0], 1, 0);
    near(edges[2], 3, 0);
    assert_int_equal(otc_edges_binned(&cells, 10, edges), 3);
    cells.gap = one; /* nothing to cut */
    assert_int_equal(otc_edges_binned(&cells, 10, edges), 0);
    cells.gap = heavy;
    assert_int_equal(otc_edges_binned(&cells, 10, edges), 2);
    near(edges[0], 1, 0);
    near(edges[1], 3, 0);
}

/* Values 1 ... n as an exponential histogram of a scale. */
static struct otc_buckets
exponential_buckets(struct otc_exp_histogram *histogram, int32_t scale, int n)
{
    otc_exp_histogram_init(histogram, scale, 4000);
    for (int i = 1; i <= n; i++) {
        assert_true(otc_exp_histogram_add(histogram, i));
    }
    assert_int_equal(histogram->scale, scale);
    return (struct otc_buckets){.kind = OTC_BUCKETS_EXPONENTIAL,
                                .counts = histogram->counts,
                                .n = histogram->n_buckets,
                                .scale = scale,
                                .offset = histogram->offset,
                                .zero = 7,
                                .total = (uint64_t)n + 7};
}

static void
test_exponential_references_have_one_scale(void **state)
{
    struct otc_reference_builder *builder = builder_new();
    struct otc_exp_histogram fine, coarse;
    struct otc_buckets a = exponential_buckets(&fine, 5, 100), b = exponential_buckets(&coarse, 2, 100);
    const struct otc_reference_feature *feature;
    struct otc_reference *reference;
    uint64_t below = 0;

    (void)state;
    assert_true(otc_reference_builder_takes_buckets(builder, 0, &a));
    assert_true(otc_reference_builder_buckets(builder, 0, &a, 0));
    assert_true(otc_reference_builder_takes_buckets(builder, 0, &b));
    assert_true(otc_reference_builder_buckets(builder, 0, &b, INT64_C(5000000000)));
    reference = finish(builder);
    feature = &reference->features[0];
    assert_int_equal(feature->binned, OTC_BINNED_EXPONENTIAL);
    assert_int_equal(feature->scale, 2);
    assert_int_equal(feature->observations, 214);
    near(feature->cells.points[0], 0, 0);
    assert_int_equal(feature->cells.eq[0], 14);
    for (size_t i = 1; i < feature->cells.n; i++) {
        /* Every integer up to the boundary, once from each side. */
        below += feature->cells.gap[i];
        assert_int_equal(below, 2 * (uint64_t)fmin(100, floor(feature->cells.points[i])));
        assert_int_equal(feature->cells.eq[i], 0);
    }
    otc_reference_unref(reference);
    otc_exp_histogram_release(&fine);
    otc_exp_histogram_release(&coarse);
}

static void
round_trip(const struct otc_reference *reference)
{
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *read = NULL;
    const struct otc_reference_feature *a = &reference->features[0], *b;

    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    if (otc_reference_parse(otc_buf_slice(&text), "ref.json", 10000, &read, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    b = &read->features[0];
    assert_string_equal(read->hash, reference->hash);
    assert_int_equal(b->binned, a->binned);
    assert_int_equal(b->scale, a->scale);
    assert_int_equal(b->cells.n, a->cells.n);
    assert_memory_equal(b->cells.points, a->cells.points, a->cells.n * sizeof(double));
    assert_memory_equal(b->cells.gap, a->cells.gap, (a->cells.n + 1) * sizeof(uint64_t));
    assert_int_equal(b->n_time_blocks, a->n_time_blocks);
    otc_reference_unref(read);
    otc_buf_release(&text);
}

static void
test_files_hold_them(void **state)
{
    struct otc_reference_builder *builder = builder_new();
    uint64_t counts[VLLM_TTFT_BOUNDS + 1] = {[3] = 10, [7] = 20};
    struct otc_buckets buckets = explicit_buckets(counts, 30);
    struct otc_exp_histogram histogram;
    struct otc_reference *reference;

    (void)state;
    assert_true(otc_reference_builder_buckets(builder, 0, &buckets, 0));
    reference = finish(builder);
    round_trip(reference);
    otc_reference_unref(reference);
    builder = builder_new();
    buckets = exponential_buckets(&histogram, 3, 1000);
    assert_true(otc_reference_builder_buckets(builder, 0, &buckets, 0));
    reference = finish(builder);
    round_trip(reference);
    otc_reference_unref(reference);
    otc_exp_histogram_release(&histogram);
}

static void
refuses(const char *members, const char *part)
{
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *read = NULL;

    (void)otc_buf_printf(
        &text,
        "{\"format\": \"otelcol-aimon reference\", \"version\": 1, \"rows\": 1, \"features\": "
        "[{\"name\": \"x\", \"kind\": \"latency\", \"type\": \"numeric\", \"observations\": 1, "
        "\"min\": 0, \"max\": 2, \"mean\": 1, \"standard_deviation\": 1, \"edges\": [], %s}]}",
        members);
    assert_int_not_equal(otc_reference_parse(otc_buf_slice(&text), "ref.json", 0, &read, &err), OTC_OK);
    if (!strstr(err.text, part)) {
        fail_msg("%s", err.text);
    }
    otc_buf_release(&text);
}

static void
test_files_that_cannot_be_are_refused(void **state)
{
    (void)state;
    refuses("\"binned\": \"linear\", \"points\": [1, 2], \"counts\": [0, 0], \"gaps\": [0, 1, 0]",
            "binned: expected \"explicit\" or \"exponential\"");
    refuses("\"binned\": \"exponential\", \"scale\": 40, \"points\": [0], \"counts\": [0], \"gaps\": [0, 1]",
            "scale: expected a whole number from -10 to 20");
    refuses(
        "\"binned\": \"exponential\", \"scale\": 0, \"points\": [1, 2], \"counts\": [0, 0], \"gaps\": [0, 1, "
        "0]",
        "begin with 0");
    refuses(
        "\"binned\": \"exponential\", \"scale\": 0, \"points\": [0, 1, 4], \"counts\": [0, 0, 0], \"gaps\": "
        "[0, 1, 0, 0]",
        "points[2]: 4 is not the boundary that follows");
}

/* Blocks of time that differ more than chance lets them: a reference whose observations depend on each other.
 */
static void
test_a_reference_knows_its_dependence(void **state)
{
    struct otc_reference_builder *builder = builder_new();
    uint64_t fast[VLLM_TTFT_BOUNDS + 1] = {[4] = 50, [5] = 50},
                                     slow[VLLM_TTFT_BOUNDS + 1] = {[6] = 50, [7] = 50};
    struct otc_reference *reference;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct otc_buckets buckets = explicit_buckets(i / 100 % 2 ? slow : fast, 100);

        assert_true(otc_reference_builder_buckets(builder, 0, &buckets, i * INT64_C(15000000000)));
    }
    reference = finish(builder);
    assert_int_equal(reference->features[0].observations, 100000);
    assert_in_range(reference->features[0].n_time_blocks, 12, 24);
    assert_true(reference->features[0].design_effect > 1000);
    otc_reference_unref(reference);
}

/* Buckets beyond what doubles can tell share the cells at the ends. */
static void
test_boundaries_that_are_no_numbers(void **state)
{
    static const int32_t offsets[] = {-2000, -1090, 1000, 2000, INT32_MIN, INT32_MAX - 20};
    uint64_t counts[] = {5, 6, 7, 8, 9, 10, 11, 12};

    (void)state;
    for (size_t i = 0; i < COUNT(offsets); i++) {
        for (int32_t scale = -10; scale <= 20; scale += 10) {
            struct otc_reference_builder *builder = builder_new();
            struct otc_buckets buckets = {.kind = OTC_BUCKETS_EXPONENTIAL,
                                          .counts = counts,
                                          .n = COUNT(counts),
                                          .scale = scale,
                                          .offset = offsets[i],
                                          .total = 68};
            struct otc_reference *reference;

            for (int k = 0; k < 40; k++) {
                buckets.n = COUNT(counts) - (size_t)k % 3;
                buckets.total = 68 - (k % 3 > 0 ? 12 : 0) - (k % 3 > 1 ? 11 : 0);
                assert_true(otc_reference_builder_buckets(builder, 0, &buckets, k * INT64_C(60000000000)));
            }
            reference = finish(builder);
            assert_true(reference->features[0].cells.total > 2000);
            assert_true(isfinite(reference->features[0].design_effect));
            otc_reference_unref(reference);
        }
    }
}

/* A builder as bytes and back, in the middle of learning: the reference is the same; cut off it is refused.
 */
static void
test_learning_goes_on_after_a_restart(void **state)
{
    (void)state;
    for (int exponential = 0; exponential < 2; exponential++) {
        struct otc_reference_builder *whole = builder_new(), *before = builder_new(), *after;
        OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 20};
        const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
        struct otc_reference *expected, *reference;
        struct otc_reader in;

        for (int i = 0; i < 200; i++) {
            uint64_t counts[VLLM_TTFT_BOUNDS + 1] = {0};
            struct otc_buckets buckets = explicit_buckets(counts, 10 + (uint64_t)i % 3);

            counts[i % 7] = buckets.total;
            if (exponential) {
                buckets = (struct otc_buckets){.kind = OTC_BUCKETS_EXPONENTIAL,
                                               .counts = counts,
                                               .n = 8,
                                               .scale = i % 40 ? 6 : 4,
                                               .offset = i / 20,
                                               .zero = 1,
                                               .total = buckets.total + 1};
            }
            if (i == 100) { /* slices have become wider, scales have fallen */
                otc_reference_builder_save(before, &bytes);
                after = otc_reference_builder_new(&limits, 10);
                in = otc_reader_of(otc_buf_slice(&bytes));
                assert_true(otc_reference_builder_load(after, &in));
                assert_int_equal(in.rest.len, 0);
                otc_reference_builder_free(before);
                before = after;
            }
            assert_true(otc_reference_builder_buckets(whole, 0, &buckets, i * INT64_C(15000000000)));
            assert_true(otc_reference_builder_buckets(before, 0, &buckets, i * INT64_C(15000000000)));
        }
        expected = finish(whole);
        reference = finish(before);
        assert_string_equal(reference->hash, expected->hash);
        assert_true(reference->features[0].design_effect == expected->features[0].design_effect);
        otc_reference_unref(expected);
        otc_reference_unref(reference);
        for (size_t len = 0; len < bytes.len; len++) {
            after = otc_reference_builder_new(&limits, 10);
            in = otc_reader_of(otc_slice_of(bytes.data, len));
            assert_false(otc_reference_builder_load(after, &in));
            otc_reference_builder_free(after);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_latencies_in_vllms_buckets),
        cmocka_unit_test(test_what_lies_beyond_the_last_bound_has_no_bounded_distance),
        cmocka_unit_test(test_edges_are_bounds_near_the_quantiles),
        cmocka_unit_test(test_exponential_references_have_one_scale),
        cmocka_unit_test(test_files_hold_them),
        cmocka_unit_test(test_files_that_cannot_be_are_refused),
        cmocka_unit_test(test_a_reference_knows_its_dependence),
        cmocka_unit_test(test_boundaries_that_are_no_numbers),
        cmocka_unit_test(test_learning_goes_on_after_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
