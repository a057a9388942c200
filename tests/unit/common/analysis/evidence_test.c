// SPDX-License-Identifier: Apache-2.0
/* What moved most, and what it is called. */
#include "common/analysis/evaluate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
assert_moved(const struct otc_moved *moved, const char *name, double reference, double current)
{
    assert_string_equal(moved->name, name);
    assert_float_equal(moved->reference_share, reference, 1e-15);
    assert_float_equal(moved->current_share, current, 1e-15);
}

static void
test_bins(void **state)
{
    (void)state;
    double edges[] = {10, 20.5, 30};
    struct otc_reference_feature reference = {.type = OTC_NUMERIC, .edges = edges, .n_edges = 3};
    struct otc_feature_window window = {.reference = &reference};
    const uint64_t before[] = {25, 25, 25, 25}, after[] = {10, 20, 20, 50};
    struct otc_moved moved[OTC_MOVED_MAX];
    char text[128];

    assert_int_equal(otc_evidence_moved(&window, before, after, 4, moved), 3);
    assert_moved(&moved[0], "[30, inf)", 0.25, 0.5);
    assert_moved(&moved[1], "(-inf, 10)", 0.25, 0.1);
    assert_moved(&moved[2], "[10, 20.5)", 0.25, 0.2);
    assert_int_equal(otc_evidence_text(moved, 2, text, sizeof(text)), 55);
    assert_string_equal(text, "[30, inf) 25.0 % -> 50.0 %, (-inf, 10) 25.0 % -> 10.0 %");
    assert_int_equal(otc_evidence_text(moved, 3, text, 10), 9);
    assert_string_equal(text, "[30, inf)");
    reference.value_bins = true;
    assert_int_equal(otc_evidence_moved(&window, before, after, 4, moved), 3);
    assert_string_equal(moved[0].name, "other");
    assert_string_equal(moved[1].name, "10");
}

static void
test_what_did_not_move_is_left_out(void **state)
{
    (void)state;
    double edges[] = {1, 2};
    struct otc_reference_feature reference = {.type = OTC_NUMERIC, .edges = edges, .n_edges = 2};
    struct otc_feature_window window = {.reference = &reference};
    const uint64_t before[] = {10, 20, 30}, same[] = {1, 2, 3}, one[] = {2, 1, 3}, none[] = {0, 0, 0};
    struct otc_moved moved[OTC_MOVED_MAX];

    assert_int_equal(otc_evidence_moved(&window, before, same, 3, moved), 0);
    assert_int_equal(otc_evidence_moved(&window, before, one, 3, moved), 2);
    assert_int_equal(otc_evidence_moved(&window, before, none, 3, moved), 0);
}

static void
test_categories(void **state)
{
    (void)state;
    char longest[200];
    struct otc_category known[] = {{OTC_SLICE_LIT("DE"), 60}, {{(const uint8_t *)longest, 0}, 40}};
    const struct otc_category unseen[] = {{OTC_SLICE_LIT("XX"), 30}};
    struct otc_reference_feature reference = {
        .type = OTC_CATEGORICAL, .categories = known, .n_categories = 2};
    struct otc_feature_window window = {
        .reference = &reference, .categories = {.unseen_categories = unseen, .n_unseen_categories = 1}};
    const uint64_t before[] = {60, 40, 0, 0}, after[] = {60, 0, 30, 10};
    struct otc_moved moved[OTC_MOVED_MAX];

    /* Two bytes each and one before them: the cut falls inside a character. */
    longest[0] = '_';
    for (size_t i = 1; i + 1 < sizeof(longest); i += 2) {
        memcpy(longest + i, "é", 2);
    }
    known[1].name.len = 199;
    assert_int_equal(otc_evidence_moved(&window, before, after, 4, moved), 3);
    assert_int_equal(strlen(moved[0].name), 1 + 2 * 29 + 3);
    assert_memory_equal(moved[0].name + 59, "…", 4);
    assert_moved(&moved[1], "XX", 0, 0.3);
    assert_moved(&moved[2], "unseen", 0, 0.1);
    window.categories.unseen_categories = NULL;
    assert_int_equal(otc_evidence_moved(&window, before, after, 3, moved), 3);
    assert_string_equal(moved[1].name, "unseen");
    reference.other = 5;
    assert_int_equal(otc_evidence_moved(&window, before, after, 3, moved), 3);
    assert_string_equal(moved[1].name, "other");
    known[1].name = OTC_SLICE_NONE; /* of a moving reference: its grid did not know the category */
    assert_int_equal(otc_evidence_moved(&window, before, after, 3, moved), 3);
    assert_string_equal(moved[0].name, "other");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins),
        cmocka_unit_test(test_what_did_not_move_is_left_out),
        cmocka_unit_test(test_categories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
