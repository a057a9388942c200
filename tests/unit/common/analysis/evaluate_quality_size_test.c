// SPDX-License-Identifier: Apache-2.0
/* Without drift the tests of data quality find something as rarely as their p-values promise, or more rarely.
 */
#include "common/analysis/sample.h"
#include "tests/harness/simulation/simulation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TRIALS 5000
/* Of p <= 0.01, with the noise of so many trials. */
#define MOST 0.012

enum law {
    LAW_NORMAL,    /* of infinite range */
    LAW_UNIFORM,   /* of a finite one */
    LAW_RARE,      /* every hundredth number is invalid, as many are missing */
    LAW_CONSTANT,  /* nearly: every thousandth is another value */
    LAW_ZIPF,      /* categories of which there is always one more */
    LAW_GEOMETRIC, /* few rare categories */
};

static struct otc_use
draw(enum law law, struct sim_random *random, char name[32])
{
    double u = sim_uniform(random);
    int category = law == LAW_ZIPF ? (int)fmin(pow(u, -1.25), 1e9) : (int)(log(u) / log(0.9));

    switch (law) {
    case LAW_NORMAL:
        return (struct otc_use){.use = OTC_USE_NUMBER, .number = sim_normal(random)};
    case LAW_UNIFORM:
        return (struct otc_use){.use = OTC_USE_NUMBER, .number = u};
    case LAW_RARE:
        return (struct otc_use){.use = u < 0.01   ? OTC_USE_INVALID
                                       : u < 0.02 ? OTC_USE_MISSING
                                                  : OTC_USE_NUMBER,
                                .number = u};
    case LAW_CONSTANT:
        return (struct otc_use){.use = OTC_USE_NUMBER, .number = u < 0.001 ? 1 : 0};
    case LAW_ZIPF:
    case LAW_GEOMETRIC:
        break;
    }
    return (struct otc_use){.use = OTC_USE_TEXT,
                            .text = otc_slice_of(name, (size_t)snprintf(name, 32, "c%d", category))};
}

static void
refer(struct otc_reference_builder *builder, const struct otc_use *use)
{
    if (use->use == OTC_USE_NUMBER) {
        assert_true(otc_reference_builder_number(builder, 0, use->number, INT64_MIN));
    } else if (use->use == OTC_USE_TEXT) {
        assert_true(otc_reference_builder_text(builder, 0, use->text, INT64_MIN));
    } else if (use->use == OTC_USE_MISSING) {
        otc_reference_builder_missing(builder, 0);
    } else {
        otc_reference_builder_invalid(builder, 0);
    }
}

static struct otc_feature_result
trial(enum law law, size_t n, size_t m, struct sim_random *random)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder;
    struct otc_reference *reference;
    struct otc_sample *sample;
    struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result result;
    char name[32];

    limits.max_categories = 100000;
    builder = otc_reference_builder_new(&limits, 1);
    assert_int_equal(otc_reference_builder_feature(builder, otc_slice_str("x"),
                                                   law >= LAW_ZIPF ? OTC_CATEGORICAL : OTC_NUMERIC,
                                                   OTC_KIND_INPUT),
                     0);
    for (size_t i = 0; i < n; i++) {
        struct otc_use use = draw(law, random, name);

        refer(builder, &use);
    }
    assert_int_equal(otc_reference_builder_finish(builder, otc_slice_str("m"), "x", 0, &reference, NULL),
                     OTC_OK);
    sample = otc_sample_new(&reference->features[0]);
    assert_non_null(sample);
    for (size_t i = 0; i < m; i++) {
        struct otc_use use = draw(law, random, name);

        assert_true(otc_sample_add(sample, &use, INT64_MIN));
    }
    decision.min_observations = 0;
    assert_int_equal(otc_sample_evaluate(sample, &decision, &result, NULL), OTC_OK);
    otc_sample_free(sample);
    otc_reference_unref(reference);
    otc_reference_builder_free(builder);
    return result;
}

/* Share of windows whose decision p-value is at most 0.01. */
static double
size_of(enum law law, enum otc_test test, size_t n, size_t m)
{
    struct sim_random random;
    size_t found = 0;

    sim_seed(&random, 20260417 + (uint64_t)law);
    for (size_t i = 0; i < TRIALS; i++) {
        struct otc_feature_result result = trial(law, n, m, &random);

        found += result.tests[test].decision_p <= 0.01;
    }
    return (double)found / TRIALS;
}

static void
test_sizes(void **state)
{
    static const struct {
        const char *label;
        enum law law;
        enum otc_test test;
        size_t n, m;
        double least; /* the exact tests of many different counts reach their level nearly */
    } cases[] = {
        {"normal", LAW_NORMAL, OTC_TEST_OUT_OF_RANGE, 300, 300, 0.004},
        {"uniform", LAW_UNIFORM, OTC_TEST_OUT_OF_RANGE, 100, 400, 0.006},
        {"invalid", LAW_RARE, OTC_TEST_INVALID, 300, 200, 0.002},
        {"missing", LAW_RARE, OTC_TEST_MISSING, 200, 300, 0.002},
        {"constant", LAW_CONSTANT, OTC_TEST_CONSTANT, 300, 300, 0},
        {"Zipf", LAW_ZIPF, OTC_TEST_UNSEEN, 300, 300, 0.002},
        {"Zipf, small reference", LAW_ZIPF, OTC_TEST_UNSEEN, 100, 500, 0.002},
        {"geometric", LAW_GEOMETRIC, OTC_TEST_UNSEEN, 200, 400, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double size = size_of(cases[i].law, cases[i].test, cases[i].n, cases[i].m);

        print_message("%s: p <= 0.01 in %.2f %% of the windows\n", cases[i].label, 100 * size);
        if (!(size >= cases[i].least && size <= MOST)) {
            fail_msg("%s: p <= 0.01 in %g of the windows, not %g to %g", cases[i].label, size, cases[i].least,
                     MOST);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
