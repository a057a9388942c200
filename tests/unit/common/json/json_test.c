// SPDX-License-Identifier: Apache-2.0
#include "common/json/json.h"

#include "tests/harness/data/testdata.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* U+FFFD. */
#define FFFD "\xef\xbf\xbd"

static struct otc_json *
parse(const char *text, const struct otc_json_limits *limits, otc_status want)
{
    struct otc_json *document = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_json_parse(otc_slice_str(text), limits, &document, &err), want);
    assert_true((document != NULL) == (want == OTC_OK) && (err.text[0] == '\0') == (want == OTC_OK));
    return document;
}

static void
values_are_read_by_type(void **state)
{
    struct otc_json *d =
        parse("{\"i\":-7,\"r\":2.5,\"w\":3.0,\"t\":\"a\\u0000b\",\"b\":true,\"n\":null,\"a\":[1,{}]}", NULL,
              OTC_OK);
    int64_t integer;
    double real;
    bool truth;

    (void)state;
    assert_true(otc_json_int(otc_json_get(d, "i"), &integer) && integer == -7);
    assert_true(otc_json_int(otc_json_get(d, "w"), &integer) && integer == 3);
    assert_false(otc_json_int(otc_json_get(d, "r"), &integer));
    assert_true(otc_json_number(otc_json_get(d, "i"), &real) && real == -7.0);
    assert_false(otc_json_number(otc_json_get(d, "t"), &real));
    assert_int_equal(otc_json_text(otc_json_get(d, "t")).len, 3);
    assert_memory_equal(otc_json_text(otc_json_get(d, "t")).data, "a\0b", 3);
    assert_true(otc_json_bool(otc_json_get(d, "b"), &truth) && truth);
    assert_int_equal(otc_json_type_of(otc_json_get(d, "n")), OTC_JSON_NULL);
    assert_int_equal(otc_json_size(otc_json_get(d, "a")), 2);
    assert_int_equal(otc_json_type_of(otc_json_at(otc_json_get(d, "a"), 1)), OTC_JSON_OBJECT);
    assert_int_equal(otc_json_type_of(otc_json_get(otc_json_get(d, "missing"), "deeper")), OTC_JSON_ABSENT);
    assert_int_equal(otc_json_size(NULL), 0);
    otc_json_free(d);
    otc_json_free(NULL);
}

static void
members_come_in_the_order_of_the_text_and_the_last_of_equals_wins(void **state)
{
    struct otc_json *d = parse("{\"z\":1,\"a\":2,\"z\":3}", NULL, OTC_OK);
    const struct otc_json *value;
    void *cursor = NULL;
    const char *key;
    int64_t number;

    (void)state;
    assert_true(otc_json_next(d, &cursor, &key, &value));
    assert_string_equal(key, "z");
    assert_true(otc_json_int(value, &number) && number == 3);
    assert_true(otc_json_next(d, &cursor, &key, &value));
    assert_string_equal(key, "a");
    assert_false(otc_json_next(d, &cursor, &key, &value));
    otc_json_free(d);
}

static void
integers_beyond_int64_are_real(void **state)
{
    static const char text[] =
        "[18446744073709551615,-9223372036854775809,9223372036854775807,\"99999999999999999999\"]";
    struct otc_json *d = parse(text, NULL, OTC_OK);
    double real;

    (void)state;
    assert_int_equal(otc_json_type_of(otc_json_at(d, 0)), OTC_JSON_REAL);
    assert_true(otc_json_number(otc_json_at(d, 0), &real) && real == 18446744073709551615.0);
    assert_true(otc_json_number(otc_json_at(d, 1), &real) && real == -9223372036854775809.0);
    assert_int_equal(otc_json_type_of(otc_json_at(d, 2)), OTC_JSON_INT);
    assert_true(otc_slice_equal_str(otc_json_text(otc_json_at(d, 3)), "99999999999999999999"));
    otc_json_free(d);
}

