// SPDX-License-Identifier: Apache-2.0
/* Data quality as decision tests: what they find, and what they leave alone. */
#include "common/analysis/sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* A reference of one feature, a window against it. */
struct fixture {
    struct otc_reference_builder *builder;
    struct otc_reference *reference;
    struct otc_sample *sample;
    struct otc_feature_result result;
};

static void
begin(struct fixture *f, enum otc_feature_type type)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;

    limits.max_categories = 10000;
    *f = (struct fixture){.builder = otc_reference_builder_new(&limits, 1)};
    assert_int_equal(otc_reference_builder_feature(f->builder, otc_slice_str("x"), type, OTC_KIND_INPUT), 0);
}

static void
freeze(struct fixture *f)
{
    assert_int_equal(
        otc_reference_builder_finish(f->builder, otc_slice_str("m"), "x", 0, &f->reference, NULL), OTC_OK);
    f->sample = otc_sample_new(&f->reference->features[0]);
    assert_non_null(f->sample);
}

static void
number(struct fixture *f, double value)
{
    const struct otc_use use = {.use = OTC_USE_NUMBER, .number = value};

    assert_true(otc_sample_add(f->sample, &use, INT64_MIN));
}

static void
text(struct fixture *f, const char *prefix, int i)
{
    char name[32];
    struct otc_use use = {.use = OTC_USE_TEXT};

    (void)snprintf(name, sizeof(name), "%s%d", prefix, i);
    use.text = otc_slice_str(name);
    assert_true(otc_sample_add(f->sample, &use, INT64_MIN));
}

static void
reference_text(struct fixture *f, const char *prefix, int i)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "%s%d", prefix, i);
    assert_true(otc_reference_builder_text(f->builder, 0, otc_slice_str(name), INT64_MIN));
}

static const struct otc_test_result *
evaluate(struct fixture *f, enum otc_test test)
{
    struct otc_decision decision = OTC_DECISION_DEFAULT;

    assert_int_equal(otc_sample_evaluate(f->sample, &decision, &f->result, NULL), OTC_OK);
    assert_int_equal(otc_evaluate_family(&decision, &f->result, 1, NULL), OTC_OK);
    return &f->result.tests[test];
}

static void
end(struct fixture *f)
{
    otc_sample_free(f->sample);
    otc_reference_unref(f->reference);
    otc_reference_builder_free(f->builder);
}

static void
assert_near(double got, double expected, double relative)
{
    if (!(fabs(got - expected) <= relative * fabs(expected))) {
        fail_msg("%.17g, expected %.17g", got, expected);
    }
}

/* scipy.stats.fisher_exact([[40, 360], [1, 999]], alternative="greater"). */
static void
test_out_of_range(void **state)
{
    struct fixture f;
    const struct otc_test_result *test;

    (void)state;
    begin(&f, OTC_NUMERIC);
    for (int i = 0; i < 1000; i++) {
        assert_true(otc_reference_builder_number(f.builder, 0, i, INT64_MIN));
    }
    freeze(&f);
    for (int i = 0; i < 400; i++) {
        number(&f, i < 30 ? -1 - i : i < 40 ? 1000 + i : (i * 7) % 1000);
    }
    test = evaluate(&f, OTC_TEST_OUT_OF_RANGE);
    assert_near(test->p_value, 1.2256831042124633e-21, 1e-9);
    assert_near(f.result.out_of_range_share, 0.1, 1e-12);
    assert_near(test->effect, 0.098, 1e-12);
    assert_true(test->rejected);
    end(&f);
}

/* The extremes of the reference are in its range; one beyond them is nothing. */
static void
test_in_range(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, OTC_NUMERIC);
    for (int i = 0; i < 1000; i++) {
        assert_true(otc_reference_builder_number(f.builder, 0, i, INT64_MIN));
    }
    freeze(&f);
    for (int i = 0; i < 1000; i++) {
        number(&f, i == 500 ? 999.5 : i);
    }
    assert_false(evaluate(&f, OTC_TEST_OUT_OF_RANGE)->rejected);
    /* fisher_exact([[1, 999], [1, 999]], alternative="greater") */
    assert_near(f.result.tests[OTC_TEST_OUT_OF_RANGE].decision_p, 0.7501250625312657, 1e-9);
    assert_near(f.result.out_of_range_share, 0.001, 1e-12);
    end(&f);
}

/* fisher_exact([[10, 90], [1, 249]], alternative="greater"): a quarter of the records, and of the events. */
static void
test_dependent_rows(void **state)
{
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_window window;
    struct fixture f;

    (void)state;
    begin(&f, OTC_NUMERIC);
    for (int i = 0; i < 1000; i++) {
        assert_true(otc_reference_builder_number(f.builder, 0, i, INT64_MIN));
    }
    freeze(&f);
    for (int i = 0; i < 400; i++) {
        number(&f, i < 43 ? -1 - i : (i * 7) % 1000);
    }
    window = *otc_sample_window(f.sample);
    window.design_effect = 4;
    assert_int_equal(otc_evaluate_feature(&window, &decision, &f.result, NULL), OTC_OK);
    assert_near(f.result.tests[OTC_TEST_OUT_OF_RANGE].decision_p, 2.1655930856177782e-05, 1e-9);
    end(&f);
}

