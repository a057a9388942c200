// SPDX-License-Identifier: Apache-2.0
/* Periodic readers of the service's own metrics, on a virtual clock: backends that take what they are told,
 * that refuse it, and that never answer. The exporters behind the readers are the test's own. */
#include "common/component/counters.h"
#include "common/component/meter.h"
#include "common/otlp/walk.h"
#include "sidecar/telemetry.h"
#include "tests/scenarios/scenario.h"

#include "exporters/otlp_grpc/config.h"
#include "exporters/otlp_http/config.h"

#define MAX_REQUESTS 100

/* ---- A backend ---------------------------------------------------------------------------------- */

struct backend {
    struct otc_component component;
    struct otc_consumer consumer;
    struct otc_host *host;
    struct otc_series *sent;
};

/* What came, and what is answered. */
static struct {
    struct otc_batch *requests[MAX_REQUESTS];
    size_t n;
    otc_status answer;
    struct otc_done *waiting[MAX_REQUESTS];
    size_t n_waiting;
    struct otlp_grpc_config grpc;
    struct otlp_http_config http;
    char id[100];
    size_t running;
    /* Who has to answer at the end lets the time go by. */
    struct otc_vhost *slow;
} backend;

static otc_status
take(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    const struct backend *of = OTC_CONTAINER(self, backend, consumer);
    const struct otc_count count = {of->sent, (int64_t)otc_batch_items(batch)};

    otc_meter_add(of->host->meter, &count, 1);
    assert_true(backend.n < MAX_REQUESTS);
    backend.requests[backend.n++] = batch;
    if (backend.answer == OTC_PENDING) {
        backend.waiting[backend.n_waiting++] = done;
    }
    return backend.answer == OTC_OK || backend.answer == OTC_PENDING
               ? backend.answer
               : otc_fail(err, backend.answer, "connection refused");
}

static struct otc_consumer *
backend_input(struct otc_component *component, enum otc_signal from)
{
    assert_int_equal(from, OTC_METRICS);
    return &OTC_CONTAINER(component, backend, component)->consumer;
}

static void
answer_all(otc_status status)
{
    struct otc_error result = OTC_ERROR_INIT;
    size_t n = backend.n_waiting;

    result.status = status;
    backend.n_waiting = 0;
    for (size_t i = 0; i < n; i++) {
        backend.waiting[i]->fn(backend.waiting[i], &result);
    }
}

static otc_status
backend_shutdown(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct otc_host *host = OTC_CONTAINER(component, backend, component)->host;

    (void)err;
    assert_true(deadline_ns <= host->monotonic_ns(host) + 10 * OTC_SECOND);
    if (backend.slow && deadline_ns > host->monotonic_ns(host)) {
        otc_vhost_advance(backend.slow, deadline_ns - host->monotonic_ns(host));
    }
    answer_all(OTC_CANCELLED);
    return OTC_OK;
}

static void
backend_free(struct otc_component *component)
{
    backend.running--;
    free(OTC_CONTAINER(component, backend, component));
}

static otc_status
backend_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    static const struct otc_component_ops ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                 .shutdown = backend_shutdown,
                                                 .free = backend_free,
                                                 .input = backend_input};
    struct backend *self = calloc(1, sizeof(*self));

    (void)err;
    assert_non_null(self);
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = take};
    self->host = settings->host;
    /* As a real one counts. */
    self->sent = otc_meter_series(self->host->meter, otc_exporter_sent_items(OTC_METRICS),
                                  &(struct otc_label){"exporter", settings->id}, 1);
    assert_non_null(self->sent);
    snprintf(backend.id, sizeof(backend.id), "%s", settings->id);
    backend.running++;
    *out = &self->component;
    return OTC_OK;
}

static otc_status
grpc_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    backend.grpc = *(const struct otlp_grpc_config *)settings->config;
    return backend_create(settings, out, err);
}

static otc_status
http_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    backend.http = *(const struct otlp_http_config *)settings->config;
    return backend_create(settings, out, err);
}

/* ---- The service -------------------------------------------------------------------------------- */

#define ENDS                                                                                                 \
    "receivers: {test_source: }\nexporters: {test_sink: }\n"                                                 \
    "processors: {attributes: {actions: [{key: k, value: v, action: insert}]}}\n"
#define PIPELINE                                                                                             \
    "pipelines: {traces: {receivers: [test_source], processors: [attributes], exporters: [test_sink]}}"
#define GRPC "periodic: {interval: 10000, exporter: {otlp: {protocol: grpc, endpoint: 'http://backend:4317'"

struct told {
    struct fixture f;
    struct otc_self_source source;
    struct otc_telemetry *telemetry;
    struct otc_receiver_counters counters;
};

