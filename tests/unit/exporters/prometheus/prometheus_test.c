// SPDX-License-Identifier: Apache-2.0
#include "common/json/json.h"
#include "common/otlp/build.h"
#include "common/otlp/json.h"
#include "tests/harness/http_get.h"
#include "tests/harness/rig.h"
#include "tests/unit/common/prometheus/verification.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct otc_factory otc_prometheus_exporter_factory;
static const struct otc_factory *const factory = &otc_prometheus_exporter_factory;

static void
start_with(struct otc_rig *rig, const char *settings)
{
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[1024];

    snprintf(yaml, sizeof(yaml), "{endpoint: %s, transport: unix%s}", otc_scratch_path(), settings);
    if (otc_rig_create(rig, factory, yaml, &err) != OTC_OK ||
        rig->component->ops->start(rig->component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static otc_status
send_bytes(struct otc_rig *rig, struct otc_slice request, size_t points)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch = otc_batch_copy_of(OTC_METRICS, request, points, NULL);

    return otc_consume(rig->component->ops->input(rig->component, OTC_METRICS), batch, NULL, &err);
}

/** One point of a metric with the attribute k=`label` (NULL: none). */
struct sent {
    const struct otc_metric *metric;
    const char *label;
    uint64_t start, time;
    double value;
    uint32_t flags;
};

static void
send_points(struct otc_rig *rig, const struct sent *points, size_t n)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    const struct otc_attribute resource[] = {OTC_ATTR_STR("service.name", "api")};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(resource, 1, "", "", 1 << 20);
    size_t done;

    for (size_t i = 0; i < n; i++) {
        const struct otc_attribute attribute = OTC_ATTR_STR("k", points[i].label);
        struct otc_point_head head = {.attributes = &attribute,
                                      .n_attributes = points[i].label ? 1 : 0,
                                      .start_unix_nano = points[i].start,
                                      .time_unix_nano = points[i].time,
                                      .flags = points[i].flags};

        if (points[i].metric->type == OTC_METRIC_HISTOGRAM) {
            uint64_t count = (uint64_t)points[i].value;
            const double bound = 1;
            const uint64_t counts[] = {count, 0};
            const struct otc_histogram_value value = {.count = count,
                                                      .has_sum = true,
                                                      .sum = (double)count,
                                                      .counts = counts,
                                                      .bounds = &bound,
                                                      .n_bounds = 1};

            assert_true(otc_build_histogram(builder, points[i].metric, &head, &value));
        } else {
            assert_true(otc_build_number(builder, points[i].metric, &head, points[i].value));
        }
    }
    assert_true(otc_metrics_builder_finish(builder, &request, &done));
    otc_metrics_builder_free(builder);
    assert_int_equal(send_bytes(rig, otc_buf_slice(&request), done), OTC_OK);
}

#define SEND(rig, ...)                                                                                       \
    do {                                                                                                     \
        const struct sent points_[] = {__VA_ARGS__};                                                         \
        send_points(rig, points_, sizeof(points_) / sizeof(points_[0]));                                     \
    } while (0)

static const char *
scrape(struct otc_buf *answer)
{
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/metrics", "", answer), 200);
    return otc_http_body(answer);
}

static void
assert_has(const char *page, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = page; (at = strstr(at, line)) != NULL; at++) {
        if ((at == page || at[-1] == '\n') && (at[len] == '\n' || at[len] == ' ')) {
            return;
        }
    }
    fail_msg("no line \"%s\" in:\n%s", line, page);
}

static int64_t
dropped(struct otc_rig *rig, const char *reason)
{
    char labels[128];

    snprintf(labels, sizeof(labels), "exporter=prometheus,data_type=metrics,reason=%s", reason);
    return otc_vhost_metric(rig->vhost, "aimon_exporter_dropped_items", labels);
}

static const struct otc_metric gauge = {.name = "g", .type = OTC_METRIC_GAUGE};
static const struct otc_metric delta = {
    .name = "d", .type = OTC_METRIC_SUM, .monotonic = true, .temporality = OTC_TEMPORALITY_DELTA};
static const struct otc_metric falling = {
    .name = "f", .type = OTC_METRIC_SUM, .temporality = OTC_TEMPORALITY_DELTA};
