// SPDX-License-Identifier: Apache-2.0
/* Which paths a pattern means, in a text and on the disk. */
#include "receivers/otlp_json_file/paths.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct patterns
patterns_of(const char *pattern)
{
    struct patterns patterns = {0};
    struct otc_error err = OTC_ERROR_INIT;

    if (otlp_json_file_patterns_add(&patterns, pattern, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return patterns;
}

static void
paths_and_patterns(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool match;
    } cases[] = {
        {"/a/*.json", "/a/b.json", true},
        {"/a/*.json", "/a/b/c.json", false},
        {"/a/*.json", "/a/.json", true},
        {"/a/**/*.json", "/a/b.json", true},
        {"/a/**/*.json", "/a/b/c/d.json", true},
        {"/a/**/*.json", "/b/c.json", false},
        {"/a/**/b/**/c", "/a/x/b/y/b/z/c", true},
        {"/a/**/b/**/c", "/a/x/y/c", false},
        {"/a/**/**/c", "/a/c", true},
        {"**", "a/b/c", true},
        {"**/c", "/c", false},
        {"/**/c", "/c", true},
        {"/a/**", "/a", true},
        {"/a/**", "/a/b/c", true},
        {"/a/x**y", "/a/xzy", true},
        {"/a/x**y", "/a/x/y", false},
        {"/a/{b,c}.json", "/a/c.json", true},
        {"/a/{b,c}.json", "/a/d.json", false},
        {"/{a/b,c}/{d,}e", "/a/b/e", true},
        {"/{a/b,c}/{d,}e", "/c/de", true},
        {"/{a,b{c,d}}", "/bd", true},
        {"/a[0-9]?", "/a7x", true},
        {"/a[!0-9]", "/a7", false},
        {"/a[^0-9]", "/ax", true},
        {"/a\\*", "/a*", true},
        {"/a\\*", "/ab", false},
        {"/a\\{b", "/a{b", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct patterns patterns = patterns_of(cases[i].pattern);

        if (otlp_json_file_patterns_match(&patterns, cases[i].path) != cases[i].match) {
            fail_msg("%s %s", cases[i].pattern, cases[i].path);
        }
        otlp_json_file_patterns_release(&patterns);
    }
}

static void
patterns_that_are_none(void **state)
{
    static const char *const bad[] = {"/a/{b", "/a/{b,{c}", "/a[b", "/a[b/c]", "/a[]", "{[a,b}"};
    OTC_AUTO_BUF struct otc_buf many = {.limit = 100000};
    struct patterns patterns = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (otlp_json_file_patterns_add(&patterns, bad[i], &err) != OTC_INVALID_ARGUMENT) {
            fail_msg("%s", bad[i]);
        }
    }
    for (int i = 0; i < 12; i++) {
        (void)otc_buf_append_str(&many, "{a,b}");
    }
    assert_int_equal(otlp_json_file_patterns_add(&patterns, otc_buf_cstr(&many), &err), OTC_INVALID_ARGUMENT);
    assert_true(patterns.n <= OTLP_JSON_FILE_PATTERNS_MAX);
    for (int i = 0; i < 1000; i++) {
        (void)otc_buf_append_str(&many, "/long");
    }
    assert_int_equal(otlp_json_file_patterns_add(&patterns, otc_buf_cstr(&many), &err), OTC_INVALID_ARGUMENT);
    otlp_json_file_patterns_release(&patterns);
}

/* ---- On the disk ----------------------------------------------------------------------------------- */

static char folder[] = "/tmp/aimon-paths-XXXXXX";

static const char *
in_folder(const char *name)
{
    static char paths[4][256];
    static unsigned turn;

    turn = (turn + 1) % 4;
    (void)snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

static const char *const folders[] = {"a", "a/b", "a/b/c", ".d"};
static const char *const files[] = {"1.json",       "a/1.json",    "a/b/2.json",
                                    "a/b/c/3.json", "a/b/c/3.txt", ".d/4.json"};
#define N(array) (sizeof(array) / sizeof((array)[0]))

static int
make_tree(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < N(folders); i++) {
        assert_int_equal(mkdir(in_folder(folders[i]), 0700), 0);
    }
    for (size_t i = 0; i < N(files); i++) {
        FILE *file = fopen(in_folder(files[i]), "w");

        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    /* Back to the top: `**` does not follow it. */
    return symlink(folder, in_folder("a/loop"));
}

static int
remove_tree(void **state)
{
    (void)state;
    (void)unlink(in_folder("a/loop"));
    for (size_t i = 0; i < N(files); i++) {
        (void)unlink(in_folder(files[i]));
    }
    for (size_t i = N(folders); i-- > 0;) {
        (void)rmdir(in_folder(folders[i]));
    }
    return rmdir(folder);
}

/* What is found, behind the folder, in one line. */
static const char *
found(const char *include, const char *exclude)
{
    static char text[1024];
    struct patterns in = patterns_of(in_folder(include)), out = {0};
    struct paths paths;
    size_t at = 0;

    if (exclude) {
        out = patterns_of(in_folder(exclude));
    }
    assert_true(otlp_json_file_paths_find(&in, &out, 100, &paths));
    text[0] = 0;
    for (size_t i = 0; i < paths.n; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
                               paths.items[i] + strlen(folder) + 1);
    }
    otlp_json_file_paths_release(&paths);
    otlp_json_file_patterns_release(&in);
    otlp_json_file_patterns_release(&out);
    return text;
}

static void
files_are_found_in_order_and_once(void **state)
{
    (void)state;
    assert_string_equal(found("1.json", NULL), "1.json");
    assert_string_equal(found("2.json", NULL), "");
    assert_string_equal(found("nothing/*.json", NULL), "");
    assert_string_equal(found("1.json/*", NULL), "");
    assert_string_equal(found("*", NULL), "1.json");
    assert_string_equal(found("*/*.json", NULL), ".d/4.json a/1.json");
    assert_string_equal(found("**/*.json", NULL), ".d/4.json 1.json a/1.json a/b/2.json a/b/c/3.json");
    assert_string_equal(found("**/*.json", "**/{1,3}.*"), ".d/4.json a/b/2.json");
    assert_string_equal(found("**/*.json", "a/**"), ".d/4.json 1.json");
    assert_string_equal(found("a/**", NULL), "a/1.json a/b/2.json a/b/c/3.json a/b/c/3.txt");
    assert_string_equal(found("a/**/b/**/*.{json,txt}", NULL), "a/b/2.json a/b/c/3.json a/b/c/3.txt");
    assert_string_equal(found("{a,a,a/..}/1.json", NULL), "a/../1.json a/1.json");
    assert_string_equal(found("a/loop/1.json", NULL), "a/loop/1.json");
}

static void
no_more_than_asked_for(void **state)
{
    struct patterns in = patterns_of(in_folder("**/*.json")), out = {0};
    struct paths paths;

    (void)state;
    assert_true(otlp_json_file_paths_find(&in, &out, 2, &paths));
    assert_int_equal(paths.n, 2);
    otlp_json_file_paths_release(&paths);
    otlp_json_file_patterns_release(&in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_patterns),
        cmocka_unit_test(patterns_that_are_none),
        cmocka_unit_test(files_are_found_in_order_and_once),
        cmocka_unit_test(no_more_than_asked_for),
    };

    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
