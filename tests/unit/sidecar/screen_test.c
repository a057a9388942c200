// SPDX-License-Identifier: Apache-2.0
#include "sidecar/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
check(const char *name, const char *shown, size_t columns)
{
    char out[OTC_SCREEN_NAME_BYTES];

    assert_int_equal(otc_screen_name(otc_slice_str(name), out), columns);
    assert_string_equal(out, shown);
    assert_int_equal(otc_screen_columns(out), columns);
}

static void
test_names(void **state)
{
    (void)state;
    check("", "", 0);
    check("age", "age", 3);
    check("zürich", "zürich", 6);
    check("日本", "日本", 4);
    check("e\xcc\x81", "e\xcc\x81", 1);
    check("b\x1b[31mred\x07\xc2\x9b", "b?[31mred??", 11);
    check("\xe2\x80\xaeolleh", "?olleh", 6);
    check("a\xff\xfe\xc0\xaf\xe6\x97", "a??????", 7);
}

static void
test_long_names_end_in_an_ellipsis(void **state)
{
    (void)state;
    check("0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789", 40);
    check("01234567890123456789012345678901234567890", "012345678901234567890123456789012345678…", 40);
    check("0123456789012345678901234567890123456日日", "0123456789012345678901234567890123456日…", 40);
    check("01234567890123456789012345678901234567日日", "01234567890123456789012345678901234567…", 39);
}

/* Marks that take no column cannot make a name longer than its room. */
static void
test_marks_without_end(void **state)
{
    (void)state;
    char name[2001] = "e", out[OTC_SCREEN_NAME_BYTES];

    for (size_t i = 1; i + 1 < sizeof(name); i += 2) {
        name[i] = (char)0xcc;
        name[i + 1] = (char)0x81;
    }
    assert_int_equal(otc_screen_name(otc_slice_of(name, 1999), out), 2);
    assert_true(strlen(out) < sizeof(out));
}

static void
check_wrap(const char *text, size_t at, size_t indent, size_t width, const char *lines)
{
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);

    assert_non_null(to);
    otc_screen_wrap(text, at, indent, width, to);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(out, lines);
    free(out);
}

static void
test_wrapping(void **state)
{
    (void)state;
    check_wrap("", 0, 4, 10, "\n");
    check_wrap("aaa bbb cc", 0, 2, 10, "aaa bbb cc\n");
    check_wrap("aaa bbb ccc", 0, 2, 10, "aaa bbb\n  ccc\n");
    check_wrap("aaa bbb", 4, 1, 10, "aaa\n bbb\n");
    check_wrap("aaaaaa bbb c", 0, 4, 8, "aaaaaa\n    bbb\n    c\n"); /* the blanks count */
    check_wrap("aaaaaaaaaaaa b", 3, 1, 10, "aaaaaaaaaaaa\n b\n");    /* nowhere to break it */
    check_wrap("\xc3\xbc\xc3\xbc\xc3\xbc \xe6\x97\xa5 c", 0, 0, 6,
               "\xc3\xbc\xc3\xbc\xc3\xbc \xe6\x97\xa5\nc\n");
}

static void
test_name_lines(void **state)
{
    struct otc_name_line line = {0};

    (void)state;
    otc_name_line_add(&line, otc_slice_str("a"));
    otc_name_line_add(&line, otc_slice_str("b\x1b"));
    assert_string_equal(line.text, "a, b?");
    assert_string_equal(otc_name_line_rest(&line), "");
    for (int i = 0; i < 30; i++) {
        otc_name_line_add(&line, otc_slice_str("column"));
    }
    otc_name_line_add(&line, otc_slice_str("c")); /* short, but not before those that did not fit */
    assert_int_equal(line.n, 33);
    assert_true(otc_screen_columns(line.text) <= OTC_NAME_LINE_COLUMNS);
    assert_string_equal(otc_name_line_rest(&line), " and 22 more");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names_end_in_an_ellipsis),
        cmocka_unit_test(test_marks_without_end),
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_name_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