static void
limits_are_kept(void **state)
{
    char deep[8192];

    (void)state;
    memset(deep, '[', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    parse(deep, NULL, OTC_OUT_OF_RANGE);
    parse(deep, &(struct otc_json_limits){.max_depth = 1000000}, OTC_OUT_OF_RANGE);
    parse("[[[1]]]", &(struct otc_json_limits){.max_depth = 2}, OTC_OUT_OF_RANGE);
    otc_json_free(parse("[[1]]", &(struct otc_json_limits){.max_depth = 2}, OTC_OK));
    parse("[1,2,3]", &(struct otc_json_limits){.max_bytes = 6}, OTC_RESOURCE_EXHAUSTED);
    parse("[{},{},{},{}]", &(struct otc_json_limits){.max_memory = 1000}, OTC_RESOURCE_EXHAUSTED);
}

static void
errors_tell_the_place(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_json *document = NULL;

    (void)state;
    assert_int_equal(otc_json_parse(otc_slice_str("{\"a\":\n  nul}"), NULL, &document, &err),
                     OTC_INVALID_ARGUMENT);
    assert_true(strncmp(err.text, "bad JSON at line 2 column ", 26) == 0);
    parse("", NULL, OTC_INVALID_ARGUMENT);
    parse("[NaN]", NULL, OTC_INVALID_ARGUMENT);
    parse("[1e999]", NULL, OTC_INVALID_ARGUMENT);
    parse("[\"\\ud80\"]", NULL, OTC_INVALID_ARGUMENT);
    parse("[\"\xff\"]", NULL, OTC_INVALID_ARGUMENT);
    parse("[1] 2", NULL, OTC_INVALID_ARGUMENT);
    parse("[\"open", NULL, OTC_INVALID_ARGUMENT);
    parse("[\"\\", NULL, OTC_INVALID_ARGUMENT);
}

/* What Go's encoding/json makes of each, by which the Collector's ParseJSON reads. */
static void
a_lone_surrogate_is_a_replacement_character(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"hello \\ud83d", "hello " FFFD},
        {"\\ud83d\\ud83d", FFFD FFFD},
        {"\\uD83DA", FFFD "A"},
        {"\\ude00", FFFD},
        {"\\ud83d\\n", FFFD "\n"},
        {"\\ude00\\ud83d", FFFD FFFD},
        {"\\ud83d\\\\ude00", FFFD "\\ude00"},
        {"\\ud83d\\u0041", FFFD "A"},
        {"\\ud83d\\ud83d\\ude00", FFFD "\xf0\x9f\x98\x80"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\\\\ud83d", "\\ud83d"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_json *document;
        const struct otc_json *value;
        char text[96];

        snprintf(text, sizeof(text), "{\"k%s\": [12345678901234567890, \"%s\"]}", cases[i].text,
                 cases[i].text);
        document = parse(text, NULL, OTC_OK);
        snprintf(text, sizeof(text), "k%s", cases[i].want);
        value = otc_json_at(otc_json_get(document, text), 1);
        assert_true(otc_slice_equal_str(otc_json_text(value), cases[i].want));
        otc_json_free(document);
    }
    parse("[\"\\ud83d\\x\"]", NULL, OTC_INVALID_ARGUMENT);
    parse("[\"\\ud83d\\u12\"]", NULL, OTC_INVALID_ARGUMENT);
    parse("[\"\\ud83d", NULL, OTC_INVALID_ARGUMENT);
}

static void
the_json_suite_is_accepted_and_refused_as_it_says(void **state)
{
    json_t *suite;
    size_t i, n = 0;
    const json_t *test;

    (void)state;
    if (!testdata_here()) {
        skip();
    }
    suite = testdata_json("parsers/json/JSONTestSuite_parsing.json");
    json_array_foreach(json_object_get(suite, "cases"), i, test)
    {
        const char *name = json_string_value(json_object_get(test, "name"));
        const json_t *text = json_object_get(test, "utf8");
        struct otc_json *document = NULL;
        otc_status status;

        /* jansson has no keys with NUL, and says so. */
        if (!text || strcmp(name, "y_object_escaped_null_in_key.json") == 0) {
            continue;
        }
        status = otc_json_parse(otc_slice_of(json_string_value(text), json_string_length(text)), NULL,
                                &document, NULL);
        if ((name[0] == 'y' && status != OTC_OK) || (name[0] == 'n' && status == OTC_OK)) {
            fail_msg("%s: answer %d", name, status);
        }
        otc_json_free(document);
        n++;
    }
    assert_true(n > 100);
    json_decref(suite);
}

