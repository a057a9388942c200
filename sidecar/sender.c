// SPDX-License-Identifier: Apache-2.0
#include "sidecar/sender.h"

#include "common/base/clock.h"
#include "common/component/meter.h"
#include "common/config/node.h"
#include "common/config/schema.h"
#include "common/json/json.h"
#include "sidecar/host.h"

#include <pthread.h>

/** Longest time without any success before a passing failure counts as final. */
#define PATIENCE (30 * OTC_SECOND)
#define RETRY_DELAY (200 * OTC_MILLISECOND)
#define SHUTDOWN_TIME (5 * OTC_SECOND)
#define MAX_SERIES 1000

/** One batch from send to answer. */
struct request {
    struct otc_done done;
    struct otc_sender *sender;
    struct otc_batch *batch;
    int64_t not_before_ns; /* when it may be tried again */
    struct request *next;
};

struct otc_sender {
    struct otc_loop *loop;
    struct otc_meter *meter;
    struct otc_sidecar_host host;
    struct otc_document *document;
    struct otc_config *config;
    struct otc_component *component;
    struct otc_consumer *consumer;
    pthread_t thread;
    bool thread_runs;
    /** The rest under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t pending;
    struct request *again; /* to be tried again */
    struct otc_sender_counts counts;
    int64_t last_success_ns;
    struct otc_error failure; /* status OTC_OK: none */
};

static void *
run_loop(void *arg)
{
    otc_loop_run(arg);
    return NULL;
}

static const struct otc_factory *
find_exporter(void)
{
    for (size_t i = 0; otc_components[i]; i++) {
        if (otc_components[i]->kind == OTC_EXPORTER && strcmp(otc_components[i]->type, "otlp_grpc") == 0) {
            return otc_components[i];
        }
    }
    return NULL;
}

/** The exporter's configuration: no queue and no retries of its own, both are here. JSON is YAML. */
static otc_status
make_config(struct otc_sender *sender, const struct otc_factory *factory, const char *endpoint,
            struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = 65536};
    struct otc_json_writer writer = {.out = &text};
    otc_status status;

    (void)otc_buf_append_str(&text, "{\"tls\": {\"insecure\": true}, \"compression\": \"none\", "
                                    "\"sending_queue\": {\"enabled\": false}, "
                                    "\"retry_on_failure\": {\"enabled\": false}, \"endpoint\": ");
    otc_json_write_str(&writer, endpoint);
    (void)otc_buf_append_str(&text, "}");
    status = otc_document_parse(otc_buf_slice(&text), "--endpoint", &sender->document, err);
    if (status == OTC_OK) {
        status =
            otc_config_decode(factory->config, otc_document_root(sender->document), "", &sender->config, err);
    }
    if (status == OTC_OK && factory->validate) {
        status = factory->validate(otc_config_value(sender->config), err);
    }
    return status;
}

static otc_status
make_component(struct otc_sender *sender, const char *endpoint, struct otc_error *err)
{
    static const struct otc_pair traces = {OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA};
    const struct otc_factory *factory = find_exporter();
    struct otc_settings settings = {
        .abi = OTC_ABI_OF(otc_settings), .id = "otlp_grpc", .pairs = &traces, .n_pairs = 1};
    otc_status status;

    if (!factory) {
        return otc_fail(err, OTC_UNIMPLEMENTED, "this binary was built without the otlp_grpc exporter");
    }
    status = make_config(sender, factory, endpoint, err);
    if (status != OTC_OK) {
        return status;
    }
    settings.host = &sender->host.host;
    settings.config = otc_config_value(sender->config);
    status = factory->create(&settings, &sender->component, err);
    if (status != OTC_OK) {
        return status;
    }
    sender->consumer = sender->component->ops->input(sender->component, OTC_TRACES);
    return sender->component->ops->start ? sender->component->ops->start(sender->component, err) : OTC_OK;
}

otc_status
otc_sender_new(const char *endpoint, struct otc_sender **out, struct otc_error *err)
{
    struct otc_sender *sender = calloc(1, sizeof(*sender));
    otc_status status = OTC_OK;

    if (!sender) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    (void)pthread_mutex_init(&sender->lock, NULL);
    (void)pthread_cond_init(&sender->changed, NULL);
    sender->failure = OTC_ERROR_INIT;
    sender->meter = otc_meter_new(MAX_SERIES);
    status = sender->meter ? otc_loop_new(&sender->loop, err)
                           : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    if (status == OTC_OK) {
        status = otc_sidecar_host_init(&sender->host, sender->loop, NULL, sender->meter, err);
    }
    if (status == OTC_OK) {
        sender->thread_runs = pthread_create(&sender->thread, NULL, run_loop, sender->loop) == 0;
        status = sender->thread_runs ? make_component(sender, endpoint, err)
                                     : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "no thread to be had");
    }
    if (status != OTC_OK) {
        otc_sender_free(sender);
        return status;
    }
    *out = sender;
    return OTC_OK;
}

static void
request_free(struct request *request)
{
    otc_batch_unref(request->batch);
    free(request);
}

