// SPDX-License-Identifier: Apache-2.0
/* The dialect and the replacements; what is expected was printed by Go 1.26's regexp. */
#include "common/regex/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct otc_regex *
compile(const char *pattern)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_regex *regex;

    if (otc_regex_new(pattern, &regex, &err) != OTC_OK) {
        fail_msg("%s: %s", pattern, err.text);
    }
    return regex;
}

static void
bracket(void *arg, struct otc_slice match, struct otc_buf *out)
{
    (void)arg;
    otc_buf_printf(out, "<%.*s>", OTC_SLICE_ARG(match));
}

static void
matches_are_replaced_as_go_replaces_them(void **state)
{
    static const char *const cases[][3] = {
        {"a*", "baaac", "<>b<aaa>c<>"},
        {".*", "one\ntwo", "<one>\n<two>"},
        {".*", "", "<>"},
        {"x*", "héllo", "<>h<>é<>l<>l<>o<>"},
        {"^", "ab", "<>ab"},
        {"$", "ab", "ab<>"},
        {"\\b", "a bc", "<>a<> <>bc<>"},
        {"(?m)^", "a\nb\n", "<>a\n<>b\n<>"},
        {"(?m)$", "a\nb\n", "a<>\nb<>\n<>"},
        {"a|ab", "abab", "<a>b<a>b"},
        {"(a+)(b+)?", "aab a", "<aab> <a>"},
        {"4[0-9]{12}(?:[0-9]{3})?", "x 4111111111111111, 4222222222222",
         "x <4111111111111111>, <4222222222222>"},
        {"(?i)k", "kK\u212a", "<k><K><\u212a>"},
        {"\\s+", "a\v b\t\nc", "a\v< >b<\t\n>c"},
        {"[^a]", "a\nb", "a<\n><b>"},
        {"\\pL+", "é1ß", "<é>1<ß>"},
        {"(?<n>b)", "abc", "a<b>c"},
        {"\\Qa.b\\E", "a.b axb", "<a.b> axb"},
        {"|a", "aa", "<>a<>a<>"},
        {"é?", "éa", "<é>a<>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_regex *regex = compile(cases[i][0]);
        OTC_AUTO_BUF struct otc_buf out = {.limit = 1000};

        assert_true(otc_regex_replace(regex, otc_slice_str(cases[i][1]), bracket, NULL, &out));
        assert_string_equal(otc_buf_cstr(&out), cases[i][2]);
        otc_regex_free(regex);
    }
}

static void
without_a_match_nothing_is_written(void **state)
{
    struct otc_regex *regex = compile("b");
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1000};

    (void)state;
    assert_false(otc_regex_replace(regex, otc_slice_str("aaa"), bracket, NULL, &out));
    assert_int_equal(out.len, 0);
    otc_regex_free(regex);
}