/* Half of a reference of identifiers was met once: half of new values being unseen is what it promises. */
static void
test_unseen(void **state)
{
    (void)state;
    for (int unseen = 100; unseen <= 190; unseen += 90) {
        struct fixture f;
        const struct otc_test_result *test;

        begin(&f, OTC_CATEGORICAL);
        for (int i = 0; i < 1000; i++) {
            reference_text(&f, i < 500 ? "once" : "often", i < 500 ? i : i % 50);
        }
        freeze(&f);
        for (int i = 0; i < 200; i++) {
            text(&f, i < unseen ? "new" : "often", i < unseen ? i : i % 50);
        }
        test = evaluate(&f, OTC_TEST_UNSEEN);
        assert_near(f.result.unseen_share, unseen / 200.0, 1e-12);
        assert_int_equal(test->rejected, unseen == 190);
        if (unseen == 190) {
            /* fisher_exact([[190, 10], [500, 500]], alternative="greater") */
            assert_near(test->p_value, 1.2251751718390515e-38, 1e-9);
        }
        end(&f);
    }
}

/* fisher_exact([[60, 440], [3, 997]], alternative="greater"). */
static void
test_invalid(void **state)
{
    struct fixture f;
    const struct otc_use invalid = {.use = OTC_USE_INVALID};

    (void)state;
    begin(&f, OTC_NUMERIC);
    for (int i = 0; i < 1000; i++) {
        if (i < 3) {
            otc_reference_builder_invalid(f.builder, 0);
        } else {
            assert_true(otc_reference_builder_number(f.builder, 0, i, INT64_MIN));
        }
    }
    freeze(&f);
    for (int i = 0; i < 500; i++) {
        if (i < 60) {
            assert_true(otc_sample_add(f.sample, &invalid, INT64_MIN));
        } else {
            number(&f, 2 * i);
        }
    }
    assert_near(evaluate(&f, OTC_TEST_INVALID)->p_value, 2.646562955194518e-26, 1e-9);
    assert_true(f.result.tests[OTC_TEST_INVALID].rejected);
    assert_near(f.result.invalid_share, 0.12, 1e-12);
    end(&f);
}

/* A sensor that is stuck, at a value that the reference has and at one that it has not. */
static void
test_constant(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct fixture f;
        const struct otc_test_result *test;

        begin(&f, OTC_NUMERIC);
        for (int i = 0; i < 1000; i++) {
            assert_true(otc_reference_builder_number(f.builder, 0, i < 900 ? 7 : i, INT64_MIN));
        }
        freeze(&f);
        for (int i = 0; i < 300; i++) {
            number(&f, known ? 7 : 7.5);
        }
        test = evaluate(&f, OTC_TEST_CONSTANT);
        /* scipy.stats.hypergeom.pmf(300, 1300, 1200, 300); of a new value pmf(300, 1300, 900, 300). The most
         * frequent value went from 0.9 to 1. */
        assert_near(test->p_value, known ? 1.1977736471867738e-12 : 6.795359935047384e-57, 1e-9);
        assert_near(test->effect, 0.1, 1e-12);
        assert_true(test->rejected);
        end(&f);
    }
}

/* What varies is not constant; what was constant before is no news. */
static void
test_not_constant(void **state)
{
    (void)state;
    for (int varies = 0; varies < 2; varies++) {
        struct fixture f;
        const struct otc_test_result *test;

        begin(&f, OTC_NUMERIC);
        for (int i = 0; i < 1000; i++) {
            assert_true(otc_reference_builder_number(f.builder, 0, 7, INT64_MIN));
        }
        freeze(&f);
        for (int i = 0; i < 300; i++) {
            number(&f, varies && i == 0 ? 8 : 7);
        }
        test = evaluate(&f, OTC_TEST_CONSTANT);
        assert_false(test->rejected);
        assert_true(varies ? isnan(test->decision_p) : test->decision_p == 1);
        end(&f);
    }
}

static void
test_constant_category(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, OTC_CATEGORICAL);
    for (int i = 0; i < 1000; i++) {
        reference_text(&f, "c", i % 4);
    }
    freeze(&f);
    for (int i = 0; i < 300; i++) {
        text(&f, "new", 1);
    }
    assert_true(evaluate(&f, OTC_TEST_CONSTANT)->rejected);
    assert_near(f.result.tests[OTC_TEST_CONSTANT].effect, 0.75, 1e-12);
    assert_true(f.result.tests[OTC_TEST_UNSEEN].rejected);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_range),   cmocka_unit_test(test_in_range),
        cmocka_unit_test(test_dependent_rows), cmocka_unit_test(test_unseen),
        cmocka_unit_test(test_invalid),        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_not_constant),   cmocka_unit_test(test_constant_category),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
