// SPDX-License-Identifier: Apache-2.0
/* Components of embeddings: distances as scipy's, the share that evidently tells, and the reference file that
 * keeps them. */
#include "common/analysis/reference_components.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N ((size_t)20)
#define VECTORS 2000
#define CURRENT 1500

static uint64_t random_state;

/* Sums of four uniform numbers; the script that made the numbers below has the same. */
static double
next_random(void)
{
    double sum = -2;

    for (int i = 0; i < 4; i++) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        sum += (double)(random_state >> 11) / 9007199254740992.0;
    }
    return sum;
}

static void
draw(double *out)
{
    for (size_t i = 0; i < N; i++) {
        out[i] = next_random();
    }
}

/* The first seven components are moved by 0.15 (a quarter of a standard deviation), the eighth is spread. */
static void
draw_moved(double *out)
{
    draw(out);
    for (int i = 0; i < 7; i++) {
        out[i] += i % 2 ? 0.15 : -0.15;
    }
    out[7] *= 1.6;
}

static struct otc_components_builder *
learn(void)
{
    struct otc_components_builder *builder = otc_components_builder_new(N);
    double vector[N];

    assert_non_null(builder);
    random_state = 12345;
    for (int i = 0; i < VECTORS; i++) {
        draw(vector);
        if (i < OTC_COMPONENT_SAMPLE) {
            otc_components_builder_sample(builder, vector);
        }
    }
    /* The same once more: the sample may be of the vectors that count. */
    random_state = 12345;
    for (int i = 0; i < VECTORS; i++) {
        draw(vector);
        otc_components_builder_count(builder, vector);
    }
    return builder;
}

static void
count(const struct otc_components *reference, uint64_t *counts, double *sums)
{
    for (int v = 0; v < CURRENT; v++) {
        double vector[N];

        draw_moved(vector);
        for (size_t i = 0; i < N; i++) {
            const double *points = reference->points + i * OTC_COMPONENT_POINTS;
            size_t cell = otc_component_cell(points, vector[i]), at = i * OTC_COMPONENT_CELLS + cell;

            counts[at]++;
            sums[at] += vector[i] - otc_cells_gap_origin(points, cell);
        }
    }
}

static void
test_distances_are_scipys_and_the_share_is_evidentlys(void **state)
{
    /* scipy.stats.wasserstein_distance(reference, current) / numpy.std(reference), of each component;
     * evidently 0.7.23's "ratio" method (wasserstein from 0.1 on) gives the share. */
    static const double want[N] = {0.338643830935,  0.280657217693,  0.217151236132,  0.262980091624,
                                   0.292728027967,  0.287313161948,  0.261063018905,  0.458028047338,
                                   0.0418250029758, 0.0270528999142, 0.045175308247,  0.0269651517635,
                                   0.0433441418145, 0.0465042045546, 0.0546357393889, 0.0468966338206,
                                   0.0497229839239, 0.0426608068255, 0.043599430214,  0.0413917855347};
    static uint64_t counts[N * OTC_COMPONENT_CELLS];
    static double sums[N * OTC_COMPONENT_CELLS];
    struct otc_components_builder *builder = learn();
    struct otc_components reference = otc_components_builder_result(builder);

    (void)state;
    assert_int_equal(reference.vectors, VECTORS);
    assert_true(fabs(reference.deviations[0] - 0.57292105044179031) < 1e-12);
    count(&reference, counts, sums);
    for (size_t i = 0; i < N; i++) {
        double got = otc_component_distance(&reference, i, counts + i * OTC_COMPONENT_CELLS,
                                            sums + i * OTC_COMPONENT_CELLS, CURRENT);

        /* Too low by what crosses between two points (noise does), never too high. */
        if (got > want[i] + 1e-9 || got < want[i] - 0.01) {
            fail_msg("component %zu: %.12g, not %.12g", i, got, want[i]);
        }
    }
    assert_true(fabs(otc_components_moved(&reference, counts, sums, CURRENT) - 0.4) < 1e-12);
    assert_true(isnan(otc_components_moved(&reference, counts, sums, 0)));
    otc_components_builder_free(builder);
}