static void
what_re2_has_not_is_refused_by_name(void **state)
{
    static const char *const cases[][2] = {
        {"(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=` (RE2 has no lookaround)"},
        {"(?!a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?!` (RE2 has no lookaround)"},
        {"(?<=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?<` (RE2 has no lookaround)"},
        {"(?<!a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?<` (RE2 has no lookaround)"},
        {"(a)\\1", "error parsing regexp: invalid escape sequence: `\\1` (RE2 has no backreferences)"},
        {"\\k<n>", "error parsing regexp: invalid escape sequence: `\\k` (RE2 has no backreferences)"},
        {"(?>a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?>`"},
        {"a++", "error parsing regexp: invalid nested repetition operator: `++`"},
        {"a**", "error parsing regexp: invalid nested repetition operator: `**`"},
        {"[a", "error parsing regexp: missing closing ]: `[a`"},
        {"(a", "error parsing regexp: missing closing ): `(a`"},
        {"a)", "error parsing regexp: unexpected ): `a)`"},
        {"*a", "error parsing regexp: missing argument to repetition operator: `*`"},
        {"a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"},
        {"[z-a]", "error parsing regexp: invalid character class range: `z-a`"},
        {"\\Z", "error parsing regexp: invalid escape sequence: `\\Z`"},
        {"(?x)a", "error parsing regexp: invalid or unsupported Perl syntax: `(?x`"},
        {"\\p{Foo}", "error parsing regexp: invalid character class range: `\\p{Foo}`"},
        {"[[:foo:]]", "error parsing regexp: invalid character class range: `[:foo:]`"},
        {"\\xff\\x{110000}", "error parsing regexp: invalid escape sequence: `\\x{110000`"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_regex *regex;

        assert_int_equal(otc_regex_new(cases[i][0], &regex, &err), OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text, cases[i][1]);
    }
}

static void
groups_have_numbers_and_names(void **state)
{
    /* A class and a quoted text that look like a group's beginning are none. */
    struct otc_regex *regex = compile("(?P<a>x+)|[]\\](?<b>]+(\\Q(?<c>\\E)(?<d>y)");
    struct otc_slice found[5];

    (void)state;
    assert_int_equal(otc_regex_groups(regex), 3);
    assert_string_equal(otc_regex_group_name(regex, 1), "a");
    assert_null(otc_regex_group_name(regex, 2));
    assert_string_equal(otc_regex_group_name(regex, 3), "d");
    assert_true(otc_regex_find(regex, otc_slice_str("--xx"), 0, found, 4));
    assert_true(otc_slice_equal_str(found[0], "xx") && otc_slice_equal_str(found[1], "xx"));
    assert_null(found[2].data);
    assert_true(otc_regex_find(regex, otc_slice_str("](?<b(?<c>y"), 0, found, 4));
    assert_true(otc_slice_equal_str(found[3], "y"));
    assert_false(otc_regex_find(regex, otc_slice_str("xx"), 2, found, 1));
    otc_regex_free(regex);
}

static void
a_hostile_text_costs_linear_time(void **state)
{
    struct otc_regex *regex = compile("(a*)*(a|b)*c$");
    OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)1 << 20};

    (void)state;
    while (text.len < (size_t)1 << 19) {
        otc_buf_append_byte(&text, 'a');
    }
    assert_false(otc_regex_matches(regex, otc_buf_slice(&text)));
    otc_regex_free(regex);
}

static void
bytes_that_are_no_utf8_match_nothing(void **state)
{
    struct otc_regex *regex = compile("a.c");

    (void)state;
    assert_true(otc_regex_matches(regex, otc_slice_str("\xff"
                                                       "abc")));
    assert_false(otc_regex_matches(regex, otc_slice_str("a\xff"
                                                        "c")));
    assert_false(otc_regex_matches(regex, OTC_SLICE_NONE));
    otc_regex_free(regex);
}

static void
lists_say_which_pattern_is_wrong(void **state)
{
    char *const patterns[] = {(char[]){"a"}, (char[]){"^b"}, (char[]){"["}};
    struct otc_regexes list = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_regexes_new(&list, patterns, 3, &err), OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "[2]: error parsing regexp: missing closing ]: `[`");
    assert_int_equal(otc_regexes_new(&list, patterns, 2, &err), OTC_OK);
    assert_true(otc_regexes_match(&list, otc_slice_str("xa")) &&
                otc_regexes_match(&list, otc_slice_str("bx")));
    assert_false(otc_regexes_match(&list, otc_slice_str("xb")));
    otc_regexes_release(&list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_replaced_as_go_replaces_them),
        cmocka_unit_test(without_a_match_nothing_is_written),
        cmocka_unit_test(what_re2_has_not_is_refused_by_name),
        cmocka_unit_test(groups_have_numbers_and_names),
        cmocka_unit_test(a_hostile_text_costs_linear_time),
        cmocka_unit_test(bytes_that_are_no_utf8_match_nothing),
        cmocka_unit_test(lists_say_which_pattern_is_wrong),
    };

    return cmocka_run_group_tests_name("common/regex/regex", tests, NULL, NULL);
}
