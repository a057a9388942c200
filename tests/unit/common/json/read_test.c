// SPDX-License-Identifier: Apache-2.0
#include "common/json/read.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* U+FFFD. */
#define FFFD "\xef\xbf\xbd"

/* Reads a whole text; false, and where and why, when it is no JSON. */
static bool
read_all(const char *text, size_t len, size_t *column, const char **fault)
{
    struct otc_slice slice = otc_slice_of(text, len);
    struct otc_json_reader in = otc_json_reader_of(slice);
    struct otc_json_view view;
    bool deep, ok;
    size_t line;

    ok = otc_json_read_value(&in, &view) && otc_json_skip_value(&in, &view, 64, &deep) &&
         otc_json_read_end(&in);
    otc_json_where(&in, slice, &line, column);
    *fault = in.fault;
    return ok;
}

static void
what_is_wrong_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text;
        size_t column;
        const char *fault;
    } cases[] = {
        {"", 1, "the text ends where a value is expected"},
        {"[1, ", 5, "the text ends where a value is expected"},
        {"[1, 2", 6, "the text ends in an array"},
        {"{\"a\": 1", 8, "the text ends in an object"},
        {"\"abcdefghijk", 13, "the text ends in a string"},
        {"[1 2]", 4, "expected ',' or ']'"},
        {"{\"a\": 1 \"b\"}", 9, "expected ',' or '}'"},
        {"[1,]", 4, "expected a value"},
        {"{\"a\": 1,}", 9, "expected a key in quotes"},
        {"{a: 1}", 2, "expected a key in quotes"},
        {"{\"a\" 1}", 6, "expected ':'"},
        {"{\"a\\u0000\": 1}", 3, "NUL in a key"},
        {"nul", 1, "expected a value"},
        {"[NaN]", 2, "expected a value"},
        {"[01]", 2, "expected a value"},
        {"[1.]", 2, "expected a value"},
        {"[-]", 2, "expected a value"},
        {"[1e999]", 2, "a number too large or too long"},
        {"\"a\tb\"", 3, "control character in a string"},
        {"\"123456789\n\"", 11, "control character in a string"},
        {"\"\\x\"", 2, "bad escape in a string"},
        {"\"\\ud80\"", 2, "bad escape in a string"},
        {"\"\\ud83d\\x\"", 8, "bad escape in a string"},
        {"\"\\ud83d\\ude0\"", 8, "bad escape in a string"},
        {"\"\\ud83d", 8, "the text ends in a string"},
        {"\"\xff\"", 2, "bad UTF-8 in a string"},
        {"\"12345678\xc0\xaf\"", 10, "bad UTF-8 in a string"},
        {"1 1", 3, "something follows the value"},
        {"]", 1, "expected a value"},
        {"[}", 2, "expected a value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *fault;
        size_t column;

        assert_false(read_all(cases[i].text, strlen(cases[i].text), &column, &fault));
        assert_string_equal(fault, cases[i].fault);
        if (column != cases[i].column) {
            fail_msg("%s: column %zu, expected %zu", cases[i].text, column, cases[i].column);
        }
    }
}

