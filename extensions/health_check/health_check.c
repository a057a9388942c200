// SPDX-License-Identifier: Apache-2.0
#include "common/component/otc.h"
#include "common/json/json.h"
#include "common/net/server.h"

#include <stdatomic.h>

/** Readiness is looked for this often until it is there. */
#define LOOK_INTERVAL (50 * OTC_MILLISECOND)

struct health_check_body {
    char *healthy;
    char *unhealthy;
};

struct health_check_pipeline {
    bool enabled;
    char *interval;
    int64_t exporter_failure_threshold;
};

struct health_check_config {
    struct otc_http_server_config server;
    char *path;
    struct health_check_body *response_body;
    struct health_check_pipeline *check_collector_pipeline;
    bool use_v2;
    /* Of its second version alone. */
    otc_strings http;
    otc_strings grpc;
    otc_strings component_health;
};

struct health_check {
    struct otc_component component;
    const char *id;
    struct otc_host *host;
    const struct health_check_config *config;
    struct otc_server *server;
    struct otc_page page;
    struct otc_timer *timer;
    /** When the pipelines became ready, both clocks; 0: not yet. Written once. */
    atomic_llong up_since_unix_ns;
    atomic_llong up_since_ns;
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field body_fields[] = {
    OTC_FIELD(health_check_body, healthy, .def = "", .doc = "Body while healthy, instead of the JSON."),
    OTC_FIELD(health_check_body, unhealthy, .def = "", .doc = "Body while not."),
    OTC_FIELD_END,
};
static const struct otc_schema body_schema = OTC_SCHEMA(health_check_body, body_fields, "Fixed bodies.");

static const struct otc_field pipeline_fields[] = {
    OTC_FIELD(health_check_pipeline, enabled, .def = "false", .inert = true,
              .doc = "Ignored, as in the Collector."),
    OTC_FIELD(health_check_pipeline, interval, .def = "5m", .inert = true,
              .doc = "Ignored, as in the Collector."),
    OTC_FIELD(health_check_pipeline, exporter_failure_threshold, .def = "5", .inert = true,
              .doc = "Ignored, as in the Collector."),
    OTC_FIELD_END,
};
static const struct otc_schema pipeline_schema =
    OTC_SCHEMA(health_check_pipeline, pipeline_fields, "Ignored, as in the Collector.");

/* The second version's sections, which the first one does not look at. */
static otc_status
pass_over(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    (void)node;
    (void)member;
    (void)owner;
    (void)err;
    return OTC_OK;
}

static const struct otc_field fields[] = {
    OTC_HTTP_SERVER_FIELDS(health_check_config, server, "localhost:13133"),
    OTC_HTTP_PAGE_FIELDS(health_check_config, server),
    OTC_FIELD(health_check_config, path, .def = "/", .doc = "The path that answers; others are 404."),
    OTC_FIELD_OPTIONAL(health_check_config, response_body, body_schema, .null_is_absent = true,
                       .doc = "Bodies instead of the JSON."),
    OTC_FIELD_OPTIONAL(health_check_config, check_collector_pipeline, pipeline_schema, .inert = true,
                       .doc = "Ignored, as in the Collector."),
    OTC_FIELD(health_check_config, use_v2, .def = "false",
              .doc = "Refused when true: there is the first version's page alone."),
    OTC_FIELD(health_check_config, http, .parse = pass_over, .inert = true, .doc = "Of the second version."),
    OTC_FIELD(health_check_config, grpc, .parse = pass_over, .inert = true, .doc = "Of the second version."),
    OTC_FIELD(health_check_config, component_health, .parse = pass_over, .inert = true,
              .doc = "Of the second version."),
    OTC_FIELD_END,
};
static const struct otc_schema schema =
    OTC_SCHEMA(health_check_config, fields, "Tells over HTTP whether the pipelines run.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct health_check_config *config = settings;

    if (!config->server.endpoint || !*config->server.endpoint) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "http endpoint required");
    }
    if (config->use_v2) {
        return otc_fail(err, OTC_UNIMPLEMENTED,
                        "use_v2: the second version, with its pages of components, is an OpenTelemetry "
                        "Collector option that this build does not support; leave it out");
    }
    if (!config->path || *config->path != '/') {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "path must start with /");
    }
    return otc_http_server_check(&config->server, err);
}

/* ---- Answers ------------------------------------------------------------------------------------ */

