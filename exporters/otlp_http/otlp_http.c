// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter.h"
#include "common/component/push.h"
#include "common/component/target.h"
#include "common/net/http_client.h"
#include "common/otlp/json_encode.h"
#include "exporters/otlp_http/config.h"
#include "exporters/otlp_http/reply.h"

#include <pthread.h>

/* Bytes of a request that was translated or compressed: gigabytes are somebody's mistake. */
#define MAX_REQUEST ((size_t)1 << 30)

struct otlp_http;

/* One signal of the exporter. */
struct lane {
    struct otlp_http *owner;
    enum otc_signal signal;
    struct otc_exporter *exporter; /* NULL: not wired */
    char *url;
    struct otc_target target;
    struct otc_compressor *compressor; /* NULL: not compressed. Used by one push at a time. */
};

struct otlp_http {
    struct otc_component component;
    struct otc_host *host;
    const struct otlp_http_config *config;
    char *id;
    struct lane lanes[OTC_N_SIGNALS];
    pthread_mutex_t lock; /* guards the two below */
    struct otc_http_client *client;
    bool closed;
};

/* A request on its way. */
struct flight {
    struct lane *lane;
    struct otc_done *done;
    struct otc_batch *batch; /* whose bytes are sent as they are, or NULL */
    struct otc_buf body;     /* else */
};

/* ---- Requests ----------------------------------------------------------------------------------- */

static void
free_flight(void *arg)
{
    struct flight *flight = arg;

    otc_batch_unref(flight->batch);
    otc_buf_release(&flight->body);
    free(flight);
}

static otc_status
translate(const struct lane *lane, struct flight *flight, struct otc_slice bytes, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = MAX_REQUEST};
    otc_status status = OTC_OK;

    if (lane->owner->config->encoding.index == OTLP_HTTP_JSON) {
        status = otc_protobuf_to_json(lane->signal, bytes, lane->compressor ? &json : &flight->body, err);
        bytes = otc_buf_slice(&json);
    }
    return status == OTC_OK && lane->compressor ? otc_compress(lane->compressor, bytes, &flight->body, err)
                                                : status;
}

/* Makes the body of a request: what came, byte for byte, translated or compressed as the settings say. Takes
 * milliseconds a MiB when it is: not under the lock. Takes over the batch. */
static otc_status
fill(const struct lane *lane, struct flight *flight, struct otc_batch *batch, struct otc_slice *body,
     struct otc_error *err)
{
    bool plain = !lane->compressor && lane->owner->config->encoding.index == OTLP_HTTP_PROTO;
    struct otc_slice joined;
    otc_status status;
    uint8_t *copy;

    otc_buf_init(&flight->body, MAX_REQUEST);
    if (!otc_batch_joined(batch, &copy, &joined)) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    if (plain) {
        flight->batch = batch;
        flight->body.data = copy; /* NULL: the batch's own bytes */
        *body = joined;
        return OTC_OK;
    }
    status = translate(lane, flight, joined, err);
    free(copy);
    otc_batch_unref(batch);
    *body = otc_buf_slice(&flight->body);
    return status;
}

static void
on_reply(void *arg, const struct otc_http_reply *reply)
{
    struct flight *flight = arg;
    struct lane *lane = flight->lane;
    struct otlp_http *self = lane->owner;
    struct otlp_http_result result;

    otlp_http_judge(reply, lane->url, &result);
    otc_warn_partial(self->host, self->id, lane->signal, result.rejected, otc_slice_str(result.message));
    if (result.unreadable) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id,
                "The server accepted the data with a reply that cannot be read",
                OTC_FIELD_TEXT("url", lane->url), OTC_FIELD_NUMBER("status", reply->status));
    }
    flight->done->fn(flight->done, &result.error);
}

static otc_status
send_flight(struct otlp_http *self, struct lane *lane, struct flight *flight, struct otc_slice body,
            struct otc_error *err)
{
    static char type[] = "Content-Type", encoding[] = "Content-Encoding";
    static char types[][24] = {"application/x-protobuf", "application/json"};
    const char *compressed = otc_compression_name((enum otc_compression)self->config->http.compression.index);
    const struct otc_header headers[] = {{type, types[self->config->encoding.index]},
                                         {encoding, (char *)(uintptr_t)compressed}};
    const struct otc_http_request request = {
        .method = "POST",
        .url = lane->url,
        .headers = headers,
        .n_headers = compressed ? 2 : 1,
        .body = body,
        .release = free_flight,
        .release_arg = flight,
        .done = on_reply,
        .arg = flight,
    };
    otc_status status;

    pthread_mutex_lock(&self->lock);
    status = self->closed || !self->client ? otc_fail(err, OTC_UNAVAILABLE, "the exporter is not running")
                                           : otc_http_send(self->client, &request, err);
    pthread_mutex_unlock(&self->lock);
    return status;
}

