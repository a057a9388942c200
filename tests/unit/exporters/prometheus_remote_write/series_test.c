// SPDX-License-Identifier: Apache-2.0
/* Points to series to bytes, without a network. */
#include "common/otlp/json.h"
#include "exporters/prometheus_remote_write/config.h"
#include "exporters/prometheus_remote_write/encode.h"
#include "tests/harness/config.h"
#include "tests/unit/exporters/prometheus_remote_write/dump.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct otc_factory otc_prometheus_remote_write_exporter_factory;

/* One translation, with the settings of YAML. */
struct fixture {
    struct otc_config *config;
    struct otc_const_label labels[8];
    struct prw_options options;
    struct prw_set set;
    struct prw_pieces pieces;
    struct otc_buf text;
    size_t max_bytes;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->max_bytes = 3000000;
    otc_buf_init(&f->text, 1 << 20);
    *state = f;
    return 0;
}

static void
clear(struct fixture *f)
{
    prometheus_remote_write_pieces_release(&f->pieces);
    prometheus_remote_write_set_release(&f->set);
    otc_config_free(f->config);
    otc_buf_release(&f->text);
    otc_buf_init(&f->text, 1 << 20);
    f->config = NULL;
}

static int
teardown(void **state)
{
    clear(*state);
    free(*state);
    return 0;
}

