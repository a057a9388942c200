// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
durations_are_read_and_written_as_go_does(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
        const char *again;
    } cases[] = {
        {"0", 0, "0s"},
        {"300ms", 300 * OTC_MILLISECOND, "300ms"},
        {"-1.5h", -90 * OTC_MINUTE, "-1h30m0s"},
        {"2h45m", 165 * OTC_MINUTE, "2h45m0s"},
        {"1h30m0.5s", 90 * OTC_MINUTE + 500 * OTC_MILLISECOND, "1h30m0.5s"},
        {"7d", 7 * OTC_DAY, "168h0m0s"},
        {"1.1us", 1100, "1.1\xc2\xb5s"},
        {"2\xce\xbcs", 2000, "2\xc2\xb5s"},
        {"12ns", 12, "12ns"},
        {"0.3s", 300 * OTC_MILLISECOND, "300ms"},
        {"90s", 90 * OTC_SECOND, "1m30s"},
    };
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        otc_duration duration;

        assert_int_equal(otc_duration_parse(otc_slice_str(cases[i].text), &duration, NULL), OTC_OK);
        assert_true(duration.ns == cases[i].ns);
        otc_duration_format(duration, text);
        assert_string_equal(text, cases[i].again);
    }
    otc_duration_format((otc_duration){INT64_MIN}, text);
    assert_string_equal(text, "-2562047h47m16.854775808s");
}

static void
bad_durations_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"", "time: invalid duration \"\""},
        {"5", "time: missing unit in duration \"5\""},
        {"5 s", "time: unknown unit \" s\" in duration \"5 s\" (ns, us, ms, s, m, h, d)"},
        {"s", "time: invalid duration \"s\""},
        {"1x", "time: unknown unit \"x\" in duration \"1x\" (ns, us, ms, s, m, h, d)"},
        {"-", "time: invalid duration \"-\""},
        {".s", "time: invalid duration \".s\""},
        {"99999999h", "time: invalid duration \"99999999h\""},
        {"1h99999999999999999999s", "time: invalid duration \"1h99999999999999999999s\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        otc_duration duration;

        assert_int_equal(otc_duration_parse(otc_slice_str(cases[i].text), &duration, &err),
                         OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text, cases[i].error);
    }
}

static void
stamps_of_all_spellings_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-08-21T22:39:16.000Z", INT64_C(1787351956) * OTC_SECOND},
        {"2023-11-16 18:15:46.6805900", INT64_C(1700158546680590000)},
        {"2024-02-29", INT64_C(1709164800) * OTC_SECOND},
        {"2000-01-01T00:00:00+05:30", (INT64_C(946684800) - 19800) * OTC_SECOND},
        {"2000-01-01 00:00", INT64_C(946684800) * OTC_SECOND},
        {"1969-12-31T23:59:59.5Z", -OTC_SECOND / 2},
        {"1700000000", INT64_C(1700000000) * OTC_SECOND},
        {"1700000000.25", INT64_C(1700000000) * OTC_SECOND + OTC_SECOND / 4},
        {"1700000000123", INT64_C(1700000000123) * OTC_MILLISECOND},
        {"1700000000123456", INT64_C(1700000000123456) * OTC_MICROSECOND},
        {"1700000000123456789", INT64_C(1700000000123456789)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ns;

        assert_int_equal(otc_time_parse(otc_slice_str(cases[i].text), &ns, NULL), OTC_OK);
        assert_true(ns == cases[i].ns);
    }
}

static void
bad_stamps_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2023-13-01",
                                      "2023-02-29",
                                      "2023-1-1",
                                      "2023-01-01T25:00",
                                      "2023-01-01T10:00:00x",
                                      "2023-01-01T",
                                      "9999-12-31",
                                      "-5",
                                      "2023-01-01 10:00:00.",
                                      "1.2.3"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        int64_t ns;

        assert_int_equal(otc_time_parse(otc_slice_str(bad[i]), &ns, &err), OTC_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, "time: cannot read \""));
    }
}

static void
stamps_are_written_in_utc(void **state)
{
    char text[32];

    (void)state;
    otc_time_format(INT64_C(1787351956007) * OTC_MILLISECOND, text);
    assert_string_equal(text, "2026-08-21T22:39:16.007Z");
    otc_time_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_and_written_as_go_does),
        cmocka_unit_test(bad_durations_are_named),
        cmocka_unit_test(stamps_of_all_spellings_are_read),
        cmocka_unit_test(bad_stamps_are_refused),
        cmocka_unit_test(stamps_are_written_in_utc),
    };

    return cmocka_run_group_tests_name("common/base/clock", tests, NULL, NULL);
}
