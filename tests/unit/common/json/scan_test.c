// SPDX-License-Identifier: Apache-2.0
/* A scan takes what the parser takes and reads the same values, on the public suite and on damaged texts. */
#include "common/json/scan.h"
#include "tests/harness/data/testdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define STEP(name) ((struct otc_json_step){.key = OTC_SLICE_LIT(name)})
#define AT(i) ((struct otc_json_step){.index = (i), .is_index = true})

static void check_same(const struct otc_json *tree, const struct otc_json_view *view);

static void
check_text(const struct otc_json *tree, const struct otc_json_view *view)
{
    uint8_t *plain = malloc(view->text.len + 1);
    size_t len = otc_json_unescape(view, plain);

    assert_true(otc_slice_equal(otc_json_text(tree), otc_slice_of(plain, len)));
    assert_true(view->escaped || len == view->text.len);
    free(plain);
}

static void
check_members(const struct otc_json *tree, const struct otc_json_view *view)
{
    const struct otc_json *value;
    const char *key;
    void *cursor = NULL;

    while (otc_json_next(tree, &cursor, &key, &value)) {
        const struct otc_json_step step = {.key = otc_slice_str(key)};
        struct otc_json_paths *paths = otc_json_paths_new();
        struct otc_json_view found;
        size_t slot;

        assert_true(otc_json_paths_add(paths, &step, 1, &slot));
        assert_true(otc_json_scan(paths, view->text, &found));
        check_same(value, &found);
        otc_json_paths_free(paths);
    }
}

static void
check_same(const struct otc_json *tree, const struct otc_json_view *view)
{
    struct otc_json_view element, key;
    struct otc_slice rest = view->text;
    bool truth = false;
    size_t n = 0;

    assert_int_equal(view->type, otc_json_type_of(tree));
    switch (view->type) {
    case OTC_JSON_BOOL:
        assert_true(otc_json_bool(tree, &truth) && truth == view->truth);
        break;
    case OTC_JSON_INT:
    case OTC_JSON_REAL: {
        double number = 0;

        assert_true(otc_json_number(tree, &number) && number == view->real);
        break;
    }
    case OTC_JSON_STRING:
        check_text(tree, view);
        break;
    case OTC_JSON_ARRAY:
        while (otc_json_next_element(&rest, &element)) {
            check_same(otc_json_at(tree, n++), &element);
        }
        assert_int_equal(n, otc_json_size(tree));
        break;
    case OTC_JSON_OBJECT:
        while (otc_json_next_member(&rest, &key, &element)) {
            n++;
        }
        assert_true(n >= otc_json_size(tree)); /* duplicates */
        check_members(tree, view);
        break;
    case OTC_JSON_ABSENT:
    case OTC_JSON_NULL:
        break;
    }
}

/* Both read it; true when they took it. */
static bool
check_against_parser(struct otc_slice text)
{
    const struct otc_json_limits limits = {.max_depth = OTC_JSON_SCAN_DEPTH};
    struct otc_json_paths *paths = otc_json_paths_new();
    struct otc_json *tree = NULL;
    struct otc_json_view view;
    size_t slot;
    bool parsed, scanned;

    assert_true(otc_json_paths_add(paths, NULL, 0, &slot));
    parsed = otc_json_parse(text, &limits, &tree, NULL) == OTC_OK;
    scanned = otc_json_scan(paths, text, &view);
    if (parsed != scanned) {
        fail_msg("parsed %d, scanned %d: %.*s", parsed, scanned, OTC_SLICE_ARG(text));
    }
    if (parsed) {
        check_same(tree, &view);
    } else {
        assert_int_equal(view.type, OTC_JSON_ABSENT);
    }
    otc_json_free(tree);
    otc_json_paths_free(paths);
    return parsed;
}

static uint32_t random_state = 20261128;

static uint32_t
next_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % below;
}

/* The text with a few bytes changed, dropped or doubled. */
static void
check_damaged(struct otc_slice text)
{
    static const char likely[] = "{}[]\",:\\ue0129-+. tfn\xc3\xa9\xed\x80\x00";
    uint8_t bytes[600];
    size_t len = text.len;

    if (len == 0 || len > 500) {
        return;
    }
    memcpy(bytes, text.data, len);
    for (uint32_t i = next_random(3) + 1; i > 0 && len > 0; i--) {
        size_t at = next_random((uint32_t)len);

        switch (next_random(3)) {
        case 0:
            bytes[at] = (uint8_t)likely[next_random(sizeof(likely) - 1)];
            break;
        case 1:
            memmove(bytes + at, bytes + at + 1, --len - at);
            break;
        default:
            memmove(bytes + at + 1, bytes + at, len++ - at);
        }
    }
    (void)check_against_parser(otc_slice_of(bytes, len));
}