static void
test_cells_are_between_the_points(void **state)
{
    const double sorted[] = {1, 2, 2, 2, 3};
    double points[OTC_COMPONENT_POINTS];

    (void)state;
    otc_component_points(sorted, 5, points);
    assert_float_equal(points[0], 1, 0);
    assert_float_equal(points[7], 2, 0);
    assert_float_equal(points[OTC_COMPONENT_POINTS - 1], 3, 0);
    for (int halves = 0; halves < 8; halves++) {
        double value = halves / 2.0;
        size_t below = 0;

        for (size_t k = 0; k < OTC_COMPONENT_POINTS; k++) {
            below += points[k] <= value;
        }
        assert_int_equal(otc_component_cell(points, value), below);
    }
}

/* A reference file of one embedding whose components were counted. */
static void
write_reference(struct otc_buf *out, char hash[33])
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 4);
    size_t feature = otc_reference_builder_feature(builder, otc_slice_str("e.cosine_distance"), OTC_NUMERIC,
                                                   OTC_KIND_INPUT);
    const double center[N] = {1};
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    assert_true(otc_reference_builder_center(builder, feature, center, N));
    otc_reference_builder_components(builder, feature, learn());
    for (int i = 0; i < 100; i++) {
        assert_true(otc_reference_builder_number(builder, feature, i / 100.0, INT64_MIN));
    }
    assert_int_equal(otc_reference_builder_finish(builder, otc_slice_str("m"), "x", 0, &reference, &err),
                     OTC_OK);
    otc_reference_builder_free(builder);
    assert_int_equal(otc_reference_format(reference, out, &err), OTC_OK);
    memcpy(hash, reference->hash, 33);
    otc_reference_unref(reference);
}

static void
test_the_file_keeps_them_and_the_hash_knows_them(void **state)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)1 << 20};
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_components_builder *builder = learn();
    struct otc_components want = otc_components_builder_result(builder);
    const struct otc_components *got;
    char hash[33];

    (void)state;
    write_reference(&text, hash);
    assert_int_equal(otc_reference_parse(otc_buf_slice(&text), "f", 0, &reference, &err), OTC_OK);
    assert_string_equal(reference->hash, hash);
    got = reference->features[0].components;
    assert_non_null(got);
    assert_int_equal(got->vectors, VECTORS);
    assert_memory_equal(got->points, want.points, N * OTC_COMPONENT_POINTS * sizeof(double));
    assert_memory_equal(got->counts, want.counts, N * OTC_COMPONENT_CELLS * sizeof(uint64_t));
    assert_memory_equal(got->sums, want.sums, N * OTC_COMPONENT_CELLS * sizeof(double));
    assert_memory_equal(got->deviations, want.deviations, N * sizeof(double));
    otc_reference_unref(reference);
    otc_components_builder_free(builder);
}

/* The file as it was written before: the sums of the values themselves, and the hash of these. */
static void
write_former(const struct otc_components *components, const char *text, const char *hash, struct otc_buf *out)
{
    const char *stated = strstr(text, "\"hash\": \""), *sums = strstr(text, "\"excesses\":[");
    double raw[N * OTC_COMPONENT_CELLS] = {0}, vector[N];

    assert_true(stated && sums && stated < sums);
    random_state = 12345;
    for (int v = 0; v < VECTORS; v++) {
        draw(vector);
        for (size_t i = 0; i < N; i++) {
            raw[i * OTC_COMPONENT_CELLS +
                otc_component_cell(components->points + i * OTC_COMPONENT_POINTS, vector[i])] += vector[i];
        }
    }
    stated += strlen("\"hash\": \"");
    (void)otc_buf_append(out, text, (size_t)(stated - text));
    (void)otc_buf_append_str(out, hash);
    stated += strlen(hash);
    (void)otc_buf_append(out, stated, (size_t)(sums - stated));
    for (size_t i = 0; i < N * OTC_COMPONENT_CELLS; i++) {
        (void)otc_buf_printf(out, "%s%.17g", i ? "," : "\"sums\":[", raw[i]);
    }
    (void)otc_buf_append_str(out, strchr(sums, ']'));
}

