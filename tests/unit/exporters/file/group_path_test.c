// SPDX-License-Identifier: Apache-2.0
/* Paths of groups: the Collector's cases (fileexporter, TestFullPath) and those of its path.Clean. */
#include "exporters/file/group_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
paths_of_groups(void **state)
{
    static const struct {
        const char *pattern, *segment, *path;
    } cases[] = {
        {"/*.json", "filename", "/filename.json"},
        {"/*.json", "/dir/filename", "/dir/filename.json"},
        {"/dir*.json", "dirsuffix/filename", "/dirdirsuffix/filename.json"},
        {"/dir*.json", "/subdir/filename", "/dir/subdir/filename.json"},
        {"/dir*.json", "./filename", "/dir/filename.json"},
        {"/dir*filename.json", "/subdir/", "/dir/subdir/filename.json"},
        {"/dir/*/filename.json", "subdir", "/dir/subdir/filename.json"},
        {"/dir*filename.json", "", "/dirfilename.json"},
        {"/dir/*filename.json", "", "/dir/filename.json"},
        {"/dir/*filename.json", "subdir/strangebutok/../", "/dir/subdir/filename.json"},
        {"/dir*filename.json", "dirsuffix/strangebutok/../", "/dirdirsuffix/filename.json"},
        /* Attacks. */
        {"/dir*.json", "../etc/attack", "/dir/etc/attack.json"},
        {"/dir*/filename.json", "../etc/attack", "/dir/etc/attack/filename.json"},
        {"/dir*.json", "dirsuffix/../etc/attack", "/dir/etc/attack.json"},
        {"/dir*.json", "dirsuffix/../../etc/attack", "/dir/etc/attack.json"},
        {"/dir*.json", "..\\etc\\attack", "/dir..\\etc\\attack.json"},
        {"/dir/*", "../../../../etc/passwd", "/dir/etc/passwd"},
        {"/dir/*", "..", "/dir"},
        {"/dir/*", "a/../../..", "/dir"},
        {"../*.json", "a/../../../tmp/x", "../tmp/x.json"},
        {"../*", "a/../..", ".."},
        {"../../*.json", "a/../../../x", "../../x.json"},
        {"a/../.*", "./../../x", "x"},
        {"..*", "/../../x", "../x"},
        /* Others. */
        {"out/*.json", "../../x", "out/x.json"},
        {"./out/*.json", "a//b/./c", "out/a/b/c.json"},
        {"../out/*.json", "a", "../out/a.json"},
        {"../out/*.json", "../a", "../out/a.json"},
        {"../../*", "x", "../../x"},
        {"a/../b*", "c", "bc"},
        {"//a//*", "b", "/a/b"},
    };
    OTC_AUTO_BUF struct otc_buf out = {.limit = 16384};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(file_group_path(cases[i].pattern, otc_slice_str(cases[i].segment), &out, &err),
                         OTC_OK);
        if (strcmp(otc_buf_cstr(&out), cases[i].path) != 0) {
            fail_msg("%s + %s: %s", cases[i].pattern, cases[i].segment, otc_buf_cstr(&out));
        }
    }
}

static void
segments_that_are_none(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 16384}, small = {.limit = 8};
    struct otc_error err = OTC_ERROR_INIT;
    uint8_t *long_one = malloc(5000);

    (void)state;
    memset(long_one, 'a', 5000);
    assert_int_equal(file_group_path("/dir/*", otc_slice_of("a\0b", 3), &out, &err), OTC_INVALID_ARGUMENT);
    assert_int_equal(file_group_path("/dir/*", otc_slice_of(long_one, 5000), &out, &err),
                     OTC_INVALID_ARGUMENT);
    assert_int_equal(file_group_path("/dir/*", otc_slice_str("longer"), &small, &err),
                     OTC_RESOURCE_EXHAUSTED);
    free(long_one);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_of_groups),
        cmocka_unit_test(segments_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
