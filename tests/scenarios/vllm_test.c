// SPDX-License-Identifier: Apache-2.0
/* otel-config-examples/vllm.yaml as it stands: two servers' cumulative histograms, made of vLLM's published
 * load tests, a day to learn, a server that is replaced, and a load under which first tokens come late. */
#include "common/otlp/build.h"
#include "tests/harness/vllm.h"
#include "tests/scenarios/scenario.h"

#define OF_TTFT                                                                                              \
    "{ml_drift_window=\"1h\",ml_feature_kind=\"latency\",ml_feature_name=\"time_to_first_token\","           \
    "ml_model_name=\"llama\"}"
#define EXCLUDED(reason)                                                                                     \
    "\nml_drift_observations_excluded_total{ml_model_name=\"llama\",reason=\"" reason "\"}"

static const struct otc_metric ttft = {.name = "vllm:time_to_first_token_seconds",
                                       .type = OTC_METRIC_HISTOGRAM,
                                       .temporality = OTC_TEMPORALITY_CUMULATIVE};

struct server {
    const char *instance;
    int64_t start_ns;
    uint64_t counts[VLLM_TTFT_BOUNDS + 1];
};

static void
open_example(struct fixture *f)
{
    static const struct otc_factory *const ends[] = {&otc_test_source_receiver_factory,
                                                     &otc_test_sink_exporter_factory, NULL};
    static const char *const locations[] = {
        "otel-config-examples/vllm.yaml", "yaml:receivers::test_source: {}",
        "yaml:exporters::test_sink/metrics: {}",
        "yaml:service::pipelines::metrics/vllm::receivers: [test_source]",
        "yaml:service::pipelines::metrics::exporters: [test_sink/metrics]"};
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){0};
    if (otc_document_load(locations, sizeof(locations) / sizeof(locations[0]), NULL, &f->doc, &err) !=
        OTC_OK) {
        fail_msg("%s", err.text);
    }
    start_service(f, ends);
}

/* What the Collector's prometheus receiver makes of one scrape of a server. */
static void
scrape(struct fixture *f, const struct server *server)
{
    const struct otc_attribute resource[] = {OTC_ATTR_STR("service.name", "vllm"),
                                             OTC_ATTR_STR("service.instance.id", server->instance)};
    const struct otc_attribute labels[] = {OTC_ATTR_STR("engine", "0"), OTC_ATTR_STR("model_name", "llama")};
    struct otc_metrics_builder *builder =
        otc_metrics_builder_new(resource, 2, "prometheusreceiver", "1", 1 << 16);
    const struct otc_point_head head = {
        .attributes = labels,
        .n_attributes = 2,
        .start_unix_nano = (uint64_t)server->start_ns,
        .time_unix_nano = (uint64_t)otc_vhost_host(f->vhost)->now_ns(otc_vhost_host(f->vhost))};
    const struct otc_histogram_value value = {
        .counts = server->counts, .bounds = vllm_ttft_bounds, .n_bounds = VLLM_TTFT_BOUNDS};
    struct otc_buf request = {.limit = 1 << 16};
    struct otc_error err = OTC_ERROR_INIT;
    size_t points = 0;

    assert_non_null(builder);
    assert_true(otc_build_histogram(builder, &ttft, &head, &value));
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    assert_int_equal(
        otc_test_source_send(
            "test_source", otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), points, NULL), NULL, &err),
        OTC_OK);
    otc_buf_release(&request);
    otc_metrics_builder_free(builder);
}

/* Minutes in which each server has 15 requests, of the load test in an order of its own, and is scraped once.
 */
static void
serve(struct fixture *f, struct server servers[2], const double *times, size_t n, int minutes)
{
    static size_t next;

    for (int i = 0; i < minutes; i++) {
        otc_sink_clear(otc_test_sink_find("test_sink/metrics"));
        otc_vhost_advance(f->vhost, OTC_MINUTE);
        for (size_t s = 0; s < 2; s++) {
            for (int k = 0; k < 15; k++) {
                servers[s].counts[vllm_bucket(times[next++ * 137 % n])]++;
            }
            scrape(f, &servers[s]);
        }
    }
}

static double
result(const char *sample)
{
    return last_value("test_sink/metrics", sample);
}

static void
servers_are_compared_with_their_first_day(void **state)
{
    static const char *const reasons[] = {EXCLUDED("late"),   EXCLUDED("too_old"), EXCLUDED("future"),
                                          EXCLUDED("memory"), EXCLUDED("bounds"),  EXCLUDED("type"),
                                          EXCLUDED("streams")};
    struct server servers[2] = {{.instance = "vllm-0:8000"}, {.instance = "vllm-1:8000"}};
    double calm[500], busy[500];
    size_t n = vllm_first_chunk_times(100, calm);
    struct otc_host *host;
    struct fixture f;

    (void)state;
    if (n != 500 || vllm_first_chunk_times(2000, busy) != n) {
        print_message("skipped: no verification data\n");
        skip();
        return;
    }
    open_example(&f);
    host = otc_vhost_host(f.vhost);
    servers[0].start_ns = servers[1].start_ns = host->now_ns(host) - 10 * OTC_DAY;
    servers[0].counts[9] = 123456; /* of the days before */
    serve(&f, servers, calm, n, 24 * 60 + 10);
    assert_true(result("\nml_drift_reference_progress_ratio{ml_model_name=\"llama\"}") == 1);
    serve(&f, servers, calm, n, 90);
    assert_true(result("\nml_drift_window_observations" OF_TTFT) == 60 * 30);
    assert_true(result("\nml_drift_ks" OF_TTFT) < 0.05);
    assert_true(result("\nml_drift_detected" OF_TTFT) == 0);

    /* One server is replaced: its counters begin at 0, and nothing is lost or counted twice. */
    servers[1] = (struct server){.instance = "vllm-1:8000", .start_ns = host->now_ns(host)};
    serve(&f, servers, calm, n, 70);
    assert_true(result("\nml_drift_window_observations" OF_TTFT) == 60 * 30);
    assert_true(result("\nml_drift_detected" OF_TTFT) == 0);

    /* Twenty times the load: D of the two load tests in these buckets is 0.734. */
    serve(&f, servers, busy, n, 75);
    assert_true(result("\nml_drift_window_observations" OF_TTFT) == 60 * 30);
    assert_true(result("\nml_drift_ks" OF_TTFT) > 0.72 && result("\nml_drift_ks" OF_TTFT) < 0.75);
    assert_true(result("\nml_drift_detected" OF_TTFT) == 1);
    assert_true(result("\nml_drift_model_detected{ml_drift_window=\"1h\",ml_model_name=\"llama\"}") == 1);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        assert_true(result(reasons[i]) == 0);
    }
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(servers_are_compared_with_their_first_day)};

    return cmocka_run_group_tests_name("scenarios/vllm", tests, NULL, NULL);
}
