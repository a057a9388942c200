// SPDX-License-Identifier: Apache-2.0
/* Labels that telemetry may have and Prometheus may not: a page stays a page, and a series one line. */
#include "common/otlp/json.h"
#include "common/prometheus/exposition.h"
#include "common/prometheus/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct otc_exposition_type classic = {OTC_TEXT_0_0_4, false};
static const struct otc_exposition_type utf8 = {OTC_TEXT_0_0_4, true};
static const struct otc_exposition_type openmetrics = {OTC_OPENMETRICS_1_0_0, false};

/** One page; `metrics`: the contents of "metrics": […], of a scope "s" and no resource. */
struct rendered {
    struct otc_exposition_options options;
    struct otc_exposition_stats stats;
    struct otc_buf page;
};

static int
setup(void **state)
{
    struct rendered *r = calloc(1, sizeof(*r));

    r->options = OTC_EXPOSITION_DEFAULTS;
    r->options.without_scope_info = true;
    otc_buf_init(&r->page, 1 << 20);
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    struct rendered *r = *state;

    otc_buf_release(&r->page);
    free(r);
    return 0;
}

static const char *
render(struct rendered *r, struct otc_exposition_type type, const char *metrics)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_slice slice;

    otc_buf_printf(
        &json, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"scope\":{\"name\":\"s\"},\"metrics\":[%s]}]}]}",
        metrics);
    if (otc_json_to_protobuf(OTC_METRICS, otc_buf_slice(&json), 64, &request, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    slice = otc_buf_slice(&request);
    otc_buf_clear(&r->page);
    if (otc_exposition_of_requests(&r->options, type, &slice, 1, &r->page, &r->stats, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return otc_buf_cstr(&r->page);
}

#define ATTRIBUTE(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define POINT(attributes, value)                                                                             \
    "{\"timeUnixNano\":\"10\",\"attributes\":[" attributes "],\"asDouble\":" #value "}"
#define GAUGE(name, points) "{\"name\":\"" name "\",\"gauge\":{\"dataPoints\":[" points "]}}"
#define HEAD(name) "# HELP " name " \n# TYPE " name " gauge\n"

/* ---- Names ---------------------------------------------------------------------------------------- */

static void
no_attribute_becomes_the_formats_own_label(void **state)
{
    static const char metrics[] = GAUGE(
        "g", POINT(ATTRIBUTE("..name..", "x") "," ATTRIBUTE("k", "v"), 1) "," POINT(ATTRIBUTE("k", "w"), 2));
    struct rendered *r = *state;

    r->options.translation = OTC_NO_TRANSLATION;
    assert_string_equal(render(r, utf8, metrics), HEAD("g") "g{\"..name..\"=\"x\",k=\"v\"} 1\n"
                                                            "g{k=\"w\"} 2\n");
    /* FNV-1a of "..name..". */
    assert_string_equal(render(r, classic, metrics),
                        HEAD("g") "g{__name___fe8db565de7be66a=\"x\",k=\"v\"} 1\n"
                                  "g{k=\"w\"} 2\n");
    assert_int_equal(r->stats.duplicates, 0);
}

/* Labels that underscores make equal get hashes, even where another is called like that hash. */
static void
no_two_labels_of_a_series_become_one(void **state)
{
    struct rendered *r = *state;

    r->options.translation = OTC_UTF8_WITH_SUFFIXES;
    r->options.without_scope_info = false;
    assert_string_equal(
        render(r, classic,
               GAUGE("g", POINT(ATTRIBUTE("a.b", "1") "," ATTRIBUTE("a-b", "2") "," ATTRIBUTE(
                                    "a_b", "3") "," ATTRIBUTE("a_b_e61d99190466522c",
                                                              "4") "," ATTRIBUTE("otel.scope.name", "5"),
                                1))),
        HEAD("g") "g{a_b_e61ab31904644883=\"2\",a_b_e61d99190466522d=\"1\",a_b=\"3\",a_b_e61d99190466522c="
                  "\"4\",otel_scope_name_56e9cbf79144004e=\"5\",otel_scope_name=\"s\"} 1\n");
}

/* ---- Series --------------------------------------------------------------------------------------- */

static void
series_that_a_client_cannot_tell_apart_are_one(void **state)
{
    static const char labels[] =
        GAUGE("g", POINT(ATTRIBUTE("a.b", "1") "," ATTRIBUTE("a_c", "2"),
                         1) "," POINT(ATTRIBUTE("a_b", "1") "," ATTRIBUTE("a.c", "2"), 2));
    static const char names[] = GAUGE("x.y", POINT("", 1)) "," GAUGE("x_y", POINT("", 2));
    static const char totals[] =
        "{\"name\":\"c\",\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,\"dataPoints\":[" POINT(
            "", 1) "]}},"
                   "{\"name\":\"c_total\",\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,"
                   "\"dataPoints\":[" POINT("", 2) "]}}";
    struct rendered *r = *state;

    r->options.translation = OTC_NO_TRANSLATION;
    assert_string_equal(render(r, classic, labels), HEAD("g") "g{a_b=\"1\",a_c=\"2\"} 1\n");
    assert_int_equal(r->stats.duplicates, 1);
    assert_string_equal(r->stats.first_conflict, "g");
    assert_string_equal(render(r, utf8, labels), HEAD("g") "g{\"a.b\"=\"1\",a_c=\"2\"} 1\n"
                                                           "g{\"a.c\"=\"2\",a_b=\"1\"} 2\n");
    assert_int_equal(r->stats.duplicates, 0);
    assert_string_equal(render(r, classic, names), HEAD("x_y") "x_y 1\n");
    assert_int_equal(r->stats.duplicates, 1);
    assert_string_equal(render(r, openmetrics, totals), "# HELP c \n# TYPE c counter\nc_total 1.0\n# EOF\n");
    assert_int_equal(r->stats.duplicates, 1);
}

static void
an_empty_value_is_no_label(void **state)
{
    static const struct otc_const_label labels[] = {{"x", "const"}, {"y", ""}};
    static const char same[] =
        GAUGE("g", POINT(ATTRIBUTE("x", "") "," ATTRIBUTE("k", "v"), 1) "," POINT(ATTRIBUTE("k", "v"), 2));
    static const char other[] = GAUGE("a.b", POINT(ATTRIBUTE("x", ""), 1)) "," GAUGE("a_b", POINT("", 2));
    struct rendered *r = *state;

    assert_string_equal(render(r, classic, same), HEAD("g") "g{k=\"v\"} 2\n");
    assert_int_equal(r->stats.series, 1);
    assert_string_equal(render(r, classic, other), HEAD("a_b") "a_b 1\n");
    assert_int_equal(r->stats.duplicates, 1);
    /* What is joined is not empty; and what is no label leaves its place to another. */
    r->options.const_labels = labels;
    r->options.n_const_labels = 2;
    assert_string_equal(
        render(r, classic,
               GAUGE("g", POINT(ATTRIBUTE("c.d", "") "," ATTRIBUTE("c_d", "v") "," ATTRIBUTE("x", ""), 1))),
        HEAD("g") "g{c_d=\";v\",x=\"const\"} 1\n");
}

static void
constant_labels_step_aside_for_the_format(void **state)
{
    static const struct otc_const_label labels[] = {{"le", "a"}, {"__name__", "b"}};
    struct rendered *r = *state;

    r->options.const_labels = labels;
    r->options.n_const_labels = 2;
    assert_string_equal(render(r, classic,
                               "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
                               "\"count\":\"1\"}]}}"),
                        "# HELP h \n# TYPE h histogram\n"
                        "h_bucket{exported___name__=\"b\",exported_le=\"a\",le=\"+Inf\"} 1\n"
                        "h_count{exported___name__=\"b\",exported_le=\"a\"} 1\n");
}

/* ---- Values --------------------------------------------------------------------------------------- */

static void
a_quantile_has_one_value(void **state)
{
    assert_string_equal(
        render(*state, classic,
               "{\"name\":\"s\",\"summary\":{\"dataPoints\":[{\"count\":\"4\",\"sum\":5,\"quantileValues\":["
               "{\"quantile\":0.9,\"value\":1},{\"quantile\":0.5,\"value\":2},{\"quantile\":0.9,\"value\":3},"
               "{\"quantile\":0.5,\"value\":4}]}]}}"),
        "# HELP s \n# TYPE s summary\n"
        "s{quantile=\"0.9\"} 3\n"
        "s{quantile=\"0.5\"} 4\n"
        "s_sum 5\n"
        "s_count 4\n");
}

static void
labels_of_exemplars_are_there_once(void **state)
{
    const char *page =
        render(*state, openmetrics,
               "{\"name\":\"c\",\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,\"dataPoints\":[{"
               "\"asInt\":\"1\","
               "\"exemplars\":[{\"asDouble\":1,\"traceId\":\"000102030405060708090a0b0c0d0e0f\","
               "\"filteredAttributes\":[" ATTRIBUTE("trace_id", "x") "," ATTRIBUTE("empty", "") "," ATTRIBUTE(
                   "a.b", "1") "," ATTRIBUTE("a_b", "2") "]}]}]}}");

    assert_string_equal(page, "# HELP c \n# TYPE c counter\n"
                              "c_total 1.0 # {trace_id=\"000102030405060708090a0b0c0d0e0f\",a_b=\"1\"} 1.0\n"
                              "# EOF\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_attribute_becomes_the_formats_own_label),
        TEST(no_two_labels_of_a_series_become_one),
        TEST(series_that_a_client_cannot_tell_apart_are_one),
        TEST(an_empty_value_is_no_label),
        TEST(constant_labels_step_aside_for_the_format),
        TEST(a_quantile_has_one_value),
        TEST(labels_of_exemplars_are_there_once),
    };

    return cmocka_run_group_tests_name("common/prometheus/labels", tests, NULL, NULL);
}
