// SPDX-License-Identifier: Apache-2.0
/* Detectors on the streams that river, scikit-multiflow and frouros publish with their indices. */
#include "common/stats/detector.h"

#include "tests/harness/data/testdata.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_CHANGES 256

struct changes {
    size_t n;
    size_t at[MAX_CHANGES];
};

static struct changes
run(enum otc_detector_type type, const double *parameters, const double *values, size_t n)
{
    struct otc_detector *detector = otc_detector_new(type, parameters);
    struct changes changes = {0};

    assert_non_null(detector);
    for (size_t i = 0; i < n; i++) {
        if (otc_detector_add(detector, values[i]) == OTC_DETECTOR_CHANGE && changes.n < MAX_CHANGES) {
            changes.at[changes.n++] = i;
        }
    }
    otc_detector_free(detector);
    return changes;
}

static void
assert_changes(const char *name, const struct changes *got, const json_t *expected)
{
    bool same = got->n == json_array_size(expected);

    for (size_t i = 0; same && i < got->n; i++) {
        same = (json_int_t)got->at[i] == json_integer_value(json_array_get(expected, i));
    }
    if (!same) {
        char text[1024] = "";

        for (size_t i = 0; i < got->n && strlen(text) < sizeof(text) - 24; i++) {
            (void)snprintf(text + strlen(text), 24, " %zu", got->at[i]);
        }
        char *want = json_dumps(expected, 0);
        print_error("%s: changes at%s, expected %s\n", name, text, want);
        free(want);
        fail();
    }
}

/* A published case, and how it is run here. The parameters are in the detector's order. */
struct published {
    const char *id;
    enum otc_detector_type type;
    double parameters[OTC_DETECTOR_PARAMETERS_MAX];
    bool first_only; /* the publication stops at its first change */
};

#define DEFAULT NAN
#define DEFAULTS                                                                                             \
    {                                                                                                        \
        DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT                                                 \
    }
/* As MOA, scikit-multiflow and river before 0.15 have them. */
#define MOA_PAGE_HINKLEY                                                                                     \
    {                                                                                                        \
        DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, 1                                                       \
    }
#define MOA_EDDM                                                                                             \
    {                                                                                                        \
        DEFAULT, DEFAULT, DEFAULT, 1                                                                         \
    }

static size_t
run_published(const char *file, const char *stream_key, const struct published *cases, size_t n)
{
    json_t *document = testdata_json(file), *one;
    json_t *all = json_object_get(document, "cases");
    size_t ran = 0, index;

    json_array_foreach(all, index, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        json_t *stream = stream_key ? json_object_get(document, stream_key)
                                    : json_object_get(json_object_get(document, "streams"),
                                                      json_string_value(json_object_get(one, "stream")));

        for (size_t c = 0; c < n; c++) {
            if (strcmp(cases[c].id, id) == 0) {
                size_t count;
                double *values = testdata_numbers(stream, &count);
                struct changes got = run(cases[c].type, cases[c].parameters, values, count);

                got.n = cases[c].first_only && got.n > 1 ? 1 : got.n;
                assert_changes(id, &got, json_object_get(one, "expected_indices"));
                ran++;
                free(values);
            }
        }
    }
    json_decref(document);
    return ran;
}

static void
test_river(void **state)
{
    static const struct published cases[] = {
        {"adwin_s1_vnew", OTC_ADWIN, DEFAULTS, false},
        {"ddm_s2", OTC_DDM, DEFAULTS, false},
        {"eddm_s2", OTC_EDDM, MOA_EDDM, false},
        {"hddma_s3", OTC_HDDM_A, {DEFAULT, DEFAULT, 1}, false},
        {"hddmw_s2", OTC_HDDM_W, DEFAULTS, false},
        {"kswin_s1", OTC_KSWIN, {0.0001, 200, 100, 42}, false},
        {"kswin_doc", OTC_KSWIN, {0.0001, DEFAULT, DEFAULT, 42}, false},
        {"ph_s1", OTC_PAGE_HINKLEY, MOA_PAGE_HINKLEY, false},
        {"ph_doc", OTC_PAGE_HINKLEY, DEFAULTS, false},
    };

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    assert_int_equal(run_published("stat/published/drift_detectors_river.json", NULL, cases,
                                   sizeof(cases) / sizeof(cases[0])),
                     sizeof(cases) / sizeof(cases[0]));
}

