// SPDX-License-Identifier: Apache-2.0
/* The meter and what the system knows of the process, as Prometheus text. */
#include "sidecar/self_metrics.h"

#include "common/net/server.h"
#include "common/prometheus/exposition.h"
#include "sidecar/resource.h"

#include <fnmatch.h>
#include <stdatomic.h>

#define REQUEST_MAX ((size_t)16 << 20)
#define PAGE_MAX ((size_t)32 << 20)

struct otc_self_metrics {
    const struct otc_prometheus_reader *settings;
    struct otc_self_source source;
    struct otc_server *server;
    /** Scrapes that could not be rendered. */
    atomic_llong failed;
};

static const struct otc_metric handler_errors = {
    "promhttp_metric_handler_errors",
    "",
    "Total number of internal errors encountered by the metric handler.",
    OTC_METRIC_SUM,
    true,
    OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric handler_errors_total = {
    "promhttp_metric_handler_errors_total",
    "",
    "Total number of internal errors encountered by the metric handler.",
    OTC_METRIC_SUM,
    true,
    OTC_TEMPORALITY_CUMULATIVE};

static void
add_handler(const struct otc_self_metrics *m, struct otc_metrics_builder *builder, struct otc_point_head head)
{
    static const char *const causes[] = {"encoding", "gathering"};
    /* Without suffixes the exposition adds none, and this one is not OTel's. */
    const struct otc_metric *metric =
        m->settings->without_type_suffix ? &handler_errors_total : &handler_errors;

    for (size_t i = 0; i < 2; i++) {
        struct otc_attribute cause = OTC_ATTR_STR("cause", causes[i]);

        head.attributes = &cause;
        head.n_attributes = 1;
        otc_build_integer(builder, metric, &head, i == 0 ? atomic_load(&m->failed) : 0);
    }
}

static otc_status
collect(struct otc_self_metrics *m, struct otc_buf *request, struct otc_error *err)
{
    struct otc_metrics_builder *builder =
        otc_metrics_builder_new(NULL, 0, "otelcol-aimon", OTC_VERSION, REQUEST_MAX);
    const struct otc_self_source *source = &m->source;
    const struct otc_point_head head = {.start_unix_nano = (uint64_t)source->started_unix_ns,
                                        .time_unix_nano = (uint64_t)source->host->now_ns(source->host)};
    size_t points;
    bool ok = builder != NULL;

    if (ok) {
        ok = otc_self_collect(source, builder, NULL);
        add_handler(m, builder, head);
        ok = ok && otc_metrics_builder_finish(builder, request, &points);
    }
    otc_metrics_builder_free(builder);
    return ok ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the page is too large");
}

static void
append_escaped(struct otc_buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"') {
            otc_buf_append_byte(out, '\\');
        }
        otc_buf_append_str(out, *c == '\n' ? "\\n" : (char[]){*c, '\0'});
    }
}

/* One process's page needs no job and instance on every line, but says once who it is. */
static otc_status
append_target(const struct otc_self_metrics *m, struct otc_buf *out, struct otc_error *err)
{
    size_t n;
    const struct otc_label *resource = m->source.host->resource(m->source.host, &n);
    bool first = true;

    otc_buf_append_str(out, "# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{");
    for (size_t i = 0; i < n; i++) {
        struct otc_buf name = {.limit = 512};

        if (otc_prometheus_label_name(OTC_UNDERSCORE_WITH_SUFFIXES, otc_slice_str(resource[i].key), &name,
                                      NULL) == OTC_OK) {
            otc_buf_append_str(out, first ? "" : ",");
            otc_buf_append_slice(out, otc_buf_slice(&name));
            otc_buf_append_str(out, "=\"");
            append_escaped(out, resource[i].value);
            otc_buf_append_byte(out, '"');
            first = false;
        }
        otc_buf_release(&name);
    }
    otc_buf_append_str(out, "} 1\n");
    return out->failed ? otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the page is too large") : OTC_OK;
}

