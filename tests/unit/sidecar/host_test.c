// SPDX-License-Identifier: Apache-2.0
/* The real host on its loop, and the endpoint for the program's own metrics behind it. */
#include "sidecar/host.h"

#include "common/component/meter.h"
#include "sidecar/log.h"
#include "sidecar/self_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct otc_log_sink log;
    FILE *file;
    char *text;
    size_t len;
    struct otc_loop *loop;
    struct otc_meter *meter;
    struct otc_sidecar_host host;
    int calls;
};

static void
open_host(struct fixture *f)
{
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){0};
    f->file = open_memstream(&f->text, &f->len);
    assert_non_null(f->file);
    otc_log_sink_open(&f->log, f->file, otc_clock_unix_ns);
    assert_int_equal(otc_loop_new(&f->loop, &err), OTC_OK);
    f->meter = otc_meter_new(100);
    assert_non_null(f->meter);
    assert_int_equal(otc_sidecar_host_init(&f->host, f->loop, &f->log.logger, f->meter, &err), OTC_OK);
}

static void
close_host(struct fixture *f)
{
    otc_sidecar_host_release(&f->host);
    otc_loop_free(f->loop);
    otc_meter_free(f->meter);
    otc_log_sink_close(&f->log);
    fclose(f->file);
    free(f->text);
}

static void
count_and_stop(void *arg)
{
    struct fixture *f = arg;

    f->calls++;
    otc_loop_stop(f->loop);
}

static void
posts_and_timers_run_on_the_loop(void **state)
{
    struct fixture f;
    struct otc_host *host;
    struct otc_timer *timer;

    (void)state;
    open_host(&f);
    host = &f.host.host;
    assert_true(host->post(host, count_and_stop, &f));
    otc_loop_run(f.loop);
    assert_int_equal(f.calls, 1);
    timer = host->timer_new(host, count_and_stop, &f);
    assert_non_null(timer);
    host->timer_arm(host, timer, OTC_MILLISECOND);
    otc_loop_run(f.loop);
    assert_int_equal(f.calls, 2);
    host->timer_arm(host, timer, OTC_HOUR);
    host->timer_disarm(host, timer);
    host->timer_free(host, timer);
    assert_true(host->now_ns(host) > INT64_C(1700000000000000000));
    assert_true(host->monotonic_ns(host) > 0);
    close_host(&f);
}

static void
the_budget_has_a_limit(void **state)
{
    struct fixture f;
    struct otc_host *host;

    (void)state;
    open_host(&f);
    host = &f.host.host;
    assert_true(f.host.budget.limit >= (size_t)64 << 20);
    assert_true(host->charge(host, f.host.budget.limit));
    assert_false(host->charge(host, 1));
    host->discharge(host, f.host.budget.limit);
    assert_true(host->charge(host, 1));
    host->discharge(host, 1);
    close_host(&f);
}

static void
a_fatal_report_ends_the_loop_once(void **state)
{
    struct fixture f;
    struct otc_host *host;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    open_host(&f);
    host = &f.host.host;
    f.host.fatal = count_and_stop;
    f.host.fatal_arg = &f;
    otc_fail(&err, OTC_INTERNAL, "broken");
    host->report(host, "drift", OTC_STATE_RECOVERABLE_ERROR, &err);
    host->report(host, "drift", OTC_STATE_FATAL_ERROR, &err);
    host->report(host, "drift", OTC_STATE_FATAL_ERROR, &err);
    otc_loop_run(f.loop);
    assert_int_equal(f.calls, 1);
    assert_non_null(strstr(f.text,
                           "\tComponent status changed\t{\"otelcol.component.id\":\"drift\",\"status\":"
                           "\"StatusRecoverableError\",\"error\":\"broken\"}\n"));
    close_host(&f);
}

static const char *
label(struct fixture *f, const char *key)
{
    size_t n;
    const struct otc_label *labels = f->host.host.resource(&f->host.host, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(labels[i].key, key) == 0) {
            return labels[i].value;
        }
    }
    return NULL;
}

static void
the_resource_is_the_users_over_the_defaults(void **state)
{
    static const char text[] = "{service.name: mine, service.version: , replica: 3}";
    static const char attributes[] = "{schema_url: x, attributes: [{name: a, value: b}]}";
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    struct fixture f;

    (void)state;
    open_host(&f);
    assert_string_equal(label(&f, "service.name"), "otelcol-aimon");
    assert_int_equal(strlen(label(&f, "service.instance.id")), 36);
    assert_int_equal(otc_document_parse(otc_slice_str(text), "t", &doc, &err), OTC_OK);
    assert_int_equal(otc_sidecar_host_set_resource(&f.host, otc_document_root(doc), &err), OTC_OK);
    assert_string_equal(label(&f, "service.name"), "mine");
    assert_null(label(&f, "service.version"));
    assert_string_equal(label(&f, "replica"), "3");
    otc_document_free(doc);
    assert_int_equal(otc_document_parse(otc_slice_str(attributes), "t", &doc, &err), OTC_OK);
    assert_int_equal(otc_sidecar_host_set_resource(&f.host, otc_document_root(doc), &err), OTC_OK);
    assert_string_equal(label(&f, "service.name"), "otelcol-aimon");
    assert_string_equal(label(&f, "a"), "b");
    otc_document_free(doc);
    assert_int_equal(otc_document_parse(otc_slice_str("{a: [1]}"), "t", &doc, &err), OTC_OK);
    assert_int_not_equal(otc_sidecar_host_set_resource(&f.host, otc_document_root(doc), &err), OTC_OK);
    assert_string_equal(err.text, "service::telemetry::resource::a: must be a scalar (t:1:2)");
    otc_document_free(doc);
    close_host(&f);
}

