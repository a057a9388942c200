// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
doubles_are_written_as_go_writes_them(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-42, "-42"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e-7, "1e-07"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-05"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {123456.789, "123456.789"},
        {9007199254740993.0, "9007199254740992"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {5.684341886080802e-14, "5.684341886080802e-14"}, /* 2^-44: a power of two */
        {1.0 / 3, "0.3333333333333333"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };
    char text[OTC_DOUBLE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(otc_format_double(cases[i].value, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void
doubles_are_written_as_gos_json_has_them(void **state)
{
    const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {-42, "-42"},
                 {0.1, "0.1"},
                 {0.0001, "0.0001"},
                 {1e-5, "0.00001"},
                 {-1.234e-5, "-0.00001234"},
                 {1e-6, "0.000001"},
                 {nextafter(1e-6, 0), "9.999999999999997e-7"},
                 {9.99e-7, "9.99e-7"},
                 {-1e-7, "-1e-7"},
                 {1.5e-10, "1.5e-10"},
                 {5e-324, "5e-324"},
                 {1e16, "10000000000000000"},
                 {123456789012345680000.0, "123456789012345680000"},
                 {nextafter(1e21, 0), "999999999999999900000"},
                 {1e21, "1e+21"},
                 {DBL_MAX, "1.7976931348623157e+308"},
                 {INFINITY, "Infinity"},
                 {-INFINITY, "-Infinity"},
                 {NAN, "NaN"}};
    char text[OTC_DOUBLE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(otc_format_json_double(cases[i].value, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void
plain_doubles_have_no_exponent(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-1.5, "-1.5"},
                 {1.5e-5, "0.000015"},
                 {-1e-7, "-0.0000001"},
                 {9.5367431640625e-07, "0.00000095367431640625"},
                 {1e21, "1000000000000000000000"},
                 {1.2345678901234568e+22, "12345678901234568000000"},
                 {INFINITY, "+Inf"},
                 {-INFINITY, "-Inf"},
                 {NAN, "NaN"}};
    char text[OTC_PLAIN_DOUBLE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(otc_format_plain_double(cases[i].value, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
    /* The longest: a sign, 0., 323 zeros less one, and 17 digits. */
    assert_int_equal(otc_format_plain_double(-DBL_MAX, text), 310);
    assert_int_equal(strspn(text, "-17976931348623157"), 18);
    assert_int_equal(strspn(text + 18, "0"), 292);
    assert_int_equal(otc_format_plain_double(-1.2345678901234567e-308, text), 327);
    assert_true(strtod(text, NULL) == -1.2345678901234567e-308);
    assert_int_equal(otc_format_plain_double(-5e-324, text), 327);
}

static void
every_double_reads_back(void **state)
{
    uint64_t bits = 1;
    char text[OTC_DOUBLE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value, back;

        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        assert_true(otc_parse_double(otc_slice_of(text, otc_format_double(value, text)), &back));
        assert_true(back == value);
    }
}

/* Numbers of at most 15 digits are what printf says of 15. */
static void
few_digits_are_printfs(void **state)
{
    static const uint64_t tens[] = {1, 10, 1000, 100000, 100000000, 100000000000, 100000000000000};
    char text[OTC_DOUBLE_TEXT_MAX], want[OTC_DOUBLE_TEXT_MAX];
    uint64_t bits = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value;

        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        value = (double)(bits >> 14) / 1.2; /* below 10^15 */
        value = floor(value / (double)tens[i % 7]) / (double)tens[i / 7 % 7];
        if (value >= 1e-4) {
            (void)snprintf(want, sizeof(want), "%.15g", i & 1 ? value : -value);
            otc_format_double(i & 1 ? value : -value, text);
            assert_string_equal(text, want);
        }
    }
}

/* The digits of a text without its point and the zeros in front, or behind where there is no point. */
static void
digits_of(const char *text, char out[OTC_DOUBLE_TEXT_MAX])
{
    size_t n = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (n > 0 || *text != '0')) {
            out[n++] = *text;
        }
    }
    while (n > 1 && out[n - 1] == '0') {
        n--;
    }
    out[n] = '\0';
}

/* Doubles of all sizes that are written without an exponent, with mantissas short and long: the digits are
 * those of the first of printf's texts that reads back. */
static void
digits_are_the_fewest_that_read_back(void **state)
{
    char text[OTC_DOUBLE_TEXT_MAX], want[64], digits[OTC_DOUBLE_TEXT_MAX], wanted[OTC_DOUBLE_TEXT_MAX];
    uint64_t bits = 1;

    (void)state;
    for (int i = 0; i < 40000; i++) {
        uint64_t mantissa;
        double value;

        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        mantissa = bits >> 12;
        mantissa &= i % 3 ? UINT64_MAX : UINT64_MAX << (bits % 52);
        /* 1 at least: below a power of two doubles are denser, and printf's nearest text is not always one.
         */
        value = ldexp((double)(mantissa | UINT64_C(1) << 52 | 1), i % 70 - 14 - 52);
        for (int n = 1; n <= 17; n++) {
            (void)snprintf(want, sizeof(want), "%.*e", n - 1, value);
            if (strtod(want, NULL) == value) {
                break;
            }
        }
        otc_format_double(value, text);
        digits_of(text, digits);
        digits_of(want, wanted);
        assert_string_equal(digits, wanted);
        assert_true(strtod(text, NULL) == value);
    }
}

static void
powers_of_two_are_short(void **state)
{
    const struct {
        double value;
        const char *text;
    } cases[] = {{0x1p-13, "0.0001220703125"},
                 {0x1p-1, "0.5"},
                 {0x1p52, "4503599627370496"},
                 {9007199254740991, "9007199254740991"},
                 {9007199254740992, "9007199254740992"},
                 {nextafter(1, 0), "0.9999999999999999"},
                 {nextafter(1, 2), "1.0000000000000002"},
                 {nextafter(1024, 0), "1023.9999999999999"},
                 {nextafter(0.0001, 1), "0.00010000000000000002"},
                 {nextafter(0.0001, 0), "9.999999999999999e-05"}};
    char text[OTC_DOUBLE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        otc_format_double(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
numbers_ignore_the_locale(void **state)
{
    char text[OTC_DOUBLE_TEXT_MAX];
    double value;

    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "de_DE")) {
        print_message("skipped: no locale with a decimal comma\n");
        skip();
    }
    otc_format_double(1.5, text);
    assert_string_equal(text, "1.5");
    assert_true(otc_parse_double(otc_slice_str("2.25"), &value));
    assert_true(value == 2.25);
    setlocale(LC_ALL, "C");
}

static void
what_is_no_number_is_refused(void **state)
{
    static const char *const bad[] = {"", " 1", "1 ", "1,5", "0x10", "1e", "--1", "nan(1)", "one", "1.5.2"};
    static const char *const bad_ints[] = {
        "", "-", "+", "1.0", "9223372036854775808", "-9223372036854775809", "1e3"};
    double value;
    int64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(otc_parse_double(otc_slice_str(bad[i]), &value));
    }
    assert_false(otc_parse_double(otc_slice_of("1\0", 2), &value));
    for (size_t i = 0; i < sizeof(bad_ints) / sizeof(bad_ints[0]); i++) {
        assert_false(otc_parse_int64(otc_slice_str(bad_ints[i]), &number));
    }
}

/* What Go's ParseFloat says of each. */
static void
go_has_more_numbers(void **state)
{
    static const struct {
        const char *text;
        double want;
    } good[] = {{"1e3", 1000},     {"+1.5", 1.5},           {"5.", 5},           {"1e-400", 0},
                {"0x1p4", 16},     {"0X1.8P1", 3},          {"-0x.8p0", -0.5},   {"0x1p-1080", 0},
                {"0x1_0p0", 16},   {"1_000", 1000},         {"1_0.5", 10.5},     {"0x_1p0", 1},
                {"0x1P1_0", 1024}, {"1e1_0", 1e10},         {"-0x_fFp+1", -510}, {"-INF", -INFINITY},
                {"inf", INFINITY}, {"+Infinity", INFINITY}, {"1e308", 1e308}};
    static const char *const bad[] = {"",       "1e400", "-1e400",  "1.8e308", "0x10", "0x1p1024", "0x__1p0",
                                      "0x1p",   "0xp1",  "_1",      "1_",      "1__0", "1_.5",     "1._5",
                                      "1_e5",   "1e_5",  "0x1_p0",  "0x1p_0",  "-nan", "+nan",     "nan(1)",
                                      "in_f",   " 1",    "1 ",      "0b1",     "0o17", ".",        "1p3",
                                      "0x1p0_", "1f",    "infinit", "0x1e5",   "a_1",  "--0x1p1"};
    char digits[402];
    double value;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!otc_parse_go_double(otc_slice_str(good[i].text), &value) || value != good[i].want) {
            fail_msg("%s", good[i].text);
        }
    }
    assert_true(otc_parse_go_double(otc_slice_str("NaN"), &value) && isnan(value));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (otc_parse_go_double(otc_slice_str(bad[i]), &value)) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_false(otc_parse_go_double(otc_slice_of("1\0", 2), &value));
    memset(digits, '0', sizeof(digits));
    assert_true(otc_parse_go_double(otc_slice_of(digits, 400), &value) && value == 0);
    assert_false(otc_parse_go_double(otc_slice_of(digits, 401), &value));
}

static void
integers_are_written_as_printf_does(void **state)
{
    uint64_t seed = 1;
    char text[OTC_INT64_TEXT_MAX], expected[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        static const int64_t edges[] = {0, 1, -1, 9, 10, -10, INT64_MAX, INT64_MIN, INT64_MIN + 1};
        int64_t value = i < 9 ? edges[i] : (int64_t)seed >> (i % 64);
        size_t len = otc_format_int64(value, text);

        assert_int_equal(snprintf(expected, sizeof(expected), "%lld", (long long)value), len);
        assert_memory_equal(text, expected, len);
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    }
}

static void
limits_of_numbers_are_read(void **state)
{
    double value;
    int64_t number;

    (void)state;
    assert_true(otc_parse_int64(otc_slice_str("-9223372036854775808"), &number) && number == INT64_MIN);
    assert_true(otc_parse_int64(otc_slice_str("+9223372036854775807"), &number) && number == INT64_MAX);
    assert_true(otc_parse_double(otc_slice_str("-inf"), &value) && isinf(value) && value < 0);
    assert_true(otc_parse_double(otc_slice_str("NaN"), &value) && isnan(value));
    assert_true(otc_parse_double(otc_slice_str(".5e-3"), &value) && value == .5e-3);
}

/* Plain decimals take a way of their own, which must not be seen. */
static void
plain_decimals_read_as_strtod_does(void **state)
{
    static const char *const edge[] = {"0",
                                       "-0",
                                       "5.",
                                       ".5",
                                       "-.5",
                                       "9007199254740992",
                                       "9007199254740993",
                                       "0.1",
                                       "00012.50",
                                       "123456789012345678",
                                       "0.000000000000000001",
                                       "1234567890.12345678"};
    uint64_t seed = 1;
    char text[64];
    double got;

    (void)state;
    for (size_t i = 0; i < sizeof(edge) / sizeof(edge[0]); i++) {
        assert_true(otc_parse_double(otc_slice_str(edge[i]), &got));
        assert_true(got == strtod(edge[i], NULL));
        assert_int_equal(signbit(got) != 0, edge[i][0] == '-');
    }
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        (void)snprintf(text, sizeof(text), "%s%.*f", seed & 1 ? "-" : "", (int)(seed >> 1 & 15),
                       (double)(seed >> 20) / (double)(UINT64_C(1) << (seed >> 5 & 43)));
        assert_true(otc_parse_double(otc_slice_str(text), &got));
        assert_true(got == strtod(text, NULL));
    }
    assert_false(otc_parse_double(otc_slice_str("."), &got));
    assert_false(otc_parse_double(otc_slice_str("-"), &got));
    assert_false(otc_parse_double(otc_slice_str("1.2.3"), &got));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_decimals_read_as_strtod_does),
        cmocka_unit_test(doubles_are_written_as_go_writes_them),
        cmocka_unit_test(doubles_are_written_as_gos_json_has_them),
        cmocka_unit_test(plain_doubles_have_no_exponent),
        cmocka_unit_test(go_has_more_numbers),
        cmocka_unit_test(every_double_reads_back),
        cmocka_unit_test(few_digits_are_printfs),
        cmocka_unit_test(digits_are_the_fewest_that_read_back),
        cmocka_unit_test(powers_of_two_are_short),
        cmocka_unit_test(numbers_ignore_the_locale),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(integers_are_written_as_printf_does),
        cmocka_unit_test(limits_of_numbers_are_read),
    };

    return cmocka_run_group_tests_name("common/base/number", tests, NULL, NULL);
}
