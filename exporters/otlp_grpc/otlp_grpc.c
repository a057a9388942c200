// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"
#include "common/component/exporter.h"
#include "common/component/push.h"
#include "common/component/target.h"
#include "exporters/otlp_grpc/attempt.h"
#include "exporters/otlp_grpc/channel.h"
#include "exporters/otlp_grpc/config.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <ctype.h>
#include <pthread.h>
#include <signal.h>

#define MAX_HEADERS 64

struct otlp_grpc;

/* One signal of the exporter. */
struct lane {
    struct otlp_grpc *owner;
    enum otc_signal signal;
    struct otc_exporter *exporter; /* NULL: not wired */
    struct otlp_grpc_method method;
};

/* An attempt on its way. */
struct flight {
    struct flight *next, *previous;
    struct lane *lane;
    struct otlp_grpc_attempt *attempt;
};

struct otlp_grpc {
    struct otc_component component;
    struct otc_host *host;
    const struct otlp_grpc_config *config;
    char *id;
    struct otc_target target;
    struct lane lanes[OTC_N_SIGNALS];
    grpc_metadata headers[MAX_HEADERS];
    size_t n_headers;
    struct otc_authenticator *authenticator; /* NULL: none */
    grpc_channel *channel;
    grpc_completion_queue *queue;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards the flights and `closed` */
    struct flight *flights;
    bool closed;
};

/* ---- Calls
 * ------------------------------------------------------------------------------------------------------- */

/* Takes an attempt that ended off the list. The lock also makes sure that push() is through with it. */
static struct flight *
land(struct otlp_grpc *self, struct otlp_grpc_attempt *attempt)
{
    struct flight *flight;

    pthread_mutex_lock(&self->lock);
    flight = otlp_grpc_attempt_owner(attempt);
    *(flight->previous ? &flight->previous->next : &self->flights) = flight->next;
    if (flight->next) {
        flight->next->previous = flight->previous;
    }
    pthread_mutex_unlock(&self->lock);
    return flight;
}

/* Makes the message, which takes milliseconds when it is compressed: not under the lock. */
static struct flight *
new_flight(struct lane *lane, struct otc_batch *batch, struct otc_done *done)
{
    struct flight *flight = calloc(1, sizeof(*flight));

    if (!flight) {
        otc_batch_unref(batch);
        return NULL;
    }
    flight->lane = lane;
    flight->attempt = otlp_grpc_attempt_new(&lane->method, batch, flight, done);
    if (!flight->attempt) {
        free(flight);
        return NULL;
    }
    return flight;
}

/*
 * Starts an attempt. The lock is held until the flight is on the list: the event may be there before, and a
 * shutdown that cancels must see it.
 */
static otc_status
push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct lane *lane = arg;
    struct otlp_grpc *self = lane->owner;
    struct flight *flight = new_flight(lane, batch, done);
    otc_status status;

    if (!flight) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    pthread_mutex_lock(&self->lock);
    if (self->closed || !self->channel) {
        status = otc_fail(err, OTC_UNAVAILABLE, "the exporter is not running");
    } else {
        status = otlp_grpc_attempt_start(flight->attempt, &lane->method, err);
    }
    if (status == OTC_PENDING) {
        flight->next = self->flights;
        if (flight->next) {
            flight->next->previous = flight;
        }
        self->flights = flight;
    }
    pthread_mutex_unlock(&self->lock);
    if (status != OTC_PENDING) {
        otlp_grpc_attempt_free(flight->attempt);
        free(flight);
    }
    return status;
}

static void
finish(struct otlp_grpc *self, struct otlp_grpc_attempt *attempt)
{
    struct flight *flight = land(self, attempt);
    struct otc_done *done = otlp_grpc_attempt_done(attempt);
    struct otlp_grpc_result result;

    otlp_grpc_attempt_result(attempt, &result);
    otlp_grpc_attempt_free(attempt);
    otc_warn_partial(self->host, self->id, flight->lane->signal, result.rejected,
                     otc_slice_str(result.message));
    free(flight);
    done->fn(done, &result.error);
}