static void
a_document_is_written_and_reads_back(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    struct otc_json_writer w = {.out = &out};

    (void)state;
    otc_json_begin_object(&w);
    otc_json_key(&w, "a\n");
    otc_json_write_text(&w, otc_slice_of("\"\\\0\xff\xc3\xa9", 6));
    otc_json_key(&w, "n");
    otc_json_begin_array(&w);
    otc_json_write_number(&w, 0.1);
    otc_json_write_number(&w, (double)NAN);
    otc_json_write_int(&w, INT64_MIN);
    otc_json_write_bool(&w, false);
    otc_json_write_null(&w);
    otc_json_begin_array(&w);
    otc_json_end_array(&w);
    otc_json_end_array(&w);
    otc_json_end_object(&w);
    assert_true(otc_json_writer_ok(&w));
    assert_string_equal(otc_buf_cstr(&out), "{\"a\\n\":\"\\\"\\\\\\u0000\xef\xbf\xbd\xc3\xa9\",\"n\":[0.1,"
                                            "null,-9223372036854775808,false,null,[]]}");
    otc_json_free(parse((const char *)out.data, NULL, OTC_OK));
}

static void
members_are_a_key_and_a_value(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    struct otc_json_writer w = {.out = &out};

    (void)state;
    otc_json_begin_object(&w);
    otc_json_member_number(&w, "a", 0.5);
    otc_json_member_number(&w, "b", (double)INFINITY);
    otc_json_member_count(&w, "c", 7);
    otc_json_member_count(&w, "d", UINT64_MAX);
    otc_json_member_bool(&w, "e", true);
    otc_json_member_str(&w, "f", "x");
    otc_json_member_str(&w, "g", NULL);
    otc_json_end_object(&w);
    assert_true(otc_json_writer_ok(&w));
    assert_string_equal(otc_buf_cstr(&out), "{\"a\":0.5,\"b\":null,\"c\":7,\"d\":9223372036854775807,"
                                            "\"e\":true,\"f\":\"x\",\"g\":null}");
}

static void
misuse_of_the_writer_shows(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    OTC_AUTO_BUF struct otc_buf small = {.limit = 3};
    struct otc_json_writer open = {.out = &out}, crossed = {.out = &out}, full = {.out = &small};

    (void)state;
    otc_json_begin_object(&open);
    assert_false(otc_json_writer_ok(&open));
    otc_json_begin_object(&crossed);
    otc_json_end_array(&crossed);
    otc_json_end_object(&crossed);
    assert_false(otc_json_writer_ok(&crossed));
    otc_json_write_str(&full, "too long");
    assert_false(otc_json_writer_ok(&full));
}

static void
indented_documents_break_lines(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
    struct otc_json_writer w = {.out = &out, .indent = 2};

    (void)state;
    otc_json_begin_object(&w);
    otc_json_key(&w, "a");
    otc_json_begin_array(&w);
    otc_json_write_int(&w, 1);
    otc_json_end_array(&w);
    otc_json_end_object(&w);
    assert_string_equal(otc_buf_cstr(&out), "{\n  \"a\": [\n    1\n  ]\n}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_by_type),
        cmocka_unit_test(members_come_in_the_order_of_the_text_and_the_last_of_equals_wins),
        cmocka_unit_test(integers_beyond_int64_are_real),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(errors_tell_the_place),
        cmocka_unit_test(a_lone_surrogate_is_a_replacement_character),
        cmocka_unit_test(the_json_suite_is_accepted_and_refused_as_it_says),
        cmocka_unit_test(a_document_is_written_and_reads_back),
        cmocka_unit_test(members_are_a_key_and_a_value),
        cmocka_unit_test(misuse_of_the_writer_shows),
        cmocka_unit_test(indented_documents_break_lines),
    };

    return cmocka_run_group_tests_name("common/json", tests, NULL, NULL);
}