/* `want`: as Go's encoding/json; `by_twos`: as jsoniter, where they differ. */
static void
a_lone_surrogate_is_a_replacement_character(void **state)
{
    static const struct {
        const char *text, *want, *by_twos;
    } cases[] = {
        {"\"hello \\ud83d\"", "hello " FFFD, NULL},
        {"\"\\ud83d\\ud83d\"", FFFD FFFD, NULL},
        {"\"\\uD83DA\"", FFFD "A", NULL},
        {"\"\\ude00\"", FFFD, NULL},
        {"\"\\ud83d\\n\"", FFFD "\n", NULL},
        {"\"\\ud83d\\u0041\"", FFFD "A", NULL},
        {"\"\\ude00\\ud83d\"", FFFD FFFD, NULL},
        {"\"\\ud83d\\\\ude00\"", FFFD "\\ude00", NULL},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", NULL},
        {"\"\\ud83d\\ud83d\\ude00\"", FFFD "\xf0\x9f\x98\x80", FFFD FFFD FFFD},
        {"\"\\ude00\\ud83d\\ude00\"", FFFD "\xf0\x9f\x98\x80", FFFD FFFD FFFD},
        {"\"\\ud83d\\ud83d\\ud83d\\ude00\"", FFFD FFFD "\xf0\x9f\x98\x80", NULL},
        {"\"\\ufffd\\ud83d\\ude00\"", FFFD "\xf0\x9f\x98\x80", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_json_reader in = otc_json_reader_of(otc_slice_str(cases[i].text));
        const char *by_twos = cases[i].by_twos ? cases[i].by_twos : cases[i].want;
        struct otc_json_view view;
        uint8_t plain[64];

        assert_true(otc_json_read_value(&in, &view) && otc_json_read_end(&in));
        assert_true(otc_slice_equal_str(otc_slice_of(plain, otc_json_unescape(&view, plain)), cases[i].want));
        assert_true(
            otc_slice_equal_str(otc_slice_of(plain, otc_json_unescape_by_twos(&view, plain)), by_twos));
    }
}

static void
lines_are_counted(void **state)
{
    struct otc_slice text = otc_slice_str("[1,\n 2,\n\n  x]");
    struct otc_json_reader in = otc_json_reader_of(text);
    struct otc_json_view view;
    size_t line, column;
    bool deep;

    (void)state;
    assert_true(otc_json_read_value(&in, &view));
    assert_false(otc_json_skip_value(&in, &view, 64, &deep));
    assert_false(deep);
    otc_json_where(&in, text, &line, &column);
    assert_int_equal(line, 4);
    assert_int_equal(column, 3);
}

static void
members_and_elements_are_read_one_by_one(void **state)
{
    struct otc_json_reader in =
        otc_json_reader_of(otc_slice_str(" {\"a\" : [1, -2.5, \"\\u00e9\", true], \"b\":{}, \"c\":null} "));
    struct otc_json_view view, key;
    bool first = true, first_inside = true, deep;
    uint8_t plain[8];

    (void)state;
    assert_true(otc_json_read_value(&in, &view) && view.type == OTC_JSON_OBJECT);
    assert_true(otc_json_read_member(&in, &first, &key) && otc_slice_equal_str(key.text, "a"));
    assert_true(otc_json_read_value(&in, &view) && view.type == OTC_JSON_ARRAY);
    assert_true(otc_json_read_element(&in, &first_inside) && otc_json_read_value(&in, &view));
    assert_true(view.type == OTC_JSON_INT && view.integer == 1 && view.real == 1);
    assert_true(otc_json_read_element(&in, &first_inside) && otc_json_read_value(&in, &view));
    assert_true(view.type == OTC_JSON_REAL && view.real == -2.5);
    assert_true(otc_json_read_element(&in, &first_inside) && otc_json_read_value(&in, &view));
    assert_true(view.type == OTC_JSON_STRING && view.escaped);
    assert_int_equal(otc_json_unescape(&view, plain), 2);
    assert_memory_equal(plain, "\xc3\xa9", 2);
    assert_true(otc_json_read_element(&in, &first_inside) && otc_json_read_value(&in, &view));
    assert_true(view.type == OTC_JSON_BOOL && view.truth);
    assert_false(otc_json_read_element(&in, &first_inside));
    assert_null(in.fault);
    assert_true(otc_json_read_member(&in, &first, &key) && otc_slice_equal_str(key.text, "b"));
    assert_true(otc_json_read_value(&in, &view) && otc_json_skip_value(&in, &view, 1, &deep));
    assert_true(otc_json_read_member(&in, &first, &key) && otc_slice_equal_str(key.text, "c"));
    assert_true(otc_json_read_value(&in, &view) && view.type == OTC_JSON_NULL);
    assert_false(otc_json_read_member(&in, &first, &key));
    assert_null(in.fault);
    assert_true(otc_json_read_end(&in));
}

static void
nest(uint32_t depth, uint32_t limit)
{
    static char text[2 * OTC_JSON_SKIP_DEPTH + 2];
    bool fits = depth <= limit && depth <= OTC_JSON_SKIP_DEPTH, deep;
    struct otc_json_reader in;
    struct otc_json_view view;

    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    in = otc_json_reader_of(otc_slice_of(text, 2 * (size_t)depth));
    assert_true(otc_json_read_value(&in, &view));
    assert_int_equal(otc_json_skip_value(&in, &view, limit, &deep), fits);
    assert_int_equal(deep, !fits);
    assert_null(in.fault);
}

static void
depth_is_limited(void **state)
{
    static const uint32_t limits[] = {1, 2, 64, OTC_JSON_SKIP_DEPTH - 1, OTC_JSON_SKIP_DEPTH, UINT32_MAX};

    (void)state;
    nest(1, 0);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        uint32_t depth = limits[i] < OTC_JSON_SKIP_DEPTH ? limits[i] : OTC_JSON_SKIP_DEPTH;

        nest(depth, limits[i]);
        nest(depth + 1, limits[i]);
    }
}

/* Strings whose plain part ends at every place of a word, followed by what ends it. */
static void
plain_parts_of_every_length(void **state)
{
    static const char *const ends[] = {"\"",     "\\n\"",          "\xc3\xa9\"", "\x7f\"",
                                       "\x1f\"", "\xed\xa0\x80\"", "\\u12\""};
    static const bool fine[] = {true, true, true, true, false, false, false};

    (void)state;
    for (size_t len = 0; len < 40; len++) {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            char text[64];
            const char *fault;
            size_t column;
            int n = snprintf(text, sizeof(text), "\"%.*s%s", (int)len,
                             "!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHI[]~ ", ends[i]);

            assert_int_equal(read_all(text, (size_t)n, &column, &fault), fine[i]);
            if (!fine[i]) {
                assert_int_equal(column, len + 2);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(a_lone_surrogate_is_a_replacement_character),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(members_and_elements_are_read_one_by_one),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(plain_parts_of_every_length),
    };

    return cmocka_run_group_tests_name("common/json/read", tests, NULL, NULL);
}