/* The exporter's thread: it only polls the completion queue, which is what moves gRPC's sockets. */
static void *
poll_queue(void *arg)
{
    struct otlp_grpc *self = arg;

    for (;;) {
        grpc_event event = grpc_completion_queue_next(self->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        }
        if (event.type == GRPC_OP_COMPLETE) {
            finish(self, event.tag);
        }
    }
}

/* ---- Life
 * ----------------------------------------------------------------------------------------------------------
 */

/* What goes wrong comes back as a call's status; gRPC's own lines on stderr would only repeat it. */
static void
drop_log(gpr_log_func_args *args)
{
    (void)args;
}

static otc_status
start_lane(struct otlp_grpc *self, struct lane *lane, struct otc_error *err)
{
    static const char *const methods[OTC_N_SIGNALS] = {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export"};

    lane->method = (struct otlp_grpc_method){
        .channel = self->channel,
        .queue = self->queue,
        .method = grpc_channel_register_call(self->channel, methods[lane->signal], NULL, NULL),
        .timeout_ns = self->config->timeout.ns,
        .wait_for_ready = self->config->wait_for_ready,
        .headers = self->headers,
        .n_headers = self->n_headers,
        .authenticator = self->authenticator,
    };
    if (self->config->compression.index == OTLP_GRPC_GZIP) {
        return otc_compressor_new(OTC_COMPRESS_GZIP, 0, &lane->method.compressor, err);
    }
    return OTC_OK;
}

static otc_status
connect_channel(struct otlp_grpc *self, struct otc_error *err)
{
    char agent[256];
    otc_status status;

    otc_user_agent(self->host, agent);
    status = otlp_grpc_channel_new(self->config, agent, &self->channel, err);
    if (status != OTC_OK) {
        return status;
    }
    self->queue = grpc_completion_queue_create_for_next(NULL);
    for (size_t i = 0; i < OTC_N_SIGNALS && status == OTC_OK; i++) {
        if (self->lanes[i].exporter) {
            status = start_lane(self, &self->lanes[i], err);
        }
    }
    return status;
}

/* Signals belong to the control loop: every thread that gRPC or we start here inherits a full mask. */
static otc_status
start_calls(struct otlp_grpc *self, struct otc_error *err)
{
    sigset_t all, before;
    otc_status status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    gpr_set_log_function(drop_log);
    grpc_init();
    self->started = true;
    status = connect_channel(self, err);
    if (status == OTC_OK && pthread_create(&self->thread, NULL, poll_queue, self) != 0) {
        status = otc_fail(err, OTC_UNAVAILABLE, "cannot start a thread");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != OTC_OK && self->queue) {
        grpc_completion_queue_shutdown(self->queue);
        (void)poll_queue(self);
        grpc_completion_queue_destroy(self->queue);
        self->queue = NULL;
    }
    return status;
}

static otc_status
otlp_grpc_start(struct otc_component *component, struct otc_error *err)
{
    struct otlp_grpc *self = OTC_CONTAINER(component, otlp_grpc, component);
    const struct otc_client_auth *auth = self->config->auth;
    otc_status status;

    if (auth && otc_authenticator_find(self->host, auth->authenticator, OTC_OFFERS_CLIENT_AUTH,
                                       &self->authenticator, err) != OTC_OK) {
        return err ? err->status : OTC_FAILED_PRECONDITION;
    }
    status = start_calls(self, err);
    for (size_t i = 0; i < OTC_N_SIGNALS && status == OTC_OK; i++) {
        if (self->lanes[i].exporter) {
            status = otc_exporter_start(self->lanes[i].exporter, err);
        }
    }
    return status;
}

/* Cancels what is on its way, now and later. */
static void
close_calls(struct otlp_grpc *self)
{
    pthread_mutex_lock(&self->lock);
    self->closed = true;
    for (struct flight *flight = self->flights; flight; flight = flight->next) {
        otlp_grpc_attempt_cancel(flight->attempt);
    }
    pthread_mutex_unlock(&self->lock);
}

static void
otlp_grpc_drain(struct otc_component *component)
{
    struct otlp_grpc *self = OTC_CONTAINER(component, otlp_grpc, component);

    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        if (self->lanes[i].exporter) {
            otc_exporter_drain(self->lanes[i].exporter);
        }
    }
}

