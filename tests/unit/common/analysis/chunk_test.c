// SPDX-License-Identifier: Apache-2.0
/* Rows cut into chunks by number, time and calendar. */
#include "common/analysis/chunk.h"
#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int64_t
at(const char *text)
{
    int64_t ns;

    assert_int_equal(otc_time_parse(otc_slice_str(text), &ns, NULL), OTC_OK);
    return ns;
}

static struct otc_chunk_rule
rule_of(const char *text)
{
    struct otc_chunk_rule rule;

    assert_int_equal(otc_chunk_parse(otc_slice_str(text), &rule, NULL), OTC_OK);
    return rule;
}

/** The chunk of a time begins and ends there, and is called so. */
static void
check(const char *rule, const char *time, const char *start, const char *end, const char *label)
{
    struct otc_chunk_rule parsed = rule_of(rule);
    struct otc_chunk chunk = otc_chunk_at(&parsed, at(time));
    char text[OTC_CHUNK_LABEL];

    assert_int_equal(chunk.start, at(start));
    assert_int_equal(chunk.end, at(end));
    otc_chunk_label(&parsed, chunk, text);
    assert_string_equal(text, label);
}

/* As pandas.Timestamp(…).to_period(…) says. */
static void
calendar_chunks_are_those_of_pandas(void **state)
{
    (void)state;
    check("M", "2020-10-31T23:59:59Z", "2020-10-01", "2020-11-01", "2020-10");
    check("M", "2020-12-01T00:00:00Z", "2020-12-01", "2021-01-01", "2020-12");
    check("M", "2024-02-29T12:00:00Z", "2024-02-01", "2024-03-01", "2024-02");
    check("M", "1969-12-31T23:00:00Z", "1969-12-01", "1970-01-01", "1969-12");
    check("W", "2021-06-06T23:59:59Z", "2021-05-31", "2021-06-07", "2021-05-31");
    check("W", "2021-06-07T00:00:00Z", "2021-06-07", "2021-06-14", "2021-06-07");
    check("W", "1969-12-28T10:00:00Z", "1969-12-22", "1969-12-29", "1969-12-22");
    check("Q", "2021-11-15T00:00:00Z", "2021-10-01", "2022-01-01", "2021-Q4");
    check("Q", "2021-03-31T23:59:59Z", "2021-01-01", "2021-04-01", "2021-Q1");
    check("Y", "2020-02-29T00:00:00Z", "2020-01-01", "2021-01-01", "2020");
    check("D", "2021-03-01T07:00:00Z", "2021-03-01", "2021-03-02", "2021-03-01");
    check("H", "2021-03-01T07:59:59Z", "2021-03-01T07:00:00Z", "2021-03-01T08:00:00Z", "2021-03-01 07:00");
}

static void
durations_lie_on_the_epoch(void **state)
{
    (void)state;
    check("1h", "2021-03-01T07:59:59Z", "2021-03-01T07:00:00Z", "2021-03-01T08:00:00Z", "2021-03-01 07:00");
    check("7d", "1970-01-08T00:00:00Z", "1970-01-08", "1970-01-15", "1970-01-08");
    check("90m", "1970-01-01T03:10:00Z", "1970-01-01T03:00:00Z", "1970-01-01T04:30:00Z", "1970-01-01 03:00");
    check("30s", "1969-12-31T23:59:59Z", "1969-12-31T23:59:30Z", "1970-01-01", "1969-12-31 23:59:30");
}

static void
wrong_rules_are_refused(void **state)
{
    static const char *const wrong[] = {"",        "0",  "-5",  "1.5", "m",
                                        "monthly", "0s", "-1h", "1e3", "99999999999999"};
    struct otc_chunk_rule rule;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(otc_chunk_parse(otc_slice_str(wrong[i]), &rule, &err), OTC_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, "is not allowed (1000: rows;"));
    }
}

