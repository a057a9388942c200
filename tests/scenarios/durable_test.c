// SPDX-License-Identifier: Apache-2.0
/* A pipeline whose exporter keeps its queue on disk, on a virtual clock: the batch processor in it holds its
 * answers until the data is there, and what was answered outlives the service. */
#include "tests/scenarios/scenario.h"
#include "tests/unit/common/storage/scratch.h"

#include <pthread.h>

/* Nobody listens there: every attempt fails, and is to be repeated for ever. */
static const char yaml[] =
    "receivers: {test_source: }\n"
    "processors: {memory_limiter: {check_interval: 1s, limit_mib: 100000}, batch: {send_batch_max_size: "
    "8192}}\n"
    "extensions: {file_storage/q: {directory: %s}}\n"
    "exporters:\n"
    "  otlp_grpc: {endpoint: '127.0.0.1:1', tls: {insecure: true}, retry_on_failure: {max_elapsed_time: 0},\n"
    "    sending_queue: {storage: file_storage/q}}\n"
    "  test_sink:\n"
    "service:\n"
    "  extensions: [file_storage/q]\n"
    "  pipelines:\n"
    "    traces: {receivers: [test_source], processors: [batch, memory_limiter], exporters: [otlp_grpc, "
    "test_sink]}\n";

/* An answer that comes from the storage's thread. */
struct answer {
    struct otc_done done;
    pthread_mutex_t lock;
    pthread_cond_t told;
    int calls;
    otc_status status;
};

static void
tell(struct otc_done *self, const struct otc_error *result)
{
    struct answer *answer = OTC_CONTAINER(self, answer, done);

    pthread_mutex_lock(&answer->lock);
    answer->calls++;
    answer->status = result->status;
    pthread_cond_signal(&answer->told);
    pthread_mutex_unlock(&answer->lock);
}

static void
wait_for(struct answer *answer)
{
    pthread_mutex_lock(&answer->lock);
    while (answer->calls == 0) {
        pthread_cond_wait(&answer->told, &answer->lock);
    }
    pthread_mutex_unlock(&answer->lock);
}

/* The same with the exporter in another pipeline. */
static const char forwarded[] =
    "receivers: {test_source: }\n"
    "processors: {batch: }\n"
    "connectors: {forward: }\n"
    "extensions: {file_storage/q: {directory: %s}}\n"
    "exporters:\n"
    "  otlp_grpc: {endpoint: '127.0.0.1:1', tls: {insecure: true}, retry_on_failure: {max_elapsed_time: 0},\n"
    "    sending_queue: {storage: file_storage/q}}\n"
    "  test_sink:\n"
    "service:\n"
    "  extensions: [file_storage/q]\n"
    "  pipelines:\n"
    "    traces/last: {receivers: [forward], exporters: [otlp_grpc]}\n"
    "    traces: {receivers: [test_source], processors: [batch], exporters: [forward, test_sink]}\n";

static void
start_durable(struct fixture *f, const char *format)
{
    static const struct otc_factory *const extra[] = {&otc_test_source_receiver_factory,
                                                      &otc_test_sink_exporter_factory, NULL};
    struct otc_error err = OTC_ERROR_INIT;
    char text[4096];

    const char *at = strstr(format, "%s");

    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - format), format, scratch, at + 2);
    assert_int_equal(otc_document_parse(otc_slice_str(text), "c.yaml", &f->doc, &err), OTC_OK);
    f->vhost = otc_vhost_new();
    if (otc_service_config_new(otc_document_root(f->doc), registry(extra), &f->config, &err) != OTC_OK ||
        otc_service_config_validate(f->config, &err) != OTC_OK ||
        otc_service_new(f->config, otc_vhost_host(f->vhost), &f->service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_vhost_add_extension(f->vhost, "file_storage/q", otc_service_extension(f->service, "file_storage/q"));
    if (otc_service_start(f->service, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static int64_t
total(struct fixture *f, const char *name)
{
    return otc_vhost_metric_sum(f->vhost, name);
}

static void
an_answer_waits_for_the_disk_and_outlives_the_service(void **state)
{
    struct fixture f = {0};
    struct answer answer = {.done = {OTC_ABI_OF(otc_done), tell},
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .told = PTHREAD_COND_INITIALIZER};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    scratch_clear();
    start_durable(&f, yaml);
    assert_int_equal(
        otc_test_source_send("test_source", make_spans(&f, 30, 20, OTC_SECOND), &answer.done, &err),
        OTC_PENDING);
    /* It waits in `batch`, whose timer is virtual: nothing can have been told. */
    assert_int_equal(answer.calls, 0);
    assert_int_equal(total(&f, "aimon_processor_batch_held_items"), 30);
    otc_vhost_advance(f.vhost, 200 * OTC_MILLISECOND);
    wait_for(&answer);
    assert_int_equal(answer.status, OTC_OK);
    assert_int_equal(otc_sink_items(otc_test_sink_find("test_sink")), 30);
    assert_int_equal(total(&f, "aimon_exporter_enqueued_items"), 30);
    close_service(&f);

    start_durable(&f, yaml);
    assert_int_equal(total(&f, "aimon_exporter_enqueued_items"), 30);
    assert_int_equal(otc_vhost_logged(f.vhost, "A queue goes on where it ended"), 1);
    close_service(&f);
}

/* The service lets go of what waits before the receivers stop, so that nobody waits in vain. */
static void
the_end_of_the_service_answers_who_waits(void **state)
{
    struct fixture f = {0};
    struct answer answer = {.done = {OTC_ABI_OF(otc_done), tell},
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .told = PTHREAD_COND_INITIALIZER};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    scratch_clear();
    start_durable(&f, yaml);
    assert_int_equal(
        otc_test_source_send("test_source", make_spans(&f, 7, 20, OTC_SECOND), &answer.done, &err),
        OTC_PENDING);
    close_service(&f);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.status, OTC_OK);
}

static void
an_answer_waits_through_a_connector_too(void **state)
{
    struct fixture f = {0};
    struct answer answer = {.done = {OTC_ABI_OF(otc_done), tell},
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .told = PTHREAD_COND_INITIALIZER};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    scratch_clear();
    start_durable(&f, forwarded);
    assert_int_equal(
        otc_test_source_send("test_source", make_spans(&f, 3, 20, OTC_SECOND), &answer.done, &err),
        OTC_PENDING);
    otc_vhost_advance(f.vhost, 200 * OTC_MILLISECOND);
    wait_for(&answer);
    assert_int_equal(answer.status, OTC_OK);
    close_service(&f);
}

static void
collect(void *arg, const char *text)
{
    otc_buf_printf(arg, "%s\n", text);
}

static void
explain_names_who_has_no_storage(void **state)
{
    struct fixture f = {0};
    struct otc_error err = OTC_ERROR_INIT;
    OTC_AUTO_BUF struct otc_buf out = {.limit = 65536};

    (void)state;
    scratch_clear();
    start_durable(&f, yaml);
    assert_int_equal(otc_service_config_explain(f.config, collect, &out, &err), OTC_OK);
    assert_non_null(strstr(otc_buf_cstr(&out),
                           "service::pipelines::traces: no sending_queue::storage in \"test_sink\": what is "
                           "acknowledged is lost there when the process dies\n"));
    close_service(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_waits_for_the_disk_and_outlives_the_service),
        cmocka_unit_test(the_end_of_the_service_answers_who_waits),
        cmocka_unit_test(an_answer_waits_through_a_connector_too),
        cmocka_unit_test(explain_names_who_has_no_storage),
    };

    return cmocka_run_group_tests_name("scenarios/durable", tests, scratch_setup, scratch_teardown);
}