static void
test_scikit_multiflow(void **state)
{
    static const struct published cases[] = {
        {"ddm", OTC_DDM, DEFAULTS, false},
        {"hddm_w", OTC_HDDM_W, DEFAULTS, false},
        {"ph", OTC_PAGE_HINKLEY, MOA_PAGE_HINKLEY, false},
    };

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    assert_int_equal(run_published("stat/published/drift_detectors_skmultiflow.json", NULL, cases,
                                   sizeof(cases) / sizeof(cases[0])),
                     sizeof(cases) / sizeof(cases[0]));
}

static void
test_frouros(void **state)
{
    static const struct published cases[] = {
        {"fr_CUSUM", OTC_CUSUM, {1, 0.005, 50, 1, DEFAULT}, false},
    };

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    assert_int_equal(run_published("stat/published/change_detectors_frouros.json", "stream", cases,
                                   sizeof(cases) / sizeof(cases[0])),
                     sizeof(cases) / sizeof(cases[0]));
}

/* ---- Real series ---------------------------------------------------------------------------------- */

/* The series of a case of stat/oracle/stream_detectors.json; free(). */
static double *
real_series(const char *id, size_t *n)
{
    static const struct {
        const char *id, *file, *column;
    } plain[] = {
        {"nab_rds_cpu_utilization_cc0c53", "series/nab/data/realAWSCloudwatch/rds_cpu_utilization_cc0c53.csv",
         "value"},
        {"nab_art_daily_jumpsup", "series/nab/data/artificialWithAnomaly/art_daily_jumpsup.csv", "value"},
        {"nab_art_flatline", "series/nab/data/artificialNoAnomaly/art_flatline.csv", "value"},
        {"vllm_ttft_100_then_1000", "series/vllm_burstgpt_loadtest/detail_log_scale100.csv",
         "first_chunk_time"},
        {"elec2_persistence_error", "series/streaming/elec2.csv", "class"},
    };
    double *values = NULL;

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]) && !values; i++) {
        struct testdata_table table;

        if (strcmp(plain[i].id, id) != 0) {
            continue;
        }
        table = testdata_csv(plain[i].file);
        if (strcmp(plain[i].column, "class") == 0) {
            *n = table.rows - 1;
            values = calloc(*n, sizeof(double));
            for (size_t row = 0; row < *n; row++) {
                values[row] =
                    strcmp(testdata_cell(&table, row, "class"), testdata_cell(&table, row + 1, "class")) != 0;
            }
        } else {
            values = testdata_column(&table, plain[i].column, 0, 0, n);
        }
        testdata_table_free(&table);
    }
    if (strcmp(id, "vllm_ttft_100_then_1000") == 0) {
        struct testdata_table table = testdata_csv("series/vllm_burstgpt_loadtest/detail_log_scale1000.csv");
        size_t more;
        double *second = testdata_column(&table, "first_chunk_time", 0, 0, &more);

        values = realloc(values, (*n + more) * sizeof(double));
        memcpy(values + *n, second, more * sizeof(double));
        *n += more;
        free(second);
        testdata_table_free(&table);
    }
    return values;
}

/* A peer's name in the file, and how it is run here. */
struct peer {
    const char *name;
    enum otc_detector_type type;
    double parameters[OTC_DETECTOR_PARAMETERS_MAX];
};

static const struct peer peers[] = {
    {"PageHinkley.skmultiflow(min=30,delta=.005,threshold=50,alpha=.9999)", OTC_PAGE_HINKLEY,
     MOA_PAGE_HINKLEY},
    {"PageHinkley.river_formula(min=30,delta=.005,threshold=50,alpha=.9999)", OTC_PAGE_HINKLEY,
     MOA_PAGE_HINKLEY},
    {"PageHinkley.river_formula({'mi': 30, 'de': 0.05, 'th': 5.0})",
     OTC_PAGE_HINKLEY,
     {DEFAULT, 0.05, 5, DEFAULT, DEFAULT, 1}},
    {"CUSUM.frouros(delta=.005,lambda=50,min=30)", OTC_CUSUM, DEFAULTS},
    {"DDM.frouros(warn=2,drift=3,min=30)", OTC_DDM, DEFAULTS},
    {"DDM.skmultiflow", OTC_DDM, DEFAULTS},
    {"EDDM.skmultiflow", OTC_EDDM, MOA_EDDM},
    {"HDDM_A.skmultiflow", OTC_HDDM_A, DEFAULTS},
    {"HDDM_W.skmultiflow", OTC_HDDM_W, DEFAULTS},
};