/** Where the position's rows go, "-" when they are dropped. */
static void
check_place(const struct otc_chunk_plan *plan, int64_t position, int64_t start, int64_t end)
{
    struct otc_chunk chunk;

    assert_true(otc_chunk_plan_place(plan, position, &chunk));
    assert_int_equal(chunk.start, start);
    assert_int_equal(chunk.end, end);
}

static void
the_last_chunk_is_kept_dropped_or_appended(void **state)
{
    struct otc_chunk_rule rule = rule_of("10");
    struct otc_chunk_plan plan;
    struct otc_chunk chunk;

    (void)state;
    otc_chunk_plan_init(&plan, &rule, OTC_INCOMPLETE_KEEP, 0, 24, 25);
    check_place(&plan, 24, 20, 30);
    assert_true(otc_chunk_plan_is_incomplete(&plan, (struct otc_chunk){20, 30}));
    assert_false(otc_chunk_plan_is_incomplete(&plan, (struct otc_chunk){10, 20}));

    otc_chunk_plan_init(&plan, &rule, OTC_INCOMPLETE_DROP, 0, 24, 25);
    check_place(&plan, 19, 10, 20);
    assert_false(otc_chunk_plan_place(&plan, 20, &chunk));

    otc_chunk_plan_init(&plan, &rule, OTC_INCOMPLETE_APPEND, 0, 24, 25);
    check_place(&plan, 9, 0, 10);
    check_place(&plan, 10, 10, 30);
    check_place(&plan, 24, 10, 30);
    assert_false(otc_chunk_plan_is_incomplete(&plan, (struct otc_chunk){10, 30}));

    /* Complete, and appending where nothing is before. */
    otc_chunk_plan_init(&plan, &rule, OTC_INCOMPLETE_DROP, 0, 19, 20);
    check_place(&plan, 19, 10, 20);
    otc_chunk_plan_init(&plan, &rule, OTC_INCOMPLETE_APPEND, 0, 4, 5);
    check_place(&plan, 4, 0, 10);
    assert_true(otc_chunk_plan_is_incomplete(&plan, (struct otc_chunk){0, 10}));
}

/* Hourly rows that end at 23:00 fill their month; those that end on the 9th do not. */
static void
a_month_is_incomplete_when_rows_stop_early(void **state)
{
    struct otc_chunk_rule rule = rule_of("M");
    struct otc_chunk_plan plan;

    (void)state;
    otc_chunk_plan_init(&plan, &rule, OTC_INCOMPLETE_KEEP, at("2021-05-01T00:00:00Z"),
                        at("2021-06-30T23:00:00Z"), 1464);
    assert_false(otc_chunk_plan_is_incomplete(&plan, otc_chunk_at(&rule, at("2021-06-30T23:00:00Z"))));
    otc_chunk_plan_init(&plan, &rule, OTC_INCOMPLETE_KEEP, at("2021-05-01T00:00:00Z"),
                        at("2021-06-09T23:00:00Z"), 960);
    assert_true(otc_chunk_plan_is_incomplete(&plan, otc_chunk_at(&rule, at("2021-06-09T23:00:00Z"))));
}

static void
rules_have_names(void **state)
{
    static const char *const names[][2] = {{"1000", "1000 rows"}, {"1", "1 row"},    {"5m", "5m"},
                                           {"90m", "1h30m"},      {"1h", "an hour"}, {"2h", "2h"},
                                           {"10s", "10s"},        {"1d", "a day"},   {"7d", "7 days"},
                                           {"M", "a month"},      {"W", "a week"},   {"20m30s", "20m30s"}};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct otc_chunk_rule rule = rule_of(names[i][0]);
        char text[OTC_CHUNK_LABEL];

        otc_chunk_rule_text(&rule, text);
        assert_string_equal(text, names[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendar_chunks_are_those_of_pandas),
        cmocka_unit_test(durations_lie_on_the_epoch),
        cmocka_unit_test(wrong_rules_are_refused),
        cmocka_unit_test(the_last_chunk_is_kept_dropped_or_appended),
        cmocka_unit_test(rules_have_names),
        cmocka_unit_test(a_month_is_incomplete_when_rows_stop_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