/** Enters an answer; under the lock. The request is freed, or waits to be tried again. */
static void
answered(struct request *request, const struct otc_error *result)
{
    struct otc_sender *sender = request->sender;
    int64_t now = otc_clock_monotonic_ns();

    if (result->status == OTC_OK) {
        sender->counts.requests++;
        sender->counts.items += otc_batch_items(request->batch);
        sender->last_success_ns = now;
    } else if (otc_error_retryable(result) && sender->counts.requests > 0 &&
               now - sender->last_success_ns < PATIENCE) {
        int64_t delay = (int64_t)result->retry_after_ms * OTC_MILLISECOND;

        request->not_before_ns = now + (delay > RETRY_DELAY ? delay : RETRY_DELAY);
        request->next = sender->again;
        sender->again = request;
        sender->counts.retries++;
        return;
    } else if (sender->failure.status == OTC_OK) {
        sender->failure = *result;
    }
    request_free(request);
}

/** The exporter's answer; any thread. */
static void
request_done(struct otc_done *self, const struct otc_error *result)
{
    struct request *request = OTC_CONTAINER(self, request, done);
    struct otc_sender *sender = request->sender;

    (void)pthread_mutex_lock(&sender->lock);
    sender->pending--;
    answered(request, result);
    (void)pthread_cond_broadcast(&sender->changed);
    (void)pthread_mutex_unlock(&sender->lock);
}

/** Hands a request to the exporter. The lock is held, but not during the call. */
static void
submit(struct otc_sender *sender, struct request *request)
{
    struct otc_error result = OTC_ERROR_INIT;
    otc_status status;

    sender->pending++;
    (void)pthread_mutex_unlock(&sender->lock);
    status = otc_consume(sender->consumer, otc_batch_ref(request->batch), &request->done, &result);
    (void)pthread_mutex_lock(&sender->lock);
    if (status != OTC_PENDING) {
        result.status = status;
        sender->pending--;
        answered(request, &result);
        (void)pthread_cond_broadcast(&sender->changed);
    }
}

/** The request whose time has come, or NULL and how long until one's has. */
static struct request *
take_again(struct otc_sender *sender, int64_t *wait_ns)
{
    int64_t now = otc_clock_monotonic_ns();

    *wait_ns = OTC_SECOND;
    for (struct request **at = &sender->again; *at; at = &(*at)->next) {
        struct request *request = *at;

        if (request->not_before_ns <= now) {
            *at = request->next;
            return request;
        }
        *wait_ns = request->not_before_ns - now < *wait_ns ? request->not_before_ns - now : *wait_ns;
    }
    return NULL;
}

/** Works until at most `pending` requests are under way or waiting, or sending failed. The lock is held. */
static otc_status
wait_until(struct otc_sender *sender, size_t pending, struct otc_error *err)
{
    for (;;) {
        struct timespec until;
        struct request *request;
        int64_t wait_ns;
        size_t waiting = 0;

        if (sender->failure.status != OTC_OK) {
            return otc_fail(err, sender->failure.status, "%s", sender->failure.text);
        }
        request = take_again(sender, &wait_ns);
        if (request) {
            submit(sender, request);
            continue;
        }
        for (request = sender->again; request; request = request->next) {
            waiting++;
        }
        if (sender->pending + waiting <= pending) {
            return OTC_OK;
        }
        (void)clock_gettime(CLOCK_REALTIME, &until);
        wait_ns += until.tv_nsec;
        until.tv_sec += wait_ns / OTC_SECOND;
        until.tv_nsec = wait_ns % OTC_SECOND;
        (void)pthread_cond_timedwait(&sender->changed, &sender->lock, &until);
    }
}

otc_status
otc_sender_send(struct otc_sender *sender, struct otc_batch *batch, struct otc_error *err)
{
    struct request *request = calloc(1, sizeof(*request));
    otc_status status;

    if (!request) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    *request = (struct request){
        .done = {.abi = OTC_ABI_OF(otc_done), .fn = request_done}, .sender = sender, .batch = batch};
    (void)pthread_mutex_lock(&sender->lock);
    status = wait_until(sender, 0, err);
    if (status == OTC_OK) {
        submit(sender, request);
        status = wait_until(sender, sender->counts.requests == 0 ? 0 : 1, err);
    } else {
        request_free(request);
    }
    (void)pthread_mutex_unlock(&sender->lock);
    return status;
}

otc_status
otc_sender_flush(struct otc_sender *sender, struct otc_error *err)
{
    otc_status status;

    (void)pthread_mutex_lock(&sender->lock);
    status = wait_until(sender, 0, err);
    (void)pthread_mutex_unlock(&sender->lock);
    return status;
}

struct otc_sender_counts
otc_sender_counts(struct otc_sender *sender)
{
    struct otc_sender_counts counts;

    (void)pthread_mutex_lock(&sender->lock);
    counts = sender->counts;
    (void)pthread_mutex_unlock(&sender->lock);
    return counts;
}

void
otc_sender_free(struct otc_sender *sender)
{
    if (!sender) {
        return;
    }
    if (sender->component) {
        (void)sender->component->ops->shutdown(sender->component, otc_clock_monotonic_ns() + SHUTDOWN_TIME,
                                               NULL);
        sender->component->ops->free(sender->component);
    }
    while (sender->again) {
        struct request *next = sender->again->next;

        request_free(sender->again);
        sender->again = next;
    }
    if (sender->thread_runs) {
        otc_loop_stop(sender->loop);
        (void)pthread_join(sender->thread, NULL);
    }
    otc_sidecar_host_release(&sender->host);
    otc_config_free(sender->config);
    otc_document_free(sender->document);
    otc_loop_free(sender->loop);
    otc_meter_free(sender->meter);
    (void)pthread_cond_destroy(&sender->changed);
    (void)pthread_mutex_destroy(&sender->lock);
    free(sender);
}
