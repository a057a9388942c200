// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the otlp_http exporter. */
#ifndef OTC_EXPORTERS_OTLP_HTTP_CONFIG_H
#define OTC_EXPORTERS_OTLP_HTTP_CONFIG_H

#include "common/component/exporter_config.h"
#include "common/component/otc.h"
#include "common/net/http_client_config.h"

enum otlp_http_encoding { OTLP_HTTP_PROTO, OTLP_HTTP_JSON };

struct otlp_http_config {
    struct otc_http_client_config http;
    char *traces_endpoint;
    char *metrics_endpoint;
    char *logs_endpoint;
    char *profiles_endpoint;
    otc_choice encoding; /* enum otlp_http_encoding */
    struct otc_queue_config *sending_queue;
    struct otc_retry_config retry_on_failure;
};

extern const struct otc_schema otlp_http_schema;

otc_status otlp_http_validate(const void *value, struct otc_error *err);

/**
 * Where a signal's requests go: its own endpoint as it is, else the common one and /v1/<signal>. `out` is the
 * caller's to free. INVALID_ARGUMENT: neither is set.
 */
otc_status otlp_http_url(const struct otlp_http_config *config, enum otc_signal signal, char **out,
                         struct otc_error *err);

#endif