static bool
any_matches(const otc_strings *patterns, const char *key)
{
    for (size_t i = 0; i < patterns->n; i++) {
        if (fnmatch(patterns->items[i], key, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* Fills `labels` with the resource attributes that the reader wants on every series. */
static size_t
constant_labels(const struct otc_self_metrics *m, struct otc_const_label labels[OTC_RESOURCE_MAX])
{
    const struct otc_resource_labels *wanted = m->settings->with_resource_constant_labels;
    size_t n, taken = 0;
    const struct otc_label *resource = m->source.host->resource(m->source.host, &n);

    for (size_t i = 0; wanted != NULL && i < n && taken < OTC_RESOURCE_MAX; i++) {
        if (!any_matches(&wanted->excluded, resource[i].key) &&
            (wanted->included.n == 0 || any_matches(&wanted->included, resource[i].key))) {
            labels[taken++] = (struct otc_const_label){resource[i].key, resource[i].value};
        }
    }
    return taken;
}

otc_status
otc_self_metrics_render(struct otc_self_metrics *m, struct otc_buf *out, struct otc_error *err)
{
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    struct otc_const_label labels[OTC_RESOURCE_MAX];
    struct otc_exposition_type text = otc_exposition_negotiate(OTC_SLICE_NONE, false);
    struct otc_buf request = {.limit = REQUEST_MAX};
    struct otc_slice slice;
    otc_status status = collect(m, &request, err);

    /* One switch for both kinds of suffix: they are asked for together in practice. */
    options.translation = m->settings->without_type_suffix && m->settings->without_units
                              ? OTC_UNDERSCORE_WITHOUT_SUFFIXES
                              : OTC_UNDERSCORE_WITH_SUFFIXES;
    options.without_scope_info = m->settings->without_scope_info;
    options.without_target = true;
    options.const_labels = labels;
    options.n_const_labels = constant_labels(m, labels);
    options.max_bytes = PAGE_MAX;
    slice = otc_buf_slice(&request);
    if (status == OTC_OK) {
        status = otc_exposition_of_requests(&options, text, &slice, 1, out, NULL, err);
    }
    otc_buf_release(&request);
    return status == OTC_OK ? append_target(m, out, err) : status;
}

static void
serve(void *arg, struct otc_exchange *exchange)
{
    struct otc_self_metrics *m = arg;
    struct otc_exposition_type text = otc_exposition_negotiate(OTC_SLICE_NONE, false);
    struct otc_buf page = {.limit = PAGE_MAX};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_self_metrics_render(m, &page, &err) == OTC_OK) {
        otc_exchange_respond_text(exchange, 200, otc_exposition_content_type(text), otc_buf_slice(&page));
    } else {
        atomic_fetch_add(&m->failed, 1);
        otc_exchange_respond_text(exchange, 500, "text/plain; charset=utf-8", otc_slice_str(err.text));
    }
    otc_buf_release(&page);
}

otc_status
otc_self_metrics_open(const struct otc_prometheus_reader *reader, const struct otc_self_source *source,
                      struct otc_self_metrics **out, struct otc_error *err)
{
    static const struct otc_page pages[] = {{"/metrics", serve}};
    bool bracket = strchr(reader->host, ':') != NULL && reader->host[0] != '[';
    struct otc_self_metrics *m = calloc(1, sizeof(*m));
    struct otc_server_options options = {.host = source->host, .component_id = "telemetry", .arg = m};
    char endpoint[300];
    otc_status status;

    if (m == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    m->settings = reader;
    m->source = *source;
    snprintf(endpoint, sizeof(endpoint), "%s%s%s:%lld", bracket ? "[" : "", reader->host, bracket ? "]" : "",
             (long long)reader->port);
    options.endpoint = endpoint;
    status = otc_pages_open(&options, pages, 1, &m->server, err);
    if (status != OTC_OK) {
        free(m);
        return otc_error_prefix(err, "failed to start the endpoint of service::telemetry::metrics");
    }
    *out = m;
    return OTC_OK;
}

void
otc_self_metrics_close(struct otc_self_metrics *metrics)
{
    if (metrics != NULL) {
        otc_server_free(metrics->server);
        free(metrics);
    }
}

uint16_t
otc_self_metrics_port(const struct otc_self_metrics *metrics)
{
    return otc_server_port(metrics->server);
}