/* Every detector but ADWIN is a formula on which the peers agree: the same indices to the last. */
static void
test_real_series(void **state)
{
    json_t *document, *one;
    size_t ran = 0, index;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    document = testdata_json("stat/oracle/stream_detectors.json");
    json_array_foreach(json_object_get(document, "cases"), index, one)
    {
        size_t n;
        double *values = real_series(json_string_value(json_object_get(one, "id")), &n);

        assert_non_null(values);
        assert_int_equal(n, json_integer_value(json_object_get(one, "n")));
        for (size_t p = 0; p < sizeof(peers) / sizeof(peers[0]); p++) {
            json_t *expected = json_object_get(json_object_get(one, "results"), peers[p].name);

            if (expected) {
                struct changes got = run(peers[p].type, peers[p].parameters, values, n);

                assert_changes(peers[p].name, &got, expected);
                ran++;
            }
        }
        free(values);
    }
    json_decref(document);
    assert_int_equal(ran, 21);
}

/* What river 0.26.1 finds in the same series with its defaults (KSWIN: seed 42): how often, and where first.
 */
static void
test_river_on_real_series(void **state)
{
    static const struct {
        const char *series;
        enum otc_detector_type type;
        size_t n, first[12];
    } found[] = {
        {"elec2_persistence_error", OTC_ADWIN, 7, {2847, 6207, 13407, 15775, 27071, 31007, 36159}},
        {"elec2_persistence_error",
         OTC_PAGE_HINKLEY,
         10,
         {2688, 8219, 13417, 15698, 19204, 24125, 27363, 31366, 36138, 41342}},
        {"elec2_persistence_error",
         OTC_EDDM,
         66,
         {276, 525, 721, 909, 1236, 1483, 1676, 1989, 2139, 2355, 2489, 2660}},
        {"vllm_ttft_100_then_1000", OTC_ADWIN, 3, {479, 639, 959}},
        {"vllm_ttft_100_then_1000", OTC_PAGE_HINKLEY, 10, {632, 670, 700, 730, 760, 790, 858, 917, 947, 977}},
        {"vllm_ttft_100_then_1000", OTC_KSWIN, 8, {138, 238, 439, 539, 639, 746, 846, 946}},
        {"nab_rds_cpu_utilization_cc0c53", OTC_ADWIN, 2, {2047, 3103}},
        {"nab_rds_cpu_utilization_cc0c53", OTC_PAGE_HINKLEY, 3, {1913, 3084, 3416}},
        {"nab_rds_cpu_utilization_cc0c53",
         OTC_KSWIN,
         11,
         {249, 352, 526, 630, 935, 1629, 1905, 2385, 2767, 3093, 3793}},
        {"nab_art_daily_jumpsup",
         OTC_ADWIN,
         41,
         {127, 223, 287, 415, 511, 607, 703, 799, 895, 991, 1087, 1183}},
        {"nab_art_daily_jumpsup",
         OTC_PAGE_HINKLEY,
         69,
         {108, 138, 185, 216, 246, 397, 427, 462, 504, 534, 684, 714}},
        {"nab_art_daily_jumpsup",
         OTC_KSWIN,
         29,
         {120, 228, 407, 517, 695, 805, 984, 1088, 1273, 1378, 1558, 1668}},
        {"nab_art_flatline", OTC_ADWIN, 0, {0}},
        {"nab_art_flatline", OTC_PAGE_HINKLEY, 0, {0}},
        {"nab_art_flatline", OTC_KSWIN, 0, {0}},
    };

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        size_t n;
        double *values = real_series(found[i].series, &n);
        struct changes got = run(found[i].type, NULL, values, n);

        if (got.n != found[i].n) {
            fail_msg("%s of %s: %zu changes, river has %zu", otc_detector_name(found[i].type),
                     found[i].series, got.n, found[i].n);
        }
        for (size_t k = 0; k < got.n && k < 12; k++) {
            assert_int_equal(got.at[k], found[i].first[k]);
        }
        free(values);
    }
}

/* ---- Without data --------------------------------------------------------------------------------- */

/* A reproducible stream: a uniform value, from `shift` on one higher. */
static double
uniform(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*seed >> 11) / 9007199254740992.0;
}