/* `metrics`: the contents of "metrics": [...]; `resource`: of the resource's "attributes": [...]. */
static const char *
translate_of(struct fixture *f, const char *settings, const char *resource, const char *metrics)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    const struct prw_config *config;
    struct prw_encoding encoding = {.max_bytes = f->max_bytes};
    char yaml[512];

    clear(f);
    snprintf(yaml, sizeof(yaml), "endpoint: http://x/api/v1/write\n%s", settings);
    if (otc_test_config(&otc_prometheus_remote_write_exporter_factory, yaml, &f->config, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    config = otc_config_value(f->config);
    prometheus_remote_write_series_options(config, f->labels, &f->options);
    encoding.v2 = config->protobuf_message.index == 1;
    encoding.metadata = config->send_metadata;
    otc_buf_printf(
        &json,
        "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[%s]},\"scopeMetrics\":[{\"scope\":{},"
        "\"metrics\":[%s]}]}]}",
        resource, metrics);
    if (otc_json_to_protobuf(OTC_METRICS, otc_buf_slice(&json), 64, &request, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(prometheus_remote_write_set_init(&f->set, &f->options));
    assert_int_equal(prometheus_remote_write_set_add(&f->set, otc_buf_slice(&request), &err), OTC_OK);
    prometheus_remote_write_set_finish(&f->set);
    assert_int_equal(prometheus_remote_write_encode(&f->set, &encoding, &f->pieces, &err), OTC_OK);
    for (size_t i = 0; i < f->pieces.n; i++) {
        dump_request(&f->text, otc_buf_slice(&f->pieces.items[i].body), encoding.v2);
    }
    return f->text.len > 0 ? otc_buf_cstr(&f->text) : "";
}

static const char *
translate(struct fixture *f, const char *settings, const char *metrics)
{
    return translate_of(f, settings, "", metrics);
}

/* ---- Types ---------------------------------------------------------------------------------------- */

static void
numbers_are_samples_in_order_of_time(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(translate(f, "",
                                  "{\"name\":\"queue.depth\",\"gauge\":{\"dataPoints\":["
                                  "{\"timeUnixNano\":\"3000000000\",\"asInt\":\"3\"},{\"timeUnixNano\":"
                                  "\"1000999999\",\"asDouble\":0.5},"
                                  "{\"timeUnixNano\":\"3000000000\",\"asInt\":\"4\"},"
                                  "{\"timeUnixNano\":\"2000000000\",\"attributes\":[{\"key\":\"Zone\","
                                  "\"value\":{\"stringValue\":\"b\"}},"
                                  "{\"key\":\"a.b\",\"value\":{\"intValue\":\"7\"}}],\"asDouble\":-1}]}},"
                                  "{\"name\":\"requests\",\"unit\":\"By\",\"sum\":{"
                                  "\"aggregationTemporality\":2,\"isMonotonic\":true,"
                                  "\"dataPoints\":[{\"startTimeUnixNano\":\"500000000\",\"timeUnixNano\":"
                                  "\"1000000000\",\"asInt\":\"9\"}]}},"
                                  "{\"name\":\"open\",\"sum\":{\"aggregationTemporality\":2,"
                                  "\"dataPoints\":[{\"timeUnixNano\":\"1000000000\",\"asInt\":\"-9\"}]}}"),
                        "__name__=queue_depth 0.5@1000 4@3000\n"
                        "Zone=b,__name__=queue_depth,a_b=7 -1@2000\n"
                        "__name__=requests_bytes_total 9@1000\n"
                        "__name__=open -9@1000\n");
    assert_int_equal(f->set.dropped.unsupported, 0);
}

static void
what_has_no_form_is_counted(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        translate(
            f, "",
            "{\"name\":\"d\",\"sum\":{\"aggregationTemporality\":1,\"isMonotonic\":true,\"dataPoints\":[{"
            "\"asInt\":"
            "\"9\"}]}},"
            "{\"name\":\"u\",\"sum\":{\"dataPoints\":[{\"asInt\":\"9\"}]}},"
            "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":[{\"count\":\"1\"}]}}"
            ","
            "{\"name\":\"___\",\"gauge\":{\"dataPoints\":[{\"asInt\":\"9\"}]}},"
            "{\"name\":\"none\",\"gauge\":{\"dataPoints\":[{}]}},"
            "{\"name\":\"b\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"count\":\"1\","
            "\"bucketCounts\":[\"1\"],\"explicitBounds\":[1,2]},{\"count\":\"1\",\"bucketCounts\":[\"1\","
            "\"0\",\"0\"],"
            "\"explicitBounds\":[2,1]}]}},"
            "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
            "\"count\":\"1\","
            "\"scale\":-5,\"sum\":1},{\"count\":\"1\",\"scale\":0}]}}"),
        "");
    assert_int_equal(f->set.dropped.unsupported, 5);
    assert_int_equal(f->set.dropped.invalid_names, 1);
    assert_int_equal(f->set.dropped.invalid_values, 3);
}

#define LATENCY(more)                                                                                        \
    "{\"name\":\"latency\",\"unit\":\"s\",\"description\":\"How long\",\"histogram\":{"                      \
    "\"aggregationTemporality\":2,\"dataPoints\":[{"                                                         \
    "\"startTimeUnixNano\":\"500000000\",\"timeUnixNano\":\"1000000000\",\"count\":\"6\",\"sum\":2.5,"       \
    "\"bucketCounts\":[\"1\",\"2\",\"3\"],\"explicitBounds\":[1e-07,2500000]" more "}]}}"
#define EXEMPLARS                                                                                            \
    ",\"exemplars\":[{\"timeUnixNano\":\"900000000\",\"asDouble\":7,\"traceId\":"                            \
    "\"000102030405060708090a0b0c0d0e0f\",\"spanId\":\"0001020304050607\",\"filteredAttributes\":["          \
    "{\"key\":\"user.id\",\"value\":{\"intValue\":\"5\"}}]},{\"timeUnixNano\":\"800000000\",\"asDouble\":"   \
    "2500001},"                                                                                              \
    "{\"timeUnixNano\":\"700000000\",\"asDouble\":2500000}]"

static void
histograms_are_classic_ones(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        translate(f, "", LATENCY(EXEMPLARS)),
        "__name__=latency_seconds_sum 2.5@1000\n"
        "__name__=latency_seconds_count 6@1000\n"
        "__name__=latency_seconds_bucket,le=0.0000001 1@1000\n"
        "__name__=latency_seconds_bucket,le=2500000 3@1000 #{} 2500000@700"
        " #{span_id=0001020304050607,trace_id=000102030405060708090a0b0c0d0e0f,user_id=5} 7@900\n"
        "__name__=latency_seconds_bucket,le=+Inf 6@1000 #{} 2500001@800\n");
}

/* OpenTelemetry's compatibility document, "Exponential Histograms", with its example made one bucket wider:
 * beyond a gap of two a span ends, in it zeros are written (client_golang's rule, the Collector's too). */
static void
exponential_histograms_are_native_ones(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        translate(
            f, "",
            "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
            "\"timeUnixNano\":\"1000000000\",\"count\":\"40\",\"sum\":5,\"scale\":1,\"zeroCount\":\"3\","
            "\"positive\":{\"offset\":3,\"bucketCounts\":[\"10\",\"0\",\"0\",\"0\",\"20\",\"5\",\"2\"]},"
            "\"negative\":{\"offset\":-1,\"bucketCounts\":[\"1\",\"0\",\"2\"]},"
            "\"exemplars\":[{\"timeUnixNano\":\"900000000\",\"asDouble\":7}]}]}}"),
        "__name__=e hist{ 1:40 3:5 4:1 5:1e-128 6:3 8:0+3 9:[1 -1 2] 11:4+1 11:3+3 12:[10 10 -15 -3] 15:1000 "
        "} #{} "
        "7@900\n");
    /* The document's own. */
    assert_string_equal(
        translate(f, "",
                  "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
                  "\"timeUnixNano\":\"1000000000\",\"count\":\"37\",\"sum\":5,"
                  "\"positive\":{\"offset\":3,\"bucketCounts\":[\"10\",\"0\",\"0\",\"20\",\"5\",\"2\"]}}]}}"),
        "__name__=e hist{ 1:37 3:5 4:0 5:1e-128 6:0 11:4+6 12:[10 -10 0 20 -15 -3] 15:1000 }\n");
    /* Scale 9 becomes 8: indexes 1 and 2, two observations each. */
    assert_string_equal(
        translate(
            f, "",
            "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
            "\"timeUnixNano\":\"1000000000\",\"count\":\"4\",\"sum\":5,\"scale\":9,\"zeroThreshold\":0.5,"
            "\"positive\":{\"bucketCounts\":[\"1\",\"1\",\"1\",\"1\"]}}]}}"),
        "__name__=e hist{ 1:4 3:5 4:8 5:0.5 6:0 11:1+2 12:[2 0] 15:1000 }\n");
}

static void
summaries_have_quantiles(void **state)
{
    assert_string_equal(
        translate(
            *state, "",
            "{\"name\":\"s\",\"summary\":{\"dataPoints\":[{\"timeUnixNano\":\"1000000000\",\"count\":\"4\","
            "\"sum\":5,\"quantileValues\":[{\"quantile\":0.5,\"value\":1},{\"quantile\":0.99,\"value\":2}]}]}"
            "}"),
        "__name__=s_sum 5@1000\n"
        "__name__=s_count 4@1000\n"
        "__name__=s,quantile=0.5 1@1000\n"
        "__name__=s,quantile=0.99 2@1000\n");
}

/* As of samples: of several at one time the last one counts. */
static void
a_native_histogram_has_its_time_alone(void **state)
{
#define NATIVE(at, count)                                                                                    \
    "{\"timeUnixNano\":\"" at "000000000\",\"count\":\"" count "\",\"zeroCount\":\"" count "\",\"sum\":0}"
    assert_string_equal(
        translate(*state, "",
                  "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,"
                  "\"dataPoints\":[" NATIVE("2", "1") "," NATIVE("1", "2") "," NATIVE("2", "3") "]}}"),
        "__name__=e hist{ 1:2 3:0 4:0 5:1e-128 6:2 15:1000 } hist{ 1:3 3:0 4:0 5:1e-128 6:3 "
        "15:2000 }\n");
}

static void
points_without_a_value_end_their_series(void **state)
{
    assert_string_equal(
        translate(
            *state, "",
            "{\"name\":\"g\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"1000000000\",\"flags\":1}]}},"
            "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"timeUnixNano\":"
            "\"1000000000\",\"flags\":1,\"explicitBounds\":[1]}]}},"
            "{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
            "\"timeUnixNano\":\"1000000000\",\"flags\":1}]}}"),
        "__name__=g stale@1000\n"
        "__name__=h_sum stale@1000\n"
        "__name__=h_count stale@1000\n"
        "__name__=h_bucket,le=1 stale@1000\n"
        "__name__=h_bucket,le=+Inf stale@1000\n"
        "__name__=e hist{ 1:0 3:stale 15:1000 }\n");
}

#define NHCB "convert_explicit_histograms_to_nhcb: true\n"

/* https://prometheus.io/docs/specs/native_histograms/, "Custom buckets": schema -53, bucket i ends at the
 * i-th custom value, the last one at +Inf. Field 16: 8 bytes a value, which are none of the varints they are
 * shown as. */
static void
histograms_are_native_ones_with_their_own_buckets(void **state)
{
    static const char gaps[] =
        "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"timeUnixNano\":"
        "\"1000000000\",\"count\":\"9\",\"bucketCounts\":[\"1\",\"0\",\"0\",\"0\",\"2\",\"4\"],"
        "\"explicitBounds\":"
        "[1,2,3,4,\"Infinity\"]},{\"timeUnixNano\":\"2000000000\",\"flags\":1,\"explicitBounds\":[1]},"
        "{\"timeUnixNano\":\"3000000000\",\"count\":\"5\",\"sum\":2}]}}";
    struct fixture *f = *state;
    const char *text = translate(f, NHCB, LATENCY(EXEMPLARS));
    const struct otc_prom_label *name = &f->set.first->labels[0];
    const struct prw_histogram *first;

    assert_int_equal(f->set.n_series, 1);
    assert_true(otc_slice_equal_str(name->value, "latency_seconds"));
    assert_non_null(strstr(text, "hist{ 1:6 3:2.5 4:-53 11:0+3 12:[1 1 1] 16:["));
    assert_non_null(strstr(text, "} 2500000@700 #{} 2500001@800 #{span_id=0001020304050607,trace_id="));
    first = OTC_CONTAINER(f->set.first->histograms, prw_histogram, node);
    assert_memory_equal(first->encoded.data + first->encoded.len - 16, ((const double[]){1e-07, 2500000}),
                        16);
    /* What lies above the last bound is its bucket's; what the buckets do not hold of the count is the last
     * one's. */
    text = translate(f, NHCB, gaps);
    assert_non_null(strstr(text, "hist{ 1:9 3:0 4:-53 11:0+1 11:3+1 12:[1 7] 16:["));
    assert_non_null(strstr(text, "15:1000 } hist{ 1:0 3:stale 4:-53 15:2000 }"));
    assert_non_null(strstr(text, "hist{ 1:5 3:2 4:-53 11:0+1 12:[5] 15:3000 }"));
    text = translate(f, NHCB "keep_classic_histograms: true", LATENCY(""));
    assert_int_equal(f->set.n_series, 6);
    assert_non_null(strstr(text, "__name__=latency_seconds_bucket,le=+Inf 6@1000\n"));
    /* Without the first setting the second means nothing. */
    (void)translate(f, "keep_classic_histograms: true", LATENCY(""));
    assert_int_equal(f->set.n_series, 5);
}

/* ---- Labels --------------------------------------------------------------------------------------- */

#define SERVICE                                                                                              \
    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"api\"}},{\"key\":\"service.namespace\","         \
    "\"value\":{"                                                                                            \
    "\"stringValue\":\"shop\"}},{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"i1\"}},{"      \
    "\"key\":"                                                                                               \
    "\"host.name\",\"value\":{\"stringValue\":\"h\"}}"
#define UP "{\"name\":\"up\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"1000000000\",\"asInt\":\"1\"}]}}"

static void
resources_are_targets(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(translate_of(f, "", SERVICE, UP),
                        "__name__=up,instance=i1,job=shop/api 1@1000\n"
                        "__name__=target_info,host_name=h,instance=i1,job=shop/api 1@1000\n");
    assert_string_equal(translate_of(f, "target_info: {enabled: false}", SERVICE, UP),
                        "__name__=up,instance=i1,job=shop/api 1@1000\n");
    assert_string_equal(
        translate_of(f, "target_info: {enabled: false}\nresource_to_telemetry_conversion: {enabled: true}",
                     SERVICE, UP),
        "__name__=up,host_name=h,instance=i1,job=shop/api,service_instance_id=i1,service_name=api,"
        "service_namespace=shop 1@1000\n");
    assert_string_equal(
        translate_of(f, "namespace: ns\nexternal_labels: {region.name: eu, job: other}", SERVICE, UP),
        "__name__=ns_up,instance=i1,job=shop/api,region_name=eu 1@1000\n"
        "__name__=ns_target_info,host_name=h,instance=i1,job=shop/api,region_name=eu 1@1000\n");
}

#define GAUGE(name, attributes, value)                                                                       \
    "{\"name\":\"" name                                                                                      \
    "\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"1000000000\",\"attributes\":[" attributes             \
    "],\"asInt\":\"" value "\"}]}}"
#define ATTRIBUTE(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define HISTOGRAM(more)                                                                                      \
    "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"timeUnixNano\":"         \
    "\"1000000000\",\"count\":\"3\",\"bucketCounts\":[\"1\",\"2\"],\"explicitBounds\":[0.5]" more "}]}}"

static void
an_empty_value_is_no_label(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(translate(f, "external_labels: {x: const, y: ''}",
                                  GAUGE("g", ATTRIBUTE("k", "v"),
                                        "1") "," GAUGE("g", ATTRIBUTE("k", "v") "," ATTRIBUTE("x", ""), "2")),
                        "__name__=g,k=v,x=const 2@1000\n");
    assert_int_equal(f->set.dropped.duplicates, 0);
    assert_string_equal(translate_of(f, "", SERVICE "," ATTRIBUTE("empty", ""), UP),
                        "__name__=up,instance=i1,job=shop/api 1@1000\n"
                        "__name__=target_info,host_name=h,instance=i1,job=shop/api 1@1000\n");
}

/* Whichever metric comes first has the series; the other one's points are counted, once each. */
static void
no_two_series_have_the_same_labels(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(translate(f, "", HISTOGRAM("") "," GAUGE("h.count", "", "7")),
                        "__name__=h_count 3@1000\n"
                        "__name__=h_bucket,le=0.5 1@1000\n"
                        "__name__=h_bucket,le=+Inf 3@1000\n");
    assert_int_equal(f->set.dropped.duplicates, 1);
    /* A label that stands before `le`, one behind it, and an exemplar of the bucket that is taken. */
    assert_string_equal(
        translate(
            f, "",
            GAUGE(
                "h.bucket", ATTRIBUTE("le", "0.5") "," ATTRIBUTE("z", "1") "," ATTRIBUTE("a", "2"),
                "7") "," HISTOGRAM(",\"attributes\":[" ATTRIBUTE("a",
                                                                 "2") "," ATTRIBUTE("z",
                                                                                    "1") "],\"exemplars\":[{"
                                                                                         "\"asDouble\":0.1},{"
                                                                                         "\"asDouble\":1}]")),
        "__name__=h_bucket,a=2,le=0.5,z=1 7@1000\n"
        "__name__=h_count,a=2,z=1 3@1000\n"
        "__name__=h_bucket,a=2,le=+Inf,z=1 3@1000 #{} 1@0\n");
    assert_int_equal(f->set.dropped.duplicates, 1);
    assert_string_equal(translate(f, "", GAUGE("a.b", "", "1") "," GAUGE("a_b", "", "2")),
                        "__name__=a_b 1@1000\n");
    assert_int_equal(f->set.dropped.duplicates, 1);
    /* Samples and native histograms are never of one series. */
    (void)translate(f, NHCB, GAUGE("h", "", "7") "," HISTOGRAM("") "," HISTOGRAM(""));
    assert_string_equal(otc_buf_cstr(&f->text), "__name__=h 7@1000\n");
    assert_int_equal(f->set.dropped.duplicates, 2);
}

static void
a_metric_may_be_called_target_info(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        translate_of(f, "", SERVICE, UP "," GAUGE("target_info", ATTRIBUTE("host.name", "h"), "7")),
        "__name__=up,instance=i1,job=shop/api 1@1000\n"
        "__name__=target_info,host_name=h,instance=i1,job=shop/api 1@1000\n");
    assert_int_equal(f->set.dropped.duplicates, 1);
    assert_string_equal(translate_of(f, "", SERVICE, UP "," GAUGE("target_info", "", "7")),
                        "__name__=up,instance=i1,job=shop/api 1@1000\n"
                        "__name__=target_info,host_name=h,instance=i1,job=shop/api 1@1000\n"
                        "__name__=target_info,instance=i1,job=shop/api 7@1000\n");
    assert_int_equal(f->set.dropped.duplicates, 0);
}

/* Of two resources that are the same target the first has the series, at the time of the later point. */
static void
a_target_has_one_target_info(void **state)
{
#define SAME                                                                                                 \
    "]}]},{\"resource\":{\"attributes\":[" ATTRIBUTE("service.name", "api") "," ATTRIBUTE(                   \
        "host.name", "other") "]},\"scopeMetrics\":[{\"metrics\":["
    assert_string_equal(
        translate_of(*state, "", ATTRIBUTE("service.name", "api") "," ATTRIBUTE("host.name", "h"),
                     UP SAME "{\"name\":\"x\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"2000000000\","
                             "\"asInt\":\"1\"}]}}"),
        "__name__=up,job=api 1@1000\n"
        "__name__=target_info,host_name=h,job=api 1@2000\n"
        "__name__=x,job=api 1@2000\n");
}

static void
names_follow_the_strategy(void **state)
{
    static const char metric[] =
        "{\"name\":\"http.bytes\",\"unit\":\"By\",\"sum\":{\"aggregationTemporality\":2,"
        "\"isMonotonic\":true,\"dataPoints\":[{\"timeUnixNano\":\"1000000000\",\"attributes\":["
        "{\"key\":\"a.b\",\"value\":{\"stringValue\":\"c\"}}],\"asInt\":\"1\"}]}}";
    struct fixture *f = *state;

    assert_string_equal(translate(f, "", metric), "__name__=http_bytes_total,a_b=c 1@1000\n");
    assert_string_equal(translate(f, "add_metric_suffixes: false", metric),
                        "__name__=http_bytes,a_b=c 1@1000\n");
    assert_string_equal(translate(f, "translation_strategy: NoTranslation", metric),
                        "__name__=http.bytes,a.b=c 1@1000\n");
    assert_string_equal(translate(f, "export_created_metric: {enabled: true}", UP), "__name__=up 1@1000\n");
    assert_string_equal(translate(f, "export_created_metric: {enabled: true}", LATENCY("")),
                        "__name__=latency_seconds_sum 2.5@1000\n"
                        "__name__=latency_seconds_count 6@1000\n"
                        "__name__=latency_seconds_bucket,le=0.0000001 1@1000\n"
                        "__name__=latency_seconds_bucket,le=2500000 3@1000\n"
                        "__name__=latency_seconds_bucket,le=+Inf 6@1000\n"
                        "__name__=latency_seconds_created 0.5@1000\n");
}

/* ---- Requests ------------------------------------------------------------------------------------- */

static void
version_2_has_symbols_and_metadata(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        translate(f, "protobuf_message: io.prometheus.write.v2.Request", LATENCY(EXEMPLARS) "," UP),
        "__name__=latency_seconds_sum 2.5@1000/500 | type 3 3:How long 4:seconds\n"
        "__name__=latency_seconds_count 6@1000/500 | type 3 3:How long 4:seconds\n"
        "__name__=latency_seconds_bucket,le=0.0000001 1@1000/500 | type 3 3:How long 4:seconds\n"
        "__name__=latency_seconds_bucket,le=2500000 3@1000/500 #{} 2500000@700"
        " #{span_id=0001020304050607,trace_id=000102030405060708090a0b0c0d0e0f,user_id=5} 7@900"
        " | type 3 3:How long 4:seconds\n"
        "__name__=latency_seconds_bucket,le=+Inf 6@1000/500 #{} 2500001@800 | type 3 3:How long 4:seconds\n"
        "__name__=up 1@1000 | type 2\n");
}