static const struct otc_metric vague = {.name = "v", .type = OTC_METRIC_SUM, .monotonic = true};
static const struct otc_metric histogram = {
    .name = "h", .type = OTC_METRIC_HISTOGRAM, .temporality = OTC_TEMPORALITY_DELTA};

/* ---- The Collector's own end-to-end cases --------------------------------------------------------- */

/** The settings of a case as YAML, without its endpoint. */
static void
case_settings(const struct otc_json *config, struct otc_buf *yaml)
{
    void *cursor = NULL;
    const char *key;
    const struct otc_json *value;

    /* The test in Go builds its configuration without the default of add_metric_suffixes. */
    otc_buf_append_str(yaml, ", add_metric_suffixes: false, without_scope_info: true");
    while (otc_json_next(config, &cursor, &key, &value)) {
        bool truth = false;

        if (strcmp(key, "endpoint") == 0) {
            continue;
        }
        otc_buf_printf(yaml, ", %s: ", key);
        if (otc_json_type_of(value) == OTC_JSON_OBJECT) {
            void *inner = NULL;
            const char *name;
            const struct otc_json *one;

            otc_buf_append_str(yaml, "{");
            for (int i = 0; otc_json_next(value, &inner, &name, &one); i++) {
                otc_buf_printf(yaml, "%s%s: ", i ? ", " : "", name);
                if (otc_json_bool(one, &truth)) {
                    otc_buf_append_str(yaml, truth ? "true" : "false");
                } else {
                    otc_buf_append_slice(yaml, otc_json_text(one));
                }
            }
            otc_buf_append_str(yaml, "}");
        } else if (otc_json_bool(value, &truth)) {
            otc_buf_append_str(yaml, truth ? "true" : "false");
        } else {
            otc_buf_append_slice(yaml, otc_json_text(value));
        }
    }
}

/** Writes a document back as text: what the JSON receiver would get. */
static void
write_json(const struct otc_json *value, struct otc_json_writer *writer)
{
    void *cursor = NULL;
    const char *key;
    const struct otc_json *member;
    double number = 0;
    bool truth = false;

    if (otc_json_type_of(value) == OTC_JSON_OBJECT) {
        otc_json_begin_object(writer);
        while (otc_json_next(value, &cursor, &key, &member)) {
            otc_json_key(writer, key);
            write_json(member, writer);
        }
        otc_json_end_object(writer);
    } else if (otc_json_type_of(value) == OTC_JSON_ARRAY) {
        otc_json_begin_array(writer);
        for (size_t i = 0; i < otc_json_size(value); i++) {
            write_json(otc_json_at(value, i), writer);
        }
        otc_json_end_array(writer);
    } else if (otc_json_bool(value, &truth)) {
        otc_json_write_bool(writer, truth);
    } else if (otc_json_number(value, &number)) {
        otc_json_write_number(writer, number);
    } else {
        otc_json_write_text(writer, otc_json_text(value));
    }
}

static void
send_json(struct otc_rig *rig, const struct otc_json *request)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1 << 20};
    struct otc_json_writer writer = {.out = &text};
    struct otc_error err = OTC_ERROR_INIT;

    write_json(request, &writer);
    assert_true(otc_json_writer_ok(&writer));
    if (otc_json_to_protobuf(OTC_METRICS, otc_buf_slice(&text), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(send_bytes(rig, otc_buf_slice(&bytes), 1), OTC_OK);
}

static void
run_steps(struct otc_rig *rig, const struct otc_json *steps)
{
    for (size_t i = 0; i < otc_json_size(steps); i++) {
        const struct otc_json *step = otc_json_at(steps, i);
        const struct otc_json *requests = otc_json_get(step, "consume");
        const struct otc_json *lines = otc_json_get(step, "then_scrape_contains");
        OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};

        for (size_t k = 0; k < otc_json_size(requests); k++) {
            send_json(rig, otc_json_at(requests, k));
        }
        for (size_t k = 0; k < otc_json_size(lines); k++) {
            assert_has(scrape(&answer), (const char *)otc_json_text(otc_json_at(lines, k)).data);
        }
    }
}