/* A configuration that is put in place over and over costs no more memory than two of them. */
static void
a_resource_can_be_set_any_number_of_times(void **state)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    struct fixture f;

    (void)state;
    open_host(&f);
    otc_buf_append_str(&text, "long: ");
    for (int i = 0; i < 200 * 1024; i++) {
        otc_buf_append_byte(&text, 'x');
    }
    assert_int_equal(otc_document_parse(otc_buf_slice(&text), "t", &doc, &err), OTC_OK);
    for (int i = 0; i < 20; i++) {
        const char *before = label(&f, "long");

        assert_int_equal(otc_sidecar_host_set_resource(&f.host, otc_document_root(doc), &err), OTC_OK);
        assert_true(i == 0 || strlen(before) == 200 * 1024); /* the former text is still there */
    }
    otc_document_free(doc);
    close_host(&f);
}

/* The whole answer to one GET. */
static void
get(uint16_t port, const char *path, struct otc_buf *out)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    char text[2048];
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(write(fd, text, (size_t)n), n);
    while ((n = read(fd, text, sizeof(text))) > 0) {
        otc_buf_append(out, text, (size_t)n);
    }
    close(fd);
}

/* The endpoint of a reader at a level. */
static otc_status
open_page(struct fixture *f, const struct otc_prometheus_reader *reader, enum otc_metrics_level level,
          struct otc_self_metrics **out, struct otc_error *err)
{
    struct otc_self_source source;

    otc_self_source_init(&source, &f->host.host, level);
    return otc_self_metrics_open(reader, &source, out, err);
}

static const struct otc_instrument spans = {"otelcol_receiver_accepted_spans", "{spans}", "Spans.",
                                            OTC_COUNTER};