static void
version_1_has_metadata_when_asked(void **state)
{
    struct fixture *f = *state;

    (void)translate(f, "send_metadata: true", LATENCY("") "," UP);
    assert_int_equal(f->pieces.n, 2);
    assert_non_null(strstr(otc_buf_cstr(&f->text), "metadata 3 latency_seconds How long seconds\n"
                                                   "metadata 2 up  \n__name__="));
}

/* Each piece is whole, none but a single series passes the limit, and all series are there once. */
static void
large_batches_are_cut(void **state)
{
    static const char *const settings[] = {"", "protobuf_message: io.prometheus.write.v2.Request"};
    struct fixture *f = *state;
    OTC_AUTO_BUF struct otc_buf metrics = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf whole = {.limit = 1 << 20};

    for (int i = 0; i < 300; i++) {
        otc_buf_printf(
            &metrics,
            "%s{\"name\":\"m%03d\",\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"1000000000\","
            "\"attributes\":[{\"key\":\"same\",\"value\":{\"stringValue\":\"value\"}}],\"asInt\":\"%d\"}]}}",
            i ? "," : "", i, i);
    }
    for (size_t s = 0; s < 2; s++) {
        f->max_bytes = 3000000;
        otc_buf_clear(&whole);
        otc_buf_append_str(&whole, translate(f, settings[s], otc_buf_cstr(&metrics)));
        assert_int_equal(f->pieces.n, 1);
        for (size_t max = 1; max < 4000; max = max * 3 + 50) {
            f->max_bytes = max;
            assert_string_equal(translate(f, settings[s], otc_buf_cstr(&metrics)), otc_buf_cstr(&whole));
            assert_int_equal(f->pieces.n > 1, 1);
            for (size_t i = 0; i < f->pieces.n; i++) {
                assert_true(f->pieces.items[i].body.len <= max || f->pieces.items[i].samples == 1);
            }
        }
    }
}