/* A detector whose state was saved and put into a fresh one goes on as if nothing had been. */
static void
test_state_survives(void **state)
{
    (void)state;
    for (unsigned type = 0; type < OTC_N_DETECTORS; type++) {
        struct otc_detector *whole = otc_detector_new(type, NULL), *part = otc_detector_new(type, NULL);
        uint64_t seed = type;

        for (size_t i = 0; i < 4000; i++) {
            double rate = i / 1000 % 2 ? 0.6 : 0.2;
            double value = uniform(&seed) < rate;

            if (i % 97 == 0) {
                struct otc_detector *next = otc_detector_new(type, NULL);
                size_t bytes;
                const void *saved = otc_detector_state(part, &bytes);

                assert_false(otc_detector_restore(next, saved, bytes - 1));
                assert_true(otc_detector_restore(next, saved, bytes));
                otc_detector_free(part);
                part = next;
            }
            assert_int_equal(otc_detector_add(whole, value), otc_detector_add(part, value));
            assert_int_equal(otc_detector_values(whole), otc_detector_values(part));
        }
        otc_detector_free(whole);
        otc_detector_free(part);
    }
}

/* Each word of a state in turn is another: it is refused, or the detector goes on within its memory, which
 * the address sanitizer watches. */
static void
test_damaged_state(void **state)
{
    static const uint64_t words[] = {
        0, 1, 3, 5, 31, 0x7f7f7f7f7f7f7f7f, UINT64_MAX, 0x7ff8000000000000 /* NaN */};
    unsigned char damaged[8192];
    size_t refused = 0;

    (void)state;
    for (unsigned type = 0; type < OTC_N_DETECTORS; type++) {
        struct otc_detector *detector = otc_detector_new(type, NULL);
        uint64_t seed = type;
        const void *saved;
        size_t bytes;

        for (size_t i = 0; i < 300; i++) {
            (void)otc_detector_add(detector, uniform(&seed) < 0.3);
        }
        saved = otc_detector_state(detector, &bytes);
        assert_in_range(bytes, 16, sizeof(damaged));
        for (size_t at = 0; at + 8 <= bytes; at += 8) {
            for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
                struct otc_detector *next = otc_detector_new(type, NULL);

                memcpy(damaged, saved, bytes);
                memcpy(damaged + at, &words[w], 8);
                refused += !otc_detector_restore(next, damaged, bytes);
                for (size_t i = 0; i < 100; i++) {
                    (void)otc_detector_add(next, i < 50 ? 0 : 1000);
                }
                otc_detector_free(next);
            }
        }
        otc_detector_free(detector);
    }
    assert_true(refused > 100);
}

/* Rows below the top that hold nothing: none can have been left, though they add up. */
static void
test_adwin_with_a_hole(void **state)
{
    struct otc_detector *detector = otc_detector_new(OTC_ADWIN, NULL);
    enum { HEAD = 16, ROW = 104, N_AT = 96, ROWS = 40 }; /* detector_adwin.c's layout, behind two counters */
    unsigned char holed[8192];
    size_t bytes, n, none = 0;
    const void *saved;
    double width;

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        (void)otc_detector_add(detector, (double)(i % 2));
    }
    saved = otc_detector_state(detector, &bytes);
    memcpy(holed, saved, bytes);
    memcpy(&n, holed + HEAD + N_AT, sizeof(n));
    memcpy(&width, holed + HEAD + ROWS * ROW + 8, sizeof(width));
    assert_in_range(n, 1, 5);
    assert_true(width == 300);
    assert_true(otc_detector_restore(detector, holed, bytes));
    width -= (double)n;
    memcpy(holed + HEAD + N_AT, &none, sizeof(none));
    memcpy(holed + HEAD + ROWS * ROW + 8, &width, sizeof(width));
    assert_false(otc_detector_restore(detector, holed, bytes));
    assert_int_equal(otc_detector_values(detector), 0);
    otc_detector_free(detector);
}