static void
self_metrics_are_served(void **state)
{
    static const char *const always[] = {
        "HTTP/1.1 200 OK\r\n",
        "\notelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 7\n",
        "\n# TYPE otelcol_process_uptime counter\n",
        "\notelcol_process_cpu_seconds ",
        "\notelcol_process_memory_rss ",
        "\notelcol_process_runtime_heap_alloc_bytes ",
        "\notelcol_process_runtime_total_alloc_bytes ",
        "\notelcol_process_runtime_total_sys_memory_bytes ",
        "\npromhttp_metric_handler_errors_total{cause=\"encoding\"} 0\n",
        "\ntarget_info{service_name=\"otelcol-aimon\",service_version=",
    };
    static const struct otc_label labels[] = {{"receiver", "otlp"}, {"transport", "grpc"}};
    char host_name[] = "127.0.0.1";
    struct otc_prometheus_reader reader = {host_name, 0, true, true, true, NULL};
    struct otc_prometheus_reader clash = reader;
    struct otc_self_metrics *metrics = NULL, *second = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf page = {.limit = 1 << 20};
    struct otc_count count;
    struct fixture f;

    (void)state;
    open_host(&f);
    count = (struct otc_count){otc_meter_series(f.meter, &spans, labels, 2), 7};
    otc_meter_add(f.meter, &count, 1);
    if (open_page(&f, &reader, OTC_METRICS_NORMAL, &metrics, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    get(otc_self_metrics_port(metrics), "/metrics", &page);
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (strstr(otc_buf_cstr(&page), always[i]) == NULL) {
            fail_msg("no \"%s\" in\n%s", always[i], otc_buf_cstr(&page));
        }
    }
    otc_buf_clear(&page);
    get(otc_self_metrics_port(metrics), "/other", &page);
    assert_non_null(strstr(otc_buf_cstr(&page), "HTTP/1.1 404 "));
    clash.port = otc_self_metrics_port(metrics);
    assert_int_equal(open_page(&f, &clash, OTC_METRICS_NORMAL, &second, &err), OTC_UNAVAILABLE);
    assert_non_null(strstr(err.text, "address already in use"));
    otc_self_metrics_close(metrics);
    otc_buf_release(&page);
    close_host(&f);
}

static void
names_get_suffixes_where_asked_for(void **state)
{
    char host_name[] = "127.0.0.1";
    struct otc_prometheus_reader reader = {host_name, 0, true, false, false, NULL};
    struct otc_self_metrics *metrics = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf page = {.limit = 1 << 20};
    struct otc_count count;
    struct fixture f;

    (void)state;
    open_host(&f);
    count = (struct otc_count){otc_meter_series(f.meter, &spans, NULL, 0), 1};
    otc_meter_add(f.meter, &count, 1);
    assert_int_equal(open_page(&f, &reader, OTC_METRICS_NORMAL, &metrics, &err), OTC_OK);
    assert_int_equal(otc_self_metrics_render(metrics, &page, &err), OTC_OK);
    assert_non_null(strstr(otc_buf_cstr(&page), "\notelcol_receiver_accepted_spans_total 1\n"));
    assert_non_null(strstr(otc_buf_cstr(&page), "\notelcol_process_uptime_seconds_total "));
    assert_non_null(
        strstr(otc_buf_cstr(&page), "\npromhttp_metric_handler_errors_total{cause=\"gathering\"} 0\n"));
    otc_self_metrics_close(metrics);
    otc_buf_release(&page);
    close_host(&f);
}

static void
levels_leave_instruments_out(void **state)
{
    static const struct otc_instrument instruments[] = {
        {"otelcol_processor_batch_timeout_trigger_send", "{times}", "Normal.", OTC_COUNTER},
        {"otelcol_exporter_enqueue_size", "{items}", "Detailed.", OTC_COUNTER},
    };
    char host_name[] = "127.0.0.1";
    struct otc_prometheus_reader reader = {host_name, 0, true, true, true, NULL};
    struct fixture f;

    (void)state;
    open_host(&f);
    (void)otc_meter_series(f.meter, &spans, NULL, 0);
    (void)otc_meter_series(f.meter, &instruments[0], NULL, 0);
    (void)otc_meter_series(f.meter, &instruments[1], NULL, 0);
    for (enum otc_metrics_level level = OTC_METRICS_BASIC; level <= OTC_METRICS_DETAILED; level++) {
        struct otc_self_metrics *metrics = NULL;
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_buf page = {.limit = 1 << 20};

        assert_int_equal(open_page(&f, &reader, level, &metrics, &err), OTC_OK);
        assert_int_equal(otc_self_metrics_render(metrics, &page, &err), OTC_OK);
        assert_non_null(strstr(otc_buf_cstr(&page), "\notelcol_receiver_accepted_spans 0\n"));
        assert_int_equal(strstr(otc_buf_cstr(&page), "\notelcol_processor_batch_timeout_trigger_send 0\n") !=
                             NULL,
                         level >= OTC_METRICS_NORMAL);
        assert_int_equal(strstr(otc_buf_cstr(&page), "\notelcol_exporter_enqueue_size 0\n") != NULL,
                         level >= OTC_METRICS_DETAILED);
        otc_self_metrics_close(metrics);
        otc_buf_release(&page);
    }
    close_host(&f);
}

static void
resource_attributes_become_labels_where_asked_for(void **state)
{
    char host_name[] = "127.0.0.1", all[] = "service.*", id[] = "service.instance.id";
    char *included[] = {all}, *excluded[] = {id};
    struct otc_resource_labels labels = {{included, 1}, {excluded, 1}};
    struct otc_prometheus_reader reader = {host_name, 0, true, true, true, &labels};
    struct otc_self_metrics *metrics = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf page = {.limit = 1 << 20};
    struct otc_count count;
    struct fixture f;

    (void)state;
    open_host(&f);
    count = (struct otc_count){otc_meter_series(f.meter, &spans, NULL, 0), 1};
    otc_meter_add(f.meter, &count, 1);
    assert_int_equal(open_page(&f, &reader, OTC_METRICS_NORMAL, &metrics, &err), OTC_OK);
    assert_int_equal(otc_self_metrics_render(metrics, &page, &err), OTC_OK);
    assert_non_null(strstr(otc_buf_cstr(&page),
                           "\notelcol_receiver_accepted_spans{service_name=\"otelcol-aimon\","
                           "service_version=\"" OTC_VERSION "\"} 1\n"));
    otc_self_metrics_close(metrics);
    otc_buf_release(&page);
    close_host(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_and_timers_run_on_the_loop),
        cmocka_unit_test(the_budget_has_a_limit),
        cmocka_unit_test(a_fatal_report_ends_the_loop_once),
        cmocka_unit_test(the_resource_is_the_users_over_the_defaults),
        cmocka_unit_test(a_resource_can_be_set_any_number_of_times),
        cmocka_unit_test(self_metrics_are_served),
        cmocka_unit_test(names_get_suffixes_where_asked_for),
        cmocka_unit_test(levels_leave_instruments_out),
        cmocka_unit_test(resource_attributes_become_labels_where_asked_for),
    };

    return cmocka_run_group_tests_name("sidecar/host", tests, NULL, NULL);
}