static void
the_public_suite_reads_as_the_parser_reads_it(void **state)
{
    json_t *suite;
    const json_t *test;
    size_t i, taken = 0, n = 0;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    suite = testdata_json("parsers/json/JSONTestSuite_parsing.json");
    json_array_foreach(json_object_get(suite, "cases"), i, test)
    {
        const json_t *text = json_object_get(test, "utf8");
        struct otc_slice slice = otc_slice_of(json_string_value(text), json_string_length(text));

        if (!text) {
            continue;
        }
        taken += check_against_parser(slice);
        n++;
        for (int k = 0; k < 300; k++) {
            check_damaged(slice);
        }
    }
    assert_true(n > 100 && taken > 50 && taken < n);
    json_decref(suite);
}

static void
damaged_documents_are_taken_and_refused_alike(void **state)
{
    static const char *const texts[] = {
        "{\"a\":{\"b\":[0,1.5e-3,{\"c d\":\"x\\n\\u00e9\\ud83d\\ude00\"}],\"n\":null},\"t\":true}",
        "[[],{},[{}],-0,-1E+2,12345678901234567890,\"\\\\\",\"\xc3\xa9\xf0\x9f\x98\x80\"]",
        "{\"a\":1,\"a\":{\"a\":2},\"\\u0061\":[false]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(check_against_parser(otc_slice_str(texts[i])));
        for (int k = 0; k < 20000; k++) {
            check_damaged(otc_slice_str(texts[i]));
        }
    }
}

static void
paths_find_their_values_in_one_pass(void **state)
{
    static const char text[] =
        " {\"a\": {\"b\": [7, {\"c d\": \"x\"}], \"b2\": 1}, \"e\\u0301\": 2, \"skip\": "
        "[{\"a\": 9}], \"r\": 1e2} ";
    const struct otc_json_step deep[] = {STEP("a"), STEP("b"), AT(1), STEP("c d")};
    const struct otc_json_step list[] = {STEP("a"), STEP("b")};
    const struct otc_json_step accent[] = {STEP("e\xcc\x81")};
    const struct otc_json_step none[] = {STEP("a"), STEP("b"), AT(2)};
    struct otc_json_paths *paths = otc_json_paths_new();
    struct otc_json_view views[4];
    size_t a = 0, b = 0, c = 0, d = 0, again = 0;

    (void)state;
    assert_true(otc_json_paths_add(paths, deep, 4, &a) && otc_json_paths_add(paths, list, 2, &b) &&
                otc_json_paths_add(paths, accent, 1, &c) && otc_json_paths_add(paths, none, 3, &d) &&
                otc_json_paths_add(paths, deep, 4, &again));
    assert_int_equal(a, again);
    assert_int_equal(otc_json_paths_count(paths), 4);
    assert_true(otc_json_scan(paths, otc_slice_str(text), views));
    assert_true(otc_slice_equal_str(views[a].text, "x"));
    assert_true(otc_slice_equal_str(views[b].text, "[7, {\"c d\": \"x\"}]"));
    assert_int_equal(views[c].integer, 2);
    assert_int_equal(views[d].type, OTC_JSON_ABSENT);
    /* A later member of the same name takes the place of all that was below the first. */
    assert_true(otc_json_scan(paths, otc_slice_str("{\"a\":{\"b\":[1,{\"c d\":2}]},\"a\":3}"), views));
    assert_int_equal(views[a].type, OTC_JSON_ABSENT);
    assert_int_equal(views[b].type, OTC_JSON_ABSENT);
    /* What is malformed behind the value counts. */
    assert_false(otc_json_scan(paths, otc_slice_str("{\"a\":{\"b\":[1,{\"c d\":2}]},}"), views));
    assert_int_equal(views[a].type, OTC_JSON_ABSENT);
    otc_json_paths_free(paths);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_suite_reads_as_the_parser_reads_it),
        cmocka_unit_test(damaged_documents_are_taken_and_refused_alike),
        cmocka_unit_test(paths_find_their_values_in_one_pass),
    };

    return cmocka_run_group_tests_name("json/scan", tests, NULL, NULL);
}