/* Every detector finds a large step within 400 values. */
static void
test_step_is_found(void **state)
{
    static const double lower_threshold[] = {DEFAULT, DEFAULT, 20, DEFAULT, DEFAULT, DEFAULT};

    (void)state;
    for (unsigned type = 0; type < OTC_N_DETECTORS; type++) {
        bool sum = type == OTC_PAGE_HINKLEY || type == OTC_CUSUM;
        struct otc_detector *detector = otc_detector_new(type, sum ? lower_threshold : NULL);
        uint64_t seed = 7;
        bool found = false;

        for (size_t i = 0; i < 2400; i++) {
            double value = uniform(&seed) < (i < 2000 ? 0.05 : 0.7);

            found |= otc_detector_add(detector, value) == OTC_DETECTOR_CHANGE && i >= 2000;
        }
        otc_detector_free(detector);
        if (!found) {
            fail_msg("%s: the step was not found", otc_detector_name(type));
        }
    }
}

/* What is no number is passed over, and extreme ones break nothing. */
static void
test_bad_values(void **state)
{
    (void)state;
    for (unsigned type = 0; type < OTC_N_DETECTORS; type++) {
        struct otc_detector *detector = otc_detector_new(type, NULL);
        const double odd[] = {NAN, INFINITY, -INFINITY};
        const double extreme[] = {1.7e308, -1.7e308, 5e-324, -0.0, 0, 1};
        bool changed = false;

        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(otc_detector_add(detector, odd[i]), OTC_DETECTOR_STABLE);
        }
        assert_int_equal(otc_detector_values(detector), 0);
        for (size_t i = 0; i < 6000; i++) {
            (void)otc_detector_add(detector, extreme[i % 6]);
        }
        /* They leave no NaN behind: a change is found afterwards. */
        for (size_t i = 0; i < 3000; i++) {
            (void)otc_detector_add(detector, 0);
        }
        for (size_t i = 0; i < 3000; i++) {
            changed |= otc_detector_add(detector, (double)(i % 10 > 0)) == OTC_DETECTOR_CHANGE;
        }
        if (!changed && (type == OTC_DDM || type == OTC_KSWIN || type == OTC_HDDM_W)) {
            fail_msg("%s: no change is found after extreme values", otc_detector_name(type));
        }
        otc_detector_free(detector);
    }
}

/* Any value but 0 is an error to those that count errors; shares are clamped for those that need them. */
static void
test_values_of_any_size(void **state)
{
    static const enum otc_detector_type types[] = {OTC_DDM, OTC_EDDM, OTC_HDDM_A, OTC_HDDM_W};

    (void)state;
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        struct otc_detector *plain = otc_detector_new(types[t], NULL);
        struct otc_detector *large = otc_detector_new(types[t], NULL);
        uint64_t seed = 3;

        for (size_t i = 0; i < 3000; i++) {
            double value = uniform(&seed) < (i < 1500 ? 0.1 : 0.6);

            assert_int_equal(otc_detector_add(plain, value), otc_detector_add(large, 7 * value));
        }
        otc_detector_free(plain);
        otc_detector_free(large);
    }
}

static void
test_parameters(void **state)
{
    static const double wild[] = {-1e300, 1e300, NAN, -5, 1e300, 2};

    (void)state;
    assert_int_equal(otc_detector_find(otc_slice_str("ddm")), OTC_DDM);
    assert_int_equal(otc_detector_find(otc_slice_str("no_such")), OTC_N_DETECTORS);
    for (unsigned type = 0; type < OTC_N_DETECTORS; type++) {
        const struct otc_detector_parameter *parameters = otc_detector_parameters(type);
        struct otc_detector *detector;
        size_t n = 0;

        for (; parameters[n].name; n++) {
            assert_true(parameters[n].min <= parameters[n].def && parameters[n].def <= parameters[n].max);
        }
        assert_in_range(n, 1, OTC_DETECTOR_PARAMETERS_MAX);
        assert_int_equal(otc_detector_find(otc_slice_str(otc_detector_name(type))), type);
        assert_true(otc_detector_bytes(type, NULL) < 8192);
        /* Out of range is brought into it. */
        detector = otc_detector_new(type, wild);
        for (size_t i = 0; i < 500; i++) {
            (void)otc_detector_add(detector, (double)(i % 2));
        }
        otc_detector_free(detector);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_river),
        cmocka_unit_test(test_scikit_multiflow),
        cmocka_unit_test(test_frouros),
        cmocka_unit_test(test_real_series),
        cmocka_unit_test(test_river_on_real_series),
        cmocka_unit_test(test_state_survives),
        cmocka_unit_test(test_damaged_state),
        cmocka_unit_test(test_adwin_with_a_hole),
        cmocka_unit_test(test_step_is_found),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_values_of_any_size),
        cmocka_unit_test(test_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