static void
the_collectors_end_to_end_cases_agree(void **state)
{
    struct otc_json *document = read_test_json("prom/contrib_prometheus_exporter.json");
    const struct otc_json *cases = otc_json_get(document, "cases");
    size_t done = 0;

    (void)state;
    SKIP_WITHOUT(document);
    for (size_t i = 0; i < otc_json_size(cases); i++) {
        const struct otc_json *one = otc_json_at(cases, i);
        OTC_AUTO_BUF struct otc_buf yaml = {.limit = 4096};
        OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
        struct otc_rig rig = {0};

        if (otc_json_size(otc_json_get(one, "steps")) == 0) {
            continue;
        }
        case_settings(otc_json_get(one, "config"), &yaml);
        start_with(&rig, otc_buf_cstr(&yaml));
        run_steps(&rig, otc_json_get(one, "steps"));
        otc_vhost_advance(rig.vhost, 121 * OTC_MINUTE);
        assert_string_equal(scrape(&answer), "");
        otc_rig_free(&rig);
        done++;
    }
    assert_int_equal(done, 2);
    otc_json_free(document);
}

/* ---- Values over time ----------------------------------------------------------------------------- */

static void
the_last_value_is_shown(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};

    (void)state;
    start_with(&rig, "");
    SEND(&rig, {&gauge, "a", 0, 10, 1, 0}, {&gauge, "b", 0, 10, 2, 0});
    SEND(&rig, {&gauge, "a", 0, 9, 5, 0}, {&gauge, "b", 0, 10, 3, 0});
    assert_has(scrape(&answer), "g{job=\"api\",k=\"a\"} 1");
    assert_has(scrape(&answer), "g{job=\"api\",k=\"b\"} 3");
    assert_int_equal(dropped(&rig, "out_of_order"), 1);
    /* An end marker takes its own series alone, and the points after it still count. */
    SEND(&rig, {&gauge, "a", 0, 11, 0, OTC_POINT_NO_RECORDED_VALUE}, {&gauge, "c", 0, 11, 4, 0});
    assert_null(strstr(scrape(&answer), "k=\"a\""));
    assert_has(scrape(&answer), "g{job=\"api\",k=\"b\"} 3");
    assert_has(scrape(&answer), "g{job=\"api\",k=\"c\"} 4");
    assert_int_equal(
        otc_vhost_metric(rig.vhost, "otelcol_exporter_sent_metric_points", "exporter=prometheus"), 5);
    otc_rig_free(&rig);
}

static void
an_empty_label_is_none(void **state)
{
    static const struct otc_metric same = {.name = "x_y", .type = OTC_METRIC_GAUGE};
    static const struct otc_metric dotted = {.name = "x.y", .type = OTC_METRIC_GAUGE};
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};

    (void)state;
    start_with(&rig, "");
    SEND(&rig, {&gauge, NULL, 0, 10, 1, 0}, {&gauge, "", 0, 11, 2, 0});
    SEND(&rig, {&dotted, "", 0, 10, 1, 0}, {&same, NULL, 0, 11, 2, 0});
    assert_has(scrape(&answer), "g{job=\"api\"} 2");
    assert_has(scrape(&answer), "x_y{job=\"api\"} 1");
    assert_null(strstr(scrape(&answer), "k="));
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_exporter_prometheus_series", "exporter=prometheus"),
                     2);
    assert_int_equal(dropped(&rig, "duplicate"), 1);
    otc_rig_free(&rig);
}

/* Whether UTF-8 names collide is for each page to say. */
static void
series_of_one_page_name_are_a_conflict(void **state)
{
    static const struct otc_metric dotted = {.name = "x.y", .type = OTC_METRIC_GAUGE};
    static const struct otc_metric plain = {.name = "x_y", .type = OTC_METRIC_GAUGE};
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};

    (void)state;
    start_with(&rig, ", translation_strategy: NoTranslation");
    SEND(&rig, {&dotted, NULL, 0, 10, 1, 0}, {&plain, NULL, 0, 10, 2, 0});
    assert_has(scrape(&answer), "x_y{job=\"api\"} 1");
    assert_null(strstr(scrape(&answer), "} 2"));
    assert_int_equal(
        otc_vhost_metric(rig.vhost, "aimon_exporter_prometheus_conflicts", "exporter=prometheus"), 1);
    otc_rig_free(&rig);
}