static void
numbers_have_no_exponent(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{1e-7, "0.0000001"},
                 {1.25e-7, "0.000000125"},
                 {1e21, "1000000000000000000000"},
                 {1.5e21, "1500000000000000000000"},
                 {-1.25e-9, "-0.00000000125"},
                 {0.5, "0.5"},
                 {123456.789, "123456.789"},
                 {INFINITY, "+Inf"},
                 {0, "0"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 512};

        prometheus_remote_write_put_plain(&out, cases[i].value);
        assert_string_equal(otc_buf_cstr(&out), cases[i].text);
    }
}

/* ---- Settings ------------------------------------------------------------------------------------- */

static void
defaults_are_the_collectors(void **state)
{
    const struct prw_config *config;
    struct fixture *f = *state;

    (void)translate(f, "", "");
    config = otc_config_value(f->config);
    assert_int_equal(config->flat.timeout.ns, 5 * OTC_SECOND);
    assert_int_equal(config->retry_on_failure.initial_interval.ns, 50 * OTC_MILLISECOND);
    assert_int_equal(config->retry_on_failure.max_interval.ns, 30 * OTC_SECOND);
    assert_int_equal(config->remote_write_queue->queue_size, 10000);
    assert_int_equal(config->remote_write_queue->num_consumers, 5);
    assert_int_equal(config->max_batch_size_bytes, 3000000);
    assert_int_equal(prometheus_remote_write_parallelism(config), 5);
    assert_true(config->target_info.enabled);
    assert_false(config->send_metadata);
}