static void
test_a_former_file_is_read_and_keeps_its_hash(void **state)
{
    static const char former_hash[] = "e7a9f9ddad347aaa9e7dd21576ace193";
    OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)1 << 20}, former = {.limit = (size_t)1 << 20},
                                again = {.limit = (size_t)1 << 20};
    struct otc_components_builder *builder = learn();
    struct otc_components want = otc_components_builder_result(builder);
    struct otc_reference *reference = NULL, *back = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    char hash[33];

    (void)state;
    write_reference(&text, hash);
    write_former(&want, otc_buf_cstr(&text), former_hash, &former);
    if (otc_reference_parse(otc_buf_slice(&former), "f", 0, &reference, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < N * OTC_COMPONENT_CELLS; i++) {
        assert_true(fabs(reference->features[0].components->sums[i] - want.sums[i]) < 1e-10);
    }
    assert_int_equal(otc_reference_format(reference, &again, &err), OTC_OK);
    assert_int_equal(otc_reference_parse(otc_buf_slice(&again), "f", 0, &back, &err), OTC_OK);
    assert_string_equal(back->hash, former_hash);
    otc_reference_unref(reference);
    otc_reference_unref(back);
    otc_components_builder_free(builder);
}

static double
far_value(int v)
{
    return 1234567890123456.25 + (v * v % 101) / 4.0;
}

/* The same vectors in another order are no other distribution, however far from zero. */
static void
test_far_from_zero(void **state)
{
    static uint64_t counts[OTC_COMPONENT_CELLS];
    static double sums[OTC_COMPONENT_CELLS];
    struct otc_components_builder *builder = otc_components_builder_new(1);
    struct otc_components reference;

    (void)state;
    for (int v = 0; v < OTC_COMPONENT_SAMPLE; v++) {
        double value = far_value(v);

        otc_components_builder_sample(builder, &value);
    }
    for (int v = 0; v < 2000; v++) {
        double value = far_value(v);

        otc_components_builder_count(builder, &value);
    }
    reference = otc_components_builder_result(builder);
    for (int v = 0; v < 2000; v++) {
        double value = far_value(v * 7919 % 2000);
        size_t cell = otc_component_cell(reference.points, value);

        counts[cell]++;
        sums[cell] += value - otc_cells_gap_origin(reference.points, cell);
    }
    assert_true(otc_component_distance(&reference, 0, counts, sums, 2000) == 0);
    otc_components_builder_free(builder);
}

static void
test_a_file_that_contradicts_itself_is_refused(void **state)
{
    static const struct {
        const char *from, *to, *why;
    } cases[] = {
        {"\"vectors\":2000", "\"vectors\":1999", "components.counts["},
        {"\"vectors\":2000", "\"vectors\":-1", "components: expected"},
        {"\"standard_deviations\":[", "\"standard_deviations\":[1,", "components.standard_deviations"},
        {"\"standard_deviations\":[0", "\"standard_deviations\":[-0", "must not be negative"},
        {"\"points\":[-", "\"points\":[9e9,-", "components.points"},
        {"\"excesses\":[-", "\"excesses\":[null,-", "components.excesses"},
        {"\"excesses\":[-", "\"sums\":[null,-", "components.sums"}};
    OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)1 << 20};
    char hash[33];

    (void)state;
    write_reference(&text, hash);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OTC_AUTO_BUF struct otc_buf changed = {.limit = (size_t)1 << 20};
        const char *all = otc_buf_cstr(&text), *at = strstr(strstr(all, "\"components\""), cases[i].from);
        struct otc_reference *reference = NULL;
        struct otc_error err = OTC_ERROR_INIT;

        assert_non_null(at);
        (void)otc_buf_append(&changed, all, (size_t)(at - all));
        (void)otc_buf_append_str(&changed, cases[i].to);
        (void)otc_buf_append_str(&changed, at + strlen(cases[i].from));
        assert_int_equal(otc_reference_parse(otc_buf_slice(&changed), "f", 0, &reference, &err),
                         OTC_INVALID_ARGUMENT);
        if (!strstr(err.text, cases[i].why)) {
            fail_msg("%s", err.text);
        }
    }
}