/* A resource is as late as its latest point, whatever comes after that. */
static void
targets_have_the_latest_time(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    const struct otc_attribute resource[] = {OTC_ATTR_STR("service.name", "api"),
                                             OTC_ATTR_STR("host.name", "h")};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(resource, 2, "", "", 1 << 20);
    const struct otc_attribute attribute = OTC_ATTR_STR("k", "late");
    struct otc_rig rig = {0};
    size_t points;

    (void)state;
    start_with(&rig, ", send_timestamps: true");
    for (uint64_t at = 3; at > 0; at--) {
        struct otc_point_head head = {
            .attributes = &attribute, .n_attributes = at == 3, .time_unix_nano = at * 1000000};

        assert_true(otc_build_number(builder, &gauge, &head, 1));
    }
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    otc_metrics_builder_free(builder);
    assert_int_equal(send_bytes(&rig, otc_buf_slice(&request), points), OTC_OK);
    assert_has(scrape(&answer), "g{job=\"api\"} 1 2");
    assert_has(scrape(&answer), "target_info{host_name=\"h\",job=\"api\"} 1 3");
    otc_rig_free(&rig);
}

static void
deltas_accumulate(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};

    (void)state;
    for (int bridge = 0; bridge < 2; bridge++) {
        struct otc_rig rig = {0};

        start_with(&rig, bridge ? ", bridge_delta_gaps: true, add_metric_suffixes: false"
                                : ", add_metric_suffixes: false");
        SEND(&rig, {&delta, NULL, 0, 10, 5, 0}, {&histogram, NULL, 0, 10, 5, 0});
        SEND(&rig, {&delta, NULL, 10, 20, 3, 0}, {&histogram, NULL, 10, 20, 3, 0});
        assert_has(scrape(&answer), "d{job=\"api\"} 8");
        assert_has(scrape(&answer), "h_count{job=\"api\"} 8");
        /* The same again, and one that overlaps. */
        SEND(&rig, {&delta, NULL, 10, 20, 3, 0}, {&histogram, NULL, 15, 25, 3, 0});
        assert_int_equal(dropped(&rig, "out_of_order"), 2);
        SEND(&rig, {&delta, NULL, 25, 30, 2, 0}, {&histogram, NULL, 25, 30, 2, 0});
        assert_has(scrape(&answer), bridge ? "d{job=\"api\"} 10" : "d{job=\"api\"} 2");
        assert_has(scrape(&answer), bridge ? "h_sum{job=\"api\"} 10" : "h_sum{job=\"api\"} 2");
        SEND(&rig, {&falling, NULL, 0, 10, 5, 0}, {&vague, NULL, 0, 10, 5, 0});
        assert_int_equal(dropped(&rig, "unsupported"), 2);
        otc_rig_free(&rig);
    }
}

static void
series_expire_without_scrapes(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};

    (void)state;
    start_with(&rig, ", metric_expiration: 5m");
    SEND(&rig, {&gauge, "old", 0, 10, 1, 0});
    otc_vhost_advance(rig.vhost, 4 * OTC_MINUTE);
    SEND(&rig, {&gauge, "new", 0, 10, 1, 0});
    assert_has(scrape(&answer), "g{job=\"api\",k=\"old\"} 1");
    otc_vhost_advance(rig.vhost, 2 * OTC_MINUTE);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_exporter_prometheus_series", "exporter=prometheus"),
                     1);
    assert_null(strstr(scrape(&answer), "old"));
    assert_has(scrape(&answer), "g{job=\"api\",k=\"new\"} 1");
    otc_rig_free(&rig);
}

static void
series_are_limited(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};

    (void)state;
    start_with(&rig, ", max_series: 2");
    SEND(&rig, {&gauge, "a", 0, 10, 1, 0}, {&gauge, "b", 0, 10, 1, 0}, {&gauge, "c", 0, 10, 1, 0});
    SEND(&rig, {&gauge, "a", 0, 11, 7, 0});
    assert_int_equal(dropped(&rig, "series_limit"), 1);
    assert_has(scrape(&answer), "g{job=\"api\",k=\"a\"} 7");
    assert_null(strstr(scrape(&answer), "k=\"c\""));
    otc_rig_free(&rig);
}