static otc_status
otlp_grpc_shutdown(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct otlp_grpc *self = OTC_CONTAINER(component, otlp_grpc, component);

    (void)err;
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        if (self->lanes[i].exporter) {
            otc_exporter_shutdown(self->lanes[i].exporter, deadline_ns);
        }
    }
    close_calls(self);
    if (self->queue) {
        /* The queue ends after the last call's event, so that after the join every `done` has run. */
        grpc_completion_queue_shutdown(self->queue);
        pthread_join(self->thread, NULL);
        grpc_completion_queue_destroy(self->queue);
        self->queue = NULL;
    }
    return OTC_OK;
}

static void
otlp_grpc_free(struct otc_component *component)
{
    struct otlp_grpc *self = OTC_CONTAINER(component, otlp_grpc, component);

    (void)otlp_grpc_shutdown(component, 0, NULL);
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        otc_exporter_free(self->lanes[i].exporter);
        otc_compressor_free(self->lanes[i].method.compressor);
    }
    if (self->channel) {
        grpc_channel_destroy(self->channel);
    }
    for (size_t i = 0; i < self->n_headers; i++) {
        grpc_slice_unref(self->headers[i].key);
        grpc_slice_unref(self->headers[i].value);
    }
    if (self->started) {
        grpc_shutdown_blocking();
    }
    pthread_mutex_destroy(&self->lock);
    otc_target_release(&self->target);
    free(self->id);
    free(self);
}

static struct otc_consumer *
otlp_grpc_input(struct otc_component *component, enum otc_signal from)
{
    struct otlp_grpc *self = OTC_CONTAINER(component, otlp_grpc, component);

    return otc_exporter_consumer(self->lanes[from].exporter);
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = otlp_grpc_start,
    .shutdown = otlp_grpc_shutdown,
    .free = otlp_grpc_free,
    .input = otlp_grpc_input,
    .drain = otlp_grpc_drain,
};

/* Header names go out in lower case, as HTTP/2 wants them. */
static void
copy_headers(struct otlp_grpc *self)
{
    for (size_t i = 0; i < self->config->headers.n && i < MAX_HEADERS; i++) {
        const struct otc_header *header = &self->config->headers.items[i];
        char lower[256];
        size_t n = 0;

        for (; header->name[n] && n < sizeof(lower); n++) {
            lower[n] = (char)tolower((unsigned char)header->name[n]);
        }
        self->headers[i].key = grpc_slice_from_copied_buffer(lower, n);
        self->headers[i].value = grpc_slice_from_copied_string(header->value ? header->value : "");
        self->n_headers++;
    }
}

static otc_status
make_lane(struct otlp_grpc *self, enum otc_signal signal, struct otc_error *err)
{
    struct lane *lane = &self->lanes[signal];
    const struct otc_exporter_options options = {
        .host = self->host,
        .id = self->id,
        .signal = signal,
        .queue = self->config->sending_queue,
        .retry = &self->config->retry_on_failure,
        .push = push,
        .arg = lane,
        .target = &self->target,
    };

    lane->owner = self;
    lane->signal = signal;
    return otc_exporter_new(&options, &lane->exporter, err);
}

static otc_status
otlp_grpc_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct otlp_grpc *self = calloc(1, sizeof(*self));
    otc_status status = OTC_OK;

    if (!self || !(self->id = strdup(settings->id))) {
        free(self);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->host = settings->host;
    self->config = settings->config;
    pthread_mutex_init(&self->lock, NULL);
    copy_headers(self);
    if (!otc_target_of_endpoint(&self->target, self->config->endpoint ? self->config->endpoint : "")) {
        status = otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    for (size_t i = 0; i < settings->n_pairs && status == OTC_OK; i++) {
        if (!self->lanes[settings->pairs[i].from].exporter) {
            status = make_lane(self, settings->pairs[i].from, err);
        }
    }
    if (status != OTC_OK) {
        otlp_grpc_free(&self->component);
        return status;
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_otlp_grpc_exporter_factory;
const struct otc_factory otc_otlp_grpc_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "otlp_grpc",
    .deprecated_type = "otlp",
    .description = "Sends OTLP over gRPC, byte for byte as it was received.",
    .pairs = pairs,
    .n_pairs = OTC_N_SIGNALS,
    .config = &otlp_grpc_schema,
    .validate = otlp_grpc_validate,
    .create = otlp_grpc_create,
};
