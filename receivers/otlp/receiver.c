// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp/receiver.h"

#include "common/net/loop.h"

#define DEFAULT_MESSAGE ((size_t)4 << 20)
#define DEFAULT_BODY ((size_t)20 << 20)

static const struct otc_instrument refused_requests = {
    "aimon_receiver_refused_requests", "{requests}", "Number of requests refused by the receiver, by reason.",
    OTC_COUNTER};

static void
init_listener(struct otlp_listener *listener, struct otlp_receiver *receiver, const char *transport)
{
    static const char *const reasons[] = {
#define OTLP_REASON_TEXT(name, text) text,
        OTLP_REASON_MAP(OTLP_REASON_TEXT)
#undef OTLP_REASON_TEXT
    };
    struct otc_meter *meter = receiver->host->meter;

    listener->receiver = receiver;
    listener->transport = transport;
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        if (receiver->next[signal]) {
            otc_receiver_counters_init(&listener->counters[signal], meter, receiver->id, transport,
                                       (enum otc_signal)signal);
        }
    }
    for (int reason = 0; reason < OTLP_N_REASONS; reason++) {
        const struct otc_label labels[] = {
            {"receiver", receiver->id}, {"transport", transport}, {"reason", reasons[reason]}};

        listener->refused[reason] = otc_meter_series(meter, &refused_requests, labels, 3);
    }
}

static void
log_start(struct otlp_receiver *receiver, const char *message, const char *endpoint)
{
    otc_log(receiver->host->logger, OTC_LOG_INFO, receiver->id, message,
            OTC_FIELD_TEXT("endpoint", endpoint));
}

static otc_status
open_grpc(struct otlp_receiver *receiver, const struct otlp_grpc_config *config, struct otc_error *err)
{
    const struct otlp_server_parameters *life = &config->keepalive.server_parameters;
    struct otc_server_options options = {.protocols = OTC_HTTP2,
                                         .max_concurrent_streams = (uint32_t)config->max_concurrent_streams,
                                         .host = receiver->host,
                                         .component_id = receiver->id,
                                         .handler = &otlp_grpc_handler,
                                         .arg = &receiver->grpc};

    init_listener(&receiver->grpc, receiver, "grpc");
    receiver->grpc.include_metadata = config->include_metadata;
    receiver->grpc.max_message =
        config->max_recv_msg_size_mib ? (size_t)config->max_recv_msg_size_mib << 20 : DEFAULT_MESSAGE;
    otc_http_server_options(&config->server, &options);
    options.max_age_ns = life->max_connection_age.ns;
    options.max_age_grace_ns = life->max_connection_age_grace.ns;
    if (life->max_connection_idle.ns > 0) {
        options.idle_timeout_ns = life->max_connection_idle.ns;
    }
    log_start(receiver, "Starting GRPC server", config->server.endpoint);
    return otc_server_open(&options, &receiver->grpc.server, err);
}

static otc_status
open_http(struct otlp_receiver *receiver, const struct otlp_http_config *config, struct otc_error *err)
{
    struct otc_server_options options = {.host = receiver->host,
                                         .component_id = receiver->id,
                                         .handler = &otlp_http_handler,
                                         .arg = &receiver->http};

    init_listener(&receiver->http, receiver, "http");
    receiver->http.include_metadata = config->include_metadata;
    receiver->http.max_message =
        config->max_request_body_size ? (size_t)config->max_request_body_size : DEFAULT_BODY;
    otc_http_server_options(&config->server, &options);
    log_start(receiver, "Starting HTTP server", config->server.endpoint);
    return otc_server_open(&options, &receiver->http.server, err);
}

static otc_status
otlp_start(struct otc_component *component, struct otc_error *err)
{
    struct otlp_receiver *receiver = OTC_CONTAINER(component, otlp_receiver, component);
    const struct otlp_protocols_config *protocols = &receiver->config->protocols;
    otc_status status = OTC_OK;

    if (protocols->grpc) {
        status = open_grpc(receiver, protocols->grpc, err);
    }
    if (status == OTC_OK && protocols->http) {
        status = open_http(receiver, protocols->http, err);
    }
    return status;
}

static otc_status
otlp_shutdown(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct otlp_receiver *receiver = OTC_CONTAINER(component, otlp_receiver, component);
    /* The host's clock may be virtual, the sockets' never is. */
    const int64_t left = deadline_ns - receiver->host->monotonic_ns(receiver->host);
    const int64_t deadline = otc_clock_monotonic_ns() + left;

    (void)err;
    if (receiver->grpc.server) {
        otc_server_stop(receiver->grpc.server, deadline);
    }
    if (receiver->http.server) {
        otc_server_stop(receiver->http.server, deadline);
    }
    otc_server_free(receiver->grpc.server);
    otc_server_free(receiver->http.server);
    receiver->grpc.server = receiver->http.server = NULL;
    return OTC_OK;
}

void
otlp_receiver_unref(struct otlp_receiver *receiver)
{
    if (atomic_fetch_sub(&receiver->references, 1) == 1) {
        free(receiver->id);
        free(receiver);
    }
}

static void
otlp_free(struct otc_component *component)
{
    struct otlp_receiver *receiver = OTC_CONTAINER(component, otlp_receiver, component);

    otc_server_free(receiver->grpc.server);
    otc_server_free(receiver->http.server);
    otlp_receiver_unref(receiver);
}

static otc_status
otlp_connect(struct otc_component *component, enum otc_signal to, struct otc_consumer *next,
             struct otc_error *err)
{
    struct otlp_receiver *receiver = OTC_CONTAINER(component, otlp_receiver, component);

    (void)err;
    receiver->next[to] = next;
    return OTC_OK;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = otlp_start,
    .shutdown = otlp_shutdown,
    .free = otlp_free,
    .connect = otlp_connect,
};

static otc_status
otlp_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct otlp_receiver *receiver = calloc(1, sizeof(*receiver));

    if (receiver) {
        receiver->id = strdup(settings->id);
    }
    if (!receiver || !receiver->id) {
        free(receiver);
        return otc_fail(err, OTC_INTERNAL, "out of memory");
    }
    receiver->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    receiver->references = 1;
    receiver->host = settings->host;
    receiver->config = settings->config;
    *out = &receiver->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {
    {OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
    {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
    {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA},
};

OTC_API const struct otc_factory otc_otlp_receiver_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_RECEIVER,
    .type = "otlp",
    .description = "Receives traces, metrics and logs over OTLP: gRPC and HTTP, protobuf and JSON.",
    .pairs = pairs,
    .n_pairs = sizeof(pairs) / sizeof(pairs[0]),
    .config = &otlp_schema,
    .validate = otlp_validate,
    .create = otlp_create,
};
