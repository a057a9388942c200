// SPDX-License-Identifier: Apache-2.0
/* The exporter behind a periodic reader is otlp_grpc or otlp_http, told what the reader says in its own
 * words. */
#include "common/base/percent.h"
#include "common/config/document.h"
#include "sidecar/settings.h"

#include <strings.h>

/* As OpenTelemetry's SDKs try again, within the time of an export. */
#define FIRST_RETRY_MS 5000
#define MAX_RETRY_MS 30000
#define GRPC_DEFAULT "localhost:4317"
#define HTTP_DEFAULT "localhost:4318"

/* ---- Values ------------------------------------------------------------------------------------- */

/* Settings of the exporter in the making. `failed`: out of memory. */
struct settings {
    struct otc_document *doc;
    struct otc_node *root;
    bool failed;
};

static struct otc_node *
put(struct settings *s, struct otc_node *map, const char *key, struct otc_node *value)
{
    if (value == NULL || map == NULL) {
        s->failed = true;
        return NULL;
    }
    value->key = otc_slice_str(key);
    otc_node_append(map, value);
    return value;
}

static void
put_text(struct settings *s, struct otc_node *map, const char *key, struct otc_slice text)
{
    put(s, map, key, otc_document_string(s->doc, text));
}

static struct otc_node *
put_map(struct settings *s, struct otc_node *map, const char *key)
{
    return put(s, map, key, otc_document_node(s->doc, OTC_NODE_MAP));
}

static void
put_bool(struct settings *s, struct otc_node *map, const char *key, bool value)
{
    struct otc_node *node = otc_document_node(s->doc, OTC_NODE_BOOL);

    if (node != NULL) {
        node->boolean = value;
        node->text = otc_slice_str(value ? "true" : "false");
    }
    put(s, map, key, node);
}

static void
put_ms(struct settings *s, struct otc_node *map, const char *key, int64_t ms)
{
    char text[32];

    snprintf(text, sizeof(text), "%lldms", (long long)ms);
    put_text(s, map, key, otc_slice_str(text));
}

/* ---- Headers ------------------------------------------------------------------------------------ */

static void
put_header(struct settings *s, struct otc_node *list, struct otc_slice name, struct otc_slice value)
{
    struct otc_node *pair = otc_document_node(s->doc, OTC_NODE_MAP);

    if (pair == NULL || list == NULL) {
        s->failed = true;
        return;
    }
    put_text(s, pair, "name", name);
    put_text(s, pair, "value", value);
    if (!s->failed) {
        otc_node_append(list, pair);
    }
}

static bool
has_header(const struct otc_node *list, struct otc_slice name)
{
    for (const struct otc_node *pair = list != NULL ? list->first : NULL; pair != NULL; pair = pair->next) {
        struct otc_slice known = otc_node_get(pair, "name")->text;

        if (known.len == name.len &&
            strncasecmp((const char *)known.data, (const char *)name.data, name.len) == 0) {
            return true;
        }
    }
    return false;
}

/* `name=value;property,…`: W3C baggage. What the list has already stays. */
static otc_status
put_headers_list(struct settings *s, struct otc_node *list, const struct otc_otlp_reader *otlp,
                 struct otc_error *err)
{
    struct otc_slice rest = otc_slice_str(otlp->headers_list.text != NULL ? otlp->headers_list.text : "");

    while (rest.len > 0) {
        OTC_AUTO_BUF struct otc_buf value = {.limit = OTC_CONFIG_FILE_MAX};
        struct otc_slice member = otc_slice_take(&rest, ',');
        bool pair = memchr(member.data, '=', member.len) != NULL;
        struct otc_slice name = otc_slice_trim(otc_slice_take(&member, '='));

        if (!pair || name.len == 0 ||
            !otc_percent_decode(otc_slice_trim(otc_slice_take(&member, ';')), &value)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "headers_list: must be name=value,name=value with percent-encoded values");
        }
        if (!has_header(list, name)) {
            put_header(s, list, name, otc_buf_slice(&value));
        }
    }
    return OTC_OK;
}

static otc_status
put_headers(struct settings *s, const struct otc_otlp_reader *otlp, struct otc_error *err)
{
    struct otc_node *list = put(s, s->root, "headers", otc_document_node(s->doc, OTC_NODE_LIST));

    for (size_t i = 0; i < otlp->headers.n; i++) {
        put_header(s, list, otc_slice_str(otlp->headers.items[i].name),
                   otc_slice_str(otlp->headers.items[i].value));
    }
    return put_headers_list(s, list, otlp, err);
}

/* ---- Endpoints ---------------------------------------------------------------------------------- */

/* "http://" or "https://", whether it was written or not; `*rest` is what stands behind. */
static const char *
scheme_of(const struct otc_otlp_reader *otlp, const char *endpoint, const char **rest)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncasecmp(endpoint, schemes[i], strlen(schemes[i])) == 0) {
            *rest = endpoint + strlen(schemes[i]);
            return schemes[i];
        }
    }
    *rest = endpoint;
    return schemes[otlp->insecure ? 0 : 1];
}