static otc_status
push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct lane *lane = arg;
    struct flight *flight = calloc(1, sizeof(*flight));
    struct otc_slice body = OTC_SLICE_NONE;
    otc_status status;

    if (!flight) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    flight->lane = lane;
    flight->done = done;
    status = fill(lane, flight, batch, &body, err);
    if (status == OTC_OK) {
        status = send_flight(lane->owner, lane, flight, body, err);
    }
    if (status != OTC_OK) {
        free_flight(flight);
        return status;
    }
    return OTC_PENDING;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
otlp_http_start(struct otc_component *component, struct otc_error *err)
{
    struct otlp_http *self = OTC_CONTAINER(component, otlp_http, component);
    char agent[256];
    otc_status status;

    otc_user_agent(self->host, agent);
    status = otc_http_client_new(&self->config->http, self->host, self->id, agent, &self->client, err);
    for (size_t i = 0; i < OTC_N_SIGNALS && status == OTC_OK; i++) {
        if (self->lanes[i].exporter) {
            status = otc_exporter_start(self->lanes[i].exporter, err);
        }
    }
    return status;
}

static void
otlp_http_drain(struct otc_component *component)
{
    struct otlp_http *self = OTC_CONTAINER(component, otlp_http, component);

    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        if (self->lanes[i].exporter) {
            otc_exporter_drain(self->lanes[i].exporter);
        }
    }
}

static otc_status
otlp_http_shutdown(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct otlp_http *self = OTC_CONTAINER(component, otlp_http, component);
    struct otc_http_client *client;

    (void)err;
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        if (self->lanes[i].exporter) {
            otc_exporter_shutdown(self->lanes[i].exporter, deadline_ns);
        }
    }
    pthread_mutex_lock(&self->lock);
    self->closed = true;
    client = self->client;
    self->client = NULL;
    pthread_mutex_unlock(&self->lock);
    /* What is still under way is cancelled: after this every `done` has run. */
    otc_http_client_free(client);
    return OTC_OK;
}

static void
otlp_http_free(struct otc_component *component)
{
    struct otlp_http *self = OTC_CONTAINER(component, otlp_http, component);

    (void)otlp_http_shutdown(component, 0, NULL);
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        otc_exporter_free(self->lanes[i].exporter);
        otc_compressor_free(self->lanes[i].compressor);
        free(self->lanes[i].url);
        otc_target_release(&self->lanes[i].target);
    }
    pthread_mutex_destroy(&self->lock);
    free(self->id);
    free(self);
}

static struct otc_consumer *
otlp_http_input(struct otc_component *component, enum otc_signal from)
{
    struct otlp_http *self = OTC_CONTAINER(component, otlp_http, component);

    return otc_exporter_consumer(self->lanes[from].exporter);
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = otlp_http_start,
    .shutdown = otlp_http_shutdown,
    .free = otlp_http_free,
    .input = otlp_http_input,
    .drain = otlp_http_drain,
};

static otc_status
make_lane(struct otlp_http *self, enum otc_signal signal, struct otc_error *err)
{
    const struct otc_http_client_config *http = &self->config->http;
    enum otc_compression compression = (enum otc_compression)http->compression.index;
    struct lane *lane = &self->lanes[signal];
    const struct otc_exporter_options options = {
        .host = self->host,
        .id = self->id,
        .signal = signal,
        .queue = self->config->sending_queue,
        .retry = &self->config->retry_on_failure,
        .push = push,
        .arg = lane,
        .target = &lane->target,
    };
    otc_status status = otlp_http_url(self->config, signal, &lane->url, err);

    lane->owner = self;
    lane->signal = signal;
    if (status == OTC_OK && !otc_target_of_url(&lane->target, lane->url)) {
        status = otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    if (status == OTC_OK && otc_compression_name(compression)) {
        status = otc_compressor_new(compression, http->compression_params.level, &lane->compressor, err);
    }
    return status == OTC_OK ? otc_exporter_new(&options, &lane->exporter, err) : status;
}

static otc_status
otlp_http_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct otlp_http *self = calloc(1, sizeof(*self));
    otc_status status = OTC_OK;

    if (!self || !(self->id = strdup(settings->id))) {
        free(self);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->host = settings->host;
    self->config = settings->config;
    pthread_mutex_init(&self->lock, NULL);
    for (size_t i = 0; i < settings->n_pairs && status == OTC_OK; i++) {
        if (!self->lanes[settings->pairs[i].from].exporter) {
            status = make_lane(self, settings->pairs[i].from, err);
        }
    }
    if (status != OTC_OK) {
        otlp_http_free(&self->component);
        return status;
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_otlp_http_exporter_factory;
const struct otc_factory otc_otlp_http_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "otlp_http",
    .deprecated_type = "otlphttp",
    .description = "Sends OTLP over HTTP, as protobuf (byte for byte as it was received) or as JSON.",
    .pairs = pairs,
    .n_pairs = OTC_N_SIGNALS,
    .config = &otlp_http_schema,
    .validate = otlp_http_validate,
    .create = otlp_http_create,
};