static void
bad_settings_are_named(void **state)
{
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"", "endpoint: requires a non-empty URL"},
        {"endpoint: prometheus:9090", "endpoint: "},
        {"endpoint: http://x\nwal: {directory: /x}", "\"wal\" is an OpenTelemetry Collector option"},
        {"endpoint: http://x\ncompression: gzip",
         "compression: remote write is always compressed with snappy"},
        {"endpoint: http://x\nexternal_labels: {'': x}", "external_labels"},
        {"endpoint: http://x\nexternal_labels: {le: x}",
         "external_labels: label \"le\" is one that Prometheus keeps for itself"},
        {"endpoint: http://x\nexternal_labels: {a: x, quantile: x}", "external_labels: label \"quantile\""},
        {"endpoint: http://x\ntranslation_strategy: NoTranslation\nexternal_labels: {__name__: x}",
         "external_labels: label \"__name__\""},
        {"endpoint: http://x\nexternal_labels: {a.b: x, a_b: y}",
         "external_labels: labels \"a.b\" and \"a_b\" would both be \"a_b\" (a name may be given once)"},
        {"endpoint: http://x\nprotobuf_message: v3", "protobuf_message"},
        {"endpoint: http://x\nmax_batch_size_bytes: -1", "max_batch_size_bytes"},
        {"endpoint: http://x\nmax_batch_request_parallelism: 0", "max_batch_request_parallelism: must be"},
        {"endpoint: http://x\nremote_write_queue: {queue_size: -1}", "queue_size"},
        {"endpoint: http://x\nremote_write_queue: {num_consumers: -1}", "num_consumers"},
        {"endpoint: http://x\nsending_queue: {}", "sending_queue"},
        {"http: {}", "http::endpoint: requires a non-empty URL"},
        {"http: {endpoint: \"http://x\", compression: gzip}", "http::compression: remote write is always"},
        {"http: {endpoint: \"http://x\", proxy_url: x}", "http::proxy_url: must be a URL"},
        {"endpoint: http://x\ninclude_metadata_keys: [a, USER-agent]",
         "include_metadata_keys entry \"USER-agent\" collides with a reserved remote write header"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(&otc_prometheus_remote_write_exporter_factory, cases[i].yaml, cases[i].error,
                              &err)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_samples_in_order_of_time),
        TEST(what_has_no_form_is_counted),
        TEST(histograms_are_classic_ones),
        TEST(histograms_are_native_ones_with_their_own_buckets),
        TEST(exponential_histograms_are_native_ones),
        TEST(summaries_have_quantiles),
        TEST(a_native_histogram_has_its_time_alone),
        TEST(points_without_a_value_end_their_series),
        TEST(resources_are_targets),
        TEST(an_empty_value_is_no_label),
        TEST(no_two_series_have_the_same_labels),
        TEST(a_metric_may_be_called_target_info),
        TEST(a_target_has_one_target_info),
        TEST(names_follow_the_strategy),
        TEST(version_2_has_symbols_and_metadata),
        TEST(version_1_has_metadata_when_asked),
        TEST(large_batches_are_cut),
        cmocka_unit_test(numbers_have_no_exponent),
        TEST(defaults_are_the_collectors),
        cmocka_unit_test(bad_settings_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
