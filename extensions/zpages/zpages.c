// SPDX-License-Identifier: Apache-2.0
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/component/otc.h"
#include "common/net/server.h"

struct zpages_expvar {
    bool enabled;
};

struct zpages_config {
    struct otc_http_server_config server;
    struct zpages_expvar expvar;
};

struct zpages {
    struct otc_component component;
    const char *id;
    struct otc_host *host;
    const struct zpages_config *config;
    struct otc_server *server;
    int64_t started_unix_ns, started_ns;
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field expvar_fields[] = {
    OTC_FIELD(zpages_expvar, enabled, .def = "false", .inert = true,
              .doc = "There are no variables of a Go runtime here."),
    OTC_FIELD_END,
};
static const struct otc_schema expvar_schema =
    OTC_SCHEMA(zpages_expvar, expvar_fields, "Variables of a Go runtime.");

static const struct otc_field fields[] = {
    OTC_HTTP_SERVER_FIELDS(zpages_config, server, "localhost:55679"),
    OTC_HTTP_PAGE_FIELDS(zpages_config, server),
    OTC_FIELD_STRUCT(zpages_config, expvar, expvar_schema, .doc = "Variables of a Go runtime."),
    OTC_FIELD_END,
};
static const struct otc_schema schema =
    OTC_SCHEMA(zpages_config, fields, "A page about the running service.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct zpages_config *config = settings;

    if (!config->server.endpoint || !*config->server.endpoint) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "\"endpoint\" is required when using the \"zpages\" extension");
    }
    return otc_http_server_check(&config->server, err);
}

/* ---- The page ----------------------------------------------------------------------------------- */

static void
put_escaped(struct otc_buf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text)) {
            otc_buf_printf(out, "&#%d;", *text);
        } else {
            otc_buf_append_byte(out, (uint8_t)*text);
        }
    }
}

static void
put_row(struct otc_buf *out, const char *name, const char *value)
{
    otc_buf_append_str(out, "<tr><td>");
    put_escaped(out, name);
    otc_buf_append_str(out, "</td><td>");
    put_escaped(out, value);
    otc_buf_append_str(out, "</td></tr>\n");
}

static void
serve_service(void *arg, struct otc_exchange *exchange)
{
    struct zpages *self = arg;
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)256 << 10};
    size_t n = 0;
    const struct otc_label *resource = self->host->resource(self->host, &n);
    char text[32];

    otc_buf_append_str(&out,
                       "<!DOCTYPE html><html><head><title>Service</title></head><body>\n<h1>Service</h1>\n"
                       "<table border=\"1\">\n");
    for (size_t i = 0; i < n; i++) {
        put_row(&out, resource[i].key, resource[i].value);
    }
    otc_time_format(self->started_unix_ns, text);
    put_row(&out, "started", text);
    otc_duration_format((otc_duration){self->host->monotonic_ns(self->host) - self->started_ns}, text);
    put_row(&out, "uptime", text);
    put_row(&out, "state", self->host->ready(self->host) ? "ready" : "not ready");
    otc_buf_append_str(&out, "</table>\n</body></html>\n");
    otc_exchange_respond_text(exchange, 200, "text/html; charset=utf-8", otc_buf_slice(&out));
}

static const struct otc_page pages[] = {{"/debug/servicez", serve_service}};

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct zpages *self = OTC_CONTAINER(component, zpages, component);
    struct otc_server_options options = {.host = self->host, .component_id = self->id, .arg = self};

    self->started_unix_ns = self->host->now_ns(self->host);
    self->started_ns = self->host->monotonic_ns(self->host);
    otc_http_server_options(&self->config->server, &options);
    otc_log(self->host->logger, OTC_LOG_INFO, self->id, "Starting zPages extension",
            OTC_FIELD_TEXT("endpoint", self->config->server.endpoint));
    return otc_pages_open(&options, pages, sizeof(pages) / sizeof(pages[0]), &self->server, err);
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct zpages *self = OTC_CONTAINER(component, zpages, component);

    (void)err;
    if (self->server) {
        otc_server_stop(self->server, deadline_ns);
        otc_server_free(self->server);
        self->server = NULL;
    }
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    stop(component, 0, NULL);
    free(OTC_CONTAINER(component, zpages, component));
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .start = start, .shutdown = stop, .free = destroy};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct zpages *self = calloc(1, sizeof(*self));

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->id = settings->id;
    self->host = settings->host;
    self->config = settings->config;
    *out = &self->component;
    return OTC_OK;
}

OTC_API const struct otc_factory otc_zpages_extension_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXTENSION,
    .type = "zpages",
    .description = "A page about the running service.",
    .config = &schema,
    .validate = validate,
    .create = create,
};