/* A service with these metrics of its own. */
static void
open_telling(struct told *t, const char *metrics)
{
    static const struct otc_factory grpc = {.type = "otlp_grpc", .create = grpc_create};
    static const struct otc_factory http = {.type = "otlp_http", .create = http_create};
    static struct otc_factory made[2];
    static const struct otc_factory *const extra[] = {&made[0], &made[1], &otc_test_source_receiver_factory,
                                                      &otc_test_sink_exporter_factory, NULL};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_host *host;
    char text[2000];

    made[0] = in_place_of(OTC_EXPORTER, "otlp_grpc", &grpc);
    made[1] = in_place_of(OTC_EXPORTER, "otlp_http", &http);
    memset(&backend, 0, sizeof(backend));
    *t = (struct told){0};
    snprintf(text, sizeof(text), ENDS "service: {telemetry: {metrics: %s}, " PIPELINE "}\n", metrics);
    t->f.vhost = otc_vhost_new();
    host = otc_vhost_host(t->f.vhost);
    if (otc_document_parse(otc_slice_str(text), "t.yaml", &t->f.doc, &err) != OTC_OK ||
        otc_service_config_new(otc_document_root(t->f.doc), registry(extra), &t->f.config, &err) != OTC_OK ||
        otc_service_config_validate(t->f.config, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_self_source_init(&t->source, host, otc_service_metrics_level(t->f.config));
    otc_meter_set_detailed(host->meter, t->source.level == OTC_METRICS_DETAILED);
    if (otc_telemetry_open(t->f.config, &t->source, &t->telemetry, &err) != OTC_OK ||
        otc_service_new(t->f.config, host, &t->f.service, &err) != OTC_OK ||
        otc_service_start(t->f.service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_receiver_counters_init(&t->counters, host->meter, "otlp", "grpc", OTC_TRACES);
}

static void
close_telling(struct told *t)
{
    struct otc_host *host = otc_vhost_host(t->f.vhost);

    otc_telemetry_close(t->telemetry, host->monotonic_ns(host) + 2 * OTC_SECOND);
    assert_int_equal(backend.running, 0);
    assert_int_equal(backend.n_waiting, 0);
    close_service(&t->f);
}

static void
forget_requests(void)
{
    for (size_t i = 0; i < backend.n; i++) {
        otc_batch_unref(backend.requests[i]);
    }
    backend.n = 0;
}

/* ---- What was told ------------------------------------------------------------------------------ */

struct search {
    const char *name;
    struct otc_point point;
    char unit[40];
    size_t found;
};

static bool
look_at(void *arg, const struct otc_point *point)
{
    struct search *search = arg;

    if (otc_slice_equal_str(point->name, search->name)) {
        search->point = *point;
        snprintf(search->unit, sizeof(search->unit), "%.*s", OTC_SLICE_ARG(point->unit));
        search->found++;
    }
    return true;
}

/* The last point of this name in a request. */
static struct search
find(size_t request, const char *name)
{
    struct search search = {.name = name};

    assert_true(request < backend.n);
    assert_int_equal(
        otc_walk_points(NULL, otc_batch_part(backend.requests[request], 0), look_at, &search, NULL), OTC_OK);
    return search;
}

static int64_t
accepted(size_t request)
{
    struct search search = find(request, "otelcol_receiver_accepted_spans");

    assert_int_equal(search.found, 1);
    return search.point.value.as.integer;
}

/* ---- Scenarios ---------------------------------------------------------------------------------- */

static void
a_backend_is_told_every_interval_and_at_the_end(void **state)
{
    struct told t;
    struct search search;
    int64_t start;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC "}}}}]}");
    start = otc_vhost_host(t.f.vhost)->now_ns(otc_vhost_host(t.f.vhost));
    otc_vhost_advance(t.f.vhost, 9 * OTC_SECOND);
    assert_int_equal(backend.n, 0);
    otc_receiver_count(&t.counters, 5, OTC_OK);
    otc_vhost_advance(t.f.vhost, 12 * OTC_SECOND);
    assert_int_equal(backend.n, 2);
    otc_receiver_count(&t.counters, 2, OTC_OK);
    close_telling(&t);
    assert_int_equal(backend.n, 3);
    assert_int_equal(accepted(0), 5);
    assert_int_equal(accepted(1), 5);
    assert_int_equal(accepted(2), 7);
    search = find(1, "otelcol_receiver_accepted_spans");
    assert_string_equal(search.unit, "{span}");
    assert_int_equal(search.point.temporality, OTC_TEMPORALITY_CUMULATIVE);
    assert_true(search.point.monotonic);
    assert_int_equal(search.point.start_unix_nano, start);
    assert_int_equal(search.point.time_unix_nano, start + 20 * OTC_SECOND);
    search = find(1, "otelcol_process_uptime");
    assert_string_equal(search.unit, "s");
    assert_true(search.point.value.as.real == 20);
    /* That is the page's. */
    assert_int_equal(find(1, "promhttp_metric_handler_errors_total").found, 0);
    assert_string_equal(backend.id, "service::telemetry::metrics::readers::0");
    forget_requests();
}

/* The exporter counts for nobody: its pipelines' metrics would tell of data that no pipeline has. */
static void
the_exporter_of_a_reader_stands_in_no_metric(void **state)
{
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC "}}}}]}");
    otc_vhost_advance(t.f.vhost, 30 * OTC_SECOND);
    assert_int_equal(backend.n, 3);
    assert_int_equal(find(2, "otelcol_exporter_sent_metric_points").found, 0);
    close_telling(&t);
    forget_requests();
}

static void
a_backend_that_is_down_costs_a_line_a_minute(void **state)
{
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC "}}}}]}");
    backend.answer = OTC_UNAVAILABLE;
    otc_vhost_advance(t.f.vhost, 5 * OTC_MINUTE);
    assert_int_equal(backend.n, 30);
    assert_int_equal(otc_vhost_logged(t.f.vhost, "Exporting the service's own metrics failed"), 5);
    backend.answer = OTC_OK;
    otc_receiver_count(&t.counters, 3, OTC_OK);
    otc_vhost_advance(t.f.vhost, 10 * OTC_SECOND);
    assert_int_equal(accepted(30), 3);
    close_telling(&t);
    forget_requests();
}

static void
a_backend_that_does_not_answer_holds_one_request(void **state)
{
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC "}}}}]}");
    backend.answer = OTC_PENDING;
    otc_vhost_advance(t.f.vhost, 5 * OTC_MINUTE);
    assert_int_equal(backend.n, 1);
    answer_all(OTC_OK);
    otc_vhost_advance(t.f.vhost, 10 * OTC_SECOND);
    assert_int_equal(backend.n, 2);
    /* The last one does not wait for it. */
    close_telling(&t);
    assert_int_equal(backend.n, 3);
    forget_requests();
}

