// SPDX-License-Identifier: Apache-2.0
/* Values as text: what the Collector's AsString says of each. */
#include "common/otlp/value_text.h"

#include "common/otlp/wire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
expect(const struct otc_value *value, const char *want)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};

    otc_buf_append_str(&out, "before ");
    assert_true(otc_value_text(value, &out));
    assert_memory_equal(out.data, "before ", 7);
    if (!otc_slice_equal_str(otc_slice_skip(otc_buf_slice(&out), 7), want)) {
        fail_msg("%.*s, expected %s", OTC_SLICE_ARG(otc_buf_slice(&out)), want);
    }
}

/* A list of the pairs `key`: the text `text`, and "d": `number`. */
static void
expect_list(const char *key, const char *text, double number, const char *want)
{
    OTC_AUTO_BUF struct otc_buf list = {.limit = 4096};
    size_t pair = otc_wire_begin(&list, 1), inner;

    (void)otc_wire_put_bytes(&list, 1, otc_slice_str(key));
    inner = otc_wire_begin(&list, 2);
    (void)otc_wire_put_bytes(&list, 1, otc_slice_str(text));
    otc_wire_end(&list, inner);
    otc_wire_end(&list, pair);
    pair = otc_wire_begin(&list, 1);
    (void)otc_wire_put_bytes(&list, 1, otc_slice_str("d"));
    inner = otc_wire_begin(&list, 2);
    (void)otc_wire_put_double(&list, 4, number);
    otc_wire_end(&list, inner);
    otc_wire_end(&list, pair);
    expect(&(struct otc_value){OTC_VALUE_KVLIST, {.slice = otc_buf_slice(&list)}}, want);
}

static void
numbers_are_those_of_gos_json(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{1e-5, "0.00001"}, {1e-7, "1e-7"},         {1e21, "1e+21"},          {0.5, "0.5"},
                 {-0.0, "-0"},      {INFINITY, "Infinity"}, {-INFINITY, "-Infinity"}, {NAN, "NaN"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(&(struct otc_value){OTC_VALUE_DOUBLE, {.real = cases[i].value}}, cases[i].text);
    }
    expect(&(struct otc_value){OTC_VALUE_INT, {.integer = INT64_MIN}}, "-9223372036854775808");
    expect_list("a", "", 1.5e-5, "{\"a\":\"\",\"d\":0.000015}");
    expect_list("a", "", 1e-7, "{\"a\":\"\",\"d\":1e-7}");
}

static void
texts_are_escaped_as_go_does(void **state)
{
    (void)state;
    expect_list("<\xe2\x80\xa8>", "&\xe2\x80\xa9\x7f\x01\t\xe2\x80\xaa", 1,
                "{\"<\\u2028>\":\"&\\u2029\x7f\\u0001\\t\xe2\x80\xaa\",\"d\":1}");
}

static void
the_last_pair_of_a_name_is_the_one(void **state)
{
    (void)state;
    expect_list("d", "first", 2, "{\"d\":2}");
}

static void
a_list_that_json_cannot_say_is_empty(void **state)
{
    (void)state;
    expect_list("a", "x", INFINITY, "");
    expect_list("a", "x", NAN, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_gos_json),
        cmocka_unit_test(texts_are_escaped_as_go_does),
        cmocka_unit_test(the_last_pair_of_a_name_is_the_one),
        cmocka_unit_test(a_list_that_json_cannot_say_is_empty),
    };

    return cmocka_run_group_tests_name("common/otlp/value_text", tests, NULL, NULL);
}
