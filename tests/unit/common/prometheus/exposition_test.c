// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/build.h"
#include "common/prometheus/exposition.h"
#include "common/prometheus/series.h"
#include "tests/unit/common/prometheus/verification.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define NOW (UINT64_C(1581452773) * SECOND + 789)

static const struct otc_exposition_type text_type = {OTC_TEXT_0_0_4, false};
static const struct otc_exposition_type om_type = {OTC_OPENMETRICS_1_0_0, false};

static const struct otc_metric gauge = {
    .name = "room.temp", .unit = "Cel", .description = "How warm", .type = OTC_METRIC_GAUGE};
static const struct otc_metric counter = {.name = "http.requests",
                                          .unit = "1",
                                          .description = "Requests",
                                          .type = OTC_METRIC_SUM,
                                          .monotonic = true,
                                          .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric duration = {.name = "http.request.duration",
                                           .unit = "s",
                                           .description = "Time",
                                           .type = OTC_METRIC_HISTOGRAM,
                                           .temporality = OTC_TEMPORALITY_CUMULATIVE};
static struct otc_metrics_builder *
new_builder(void)
{
    const struct otc_attribute resource[] = {
        OTC_ATTR_STR("service.name", "api"),
        OTC_ATTR_STR("service.namespace", "shop"),
        OTC_ATTR_STR("service.instance.id", "host-1"),
        OTC_ATTR_STR("host.name", "a"),
    };
    struct otc_metrics_builder *builder = otc_metrics_builder_new(resource, 4, "scope", "1.2", 1 << 20);

    assert_non_null(builder);
    return builder;
}

static struct otc_point_head
head_of(const struct otc_attribute *attributes, size_t n)
{
    return (struct otc_point_head){
        .attributes = attributes, .n_attributes = n, .start_unix_nano = SECOND, .time_unix_nano = NOW};
}

/** Finishes the builder and renders what is in it. The builder goes. */
static void
render(struct otc_metrics_builder *builder, const struct otc_exposition_options *options,
       struct otc_exposition_type type, struct otc_buf *out, struct otc_exposition_stats *stats)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_slice slice;
    size_t points;

    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    otc_metrics_builder_free(builder);
    slice = otc_buf_slice(&request);
    if (otc_exposition_of_requests(options, type, &slice, 1, out, stats, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
assert_page(struct otc_buf *page, const char *want)
{
    assert_string_equal(otc_buf_cstr(page), want);
}

static void
every_type_in_text(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_metrics_builder *builder = new_builder();
    const struct otc_attribute attributes[] = {OTC_ATTR_STR("http.method", "GET")};
    struct otc_point_head head = head_of(attributes, 1);
    const uint64_t counts[] = {5, 2, 1};
    const double bounds[] = {0.5, 10};
    const struct otc_histogram_value value = {
        .count = 8, .has_sum = true, .sum = 42.42, .counts = counts, .bounds = bounds, .n_bounds = 2};

    (void)state;
    options.without_scope_info = true;
    otc_build_number(builder, &gauge, &head, 21.5);
    otc_build_integer(builder, &counter, &head, 1234567);
    otc_build_histogram(builder, &duration, &head, &value);
    render(builder, &options, text_type, &page, NULL);
    assert_page(&page,
                "# HELP http_request_duration_seconds Time\n"
                "# TYPE http_request_duration_seconds histogram\n"
                "http_request_duration_seconds_bucket{http_method=\"GET\",instance=\"host-1\",job=\"shop/"
                "api\",le=\"0.5\"} 5\n"
                "http_request_duration_seconds_bucket{http_method=\"GET\",instance=\"host-1\",job=\"shop/"
                "api\",le=\"10\"} 7\n"
                "http_request_duration_seconds_bucket{http_method=\"GET\",instance=\"host-1\",job=\"shop/"
                "api\",le=\"+Inf\"} 8\n"
                "http_request_duration_seconds_sum{http_method=\"GET\",instance=\"host-1\",job=\"shop/api\"} "
                "42.42\n"
                "http_request_duration_seconds_count{http_method=\"GET\",instance=\"host-1\",job=\"shop/"
                "api\"} 8\n"
                "# HELP http_requests_total Requests\n"
                "# TYPE http_requests_total counter\n"
                "http_requests_total{http_method=\"GET\",instance=\"host-1\",job=\"shop/api\"} 1.234567e+06\n"
                "# HELP room_temp_celsius How warm\n"
                "# TYPE room_temp_celsius gauge\n"
                "room_temp_celsius{http_method=\"GET\",instance=\"host-1\",job=\"shop/api\"} 21.5\n"
                "# HELP target_info Target metadata\n"
                "# TYPE target_info gauge\n"
                "target_info{host_name=\"a\",instance=\"host-1\",job=\"shop/api\"} 1\n");
}

static void
every_type_in_openmetrics(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_metrics_builder *builder = new_builder();
    struct otc_point_head head = head_of(NULL, 0);
    const uint64_t counts[] = {5, 2};
    const double bounds[] = {2};
    const struct otc_histogram_value value = {
        .count = 7, .has_sum = true, .sum = 3, .counts = counts, .bounds = bounds, .n_bounds = 1};

    (void)state;
    options.send_timestamps = true;
    otc_build_number(builder, &gauge, &head, -(double)INFINITY);
    otc_build_integer(builder, &counter, &head, 3);
    otc_build_histogram(builder, &duration, &head, &value);
    render(builder, &options, om_type, &page, NULL);
#define LABELS "instance=\"host-1\",job=\"shop/api\",otel_scope_name=\"scope\",otel_scope_version=\"1.2\""
    assert_page(&page,
                "# HELP http_request_duration_seconds Time\n"
                "# TYPE http_request_duration_seconds histogram\n"
                "# UNIT http_request_duration_seconds seconds\n"
                "http_request_duration_seconds_bucket{" LABELS ",le=\"2.0\"} 5 1581452773.000000789\n"
                "http_request_duration_seconds_bucket{" LABELS ",le=\"+Inf\"} 7 1581452773.000000789\n"
                "http_request_duration_seconds_sum{" LABELS "} 3.0 1581452773.000000789\n"
                "http_request_duration_seconds_count{" LABELS "} 7 1581452773.000000789\n"
                "http_request_duration_seconds_created{" LABELS "} 1\n"
                "# HELP http_requests Requests\n"
                "# TYPE http_requests counter\n"
                "http_requests_total{" LABELS "} 3.0 1581452773.000000789\n"
                "http_requests_created{" LABELS "} 1\n"
                "# HELP room_temp_celsius How warm\n"
                "# TYPE room_temp_celsius gauge\n"
                "# UNIT room_temp_celsius celsius\n"
                "room_temp_celsius{" LABELS "} -Inf 1581452773.000000789\n"
                "# HELP target Target metadata\n"
                "# TYPE target info\n"
                "target_info{host_name=\"a\",instance=\"host-1\",job=\"shop/api\"} 1.0 1581452773.000000789\n"
                "# EOF\n");
}

/** Number of lines that begin with `prefix`. */
static size_t
count_lines(struct otc_buf *page, const char *prefix)
{
    size_t n = 0;

    for (const char *line = otc_buf_cstr(page); line && *line; line = strchr(line, '\n') + 1) {
        n += strncmp(line, prefix, strlen(prefix)) == 0;
    }
    return n;
}

static void
colliding_labels_are_joined(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_metrics_builder *builder = new_builder();
    const struct otc_attribute attributes[] = {
        OTC_ATTR_STR("a_b", "underscore"), OTC_ATTR_STR("a.b", "dot"),
        OTC_ATTR_STR("job", "mine"),       OTC_ATTR_INT("a-b", 3),
        OTC_ATTR_BOOL("__name__", true),
    };
    struct otc_point_head head = head_of(attributes, 5);

    (void)state;
    options.without_scope_info = true;
    otc_build_number(builder, &gauge, &head, 1);
    render(builder, &options, text_type, &page, NULL);
    /* In the order of the original keys: a-b, a.b, a_b. */
    assert_non_null(strstr(otc_buf_cstr(&page),
                           "room_temp_celsius{a_b=\"3;dot;underscore\",exported___name__=\"true\","
                           "exported_job=\"mine\",instance=\"host-1\",job=\"shop/api\"} 1\n"));
}

/* Names are remembered by place: whatever place an attribute has in its point, it keeps its own. */
static void
names_follow_their_attributes(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf want = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_metrics_builder *builder = new_builder();
    struct otc_attribute attributes[41] = {0};
    char texts[2][40][8];

    (void)state;
    options.without_scope_info = true;
    for (size_t point = 0; point < 3; point++) {
        struct otc_point_head head = head_of(attributes, 41);

        otc_buf_append_str(&want, "room_temp_celsius{instance=\"host-1\",job=\"shop/api\"");
        for (size_t i = 0; i < 40; i++) {
            size_t place = point == 1 ? 39 - i : (i + point * 7) % 40;

            (void)snprintf(texts[0][i], sizeof(texts[0][i]), "k.%02zu", i);
            (void)snprintf(texts[1][i], sizeof(texts[1][i]), "v%zu", i);
            attributes[place] = (struct otc_attribute){
                otc_slice_str(texts[0][i]), {OTC_VALUE_STRING, {.slice = otc_slice_str(texts[1][i])}}};
            otc_buf_printf(&want, ",k_%02zu=\"v%zu\"", i, i);
        }
        attributes[40] = OTC_ATTR_INT("point", (int64_t)point);
        otc_buf_printf(&want, ",point=\"%zu\"} 1\n", point);
        otc_build_number(builder, &gauge, &head, 1);
    }
    render(builder, &options, text_type, &page, NULL);
    assert_non_null(strstr(otc_buf_cstr(&page), otc_buf_cstr(&want)));
}

static void
conflicting_types_lose_the_later_family(void **state)
{
    static const struct otc_metric other = {.name = "room_temp",
                                            .unit = "Cel",
                                            .type = OTC_METRIC_HISTOGRAM,
                                            .temporality = OTC_TEMPORALITY_CUMULATIVE};
    static const struct otc_metric sum_clash = {.name = "http_request_duration",
                                                .unit = "s",
                                                .type = OTC_METRIC_HISTOGRAM,
                                                .temporality = OTC_TEMPORALITY_CUMULATIVE};
    static const struct otc_metric clash = {.name = "http.request.duration.seconds.count",
                                            .type = OTC_METRIC_GAUGE};
    static const struct otc_metric same = {.name = "room-temp", .unit = "Cel", .type = OTC_METRIC_GAUGE};
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_exposition_stats stats = {0};
    struct otc_metrics_builder *builder = new_builder();
    struct otc_point_head head = head_of(NULL, 0);
    const struct otc_histogram_value value = {.count = 1, .has_sum = true, .sum = 1};

    (void)state;
    otc_build_number(builder, &gauge, &head, 1);
    otc_build_histogram(builder, &other, &head, &value);
    otc_build_histogram(builder, &sum_clash, &head, &value);
    otc_build_number(builder, &clash, &head, 5);
    otc_build_number(builder, &same, &head, 9);
    render(builder, &options, text_type, &page, &stats);
    assert_int_equal(stats.type_conflicts, 2);
    assert_int_equal(stats.duplicates, 1);
    assert_string_equal(stats.first_conflict, "room_temp_celsius");
    assert_int_equal(count_lines(&page, "# TYPE room_temp_celsius gauge"), 1);
    assert_int_equal(count_lines(&page, "room_temp_celsius"), 1);
    assert_int_equal(count_lines(&page, "http_request_duration_seconds_count"), 1);
}

static void
forbidden_values_are_left_out(void **state)
{
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf om = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_exposition_stats stats = {0};
    const double falling[] = {2, 1};
    const double negative[] = {-1, 1};
    const uint64_t counts[] = {1, 1, 1};
    const struct otc_histogram_value bad = {.count = 3, .counts = counts, .bounds = falling, .n_bounds = 2};
    const struct otc_histogram_value cold = {
        .count = 3, .has_sum = true, .sum = -4, .counts = counts, .bounds = negative, .n_bounds = 2};
    struct otc_point_head head = head_of(NULL, 0);

    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        struct otc_metrics_builder *builder = new_builder();

        otc_build_number(builder, &counter, &head, (double)NAN);
        otc_build_number(builder, &counter, &head, -1);
        otc_build_number(builder, &gauge, &head, (double)NAN);
        otc_build_histogram(builder, &duration, &head, pass == 0 ? &bad : &cold);
        render(builder, &options, pass == 0 ? text_type : om_type, pass == 0 ? &page : &om, &stats);
        assert_int_equal(stats.invalid_values, pass == 0 ? 3 : 2);
    }
    assert_int_equal(count_lines(&page, "http_request"), 0);
    assert_non_null(strstr(otc_buf_cstr(&page), "} NaN\n"));
    /* OpenMetrics: neither sum nor count where values may be negative. */
    assert_int_equal(count_lines(&om, "http_request_duration_seconds_bucket"), 3);
    assert_int_equal(count_lines(&om, "http_request_duration_seconds_sum"), 0);
    assert_int_equal(count_lines(&om, "http_request_duration_seconds_count"), 0);
}

static void
utf8_names_are_quoted_or_escaped(void **state)
{
    static const struct otc_metric dotted = {.name = "room.temp", .unit = "Cel", .type = OTC_METRIC_GAUGE};
    const struct otc_exposition_type types[] = {{OTC_TEXT_0_0_4, true}, {OTC_TEXT_0_0_4, false}};
    const struct otc_attribute attributes[] = {OTC_ATTR_STR("a.b", "x"), OTC_ATTR_STR("plain", "y")};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_point_head head = head_of(attributes, 2);

    (void)state;
    options.translation = OTC_NO_TRANSLATION;
    options.without_target = true;
    options.without_scope_info = true;
    for (size_t i = 0; i < 2; i++) {
        OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
        struct otc_metrics_builder *builder = new_builder();

        otc_build_number(builder, &dotted, &head, 1);
        render(builder, &options, types[i], &page, NULL);
        assert_page(&page, i == 0 ? "# HELP \"room.temp\" \n# TYPE \"room.temp\" gauge\n"
                                    "{\"room.temp\",\"a.b\"=\"x\",plain=\"y\"} 1\n"
                                  : "# HELP room_temp \n# TYPE room_temp gauge\n"
                                    "room_temp{a_b=\"x\",plain=\"y\"} 1\n");
    }
}

static void
bad_requests_and_full_pages_fail(void **state)
{
    static const uint8_t junk[] = {0x0a, 0xff, 0xff};
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_slice slice = otc_slice_of(junk, sizeof(junk));
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_metrics_builder *builder = new_builder();
    struct otc_point_head head = head_of(NULL, 0);
    size_t points;

    (void)state;
    assert_int_equal(otc_exposition_of_requests(&options, text_type, &slice, 1, &page, NULL, &err),
                     OTC_INVALID_ARGUMENT);
    otc_build_number(builder, &gauge, &head, 1);
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    otc_metrics_builder_free(builder);
    slice = otc_buf_slice(&request);
    options.max_bytes = 20;
    assert_int_equal(otc_exposition_of_requests(&options, text_type, &slice, 1, &page, NULL, &err),
                     OTC_RESOURCE_EXHAUSTED);
    options = OTC_EXPOSITION_DEFAULTS;
    assert_int_equal(otc_exposition_of_requests(&options, om_type, NULL, 0, &page, NULL, &err), OTC_OK);
    assert_page(&page, "# EOF\n");
}

static void
accept_headers_choose(void **state)
{
    static const struct {
        const char *accept;
        bool om, utf8;
    } cases[] = {
        {"", false, false},
        {"*/*", false, false},
        {"application/openmetrics-text", true, false},
        {"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true, false},
        {"application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true,
         false},
        {"text/plain;version=0.0.4;q=0.9, application/openmetrics-text; version=\"1.0.0\"; q=0.2", false,
         false},
        {"application/openmetrics-text;version=2.0.0", false, false},
        {"application/openmetrics-text;q=0", false, false},
        {"application/openmetrics-text;q=nonsense, text/plain", false, false},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.3", true,
         true},
        {"text/plain;version=1.0.0;escaping=allow-utf-8", false, true},
        {"text/plain;version=0.0.4;escaping=allow-utf-8", false, false},
        {",,;;=,", false, false},
        {"image/png", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_exposition_type type = otc_exposition_negotiate(otc_slice_str(cases[i].accept), true);

        if ((type.format == OTC_OPENMETRICS_1_0_0) != cases[i].om || type.utf8_names != cases[i].utf8) {
            fail_msg("%s", cases[i].accept);
        }
        type = otc_exposition_negotiate(otc_slice_str(cases[i].accept), false);
        assert_int_equal(type.format, OTC_TEXT_0_0_4);
    }
    assert_true(otc_exposition_accepts_gzip(otc_slice_str("deflate, gzip;q=0.5")));
    assert_true(otc_exposition_accepts_gzip(otc_slice_str("*")));
    assert_false(otc_exposition_accepts_gzip(otc_slice_str("gzip;q=0, *")));
    assert_false(otc_exposition_accepts_gzip(otc_slice_str("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_text),
        cmocka_unit_test(every_type_in_openmetrics),
        cmocka_unit_test(colliding_labels_are_joined),
        cmocka_unit_test(names_follow_their_attributes),
        cmocka_unit_test(conflicting_types_lose_the_later_family),
        cmocka_unit_test(forbidden_values_are_left_out),
        cmocka_unit_test(utf8_names_are_quoted_or_escaped),
        cmocka_unit_test(bad_requests_and_full_pages_fail),
        cmocka_unit_test(accept_headers_choose),
    };

    return cmocka_run_group_tests_name("common/prometheus/exposition", tests, NULL, NULL);
}