/* Sums of what was taken; what was refused comes again with the next. */
static void
differences_add_up(void **state)
{
    struct search search;
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC ", temporality_preference: delta}}}}]}");
    otc_receiver_count(&t.counters, 5, OTC_OK);
    otc_vhost_advance(t.f.vhost, 10 * OTC_SECOND);
    otc_receiver_count(&t.counters, 7, OTC_OK);
    backend.answer = OTC_UNAVAILABLE;
    otc_vhost_advance(t.f.vhost, 10 * OTC_SECOND);
    backend.answer = OTC_OK;
    otc_receiver_count(&t.counters, 1, OTC_OK);
    otc_vhost_advance(t.f.vhost, 10 * OTC_SECOND);
    backend.answer = OTC_PENDING;
    otc_receiver_count(&t.counters, 20, OTC_OK);
    otc_vhost_advance(t.f.vhost, 10 * OTC_SECOND);
    otc_receiver_count(&t.counters, 30, OTC_OK);
    close_telling(&t);
    assert_int_equal(backend.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(accepted(i), ((int64_t[]){5, 7, 8, 20, 30})[i]);
    }
    search = find(2, "otelcol_receiver_accepted_spans");
    assert_int_equal(search.point.temporality, OTC_TEMPORALITY_DELTA);
    assert_int_equal(search.point.time_unix_nano - search.point.start_unix_nano, 20 * OTC_SECOND);
    search = find(2, "otelcol_process_uptime");
    assert_int_equal(search.point.temporality, OTC_TEMPORALITY_DELTA);
    assert_true(search.point.value.as.real == 20);
    assert_int_equal(find(2, "otelcol_process_memory_rss").point.type, OTC_METRIC_GAUGE);
    forget_requests();
}

/* As a reload closes and opens readers. */
static void
a_new_reader_tells_no_difference_twice(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_host *host;
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC ", temporality_preference: delta}}}}]}");
    host = otc_vhost_host(t.f.vhost);
    otc_vhost_advance(t.f.vhost, 7 * OTC_SECOND);
    otc_receiver_count(&t.counters, 5, OTC_OK);
    otc_telemetry_close(t.telemetry, host->monotonic_ns(host) + OTC_SECOND);
    assert_int_equal(otc_telemetry_open(t.f.config, &t.source, &t.telemetry, &err), OTC_OK);
    otc_receiver_count(&t.counters, 2, OTC_OK);
    otc_vhost_advance(t.f.vhost, 10 * OTC_SECOND);
    close_telling(&t);
    assert_int_equal(backend.n, 3);
    assert_int_equal(accepted(0), 5);
    assert_int_equal(accepted(1), 2);
    assert_true(find(1, "otelcol_process_uptime").point.value.as.real == 10);
    forget_requests();
}