/* Stopped before the first vector is counted and after some; what is cut short is refused. */
static void
test_a_count_goes_on_after_a_restart(void **state)
{
    double vector[3];
    struct otc_components_builder *whole = otc_components_builder_new(3),
                                  *lives = otc_components_builder_new(3);
    struct otc_components want, got;
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)1 << 20};

    (void)state;
    for (int i = 0; i < 400; i++) {
        for (int c = 0; c < 3; c++) {
            vector[c] = sin(1000.0 * i + c) + c;
        }
        if (i < 100) {
            otc_components_builder_sample(whole, vector);
            otc_components_builder_sample(lives, vector);
        } else {
            otc_components_builder_count(whole, vector);
            otc_components_builder_count(lives, vector);
        }
        if (i % 37 == 20) {
            struct otc_reader in;

            otc_buf_clear(&bytes);
            otc_components_builder_save(lives, &bytes);
            for (size_t n = 0; n < bytes.len; n += 1 + bytes.len / 50) {
                in = otc_reader_of(otc_slice_of(bytes.data, n));
                assert_null(otc_components_builder_load(3, &in));
            }
            otc_components_builder_free(lives);
            in = otc_reader_of(otc_buf_slice(&bytes));
            lives = otc_components_builder_load(3, &in);
            assert_non_null(lives);
            assert_int_equal(in.rest.len, 0);
        }
    }
    want = otc_components_builder_result(whole);
    got = otc_components_builder_result(lives);
    assert_int_equal(got.vectors, 300);
    assert_memory_equal(got.points, want.points, (size_t)3 * OTC_COMPONENT_POINTS * sizeof(double));
    assert_memory_equal(got.counts, want.counts, (size_t)3 * OTC_COMPONENT_CELLS * sizeof(uint64_t));
    assert_memory_equal(got.sums, want.sums, (size_t)3 * OTC_COMPONENT_CELLS * sizeof(double));
    assert_memory_equal(got.deviations, want.deviations, 3 * sizeof(double));
    otc_components_builder_free(whole);
    otc_components_builder_free(lives);
}

/* What was stored before held the sums of the values themselves, and no mark beside the sample's size. */
static void
test_former_bytes_are_read(void **state)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)1 << 20}, former = {.limit = (size_t)1 << 20};
    struct otc_components_builder *builder = learn(), *back;
    struct otc_components want = otc_components_builder_result(builder), got;
    struct otc_reader in;
    size_t copied;

    (void)state;
    otc_components_builder_save(builder, &bytes);
    in = otc_reader_of(otc_buf_slice(&bytes));
    otc_put_u64(&former, (uint32_t)otc_take_u64(&in));
    otc_put_bool(&former, otc_take_bool(&in));
    otc_put_u64(&former, otc_take_u64(&in));
    copied = N * OTC_COMPONENT_POINTS * sizeof(double);
    (void)otc_buf_append(&former, in.rest.data, copied);
    for (size_t i = 0; i < N * OTC_COMPONENT_CELLS; i++) {
        const double *of = want.points + i / OTC_COMPONENT_CELLS * OTC_COMPONENT_POINTS;

        otc_put_f64(&former, want.sums[i] +
                                 (double)want.counts[i] * otc_cells_gap_origin(of, i % OTC_COMPONENT_CELLS));
    }
    copied += N * OTC_COMPONENT_CELLS * sizeof(double);
    (void)otc_buf_append(&former, in.rest.data + copied, in.rest.len - copied);
    in = otc_reader_of(otc_buf_slice(&former));
    back = otc_components_builder_load(N, &in);
    assert_non_null(back);
    got = otc_components_builder_result(back);
    for (size_t i = 0; i < N * OTC_COMPONENT_CELLS; i++) {
        assert_true(fabs(got.sums[i] - want.sums[i]) < 1e-10 && got.counts[i] == want.counts[i]);
    }
    otc_components_builder_free(builder);
    otc_components_builder_free(back);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances_are_scipys_and_the_share_is_evidentlys),
        cmocka_unit_test(test_cells_are_between_the_points),
        cmocka_unit_test(test_the_file_keeps_them_and_the_hash_knows_them),
        cmocka_unit_test(test_a_former_file_is_read_and_keeps_its_hash),
        cmocka_unit_test(test_far_from_zero),
        cmocka_unit_test(test_a_file_that_contradicts_itself_is_refused),
        cmocka_unit_test(test_a_count_goes_on_after_a_restart),
        cmocka_unit_test(test_former_bytes_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
