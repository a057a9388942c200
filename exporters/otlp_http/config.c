// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_http/config.h"

static const char *const encodings[] = {"proto", "json", NULL};

static const struct otc_field fields[] = {
    OTC_HTTP_CLIENT_FIELDS(otlp_http_config, http, "30s", "gzip"),
    OTC_FIELD(otlp_http_config, traces_endpoint,
              .doc = "Where traces go, used as it is; by default `endpoint` and `/v1/traces`."),
    OTC_FIELD(otlp_http_config, metrics_endpoint, .doc = "The same for metrics."),
    OTC_FIELD(otlp_http_config, logs_endpoint, .doc = "The same for logs."),
    OTC_FIELD(otlp_http_config, profiles_endpoint, .inert = true, .doc = "There are no profiles here."),
    OTC_FIELD(otlp_http_config, encoding, .def = "proto", .choices = encodings,
              .doc = "`proto` sends what came byte for byte; `json` translates it."),
    OTC_EXPORTER_FIELDS(otlp_http_config),
    OTC_FIELD_END,
};
const struct otc_schema otlp_http_schema =
    OTC_SCHEMA(otlp_http_config, fields, "Sends OTLP over HTTP, as protobuf or JSON.");

static bool
is_set(const char *text)
{
    return text && *text;
}

static const char *
own_endpoint(const struct otlp_http_config *config, enum otc_signal signal)
{
    const char *const own[OTC_N_SIGNALS] = {config->traces_endpoint, config->metrics_endpoint,
                                            config->logs_endpoint};

    return own[signal];
}

otc_status
otlp_http_url(const struct otlp_http_config *config, enum otc_signal signal, char **out,
              struct otc_error *err)
{
    const char *base = config->http.endpoint, *own = own_endpoint(config, signal);
    size_t len = strlen(base ? base : "");

    *out = NULL;
    if (!is_set(own) && len == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "either endpoint or %s_endpoint must be specified",
                        otc_signal_name(signal));
    }
    if (is_set(own)) {
        *out = strdup(own);
    } else if (asprintf(out, "%s%sv1/%s", base, base[len - 1] == '/' ? "" : "/", otc_signal_name(signal)) <
               0) {
        *out = NULL;
    }
    return *out ? OTC_OK : otc_fail(err, OTC_UNAVAILABLE, "out of memory");
}

otc_status
otlp_http_validate(const void *value, struct otc_error *err)
{
    const struct otlp_http_config *config = value;
    const struct {
        const char *key, *url;
    } endpoints[] = {{"endpoint", config->http.endpoint},
                     {"traces_endpoint", config->traces_endpoint},
                     {"metrics_endpoint", config->metrics_endpoint},
                     {"logs_endpoint", config->logs_endpoint}};
    bool any = is_set(config->profiles_endpoint);

    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        otc_status status =
            is_set(endpoints[i].url) ? otc_http_url_check(endpoints[i].key, endpoints[i].url, err) : OTC_OK;

        if (status != OTC_OK) {
            return status;
        }
        any = any || is_set(endpoints[i].url);
    }
    if (!any) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "at least one endpoint must be specified");
    }
    return otc_http_client_check(&config->http, err);
}