static bool
look(struct health_check *self)
{
    bool ready = self->host->ready(self->host);
    long long unset = 0;

    if (ready && atomic_load(&self->up_since_ns) == 0 &&
        atomic_compare_exchange_strong(&self->up_since_unix_ns, &unset, self->host->now_ns(self->host))) {
        atomic_store(&self->up_since_ns, self->host->monotonic_ns(self->host));
    }
    return ready;
}

static void
look_again(void *arg)
{
    struct health_check *self = arg;

    if (!look(self)) {
        self->host->timer_arm(self->host, self->timer, LOOK_INTERVAL);
    }
}

/** Go's RFC3339Nano for a stamp of milliseconds: no trailing zeros in the fraction. */
static void
format_time(int64_t unix_ns, char out[32])
{
    char *dot;
    size_t len;

    otc_time_format(unix_ns, out);
    dot = strchr(out, '.');
    if (!dot) {
        return;
    }
    len = strlen(out);
    /* The Z goes, then zeros, then the point if nothing follows it. */
    out[--len] = '\0';
    while (out[len - 1] == '0') {
        out[--len] = '\0';
    }
    if (out[len - 1] == '.') {
        out[--len] = '\0';
    }
    out[len] = 'Z';
    out[len + 1] = '\0';
}

static void
write_body(const struct health_check *self, bool healthy, struct otc_buf *out)
{
    struct otc_json_writer writer = {.out = out};
    char since[32] = "0001-01-01T00:00:00Z";
    char uptime[32] = "";

    if (healthy) {
        int64_t up_ns = self->host->monotonic_ns(self->host) - atomic_load(&self->up_since_ns);

        format_time(atomic_load(&self->up_since_unix_ns), since);
        otc_duration_format((otc_duration){up_ns}, uptime);
    }
    otc_json_begin_object(&writer);
    otc_json_key(&writer, "status");
    otc_json_write_str(&writer, healthy ? "Server available" : "Server not available");
    otc_json_key(&writer, "upSince");
    otc_json_write_str(&writer, since);
    otc_json_key(&writer, "uptime");
    otc_json_write_str(&writer, uptime);
    otc_json_end_object(&writer);
}

static void
serve_health(void *arg, struct otc_exchange *exchange)
{
    struct health_check *self = arg;
    const struct health_check_body *fixed = self->config->response_body;
    OTC_AUTO_BUF struct otc_buf body = {.limit = 4096};
    bool healthy = look(self);

    if (fixed) {
        const char *text = healthy ? fixed->healthy : fixed->unhealthy;

        otc_exchange_respond_text(exchange, healthy ? 200 : 503, "text/plain; charset=utf-8",
                                  otc_slice_str(text ? text : ""));
        return;
    }
    write_body(self, healthy, &body);
    otc_exchange_respond_text(exchange, healthy ? 200 : 503, "application/json", otc_buf_slice(&body));
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct health_check *self = OTC_CONTAINER(component, health_check, component);
    struct otc_server_options options = {.host = self->host, .component_id = self->id, .arg = self};

    self->timer = self->host->timer_new(self->host, look_again, self);
    if (!self->timer) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a timer");
    }
    self->host->timer_arm(self->host, self->timer, LOOK_INTERVAL);
    otc_http_server_options(&self->config->server, &options);
    return otc_pages_open(&options, &self->page, 1, &self->server, err);
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct health_check *self = OTC_CONTAINER(component, health_check, component);

    (void)err;
    if (self->server) {
        otc_server_stop(self->server, deadline_ns);
        otc_server_free(self->server);
        self->server = NULL;
    }
    if (self->timer) {
        self->host->timer_free(self->host, self->timer);
        self->timer = NULL;
    }
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    stop(component, 0, NULL);
    free(OTC_CONTAINER(component, health_check, component));
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = start,
    .shutdown = stop,
    .free = destroy,
};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct health_check *self = calloc(1, sizeof(*self));

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->id = settings->id;
    self->host = settings->host;
    self->config = settings->config;
    self->page = (struct otc_page){self->config->path, serve_health};
    *out = &self->component;
    return OTC_OK;
}

OTC_API const struct otc_factory otc_health_check_extension_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXTENSION,
    .type = "health_check",
    .description = "Tells over HTTP whether the pipelines run.",
    .config = &schema,
    .validate = validate,
    .create = create,
};