static void
lowmemory_tells_differences_of_what_is_counted(void **state)
{
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC ", temporality_preference: lowmemory}}}}]}");
    otc_receiver_count(&t.counters, 5, OTC_OK);
    otc_vhost_advance(t.f.vhost, 20 * OTC_SECOND);
    assert_int_equal(accepted(0), 5);
    assert_int_equal(accepted(1), 0);
    assert_int_equal(find(1, "otelcol_process_uptime").point.temporality, OTC_TEMPORALITY_CUMULATIVE);
    assert_true(find(1, "otelcol_process_uptime").point.value.as.real == 20);
    close_telling(&t);
    forget_requests();
}

static void
readers_are_independent(void **state)
{
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC "}}}}, {periodic: {interval: 4000, timeout: 3000, exporter: {otlp: "
                     "{protocol: http/protobuf, endpoint: backend:4318, insecure: true}}}}]}");
    otc_vhost_advance(t.f.vhost, 20 * OTC_SECOND);
    assert_int_equal(backend.n, 2 + 5);
    assert_string_equal(backend.http.metrics_endpoint, "http://backend:4318/v1/metrics");
    assert_int_equal(backend.http.http.timeout.ns, 3 * OTC_SECOND);
    assert_null(backend.http.sending_queue);
    assert_string_equal(backend.grpc.endpoint, "http://backend:4317");
    assert_int_equal(backend.grpc.timeout.ns, 10 * OTC_SECOND);
    close_telling(&t);
    assert_int_equal(backend.n, 2 + 5 + 2);
    forget_requests();
}

/* The first has all the time there is; the second is told all the same. */
static void
one_backend_costs_another_no_last_export(void **state)
{
    struct told t;

    (void)state;
    open_telling(&t, "{readers: [{" GRPC "}}}}, {" GRPC "}}}}]}");
    backend.answer = OTC_PENDING;
    backend.slow = t.f.vhost;
    otc_receiver_count(&t.counters, 5, OTC_OK);
    close_telling(&t);
    assert_int_equal(backend.n, 2);
    assert_int_equal(accepted(0), 5);
    assert_int_equal(accepted(1), 5);
    forget_requests();
}

static void
levels_tell_more_and_more(void **state)
{
    static const char *const levels[] = {"basic", "normal", "detailed"};
    char metrics[400];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct told t;
        struct search search;

        snprintf(metrics, sizeof(metrics), "{level: %s, readers: [{" GRPC "}}}}]}", levels[i]);
        open_telling(&t, metrics);
        otc_vhost_set_step(t.f.vhost, OTC_SECOND);
        assert_int_equal(otc_test_source_send("test_source", make_spans(&t.f, 4, 1, 0), NULL, NULL), OTC_OK);
        otc_vhost_set_step(t.f.vhost, 0);
        otc_vhost_advance(t.f.vhost, 20 * OTC_SECOND);
        assert_true(backend.n > 0);
        search = find(0, "otelcol_processor_incoming_items");
        assert_int_equal(search.point.value.as.integer, 4);
        search = find(0, "otelcol_processor_internal_duration");
        assert_int_equal(search.found, i == 2);
        if (i == 2) {
            /* Four looks at the clock a second apart, of which the one between two is the sink's. */
            assert_string_equal(search.unit, "s");
            assert_int_equal(search.point.count, 1);
            assert_true(search.point.sum == 2);
        }
        close_telling(&t);
        forget_requests();
    }
}

static void
without_a_level_nobody_is_told(void **state)
{
    struct told t;

    (void)state;
    open_telling(&t, "{level: none, readers: [{" GRPC "}}}}]}");
    assert_null(t.telemetry);
    otc_vhost_advance(t.f.vhost, OTC_MINUTE);
    close_telling(&t);
    assert_int_equal(backend.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backend_is_told_every_interval_and_at_the_end),
        cmocka_unit_test(the_exporter_of_a_reader_stands_in_no_metric),
        cmocka_unit_test(a_backend_that_is_down_costs_a_line_a_minute),
        cmocka_unit_test(a_backend_that_does_not_answer_holds_one_request),
        cmocka_unit_test(differences_add_up),
        cmocka_unit_test(a_new_reader_tells_no_difference_twice),
        cmocka_unit_test(lowmemory_tells_differences_of_what_is_counted),
        cmocka_unit_test(readers_are_independent),
        cmocka_unit_test(one_backend_costs_another_no_last_export),
        cmocka_unit_test(levels_tell_more_and_more),
        cmocka_unit_test(without_a_level_nobody_is_told),
    };

    return cmocka_run_group_tests_name("scenarios/telemetry", tests, NULL, NULL);
}
