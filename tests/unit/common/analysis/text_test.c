// SPDX-License-Identifier: Apache-2.0
/* Measures of texts are those of Python 3's str and string, which made the table. */
#include "common/analysis/text.h"
#include "common/base/hash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* len(t), len(t.split()), and shares: string.ascii_letters, string.digits, str.isspace, string.punctuation,
 * string.ascii_uppercase, ord(c) > 127. */
static const struct {
    const char *text;
    double want[OTC_N_TEXT_MEASURES];
} python[] = {
    {"Hello, World! 42", {16, 3, 0.625, 0.125, 0.125, 0.125, 0.125, 0}},
    {"   ", {3, 0, 0, 0, 1, 0, 0, 0}},
    {"a\xc2"
     "\xa0"
     "b\xe2"
     "\x80"
     "\x83"
     "c\xe3"
     "\x80"
     "\x80"
     "d",
     {7, 4, 0.5714285714285714, 0, 0.42857142857142855, 0, 0, 0.42857142857142855}},
    {"na\xc3"
     "\xaf"
     "ve caf\xc3"
     "\xa9"
     " \xe2"
     "\x80"
     "\x94"
     " 'quoted' text\x0a"
     "\x09"
     "TAB",
     {31, 6, 0.6451612903225806, 0, 0.1935483870967742, 0.06451612903225806, 0.0967741935483871,
      0.0967741935483871}},
    {"\xe6"
     "\x97"
     "\xa5"
     "\xe6"
     "\x9c"
     "\xac"
     "\xe8"
     "\xaa"
     "\x9e"
     "\xe3"
     "\x81"
     "\xae"
     " \xe3"
     "\x83"
     "\x86"
     "\xe3"
     "\x82"
     "\xad"
     "\xe3"
     "\x82"
     "\xb9"
     "\xe3"
     "\x83"
     "\x88"
     "",
     {9, 2, 0, 0, 0.1111111111111111, 0, 0, 0.8888888888888888}},
    {"\xf0"
     "\x9f"
     "\x98"
     "\x80"
     " emoji\xf0"
     "\x9f"
     "\x8e"
     "\x89"
     "!",
     {9, 2, 0.5555555555555556, 0, 0.1111111111111111, 0.1111111111111111, 0, 0.2222222222222222}},
    {"x\x1c"
     "y\x1d"
     "z\xc2"
     "\x85"
     "w",
     {7, 4, 0.5714285714285714, 0, 0.42857142857142855, 0, 0, 0.14285714285714285}},
    {"MIXED case AND 123-456_789",
     {26, 4, 0.46153846153846156, 0.34615384615384615, 0.11538461538461539, 0.07692307692307693,
      0.3076923076923077, 0}},
    {"\xe2"
     "\x80"
     "\x8b"
     "zero width is no blank",
     {23, 5, 0.782608695652174, 0, 0.17391304347826086, 0, 0, 0.043478260869565216}},
    {"e\xcc"
     "\x81"
     " combining",
     {12, 2, 0.8333333333333334, 0, 0.08333333333333333, 0, 0, 0.08333333333333333}},
    {"\xc3"
     "\x9c"
     "n\xc3"
     "\xaf"
     "c\xc3"
     "\xb6"
     "d\xc3"
     "\xa9"
     " \xc3"
     "\x84"
     "\xc3"
     "\x96"
     "\xc3"
     "\x9c"
     " \xc3"
     "\x9f"
     "",
     {13, 3, 0.23076923076923078, 0, 0.15384615384615385, 0, 0, 0.6153846153846154}},
};

static void
test_measures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(python) / sizeof(python[0]); i++) {
        double got[OTC_N_TEXT_MEASURES];

        otc_text_measure_all(otc_slice_str(python[i].text), got);
        for (int k = 0; k < OTC_N_TEXT_MEASURES; k++) {
            if (fabs(got[k] - python[i].want[k]) > 1e-12) {
                fail_msg("'%s' %s: got %g want %g", python[i].text,
                         otc_text_measure_name((enum otc_text_measure)k), got[k], python[i].want[k]);
            }
        }
    }
}

static void
test_an_empty_text_has_no_shares(void **state)
{
    double got[OTC_N_TEXT_MEASURES];

    (void)state;
    otc_text_measure_all(OTC_SLICE_NONE, got);
    assert_true(got[OTC_TEXT_LENGTH] == 0 && got[OTC_TEXT_WORDS] == 0);
    for (int k = OTC_TEXT_LETTERS; k < OTC_N_TEXT_MEASURES; k++) {
        assert_true(isnan(got[k]));
    }
}

static void
test_bytes_that_are_no_utf8_count_as_one_each(void **state)
{
    double got[OTC_N_TEXT_MEASURES];

    (void)state;
    otc_text_measure_all(otc_slice_str("a\xff\xe2\x82 b\xc3"), got);
    assert_true(got[OTC_TEXT_LENGTH] == 7 && got[OTC_TEXT_WORDS] == 2);
    assert_true(got[OTC_TEXT_NON_ASCII] == 4.0 / 7);
}

static void
test_words(void **state)
{
    static const char *const words[] = {"the", "don't", "stop", "na\xc3\xafve", "42"};
    struct otc_slice rest = otc_slice_str(" \"The\" don't, ... STOP\xc2\xa0na\xc3\xafve (42) --");
    size_t n = 0;
    uint32_t hash;

    (void)state;
    while (otc_text_next_word(&rest, &hash)) {
        assert_true(n < sizeof(words) / sizeof(words[0]));
        assert_int_equal(hash, (uint32_t)otc_hash64(otc_slice_str(words[n]), 0));
        n++;
    }
    assert_int_equal(n, sizeof(words) / sizeof(words[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_an_empty_text_has_no_shares),
        cmocka_unit_test(test_bytes_that_are_no_utf8_count_as_one_each),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests_name("analysis/text", tests, NULL, NULL);
}
