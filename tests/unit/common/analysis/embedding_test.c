// SPDX-License-Identifier: Apache-2.0
/* Distances to a mean vector, as scipy.spatial.distance.cosine has them, and the reference file that keeps
 * it. */
#include "common/analysis/embedding.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
distances_are_scipys(void **state)
{
    /* cosine([1, 2, 3], [4, -5, 6]) is 1 - 12 / sqrt(14 * 77); parallel and opposite vectors. */
    const double a[] = {1, 2, 3}, b[] = {4, -5, 6}, twice[] = {2, 4, 6}, opposite[] = {-1, -2, -3},
                 zero[3] = {0};
    const struct {
        const double *vector;
        double want;
    } cases[] = {{b, 0.6345130576760964}, {twice, 0}, {opposite, 2}};
    struct otc_value value = otc_embedding_value(zero, 3), text = {.type = OTC_VALUE_STRING};
    double distance = -1;

    (void)state;
    assert_int_equal(otc_value_distance(&value, a, 3, &distance), OTC_CLASS_MISSING);
    assert_int_equal(otc_value_distance(&text, a, 3, &distance), OTC_CLASS_INVALID);
    value = otc_embedding_value(b, 2);
    assert_int_equal(otc_value_distance(&value, a, 3, &distance), OTC_CLASS_INVALID);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value = otc_embedding_value(cases[i].vector, 3);
        assert_int_equal(otc_value_distance(&value, a, 3, &distance), OTC_CLASS_VALUE);
        assert_float_equal(distance, cases[i].want, 1e-12);
    }
    assert_float_equal(otc_embedding_norm(a, 3), 3.7416573867739413, 1e-12);
    assert_true(otc_embedding_is_usable(a, 3) && otc_embedding_is_usable(zero, 3));
    assert_true(otc_embedding_is_usable((const double[]){-9e99}, 1));
    assert_false(otc_embedding_is_usable((const double[]){1e154, 1}, 2));
    assert_false(otc_embedding_is_usable((const double[]){(double)INFINITY}, 1));
    assert_false(otc_embedding_is_usable((const double[]){(double)NAN}, 1));
    assert_false(otc_embedding_is_usable(a, 0));
}

static struct otc_reference *
reference_of(const double *center, size_t n)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 4);
    size_t feature = otc_reference_builder_feature(builder, otc_slice_str("e.cosine_distance"), OTC_NUMERIC,
                                                   OTC_KIND_INPUT);
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    assert_true(otc_reference_builder_center(builder, feature, center, n));
    for (int i = 0; i < 100; i++) {
        assert_true(otc_reference_builder_number(builder, feature, i / 100.0, INT64_MIN));
    }
    assert_int_equal(otc_reference_builder_finish(builder, otc_slice_str("m"), "x", 0, &reference, &err),
                     OTC_OK);
    otc_reference_builder_free(builder);
    return reference;
}

static void
the_file_keeps_the_mean_and_the_hash_knows_it(void **state)
{
    static const double some[] = {0.1, -1e-300, 3}, other[] = {0.1, -1e-300, 3.0000000000000004};
    OTC_AUTO_BUF struct otc_buf file = {.limit = 1 << 20};
    struct otc_reference *made = reference_of(some, 3), *different = reference_of(other, 3), *read = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_string_not_equal(made->hash, different->hash);
    assert_int_equal(otc_reference_format(made, &file, &err), OTC_OK);
    assert_int_equal(otc_reference_parse(otc_buf_slice(&file), "r.json", 0, &read, &err), OTC_OK);
    assert_int_equal(read->features[0].n_center, 3);
    assert_memory_equal(read->features[0].center, some, sizeof(some));
    assert_string_equal(read->hash, made->hash);
    otc_reference_unref(read);
    otc_reference_unref(made);
    otc_reference_unref(different);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_scipys),
        cmocka_unit_test(the_file_keeps_the_mean_and_the_hash_knows_it),
    };

    return cmocka_run_group_tests_name("analysis/embedding", tests, NULL, NULL);
}
