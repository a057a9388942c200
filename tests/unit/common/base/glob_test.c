// SPDX-License-Identifier: Apache-2.0
/* Cases of github.com/gobwas/glob's own tests with '.' as separator, and hostile patterns. */
#include "common/base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void
test_matches(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"abc", "abc", true},
        {"abc", "ab", false},
        {"ab", "abc", false},
        {"", "", true},
        {"*", "", true},
        {"*", "a.b", false},
        {"**", "a.b.c", true},
        {"a*c", "a12345c", true},
        {"a?c", "a1c", true},
        {"a?c", "a.c", false},
        {"a?", "a", false},
        {"?at", "at", false},
        {"k8s.*.name", "k8s.pod.name", true},
        {"k8s.*.name", "k8s.a.b.name", false},
        {"k8s.*.name", "k8s..name", true},
        {"db.**.name", "db.a.b.name", true},
        {"db.**.name", "db.name", false},
        {"*.github.com", "api.github.com", true},
        {"*.github.com", "api.gist.github.com", false},
        {"**.github.com", "api.gist.github.com", true},
        {"a.**", "a.", true},
        {"*a*b*c*", "xaybzc", true},
        {"*a*b*c*", "xaycb", false},
        {"[abc]at", "cat", true},
        {"[abc]at", "fat", false},
        {"[!cfr]at", "bat", true},
        {"[!cfr]at", "rat", false},
        {"[a-c]at", "bat", true},
        {"[a-c]at", "dat", false},
        {"{cat,bat,[fr]at}", "rat", true},
        {"{cat,bat,[fr]at}", "zat", false},
        {"{a.*,b}.end", "a.x.end", true},
        {"{a.*,b}.end", "b.end", true},
        {"{a.*,b}.end", "a.end", false},
        {"{a,{b,c}d}e", "cde", true},
        {"{a,{b,c}d}e", "ce", false},
        {"{,a}b", "b", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a\\{b", "a{b", true},
        {"{\\,,x}", ",", true},
        {"[\\]]", "]", true},
        {"z\xC3\xBCrich.*", "z\xC3\xBCrich.x", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(otc_glob_check(cases[i].pattern, &err), OTC_OK);
        if (otc_glob_match(cases[i].pattern, otc_slice_str(cases[i].text)) != cases[i].matches) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
        }
    }
}

static void
test_refusals(void **state)
{
    static const char *const bad[] = {"db.[", "db.[a", "{a,b", "a\\",
                                      "a}",   "[]",    "{a[}", "****************{a,b}"};
    char longest[OTC_GLOB_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_glob_check(bad[i], &err) == OTC_OK) {
            fail_msg("%s was taken", bad[i]);
        }
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    assert_int_not_equal(otc_glob_check(longest, NULL), OTC_OK);
}

/* A pattern whose naive matching takes 10^15 steps ends at once. */
static void
test_hostile(void **state)
{
    static uint8_t text[4096];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(otc_glob_check("*a*a*a*a*a*a*a*a*a*a*a*a*b", NULL), OTC_OK);
    assert_false(otc_glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", otc_slice_of(text, sizeof(text))));
    assert_true(otc_glob_match("**", OTC_SLICE_NONE));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_hostile)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