/* Over gRPC the path is of no account, over HTTP it is used as it is, if there is one. */
static void
put_endpoint(struct settings *s, const struct otc_otlp_reader *otlp, bool grpc)
{
    bool given = otlp->endpoint != NULL && otlp->endpoint[0] != '\0';
    OTC_AUTO_BUF struct otc_buf url = {.limit = OTC_CONFIG_FILE_MAX};
    const char *rest;
    const char *scheme = scheme_of(otlp, given ? otlp->endpoint : grpc ? GRPC_DEFAULT : HTTP_DEFAULT, &rest);
    size_t host = strcspn(rest, "/?#");

    otc_buf_append_str(&url, scheme);
    otc_buf_append(&url, rest, grpc ? host : strlen(rest));
    if (!grpc && rest[host] == '\0') {
        otc_buf_append_str(&url, "/v1/metrics");
    }
    s->failed = s->failed || url.failed;
    put_text(s, s->root, grpc ? "endpoint" : "metrics_endpoint", otc_buf_slice(&url));
}

/* ---- The whole ---------------------------------------------------------------------------------- */

static void
put_file(struct settings *s, struct otc_node *map, const char *key, const char *path)
{
    if (path != NULL && path[0] != '\0') {
        put_text(s, map, key, otc_slice_str(path));
    }
}

static otc_status
fill(struct settings *s, const struct otc_periodic_reader *periodic, struct otc_error *err)
{
    const struct otc_otlp_reader *otlp = periodic->exporter.otlp;
    int64_t timeout = otc_periodic_timeout_ms(periodic);
    struct otc_node *tls, *queue, *retry;

    s->root = otc_document_node(s->doc, OTC_NODE_MAP);
    put_endpoint(s, otlp, strcmp(otlp->protocol, "grpc") == 0);
    put_text(s, s->root, "compression", otc_slice_str(otlp->compression.index == 0 ? "none" : "gzip"));
    put_ms(s, s->root, "timeout", timeout);
    tls = put_map(s, s->root, "tls");
    put_file(s, tls, "ca_file", otlp->certificate);
    put_file(s, tls, "cert_file", otlp->client_certificate);
    put_file(s, tls, "key_file", otlp->client_key);
    /* The reader is the queue: what is told next time holds what was not told now. */
    queue = put_map(s, s->root, "sending_queue");
    put_bool(s, queue, "enabled", false);
    retry = put_map(s, s->root, "retry_on_failure");
    put_ms(s, retry, "initial_interval", timeout < FIRST_RETRY_MS ? timeout : FIRST_RETRY_MS);
    put_ms(s, retry, "max_interval", timeout < MAX_RETRY_MS ? timeout : MAX_RETRY_MS);
    put_ms(s, retry, "max_elapsed_time", timeout);
    return put_headers(s, otlp, err);
}

/* In the words of the reader what the exporter says of its own settings. */
static void
translate(struct otc_error *err)
{
    static const char *const words[][2] = {{"metrics_endpoint", "endpoint"},
                                           {"tls::ca_file", "certificate"},
                                           {"tls::cert_file", "client_certificate"},
                                           {"tls::key_file", "client_key"}};
    char text[OTC_ERROR_TEXT_MAX];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i][0]);

        if (strncmp(err->text, words[i][0], n) == 0) {
            snprintf(text, sizeof(text), "%s", err->text + n);
            otc_fail(err, err->status, "%s%.*s", words[i][1], (int)sizeof(text) - 64, text);
            return;
        }
    }
}

/* Decodes and checks what the exporter is told. */
static otc_status
decode(const struct otc_factory *factory, struct settings *s, const struct otc_periodic_reader *periodic,
       struct otc_config **out, struct otc_error *err)
{
    otc_status status = OTC_OK;

    s->failed = s->doc == NULL;
    if (!s->failed) {
        status = fill(s, periodic, err);
    }
    if (status == OTC_OK && s->failed) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    if (status == OTC_OK) {
        status = otc_config_decode(factory->config, s->root, "", out, err);
    }
    if (status == OTC_OK && factory->validate != NULL) {
        status = factory->validate(otc_config_value(*out), err);
    }
    return status;
}

otc_status
otc_reader_exporter(const struct otc_periodic_reader *periodic, const struct otc_factory *const *registry,
                    struct otc_reader *out, struct otc_error *err)
{
    const char *type = strcmp(periodic->exporter.otlp->protocol, "grpc") == 0 ? "otlp_grpc" : "otlp_http";
    struct settings s = {.doc = NULL};
    otc_status status;

    out->factory = otc_registry_find(registry, OTC_EXPORTER, type);
    if (out->factory == NULL) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "protocol: this build has no exporter %s", type);
    }
    s.doc = otc_document_new();
    status = decode(out->factory, &s, periodic, &out->exporter, err);
    if (status != OTC_OK) {
        translate(err);
    }
    otc_document_free(s.doc);
    return status;
}