static void
the_endpoint_speaks_http(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    start_with(&rig, ", enable_open_metrics: true, const_labels: {env: test, k: other}");
    SEND(&rig, {&gauge, "a", 0, 10, 1, 0});
    assert_has(scrape(&answer), "g{env=\"test\",job=\"api\",k=\"a\"} 1");
    assert_non_null(strstr((const char *)answer.data, "text/plain; version=0.0.4; charset=utf-8"));
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/metrics",
                                      "Accept: application/openmetrics-text\r\n", &answer),
                     200);
    assert_non_null(strstr((const char *)answer.data, "application/openmetrics-text; version=1.0.0"));
    assert_non_null(strstr(otc_http_body(&answer), "\n# EOF\n"));
    assert_int_equal(otc_http_request(otc_scratch_path(), "HEAD", "/metrics", "", &answer), 200);
    assert_string_equal(otc_http_body(&answer), "");
    assert_int_equal(otc_http_request(otc_scratch_path(), "DELETE", "/metrics", "", &answer), 405);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/", "", &answer), 404);
    assert_int_equal(send_bytes(&rig, otc_slice_str("\x0a\xff\xff"), 1), OTC_INVALID_ARGUMENT);
    assert_has(scrape(&answer), "g{env=\"test\",job=\"api\",k=\"a\"} 1");
    assert_int_equal(rig.component->ops->shutdown(rig.component, INT64_MAX, &err), OTC_OK);
    assert_int_equal(rig.component->ops->shutdown(rig.component, INT64_MAX, &err), OTC_OK);
    otc_rig_free(&rig);
}

static void
conflicts_are_told_once(void **state)
{
    static const struct otc_metric other = {
        .name = "g", .type = OTC_METRIC_HISTOGRAM, .temporality = OTC_TEMPORALITY_CUMULATIVE};
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};

    (void)state;
    start_with(&rig, "");
    SEND(&rig, {&gauge, "a", 0, 10, 1, 0}, {&other, "b", 0, 10, 1, 0});
    assert_has(scrape(&answer), "# TYPE g gauge");
    assert_null(strstr(scrape(&answer), "g_bucket"));
    assert_int_equal(otc_vhost_logged(rig.vhost, "Series are not exposed"), 1);
    assert_int_equal(
        otc_vhost_metric(rig.vhost, "aimon_exporter_prometheus_conflicts", "exporter=prometheus"), 1);
    otc_rig_free(&rig);
}

static void
bad_settings_are_refused(void **state)
{
    static const struct {
        const char *yaml, *text;
    } cases[] = {
        {"{}", "expecting a non-blank address to run the Prometheus metrics handler"},
        {"{endpoint: x}", "endpoint: address x: missing port in address"},
        {"{endpoint: 'x:65536'}", "endpoint: address x:65536: invalid port"},
        {"{endpoint: 'x:1', const_labels: {'': a}}", "const_labels"},
        {"{endpoint: 'x:1', const_labels: {le: a}}",
         "const_labels: label \"le\" is one that Prometheus keeps for itself (any name is allowed but "
         "__name__, le and quantile)"},
        {"{endpoint: 'x:1', const_labels: {quantile: a}}", "const_labels: label \"quantile\""},
        {"{endpoint: 'x:1', const_labels: {__name__: a}}", "const_labels: label \"__name__\""},
        {"{endpoint: 'x:1', const_labels: {a.b: x, a_b: y}}",
         "const_labels: labels \"a.b\" and \"a_b\" would both be \"a_b\""},
        {"{endpoint: 'x:1', translation_strategy: Nope}", "translation_strategy"},
        {"{endpoint: 'x:1', max_series: 0}", "max_series"},
        {"{endpoint: 'x:1', metric_expiry: 5m}", "metric_expiry"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(factory, cases[i].yaml, cases[i].text, &err)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
}

/** One point of an exponential histogram with a single bucket in use. */
static void
send_exponential(struct otc_rig *rig, const struct otc_metric *metric, uint64_t start, int32_t scale,
                 int32_t index, uint64_t count)
{
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "", "", 1 << 20);
    struct otc_point_head head = {.start_unix_nano = start, .time_unix_nano = start + 10};
    const struct otc_exponential_value value = {.count = count,
                                                .has_sum = true,
                                                .sum = (double)count,
                                                .scale = scale,
                                                .positive_offset = index,
                                                .positive = &count,
                                                .n_positive = 1};
    size_t points;

    assert_true(otc_build_exponential(builder, metric, &head, &value));
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    otc_metrics_builder_free(builder);
    assert_int_equal(send_bytes(rig, otc_buf_slice(&request), points), OTC_OK);
}

/* Once a delta had values below 0 the total has them, whatever is added. */
static void
sums_that_may_fall_stay_away_from_openmetrics(void **state)
{
    static const struct otc_metric metric = {
        .name = "h", .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM, .temporality = OTC_TEMPORALITY_DELTA};
    const uint64_t one = 1;
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig;

    (void)state;
    start_with(&rig, ", enable_open_metrics: true");
    for (uint64_t i = 0; i < 3; i++) {
        OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
        struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "", "", 1 << 20);
        struct otc_point_head head = {.start_unix_nano = 10 * i + 10, .time_unix_nano = 10 * i + 20};
        const struct otc_exponential_value value = {.count = 1,
                                                    .has_sum = true,
                                                    .sum = 2,
                                                    .positive = &one,
                                                    .n_positive = i != 1,
                                                    .negative = &one,
                                                    .n_negative = i == 1};
        size_t points;

        assert_true(otc_build_exponential(builder, &metric, &head, &value));
        assert_true(otc_metrics_builder_finish(builder, &request, &points));
        otc_metrics_builder_free(builder);
        assert_int_equal(send_bytes(&rig, otc_buf_slice(&request), points), OTC_OK);
        assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/metrics",
                                          "Accept: application/openmetrics-text\r\n", &answer),
                         200);
        assert_int_equal(strstr(otc_http_body(&answer), "\nh_sum ") != NULL, i == 0);
        assert_int_equal(strstr(otc_http_body(&answer), "\nh_count ") != NULL, i == 0);
    }
    otc_rig_free(&rig);
}

/** Lines of buckets on a page. */
static size_t
bucket_lines(const char *page)
{
    size_t n = 0;

    for (const char *at = page; (at = strstr(at, "_bucket{")) != NULL; at++) {
        n++;
    }
    return n;
}

static void
exponential_deltas_add_up_on_one_grid(void **state)
{
    static const struct otc_metric metric = {
        .name = "h", .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM, .temporality = OTC_TEMPORALITY_DELTA};
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig;
    const char *page;

    (void)state;
    start_with(&rig, ", without_scope_info: true");
    /* (2^-1/16, 1], then (64, 256], at scales of their own. */
    send_exponential(&rig, &metric, 10, 4, -1, 5);
    page = scrape(&answer);
    assert_int_equal(bucket_lines(page), 80);
    assert_has(page, "h_bucket{le=\"1\"} 5");
    assert_has(page, "h_bucket{le=\"256\"} 5");
    send_exponential(&rig, &metric, 20, -1, 3, 2);
    answer.len = 0;
    page = scrape(&answer);
    assert_int_equal(bucket_lines(page), 80);
    assert_has(page, "h_bucket{le=\"0.7071067811865476\"} 0");
    assert_has(page, "h_bucket{le=\"1\"} 5");
    assert_has(page, "h_bucket{le=\"128\"} 5");
    assert_has(page, "h_bucket{le=\"256\"} 7");
    assert_has(page, "h_bucket{le=\"+Inf\"} 7");
    assert_has(page, "h_count 7");
    otc_rig_free(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_collectors_end_to_end_cases_agree),
        cmocka_unit_test(the_last_value_is_shown),
        cmocka_unit_test(an_empty_label_is_none),
        cmocka_unit_test(series_of_one_page_name_are_a_conflict),
        cmocka_unit_test(targets_have_the_latest_time),
        cmocka_unit_test(deltas_accumulate),
        cmocka_unit_test(sums_that_may_fall_stay_away_from_openmetrics),
        cmocka_unit_test(series_expire_without_scrapes),
        cmocka_unit_test(series_are_limited),
        cmocka_unit_test(the_endpoint_speaks_http),
        cmocka_unit_test(conflicts_are_told_once),
        cmocka_unit_test(exponential_deltas_add_up_on_one_grid),
        cmocka_unit_test(bad_settings_are_refused),
    };

    return cmocka_run_group_tests_name("exporters/prometheus", tests, otc_scratch_setup,
                                       otc_scratch_teardown);
}
